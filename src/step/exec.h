/* SPDX-License-Identifier: Apache-2.0
 *
 * A second command in the container of a running step: how services are asked whether they are
 * ready. It runs as the step's own command does (user, environment, folder, confinement), its
 * output is dropped, and it is killed when its time is up; the container is not touched.
 */
#ifndef WFE_STEP_EXEC_H
#define WFE_STEP_EXEC_H

#include <stdint.h>

#include "base/error.h"
#include "containerd/wfe_client.h"

typedef struct wfe_step_exec wfe_step_exec;

/* Once, from the loop; the exec is gone when it returns. exit_code counts when err->kind is 0.
 * TIMEOUT when it was killed; NOT_FOUND when there is no such container, or it has ended; else the
 * daemon's error, also for a command that is not in the container. */
typedef void (*wfe_step_exec_fn)(int exit_code, const wfe_error *err, void *user);

typedef struct wfe_step_exec_options {
    const char *container_id;
    const char *exec_id; /* a name of its own among those of the container; as wfe_id_is_valid */
    const char *const *argv;
    uint64_t timeout_ms;
} wfe_step_exec_options;

/* Copies the options. INVALID, NOMEM. */
int wfe_step_exec_start(wfe_client *client, const wfe_step_exec_options *options,
                        wfe_step_exec_fn done, void *user, wfe_step_exec **ret, wfe_error *err);
/* done is not called; what was started ends with its container at the latest. NULL is accepted. */
void wfe_step_exec_cancel(wfe_step_exec *exec);

#endif
