/* SPDX-License-Identifier: Apache-2.0
 *
 * The time line of the report: a row for each step, a bar for each of its attempts.
 */
#include "cli/report_page.h"
#include "cli/step_words.h"
#include "cli/text.h"

#define TICKS_MAX 6

typedef struct scale {
    int64_t from_us;
    int64_t length_us; /* at least 1 */
} scale;

static double part(const scale *s, int64_t at_us)
{
    double value = 100.0 * (double)(at_us - s->from_us) / (double)s->length_us;
    return value < 0 ? 0 : value > 100 ? 100 : value;
}

/* The shortest usual distance that gives at most TICKS_MAX ticks. */
static int64_t tick_us(int64_t length_us)
{
    static const int64_t steps_ms[] = {10,     20,     50,     100,     200,    500,   1000,
                                       2000,   5000,   10000,  15000,   30000,  60000, 120000,
                                       300000, 600000, 900000, 1800000, 3600000};
    for (size_t i = 0; i < sizeof steps_ms / sizeof *steps_ms; i++) {
        if (length_us / (steps_ms[i] * 1000) < TICKS_MAX)
            return steps_ms[i] * 1000;
    }
    int64_t hour_us = (int64_t)3600 * 1000 * 1000;
    return (length_us / TICKS_MAX / hour_us + 1) * hour_us;
}

static void put_tick(wfe_html *h, const scale *s, int64_t at_us)
{
    char text[WFE_TEXT_ELAPSED_SIZE];
    if (at_us && at_us < 1000000)
        snprintf(text, sizeof text, "%lldms", (long long)(at_us / 1000));
    else
        wfe_text_elapsed((uint64_t)at_us, text);
    wfe_html_put(h, "<span style=\"--l:%.2f\">%s</span>", part(s, s->from_us + at_us),
                 at_us ? text : "0");
}

static void put_axis(wfe_html *h, const scale *s)
{
    int64_t step = tick_us(s->length_us);
    wfe_html_put(h, "<div class=\"axis\" aria-hidden=\"true\"><span class=\"name\"></span>"
                    "<div class=\"track\">");
    for (int64_t at = 0; at <= s->length_us * 88 / 100; at += step)
        put_tick(h, s, at);
    wfe_html_put(h, "</div><span class=\"took\"></span></div>\n");
}

static void put_bar(wfe_html *h, const scale *s, const wfe_model_step *step,
                    const wfe_model_span *span, int64_t end_us)
{
    bool last = span == &step->spans[step->n_spans - 1];
    const char *look = last ? wfe_report_class(step) : span->failed ? "bad" : "run";
    double from = part(s, span->from_us), to = part(s, span->to_us ? span->to_us : end_us);
    wfe_html_put(h, "<span class=\"bar %s%s\" style=\"--l:%.3f;--w:%.3f\"></span>", look,
                 step->is_service    ? " svc"
                 : step->first_child ? " grp"
                                     : "",
                 from, to > from ? to - from : 0);
}

static void put_row(wfe_report_page *page, const scale *s, const wfe_model_step *step)
{
    wfe_html *h = &page->html;
    char elapsed[WFE_TEXT_ELAPSED_SIZE];
    const wfe_step_mark *mark = wfe_step_mark_of(step);
    wfe_html_put(h, "<li><span class=\"name d%u\">", wfe_report_depth(step));
    wfe_report_symbol(page, step);
    wfe_html_put(h, "<a href=\"#s%zu\">", step->index);
    wfe_html_text(h, step->path);
    wfe_html_put(h, "</a>%s<span class=\"vh\"> %s</span></span><div class=\"track\">",
                 wfe_step_role_suffix(step), mark->word);
    for (unsigned i = 0; i < step->n_spans; i++)
        put_bar(h, s, step, &step->spans[i], s->from_us + s->length_us);
    if (step->begun_at_us)
        wfe_html_put(h, "</div><span class=\"took\">%s</span></li>\n",
                     wfe_text_elapsed(step->elapsed_us, elapsed));
    else
        wfe_html_put(h, "</div><span class=\"took\" aria-hidden=\"true\">%s</span></li>\n",
                     mark->word);
}

void wfe_report_time_line(wfe_report_page *page)
{
    const wfe_engine_result *result = page->result;
    int64_t length = result->finished_at_us - result->started_at_us;
    scale s = {.from_us = result->started_at_us, .length_us = length > 0 ? length : 1};
    wfe_html_put(&page->html, "<section aria-labelledby=\"h-time\">\n"
                              "<h2 id=\"h-time\">Time line</h2>\n");
    put_axis(&page->html, &s);
    wfe_html_put(&page->html, "<ol class=\"tl\">\n");
    for (const wfe_model_step *step = wfe_report_next(page, NULL); step;
         step = wfe_report_next(page, step))
        put_row(page, &s, step);
    wfe_html_put(&page->html, "</ol>\n</section>\n");
}
