/* SPDX-License-Identifier: Apache-2.0
 *
 * The view for a person at a terminal. What happens now is at the bottom, one line for each step,
 * drawn anew ten times a second; what has ended becomes a line above it that stays, a failed step
 * with its last lines of output. At the end a table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/run_model.h"
#include "cli/run_summary.h"
#include "cli/screen.h"
#include "cli/step_words.h"
#include "cli/text.h"
#include "cli/view.h"

#define TAIL_LINES 20
#define TAIL_BYTES ((size_t)16 * 1024)
#define LOGS_BYTES ((size_t)32 * 1024 * 1024)
/* Live lines, however high the terminal is. */
#define LIVE_LINES_MAX 100
#define DEFAULT_COLUMNS 80
#define DEFAULT_ROWS 24
#define NAME_COLUMNS_MIN 8
/* Above this, lines that stay are written although the terminal does not keep up. */
#define WAITING_BYTES ((size_t)1024 * 1024)

typedef struct terminal_view {
    wfe_view view;
    wfe_view_run run;
    wfe_view_terminal_options options;
    wfe_out *out;
    wfe_screen *screen;
    wfe_run_model *model;
    uint64_t begun_us; /* monotonic; 0: not yet */
    int64_t skew_us;   /* wall clock of events minus monotonic clock */
    unsigned frame;    /* counts frames, for what moves */
    wfe_error error;
} terminal_view;

static uint64_t now_us(const terminal_view *t)
{
    return t->options.now_us(t->options.user);
}

static void size_of(const terminal_view *t, unsigned *ret_columns, unsigned *ret_rows)
{
    unsigned columns = 0, rows = 0;
    t->options.size(&columns, &rows, t->options.user);
    *ret_columns = columns ? columns : DEFAULT_COLUMNS;
    *ret_rows = rows ? rows : DEFAULT_ROWS;
}

/* ---- lines that stay ---- */

static void put_symbol(terminal_view *t, const wfe_model_step *step)
{
    wfe_screen_put(t->screen, wfe_step_mark_of(step)->style,
                   wfe_step_symbol(step, t->options.ascii));
    wfe_screen_put(t->screen, WFE_STYLE_NONE, " ");
}

static void put_last_lines(terminal_view *t, const wfe_model_step *step)
{
    const char *edge = t->options.ascii ? "  | " : "  │ ";
    size_t at = wfe_line_log_last(&step->log, TAIL_LINES);
    wfe_log_line line;
    while (wfe_line_log_next(&step->log.tail, &at, &line)) {
        wfe_screen_put(t->screen, WFE_STYLE_RED, edge);
        if (line.mark == WFE_LINE_ATTEMPT)
            wfe_screen_printf(t->screen, WFE_STYLE_DIM, "(attempt %.*s)", (int)line.len, line.text);
        else
            wfe_screen_printf(t->screen, WFE_STYLE_NONE, "%.*s", (int)line.len, line.text);
        wfe_screen_end_line(t->screen);
    }
}

static void fold(terminal_view *t, const wfe_model_step *step)
{
    char elapsed[WFE_TEXT_ELAPSED_SIZE], note[WFE_STEP_NOTE_SIZE];
    const wfe_step_mark *mark = wfe_step_mark_of(step);
    put_symbol(t, step);
    wfe_screen_printf(t->screen, WFE_STYLE_NONE, "%s%s  ", step->path, wfe_step_role_suffix(step));
    if (step->begun_at_us)
        wfe_screen_printf(t->screen, WFE_STYLE_DIM, "%s  ",
                          wfe_text_elapsed(step->elapsed_us, elapsed));
    if (mark->style != WFE_STYLE_GREEN)
        wfe_screen_printf(t->screen, mark->style, "%s  ", mark->word);
    wfe_screen_put(t->screen, WFE_STYLE_NONE, wfe_step_note(step, note));
    wfe_screen_end_line(t->screen);
    if (!step->error)
        return; /* it did not fail, or something in it did */
    put_last_lines(t, step);
    if (step->error->hint[0])
        wfe_screen_printf(t->screen, WFE_STYLE_DIM, "  %s", step->error->hint);
    if (step->error->hint[0])
        wfe_screen_end_line(t->screen);
}

