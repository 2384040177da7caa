/* SPDX-License-Identifier: Apache-2.0
 *
 * A node's way: pending -> ready -> running (-> sleeping -> ready ...) -> hooks -> its end. Nodes
 * become due through the run's queue and not by calls from one to the next, so that a chain of
 * thousands needs no stack.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/retry.h"
#include "engine/run_priv.h"

void wfe_run_node_queue_push(wfe_run_node_queue *queue, wfe_run_node *node)
{
    node->next = NULL;
    if (queue->last)
        queue->last->next = node;
    else
        queue->first = node;
    queue->last = node;
}

wfe_run_node *wfe_run_node_queue_pop(wfe_run_node_queue *queue)
{
    wfe_run_node *node = queue->first;
    if (!node)
        return NULL;
    queue->first = node->next;
    if (!queue->first)
        queue->last = NULL;
    node->next = NULL;
    return node;
}

/* ---- made and gone ---- */

void wfe_run_node_init(wfe_run_node *node, wfe_frame *frame, uint32_t index, const char *path)
{
    const wfe_plan_step *step = &frame->run->plan->steps[index];
    const uint32_t *begin = &frame->graph->begin[index - frame->graph->first];
    bool in_block = step->role == WFE_PLAN_ROLE_STEP && step->parent != WFE_PLAN_NONE;
    *node = (wfe_run_node){
        .frame = frame,
        .step = step,
        .path = path,
        .index = index,
        .item = WFE_PLAN_NONE,
        .unmet = step->n_needs + in_block,
        .n_consumers = begin[1] - begin[0] + in_block,
        .exit_code = -1,
    };
}

static void free_more(wfe_run_node_more *more)
{
    if (!more)
        return;
    wfe_timer_free(more->timeout);
    wfe_timer_free(more->sleep);
    wfe_exec_free(more->exec);
    wfe_exec_free(more->dead_exec);
    wfe_frame_free(more->callee);
    for (uint32_t i = 0; i < more->n_items; i++) {
        free((char *)(uintptr_t)more->items[i].path);
        wfe_run_node_done(&more->items[i]);
    }
    free(more->items);
    json_decref(more->list);
    wfe_plan_item_free(more->item);
    free(more->error);
    free(more);
}

/* What an ended node had is freed by the next turn: it may be in use further up the stack, where
 * one of its items or the last step of the workflow it called has just ended. */
static void bury_more(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    wfe_run_node_more *more = node->more;
    if (!more)
        return;
    if (more->timeout)
        wfe_timer_stop(more->timeout);
    node->step = &run->plan->steps[node->index]; /* an item's copy goes, too */
    node->more = NULL;
    more->next_dead = run->dead;
    run->dead = more;
    wfe_run_turn_soon(run);
}

void wfe_run_free_dead(wfe_engine_run *run)
{
    while (run->dead) {
        wfe_run_node_more *more = run->dead;
        run->dead = more->next_dead;
        free_more(more);
    }
}

void wfe_run_node_done(wfe_run_node *node)
{
    free_more(node->more);
    node->more = NULL;
    wfe_scope_unref(node->before);
    json_decref(node->outputs);
    node->before = NULL;
    node->outputs = NULL;
}

wfe_run_node_more *wfe_run_node_more_of(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    if (!node->more)
        node->more = calloc(1, sizeof *node->more);
    if (!node->more) {
        wfe_error_nomem(&error);
        wfe_run_break(node->frame->run, &error);
    }
    return node->more;
}

bool wfe_run_node_is_leaf(const wfe_run_node *node)
{
    return node->step->type != WFE_PLAN_STEP_PARALLEL &&
           node->step->type != WFE_PLAN_STEP_WORKFLOW && !node->step->for_each;
}

bool wfe_run_node_has_ended(const wfe_run_node *node)
{
    return wfe_step_state_is_end(node->state);
}

bool wfe_run_node_is_bad(const wfe_run_node *node)
{
    if (node->state == WFE_STEP_IS_SUCCEEDED ||
        (node->state == WFE_STEP_IS_SKIPPED && node->skip == WFE_SKIP_WHEN))
        return false;
    return !(node->state == WFE_STEP_IS_FAILED && node->step->allow_failure && !node->hook_failed);
}

/* ---- what it sees ---- */

static void release_data(wfe_run_node *node)
{
    wfe_scope_unref(node->before);
    json_decref(node->outputs);
    node->before = NULL;
    node->outputs = NULL;
}

/* The scope of a step whose data are wanted once less. */
static wfe_scope *take_scope(wfe_run_node *node)
{
    if (node->n_consumers == 1)
        return wfe_take(node->before);
    return wfe_scope_ref(node->before);
}

