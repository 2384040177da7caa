/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe run: a workflow file, from its inputs to its end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/diagnostic.h"
#include "cli/dry_run.h"
#include "cli/exit_code.h"
#include "cli/graph_format.h"
#include "cli/report.h"
#include "cli/resume.h"
#include "cli/run_driver.h"
#include "cli/run_settings.h"
#include "engine/check.h"
#include "workflow/graph.h"
#include "workflow/load.h"

typedef struct run_options {
    wfe_connection connection;
    wfe_registry_config registry;
    wfe_option_list inputs;
    const char *input_file;
    uint64_t jobs;
    const char *name;
    const char *report;
    const char *graph;
    bool dry_run;
    uint64_t max_step_log;
    uint64_t max_log;
    bool keep_on_failure;
    bool no_store;
    bool resume;
    bool json;
    bool plain;
} run_options;

static const wfe_option options[] = {
    {"input", 'i', WFE_OPTION_LIST, "KEY=VALUE", "an input of the workflow (repeatable)",
     offsetof(run_options, inputs)},
    {"input-file", 0, WFE_OPTION_TEXT, "FILE", "inputs from a JSON or YAML file",
     offsetof(run_options, input_file)},
    {"jobs", 'j', WFE_OPTION_NUMBER, "NUMBER", "steps at once (number of processors)",
     offsetof(run_options, jobs)},
    {"dry-run", 0, WFE_OPTION_FLAG, NULL, "tell what would run, and in which order",
     offsetof(run_options, dry_run)},
    {"graph", 0, WFE_OPTION_TEXT, WFE_GRAPH_FORMATS, "print the steps as a graph, run none",
     offsetof(run_options, graph)},
    {"keep-on-failure", 0, WFE_OPTION_FLAG, NULL, "leave the shared volume of a failed run",
     offsetof(run_options, keep_on_failure)},
    {"report", 0, WFE_OPTION_TEXT, "FILE", "write the run as one page of HTML",
     offsetof(run_options, report)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print events as JSON, one a line",
     offsetof(run_options, json)},
    {"plain", 0, WFE_OPTION_FLAG, NULL, "print lines, also on a terminal",
     offsetof(run_options, plain)},
    {"name", 0, WFE_OPTION_TEXT, "NAME", "name of the run (its workflow's and a number)",
     offsetof(run_options, name)},
    {"no-store", 0, WFE_OPTION_FLAG, NULL, "record nothing: the run cannot be continued",
     offsetof(run_options, no_store)},
    {"resume", 0, WFE_OPTION_FLAG, NULL,
     "go on with this file's newest run here that was interrupted or suspended, if there is one",
     offsetof(run_options, resume)},
    {"max-step-log", 0, WFE_OPTION_BYTES, "SIZE", "kept of what an attempt prints (256m)",
     offsetof(run_options, max_step_log)},
    {"max-log", 0, WFE_OPTION_BYTES, "SIZE", "kept of what the whole run prints (4g)",
     offsetof(run_options, max_log)},
    {"runtime", 0, WFE_OPTION_TEXT, "NAME", "containerd runtime (io.containerd.runc.v2)",
     offsetof(run_options, connection.runtime)},
    {"docker-config", 0, WFE_OPTION_TEXT, "FILE", "docker's file of logins (~/.docker/config.json)",
     offsetof(run_options, registry.docker_config)},
    {"hosts-dir", 0, WFE_OPTION_LIST, "DIR",
     "folder of hosts.toml files (/etc/containerd/certs.d; repeatable)",
     offsetof(run_options, registry.hosts_dirs)},
    WFE_CONNECTION_OPTIONS(run_options, connection),
};

#define JOBS_MAX 4096

static int check_usage(const run_options *o, int argc, enum wfe_graph *graph, wfe_error *err)
{
    if (argc < 1) {
        wfe_error_set(err, WFE_E_INVALID, "wfe run needs a workflow file");
        wfe_error_hint(err, "for example: wfe run ci.yaml -i ref=main");
        return WFE_E_INVALID;
    }
    if (o->jobs > JOBS_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "--jobs is %llu, must be 1 to %d",
                             (unsigned long long)o->jobs, JOBS_MAX);
    if (o->json && o->plain)
        return wfe_error_set(err, WFE_E_INVALID,
                             "wfe run takes either --json or --plain, not both");
    if (o->graph && (o->json || o->dry_run))
        return wfe_error_set(err, WFE_E_INVALID,
                             "--graph cannot be given together with --json or --dry-run");
    if (o->resume && (o->no_store || o->name || o->dry_run || o->graph))
        return wfe_error_set(err, WFE_E_INVALID,
                             "--resume cannot be given together with --no-store, --name, "
                             "--dry-run or --graph");
    if (o->name) {
        int rc = wfe_store_check_name(o->name, err);
        if (rc)
            return rc;
    }
    return o->graph ? wfe_graph_format_parse(o->graph, graph, err) : 0;
}

static int report_load(const run_options *o, const wfe_diagnostics *found, const wfe_error *error)
{
    if (!found || !wfe_diagnostics_errors(found))
        return wfe_report_usage(error, o->json);
    wfe_diagnostics_report(found, error, o->json);
    return wfe_report_flush(WFE_EXIT_USAGE);
}

