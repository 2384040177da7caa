/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe version.
 */
#include <stdio.h>

#include <wfe/client.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"

typedef struct version_options {
    bool json;
} version_options;

static const wfe_option options[] = {
    {"json", 0, WFE_OPTION_FLAG, NULL, "print a JSON object", offsetof(version_options, json)},
};

static int cmd_version(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const version_options *o = target;
    if (o->json)
        printf("{\"version\":\"%s\"}\n", wfe_version());
    else
        printf("wfe %s\n", wfe_version());
    return wfe_report_flush(WFE_EXIT_OK);
}

const wfe_command wfe_cmd_version = {
    .name = "version",
    .usage = "[--json]",
    .summary = "print the version of wfe",
    .examples = "  wfe version\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(version_options),
    .run = cmd_version,
};
