/* SPDX-License-Identifier: Apache-2.0
 *
 * How a record changes the table.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/owner.h"
#include "engine/past_priv.h"

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static uint64_t number_of(const json_t *json, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(json, key));
    return value > 0 ? (uint64_t)value : 0;
}

static wfe_past_time time_of(const wfe_past *past, const wfe_store_event *event, const json_t *json)
{
    return (wfe_past_time){.wall_us = event->at_us,
                           .boot_us = past->same_boot ? number_of(json, "boot_us") : 0};
}

static int step_state_of(const char *name)
{
    for (int i = WFE_STEP_IS_PENDING; name && i <= WFE_STEP_IS_CANCELLED; i++)
        if (strcmp(name, wfe_step_state_name((enum wfe_step_run_state)i)) == 0)
            return i;
    return -1;
}

static enum wfe_plan_cause cause_of(const char *name)
{
    for (unsigned i = 1; name && i <= WFE_PLAN_CAUSE_OUTPUT; i *= 2)
        if (strcmp(name, wfe_cause_name((enum wfe_plan_cause)i)) == 0)
            return (enum wfe_plan_cause)i;
    return 0;
}

static enum wfe_skip_reason skip_of(const char *name)
{
    for (int i = WFE_SKIP_WHEN; name && i <= WFE_SKIP_ENDING; i++)
        if (strcmp(name, wfe_skip_reason_name((enum wfe_skip_reason)i)) == 0)
            return (enum wfe_skip_reason)i;
    return WFE_SKIP_NONE;
}

static void read_error(const json_t *json, wfe_error *ret)
{
    const char *kind = text_of(json, "kind");
    const char *message = text_of(json, "message"), *hint = text_of(json, "hint");
    int found = WFE_E_INTERNAL;
    for (int i = WFE_E_INVALID; kind && i >= WFE_E_INTERNAL; i--)
        if (strcmp(kind, wfe_error_kind_name(i)) == 0)
            found = i;
    *ret = (wfe_error)WFE_ERROR_INIT;
    if (!message)
        return;
    wfe_error_set(ret, found, "%s", message);
    if (hint)
        wfe_error_hint(ret, "%s", hint);
}

static int keep_error(wfe_past_entry *entry, const json_t *json, wfe_error *err)
{
    const json_t *error = json_object_get(json, "error");
    if (!error)
        return 0;
    if (!entry->error && !(entry->error = malloc(sizeof *entry->error)))
        return wfe_error_nomem(err);
    read_error(error, entry->error);
    return 0;
}

/* An attempt begins: the first one of a round, or the next one after a pause. */
static int on_running(wfe_past *past, wfe_past_entry *entry, const wfe_store_event *event,
                      const json_t *json, wfe_error *err)
{
    bool goes_on = entry->state == WFE_STEP_IS_SLEEPING;
    uint32_t tries = goes_on ? entry->tries : 0;
    wfe_past_time began = goes_on ? entry->began : time_of(past, event, json);
    int rc = entry->reopened ? 0 : wfe_past_begin_anew(past, entry, err);
    wfe_past_clear(entry);
    entry->attempt = (uint32_t)number_of(json, "attempt");
    entry->tries = tries + 1;
    entry->began = began;
    entry->attempt_began = time_of(past, event, json);
    entry->begin_seq = event->seq;
    entry->state = WFE_STEP_IS_RUNNING;
    return rc;
}

static int on_retry(wfe_past *past, wfe_past_entry *entry, const wfe_store_event *event,
                    const json_t *json, wfe_error *err)
{
    int rc = wfe_past_begin_anew(past, entry, err);
    entry->retry_seq = event->seq;
    entry->state = WFE_STEP_IS_SLEEPING;
    entry->cause = cause_of(text_of(json, "cause"));
    entry->delay_ms = number_of(json, "delay_ms");
    entry->sleeping = time_of(past, event, json);
    return rc ? rc : keep_error(entry, json, err);
}

static int on_step(wfe_past *past, const wfe_store_event *event, const json_t *json, wfe_error *err)
{
    bool is_retry = strcmp(event->kind, wfe_event_kind_name(WFE_EVENT_RETRY)) == 0;
    const char *path = text_of(json, "step");
    int state = is_retry ? WFE_STEP_IS_SLEEPING : step_state_of(text_of(json, "state"));
    wfe_past_entry *entry = NULL;
    if (!path || state < 0)
        return wfe_error_set(err, WFE_E_INVALID, "record %llu of the run cannot be read",
                             (unsigned long long)event->seq);
    int rc = wfe_past_need(past, path, text_of(json, "owner"), &entry, err);
    if (rc)
        return rc;
    entry->at_us = event->at_us;
    if (is_retry)
        return on_retry(past, entry, event, json, err);
    if (state == WFE_STEP_IS_RUNNING)
        return on_running(past, entry, event, json, err);
    const json_t *exit_code = json_object_get(json, "exit_code");
    int outcome = step_state_of(text_of(json, "outcome"));
    entry->state = (enum wfe_step_run_state)state;
    entry->exit_code = exit_code ? (int)json_integer_value(exit_code) : -1;
    entry->allowed = json_is_true(json_object_get(json, "allowed"));
    if (state == WFE_STEP_IS_HOOKS) {
        entry->hooks_seq = event->seq;
        entry->outcome = outcome < 0 ? WFE_STEP_IS_SUCCEEDED : (enum wfe_step_run_state)outcome;
        entry->cause = cause_of(text_of(json, "cause"));
        return keep_error(entry, json, err);
    }
    entry->end_seq = event->seq;
    entry->elapsed_us = (uint64_t)(json_number_value(json_object_get(json, "elapsed_ms")) * 1000.0);
    entry->skip = skip_of(text_of(json, "reason"));
    if (entry->hooks_seq)
        return 0; /* how its own work ended is known */
    entry->outcome = entry->state;
    entry->cause = cause_of(text_of(json, "cause"));
    return keep_error(entry, json, err);
}

