/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of what events hold, and their JSON form.
 */
#include "engine/event.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"

const char *wfe_event_kind_name(enum wfe_event_kind kind)
{
    switch (kind) {
#define KIND_NAME(kind, name, when)                                                                \
    case WFE_EVENT_##kind:                                                                         \
        return name;
        WFE_EVENT_KINDS(KIND_NAME)
#undef KIND_NAME
    }
    return "unknown";
}

const char *wfe_run_state_name(enum wfe_run_state state)
{
    switch (state) {
#define STATE_NAME(state, name, is_end, meaning)                                                   \
    case WFE_RUN_##state:                                                                          \
        return name;
        WFE_RUN_STATES(STATE_NAME)
#undef STATE_NAME
    }
    return "unknown";
}

bool wfe_run_state_is_end(enum wfe_run_state state)
{
#define STATE_IS_END(state, name, is_end, meaning) is_end,
    static const bool ends[] = {WFE_RUN_STATES(STATE_IS_END)};
#undef STATE_IS_END
    return ends[state];
}

const char *wfe_step_state_name(enum wfe_step_run_state state)
{
    switch (state) {
#define STATE_NAME(state, name, is_end, meaning)                                                   \
    case WFE_STEP_IS_##state:                                                                      \
        return name;
        WFE_STEP_STATES(STATE_NAME)
#undef STATE_NAME
    }
    return "unknown";
}

bool wfe_step_state_is_end(enum wfe_step_run_state state)
{
#define STATE_IS_END(state, name, is_end, meaning) is_end,
    static const bool ends[] = {WFE_STEP_STATES(STATE_IS_END)};
#undef STATE_IS_END
    return ends[state];
}

const char *wfe_service_state_name(enum wfe_service_state state)
{
    switch (state) {
#define STATE_NAME(state, name, is_end, meaning)                                                   \
    case WFE_SERVICE_##state:                                                                      \
        return name;
        WFE_SERVICE_STATES(STATE_NAME)
#undef STATE_NAME
    }
    return "unknown";
}

const char *wfe_skip_reason_name(enum wfe_skip_reason reason)
{
    switch (reason) {
    case WFE_SKIP_WHEN:
        return "when";
    case WFE_SKIP_NEEDS:
        return "needs";
    case WFE_SKIP_ENDING:
        return "ending";
    case WFE_SKIP_NONE:
        break;
    }
    return NULL;
}

const char *wfe_stop_reason_name(enum wfe_stop_reason reason)
{
    switch (reason) {
    case WFE_STOP_CANCELLED:
        return "cancelled";
    case WFE_STOP_KILLED:
        return "killed";
    case WFE_STOP_TIMEOUT:
        return "timeout";
    case WFE_STOP_SERVICE:
        return "service";
    case WFE_STOP_SETUP:
        return "setup";
    case WFE_STOP_BY_STEPS:
        break;
    }
    return NULL;
}

const char *wfe_cause_name(enum wfe_plan_cause cause)
{
    switch (cause) {
    case WFE_PLAN_CAUSE_EXIT:
        return "exit";
    case WFE_PLAN_CAUSE_TIMEOUT:
        return "timeout";
    case WFE_PLAN_CAUSE_OOM:
        return "oom";
    case WFE_PLAN_CAUSE_INFRASTRUCTURE:
        return "infrastructure";
    case WFE_PLAN_CAUSE_OUTPUT:
        return "output";
    }
    return "inner";
}

const char *wfe_role_name(enum wfe_plan_role role)
{
    switch (role) {
    case WFE_PLAN_ROLE_ON_SUCCESS:
        return "on_success";
    case WFE_PLAN_ROLE_ON_FAILURE:
        return "on_failure";
    case WFE_PLAN_ROLE_ENSURE:
        return "ensure";
    case WFE_PLAN_ROLE_STEP:
        break;
    }
    return "step";
}

/* ---- JSON ---- */

/* A JSON text of bytes that need not be UTF-8; NULL when memory ran out. */
static json_t *text_json(const char *bytes, size_t len)
{
    _cleanup_free_ char *clean = NULL;
    size_t clean_len = 0;
    if (wfe_utf8_clean(bytes, len, &clean, &clean_len, NULL))
        return NULL;
    return json_stringn_nocheck(clean, clean_len);
}

/* Sets a text when there is one. */
static int set_text(json_t *object, const char *key, const char *text)
{
    return text ? json_object_set_new_nocheck(object, key, text_json(text, strlen(text))) : 0;
}

