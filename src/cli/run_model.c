/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_model.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/text.h"

/* What a log may grow to when all of them together are at their limit. */
#define SMALL_LOG_BYTES ((size_t)1024)

/* Steps and services have names of their own. */
#define KEY_STEP 's'
#define KEY_SERVICE 'v'

struct wfe_run_model {
    wfe_run_model_options options;
    enum wfe_run_state state;
    int64_t begun_at_us;
    int64_t ended_at_us;
    wfe_model_step **steps; /* by index */
    size_t n_steps;
    size_t steps_cap;
    void *by_key;  /* of tsearch(3) */
    wfe_buf probe; /* the key looked for */
    wfe_model_step *first, *last;
    wfe_model_counts counts;
    size_t log_bytes; /* of all logs together */
    char *warnings[WFE_MODEL_WARNINGS_MAX];
    size_t n_warnings;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const wfe_model_step *)a)->key, ((const wfe_model_step *)b)->key);
}

static void step_free(wfe_model_step *step)
{
    if (!step)
        return;
    free(step->key);
    free(step->path);
    free(step->spans);
    free(step->error);
    json_decref(step->outputs);
    wfe_line_log_done(&step->log);
    free(step);
}

static void keep(void *step)
{
    (void)step;
}

int wfe_run_model_new(const wfe_run_model_options *options, wfe_run_model **ret, wfe_error *err)
{
    wfe_run_model *model = calloc(1, sizeof *model);
    if (!model)
        return wfe_error_nomem(err);
    model->options = *options;
    *ret = model;
    return 0;
}

void wfe_run_model_free(wfe_run_model *model)
{
    if (!model)
        return;
    tdestroy(model->by_key, keep);
    for (size_t i = 0; i < model->n_steps; i++)
        step_free(model->steps[i]);
    for (size_t i = 0; i < WFE_MODEL_WARNINGS_MAX; i++)
        free(model->warnings[i]);
    wfe_buf_done(&model->probe);
    free(model->steps);
    free(model);
}

static int clean(const wfe_run_model *model, const char *text, size_t len, char **ret,
                 wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf buf = WFE_BUF_INIT(0);
    int rc = wfe_text_clean(text, len, model->options.ascii, &buf, err);
    if (rc)
        return rc;
    *ret = wfe_buf_take(&buf, NULL);
    return *ret ? 0 : wfe_error_nomem(err);
}

/* ---- the tree ---- */

static int new_step(const wfe_run_model *model, const char *key, wfe_model_step **ret,
                    wfe_error *err)
{
    wfe_model_step *step = calloc(1, sizeof *step);
    int rc = step ? 0 : wfe_error_nomem(err);
    if (!rc && !(step->key = strdup(key)))
        rc = wfe_error_nomem(err);
    if (!rc)
        rc = clean(model, key + 1, strlen(key + 1), &step->path, err);
    if (rc) {
        step_free(step);
        return rc;
    }
    step->exit_code = -1;
    step->is_service = key[0] == KEY_SERVICE;
    step->log.head_bytes = model->options.head_bytes;
    step->log.tail_bytes = model->options.tail_bytes;
    *ret = step;
    return 0;
}

/* Takes the step on success. */
static int enter(wfe_run_model *model, wfe_model_step *step, wfe_error *err)
{
    if (model->n_steps == model->steps_cap) {
        size_t cap = model->steps_cap ? 2 * model->steps_cap : 32;
        wfe_model_step **steps = realloc(model->steps, cap * sizeof(wfe_model_step *));
        if (!steps)
            return wfe_error_nomem(err);
        model->steps = steps;
        model->steps_cap = cap;
    }
    if (!tsearch(step, &model->by_key, by_key))
        return wfe_error_nomem(err);
    step->index = model->n_steps;
    model->steps[model->n_steps++] = step;
    return 0;
}

static void link_step(wfe_run_model *model, wfe_model_step *step)
{
    wfe_model_step **first = step->parent ? &step->parent->first_child : &model->first;
    wfe_model_step **last = step->parent ? &step->parent->last_child : &model->last;
    if (*last)
        (*last)->next_sibling = step;
    else
        *first = step;
    *last = step;
}

static int look_up(wfe_run_model *model, char kind, const char *path, wfe_model_step **ret,
                   wfe_error *err)
{
    model->probe.len = 0;
    int rc = wfe_buf_printf(&model->probe, err, "%c%s", kind, path);
    if (rc)
        return rc;
    const wfe_model_step probe = {.key = model->probe.data};
    void *found = tfind(&probe, &model->by_key, by_key);
    *ret = found ? *(wfe_model_step **)found : NULL;
    return 0;
}

