/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps that call another workflow, when all workflows are known.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "workflow/loader.h"

#define SHOWN_NAMES 64

/* Is the workflow named by a value that is not known yet. */
static bool is_open(const wfe_step_source *source)
{
    const wfe_node *node = wfe_node_get(source->call_node, "workflow");
    return node && node->flags & (WFE_NODE_UNKNOWN | WFE_NODE_HAS_ITEM);
}

static uint32_t find_workflow(wfe_loader *l, const wfe_step_source *source)
{
    const wfe_node *node = wfe_node_get(source->call_node, "workflow");
    const char *words[SHOWN_NAMES];
    size_t n = 0;
    for (uint32_t i = 0; i < l->n_workflows; i++) {
        if (strcmp(l->workflows[i].id, source->call_id) == 0)
            return i;
        if (n < SHOWN_NAMES)
            words[n++] = l->workflows[i].id;
    }
    wfe_diagnose_error(l->list, wfe_mark_node(node ? node : source->call_node),
                       "Workflow not found: %s", source->call_id);
    wfe_diagnose_suggest(l->list, source->call_id, words, n);
    return WFE_PLAN_NONE;
}

static void check_version(wfe_loader *l, const wfe_step_source *source, uint32_t workflow)
{
    const wfe_node *node = wfe_node_get(source->call_node, "workflow_version");
    if (source->call_version == UINT32_MAX ||
        source->call_version == l->workflows[workflow].version)
        return;
    wfe_diagnose_error(l->list, wfe_mark_node(node ? node : source->call_node),
                       "workflow '%s' has version %u, not %u", source->call_id,
                       l->workflows[workflow].version, source->call_version);
}

static const wfe_plan_field *find_input(const wfe_plan_workflow *workflow, const char *name)
{
    for (uint32_t i = 0; i < workflow->n_inputs; i++) {
        if (strcmp(workflow->inputs[i].name, name) == 0)
            return &workflow->inputs[i];
    }
    return NULL;
}

static int check_argument(wfe_loader *l, const wfe_plan_workflow *called,
                          const wfe_node_entry *entry, const wfe_plan_argument *argument)
{
    const wfe_plan_field *input = find_input(called, argument->name);
    const char *words[SHOWN_NAMES];
    wfe_error error = WFE_ERROR_INIT;
    json_t *checked = NULL;
    uint32_t n = 0;
    if (!input) {
        for (; n < called->n_inputs && n < SHOWN_NAMES; n++)
            words[n] = called->inputs[n].name;
        wfe_diagnose_error(l->list, wfe_mark_key(entry), "workflow '%s' has no input '%s'",
                           called->id, argument->name);
        wfe_diagnose_suggest(l->list, argument->name, words, n);
        return 0;
    }
    if (!argument->value || entry->value->flags & (WFE_NODE_UNKNOWN | WFE_NODE_HAS_ITEM))
        return 0;
    int rc = wfe_plan_type_check(&input->type, argument->value, true, &checked, &error);
    json_decref(checked);
    if (rc == WFE_E_INVALID)
        wfe_diagnose_error(l->list, wfe_mark_node(entry->value), "input '%s' of workflow '%s' %s",
                           argument->name, called->id, error.message);
    return rc == WFE_E_NOMEM ? rc : 0;
}

/* A required input that is not among the arguments. */
static void check_missing(wfe_loader *l, const wfe_plan_workflow *called, const wfe_plan_call *call,
                          const wfe_node *inputs)
{
    for (uint32_t i = 0; i < called->n_inputs; i++) {
        uint32_t k = 0;
        while (k < call->n_arguments &&
               strcmp(call->arguments[k].name, called->inputs[i].name) != 0)
            k++;
        if (k == call->n_arguments && !called->inputs[i].type.optional)
            wfe_diagnose_error(l->list, wfe_mark_node(inputs),
                               "input '%s' (%s) of workflow '%s' has no value",
                               called->inputs[i].name, called->inputs[i].type.text, called->id);
    }
}

