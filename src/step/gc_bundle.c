/* SPDX-License-Identifier: Apache-2.0
 *
 * containerd's folder of a task, its bundle. When containerd itself is stopped while a task is
 * being made, the folder can outlive all that was in it, and as long as it is there no task of
 * that id can be made: "mkdir ...: file exists". Nothing in the API tells where it is: it is below
 * containerd's state folder, which is the socket's own (/run/containerd, and what k3s and others
 * do), or `state` beside the socket (daemons of `wfe daemon`).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "step/gc_priv.h"

/* containerd: runtime/v2/bundle.go, NewBundle; the plugin's own folder and the namespace's. */
#define TASKS "io.containerd.runtime.v2.task"

bool wfe_gc_bundle_find(const wfe_gc *gc, const char *id, char out[PATH_MAX])
{
    static const char *const states[] = {"", "/state"};
    const char *socket = wfe_client_socket(gc->client);
    const char *slash = strrchr(socket, '/');
    for (size_t i = 0; slash && i < sizeof states / sizeof *states; i++) {
        int len = snprintf(out, PATH_MAX, "%.*s%s/" TASKS "/%s/%s", (int)(slash - socket), socket,
                           states[i], wfe_containerd_namespace(gc->client->containerd), id);
        if (len < PATH_MAX && access(out, F_OK) == 0)
            return true;
    }
    return false;
}

int wfe_gc_bundle_remove(const char *path, wfe_error *err)
{
    char rootfs[PATH_MAX + 8];
    snprintf(rootfs, sizeof rootfs, "%s/rootfs", path);
    if (umount2(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        return wfe_error_set_errno(err, errno, "cannot unmount %s", rootfs);
    return wfe_fd_remove_tree(path, err);
}
