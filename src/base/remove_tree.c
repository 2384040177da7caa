/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe_fd_remove_tree: through descriptors only. What is removed may be written to meanwhile, by a
 * step that is still there: every name is one in a folder that is open, so that a folder that
 * becomes a symbolic link leads nowhere, and what is mounted is not entered, whatever file system
 * it is of. A tree may be deeper than a path is long: what lies too deep is moved to its top first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX 24
/* A folder that is never empty, since somebody goes on filling it, is given up. */
#define SCANS_MAX 64
#define MOVED_NAME ".wfe-removed-%u"

typedef struct level {
    DIR *dir;
    char name[NAME_MAX + 1]; /* in the level above */
    int scans;
} level;

typedef struct removal {
    level levels[DEPTH_MAX]; /* the first one: the tree itself */
    int depth;               /* of them open */
    unsigned moved;
} removal;

/* As openat(2): ELOOP or ENOTDIR for what is no folder, EBUSY for what is mounted. */
static int open_folder(int at, const char *name)
{
    const struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
    long fd = syscall(SYS_openat2, at, name, &how, sizeof how);
    if (fd < 0 && errno == EXDEV)
        errno = EBUSY;
    if (fd >= 0 || errno != ENOSYS)
        return (int)fd;
    struct stat above, st; /* Linux before 5.6 */
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 &&
        (fstat(at, &above) < 0 || fstat((int)fd, &st) < 0 || st.st_dev != above.st_dev)) {
        close((int)fd);
        errno = EBUSY;
        return -1;
    }
    return (int)fd;
}

static int enter(removal *r, int fd, const char *name)
{
    level *l = &r->levels[r->depth];
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        errno = saved;
        return -1;
    }
    *l = (level){.dir = dir};
    snprintf(l->name, sizeof l->name, "%s", name);
    r->depth++;
    return 0;
}

/* The tree's top is read again until it is empty. */
static int move_to_top(removal *r, int at, const char *name)
{
    char moved[sizeof MOVED_NAME + 10];
    int top = dirfd(r->levels[0].dir), rc = 0;
    do {
        snprintf(moved, sizeof moved, MOVED_NAME, r->moved++);
        rc = renameat(at, name, top, moved);
    } while (rc < 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) && r->moved);
    r->levels[0].scans = 0;
    return rc < 0 && errno == ENOENT ? 0 : rc;
}

static int remove_name(removal *r, const char *name)
{
    int at = dirfd(r->levels[r->depth - 1].dir);
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -1;
    if (r->depth == DEPTH_MAX)
        return move_to_top(r, at, name);
    if (enter(r, open_folder(at, name), name) == 0)
        return 0;
    /* It is something else by now, and the next reading finds it; or may not be read, but removed.
     */
    int saved = errno;
    if (saved == ENOENT || saved == ELOOP || saved == ENOTDIR ||
        (saved == EACCES && unlinkat(at, name, AT_REMOVEDIR) == 0))
        return 0;
    errno = saved;
    return -1;
}

/* The last level, the top of the tree at path, has been read to its end. */
static int leave(removal *r, const char *path)
{
    level *l = &r->levels[r->depth - 1];
    int rc = r->depth == 1 ? rmdir(path)
                           : unlinkat(dirfd(r->levels[r->depth - 2].dir), l->name, AT_REMOVEDIR);
    if (rc == 0 || errno == ENOENT || errno == ENOTDIR) {
        closedir(l->dir);
        r->depth--;
        return 0;
    }
    if ((errno != ENOTEMPTY && errno != EEXIST) || ++l->scans > SCANS_MAX)
        return -1;
    rewinddir(l->dir);
    return 0;
}

/* One name, or the end of a folder. */
static int go_on(removal *r, const char *path)
{
    level *l = &r->levels[r->depth - 1];
    errno = 0;
    const struct dirent *entry = readdir(l->dir);
    if (entry)
        return strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0
                   ? 0
                   : remove_name(r, entry->d_name);
    if (errno)
        return -1;
    return leave(r, path);
}

int wfe_fd_remove_tree(const char *path, wfe_error *err)
{
    removal r = {.depth = 0};
    /* The way there is the caller's own. */
    int rc = enter(&r, open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "");
    if (rc < 0 && (errno == ENOTDIR || errno == ELOOP))
        rc = unlink(path);
    while (rc == 0 && r.depth)
        rc = go_on(&r, path);
    int saved = errno;
    while (r.depth)
        closedir(r.levels[--r.depth].dir);
    if (rc < 0 && saved != ENOENT)
        return wfe_error_set_errno(err, saved, "cannot remove '%s'", path);
    return 0;
}
