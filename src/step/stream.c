/* SPDX-License-Identifier: Apache-2.0
 *
 * Before the first writer came, read() on a FIFO gives 0 and means nothing; poll() stays silent
 * until then. So it is read only after an event, and a 0 then is the true end of file.
 */
#include "step/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define READ_BYTES ((size_t)256 * 1024)
/* What most steps print, and the end of a stream that brought nothing, needs no more. */
#define FIRST_BYTES 1024
/* A pipe this large lets a step write on while we are busy; the kernel's default is 64 KiB and an
 * unprivileged user may go to 1 MiB (pipe(7), /proc/sys/fs/pipe-max-size). */
#define PIPE_BYTES (1024 * 1024)
/* Reads before the loop gets its turn again, so that one stream does not starve the others. */
#define READS_PER_TURN 8
/* A stream that brings this much in one turn is left alone for a moment, while the pipe fills: the
 * writer wakes us for each of its writes otherwise. Takes two thirds off our processor time for a
 * gigabyte; what comes in small pieces is read at once. */
#define BULK_BYTES ((size_t)16 * 1024)
#define BULK_REST_MS 1

/* Whoever the command runs as may open its /dev/stdout, which wfe-init has made this FIFO; the
 * folder keeps everybody else away. */
#define FIFO_MODE 0622

struct wfe_stream_reader {
    int fd;
    wfe_io *io;
    bool paused;
    bool ended;
    bool reading; /* inside on_readable: free is put off to its end */
    bool freed;
    wfe_stream_fns fns;
    void *user;
    char first[FIRST_BYTES]; /* read into until a read fills it */
    char *buffer;            /* READ_BYTES, made then */
    size_t turn_bytes;
    wfe_timer *rest;  /* runs while a stream in bulk is not watched */
    wfe_spool *spool; /* NULL: none; borrowed */
    bool found;       /* the FIFO was there: its writer has come */
    bool replayed;    /* what the spool held has been given */
};

static void destroy(wfe_stream_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->buffer);
    free(reader);
}

static void finish(wfe_stream_reader *reader, const wfe_error *err)
{
    reader->ended = true;
    wfe_io_watch(reader->io, 0, NULL);
    reader->fns.end(err, reader->user);
}

/* What another process left comes first. */
static ssize_t read_some(wfe_stream_reader *reader, char *to, size_t size)
{
    if (!reader->spool)
        return read(reader->fd, to, size);
    ssize_t n = 0;
    if (!reader->replayed)
        n = wfe_spool_replay(reader->spool, to, size);
    if (n)
        return n;
    reader->replayed = true;
    return wfe_spool_read(reader->spool, reader->fd, to, size);
}

static bool take(wfe_stream_reader *reader, const char *bytes, size_t n)
{
    reader->turn_bytes += n;
    reader->fns.bytes(bytes, n, reader->user);
    if (n == FIRST_BYTES && !reader->buffer)
        reader->buffer = malloc(READ_BYTES); /* without, it goes on as it began */
    return !reader->freed && !reader->paused && !reader->ended;
}

/* One read; false when there is nothing more to do now. */
static bool read_once(wfe_stream_reader *reader)
{
    char *to = reader->buffer ? reader->buffer : reader->first;
    ssize_t n = read_some(reader, to, reader->buffer ? READ_BYTES : FIRST_BYTES);
    if (n > 0)
        return take(reader, to, (size_t)n);
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    wfe_error error = WFE_ERROR_INIT;
    if (n < 0)
        wfe_error_set_errno(&error, errno, "cannot read the step's output");
    finish(reader, &error);
    return false;
}

static void on_readable(unsigned events, void *user)
{
    (void)events;
    wfe_stream_reader *reader = user;
    reader->reading = true;
    reader->turn_bytes = 0;
    for (int i = 0; i < READS_PER_TURN && read_once(reader); i++)
        ;
    reader->reading = false;
    if (reader->freed)
        destroy(reader);
    else if (reader->turn_bytes >= BULK_BYTES && !reader->ended && !reader->paused) {
        wfe_io_watch(reader->io, 0, NULL);
        wfe_timer_start(reader->rest, BULK_REST_MS);
    }
}

