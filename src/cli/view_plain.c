/* SPDX-License-Identifier: Apache-2.0
 *
 * The view for files, pipes and CI logs: what happens as lines, in order, with the step in front.
 * "step | text" is a line that the step printed, "step: text" is what wfe has to say of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/run_model.h"
#include "cli/run_summary.h"
#include "cli/screen.h"
#include "cli/step_words.h"
#include "cli/text.h"
#include "cli/view.h"

/* The model's logs are not read here. */
#define LOG_BYTES 64

typedef struct plain_view {
    wfe_view view;
    wfe_view_run run;
    wfe_screen *screen;
    wfe_run_model *model;
    bool begun;
    wfe_error error;
} plain_view;

static void put_clean(plain_view *p, const char *text, size_t len)
{
    _cleanup_(wfe_buf_done) wfe_buf clean = WFE_BUF_INIT(0);
    if (!wfe_text_clean(text, len, false, &clean, &p->error) && clean.data)
        wfe_screen_put(p->screen, WFE_STYLE_NONE, clean.data);
    wfe_screen_end_line(p->screen);
}

static void tell_end(plain_view *p, const wfe_model_step *step, bool recorded)
{
    char elapsed[WFE_TEXT_ELAPSED_SIZE], note[WFE_STEP_NOTE_SIZE];
    const char *text = wfe_step_note(step, note);
    wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s:%s %s%s", step->path,
                      wfe_step_role_suffix(step), wfe_step_mark_of(step)->word,
                      recorded ? " already" : "");
    if (step->begun_at_us)
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, " after %s",
                          wfe_text_elapsed(step->elapsed_us, elapsed));
    if (*text)
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, ": %s", text);
    wfe_screen_end_line(p->screen);
    if (!step->error || !step->error->hint[0])
        return;
    wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s: hint: %s", step->path, step->error->hint);
    wfe_screen_end_line(p->screen);
}

/* Of what was recorded before the run went on: how it ended, and what runs on. */
static void tell_step(plain_view *p, const wfe_model_step *step, const wfe_event *event)
{
    if (wfe_model_step_is_end(step)) {
        tell_end(p, step, event->recorded);
        return;
    }
    if (event->recorded && !event->goes_on)
        return;
    if (step->state == WFE_STEP_IS_RUNNING) {
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s:%s runs%s", step->path,
                          wfe_step_role_suffix(step), event->goes_on ? " on" : "");
        if (step->attempt > 1)
            wfe_screen_printf(p->screen, WFE_STYLE_NONE, ", attempt %u", step->attempt);
        wfe_screen_end_line(p->screen);
    }
}

static void tell_retry(plain_view *p, const wfe_model_step *step, const wfe_event *event)
{
    char delay[WFE_TEXT_ELAPSED_SIZE];
    wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s: attempt %u failed: %s; the next in %s",
                      step->path, event->attempt, step->error ? step->error->message : "?",
                      wfe_text_elapsed(event->delay_ms * 1000, delay));
    wfe_screen_end_line(p->screen);
}

static void tell_service(plain_view *p, const wfe_model_step *step, bool recorded)
{
    wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s: (service) %s%s", step->path,
                      wfe_model_step_state_name(step), recorded ? " already" : "");
    if (step->error)
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, ": %s", step->error->message);
    wfe_screen_end_line(p->screen);
}

static void tell_output(plain_view *p, const wfe_model_step *step, const wfe_event *event)
{
    wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s | ", step->path);
    put_clean(p, event->text, event->text_len);
}

/* Its beginning and its end; the rest is for views that can redraw. */
static void tell_pull(plain_view *p, const wfe_model_step *step, const wfe_event *event)
{
    char size[WFE_TEXT_BYTES_SIZE];
    if (event->over && event->n_layers && event->n_layers_done == event->n_layers)
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s: pulled %s, %s", step->path, event->image,
                          wfe_text_bytes(event->size_bytes, size));
    else if (!event->over && step->n_pulls == 1)
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s: %s", step->path, step->pull);
    else
        return;
    wfe_screen_end_line(p->screen);
}

static void tell_run(plain_view *p, const wfe_event *event)
{
    if (!p->begun)
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s: run %s%s", p->run.workflow, p->run.name,
                          event->resumed ? " goes on" : "");
    else if (event->run_state == WFE_RUN_STOPPING)
        wfe_screen_printf(p->screen, WFE_STYLE_NONE, "%s: stopping", p->run.workflow);
    else
        return;
    p->begun = true;
    wfe_screen_end_line(p->screen);
}

static void tell(plain_view *p, const wfe_model_step *step, const wfe_event *event)
{
    switch (event->kind) {
    case WFE_EVENT_RUN:
        tell_run(p, event);
        break;
    case WFE_EVENT_STEP:
        tell_step(p, step, event);
        break;
    case WFE_EVENT_RETRY:
        tell_retry(p, step, event);
        break;
    case WFE_EVENT_OUTPUT:
        tell_output(p, step, event);
        break;
    case WFE_EVENT_SERVICE:
        tell_service(p, step, event->recorded);
        break;
    case WFE_EVENT_WARNING:
        wfe_screen_printf(p->screen, WFE_STYLE_NONE,
                          "%s: warning: ", step ? step->path : p->run.workflow);
        put_clean(p, event->text, event->text_len);
        break;
    case WFE_EVENT_PULL:
        tell_pull(p, step, event);
        break;
    }
}

static void plain_event(wfe_view *view, const wfe_event *event)
{
    plain_view *p = (plain_view *)view;
    wfe_model_step *step = NULL;
    if (p->error.kind || wfe_run_model_event(p->model, event, &step, &p->error))
        return;
    bool of_step = event->kind != WFE_EVENT_RUN && event->kind != WFE_EVENT_WARNING;
    if (step || !of_step)
        tell(p, step, event);
    wfe_screen_flush(p->screen);
}

static int plain_end(wfe_view *view, const wfe_engine_result *result, int exit_code, wfe_error *err)
{
    (void)exit_code;
    plain_view *p = (plain_view *)view;
    wfe_run_summary(p->screen, p->model, &p->run, result, 0);
    wfe_screen_flush(p->screen);
    wfe_screen_error(p->screen, &p->error);
    return wfe_error_copy(err, &p->error);
}

static void plain_free(wfe_view *view)
{
    plain_view *p = (plain_view *)view;
    wfe_screen_free(p->screen);
    wfe_run_model_free(p->model);
    free(p);
}

int wfe_view_plain_new(const wfe_view_run *run, wfe_out *out, wfe_view **ret, wfe_error *err)
{
    wfe_run_model_options model = {.tail_bytes = LOG_BYTES};
    wfe_screen_options screen = {.frames = false, .owner = run->is_one_of_many ? run->name : NULL};
    plain_view *p = calloc(1, sizeof *p);
    if (!p)
        return wfe_error_nomem(err);
    p->view =
        (wfe_view){.wants_plan = true, .event = plain_event, .end = plain_end, .free = plain_free};
    p->run = *run;
    int rc = wfe_run_model_new(&model, &p->model, err);
    if (!rc)
        rc = wfe_screen_new(out, &screen, &p->screen, err);
    if (rc) {
        plain_free(&p->view);
        return rc;
    }
    *ret = &p->view;
    return 0;
}
