/* SPDX-License-Identifier: Apache-2.0
 *
 * How the work of a node begins: the children of a block, the items of a for_each, a called
 * workflow, an attempt.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/run_priv.h"

static void break_nomem(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_error_nomem(&error);
    wfe_run_break(node->frame->run, &error);
}

int wfe_run_node_evaluate_when(wfe_run_node *node, bool *ret, wfe_error *err)
{
    const wfe_plan_condition *when = node->step->when;
    char pos[WFE_PLAN_POS_SIZE];
    *ret = true;
    if (!when)
        return 0;
    int rc = wfe_plan_condition_eval(when, wfe_scope_data(node->before), ret, err);
    if (rc)
        wfe_error_prefix(err, "%s: when of step '%s'",
                         wfe_plan_pos_format(node->frame->run->plan, when->pos, pos), node->path);
    return rc;
}

int wfe_run_node_make_item(wfe_run_node *node, wfe_error *err)
{
    if (node->item == WFE_PLAN_NONE || (node->more && node->more->item))
        return 0;
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    if (!more)
        return wfe_error_nomem(err);
    const json_t *value = json_array_get(node->owner->more->list, node->item);
    int rc =
        wfe_plan_item_new(node->frame->run->plan, node->index, value, node->item, &more->item, err);
    if (!rc)
        node->step = &more->item->step;
    return rc;
}

void wfe_run_node_start_timeout(wfe_run_node *node, uint64_t ms)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    if (!more)
        return;
    if (wfe_timer_new(node->frame->run->loop, wfe_run_node_timed_out, node, &more->timeout, &error))
        wfe_run_break(node->frame->run, &error);
    else
        wfe_timer_start(more->timeout, ms);
}

/* The first time: the clock of the whole step. */
static void enter(wfe_run_node *node)
{
    node->state = WFE_STEP_IS_RUNNING;
    node->attempt++;
    wfe_replay_note_attempt(node);
    if (node->tries++)
        return;
    node->began_us = wfe_clock_monotonic_us();
    if (node->step->timeout_ms && node->item == WFE_PLAN_NONE)
        wfe_run_node_start_timeout(node, node->step->timeout_ms);
}

/* ---- blocks ---- */

static void reset_tree(wfe_frame *frame, uint32_t index)
{
    const wfe_plan_step *step = &frame->run->plan->steps[index];
    const uint32_t hooks[3] = {step->hooks.on_success, step->hooks.on_failure, step->hooks.ensure};
    for (int i = 0; i < 3; i++)
        if (hooks[i] != WFE_PLAN_NONE)
            reset_tree(frame, hooks[i]);
    for (uint32_t at = step->first_child; at != WFE_PLAN_NONE;
         at = frame->run->plan->steps[at].next_sibling)
        reset_tree(frame, at);
    wfe_run_node_reset(wfe_frame_node(frame, index));
}

static void begin_block(wfe_run_node *node)
{
    const wfe_plan_step *steps = node->frame->run->plan->steps;
    if (node->tries > 1 && !wfe_replay_is_begun(node)) {
        node->child_failed = false;
        node->hook_failed = false;
        node->inner = 0;
        for (uint32_t at = node->step->first_child; at != WFE_PLAN_NONE;
             at = steps[at].next_sibling)
            reset_tree(node->frame, at);
    }
    for (uint32_t at = node->step->first_child; at != WFE_PLAN_NONE; at = steps[at].next_sibling) {
        node->open++;
        wfe_run_node_unblock(wfe_frame_node(node->frame, at));
    }
    wfe_journal_node(node);
    if (!node->open)
        wfe_run_node_inner_ended(node);
}

/* ---- for_each ---- */

static int find_list(wfe_run_node *node, const json_t **ret, wfe_error *err)
{
    const wfe_plan_for_each *each = node->step->for_each;
    char pos[WFE_PLAN_POS_SIZE];
    wfe_plan_pos_format(node->frame->run->plan, node->step->pos, pos);
    const json_t *list = each->items;
    if (!list)
        list = wfe_plan_lookup(wfe_scope_data(node->before), each->path);
    if (!list)
        return wfe_error_set(err, WFE_E_INVALID,
                             "%s: for_each of step '%s': there is no %s in what it waited for", pos,
                             node->path, each->path);
    *ret = list;
    return 0;
}

