/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "workflow/yaml_priv.h"

static int too_many(wfe_yaml *y, wfe_mark mark)
{
    wfe_diagnose_error(y->list, mark, "the file has more than %u values after its aliases",
                       (unsigned)WFE_NODE_MAX);
    return WFE_E_INVALID;
}

int wfe_yaml_document(wfe_yaml *y, wfe_plan_pos pos)
{
    if (y->has_document) {
        wfe_diagnose_error(y->list, wfe_mark_pos(pos), "a second document in the file");
        wfe_diagnose_hint(y->list, "put several workflows under 'workflows:'");
        y->is_over = true;
        return WFE_E_INVALID;
    }
    y->has_document = true;
    return 0;
}

static int push_entry(wfe_yaml *y, wfe_node_entry entry)
{
    if (y->n_entries == y->cap_entries) {
        size_t cap = y->cap_entries ? y->cap_entries * 2 : 64;
        wfe_node_entry *grown = realloc(y->entries, cap * sizeof *grown);
        if (!grown)
            return WFE_E_NOMEM;
        y->entries = grown;
        y->cap_entries = cap;
    }
    y->entries[y->n_entries++] = entry;
    return 0;
}

/* A scalar in the place of a key. */
static int take_key(wfe_yaml *y, wfe_yaml_frame *frame, const wfe_node *node)
{
    if (node->kind != WFE_NODE_SCALAR) {
        wfe_diagnose_error(y->list, wfe_mark_node(node), "a key must be text, found %s",
                           wfe_node_kind_name(node));
        return WFE_E_INVALID;
    }
    frame->key = node->text;
    frame->key_pos = node->pos;
    frame->key_length = node->length;
    frame->key_quoted = node->flags & WFE_NODE_QUOTED;
    /* A value that is left out stands where its key does. */
    y->last = node->pos;
    return 0;
}

/* Gives a finished value to what is open. Keys do not count as values. */
static int give(wfe_yaml *y, wfe_node *node)
{
    wfe_yaml_frame *frame = y->n_frames ? &y->frames[y->n_frames - 1] : NULL;
    if (frame && frame->node->kind == WFE_NODE_MAP && !frame->key)
        return take_key(y, frame, node);
    if (node->n_nodes > y->n_left)
        return too_many(y, wfe_mark_node(node));
    if (!frame) {
        y->root = node;
        y->n_left -= node->n_nodes;
        return 0;
    }
    if (y->n_frames + node->height > WFE_NODE_MAX_HEIGHT) {
        wfe_diagnose_error(y->list, wfe_mark_node(node), "values are nested deeper than %d levels",
                           WFE_NODE_MAX_HEIGHT);
        return WFE_E_INVALID;
    }
    wfe_node_entry entry = {.value = node};
    if (frame->key) {
        entry.key = frame->key;
        entry.pos = frame->key_pos;
        entry.length = frame->key_length;
        frame->key = NULL;
        /* Marks a quoted "<<", which is a key like any other. */
        if (frame->key_quoted && strcmp(entry.key, "<<") == 0)
            entry.length |= WFE_YAML_QUOTED_MERGE;
    }
    frame->node->n_nodes += node->n_nodes;
    if (frame->node->n_nodes > y->n_left)
        return too_many(y, wfe_mark_node(node));
    if (frame->node->height <= node->height)
        frame->node->height = (uint16_t)(node->height + 1);
    return push_entry(y, entry);
}

static void bind_anchor(wfe_yaml *y, uint32_t anchor, wfe_node *node)
{
    if (anchor)
        y->anchors[anchor - 1].node = node;
}

int wfe_yaml_add(wfe_yaml *y, wfe_node *node, bool anchored)
{
    y->last = node->pos;
    if (anchored)
        bind_anchor(y, y->pending_anchor, node);
    y->pending_anchor = 0;
    return give(y, node);
}

