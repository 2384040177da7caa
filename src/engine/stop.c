/* SPDX-License-Identifier: Apache-2.0
 *
 * Stopping a part of the tree, and what a failure does to what is around it. Stopping marks nodes
 * and asks running attempts to end; each node then ends by itself, its ensure hook included. Hooks
 * of a step that is stopped run on; only the cancelling of the whole run cuts on_success and
 * on_failure short, and only a kill cuts ensure.
 */
#include "engine/run_priv.h"
#include "engine/run_services.h"

static void stop_hook(wfe_frame *frame, const wfe_plan_hooks *hooks, unsigned char role)
{
    if (role && role != WFE_PLAN_ROLE_ENSURE && frame->run->cancelled)
        wfe_run_node_stop(wfe_frame_node(frame, wfe_hook_index(hooks, role)));
}

static void stop_children(wfe_run_node *node)
{
    const wfe_plan_step *steps = node->frame->run->plan->steps;
    for (uint32_t at = node->step->first_child; at != WFE_PLAN_NONE; at = steps[at].next_sibling)
        wfe_run_node_stop(wfe_frame_node(node->frame, at));
}

static void stop_items(wfe_run_node *node)
{
    for (uint32_t i = 0; node->more && i < node->more->n_items; i++)
        wfe_run_node_stop(&node->more->items[i]);
}

static void stop_running(wfe_run_node *node)
{
    if (node->step->for_each)
        stop_items(node);
    else if (node->step->type == WFE_PLAN_STEP_PARALLEL)
        stop_children(node);
    else if (node->more && node->more->callee)
        wfe_frame_stop(node->more->callee);
    else if (node->more && node->more->exec)
        wfe_exec_cancel(node->more->exec, false);
}

static void stop_work(wfe_run_node *node)
{
    switch (node->state) {
    case WFE_STEP_IS_PENDING:
    case WFE_STEP_IS_READY:
        node->frame->run->look_at_ready = true;
        wfe_run_turn_soon(node->frame->run);
        break;
    case WFE_STEP_IS_RUNNING:
        stop_running(node);
        break;
    case WFE_STEP_IS_SLEEPING:
        wfe_timer_start(node->more->sleep, 0);
        break;
    case WFE_STEP_IS_HOOKS:
        stop_hook(node->frame, &node->step->hooks, node->hook);
        break;
    }
}

void wfe_run_node_stop(wfe_run_node *node)
{
    if (wfe_run_node_has_ended(node))
        return;
    node->stop = true;
    stop_work(node);
}

void wfe_run_node_timed_out(void *user)
{
    wfe_run_node *node = user;
    node->timed_out = true;
    stop_work(node);
}

void wfe_frame_stop(wfe_frame *frame)
{
    const wfe_plan_step *steps = frame->run->plan->steps;
    if (frame->phase == WFE_FRAME_COMPENSATING && frame->run->cancelled)
        wfe_run_node_stop(frame->hook);
    if (frame->phase == WFE_FRAME_HOOKS)
        stop_hook(frame, &frame->workflow->hooks, frame->hook_role);
    if (frame->phase != WFE_FRAME_RUNNING)
        return;
    frame->stopped = true;
    for (uint32_t at = frame->workflow->first_step; at != WFE_PLAN_NONE;
         at = steps[at].next_sibling)
        wfe_run_node_stop(wfe_frame_node(frame, at));
}

/* ---- failures ---- */

static void stop_siblings(wfe_run_node *node)
{
    wfe_run_node *owner = node->owner;
    if (owner->step->for_each)
        stop_items(owner);
    else
        stop_children(owner);
}

/* May the node still have another round, so that what failed in it is not final. */
static bool may_have_another_round(const wfe_run_node *node)
{
    const wfe_plan_retry *retry = node->step->retry;
    return retry && node->state == WFE_STEP_IS_RUNNING && !node->step->for_each &&
           node->tries <= retry->max && !node->stop && !node->timed_out;
}

