/* SPDX-License-Identifier: Apache-2.0
 *
 * A run goes on that another process began. The engine goes through the plan from its beginning:
 * steps become due as they always do, but one of which there is a record does what the record says,
 * without a condition being looked at, anything being started, or a new record. Blocks and calls
 * follow from what is in them. Of what could happen next, the one with the smaller number of its
 * record comes first, so that everything that depends on order (the first failure, later outputs
 * over earlier ones, compensation) is as it was. What is not recorded waits until all of that has
 * happened.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "engine/run_priv.h"

/* ---- the heap: the smallest number first ---- */

/* False without memory, when the run is broken. */
static bool push(wfe_engine_run *run, wfe_replay_item item)
{
    wfe_replay *replay = &run->replay;
    if (replay->n == replay->cap) {
        wfe_error error = WFE_ERROR_INIT;
        size_t cap = replay->cap ? replay->cap * 2 : 64;
        wfe_replay_item *larger = realloc(replay->heap, cap * sizeof *larger);
        if (!larger) {
            wfe_error_nomem(&error);
            wfe_run_break(run, &error);
            return false;
        }
        replay->heap = larger;
        replay->cap = cap;
    }
    size_t at = replay->n++;
    for (; at && replay->heap[(at - 1) / 2].seq > item.seq; at = (at - 1) / 2)
        replay->heap[at] = replay->heap[(at - 1) / 2];
    replay->heap[at] = item;
    return true;
}

static wfe_replay_item pop(wfe_replay *replay)
{
    wfe_replay_item *heap = replay->heap;
    wfe_replay_item first = heap[0], last = heap[--replay->n];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= replay->n)
            break;
        if (child + 1 < replay->n && heap[child + 1].seq < heap[child].seq)
            child++;
        if (heap[child].seq >= last.seq)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

/* ---- what is recorded of a node ---- */

bool wfe_replay_is_begun(const wfe_run_node *node)
{
    return node->past && node->past->begin_seq && node->past->attempt == node->attempt;
}

const wfe_past_entry *wfe_replay_settled(const wfe_run_node *node)
{
    return node->past && wfe_past_is_settled(node->past) ? node->past : NULL;
}

bool wfe_replay_is_recorded(const wfe_run_node *node)
{
    if (!node->past)
        return false;
    if (node->state == WFE_STEP_IS_RUNNING)
        return wfe_replay_is_begun(node);
    if (node->state == WFE_STEP_IS_HOOKS)
        return node->past->hooks_seq;
    return wfe_step_state_is_end(node->state) && node->past->end_seq;
}

uint64_t wfe_replay_step_left_ms(const wfe_run_node *node, uint64_t whole_ms)
{
    bool is_same_round = node->past && node->past->tries;
    return is_same_round ? wfe_past_left_ms(&node->past->began, whole_ms) : whole_ms;
}

uint64_t wfe_replay_attempt_left_ms(const wfe_run_node *node, uint64_t whole_ms)
{
    return wfe_replay_is_begun(node) ? wfe_past_left_ms(&node->past->attempt_began, whole_ms)
                                     : whole_ms;
}

/* Nodes of items and called workflows are made anew with each round: without this they would count
 * from 1 again. */
void wfe_replay_note_attempt(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    const wfe_run_node *at = node;
    if (node->item == WFE_PLAN_NONE && !node->frame->caller)
        return;
    while (at && (at == node || !at->step->retry))
        at = at->owner ? at->owner : at->frame->caller;
    if (at && wfe_past_note_attempt(node->frame->run->past, node->path, node->attempt, &error))
        wfe_run_break(node->frame->run, &error);
}

/* An item's step is a copy that is made when it begins; until then it looks like a for_each. */
static bool is_leaf(const wfe_run_node *node)
{
    return node->step->type != WFE_PLAN_STEP_PARALLEL &&
           node->step->type != WFE_PLAN_STEP_WORKFLOW &&
           (!node->step->for_each || node->item != WFE_PLAN_NONE);
}

/* Nothing below it happens again: it is one step, never began, or ended between two attempts. */
static bool ends_at_once(const wfe_run_node *node)
{
    const wfe_past_entry *past = node->past;
    return wfe_past_is_settled(past) && (is_leaf(node) || !past->begin_seq || past->retry_seq);
}

static uint64_t seq_of(const wfe_run_node *node)
{
    const wfe_past_entry *past = node->past;
    if (ends_at_once(node))
        return wfe_past_outputs_seq(past);
    return past->retry_seq ? past->retry_seq : past->begin_seq;
}

bool wfe_replay_takes(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    if (node->looked || node->state != WFE_STEP_IS_PENDING || !run->past->first)
        return false;
    node->looked = true;
    wfe_past_entry *past = wfe_past_find(run->past, node->path);
    if (past && past->attempt > node->attempt)
        node->attempt = past->attempt;
    if (past && past->used > node->attempt)
        node->attempt = past->used;
    if (past && past->state != WFE_STEP_IS_PENDING && past->state != WFE_STEP_IS_READY) {
        node->past = past;
        if (push(run, (wfe_replay_item){.seq = seq_of(node), .node = node}))
            return true;
        node->past = NULL;
        return false;
    }
    if (!run->replay.under_way)
        return false;
    wfe_run_node_queue_push(&run->replay.held, node);
    return true;
}

