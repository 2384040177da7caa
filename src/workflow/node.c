/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/node.h"

#include <stdlib.h>
#include <string.h>

#include "workflow/scalar.h"

const wfe_node *wfe_node_get(const wfe_node *node, const char *key)
{
    if (!node || node->kind != WFE_NODE_MAP)
        return NULL;
    for (uint32_t i = 0; i < node->n; i++) {
        if (strcmp(node->entries[i].key, key) == 0)
            return node->entries[i].value;
    }
    return NULL;
}

bool wfe_node_is_map(const wfe_node *node)
{
    return node->kind == WFE_NODE_MAP && !(node->flags & WFE_NODE_WRONG);
}

bool wfe_node_is_null(const wfe_node *node)
{
    return !node || (node->kind == WFE_NODE_SCALAR &&
                     wfe_scalar_kind(node->text, node->flags) == WFE_SCALAR_NULL);
}

const char *wfe_node_kind_name(const wfe_node *node)
{
    static const char *const names[] = {
        [WFE_SCALAR_TEXT] = "text",          [WFE_SCALAR_NULL] = "nothing",
        [WFE_SCALAR_BOOL] = "true or false", [WFE_SCALAR_INTEGER] = "a whole number",
        [WFE_SCALAR_REAL] = "a number",
    };
    if (node->kind == WFE_NODE_SCALAR)
        return names[wfe_scalar_kind(node->text, node->flags)];
    return node->kind == WFE_NODE_LIST ? "a list" : "a map";
}

static json_t *list_json(const wfe_node *node)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list && i < node->n; i++) {
        if (json_array_append_new(list, wfe_node_json(node->items[i]))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *map_json(const wfe_node *node)
{
    json_t *map = json_object();
    for (uint32_t i = 0; map && i < node->n; i++) {
        if (json_object_set_new(map, node->entries[i].key, wfe_node_json(node->entries[i].value))) {
            json_decref(map);
            map = NULL;
        }
    }
    return map;
}

json_t *wfe_node_json(const wfe_node *node)
{
    if (node->kind == WFE_NODE_LIST)
        return list_json(node);
    return node->kind == WFE_NODE_MAP ? map_json(node)
                                      : wfe_scalar_json(node->text, node->n, node->flags);
}

/* ---- from JSON ---- */

typedef struct builder {
    wfe_arena *arena;
    wfe_plan_pos pos;
    uint32_t length;
    uint32_t n_nodes;
} builder;

static wfe_node *build(builder *b, const json_t *value, int depth);

static bool build_list(builder *b, wfe_node *node, const json_t *value, int depth)
{
    node->kind = WFE_NODE_LIST;
    node->n = (uint32_t)json_array_size(value);
    node->items = wfe_arena_array(b->arena, node->n, sizeof *node->items);
    if (!node->items)
        return false;
    for (uint32_t i = 0; i < node->n; i++) {
        wfe_node *item = build(b, json_array_get(value, i), depth + 1);
        if (!item)
            return false;
        node->items[i] = item;
        node->n_nodes += item->n_nodes;
        if (node->height <= item->height)
            node->height = (uint16_t)(item->height + 1);
    }
    return true;
}

static bool build_map(builder *b, wfe_node *node, const json_t *value, int depth)
{
    const char *key;
    json_t *member;
    node->kind = WFE_NODE_MAP;
    node->entries = wfe_arena_array(b->arena, json_object_size(value), sizeof *node->entries);
    if (!node->entries)
        return false;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        wfe_node *item = build(b, member, depth + 1);
        char *copy = wfe_arena_text(b->arena, key, strlen(key));
        if (!item || !copy)
            return false;
        node->entries[node->n++] =
            (wfe_node_entry){.key = copy, .pos = b->pos, .length = b->length, .value = item};
        node->n_nodes += item->n_nodes;
        if (node->height <= item->height)
            node->height = (uint16_t)(item->height + 1);
    }
    return true;
}

static bool build_scalar(builder *b, wfe_node *node, const json_t *value)
{
    node->kind = WFE_NODE_SCALAR;
    if (json_is_string(value)) {
        node->flags |= WFE_NODE_QUOTED;
        node->n = (uint32_t)json_string_length(value);
        node->text = wfe_arena_text(b->arena, json_string_value(value), node->n);
        return node->text != NULL;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (text) {
        node->n = (uint32_t)strlen(text);
        node->text = wfe_arena_text(b->arena, text, node->n);
    } else {
        wfe_arena_fail(b->arena);
    }
    free(text);
    return node->text != NULL;
}

static wfe_node *build(builder *b, const json_t *value, int depth)
{
    if (depth > WFE_NODE_MAX_HEIGHT || ++b->n_nodes > WFE_NODE_MAX)
        return NULL;
    wfe_node *node = wfe_arena_alloc(b->arena, sizeof *node);
    if (!node)
        return NULL;
    node->flags = WFE_NODE_FROM_VALUE;
    node->pos = b->pos;
    node->length = b->length;
    node->n_nodes = 1;
    bool ok = json_is_array(value)    ? build_list(b, node, value, depth)
              : json_is_object(value) ? build_map(b, node, value, depth)
                                      : build_scalar(b, node, value);
    return ok ? node : NULL;
}

wfe_node *wfe_node_from_json(wfe_arena *arena, const json_t *value, wfe_plan_pos pos,
                             uint32_t length)
{
    builder b = {.arena = arena, .pos = pos, .length = length};
    return build(&b, value, 0);
}

/* ---- copy ---- */

static bool copy_entries(wfe_arena *arena, wfe_node *copy, const wfe_node *node)
{
    copy->entries = wfe_arena_array(arena, node->n, sizeof *copy->entries);
    for (uint32_t i = 0; copy->entries && i < node->n; i++) {
        const wfe_node_entry *from = &node->entries[i];
        wfe_node_entry *to = &copy->entries[i];
        *to = *from;
        to->key = wfe_arena_text(arena, from->key, strlen(from->key));
        to->value = wfe_node_copy(arena, from->value);
        if (!to->key || !to->value)
            return false;
    }
    return copy->entries != NULL;
}

static bool copy_items(wfe_arena *arena, wfe_node *copy, const wfe_node *node)
{
    copy->items = wfe_arena_array(arena, node->n, sizeof *copy->items);
    for (uint32_t i = 0; copy->items && i < node->n; i++) {
        copy->items[i] = wfe_node_copy(arena, node->items[i]);
        if (!copy->items[i])
            return false;
    }
    return copy->items != NULL;
}

wfe_node *wfe_node_copy(wfe_arena *arena, const wfe_node *node)
{
    wfe_node *copy = wfe_arena_alloc(arena, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *node;
    bool ok = true;
    if (node->kind == WFE_NODE_MAP)
        ok = copy_entries(arena, copy, node);
    else if (node->kind == WFE_NODE_LIST)
        ok = copy_items(arena, copy, node);
    else
        ok = (copy->text = wfe_arena_text(arena, node->text, node->n)) != NULL;
    return ok ? copy : NULL;
}