static void tell_retry(terminal_view *t, const wfe_model_step *step, const wfe_event *event)
{
    char delay[WFE_TEXT_ELAPSED_SIZE];
    put_symbol(t, step);
    wfe_screen_printf(t->screen, WFE_STYLE_NONE, "%s  attempt %u failed: %s; the next in %s",
                      step->path, event->attempt, step->error ? step->error->message : "?",
                      wfe_text_elapsed(event->delay_ms * 1000, delay));
    wfe_screen_end_line(t->screen);
}

static void tell_service(terminal_view *t, const wfe_model_step *step)
{
    char elapsed[WFE_TEXT_ELAPSED_SIZE];
    if (step->service_state == WFE_SERVICE_FAILED)
        fold(t, step);
    if (step->service_state != WFE_SERVICE_READY)
        return;
    put_symbol(t, step);
    uint64_t us = now_us(t) + (uint64_t)t->skew_us - (uint64_t)step->begun_at_us;
    wfe_screen_printf(t->screen, WFE_STYLE_NONE, "%s (service)  ready after %s", step->path,
                      wfe_text_elapsed(us, elapsed));
    wfe_screen_end_line(t->screen);
}

static void tell_run(terminal_view *t, const wfe_event *event)
{
    if (t->begun_us)
        return;
    t->begun_us = now_us(t);
    t->skew_us = event->at_us - (int64_t)t->begun_us;
    wfe_screen_put(t->screen, WFE_STYLE_BOLD, t->run.workflow);
    wfe_screen_printf(t->screen, WFE_STYLE_DIM, "  run %s", t->run.name);
    wfe_screen_end_line(t->screen);
}

/* ---- the lines of a frame ---- */

static size_t depth_of(const wfe_model_step *step)
{
    size_t depth = 0;
    for (; step->parent && depth < 4; step = step->parent)
        depth++;
    return depth;
}

/* The next one of the tree that is live; what is not live has nothing live in it. */
static const wfe_model_step *next_live(const wfe_model_step *step)
{
    const wfe_model_step *next = step->first_child;
    for (;;) {
        while (!next && step) {
            next = step->next_sibling;
            step = step->parent;
        }
        if (!next || wfe_model_step_is_live(next))
            return next;
        step = next;
        next = NULL;
    }
}

static const wfe_model_step *first_live(const terminal_view *t)
{
    const wfe_model_step *first = wfe_run_model_first(t->model);
    if (!first || wfe_model_step_is_live(first))
        return first;
    const wfe_model_step none = {.next_sibling = first->next_sibling};
    return next_live(&none);
}

static size_t label_columns(const wfe_model_step *step)
{
    return 2 * depth_of(step) + wfe_text_columns(step->path, strlen(step->path)) +
           strlen(wfe_step_role_suffix(step));
}

