/* SPDX-License-Identifier: Apache-2.0
 *
 * The types of inputs and outputs as they are written: string, number?, list<map<integer>>.
 */
#ifndef WFE_WORKFLOW_TYPES_H
#define WFE_WORKFLOW_TYPES_H

#include "base/error.h"
#include "workflow/arena.h"
#include "workflow/plan.h"

#define WFE_TYPE_MAX_DEPTH 16

/* The names a type is made of. */
extern const char *const wfe_type_names[];
extern const size_t wfe_n_type_names;

/* INVALID with one of "Empty type string", "Unknown type: 'T'", "Unknown generic type: 'T'" and
 * "Malformed generic type: 'T'"; NOMEM. What out points to is in the arena. */
int wfe_type_parse(wfe_arena *arena, const char *text, wfe_plan_type *out, wfe_error *err);

#endif
