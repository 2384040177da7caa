/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML text to a tree of nodes: the only file that names libfyaml, which is loaded at first use.
 * Anchors, aliases and merge keys are resolved, keys checked to be texts and unique; sizes are
 * bounded.
 *
 * libfyaml 0.7.12 leaks, and may crash, when malloc fails in them: memory that runs out there
 * is not survived. All of our own allocations are checked (tests/unit/test_workflow_nomem.c).
 */
#ifndef WFE_WORKFLOW_YAML_H
#define WFE_WORKFLOW_YAML_H

#include <stddef.h>

#include "base/error.h"
#include "workflow/diagnostics.h"
#include "workflow/node.h"

#define WFE_YAML_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define WFE_YAML_MAX_ANCHORS 1000

/* Parses text, which may use no more than *n_nodes nodes after expansion; what it used is taken
 * off. file is its index, for positions. *ret is NULL for an empty text, and after an error in it,
 * which is in list. The error itself is for what has nothing to do with the text: UNAVAILABLE
 * without libfyaml, NOMEM. */
int wfe_yaml_parse(const char *text, size_t len, uint32_t file, uint32_t *n_nodes, wfe_arena *arena,
                   wfe_diagnostics *list, wfe_node **ret, wfe_error *err);

#endif
