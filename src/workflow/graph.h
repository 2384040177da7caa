/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan's main workflow as a graph: the steps that do something, and what each waits for. Blocks
 * are no nodes of their own; hooks hang on the step they belong to.
 */
#ifndef WFE_WORKFLOW_GRAPH_H
#define WFE_WORKFLOW_GRAPH_H

#include <wfe/workflow.h>

#include "base/buf.h"
#include "workflow/plan.h"

/* More cannot be looked at, and layers cost time. */
#define WFE_GRAPH_MAX_NODES 2000
#define WFE_GRAPH_MAX_EDGES 100000

typedef struct wfe_graph_edge {
    uint32_t from; /* nodes */
    uint32_t to;
    const char *label; /* of a hook: "on_failure"; NULL */
    bool of_block;     /* the file does not name the two: one is in a block that is meant */
} wfe_graph_edge;

typedef struct wfe_graph_node {
    uint32_t step;  /* index in the plan */
    uint32_t layer; /* 0: waits for nothing */
} wfe_graph_node;

typedef struct wfe_graph_data {
    const wfe_plan *plan;
    wfe_graph_node *nodes;
    uint32_t n_nodes;
    wfe_graph_edge *edges;
    uint32_t n_edges;
    uint32_t n_layers;
} wfe_graph_data;

/* graph_reduce.c: takes away lines of blocks that others say already. Needs the layers. */
int wfe_graph_reduce(wfe_graph_data *graph, wfe_error *err);
int wfe_plan_graph(const wfe_plan *plan, enum wfe_graph format, char **ret, wfe_error *err);

/* graph_draw.c: with letters, and as a picture. */
int wfe_graph_draw_ascii(const wfe_graph_data *graph, wfe_buf *out, wfe_error *err);
int wfe_graph_draw_svg(const wfe_graph_data *graph, wfe_buf *out, wfe_error *err);
/* What a node says of itself beside its name: "x 3", "when"; "" for nothing. */
#define WFE_GRAPH_NOTE_SIZE 64
void wfe_graph_note(const wfe_plan_step *step, char out[WFE_GRAPH_NOTE_SIZE]);

#endif
