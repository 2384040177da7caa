/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/condition.h"

#include <string.h>

#include "workflow/scalar.h"

#define N_OPERATORS (WFE_PLAN_NOT + 1)

static const char *const names[N_OPERATORS] = {
    [WFE_PLAN_EQUALS] = "equals",
    [WFE_PLAN_NOT_EQUALS] = "not_equals",
    [WFE_PLAN_GT] = "gt",
    [WFE_PLAN_GTE] = "gte",
    [WFE_PLAN_LT] = "lt",
    [WFE_PLAN_LTE] = "lte",
    [WFE_PLAN_CONTAINS] = "contains",
    [WFE_PLAN_IS_NULL] = "is_null",
    [WFE_PLAN_IS_NOT_NULL] = "is_not_null",
    [WFE_PLAN_ALL] = "all",
    [WFE_PLAN_ANY_OF] = "any",
    [WFE_PLAN_NONE_OF] = "none",
    [WFE_PLAN_ONE_OF] = "one_of",
    [WFE_PLAN_NOT] = "not",
};

const char *wfe_condition_name(enum wfe_plan_operator op)
{
    return names[op];
}

typedef struct compiler {
    wfe_arena *arena;
    wfe_diagnostics *list;
} compiler;

static int compile(compiler *c, const wfe_node *node, wfe_plan_condition *out);

/* Tells of keys that do not belong in a node of this kind; true when there are some. */
static bool check_keys(compiler *c, const wfe_node *node, bool comparison)
{
    const char *words[N_OPERATORS + 1];
    size_t n_words = 0;
    bool wrong = false;
    for (int op = 0; op < N_OPERATORS; op++)
        words[n_words++] = names[op];
    words[n_words++] = "field";
    for (uint32_t i = 0; i < node->n; i++) {
        const char *key = node->entries[i].key;
        size_t w = 0;
        while (w < n_words && strcmp(words[w], key) != 0)
            w++;
        if (w < n_words && (w >= WFE_PLAN_ALL) != comparison)
            continue;
        if (w < n_words && comparison && w == n_words - 1)
            continue;
        wrong = true;
        if (w == n_words) {
            wfe_diagnose_error(c->list, wfe_mark_key(&node->entries[i]),
                               "unknown key '%s' in a condition", key);
            wfe_diagnose_suggest(c->list, key, words, n_words);
        } else if (comparison && w >= WFE_PLAN_ALL) {
            wfe_diagnose_error(c->list, wfe_mark_key(&node->entries[i]),
                               "'%s' cannot stand beside 'field'", key);
        } else if (!comparison && w < WFE_PLAN_ALL) {
            wfe_diagnose_error(c->list, wfe_mark_key(&node->entries[i]),
                               "'%s' needs a 'field' beside it", key);
        }
    }
    return wrong;
}

/* The operators of a node, from first to last: how many, and the last one found. */
static unsigned find_operators(const wfe_node *node, int first, int last, int *ret_op,
                               const wfe_node_entry **ret)
{
    unsigned found = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        const wfe_node_entry *entry = &node->entries[i];
        for (int op = first; op <= last; op++) {
            if (strcmp(entry->key, names[op]) != 0)
                continue;
            /* `equals:` with nothing behind it and `is_null: false` say nothing. */
            if (first == 0 && wfe_node_is_null(entry->value))
                continue;
            if ((op == WFE_PLAN_IS_NULL || op == WFE_PLAN_IS_NOT_NULL) &&
                entry->value->kind == WFE_NODE_SCALAR &&
                (entry->value->text[0] == 'f' || entry->value->text[0] == 'F'))
                continue;
            found++;
            *ret_op = op;
            *ret = entry;
        }
    }
    return found;
}

static int compile_value(compiler *c, const wfe_node_entry *entry, wfe_plan_condition *out)
{
    if (out->op == WFE_PLAN_IS_NULL || out->op == WFE_PLAN_IS_NOT_NULL) {
        const wfe_node *value = entry->value;
        if (value->kind == WFE_NODE_SCALAR &&
            wfe_scalar_kind(value->text, value->flags) == WFE_SCALAR_BOOL)
            return 0;
        wfe_diagnose_error(c->list, wfe_mark_node(value), "'%s' must be true, found %s", entry->key,
                           wfe_node_kind_name(value));
        return 0;
    }
    out->value = wfe_arena_keep(c->arena, wfe_node_json(entry->value));
    if (!out->value)
        return WFE_E_NOMEM;
    if (out->op >= WFE_PLAN_GT && out->op <= WFE_PLAN_LTE && !json_is_number(out->value) &&
        !(entry->value->flags & (WFE_NODE_FROM_VALUE | WFE_NODE_UNKNOWN | WFE_NODE_HAS_ITEM))) {
        wfe_diagnose_error(c->list, wfe_mark_node(entry->value), "'%s' must be a number, found %s",
                           entry->key, wfe_node_kind_name(entry->value));
        return 0;
    }
    return 0;
}