/* ---- of the run ---- */

static int run_state_of(const char *name)
{
    for (int i = WFE_RUN_STARTING; name && i <= WFE_RUN_SUSPENDED; i++)
        if (strcmp(name, wfe_run_state_name((enum wfe_run_state)i)) == 0)
            return i;
    return -1;
}

static int add_stop(wfe_past *past, const wfe_store_event *event, const json_t *json,
                    wfe_error *err)
{
    const char *name = text_of(json, "reason");
    wfe_past_stop stop = {.seq = event->seq};
    for (int i = WFE_STOP_CANCELLED; name && i <= WFE_STOP_SETUP; i++)
        if (strcmp(name, wfe_stop_reason_name((enum wfe_stop_reason)i)) == 0)
            stop.reason = (enum wfe_stop_reason)i;
    if (!stop.reason)
        return 0;
    read_error(json_object_get(json, "error"), &stop.error);
    wfe_past_stop *larger = realloc(past->stops, (past->n_stops + 1) * sizeof *larger);
    if (!larger)
        return wfe_error_nomem(err);
    past->stops = larger;
    larger[past->n_stops++] = stop;
    return 0;
}

static int on_run(wfe_past *past, const wfe_store_event *event, const json_t *json, wfe_error *err)
{
    const char *by = text_of(json, "by");
    int state = run_state_of(text_of(json, "state"));
    if (state < 0)
        return wfe_error_set(err, WFE_E_INVALID, "record %llu of the run cannot be read",
                             (unsigned long long)event->seq);
    past->same_boot = by && !wfe_owner_is_of_other_boot(by);
    int rc = 0;
    if (wfe_run_state_is_end(past->state))
        rc = wfe_past_reopen(past, json_object_get(json, "from"), err);
    past->state = (enum wfe_run_state)state;
    if (!past->under_way.wall_us)
        past->under_way = time_of(past, event, json);
    if (wfe_run_state_is_end(past->state))
        past->time_us = (uint64_t)(json_number_value(json_object_get(json, "elapsed_ms")) * 1000.0);
    if (past->state == WFE_RUN_RUNNING && !json_is_true(json_object_get(json, "resumed")))
        past->running = time_of(past, event, json);
    return rc ? rc : add_stop(past, event, json, err);
}

static int on_service(wfe_past *past, const json_t *json, wfe_error *err)
{
    const char *name = text_of(json, "service"), *state = text_of(json, "state");
    wfe_past_service *service = NULL;
    for (size_t i = 0; name && i < past->n_services; i++)
        if (strcmp(past->services[i].name, name) == 0)
            service = &past->services[i];
    if (name && !service) {
        wfe_past_service *larger = realloc(past->services, (past->n_services + 1) * sizeof *larger);
        if (!larger)
            return wfe_error_nomem(err);
        past->services = larger;
        service = &larger[past->n_services];
        *service = (wfe_past_service){.name = strdup(name)};
        if (!service->name)
            return wfe_error_nomem(err);
        past->n_services++;
    }
    for (int i = WFE_SERVICE_STARTING; service && state && i <= WFE_SERVICE_FAILED; i++)
        if (strcmp(state, wfe_service_state_name((enum wfe_service_state)i)) == 0)
            service->state = (enum wfe_service_state)i;
    return 0;
}

int wfe_past_add_event(wfe_past *past, const wfe_store_event *event, wfe_error *err)
{
    json_t *json = NULL;
    int rc = wfe_json_load(event->event, strlen(event->event), JSON_ALLOW_NUL, &json, err);
    if (rc) {
        wfe_error_prefix(err, "record %llu of the run cannot be read",
                         (unsigned long long)event->seq);
        return rc;
    }
    if (!past->last_seq)
        past->began_at_us = event->at_us;
    past->last_seq = event->seq;
    if (strcmp(event->kind, wfe_event_kind_name(WFE_EVENT_RUN)) == 0)
        rc = on_run(past, event, json, err);
    else if (strcmp(event->kind, wfe_event_kind_name(WFE_EVENT_SERVICE)) == 0)
        rc = on_service(past, json, err);
    else
        rc = on_step(past, event, json, err);
    json_decref(json);
    return rc;
}
