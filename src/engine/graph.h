/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a workflow the other way round: which ones need a given step. Made once per run and
 * workflow, since the plan only says what a step needs.
 */
#ifndef WFE_ENGINE_GRAPH_H
#define WFE_ENGINE_GRAPH_H

#include "workflow/plan.h"

typedef struct wfe_graph {
    uint32_t first;      /* index of the workflow's first step; steps are counted from it */
    uint32_t *dependent; /* steps that need one, those of one step in a row */
    uint32_t *begin;     /* of step i: dependent[begin[i]] to dependent[begin[i + 1]] */
} wfe_graph;

/* Index of the first of the n_steps steps of a workflow. */
uint32_t wfe_graph_first(const wfe_plan *plan, uint32_t workflow);
int wfe_graph_init(wfe_graph *graph, const wfe_plan *plan, uint32_t workflow, wfe_error *err);
void wfe_graph_done(wfe_graph *graph);

#endif