int wfe_yaml_open(wfe_yaml *y, wfe_node *node)
{
    y->last = node->pos;
    if (y->n_frames >= WFE_NODE_MAX_HEIGHT) {
        wfe_diagnose_error(y->list, wfe_mark_node(node), "values are nested deeper than %d levels",
                           WFE_NODE_MAX_HEIGHT);
        return WFE_E_INVALID;
    }
    node->height = 1;
    y->frames[y->n_frames++] =
        (wfe_yaml_frame){.node = node, .base = y->n_entries, .anchor = y->pending_anchor};
    y->pending_anchor = 0;
    return 0;
}

static int finish_list(wfe_yaml *y, wfe_node *list, const wfe_node_entry *entries, size_t n)
{
    list->n = (uint32_t)n;
    list->items = wfe_arena_array(y->arena, n, sizeof *list->items);
    if (!list->items)
        return WFE_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        list->items[i] = entries[i].value;
    return 0;
}

int wfe_yaml_close(wfe_yaml *y)
{
    wfe_yaml_frame frame = y->frames[--y->n_frames];
    const wfe_node_entry *entries = y->entries ? y->entries + frame.base : NULL;
    size_t n = y->n_entries - frame.base;
    int rc = frame.node->kind == WFE_NODE_MAP ? wfe_yaml_finish_map(y, frame.node, entries, n)
                                              : finish_list(y, frame.node, entries, n);
    if (rc)
        return rc;
    y->n_entries = frame.base;
    bind_anchor(y, frame.anchor, frame.node);
    return give(y, frame.node);
}

int wfe_yaml_anchor(wfe_yaml *y, const char *name, size_t len, wfe_plan_pos pos)
{
    if (y->n_anchors == WFE_YAML_MAX_ANCHORS) {
        wfe_diagnose_error(y->list, wfe_mark_pos(pos), "the file has more than %d anchors",
                           WFE_YAML_MAX_ANCHORS);
        return WFE_E_INVALID;
    }
    char *copy = wfe_arena_text(y->arena, name, len);
    if (!copy)
        return WFE_E_NOMEM;
    y->anchors[y->n_anchors++] = (wfe_yaml_anchor_entry){.name = copy};
    y->pending_anchor = y->n_anchors;
    return 0;
}

/* What an alias without a value is, so that the rest of the file is read. */
static int give_wrong(wfe_yaml *y, wfe_mark mark)
{
    wfe_node *node = wfe_arena_alloc(y->arena, sizeof *node);
    if (!node)
        return WFE_E_NOMEM;
    *node = (wfe_node){.kind = WFE_NODE_MAP,
                       .flags = WFE_NODE_WRONG,
                       .height = 1,
                       .length = mark.length,
                       .n_nodes = 1,
                       .pos = mark.pos};
    return give(y, node);
}

int wfe_yaml_alias(wfe_yaml *y, const char *name, size_t len, wfe_mark mark)
{
    const char *names[WFE_YAML_MAX_ANCHORS];
    size_t n_names = 0;
    y->last = mark.pos;
    /* The newest of a name counts, and one that is being built cannot hold itself. */
    for (uint32_t i = y->n_anchors; i-- > 0;) {
        const wfe_yaml_anchor_entry *anchor = &y->anchors[i];
        if (strlen(anchor->name) == len && memcmp(anchor->name, name, len) == 0) {
            if (anchor->node)
                return give(y, anchor->node);
            wfe_diagnose_error(y->list, mark, "the alias '%.*s' is inside of what it names",
                               (int)len, name);
            return give_wrong(y, mark);
        }
        names[n_names++] = anchor->name;
    }
    wfe_diagnose_error(y->list, mark, "unknown anchor '%.*s'", (int)len, name);
    char word[64];
    if (len < sizeof word) {
        memcpy(word, name, len);
        word[len] = '\0';
        wfe_diagnose_suggest(y->list, word, names, n_names);
    }
    return give_wrong(y, mark);
}

void wfe_yaml_done(wfe_yaml *y)
{
    free(y->entries);
    y->entries = NULL;
}

/* ---- maps ---- */

static int by_key(const void *left, const void *right)
{
    const wfe_node_entry *a = *(const wfe_node_entry *const *)left;
    const wfe_node_entry *b = *(const wfe_node_entry *const *)right;
    int order = strcmp(a->key, b->key);
    /* Equal keys stay in the order of the array they point into. */
    return order ? order : (a < b ? -1 : a > b);
}

