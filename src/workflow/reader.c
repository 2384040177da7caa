/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytesize.h"
#include "base/duration.h"
#include "base/nearest.h"
#include "workflow/advice.h"
#include "workflow/scalar.h"

#define TEXT_MAX_BYTES ((uint32_t)1024 * 1024)

bool wfe_read_is_open(const wfe_reader *r, const wfe_node *node)
{
    return node->flags & WFE_NODE_UNKNOWN || (r->for_each && node->flags & WFE_NODE_HAS_ITEM);
}

static void refuse(const wfe_reader *r, const wfe_node *node, const char *what, const char *title)
{
    if (node->flags & WFE_NODE_WRONG)
        return; /* told before */
    /* A name of a key is quoted; "'config' of step 'a'" and "a step" are words already. */
    const char *before = strpbrk(what, " '") ? "" : "'";
    wfe_diagnose_error(r->list, wfe_mark_node(node), "%s%s%s must be %s, found %s", before, what,
                       before, title, wfe_node_kind_name(node));
}

/* A map or list that came out of a value that was given must not become steps. */
static bool is_kind(const wfe_reader *r, const wfe_node *node, enum wfe_node_kind kind,
                    const char *what, const char *title)
{
    if (node->kind != kind || node->flags & WFE_NODE_WRONG) {
        refuse(r, node, what, title);
        return false;
    }
    if (node->flags & WFE_NODE_FROM_VALUE) {
        wfe_diagnose_error(r->list, wfe_mark_node(node), "%s cannot come from a value", what);
        wfe_diagnose_hint(r->list, "write it in the file; a value can be text, a number, or a list "
                                   "or map of such");
        return false;
    }
    return true;
}

bool wfe_read_is_map(const wfe_reader *r, const wfe_node *node, const char *what)
{
    return is_kind(r, node, WFE_NODE_MAP, what, "a map");
}

bool wfe_read_is_list(const wfe_reader *r, const wfe_node *node, const char *what)
{
    return is_kind(r, node, WFE_NODE_LIST, what, "a list");
}

/* ((item)) outside of for_each; told once for each place. */
static bool check_item(const wfe_reader *r, const wfe_node *node)
{
    if (!(node->flags & WFE_NODE_HAS_ITEM) || r->for_each)
        return true;
    const char *name = strstr(node->text, "((item") ? "item" : "index";
    wfe_diagnose_error(r->list, wfe_mark_node(node), "unresolved variable '%s'", name);
    wfe_diagnose_hint(r->list, "((%s)) has a value in steps with for_each only", name);
    return false;
}

const char *wfe_read_text(const wfe_reader *r, const wfe_node *node, const char *what)
{
    if (node->kind != WFE_NODE_SCALAR || wfe_node_is_null(node)) {
        refuse(r, node, what, "text");
        return NULL;
    }
    if (!check_item(r, node))
        return NULL;
    if (node->n > TEXT_MAX_BYTES || strlen(node->text) != node->n) {
        wfe_diagnose_error(r->list, wfe_mark_node(node), "'%s' %s", what,
                           node->n > TEXT_MAX_BYTES ? "is longer than 1 MiB"
                                                    : "holds a character NUL");
        return NULL;
    }
    return node->text;
}

static int copy_text(const wfe_reader *r, const char *text, const char **ret)
{
    *ret = wfe_arena_text(r->memory, text, strlen(text));
    return *ret ? 0 : WFE_E_NOMEM;
}

int wfe_read_texts(const wfe_reader *r, const wfe_node *node, const char *what,
                   const char *const **ret)
{
    if (node->kind != WFE_NODE_LIST) {
        if (!wfe_read_is_open(r, node))
            refuse(r, node, what, "a list of texts");
        return 0;
    }
    const char **texts = wfe_arena_array(r->memory, (size_t)node->n + 1, sizeof *texts);
    if (!texts)
        return WFE_E_NOMEM;
    uint32_t n = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        const char *text = wfe_read_text(r, node->items[i], what);
        if (text && copy_text(r, text, &texts[n++]))
            return WFE_E_NOMEM;
    }
    *ret = texts;
    return 0;
}

