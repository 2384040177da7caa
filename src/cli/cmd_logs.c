/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe logs: what the steps of a run printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/log_follow.h"
#include "cli/report.h"

typedef struct logs_options {
    bool follow;
    uint64_t since_ms;
    uint64_t attempt;
    bool only_stdout;
    bool only_stderr;
    bool times;
    bool json;
} logs_options;

static const wfe_option options[] = {
    {"follow", 'f', WFE_OPTION_FLAG, NULL, "go on until the run has ended",
     offsetof(logs_options, follow)},
    {"since", 0, WFE_OPTION_DURATION, "DURATION", "only what was written so long ago or later",
     offsetof(logs_options, since_ms)},
    {"attempt", 0, WFE_OPTION_NUMBER, "NUMBER", "only this attempt (all)",
     offsetof(logs_options, attempt)},
    {"stdout", 0, WFE_OPTION_FLAG, NULL, "only the standard output",
     offsetof(logs_options, only_stdout)},
    {"stderr", 0, WFE_OPTION_FLAG, NULL, "only the standard error",
     offsetof(logs_options, only_stderr)},
    {"times", 't', WFE_OPTION_FLAG, NULL, "put the time in front of each line",
     offsetof(logs_options, times)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print each line as JSON", offsetof(logs_options, json)},
};

static int check_usage(const logs_options *o, int argc, wfe_error *err)
{
    if (argc < 1) {
        wfe_error_set(err, WFE_E_INVALID, "wfe logs needs the name or the id of a run");
        wfe_error_hint(err, "`wfe runs` lists them");
        return WFE_E_INVALID;
    }
    if (o->only_stdout && o->only_stderr)
        return wfe_error_set(err, WFE_E_INVALID,
                             "wfe logs takes either --stdout or --stderr, not both");
    return 0;
}

typedef struct counting {
    const char *step;
    bool is_leaf; /* the step is there, and nothing is in it */
} counting;

static int count_step(const wfe_store_step *row, void *user)
{
    counting *c = user;
    if (strcmp(row->path, c->step) == 0)
        c->is_leaf = true;
    if (row->parent && strcmp(row->parent, c->step) == 0 && row->role &&
        strcmp(row->role, "step") == 0) {
        c->is_leaf = false;
        return 1;
    }
    return 0;
}

/* One step is given as it was; several have their names in front. */
static enum wfe_log_form form_of(const logs_options *o, const wfe_stored *stored,
                                 const wfe_stored_run *run, const char *step)
{
    counting c = {.step = step, .is_leaf = true};
    if (o->json)
        return WFE_LOG_FORM_JSON;
    if (!step || o->times)
        return WFE_LOG_FORM_LINES;
    stored->store->steps(stored->store, run->row.id, count_step, &c, NULL);
    return c.is_leaf ? WFE_LOG_FORM_RAW : WFE_LOG_FORM_LINES;
}

static int cmd_logs(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const logs_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_stored stored = {.store = NULL};
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = NULL;
    const char *step = argc > 1 ? argv[1] : NULL;
    if (check_usage(o, argc, &error))
        return wfe_report_usage(&error, o->json);
    int rc = wfe_stored_open_run(&stored, argv[0], &run, &error);
    if (!rc) {
        const wfe_log_follow_options follow = {
            .stored = &stored,
            .run = run,
            .step = step,
            .attempt = (unsigned)o->attempt,
            .follow = o->follow,
            .without = {[WFE_LOG_STDOUT] = o->only_stderr, [WFE_LOG_STDERR] = o->only_stdout},
            .since_us = o->since_ms ? wfe_clock_wall_us() - (int64_t)o->since_ms * 1000 : 0,
            .printer = {.form = form_of(o, &stored, run, step),
                        .times = o->times,
                        .is_terminal = isatty(STDOUT_FILENO)},
        };
        rc = wfe_log_follow(&follow, &error);
    }
    wfe_stored_close(&stored);
    return rc ? wfe_stored_report(&error, o->json) : wfe_report_flush(WFE_EXIT_OK);
}

const wfe_command wfe_cmd_logs = {
    .name = "logs",
    .usage = "[OPTION...] RUN [STEP]",
    .summary = "print what the steps of a run printed",
    .details = "With STEP its bytes as they came, stdout to stdout and stderr to stderr; without,\n"
               "or for a block, a call or a for_each, lines with the step in front. Attempts\n"
               "come in the order in which they began, with -f as they come.\n"
               "Logs are kept up to a size for each step and each run, and until wfe gc or\n"
               "wfe rm removes them; what was not kept is told on stderr.\n",
    .examples = "  wfe logs build-and-test-42\n"
                "  wfe logs build-and-test-42 test --stderr\n"
                "  wfe logs -f build-and-test-42 --since 5m\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(logs_options),
    .max_operands = 2,
    .run = cmd_logs,
};
