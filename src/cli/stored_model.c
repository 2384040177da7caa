/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stored_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/step_name.h"

typedef struct reading {
    wfe_stored_view *view;
    wfe_error *err;
} reading;

/* ---- names to numbers ---- */

static int run_state_of(const char *name)
{
    for (int i = WFE_RUN_STARTING; i <= WFE_RUN_SUSPENDED; i++)
        if (strcmp(name, wfe_run_state_name((enum wfe_run_state)i)) == 0)
            return i;
    return WFE_RUN_RUNNING;
}

static int step_state_of(const char *name)
{
    for (int i = WFE_STEP_IS_PENDING; i <= WFE_STEP_IS_CANCELLED; i++)
        if (strcmp(name, wfe_step_state_name((enum wfe_step_run_state)i)) == 0)
            return i;
    return WFE_STEP_IS_PENDING;
}

static int service_state_of(const char *name)
{
    for (int i = WFE_SERVICE_STARTING; i <= WFE_SERVICE_FAILED; i++)
        if (strcmp(name, wfe_service_state_name((enum wfe_service_state)i)) == 0)
            return i;
    return WFE_SERVICE_STARTING;
}

static int role_of(const char *name)
{
    for (int i = WFE_PLAN_ROLE_STEP; name && i <= WFE_PLAN_ROLE_ENSURE; i++)
        if (strcmp(name, wfe_role_name((enum wfe_plan_role)i)) == 0)
            return i;
    return WFE_PLAN_ROLE_STEP;
}

static unsigned cause_of(const char *name)
{
    for (unsigned i = 1; name && i <= WFE_PLAN_CAUSE_OUTPUT; i *= 2)
        if (strcmp(name, wfe_cause_name((enum wfe_plan_cause)i)) == 0)
            return i;
    return 0;
}

static int reason_of(const char *name)
{
    for (int i = WFE_SKIP_WHEN; name && i <= WFE_SKIP_ENDING; i++)
        if (strcmp(name, wfe_skip_reason_name((enum wfe_skip_reason)i)) == 0)
            return i;
    return WFE_SKIP_NONE;
}

/* ---- what failed ---- */

static bool is_cause(const wfe_store_step *row)
{
    if (!row->is_end || strcmp(row->state, "failed") != 0 || row->allowed)
        return false;
    /* A block or a call fails by what is in it. */
    return row->is_service || (row->cause && strcmp(row->cause, "inner") != 0);
}

static int keep_failure(wfe_stored_failure *failure, const wfe_store_step *row,
                        const wfe_error *error, wfe_error *err)
{
    char name[WFE_ENGINE_SERVICE_NAME_SIZE];
    const char *log = row->path;
    if (!is_cause(row) || (failure->path && failure->seq < row->seq))
        return 0;
    if (row->is_service) {
        wfe_engine_service_name(row->path, name);
        log = name;
    }
    free(failure->path);
    free(failure->log);
    *failure = (wfe_stored_failure){.path = strdup(row->path),
                                    .log = strdup(log),
                                    .is_service = row->is_service,
                                    .attempt = row->attempt,
                                    .exit_code = row->exit_code,
                                    .error = *error,
                                    .seq = row->seq};
    snprintf(failure->cause, sizeof failure->cause, "%s", row->cause ? row->cause : "service");
    return failure->path && failure->log ? 0 : wfe_error_nomem(err);
}

/* ---- a step ---- */

static json_t *step_json(const wfe_store_step *row)
{
    json_t *exit_code = row->exit_code >= 0 ? json_integer(row->exit_code) : json_null();
    json_t *elapsed =
        row->is_end && row->begun_at_us ? json_real((double)row->elapsed_us / 1000.0) : json_null();
    return json_pack(
        "{ss sb ss? ss? ss sb sI ss? so ss? ss? sb so so so so so}", "step", row->path, "service",
        (int)row->is_service, "owner", row->parent, "role", row->role, "state", row->state, "over",
        (int)row->is_end, "attempt", (json_int_t)row->attempt, "container", row->container,
        "exit_code", exit_code, "cause", row->cause, "reason", row->reason, "allowed",
        (int)row->allowed, "begun_at", wfe_stored_time_json(row->begun_at_us), "ended_at",
        wfe_stored_time_json(row->ended_at_us), "wake_at", wfe_stored_time_json(row->wake_at_us),
        "elapsed_ms", elapsed, "error", wfe_stored_text_json(row->error));
}

