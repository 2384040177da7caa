/* SPDX-License-Identifier: Apache-2.0
 *
 * A workflow file as a tree that knows where each value stands. Aliases are resolved to the value
 * itself, so a node may have several parents; merge keys are applied. In an arena, like all it
 * points to.
 */
#ifndef WFE_WORKFLOW_NODE_H
#define WFE_WORKFLOW_NODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "workflow/arena.h"
#include "workflow/plan.h"

enum wfe_node_kind { WFE_NODE_SCALAR, WFE_NODE_LIST, WFE_NODE_MAP };

enum wfe_node_flag {
    WFE_NODE_QUOTED = 1,       /* a scalar that is text whatever it looks like */
    WFE_NODE_FROM_VALUE = 2,   /* has to do with a value that was given: no structure of the file */
    WFE_NODE_HAS_ITEM = 4,     /* holds ((item)) or ((index)) */
    WFE_NODE_UNKNOWN = 8,      /* holds a placeholder whose value is not known yet */
    WFE_NODE_PLACEHOLDER = 16, /* holds "((", to be looked at once */
    WFE_NODE_WRONG = 32        /* stands for what could not be read, which was told: an empty map */
};

typedef struct wfe_node wfe_node;

typedef struct wfe_node_entry {
    const char *key;
    wfe_plan_pos pos; /* of the key */
    uint32_t length;  /* of the key, in characters */
    wfe_node *value;
} wfe_node_entry;

struct wfe_node {
    uint8_t kind;
    uint8_t flags;
    uint16_t height;  /* 0 for a scalar */
    uint32_t length;  /* characters to mark in its line */
    uint32_t n;       /* bytes of text, items, or entries */
    uint32_t n_nodes; /* in the whole tree below, shared ones as often as they are used */
    wfe_plan_pos pos;
    union {
        const char *text;
        wfe_node **items;
        wfe_node_entry *entries;
    };
};

#define WFE_NODE_MAX ((uint32_t)100000)
#define WFE_NODE_MAX_HEIGHT 64

/* The value of a key, NULL without (or when node is no map). */
const wfe_node *wfe_node_get(const wfe_node *node, const char *key);
/* "a list", "text", "a number": what was found, for messages. */
const char *wfe_node_kind_name(const wfe_node *node);
/* Is it a map that could be read. */
bool wfe_node_is_map(const wfe_node *node);
/* Is it null: absent, empty, ~ or null. */
bool wfe_node_is_null(const wfe_node *node);
/* The value as YAML 1.2's core schema reads it. New reference; NULL without memory. */
json_t *wfe_node_json(const wfe_node *node);
/* A tree for a JSON value; each node stands at pos and has FROM_VALUE. NULL without memory, or
 * when it is deeper or larger than a file may be. */
wfe_node *wfe_node_from_json(wfe_arena *arena, const json_t *value, wfe_plan_pos pos,
                             uint32_t length);
/* A deep copy in another arena. */
wfe_node *wfe_node_copy(wfe_arena *arena, const wfe_node *node);

#endif