/* A list that a step printed is a text, unless the output is declared as one. */
static int read_list(wfe_run_node *node, json_t **ret, wfe_error *err)
{
    const wfe_plan_for_each *each = node->step->for_each;
    const json_t *list = NULL;
    int rc = find_list(node, &list, err);
    if (rc)
        return rc;
    json_t *own = json_is_string(list)
                      ? json_loadb(json_string_value(list), json_string_length(list), 0, NULL)
                      : json_incref((json_t *)(uintptr_t)list);
    if (!json_is_array(own)) {
        json_decref(own);
        return wfe_error_set(err, WFE_E_INVALID, "for_each of step '%s': %s is no list", node->path,
                             each->path ? each->path : "its value");
    }
    if (json_array_size(own) > each->max_items) {
        rc = wfe_error_set(err, WFE_E_LIMIT,
                           "for_each of step '%s': the list has %zu items, max_items is %u",
                           node->path, json_array_size(own), each->max_items);
        json_decref(own);
        return rc;
    }
    *ret = own;
    return 0;
}

static int make_items(wfe_run_node *node, wfe_error *err)
{
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    if (!more)
        return wfe_error_nomem(err);
    int rc = read_list(node, &more->list, err);
    if (rc)
        return rc;
    size_t n = json_array_size(more->list);
    more->items = calloc(n ? n : 1, sizeof *more->items);
    if (!more->items)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        wfe_buf path = WFE_BUF_INIT(0);
        rc = wfe_buf_printf(&path, err, "%s[%zu]", node->path, i);
        if (rc)
            return rc;
        wfe_run_node *item = &more->items[i];
        wfe_run_node_init(item, node->frame, node->index, wfe_buf_take(&path, NULL));
        more->n_items++;
        item->owner = node;
        item->item = (uint32_t)i;
        item->unmet = 0;
        item->n_consumers = 0;
        item->in_hook = node->in_hook;
        item->before = wfe_scope_ref(node->before);
    }
    return 0;
}

static void begin_items(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    int rc = make_items(node, &error);
    if (rc == WFE_E_NOMEM)
        wfe_run_break(node->frame->run, &error);
    if (rc) {
        wfe_journal_node(node);
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, 0, &error);
        return;
    }
    node->open = node->more->n_items;
    for (uint32_t i = 0; i < node->more->n_items; i++) {
        wfe_journal_ready(node->frame->run, node->more->items[i].path);
        wfe_run_node_due(&node->more->items[i]);
    }
    wfe_journal_node(node);
    if (!node->open)
        wfe_run_node_inner_ended(node);
}

/* ---- calls ---- */

static int add_argument(wfe_run_node *node, json_t *inputs, const wfe_plan_argument *argument,
                        wfe_error *err)
{
    const json_t *value = argument->value;
    if (argument->path)
        value = wfe_plan_lookup(wfe_scope_data(node->before), argument->path);
    if (value && json_object_set(inputs, argument->name, (json_t *)(uintptr_t)value))
        return wfe_error_nomem(err);
    return 0;
}

/* Of their declared types; those that are not declared are as they are. */
static int check_inputs(const wfe_plan_workflow *workflow, json_t *inputs, wfe_error *err)
{
    for (uint32_t i = 0; i < workflow->n_inputs; i++) {
        const wfe_plan_field *field = &workflow->inputs[i];
        const json_t *value = json_object_get(inputs, field->name);
        json_t *typed = NULL;
        if (!value && field->type.optional)
            continue;
        if (!value)
            return wfe_error_set(err, WFE_E_INVALID, "input '%s' of workflow '%s' is missing",
                                 field->name, workflow->id);
        int rc = wfe_plan_type_check(&field->type, value, true, &typed, err);
        if (rc) {
            wfe_error_prefix(err, "input '%s' of workflow '%s'", field->name, workflow->id);
            return rc;
        }
        if (json_object_set_new(inputs, field->name, typed))
            return wfe_error_nomem(err);
    }
    return 0;
}

