/* SPDX-License-Identifier: Apache-2.0
 *
 * An item is made from the tree of its step, as the file had it, so that its values are read and
 * checked exactly as those of any other step.
 */
#include "workflow/item.h"

#include <stdio.h>
#include <string.h>

#include "workflow/condition.h"
#include "workflow/config.h"
#include "workflow/interpolate.h"

#define SHOWN_NAMES 64

/* What a plan keeps of a step with for_each. */
typedef struct item_source {
    wfe_plan_for_each for_each; /* first: the plan points to it */
    const wfe_node *config;
    const wfe_node *when; /* NULL: none, or the whole step's */
    wfe_mark mark;        /* of for_each */
} item_source;

/* ---- for_each of the file ---- */

/* A path has a name behind each of its points. */
static bool is_whole_path(const char *path)
{
    return !strstr(path, "..") && path[strlen(path) - 1] != '.';
}

static bool is_path(const wfe_node *node)
{
    return node->kind == WFE_NODE_SCALAR && !(node->flags & WFE_NODE_FROM_VALUE) &&
           (strncmp(node->text, ".outputs.", 9) == 0 || strncmp(node->text, ".inputs.", 8) == 0) &&
           is_whole_path(node->text);
}

static int read_items(wfe_loader *l, const wfe_node *node, uint32_t max, wfe_plan_for_each *out)
{
    out->max_items = max;
    /* A value that is not known yet is as little there as that of a path; such a plan never runs.
     */
    if (is_path(node) || node->flags & WFE_NODE_UNKNOWN) {
        out->path = wfe_arena_text(l->memory, node->text, node->n);
        return out->path ? 0 : WFE_E_NOMEM;
    }
    if (node->kind != WFE_NODE_LIST) {
        wfe_diagnose_error(l->list, wfe_mark_node(node),
                           "'for_each' must be a list, or the path of one, found %s",
                           wfe_node_kind_name(node));
        wfe_diagnose_hint(l->list, "a path begins with .outputs. or .inputs.");
    } else if (node->n > max) {
        wfe_diagnose_error(l->list, wfe_mark_node(node), "'for_each' has %u items, at most %u",
                           node->n, max);
        wfe_diagnose_hint(l->list, "max_items of the step raises that");
    }
    json_t *items = node->kind == WFE_NODE_LIST ? wfe_node_json(node) : json_array();
    out->items = wfe_arena_keep(l->memory, items);
    return out->items ? 0 : WFE_E_NOMEM;
}

static bool holds_item(const wfe_node *node)
{
    bool found = node->kind == WFE_NODE_SCALAR && node->flags & WFE_NODE_HAS_ITEM;
    for (uint32_t i = 0; node->kind != WFE_NODE_SCALAR && !found && i < node->n; i++)
        found = holds_item(node->kind == WFE_NODE_MAP ? node->entries[i].value : node->items[i]);
    return found;
}

int wfe_item_prepare(wfe_loader *l, uint32_t step, const wfe_raw_step *raw)
{
    item_source *source = wfe_arena_alloc(l->memory, sizeof *source);
    if (!source)
        return WFE_E_NOMEM;
    source->mark = wfe_mark_node(raw->for_each);
    source->for_each.when_of_items = raw->when && holds_item(raw->when);
    const wfe_node *when = source->for_each.when_of_items ? raw->when : NULL;
    int rc = read_items(l, raw->for_each, raw->max_items, &source->for_each);
    if (!rc && raw->config)
        source->config = wfe_node_copy(l->memory, raw->config);
    if (!rc && when)
        source->when = wfe_node_copy(l->memory, when);
    if (!rc && ((raw->config && !source->config) || (when && !source->when)))
        rc = WFE_E_NOMEM;
    l->steps[step].for_each = &source->for_each;
    return rc;
}

/* The one declared input that the path is, of which the type is known. */
static void check_input(wfe_loader *l, const wfe_plan_workflow *workflow, const item_source *source,
                        const char *name)
{
    const char *words[SHOWN_NAMES];
    size_t n = 0;
    for (uint32_t i = 0; i < workflow->n_inputs; i++) {
        const wfe_plan_field *input = &workflow->inputs[i];
        if (strcmp(input->name, name) == 0) {
            if (input->type.kind != WFE_PLAN_LIST && input->type.kind != WFE_PLAN_ANY)
                wfe_diagnose_error(l->list, source->mark, "'for_each' needs a list, but '%s' is %s",
                                   source->for_each.path, input->type.text);
            return;
        }
        if (n < SHOWN_NAMES)
            words[n++] = input->name;
    }
    wfe_diagnose_error(l->list, source->mark, "'for_each' names an unknown input '%s'", name);
    wfe_diagnose_suggest(l->list, name, words, n);
}

