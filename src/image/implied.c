/* SPDX-License-Identifier: Apache-2.0
 *
 * See implied.h.
 */
#include "image/implied.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Files looked at in one slice: about a millisecond. */
#define SLICE 1000
#define MAX_FOLDERS 4096
/* Folders times layers below: a fraction of a second. */
#define MAX_LOOKS ((size_t)200000)
/* More attributes than a folder of any image has; the layer is unpacked anew then. */
#define LIST_BYTES 4096
#define VALUE_BYTES 4096

struct wfe_image_implied {
    char *dir;
    FTS *fts;
    struct timespec since;
    char **paths; /* relative to dir */
    size_t n_paths;
    bool found_files;
    bool unclear; /* one may be described or not */
};

void wfe_image_implied_free(wfe_image_implied *implied)
{
    if (!implied)
        return;
    if (implied->fts)
        fts_close(implied->fts);
    for (size_t i = 0; i < implied->n_paths; i++)
        free(implied->paths[i]);
    free(implied->paths);
    free(implied->dir);
    free(implied);
}

int wfe_image_implied_new(const char *dir, const struct timespec *since, wfe_image_implied **ret,
                          wfe_error *err)
{
    _cleanup_(wfe_image_implied_free_p) wfe_image_implied *implied = calloc(1, sizeof *implied);
    if (!implied)
        return wfe_error_nomem(err);
    implied->since = *since;
    implied->dir = strdup(dir);
    implied->paths = calloc(MAX_FOLDERS, sizeof *implied->paths);
    if (!implied->dir || !implied->paths)
        return wfe_error_nomem(err);
    char *const roots[] = {implied->dir, NULL};
    implied->fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (!implied->fts)
        return wfe_error_set_errno(err, errno, "cannot look at %s", dir);
    *ret = wfe_take(implied);
    return 0;
}

static int compare(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

static int look_at(wfe_image_implied *implied, const FTSENT *entry, wfe_error *err)
{
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
        return wfe_error_set_errno(err, entry->fts_errno, "cannot look at %s", entry->fts_path);
    if (entry->fts_level == FTS_ROOTLEVEL)
        return 0;
    implied->found_files = true;
    const struct stat *st = entry->fts_statp;
    if (entry->fts_info != FTS_D || compare(&st->st_mtim, &implied->since) < 0)
        return 0;
    /* Described, with a time from a clock that is ahead of ours? Or the last that was made in it is
     * the mark that hides what is below? */
    if (compare(&st->st_mtim, &st->st_ctim) != 0)
        implied->unclear = true;
    if (implied->n_paths == MAX_FOLDERS)
        return wfe_error_set(err, WFE_E_LIMIT, "more than %d folders are implied", MAX_FOLDERS);
    char *path = strdup(entry->fts_path + strlen(implied->dir) + 1);
    if (!path)
        return wfe_error_nomem(err);
    implied->paths[implied->n_paths++] = path;
    return 0;
}

int wfe_image_implied_step(wfe_image_implied *implied, bool *ret_done, wfe_error *err)
{
    for (int i = 0; i < SLICE; i++) {
        errno = 0;
        const FTSENT *entry = fts_read(implied->fts);
        if (!entry && errno)
            return wfe_error_set_errno(err, errno, "cannot look at %s", implied->dir);
        *ret_done = !entry;
        if (!entry)
            return 0;
        int rc = look_at(implied, entry, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- what they have below ---- */

/* Symbolic links lead as they do in a container. */
static int open_in(int root, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* What hides or marks files of overlayfs is in trusted attributes, and no folder's own. A default
 * list of access rights would have come to all that was made in the folder. */
static int copy_xattrs(int from, int to)
{
    char names[LIST_BYTES], value[VALUE_BYTES];
    ssize_t len = flistxattr(from, names, sizeof names);
    if (len < 0)
        return errno == ENOTSUP ? 0 : -1;
    for (const char *name = names; name < names + len; name += strlen(name) + 1) {
        if (strncmp(name, "trusted.", strlen("trusted.")) == 0)
            continue;
        if (strcmp(name, "system.posix_acl_default") == 0) {
            errno = ENOTSUP;
            return -1;
        }
        ssize_t n = fgetxattr(from, name, value, sizeof value);
        /* As containerd: what the folder has by itself stays. */
        if (n < 0 || (fsetxattr(to, name, value, (size_t)n, XATTR_CREATE) != 0 && errno != EEXIST))
            return -1;
    }
    return 0;
}

static int copy_attributes(int from, int to)
{
    struct stat st, was;
    _cleanup_close_ int readable = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0 || fstat(readable, &st) != 0 || fstat(to, &was) != 0)
        return -1;
    if (st.st_mode & S_ISGID) { /* what was made in it would have its group */
        errno = ENOTSUP;
        return -1;
    }
    const struct timespec times[] = {was.st_atim, was.st_mtim};
    if (fchown(to, st.st_uid, st.st_gid) != 0 || fchmod(to, st.st_mode & 07777) != 0 ||
        copy_xattrs(readable, to) != 0)
        return -1;
    return futimens(to, times);
}

/* 0 also when no layer below has it, or has something else in its place. */
static int complete_one(const wfe_image_implied *implied, const char *path, const int *below,
                        size_t n)
{
    char own[PATH_MAX];
    struct stat st;
    for (size_t i = 0; i < n; i++) {
        _cleanup_close_ int found = open_in(below[i], path);
        if (found < 0 && errno == ENOENT)
            continue;
        if (found < 0 || fstat(found, &st) != 0)
            return -1;
        if (!S_ISDIR(st.st_mode))
            return 0;
        if (snprintf(own, sizeof own, "%s/%s", implied->dir, path) >= (int)sizeof own) {
            errno = ENAMETOOLONG;
            return -1;
        }
        _cleanup_close_ int to = open(own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return to < 0 ? -1 : copy_attributes(found, to);
    }
    return 0;
}

static int open_all(const char *const *below, size_t n, int *fds)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = open(below[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fds[i] < 0)
            return -1;
    }
    return 0;
}

int wfe_image_implied_complete(const wfe_image_implied *implied, const char *const *below, size_t n,
                               wfe_error *err)
{
    if (implied->unclear || n > MAX_LOOKS / (implied->n_paths + 1))
        return wfe_error_set(err, WFE_E_UNAVAILABLE,
                             "which folders of %s are implied cannot be told", implied->dir);
    _cleanup_free_ int *fds = calloc(n + 1, sizeof *fds);
    if (!fds)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++)
        fds[i] = -1;
    const char *path = "";
    int rc = implied->n_paths ? open_all(below, n, fds) : 0;
    for (size_t i = 0; !rc && i < implied->n_paths; i++) {
        path = implied->paths[i];
        rc = complete_one(implied, path, fds, n);
    }
    int problem = errno;
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (rc)
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "cannot complete the folder %s/%s: %s",
                             implied->dir, path, strerror(problem));
    return 0;
}

bool wfe_image_implied_found_files(const wfe_image_implied *implied)
{
    return implied->found_files;
}
