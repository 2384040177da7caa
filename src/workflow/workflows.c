/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflows, one after another: what they declare, then their steps.
 */
#include <stdlib.h>
#include <string.h>

#include "workflow/condition.h"
#include "workflow/item.h"
#include "workflow/loader.h"
#include "workflow/types.h"

#define SHOWN_NAMES 64

/* ---- inputs and outputs ---- */

static int read_field(wfe_loader *l, const wfe_node_entry *entry, wfe_plan_field *out, bool *ok)
{
    wfe_error error = WFE_ERROR_INIT;
    const char *text = wfe_read_text(&l->reader, entry->value, entry->key);
    if (!text)
        return 0;
    int rc = wfe_type_parse(l->memory, text, &out->type, &error);
    if (rc == WFE_E_NOMEM)
        return rc;
    if (rc) {
        wfe_diagnose_error(l->list, wfe_mark_node(entry->value), "%s", error.message);
        wfe_diagnose_suggest(l->list, text, wfe_type_names, wfe_n_type_names);
        wfe_diagnose_hint(l->list, "types are string, number, integer, bool, any, list<T> and "
                                   "map<T>; T? may be absent");
        return 0;
    }
    out->name = wfe_arena_text(l->memory, entry->key, strlen(entry->key));
    out->pos = entry->pos;
    *ok = true;
    return out->name ? 0 : WFE_E_NOMEM;
}

bool wfe_load_is_too_long(wfe_loader *l, const wfe_node *node, const char *what)
{
    if (node->n <= WFE_LOAD_MAX_DECLARED)
        return false;
    wfe_diagnose_error(l->list, wfe_mark_node(node), "%s has %u members, at most %d", what, node->n,
                       WFE_LOAD_MAX_DECLARED);
    return true;
}

static int read_fields(wfe_loader *l, const wfe_node *node, const char *what,
                       const wfe_plan_field **ret, uint32_t *ret_n)
{
    if (!node || wfe_load_is_too_long(l, node, what))
        return 0;
    wfe_plan_field *fields = wfe_arena_array(l->memory, node->n, sizeof *fields);
    uint32_t n = 0;
    if (!fields)
        return WFE_E_NOMEM;
    for (uint32_t i = 0; i < node->n; i++) {
        bool ok = false;
        int rc = read_field(l, &node->entries[i], &fields[n], &ok);
        if (rc)
            return rc;
        n += ok;
    }
    *ret = fields;
    *ret_n = n;
    return 0;
}

/* ---- outputs that steps give ---- */

typedef struct names {
    const char **items; /* owned */
    size_t n;
    wfe_index index; /* of items */
} names;

static void names_done(names *list)
{
    free(list->items);
    wfe_index_done(&list->index);
}

/* Names that steps of the workflow declare as outputs. */
static int list_step_outputs(const wfe_loader *l, const wfe_plan_workflow *workflow, uint32_t first,
                             names *out)
{
    size_t n = 0;
    for (uint32_t i = first; i < first + workflow->n_steps; i++)
        n += l->steps[i].n_outputs;
    out->items = calloc(n + 1, sizeof *out->items);
    if (!out->items)
        return WFE_E_NOMEM;
    for (uint32_t i = first; i < first + workflow->n_steps; i++) {
        for (uint32_t k = 0; k < l->steps[i].n_outputs; k++) {
            const char *name = l->steps[i].outputs[k].name;
            if (!wfe_index_add(&out->index, name, strlen(name), i, NULL))
                return WFE_E_NOMEM;
            out->items[out->n++] = name;
        }
    }
    return 0;
}

/* An output that no step names is a mistake of the file. */
static void check_outputs(wfe_loader *l, const wfe_plan_workflow *workflow, const names *given)
{
    for (uint32_t i = 0; i < workflow->n_outputs; i++) {
        const wfe_plan_field *output = &workflow->outputs[i];
        if (wfe_index_get(&given->index, output->name, strlen(output->name)) != WFE_INDEX_NONE)
            continue;
        wfe_diagnose_error(l->list,
                           (wfe_mark){.pos = output->pos, .length = (uint32_t)strlen(output->name)},
                           "Declared output '%s' is never produced by any step. Add an output data "
                           "ref with name '%s' to a step.",
                           output->name, output->name);
        wfe_diagnose_suggest(l->list, output->name, given->items,
                             given->n < SHOWN_NAMES ? given->n : SHOWN_NAMES);
    }
}

static int check_data(wfe_loader *l, const wfe_plan_workflow *workflow, uint32_t first)
{
    names given = {0};
    int rc = list_step_outputs(l, workflow, first, &given);
    if (!rc)
        check_outputs(l, workflow, &given);
    for (uint32_t i = first; !rc && i < first + workflow->n_steps; i++) {
        if (l->steps[i].when)
            wfe_condition_check(l->list, workflow, l->steps[i].when, &given.index);
        if (l->steps[i].for_each)
            wfe_item_check(l, workflow, &l->steps[i]);
    }
    names_done(&given);
    return rc;
}

