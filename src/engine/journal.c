/* SPDX-License-Identifier: Apache-2.0
 *
 * Records, and what waits for them: events for the listener, attempts to start. Records of one turn
 * are committed together. What was put is acknowledged in order, so one number says what is
 * durable.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/run_priv.h"
#include "step/durable.h"

struct wfe_effect {
    wfe_effect *next;
    wfe_event event; /* what it points to is in the plan, or below */
    json_t *outputs;
    json_t *images;
    wfe_error *error;
    char texts[]; /* paths: a node may be gone before its event is told */
};

static void free_effect(wfe_effect *effect)
{
    json_decref(effect->outputs);
    json_decref(effect->images);
    free(effect->error);
    free(effect);
}

static void on_recorded(uint64_t seq, const wfe_error *err, void *user)
{
    wfe_engine_run *run = user;
    if (err->kind) {
        wfe_run_break(run, err);
        return;
    }
    if (seq > run->journal.acknowledged)
        run->journal.acknowledged = seq;
    wfe_run_turn_soon(run);
}

void wfe_journal_attach(wfe_engine_run *run, wfe_recorder *recorder)
{
    run->journal.recorder = recorder;
    run->journal.seq = run->journal.acknowledged = run->journal.committed = run->past->last_seq;
    recorder->attach(recorder, on_recorded, run);
}

/* Another process has recorded where it got to, and that still counts. */
static bool has_begun(const wfe_engine_run *run, const char *path)
{
    const wfe_past_entry *past = wfe_past_find(run->past, path);
    return past && past->state != WFE_STEP_IS_PENDING && past->state != WFE_STEP_IS_READY;
}

void wfe_journal_ready(wfe_engine_run *run, const char *path)
{
    if (run->broken || has_begun(run, path))
        return;
    if (run->n_ready_paths == run->cap_ready_paths) {
        uint32_t cap = run->cap_ready_paths ? run->cap_ready_paths * 2 : 16;
        const char **paths = realloc(run->ready_paths, cap * sizeof *paths);
        if (!paths) {
            wfe_error error = WFE_ERROR_INIT;
            wfe_error_nomem(&error);
            wfe_run_break(run, &error);
            return;
        }
        run->ready_paths = paths;
        run->cap_ready_paths = cap;
    }
    run->ready_paths[run->n_ready_paths++] = path;
}

/* Keeps the event for when its record is durable. */
static int keep_event(wfe_engine_run *run, const wfe_event *event, wfe_error *err)
{
    size_t step_size = event->step ? strlen(event->step) + 1 : 0;
    size_t owner_size = event->owner ? strlen(event->owner) + 1 : 0;
    wfe_effect *effect = calloc(1, sizeof *effect + step_size + owner_size);
    if (!effect)
        return wfe_error_nomem(err);
    effect->event = *event;
    if (step_size)
        effect->event.step = memcpy(effect->texts, event->step, step_size);
    if (owner_size)
        effect->event.owner = memcpy(effect->texts + step_size, event->owner, owner_size);
    effect->event.from = NULL; /* for the record only */
    effect->outputs = json_incref((json_t *)(uintptr_t)event->outputs);
    effect->event.outputs = effect->outputs;
    effect->images = json_incref((json_t *)(uintptr_t)event->images);
    effect->event.images = effect->images;
    if (event->error) {
        effect->error = malloc(sizeof *effect->error);
        if (!effect->error) {
            free_effect(effect);
            return wfe_error_nomem(err);
        }
        *effect->error = *event->error;
        effect->event.error = effect->error;
    }
    if (run->journal.last)
        run->journal.last->next = effect;
    else
        run->journal.first = effect;
    run->journal.last = effect;
    return 0;
}

void wfe_journal_put(wfe_engine_run *run, wfe_event *event, int64_t wake_at_us)
{
    wfe_journal *journal = &run->journal;
    wfe_error error = WFE_ERROR_INIT;
    uint32_t n_ready = run->n_ready_paths;
    run->n_ready_paths = 0;
    if (run->broken)
        return;
    event->seq = ++journal->seq;
    event->at_us = wfe_clock_wall_us();
    event->images = journal->new_images;
    wfe_record record = {
        .seq = event->seq,
        .event = event,
        .ready = run->ready_paths,
        .n_ready = n_ready,
        .wake_at_us = wake_at_us,
    };
    int rc = journal->recorder->put(journal->recorder, &record, &error);
    if (!rc && run->on_event)
        rc = keep_event(run, event, &error);
    json_decref(journal->new_images);
    journal->new_images = NULL;
    if (rc)
        wfe_run_break(run, &error);
    wfe_run_turn_soon(run);
}

/* ---- what records say ---- */

int wfe_journal_image(wfe_engine_run *run, const char *name, const char *digest, wfe_error *err)
{
    wfe_journal *journal = &run->journal;
    if (json_object_get(journal->images, name))
        return 0;
    if (!journal->images)
        journal->images = json_object();
    if (!journal->new_images)
        journal->new_images = json_object();
    if (json_object_set_new(journal->images, name, json_string(digest)) ||
        json_object_set_new(journal->new_images, name, json_string(digest)))
        return wfe_error_nomem(err);
    return 0;
}