/* Drops, of equal keys, all but the first of the array; report: tells of them. */
static int unique(wfe_yaml *y, wfe_node_entry *entries, uint32_t *n, uint32_t n_own)
{
    if (*n < 2)
        return 0;
    const wfe_node_entry **sorted = calloc(*n, sizeof *sorted);
    if (!sorted)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < *n; i++)
        sorted[i] = &entries[i];
    qsort(sorted, *n, sizeof *sorted, by_key);
    for (uint32_t i = 1, first = 0; i < *n; i++) {
        if (strcmp(sorted[i]->key, sorted[first]->key) != 0) {
            first = i;
            continue;
        }
        wfe_node_entry *twice = &entries[sorted[i] - entries];
        if (twice < entries + n_own) {
            wfe_diagnose_error(y->list, wfe_mark_key(twice), "the key '%s' is there twice",
                               twice->key);
            wfe_diagnose_hint(y->list, "the first one is in line %u", sorted[first]->pos.line);
        }
        twice->value = NULL;
    }
    free(sorted);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *n; i++) {
        if (entries[i].value)
            entries[kept++] = entries[i];
    }
    *n = kept;
    return 0;
}

static bool is_merge(const wfe_node_entry *entry)
{
    return entry->key[0] == '<' && strcmp(entry->key, "<<") == 0 &&
           !(entry->length & WFE_YAML_QUOTED_MERGE);
}

/* The maps that a key << names: *ret is a list of *n of them, borrowed. */
static int merged_maps(wfe_yaml *y, wfe_node_entry *entry, wfe_node ***ret, uint32_t *n)
{
    *ret = &entry->value;
    *n = 1;
    if (entry->value->kind == WFE_NODE_LIST) {
        *ret = entry->value->items;
        *n = entry->value->n;
    }
    for (uint32_t i = 0; i < *n; i++) {
        const wfe_node *map = (*ret)[i];
        if (map->kind == WFE_NODE_MAP)
            continue;
        wfe_diagnose_error(y->list, wfe_mark_node(map),
                           "merge key resolution failed: '<<' takes a map or a list of maps, found "
                           "%s",
                           wfe_node_kind_name(map));
        return WFE_E_INVALID;
    }
    return 0;
}

static int count_merged(wfe_yaml *y, const wfe_node_entry *entries, size_t n, size_t *ret)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        wfe_node_entry entry = entries[i];
        if (!is_merge(&entry)) {
            total++;
            continue;
        }
        wfe_node **maps;
        uint32_t n_maps;
        int rc = merged_maps(y, &entry, &maps, &n_maps);
        if (rc)
            return rc;
        for (uint32_t m = 0; m < n_maps; m++)
            total += maps[m]->n;
    }
    if (total > WFE_NODE_MAX)
        return too_many(y, wfe_mark_key(&entries[0]));
    *ret = total;
    return 0;
}

/* A map's own keys come first, so that they win; then what is merged, the first of a list first. */
int wfe_yaml_finish_map(wfe_yaml *y, wfe_node *map, const wfe_node_entry *entries, size_t n)
{
    size_t total = 0;
    int rc = count_merged(y, entries, n, &total);
    if (rc)
        return rc;
    map->entries = wfe_arena_array(y->arena, total, sizeof *map->entries);
    if (!map->entries)
        return WFE_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!is_merge(&entries[i]))
            map->entries[map->n++] = entries[i];
    }
    uint32_t n_own = map->n;
    for (size_t i = 0; i < n; i++) {
        wfe_node_entry entry = entries[i];
        wfe_node **maps;
        uint32_t n_maps;
        if (!is_merge(&entry) || merged_maps(y, &entry, &maps, &n_maps))
            continue;
        for (uint32_t m = 0; m < n_maps; m++) {
            if (maps[m]->n)
                memcpy(&map->entries[map->n], maps[m]->entries, maps[m]->n * sizeof *map->entries);
            map->n += maps[m]->n;
        }
    }
    for (uint32_t i = 0; i < map->n; i++)
        map->entries[i].length &= ~WFE_YAML_QUOTED_MERGE;
    return unique(y, map->entries, &map->n, n_own);
}
