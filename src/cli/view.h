/* SPDX-License-Identifier: Apache-2.0
 *
 * A view of a run: a table of functions that is told what happens. Each view is a file of its own;
 * a run may have several at once. A view that cannot go on, for want of memory or because its
 * reader went away, says so at the end, and the run goes on without it.
 */
#ifndef WFE_CLI_VIEW_H
#define WFE_CLI_VIEW_H

#include "cli/out.h"
#include "engine/engine.h"

typedef struct wfe_view wfe_view;
struct wfe_view {
    /* It is told of the plan's steps before they begin, too: as STEP events of the state PENDING,
     * which are of no record (seq 0). */
    bool wants_plan;
    void (*event)(wfe_view *view, const wfe_event *event);
    /* Something that wfe itself has to tell, one line. NULL: it belongs to stderr. */
    void (*note)(wfe_view *view, const char *text);
    /* A tenth of a second has passed. NULL: nothing changes with time. */
    void (*tick)(wfe_view *view);
    /* The run has ended. exit_code is what the command will exit with. */
    int (*end)(wfe_view *view, const wfe_engine_result *result, int exit_code, wfe_error *err);
    void (*free)(wfe_view *view);
};

#define WFE_VIEW_TICK_MS 100

/* What every view is told at its beginning; borrowed while the view lives. */
typedef struct wfe_view_run {
    const char *workflow; /* its id, or its name */
    const char *description;
    const char *name; /* of the run */
    const char *id;
    const char *file;
    bool is_one_of_many; /* others write to the same place: each line says whose it is */
} wfe_view_run;

/* A terminal: colour may be used, ascii: nothing else may; size is asked for before each frame, 0
 * is unknown; now_us is monotonic. */
typedef struct wfe_view_terminal_options {
    bool colour;
    bool ascii;
    void (*size)(unsigned *columns, unsigned *rows, void *user);
    uint64_t (*now_us)(void *user);
    void *user;
} wfe_view_terminal_options;

/* out is borrowed. */
int wfe_view_terminal_new(const wfe_view_run *run, const wfe_view_terminal_options *options,
                          wfe_out *out, wfe_view **ret, wfe_error *err);
/* Lines with the step in front: for files and pipes. */
int wfe_view_plain_new(const wfe_view_run *run, wfe_out *out, wfe_view **ret, wfe_error *err);
/* One JSON object a line: docs/run-events.md. */
int wfe_view_json_new(const wfe_view_run *run, wfe_out *out, wfe_view **ret, wfe_error *err);
/* One page of HTML, written at the end. The file must be possible to write now: NOT_FOUND, DENIED,
 * IO. */
int wfe_view_report_new(const wfe_view_run *run, const char *path, wfe_view **ret, wfe_error *err);

#endif
