/* SPDX-License-Identifier: Apache-2.0
 *
 * ((a.b)): names of values in the texts of a tree. A scalar that is one name takes the value with
 * its type, but never becomes a part of the file's structure; elsewhere the value's text is put in.
 */
#ifndef WFE_WORKFLOW_INTERPOLATE_H
#define WFE_WORKFLOW_INTERPOLATE_H

#include "workflow/diagnostics.h"
#include "workflow/index.h"
#include "workflow/node.h"

/* Most bytes a text may have after that. */
#define WFE_INTERPOLATE_MAX_BYTES ((size_t)1024 * 1024)

typedef struct wfe_interpolation {
    wfe_arena *arena;
    wfe_diagnostics *list;
    const json_t *values;
    /* Names that may be left without a value for now (partial), or always have one (item). */
    const wfe_index *open; /* NULL: none */
    wfe_index *used;       /* NULL, or gets the first part of each name that was asked for */
    bool out_of_memory;
    /* At run time: ((item)) and ((index)). Without, they stay as they are. */
    const json_t *item;
    uint32_t index;
    size_t n_bytes;  /* of replaced texts so far */
    uint32_t n_left; /* nodes that may still be made */
} wfe_interpolation;

/* Is there a ((name)) in text from there on: its name, NULL without. */
const char *wfe_interpolate_find(const char *text, size_t *ret_len);

/* Replaces all names in the tree below node, in place. Mistakes are told. 0 or NOMEM. */
int wfe_interpolate(wfe_interpolation *in, wfe_node *node);

#endif
