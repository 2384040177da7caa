/* SPDX-License-Identifier: Apache-2.0
 *
 * A workflow under way: its steps, then the compensation when a step asked for it, then its hooks.
 * The run has one for its own workflow, and one for each call.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/run_priv.h"

wfe_run_node *wfe_frame_node(const wfe_frame *frame, uint32_t index)
{
    return &frame->nodes[index - frame->graph->first];
}

bool wfe_frame_is_ending(const wfe_frame *frame)
{
    for (; frame; frame = frame->caller ? frame->caller->frame : NULL) {
        if (frame->ending)
            return true;
        if (frame->caller && frame->caller->in_hook)
            return false;
    }
    return false;
}

/* ---- made and gone ---- */

static int need_graph(wfe_engine_run *run, uint32_t workflow, const wfe_graph **ret, wfe_error *err)
{
    wfe_graph *graph = &run->graphs[workflow];
    int rc = graph->begin ? 0 : wfe_graph_init(graph, run->plan, workflow, err);
    *ret = graph;
    return rc;
}

/* "caller/step" for each step of a called workflow, in one piece. */
static int make_paths(wfe_frame *frame, const char **out, wfe_error *err)
{
    const wfe_plan_step *steps = &frame->run->plan->steps[frame->graph->first];
    uint32_t n = frame->workflow->n_steps;
    size_t prefix = strlen(frame->caller->path), size = 1;
    for (uint32_t i = 0; i < n; i++)
        size += prefix + strlen(steps[i].name) + 2;
    char *at = frame->paths = malloc(size);
    if (!at)
        return wfe_error_nomem(err);
    for (uint32_t i = 0; i < n; i++) {
        size_t len = strlen(steps[i].name);
        out[i] = at;
        memcpy(at, frame->caller->path, prefix);
        at[prefix] = '/';
        memcpy(at + prefix + 1, steps[i].name, len + 1);
        at += prefix + len + 2;
    }
    return 0;
}

static int make_nodes(wfe_frame *frame, wfe_error *err)
{
    uint32_t n = frame->workflow->n_steps;
    uint32_t first = frame->graph->first;
    const wfe_plan_step *steps = &frame->run->plan->steps[first];
    _cleanup_free_ const char **paths = NULL;
    frame->nodes = calloc(n ? n : 1, sizeof *frame->nodes);
    if (!frame->nodes)
        return wfe_error_nomem(err);
    if (frame->caller) {
        paths = calloc(n ? n : 1, sizeof *paths);
        int rc = paths ? make_paths(frame, paths, err) : wfe_error_nomem(err);
        if (rc)
            return rc;
    }
    for (uint32_t i = 0; i < n; i++) {
        wfe_run_node *node = &frame->nodes[i];
        wfe_run_node_init(node, frame, first + i, paths ? paths[i] : steps[i].name);
        if (steps[i].parent != WFE_PLAN_NONE)
            node->owner = wfe_frame_node(frame, steps[i].parent);
        node->in_hook = frame->in_hook || steps[i].role != WFE_PLAN_ROLE_STEP ||
                        (node->owner && node->owner->in_hook);
    }
    return 0;
}

/* Of earlier rounds of blocks: recorded, and in the data of the frame to its end. */
static int add_old_outputs(wfe_frame *frame, wfe_error *err)
{
    const wfe_past *past = frame->run->past;
    size_t len = frame->caller ? strlen(frame->caller->path) : 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < past->n_old_outputs; i++) {
        const wfe_past_output *old = &past->old_outputs[i];
        bool is_mine = frame->caller ? old->step->prefix == len + 1 &&
                                           strncmp(old->step->path, frame->caller->path, len) == 0
                                     : old->step->prefix == 0;
        if (is_mine && old->outputs)
            rc = wfe_scope_add(&frame->all, old->outputs, old->seq, err);
    }
    return rc;
}

int wfe_frame_new(wfe_engine_run *run, uint32_t workflow, wfe_run_node *caller,
                  const json_t *inputs, wfe_frame **ret, wfe_error *err)
{
    wfe_frame *frame = calloc(1, sizeof *frame);
    if (!frame)
        return wfe_error_nomem(err);
    *frame = (wfe_frame){
        .run = run,
        .caller = caller,
        .workflow = &run->plan->workflows[workflow],
        .in_hook = caller && caller->in_hook,
    };
    int rc = need_graph(run, workflow, &frame->graph, err);
    if (!rc)
        rc = wfe_scope_new(inputs, &frame->first, err);
    if (!rc)
        frame->all = wfe_scope_ref(frame->first);
    if (!rc)
        rc = make_nodes(frame, err);
    if (!rc && (!caller || wfe_replay_is_begun(caller)))
        rc = add_old_outputs(frame, err);
    if (rc) {
        wfe_frame_free(frame);
        return rc;
    }
    *ret = frame;
    return 0;
}