static int check_arguments(wfe_loader *l, const wfe_step_source *source, uint32_t workflow)
{
    const wfe_plan_workflow *called = &l->workflows[workflow];
    const wfe_plan_call *call = source->call;
    const wfe_node *inputs = wfe_node_get(source->call_node, "inputs");
    if (!call->has_arguments || !inputs || !called->n_inputs)
        return 0;
    for (uint32_t i = 0; i < call->n_arguments && i < inputs->n; i++) {
        int rc = check_argument(l, called, &inputs->entries[i], &call->arguments[i]);
        if (rc)
            return rc;
    }
    check_missing(l, called, call, inputs);
    return 0;
}

/* ---- workflows that call themselves ---- */

typedef struct search {
    wfe_loader *l;
    uint8_t *colors; /* of workflows: 0 new, 1 on the way, 2 done */
    uint32_t *way;   /* workflows */
    uint32_t *next;  /* the step to look at next, for each of way */
    size_t len;
} search;

static void tell_cycle(const search *s, uint32_t workflow, const wfe_node *node)
{
    _cleanup_(wfe_buf_done) wfe_buf names = WFE_BUF_INIT(512);
    size_t i = 0;
    while (s->way[i] != workflow)
        i++;
    for (; i < s->len; i++)
        (void)wfe_buf_printf(&names, NULL, "%s -> ", s->l->workflows[s->way[i]].id);
    wfe_diagnose_error(s->l->list, wfe_mark_node(node),
                       "Circular workflow reference detected: %s%s", names.data ? names.data : "",
                       s->l->workflows[workflow].id);
}

static void enter(search *s, uint32_t workflow)
{
    s->colors[workflow] = 1;
    s->next[s->len] = 0;
    s->way[s->len++] = workflow;
}

static void walk(search *s, uint32_t workflow)
{
    if (s->colors[workflow])
        return;
    enter(s, workflow);
    while (s->len) {
        uint32_t current = s->way[s->len - 1];
        uint32_t i = s->next[s->len - 1]++;
        if (i == s->l->n_steps) {
            s->colors[current] = 2;
            s->len--;
            continue;
        }
        const wfe_step_source *source = &s->l->step_sources[i];
        if (s->l->steps[i].workflow != current || !source->call ||
            source->call->workflow == WFE_PLAN_NONE)
            continue;
        uint32_t called = source->call->workflow;
        if (s->colors[called] == 1)
            tell_cycle(s, called, source->call_node);
        else if (!s->colors[called])
            enter(s, called);
    }
}

static int find_cycles(wfe_loader *l)
{
    size_t n = l->n_workflows + 1;
    _cleanup_free_ uint8_t *colors = calloc(n, 1);
    _cleanup_free_ uint32_t *way = calloc(n, sizeof *way);
    _cleanup_free_ uint32_t *next = calloc(n, sizeof *next);
    if (!colors || !way || !next)
        return WFE_E_NOMEM;
    search s = {.l = l, .colors = colors, .way = way, .next = next};
    for (uint32_t i = 0; i < l->n_workflows; i++)
        walk(&s, i);
    return 0;
}

int wfe_load_calls(wfe_loader *l)
{
    int rc = 0;
    bool any = false;
    for (uint32_t i = 0; !rc && i < l->n_steps; i++) {
        const wfe_step_source *source = &l->step_sources[i];
        if (!source->call || !source->call_id || is_open(source))
            continue;
        any = true;
        uint32_t workflow = find_workflow(l, source);
        source->call->workflow = workflow;
        if (workflow == WFE_PLAN_NONE)
            continue;
        check_version(l, source, workflow);
        rc = check_arguments(l, source, workflow);
    }
    if (!rc && any)
        rc = find_cycles(l);
    return rc ? wfe_error_nomem(l->err) : 0;
}
