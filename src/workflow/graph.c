/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define OUT_MAX_BYTES ((size_t)16 * 1024 * 1024)

typedef struct builder {
    wfe_graph_data graph;
    uint32_t *node_of; /* by step; WFE_PLAN_NONE for a block */
    uint32_t cap_edges;
    wfe_error *err;
} builder;

static const wfe_plan_step *step_of(const builder *b, uint32_t step)
{
    return &b->graph.plan->steps[step];
}

/* ---- nodes ---- */

static int add_nodes(builder *b)
{
    const wfe_plan *plan = b->graph.plan;
    b->node_of = calloc(plan->n_steps + 1, sizeof *b->node_of);
    b->graph.nodes = calloc(plan->n_steps + 1, sizeof *b->graph.nodes);
    if (!b->node_of || !b->graph.nodes)
        return wfe_error_nomem(b->err);
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        b->node_of[i] = WFE_PLAN_NONE;
        if (plan->steps[i].workflow != plan->main || plan->steps[i].type == WFE_PLAN_STEP_PARALLEL)
            continue;
        b->node_of[i] = b->graph.n_nodes;
        b->graph.nodes[b->graph.n_nodes++] = (wfe_graph_node){.step = i};
    }
    if (b->graph.n_nodes > WFE_GRAPH_MAX_NODES)
        return wfe_error_set(b->err, WFE_E_LIMIT, "the graph has %u steps, at most %d can be drawn",
                             b->graph.n_nodes, WFE_GRAPH_MAX_NODES);
    return 0;
}

/* ---- edges ---- */

static int add_edge(builder *b, wfe_graph_edge edge)
{
    for (uint32_t i = b->graph.n_edges; i > 0 && b->graph.edges[i - 1].to == edge.to; i--) {
        if (b->graph.edges[i - 1].from != edge.from)
            continue;
        b->graph.edges[i - 1].of_block &= edge.of_block;
        return 0;
    }
    if (b->graph.n_edges == b->cap_edges) {
        uint32_t cap = b->cap_edges ? 2 * b->cap_edges : 256;
        wfe_graph_edge *edges = realloc(b->graph.edges, cap * sizeof *edges);
        if (!edges)
            return wfe_error_nomem(b->err);
        b->graph.edges = edges;
        b->cap_edges = cap;
    }
    if (b->graph.n_edges == WFE_GRAPH_MAX_EDGES)
        return wfe_error_set(b->err, WFE_E_LIMIT,
                             "the graph has more than %d lines, which cannot be drawn",
                             WFE_GRAPH_MAX_EDGES);
    b->graph.edges[b->graph.n_edges++] = edge;
    return 0;
}

/* What ends last of a step: itself, or the steps of a block. */
static int add_from(builder *b, uint32_t step, wfe_graph_edge edge)
{
    edge.from = b->node_of[step];
    if (edge.from != WFE_PLAN_NONE)
        return add_edge(b, edge);
    int rc = 0;
    edge.of_block = true;
    for (uint32_t i = step_of(b, step)->first_child; !rc && i != WFE_PLAN_NONE;
         i = step_of(b, i)->next_sibling)
        rc = add_from(b, i, edge);
    return rc;
}

/* A child of a block waits for what its block waits for, too. */
static int add_needs(builder *b, uint32_t step, uint32_t to, bool of_block)
{
    wfe_graph_edge edge = {.to = to, .of_block = of_block};
    const wfe_plan_step *s = step_of(b, step);
    int rc = 0;
    for (uint32_t i = 0; !rc && i < s->n_needs; i++)
        rc = add_from(b, s->needs[i], edge);
    if (!rc && s->parent != WFE_PLAN_NONE && s->role == WFE_PLAN_ROLE_STEP)
        return add_needs(b, s->parent, to, true);
    if (rc || s->role == WFE_PLAN_ROLE_STEP || s->parent == WFE_PLAN_NONE)
        return rc;
    edge.label = s->role == WFE_PLAN_ROLE_ENSURE       ? "ensure"
                 : s->role == WFE_PLAN_ROLE_ON_FAILURE ? "on_failure"
                                                       : "on_success";
    return add_from(b, s->parent, edge);
}

static int add_edges(builder *b)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < b->graph.n_nodes; i++)
        rc = add_needs(b, b->graph.nodes[i].step, i, false);
    return rc;
}

/* Longest way from a start. Plans have no cycles; lines come in any order. */
static void set_layers(wfe_graph_data *graph)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < graph->n_edges; i++) {
            uint32_t after = graph->nodes[graph->edges[i].from].layer + 1;
            if (graph->nodes[graph->edges[i].to].layer < after) {
                graph->nodes[graph->edges[i].to].layer = after;
                changed = true;
            }
        }
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].layer >= graph->n_layers)
            graph->n_layers = graph->nodes[i].layer + 1;
    }
}

/* ---- texts for other programs ---- */

