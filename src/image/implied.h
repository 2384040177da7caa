/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders of an unpacked layer that the layer itself does not describe. containerd's unpacker makes
 * the parents of a file that are missing, with owner, mode and extended attributes that they have
 * in the layers below (mkparent in containerd's pkg/archive); unpacked without those, they get them
 * here. What tells such a folder is its times: it was changed last when the last file was made in
 * it, while a described one has the time of its entry, and was given that later. One that is
 * described after files in it counts as described: extended attributes that it has below, and that
 * its entry does not repeat, are not found out then.
 *
 * The tree is walked in slices, so that a loop can do other things in between, and what is held of
 * it does not grow with the files in a folder: a registry decides how many there are.
 */
#ifndef WFE_IMAGE_IMPLIED_H
#define WFE_IMAGE_IMPLIED_H

#include <stdbool.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct wfe_image_implied wfe_image_implied;

/* Folders below dir that were changed at since or later; dir itself is none. since is a time of the
 * file system's own clock from before the layer was unpacked. dir is copied. NOMEM, IO. */
int wfe_image_implied_new(const char *dir, const struct timespec *since, wfe_image_implied **ret,
                          wfe_error *err);
/* Looks at some more; *ret_done: it has seen everything. IO; LIMIT: there are too
 * many, or one in another too often. Not to be called again after a failure. */
int wfe_image_implied_step(wfe_image_implied *implied, bool *ret_done, wfe_error *err);
/* Gives them what they have in the uppermost of the n folders below, listed from the top, that has
 * them. With everything seen only. UNAVAILABLE: it cannot be told which folders they are, or
 * containerd would not have made them so. */
int wfe_image_implied_complete(const wfe_image_implied *implied, const char *const *below, size_t n,
                               wfe_error *err);
/* Was there anything at all in dir. */
bool wfe_image_implied_found_files(const wfe_image_implied *implied);
/* NULL is accepted. */
void wfe_image_implied_free(wfe_image_implied *implied);
WFE_DEFINE_CLEANUP(wfe_image_implied, wfe_image_implied_free)

#endif
