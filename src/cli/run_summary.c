/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/step_words.h"
#include "cli/text.h"

#define SLOWEST 10
#define FAILURES_MAX 10
#define NAME_COLUMNS_MAX 40
#define DEPTH_MAX 6
#define OUTPUTS_MAX 20
#define OUTPUT_BYTES ((size_t)200)

typedef struct table {
    wfe_screen *screen;
    bool *shown; /* by index of the step; NULL: all */
    size_t name_columns;
    size_t n_rows;
} table;

static size_t depth_of(const wfe_model_step *step)
{
    size_t depth = 0;
    for (; step->parent && depth < DEPTH_MAX; step = step->parent)
        depth++;
    return depth;
}

/* ---- which steps ---- */

static bool went_wrong(const wfe_model_step *step)
{
    if (step->is_service)
        return step->service_state == WFE_SERVICE_FAILED;
    return step->state == WFE_STEP_IS_FAILED || step->state == WFE_STEP_IS_CANCELLED;
}

static int by_elapsed(const void *a, const void *b)
{
    const wfe_model_step *x = *(wfe_model_step *const *)a, *y = *(wfe_model_step *const *)b;
    if (x->elapsed_us != y->elapsed_us)
        return x->elapsed_us < y->elapsed_us ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void choose_slowest(const wfe_run_model *model, bool *shown)
{
    size_t n = wfe_run_model_length(model);
    _cleanup_free_ wfe_model_step **steps = malloc(n * sizeof(wfe_model_step *));
    if (!steps)
        return;
    for (size_t i = 0; i < n; i++)
        steps[i] = wfe_run_model_at(model, i);
    qsort(steps, n, sizeof(wfe_model_step *), by_elapsed);
    for (size_t i = 0; i < n && i < SLOWEST; i++)
        shown[steps[i]->index] = true;
}

/* The steps of the file, when it is items and steps of calls that are many. */
static void choose_top(const wfe_run_model *model, size_t room, bool *shown)
{
    size_t n = 0;
    for (const wfe_model_step *s = wfe_run_model_first(model); s; s = s->next_sibling)
        n++;
    for (const wfe_model_step *s = wfe_run_model_first(model); s && n <= room; s = s->next_sibling)
        shown[s->index] = true;
}

/* NULL: all of them. */
static bool *choose(const wfe_run_model *model)
{
    size_t n = wfe_run_model_length(model), n_wrong = 0;
    bool *shown = n > WFE_SUMMARY_ROWS_MAX ? calloc(n, sizeof *shown) : NULL;
    if (!shown)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (went_wrong(wfe_run_model_at(model, i)) && n_wrong < WFE_SUMMARY_ROWS_MAX - SLOWEST) {
            shown[i] = true;
            n_wrong++;
        }
    }
    choose_top(model, WFE_SUMMARY_ROWS_MAX - SLOWEST - n_wrong, shown);
    choose_slowest(model, shown);
    return shown;
}

/* ---- the table ---- */

static void row(table *t, const wfe_model_step *step)
{
    char elapsed[WFE_TEXT_ELAPSED_SIZE] = "", note[WFE_STEP_NOTE_SIZE];
    const wfe_step_mark *mark = wfe_step_mark_of(step);
    bool ascii = wfe_screen_is_ascii(t->screen);
    size_t left = 2 + 2 * depth_of(step);
    if (step->begun_at_us)
        wfe_text_elapsed(step->elapsed_us, elapsed);
    wfe_screen_printf(t->screen, WFE_STYLE_NONE, "%*s", (int)left, "");
    wfe_screen_put(t->screen, mark->style, ascii ? mark->ascii : mark->symbol);
    wfe_screen_printf(t->screen, WFE_STYLE_NONE, " %s%s", step->path, wfe_step_role_suffix(step));
    wfe_screen_pad(t->screen, t->name_columns + 2);
    wfe_screen_printf(t->screen, WFE_STYLE_NONE, "%6s  ", elapsed);
    wfe_screen_put(t->screen, mark->style, mark->word);
    const char *text = wfe_step_note(step, note);
    if (*text)
        wfe_screen_printf(t->screen, WFE_STYLE_DIM, "  %s", text);
    wfe_screen_end_line(t->screen);
    t->n_rows++;
}

/* One level after the other, without recursion: the depth of calls is the file's. */
static const wfe_model_step *next_of(const wfe_model_step *step)
{
    if (step->first_child)
        return step->first_child;
    while (step && !step->next_sibling)
        step = step->parent;
    return step ? step->next_sibling : NULL;
}

static size_t name_columns(const wfe_run_model *model, const table *t, unsigned columns)
{
    size_t widest = 0, max = columns ? columns / 2 : NAME_COLUMNS_MAX;
    max = max > NAME_COLUMNS_MAX ? NAME_COLUMNS_MAX : max;
    for (size_t i = 0; i < wfe_run_model_length(model); i++) {
        const wfe_model_step *step = wfe_run_model_at(model, i);
        if (t->shown && !t->shown[i])
            continue;
        size_t width = 4 + 2 * depth_of(step) + wfe_text_columns(step->path, strlen(step->path)) +
                       strlen(wfe_step_role_suffix(step));
        widest = width > widest ? width : widest;
    }
    return widest < max ? widest : max;
}

