/* SPDX-License-Identifier: Apache-2.0 */
#include "store/log_retention.h"

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
#include "base/fd.h"
#include "store/logs.h"

typedef struct run_list {
    wfe_log_run_info *items; /* run_id is owned */
    size_t n, cap;
} run_list;

static void list_done(run_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free((char *)(uintptr_t)list->items[i].run_id);
    free(list->items);
}

static int64_t time_of(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

static void measure_files(int dir_fd, wfe_log_run_info *info)
{
    int fd = openat(dir_fd, info->run_id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        wfe_cleanup_close(&fd);
        return;
    }
    for (const struct dirent *item; (item = readdir(dir));) {
        struct stat st;
        if (fstatat(fd, item->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
            continue;
        info->bytes += (uint64_t)st.st_size;
        if (time_of(&st) > info->written_at_us)
            info->written_at_us = time_of(&st);
    }
    closedir(dir);
}

static int list_add(run_list *list, int dir_fd, const char *name, wfe_error *err)
{
    struct stat st;
    if (*name == '.' || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
        return 0;
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        wfe_log_run_info *larger = realloc(list->items, cap * sizeof *larger);
        if (!larger)
            return wfe_error_nomem(err);
        list->items = larger;
        list->cap = cap;
    }
    wfe_log_run_info info = {.run_id = strdup(name), .written_at_us = time_of(&st)};
    if (!info.run_id)
        return wfe_error_nomem(err);
    measure_files(dir_fd, &info);
    list->items[list->n++] = info;
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const wfe_log_run_info *one = a, *other = b;
    if (one->written_at_us != other->written_at_us)
        return one->written_at_us < other->written_at_us ? -1 : 1;
    return strcmp(one->run_id, other->run_id);
}

static int list_runs(const char *folder, run_list *list, wfe_error *err)
{
    int rc = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? 0 : wfe_error_set_errno(err, errno, "cannot list %s", folder);
    for (const struct dirent *item; !rc && (item = readdir(dir));)
        rc = list_add(list, dirfd(dir), item->d_name, err);
    closedir(dir);
    if (list->n)
        qsort(list->items, list->n, sizeof *list->items, by_time);
    return rc;
}

int wfe_log_remove(const char *state_dir, const char *run_id, wfe_error *err)
{
    char folder[PATH_MAX];
    int rc = wfe_logs_folder(state_dir, run_id, folder, sizeof folder, err);
    return rc ? rc : wfe_fd_remove_tree(folder, err);
}

int wfe_log_retain(const wfe_log_retention *rules, wfe_error *err)
{
    char folder[PATH_MAX];
    _cleanup_(list_done) run_list list = {0};
    uint64_t total = 0;
    if (snprintf(folder, sizeof folder, "%s/" WFE_LOGS_FOLDER, rules->state_dir) >=
        (int)sizeof folder)
        return wfe_error_set(err, WFE_E_LIMIT, "path is too long: %s", rules->state_dir);
    int rc = list_runs(folder, &list, err);
    for (size_t i = 0; i < list.n; i++)
        total += list.items[i].bytes;
    for (size_t i = 0; !rc && i < list.n; i++) {
        const wfe_log_run_info *run = &list.items[i];
        bool is_due =
            run->written_at_us < rules->before_us || (rules->max_bytes && total > rules->max_bytes);
        if (!is_due || (rules->keep && rules->keep(run->run_id, rules->user)))
            continue;
        if (!rules->dry_run)
            rc = wfe_log_remove(rules->state_dir, run->run_id, err);
        if (rc)
            break;
        total -= run->bytes;
        if (rules->removed)
            rules->removed(run, rules->user);
    }
    return rc;
}