static int join(wfe_scope **scope, wfe_scope *other, wfe_error *err)
{
    _cleanup_(wfe_scope_unref_p) wfe_scope *held = other;
    if (!*scope) {
        *scope = wfe_take(held);
        return 0;
    }
    return held ? wfe_scope_join(scope, held, err) : 0;
}

/* First the scopes, of which there are mostly few different ones, then what each step added. */
static int join_needs(wfe_run_node *node, wfe_scope **scope, wfe_error *err)
{
    const wfe_plan_step *step = node->step;
    const wfe_scope *last = NULL;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < step->n_needs; i++) {
        wfe_run_node *need = wfe_frame_node(node->frame, step->needs[i]);
        if (need->before == last && last)
            continue;
        last = need->before;
        rc = join(scope, take_scope(need), err);
    }
    for (uint32_t i = 0; i < step->n_needs; i++) {
        wfe_run_node *need = wfe_frame_node(node->frame, step->needs[i]);
        if (!rc && need->outputs)
            rc = wfe_scope_add(scope, need->outputs, need->outputs_seq, err);
        if (!--need->n_consumers)
            release_data(need);
    }
    return rc;
}

/* What the steps see that it waited for: those it needs, and those the block around it needed. */
static int find_scope(wfe_run_node *node, wfe_error *err)
{
    wfe_scope *scope = NULL;
    if (node->before)
        return 0; /* a hook or an item: it was given its owner's */
    int rc = join_needs(node, &scope, err);
    if (!rc && !scope)
        scope = wfe_scope_ref(node->owner ? node->owner->before : node->frame->first);
    else if (!rc && node->owner)
        rc = wfe_scope_join(&scope, node->owner->before, err);
    if (rc) {
        wfe_scope_unref(scope);
        return rc;
    }
    node->before = scope;
    return 0;
}

/* ---- pending ---- */

void wfe_run_node_due(wfe_run_node *node)
{
    wfe_run_node_queue_push(&node->frame->run->due, node);
    wfe_run_turn_soon(node->frame->run);
}

void wfe_run_node_unblock(wfe_run_node *node)
{
    if (--node->unmet)
        return;
    wfe_journal_ready(node->frame->run, node->path);
    wfe_run_node_due(node);
}

static void skip(wfe_run_node *node, enum wfe_skip_reason reason)
{
    if (reason == WFE_SKIP_ENDING)
        node->frame->cut = true;
    node->skip = reason;
    node->outcome = WFE_STEP_IS_SKIPPED;
    wfe_run_node_end(node);
}

static void cancel_unstarted(wfe_run_node *node)
{
    node->outcome = WFE_STEP_IS_CANCELLED;
    wfe_run_node_end(node);
}

static void break_run(wfe_run_node *node, const wfe_error *err)
{
    wfe_run_break(node->frame->run, err);
}

void wfe_run_node_stopped(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    if (node->timed_out) {
        wfe_error_set(&error, WFE_E_TIMEOUT, "'%s' took longer than its timeout of %llu ms",
                      node->path, (unsigned long long)node->step->timeout_ms);
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, WFE_PLAN_CAUSE_TIMEOUT, &error);
    } else {
        wfe_run_node_work_ended(node, WFE_STEP_IS_CANCELLED, 0, &error);
    }
}

bool wfe_run_node_may_run(const wfe_run_node *node)
{
    return !node->stop && !node->timed_out && !node->frame->run->killed &&
           (node->in_hook || !wfe_frame_is_ending(node->frame));
}

/* After a failed attempt. */
static bool may_try_again(wfe_run_node *node)
{
    if (node->stop || node->timed_out || node->frame->run->killed) {
        wfe_run_node_stopped(node);
        return false;
    }
    if (!node->in_hook && wfe_frame_is_ending(node->frame)) {
        wfe_error last = *node->more->error;
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, node->cause, &last);
        return false;
    }
    return true;
}

/* Its time has come: is it to start at all. */
static bool may_start(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    if (node->tries)
        return may_try_again(node);
    if (node->stop || run->killed) {
        cancel_unstarted(node);
        return false;
    }
    if (node->bad_need) {
        skip(node, WFE_SKIP_NEEDS);
        return false;
    }
    if (!node->in_hook && wfe_frame_is_ending(node->frame)) {
        skip(node, WFE_SKIP_ENDING);
        return false;
    }
    return true;
}

