/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of the report: each with what it gave, why it failed, and its log.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "cli/report_page.h"
#include "cli/step_words.h"
#include "cli/text.h"

/* ---- values ---- */

static void put_value(wfe_html *h, const json_t *value)
{
    _cleanup_free_ char *dumped = NULL;
    const char *text = json_string_value(value);
    size_t len = text ? json_string_length(value) : 0;
    if (!text) {
        text = dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(1));
        len = text ? strlen(text) : 0;
    }
    size_t shown = len > WFE_REPORT_VALUE_BYTES ? WFE_REPORT_VALUE_BYTES : len;
    while (shown < len && shown && (text[shown] & 0xc0) == 0x80)
        shown--;
    wfe_html_put(h, "<td><code>");
    if (text)
        wfe_html_lines(h, text, shown);
    wfe_html_put(h, "</code>");
    if (shown < len)
        wfe_html_put(h, "<br><span class=\"warn\">%zu more bytes are left out</span>", len - shown);
    wfe_html_put(h, "</td>");
}

void wfe_report_values(wfe_report_page *page, const json_t *object)
{
    wfe_html *h = &page->html;
    const char *key;
    json_t *value;
    wfe_html_put(h, "<table class=\"values\">\n");
    json_object_foreach((json_t *)object, key, value)
    {
        wfe_html_put(h, "<tr><th scope=\"row\">");
        wfe_html_text(h, key);
        wfe_html_put(h, "</th>");
        put_value(h, value);
        wfe_html_put(h, "</tr>\n");
    }
    wfe_html_put(h, "</table>\n");
}

/* ---- logs ---- */

static void put_line(wfe_html *h, const wfe_log_line *line)
{
    if (line->mark == WFE_LINE_ATTEMPT) {
        wfe_html_put(h, "<span class=\"att\">attempt %.*s</span>\n", (int)line->len, line->text);
        return;
    }
    if (line->mark == WFE_LINE_STDERR)
        wfe_html_put(h, "<span class=\"e\">");
    wfe_html_text_n(h, line->text, line->len);
    wfe_html_put(h, line->mark == WFE_LINE_STDERR ? "</span>\n" : "\n");
}

static void put_part(wfe_html *h, const wfe_buf *lines, size_t from)
{
    wfe_log_line line;
    while (wfe_line_log_next(lines, &from, &line))
        put_line(h, &line);
}

void wfe_report_last_lines(wfe_report_page *page, const wfe_model_step *step, size_t n)
{
    wfe_html *h = &page->html;
    const wfe_buf *part = step->log.tail.len ? &step->log.tail : &step->log.head;
    wfe_line_log last = {.tail = *part}; /* borrows */
    if (!part->len)
        return;
    wfe_html_put(h, "<pre aria-label=\"Last lines\" tabindex=\"0\">");
    put_part(h, part, wfe_line_log_last(&last, n));
    wfe_html_put(h, "</pre>\n");
}

static void put_log(wfe_report_page *page, const wfe_model_step *step)
{
    wfe_html *h = &page->html;
    if (!wfe_line_log_bytes(&step->log))
        return;
    wfe_html_put(h, "<h3>Log</h3>\n");
    if (h->buf.len + wfe_line_log_bytes(&step->log) > WFE_REPORT_PAGE_BYTES) {
        page->n_logs_left_out++;
        wfe_html_put(h, "<p class=\"warn\">left out: the page is as long as it may be</p>\n");
        return;
    }
    wfe_html_put(h, "<pre role=\"log\" aria-live=\"off\" aria-label=\"Log of ");
    wfe_html_text(h, step->path);
    wfe_html_put(h, "\" tabindex=\"0\">");
    put_part(h, &step->log.head, 0);
    if (step->log.cut_lines)
        wfe_html_put(h, "<span class=\"cut\">%llu lines (%llu bytes) are left out here</span>\n",
                     (unsigned long long)step->log.cut_lines,
                     (unsigned long long)step->log.cut_bytes);
    put_part(h, &step->log.tail, 0);
    wfe_html_put(h, "</pre>\n");
}

