/* SPDX-License-Identifier: Apache-2.0
 *
 * `when`: from the tree of the file to a condition. Evaluating one is in plan.h.
 */
#ifndef WFE_WORKFLOW_CONDITION_H
#define WFE_WORKFLOW_CONDITION_H

#include "base/error.h"
#include "workflow/diagnostics.h"
#include "workflow/index.h"
#include "workflow/node.h"
#include "workflow/plan.h"

/* Compiles node; *ret is in the arena. After a mistake, which is in list, it is what could be read,
 * good for wfe_condition_check alone: a part that is wrong compares no path. NOMEM. */
int wfe_condition_compile(wfe_arena *arena, wfe_diagnostics *list, const wfe_node *node,
                          const wfe_plan_condition **ret);

/* Does the outcome not depend on any data. */
enum wfe_constancy { WFE_CONDITION_VARIES, WFE_CONDITION_ALWAYS, WFE_CONDITION_NEVER };
enum wfe_constancy wfe_condition_constancy(const wfe_plan_condition *condition);

/* Checks the fields of a condition against what the workflow declares, if it declares anything.
 * outputs: declared outputs of the workflow; step_outputs: names that steps declare. */
void wfe_condition_check(wfe_diagnostics *list, const wfe_plan_workflow *workflow,
                         const wfe_plan_condition *condition, const wfe_index *step_outputs);

/* "equals", "all", ...: as a file writes it. */
const char *wfe_condition_name(enum wfe_plan_operator op);

#endif