void wfe_item_check(wfe_loader *l, const wfe_plan_workflow *workflow, const wfe_plan_step *step)
{
    static const char inputs[] = ".inputs.";
    const item_source *source = (const item_source *)step->for_each;
    const char *path = source->for_each.path;
    /* A workflow that declares nothing is given anything. */
    if (!path || !workflow->n_inputs || strncmp(path, inputs, sizeof inputs - 1) != 0)
        return;
    if (!strchr(path + sizeof inputs - 1, '.'))
        check_input(l, workflow, source, path + sizeof inputs - 1);
}

/* ---- one item ---- */

typedef struct making {
    const wfe_plan *plan;
    wfe_plan_item *item;
    wfe_arena *memory;
    wfe_diagnostics *list;
    wfe_interpolation in;
} making;

static int replace(making *m, const wfe_node *node, wfe_node **ret)
{
    *ret = wfe_node_copy(m->memory, node);
    return *ret ? wfe_interpolate(&m->in, *ret) : WFE_E_NOMEM;
}

static int make_call(making *m, const wfe_reader *r, const wfe_node *node)
{
    wfe_plan_call *call = NULL;
    const char *id = NULL;
    uint32_t version = UINT32_MAX;
    const wfe_plan_call *planned = m->item->step.config.call;
    int rc = wfe_config_call(r, m->item->step.name, node, &call, &id, &version);
    if (rc)
        return rc;
    call->workflow = planned->workflow; /* what is called does not depend on the item */
    m->item->step.config.call = call;
    return 0;
}

static int make_config(making *m, const item_source *source)
{
    const wfe_reader reader = {.memory = m->memory, .list = m->list};
    wfe_plan_step *step = &m->item->step;
    wfe_node *node = NULL;
    int rc = replace(m, source->config, &node);
    if (rc)
        return rc;
    switch (step->type) {
    case WFE_PLAN_STEP_CONTAINERD:
        return wfe_config_container(&reader, step->name, node, &step->config.container);
    case WFE_PLAN_STEP_SHELL:
        return wfe_config_shell(&reader, step->name, node, &step->config.shell);
    case WFE_PLAN_STEP_WORKFLOW:
        return make_call(m, &reader, node);
    case WFE_PLAN_STEP_PARALLEL:
        break;
    }
    return 0;
}

static int make_when(making *m, const item_source *source)
{
    wfe_node *node = NULL;
    int rc = replace(m, source->when, &node);
    return rc ? rc : wfe_condition_compile(m->memory, m->list, node, &m->item->step.when);
}

static int make_parts(making *m, const wfe_plan_step *step, wfe_error *err)
{
    const item_source *source = (const item_source *)step->for_each;
    int rc = source->config ? make_config(m, source) : 0;
    if (!rc && source->when)
        rc = make_when(m, source);
    if (rc)
        return wfe_error_nomem(err);
    if (!wfe_diagnostics_errors(m->list))
        return 0;
    rc = wfe_diagnostics_finish(m->list, m->plan->files, m->plan->n_files, err);
    return rc ? rc : wfe_diagnostics_to_error(m->list, err);
}

int wfe_plan_item_new(const wfe_plan *plan, uint32_t step, const json_t *item, uint32_t index,
                      wfe_plan_item **ret, wfe_error *err)
{
    _cleanup_(wfe_arena_free_p) wfe_arena *memory = wfe_arena_new();
    _cleanup_(wfe_diagnostics_free_p) wfe_diagnostics *list = wfe_diagnostics_new();
    wfe_plan_item *made = memory ? wfe_arena_alloc(memory, sizeof *made) : NULL;
    if (!made || !list)
        return wfe_error_nomem(err);
    making m = {
        .plan = plan,
        .item = made,
        .memory = memory,
        .list = list,
        .in = {.arena = memory, .list = list, .item = item, .index = index, .n_left = WFE_NODE_MAX},
    };
    made->step = plan->steps[step];
    made->step.for_each = NULL;
    made->step.when = NULL;
    int rc = make_parts(&m, &plan->steps[step], err);
    if (rc) {
        wfe_error_prefix(err, "item %u of step '%s'", index, plan->steps[step].name);
        return rc;
    }
    made->memory = wfe_take(memory);
    *ret = made;
    return 0;
}

void wfe_plan_item_free(wfe_plan_item *item)
{
    if (item)
        wfe_arena_free(item->memory);
}