void wfe_frame_free(wfe_frame *frame)
{
    if (!frame)
        return;
    for (uint32_t i = 0; frame->nodes && i < frame->workflow->n_steps; i++)
        wfe_run_node_done(&frame->nodes[i]);
    free(frame->nodes);
    free(frame->paths);
    wfe_scope_unref(frame->first);
    wfe_scope_unref(frame->all);
    json_decref(frame->outputs);
    wfe_timer_free(frame->timeout);
    free(frame->error);
    free(frame);
}

/* ---- failures of its own ---- */

static void keep_error(wfe_frame *frame, const wfe_error *err)
{
    if (!frame->error && (frame->error = malloc(sizeof *frame->error)))
        *frame->error = *err;
}

static void fail(wfe_frame *frame, const wfe_error *err)
{
    frame->failed = true;
    keep_error(frame, err);
    if (!frame->caller) /* else the step that called it tells */
        wfe_run_note_failure(frame->run, NULL, err);
}

void wfe_frame_time_out(wfe_frame *frame)
{
    wfe_error error = WFE_ERROR_INIT;
    if (frame->timed_out)
        return; /* in another process, which has recorded it */
    frame->timed_out = true;
    frame->ending = true;
    wfe_error_set(&error, WFE_E_TIMEOUT, "workflow '%s' took longer than its timeout of %llu ms",
                  frame->workflow->id, (unsigned long long)frame->workflow->timeout_ms);
    fail(frame, &error);
    if (!frame->caller)
        wfe_run_stopping(frame->run, WFE_STOP_TIMEOUT, &error);
    wfe_frame_stop(frame);
}

static void on_timeout(void *user)
{
    wfe_frame_time_out(user);
}

void wfe_frame_fail(wfe_frame *frame, const wfe_error *err)
{
    fail(frame, err);
    frame->ending = true;
    frame->run->look_at_ready = true;
    wfe_run_stopping(frame->run, WFE_STOP_SERVICE, err);
    wfe_frame_stop(frame);
    if (frame->phase != WFE_FRAME_RUNNING && frame->outcome == WFE_RUN_SUCCEEDED)
        frame->outcome = WFE_RUN_FAILED;
    wfe_run_turn_soon(frame->run);
}

/* ---- steps ---- */

/* Of its timeout, when another process began it. */
static uint64_t time_left_ms(const wfe_frame *frame)
{
    uint64_t whole_ms = frame->workflow->timeout_ms;
    const wfe_past *past = frame->run->past;
    if (frame->caller)
        return wfe_replay_attempt_left_ms(frame->caller, whole_ms);
    return past->running.wall_us ? wfe_past_left_ms(&past->running, whole_ms) : whole_ms;
}

void wfe_frame_start(wfe_frame *frame)
{
    wfe_engine_run *run = frame->run;
    wfe_error error = WFE_ERROR_INIT;
    if (frame->workflow->timeout_ms) {
        if (wfe_timer_new(run->loop, on_timeout, frame, &frame->timeout, &error))
            wfe_run_break(run, &error);
        else
            wfe_timer_start(frame->timeout, time_left_ms(frame));
    }
    for (uint32_t at = frame->workflow->first_step; at != WFE_PLAN_NONE;
         at = run->plan->steps[at].next_sibling) {
        wfe_run_node *node = wfe_frame_node(frame, at);
        frame->open++;
        if (node->unmet)
            continue;
        wfe_journal_ready(run, node->path);
        wfe_run_node_due(node);
    }
}

static void end(wfe_frame *frame)
{
    frame->phase = WFE_FRAME_ENDED;
    if (frame->caller)
        wfe_run_node_frame_ended(frame->caller, frame);
    else
        wfe_run_steps_ended(frame->run);
}

static bool hooks_may_start(const wfe_frame *frame)
{
    return !frame->run->killed && frame->outcome != WFE_RUN_SUSPENDED;
}

