/* SPDX-License-Identifier: Apache-2.0
 *
 * File descriptors, files and folders: the handful of whole operations that the libc does in
 * pieces (interrupted calls, short writes, parents that do not exist yet).
 */
#ifndef WFE_BASE_FD_H
#define WFE_BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Reads the whole file; LIMIT when it is longer than max_bytes. */
int wfe_fd_read_file(const char *path, size_t max_bytes, wfe_buf *out, wfe_error *err);
/* Writes all bytes to a blocking fd. */
int wfe_fd_write_all(int fd, const void *bytes, size_t len, wfe_error *err);
/* Replaces the file in one step: a temporary file beside it, then rename. */
int wfe_fd_write_file(const char *path, const void *bytes, size_t len, mode_t mode, wfe_error *err);
/* Makes a file that must not be there yet, readable to others (mode) only once it is complete;
 * nothing is left of it on failure. */
int wfe_fd_create_file(const char *path, const void *bytes, size_t len, mode_t mode,
                       wfe_error *err);
/* mkdir -p; parents get the same mode. A folder that exists is fine and keeps its mode. */
int wfe_fd_make_dirs(const char *path, mode_t mode, wfe_error *err);
/* Can nobody but this user and root replace what is in the folder: it is theirs, and others may not
 * write to it, or only to what is their own (mode 1777). For a user who is not root the folder it
 * is in has to be so as well. DENIED with who else can. */
int wfe_fd_check_dir_is_safe(const char *path, wfe_error *err);
/* rm -r without following symbolic links or entering what is mounted, also while somebody changes
 * the tree (remove_tree.c); a path that does not exist is fine. Of path itself only the last part
 * is not followed. */
int wfe_fd_remove_tree(const char *path, wfe_error *err);

#endif
