/* SPDX-License-Identifier: Apache-2.0
 *
 * A block is many lines in a graph: from all its steps to what waits for it, and to all its steps
 * from what it waits for. Those that a way of other lines says as well are taken away.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "workflow/graph.h"

/* For each node a set of those that come before it. */
typedef struct ancestors {
    uint64_t *bits;
    size_t words; /* of a set */
} ancestors;

static uint64_t *set_of(const ancestors *a, uint32_t node)
{
    return a->bits + node * a->words;
}

static bool is_in(const ancestors *a, uint32_t node, uint32_t of)
{
    return set_of(a, of)[node / 64] >> (node % 64) & 1;
}

/* The lines that end in each node stand together. */
static void add_edge(const ancestors *a, const wfe_graph_edge *edge)
{
    uint64_t *to = set_of(a, edge->to);
    const uint64_t *from = set_of(a, edge->from);
    for (size_t i = 0; i < a->words; i++)
        to[i] |= from[i];
    to[edge->from / 64] |= (uint64_t)1 << (edge->from % 64);
}

static void fill(const wfe_graph_data *graph, const ancestors *a)
{
    for (uint32_t layer = 1; layer < graph->n_layers; layer++) {
        for (uint32_t i = 0; i < graph->n_edges; i++) {
            if (graph->nodes[graph->edges[i].to].layer == layer)
                add_edge(a, &graph->edges[i]);
        }
    }
}

/* Does another line that ends where edges[i] does come from something behind its beginning. */
static bool is_implied(const wfe_graph_data *graph, const ancestors *a, uint32_t i)
{
    const wfe_graph_edge *edge = &graph->edges[i];
    uint32_t first = i;
    while (first > 0 && graph->edges[first - 1].to == edge->to)
        first--;
    for (uint32_t k = first; k < graph->n_edges && graph->edges[k].to == edge->to; k++) {
        if (k != i && is_in(a, edge->from, graph->edges[k].from))
            return true;
    }
    return false;
}

int wfe_graph_reduce(wfe_graph_data *graph, wfe_error *err)
{
    ancestors a = {.words = graph->n_nodes / 64 + 1};
    _cleanup_free_ uint64_t *bits = calloc((size_t)graph->n_nodes + 1, a.words * sizeof *bits);
    _cleanup_free_ wfe_graph_edge *kept = calloc((size_t)graph->n_edges + 1, sizeof *kept);
    uint32_t n = 0;
    if (!bits || !kept)
        return wfe_error_nomem(err);
    a.bits = bits;
    fill(graph, &a);
    for (uint32_t i = 0; i < graph->n_edges; i++) {
        const wfe_graph_edge *edge = &graph->edges[i];
        if (!edge->of_block || edge->label || !is_implied(graph, &a, i))
            kept[n++] = *edge;
    }
    if (n)
        memcpy(graph->edges, kept, n * sizeof *kept);
    graph->n_edges = n;
    return 0;
}
