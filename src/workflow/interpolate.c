/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/interpolate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define WORDS_MAX 64
#define NAME_MAX_BYTES 256
#define TOTAL_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."

const char *wfe_interpolate_find(const char *text, size_t *ret_len)
{
    for (const char *open = strstr(text, "(("); open; open = strstr(open + 1, "((")) {
        size_t len = strspn(open + 2, NAME_LETTERS);
        if (len && open[2 + len] == ')' && open[3 + len] == ')') {
            *ret_len = len;
            return open + 2;
        }
    }
    return NULL;
}

enum found { FOUND, FOUND_ITEM, FOUND_OPEN, FOUND_NONE };

static bool begins_with(const char *name, size_t len, const char *word)
{
    size_t n = strlen(word);
    return len >= n && memcmp(name, word, n) == 0 && (len == n || name[n] == '.');
}

/* The value of a dotted name below value; a number indexes a list. */
static const json_t *walk(const json_t *value, const char *name, size_t len)
{
    while (value && len) {
        const char *dot = memchr(name, '.', len);
        size_t part = dot ? (size_t)(dot - name) : len;
        if (json_is_array(value))
            value = part < 10 && strspn(name, "0123456789") >= part
                        ? json_array_get(value, strtoul(name, NULL, 10))
                        : NULL;
        else
            value = json_object_getn(value, name, part);
        name += part + (dot != NULL);
        len -= part + (dot != NULL);
    }
    return value;
}

static enum found look_up(wfe_interpolation *in, const char *name, size_t len, const json_t **ret)
{
    if (begins_with(name, len, "item") || (len == 5 && memcmp(name, "index", 5) == 0)) {
        if (!in->item)
            return FOUND_ITEM;
        if (len == 5)
            return FOUND; /* the caller writes the number */
        *ret = len == 4 ? in->item : walk(in->item, name + 5, len - 5);
        return *ret ? FOUND : FOUND_NONE;
    }
    if (begins_with(name, len, "inputs") && len > 7 && !json_object_get(in->values, "inputs")) {
        name += 7;
        len -= 7;
    }
    size_t head = strcspn(name, ".)");
    if (in->used && !wfe_index_add(in->used, name, head, 0, NULL))
        in->out_of_memory = true;
    *ret = json_object_getn(in->values, name, len);
    if (!*ret)
        *ret = walk(in->values, name, len);
    if (*ret)
        return FOUND;
    return in->open && wfe_index_get(in->open, name, head) != WFE_INDEX_NONE ? FOUND_OPEN
                                                                             : FOUND_NONE;
}

/* The name itself, when the scalar stands in the file as it is read: in one line, without escapes
 * in front of the name. */
static wfe_mark mark_name(const wfe_node *node, const char *name, size_t len)
{
    wfe_mark mark = wfe_mark_node(node);
    size_t before = 0, letters = 0;
    for (const char *c = node->text; *c; c++)
        letters += ((unsigned char)*c & 0xc0) != 0x80;
    for (const char *c = node->text; c < name - 2; c++)
        before += ((unsigned char)*c & 0xc0) != 0x80;
    if (letters != node->length && letters + 2 != node->length)
        return mark;
    mark.pos.column += (uint32_t)before + (letters != node->length);
    mark.length = (uint32_t)len + 4;
    return mark;
}

static const char *item_kind(const json_t *item)
{
    return json_is_object(item)  ? "a map without that key"
           : json_is_array(item) ? "a list without that number"
                                 : "no map: ((item)) is all of it";
}

static void hint_unresolved(const wfe_interpolation *in, const wfe_node *node, const char *name,
                            const char *word)
{
    if (name - node->text >= 3 && name[-3] == '$')
        wfe_diagnose_hint(in->list, "arithmetic of the shell needs spaces here: $(( %s ))", word);
    else if (in->item && begins_with(word, strlen(word), "item"))
        wfe_diagnose_hint(in->list, "this item is %s", item_kind(in->item));
    else if (begins_with(word, strlen(word), "outputs") || word[0] == '.')
        wfe_diagnose_hint(in->list,
                          "only inputs have values when the plan is made; outputs are variables "
                          "of the environment in the steps that follow");
    else
        wfe_diagnose_hint(in->list, "declare it under 'inputs', or give it with -i %s=VALUE", word);
}

static void tell_unresolved(const wfe_interpolation *in, const wfe_node *node, const char *name,
                            size_t len)
{
    const char *words[WORDS_MAX + 2];
    char word[NAME_MAX_BYTES];
    size_t n = 0;
    const char *key;
    json_t *value;
    snprintf(word, sizeof word, "%.*s", (int)len, name);
    wfe_diagnose_error(in->list, mark_name(node, name, len), "unresolved variable '%s'", word);
    json_object_foreach((json_t *)(uintptr_t)in->values, key, value)
    {
        if (n < WORDS_MAX)
            words[n++] = key;
    }
    for (size_t i = 0; in->open && i < in->open->cap && n < WORDS_MAX; i++) {
        if (in->open->slots[i].text)
            words[n++] = in->open->slots[i].text;
    }
    words[n++] = "item";
    words[n++] = "index";
    wfe_diagnose_suggest(in->list, word, words, n);
    hint_unresolved(in, node, name, word);
}