/* ---- the workflow ---- */

static bool lacks(const wfe_node *node, const char *key)
{
    return wfe_node_is_null(wfe_node_get(node, key)) &&
           !wfe_read_is_misspelt(node, WFE_SCOPE_WORKFLOW, key);
}

static void check_workflow(wfe_loader *l, const wfe_node *node, const wfe_raw_workflow *raw)
{
    if (!raw->id && lacks(node, "id"))
        wfe_diagnose_error(l->list, wfe_mark_node(node), "a workflow must have an 'id'");
    else if (raw->id && !raw->id[0])
        wfe_diagnose_error(l->list, wfe_mark_node(wfe_node_get(node, "id")),
                           "the id of a workflow must not be empty");
    if (raw->version == UINT32_MAX && lacks(node, "version"))
        wfe_diagnose_error(l->list, wfe_mark_node(node), "workflow '%s' must have a 'version'",
                           raw->id ? raw->id : "");
    const wfe_node *steps = wfe_node_get(node, "steps");
    if (lacks(node, "steps") || (raw->steps && !raw->steps->n))
        wfe_diagnose_error(l->list, wfe_mark_node(steps ? steps : node),
                           "Workflow must have at least one step");
}

static int read_defaults(wfe_loader *l, const wfe_raw_workflow *raw)
{
    l->default_retry = NULL;
    l->default_on_error = WFE_PLAN_ERROR_FAIL;
    return wfe_load_retry(l, NULL, raw->error_behavior, &l->default_retry, &l->default_on_error);
}

static int read_hooks(wfe_loader *l, const wfe_raw_workflow *raw, wfe_plan_workflow *out)
{
    int rc = wfe_load_hook(l, raw->on_success, WFE_PLAN_ROLE_ON_SUCCESS, WFE_PLAN_NONE,
                           &out->hooks.on_success);
    if (!rc)
        rc = wfe_load_hook(l, raw->on_failure, WFE_PLAN_ROLE_ON_FAILURE, WFE_PLAN_NONE,
                           &out->hooks.on_failure);
    return rc ? rc
              : wfe_load_hook(l, raw->ensure, WFE_PLAN_ROLE_ENSURE, WFE_PLAN_NONE,
                              &out->hooks.ensure);
}

static int read_declarations(wfe_loader *l, const wfe_raw_workflow *raw, wfe_plan_workflow *out)
{
    int rc = read_fields(l, raw->inputs, "'inputs'", &out->inputs, &out->n_inputs);
    if (!rc)
        rc = read_fields(l, raw->outputs, "'outputs'", &out->outputs, &out->n_outputs);
    if (!rc)
        rc = wfe_load_services(l, raw->services, out);
    if (!rc)
        rc = wfe_load_secrets(l, raw->secrets, out);
    if (!rc)
        rc = wfe_load_shared_volume(l, raw->shared_volume, out);
    return rc ? rc : read_defaults(l, raw);
}

static int read_workflow(wfe_loader *l, uint32_t index)
{
    const wfe_node *node = l->sources[index].node;
    wfe_raw_workflow raw = {.version = UINT32_MAX};
    wfe_plan_workflow *out = &l->workflows[index];
    uint32_t first = l->n_steps;
    l->workflow = index;
    wfe_index_done(&l->names);
    *out = (wfe_plan_workflow){
        .first_step = WFE_PLAN_NONE,
        .hooks = {WFE_PLAN_NONE, WFE_PLAN_NONE, WFE_PLAN_NONE},
        .pos = node->pos,
    };
    int rc = wfe_read_map(&l->reader, node, WFE_SCOPE_WORKFLOW, &raw);
    if (rc)
        return rc;
    check_workflow(l, node, &raw);
    out->id = raw.id ? raw.id : "";
    out->name = raw.name;
    out->description = raw.description;
    out->version = raw.version == UINT32_MAX ? 0 : raw.version;
    out->timeout_ms = raw.timeout_ms;
    out->fail_fast = raw.fail_fast;
    rc = read_declarations(l, &raw, out);
    if (!rc && raw.steps)
        rc = wfe_load_steps(l, raw.steps, WFE_PLAN_NONE, &out->first_step);
    if (!rc)
        rc = read_hooks(l, &raw, out);
    out->n_steps = l->n_steps - first;
    if (!rc)
        rc = wfe_load_order(l, out, first);
    if (!rc)
        wfe_load_paths(l, out, first);
    return rc ? rc : check_data(l, out, first);
}

int wfe_load_workflows(wfe_loader *l)
{
    l->workflows = calloc(l->n_workflows + 1, sizeof *l->workflows);
    int rc = l->workflows ? 0 : WFE_E_NOMEM;
    for (uint32_t i = 0; !rc && i < l->n_workflows; i++)
        rc = read_workflow(l, i);
    return rc == WFE_E_NOMEM ? wfe_error_nomem(l->err) : rc;
}
