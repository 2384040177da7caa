/* SPDX-License-Identifier: Apache-2.0
 *
 * A run: what ends it, and the turn. Everything that moves does so in the turn: nodes that are due,
 * slots, records. How it begins is in run_setup.c.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/strv.h"
#include "engine/paths.h"
#include "engine/run_priv.h"
#include "engine/run_services.h"
#include "engine/secrets.h"
#include "engine/services.h"
#include "step/keeper.h"

#define RUN_ID_DIGITS 32
/* Rounds of a turn before the loop looks at everything else. */
#define ROUNDS_PER_TURN 16

const wfe_step_type *wfe_run_type(const wfe_engine_run *run, const wfe_plan_step *step)
{
    return run->types[step->type];
}

/* xorshift: jitter needs to differ, not to be secret. */
double wfe_run_random(wfe_engine_run *run)
{
    uint32_t x = run->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    run->random = x;
    return (double)x / (double)UINT32_MAX;
}

void wfe_run_turn_soon(wfe_engine_run *run)
{
    if (run->turn_due)
        return;
    run->turn_due = true;
    if (!run->in_turn)
        wfe_timer_start(run->turn, 0);
}

void wfe_run_break(wfe_engine_run *run, const wfe_error *err)
{
    if (run->broken)
        return;
    run->broken = true;
    run->killed = true;
    run->broken_error = *err;
    wfe_run_turn_soon(run);
}

