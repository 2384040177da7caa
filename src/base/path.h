/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths as text, part by part: what names the same place however its slashes are written and
 * whatever "." is in between. No file is looked at, and ".." is a part like any other.
 */
#ifndef WFE_BASE_PATH_H
#define WFE_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Moves *path to its next part that is not "." and gives the length of that; 0 at the end. */
size_t wfe_path_next(const char **path);
/* How many such parts it has: "/a/.//b/" has two. */
size_t wfe_path_depth(const char *path);
/* Do both name the same place, when no symbolic link is in the way. */
bool wfe_path_is_same(const char *a, const char *b);

#endif
