/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dry_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "cli/condition_text.h"
#include "cli/text.h"

typedef struct dry_run {
    const wfe_plan *plan;
    FILE *out;
    uint32_t *begin; /* earliest turn of each step, from 0 */
    uint32_t *end;   /* the turn after its last one */
    bool *reached;   /* workflows that run */
    wfe_error error;
} dry_run;

/* What a condition comes to before anything has run. */
enum outcome { ALWAYS, TRUE_BY_INPUTS, FALSE_BY_INPUTS, OPEN };

static enum outcome outcome_of(dry_run *d, const wfe_plan_step *step)
{
    bool is_true = false;
    if (!step->when)
        return ALWAYS;
    /* The inputs of a called workflow are its caller's to give. */
    if (step->workflow != d->plan->main || !d->plan->complete ||
        (step->for_each && step->for_each->when_of_items) ||
        !wfe_condition_is_of_inputs(step->when) ||
        wfe_plan_condition_eval(step->when, d->plan->inputs, &is_true, NULL))
        return OPEN;
    return is_true ? TRUE_BY_INPUTS : FALSE_BY_INPUTS;
}

/* ---- turns ---- */

static uint32_t later(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* One step from what is known of the others; true when that changed it. */
static bool set_turn(dry_run *d, uint32_t index)
{
    const wfe_plan_step *step = &d->plan->steps[index];
    uint32_t begin = step->parent == WFE_PLAN_NONE ? 0 : d->begin[step->parent];
    for (uint32_t i = 0; i < step->n_needs; i++)
        begin = later(begin, d->end[step->needs[i]]);
    uint32_t end = begin + 1;
    for (uint32_t child = step->first_child; child != WFE_PLAN_NONE;
         child = d->plan->steps[child].next_sibling)
        end = later(end, d->end[child]);
    bool changed = begin != d->begin[index] || end != d->end[index];
    d->begin[index] = begin;
    d->end[index] = end;
    return changed;
}

/* Needs have no cycles, so this ends; one pass or two when they are in the order of the file. */
static void set_turns(dry_run *d)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < d->plan->n_steps; i++)
            changed |= d->plan->steps[i].role == WFE_PLAN_ROLE_STEP && set_turn(d, i);
    }
}

static void reach_workflows(dry_run *d)
{
    bool changed = true;
    d->reached[d->plan->main] = true;
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < d->plan->n_steps; i++) {
            const wfe_plan_step *step = &d->plan->steps[i];
            if (step->type != WFE_PLAN_STEP_WORKFLOW || !d->reached[step->workflow] ||
                d->reached[step->config.call->workflow])
                continue;
            d->reached[step->config.call->workflow] = true;
            changed = true;
        }
    }
}

/* ---- for people ---- */

static void put_clean(dry_run *d, const char *text)
{
    _cleanup_(wfe_buf_done) wfe_buf clean = WFE_BUF_INIT(0);
    if (!wfe_text_clean(text, strcspn(text, "\n"), false, &clean, &d->error))
        fprintf(d->out, "%s%s", clean.data ? clean.data : "", strchr(text, '\n') ? " ..." : "");
}

static void put_json(dry_run *d, const json_t *value)
{
    _cleanup_free_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text)
        put_clean(d, text);
    else
        wfe_error_nomem(&d->error);
}

static void put_what(dry_run *d, const wfe_plan_step *step)
{
    switch (step->type) {
    case WFE_PLAN_STEP_CONTAINERD:
        fprintf(d->out, "container of ");
        put_clean(d, step->config.container->options.image);
        break;
    case WFE_PLAN_STEP_SHELL:
        fprintf(d->out, "shell: ");
        put_clean(d, step->config.shell->run ? step->config.shell->run : step->config.shell->file);
        break;
    case WFE_PLAN_STEP_WORKFLOW:
        fprintf(d->out, "workflow ");
        put_clean(d, d->plan->workflows[step->config.call->workflow].id);
        break;
    case WFE_PLAN_STEP_PARALLEL:
        fprintf(d->out, "at the same time:");
        break;
    }
}

static void put_condition(dry_run *d, const wfe_plan_step *step, int indent)
{
    static const char *const words[] = {[TRUE_BY_INPUTS] = "true",
                                        [FALSE_BY_INPUTS] = "false: skipped",
                                        [OPEN] = "known when it runs"};
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(0);
    if (!step->when || wfe_condition_text(step->when, &text, &d->error))
        return;
    fprintf(d->out, "%*swhen ", indent, "");
    put_clean(d, text.data);
    fprintf(d->out, ": %s\n", words[outcome_of(d, step)]);
}