static int read_pairs(const wfe_reader *r, const wfe_node *node, const char *const **ret)
{
    const char **texts = wfe_arena_array(r->memory, (size_t)node->n + 1, sizeof *texts);
    if (!texts)
        return WFE_E_NOMEM;
    uint32_t n = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        const wfe_node_entry *entry = &node->entries[i];
        /* `A:` with nothing behind it is an empty text here. */
        const char *value =
            wfe_node_is_null(entry->value) ? "" : wfe_read_text(r, entry->value, entry->key);
        if (!value)
            continue;
        if (!*entry->key || strchr(entry->key, '=')) {
            wfe_diagnose_error(r->list, wfe_mark_key(entry), "'%s' is no name: it %s", entry->key,
                               *entry->key ? "holds a '='" : "is empty");
            continue;
        }
        size_t key_len = strlen(entry->key), len = strlen(value);
        char *pair = wfe_arena_alloc(r->memory, key_len + len + 2);
        if (!pair)
            return WFE_E_NOMEM;
        memcpy(pair, entry->key, key_len);
        pair[key_len] = '=';
        memcpy(pair + key_len + 1, value, len);
        texts[n++] = pair;
    }
    *ret = texts;
    return 0;
}

static int read_one_text(const wfe_reader *r, const wfe_node *node, const char *what,
                         const char *const **ret)
{
    const char *text = wfe_read_text(r, node, what);
    if (!text)
        return 0;
    const char **texts = wfe_arena_array(r->memory, 2, sizeof *texts);
    if (!texts || copy_text(r, text, &texts[0]))
        return WFE_E_NOMEM;
    *ret = texts;
    return 0;
}

/* ---- numbers ---- */

static void out_of_range(const wfe_reader *r, const wfe_node *node, const wfe_key *key)
{
    wfe_diagnose_error(r->list, wfe_mark_node(node), "'%s' is %s, must be %.15g to %.15g",
                       key->name, node->text, key->min, key->max);
}

/* A number in the limits of its key. A text that came from a value counts as what it looks like. */
static bool read_number(const wfe_reader *r, const wfe_node *node, const wfe_key *key, bool whole,
                        double *ret)
{
    unsigned flags = node->flags & (WFE_NODE_FROM_VALUE | WFE_NODE_UNKNOWN) ? 0 : node->flags;
    enum wfe_scalar_kind kind =
        node->kind == WFE_NODE_SCALAR ? wfe_scalar_kind(node->text, flags) : WFE_SCALAR_TEXT;
    if (kind != WFE_SCALAR_INTEGER && (whole || kind != WFE_SCALAR_REAL)) {
        refuse(r, node, key->name, wfe_key_kind_title(key->kind));
        return false;
    }
    double value = 0;
    bool is_number = wfe_scalar_number(node->text, &value);
    if (!is_number ||
        ((key->min != 0 || key->max != 0) && !(value >= key->min && value <= key->max))) {
        out_of_range(r, node, key);
        return false;
    }
    *ret = value;
    return true;
}

/* What older YAML took for a bool is text in YAML 1.2. */
static void refuse_bool(const wfe_reader *r, const wfe_node *node, const wfe_key *key)
{
    static const char *const words[] = {"yes", "no", "on", "off", "y", "n"};
    refuse(r, node, key->name, "true or false");
    for (size_t i = 0; node->kind == WFE_NODE_SCALAR && i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(node->text, words[i]) == 0)
            wfe_diagnose_hint(r->list, "write %s: '%s' is text in YAML 1.2",
                              i % 2 ? "false" : "true", node->text);
    }
}

