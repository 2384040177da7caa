/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_page.h"

#include <stdlib.h>
#include <string.h>

#include <wfe/client.h>

#include "base/clock.h"
#include "cli/report_style.h"
#include "cli/step_words.h"
#include "cli/text.h"

#define FAILURES_MAX 64
#define FIRST_FAILURE_LINES 20

/* ---- which steps ---- */

static bool went_well(const wfe_model_step *step)
{
    if (step->is_service)
        return step->service_state != WFE_SERVICE_FAILED;
    return step->state == WFE_STEP_IS_SUCCEEDED || step->state == WFE_STEP_IS_SKIPPED;
}

static void choose(wfe_report_page *page)
{
    size_t n = wfe_run_model_length(page->model), chosen = 0;
    page->shown = n > WFE_REPORT_STEPS_MAX ? calloc(n, sizeof *page->shown) : NULL;
    for (int well = 0; page->shown && well < 2; well++) {
        for (size_t i = 0; i < n && chosen < WFE_REPORT_STEPS_MAX; i++) {
            if (went_well(wfe_run_model_at(page->model, i)) != (well == 1))
                continue;
            page->shown[i] = true;
            chosen++;
        }
    }
    page->n_hidden = page->shown ? n - chosen : 0;
}

bool wfe_report_shows(const wfe_report_page *page, const wfe_model_step *step)
{
    return step->is_known && (!page->shown || page->shown[step->index]);
}

const wfe_model_step *wfe_report_next(const wfe_report_page *page, const wfe_model_step *step)
{
    do {
        if (!step) {
            step = wfe_run_model_first(page->model);
        } else if (step->first_child) {
            step = step->first_child;
        } else {
            while (step && !step->next_sibling)
                step = step->parent;
            step = step ? step->next_sibling : NULL;
        }
    } while (step && !wfe_report_shows(page, step));
    return step;
}

unsigned wfe_report_depth(const wfe_model_step *step)
{
    unsigned depth = 0;
    for (; step->parent && depth < 4; step = step->parent)
        depth++;
    return depth;
}

/* ---- how they look ---- */

const char *wfe_report_class(const wfe_model_step *step)
{
    switch (wfe_step_mark_of(step)->style) {
    case WFE_STYLE_GREEN:
        return "ok";
    case WFE_STYLE_RED:
        return "bad";
    case WFE_STYLE_YELLOW:
        return "warn";
    case WFE_STYLE_CYAN:
        return "run";
    case WFE_STYLE_NONE:
    case WFE_STYLE_BOLD:
    case WFE_STYLE_DIM:
        break;
    }
    return "soft";
}

void wfe_report_symbol(wfe_report_page *page, const wfe_model_step *step)
{
    wfe_html_put(&page->html, "<span class=\"sym %s\" aria-hidden=\"true\">%s</span>",
                 wfe_report_class(step), wfe_step_symbol(step, false));
}

/* ---- the parts of the page ---- */

static const char *run_class(const wfe_engine_result *result)
{
    if (result->state == WFE_RUN_SUCCEEDED)
        return "ok";
    return result->state == WFE_RUN_FAILED && !result->interrupted ? "bad" : "warn";
}

