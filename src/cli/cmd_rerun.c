/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe rerun: a new run of what another one ran.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/resume.h"
#include "cli/run_driver.h"
#include "cli/stored.h"

typedef struct rerun_options {
    wfe_option_list inputs;
    const char *input_file;
    const char *name;
    const char *report;
    bool new_images;
    bool json;
    bool plain;
    bool verbose;
} rerun_options;

static const wfe_option options[] = {
    {"input", 'i', WFE_OPTION_LIST, "KEY=VALUE",
     "an input that is a secret, and was not stored (repeatable)", offsetof(rerun_options, inputs)},
    {"input-file", 0, WFE_OPTION_TEXT, "FILE", "such inputs from a JSON or YAML file",
     offsetof(rerun_options, input_file)},
    {"new-images", 0, WFE_OPTION_FLAG, NULL,
     "what the names of images stand for now, not what they stood for",
     offsetof(rerun_options, new_images)},
    {"name", 0, WFE_OPTION_TEXT, "NAME", "name of the run (its workflow's and a number)",
     offsetof(rerun_options, name)},
    {"report", 0, WFE_OPTION_TEXT, "FILE", "write the run as one page of HTML",
     offsetof(rerun_options, report)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print events as JSON, one a line",
     offsetof(rerun_options, json)},
    {"plain", 0, WFE_OPTION_FLAG, NULL, "print lines, also on a terminal",
     offsetof(rerun_options, plain)},
    {"verbose", 'V', WFE_OPTION_FLAG, NULL, "tell on stderr what happens",
     offsetof(rerun_options, verbose)},
};

static int check_usage(const rerun_options *o, int argc, wfe_error *err)
{
    if (argc < 1) {
        wfe_error_set(err, WFE_E_INVALID, "wfe rerun needs the name or the id of a run");
        wfe_error_hint(err, "`wfe runs` lists them");
        return WFE_E_INVALID;
    }
    if (o->json && o->plain)
        return wfe_error_set(err, WFE_E_INVALID,
                             "wfe rerun takes either --json or --plain, not both");
    return o->name ? wfe_store_check_name(o->name, err) : 0;
}

static int cmd_rerun(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const rerun_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_stored stored = {.store = NULL};
    wfe_plan *plan = NULL;
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = NULL;
    if (check_usage(o, argc, &error))
        return wfe_report_usage(&error, o->json);
    int rc = wfe_stored_open_run(&stored, argv[0], &run, &error);
    if (!rc && !o->new_images)
        rc = wfe_stored_run_images(stored.store, run, &error);
    int code = rc ? wfe_stored_report(&error, o->json) : WFE_EXIT_OK;
    if (!rc &&
        wfe_stored_run_plan(stored.store, run, o->input_file, o->inputs.items, &plan, &error)) {
        rc = error.kind;
        code = wfe_stored_report_plan(&error, o->json);
    }
    if (!rc && wfe_resume_check_inputs(run, plan, o->input_file, o->inputs.items, &error)) {
        rc = error.kind;
        code = wfe_report_usage(&error, o->json);
    }
    if (!rc && o->new_images) { /* those of the run it repeated itself, too */
        json_decref(run->settings.images);
        run->settings.images = NULL;
    }
    wfe_stored_close(&stored);
    if (rc) {
        wfe_plan_free(plan);
        return code;
    }
    wfe_resume_remind();
    const wfe_run_driver_options driver = {
        .settings = &run->settings,
        .verbose = o->verbose,
        .json = o->json,
        .plain = o->plain,
        .report = o->report,
        .name = o->name,
        .rerun_of = run->row.id,
    };
    code = wfe_run_drive(plan, &driver);
    wfe_plan_free(plan);
    return code;
}

const wfe_command wfe_cmd_rerun = {
    .name = "rerun",
    .usage = "[OPTION...] RUN",
    .summary = "run again what a run ran",
    .details = "A new run of the same definition, as it was recorded, with the same inputs and\n"
               "settings, and of the same images, by their digests; files of the workflow are\n"
               "not read, and may have changed. Steps run in the folder they ran in. Secrets are\n"
               "read again from where the workflow says. Exit codes are those of wfe run.\n",
    .examples = "  wfe rerun build-and-test-42\n"
                "  wfe rerun build-and-test-42 --new-images --json\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(rerun_options),
    .max_operands = 1,
    .run = cmd_rerun,
};
