/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a file out of an image's root file system, which a stranger made: symbolic links are
 * followed as a process inside would follow them and never lead out of the root.
 */
#ifndef WFE_STEP_ROOTFS_FILE_H
#define WFE_STEP_ROOTFS_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the bytes of path, taken from root_dirfd as its root, to out. Needs Linux 5.6.
 * NOT_FOUND when it is missing, INVALID when it is no regular file (nothing else is ever opened
 * for reading: a FIFO would hang, a device would act), LIMIT when it has more than max bytes,
 * DENIED, IO, NOMEM; out holds no more than before after a failure. */
int wfe_rootfs_file_read(int root_dirfd, const char *path, size_t max, wfe_buf *out,
                         wfe_error *err);

#endif