/* The step or service of this path, made when it is not there yet. */
static int find(wfe_run_model *model, char kind, const char *path, const char *owner,
                wfe_model_step **ret, wfe_error *err)
{
    wfe_model_step *step = NULL, *parent = NULL;
    int rc = look_up(model, kind, path, ret, err);
    if (rc || *ret)
        return rc;
    /* An owner that was never told of stands at the top. */
    if (owner && strcmp(owner, path) != 0)
        rc = find(model, kind, owner, NULL, &parent, err);
    if (!rc)
        rc = look_up(model, kind, path, ret, err); /* for the key */
    if (!rc)
        rc = new_step(model, model->probe.data, &step, err);
    if (!rc)
        rc = enter(model, step, err);
    if (rc) {
        step_free(step);
        return rc;
    }
    step->parent = parent;
    link_step(model, step);
    *ret = step;
    return 0;
}

/* ---- what happens to a step ---- */

static int begin_span(wfe_model_step *step, int64_t at_us, wfe_error *err)
{
    if (step->n_spans == WFE_MODEL_SPANS_MAX) {
        memmove(step->spans, step->spans + 1, (step->n_spans - 1) * sizeof *step->spans);
        step->n_spans--;
    } else {
        wfe_model_span *spans = realloc(step->spans, (step->n_spans + 1) * sizeof *spans);
        if (!spans)
            return wfe_error_nomem(err);
        step->spans = spans;
    }
    step->spans[step->n_spans++] = (wfe_model_span){.from_us = at_us};
    return 0;
}

static void end_span(wfe_model_step *step, int64_t at_us, bool failed)
{
    wfe_model_span *span = step->n_spans ? &step->spans[step->n_spans - 1] : NULL;
    if (!span || span->to_us)
        return;
    span->to_us = at_us;
    span->failed = failed;
}

static void clean_in_place(char *text, size_t size, bool ascii)
{
    wfe_buf buf = WFE_BUF_INIT(0);
    if (wfe_text_clean(text, strlen(text), ascii, &buf, NULL) || !buf.data)
        text[0] = '\0';
    else
        snprintf(text, size, "%.*s", (int)wfe_utf8_prefix(buf.data, size - 1), buf.data);
    wfe_buf_done(&buf);
}

static int set_error(const wfe_run_model *model, wfe_model_step *step, const wfe_error *error,
                     wfe_error *err)
{
    if (!error || !error->kind)
        return 0;
    if (!step->error)
        step->error = malloc(sizeof *step->error);
    if (!step->error)
        return wfe_error_nomem(err);
    *step->error = *error;
    clean_in_place(step->error->message, sizeof step->error->message, model->options.ascii);
    clean_in_place(step->error->hint, sizeof step->error->hint, model->options.ascii);
    return 0;
}

static int add_line(wfe_run_model *model, wfe_model_step *step, char mark, const char *text,
                    size_t len, wfe_error *err)
{
    size_t total = model->options.total_bytes, before = wfe_line_log_bytes(&step->log);
    if (total && model->log_bytes > total) {
        step->log.head_bytes = 0;
        step->log.tail_bytes = SMALL_LOG_BYTES;
    }
    int rc = wfe_line_log_add(&step->log, mark, text, len, err);
    model->log_bytes = model->log_bytes - before + wfe_line_log_bytes(&step->log);
    return rc;
}

/* A step that runs again says so in its log. */
static int mark_attempt(wfe_run_model *model, wfe_model_step *step, wfe_error *err)
{
    char text[16];
    if (step->attempt < 2)
        return 0;
    int len = snprintf(text, sizeof text, "%u", step->attempt);
    return add_line(model, step, WFE_LINE_ATTEMPT, text, (size_t)len, err);
}

static int enter_running(wfe_run_model *model, wfe_model_step *step, const wfe_event *event,
                         wfe_error *err)
{
    if (!step->begun_at_us)
        step->begun_at_us = event->at_us;
    int rc = begin_span(step, event->at_us, err);
    return rc ? rc : mark_attempt(model, step, err);
}