static int call_inputs(wfe_run_node *node, json_t **ret, wfe_error *err)
{
    const wfe_plan_call *call = node->step->config.call;
    json_t *inputs = call->n_arguments
                         ? json_object()
                         : json_copy((json_t *)(uintptr_t)wfe_scope_data(node->before));
    int rc = inputs ? 0 : wfe_error_nomem(err);
    for (uint32_t i = 0; !rc && i < call->n_arguments; i++)
        rc = add_argument(node, inputs, &call->arguments[i], err);
    if (!rc)
        rc = check_inputs(&node->frame->run->plan->workflows[call->workflow], inputs, err);
    if (rc) {
        json_decref(inputs);
        return rc;
    }
    *ret = inputs;
    return 0;
}

static int check_depth(const wfe_run_node *node, wfe_error *err)
{
    int depth = 0;
    for (const wfe_run_node *at = node; at; at = at->frame->caller)
        depth++;
    if (depth > WFE_ENGINE_MAX_DEPTH)
        return wfe_error_set(err, WFE_E_LIMIT, "step '%s': workflows call each other %d deep",
                             node->path, depth);
    return 0;
}

static void begin_call(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    wfe_error error = WFE_ERROR_INIT;
    json_t *inputs = NULL;
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    int rc = more ? check_depth(node, &error) : wfe_error_nomem(&error);
    if (!rc) {
        wfe_frame_free(more->callee); /* of the attempt before */
        more->callee = NULL;
        rc = call_inputs(node, &inputs, &error);
    }
    if (!rc)
        rc = wfe_frame_new(run, node->step->config.call->workflow, node, inputs, &more->callee,
                           &error);
    json_decref(inputs);
    if (rc == WFE_E_NOMEM)
        wfe_run_break(run, &error);
    if (!rc)
        wfe_frame_start(more->callee);
    wfe_journal_node(node);
    if (rc)
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, 0, &error);
    else
        wfe_frame_started(more->callee);
}

/* With outputs of its own the step gives those of the called workflow that it names, else all. */
static json_t *call_outputs(const wfe_run_node *node, json_t *given, wfe_error *err)
{
    const wfe_plan_step *step = node->step;
    if (!step->n_outputs || !given)
        return json_incref(given);
    json_t *some = json_object();
    for (uint32_t i = 0; some && i < step->n_outputs; i++) {
        json_t *value = json_object_get(given, step->outputs[i].name);
        if (value && json_object_set(some, step->outputs[i].name, value)) {
            json_decref(some);
            some = NULL;
        }
    }
    if (!some)
        wfe_error_nomem(err);
    return some;
}

static int take_call_outputs(wfe_run_node *node, json_t *given, wfe_error *err)
{
    const wfe_plan_step *step = node->step;
    json_t *outputs = call_outputs(node, given, err);
    if (err->kind)
        return err->kind;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < step->n_outputs; i++) {
        const wfe_plan_output *output = &step->outputs[i];
        const json_t *value = json_object_get(outputs, output->name);
        json_t *typed = NULL;
        if (!output->typed || (!value && output->type.optional))
            continue;
        if (!value)
            rc = wfe_error_set(err, WFE_E_INVALID, "step '%s': output '%s' is missing", node->path,
                               output->name);
        else
            rc = wfe_plan_type_check(&output->type, value, true, &typed, err);
        if (!rc && json_object_set_new(outputs, output->name, typed))
            rc = wfe_error_nomem(err);
    }
    if (outputs && !json_object_size(outputs)) {
        json_decref(outputs);
        outputs = NULL;
    }
    node->outputs = outputs;
    return rc;
}

