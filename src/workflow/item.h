/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps that run once for each item of a list.
 */
#ifndef WFE_WORKFLOW_ITEM_H
#define WFE_WORKFLOW_ITEM_H

#include "workflow/loader.h"

#define WFE_ITEM_DEFAULT_MAX 1000

/* Reads for_each of the step with this index, and keeps what its items are made from. */
int wfe_item_prepare(wfe_loader *l, uint32_t step, const wfe_raw_step *raw);
/* Is an input that for_each of the step names declared, and a list. */
void wfe_item_check(wfe_loader *l, const wfe_plan_workflow *workflow, const wfe_plan_step *step);

#endif
