/* SPDX-License-Identifier: Apache-2.0
 *
 * See implied.h.
 */
#include "image/implied.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
/* Folders that are open at a time: one in another. Layers of use have some twenty. */
#define MAX_DEPTH 64
#define MAX_FOLDERS 4096
/* Folders times layers below: a fraction of a second. */
#define MAX_LOOKS ((size_t)200000)
/* More attributes than a folder of any image has; the layer is unpacked anew then. */
#define LIST_BYTES 4096
#define VALUE_BYTES 4096

struct level {
    DIR *dir;
    size_t path_len; /* of the path of the folder it is in */
};

struct wfe_image_implied {
    char *dir;
    dev_t device;
    struct timespec since;
    struct level levels[MAX_DEPTH]; /* from dir down to the folder that is being read */
    size_t n_levels;
    char path[PATH_MAX]; /* of that folder, relative to dir: "" or "a/b/" */
    char **paths;        /* relative to dir */
    size_t n_paths;
    bool found_files;
    bool unclear; /* one may be described or not */
};

static void leave_all(wfe_image_implied *implied)
{
    while (implied->n_levels > 0)
        closedir(implied->levels[--implied->n_levels].dir);
}

void wfe_image_implied_free(wfe_image_implied *implied)
{
    if (!implied)
        return;
    leave_all(implied);
    for (size_t i = 0; i < implied->n_paths; i++)
        free(implied->paths[i]);
    free(implied->paths);
    free(implied->dir);
    free(implied);
}

static int cannot_look(const wfe_image_implied *implied, const char *name, wfe_error *err)
{
    return wfe_error_set_errno(err, errno, "cannot look at %s/%s%s", implied->dir, implied->path,
                               name);
}

/* Goes into the folder that was opened; the caller makes the path its own. */
static int enter(wfe_image_implied *implied, int *fd, const char *name, wfe_error *err)
{
    struct level *level = &implied->levels[implied->n_levels];
    level->path_len = strlen(implied->path);
    level->dir = fdopendir(*fd);
    if (!level->dir)
        return cannot_look(implied, name, err);
    (void)wfe_take_fd(fd);
    implied->n_levels++;
    return 0;
}

static int open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
    struct stat st;
    _cleanup_close_ int fd = open_folder(AT_FDCWD, dir);
    if (fd < 0 || fstat(fd, &st) != 0)
        return cannot_look(implied, "", err);
    implied->device = st.st_dev;
    int rc = enter(implied, &fd, "", err);
    if (!rc)
        *ret = wfe_take(implied);
    return rc;
}

static int compare(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

static int keep_if_implied(wfe_image_implied *implied, const char *name, const struct stat *st,
                           wfe_error *err)
{
    if (compare(&st->st_mtim, &implied->since) < 0)
        return 0;
    /* Described, with a time from a clock that is ahead of ours? Or the last that was made in it is
     * the mark that hides what is below? */
    if (compare(&st->st_mtim, &st->st_ctim) != 0)
        implied->unclear = true;
    if (implied->n_paths == MAX_FOLDERS)
        return wfe_error_set(err, WFE_E_LIMIT, "more than %d folders are implied", MAX_FOLDERS);
    char *path = NULL;
    if (asprintf(&path, "%s%s", implied->path, name) < 0)
        return wfe_error_nomem(err);
    implied->paths[implied->n_paths++] = path;
    return 0;
}

static int look_at_folder(wfe_image_implied *implied, int at, const char *name, wfe_error *err)
{
    struct stat st;
    _cleanup_close_ int fd = open_folder(at, name);
    if (fd < 0 || fstat(fd, &st) != 0)
        return cannot_look(implied, name, err);
    int rc = keep_if_implied(implied, name, &st, err);
    if (rc || st.st_dev != implied->device)
        return rc;
    size_t len = strlen(implied->path), name_len = strlen(name);
    if (implied->n_levels == MAX_DEPTH || len + name_len + 2 > sizeof implied->path)
        return wfe_error_set(err, WFE_E_LIMIT, "the folders of %s are too deep", implied->dir);
    rc = enter(implied, &fd, name, err);
    if (!rc)
        snprintf(implied->path + len, sizeof implied->path - len, "%s/", name);
    return rc;
}

/* Not all file systems tell what an entry is. */
static int is_folder(int at, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ? -1 : S_ISDIR(st.st_mode);
}

/* The next entry of the folder that is being read; at its end, back to the one it is in. */
static int look_at_next(wfe_image_implied *implied, wfe_error *err)
{
    const struct level *level = &implied->levels[implied->n_levels - 1];
    errno = 0;
    const struct dirent *entry = readdir(level->dir);
    if (!entry && errno)
        return cannot_look(implied, "", err);
    if (!entry) {
        implied->path[level->path_len] = '\0';
        closedir(level->dir);
        implied->n_levels--;
        return 0;
    }
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    implied->found_files = true;
    int folder = is_folder(dirfd(level->dir), entry);
    if (folder < 0)
        return cannot_look(implied, name, err);
    return folder ? look_at_folder(implied, dirfd(level->dir), name, err) : 0;
}

int wfe_image_implied_step(wfe_image_implied *implied, bool *ret_done, wfe_error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < SLICE && implied->n_levels > 0; i++)
        rc = look_at_next(implied, err);
    if (rc)
        leave_all(implied);
    else
        *ret_done = implied->n_levels == 0;
    return rc;
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