static void put_spinner(terminal_view *t, const wfe_model_step *step)
{
    static const char *const turns[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const ascii_turns[] = {"|", "/", "-", "\\"};
    const char *turn = t->options.ascii ? ascii_turns[t->frame % 4] : turns[t->frame % 10];
    if (step->is_service || step->state != WFE_STEP_IS_SLEEPING)
        wfe_screen_put(t->screen, WFE_STYLE_CYAN, turn);
    else
        wfe_screen_put(t->screen, WFE_STYLE_YELLOW, wfe_step_symbol(step, t->options.ascii));
}

/* Of a block, a for_each or a call: how far its steps are. */
static void put_progress(terminal_view *t, const wfe_model_step *step)
{
    size_t n = 0, ended = 0;
    for (const wfe_model_step *child = step->first_child; child; child = child->next_sibling) {
        n += !wfe_model_step_is_item(child);
        ended += wfe_model_step_is_end(child);
    }
    n += step->n_items;
    wfe_screen_printf(t->screen, WFE_STYLE_DIM, "%zu of %zu done", ended, n);
}

static void put_last_line(terminal_view *t, const wfe_model_step *step)
{
    size_t at = wfe_line_log_last(&step->log, 1);
    wfe_log_line line;
    if (wfe_line_log_next(&step->log.tail, &at, &line) && line.mark != WFE_LINE_ATTEMPT)
        wfe_screen_printf(t->screen, WFE_STYLE_DIM, "%.*s", (int)line.len, line.text);
}

/* What it does, in words, or its last line. */
static void put_doing(terminal_view *t, const wfe_model_step *step, int64_t wall_us)
{
    char delay[WFE_TEXT_ELAPSED_SIZE];
    if (step->is_service) {
        bool runs = step->service_state == WFE_SERVICE_RUNNING;
        wfe_screen_put(t->screen, WFE_STYLE_DIM, runs ? "not ready yet  " : "starts  ");
    } else if (step->state == WFE_STEP_IS_SLEEPING) {
        int64_t left_us = step->wake_at_us > wall_us ? step->wake_at_us - wall_us : 0;
        wfe_screen_printf(t->screen, WFE_STYLE_YELLOW, "attempt %u in %s", step->attempt + 1,
                          wfe_text_elapsed((uint64_t)left_us, delay));
        return;
    } else if (step->state == WFE_STEP_IS_HOOKS) {
        wfe_screen_put(t->screen, WFE_STYLE_DIM, "its hooks run");
        return;
    } else if (step->first_child) {
        put_progress(t, step);
        return;
    }
    if (step->pull[0])
        wfe_screen_put(t->screen, WFE_STYLE_DIM, step->pull);
    else
        put_last_line(t, step);
}

static void put_live(terminal_view *t, const wfe_model_step *step, size_t name_columns)
{
    char elapsed[WFE_TEXT_ELAPSED_SIZE];
    int64_t wall_us = (int64_t)now_us(t) + t->skew_us;
    uint64_t us = step->begun_at_us && wall_us > step->begun_at_us
                      ? (uint64_t)(wall_us - step->begun_at_us)
                      : 0;
    size_t columns = 0, indent = 2 * depth_of(step);
    put_spinner(t, step);
    wfe_screen_printf(t->screen, WFE_STYLE_NONE, " %*s", (int)indent, "");
    size_t room = name_columns > indent ? name_columns - indent : 0;
    size_t fit = wfe_text_fit(step->path, strlen(step->path), room, &columns);
    wfe_screen_printf(t->screen, WFE_STYLE_BOLD, "%.*s", (int)fit, step->path);
    if (room > columns)
        wfe_screen_printf(t->screen, WFE_STYLE_DIM, "%.*s", (int)(room - columns),
                          wfe_step_role_suffix(step));
    wfe_screen_pad(t->screen, name_columns + 3);
    wfe_screen_printf(t->screen, WFE_STYLE_DIM, "%6s  ", wfe_text_elapsed(us, elapsed));
    put_doing(t, step, wall_us);
    wfe_screen_end_line(t->screen);
}

static void put_status(terminal_view *t, size_t n_running, size_t n_hidden)
{
    char elapsed[WFE_TEXT_ELAPSED_SIZE];
    enum wfe_run_state state = wfe_run_model_state(t->model);
    const wfe_model_counts *counts = wfe_run_model_counts(t->model);
    wfe_screen_printf(t->screen, WFE_STYLE_DIM, "  %s  ",
                      wfe_text_elapsed(now_us(t) - t->begun_us, elapsed));
    if (state == WFE_RUN_STOPPING)
        wfe_screen_put(t->screen, WFE_STYLE_YELLOW, "stopping  ");
    wfe_screen_printf(t->screen, WFE_STYLE_DIM, "%zu of %zu done, %zu running", counts->ended,
                      counts->known, n_running);
    if (n_hidden)
        wfe_screen_printf(t->screen, WFE_STYLE_DIM, " (%zu not shown)", n_hidden);
    if (counts->failed)
        wfe_screen_printf(t->screen, WFE_STYLE_RED, ", %zu failed", counts->failed);
    wfe_screen_end_line(t->screen);
}

static void draw(terminal_view *t, bool at_end)
{
    unsigned columns = 0, rows = 0;
    size_of(t, &columns, &rows);
    size_t room = rows > 2 ? rows - 2 : 0, n = 0, n_running = 0, widest = NAME_COLUMNS_MIN;
    room = room < LIVE_LINES_MAX ? room : LIVE_LINES_MAX;
    wfe_screen_begin_frame(t->screen, columns);
    for (const wfe_model_step *s = at_end ? NULL : first_live(t); s; s = next_live(s)) {
        size_t width = n++ < room ? label_columns(s) : 0;
        n_running += !s->first_child && !s->is_service;
        widest = width > widest ? width : widest;
    }
    widest = widest < columns / 3 ? widest : columns / 3;
    size_t left = n < room ? n : room;
    for (const wfe_model_step *s = left ? first_live(t) : NULL; s && left; s = next_live(s), left--)
        put_live(t, s, widest);
    if (!at_end && t->begun_us)
        put_status(t, n_running, n > room ? n - room : 0);
    wfe_screen_commit(t->screen);
    t->frame++;
}

/* ---- the table of functions ---- */

/* path: of the step it is about, clean; NULL: none. */
static void put_note(terminal_view *t, const char *path, const char *text, size_t len)
{
    _cleanup_(wfe_buf_done) wfe_buf clean = WFE_BUF_INIT(0);
    if (wfe_text_clean(text, len, t->options.ascii, &clean, &t->error))
        return;
    wfe_screen_put(t->screen, WFE_STYLE_YELLOW, "! ");
    if (path)
        wfe_screen_printf(t->screen, WFE_STYLE_NONE, "%s  ", path);
    wfe_screen_line(t->screen, WFE_STYLE_NONE, clean.data ? clean.data : "");
}

/* A line that gives an output is for wfe. */
static bool is_command(const wfe_event *event)
{
    static const char begin[] = "##wfe[output ";
    return event->kind == WFE_EVENT_OUTPUT && event->text_len >= sizeof begin - 1 &&
           memcmp(event->text, begin, sizeof begin - 1) == 0;
}

static void terminal_event(wfe_view *view, const wfe_event *event)
{
    terminal_view *t = (terminal_view *)view;
    wfe_model_step *step = NULL;
    if (is_command(event))
        return;
    if (t->error.kind || wfe_run_model_event(t->model, event, &step, &t->error))
        return;
    if (event->kind == WFE_EVENT_RUN)
        tell_run(t, event);
    else if (event->kind == WFE_EVENT_STEP && step && wfe_model_step_is_end(step))
        fold(t, step);
    else if (event->kind == WFE_EVENT_RETRY && step)
        tell_retry(t, step, event);
    else if (event->kind == WFE_EVENT_SERVICE && step)
        tell_service(t, step);
    else if (event->kind == WFE_EVENT_WARNING)
        put_note(t, step ? step->path : NULL, event->text, event->text_len);
}

static void terminal_note(wfe_view *view, const char *text)
{
    put_note((terminal_view *)view, NULL, text, strlen(text));
}

static void terminal_tick(wfe_view *view)
{
    terminal_view *t = (terminal_view *)view;
    if (t->error.kind)
        return;
    /* A terminal that does not keep up gets fewer frames. */
    if (wfe_out_is_clear(t->out) || wfe_screen_waiting(t->screen) > WAITING_BYTES)
        draw(t, false);
}

static int terminal_end(wfe_view *view, const wfe_engine_result *result, int exit_code,
                        wfe_error *err)
{
    (void)exit_code;
    terminal_view *t = (terminal_view *)view;
    unsigned columns = 0, rows = 0;
    size_of(t, &columns, &rows);
    if (!t->error.kind)
        wfe_run_summary(t->screen, t->model, &t->run, result, columns);
    draw(t, true);
    wfe_screen_error(t->screen, &t->error);
    return wfe_error_copy(err, &t->error);
}

static void terminal_free(wfe_view *view)
{
    terminal_view *t = (terminal_view *)view;
    wfe_screen_free(t->screen);
    wfe_run_model_free(t->model);
    free(t);
}

int wfe_view_terminal_new(const wfe_view_run *run, const wfe_view_terminal_options *options,
                          wfe_out *out, wfe_view **ret, wfe_error *err)
{
    wfe_run_model_options model = {
        .tail_bytes = TAIL_BYTES, .total_bytes = LOGS_BYTES, .ascii = options->ascii};
    wfe_screen_options screen = {
        .frames = true, .colour = options->colour, .ascii = options->ascii};
    terminal_view *t = calloc(1, sizeof *t);
    if (!t)
        return wfe_error_nomem(err);
    t->view = (wfe_view){.wants_plan = true,
                         .event = terminal_event,
                         .note = terminal_note,
                         .tick = terminal_tick,
                         .end = terminal_end,
                         .free = terminal_free};
    t->run = *run;
    t->options = *options;
    t->out = out;
    int rc = wfe_run_model_new(&model, &t->model, err);
    if (!rc)
        rc = wfe_screen_new(out, &screen, &t->screen, err);
    if (rc) {
        terminal_free(&t->view);
        return rc;
    }
    *ret = &t->view;
    return 0;
}