static void end_step(wfe_model_step *step, const wfe_event *event)
{
    /* What made it try again is over when it succeeds. */
    if (event->step_state == WFE_STEP_IS_SUCCEEDED) {
        free(step->error);
        step->error = NULL;
    }
    end_span(step, event->at_us, event->step_state == WFE_STEP_IS_FAILED);
    step->ended_at_us = event->at_us;
    step->elapsed_us = event->elapsed_us;
    step->skip_reason = event->skip_reason;
    step->cause = event->cause;
    step->allowed = event->allowed;
    json_decref(step->outputs);
    step->outputs = event->outputs ? json_incref((json_t *)event->outputs) : NULL;
}

static void count(wfe_model_counts *counts, const wfe_model_step *step, const wfe_event *event)
{
    bool was_end = step->is_known && wfe_step_state_is_end(step->state);
    /* Items were counted with their for_each. */
    counts->known += !step->is_known && !wfe_model_step_is_item(step);
    if (was_end || !wfe_step_state_is_end(event->step_state))
        return;
    counts->ended++;
    counts->failed += event->step_state == WFE_STEP_IS_FAILED;
}

static int take_step(wfe_run_model *model, wfe_model_step *step, const wfe_event *event,
                     wfe_error *err)
{
    enum wfe_step_run_state before = step->state;
    count(&model->counts, step, event);
    step->is_known = true;
    step->state = event->step_state;
    if (event->plan_step)
        step->role = event->plan_step->role;
    if (event->attempt)
        step->attempt = event->attempt;
    if (event->exit_code >= 0)
        step->exit_code = event->exit_code;
    if (event->n_items && !step->n_items) {
        step->n_items = event->n_items;
        model->counts.known += step->n_items;
    }
    if (wfe_step_state_is_end(event->step_state))
        end_step(step, event);
    else if (event->step_state == WFE_STEP_IS_HOOKS)
        end_span(step, event->at_us, event->error != NULL);
    int rc = set_error(model, step, event->error, err);
    if (!rc && event->step_state == WFE_STEP_IS_RUNNING && before != WFE_STEP_IS_RUNNING)
        rc = enter_running(model, step, event, err);
    return rc;
}

static int take_retry(wfe_run_model *model, wfe_model_step *step, const wfe_event *event,
                      wfe_error *err)
{
    end_span(step, event->at_us, true);
    step->state = WFE_STEP_IS_SLEEPING;
    step->attempt = event->attempt;
    step->cause = event->cause;
    step->wake_at_us = event->at_us + (int64_t)(event->delay_ms * 1000);
    return set_error(model, step, event->error, err);
}

static int take_service(wfe_run_model *model, wfe_model_step *step, const wfe_event *event,
                        wfe_error *err)
{
    int rc = 0;
    step->is_known = true;
    step->service_state = event->service_state;
    bool ends =
        event->service_state == WFE_SERVICE_STOPPED || event->service_state == WFE_SERVICE_FAILED;
    if (!step->begun_at_us) {
        step->begun_at_us = event->at_us;
        rc = begin_span(step, event->at_us, err);
    }
    if (ends) {
        end_span(step, event->at_us, event->service_state == WFE_SERVICE_FAILED);
        step->ended_at_us = event->at_us;
        step->elapsed_us = (uint64_t)(event->at_us - step->begun_at_us);
    }
    return rc ? rc : set_error(model, step, event->error, err);
}

static int take_output(wfe_run_model *model, wfe_model_step *step, const wfe_event *event,
                       wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf line = WFE_BUF_INIT(0);
    char mark = event->stream == WFE_STDERR ? WFE_LINE_STDERR : WFE_LINE_STDOUT;
    int rc = wfe_text_clean(event->text, event->text_len, model->options.ascii, &line, err);
    return rc ? rc : add_line(model, step, mark, line.data ? line.data : "", line.len, err);
}

/* "pulling docker.io/library/gcc:14  12.3 MB of 400 MB, 2 of 7 layers" */
static void take_pull(wfe_model_step *step, const wfe_event *event)
{
    char have[WFE_TEXT_BYTES_SIZE], size[WFE_TEXT_BYTES_SIZE];
    step->pull[0] = '\0';
    step->n_pulls = event->over ? 0 : step->n_pulls + 1;
    if (event->over)
        return;
    int len = snprintf(step->pull, sizeof step->pull, "pulling %.90s", event->image);
    if (event->n_layers)
        snprintf(step->pull + len, sizeof step->pull - (size_t)len, "  %s of %s, %u of %u layers",
                 wfe_text_bytes(event->have_bytes, have), wfe_text_bytes(event->size_bytes, size),
                 event->n_layers_done, event->n_layers);
}