static void put_head(wfe_report_page *page)
{
    wfe_html *h = &page->html;
    wfe_html_put(h, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" "
                    "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
                    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    wfe_html_text(h, page->run->workflow);
    wfe_html_put(h, ": %s</title>\n<style>%s%s%s%s%s</style>\n</head>\n<body>\n",
                 wfe_result_word(page->result), WFE_REPORT_STYLE_COLOURS, WFE_REPORT_STYLE_PAGE,
                 WFE_REPORT_STYLE_TIME, WFE_REPORT_STYLE_STEPS, WFE_REPORT_STYLE_SMALL);
}

static void put_fact(wfe_html *h, const char *name, const char *value)
{
    wfe_html_put(h, "<div><dt>%s</dt><dd>", name);
    wfe_html_text(h, value);
    wfe_html_put(h, "</dd></div>\n");
}

/* "2026-01-31 12:00:00 UTC" of an RFC 3339 text. */
static void put_time(wfe_html *h, const char *name, int64_t at_us)
{
    char text[WFE_CLOCK_TEXT_SIZE];
    wfe_clock_format(at_us, text);
    wfe_html_put(h, "<div><dt>%s</dt><dd><time datetime=\"%s\">%.10s %.8s UTC</time></dd></div>\n",
                 name, text, text, text + 11);
}

static void put_counts(wfe_html *h, const wfe_engine_result *result)
{
    wfe_html_put(h, "<div><dt>Steps</dt><dd>%u succeeded", result->n_succeeded);
    if (result->n_failed)
        wfe_html_put(h, ", %u failed", result->n_failed);
    if (result->n_skipped)
        wfe_html_put(h, ", %u skipped", result->n_skipped);
    if (result->n_cancelled)
        wfe_html_put(h, ", %u cancelled", result->n_cancelled);
    wfe_html_put(h, "</dd></div>\n");
}

static void put_header(wfe_report_page *page)
{
    wfe_html *h = &page->html;
    const wfe_engine_result *result = page->result;
    char elapsed[WFE_TEXT_ELAPSED_SIZE];
    wfe_html_put(h, "<a class=\"skip\" href=\"#main\">To the time line</a>\n<header>\n");
    wfe_html_put(h, "<p class=\"state %s\">%s%s</p>\n<h1>", run_class(result),
                 wfe_result_word(result), result->timed_out ? ": time is up" : "");
    wfe_html_text(h, page->run->workflow);
    wfe_html_put(h, "</h1>\n");
    if (page->run->description) {
        wfe_html_put(h, "<p>");
        wfe_html_text(h, page->run->description);
        wfe_html_put(h, "</p>\n");
    }
    wfe_html_put(h, "<dl class=\"facts\">\n");
    put_fact(h, "Run", page->run->name);
    put_time(h, "Started", result->started_at_us);
    put_fact(h, "Took", wfe_text_elapsed(result->elapsed_us, elapsed));
    put_counts(h, result);
    if (page->run->file)
        put_fact(h, "File", page->run->file);
    wfe_html_put(h, "</dl>\n</header>\n<main id=\"main\">\n");
}

static const wfe_model_step *find_step(const wfe_report_page *page, const char *path)
{
    for (size_t i = 0; path && i < wfe_run_model_length(page->model); i++) {
        const wfe_model_step *step = wfe_run_model_at(page->model, i);
        if (!step->is_service && strcmp(step->key + 1, path) == 0)
            return step;
    }
    return NULL;
}

static void put_error(wfe_report_page *page, const char *path, const wfe_error *error)
{
    wfe_html *h = &page->html;
    const wfe_model_step *step = find_step(page, path);
    if (step && wfe_report_shows(page, step))
        wfe_html_put(h, "<a href=\"#s%zu\">", step->index);
    if (path)
        wfe_html_text(h, path);
    if (step && wfe_report_shows(page, step))
        wfe_html_put(h, "</a>");
    wfe_html_put(h, path ? ": " : "");
    wfe_html_text(h, error->message);
    if (error->hint[0]) {
        wfe_html_put(h, "<br><span class=\"soft\">");
        wfe_html_text(h, error->hint);
        wfe_html_put(h, "</span>");
    }
}

static void put_failures(wfe_report_page *page)
{
    wfe_html *h = &page->html;
    const wfe_engine_result *result = page->result;
    uint32_t n = result->n_failures < FAILURES_MAX ? result->n_failures : FAILURES_MAX;
    if (!result->error.kind)
        return;
    wfe_html_put(h, "<section class=\"failure\" aria-labelledby=\"h-failure\">\n"
                    "<h2 id=\"h-failure\">What failed first</h2>\n<p>");
    put_error(page, result->failed_step, &result->error);
    wfe_html_put(h, "</p>\n");
    if (result->interrupted) {
        wfe_html_put(h, "<p>What is recorded stays; go on with: wfe resume ");
        wfe_html_text(h, page->run->name);
        wfe_html_put(h, "</p>\n");
    }
    const wfe_model_step *step = find_step(page, result->failed_step);
    if (step)
        wfe_report_last_lines(page, step, FIRST_FAILURE_LINES);
    if (result->failures && n)
        wfe_html_put(h, "<h3>What failed too</h3>\n<ul>\n");
    for (uint32_t i = 0; result->failures && i < n; i++) {
        wfe_html_put(h, "<li>");
        put_error(page, result->failures[i].step, &result->failures[i].error);
        wfe_html_put(h, "</li>\n");
    }
    if (result->failures && n)
        wfe_html_put(h, "</ul>\n");
    if (result->n_failures > n)
        wfe_html_put(h, "<p>and %u more</p>\n", result->n_failures - n);
    wfe_html_put(h, "</section>\n");
}

static void put_outputs(wfe_report_page *page)
{
    const json_t *outputs = page->result->outputs;
    if (!outputs || !json_object_size(outputs))
        return;
    wfe_html_put(&page->html, "<section aria-labelledby=\"h-outputs\">\n"
                              "<h2 id=\"h-outputs\">Outputs of the run</h2>\n");
    wfe_report_values(page, outputs);
    wfe_html_put(&page->html, "</section>\n");
}

static void put_warnings(wfe_report_page *page)
{
    wfe_html *h = &page->html;
    size_t n = wfe_run_model_n_warnings(page->model);
    if (!n)
        return;
    wfe_html_put(h, "<section aria-labelledby=\"h-warnings\">\n"
                    "<h2 id=\"h-warnings\">Warnings</h2>\n<ul>\n");
    for (size_t i = 0; i < n && i < WFE_MODEL_WARNINGS_MAX; i++) {
        const char *text = wfe_run_model_warning(page->model, i);
        wfe_html_put(h, "<li>");
        wfe_html_text(h, text ? text : "");
        wfe_html_put(h, "</li>\n");
    }
    if (n > WFE_MODEL_WARNINGS_MAX)
        wfe_html_put(h, "<li>and %zu more</li>\n", n - WFE_MODEL_WARNINGS_MAX);
    wfe_html_put(h, "</ul>\n</section>\n");
}

static void put_footer(wfe_report_page *page)
{
    wfe_html *h = &page->html;
    wfe_html_put(h,
                 "</main>\n<footer>\n<p>Written by wfe %s. Lines with a bar at their left came "
                 "from the standard error.</p>\n",
                 wfe_version());
    if (page->n_hidden)
        wfe_html_put(h, "<p>Left out: %zu of %zu steps, which went well.</p>\n", page->n_hidden,
                     wfe_run_model_length(page->model));
    if (page->n_logs_left_out)
        wfe_html_put(h,
                     "<p>Left out: the logs of %zu steps, since the page is as long as it may "
                     "be (%zu MiB).</p>\n",
                     page->n_logs_left_out, WFE_REPORT_PAGE_BYTES / (1024 * 1024));
    wfe_html_put(h, "</footer>\n</body>\n</html>\n");
}

void wfe_report_page_make(wfe_report_page *page)
{
    choose(page);
    put_head(page);
    put_header(page);
    put_failures(page);
    wfe_report_time_line(page);
    wfe_report_steps(page);
    put_outputs(page);
    put_warnings(page);
    put_footer(page);
    free(page->shown);
    page->shown = NULL;
}
