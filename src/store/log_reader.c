/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt's log, read in the order of its index. A round looks at the sizes of the streams
 * first and at the index afterwards: the writer does it the other way round, so that every byte
 * within those sizes has its entry. An entry may have more bytes than that; once a later one is
 * there, none come any more, and another look sees all of them.
 */
#include "store/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/log_name.h"
#include "store/logs.h"

#define PIECE_BYTES ((size_t)64 * 1024)
/* Without inotify, or before there is a folder. */
#define POLL_MS 100

struct wfe_log_reader {
    int dir_fd;
    int index_fd;
    int fds[WFE_LOG_STREAMS]; /* -1: not there yet */
    char names[WFE_LOG_STREAMS][WFE_LOG_NAME_SIZE];
    bool without[WFE_LOG_STREAMS];
    int64_t since_us;
    wfe_log_index_entry *entries;
    size_t n_entries, cap_entries;
    size_t current;                  /* entry whose bytes are being given */
    size_t ahead[WFE_LOG_STREAMS];   /* the next entry of bytes of each stream */
    uint64_t index_offset;           /* read up to here */
    uint64_t sizes[WFE_LOG_STREAMS]; /* in this round */
    uint64_t given[WFE_LOG_STREAMS];
    bool fresh; /* a round was begun and not given whole */
    char buffer[PIECE_BYTES];
};

/* ---- a round ---- */

