/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe cancel: asks the wfe that has a run to end it, and waits until it has.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/stored.h"

#define POLL_MS 50
/* Steps have their grace, and hooks run: a run that is cancelled may take its time. */
#define KILL_AFTER_MS_DEFAULT ((uint64_t)5 * 60 * 1000)

typedef struct cancel_options {
    uint64_t kill_after_ms;
    bool kill;
    bool no_wait;
    bool json;
} cancel_options;

static const wfe_option options[] = {
    {"kill-after", 0, WFE_OPTION_DURATION, "DURATION",
     "kill what still runs then, hooks included (5m)", offsetof(cancel_options, kill_after_ms)},
    {"kill", 0, WFE_OPTION_FLAG, NULL, "kill at once, hooks included",
     offsetof(cancel_options, kill)},
    {"no-wait", 0, WFE_OPTION_FLAG, NULL, "only ask for it", offsetof(cancel_options, no_wait)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the run as JSON", offsetof(cancel_options, json)},
};

/* What is to be known of the run again and again. */
typedef struct glance {
    bool is_end;
    bool is_interrupted;
    char state[32];
} glance;

static int look(const wfe_store_run *row, void *user)
{
    glance *g = user;
    g->is_end = row->is_end;
    g->is_interrupted = strcmp(wfe_stored_state(row), WFE_STORED_INTERRUPTED) == 0;
    snprintf(g->state, sizeof g->state, "%s", row->state);
    return 0;
}

static int refuse_interrupted(const wfe_stored_run *run, wfe_error *err)
{
    wfe_error_set(err, WFE_E_UNAVAILABLE, "the wfe that had the run %s is gone", run->row.name);
    wfe_error_hint(err,
                   "the wish is recorded: `wfe resume %s` stops what still runs, and ends the run",
                   run->row.name);
    return WFE_E_UNAVAILABLE;
}

/* The run may end before it is asked to. */
static int ask(wfe_stored *stored, const wfe_stored_run *run, const char *what, wfe_error *err)
{
    int rc = stored->store->ask(stored->store, run->row.id, what, err);
    if (rc == WFE_E_CONFLICT) {
        *err = (wfe_error)WFE_ERROR_INIT;
        return 0;
    }
    return rc;
}

static int wait_for_end(const cancel_options *o, wfe_stored *stored, const wfe_stored_run *run,
                        glance *g, wfe_error *err)
{
    uint64_t limit_ms = o->kill_after_ms ? o->kill_after_ms : KILL_AFTER_MS_DEFAULT;
    uint64_t kill_at_us = wfe_clock_monotonic_us() + limit_ms * 1000;
    bool killed = o->kill;
    for (;;) {
        int rc = stored->store->find(stored->store, run->row.id, look, g, err);
        if (!rc && !g->is_end && g->is_interrupted)
            rc = refuse_interrupted(run, err);
        if (rc || g->is_end)
            return rc;
        if (!killed && wfe_clock_monotonic_us() > kill_at_us) {
            killed = true;
            rc = ask(stored, run, "kill", err);
            if (rc)
                return rc;
        }
        poll(NULL, 0, POLL_MS);
    }
}

static int print_end(const cancel_options *o, wfe_stored *stored, const wfe_stored_run *run,
                     const glance *g)
{
    wfe_error error = WFE_ERROR_INIT;
    if (!o->json) {
        if (o->no_wait && g->is_interrupted)
            printf("%s: asked to stop; the wfe that had it is gone: `wfe resume %s` stops what "
                   "still runs, and ends it\n",
                   run->row.name, run->row.name);
        else if (o->no_wait)
            printf("%s: asked to stop\n", run->row.name);
        else
            printf("%s: %s\n", run->row.name, g->state);
        return wfe_report_flush(WFE_EXIT_OK);
    }
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *now = NULL;
    if (wfe_stored_run_load(stored->store, run->row.id, &now, &error))
        return wfe_stored_report(&error, true);
    return wfe_stored_print_json(wfe_stored_run_json(&now->row));
}

static int cmd_cancel(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const cancel_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_stored stored = {.store = NULL};
    glance g = {.is_end = false};
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = NULL;
    if (argc < 1) {
        wfe_error_set(&error, WFE_E_INVALID, "wfe cancel needs the name or the id of a run");
        wfe_error_hint(&error, "`wfe runs --state open` lists those under way");
        return wfe_report_usage(&error, o->json);
    }
    int rc = wfe_stored_open_run(&stored, argv[0], &run, &error);
    if (!rc && run->row.is_end)
        rc = stored.store->ask(stored.store, run->row.id, "cancel", &error); /* says so */
    if (!rc)
        rc = ask(&stored, run, o->kill ? "kill" : "cancel", &error);
    if (!rc)
        rc = o->no_wait ? stored.store->find(stored.store, run->row.id, look, &g, &error)
                        : wait_for_end(o, &stored, run, &g, &error);
    int code = rc ? wfe_stored_report(&error, o->json) : print_end(o, &stored, run, &g);
    wfe_stored_close(&stored);
    return code;
}

const wfe_command wfe_cmd_cancel = {
    .name = "cancel",
    .usage = "[OPTION...] RUN",
    .summary = "end a run that another wfe has",
    .details =
        "The wish is recorded, and the wfe that has the run acts on it within a moment:\n"
        "steps are stopped as by Ctrl-C, hooks run, everything is removed. After\n"
        "--kill-after what is left is killed. Waits for the end; a second wfe cancel\n"
        "with --kill is fine meanwhile.\n"
        "Exit codes: 0 the run has ended; 2 it was over before, or is not there; 125 else.\n",
    .examples = "  wfe cancel build-and-test-42\n"
                "  wfe cancel build-and-test-42 --kill-after 30s --json\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(cancel_options),
    .max_operands = 1,
    .run = cmd_cancel,
};