void wfe_run_warn(wfe_engine_run *run, const wfe_run_node *node, const char *format, ...)
{
    char text[WFE_ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wfe_event event = {
        .kind = WFE_EVENT_WARNING,
        .step = node ? node->path : NULL,
        .owner = node ? wfe_run_node_owner_path(node) : NULL,
        .plan_step = node ? &run->plan->steps[node->index] : NULL,
        .attempt = node ? node->attempt : 0,
        .exit_code = -1,
        .text = text,
        .text_len = strlen(text),
    };
    wfe_journal_tell(run, &event);
}

static void keep_failure(wfe_engine_run *run, const char *path, const wfe_error *err)
{
    uint32_t n = run->result.n_failures;
    if (n >= WFE_ENGINE_MAX_FAILURES)
        return;
    if (!run->failures)
        run->failures = calloc(WFE_ENGINE_MAX_FAILURES, sizeof *run->failures);
    if (!run->failures)
        return;
    run->failures[n] = (wfe_engine_failure){.step = path ? strdup(path) : NULL, .error = *err};
}

void wfe_run_note_failure(wfe_engine_run *run, const char *path, const wfe_error *err)
{
    if (run->result.error.kind) {
        keep_failure(run, path, err);
        run->result.n_failures++;
        return;
    }
    run->result.error = *err;
    run->failed_step = path ? strdup(path) : NULL;
    run->result.failed_step = run->failed_step;
}

/* ---- the end ---- */

void wfe_run_enter(wfe_engine_run *run, enum wfe_run_state state, const wfe_error *err)
{
    run->state = state;
    wfe_journal_run(run, err);
}

void wfe_run_stopping(wfe_engine_run *run, enum wfe_stop_reason reason, const wfe_error *err)
{
    if (run->replay.in_stop || (reason == WFE_STOP_BY_STEPS && run->state != WFE_RUN_RUNNING))
        return;
    if (run->state == WFE_RUN_RUNNING)
        run->state = WFE_RUN_STOPPING;
    wfe_journal_stop(run, reason, err);
}

/* Whatever else failed, this is what ended it. */
static void fill_broken(wfe_engine_run *run)
{
    wfe_engine_result *result = &run->result;
    result->broken = true;
    result->interrupted = run->context.durable;
    result->state = WFE_RUN_FAILED;
    result->timed_out = false;
    result->error = run->broken_error;
    result->failed_step = NULL;
}

static void fill_result(wfe_engine_run *run)
{
    wfe_engine_result *result = &run->result;
    const wfe_frame *frame = run->main;
    result->state = frame ? frame->outcome : WFE_RUN_FAILED;
    if (frame) {
        result->timed_out = frame->timed_out;
        run->result_data = wfe_data_masked(run->context.mask, wfe_scope_data(frame->all));
        result->data = run->result_data;
        result->outputs = frame->outputs;
    }
    if (run->broken)
        fill_broken(run);
    result->failures = run->failures;
    result->finished_at_us = wfe_clock_wall_us();
    /* One that goes on may break before it has begun to. */
    result->elapsed_us =
        (run->began_us ? wfe_clock_monotonic_us() - run->began_us : 0) + run->past->time_us;
}

static void remove_folders(wfe_engine_run *run)
{
    if (run->keep_on_failure && run->result.state == WFE_RUN_FAILED && run->context.shared_dir) {
        wfe_run_warn(run, NULL, "kept: %s", run->context.shared_dir);
        free(run->context.shared_dir);
        run->context.shared_dir = NULL;
    }
    if (run->broken && run->context.durable) { /* whoever goes on with the run needs it */
        free(run->context.shared_dir);
        run->context.shared_dir = NULL;
    }
    wfe_paths_remove(&run->context);
}

/* Everything is gone: tells so, once it is recorded. */
static void close_down(wfe_engine_run *run)
{
    if (run->journal.first_left && !run->broken) {
        run->phase_next = close_down; /* nobody looks for what a run that is over has left */
        return;
    }
    fill_result(run);
    remove_folders(run);
    if (!run->broken) {
        wfe_netns_free(run->netns, NULL);
        run->netns = NULL;
    }
    wfe_secrets_free(run->secrets);
    run->secrets = NULL;
    run->closed = true;
    wfe_run_enter(run, run->result.state, &run->result.error);
}

void wfe_run_services_stopped(wfe_engine_run *run)
{
    run->phase_next = close_down;
    wfe_run_turn_soon(run);
}

/* They are told that the steps have ended: once that is durable, as everything outside. */
static void stop_services(wfe_engine_run *run)
{
    if (run->journal.acknowledged < run->journal.seq && !run->broken) {
        run->phase_next = stop_services;
        return;
    }
    if (!wfe_run_services_stop(run, run->killed))
        close_down(run);
}

/* Also of a run that has no steps yet, and never will. */
void wfe_run_steps_ended(wfe_engine_run *run)
{
    run->phase_next = stop_services;
    wfe_run_turn_soon(run);
}

/* ---- the turn ---- */

static void dispatch(wfe_engine_run *run)
{
    while (run->slots_used < run->jobs && !wfe_journal_is_full(run)) {
        wfe_run_node *node = wfe_run_node_queue_pop(&run->ready_hooks);
        if (!node)
            node = wfe_run_node_queue_pop(&run->ready);
        if (!node)
            return;
        if (wfe_run_node_may_run(node))
            wfe_run_node_take_slot(node);
        else
            wfe_run_node_resolve(node);
    }
}

static void one_round(wfe_engine_run *run)
{
    wfe_run_node *node;
    wfe_run_free_dead(run);
    if (run->phase_next) {
        void (*next)(wfe_engine_run *) = run->phase_next;
        run->phase_next = NULL;
        next(run); /* perhaps the same one again */
    }
    if (run->broken && !run->kill_spread) {
        run->kill_spread = true;
        wfe_run_kill(run);
    }
    do {
        while ((node = wfe_run_node_queue_pop(&run->due)))
            wfe_run_node_resolve(node);
        if (wfe_replay_step(run))
            continue;
        if (run->look_at_ready)
            wfe_run_look_at_ready(run);
        else
            dispatch(run);
    } while (run->due.first || run->replay.n || (run->replay.under_way && run->main));
    wfe_journal_turn(run);
}

static void on_turn(void *user)
{
    wfe_engine_run *run = user;
    run->in_turn = true;
    for (int i = 0; run->turn_due && i < ROUNDS_PER_TURN; i++) {
        run->turn_due = false;
        one_round(run);
    }
    run->in_turn = false;
    if (run->turn_due) {
        wfe_timer_start(run->turn, 0);
        return;
    }
    if (!run->closed || run->told || !wfe_journal_is_idle(run))
        return;
    run->told = true;
    if (run->broken) /* perhaps by the record of its end */
        fill_broken(run);
    if (run->done)
        run->done(run, run->done_user); /* it may have freed the run */
}

/* ---- from outside ---- */

void wfe_engine_run_cancel(wfe_engine_run *run)
{
    if (!run->started || run->closed)
        return;
    if (run->replay.under_way) {
        /* What was recorded happened before this. */
        run->replay.n_cancels++;
        if (!run->main)
            wfe_run_cancel_set_up(run);
        wfe_run_turn_soon(run);
        return;
    }
    if (run->cancelled) {
        if (!run->killed && run->began_us)
            wfe_run_stopping(run, WFE_STOP_KILLED, NULL);
        wfe_run_kill(run);
        return;
    }
    run->cancelled = true;
    if (!run->main) {
        wfe_run_cancel_set_up(run);
    } else {
        wfe_run_stopping(run, WFE_STOP_CANCELLED, NULL);
        wfe_frame_stop(run->main);
    }
    wfe_run_turn_soon(run);
}

bool wfe_engine_run_is_cancelled(const wfe_engine_run *run)
{
    if (run->cancelled || run->replay.n_cancels)
        return true;
    for (size_t i = 0; i < run->past->n_stops; i++)
        if (run->past->stops[i].reason == WFE_STOP_CANCELLED ||
            run->past->stops[i].reason == WFE_STOP_KILLED)
            return true;
    return false;
}

int wfe_engine_run_start(wfe_engine_run *run, wfe_error *err)
{
    if (run->started)
        return wfe_error_set(err, WFE_E_CONFLICT, "the run has been started already");
    run->started = true;
    run->phase_next = wfe_run_set_up;
    wfe_run_turn_soon(run);
    return 0;
}

static int copy_text(const char *given, const char *fallback, char **out, wfe_error *err)
{
    *out = strdup(given ? given : fallback);
    return *out ? 0 : wfe_error_nomem(err);
}

static int choose_id(wfe_engine_run *run, const char *given, wfe_error *err)
{
    char id[RUN_ID_DIGITS + 1];
    if (given && !wfe_id_is_valid(given))
        return wfe_error_set(err, WFE_E_INVALID,
                             "the run's id is '%s', must be 1 to %d letters and digits joined by "
                             "single '.', '_' or '-'",
                             given, WFE_ID_MAX_LENGTH);
    int rc = given ? 0 : wfe_id_random(id, RUN_ID_DIGITS, err);
    return rc ? rc : copy_text(given, id, &run->context.run_id, err);
}

static int choose_folders(wfe_engine_run *run, const wfe_engine_options *o, wfe_error *err)
{
    char tmp_dir[64] = "/run/wfe/runs", volume_dir[64] = "/var/lib/wfe/volumes", here[PATH_MAX];
    if (geteuid() != 0) {
        snprintf(tmp_dir, sizeof tmp_dir, "/tmp/wfe-%u/runs", (unsigned)geteuid());
        snprintf(volume_dir, sizeof volume_dir, "/tmp/wfe-%u/volumes", (unsigned)geteuid());
    }
    int rc = copy_text(o->tmp_dir, tmp_dir, &run->tmp_dir, err);
    if (!rc)
        rc = copy_text(o->volume_dir, volume_dir, &run->volume_dir, err);
    if (!rc && !o->working_dir && !getcwd(here, sizeof here))
        rc = wfe_error_set_errno(err, errno, "cannot find out which folder this is");
    if (!rc)
        rc = copy_text(o->working_dir, here, &run->context.working_dir, err);
    if (!rc && run->context.working_dir[0] != '/')
        rc = wfe_error_set(err, WFE_E_INVALID,
                           "the working folder is '%s', must be an absolute path",
                           run->context.working_dir);
    return rc;
}

static int choose_jobs(wfe_engine_run *run, uint32_t jobs, wfe_error *err)
{
    if (jobs > WFE_ENGINE_MAX_JOBS)
        return wfe_error_set(err, WFE_E_INVALID, "jobs is %u, must be at most %u", jobs,
                             WFE_ENGINE_MAX_JOBS);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    run->jobs = jobs ? jobs : processors > 0 ? (uint32_t)processors : 1;
    if (run->jobs > WFE_ENGINE_MAX_JOBS)
        run->jobs = WFE_ENGINE_MAX_JOBS;
    return 0;
}

static int init(wfe_engine_run *run, const wfe_engine_options *o, wfe_error *err)
{
    if (!run->plan->complete)
        return wfe_error_set(err, WFE_E_INVALID, "the plan lacks values of its inputs");
    int rc = choose_id(run, o->run_id, err);
    if (!rc)
        rc = copy_text(o->run_name, run->context.run_id, &run->name, err);
    if (!rc)
        rc = choose_folders(run, o, err);
    if (!rc)
        rc = choose_jobs(run, o->jobs, err);
    if (!rc && o->environment)
        rc = wfe_strv_copy(o->environment, &run->context.environment, err);
    run->context.mask = wfe_mask_new();
    run->graphs = calloc(run->plan->n_workflows, sizeof *run->graphs);
    if (!rc && (!run->context.mask || !run->graphs))
        rc = wfe_error_nomem(err);
    if (!rc && !run->context.environment) {
        run->context.environment = calloc(1, sizeof *run->context.environment);
        rc = run->context.environment ? 0 : wfe_error_nomem(err);
    }
    if (!rc)
        rc = wfe_timer_new(run->loop, on_turn, run, &run->turn, err);
    return rc;
}

static bool has_containers(const wfe_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_workflows; i++)
        if (plan->workflows[i].n_services)
            return true;
    for (uint32_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].type == WFE_PLAN_STEP_CONTAINERD)
            return true;
    return false;
}