/* ---- it happens again ---- */

static void end_at_once(wfe_run_node *node)
{
    const wfe_past_entry *past = node->past;
    const wfe_error none = WFE_ERROR_INIT;
    node->exit_code = past->exit_code;
    node->outcome = (unsigned char)past->outcome;
    if (past->tries)
        wfe_journal_tell_recorded(node, WFE_STEP_IS_RUNNING);
    if (past->outcome == WFE_STEP_IS_SKIPPED) {
        node->skip = (unsigned char)past->skip;
        node->frame->cut = node->frame->cut || past->skip == WFE_SKIP_ENDING;
        wfe_run_node_end(node);
    } else if (past->outcome == WFE_STEP_IS_CANCELLED && !past->tries) {
        wfe_run_node_end(node);
    } else {
        wfe_run_node_work_ended(node, past->outcome, past->cause,
                                past->error ? past->error : &none);
    }
}

static void sleep_on(wfe_run_node *node)
{
    const wfe_past_entry *past = node->past;
    node->cause = (unsigned char)past->cause;
    wfe_journal_tell_recorded(node, WFE_STEP_IS_SLEEPING);
    if (past->error && !wfe_run_node_keep_error(node, past->error))
        wfe_run_node_due(node); /* to be stopped: the run is broken */
    else
        wfe_run_node_sleep(node, wfe_past_left_ms(&past->sleeping, past->delay_ms));
}

/* Its attempt runs, or did: its type finds out. More of them than there are slots are no harm. */
static void run_on(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    wfe_run_node_take_place(node);
    run->slots_used++;
    node->has_slot = true;
    node->adopt = true;
    node->started = false;
    node->start_seq = 0;
    wfe_journal_tell_recorded(node, WFE_STEP_IS_RUNNING);
    wfe_run_node_queue_push(&run->journal.starts, node);
    wfe_run_turn_soon(run);
}

static void restore(wfe_run_node *node)
{
    const wfe_past_entry *past = node->past;
    uint64_t now_us = wfe_clock_monotonic_us();
    uint64_t elapsed_us = past->tries ? wfe_past_elapsed_us(&past->began) : 0;
    node->attempt = past->attempt;
    node->tries = past->tries;
    if (past->tries)
        node->began_us = elapsed_us < now_us ? now_us - elapsed_us : 1;
}

static void happen(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_run_node_make_item(node, &error) == WFE_E_NOMEM) {
        wfe_run_break(node->frame->run, &error);
        node->past = NULL;
        wfe_run_node_due(node);
        return;
    }
    restore(node);
    if (ends_at_once(node)) {
        end_at_once(node);
        return;
    }
    if (node->item == WFE_PLAN_NONE && node->step->timeout_ms)
        wfe_run_node_start_timeout(node, wfe_replay_step_left_ms(node, node->step->timeout_ms));
    if (node->past->retry_seq) {
        sleep_on(node);
        return;
    }
    node->state = WFE_STEP_IS_RUNNING;
    if (wfe_run_node_is_leaf(node)) {
        run_on(node);
    } else {
        wfe_run_node_take_place(node);
        wfe_run_node_begin_inner(node);
    }
}

static void stop_again(wfe_engine_run *run, const wfe_past_stop *stop)
{
    run->replay.in_stop = true;
    switch (stop->reason) {
    case WFE_STOP_CANCELLED:
        run->cancelled = true;
        wfe_frame_stop(run->main);
        break;
    case WFE_STOP_KILLED:
        run->cancelled = true;
        wfe_run_kill(run);
        break;
    case WFE_STOP_TIMEOUT:
        wfe_frame_time_out(run->main);
        break;
    case WFE_STOP_SERVICE:
        wfe_frame_fail(run->main, &stop->error);
        break;
    case WFE_STOP_SETUP:
    case WFE_STOP_BY_STEPS:
        break;
    }
    run->replay.in_stop = false;
}

void wfe_replay_begin(wfe_engine_run *run)
{
    for (size_t i = 0; i < run->past->n_stops; i++)
        push(run, (wfe_replay_item){.seq = run->past->stops[i].seq, .stop = &run->past->stops[i]});
}

bool wfe_replay_step(wfe_engine_run *run)
{
    wfe_replay *replay = &run->replay;
    if (replay->n) {
        wfe_replay_item item = pop(replay);
        if (item.node)
            happen(item.node);
        else
            stop_again(run, item.stop);
        return true;
    }
    if (!replay->under_way || !run->main)
        return false;
    replay->under_way = false;
    wfe_run_node *node;
    while ((node = wfe_run_node_queue_pop(&replay->held)))
        wfe_run_node_queue_push(&run->due, node);
    if (run->service_error.kind && run->main->phase != WFE_FRAME_ENDED)
        wfe_frame_fail(run->main, &run->service_error);
    for (; replay->n_cancels; replay->n_cancels--)
        wfe_engine_run_cancel(run);
    return true;
}

void wfe_replay_done(wfe_engine_run *run)
{
    free(run->replay.heap);
    wfe_past_free(run->past);
}
