/* SPDX-License-Identifier: Apache-2.0
 *
 * How a step ended, and what that means: containerd's word, wfe-init's exit record and the
 * cgroup's counters, brought together.
 */
#ifndef WFE_STEP_ENDING_H
#define WFE_STEP_ENDING_H

#include "step/step_priv.h"

/* The exit code is known and the task not yet deleted: reads what it used, whether the kernel
 * killed for memory, and, where wfe-init says that it could not run the command, makes that the
 * step's failure. */
void wfe_step_ending_read(wfe_step *step);
/* containerd forgot the task: the exit code from the exit record. False when there is none. */
bool wfe_step_ending_from_record(const wfe_step *step, int *ret_exit_code);
/* Everything of the step has ended: takes the outputs of its $WFE_OUTPUT file, over those of
 * stdout. A file that is too long is the step's failure, lines that are no outputs are warnings. */
void wfe_step_ending_read_output_file(wfe_step *step);
/* The error of a call about a task whose shim has died. */
bool wfe_step_ending_is_dead_shim(const wfe_error *err);
/* Usage came from the daemon instead. */
void wfe_step_ending_set_usage(wfe_step *step, const wfe_step_usage *usage);
/* Tells a working directory that is none, and, when there is no wfe-init, a command that cannot be
 * executed, from everything else that Create can fail with; other errors are left as they are. */
void wfe_step_ending_explain_create(const wfe_step *step, wfe_error *err);
/* The same for Start, which fails with what the runtime's first process could not do. */
void wfe_step_ending_explain_start(const wfe_step *step, wfe_error *err);

#endif
