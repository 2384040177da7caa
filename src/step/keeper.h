/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds the FIFOs of steps open when their wfe has been killed. What a container wrote waits in
 * the FIFO for the next wfe, but only as long as somebody has it open: the shim closes it when the
 * container has ended, and the kernel drops what nobody can read any more. So a small copy of this
 * process, in a session of its own, holds a reading end of each. It lets one go when the FIFO's
 * folder is moved or removed, and ends with the last one after the end of its wfe.
 */
#ifndef WFE_STEP_KEEPER_H
#define WFE_STEP_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct wfe_keeper wfe_keeper;

/* To be made early: the copy holds what memory holds then, so nothing secret should be in it. */
int wfe_keeper_new(wfe_keeper **ret, wfe_error *err);
/* Takes note of the folder and its FIFOs; the descriptors are borrowed. From here on they are safe,
 * also when this process is killed at once. */
int wfe_keeper_add(wfe_keeper *keeper, const char *folder, const int fds[2], wfe_error *err);
/* The copy ends when it holds nothing any more. NULL is accepted. */
void wfe_keeper_free(wfe_keeper *keeper);
WFE_DEFINE_CLEANUP(wfe_keeper, wfe_keeper_free)
pid_t wfe_keeper_pid(const wfe_keeper *keeper);

#endif