/* Goes up through what is around the node, doing what fail_fast says, to where its failure is
 * allowed or tried again; that of a hook is allowed by nobody but itself. True when it fails the
 * run. */
static bool climb(wfe_run_node *node)
{
    bool of_hook = false;
    for (wfe_run_node *at = node;;) {
        if (at->step->allow_failure && !of_hook)
            return false;
        bool is_hook = at->step->role != WFE_PLAN_ROLE_STEP;
        of_hook = of_hook || is_hook;
        if (at->owner) {
            if (!is_hook && at->owner->step->fail_fast)
                stop_siblings(at);
            at = at->owner;
        } else {
            wfe_frame *frame = at->frame;
            if (frame->workflow->fail_fast && frame->phase == WFE_FRAME_RUNNING) {
                frame->failed = true;
                wfe_frame_stop(frame);
            }
            if (!frame->caller)
                return true;
            at = frame->caller;
        }
        if (may_have_another_round(at))
            return false;
    }
}

static void apply_on_error(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    if (node->in_hook || node->item != WFE_PLAN_NONE || node->step->allow_failure)
        return;
    switch (node->step->on_error) {
    case WFE_PLAN_ERROR_FAIL:
        return;
    case WFE_PLAN_ERROR_TERMINATE:
        run->main->failed = true;
        run->main->ending = true;
        wfe_frame_stop(run->main);
        break;
    case WFE_PLAN_ERROR_SUSPEND:
        run->suspended = true;
        run->main->ending = true;
        node->frame->cut = true;
        break;
    case WFE_PLAN_ERROR_COMPENSATE:
        node->frame->ending = true;
        node->frame->compensate = true;
        break;
    }
    run->look_at_ready = true;
    wfe_run_stopping(run, WFE_STOP_BY_STEPS, NULL);
}

/* It is the run's failure now, and not again that of what is around it. */
static void note(wfe_run_node *node, const wfe_error *err)
{
    wfe_run_note_failure(node->frame->run, node->path, err);
    for (wfe_run_node *at = node; at; at = at->owner ? at->owner : at->frame->caller)
        at->inner_told = true;
}

void wfe_run_node_spread_failure(wfe_run_node *node, const wfe_error *err)
{
    /* What failed in it has been told already, unless another round could have mended it. */
    if (climb(node) && (node->cause || !node->inner_told))
        note(node, err);
    apply_on_error(node);
}

/* ---- kill ---- */

static void kill_frame(wfe_frame *frame);

static void kill_node(wfe_run_node *node)
{
    if (wfe_run_node_has_ended(node) || !node->more)
        return;
    if (node->state == WFE_STEP_IS_SLEEPING)
        wfe_timer_start(node->more->sleep, 0);
    if (node->more->exec)
        wfe_exec_cancel(node->more->exec, true);
    if (node->more->callee)
        kill_frame(node->more->callee);
    for (uint32_t i = 0; i < node->more->n_items; i++)
        kill_node(&node->more->items[i]);
}

static void kill_frame(wfe_frame *frame)
{
    for (uint32_t i = 0; i < frame->workflow->n_steps; i++)
        kill_node(&frame->nodes[i]);
}

void wfe_run_kill(wfe_engine_run *run)
{
    run->killed = true;
    run->look_at_ready = true;
    if (run->main && run->main->phase != WFE_FRAME_ENDED)
        kill_frame(run->main);
    else if (run->main)
        wfe_run_services_stop(run, true);
    wfe_run_turn_soon(run);
}

static void filter_ready(wfe_engine_run *run, wfe_run_node_queue *queue)
{
    wfe_run_node_queue kept = {0};
    wfe_run_node *node;
    while ((node = wfe_run_node_queue_pop(queue)))
        wfe_run_node_queue_push(wfe_run_node_may_run(node) ? &kept : &run->due, node);
    *queue = kept;
}

void wfe_run_look_at_ready(wfe_engine_run *run)
{
    run->look_at_ready = false;
    filter_ready(run, &run->ready);
    filter_ready(run, &run->ready_hooks);
}
