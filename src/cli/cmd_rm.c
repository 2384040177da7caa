/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe rm: forgets runs and their logs.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/stored.h"

typedef struct rm_options {
    bool force;
    bool json;
} rm_options;

static const wfe_option options[] = {
    {"force", 'f', WFE_OPTION_FLAG, NULL, "also a run that wfe resume could go on with",
     offsetof(rm_options, force)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print what was removed as JSON",
     offsetof(rm_options, json)},
};

static int check_state(const rm_options *o, const wfe_store_run *row, wfe_error *err)
{
    const char *state = wfe_stored_state(row);
    if (row->is_end || (o->force && strcmp(state, WFE_STORED_INTERRUPTED) == 0))
        return 0;
    if (strcmp(state, WFE_STORED_INTERRUPTED) != 0) {
        wfe_error_set(err, WFE_E_CONFLICT, "the run %s is under way (%s)", row->name, state);
        wfe_error_hint(err, "stop it first: `wfe cancel %s`", row->name);
        return WFE_E_CONFLICT;
    }
    wfe_error_set(err, WFE_E_CONFLICT, "the run %s is interrupted, and can be continued",
                  row->name);
    wfe_error_hint(err,
                   "`wfe resume %s` goes on with it; --force forgets it, and `wfe gc` removes "
                   "what it has left",
                   row->name);
    return WFE_E_CONFLICT;
}

static int remove_run(const rm_options *o, const wfe_stored *stored, const char *text,
                      json_t *removed, wfe_error *err)
{
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = NULL;
    int rc = wfe_stored_run_load(stored->store, text, &run, err);
    if (!rc)
        rc = check_state(o, &run->row, err);
    if (!rc)
        rc = wfe_run_store_remove(stored->store, stored->dir, run->row.id, err);
    if (rc)
        return rc;
    if (removed && json_array_append_new(removed, json_string(run->row.name)))
        return wfe_error_nomem(err);
    if (!removed)
        puts(run->row.name);
    return 0;
}

/* All that can be removed are; the first failure is the command's. */
static int cmd_rm(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const rm_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_stored stored = {.store = NULL};
    int code = WFE_EXIT_OK;
    if (argc < 1) {
        wfe_error_set(&error, WFE_E_INVALID, "wfe rm needs names or ids of runs");
        wfe_error_hint(&error, "`wfe runs` lists them; `wfe gc` removes old ones");
        return wfe_report_usage(&error, o->json);
    }
    if (wfe_stored_open(&stored, &error))
        return wfe_stored_report(&error, o->json);
    json_t *removed = o->json ? json_array() : NULL;
    for (int i = 0; i < argc; i++) {
        wfe_error one = WFE_ERROR_INIT;
        if (remove_run(o, &stored, argv[i], removed, &one)) {
            int failed = wfe_stored_report(&one, false);
            code = code ? code : failed;
        }
    }
    wfe_stored_close(&stored);
    if (o->json) {
        int printed = wfe_stored_print_json(removed);
        return code ? code : printed;
    }
    return wfe_report_flush(code);
}

const wfe_command wfe_cmd_rm = {
    .name = "rm",
    .usage = "[OPTION...] RUN...",
    .summary = "forget runs, and remove their logs",
    .details = "Runs under way are refused; those that were interrupted, too, unless --force is\n"
               "given. Each run that cannot be removed is told on stderr, the others are\n"
               "removed.\n",
    .examples = "  wfe rm build-and-test-41 build-and-test-42\n"
                "  wfe rm $(wfe runs --state failed --all --quiet)\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(rm_options),
    .max_operands = -1,
    .run = cmd_rm,
};
