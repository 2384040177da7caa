/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing logs. The index entry goes first, then the bytes: whoever sees a byte finds the entry
 * that it belongs to. Only a few attempts have their files open at a time.
 */
#include "store/logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "store/log_name.h"

/* An entry of the index at the latest after so much of one stream alone. */
#define INDEX_EVERY_US 10000
#define INDEX_EVERY_BYTES ((uint64_t)64 * 1024)
/* Attempts with open files; the one that wrote longest ago is closed for a new one. */
#define OPEN_MAX_ATTEMPTS 64
#define RUN_ID_MAX 128

static const char *const suffixes[WFE_LOG_STREAMS] = {"stdout", "stderr"};

typedef struct log_stream {
    int fd; /* -1: closed */
    uint64_t size;
    uint64_t dropped;
    bool is_cut; /* an entry says so */
    uint64_t told_dropped;
    uint64_t indexed_size;  /* at the last entry */
    uint64_t indexed_at_us; /* monotonic; 0: never by this process */
} log_stream;

typedef struct log_attempt log_attempt;
struct log_attempt {
    log_attempt *next;
    char *step;
    unsigned attempt;
    uint64_t used; /* grows with each use */
    bool is_open;
    int index_fd;
    uint64_t index_size;
    int last_stream; /* of the last entry; -1: none yet */
    log_stream streams[WFE_LOG_STREAMS];
};

struct wfe_logs {
    int dir_fd;
    char *folder;
    uint64_t step_max_bytes;
    uint64_t run_max_bytes;
    uint64_t total_bytes;
    uint64_t uses;
    unsigned n_open;
    log_attempt *attempts; /* under way; the one that wrote last first */
};

/* ---- errors and names ---- */

static int fail(const wfe_logs *logs, int cause, const char *what, wfe_error *err)
{
    int kind = wfe_error_set_errno(err, cause, "cannot %s a log in %s", what, logs->folder);
    if (cause == ENOSPC || cause == EDQUOT)
        wfe_error_hint(err,
                       "make room on the file system of %s: `wfe gc` removes old runs and "
                       "their logs",
                       logs->folder);
    return kind;
}