static void put_table(wfe_screen *screen, const wfe_run_model *model, unsigned columns)
{
    _cleanup_free_ bool *shown = choose(model);
    table t = {.screen = screen, .shown = shown};
    t.name_columns = name_columns(model, &t, columns);
    for (const wfe_model_step *step = wfe_run_model_first(model); step; step = next_of(step)) {
        if (step->is_known && (!shown || shown[step->index]))
            row(&t, step);
    }
    size_t more = wfe_run_model_length(model) - t.n_rows;
    if (shown && more)
        wfe_screen_printf(screen, WFE_STYLE_DIM, "  and %zu more steps", more);
    if (shown && more)
        wfe_screen_end_line(screen);
}

/* ---- what failed, how it ended ---- */

static void put_failure(wfe_screen *screen, const char *label, const char *step,
                        const wfe_error *error)
{
    wfe_buf buf = WFE_BUF_INIT(0);
    bool ascii = wfe_screen_is_ascii(screen);
    wfe_screen_put(screen, WFE_STYLE_RED, label);
    int rc = step ? wfe_text_clean(step, strlen(step), ascii, &buf, NULL) : 0;
    if (!rc && step)
        rc = wfe_buf_append_str(&buf, ": ", NULL);
    if (!rc)
        rc = wfe_text_clean(error->message, strlen(error->message), ascii, &buf, NULL);
    wfe_screen_line(screen, WFE_STYLE_NONE, rc ? "(out of memory)" : buf.data ? buf.data : "");
    wfe_buf_done(&buf);
}

static void put_hint(wfe_screen *screen, const char *hint)
{
    wfe_buf buf = WFE_BUF_INIT(0);
    wfe_screen_printf(screen, WFE_STYLE_NONE, "  hint: ");
    if (!wfe_text_clean(hint, strlen(hint), wfe_screen_is_ascii(screen), &buf, NULL) && buf.data)
        wfe_screen_line(screen, WFE_STYLE_DIM, buf.data);
    else
        wfe_screen_end_line(screen);
    wfe_buf_done(&buf);
}

static void put_failures(wfe_screen *screen, const wfe_engine_result *result)
{
    uint32_t kept = result->n_failures < 64 ? result->n_failures : 64;
    if (result->error.kind)
        put_failure(screen, "failed first: ", result->failed_step, &result->error);
    /* That of a step was told with its end. */
    if (result->error.kind && !result->failed_step && result->error.hint[0])
        put_hint(screen, result->error.hint);
    for (uint32_t i = 0; result->failures && i < kept && i < FAILURES_MAX; i++)
        put_failure(screen, "failed too: ", result->failures[i].step, &result->failures[i].error);
    if (result->n_failures > FAILURES_MAX) {
        wfe_screen_printf(screen, WFE_STYLE_RED, "and %u more failures",
                          result->n_failures - FAILURES_MAX);
        wfe_screen_end_line(screen);
    }
}

/* What the workflow declares to give; its data without that are for programs. */
static void put_outputs(wfe_screen *screen, const json_t *outputs)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach((json_t *)outputs, key, value)
    {
        _cleanup_free_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        wfe_buf line = WFE_BUF_INIT(0);
        if (!text || n++ == OUTPUTS_MAX)
            break;
        if (!wfe_text_clean(text, strlen(text), wfe_screen_is_ascii(screen), &line, NULL))
            wfe_screen_printf(screen, WFE_STYLE_NONE, "output %s = %.*s%s", key,
                              (int)wfe_utf8_prefix(line.data, OUTPUT_BYTES), line.data,
                              line.len > OUTPUT_BYTES ? " ..." : "");
        wfe_screen_end_line(screen);
        wfe_buf_done(&line);
    }
}

/* Of the failed steps, those whose failure is allowed. */
static size_t count_allowed(const wfe_run_model *model)
{
    size_t n = 0;
    for (size_t i = 0; i < wfe_run_model_length(model); i++) {
        const wfe_model_step *step = wfe_run_model_at(model, i);
        n += !step->is_service && step->state == WFE_STEP_IS_FAILED && step->allowed;
    }
    return n;
}

static enum wfe_style style_of(const wfe_engine_result *result)
{
    if (result->state == WFE_RUN_SUCCEEDED)
        return WFE_STYLE_GREEN;
    return result->state == WFE_RUN_FAILED && !result->interrupted ? WFE_STYLE_RED
                                                                   : WFE_STYLE_YELLOW;
}

void wfe_run_summary(wfe_screen *screen, const wfe_run_model *model, const wfe_view_run *run,
                     const wfe_engine_result *result, unsigned columns)
{
    char elapsed[WFE_TEXT_ELAPSED_SIZE];
    size_t n_allowed = count_allowed(model);
    wfe_screen_end_line(screen);
    put_table(screen, model, columns);
    put_outputs(screen, result->outputs);
    put_failures(screen, result);
    wfe_screen_printf(screen, style_of(result), "run %s %s%s", run->name, wfe_result_word(result),
                      result->timed_out ? " (time is up)" : "");
    wfe_screen_printf(screen, WFE_STYLE_NONE, " after %s: %u ok, %u failed",
                      wfe_text_elapsed(result->elapsed_us, elapsed), result->n_succeeded,
                      result->n_failed);
    if (n_allowed)
        wfe_screen_printf(screen, WFE_STYLE_NONE, " (%zu allowed)", n_allowed);
    wfe_screen_printf(screen, WFE_STYLE_NONE, ", %u skipped", result->n_skipped);
    if (result->n_cancelled)
        wfe_screen_printf(screen, WFE_STYLE_NONE, ", %u cancelled", result->n_cancelled);
    wfe_screen_end_line(screen);
    if (!result->interrupted)
        return;
    wfe_screen_printf(screen, WFE_STYLE_NONE, "what is recorded stays; go on with: wfe resume %s",
                      run->name);
    wfe_screen_end_line(screen);
}