static void read_bool(const wfe_reader *r, const wfe_node *node, const wfe_key *key, bool *ret)
{
    unsigned flags = node->flags & WFE_NODE_FROM_VALUE ? 0 : node->flags;
    if (node->kind == WFE_NODE_SCALAR && wfe_scalar_kind(node->text, flags) == WFE_SCALAR_BOOL)
        *ret = node->text[0] == 't' || node->text[0] == 'T';
    else
        refuse_bool(r, node, key);
}

/* The message of a parser of base, which begins with what was parsed. */
static void told_by_parser(const wfe_reader *r, const wfe_node *node, const wfe_error *error)
{
    wfe_diagnose_error(r->list, wfe_mark_node(node), "%s", error->message);
    if (error->hint[0])
        wfe_diagnose_hint(r->list, "%s", error->hint);
}

static const char *unit_text(const wfe_reader *r, const wfe_node *node, const wfe_key *key)
{
    if (node->kind == WFE_NODE_SCALAR && !wfe_node_is_null(node) && check_item(r, node))
        return node->text;
    if (node->kind != WFE_NODE_SCALAR || wfe_node_is_null(node))
        refuse(r, node, key->name, wfe_key_kind_title(key->kind));
    return NULL;
}

static void read_duration(const wfe_reader *r, const wfe_node *node, const wfe_key *key,
                          uint64_t *ret)
{
    wfe_error error = WFE_ERROR_INIT;
    char what[64];
    const char *text = unit_text(r, node, key);
    snprintf(what, sizeof what, "'%s'", key->name);
    if (text && wfe_duration_parse(text, what, (uint64_t)key->min, (uint64_t)key->max, ret, &error))
        told_by_parser(r, node, &error);
}

static bool read_size(const wfe_reader *r, const wfe_node *node, const wfe_key *key, uint64_t *ret)
{
    wfe_error error = WFE_ERROR_INIT;
    char what[64];
    const char *text = unit_text(r, node, key);
    snprintf(what, sizeof what, "'%s'", key->name);
    if (!text)
        return false;
    if (!wfe_bytesize_parse(text, what, (uint64_t)key->min, (uint64_t)key->max, ret, &error))
        return true;
    told_by_parser(r, node, &error);
    return false;
}

/* cpu: "0.5" is a number in quotes, and means the same. */
static bool is_number_text(const wfe_reader *r, const wfe_node *node, const wfe_key *key)
{
    double value;
    wfe_node plain = *node;
    plain.flags &= (uint8_t)~WFE_NODE_QUOTED;
    return read_number(r, &plain, key, key->kind == WFE_KEY_COUNT_TEXT, &value);
}

/* ---- one key ---- */

static void check_words(const wfe_reader *r, const wfe_node *node, const wfe_key *key)
{
    const char *words[16];
    char list[256];
    size_t n = 0;
    snprintf(list, sizeof list, "%s", key->words);
    char *rest = NULL;
    for (char *w = strtok_r(list, "|", &rest); w && n < 16; w = strtok_r(NULL, "|", &rest)) {
        if (strcmp(w, node->text) == 0)
            return;
        words[n++] = w;
    }
    wfe_diagnose_error(r->list, wfe_mark_node(node), "'%s' is '%s', must be one of %s", key->name,
                       node->text, key->words);
    wfe_diagnose_suggest(r->list, node->text, words, n);
}

static int read_text_key(const wfe_reader *r, const wfe_node *node, const wfe_key *key,
                         const char **ret)
{
    const char *text = wfe_read_text(r, node, key->name);
    if (!text)
        return 0;
    if (key->max > 0 && (node->n < key->min || node->n > key->max)) {
        wfe_diagnose_error(r->list, wfe_mark_node(node),
                           "'%s' has %u bytes, must have %.0f to %.0f", key->name, node->n,
                           key->min, key->max);
        return 0;
    }
    return copy_text(r, text, ret);
}

