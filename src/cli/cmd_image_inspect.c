/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe image inspect.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <wfe/image.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/report.h"

typedef struct inspect_options {
    wfe_connection connection;
    const char *platform;
    bool json;
} inspect_options;

static const wfe_option options[] = {
    {"platform", 0, WFE_OPTION_TEXT, "PLATFORM", "describe this one (this machine's)",
     offsetof(inspect_options, platform)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print it in one line", offsetof(inspect_options, json)},
    WFE_CONNECTION_OPTIONS(inspect_options, connection),
};

static int print_details(const inspect_options *o, const wfe_image_details *details)
{
    const char *text = wfe_image_details_json(details);
    json_t *json = o->json ? NULL : json_loads(text, 0, NULL);
    _cleanup_free_ char *pretty = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    puts(pretty ? pretty : text);
    return wfe_report_flush(0);
}

static int cmd_inspect(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    const inspect_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_image_details *details = NULL;
    const wfe_image_inspect_options inspect = {
        .size = sizeof inspect, .ref = argv[0], .platform = o->platform};
    int rc = wfe_connection_open(&o->connection, &client, &error);
    if (!rc)
        rc = wfe_image_inspect(client, &inspect, &details, &error);
    int code = rc ? wfe_report(&error, o->json) : print_details(o, details);
    wfe_image_details_free(details);
    wfe_client_free(client);
    return code;
}

const wfe_command wfe_cmd_image_inspect = {
    .name = "image inspect",
    .usage = "[OPTION...] IMAGE",
    .summary = "tell everything about an image, as JSON",
    .details = "IMAGE is a name, or the first digits (at least four) of a digest. The object has\n"
               "the record, the platform chosen with its digests, config, layers and where it is\n"
               "unpacked, and all platforms of the image with which are there.\n",
    .examples = "  wfe image inspect busybox\n"
                "  wfe image inspect --platform linux/arm64 --json alpine | jq .layers\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(inspect_options),
    .min_operands = 1,
    .max_operands = 1,
    .run = cmd_inspect,
};
