/* SPDX-License-Identifier: Apache-2.0
 *
 * The beginning of a run: what another process has left, folders, secrets, services, and then the
 * steps.
 */
#include <string.h>

#include "base/clock.h"
#include "engine/paths.h"
#include "engine/run_priv.h"
#include "engine/run_services.h"
#include "engine/secrets.h"
#include "engine/services.h"

/* Another process may have been further: then it has a record. */
static void enter_steps(wfe_engine_run *run)
{
    if (run->state != WFE_RUN_STARTING) {
        run->n_ready_paths = 0;
        if (run->cancelled)
            wfe_run_stopping(run, WFE_STOP_CANCELLED, NULL);
        return;
    }
    run->state = run->cancelled || run->setup_error.kind ? WFE_RUN_STOPPING : WFE_RUN_RUNNING;
    wfe_journal_stop(run,
                     run->cancelled                   ? WFE_STOP_CANCELLED
                     : run->state == WFE_RUN_STOPPING ? WFE_STOP_SETUP
                                                      : WFE_STOP_BY_STEPS,
                     &run->setup_error);
}

/* Those that another process has left may run, also when nobody waits for them any more. */
static int adopt_services(wfe_engine_run *run, wfe_error *err)
{
    if (!run->netns || run->services || wfe_run_setup_failure(run))
        return 0;
    return wfe_run_services_start(run, err);
}

static void start_steps(wfe_engine_run *run)
{
    wfe_error error = WFE_ERROR_INIT;
    if (adopt_services(run, &error) ||
        wfe_frame_new(run, run->plan->main, NULL, run->plan->inputs, &run->main, &error)) {
        wfe_run_break(run, &error);
        wfe_run_steps_ended(run);
        return;
    }
    if (run->setup_error.kind) {
        /* No step starts, but the workflow's hooks run as after any failure. */
        run->main->ending = true;
        run->main->failed = true;
        wfe_run_note_failure(run, NULL, &run->setup_error);
    }
    wfe_frame_start(run->main);
    enter_steps(run);
    if (run->cancelled)
        wfe_frame_stop(run->main);
    wfe_replay_begin(run);
    wfe_frame_started(run->main);
}

const wfe_error *wfe_run_setup_failure(const wfe_engine_run *run)
{
    for (size_t i = 0; i < run->past->n_stops; i++)
        if (run->past->stops[i].reason == WFE_STOP_SETUP)
            return &run->past->stops[i].error;
    return NULL;
}

void wfe_run_is_set_up(wfe_engine_run *run, const wfe_error *err)
{
    if (run->set_up)
        return; /* it was cancelled meanwhile */
    run->set_up = true;
    const wfe_error *before = wfe_run_setup_failure(run);
    if (err->kind && run->past->running.wall_us && !before) {
        /* Its steps have begun: they wait for somebody who can do better. */
        wfe_run_break(run, err);
        wfe_run_steps_ended(run);
        return;
    }
    wfe_error_copy(&run->setup_error, before ? before : err);
    run->phase_next = start_steps;
    wfe_run_turn_soon(run);
}

/* In this process. */
static bool is_cancelled(const wfe_engine_run *run)
{
    return run->cancelled || run->replay.n_cancels;
}

static void start_services(wfe_engine_run *run)
{
    wfe_error error = WFE_ERROR_INIT;
    const wfe_error *before = wfe_run_setup_failure(run);
    if (before)
        wfe_run_is_set_up(run, before);
    else if (!wfe_services_needed(run->plan) || wfe_run_services_start(run, &error))
        wfe_run_is_set_up(run, &error);
}

static void on_secrets(const wfe_error *err, void *user)
{
    wfe_engine_run *run = user;
    if (err->kind) {
        wfe_run_is_set_up(run, err);
        return;
    }
    run->secrets_read = true;
    if (is_cancelled(run)) { /* it goes on only to end: no service is waited for */
        wfe_run_is_set_up(run, err);
        return;
    }
    run->phase_next = start_services;
    wfe_run_turn_soon(run);
}