/* The hook of the workflow after frame->hook_role that applies; 0: none. */
static unsigned char next_role(const wfe_frame *frame)
{
    const wfe_plan_hooks *hooks = &frame->workflow->hooks;
    if (!hooks_may_start(frame) || frame->hook_role == WFE_PLAN_ROLE_ENSURE)
        return 0;
    if (!frame->hook_role && frame->outcome == WFE_RUN_SUCCEEDED &&
        hooks->on_success != WFE_PLAN_NONE)
        return WFE_PLAN_ROLE_ON_SUCCESS;
    if (!frame->hook_role && frame->outcome == WFE_RUN_FAILED && hooks->on_failure != WFE_PLAN_NONE)
        return WFE_PLAN_ROLE_ON_FAILURE;
    return hooks->ensure != WFE_PLAN_NONE ? WFE_PLAN_ROLE_ENSURE : 0;
}

static void run_hooks(wfe_frame *frame)
{
    frame->phase = WFE_FRAME_HOOKS;
    unsigned char role = next_role(frame);
    if (!role) {
        end(frame);
        return;
    }
    frame->hook_role = role;
    uint32_t index = wfe_hook_index(&frame->workflow->hooks, role);
    frame->hook = wfe_frame_node(frame, index);
    wfe_hook_start(frame, index, frame->all);
}

/* on_failure of the steps that succeeded, newest first, one after the other. */
static void compensate(wfe_frame *frame)
{
    frame->phase = WFE_FRAME_COMPENSATING;
    wfe_run_node *node = frame->undo;
    if (!node || frame->run->killed || frame->run->cancelled) {
        run_hooks(frame);
        return;
    }
    frame->undo = node->next_undo;
    uint32_t index = node->step->hooks.on_failure;
    frame->hook = wfe_frame_node(frame, index);
    wfe_hook_start(frame, index, frame->all);
}

static enum wfe_run_state outcome_of(const wfe_frame *frame)
{
    const wfe_engine_run *run = frame->run;
    if (!frame->in_hook && run->cancelled)
        return WFE_RUN_CANCELLED;
    if (run->suspended && (frame->cut || !frame->caller))
        return WFE_RUN_SUSPENDED;
    if (frame->failed || frame->timed_out)
        return WFE_RUN_FAILED;
    return frame->stopped || run->killed ? WFE_RUN_CANCELLED : WFE_RUN_SUCCEEDED;
}

static void steps_ended(wfe_frame *frame)
{
    wfe_error error = WFE_ERROR_INIT;
    if (frame->timeout)
        wfe_timer_stop(frame->timeout);
    frame->outcome = outcome_of(frame);
    if (frame->outcome == WFE_RUN_SUCCEEDED && !frame->run->broken &&
        wfe_data_declared(frame->run, frame, &frame->outputs, &error)) {
        if (error.kind == WFE_E_NOMEM)
            wfe_run_break(frame->run, &error);
        fail(frame, &error);
        frame->inner = WFE_PLAN_CAUSE_OUTPUT;
        frame->outcome = WFE_RUN_FAILED;
    }
    if (frame->compensate && frame->outcome == WFE_RUN_FAILED)
        compensate(frame);
    else
        run_hooks(frame);
}

void wfe_frame_started(wfe_frame *frame)
{
    if (!frame->open)
        steps_ended(frame);
}

void wfe_frame_step_ended(wfe_frame *frame, const wfe_run_node *node, const wfe_error *err)
{
    frame->hook_failed = frame->hook_failed || node->hook_failed;
    if (wfe_run_node_has_failed(node)) {
        frame->failed = true;
        if (err)
            keep_error(frame, err);
        if (!frame->inner)
            frame->inner = node->cause ? node->cause : node->inner;
    }
    if (!--frame->open)
        steps_ended(frame);
}

void wfe_frame_hook_ended(wfe_frame *frame, wfe_run_node *hook)
{
    if (wfe_run_node_has_failed(hook)) {
        frame->failed = true;
        frame->hook_failed = true;
        if (frame->outcome == WFE_RUN_SUCCEEDED)
            frame->outcome = WFE_RUN_FAILED;
    }
    if (hook->state == WFE_STEP_IS_CANCELLED && frame->outcome == WFE_RUN_SUCCEEDED)
        frame->outcome = WFE_RUN_CANCELLED;
    frame->hook = NULL;
    if (frame->phase == WFE_FRAME_COMPENSATING)
        compensate(frame);
    else
        run_hooks(frame);
}