void wfe_graph_note(const wfe_plan_step *step, char out[WFE_GRAPH_NOTE_SIZE])
{
    const char *when = step->when ? "when" : "";
    out[0] = '\0';
    if (step->for_each && step->for_each->items)
        snprintf(out, WFE_GRAPH_NOTE_SIZE, "x %zu%s%s", json_array_size(step->for_each->items),
                 *when ? ", " : "", when);
    else if (step->for_each)
        snprintf(out, WFE_GRAPH_NOTE_SIZE, "for each%s%s", *when ? ", " : "", when);
    else
        snprintf(out, WFE_GRAPH_NOTE_SIZE, "%s", when);
}

/* A name inside of quotes, with what would end them replaced. */
static int put_label(wfe_buf *out, const wfe_plan_step *step, bool mermaid, wfe_error *err)
{
    char note[WFE_GRAPH_NOTE_SIZE];
    int rc = 0;
    for (const char *c = step->name; !rc && *c; c++) {
        if (*c == '"')
            rc = wfe_buf_append_str(out, mermaid ? "#quot;" : "\\\"", err);
        else if (*c == '\\' && !mermaid)
            rc = wfe_buf_append_str(out, "\\\\", err);
        else
            rc = wfe_buf_append(out, c, 1, err);
    }
    wfe_graph_note(step, note);
    if (!rc && *note)
        rc = wfe_buf_printf(out, err, " (%s)", note);
    return rc;
}

static int write_dot(const wfe_graph_data *graph, wfe_buf *out, wfe_error *err)
{
    int rc =
        wfe_buf_append_str(out, "digraph workflow {\n  rankdir=LR;\n  node [shape=box];\n", err);
    for (uint32_t i = 0; !rc && i < graph->n_nodes; i++) {
        const wfe_plan_step *step = &graph->plan->steps[graph->nodes[i].step];
        rc = wfe_buf_printf(out, err, "  s%u [label=\"", i);
        if (!rc)
            rc = put_label(out, step, false, err);
        if (!rc)
            rc = wfe_buf_append_str(
                out, step->role == WFE_PLAN_ROLE_STEP ? "\"];\n" : "\", style=dashed];\n", err);
    }
    for (uint32_t i = 0; !rc && i < graph->n_edges; i++) {
        const wfe_graph_edge *edge = &graph->edges[i];
        rc = edge->label ? wfe_buf_printf(out, err, "  s%u -> s%u [label=\"%s\", style=dashed];\n",
                                          edge->from, edge->to, edge->label)
                         : wfe_buf_printf(out, err, "  s%u -> s%u;\n", edge->from, edge->to);
    }
    return rc ? rc : wfe_buf_append_str(out, "}\n", err);
}

static int write_mermaid(const wfe_graph_data *graph, wfe_buf *out, wfe_error *err)
{
    int rc = wfe_buf_append_str(out, "flowchart LR\n", err);
    for (uint32_t i = 0; !rc && i < graph->n_nodes; i++) {
        rc = wfe_buf_printf(out, err, "  s%u[\"", i);
        if (!rc)
            rc = put_label(out, &graph->plan->steps[graph->nodes[i].step], true, err);
        if (!rc)
            rc = wfe_buf_append_str(out, "\"]\n", err);
    }
    for (uint32_t i = 0; !rc && i < graph->n_edges; i++) {
        const wfe_graph_edge *edge = &graph->edges[i];
        rc = edge->label ? wfe_buf_printf(out, err, "  s%u -.->|%s| s%u\n", edge->from, edge->label,
                                          edge->to)
                         : wfe_buf_printf(out, err, "  s%u --> s%u\n", edge->from, edge->to);
    }
    return rc;
}

/* ---- the whole ---- */

static int write_graph(const wfe_graph_data *graph, enum wfe_graph format, wfe_buf *out,
                       wfe_error *err)
{
    switch (format) {
    case WFE_GRAPH_DOT:
        return write_dot(graph, out, err);
    case WFE_GRAPH_MERMAID:
        return write_mermaid(graph, out, err);
    case WFE_GRAPH_SVG:
        return wfe_graph_draw_svg(graph, out, err);
    case WFE_GRAPH_ASCII:
        return wfe_graph_draw_ascii(graph, out, err);
    }
    return wfe_error_set(err, WFE_E_INVALID, "there is no form %d of a graph", (int)format);
}

int wfe_plan_graph(const wfe_plan *plan, enum wfe_graph format, char **ret, wfe_error *err)
{
    builder b = {.graph = {.plan = plan}, .err = err};
    _cleanup_(wfe_buf_done) wfe_buf out = WFE_BUF_INIT(OUT_MAX_BYTES);
    int rc = add_nodes(&b);
    if (!rc)
        rc = add_edges(&b);
    if (!rc) {
        set_layers(&b.graph);
        rc = wfe_graph_reduce(&b.graph, err);
    }
    if (!rc)
        rc = write_graph(&b.graph, format, &out, err);
    free(b.node_of);
    free(b.graph.nodes);
    free(b.graph.edges);
    if (rc)
        return rc;
    char *text = wfe_buf_take(&out, NULL);
    if (!text)
        return wfe_error_nomem(err);
    *ret = text;
    return 0;
}