/* ---- a step ---- */

static void put_clock(wfe_html *h, const char *name, int64_t at_us)
{
    char text[WFE_CLOCK_TEXT_SIZE];
    wfe_clock_format(at_us, text);
    wfe_html_put(h, "<div><dt>%s</dt><dd><time datetime=\"%s\">%.12s UTC</time></dd></div>\n", name,
                 text, text + 11);
}

static void put_facts(wfe_html *h, const wfe_model_step *step)
{
    if (!step->begun_at_us)
        return;
    wfe_html_put(h, "<dl class=\"facts\">\n");
    put_clock(h, "Began", step->begun_at_us);
    if (step->ended_at_us)
        put_clock(h, "Ended", step->ended_at_us);
    if (step->attempt > 1)
        wfe_html_put(h, "<div><dt>Attempts</dt><dd>%u</dd></div>\n", step->attempt);
    if (step->exit_code >= 0)
        wfe_html_put(h, "<div><dt>Exit code</dt><dd>%d</dd></div>\n", step->exit_code);
    wfe_html_put(h, "</dl>\n");
}

static void put_note(wfe_html *h, const wfe_model_step *step)
{
    char note[WFE_STEP_NOTE_SIZE];
    const char *text = wfe_step_note(step, note);
    if (!*text)
        return;
    wfe_html_put(h, "<p class=\"%s\">", wfe_report_class(step));
    wfe_html_text(h, text);
    wfe_html_put(h, "</p>\n");
    if (!step->error || !step->error->hint[0])
        return;
    wfe_html_put(h, "<p class=\"soft\">");
    wfe_html_text(h, step->error->hint);
    wfe_html_put(h, "</p>\n");
}

static void put_summary(wfe_report_page *page, const wfe_model_step *step)
{
    wfe_html *h = &page->html;
    char elapsed[WFE_TEXT_ELAPSED_SIZE];
    bool open = !step->is_service && step->state == WFE_STEP_IS_FAILED && !step->first_child;
    wfe_html_put(h, "<details%s><summary>", open ? " open" : "");
    wfe_report_symbol(page, step);
    wfe_html_put(h, "<span class=\"name\">");
    wfe_html_text(h, step->path);
    wfe_html_put(h, "</span><span class=\"%s\">%s</span>", wfe_report_class(step),
                 wfe_step_mark_of(step)->word);
    if (*wfe_step_role_suffix(step))
        wfe_html_put(h, "<span class=\"soft\">%s</span>", wfe_step_role_suffix(step));
    if (step->begun_at_us)
        wfe_html_put(h, "<span class=\"took\">%s</span>",
                     wfe_text_elapsed(step->elapsed_us, elapsed));
    wfe_html_put(h, "</summary>\n");
}

static void put_step(wfe_report_page *page, const wfe_model_step *step)
{
    wfe_html *h = &page->html;
    put_summary(page, step);
    wfe_html_put(h, "<div class=\"in\" id=\"s%zu\">\n", step->index);
    put_note(h, step);
    put_facts(h, step);
    if (step->outputs && json_object_size(step->outputs)) {
        wfe_html_put(h, "<h3>Outputs</h3>\n");
        wfe_report_values(page, step->outputs);
    }
    put_log(page, step);
    wfe_html_put(h, "</div></details>\n");
}

void wfe_report_steps(wfe_report_page *page)
{
    wfe_html_put(&page->html, "<section aria-labelledby=\"h-steps\">\n"
                              "<h2 id=\"h-steps\">Steps</h2>\n");
    for (const wfe_model_step *step = wfe_report_next(page, NULL); step;
         step = wfe_report_next(page, step))
        put_step(page, step);
    wfe_html_put(&page->html, "</section>\n");
}
