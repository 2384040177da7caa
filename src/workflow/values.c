/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run is given: values for the inputs its workflow declares, and for names in the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/utf8.h"
#include "workflow/interpolate.h"
#include "workflow/loader.h"
#include "workflow/types.h"
#include "workflow/yaml.h"

#define NAMES_MAX 64

/* The workflow that is to run: named, or the first of the main file. */
static bool find_main(wfe_loader *l)
{
    const char *wanted = l->options->workflow;
    const char *names[NAMES_MAX];
    size_t n = 0;
    l->main = 0;
    if (!wanted)
        return l->n_workflows > 0;
    for (uint32_t i = 0; i < l->n_workflows; i++) {
        if (l->sources[i].id && strcmp(l->sources[i].id, wanted) == 0) {
            l->main = i;
            return true;
        }
        if (l->sources[i].id && n < NAMES_MAX)
            names[n++] = l->sources[i].id;
    }
    wfe_diagnose_error(l->list, wfe_mark_nowhere(), "Workflow not found: %s", wanted);
    wfe_diagnose_suggest(l->list, wanted, names, n);
    return false;
}

static const wfe_node *inputs_of(const wfe_loader *l, uint32_t workflow)
{
    const wfe_node *inputs = wfe_node_get(l->sources[workflow].node, "inputs");
    return inputs && inputs->kind == WFE_NODE_MAP && inputs->n <= WFE_LOAD_MAX_DECLARED ? inputs
                                                                                        : NULL;
}

/* The declared type of an input. False when there is none, or it is wrong, which is told later. */
static bool type_of(wfe_loader *l, const wfe_node *inputs, const char *name, wfe_plan_type *ret)
{
    const wfe_node *node = wfe_node_get(inputs, name);
    return node && node->kind == WFE_NODE_SCALAR &&
           wfe_type_parse(l->tree, node->text, ret, NULL) == 0;
}

/* ---- what was given ---- */

static int set_value(wfe_loader *l, const char *name, json_t *value)
{
    return json_object_set_new(l->values, name, value) ? wfe_error_nomem(l->err) : 0;
}

static int add_value(wfe_loader *l, const char *name, const json_t *value, bool convert)
{
    wfe_plan_type type;
    wfe_error error = WFE_ERROR_INIT;
    json_t *checked = NULL;
    static const wfe_plan_type any = {.kind = WFE_PLAN_ANY, .text = "any"};
    bool typed = type_of(l, inputs_of(l, l->main), name, &type);
    if (!typed)
        type = any;
    int rc = wfe_plan_type_check(&type, value, convert, &checked, &error);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(l->err);
    if (!rc)
        return set_value(l, name, checked);
    wfe_diagnose_error(l->list, wfe_mark_nowhere(), "input '%s' %s", name, error.message);
    /* It has a value, even if a wrong one: it must not be told as missing, too. */
    return set_value(l, name, json_incref((json_t *)(uintptr_t)value));
}

static int add_values(wfe_loader *l, const json_t *object)
{
    const char *name;
    json_t *value;
    int rc = 0;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!rc)
            rc = add_value(l, name, value, false);
    }
    return rc;
}

static int add_texts(wfe_loader *l, const char *const *texts)
{
    int rc = 0;
    for (; texts && *texts && !rc; texts++) {
        const char *equals = strchr(*texts, '=');
        if (!equals || equals == *texts) {
            wfe_diagnose_error(l->list, wfe_mark_nowhere(),
                               "an input must be NAME=VALUE, found '%s'", *texts);
            continue;
        }
        if (!wfe_utf8_is_valid(*texts, strlen(*texts))) {
            wfe_diagnose_error(l->list, wfe_mark_nowhere(), "an input is no UTF-8 text");
            continue;
        }
        char *name = wfe_arena_text(l->tree, *texts, (size_t)(equals - *texts));
        json_t *value = json_string(equals + 1);
        if (!name || !value) {
            json_decref(value);
            return wfe_error_nomem(l->err);
        }
        rc = add_value(l, name, value, true);
        json_decref(value);
    }
    return rc;
}

/* A JSON file is a YAML file, but its numbers and errors are JSON's own. */
static int parse_input_file(const char *path, const wfe_buf *text, wfe_arena *tree, json_t **ret,
                            wfe_error *err)
{
    const char *first = text->data ? text->data + strspn(text->data, " \t\r\n") : "";
    if (*first == '{')
        return wfe_json_load(text->data, text->len, JSON_REJECT_DUPLICATES, ret, err);
    wfe_node *root = NULL;
    _cleanup_(wfe_diagnostics_free_p) wfe_diagnostics *list = wfe_diagnostics_new();
    uint32_t n_nodes = WFE_NODE_MAX;
    if (!list)
        return wfe_error_nomem(err);
    int rc = wfe_yaml_parse(text->data ? text->data : "", text->len, 0, &n_nodes, tree, list, &root,
                            err);
    if (rc)
        return rc;
    if (wfe_diagnostics_errors(list)) {
        const wfe_plan_file file = {.path = path, .text = text->data, .len = text->len};
        rc = wfe_diagnostics_finish(list, &file, 1, err);
        return rc ? rc : wfe_diagnostics_to_error(list, err);
    }
    *ret = root ? wfe_node_json(root) : json_object();
    return *ret ? 0 : wfe_error_nomem(err);
}