void wfe_run_node_resolve(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    bool wanted = true;
    if (!node->frame->run->broken && find_scope(node, &error))
        break_run(node, &error);
    if (wfe_replay_takes(node) || !may_start(node))
        return;
    bool first = node->state == WFE_STEP_IS_PENDING;
    if (first && wfe_run_node_make_item(node, &error)) {
        if (error.kind == WFE_E_NOMEM)
            break_run(node, &error);
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, 0, &error);
        return;
    }
    bool by_item = node->step->for_each && node->step->for_each->when_of_items;
    if (first && !by_item && wfe_run_node_evaluate_when(node, &wanted, &error)) {
        if (error.kind == WFE_E_NOMEM)
            break_run(node, &error);
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, 0, &error);
        return;
    }
    if (!wanted) {
        skip(node, WFE_SKIP_WHEN);
        return;
    }
    wfe_run_node_get_ready(node);
}

/* ---- ready ---- */

void wfe_run_node_get_ready(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    wfe_run_node *owner = node->step->role == WFE_PLAN_ROLE_STEP ? node->owner : NULL;
    node->state = WFE_STEP_IS_READY;
    if (owner && owner->step->max_parallel && owner->running >= owner->step->max_parallel) {
        wfe_run_node_queue_push(&owner->waiting, node);
        return;
    }
    wfe_run_node_take_place(node);
    if (wfe_run_node_is_leaf(node))
        wfe_run_node_queue_push(node->in_hook ? &run->ready_hooks : &run->ready, node);
    else
        wfe_run_node_begin(node);
}

void wfe_run_node_take_place(wfe_run_node *node)
{
    if (!node->owner || node->step->role != WFE_PLAN_ROLE_STEP)
        return;
    node->owner->running++;
    node->limited = true;
}

/* The next one that waits goes back to the start: it may have been stopped meanwhile, and then it
 * calls the one after it. */
void wfe_run_node_leave_place(wfe_run_node *node)
{
    wfe_run_node *owner = node->step->role == WFE_PLAN_ROLE_STEP ? node->owner : NULL;
    if (node->has_slot)
        node->frame->run->slots_used--;
    node->has_slot = false;
    if (node->limited)
        owner->running--;
    node->limited = false;
    if (owner && owner->waiting.first && owner->running < owner->step->max_parallel)
        wfe_run_node_due(wfe_run_node_queue_pop(&owner->waiting));
}

/* ---- the end of its own work ---- */

bool wfe_run_node_keep_error(wfe_run_node *node, const wfe_error *err)
{
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    if (!more)
        return false;
    if (!more->error)
        more->error = calloc(1, sizeof *more->error);
    if (!more->error) {
        wfe_error error = WFE_ERROR_INIT;
        wfe_error_nomem(&error);
        break_run(node, &error);
        return false;
    }
    *more->error = *err;
    return true;
}

static void on_wake(void *user)
{
    wfe_run_node *node = user;
    wfe_run_node_due(node); /* through the queue: it may have to stop now */
}

static bool is_retried(const wfe_run_node *node, enum wfe_plan_cause cause, const wfe_error *err)
{
    const wfe_plan_retry *retry = node->step->retry;
    const wfe_engine_run *run = node->frame->run;
    if (!retry || node->tries > retry->max || node->stop || node->timed_out || run->killed)
        return false;
    if (node->step->for_each || (err->kind == WFE_E_INVALID && cause != WFE_PLAN_CAUSE_OUTPUT))
        return false; /* each item is tried again by itself; what is wrong stays so */
    if (!node->in_hook && wfe_frame_is_ending(node->frame))
        return false;
    return (retry->on & (cause ? (uint32_t)cause : node->inner)) != 0;
}

void wfe_run_node_sleep(wfe_run_node *node, uint64_t ms)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    if (more && !more->sleep &&
        wfe_timer_new(node->frame->run->loop, on_wake, node, &more->sleep, &error))
        break_run(node, &error);
    if (!more || !more->sleep) {
        wfe_run_node_due(node); /* to be stopped: the run is broken */
        return;
    }
    node->state = WFE_STEP_IS_SLEEPING;
    wfe_timer_start(more->sleep, ms);
}

/* Goes to sleep until its next attempt; false when that cannot be. */
static bool sleep_before_retry(wfe_run_node *node, enum wfe_plan_cause cause, const wfe_error *err)
{
    wfe_engine_run *run = node->frame->run;
    wfe_error error = WFE_ERROR_INIT;
    wfe_run_node_more *more = wfe_run_node_more_of(node);
    if (!more || !wfe_run_node_keep_error(node, err))
        return false;
    if (!more->sleep && wfe_timer_new(run->loop, on_wake, node, &more->sleep, &error)) {
        break_run(node, &error);
        return false;
    }
    uint64_t delay = wfe_retry_delay_ms(node->step->retry, node->tries, wfe_run_random(run));
    json_decref(node->outputs);
    node->outputs = NULL;
    node->cause = (unsigned char)cause;
    node->state = WFE_STEP_IS_SLEEPING;
    wfe_journal_retry(node, delay, cause, err);
    wfe_timer_start(more->sleep, delay);
    return true;
}

