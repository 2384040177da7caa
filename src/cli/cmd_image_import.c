/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe image import.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wfe/image.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/image_list.h"
#include "cli/report.h"

typedef struct import_options {
    wfe_connection connection;
    const char *name;
    bool json;
} import_options;

static const wfe_option options[] = {
    {"name", 0, WFE_OPTION_TEXT, "NAME", "name for the image, instead of the archive's",
     offsetof(import_options, name)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the images as JSON", offsetof(import_options, json)},
    WFE_CONNECTION_OPTIONS(import_options, connection),
};
static int open_archive(const char *path, int *ret_fd, wfe_error *err)
{
    if (strcmp(path, "-") == 0) {
        if (isatty(STDIN_FILENO))
            return wfe_error_set(err, WFE_E_INVALID,
                                 "the standard input is a terminal, must be an archive");
        *ret_fd = STDIN_FILENO;
        return 0;
    }
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *ret_fd < 0 ? wfe_error_set_errno(err, errno, "cannot open %s", path) : 0;
}

static int cmd_import(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    const import_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_image_list *list = NULL;
    int fd = -1;
    int rc = open_archive(argv[0], &fd, &error);
    wfe_image_import_options import = {
        .size = sizeof import,
        .fd = fd,
        .file_name = fd == STDIN_FILENO ? NULL : argv[0],
        .name = o->name,
    };
    if (!rc)
        rc = wfe_connection_open(&o->connection, &client, &error);
    if (!rc)
        rc = wfe_image_import(client, &import, &list, &error);
    int code = rc        ? wfe_report(&error, o->json)
               : o->json ? wfe_image_list_print_json(list)
                         : wfe_image_list_print_done(list, "imported");
    wfe_image_list_free(list);
    wfe_client_free(client);
    if (fd > STDIN_FILENO)
        close(fd);
    return code;
}

const wfe_command wfe_cmd_image_import = {
    .name = "image import",
    .usage = "[OPTION...] FILE|-",
    .summary = "bring in images from an archive",
    .details =
        "FILE is an OCI image layout or a `docker save` archive of one image or several, plain or\n"
        "compressed with gzip, xz or zstd; - is the standard input. Every blob is checked against\n"
        "its digest. The images are unpacked, ready to run.\n",
    .examples = "  wfe image import busybox.tar\n"
                "  docker save app | wfe image import -\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(import_options),
    .min_operands = 1,
    .max_operands = 1,
    .run = cmd_import,
};
