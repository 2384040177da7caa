/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe image export.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/image_list.h"
#include "cli/replace_file.h"
#include "cli/report.h"

typedef struct export_options {
    wfe_connection connection;
    const char *output;
    const char *platform;
    bool all_platforms;
    bool json;
} export_options;

static const wfe_option options[] = {
    {"output", 'o', WFE_OPTION_TEXT, "FILE", "file to make; - is the standard output (required)",
     offsetof(export_options, output)},
    {"platform", 0, WFE_OPTION_TEXT, "PLATFORM", "export this one (this machine's)",
     offsetof(export_options, platform)},
    {"all-platforms", 0, WFE_OPTION_FLAG, NULL, "export everything that the images name",
     offsetof(export_options, all_platforms)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print what was exported as JSON",
     offsetof(export_options, json)},
    WFE_CONNECTION_OPTIONS(export_options, connection),
};

static bool to_stdout(const export_options *o)
{
    return strcmp(o->output, "-") == 0;
}

static int check(const export_options *o, wfe_error *err)
{
    if (!o->output) {
        wfe_error_set(err, WFE_E_INVALID, "wfe image export needs --output FILE");
        wfe_error_hint(err, "for example: wfe image export busybox -o busybox.tar");
        return WFE_E_INVALID;
    }
    if (o->platform && o->all_platforms)
        return wfe_error_set(err, WFE_E_INVALID,
                             "--platform and --all-platforms exclude each other");
    if (!to_stdout(o))
        return 0;
    if (o->json)
        return wfe_error_set(err, WFE_E_INVALID,
                             "--json and --output - both write the standard output");
    if (isatty(STDOUT_FILENO)) {
        wfe_error_set(err, WFE_E_INVALID, "the standard output is a terminal");
        wfe_error_hint(err, "give --output FILE, or a pipe");
        return WFE_E_INVALID;
    }
    return 0;
}

/* The client, the images and the file. */
static int export_images(const export_options *o, const char *const *refs, wfe_image_list **ret,
                         wfe_error *err)
{
    wfe_client *client = NULL;
    wfe_replace_file file = {.fd = -1};
    int rc = wfe_connection_open(&o->connection, &client, err);
    if (!rc && !to_stdout(o))
        rc = wfe_replace_file_open(o->output, &file, err);
    const wfe_image_export_options export = {
        .size = sizeof export,
        .refs = refs,
        .fd = to_stdout(o) ? STDOUT_FILENO : file.fd,
        .file_name = to_stdout(o) ? NULL : o->output,
        .platform = o->platform,
        .all_platforms = o->all_platforms,
    };
    if (!rc)
        rc = wfe_image_export(client, &export, ret, err);
    if (!rc && !to_stdout(o))
        rc = wfe_replace_file_commit(&file, err);
    wfe_replace_file_done(&file);
    wfe_client_free(client);
    return rc;
}

static int cmd_export(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const export_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_image_list *list = NULL;
    _cleanup_free_ const char **refs = calloc((size_t)argc + 1, sizeof *refs);
    for (int i = 0; refs && i < argc; i++)
        refs[i] = argv[i];
    int rc = refs ? check(o, &error) : wfe_error_nomem(&error);
    if (!rc)
        rc = export_images(o, refs, &list, &error);
    int code = rc             ? wfe_report(&error, o->json)
               : o->json      ? wfe_image_list_print_json(list)
               : to_stdout(o) ? 0
                              : wfe_image_list_print_done(list, "exported");
    wfe_image_list_free(list);
    return code;
}

const wfe_command wfe_cmd_image_export = {
    .name = "image export",
    .usage = "[OPTION...] --output FILE IMAGE...",
    .summary = "write images to an archive",
    .details =
        "IMAGE is a name, or the first digits (at least four) of a digest. The archive is an OCI\n"
        "image layout and a `docker save` archive at once: wfe image import, ctr image import and\n"
        "docker load take it. It keeps the images' digests. FILE is replaced in one step when all\n"
        "of it is written. The same images give the same bytes.\n",
    .examples = "  wfe image export busybox -o busybox.tar\n"
                "  wfe image export --all-platforms app:1 app:2 -o apps.tar\n"
                "  wfe image export app -o - | gzip >app.tar.gz\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(export_options),
    .min_operands = 1,
    .max_operands = -1,
    .run = cmd_export,
};
