/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe doctor: one line for each thing a step needs.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <wfe/doctor.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/exit_code.h"
#include "cli/registry.h"
#include "cli/report.h"

typedef struct doctor_options {
    wfe_connection connection;
    wfe_registry_config registry;
    wfe_option_list registries;
    bool offline;
    bool json;
} doctor_options;

static const wfe_option options[] = {
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the findings as JSON",
     offsetof(doctor_options, json)},
    {"registry", 0, WFE_OPTION_LIST, "HOST|IMAGE",
     "ask this registry, or for this image (docker.io; repeatable)",
     offsetof(doctor_options, registries)},
    {"offline", 0, WFE_OPTION_FLAG, NULL, "ask no registry", offsetof(doctor_options, offline)},
    WFE_REGISTRY_OPTIONS(doctor_options, registry),
    WFE_CONNECTION_OPTIONS(doctor_options, connection),
};

static const char *const level_names[] = {"ok", "warning", "failure"};

static void print_finding(const wfe_finding *finding, void *user)
{
    (void)user;
    printf("%-8s %-12s %s\n", level_names[finding->level], finding->check, finding->text);
    if (finding->advice[0])
        printf("%-8s %-12s -> %s\n", "", "", finding->advice);
}

static void collect_finding(const wfe_finding *finding, void *user)
{
    json_array_append_new(user, json_pack("{ss ss ss ss}", "check", finding->check, "level",
                                          level_names[finding->level], "text", finding->text,
                                          "advice", finding->advice));
}

static int print_json(json_t *findings)
{
    _cleanup_free_ char *text = json_dumps(findings, JSON_COMPACT);
    if (!text)
        return WFE_EXIT_FAILED;
    puts(text);
    return WFE_EXIT_OK;
}

static int ask_registries(const doctor_options *o, wfe_client *client, wfe_finding_fn fn,
                          void *user, enum wfe_finding_level *worst, wfe_error *err)
{
    static const char *const usual[] = {"docker.io", NULL};
    const char *const *list = o->registries.len ? (const char *const *)o->registries.items : usual;
    wfe_registry_setup setup = {0};
    int rc = o->offline ? 0 : wfe_registry_setup_init(&setup, &o->registry, err);
    for (size_t i = 0; !rc && !o->offline && list[i]; i++)
        rc = wfe_doctor_registry(client, list[i], &setup.access, fn, user, worst, err);
    wfe_registry_setup_done(&setup);
    return rc;
}

static int cmd_doctor(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const doctor_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    enum wfe_finding_level worst = WFE_FINDING_OK;
    json_t *findings = o->json ? json_array() : NULL;
    wfe_finding_fn fn = o->json ? collect_finding : print_finding;
    int rc = wfe_connection_open(&o->connection, &client, &error);
    if (!rc)
        rc = wfe_doctor_run(client, getenv("CNI_PATH"), fn, findings, &worst, &error);
    if (!rc)
        rc = ask_registries(o, client, fn, findings, &worst, &error);
    int code = worst == WFE_FINDING_FAILURE ? WFE_EXIT_FAILED : WFE_EXIT_OK;
    if (rc == WFE_E_INVALID)
        code = wfe_report_usage(&error, o->json);
    else if (rc)
        code = wfe_report(&error, o->json);
    else if (o->json && print_json(findings))
        code = WFE_EXIT_FAILED;
    json_decref(findings);
    wfe_client_free(client);
    return wfe_report_flush(code);
}

const wfe_command wfe_cmd_doctor = {
    .name = "doctor",
    .usage = "[OPTION...]",
    .summary = "check that this machine can run steps",
    .details = "Prints a line for each thing a step needs: ok, or what to do. Exits with 125 when\n"
               "something is wrong that no step can do without. What is asked of a registry is\n"
               "what a name stands for; nothing is fetched.\n",
    .examples = "  wfe doctor\n"
                "  wfe doctor --registry registry.example:5000/team/tool:1\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(doctor_options),
    .run = cmd_doctor,
};
