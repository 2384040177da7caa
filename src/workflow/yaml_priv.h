/* SPDX-License-Identifier: Apache-2.0
 *
 * Building the tree while the parser tells its events: what is open, what has an anchor, how much
 * of the limits is left.
 */
#ifndef WFE_WORKFLOW_YAML_PRIV_H
#define WFE_WORKFLOW_YAML_PRIV_H

#include "workflow/yaml.h"

typedef struct wfe_yaml_anchor {
    const char *name;
    wfe_node *node; /* NULL while it is being built */
} wfe_yaml_anchor_entry;

typedef struct wfe_yaml_frame {
    wfe_node *node;
    size_t base; /* of its members in the stack of entries */
    const char *key;
    wfe_plan_pos key_pos;
    uint32_t key_length;
    bool key_quoted;
    uint32_t anchor; /* index + 1 of its own anchor, 0: none */
} wfe_yaml_frame;

typedef struct wfe_yaml {
    wfe_arena *arena;
    wfe_diagnostics *list;
    uint32_t file;
    uint32_t n_left; /* nodes that may still be made */
    wfe_node *root;
    wfe_plan_pos last; /* of what was read last */
    bool is_over;      /* a second document begins, which is not read */
    bool has_document;
    uint32_t pending_anchor; /* index + 1, of the node that comes next */
    wfe_yaml_frame frames[WFE_NODE_MAX_HEIGHT + 1];
    size_t n_frames;
    wfe_node_entry *entries; /* members of all open collections */
    size_t n_entries;
    size_t cap_entries;
    wfe_yaml_anchor_entry anchors[WFE_YAML_MAX_ANCHORS];
    uint32_t n_anchors;
} wfe_yaml;

/* Set in the length of an entry while its map is open: a "<<" in quotes. */
#define WFE_YAML_QUOTED_MERGE UINT32_C(0x80000000)

/* Each: 0, INVALID after a diagnostic, NOMEM. */
int wfe_yaml_document(wfe_yaml *y, wfe_plan_pos pos);
int wfe_yaml_add(wfe_yaml *y, wfe_node *node, bool anchored);
int wfe_yaml_open(wfe_yaml *y, wfe_node *node);
int wfe_yaml_close(wfe_yaml *y);
int wfe_yaml_anchor(wfe_yaml *y, const char *name, size_t len, wfe_plan_pos pos);
int wfe_yaml_alias(wfe_yaml *y, const char *name, size_t len, wfe_mark mark);
void wfe_yaml_done(wfe_yaml *y);

/* Replaces the key << of a map by what it merges in, and finds keys that are there twice. */
int wfe_yaml_finish_map(wfe_yaml *y, wfe_node *map, const wfe_node_entry *entries, size_t n);

#endif