static void put_for_each(dry_run *d, const wfe_plan_step *step, int indent)
{
    if (!step->for_each)
        return;
    fprintf(d->out, "%*sfor each of ", indent, "");
    if (step->for_each->items)
        put_json(d, step->for_each->items);
    else
        put_clean(d, step->for_each->path);
    fputc('\n', d->out);
}

static void put_hook(dry_run *d, const char *name, uint32_t index, int indent)
{
    if (index == WFE_PLAN_NONE)
        return;
    const wfe_plan_step *hook = &d->plan->steps[index];
    fprintf(d->out, "%*s%s: ", indent, "", name);
    put_clean(d, hook->name);
    fprintf(d->out, ", ");
    put_what(d, hook);
    fputc('\n', d->out);
    put_condition(d, hook, indent + 2);
}

static void put_hooks(dry_run *d, const wfe_plan_hooks *hooks, int indent)
{
    put_hook(d, "on_success", hooks->on_success, indent);
    put_hook(d, "on_failure", hooks->on_failure, indent);
    put_hook(d, "ensure", hooks->ensure, indent);
}

static void put_needs(dry_run *d, const wfe_plan_step *step, int indent)
{
    if (!step->n_needs)
        return;
    fprintf(d->out, "%*safter", indent, "");
    for (uint32_t i = 0; i < step->n_needs; i++) {
        fprintf(d->out, "%s ", i ? "," : "");
        put_clean(d, d->plan->steps[step->needs[i]].name);
    }
    fputc('\n', d->out);
}

static void put_step(dry_run *d, uint32_t index, int depth)
{
    const wfe_plan_step *step = &d->plan->steps[index];
    int indent = 2 * depth, details = indent + 8;
    fprintf(d->out, "%*s%4u  ", indent, "", d->begin[index] + 1);
    put_clean(d, step->name);
    fprintf(d->out, ", ");
    put_what(d, step);
    fputc('\n', d->out);
    put_needs(d, step, details);
    put_condition(d, step, details);
    put_for_each(d, step, details);
    if (step->retry && step->retry->max)
        fprintf(d->out, "%*sup to %u attempts\n", details, "", step->retry->max + 1);
    if (step->allow_failure)
        fprintf(d->out, "%*smay fail\n", details, "");
    put_hooks(d, &step->hooks, details);
}

/* A list of steps and what is in its blocks. */
static void put_list(dry_run *d, uint32_t first, int depth)
{
    for (uint32_t i = first; i != WFE_PLAN_NONE; i = d->plan->steps[i].next_sibling) {
        put_step(d, i, depth);
        if (d->plan->steps[i].first_child != WFE_PLAN_NONE)
            put_list(d, d->plan->steps[i].first_child, depth + 1);
    }
}

static void put_secret(dry_run *d, const wfe_plan_secret *secret)
{
    fprintf(d->out, "  %s from ", secret->name);
    switch (secret->source) {
    case WFE_PLAN_SECRET_ENV:
        fprintf(d->out, "the variable %s%s", secret->text,
                getenv(secret->text) ? "" : ", which is not set");
        break;
    case WFE_PLAN_SECRET_FILE:
        fprintf(d->out, "the file ");
        put_clean(d, secret->text);
        break;
    case WFE_PLAN_SECRET_COMMAND:
        fprintf(d->out, "the command ");
        put_clean(d, secret->command[0]);
        break;
    }
    fputc('\n', d->out);
}

static void put_inputs(dry_run *d)
{
    const char *key;
    json_t *value;
    if (json_object_size(d->plan->inputs))
        fprintf(d->out, "inputs\n");
    json_object_foreach((json_t *)d->plan->inputs, key, value)
    {
        fprintf(d->out, "  ");
        put_clean(d, key);
        fprintf(d->out, " = ");
        put_json(d, value);
        fputc('\n', d->out);
    }
}

