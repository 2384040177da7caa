/* SPDX-License-Identifier: Apache-2.0
 *
 * The view that writes a page of HTML when the run has ended (cli/report_page.h). Until then it
 * keeps what the page needs, bounded, and a temporary file beside the page, so that a folder that
 * cannot be written to is found out before the run and not behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/report_page.h"
#include "cli/view.h"

#define LOG_HEAD_BYTES ((size_t)64 * 1024)
#define LOG_TAIL_BYTES ((size_t)64 * 1024)
#define LOGS_BYTES ((size_t)32 * 1024 * 1024)

typedef struct report_view {
    wfe_view view;
    wfe_view_run run;
    wfe_run_model *model;
    char *path;
    char *temporary; /* NULL: what is written to is no file, as /dev/stdout */
    int fd;
    wfe_error error;
} report_view;

static void report_event(wfe_view *view, const wfe_event *event)
{
    report_view *r = (report_view *)view;
    if (!r->error.kind)
        wfe_run_model_event(r->model, event, NULL, &r->error);
}

static int write_page(report_view *r, const wfe_html *page, wfe_error *err)
{
    int rc = wfe_fd_write_all(r->fd, page->buf.data, page->buf.len, err);
    if (!rc && r->temporary && rename(r->temporary, r->path) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot rename %s to it", r->temporary);
    if (rc)
        return rc;
    free(r->temporary);
    r->temporary = NULL;
    return 0;
}

static int report_end(wfe_view *view, const wfe_engine_result *result, int exit_code,
                      wfe_error *err)
{
    (void)exit_code;
    report_view *r = (report_view *)view;
    wfe_report_page page = {.model = r->model, .run = &r->run, .result = result};
    int rc = wfe_error_copy(err, &r->error);
    if (!rc) {
        wfe_report_page_make(&page);
        rc = wfe_error_copy(err, &page.html.error);
    }
    if (!rc)
        rc = write_page(r, &page.html, err);
    wfe_html_done(&page.html);
    wfe_error_prefix(err, "cannot write the report %s", r->path);
    return rc;
}

static void report_free(wfe_view *view)
{
    report_view *r = (report_view *)view;
    if (r->temporary)
        unlink(r->temporary);
    if (r->fd >= 0)
        close(r->fd);
    wfe_run_model_free(r->model);
    free(r->temporary);
    free(r->path);
    free(r);
}

/* Opens what the page will be written to. */
static int open_file(report_view *r, wfe_error *err)
{
    struct stat st;
    if (stat(r->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        r->fd = open(r->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        mode_t mask = umask(0);
        umask(mask);
        if (asprintf(&r->temporary, "%s.XXXXXX", r->path) < 0) {
            r->temporary = NULL;
            return wfe_error_nomem(err);
        }
        r->fd = mkostemp(r->temporary, O_CLOEXEC);
        if (r->fd >= 0)
            fchmod(r->fd, 0666 & ~mask);
    }
    if (r->fd >= 0)
        return 0;
    int saved = errno;
    free(r->temporary);
    r->temporary = NULL;
    /* Found before the run: the path that was given is wrong, nothing failed. */
    wfe_error_set(err, WFE_E_INVALID, "cannot write the report %s: %s", r->path, strerror(saved));
    wfe_error_hint(err, "--report takes a file in a folder that is there and can be written to");
    return WFE_E_INVALID;
}

int wfe_view_report_new(const wfe_view_run *run, const char *path, wfe_view **ret, wfe_error *err)
{
    wfe_run_model_options model = {
        .head_bytes = LOG_HEAD_BYTES, .tail_bytes = LOG_TAIL_BYTES, .total_bytes = LOGS_BYTES};
    report_view *r = calloc(1, sizeof *r);
    if (!r)
        return wfe_error_nomem(err);
    r->view = (wfe_view){
        .wants_plan = true, .event = report_event, .end = report_end, .free = report_free};
    r->run = *run;
    r->fd = -1;
    r->path = strdup(path);
    int rc = r->path ? 0 : wfe_error_nomem(err);
    if (!rc)
        rc = wfe_run_model_new(&model, &r->model, err);
    if (!rc)
        rc = open_file(r, err);
    if (rc) {
        report_free(&r->view);
        return rc;
    }
    *ret = &r->view;
    return 0;
}
