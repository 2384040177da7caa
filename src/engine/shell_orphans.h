/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes that a shell step has left behind because its wfe was killed. Each attempt has a file
 * for its outputs of a name of its own, and every process of it has that name in its environment:
 * this is how they are told from all others, whatever became of pids and process groups. One that
 * gave its environment up cannot be told, and is let be.
 */
#ifndef WFE_ENGINE_SHELL_ORPHANS_H
#define WFE_ENGINE_SHELL_ORPHANS_H

#include "engine/context.h"

/* Notes the file's name, before any process of the attempt is there; *ret is where (free with
 * free()), to be removed with the attempt. */
int wfe_shell_note(const wfe_context *context, const char *path, unsigned attempt,
                   const char *output_path, char **ret, wfe_error *err);
/* Kills what is there of an attempt of another process, and waits until it is gone; removes its
 * files. What cannot be killed is logged. Blocks, for at most a second. False: there is no note,
 * and since the folder is the same one, nothing of the attempt was ever started. */
bool wfe_shell_kill_orphans(const wfe_context *context, const char *path, unsigned attempt);

#endif
