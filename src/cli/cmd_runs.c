/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe runs: the runs that are stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/stored.h"
#include "cli/text.h"

#define LIMIT_DEFAULT 50
#define WHY_COLUMNS 72

typedef struct runs_options {
    const char *workflow;
    const char *state;
    uint64_t since_ms;
    uint64_t limit;
    bool all;
    bool quiet;
    bool json;
} runs_options;

static const wfe_option options[] = {
    {"workflow", 'w', WFE_OPTION_TEXT, "NAME", "only runs of this workflow",
     offsetof(runs_options, workflow)},
    {"state", 's', WFE_OPTION_TEXT,
     "open|interrupted|starting|running|stopping|succeeded|failed|cancelled|suspended",
     "only runs in this state", offsetof(runs_options, state)},
    {"since", 0, WFE_OPTION_DURATION, "DURATION", "only runs that began so long ago or later",
     offsetof(runs_options, since_ms)},
    {"limit", 'l', WFE_OPTION_NUMBER, "NUMBER", "the newest ones, at most (50)",
     offsetof(runs_options, limit)},
    {"all", 0, WFE_OPTION_FLAG, NULL, "without a limit", offsetof(runs_options, all)},
    {"quiet", 'q', WFE_OPTION_FLAG, NULL, "print the names only", offsetof(runs_options, quiet)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the runs as JSON", offsetof(runs_options, json)},
};

typedef struct row {
    char *name;
    const char *state;
    int64_t created_at_us;
    uint64_t elapsed_us;
    bool is_end;
    char *why; /* clean; NULL: nothing to say */
} row;

typedef struct listing {
    const runs_options *options;
    uint64_t limit; /* 0: none */
    uint64_t n_seen;
    bool only_interrupted;
    json_t *array; /* with --json */
    row *rows;     /* else */
    size_t n, cap;
    wfe_error *err;
} listing;

static void listing_done(listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->rows[i].name);
        free(l->rows[i].why);
    }
    free(l->rows);
    json_decref(l->array);
}

/* ---- reading ---- */

/* One line of it, cut. */
static char *why_of(const wfe_store_run *run)
{
    wfe_error error;
    wfe_buf clean = WFE_BUF_INIT(0);
    wfe_stored_error(run->error, &error);
    if (!error.kind || wfe_text_clean(error.message, strlen(error.message), false, &clean, NULL))
        return NULL;
    size_t fit = wfe_text_fit(clean.data ? clean.data : "", clean.len, WHY_COLUMNS, NULL);
    char *why = fit ? strndup(clean.data, fit) : NULL;
    wfe_buf_done(&clean);
    return why;
}

static int add_row(listing *l, const wfe_store_run *run)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        row *larger = realloc(l->rows, cap * sizeof *larger);
        if (!larger)
            return wfe_error_nomem(l->err);
        l->rows = larger;
        l->cap = cap;
    }
    row *r = &l->rows[l->n++];
    const char *state = wfe_stored_state(run);
    *r = (row){.name = strdup(run->name),
               .created_at_us = run->created_at_us,
               .elapsed_us = run->elapsed_us,
               .is_end = run->is_end,
               .why = why_of(run)};
    /* Names of states are static, but not those of the row. */
    for (int i = WFE_RUN_STARTING; i <= WFE_RUN_SUSPENDED; i++)
        if (strcmp(state, wfe_run_state_name((enum wfe_run_state)i)) == 0)
            r->state = wfe_run_state_name((enum wfe_run_state)i);
    if (!r->state)
        r->state = run->is_end ? "?" : WFE_STORED_INTERRUPTED;
    return r->name ? 0 : wfe_error_nomem(l->err);
}

static int on_run(const wfe_store_run *run, void *user)
{
    listing *l = user;
    if (l->only_interrupted && strcmp(wfe_stored_state(run), WFE_STORED_INTERRUPTED) != 0)
        return 0;
    if (l->limit && l->n_seen == l->limit)
        return 1;
    l->n_seen++;
    if (!l->array)
        return add_row(l, run);
    return json_array_append_new(l->array, wfe_stored_run_json(run)) ? wfe_error_nomem(l->err) : 0;
}

