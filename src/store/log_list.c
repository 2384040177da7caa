/* SPDX-License-Identifier: Apache-2.0
 *
 * Which attempts of a run have a log. The index begins each one, and names its step; of a log
 * without an index, the name of its file does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/log_name.h"
#include "store/log_reader.h"
#include "store/logs.h"

typedef struct log_list {
    wfe_log_attempt_info *items; /* step is owned */
    size_t n, cap;
} log_list;

static void list_done(log_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free((char *)(uintptr_t)list->items[i].step);
    free(list->items);
}

static int list_add(log_list *list, wfe_log_attempt_info info, wfe_error *err)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        wfe_log_attempt_info *larger = realloc(list->items, cap * sizeof *larger);
        if (!larger)
            return wfe_error_nomem(err);
        list->items = larger;
        list->cap = cap;
    }
    info.step = strdup(info.step);
    if (!info.step)
        return wfe_error_nomem(err);
    list->items[list->n++] = info;
    return 0;
}

static void look_at_sizes(int dir_fd, wfe_log_attempt_info *info)
{
    static const char *const suffixes[WFE_LOG_STREAMS] = {"stdout", "stderr"};
    for (int i = 0; i < WFE_LOG_STREAMS; i++) {
        char name[WFE_LOG_NAME_SIZE];
        struct stat st;
        wfe_log_name(info->step, info->attempt, suffixes[i], name);
        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            info->bytes[i] = (uint64_t)st.st_size;
    }
}

/* First and last time, and what was dropped. */
static void look_at_entries(int fd, uint64_t offset, wfe_log_attempt_info *info)
{
    uint8_t bytes[WFE_LOG_INDEX_ENTRY_BYTES * 256];
    ssize_t n;
    while ((n = pread(fd, bytes, sizeof bytes, (off_t)offset)) >= WFE_LOG_INDEX_ENTRY_BYTES) {
        for (ssize_t i = 0; i + WFE_LOG_INDEX_ENTRY_BYTES <= n; i += WFE_LOG_INDEX_ENTRY_BYTES) {
            wfe_log_index_entry entry;
            if (!wfe_log_index_decode(bytes + i, &entry))
                return;
            if (!info->first_at_us)
                info->first_at_us = entry.at_us;
            info->last_at_us = entry.at_us;
            if (entry.is_cut)
                info->dropped[entry.stream] = entry.value;
            offset += WFE_LOG_INDEX_ENTRY_BYTES;
        }
    }
}

/* The number in front of the suffix of a name that ends with the suffix. */
static unsigned attempt_of(const char *name)
{
    size_t len = strlen(name) - sizeof WFE_LOG_INDEX_SUFFIX;
    const char *dot = memrchr(name, '.', len);
    return dot ? (unsigned)strtoul(dot + 1, NULL, 10) : 0;
}

static int add_with_index(log_list *list, int dir_fd, const char *name, wfe_error *err)
{
    _cleanup_free_ char *step = NULL;
    char read_back[WFE_LOG_NAME_SIZE];
    uint64_t offset = 0;
    wfe_log_attempt_info info = {0};
    _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0
                               : wfe_error_set_errno(err, errno, "cannot open the log %s", name);
    int rc = wfe_log_index_read_header(fd, &step, &offset, NULL);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(err);
    if (!rc) {
        info.step = step;
        info.attempt = attempt_of(name);
        look_at_entries(fd, offset, &info);
    } else if (!wfe_log_name_read(name, WFE_LOG_INDEX_SUFFIX, read_back, &info.attempt, NULL)) {
        info.step = read_back;
    } else {
        return 0;
    }
    look_at_sizes(dir_fd, &info);
    return list_add(list, info, err);
}

/* A stream whose index is gone. */
static int add_without_index(log_list *list, int dir_fd, const char *name, const char *suffix,
                             wfe_error *err)
{
    char step[WFE_LOG_NAME_SIZE], index[WFE_LOG_NAME_SIZE];
    wfe_log_attempt_info info = {.step = step};
    if (wfe_log_name_read(name, suffix, step, &info.attempt, NULL))
        return 0;
    wfe_log_name(step, info.attempt, WFE_LOG_INDEX_SUFFIX, index);
    if (faccessat(dir_fd, index, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    look_at_sizes(dir_fd, &info);
    if (strcmp(suffix, "stderr") == 0 && info.bytes[WFE_LOG_STDOUT])
        return 0; /* it is there by its other stream */
    return list_add(list, info, err);
}

static int add_file(log_list *list, int dir_fd, const char *name, wfe_error *err)
{
    const char *suffix = strrchr(name, '.');
    if (!suffix || suffix == name)
        return 0;
    if (strcmp(suffix + 1, WFE_LOG_INDEX_SUFFIX) == 0)
        return add_with_index(list, dir_fd, name, err);
    if (strcmp(suffix + 1, "stdout") == 0 || strcmp(suffix + 1, "stderr") == 0)
        return add_without_index(list, dir_fd, name, suffix + 1, err);
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const wfe_log_attempt_info *one = a, *other = b;
    if (one->first_at_us != other->first_at_us)
        return one->first_at_us < other->first_at_us ? -1 : 1;
    int order = strcmp(one->step, other->step);
    return order ? order : (one->attempt > other->attempt) - (one->attempt < other->attempt);
}

int wfe_log_list(const char *state_dir, const char *run_id, wfe_log_attempt_fn fn, void *user,
                 wfe_error *err)
{
    char folder[PATH_MAX];
    _cleanup_(list_done) log_list list = {0};
    int rc = wfe_logs_folder(state_dir, run_id, folder, sizeof folder, err);
    if (rc)
        return rc;
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? 0 : wfe_error_set_errno(err, errno, "cannot list %s", folder);
    for (const struct dirent *item; !rc && (item = readdir(dir));)
        rc = add_file(&list, dirfd(dir), item->d_name, err);
    closedir(dir);
    if (list.n)
        qsort(list.items, list.n, sizeof *list.items, by_time);
    for (size_t i = 0; !rc && i < list.n; i++)
        rc = fn(&list.items[i], user);
    return rc;
}