json_t *wfe_event_error_json(const wfe_error *error)
{
    json_t *json = json_object();
    int rc = json ? set_text(json, "kind", wfe_error_kind_name(error->kind)) : -1;
    if (!rc)
        rc = set_text(json, "message", error->message);
    if (!rc && error->hint[0])
        rc = set_text(json, "hint", error->hint);
    if (rc) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static int set_error(json_t *object, const wfe_error *error)
{
    if (!error || !error->kind)
        return 0;
    return json_object_set_new_nocheck(object, "error", wfe_event_error_json(error));
}

static int set_end(json_t *object, const wfe_event *event)
{
    int rc = json_object_set_new_nocheck(object, "elapsed_ms",
                                         json_real((double)event->elapsed_us / 1000.0));
    if (!rc && event->outputs)
        rc = json_object_set_nocheck(object, "outputs", (json_t *)event->outputs);
    return rc;
}

static int set_step(json_t *object, const wfe_event *event)
{
    bool failed = event->step_state == WFE_STEP_IS_FAILED ||
                  (event->step_state == WFE_STEP_IS_HOOKS && event->outcome == WFE_STEP_IS_FAILED);
    int rc = set_text(object, "state", wfe_step_state_name(event->step_state));
    if (!rc && event->plan_step)
        rc = set_text(object, "role", wfe_role_name(event->plan_step->role));
    if (!rc)
        rc = set_text(object, "owner", event->owner);
    if (!rc)
        rc = set_text(object, "reason", wfe_skip_reason_name(event->skip_reason));
    if (!rc && event->step_state == WFE_STEP_IS_HOOKS)
        rc = set_text(object, "outcome", wfe_step_state_name(event->outcome));
    if (!rc && failed)
        rc = set_text(object, "cause", wfe_cause_name(event->cause));
    if (!rc && failed)
        rc = json_object_set_new_nocheck(object, "allowed", json_boolean(event->allowed));
    if (!rc && event->n_items)
        rc = json_object_set_new_nocheck(object, "items", json_integer(event->n_items));
    if (!rc && wfe_step_state_is_end(event->step_state))
        rc = set_end(object, event);
    return rc;
}

static int set_retry(json_t *object, const wfe_event *event)
{
    int rc = set_text(object, "cause", wfe_cause_name(event->cause));
    if (!rc)
        rc = json_object_set_new_nocheck(object, "delay_ms",
                                         json_integer((json_int_t)event->delay_ms));
    return rc;
}

static int set_output(json_t *object, const wfe_event *event)
{
    int rc = set_text(object, "stream", event->stream == WFE_STDERR ? "stderr" : "stdout");
    if (!rc)
        rc = json_object_set_new_nocheck(object, "line", text_json(event->text, event->text_len));
    if (!rc && event->more)
        rc = json_object_set_new_nocheck(object, "more", json_true());
    return rc;
}

static int set_run(json_t *object, const wfe_event *event)
{
    int rc = set_text(object, "state", wfe_run_state_name(event->run_state));
    if (!rc)
        rc = set_text(object, "reason", wfe_stop_reason_name(event->stop_reason));
    if (!rc && event->resumed)
        rc = json_object_set_new_nocheck(object, "resumed", json_true());
    if (!rc && event->from)
        rc = json_object_set_nocheck(object, "from", (json_t *)event->from);
    if (!rc && wfe_run_state_is_end(event->run_state))
        rc = set_end(object, event);
    return rc;
}

static int set_pull(json_t *object, const wfe_event *event)
{
    json_t *json =
        json_pack("{sI sI sI sI sb}", "have_bytes", (json_int_t)event->have_bytes, "size_bytes",
                  (json_int_t)event->size_bytes, "layers", (json_int_t)event->n_layers,
                  "layers_done", (json_int_t)event->n_layers_done, "over", (int)event->over);
    int rc = json ? json_object_update(object, json) : -1;
    json_decref(json);
    return rc ? rc : set_text(object, "image", event->image);
}

static int set_of_kind(json_t *object, const wfe_event *event)
{
    switch (event->kind) {
    case WFE_EVENT_RUN:
        return set_run(object, event);
    case WFE_EVENT_STEP:
        return set_step(object, event);
    case WFE_EVENT_RETRY:
        return set_retry(object, event);
    case WFE_EVENT_OUTPUT:
        return set_output(object, event);
    case WFE_EVENT_SERVICE:
        return set_text(object, "state", wfe_service_state_name(event->service_state));
    case WFE_EVENT_WARNING:
        return json_object_set_new_nocheck(object, "text", text_json(event->text, event->text_len));
    case WFE_EVENT_PULL:
        return set_pull(object, event);
    }
    return 0;
}

json_t *wfe_event_json(const wfe_event *event)
{
    char time[WFE_CLOCK_TEXT_SIZE];
    json_t *object = json_pack("{si ss sI ss}", "version", WFE_EVENT_VERSION, "event",
                               wfe_event_kind_name(event->kind), "seq", (json_int_t)event->seq,
                               "time", wfe_clock_format(event->at_us, time));
    int rc = object ? 0 : -1;
    if (!rc)
        rc = set_text(object, "step", event->step);
    if (!rc)
        rc = set_text(object, "service", event->service);
    if (!rc)
        rc = set_of_kind(object, event);
    if (!rc && event->recorded)
        rc = json_object_set_new_nocheck(object, "recorded", json_true());
    if (!rc && event->goes_on)
        rc = json_object_set_new_nocheck(object, "goes_on", json_true());
    if (!rc && event->images)
        rc = json_object_set_nocheck(object, "images", (json_t *)event->images);
    if (!rc && event->attempt)
        rc = json_object_set_new_nocheck(object, "attempt", json_integer(event->attempt));
    if (!rc && event->step && event->exit_code >= 0 && event->kind != WFE_EVENT_OUTPUT)
        rc = json_object_set_new_nocheck(object, "exit_code", json_integer(event->exit_code));
    if (!rc)
        rc = set_error(object, event->error);
    if (rc) {
        json_decref(object);
        return NULL;
    }
    return object;
}