static int print_graph(const wfe_plan *plan, enum wfe_graph graph)
{
    wfe_error error = WFE_ERROR_INIT;
    _cleanup_free_ char *text = NULL;
    if (wfe_plan_graph(plan, graph, &text, &error))
        return wfe_report_error(&error);
    fputs(text, stdout);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int dry_run(const run_options *o, const wfe_plan *plan)
{
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_dry_run(plan, o->json, stdout, &error))
        return wfe_report(&error, o->json);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int make_settings(const run_options *o, wfe_run_settings *settings, wfe_error *err)
{
    int rc = wfe_run_settings_here(&o->connection, &o->registry, settings, err);
    if (!rc)
        rc = wfe_run_settings_path(o->input_file, &settings->input_file, err);
    settings->jobs = (uint32_t)o->jobs;
    settings->keep_on_failure = o->keep_on_failure;
    settings->log_step_max_bytes = o->max_step_log;
    settings->log_run_max_bytes = o->max_log;
    return rc;
}

/* The run to go on with; *ret stays NULL when there is none. */
static int find_run(const wfe_plan *plan, const wfe_run_settings *settings, char **ret,
                    wfe_error *err)
{
    const wfe_resume_origin origin = {.workflow = plan->workflows[plan->main].id,
                                      .working_dir = settings->working_dir,
                                      .file = plan->files[0].path};
    wfe_stored stored = {.store = NULL};
    wfe_error error = WFE_ERROR_INIT;
    int rc = wfe_stored_open(&stored, &error);
    if (rc == WFE_E_NOT_FOUND)
        return 0; /* nothing was ever recorded */
    if (!rc)
        rc = wfe_resume_newest(stored.store, &origin, ret, &error);
    wfe_stored_close(&stored);
    return rc ? wfe_error_copy(err, &error) : 0;
}

static int resume_run(const run_options *o, const char *run)
{
    const wfe_resume_options resume = {
        .inputs = o->inputs.items,
        .input_file = o->input_file,
        .jobs = (uint32_t)o->jobs,
        .report = o->report,
        .json = o->json,
        .plain = o->plain,
        .verbose = o->connection.verbose,
    };
    return wfe_resume(run, &resume);
}

static int run_plan(const run_options *o, const wfe_plan *plan)
{
    wfe_error error = WFE_ERROR_INIT;
    _cleanup_free_ char *run = NULL;
    _cleanup_(wfe_run_settings_done) wfe_run_settings settings = {0};
    if (make_settings(o, &settings, &error))
        return wfe_report(&error, o->json);
    if (o->resume && find_run(plan, &settings, &run, &error))
        return wfe_stored_report(&error, o->json);
    if (run)
        return resume_run(o, run);
    if (!o->no_store)
        wfe_resume_remind();
    const wfe_run_driver_options driver = {
        .settings = &settings,
        .verbose = o->connection.verbose,
        .json = o->json,
        .plain = o->plain,
        .report = o->report,
        .name = o->name,
        .no_store = o->no_store,
    };
    return wfe_run_drive(plan, &driver);
}

static int cmd_run(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const run_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_plan *plan = NULL;
    wfe_diagnostics *found = NULL;
    enum wfe_graph graph = WFE_GRAPH_ASCII;
    if (check_usage(o, argc, &graph, &error))
        return wfe_report_usage(&error, o->json);
    const wfe_plan_load_options load = {
        .path = argv[0],
        .workflow = argc > 1 ? argv[1] : NULL,
        .input_file = o->input_file,
        .input_texts = o->inputs.items,
        .partial = o->graph != NULL,
        .check_container = wfe_engine_check_container,
    };
    int rc = wfe_plan_load(&load, &plan, &found, &error);
    int code = rc ? report_load(o, found, &error) : WFE_EXIT_OK;
    if (!rc && !o->json)
        wfe_diagnostics_print(found, stderr); /* warnings */
    if (!rc && o->graph)
        code = print_graph(plan, graph);
    else if (!rc)
        code = o->dry_run ? dry_run(o, plan) : run_plan(o, plan);
    wfe_diagnostics_free(found);
    wfe_plan_free(plan);
    return code;
}

const wfe_command wfe_cmd_run = {
    .name = "run",
    .usage = "[OPTION...] FILE [WORKFLOW]",
    .summary = "run a workflow file",
    .details =
        "Runs the first workflow of the file, or the one that is named. On a terminal it draws\n"
        "what runs; else it prints lines, each with its step in front.\n"
        "The first Ctrl-C stops what runs, lets hooks run and cleans up; a second one kills at\n"
        "once, and still cleans up.\n"
        "Exit codes: 0; 1 a step, a hook or a service failed; 2 wrong usage or an invalid file;\n"
        "124 the time of the run was up; 125 wfe, containerd or a registry failed;\n"
        "130 interrupted.\n",
    .examples = "  wfe run ci.yaml\n"
                "  wfe run ci.yaml -i ref=main -i race=true --jobs 4 --report run.html\n"
                "  wfe run ci.yaml deploy --input-file inputs.json --json\n"
                "  wfe run ci.yaml --dry-run\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(run_options),
    .max_operands = 2,
    .run = cmd_run,
};