int wfe_engine_run_new(wfe_loop *loop, const wfe_plan *plan, const wfe_engine_options *options,
                       wfe_engine_run **ret, wfe_error *err)
{
    static const wfe_engine_options defaults;
    const wfe_engine_options *o = options ? options : &defaults;
    wfe_recorder *recorder = o->recorder;
    wfe_engine_run *run = calloc(1, sizeof *run);
    if (!run)
        return wfe_error_nomem(err);
    run->loop = run->context.loop = loop;
    run->context.log = o->log;
    run->context.make_client = o->make_client;
    run->context.make_client_user = o->make_client_user;
    run->context.registry = o->registry;
    run->context.images = json_incref(o->images);
    run->plan = plan;
    run->lookup = o->lookup;
    run->lookup_user = o->lookup_user;
    run->on_event = o->on_event;
    run->on_event_user = o->on_event_user;
    run->done = o->done;
    run->done_user = o->done_user;
    run->keep_on_failure = o->keep_on_failure;
    run->types = o->step_types ? o->step_types : wfe_step_types;
    run->random = (uint32_t)wfe_clock_monotonic_us() | 1U;
    run->context.durable = o->durable;
    run->past = o->past;
    run->goes_on = o->past != NULL;
    int rc = run->past ? 0 : wfe_past_new(plan, &run->past, err);
    if (!rc)
        rc = init(run, o, err);
    if (!rc && o->durable && has_containers(plan))
        rc = wfe_keeper_new(&run->context.keeper, err);
    if (!rc && !recorder)
        rc = wfe_recorder_memory_new(&recorder, err);
    if (rc) {
        if (run->past == o->past)
            run->past = NULL; /* not taken */
        wfe_engine_run_free(run);
        return rc;
    }
    run->replay.under_way = run->past->last_seq != 0;
    wfe_journal_attach(run, recorder);
    *ret = run;
    return 0;
}

