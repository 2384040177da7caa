/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/record_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/owner.h"
#include "engine/step_name.h"

/* Takes a heap object; it is freed with the row, or at once when there is no memory to remember
 * it. */
static int own(wfe_record_row *row, void *object, wfe_error *err)
{
    if (!object)
        return wfe_error_nomem(err);
    if (row->n_owned == row->cap_owned) {
        size_t cap = row->cap_owned ? row->cap_owned * 2 : 8;
        void **larger = realloc(row->owned, cap * sizeof *larger);
        if (!larger) {
            free(object);
            return wfe_error_nomem(err);
        }
        row->owned = larger;
        row->cap_owned = cap;
    }
    row->owned[row->n_owned++] = object;
    return 0;
}

static int copy(wfe_record_row *row, const char *text, const char **ret, wfe_error *err)
{
    if (!text)
        return 0;
    char *object = strdup(text);
    int rc = own(row, object, err);
    if (!rc)
        *ret = object;
    return rc;
}

static int dump(wfe_record_row *row, const json_t *json, const char **ret, wfe_error *err)
{
    char *object = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    int rc = own(row, object, err);
    if (!rc)
        *ret = object;
    return rc;
}

static int dump_error(wfe_record_row *row, const wfe_error *error, const char **ret, wfe_error *err)
{
    if (!error || !error->kind)
        return 0;
    json_t *json = wfe_event_error_json(error);
    int rc = json ? dump(row, json, ret, err) : wfe_error_nomem(err);
    json_decref(json);
    return rc;
}

/* ---- parts ---- */

/* Who goes on with the run later needs to know how long something took, and a wall clock can be
 * set: the other clock's time, and of which boot it is. */
static int add_clock(json_t *json, const wfe_event *event)
{
    char owner[WFE_OWNER_TEXT_SIZE];
    json_int_t now_us = (json_int_t)wfe_clock_boot_us();
    switch (event->kind) {
    case WFE_EVENT_RUN:
        wfe_owner_format(owner); /* reads files of /proc: not for each step */
        if (json_object_set_new(json, "by", json_string(owner)))
            return -1;
        return json_object_set_new(json, "boot_us", json_integer(now_us));
    case WFE_EVENT_STEP:
        if (event->step_state != WFE_STEP_IS_RUNNING)
            return 0;
        return json_object_set_new(json, "boot_us", json_integer(now_us));
    case WFE_EVENT_RETRY:
        return json_object_set_new(json, "boot_us", json_integer(now_us));
    default:
        return 0;
    }
}

/* Outputs are rows of their own. */
static int add_event(wfe_record_row *row, const wfe_event *event, wfe_error *err)
{
    wfe_event copied = *event;
    copied.seq = row->transition.seq;
    copied.outputs = NULL;
    json_t *json = wfe_event_json(&copied);
    if (json && add_clock(json, event)) {
        json_decref(json);
        json = NULL;
    }
    int rc = json ? dump(row, json, &row->transition.event, err) : wfe_error_nomem(err);
    json_decref(json);
    return rc;
}

static int add_run(wfe_record_row *row, const wfe_event *event, wfe_error *err)
{
    bool is_end = wfe_run_state_is_end(event->run_state);
    row->transition.run = &row->run;
    row->run = (wfe_store_run_change){
        .state = wfe_run_state_name(event->run_state),
        .is_end = is_end,
        .elapsed_us = is_end ? event->elapsed_us : 0,
    };
    int rc = dump_error(row, event->error, &row->run.error, err);
    if (!rc && event->outputs)
        rc = dump(row, event->outputs, &row->run.outputs, err);
    return rc;
}

static bool is_container(const wfe_plan_step *step)
{
    return step && step->type == WFE_PLAN_STEP_CONTAINERD;
}

static int add_step(wfe_record_row *row, const wfe_record *record, const char *run_id,
                    wfe_error *err)
{
    const wfe_event *event = record->event;
    wfe_store_step_change *step = &row->step;
    bool failed = event->kind == WFE_EVENT_RETRY || event->step_state == WFE_STEP_IS_FAILED;
    bool is_end = event->kind == WFE_EVENT_STEP && wfe_step_state_is_end(event->step_state);
    row->transition.step = step;
    *step = (wfe_store_step_change){
        .role = event->plan_step ? wfe_role_name(event->plan_step->role) : NULL,
        .state = wfe_step_state_name(event->step_state),
        .is_end = is_end,
        .begins = event->kind == WFE_EVENT_STEP && event->step_state == WFE_STEP_IS_RUNNING,
        .attempt = event->attempt,
        .exit_code = event->exit_code,
        .cause = failed ? wfe_cause_name(event->cause) : NULL,
        .reason = wfe_skip_reason_name(event->skip_reason),
        .allowed = event->allowed,
        .wake_at_us = record->wake_at_us,
        .elapsed_us = is_end ? event->elapsed_us : 0,
    };
    if (step->begins && event->attempt && is_container(event->plan_step)) {
        char name[WFE_ENGINE_STEP_NAME_SIZE];
        wfe_engine_step_name(event->step, name);
        wfe_id_container(row->container, run_id, name, event->attempt);
        step->container = row->container;
    }
    int rc = copy(row, event->step, &step->path, err);
    if (!rc)
        rc = copy(row, event->owner, &step->parent, err);
    return rc ? rc : dump_error(row, event->error, &step->error, err);
}

