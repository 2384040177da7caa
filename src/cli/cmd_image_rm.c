/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe image rm.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/image_list.h"
#include "cli/report.h"

typedef struct rm_options {
    wfe_connection connection;
    bool all_unused;
    bool json;
} rm_options;

static const wfe_option options[] = {
    {"all-unused", 0, WFE_OPTION_FLAG, NULL, "remove every image that no container was made of",
     offsetof(rm_options, all_unused)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print what was removed as JSON",
     offsetof(rm_options, json)},
    WFE_CONNECTION_OPTIONS(rm_options, connection),
};

static int print_removed(const wfe_image_list *list)
{
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        const wfe_image_info *image = wfe_image_list_at(list, i);
        printf("removed %s %s%s\n", image->name, image->digest,
               image->in_use ? " (a container was made of it and keeps what it needs)" : "");
    }
    return wfe_report_flush(0);
}

static int check_operands(const rm_options *o, int argc, wfe_error *err)
{
    if (argc > 0 || o->all_unused)
        return 0;
    wfe_error_set(err, WFE_E_INVALID, "wfe image rm needs an IMAGE or --all-unused");
    wfe_error_hint(err, "wfe image ls lists what there is");
    return WFE_E_INVALID;
}

static int cmd_rm(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const rm_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_image_list *list = NULL;
    _cleanup_free_ const char **refs = calloc((size_t)argc + 1, sizeof *refs);
    for (int i = 0; refs && i < argc; i++)
        refs[i] = argv[i];
    const wfe_image_rm_options rm = {.size = sizeof rm, .refs = refs, .all_unused = o->all_unused};
    int rc = refs ? check_operands(o, argc, &error) : wfe_error_nomem(&error);
    if (!rc)
        rc = wfe_connection_open(&o->connection, &client, &error);
    if (!rc)
        rc = wfe_image_rm(client, &rm, &list, &error);
    int code = rc        ? wfe_report(&error, o->json)
               : o->json ? wfe_image_list_print_json(list)
                         : print_removed(list);
    wfe_image_list_free(list);
    wfe_client_free(client);
    return code;
}

const wfe_command wfe_cmd_image_rm = {
    .name = "image rm",
    .usage = "[OPTION...] IMAGE...",
    .summary = "remove images",
    .details =
        "IMAGE is a name, or the first digits (at least four) of a digest, which removes all\n"
        "names of that digest. Returns when the space is free again. Nothing is removed when\n"
        "one of the images is not there. A container made of a removed image keeps what it\n"
        "needs.\n",
    .examples = "  wfe image rm busybox alpine:3.20\n"
                "  wfe image rm sha256:9ae97d36\n"
                "  wfe image rm --all-unused\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(rm_options),
    .max_operands = -1,
    .run = cmd_rm,
};
