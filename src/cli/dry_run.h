/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run of a plan would do, without doing it: steps in their order, what each waits for, and
 * the conditions, with their outcome where the inputs decide it.
 */
#ifndef WFE_CLI_DRY_RUN_H
#define WFE_CLI_DRY_RUN_H

#include <stdbool.h>
#include <stdio.h>

#include "workflow/plan.h"

/* For people, or as one JSON object. NOMEM. */
int wfe_dry_run(const wfe_plan *plan, bool json, FILE *out, wfe_error *err);

#endif