/* Passwords of registries are secrets, too; one that is too short to be masked is no help. */
static int mask_passwords(wfe_engine_run *run, wfe_error *err)
{
    for (uint32_t i = 0; i < run->plan->n_steps; i++) {
        const wfe_plan_step *step = &run->plan->steps[i];
        const wfe_plan_container *container = step->config.container;
        if (step->type != WFE_PLAN_STEP_CONTAINERD || !container)
            continue;
        for (uint32_t k = 0; k < container->n_registry_auth; k++) {
            const char *password = container->registry_auth[k].password;
            int rc =
                password ? wfe_mask_add(run->context.mask, password, strlen(password), NULL) : 0;
            if (rc == WFE_E_NOMEM)
                return wfe_error_nomem(err);
        }
    }
    return 0;
}

static bool has_secret_files(const wfe_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_steps; i++)
        for (uint32_t k = 0; k < plan->steps[i].n_secrets; k++)
            if (plan->steps[i].secrets[k].file)
                return true;
    return false;
}

static void begin(wfe_engine_run *run)
{
    wfe_past *past = run->past;
    run->began_us = wfe_clock_monotonic_us();
    run->result.started_at_us = wfe_clock_wall_us();
    if (!past->last_seq) {
        wfe_run_enter(run, WFE_RUN_STARTING, NULL);
        return;
    }
    if (past->under_way.wall_us)
        past->time_us += wfe_past_elapsed_us(&past->under_way);
    run->result.started_at_us = past->began_at_us;
    run->result.n_succeeded = past->n_old[0];
    run->result.n_failed = past->n_old[1];
    run->result.n_skipped = past->n_old[2];
    run->result.n_cancelled = past->n_old[3];
    run->state = past->state;
    wfe_journal_resume(run);
}

static void make_all(wfe_engine_run *run)
{
    wfe_error error = WFE_ERROR_INIT;
    const wfe_plan_workflow *workflow = &run->plan->workflows[run->plan->main];
    begin(run);
    run->context.shared_target = workflow->shared_volume_path;
    wfe_paths_options paths = {
        .tmp_dir = run->tmp_dir,
        .volume_dir = run->volume_dir,
        .shared = workflow->shared_volume_path != NULL,
        .for_secrets = has_secret_files(run->plan),
        .again = run->goes_on,
    };
    int rc = wfe_paths_make(&run->context, &paths, &error);
    if (!rc)
        rc = mask_passwords(run, &error);
    /* What another process has left is read to its end, and hooks run: both need them. */
    bool reads_secrets = run->past->last_seq || !is_cancelled(run);
    if (!rc && reads_secrets)
        rc = wfe_secrets_new(&run->context, run->plan, run->lookup, run->lookup_user, on_secrets,
                             run, &run->secrets, &error);
    if (rc || !reads_secrets)
        wfe_run_is_set_up(run, &error);
}

void wfe_run_set_up(wfe_engine_run *run)
{
    wfe_error error = WFE_ERROR_INIT;
    if (!run->goes_on || !wfe_look_back(run, &error)) {
        make_all(run);
        return;
    }
    wfe_run_break(run, &error); /* it stays as it is */
    wfe_run_steps_ended(run);
}

/* Nothing is waited for any longer; but the folder must be there for the hooks, and the secrets
 * that were read are theirs. A run that goes on has its secrets in any case. */
void wfe_run_cancel_set_up(wfe_engine_run *run)
{
    wfe_error none = WFE_ERROR_INIT;
    if (!run->began_us || (run->past->last_seq && !run->secrets_read))
        return; /* that comes yet, and sees it */
    if (!run->secrets_read) {
        wfe_secrets_free(run->secrets);
        run->secrets = NULL;
    }
    wfe_run_is_set_up(run, &none);
}
