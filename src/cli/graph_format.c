/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/graph_format.h"

#include <string.h>

#include "base/nearest.h"

static const struct {
    const char *name;
    enum wfe_graph graph;
} graphs[] = {
    {"dot", WFE_GRAPH_DOT},
    {"mermaid", WFE_GRAPH_MERMAID},
    {"svg", WFE_GRAPH_SVG},
    {"ascii", WFE_GRAPH_ASCII},
};
#define N_GRAPHS (sizeof graphs / sizeof *graphs)

int wfe_graph_format_parse(const char *text, enum wfe_graph *ret, wfe_error *err)
{
    const char *names[N_GRAPHS];
    for (size_t i = 0; i < N_GRAPHS; i++) {
        names[i] = graphs[i].name;
        if (strcmp(names[i], text) == 0) {
            *ret = graphs[i].graph;
            return 0;
        }
    }
    const char *near = wfe_nearest(text, names, N_GRAPHS);
    wfe_error_set(err, WFE_E_INVALID, "--graph is '%s', must be dot, mermaid, svg or ascii", text);
    if (near)
        wfe_error_hint(err, "did you mean %s?", near);
    return WFE_E_INVALID;
}
