/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking into an image's root file system from outside: its mounts are made in a mount namespace
 * of a short-lived child, which nobody else sees and which is gone with the child, whatever
 * happens to us. Needs root on the daemon's machine.
 */
#ifndef WFE_STEP_ROOTFS_H
#define WFE_STEP_ROOTFS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* One mount as a snapshotter gives it; everything is borrowed. */
typedef struct wfe_rootfs_mount {
    const char *type; /* "overlay", "bind" */
    const char *source;
    const char *const *options; /* n_options of them */
    size_t n_options;
} wfe_rootfs_mount;

/* One file to read. */
typedef struct wfe_rootfs_want {
    const char *path; /* absolute in the image */
    size_t max_bytes;
    wfe_buf bytes; /* filled; empty when it is missing */
    int rc;        /* 0, or the kind of error: NOT_FOUND, LIMIT, INVALID, ... */
} wfe_rootfs_want;

/* Mounts at the folder dir (empty, existing), reads every wanted file, and waits for the child:
 * some milliseconds. DENIED without the right to mount, IO. */
int wfe_rootfs_read(const wfe_rootfs_mount *mounts, size_t n_mounts, const char *dir,
                    wfe_rootfs_want *wants, size_t n_wants, wfe_error *err);

#endif
