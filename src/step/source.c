/* SPDX-License-Identifier: Apache-2.0
 *
 * The FIFO is opened for both directions: opening it for writing alone fails until the shim has
 * its end, and a container that closes its input early must not cost us a SIGPIPE. As in sink.c,
 * pipes and terminals are opened again, because O_NONBLOCK belongs to the description that the
 * caller shares with others.
 */
#include "step/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)64 * 1024)

struct wfe_source {
    int in;        /* what is read; own_in, or the caller's own when it never blocks */
    int own_in;    /* -1: none */
    int out;       /* the FIFO */
    wfe_io *in_io; /* NULL: a file, always readable */
    wfe_io *out_io;
    wfe_timer *turn; /* lets the loop run between two chunks of a file */
    char *chunk;
    size_t len; /* bytes in chunk */
    size_t written;
    bool ended;
    wfe_source_end_fn end;
    void *user;
};

static void finish(wfe_source *source, const wfe_error *err)
{
    source->ended = true;
    if (source->in_io)
        wfe_io_watch(source->in_io, 0, NULL);
    wfe_io_watch(source->out_io, 0, NULL);
    source->end(err, source->user);
}

static void fail(wfe_source *source, int sys_errno, const char *what)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_error_set_errno(&error, sys_errno, "%s", what);
    finish(source, &error);
}

/* Waits for more input, or takes it in the next turn. */
static void want_input(wfe_source *source)
{
    if (source->in_io)
        wfe_io_watch(source->in_io, WFE_IO_READABLE, NULL);
    else
        wfe_timer_start(source->turn, 0);
}

static void write_chunk(wfe_source *source)
{
    while (source->written < source->len) {
        ssize_t n =
            write(source->out, source->chunk + source->written, source->len - source->written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wfe_io_watch(source->out_io, WFE_IO_WRITABLE, NULL);
            return;
        }
        if (n < 0) {
            fail(source, errno, "cannot write the step's stdin");
            return;
        }
        source->written += (size_t)n;
    }
    wfe_io_watch(source->out_io, 0, NULL);
    want_input(source);
}

static void read_chunk(wfe_source *source)
{
    if (source->in_io)
        wfe_io_watch(source->in_io, 0, NULL);
    ssize_t n = read(source->in, source->chunk, CHUNK_BYTES);
    if (n > 0) {
        source->len = (size_t)n;
        source->written = 0;
        write_chunk(source);
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
        want_input(source);
        return;
    }
    wfe_error none = WFE_ERROR_INIT;
    if (n == 0)
        finish(source, &none);
    else
        fail(source, errno, "cannot read the step's stdin");
}

static void on_readable(unsigned events, void *user)
{
    (void)events;
    read_chunk(user);
}

static void on_writable(unsigned events, void *user)
{
    (void)events;
    write_chunk(user);
}

static void on_turn(void *user)
{
    read_chunk(user);
}

static int open_input(wfe_loop *loop, wfe_source *source, int fd, wfe_error *err)
{
    struct stat st;
    char path[32];
    if (fstat(fd, &st) < 0)
        return wfe_error_set_errno(err, errno, "the descriptor %d for stdin", fd);
    source->in = fd;
    if (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(fd)))
        return wfe_timer_new(loop, on_turn, source, &source->turn, err);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int flags = fcntl(fd, F_GETFL);
    if (S_ISSOCK(st.st_mode))
        source->own_in = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    else
        source->own_in = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (source->own_in < 0)
        return wfe_error_set_errno(err, errno, "cannot open stdin again");
    source->in = source->own_in;
    int rc = wfe_io_new(loop, source->in, on_readable, source, &source->in_io, err);
    if (!rc && S_ISSOCK(st.st_mode) && flags >= 0)
        fcntl(source->in, F_SETFL, flags); /* read only after poll, so it cannot block */
    return rc;
}

static int open_fifo(wfe_loop *loop, wfe_source *source, const char *path, wfe_error *err)
{
    if (mkfifo(path, 0600) < 0)
        return wfe_error_set_errno(err, errno, "cannot make the FIFO %s", path);
    source->out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (source->out < 0)
        return wfe_error_set_errno(err, errno, "cannot open the FIFO %s", path);
    return wfe_io_new(loop, source->out, on_writable, source, &source->out_io, err);
}

int wfe_source_new(wfe_loop *loop, int fd, const char *fifo_path, wfe_source_end_fn end, void *user,
                   wfe_source **ret, wfe_error *err)
{
    wfe_source *source = calloc(1, sizeof *source);
    if (!source)
        return wfe_error_nomem(err);
    *source = (wfe_source){.in = -1, .own_in = -1, .out = -1, .end = end, .user = user};
    source->chunk = malloc(CHUNK_BYTES);
    int rc = source->chunk ? open_fifo(loop, source, fifo_path, err) : wfe_error_nomem(err);
    if (!rc)
        rc = open_input(loop, source, fd, err);
    if (rc) {
        wfe_source_free(source);
        return rc;
    }
    *ret = source;
    return 0;
}

int wfe_source_start(wfe_source *source, wfe_error *err)
{
    if (source->in_io)
        return wfe_io_watch(source->in_io, WFE_IO_READABLE, err);
    wfe_timer_start(source->turn, 0);
    return 0;
}

void wfe_source_free(wfe_source *source)
{
    if (!source)
        return;
    wfe_io_free(source->in_io);
    wfe_io_free(source->out_io);
    wfe_timer_free(source->turn);
    if (source->own_in >= 0)
        close(source->own_in);
    if (source->out >= 0)
        close(source->out);
    free(source->chunk);
    free(source);
}