static int read_input_file(const char *path, wfe_arena *tree, json_t **ret, wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(WFE_YAML_MAX_BYTES);
    json_t *object = NULL;
    int rc = wfe_fd_read_file(path, WFE_YAML_MAX_BYTES, &text, err);
    if (!rc)
        rc = parse_input_file(path, &text, tree, &object, err);
    if (!rc && !json_is_object(object))
        rc = wfe_error_set(err, WFE_E_INVALID, "the inputs must be a map of names to values");
    if (rc) {
        wfe_error_prefix(err, "input file %s", path);
        json_decref(object);
        return rc;
    }
    *ret = object;
    return 0;
}

int wfe_plan_read_inputs(const char *path, json_t **ret, wfe_error *err)
{
    _cleanup_(wfe_arena_free_p) wfe_arena *tree = wfe_arena_new();
    return tree ? read_input_file(path, tree, ret, err) : wfe_error_nomem(err);
}

static int add_input_file(wfe_loader *l)
{
    json_t *object = NULL;
    if (!l->options->input_file)
        return 0;
    int rc = read_input_file(l->options->input_file, l->tree, &object, l->err);
    if (!rc)
        rc = add_values(l, object);
    json_decref(object);
    return rc;
}

/* ---- what is missing or too much ---- */

static void tell_missing(wfe_loader *l, const wfe_node_entry *entry)
{
    l->complete = false;
    if (l->options->partial)
        return;
    wfe_diagnose_error(l->list, wfe_mark_key(entry), "input '%s' (%s) has no value", entry->key,
                       entry->value->kind == WFE_NODE_SCALAR ? entry->value->text : "?");
    wfe_diagnose_hint(l->list, "give it with -i %s=VALUE", entry->key);
}

static int complete_inputs(wfe_loader *l)
{
    const wfe_node *inputs = inputs_of(l, l->main);
    l->complete = true;
    for (uint32_t i = 0; inputs && i < inputs->n; i++) {
        const wfe_node_entry *entry = &inputs->entries[i];
        wfe_plan_type type;
        if (json_object_get(l->values, entry->key))
            continue;
        if (!type_of(l, inputs, entry->key, &type))
            continue;
        if (!type.optional) {
            tell_missing(l, entry);
            continue;
        }
        int rc = set_value(l, entry->key, json_null());
        if (rc)
            return rc;
    }
    return 0;
}

/* Everything any workflow declares: such names may be left open for now. */
static int index_declared(wfe_loader *l)
{
    for (uint32_t w = 0; w < l->n_workflows; w++) {
        const wfe_node *inputs = inputs_of(l, w);
        for (uint32_t i = 0; inputs && i < inputs->n; i++) {
            const char *key = inputs->entries[i].key;
            if (!wfe_index_add(&l->declared, key, strlen(key), 0, NULL))
                return wfe_error_nomem(l->err);
        }
    }
    return 0;
}

/* A value nobody asked for is a mistake when the workflow says what it takes. */
static void tell_unknown(wfe_loader *l)
{
    const wfe_node *inputs = inputs_of(l, l->main);
    const char *names[NAMES_MAX];
    size_t n = 0;
    const char *name;
    json_t *value;
    if (!inputs)
        return;
    for (uint32_t i = 0; i < inputs->n && n < NAMES_MAX; i++)
        names[n++] = inputs->entries[i].key;
    json_object_foreach(l->values, name, value)
    {
        if (wfe_node_get(inputs, name) ||
            wfe_index_get(&l->used, name, strcspn(name, ".")) != WFE_INDEX_NONE)
            continue;
        wfe_diagnose_error(l->list, wfe_mark_nowhere(), "the workflow has no input '%s'", name);
        wfe_diagnose_suggest(l->list, name, names, n);
    }
}

int wfe_load_values(wfe_loader *l)
{
    l->values = json_object();
    if (!l->values)
        return wfe_error_nomem(l->err);
    if (!find_main(l))
        return 0;
    int rc = index_declared(l);
    if (!rc && l->options->inputs)
        rc = add_values(l, l->options->inputs);
    if (!rc)
        rc = add_input_file(l);
    if (!rc)
        rc = add_texts(l, l->options->input_texts);
    if (!rc)
        rc = complete_inputs(l);
    wfe_interpolation in = {
        .arena = l->tree,
        .list = l->list,
        .values = l->values,
        .open = l->options->partial ? &l->declared : NULL,
        .used = &l->used,
        .n_left = l->n_nodes_left,
    };
    for (uint32_t i = 0; !rc && i < l->n_files; i++) {
        if (l->roots[i] && wfe_interpolate(&in, l->roots[i]))
            rc = wfe_error_nomem(l->err);
    }
    if (!rc)
        tell_unknown(l);
    return rc;
}