/* A value as it stands in the middle of a text. */
static int append_value(wfe_buf *out, const json_t *value, wfe_error *err)
{
    if (json_is_string(value))
        return wfe_buf_append(out, json_string_value(value), json_string_length(value), err);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    int rc = text ? wfe_buf_append_str(out, text, err) : wfe_error_nomem(err);
    free(text);
    return rc;
}

static int append_name(wfe_interpolation *in, wfe_node *node, const char *name, size_t len,
                       wfe_buf *out, wfe_error *err)
{
    const json_t *value = NULL;
    switch (look_up(in, name, len, &value)) {
    case FOUND:
        return value ? append_value(out, value, err) : wfe_buf_printf(out, err, "%u", in->index);
    case FOUND_ITEM:
        node->flags |= WFE_NODE_HAS_ITEM;
        break;
    case FOUND_OPEN:
        node->flags |= WFE_NODE_UNKNOWN;
        break;
    case FOUND_NONE:
        tell_unresolved(in, node, name, len);
        node->flags |= WFE_NODE_UNKNOWN;
        break;
    }
    return wfe_buf_append(out, name - 2, len + 4, err);
}

static int replace_parts(wfe_interpolation *in, wfe_node *node)
{
    _cleanup_(wfe_buf_done) wfe_buf out = WFE_BUF_INIT(WFE_INTERPOLATE_MAX_BYTES);
    wfe_error error = WFE_ERROR_INIT;
    const char *rest = node->text;
    size_t len;
    int rc = 0;
    for (const char *name; !rc && (name = wfe_interpolate_find(rest, &len));
         rest = name + len + 2) {
        rc = wfe_buf_append(&out, rest, (size_t)(name - 2 - rest), &error);
        if (!rc)
            rc = append_name(in, node, name, len, &out, &error);
    }
    if (!rc)
        rc = wfe_buf_append_str(&out, rest, &error);
    if (rc == WFE_E_NOMEM)
        return rc;
    in->n_bytes += out.len;
    if (rc || in->n_bytes > TOTAL_MAX_BYTES) {
        wfe_diagnose_error(in->list, wfe_mark_node(node),
                           "the text is too long with its values: a text may have 1 MiB, all of "
                           "them 16 MiB");
        return 0;
    }
    char *text = wfe_arena_text(in->arena, out.data ? out.data : "", out.len);
    if (!text)
        return WFE_E_NOMEM;
    node->text = text;
    node->n = (uint32_t)out.len;
    /* What was put in decides nothing about the type: "1" + "2" stays text. */
    if (!(node->flags & (WFE_NODE_HAS_ITEM | WFE_NODE_UNKNOWN)))
        node->flags |= WFE_NODE_FROM_VALUE | WFE_NODE_QUOTED;
    return 0;
}

/* The whole scalar is one name: it becomes the value. */
static int replace_whole(wfe_interpolation *in, wfe_node *node, const json_t *value)
{
    wfe_node *made = wfe_node_from_json(in->arena, value, node->pos, node->length);
    if (!made && wfe_arena_failed(in->arena))
        return WFE_E_NOMEM;
    if (!made || made->n_nodes > in->n_left) {
        wfe_diagnose_error(in->list, wfe_mark_node(node), "the value is too large for a file");
        return 0;
    }
    in->n_left -= made->n_nodes;
    *node = *made;
    return 0;
}

static int replace_scalar(wfe_interpolation *in, wfe_node *node)
{
    size_t len;
    const json_t *value = NULL;
    node->flags &= (uint8_t) ~(WFE_NODE_PLACEHOLDER | WFE_NODE_HAS_ITEM);
    const char *name = wfe_interpolate_find(node->text, &len);
    if (!name)
        return 0;
    bool whole = name == node->text + 2 && len + 4 == node->n;
    if (whole && look_up(in, name, len, &value) == FOUND && value)
        return replace_whole(in, node, value);
    if (whole && len == 5 && in->item && !value && memcmp(name, "index", 5) == 0) {
        json_t *number = json_integer(in->index);
        int rc = number ? replace_whole(in, node, number) : WFE_E_NOMEM;
        json_decref(number);
        return rc;
    }
    return replace_parts(in, node);
}

static void check_key(const wfe_interpolation *in, const wfe_node_entry *entry)
{
    size_t len;
    if (!strstr(entry->key, "((") || !wfe_interpolate_find(entry->key, &len))
        return;
    wfe_diagnose_error(in->list, wfe_mark_key(entry), "a key cannot hold a variable: '%s'",
                       entry->key);
    wfe_diagnose_hint(in->list, "variables are replaced in values only");
}

int wfe_interpolate(wfe_interpolation *in, wfe_node *node)
{
    int rc = 0;
    if (node->kind == WFE_NODE_SCALAR) {
        uint8_t wanted = WFE_NODE_PLACEHOLDER | (in->item ? WFE_NODE_HAS_ITEM : 0);
        return node->flags & wanted ? replace_scalar(in, node) : 0;
    }
    /* What came out of a value is not looked at again. */
    if (node->flags & WFE_NODE_FROM_VALUE)
        return 0;
    for (uint32_t i = 0; !rc && i < node->n; i++) {
        if (node->kind == WFE_NODE_MAP)
            check_key(in, &node->entries[i]);
        rc = wfe_interpolate(in,
                             node->kind == WFE_NODE_MAP ? node->entries[i].value : node->items[i]);
    }
    return in->out_of_memory ? WFE_E_NOMEM : rc;
}
