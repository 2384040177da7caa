/* SPDX-License-Identifier: Apache-2.0
 *
 * The view for programs: every event as one JSON object a line, and at the end one of the kind
 * "result". docs/run-events.md describes them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/step_words.h"
#include "cli/view.h"

typedef struct json_view {
    wfe_view view;
    wfe_view_run run;
    wfe_out *out;
    wfe_error error;
} json_view;

/* Takes the reference. */
static void put(json_view *j, json_t *json)
{
    /* Milliseconds to the microsecond, and no digits that only the binary form has. */
    size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(15);
    _cleanup_free_ char *text = json ? json_dumps(json, flags) : NULL;
    json_decref(json);
    if (!text) {
        wfe_error_nomem(&j->error);
        return;
    }
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: an event is one write */
    wfe_out_write(j->out, text, len + 1);
}

static json_t *text_json(const char *text)
{
    _cleanup_free_ char *clean = NULL;
    size_t len = 0;
    if (!text)
        return json_null();
    if (wfe_utf8_clean(text, strlen(text), &clean, &len, NULL))
        return NULL;
    return json_stringn_nocheck(clean, len);
}

static json_t *failure_json(const char *step, const wfe_error *error)
{
    return json_pack("{so ss so so}", "step", text_json(step), "kind",
                     wfe_error_kind_name(error->kind), "message", text_json(error->message), "hint",
                     text_json(error->hint));
}

static json_t *failures_json(const wfe_engine_result *result)
{
    json_t *list = json_array();
    if (list && result->error.kind)
        json_array_append_new(list, failure_json(result->failed_step, &result->error));
    for (uint32_t i = 0; list && result->failures && i < result->n_failures && i < 64; i++)
        json_array_append_new(list,
                              failure_json(result->failures[i].step, &result->failures[i].error));
    return list;
}

static json_t *result_json(const json_view *j, const wfe_engine_result *result, int exit_code)
{
    const json_t *outputs = result->outputs ? result->outputs : result->data;
    return json_pack("{si ss so so so ss sb si sf so sO? s{si si si si}}", "version",
                     WFE_EVENT_VERSION, "event", "result", "workflow", text_json(j->run.workflow),
                     "run", text_json(j->run.name), "run_id", text_json(j->run.id), "state",
                     wfe_result_word(result), "timed_out", (int)result->timed_out, "exit_code",
                     exit_code, "elapsed_ms", (double)result->elapsed_us / 1000.0, "failures",
                     failures_json(result), "outputs", (json_t *)outputs, "steps", "succeeded",
                     (int)result->n_succeeded, "failed", (int)result->n_failed, "skipped",
                     (int)result->n_skipped, "cancelled", (int)result->n_cancelled);
}

static void json_event(wfe_view *view, const wfe_event *event)
{
    json_view *j = (json_view *)view;
    if (j->error.kind)
        return;
    json_t *json = wfe_event_json(event);
    /* Who it is, for whoever wants to follow, cancel or continue it. */
    bool is_run = event->kind == WFE_EVENT_RUN;
    if (json && (((is_run || j->run.is_one_of_many) &&
                  json_object_set_new(json, "run", text_json(j->run.name))) ||
                 (is_run && json_object_set_new(json, "run_id", text_json(j->run.id))))) {
        json_decref(json);
        json = NULL;
    }
    put(j, json);
}

static int json_end(wfe_view *view, const wfe_engine_result *result, int exit_code, wfe_error *err)
{
    json_view *j = (json_view *)view;
    if (!j->error.kind)
        put(j, result_json(j, result, exit_code));
    return wfe_error_copy(err, &j->error);
}

static void json_free(wfe_view *view)
{
    free(view);
}

int wfe_view_json_new(const wfe_view_run *run, wfe_out *out, wfe_view **ret, wfe_error *err)
{
    json_view *j = calloc(1, sizeof *j);
    if (!j)
        return wfe_error_nomem(err);
    j->view = (wfe_view){.event = json_event, .end = json_end, .free = json_free};
    j->run = *run;
    j->out = out;
    *ret = &j->view;
    return 0;
}
