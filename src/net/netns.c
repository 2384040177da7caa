/* SPDX-License-Identifier: Apache-2.0
 *
 * See netns.h. The file says whose it is from its first moment, so that nothing without an owner
 * is left when we are killed in between. Where the folder's mount is shared, the bind mount
 * reaches other mount namespaces, and its removal does, too: unlinking a file detaches what is
 * mounted on it in all of them.
 */
#include "net/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/job.h"

#define OWNER_MARK '@'
/* Making one is a matter of milliseconds, unless many are being removed at the same time. */
#define MAKE_MS 30000
/* The last namespace's owner removes the folder, perhaps just when we have made it. */
#define MAKE_TRIES 64

struct wfe_netns {
    char path[PATH_MAX];
    wfe_net_job *job; /* NULL: made, or failed */
    wfe_netns_fn done;
    void *user;
};

/* ---- in the child ---- */

static int bring_up_loopback(wfe_error *err)
{
    struct ifreq request = {.ifr_name = "lo"};
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return wfe_error_set_errno(err, errno, "cannot look at the loopback interface");
    request.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return wfe_error_set_errno(err, errno, "cannot bring the loopback interface up");
    return 0;
}

static int make_namespace(const void *task, wfe_error *err)
{
    const char *path = task;
    if (unshare(CLONE_NEWNET) < 0) {
        int rc = wfe_error_set_errno(err, errno, "cannot make a network namespace");
        wfe_error_hint(err, "services need one; making it needs root (CAP_SYS_ADMIN) on the "
                            "daemon's machine");
        return rc;
    }
    int rc = bring_up_loopback(err);
    if (!rc && mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot mount the network namespace at %s", path);
    return rc;
}

/* ---- in the parent ---- */

static void on_made(const wfe_error *err, void *user)
{
    wfe_netns *netns = user;
    netns->job = NULL;
    netns->done(err, netns->user);
}

static int check_name(const char *name, wfe_error *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (!*name || strlen(name) > 76 || strspn(name, allowed) != strlen(name))
        return wfe_error_set(err, WFE_E_INVALID,
                             "network namespace is named '%s', must be 1 to 76 letters, digits, "
                             "'-', '_' or '.'",
                             name);
    return 0;
}

static int make_file(wfe_netns *netns, const char *dir, const char *name, wfe_error *err)
{
    char owner[WFE_OWNER_TEXT_SIZE];
    wfe_owner_format(owner);
    int len = snprintf(netns->path, sizeof netns->path, "%s/%s%c%s", dir, owner, OWNER_MARK, name);
    if (len < 0 || len >= (int)sizeof netns->path)
        return wfe_error_set(err, WFE_E_LIMIT, "the folder's path is too long: %s", dir);
    _cleanup_close_ int fd = -1;
    for (int tries = 0; fd < 0 && tries < MAKE_TRIES; tries++) {
        int rc = wfe_fd_make_dirs(dir, 0700, err);
        if (rc)
            return rc;
        fd = open(netns->path, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0400);
        if (fd < 0 && errno != ENOENT)
            break;
    }
    return fd < 0 ? wfe_error_set_errno(err, errno, "cannot create %s", netns->path) : 0;
}

int wfe_netns_make(wfe_loop *loop, const char *dir, const char *name, wfe_netns_fn done, void *user,
                   wfe_netns **ret, wfe_error *err)
{
    int rc = check_name(name, err);
    if (rc)
        return rc;
    wfe_netns *netns = calloc(1, sizeof *netns);
    if (!netns)
        return wfe_error_nomem(err);
    netns->done = done;
    netns->user = user;
    rc = make_file(netns, dir, name, err);
    if (rc) { /* what is there is not ours */
        free(netns);
        return rc;
    }
    rc = wfe_net_job_start(loop, make_namespace, netns->path, MAKE_MS, on_made, netns, &netns->job,
                           err);
    if (rc) {
        wfe_netns_free(netns, NULL);
        return rc;
    }
    *ret = netns;
    return 0;
}

/* ---- one that another process has made ---- */

#define NSFS_MAGIC 0x6e736673

static bool is_namespace(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == NSFS_MAGIC;
}

/* A mount point cannot be renamed: ours is a second one of the same namespace. */
static int mount_again(wfe_netns *netns, const char *path, wfe_error *err)
{
    if (mount(path, netns->path, NULL, MS_BIND, NULL) < 0)
        return wfe_error_set_errno(err, errno, "cannot mount the network namespace %s at %s", path,
                                   netns->path);
    return 0;
}

/* All of this name but ours: what a process that was killed while it adopted has left, too. */
static int take_over(wfe_netns *netns, const char *dir, const char *name, bool *ret_found,
                     wfe_error *err)
{
    const char *own = strrchr(netns->path, '/') + 1;
    DIR *list = opendir(dir);
    int rc = list ? 0 : wfe_error_set_errno(err, errno, "cannot read the folder %s", dir);
    for (const struct dirent *item; list && !rc && (item = readdir(list));) {
        char owner[WFE_OWNER_TEXT_SIZE], path[PATH_MAX];
        const char *mark = strchr(item->d_name, OWNER_MARK);
        if (!mark || strcmp(mark + 1, name) != 0 || strcmp(item->d_name, own) == 0 ||
            !wfe_netns_owner(item->d_name, owner) || wfe_owner_is_alive(owner))
            continue;
        if (snprintf(path, sizeof path, "%s/%s", dir, item->d_name) >= (int)sizeof path)
            continue;
        if (!*ret_found && is_namespace(path)) {
            rc = mount_again(netns, path, err);
            *ret_found = !rc;
        }
        if (!rc)
            rc = wfe_netns_remove(path, err);
    }
    if (list)
        closedir(list);
    return rc;
}

int wfe_netns_adopt(const char *dir, const char *name, wfe_netns **ret, wfe_error *err)
{
    bool found = false;
    int rc = check_name(name, err);
    if (rc)
        return rc;
    wfe_netns *netns = calloc(1, sizeof *netns);
    if (!netns)
        return wfe_error_nomem(err);
    rc = make_file(netns, dir, name, err);
    if (rc) { /* what is there is not ours */
        free(netns);
        return rc;
    }
    rc = take_over(netns, dir, name, &found, err);
    if (!rc && !found)
        rc = wfe_error_set(err, WFE_E_NOT_FOUND, "there is no network namespace '%s'", name);
    if (rc) {
        wfe_netns_free(netns, NULL);
        return rc;
    }
    *ret = netns;
    return 0;
}

const char *wfe_netns_path(const wfe_netns *netns)
{
    return netns->path;
}

int wfe_netns_free(wfe_netns *netns, wfe_error *err)
{
    if (!netns)
        return 0;
    wfe_net_job_cancel(netns->job);
    int rc = wfe_netns_remove(netns->path, err);
    free(netns);
    return rc;
}

void wfe_netns_leave(wfe_netns *netns)
{
    if (netns)
        wfe_net_job_cancel(netns->job);
    free(netns);
}

bool wfe_netns_owner(const char *file_name, char out[WFE_OWNER_TEXT_SIZE])
{
    const char *mark = strchr(file_name, OWNER_MARK);
    if (!mark || mark == file_name || mark - file_name >= WFE_OWNER_TEXT_SIZE ||
        check_name(mark + 1, NULL))
        return false;
    snprintf(out, WFE_OWNER_TEXT_SIZE, "%.*s", (int)(mark - file_name), file_name);
    return true;
}

int wfe_netns_remove(const char *path, wfe_error *err)
{
    /* Fails also when nothing is mounted there; whether that matters, unlink knows. */
    int umount_errno = umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? errno : 0;
    if (unlink(path) < 0 && errno != ENOENT)
        return wfe_error_set_errno(err, errno == EBUSY && umount_errno ? umount_errno : errno,
                                   "cannot remove the network namespace %s", path);
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) : 0, path);
    rmdir(dir); /* unless there are others */
    return 0;
}
