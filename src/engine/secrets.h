/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of the secrets that a run uses: read once before its first step, from a variable, a
 * file, or what a command prints; known to the masker from then on; cleared when they are freed.
 */
#ifndef WFE_ENGINE_SECRETS_H
#define WFE_ENGINE_SECRETS_H

#include "engine/context.h"

/* A command has this long, and all of a value must fit. */
#define WFE_SECRET_COMMAND_MS 30000
#define WFE_SECRET_MAX_BYTES ((size_t)64 * 1024)

typedef struct wfe_secrets wfe_secrets;
typedef void (*wfe_secrets_fn)(const wfe_error *err, void *user);

/* Reads the secrets of all workflows of the plan that the run can come to. done comes once, from
 * the loop. The context's mask must be there, its folder must be, too. */
int wfe_secrets_new(wfe_context *context, const wfe_plan *plan, wfe_lookup_fn lookup,
                    void *lookup_user, wfe_secrets_fn done, void *user, wfe_secrets **ret,
                    wfe_error *err);
/* Before done: what is under way is killed, and done is not called. */
void wfe_secrets_free(wfe_secrets *secrets);

/* What a step asks for. *ret has step->n_secrets of them; free with free(). */
int wfe_secrets_of_step(const wfe_secrets *secrets, const wfe_plan_step *step,
                        wfe_attempt_secret **ret, wfe_error *err);

#endif
