/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures of a graph, a column for each layer: SVG for a browser, letters for a terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "workflow/graph.h"

/* Pixels. */
#define BOX_WIDTH 180
#define BOX_HEIGHT 36
#define GAP_X 60
#define GAP_Y 16
#define MARGIN 20
/* Letters of a name that fit into a box. */
#define SHOWN_LETTERS 22

static const wfe_plan_step *step_of(const wfe_graph_data *graph, uint32_t node)
{
    return &graph->plan->steps[graph->nodes[node].step];
}

/* ---- letters ---- */

static int append_sources(const wfe_graph_data *graph, uint32_t node, wfe_buf *out, wfe_error *err)
{
    const char *before = "   after ";
    int rc = 0;
    for (uint32_t i = 0; !rc && i < graph->n_edges; i++) {
        if (graph->edges[i].to != node || graph->edges[i].label)
            continue;
        rc = wfe_buf_printf(out, err, "%s%s", before, step_of(graph, graph->edges[i].from)->name);
        before = ", ";
    }
    return rc;
}

static int append_hooks(const wfe_graph_data *graph, uint32_t node, wfe_buf *out, wfe_error *err)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < graph->n_edges; i++) {
        if (graph->edges[i].from == node && graph->edges[i].label)
            rc = wfe_buf_printf(out, err, "   |     %-10s %s\n", graph->edges[i].label,
                                step_of(graph, graph->edges[i].to)->name);
    }
    return rc;
}

static int draw_line(const wfe_graph_data *graph, uint32_t node, wfe_buf *out, wfe_error *err)
{
    char note[WFE_GRAPH_NOTE_SIZE];
    const wfe_plan_step *step = step_of(graph, node);
    wfe_graph_note(step, note);
    int rc = wfe_buf_printf(out, err, "   +-- %s%s%s%s", step->name, *note ? " (" : "", note,
                            *note ? ")" : "");
    if (!rc)
        rc = append_sources(graph, node, out, err);
    if (!rc)
        rc = wfe_buf_append_str(out, "\n", err);
    return rc ? rc : append_hooks(graph, node, out, err);
}

int wfe_graph_draw_ascii(const wfe_graph_data *graph, wfe_buf *out, wfe_error *err)
{
    int rc = 0;
    uint32_t shown = 0;
    for (uint32_t layer = 0; !rc && layer < graph->n_layers; layer++) {
        bool any = false;
        for (uint32_t i = 0; !rc && i < graph->n_nodes; i++) {
            if (graph->nodes[i].layer != layer || step_of(graph, i)->role != WFE_PLAN_ROLE_STEP)
                continue;
            if (!any)
                rc = wfe_buf_printf(out, err, "%s%2u +\n", shown ? "   |\n" : "", shown + 1);
            any = true;
            if (!rc)
                rc = draw_line(graph, i, out, err);
        }
        shown += any;
    }
    for (uint32_t i = 0; !rc && i < graph->n_nodes; i++) {
        const wfe_plan_step *step = step_of(graph, i);
        if (step->role != WFE_PLAN_ROLE_STEP && step->parent == WFE_PLAN_NONE)
            rc = wfe_buf_printf(out, err, "   of the run: %s (%s)\n", step->name,
                                step->role == WFE_PLAN_ROLE_ENSURE       ? "ensure"
                                : step->role == WFE_PLAN_ROLE_ON_FAILURE ? "on_failure"
                                                                         : "on_success");
    }
    return rc;
}

/* ---- SVG ---- */

static int append_escaped(wfe_buf *out, const char *text, size_t max_letters, wfe_error *err)
{
    size_t letters = 0;
    int rc = 0;
    for (const char *c = text; !rc && *c; c++) {
        if (((unsigned char)*c & 0xc0) != 0x80 && letters++ == max_letters)
            return wfe_buf_append_str(out, "\xe2\x80\xa6", err);
        const char *entity = *c == '&'   ? "&amp;"
                             : *c == '<' ? "&lt;"
                             : *c == '>' ? "&gt;"
                             : *c == '"' ? "&quot;"
                                         : NULL;
        rc = entity ? wfe_buf_append_str(out, entity, err) : wfe_buf_append(out, c, 1, err);
    }
    return rc;
}

