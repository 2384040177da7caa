/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs that are given to a run that has some already: it goes on, or is repeated, with those that
 * it was begun with, and what is given must not be something else.
 */
#ifndef WFE_ENGINE_GIVEN_INPUTS_H
#define WFE_ENGINE_GIVEN_INPUTS_H

#include <stddef.h>

#include "engine/run_store.h"

/* The value of the last "KEY=VALUE" with this key of len bytes, which counts, as for a new run;
 * NULL when there is none. texts may be NULL. */
const char *wfe_given_inputs_find(const char *const *texts, const char *key, size_t len);

/* plan is the run's. file holds the values of a file, or is NULL; texts are "KEY=VALUE",
 * NULL-terminated, may be NULL, and go before the file. Secret inputs were not stored, and may be
 * anything. INVALID: a value differs from the stored one, the run has no such input, or a text is
 * no "KEY=VALUE". */
int wfe_given_inputs_check(const wfe_stored_run *run, const wfe_plan *plan, const json_t *file,
                           const char *const *texts, wfe_error *err);

#endif