const char *wfe_run_node_owner_path(const wfe_run_node *node)
{
    if (node->owner)
        return node->owner->path;
    return node->frame->caller ? node->frame->caller->path : NULL;
}

/* Was its failure allowed, by itself or by a block around it. */
static bool is_allowed(const wfe_run_node *node)
{
    for (; node; node = node->step->role == WFE_PLAN_ROLE_STEP ? node->owner : NULL)
        if (node->step->allow_failure && !node->hook_failed)
            return true;
    return false;
}

static void describe(wfe_run_node *node, wfe_event *ret)
{
    bool over = wfe_step_state_is_end(node->state);
    bool failed = node->state == WFE_STEP_IS_FAILED ||
                  (node->state == WFE_STEP_IS_HOOKS && node->outcome == WFE_STEP_IS_FAILED);
    *ret = (wfe_event){
        .kind = WFE_EVENT_STEP,
        .step = node->path,
        .owner = wfe_run_node_owner_path(node),
        .plan_step = &node->frame->run->plan->steps[node->index],
        .step_state = node->state,
        .outcome = node->outcome,
        .skip_reason = node->skip,
        .cause = failed ? node->cause : 0,
        .attempt = node->attempt,
        .n_items = node->state == WFE_STEP_IS_RUNNING && node->more ? node->more->n_items : 0,
        .exit_code = node->exit_code,
        .allowed = failed && is_allowed(node),
        .elapsed_us = over && node->began_us ? wfe_clock_monotonic_us() - node->began_us : 0,
        .outputs = node->outputs_told ? NULL : node->outputs,
        .error = failed && node->more ? node->more->error : NULL,
    };
}

void wfe_journal_tell_again(wfe_engine_run *run, wfe_event *event)
{
    wfe_error error = WFE_ERROR_INIT;
    event->seq = run->journal.seq;
    event->recorded = true;
    if (run->on_event && !run->broken && keep_event(run, event, &error))
        wfe_run_break(run, &error);
    wfe_run_turn_soon(run);
}

void wfe_journal_tell_recorded(wfe_run_node *node, enum wfe_step_run_state state)
{
    const wfe_past_entry *past = node->past;
    wfe_event event;
    describe(node, &event);
    event.step_state = state;
    event.at_us = past->began.wall_us;
    event.elapsed_us = 0;
    event.attempt = past->attempt;
    event.outputs = NULL;
    event.goes_on = node->adopt;
    if (state == WFE_STEP_IS_SLEEPING) {
        event.kind = WFE_EVENT_RETRY;
        event.at_us = past->sleeping.wall_us;
        event.delay_ms = past->delay_ms;
        event.cause = past->cause;
        event.error = past->error;
    }
    wfe_journal_tell_again(node->frame->run, &event);
}

/* The steps that it made ready are in its record, too. */
static void is_recorded(wfe_run_node *node, wfe_event *event)
{
    const wfe_past_entry *past = node->past;
    bool is_end = wfe_step_state_is_end(node->state);
    node->frame->run->n_ready_paths = 0;
    event->at_us = node->state == WFE_STEP_IS_RUNNING ? past->attempt_began.wall_us : past->at_us;
    event->elapsed_us = is_end ? past->elapsed_us : 0;
    event->outputs = is_end ? past->outputs : NULL;
    event->allowed = is_end ? past->allowed : event->allowed;
    wfe_journal_tell_again(node->frame->run, event);
}

void wfe_journal_node(wfe_run_node *node)
{
    wfe_event event;
    describe(node, &event);
    if (wfe_replay_is_recorded(node)) {
        is_recorded(node, &event);
        return;
    }
    if (node->outputs)
        node->outputs_told = true;
    wfe_journal_put(node->frame->run, &event, 0);
}

void wfe_journal_retry(wfe_run_node *node, uint64_t delay_ms, enum wfe_plan_cause cause,
                       const wfe_error *err)
{
    wfe_event event = {
        .kind = WFE_EVENT_RETRY,
        .step = node->path,
        .owner = wfe_run_node_owner_path(node),
        .plan_step = &node->frame->run->plan->steps[node->index],
        .step_state = node->state,
        .cause = cause,
        .attempt = node->attempt,
        .exit_code = node->exit_code,
        .delay_ms = delay_ms,
        .error = err,
    };
    wfe_journal_put(node->frame->run, &event, wfe_clock_wall_us() + (int64_t)delay_ms * 1000);
}

void wfe_journal_run(wfe_engine_run *run, const wfe_error *err)
{
    wfe_event event = {
        .kind = WFE_EVENT_RUN,
        .run_state = run->state,
        .exit_code = -1,
        .elapsed_us = wfe_clock_monotonic_us() - run->began_us + run->past->time_us,
        .error = err && err->kind ? err : NULL,
        .outputs = run->result.outputs,
    };
    wfe_journal_put(run, &event, 0);
}