static void on_rested(void *user)
{
    wfe_stream_reader *reader = user;
    if (reader->paused || reader->ended)
        return;
    wfe_io_watch(reader->io, WFE_IO_READABLE, NULL);
    if (!reader->found)
        return;
    /* poll(2) says nothing of a writer that came and went before we opened it. */
    reader->found = false;
    on_readable(WFE_IO_READABLE, reader);
}

static int open_reader(wfe_loop *loop, const char *path, wfe_stream_reader *reader,
                       wfe_stream_reader **ret, wfe_error *err)
{
    reader->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int rc = 0;
    if (reader->fd < 0)
        rc = wfe_error_set_errno(err, errno, "cannot open the FIFO %s", path);
    else
        (void)fcntl(reader->fd, F_SETPIPE_SZ, PIPE_BYTES); /* a wish: over quota it stays small */
    if (!rc && fchmod(reader->fd, FIFO_MODE) < 0)          /* whatever the umask took away */
        rc = wfe_error_set_errno(err, errno, "cannot open the FIFO %s to the step", path);
    if (!rc)
        rc = wfe_io_new(loop, reader->fd, on_readable, reader, &reader->io, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_rested, reader, &reader->rest, err);
    if (!rc)
        rc = wfe_io_watch(reader->io, WFE_IO_READABLE, err);
    if (rc) {
        wfe_stream_reader_free(reader);
        return rc;
    }
    if (reader->found)
        wfe_timer_start(reader->rest, 0);
    *ret = reader;
    return 0;
}

int wfe_stream_reader_new(wfe_loop *loop, const char *path, const wfe_stream_fns *fns, void *user,
                          wfe_stream_reader **ret, wfe_error *err)
{
    if (mkfifo(path, 0600) < 0)
        return wfe_error_set_errno(err, errno, "cannot make the FIFO %s", path);
    wfe_stream_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return wfe_error_nomem(err);
    *reader = (wfe_stream_reader){.fd = -1, .fns = *fns, .user = user};
    return open_reader(loop, path, reader, ret, err);
}

int wfe_stream_reader_new_spooled(wfe_loop *loop, const char *path, wfe_spool *spool,
                                  const wfe_stream_fns *fns, void *user, wfe_stream_reader **ret,
                                  wfe_error *err)
{
    bool found = mkfifo(path, 0600) < 0;
    if (found && errno != EEXIST)
        return wfe_error_set_errno(err, errno, "cannot make the FIFO %s", path);
    wfe_stream_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return wfe_error_nomem(err);
    *reader =
        (wfe_stream_reader){.fd = -1, .fns = *fns, .user = user, .spool = spool, .found = found};
    return open_reader(loop, path, reader, ret, err);
}

int wfe_stream_reader_fd(const wfe_stream_reader *reader)
{
    return reader->fd;
}

void wfe_stream_reader_free(wfe_stream_reader *reader)
{
    if (!reader)
        return;
    wfe_io_free(reader->io);
    wfe_timer_free(reader->rest);
    reader->io = NULL;
    reader->freed = true;
    if (!reader->reading)
        destroy(reader);
}

void wfe_stream_reader_pause(wfe_stream_reader *reader)
{
    reader->paused = true;
    if (!reader->ended)
        wfe_io_watch(reader->io, 0, NULL);
}

void wfe_stream_reader_resume(wfe_stream_reader *reader)
{
    reader->paused = false;
    if (!reader->ended)
        wfe_io_watch(reader->io, WFE_IO_READABLE, NULL);
}

bool wfe_stream_reader_is_paused(const wfe_stream_reader *reader)
{
    return reader->paused;
}
