/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/graph.h"

#include <stdlib.h>

/* first_step of the plan is the first in its list; a workflow's hooks may stand before it. */
uint32_t wfe_graph_first(const wfe_plan *plan, uint32_t workflow)
{
    uint32_t at = plan->workflows[workflow].first_step;
    if (at == WFE_PLAN_NONE)
        at = 0;
    while (at > 0 && plan->steps[at - 1].workflow == workflow)
        at--;
    return at;
}

int wfe_graph_init(wfe_graph *graph, const wfe_plan *plan, uint32_t workflow, wfe_error *err)
{
    uint32_t n = plan->workflows[workflow].n_steps;
    uint32_t first = wfe_graph_first(plan, workflow);
    const wfe_plan_step *steps = &plan->steps[first];
    size_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += steps[i].n_needs;
    *graph = (wfe_graph){
        .first = first,
        .dependent = calloc(total ? total : 1, sizeof *graph->dependent),
        .begin = calloc((size_t)n + 2, sizeof *graph->begin),
    };
    if (!graph->dependent || !graph->begin) {
        wfe_graph_done(graph);
        return wfe_error_nomem(err);
    }
    /* Counting sort: begin[i + 2] counts those of i, then begin[i + 1] runs while they are put. */
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < steps[i].n_needs; k++)
            graph->begin[steps[i].needs[k] - first + 2]++;
    for (uint32_t i = 2; i < n + 2; i++)
        graph->begin[i] += graph->begin[i - 1];
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < steps[i].n_needs; k++)
            graph->dependent[graph->begin[steps[i].needs[k] - first + 1]++] = i;
    return 0;
}

void wfe_graph_done(wfe_graph *graph)
{
    free(graph->dependent);
    free(graph->begin);
    *graph = (wfe_graph){0};
}
