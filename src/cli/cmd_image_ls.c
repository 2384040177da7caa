/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe image ls.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/image_list.h"
#include "cli/report.h"

typedef struct ls_options {
    wfe_connection connection;
    wfe_option_list filters;
    bool quiet;
    bool json;
} ls_options;

static const wfe_option options[] = {
    {"filter", 'f', WFE_OPTION_LIST, "FILTER",
     "only images that fit this filter of containerd; repeatable, one must fit",
     offsetof(ls_options, filters)},
    {"quiet", 'q', WFE_OPTION_FLAG, NULL, "print the names only", offsetof(ls_options, quiet)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the images as JSON", offsetof(ls_options, json)},
    WFE_CONNECTION_OPTIONS(ls_options, connection),
};

static int print_names(const wfe_image_list *list)
{
    for (size_t i = 0; i < wfe_image_list_length(list); i++)
        puts(wfe_image_list_at(list, i)->name);
    return wfe_report_flush(0);
}

static int print_list(const ls_options *o, const wfe_image_list *list)
{
    if (o->json)
        return wfe_image_list_print_json(list);
    return o->quiet ? print_names(list) : wfe_image_list_print_table(list);
}

static int cmd_ls(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const ls_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_image_list *list = NULL;
    _cleanup_free_ const char **patterns = calloc((size_t)argc + 1, sizeof *patterns);
    for (int i = 0; patterns && i < argc; i++)
        patterns[i] = argv[i];
    const wfe_image_ls_options ls = {
        .size = sizeof ls,
        .patterns = argc ? patterns : NULL,
        .filters = o->filters.items,
        .details = !o->quiet || o->json,
    };
    int rc =
        patterns ? wfe_connection_open(&o->connection, &client, &error) : wfe_error_nomem(&error);
    if (!rc)
        rc = wfe_image_ls(client, &ls, &list, &error);
    /* Only containerd knows what a filter is. */
    bool wrong_filter = rc && error.kind == WFE_E_INVALID && o->filters.len;
    int code = wrong_filter ? wfe_report_usage(&error, o->json)
               : rc         ? wfe_report(&error, o->json)
                            : print_list(o, list);
    wfe_image_list_free(list);
    wfe_client_free(client);
    return code;
}

const wfe_command wfe_cmd_image_ls = {
    .name = "image ls",
    .usage = "[OPTION...] [IMAGE...]",
    .summary = "list the images",
    .details =
        "IMAGE is a name with or without its tag, a pattern for one (* ? [...]), or the\n"
        "first digits of a digest. SIZE is what the image for this machine's platform takes\n"
        "in containerd's content store, compressed as it came. STATE is:\n"
        "  in use      a container was made of it\n"
        "  unpacked    a container can be made of it at once\n"
        "  packed      all of it is there, to be unpacked when it is used\n"
        "  incomplete  a part of it is not there\n"
        "  damaged     its documents cannot be read\n",
    .examples = "  wfe image ls\n"
                "  wfe image ls busybox 'localhost:5000/*' --json\n"
                "  wfe image ls --filter 'labels.\"team\"==build'\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(ls_options),
    .max_operands = -1,
    .run = cmd_ls,
};
