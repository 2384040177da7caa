/* SPDX-License-Identifier: Apache-2.0
 *
 * A run as one page of HTML that needs nothing else: no network, no script, no font. Everything
 * that is not markup is escaped, the size is bounded, and the page says what was left out.
 */
#ifndef WFE_CLI_REPORT_PAGE_H
#define WFE_CLI_REPORT_PAGE_H

#include "cli/html.h"
#include "cli/run_model.h"
#include "cli/view.h"

/* A page that has this size gets no more logs. */
#define WFE_REPORT_PAGE_BYTES ((size_t)16 * 1024 * 1024)
/* Of more steps, those that went wrong and the first ones. */
#define WFE_REPORT_STEPS_MAX 1000
/* Of an output. */
#define WFE_REPORT_VALUE_BYTES ((size_t)8 * 1024)

typedef struct wfe_report_page {
    wfe_html html;
    const wfe_run_model *model;
    const wfe_view_run *run;
    const wfe_engine_result *result;
    bool *shown; /* by index of a step; NULL: all */
    size_t n_hidden;
    size_t n_logs_left_out;
} wfe_report_page;

/* Fills page->html; the other members are set. */
void wfe_report_page_make(wfe_report_page *page);

/* ---- between its files ---- */

/* "ok", "bad", "warn", "run" or "soft": the class of what a step looks like. */
const char *wfe_report_class(const wfe_model_step *step);
bool wfe_report_shows(const wfe_report_page *page, const wfe_model_step *step);
/* The next one in the order of the tree that is shown; NULL begins. */
const wfe_model_step *wfe_report_next(const wfe_report_page *page, const wfe_model_step *step);
unsigned wfe_report_depth(const wfe_model_step *step); /* at most 4 */
/* A symbol, hidden from readers aloud, to whom the state is told in words. */
void wfe_report_symbol(wfe_report_page *page, const wfe_model_step *step);

void wfe_report_time_line(wfe_report_page *page);
void wfe_report_steps(wfe_report_page *page);
/* A table of the members of an object. */
void wfe_report_values(wfe_report_page *page, const json_t *object);
/* The last lines of a log, at most n. */
void wfe_report_last_lines(wfe_report_page *page, const wfe_model_step *step, size_t n);

#endif