void wfe_engine_run_free(wfe_engine_run *run)
{
    if (!run)
        return;
    wfe_run_free_dead(run);
    wfe_secrets_free(run->secrets);
    wfe_services_free(run->services);
    wfe_netns_leave(run->netns);
    wfe_frame_free(run->main);
    wfe_run_free_dead(run);
    wfe_journal_done(run);
    wfe_replay_done(run);
    wfe_timer_free(run->turn);
    for (uint32_t i = 0; run->graphs && i < run->plan->n_workflows; i++)
        wfe_graph_done(&run->graphs[i]);
    free(run->graphs);
    for (uint32_t i = 0; run->failures && i < WFE_ENGINE_MAX_FAILURES; i++)
        free((char *)(uintptr_t)run->failures[i].step);
    free(run->failures);
    json_decref(run->result_data);
    free(run->failed_step);
    free(run->name);
    free(run->tmp_dir);
    free(run->volume_dir);
    wfe_context_done(&run->context);
    free(run);
}

const char *wfe_engine_run_id(const wfe_engine_run *run)
{
    return run->context.run_id;
}

const char *wfe_engine_run_name(const wfe_engine_run *run)
{
    return run->name;
}

const wfe_engine_result *wfe_engine_run_result(const wfe_engine_run *run)
{
    return run->closed ? &run->result : NULL;
}