static int take_warning(wfe_run_model *model, const wfe_event *event, wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(0);
    int rc = event->step ? wfe_buf_printf(&text, err, "%s: ", event->step) : 0;
    if (!rc)
        rc = wfe_buf_append(&text, event->text, event->text_len, err);
    if (!rc && model->n_warnings < WFE_MODEL_WARNINGS_MAX)
        rc = clean(model, text.data ? text.data : "", text.len, &model->warnings[model->n_warnings],
                   err);
    if (!rc)
        model->n_warnings++;
    return rc;
}

static void take_run(wfe_run_model *model, const wfe_event *event)
{
    model->state = event->run_state;
    if (!model->begun_at_us)
        model->begun_at_us = event->at_us;
    if (wfe_run_state_is_end(event->run_state))
        model->ended_at_us = event->at_us;
}

static int take(wfe_run_model *model, wfe_model_step *step, const wfe_event *event, wfe_error *err)
{
    switch (event->kind) {
    case WFE_EVENT_RUN:
        take_run(model, event);
        return 0;
    case WFE_EVENT_STEP:
        return step ? take_step(model, step, event, err) : 0;
    case WFE_EVENT_RETRY:
        return step ? take_retry(model, step, event, err) : 0;
    case WFE_EVENT_OUTPUT:
        return step ? take_output(model, step, event, err) : 0;
    case WFE_EVENT_SERVICE:
        return step ? take_service(model, step, event, err) : 0;
    case WFE_EVENT_WARNING:
        return take_warning(model, event, err);
    case WFE_EVENT_PULL:
        if (step)
            take_pull(step, event);
        return 0;
    }
    return 0;
}

int wfe_run_model_event(wfe_run_model *model, const wfe_event *event, wfe_model_step **ret_step,
                        wfe_error *err)
{
    wfe_model_step *step = NULL;
    int rc = 0;
    if (event->step)
        rc = find(model, KEY_STEP, event->step, event->owner, &step, err);
    else if (event->service)
        rc = find(model, KEY_SERVICE, event->service, NULL, &step, err);
    if (!rc)
        rc = take(model, step, event, err);
    if (!rc && ret_step)
        *ret_step = step;
    return rc;
}

/* ---- asking ---- */

enum wfe_run_state wfe_run_model_state(const wfe_run_model *model)
{
    return model->state;
}

int64_t wfe_run_model_begun_at_us(const wfe_run_model *model)
{
    return model->begun_at_us;
}

int64_t wfe_run_model_ended_at_us(const wfe_run_model *model)
{
    return model->ended_at_us;
}

const wfe_model_counts *wfe_run_model_counts(const wfe_run_model *model)
{
    return &model->counts;
}

size_t wfe_run_model_length(const wfe_run_model *model)
{
    return model->n_steps;
}

wfe_model_step *wfe_run_model_at(const wfe_run_model *model, size_t index)
{
    return index < model->n_steps ? model->steps[index] : NULL;
}

wfe_model_step *wfe_run_model_first(const wfe_run_model *model)
{
    return model->first;
}

const char *wfe_run_model_warning(const wfe_run_model *model, size_t index)
{
    return index < WFE_MODEL_WARNINGS_MAX ? model->warnings[index] : NULL;
}

size_t wfe_run_model_n_warnings(const wfe_run_model *model)
{
    return model->n_warnings;
}

bool wfe_model_step_is_live(const wfe_model_step *step)
{
    if (step->is_service)
        return step->is_known && (step->service_state == WFE_SERVICE_STARTING ||
                                  step->service_state == WFE_SERVICE_RUNNING);
    return step->state == WFE_STEP_IS_RUNNING || step->state == WFE_STEP_IS_SLEEPING ||
           step->state == WFE_STEP_IS_HOOKS;
}

bool wfe_model_step_is_item(const wfe_model_step *step)
{
    size_t len = step->parent ? strlen(step->parent->key) : 0;
    return len && step->parent->n_items && strncmp(step->key, step->parent->key, len) == 0 &&
           step->key[len] == '[';
}

bool wfe_model_step_is_end(const wfe_model_step *step)
{
    if (step->is_service)
        return step->service_state == WFE_SERVICE_STOPPED ||
               step->service_state == WFE_SERVICE_FAILED;
    return wfe_step_state_is_end(step->state);
}

const char *wfe_model_step_state_name(const wfe_model_step *step)
{
    return step->is_service ? wfe_service_state_name(step->service_state)
                            : wfe_step_state_name(step->state);
}
