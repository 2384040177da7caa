/* SPDX-License-Identifier: Apache-2.0
 *
 * The --graph option: how a graph of steps is printed.
 */
#ifndef WFE_CLI_GRAPH_FORMAT_H
#define WFE_CLI_GRAPH_FORMAT_H

#include <wfe/workflow.h>

#include "base/error.h"

/* Its argument in a table of options. */
#define WFE_GRAPH_FORMATS "dot|mermaid|svg|ascii"

/* INVALID for any other word. */
int wfe_graph_format_parse(const char *text, enum wfe_graph *ret, wfe_error *err);

#endif
