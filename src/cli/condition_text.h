/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions for people.
 */
#ifndef WFE_CLI_CONDITION_TEXT_H
#define WFE_CLI_CONDITION_TEXT_H

#include "base/buf.h"
#include "workflow/plan.h"

/* Appends: .inputs.ref equals "main"; all(A, B); not(A). NOMEM. */
int wfe_condition_text(const wfe_plan_condition *condition, wfe_buf *out, wfe_error *err);

/* Do the inputs alone decide it: every field it reads is an input. */
bool wfe_condition_is_of_inputs(const wfe_plan_condition *condition);

#endif