/* Its text is not shown: it may be a password whose name was forgotten. */
static void check_pairs(const wfe_reader *r, const wfe_node *list, const wfe_key *key)
{
    for (uint32_t i = 0; i < list->n; i++) {
        const wfe_node *item = list->items[i];
        const char *equals = item->kind == WFE_NODE_SCALAR ? strchr(item->text, '=') : NULL;
        if (item->kind == WFE_NODE_SCALAR && (!equals || equals == item->text))
            wfe_diagnose_error(r->list, wfe_mark_node(item), "item %u of '%s' must be NAME=VALUE",
                               i + 1, key->name);
    }
}

static int read_list_or_map(const wfe_reader *r, const wfe_node *node, const wfe_key *key,
                            const char *const **ret)
{
    if (node->kind == WFE_NODE_MAP && key->kind != WFE_KEY_TEXTS)
        return read_pairs(r, node, ret);
    if (node->kind == WFE_NODE_LIST && key->kind == WFE_KEY_TEXTS_OR_PAIRS)
        check_pairs(r, node, key);
    if (node->kind == WFE_NODE_LIST && key->kind != WFE_KEY_PAIRS)
        return wfe_read_texts(r, node, key->name, ret);
    refuse(r, node, key->name, wfe_key_kind_title(key->kind));
    if (strcmp(key->name, "command") == 0)
        wfe_diagnose_hint(r->list, "write command: [make, test], or run: for a shell");
    return 0;
}

static int read_node(const wfe_reader *r, const wfe_node *node, const wfe_key *key,
                     const wfe_node **ret)
{
    static const struct {
        enum wfe_key_kind key;
        enum wfe_node_kind node;
    } shapes[] = {
        {WFE_KEY_MAP, WFE_NODE_MAP},  {WFE_KEY_LIST, WFE_NODE_LIST}, {WFE_KEY_TABLE, WFE_NODE_MAP},
        {WFE_KEY_STEP, WFE_NODE_MAP}, {WFE_KEY_TYPES, WFE_NODE_MAP},
    };
    char what[64];
    snprintf(what, sizeof what, "'%s'", key->name);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (key->kind == shapes[i].key &&
            !is_kind(r, node, shapes[i].node, what, wfe_key_kind_title(key->kind))) {
            if (node->kind != WFE_NODE_MAP && key->kind == WFE_KEY_STEP)
                wfe_advise_map(r->list, WFE_SCOPE_STEP);
            if (node->kind != WFE_NODE_MAP && key->kind == WFE_KEY_MAP)
                wfe_advise_map(r->list, key->sub);
            return 0;
        }
    }
    *ret = node;
    return 0;
}

static int read_value(const wfe_reader *r, const wfe_node *node, const wfe_key *key, void *member)
{
    double number;
    uint64_t bytes;
    switch (key->kind) {
    case WFE_KEY_TEXT: {
        int rc = read_text_key(r, node, key, member);
        if (!rc && *(const char **)member && key->words && strcmp(key->name, "type") == 0 &&
            key->scope != WFE_SCOPE_STEP && key->scope != WFE_SCOPE_ERROR_BEHAVIOR)
            check_words(r, node, key);
        return rc;
    }
    case WFE_KEY_TEXTS:
    case WFE_KEY_PAIRS:
    case WFE_KEY_TEXTS_OR_PAIRS:
        return read_list_or_map(r, node, key, member);
    case WFE_KEY_TEXT_OR_TEXTS:
        return node->kind == WFE_NODE_LIST ? wfe_read_texts(r, node, key->name, member)
                                           : read_one_text(r, node, key->name, member);
    case WFE_KEY_BOOL:
        read_bool(r, node, key, member);
        return 0;
    case WFE_KEY_COUNT:
        if (read_number(r, node, key, true, &number))
            *(uint32_t *)member = (uint32_t)number;
        return 0;
    case WFE_KEY_NUMBER:
        if (read_number(r, node, key, false, &number))
            *(double *)member = number;
        return 0;
    case WFE_KEY_DURATION:
        read_duration(r, node, key, member);
        return 0;
    case WFE_KEY_BYTES:
        read_size(r, node, key, member);
        return 0;
    case WFE_KEY_SIZE_TEXT:
        return read_size(r, node, key, &bytes) ? copy_text(r, node->text, member) : 0;
    case WFE_KEY_NUMBER_TEXT:
    case WFE_KEY_COUNT_TEXT:
        return is_number_text(r, node, key) ? copy_text(r, node->text, member) : 0;
    case WFE_KEY_IGNORED:
    case WFE_KEY_SILENT:
    case WFE_KEY_REFUSED:
        return 0;
    default:
        return read_node(r, node, key, member);
    }
}