void wfe_journal_stop(wfe_engine_run *run, enum wfe_stop_reason reason, const wfe_error *err)
{
    wfe_event event = {
        .kind = WFE_EVENT_RUN,
        .run_state = run->state,
        .stop_reason = reason,
        .exit_code = -1,
        .error = err && err->kind ? err : NULL,
    };
    wfe_journal_put(run, &event, 0);
}

/* What is to run again waits anew. */
void wfe_journal_resume(wfe_engine_run *run)
{
    const json_t *again = run->past->again;
    for (size_t i = 0; i < json_array_size(again); i++)
        wfe_journal_ready(run, json_string_value(json_array_get(again, i)));
    wfe_event event = {
        .kind = WFE_EVENT_RUN,
        .run_state = run->state,
        .resumed = true,
        .from = run->past->from,
        .exit_code = -1,
    };
    wfe_journal_put(run, &event, 0);
}

/* ---- what waits ---- */

void wfe_journal_leave(wfe_engine_run *run, const wfe_leftover *left)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_leftover_item *item = run->broken ? NULL : calloc(1, sizeof *item);
    if (!item && !run->broken) {
        wfe_error_nomem(&error);
        wfe_run_break(run, &error);
    }
    if (!item) {
        free(left->path);
        return; /* another process will find it */
    }
    *item = (wfe_leftover_item){.seq = run->journal.seq, .left = *left};
    if (run->journal.last_left)
        run->journal.last_left->next = item;
    else
        run->journal.first_left = item;
    run->journal.last_left = item;
}

static void forget_durable(wfe_engine_run *run)
{
    wfe_journal *journal = &run->journal;
    while (journal->first_left && journal->first_left->seq <= journal->acknowledged) {
        wfe_leftover_item *item = journal->first_left;
        wfe_error error = WFE_ERROR_INIT;
        journal->first_left = item->next;
        if (!journal->first_left)
            journal->last_left = NULL;
        if (!item->left.client)
            unlink(item->left.path);
        else if (wfe_step_forget(item->left.client, item->left.id, &error))
            wfe_log_warning(&run->context.log, "%s", error.message);
        free(item->left.path);
        free(item);
        wfe_run_turn_soon(run);
    }
}

void wfe_journal_start(wfe_run_node *node)
{
    wfe_engine_run *run = node->frame->run;
    node->start_seq = run->journal.seq;
    node->started = false;
    wfe_run_node_queue_push(&run->journal.starts, node);
    wfe_run_turn_soon(run);
}

void wfe_journal_tell(wfe_engine_run *run, wfe_event *event)
{
    if (!run->on_event)
        return;
    event->seq = run->journal.told;
    event->at_us = wfe_clock_wall_us();
    run->on_event(event, run->on_event_user);
}

static void tell_durable(wfe_engine_run *run)
{
    wfe_journal *journal = &run->journal;
    while (journal->first && journal->first->event.seq <= journal->acknowledged) {
        wfe_effect *effect = journal->first;
        journal->first = effect->next;
        if (!journal->first)
            journal->last = NULL;
        journal->told = effect->event.seq;
        run->on_event(&effect->event, run->on_event_user);
        free_effect(effect);
    }
}

static void start_durable(wfe_engine_run *run)
{
    wfe_journal *journal = &run->journal;
    wfe_run_node *node;
    while ((node = journal->starts.first) &&
           (run->broken || node->start_seq <= journal->acknowledged)) {
        wfe_run_node_queue_pop(&journal->starts);
        node->started = true;
        wfe_run_node_start_attempt(node);
    }
}

static void drop_effects(wfe_engine_run *run)
{
    while (run->journal.first) {
        wfe_effect *effect = run->journal.first;
        run->journal.first = effect->next;
        free_effect(effect);
    }
    run->journal.last = NULL;
}

void wfe_journal_turn(wfe_engine_run *run)
{
    wfe_journal *journal = &run->journal;
    wfe_error error = WFE_ERROR_INIT;
    if (!run->broken && journal->committed < journal->seq) {
        journal->committed = journal->seq;
        if (journal->recorder->commit(journal->recorder, &error))
            wfe_run_break(run, &error);
    }
    if (run->broken)
        drop_effects(run);
    tell_durable(run);
    if (!run->broken)
        forget_durable(run);
    start_durable(run);
}

bool wfe_journal_is_idle(const wfe_engine_run *run)
{
    const wfe_journal *journal = &run->journal;
    return run->broken || (journal->acknowledged >= journal->seq && !journal->first);
}

bool wfe_journal_is_full(const wfe_engine_run *run)
{
    return run->journal.seq - run->journal.acknowledged > WFE_ENGINE_MAX_UNRECORDED;
}

void wfe_journal_done(wfe_engine_run *run)
{
    drop_effects(run);
    while (run->journal.first_left) {
        wfe_leftover_item *item = run->journal.first_left;
        run->journal.first_left = item->next;
        free(item->left.path);
        free(item);
    }
    if (run->journal.recorder)
        run->journal.recorder->free(run->journal.recorder);
    json_decref(run->journal.images);
    json_decref(run->journal.new_images);
    free(run->ready_paths);
}