static void count(wfe_engine_result *result, const wfe_store_step *row)
{
    if (row->is_service || !row->is_end)
        return;
    result->n_succeeded += strcmp(row->state, "succeeded") == 0;
    result->n_failed += strcmp(row->state, "failed") == 0;
    result->n_skipped += strcmp(row->state, "skipped") == 0;
    result->n_cancelled += strcmp(row->state, "cancelled") == 0;
}

static int tell(wfe_run_model *model, const wfe_store_step *row, const wfe_error *error,
                wfe_error *err)
{
    const wfe_plan_step plan_step = {.role = (enum wfe_plan_role)role_of(row->role)};
    wfe_event event = {.kind = row->is_service ? WFE_EVENT_SERVICE : WFE_EVENT_STEP,
                       .at_us = row->begun_at_us,
                       .step = row->is_service ? NULL : row->path,
                       .service = row->is_service ? row->path : NULL,
                       .owner = row->parent,
                       .plan_step = &plan_step,
                       .step_state = WFE_STEP_IS_RUNNING,
                       .attempt = row->attempt,
                       .exit_code = row->exit_code,
                       .allowed = row->allowed,
                       .cause = (enum wfe_plan_cause)cause_of(row->cause),
                       .skip_reason = (enum wfe_skip_reason)reason_of(row->reason),
                       .elapsed_us = row->elapsed_us,
                       .error = error->kind ? error : NULL};
    int rc = row->begun_at_us ? wfe_run_model_event(model, &event, NULL, err) : 0;
    event.at_us = row->ended_at_us;
    event.step_state = (enum wfe_step_run_state)step_state_of(row->state);
    event.service_state = (enum wfe_service_state)service_state_of(row->state);
    return rc ? rc : wfe_run_model_event(model, &event, NULL, err);
}

static int on_step(const wfe_store_step *row, void *user)
{
    reading *r = user;
    wfe_error error;
    wfe_stored_error(row->error, &error);
    count(&r->view->result, row);
    int rc = tell(r->view->model, row, &error, r->err);
    if (!rc)
        rc = keep_failure(&r->view->failure, row, &error, r->err);
    if (!rc && r->view->steps && json_array_append_new(r->view->steps, step_json(row)))
        rc = wfe_error_nomem(r->err);
    return rc;
}

/* ---- the run ---- */

static void fill_result(wfe_stored_view *view, const wfe_store_run *row)
{
    wfe_engine_result *result = &view->result;
    result->state = (enum wfe_run_state)run_state_of(row->state);
    result->started_at_us = row->created_at_us;
    result->finished_at_us = row->ended_at_us;
    result->elapsed_us = row->elapsed_us;
    if (!row->is_end && wfe_clock_wall_us() > row->created_at_us)
        result->elapsed_us = (uint64_t)(wfe_clock_wall_us() - row->created_at_us);
    view->outputs = row->outputs ? json_loads(row->outputs, JSON_ALLOW_NUL, NULL) : NULL;
    result->outputs = view->outputs;
    wfe_stored_error(row->error, &result->error);
    result->failed_step = view->failure.path;
    result->timed_out = result->error.kind == WFE_E_TIMEOUT && !view->failure.path;
    if (!result->error.kind)
        result->error = view->failure.error;
}

int wfe_stored_view_new(wfe_stored *stored, const wfe_stored_run *run, bool with_json, bool ascii,
                        wfe_stored_view **ret, wfe_error *err)
{
    const wfe_run_model_options options = {.ascii = ascii};
    _cleanup_(wfe_stored_view_free_p) wfe_stored_view *view = calloc(1, sizeof *view);
    if (!view || (with_json && !(view->steps = json_array())))
        return wfe_error_nomem(err);
    view->failure.exit_code = -1;
    int rc = wfe_run_model_new(&options, &view->model, err);
    if (!rc)
        rc = stored->store->steps(stored->store, run->row.id, on_step,
                                  &(reading){.view = view, .err = err}, err);
    if (rc)
        return rc;
    fill_result(view, &run->row);
    *ret = wfe_take(view);
    return 0;
}

void wfe_stored_view_free(wfe_stored_view *view)
{
    if (!view)
        return;
    wfe_run_model_free(view->model);
    free(view->failure.path);
    free(view->failure.log);
    json_decref(view->outputs);
    json_decref(view->steps);
    free(view);
}