static int look_at_sizes(wfe_log_reader *reader, wfe_error *err)
{
    for (int i = 0; i < WFE_LOG_STREAMS; i++) {
        struct stat st;
        if (reader->fds[i] < 0)
            reader->fds[i] =
                openat(reader->dir_fd, reader->names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (reader->fds[i] < 0 && errno == ENOENT)
            continue;
        if (reader->fds[i] < 0 || fstat(reader->fds[i], &st))
            return wfe_error_set_errno(err, errno, "cannot open the log %s", reader->names[i]);
        reader->sizes[i] = (uint64_t)st.st_size;
    }
    return 0;
}

static int add_entry(wfe_log_reader *reader, const wfe_log_index_entry *entry, wfe_error *err)
{
    if (reader->n_entries == reader->cap_entries) {
        size_t cap = reader->cap_entries ? reader->cap_entries * 2 : 64;
        wfe_log_index_entry *larger = realloc(reader->entries, cap * sizeof *larger);
        if (!larger)
            return wfe_error_nomem(err);
        reader->entries = larger;
        reader->cap_entries = cap;
    }
    reader->entries[reader->n_entries++] = *entry;
    return 0;
}

static int read_index(wfe_log_reader *reader, wfe_error *err)
{
    uint8_t bytes[WFE_LOG_INDEX_ENTRY_BYTES * 256];
    while (reader->index_fd >= 0 && reader->index_offset < WFE_LOG_INDEX_MAX_BYTES) {
        ssize_t n = pread(reader->index_fd, bytes, sizeof bytes, (off_t)reader->index_offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot read the index of a log");
        if (n < WFE_LOG_INDEX_ENTRY_BYTES)
            return 0;
        for (ssize_t i = 0; i + WFE_LOG_INDEX_ENTRY_BYTES <= n; i += WFE_LOG_INDEX_ENTRY_BYTES) {
            wfe_log_index_entry entry;
            /* Not yet, or never: looked at again in the next round. */
            if (!wfe_log_index_decode(bytes + i, &entry))
                return 0;
            int rc = add_entry(reader, &entry, err);
            if (rc)
                return rc;
            reader->index_offset += WFE_LOG_INDEX_ENTRY_BYTES;
        }
    }
    return 0;
}

static int begin_round(wfe_log_reader *reader, wfe_error *err)
{
    int rc = look_at_sizes(reader, err);
    return rc ? rc : read_index(reader, err);
}

/* ---- pieces ---- */

/* Where the bytes of the current entry end: at the next one of its stream. */
static uint64_t end_of_current(wfe_log_reader *reader, enum wfe_log_stream stream)
{
    size_t *ahead = &reader->ahead[stream];
    if (*ahead <= reader->current)
        *ahead = reader->current + 1;
    while (*ahead < reader->n_entries &&
           (reader->entries[*ahead].stream != stream || reader->entries[*ahead].is_cut))
        ++*ahead;
    uint64_t end = reader->sizes[stream];
    if (*ahead < reader->n_entries && reader->entries[*ahead].value < end)
        end = reader->entries[*ahead].value;
    return end;
}

/* Bytes from where the stream was left off up to end. */
static int give(wfe_log_reader *reader, enum wfe_log_stream stream, uint64_t end, int64_t at_us,
                wfe_log_piece *ret, wfe_error *err)
{
    uint64_t *given = &reader->given[stream];
    if (*given >= end)
        return 0;
    if (reader->without[stream] || (at_us && at_us < reader->since_us)) {
        *given = end;
        return 0;
    }
    size_t len = end - *given < PIECE_BYTES ? (size_t)(end - *given) : PIECE_BYTES;
    ssize_t n;
    do
        n = pread(reader->fds[stream], reader->buffer, len, (off_t)*given);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return wfe_error_set_errno(err, errno, "cannot read the log %s", reader->names[stream]);
    if (n == 0) /* somebody made it shorter */
        *given = end;
    *given += (uint64_t)n;
    *ret = (wfe_log_piece){
        .stream = stream, .at_us = at_us, .bytes = reader->buffer, .len = (size_t)n};
    return n > 0;
}

static int give_current(wfe_log_reader *reader, wfe_log_piece *ret, wfe_error *err)
{
    const wfe_log_index_entry *entry = &reader->entries[reader->current];
    if (!entry->is_cut)
        return give(reader, entry->stream, end_of_current(reader, entry->stream), entry->at_us, ret,
                    err);
    if (reader->without[entry->stream] || entry->at_us < reader->since_us)
        return 0;
    *ret = (wfe_log_piece){.stream = entry->stream, .at_us = entry->at_us, .dropped = entry->value};
    return 1;
}

/* Have all bytes of the current entry been seen, now that there is a later one: up to the next one
 * of its stream, or as many as another look finds. */
static int is_whole(wfe_log_reader *reader, bool *ret, wfe_error *err)
{
    enum wfe_log_stream stream = reader->entries[reader->current].stream;
    uint64_t size = reader->sizes[stream];
    size_t next = reader->ahead[stream];
    int rc = 0;
    *ret = next < reader->n_entries && reader->entries[next].value <= size;
    if (!*ret) {
        rc = begin_round(reader, err);
        *ret = reader->sizes[stream] == size;
    }
    return rc;
}

/* The last entry of bytes stays the current one: more may come to it. */
static int give_round(wfe_log_reader *reader, wfe_log_piece *ret, wfe_error *err)
{
    while (reader->current < reader->n_entries) {
        bool is_cut = reader->entries[reader->current].is_cut;
        int rc = give_current(reader, ret, err);
        bool goes_on = is_cut;
        if (!rc && !is_cut) {
            if (reader->current + 1 == reader->n_entries)
                break;
            rc = is_whole(reader, &goes_on, err);
        }
        if (goes_on)
            reader->current++;
        if (rc)
            return rc;
    }
    /* Bytes without an entry: the index is missing, or had reached its limit. */
    int64_t at_us = reader->n_entries ? reader->entries[reader->n_entries - 1].at_us : 0;
    for (int i = 0; i < WFE_LOG_STREAMS; i++) {
        int rc = give(reader, (enum wfe_log_stream)i, reader->sizes[i], at_us, ret, err);
        if (rc)
            return rc;
    }
    return 0;
}

int wfe_log_reader_next(wfe_log_reader *reader, wfe_log_piece *ret, wfe_error *err)
{
    if (reader->fresh) {
        int rc = give_round(reader, ret, err);
        if (rc)
            return rc;
    }
    int rc = begin_round(reader, err);
    if (rc)
        return rc;
    rc = give_round(reader, ret, err);
    reader->fresh = rc == 1;
    return rc;
}

/* ---- beginning and end ---- */

static int open_run(const char *state_dir, const char *run_id, int *ret, wfe_error *err)
{
    char folder[PATH_MAX];
    int rc = wfe_logs_folder(state_dir, run_id, folder, sizeof folder, err);
    if (rc)
        return rc;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot open the logs in %s", folder);
    *ret = fd;
    return 0;
}

static int open_index(wfe_log_reader *reader, const wfe_log_reader_options *options, wfe_error *err)
{
    char name[WFE_LOG_NAME_SIZE];
    _cleanup_free_ char *step = NULL;
    wfe_log_name(options->step, options->attempt, WFE_LOG_INDEX_SUFFIX, name);
    reader->index_fd = openat(reader->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (reader->index_fd < 0 && errno != ENOENT)
        return wfe_error_set_errno(err, errno, "cannot open the log %s", name);
    if (reader->index_fd < 0)
        return 0;
    /* A damaged index is as good as none: the streams are there. */
    int rc = wfe_log_index_read_header(reader->index_fd, &step, &reader->index_offset, NULL);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(err);
    if (rc)
        wfe_cleanup_close(&reader->index_fd);
    return 0;
}

WFE_DEFINE_CLEANUP(wfe_log_reader, wfe_log_reader_free)

int wfe_log_reader_new(const wfe_log_reader_options *options, wfe_log_reader **ret, wfe_error *err)
{
    _cleanup_(wfe_log_reader_free_p) wfe_log_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return wfe_error_nomem(err);
    reader->dir_fd = reader->index_fd = reader->fds[0] = reader->fds[1] = -1;
    reader->since_us = options->since_us;
    memcpy(reader->without, options->without, sizeof reader->without);
    wfe_log_name(options->step, options->attempt, "stdout", reader->names[WFE_LOG_STDOUT]);
    wfe_log_name(options->step, options->attempt, "stderr", reader->names[WFE_LOG_STDERR]);
    int rc = open_run(options->state_dir, options->run_id, &reader->dir_fd, err);
    /* As in a round, the streams first: where there is one, its index has been begun. */
    if (!rc)
        rc = look_at_sizes(reader, err);
    if (!rc)
        rc = open_index(reader, options, err);
    if (!rc)
        rc = read_index(reader, err);
    if (rc)
        return rc;
    if (reader->index_fd < 0 && reader->fds[0] < 0 && reader->fds[1] < 0)
        return wfe_error_set(err, WFE_E_NOT_FOUND, "attempt %u of step '%s' has no log",
                             options->attempt, options->step);
    for (int i = 0; options->tail_bytes && i < WFE_LOG_STREAMS; i++)
        if (reader->sizes[i] > options->tail_bytes)
            reader->given[i] = reader->sizes[i] - options->tail_bytes;
    reader->fresh = true;
    *ret = wfe_take(reader);
    return 0;
}

void wfe_log_reader_free(wfe_log_reader *reader)
{
    if (!reader)
        return;
    wfe_cleanup_close(&reader->dir_fd);
    wfe_cleanup_close(&reader->index_fd);
    for (int i = 0; i < WFE_LOG_STREAMS; i++)
        wfe_cleanup_close(&reader->fds[i]);
    free(reader->entries);
    free(reader);
}

/* ---- waiting ---- */

struct wfe_log_watch {
    int fd;    /* -1: there is no inotify */
    int watch; /* -1: the folder is not watched yet */
    char folder[PATH_MAX];
};

int wfe_log_watch_new(const char *state_dir, const char *run_id, wfe_log_watch **ret,
                      wfe_error *err)
{
    wfe_log_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return wfe_error_nomem(err);
    int rc = wfe_logs_folder(state_dir, run_id, watch->folder, sizeof watch->folder, err);
    if (rc) {
        free(watch);
        return rc;
    }
    watch->watch = -1;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    *ret = watch;
    return 0;
}

void wfe_log_watch_wait(wfe_log_watch *watch, unsigned timeout_ms)
{
    char events[4096];
    if (watch->fd >= 0 && watch->watch < 0) {
        watch->watch = inotify_add_watch(watch->fd, watch->folder, IN_MODIFY | IN_CREATE);
        /* What came before the watch was not seen by it. */
        if (watch->watch >= 0)
            return;
    }
    if (watch->watch < 0 && timeout_ms > POLL_MS)
        timeout_ms = POLL_MS;
    struct pollfd fds = {.fd = watch->watch < 0 ? -1 : watch->fd, .events = POLLIN};
    int timeout = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    if (poll(&fds, 1, timeout) == 1)
        while (read(watch->fd, events, sizeof events) > 0)
            ;
}

void wfe_log_watch_free(wfe_log_watch *watch)
{
    if (!watch)
        return;
    wfe_cleanup_close(&watch->fd);
    free(watch);
}