/* ---- the map ---- */

bool wfe_read_is_misspelt(const wfe_node *map, enum wfe_scope scope, const char *key)
{
    for (uint32_t i = 0; map->kind == WFE_NODE_MAP && i < map->n; i++) {
        const char *found = map->entries[i].key;
        const char *meant = wfe_keys_find(scope, found) ? NULL : wfe_advice_meant(scope, found);
        if (meant && strcmp(meant, key) == 0)
            return true;
    }
    return false;
}

static void unknown_key(const wfe_reader *r, const wfe_node_entry *entry, enum wfe_scope scope)
{
    wfe_diagnose_error(r->list, wfe_mark_key(entry), "unknown key '%s' in %s", entry->key,
                       wfe_scope_title(scope));
    wfe_advise_key(r->list, scope, entry->key);
}

static int read_entry(const wfe_reader *r, const wfe_node_entry *entry, const wfe_key *key,
                      void *target)
{
    if (key->kind == WFE_KEY_REFUSED) {
        wfe_diagnose_error(r->list, wfe_mark_key(entry), "'%s' is not supported", key->name);
        wfe_diagnose_hint(r->list, "%s", key->doc);
        return 0;
    }
    if (key->kind == WFE_KEY_IGNORED) {
        wfe_diagnose_warning(r->list, wfe_mark_key(entry), "'%s' is ignored", key->name);
        wfe_diagnose_hint(r->list, "%s", key->doc);
        return 0;
    }
    if (entry->value->flags & WFE_NODE_WRONG)
        return 0;
    /* A key with nothing behind it is as good as absent, for those that are not required. */
    if (key->kind != WFE_KEY_NODE && key->kind != WFE_KEY_TYPE && wfe_node_is_null(entry->value) &&
        !(key->fallback && strcmp(key->fallback, "required") == 0) &&
        !(entry->value->flags & WFE_NODE_FROM_VALUE))
        return 0;
    if (wfe_read_is_open(r, entry->value) && key->kind != WFE_KEY_TEXT &&
        entry->value->kind == WFE_NODE_SCALAR && key->kind < WFE_KEY_MAP &&
        key->kind != WFE_KEY_TEXT_OR_TEXTS)
        return 0;
    return read_value(r, entry->value, key, (char *)target + key->offset);
}

int wfe_read_map(const wfe_reader *r, const wfe_node *node, enum wfe_scope scope, void *target)
{
    if (!wfe_read_is_map(r, node, wfe_scope_title(scope))) {
        if (node->kind != WFE_NODE_MAP)
            wfe_advise_map(r->list, scope);
        return 0;
    }
    for (uint32_t i = 0; i < node->n; i++) {
        const wfe_node_entry *entry = &node->entries[i];
        const wfe_key *key = wfe_keys_find(scope, entry->key);
        if (!key && scope == WFE_SCOPE_FILE &&
            (entry->key[0] == '_' || strncmp(entry->key, "x-", 2) == 0))
            continue;
        if (!key) {
            unknown_key(r, entry, scope);
            continue;
        }
        int rc = read_entry(r, entry, key, target);
        if (rc)
            return rc;
    }
    return 0;
}