static bool is_safe_id(const char *id)
{
    size_t len = strlen(id);
    return len && len <= RUN_ID_MAX && id[0] != '.' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

int wfe_logs_folder(const char *state_dir, const char *run_id, char *out, size_t size,
                    wfe_error *err)
{
    if (!is_safe_id(run_id))
        return wfe_error_set(err, WFE_E_INVALID,
                             "the id of a run '%.200s' must be letters, digits, '.', '_' and '-', "
                             "at most %d, without '.' at its beginning",
                             run_id, RUN_ID_MAX);
    if (snprintf(out, size, "%s/" WFE_LOGS_FOLDER "/%s", state_dir, run_id) >= (int)size)
        return wfe_error_set(err, WFE_E_LIMIT, "path is too long: %s", state_dir);
    return 0;
}

/* ---- opening an attempt ---- */

static int open_file(const wfe_logs *logs, const log_attempt *attempt, const char *suffix, int *ret,
                     wfe_error *err)
{
    char name[WFE_LOG_NAME_SIZE];
    wfe_log_name(attempt->step, attempt->attempt, suffix, name);
    int fd = openat(logs->dir_fd, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(logs, errno, "open", err);
    *ret = fd;
    return 0;
}

/* The size of a stream's file that need not be there. */
static int look_at_size(const wfe_logs *logs, log_attempt *attempt, enum wfe_log_stream stream,
                        wfe_error *err)
{
    char name[WFE_LOG_NAME_SIZE];
    struct stat st;
    wfe_log_name(attempt->step, attempt->attempt, suffixes[stream], name);
    if (fstatat(logs->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        attempt->streams[stream].size = (uint64_t)st.st_size;
    else if (errno != ENOENT)
        return fail(logs, errno, "look at", err);
    return 0;
}

/* Takes in what the index says; gives where its good part ends: before an entry that is torn, or
 * about bytes that never came. */
static uint64_t take_in_index(log_attempt *attempt, uint64_t offset)
{
    uint8_t bytes[WFE_LOG_INDEX_ENTRY_BYTES * 256];
    uint64_t good = offset;
    for (;;) {
        ssize_t n = pread(attempt->index_fd, bytes, sizeof bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < WFE_LOG_INDEX_ENTRY_BYTES)
            return good;
        for (ssize_t i = 0; i + WFE_LOG_INDEX_ENTRY_BYTES <= n; i += WFE_LOG_INDEX_ENTRY_BYTES) {
            wfe_log_index_entry entry;
            if (!wfe_log_index_decode(bytes + i, &entry))
                return good;
            log_stream *stream = &attempt->streams[entry.stream];
            if (!entry.is_cut && entry.value > stream->size)
                return good;
            if (entry.is_cut) {
                stream->is_cut = true;
                stream->dropped = stream->told_dropped = entry.value;
            } else {
                attempt->last_stream = (int)entry.stream;
                stream->indexed_size = entry.value;
            }
            good += WFE_LOG_INDEX_ENTRY_BYTES;
        }
        offset += (uint64_t)(n / WFE_LOG_INDEX_ENTRY_BYTES * WFE_LOG_INDEX_ENTRY_BYTES);
    }
}

/* Another process may have begun this attempt and died at any moment. */
static int continue_index(wfe_logs *logs, log_attempt *attempt, wfe_error *err)
{
    _cleanup_free_ char *step = NULL;
    uint64_t begin = 0;
    int rc = wfe_log_index_read_header(attempt->index_fd, &step, &begin, NULL);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(err);
    if (rc || strcmp(step, attempt->step) != 0) {
        if (ftruncate(attempt->index_fd, 0))
            return fail(logs, errno, "begin the index of", err);
        rc = wfe_log_index_begin(attempt->index_fd, attempt->step, &attempt->index_size, err);
        if (rc)
            wfe_error_prefix(err, "cannot begin the index of a log in %s", logs->folder);
        return rc;
    }
    attempt->index_size = take_in_index(attempt, begin);
    if (ftruncate(attempt->index_fd, (off_t)attempt->index_size))
        return fail(logs, errno, "continue the index of", err);
    return 0;
}

static void close_files(wfe_logs *logs, log_attempt *attempt)
{
    if (!attempt->is_open)
        return;
    wfe_cleanup_close(&attempt->index_fd);
    for (int i = 0; i < WFE_LOG_STREAMS; i++)
        wfe_cleanup_close(&attempt->streams[i].fd);
    attempt->is_open = false;
    logs->n_open--;
}

static void close_oldest(wfe_logs *logs)
{
    log_attempt *oldest = NULL;
    for (log_attempt *a = logs->attempts; a; a = a->next)
        if (a->is_open && (!oldest || a->used < oldest->used))
            oldest = a;
    if (oldest)
        close_files(logs, oldest);
}

/* The index; the streams' files come with their first bytes. */
static int open_index(wfe_logs *logs, log_attempt *attempt, wfe_error *err)
{
    if (attempt->is_open)
        return 0;
    if (logs->n_open >= OPEN_MAX_ATTEMPTS)
        close_oldest(logs);
    int rc = open_file(logs, attempt, WFE_LOG_INDEX_SUFFIX, &attempt->index_fd, err);
    if (rc)
        return rc;
    attempt->is_open = true;
    logs->n_open++;
    if (attempt->index_size)
        return 0;
    for (int i = 0; !rc && i < WFE_LOG_STREAMS; i++)
        rc = look_at_size(logs, attempt, (enum wfe_log_stream)i, err);
    if (!rc)
        rc = continue_index(logs, attempt, err);
    if (rc)
        close_files(logs, attempt);
    return rc;
}

static void free_attempt(wfe_logs *logs, log_attempt *attempt)
{
    close_files(logs, attempt);
    free(attempt->step);
    free(attempt);
}

static int find_attempt(wfe_logs *logs, const char *step, unsigned number, log_attempt **ret,
                        wfe_error *err)
{
    for (log_attempt **link = &logs->attempts; *link; link = &(*link)->next) {
        log_attempt *attempt = *link;
        if (attempt->attempt != number || strcmp(attempt->step, step) != 0)
            continue;
        *link = attempt->next;
        attempt->next = logs->attempts;
        logs->attempts = attempt;
        *ret = attempt;
        return 0;
    }
    log_attempt *attempt = calloc(1, sizeof *attempt);
    char *copy = strdup(step);
    if (!attempt || !copy) {
        free(attempt);
        free(copy);
        return wfe_error_nomem(err);
    }
    *attempt = (log_attempt){.next = logs->attempts,
                             .step = copy,
                             .attempt = number,
                             .index_fd = -1,
                             .last_stream = -1,
                             .streams = {{.fd = -1}, {.fd = -1}}};
    logs->attempts = attempt;
    *ret = attempt;
    return 0;
}

/* ---- writing ---- */

static int put_entry(wfe_logs *logs, log_attempt *attempt, const wfe_log_index_entry *entry,
                     wfe_error *err)
{
    uint8_t bytes[WFE_LOG_INDEX_ENTRY_BYTES];
    if (attempt->index_size + sizeof bytes > WFE_LOG_INDEX_MAX_BYTES)
        return 0;
    wfe_log_index_encode(entry, bytes);
    ssize_t n;
    do
        n = write(attempt->index_fd, bytes, sizeof bytes);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof bytes) {
        attempt->index_size += sizeof bytes;
        return 0;
    }
    int cause = n < 0 ? errno : ENOSPC;
    /* No torn entry may stay: what comes behind it could not be read. */
    if (n > 0 && ftruncate(attempt->index_fd, (off_t)attempt->index_size))
        cause = errno;
    return fail(logs, cause, "write the index of", err);
}

static int index_bytes(wfe_logs *logs, log_attempt *attempt, enum wfe_log_stream which,
                       wfe_error *err)
{
    log_stream *stream = &attempt->streams[which];
    uint64_t now_us = wfe_clock_monotonic_us();
    if (attempt->last_stream == (int)which && stream->indexed_at_us &&
        now_us - stream->indexed_at_us < INDEX_EVERY_US &&
        stream->size - stream->indexed_size < INDEX_EVERY_BYTES)
        return 0;
    wfe_log_index_entry entry = {
        .at_us = wfe_clock_wall_us(), .stream = which, .value = stream->size};
    int rc = put_entry(logs, attempt, &entry, err);
    if (rc)
        return rc;
    attempt->last_stream = (int)which;
    stream->indexed_at_us = now_us;
    stream->indexed_size = stream->size;
    return 0;
}

static int index_cut(wfe_logs *logs, log_attempt *attempt, enum wfe_log_stream which,
                     wfe_error *err)
{
    log_stream *stream = &attempt->streams[which];
    wfe_log_index_entry entry = {
        .at_us = wfe_clock_wall_us(), .stream = which, .is_cut = true, .value = stream->dropped};
    int rc = put_entry(logs, attempt, &entry, err);
    if (!rc) {
        stream->is_cut = true;
        stream->told_dropped = stream->dropped;
    }
    return rc;
}

static int append(wfe_logs *logs, log_stream *stream, const char *bytes, size_t len, wfe_error *err)
{
    while (len) {
        ssize_t n = write(stream->fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(logs, errno, "write", err);
        stream->size += (uint64_t)n;
        logs->total_bytes += (uint64_t)n;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static uint64_t room_left(uint64_t max, uint64_t used)
{
    return used < max ? max - used : 0;
}

/* How many of len bytes may still be kept. A stream that was cut stays so: nothing comes behind a
 * gap. */
static size_t may_keep(const wfe_logs *logs, const log_attempt *attempt, const log_stream *stream,
                       size_t len)
{
    uint64_t room = room_left(logs->step_max_bytes, attempt->streams[WFE_LOG_STDOUT].size +
                                                        attempt->streams[WFE_LOG_STDERR].size);
    uint64_t room_of_run = room_left(logs->run_max_bytes, logs->total_bytes);
    if (room > room_of_run)
        room = room_of_run;
    if (stream->is_cut)
        room = 0;
    return room < len ? (size_t)room : len;
}

int wfe_logs_write(wfe_logs *logs, const char *step, unsigned attempt_number,
                   enum wfe_log_stream which, const void *bytes, size_t len, wfe_error *err)
{
    log_attempt *attempt = NULL;
    if (!len)
        return 0;
    int rc = find_attempt(logs, step, attempt_number, &attempt, err);
    if (!rc)
        rc = open_index(logs, attempt, err);
    if (rc)
        return rc;
    attempt->used = ++logs->uses;
    log_stream *stream = &attempt->streams[which];
    size_t keep = may_keep(logs, attempt, stream, len);
    if (keep && stream->fd < 0)
        rc = open_file(logs, attempt, suffixes[which], &stream->fd, err);
    if (!rc && keep)
        rc = index_bytes(logs, attempt, which, err);
    if (!rc && keep)
        rc = append(logs, stream, bytes, keep, err);
    if (rc || keep == len)
        return rc;
    stream->dropped += len - keep;
    return stream->is_cut ? 0 : index_cut(logs, attempt, which, err);
}

int wfe_logs_size(wfe_logs *logs, const char *step, unsigned attempt_number,
                  enum wfe_log_stream which, uint64_t *ret, wfe_error *err)
{
    log_attempt *attempt = NULL;
    int rc = find_attempt(logs, step, attempt_number, &attempt, err);
    if (!rc)
        rc = open_index(logs, attempt, err);
    if (!rc)
        *ret = attempt->streams[which].size;
    return rc;
}

/* ---- the end ---- */

int wfe_logs_finish(wfe_logs *logs, const char *step, unsigned number, int ret_fds[WFE_LOG_STREAMS],
                    wfe_error *err)
{
    log_attempt *attempt = logs->attempts;
    ret_fds[WFE_LOG_STDOUT] = ret_fds[WFE_LOG_STDERR] = -1;
    while (attempt && (attempt->attempt != number || strcmp(attempt->step, step) != 0))
        attempt = attempt->next;
    if (!attempt)
        return 0;
    int rc = open_index(logs, attempt, err);
    for (int i = 0; !rc && i < WFE_LOG_STREAMS; i++) {
        log_stream *stream = &attempt->streams[i];
        if (stream->dropped > stream->told_dropped)
            rc = index_cut(logs, attempt, (enum wfe_log_stream)i, err);
        if (!rc && stream->size && stream->fd < 0)
            rc = open_file(logs, attempt, suffixes[i], &stream->fd, err);
    }
    for (int i = 0; !rc && i < WFE_LOG_STREAMS; i++)
        ret_fds[i] = wfe_take_fd(&attempt->streams[i].fd);
    log_attempt **link = &logs->attempts;
    while (*link != attempt)
        link = &(*link)->next;
    *link = attempt->next;
    free_attempt(logs, attempt);
    return rc;
}

int wfe_logs_finish_synced(wfe_logs *logs, const char *step, unsigned attempt, wfe_error *err)
{
    int fds[WFE_LOG_STREAMS];
    int rc = wfe_logs_finish(logs, step, attempt, fds, err);
    for (int i = 0; i < WFE_LOG_STREAMS; i++) {
        if (!rc && fds[i] >= 0 && fdatasync(fds[i]))
            rc = fail(logs, errno, "sync", err);
        wfe_cleanup_close(&fds[i]);
    }
    return rc;
}

/* ---- opening and closing ---- */

/* What earlier processes wrote counts. */
static int add_up(wfe_logs *logs, wfe_error *err)
{
    int fd = openat(logs->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int cause = errno;
        wfe_cleanup_close(&fd);
        return fail(logs, cause, "look for", err);
    }
    for (const struct dirent *item; (item = readdir(dir));) {
        struct stat st;
        const char *suffix = strrchr(item->d_name, '.');
        if (suffix && (strcmp(suffix + 1, "stdout") == 0 || strcmp(suffix + 1, "stderr") == 0) &&
            fstatat(logs->dir_fd, item->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            logs->total_bytes += (uint64_t)st.st_size;
    }
    closedir(dir);
    return 0;
}

WFE_DEFINE_CLEANUP(wfe_logs, wfe_logs_close)

int wfe_logs_open(const wfe_logs_options *options, wfe_logs **ret, wfe_error *err)
{
    char folder[PATH_MAX];
    int rc = wfe_logs_folder(options->state_dir, options->run_id, folder, sizeof folder, err);
    if (!rc)
        rc = wfe_fd_make_dirs(folder, 0700, err);
    if (rc)
        return rc;
    _cleanup_(wfe_logs_close_p) wfe_logs *logs = calloc(1, sizeof *logs);
    if (!logs)
        return wfe_error_nomem(err);
    logs->dir_fd = -1;
    logs->step_max_bytes =
        options->step_max_bytes ? options->step_max_bytes : WFE_LOGS_STEP_MAX_BYTES_DEFAULT;
    logs->run_max_bytes =
        options->run_max_bytes ? options->run_max_bytes : WFE_LOGS_RUN_MAX_BYTES_DEFAULT;
    logs->folder = strdup(folder);
    if (!logs->folder)
        return wfe_error_nomem(err);
    logs->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (logs->dir_fd < 0)
        return wfe_error_set_errno(err, errno, "cannot open %s", folder);
    rc = add_up(logs, err);
    if (!rc)
        *ret = wfe_take(logs);
    return rc;
}

void wfe_logs_close(wfe_logs *logs)
{
    if (!logs)
        return;
    while (logs->attempts) {
        log_attempt *attempt = logs->attempts;
        logs->attempts = attempt->next;
        free_attempt(logs, attempt);
    }
    wfe_cleanup_close(&logs->dir_fd);
    free(logs->folder);
    free(logs);
}