/* What the children of a block added is what the block added. */
static void close_block(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    int rc = 0;
    uint32_t at = node->step->first_child;
    for (; at != WFE_PLAN_NONE; at = node->frame->run->plan->steps[at].next_sibling) {
        wfe_run_node *child = wfe_frame_node(node->frame, at);
        if (!rc && child->before && child->before != node->before)
            rc = wfe_scope_join(&node->before, child->before, &error);
    }
    for (at = node->step->first_child; at != WFE_PLAN_NONE;
         at = node->frame->run->plan->steps[at].next_sibling) {
        wfe_run_node *child = wfe_frame_node(node->frame, at);
        if (!rc && child->outputs)
            rc = wfe_scope_add(&node->before, child->outputs, child->outputs_seq, &error);
        if (child->n_consumers && !--child->n_consumers)
            release_data(child);
    }
    if (rc)
        break_run(node, &error);
}

/* What it gave becomes part of the data. */
static void take_outputs(wfe_run_node *node, enum wfe_step_run_state *outcome,
                         enum wfe_plan_cause *cause, wfe_error *err)
{
    wfe_error error = WFE_ERROR_INIT;
    if (node->frame->run->broken)
        return;
    if (node->step->type == WFE_PLAN_STEP_PARALLEL)
        close_block(node);
    if (!node->outputs || !wfe_data_take(node, &error))
        return;
    json_decref(node->outputs);
    node->outputs = NULL;
    if (error.kind == WFE_E_NOMEM)
        break_run(node, &error);
    if (*outcome != WFE_STEP_IS_SUCCEEDED)
        return;
    *outcome = WFE_STEP_IS_FAILED;
    *cause = WFE_PLAN_CAUSE_OUTPUT;
    *err = error;
}

/* However it would end now: it has ended as the record says. */
static void take_recorded(wfe_run_node *node, const wfe_past_entry *past,
                          enum wfe_step_run_state *outcome, enum wfe_plan_cause *cause,
                          wfe_error *err)
{
    *outcome = past->outcome;
    *cause = past->cause;
    if (past->error)
        *err = *past->error;
    node->exit_code = past->exit_code;
    json_decref(node->outputs);
    node->outputs = json_incref(past->outputs);
    node->outputs_told = true;
}

void wfe_run_node_work_ended(wfe_run_node *node, enum wfe_step_run_state outcome,
                             enum wfe_plan_cause cause, const wfe_error *reason)
{
    wfe_error error = *reason;
    const wfe_error *err = &error;
    const wfe_past_entry *past = wfe_replay_settled(node);
    wfe_run_node_leave_place(node);
    if (past) {
        take_recorded(node, past, &outcome, &cause, &error);
    } else if (outcome == WFE_STEP_IS_FAILED && is_retried(node, cause, err) &&
               sleep_before_retry(node, cause, err)) {
        return;
    }
    if (node->more && node->more->timeout)
        wfe_timer_stop(node->more->timeout);
    take_outputs(node, &outcome, &cause, &error);
    node->outcome = outcome;
    node->cause = (unsigned char)cause;
    node->state = WFE_STEP_IS_HOOKS;
    if (outcome == WFE_STEP_IS_FAILED) {
        wfe_run_node_keep_error(node, err);
        wfe_run_node_spread_failure(node, err);
    }
    wfe_run_node_run_hooks(node);
}

static void inner_error(wfe_run_node *node, wfe_error *err)
{
    if (node->more && node->more->error)
        *err = *node->more->error; /* of the first that failed */
    wfe_error_set(err, WFE_E_CONFLICT, "%s of '%s' failed",
                  node->step->for_each ? "an item" : "a step", node->path);
}

/* A block and a for_each sum up what is in them. */
void wfe_run_node_inner_ended(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    if (node->step->for_each && node->more->n_items &&
        node->more->n_items == node->more->n_items_skipped) {
        wfe_run_node_leave_place(node);
        skip(node, WFE_SKIP_WHEN);
        return;
    }
    if (node->step->for_each && !node->frame->run->broken &&
        wfe_data_of_items(node, &node->outputs, &error))
        break_run(node, &error);
    if (node->timed_out) {
        wfe_run_node_stopped(node);
    } else if (node->child_failed) {
        inner_error(node, &error);
        wfe_run_node_work_ended(node, WFE_STEP_IS_FAILED, 0, &error);
    } else {
        wfe_run_node_work_ended(node, node->stop ? WFE_STEP_IS_CANCELLED : WFE_STEP_IS_SUCCEEDED, 0,
                                &error);
    }
}