void wfe_run_node_frame_ended(wfe_run_node *node, wfe_frame *callee)
{
    wfe_error error = WFE_ERROR_INIT;
    enum wfe_step_run_state outcome = WFE_STEP_IS_SUCCEEDED;
    enum wfe_plan_cause cause = 0;
    node->hook_failed = callee->hook_failed;
    if (node->timed_out) {
        wfe_run_node_stopped(node);
        return;
    }
    if (callee->outcome == WFE_RUN_SUSPENDED) {
        node->frame->cut = true;
        node->outcome = WFE_STEP_IS_CANCELLED;
        wfe_run_node_end(node);
        return;
    }
    if (callee->outcome == WFE_RUN_CANCELLED) {
        outcome = WFE_STEP_IS_CANCELLED;
    } else if (callee->outcome == WFE_RUN_FAILED) {
        outcome = WFE_STEP_IS_FAILED;
        node->inner = callee->timed_out ? WFE_PLAN_CAUSE_TIMEOUT : callee->inner;
        if (callee->error)
            error = *callee->error;
        wfe_error_set(&error, WFE_E_CONFLICT, "workflow '%s' failed", callee->workflow->id);
    } else if (!node->frame->run->broken && take_call_outputs(node, callee->outputs, &error)) {
        outcome = WFE_STEP_IS_FAILED;
        cause = WFE_PLAN_CAUSE_OUTPUT;
        if (error.kind == WFE_E_NOMEM)
            break_nomem(node);
    }
    wfe_run_node_work_ended(node, outcome, cause, &error);
}

/* ---- all of them ---- */

void wfe_run_node_begin(wfe_run_node *node)
{
    enter(node);
    if (node->tries > 1) /* what was recorded of the round before does not count any more */
        wfe_past_void_below(node->frame->run->past,
                            wfe_past_find(node->frame->run->past, node->path));
    wfe_run_node_begin_inner(node);
}

void wfe_run_node_begin_inner(wfe_run_node *node)
{
    if (node->step->for_each)
        begin_items(node);
    else if (node->step->type == WFE_PLAN_STEP_PARALLEL)
        begin_block(node);
    else
        begin_call(node);
}

void wfe_run_node_take_slot(wfe_run_node *node)
{
    node->frame->run->slots_used++;
    node->has_slot = true;
    enter(node);
    wfe_journal_node(node);
    wfe_journal_start(node);
}

/* Another process may have left something that runs, and has to be stopped. */
static bool may_be_there(const wfe_run_node *node)
{
    const wfe_step_type *type = wfe_run_type(node->frame->run, node->step);
    return node->adopt && type->adopts && node->past->found != WFE_PAST_FOUND_NOTHING;
}

/* The record of its start is durable. */
void wfe_run_node_start_attempt(wfe_run_node *node)
{
    wfe_attempt_end end = {.cause = WFE_PLAN_CAUSE_INFRASTRUCTURE, .exit_code = -1};
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    bool stops = node->stop || node->timed_out || node->frame->run->killed;
    if (!more || node->frame->run->broken || (stops && !may_be_there(node))) {
        end.cancelled = true;
        wfe_run_node_attempt_ended(node, &end);
        return;
    }
    wfe_exec_free(more->dead_exec);
    more->dead_exec = NULL;
    if (wfe_exec_start(node, stops, &more->exec, &end.error)) {
        end.cancelled = stops;
        wfe_run_node_attempt_ended(node, &end);
    } else if (stops) {
        wfe_exec_cancel(more->exec, node->frame->run->killed);
    }
}

/* What it gave is kept also when it failed: its hooks may use it. */
void wfe_run_node_attempt_ended(wfe_run_node *node, const wfe_attempt_end *end)
{
    wfe_error error = WFE_ERROR_INIT;
    enum wfe_plan_cause cause = end->cause;
    if (node->frame->run->broken || end->error.kind == WFE_E_NOMEM) {
        if (end->error.kind == WFE_E_NOMEM)
            break_nomem(node);
        wfe_run_node_work_ended(node, WFE_STEP_IS_CANCELLED, 0, &error);
        return;
    }
    node->exit_code = end->exit_code;
    int rc = wfe_data_values(node, end->outputs, &node->outputs, &error);
    if (rc == WFE_E_NOMEM)
        break_nomem(node);
    if (end->cancelled) {
        wfe_run_node_stopped(node);
        return;
    }
    if (end->error.kind) {
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, cause, &end->error);
        return;
    }
    if (rc)
        cause = WFE_PLAN_CAUSE_OUTPUT;
    wfe_run_node_work_ended(node, rc ? WFE_STEP_IS_FAILED : WFE_STEP_IS_SUCCEEDED, rc ? cause : 0,
                            &error);
}
