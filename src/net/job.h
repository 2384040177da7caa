/* SPDX-License-Identifier: Apache-2.0
 *
 * A function run in a short-lived copy of this process, whose answer comes back as a wfe_error: how
 * wfe does what only a process of its own may do (making and entering namespaces), without a
 * thread and without blocking the loop. A copy that does not answer in time is killed.
 */
#ifndef WFE_NET_JOB_H
#define WFE_NET_JOB_H

#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"

typedef struct wfe_net_job wfe_net_job;

/* Runs in the copy: every signal is blocked, all descriptors but the standard ones are closed, and
 * the loop and its handles must not be touched. Returns 0 or the kind of the error it has set. */
typedef int (*wfe_net_job_fn)(const void *task, wfe_error *err);
/* Once, from the loop; err->kind is 0 when the function returned 0, TIMEOUT when its time was up.
 * The job is gone when it returns. */
typedef void (*wfe_net_job_done_fn)(const wfe_error *err, void *user);

/* task is read in the copy only, which is made during the call. NOMEM, IO. */
int wfe_net_job_start(wfe_loop *loop, wfe_net_job_fn fn, const void *task, uint64_t timeout_ms,
                      wfe_net_job_done_fn done, void *user, wfe_net_job **ret, wfe_error *err);
/* Kills it; done is not called. NULL is accepted. */
void wfe_net_job_cancel(wfe_net_job *job);

#endif