static int read_runs(listing *l, wfe_error *err)
{
    const runs_options *o = l->options;
    wfe_stored stored;
    bool open = o->state && strcmp(o->state, "open") == 0;
    l->only_interrupted = o->state && strcmp(o->state, WFE_STORED_INTERRUPTED) == 0;
    l->limit = o->all ? 0 : o->limit ? o->limit : LIMIT_DEFAULT;
    const wfe_store_filter filter = {
        .workflow = o->workflow,
        .state = open || l->only_interrupted ? NULL : o->state,
        .open = open || l->only_interrupted,
        .since_us = o->since_ms ? wfe_clock_wall_us() - (int64_t)o->since_ms * 1000 : 0,
        .limit = l->only_interrupted ? 0 : (uint32_t)l->limit,
    };
    int rc = wfe_stored_open(&stored, err);
    if (rc == WFE_E_NOT_FOUND) { /* no run yet is an empty list */
        *err = (wfe_error)WFE_ERROR_INIT;
        return 0;
    }
    if (!rc)
        rc = stored.store->runs(stored.store, &filter, on_run, l, err);
    wfe_stored_close(&stored);
    return rc == 1 ? 0 : rc;
}

/* ---- printing ---- */

static int print_names(const listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        puts(l->rows[i].name);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int print_table(const listing *l)
{
    int width = (int)strlen("RUN");
    for (size_t i = 0; i < l->n; i++) {
        int len = (int)strlen(l->rows[i].name);
        width = len > width ? len : width;
    }
    if (!l->n) {
        fprintf(stderr, "wfe: no runs\n");
        return WFE_EXIT_OK;
    }
    printf("%-*s  %-11s  %-20s  %7s  %s\n", width, "RUN", "STATE", "STARTED", "TOOK", "WHY");
    for (size_t i = 0; i < l->n; i++) {
        char started[WFE_CLOCK_TEXT_SIZE], took[WFE_TEXT_ELAPSED_SIZE] = "";
        const row *r = &l->rows[i];
        wfe_clock_format(r->created_at_us, started);
        if (r->is_end)
            wfe_text_elapsed(r->elapsed_us, took);
        printf("%-*s  %-11s  %.19sZ  %7s  %s\n", width, r->name, r->state, started, took,
               r->why ? r->why : "");
    }
    return wfe_report_flush(WFE_EXIT_OK);
}

static int check_state(const char *state, wfe_error *err)
{
    if (!state || strcmp(state, "open") == 0 || strcmp(state, WFE_STORED_INTERRUPTED) == 0)
        return 0;
    for (int i = WFE_RUN_STARTING; i <= WFE_RUN_SUSPENDED; i++)
        if (strcmp(state, wfe_run_state_name((enum wfe_run_state)i)) == 0)
            return 0;
    return wfe_error_set(err, WFE_E_INVALID,
                         "--state is '%s', must be open, interrupted, starting, running, stopping, "
                         "succeeded, failed, cancelled or suspended",
                         state);
}

static int cmd_runs(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const runs_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    _cleanup_(listing_done) listing l = {.options = o, .err = &error};
    if (check_state(o->state, &error))
        return wfe_report_usage(&error, o->json);
    int rc = 0;
    if (o->json && !(l.array = json_array()))
        rc = wfe_error_nomem(&error);
    if (!rc)
        rc = read_runs(&l, &error);
    if (rc)
        return wfe_stored_report(&error, o->json);
    if (o->json)
        return wfe_stored_print_json(wfe_take(l.array));
    return o->quiet ? print_names(&l) : print_table(&l);
}

const wfe_command wfe_cmd_runs = {
    .name = "runs",
    .usage = "[OPTION...]",
    .summary = "list the runs",
    .details = "Newest first. STATE is that of wfe run, and:\n"
               "  open         (only for --state) not over\n"
               "  interrupted  not over, and the wfe that had it is gone: wfe resume goes on\n",
    .examples = "  wfe runs\n"
                "  wfe runs --workflow build-and-test --state failed --since 2d\n"
                "  wfe runs --all --json\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(runs_options),
    .run = cmd_runs,
};