static int add_service(wfe_record_row *row, const wfe_event *event, const char *run_id,
                       wfe_error *err)
{
    char name[WFE_ENGINE_SERVICE_NAME_SIZE];
    wfe_engine_service_name(event->service, name);
    wfe_id_container(row->container, run_id, name, 1);
    row->transition.step = &row->step;
    row->step = (wfe_store_step_change){
        .is_service = true,
        .state = wfe_service_state_name(event->service_state),
        .is_end = event->service_state == WFE_SERVICE_STOPPED ||
                  event->service_state == WFE_SERVICE_FAILED,
        .begins = event->service_state == WFE_SERVICE_STARTING,
        .attempt = 1,
        .container = row->container,
        .exit_code = -1,
    };
    int rc = copy(row, event->service, &row->step.path, err);
    return rc ? rc : dump_error(row, event->error, &row->step.error, err);
}

static int add_outputs(wfe_record_row *row, const wfe_event *event, wfe_error *err)
{
    size_t n = json_object_size(event->outputs), i = 0;
    if (!n)
        return 0;
    wfe_store_output *outputs = calloc(n, sizeof *outputs);
    int rc = own(row, outputs, err);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)event->outputs, name, value)
    {
        if (rc)
            return rc;
        outputs[i] = (wfe_store_output){.step = row->step.path, .attempt = event->attempt};
        rc = copy(row, name, &outputs[i].name, err);
        if (!rc)
            rc = dump(row, value, &outputs[i].value, err);
        i++;
    }
    if (rc)
        return rc;
    row->transition.outputs = outputs;
    row->transition.n_outputs = n;
    return 0;
}

static int add_ready(wfe_record_row *row, const wfe_record *record, wfe_error *err)
{
    if (!record->n_ready)
        return 0;
    const char **ready = calloc(record->n_ready, sizeof *ready);
    int rc = own(row, ready, err);
    for (uint32_t i = 0; !rc && i < record->n_ready; i++)
        rc = copy(row, record->ready[i], &ready[i], err);
    if (rc)
        return rc;
    /* A run that goes on after its end lists what is to run again. */
    row->transition.ready_state =
        wfe_step_state_name(record->event->resumed ? WFE_STEP_IS_PENDING : WFE_STEP_IS_READY);
    row->transition.ready = ready;
    row->transition.n_ready = record->n_ready;
    return 0;
}

/* ---- the whole ---- */

static int fill(wfe_record_row *row, const wfe_record *record, const char *run_id, wfe_error *err)
{
    const wfe_event *event = record->event;
    int rc = add_event(row, event, err);
    if (!rc)
        rc = add_ready(row, record, err);
    if (rc)
        return rc;
    switch (event->kind) {
    case WFE_EVENT_RUN:
        return add_run(row, event, err);
    case WFE_EVENT_STEP:
    case WFE_EVENT_RETRY:
        rc = add_step(row, record, run_id, err);
        return rc ? rc : add_outputs(row, event, err);
    case WFE_EVENT_SERVICE:
        return add_service(row, event, run_id, err);
    case WFE_EVENT_OUTPUT:
    case WFE_EVENT_WARNING:
    case WFE_EVENT_PULL:
        break;
    }
    return 0;
}

int wfe_record_row_new(const wfe_record *record, const char *run_id, uint64_t seq_base,
                       wfe_record_row **ret, wfe_error *err)
{
    _cleanup_(wfe_record_row_free_p) wfe_record_row *row = calloc(1, sizeof *row);
    if (!row)
        return wfe_error_nomem(err);
    row->sync_fds[0] = row->sync_fds[1] = -1;
    row->seq = record->seq;
    row->transition.seq = seq_base + record->seq;
    row->transition.at_us = record->event->at_us;
    row->transition.kind = wfe_event_kind_name(record->event->kind);
    int rc = fill(row, record, run_id, err);
    if (!rc)
        *ret = wfe_take(row);
    return rc;
}

void wfe_record_row_free(wfe_record_row *row)
{
    if (!row)
        return;
    for (int i = 0; i < 2; i++)
        wfe_cleanup_close(&row->sync_fds[i]);
    for (size_t i = 0; i < row->n_owned; i++)
        free(row->owned[i]);
    free(row->owned);
    free(row);
}
