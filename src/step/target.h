/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths in the container that a step names: checked before anything is made, since what the
 * runtime says about them speaks of its own folders.
 */
#ifndef WFE_STEP_TARGET_H
#define WFE_STEP_TARGET_H

#include "base/error.h"

/* Fits into the kernel's limits and has no "..": INVALID, LIMIT. what begins the message. */
int wfe_step_target_check(const char *what, const char *path, wfe_error *err);
/* The same for a place something is mounted at: neither / nor /dev, which a container cannot do
 * without, nor /proc, nor wfe's own /.wfe. source: of a bind mount, NULL for a tmpfs, which cannot
 * be below /proc either. */
int wfe_step_target_check_mount(const char *what, const char *path, const char *source,
                                wfe_error *err);

#endif