static void put_workflow(dry_run *d, uint32_t index)
{
    const wfe_plan_workflow *workflow = &d->plan->workflows[index];
    fprintf(d->out, "%s", index == d->plan->main ? "" : "\nworkflow ");
    put_clean(d, workflow->id);
    fprintf(d->out, ", version %u\n", workflow->version);
    if (index == d->plan->main)
        put_inputs(d);
    if (workflow->n_secrets)
        fprintf(d->out, "secrets\n");
    for (uint32_t i = 0; i < workflow->n_secrets; i++)
        put_secret(d, &workflow->secrets[i]);
    if (workflow->n_services)
        fprintf(d->out, "services, before its steps\n");
    for (uint32_t i = 0; i < workflow->n_services; i++) {
        fprintf(d->out, "  %s, container of ", workflow->services[i].name);
        put_clean(d, workflow->services[i].container.options.image);
        fputc('\n', d->out);
    }
    fprintf(d->out, "steps, by the turn in which each can begin\n");
    put_list(d, workflow->first_step, 0);
    put_hooks(d, &workflow->hooks, 2);
}

/* ---- for programs ---- */

static json_t *condition_json(dry_run *d, const wfe_plan_step *step)
{
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(0);
    if (!step->when)
        return json_null();
    return wfe_condition_text(step->when, &text, &d->error) ? NULL : json_string(text.data);
}

static json_t *known_json(dry_run *d, const wfe_plan_step *step)
{
    enum outcome outcome = outcome_of(d, step);
    return outcome == OPEN ? json_null() : json_boolean(outcome != FALSE_BY_INPUTS);
}

static json_t *step_json(dry_run *d, uint32_t index)
{
    static const char *const types[] = {[WFE_PLAN_STEP_CONTAINERD] = "containerd",
                                        [WFE_PLAN_STEP_SHELL] = "shell",
                                        [WFE_PLAN_STEP_WORKFLOW] = "workflow",
                                        [WFE_PLAN_STEP_PARALLEL] = "parallel"};
    static const char *const roles[] = {[WFE_PLAN_ROLE_STEP] = "step",
                                        [WFE_PLAN_ROLE_ON_SUCCESS] = "on_success",
                                        [WFE_PLAN_ROLE_ON_FAILURE] = "on_failure",
                                        [WFE_PLAN_ROLE_ENSURE] = "ensure"};
    const wfe_plan_step *step = &d->plan->steps[index];
    json_t *needs = json_array();
    for (uint32_t i = 0; needs && i < step->n_needs; i++)
        json_array_append_new(needs, json_string(d->plan->steps[step->needs[i]].name));
    const char *parent = step->parent == WFE_PLAN_NONE ? NULL : d->plan->steps[step->parent].name;
    bool in_turn = step->role == WFE_PLAN_ROLE_STEP;
    return json_pack("{ss ss ss ss ss? so so so so}", "workflow",
                     d->plan->workflows[step->workflow].id, "step", step->name, "type",
                     types[step->type], "role", roles[step->role], "owner", parent, "turn",
                     in_turn ? json_integer(d->begin[index] + 1) : json_null(), "needs", needs,
                     "when", condition_json(d, step), "runs", known_json(d, step));
}

static void put_object(dry_run *d)
{
    const wfe_plan_workflow *workflow = &d->plan->workflows[d->plan->main];
    json_t *steps = json_array();
    for (uint32_t i = 0; steps && i < d->plan->n_steps; i++) {
        if (d->reached[d->plan->steps[i].workflow])
            json_array_append_new(steps, step_json(d, i));
    }
    json_t *object = json_pack("{si ss sO so}", "version", 1, "workflow", workflow->id, "inputs",
                               (json_t *)d->plan->inputs, "steps", steps);
    _cleanup_free_ char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text)
        fprintf(d->out, "%s\n", text);
    else
        wfe_error_nomem(&d->error);
}

int wfe_dry_run(const wfe_plan *plan, bool json, FILE *out, wfe_error *err)
{
    dry_run d = {.plan = plan, .out = out};
    _cleanup_free_ uint32_t *begin = calloc((size_t)plan->n_steps + 1, sizeof *begin);
    _cleanup_free_ uint32_t *end = calloc((size_t)plan->n_steps + 1, sizeof *end);
    _cleanup_free_ bool *reached = calloc((size_t)plan->n_workflows + 1, sizeof *reached);
    if (!begin || !end || !reached)
        return wfe_error_nomem(err);
    d.begin = begin;
    d.end = end;
    d.reached = reached;
    set_turns(&d);
    reach_workflows(&d);
    if (json)
        put_object(&d);
    else
        put_workflow(&d, plan->main);
    for (uint32_t i = 0; !json && i < plan->n_workflows; i++) {
        if (reached[i] && i != plan->main)
            put_workflow(&d, i);
    }
    return wfe_error_copy(err, &d.error);
}