/* ---- the end ---- */

static void count(wfe_run_node *node)
{
    wfe_engine_result *result = &node->frame->run->result;
    switch (node->state) {
    case WFE_STEP_IS_SUCCEEDED:
        result->n_succeeded++;
        break;
    case WFE_STEP_IS_FAILED:
        result->n_failed++;
        break;
    case WFE_STEP_IS_SKIPPED:
        result->n_skipped++;
        break;
    case WFE_STEP_IS_CANCELLED:
        result->n_cancelled++;
        break;
    }
}

/* Frees those that waited for it; they are in the record of its end. */
static void unblock_dependents(wfe_run_node *node)
{
    const wfe_frame *frame = node->frame;
    uint32_t i = node->index - frame->graph->first;
    bool bad = wfe_run_node_is_bad(node);
    for (uint32_t k = frame->graph->begin[i]; k < frame->graph->begin[i + 1]; k++) {
        wfe_run_node *dependent = &frame->nodes[frame->graph->dependent[k]];
        if (bad)
            dependent->bad_need = true;
        wfe_run_node_unblock(dependent);
    }
}

bool wfe_run_node_has_failed(const wfe_run_node *node)
{
    return node->state == WFE_STEP_IS_FAILED && (!node->step->allow_failure || node->hook_failed);
}

static void tell_owner(wfe_run_node *node, const wfe_error *err)
{
    wfe_run_node *owner = node->owner;
    owner->hook_failed = owner->hook_failed || node->hook_failed;
    if (wfe_run_node_has_failed(node)) {
        if (err && !owner->child_failed)
            wfe_run_node_keep_error(owner, err);
        owner->child_failed = true;
        if (!owner->inner)
            owner->inner = node->cause ? node->cause : node->inner;
    }
    if (node->item != WFE_PLAN_NONE && node->state == WFE_STEP_IS_SKIPPED)
        owner->more->n_items_skipped++;
    if (!--owner->open)
        wfe_run_node_inner_ended(owner);
}

static void remember_for_undo(wfe_run_node *node)
{
    if (node->state != WFE_STEP_IS_SUCCEEDED || node->in_hook || node->item != WFE_PLAN_NONE ||
        node->step->hooks.on_failure == WFE_PLAN_NONE)
        return;
    node->next_undo = node->frame->undo;
    node->frame->undo = node;
}

void wfe_run_node_end(wfe_run_node *node)
{
    wfe_frame *frame = node->frame;
    wfe_error error = WFE_ERROR_INIT;
    wfe_run_node_leave_place(node);
    node->state =
        node->past && node->past->end_seq ? (unsigned char)node->past->state : node->outcome;
    if (node->more && node->more->error && wfe_run_node_has_failed(node)) {
        error = *node->more->error;
        /* What came from further down names its step already. */
        if (error.message[0] != '\'')
            wfe_error_prefix(&error, "'%s'", node->path);
    }
    count(node);
    bool is_step = node->step->role == WFE_PLAN_ROLE_STEP;
    bool is_item = node->item != WFE_PLAN_NONE;
    if (is_step && !is_item)
        unblock_dependents(node);
    wfe_journal_node(node);
    remember_for_undo(node);
    bury_more(node);
    if (!is_step && node == frame->hook)
        wfe_frame_hook_ended(frame, node);
    else if (!is_step)
        wfe_run_node_hook_ended(node->owner, node);
    else if (is_item || node->owner)
        tell_owner(node, error.kind ? &error : NULL);
    else
        wfe_frame_step_ended(frame, node, error.kind ? &error : NULL);
    /* Items and callees are freed later than this, frames last of all. */
    if (!is_item && !node->n_consumers)
        release_data(node);
}

void wfe_run_node_reset(wfe_run_node *node)
{
    wfe_run_node kept = *node;
    for (wfe_run_node **at = &node->frame->undo; *at; at = &(*at)->next_undo) {
        if (*at == node) {
            *at = node->next_undo;
            break;
        }
    }
    wfe_run_node_done(node);
    if (kept.past)
        wfe_past_clear(kept.past);
    wfe_run_node_init(node, kept.frame, kept.index, kept.path);
    node->owner = kept.owner;
    node->in_hook = kept.in_hook;
    node->attempt = kept.attempt;
}