static int compile_comparison(compiler *c, const wfe_node *node, const wfe_node *field,
                              wfe_plan_condition *out)
{
    const wfe_node_entry *entry = NULL;
    int op = 0;
    bool told = check_keys(c, node, true);
    if (field->kind != WFE_NODE_SCALAR || wfe_node_is_null(field) || !*field->text ||
        strcmp(field->text, ".") == 0) {
        wfe_diagnose_error(c->list, wfe_mark_node(field),
                           "'field' must name a value, such as .inputs.ref");
        return 0;
    }
    out->path = wfe_arena_text(c->arena, field->text, field->n);
    if (!out->path)
        return WFE_E_NOMEM;
    out->pos = field->pos;
    unsigned found = find_operators(node, 0, WFE_PLAN_IS_NOT_NULL, &op, &entry);
    if (found == 1) {
        out->op = (enum wfe_plan_operator)op;
        return compile_value(c, entry, out);
    }
    if (told && !found)
        return 0; /* the operator is the unknown key that was told of */
    if (!found) {
        wfe_diagnose_error(c->list, wfe_mark_node(field),
                           "Comparison on field '%s' must specify an operator (equals, gt, etc.)",
                           field->text);
        wfe_diagnose_hint(c->list, "'is_null: true' asks whether there is no value");
    } else {
        wfe_diagnose_error(c->list, wfe_mark_node(field),
                           "Comparison on field '%s' must specify exactly one operator, found %u",
                           field->text, found);
    }
    return 0;
}

static int compile_children(compiler *c, const wfe_node_entry *entry, wfe_plan_condition *out)
{
    const wfe_node *value = entry->value;
    bool one = out->op == WFE_PLAN_NOT;
    if (value->kind != (one ? WFE_NODE_MAP : WFE_NODE_LIST)) {
        wfe_diagnose_error(c->list, wfe_mark_node(value), "'%s' must be %s, found %s", entry->key,
                           one ? "a condition" : "a list of conditions", wfe_node_kind_name(value));
        return 0;
    }
    uint32_t n = one ? 1 : value->n;
    wfe_plan_condition *children = wfe_arena_array(c->arena, n, sizeof *children);
    if (!children)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        int rc = compile(c, one ? value : value->items[i], &children[i]);
        if (rc)
            return rc;
    }
    out->children = children;
    out->n_children = n;
    return 0;
}

static int compile_combinator(compiler *c, const wfe_node *node, wfe_plan_condition *out)
{
    const wfe_node_entry *entry = NULL;
    int op = 0;
    bool told = check_keys(c, node, false);
    unsigned found = find_operators(node, WFE_PLAN_ALL, WFE_PLAN_NOT, &op, &entry);
    if (found == 1) {
        out->op = (enum wfe_plan_operator)op;
        return compile_children(c, entry, out);
    }
    if (told)
        return 0;
    wfe_diagnose_error(c->list, wfe_mark_node(node),
                       "Condition combinator must have %s one of: all, any, none, one_of, not",
                       found ? "exactly" : "at least");
    return 0;
}

static int compile(compiler *c, const wfe_node *node, wfe_plan_condition *out)
{
    out->pos = node->pos;
    if (node->flags & WFE_NODE_WRONG)
        return 0; /* told before */
    if (node->kind != WFE_NODE_MAP || node->flags & WFE_NODE_FROM_VALUE) {
        wfe_diagnose_error(c->list, wfe_mark_node(node), "a condition must be a map, found %s",
                           wfe_node_kind_name(node));
        wfe_diagnose_hint(c->list, "for example {field: .inputs.ref, equals: main}");
        return 0;
    }
    const wfe_node *field = wfe_node_get(node, "field");
    return field ? compile_comparison(c, node, field, out) : compile_combinator(c, node, out);
}

int wfe_condition_compile(wfe_arena *arena, wfe_diagnostics *list, const wfe_node *node,
                          const wfe_plan_condition **ret)
{
    compiler c = {.arena = arena, .list = list};
    *ret = NULL;
    wfe_plan_condition *condition = wfe_arena_alloc(arena, sizeof *condition);
    if (!condition || compile(&c, node, condition))
        return WFE_E_NOMEM;
    *ret = condition;
    return 0;
}

enum wfe_constancy wfe_condition_constancy(const wfe_plan_condition *condition)
{
    uint32_t always = 0, varies = 0;
    if (condition->op < WFE_PLAN_ALL)
        return WFE_CONDITION_VARIES;
    for (uint32_t i = 0; i < condition->n_children; i++) {
        enum wfe_constancy child = wfe_condition_constancy(&condition->children[i]);
        always += child == WFE_CONDITION_ALWAYS;
        varies += child == WFE_CONDITION_VARIES;
    }
    uint32_t never = condition->n_children - always - varies;
    bool can = false, must = false; /* be true */
    switch (condition->op) {
    case WFE_PLAN_ALL:
        can = never == 0;
        must = never == 0 && varies == 0;
        break;
    case WFE_PLAN_ANY_OF:
        can = always > 0 || varies > 0;
        must = always > 0;
        break;
    case WFE_PLAN_NONE_OF:
    case WFE_PLAN_NOT:
        can = always == 0;
        must = always == 0 && varies == 0;
        break;
    default: /* exactly one */
        can = always <= 1 && (always == 1 || varies > 0);
        must = always == 1 && varies == 0;
        break;
    }
    return must ? WFE_CONDITION_ALWAYS : can ? WFE_CONDITION_VARIES : WFE_CONDITION_NEVER;
}
