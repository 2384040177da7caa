/* SPDX-License-Identifier: Apache-2.0
 *
 * A tmpfs mount as users write it: "/tmp", "/tmp:size=64m,mode=1777".
 */
#ifndef WFE_OCI_TMPFS_H
#define WFE_OCI_TMPFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Free its text with wfe_oci_tmpfs_done(); a struct made by hand may borrow it instead. */
typedef struct wfe_oci_tmpfs {
    char *target;        /* absolute, in the container; the runtime makes it when absent */
    uint64_t size_bytes; /* 0: the kernel's default, half of the memory */
    uint64_t inodes;     /* 0: the kernel's default */
    uint32_t mode;       /* octal as chmod takes it; 0: 01777 */
    uint32_t uid;        /* owner of its root */
    uint32_t gid;
    bool readonly;
    bool allow_exec;
    bool allow_suid;
    bool allow_dev;
} wfe_oci_tmpfs;

/* Options after the colon, by commas: size, nr_inodes, mode, uid, gid, rw, ro, exec, noexec, suid,
 * nosuid, dev, nodev. Not given: rw, noexec, nosuid, nodev, as docker does. INVALID names the bad
 * part and the nearest option, NOMEM. */
int wfe_oci_tmpfs_parse(const char *text, wfe_oci_tmpfs *ret, wfe_error *err);
void wfe_oci_tmpfs_done(wfe_oci_tmpfs *tmpfs);

#endif
