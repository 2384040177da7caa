/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe validate: everything that is wrong in workflow files, or their graph.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wfe/workflow.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/diagnostic.h"
#include "cli/exit_code.h"
#include "cli/graph_format.h"
#include "cli/report.h"

typedef struct validate_options {
    wfe_option_list inputs;
    const char *input_file;
    const char *workflow;
    const char *graph;
    bool strict;
    bool schema;
    bool json;
} validate_options;

static const wfe_option options[] = {
    {"input", 'i', WFE_OPTION_LIST, "KEY=VALUE", "an input of the workflow (repeatable)",
     offsetof(validate_options, inputs)},
    {"input-file", 0, WFE_OPTION_TEXT, "FILE", "inputs from a JSON or YAML file",
     offsetof(validate_options, input_file)},
    {"workflow", 0, WFE_OPTION_TEXT, "ID", "the workflow that is meant, of several (the first)",
     offsetof(validate_options, workflow)},
    {"graph", 0, WFE_OPTION_TEXT, WFE_GRAPH_FORMATS, "print the steps as a graph",
     offsetof(validate_options, graph)},
    {"strict", 0, WFE_OPTION_FLAG, NULL, "warnings are errors", offsetof(validate_options, strict)},
    {"schema", 0, WFE_OPTION_FLAG, NULL, "print the JSON Schema of workflow files, for editors",
     offsetof(validate_options, schema)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print one JSON object a file",
     offsetof(validate_options, json)},
};

/* ---- one file ---- */

/* As wfe/workflow.h says. */
#define DIAGNOSTICS_MAX 1000

typedef struct counts {
    size_t errors;
    size_t warnings;
    const char *at_least; /* "" or "at least ", when not all were kept */
} counts;

static counts count(const wfe_workflow *workflow)
{
    counts n = {.at_least = ""};
    if (wfe_workflow_n_diagnostics(workflow) >= DIAGNOSTICS_MAX)
        n.at_least = "at least ";
    for (size_t i = 0; i < wfe_workflow_n_diagnostics(workflow); i++) {
        if (wfe_workflow_diagnostic_at(workflow, i)->severity == WFE_SEVERITY_ERROR)
            n.errors++;
        else
            n.warnings++;
    }
    return n;
}

static void print_for_people(const char *path, const wfe_workflow *workflow, bool show_result)
{
    counts n = count(workflow);
    for (size_t i = 0; i < wfe_workflow_n_diagnostics(workflow); i++)
        wfe_diagnostic_print(wfe_workflow_diagnostic_at(workflow, i), stderr);
    if (n.errors || n.warnings)
        fprintf(stderr, "%s: %s%zu error%s, %zu warning%s\n", path, n.at_least, n.errors,
                n.errors == 1 ? "" : "s", n.warnings, n.warnings == 1 ? "" : "s");
    else if (show_result)
        printf("%s: ok, workflow '%s' version %u, %zu step%s\n", path, wfe_workflow_id(workflow),
               wfe_workflow_version(workflow), wfe_workflow_n_steps(workflow),
               wfe_workflow_n_steps(workflow) == 1 ? "" : "s");
}

static void print_json(const char *path, const wfe_workflow *workflow)
{
    json_t *list = json_array();
    bool valid = wfe_workflow_is_valid(workflow);
    for (size_t i = 0; list && i < wfe_workflow_n_diagnostics(workflow); i++)
        json_array_append_new(list, wfe_diagnostic_json(wfe_workflow_diagnostic_at(workflow, i)));
    json_t *object =
        json_pack("{si ss% sb ss? sI sI so}", "version", 1, "file", path, strlen(path), "valid",
                  (int)valid, "workflow", valid ? wfe_workflow_id(workflow) : NULL,
                  "workflow_version", (json_int_t)wfe_workflow_version(workflow), "steps",
                  (json_int_t)wfe_workflow_n_steps(workflow), "diagnostics", list);
    _cleanup_free_ char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    puts(text ? text : "{\"version\":1,\"error\":\"no memory\"}");
}

static int print_graph(const wfe_workflow *workflow, enum wfe_graph format)
{
    wfe_error error = WFE_ERROR_INIT;
    _cleanup_free_ char *text = NULL;
    if (wfe_workflow_graph(workflow, format, &text, &error))
        return wfe_report_error(&error);
    fputs(text, stdout);
    return WFE_EXIT_OK;
}

static int validate(const validate_options *o, const char *path, enum wfe_graph graph)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_workflow *workflow = NULL;
    const wfe_workflow_options load = {
        .size = sizeof load,
        .path = path,
        .workflow = o->workflow,
        .input_file = o->input_file,
        .inputs = (const char *const *)o->inputs.items,
        .require_inputs = false,
    };
    if (wfe_workflow_load(&load, &workflow, &error))
        return wfe_report_usage(&error, o->json);
    int code = wfe_workflow_is_valid(workflow) ? WFE_EXIT_OK : WFE_EXIT_USAGE;
    if (o->strict && wfe_workflow_n_diagnostics(workflow))
        code = WFE_EXIT_USAGE;
    if (o->json)
        print_json(path, workflow);
    else
        print_for_people(path, workflow, !o->graph);
    if (o->graph && wfe_workflow_is_valid(workflow)) {
        int drawn = print_graph(workflow, graph);
        code = drawn ? drawn : code;
    }
    wfe_workflow_free(workflow);
    return code;
}

/* ---- the command ---- */

static int print_schema(void)
{
    _cleanup_free_ char *text = wfe_workflow_schema();
    wfe_error error = WFE_ERROR_INIT;
    if (!text) {
        wfe_error_nomem(&error);
        return wfe_report_error(&error);
    }
    fputs(text, stdout);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int check_usage(const validate_options *o, int argc, enum wfe_graph *graph, wfe_error *err)
{
    if (!argc && !o->schema) {
        wfe_error_set(err, WFE_E_INVALID, "wfe validate needs a workflow file");
        wfe_error_hint(err, "for example: wfe validate ci.yaml");
        return WFE_E_INVALID;
    }
    if (o->graph && o->json)
        return wfe_error_set(err, WFE_E_INVALID, "--graph and --json cannot be given together");
    if (o->graph && argc > 1)
        return wfe_error_set(err, WFE_E_INVALID, "--graph takes one file, %d were given", argc);
    return o->graph ? wfe_graph_format_parse(o->graph, graph, err) : 0;
}

static int cmd_validate(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const validate_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    enum wfe_graph graph = WFE_GRAPH_ASCII;
    if (check_usage(o, argc, &graph, &error))
        return wfe_report_usage(&error, o->json);
    if (o->schema)
        return print_schema();
    int code = WFE_EXIT_OK;
    for (int i = 0; i < argc; i++) {
        int one = validate(o, argv[i], graph);
        code = one ? one : code;
    }
    return wfe_report_flush(code);
}

const wfe_command wfe_cmd_validate = {
    .name = "validate",
    .usage = "[OPTION...] FILE...",
    .summary = "check workflow files, or draw them",
    .details =
        "Tells all mistakes of the files at once, each at its place, with the word that was\n"
        "meant; warnings are what is no mistake but looks like one. Nothing is run. Exit\n"
        "code 0: no errors, 2: errors.\n",
    .examples = "  wfe validate ci.yaml\n"
                "  wfe validate ci.yaml --graph svg >ci.svg\n"
                "  wfe validate --schema >workflow.schema.json\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(validate_options),
    .min_operands = 0,
    .max_operands = -1,
    .run = cmd_validate,
};