typedef struct place {
    int x;
    int y;
} place;

/* Rows in the order of the file; returns how many rows the fullest column has. */
static uint32_t set_places(const wfe_graph_data *graph, place *places, uint32_t *rows)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        uint32_t row = rows[graph->nodes[i].layer]++;
        places[i].x = MARGIN + (int)graph->nodes[i].layer * (BOX_WIDTH + GAP_X);
        places[i].y = MARGIN + (int)row * (BOX_HEIGHT + GAP_Y);
        most = row + 1 > most ? row + 1 : most;
    }
    return most;
}

static int draw_edge(const wfe_graph_edge *edge, const place *places, wfe_buf *out, wfe_error *err)
{
    int x1 = places[edge->from].x + BOX_WIDTH, y1 = places[edge->from].y + BOX_HEIGHT / 2;
    int x2 = places[edge->to].x, y2 = places[edge->to].y + BOX_HEIGHT / 2;
    int bend = (x2 - x1) / 2;
    int rc =
        wfe_buf_printf(out, err, "<path class=\"%s\" d=\"M%d %d C%d %d %d %d %d %d\">",
                       edge->label ? "hook" : "line", x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2);
    if (!rc && edge->label)
        rc = wfe_buf_printf(out, err, "<title>%s</title>", edge->label);
    return rc ? rc : wfe_buf_append_str(out, "</path>\n", err);
}

static int draw_box(const wfe_plan_step *step, place at, wfe_buf *out, wfe_error *err)
{
    char note[WFE_GRAPH_NOTE_SIZE];
    wfe_graph_note(step, note);
    int rc = wfe_buf_append_str(out, "<g><title>", err);
    if (!rc)
        rc = append_escaped(out, step->name, SIZE_MAX, err);
    if (!rc && *note)
        rc = wfe_buf_printf(out, err, " (%s)", note);
    if (!rc)
        rc = wfe_buf_printf(out, err,
                            "</title><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" "
                            "height=\"%d\" rx=\"6\"/><text x=\"%d\" y=\"%d\">",
                            step->role == WFE_PLAN_ROLE_STEP ? "step" : "step hook", at.x, at.y,
                            BOX_WIDTH, BOX_HEIGHT, at.x + BOX_WIDTH / 2, at.y + BOX_HEIGHT / 2 + 5);
    if (!rc)
        rc = append_escaped(out, step->name, SHOWN_LETTERS, err);
    return rc ? rc : wfe_buf_append_str(out, "</text></g>\n", err);
}

int wfe_graph_draw_svg(const wfe_graph_data *graph, wfe_buf *out, wfe_error *err)
{
    _cleanup_free_ place *places = calloc(graph->n_nodes + 1, sizeof *places);
    _cleanup_free_ uint32_t *rows = calloc(graph->n_layers + 1, sizeof *rows);
    if (!places || !rows)
        return wfe_error_nomem(err);
    uint32_t most = set_places(graph, places, rows);
    int width = 2 * MARGIN + (int)graph->n_layers * (BOX_WIDTH + GAP_X) - GAP_X;
    int height = 2 * MARGIN + (int)most * (BOX_HEIGHT + GAP_Y) - GAP_Y;
    int rc = wfe_buf_printf(
        out, err,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
        "%d\" role=\"img\" aria-label=\"steps of the workflow\">\n<style>text{font:14px "
        "sans-serif;text-anchor:middle;fill:#1b1f24}.step{fill:#eef3fb;stroke:#3b5b8c}.line,.hook"
        "{fill:none;stroke:#57606a}.hook{stroke-dasharray:4 3}.step.hook{fill:#fff}</style>\n",
        width, height, width, height);
    for (uint32_t i = 0; !rc && i < graph->n_edges; i++)
        rc = draw_edge(&graph->edges[i], places, out, err);
    for (uint32_t i = 0; !rc && i < graph->n_nodes; i++)
        rc = draw_box(step_of(graph, i), places[i], out, err);
    return rc ? rc : wfe_buf_append_str(out, "</svg>\n", err);
}
