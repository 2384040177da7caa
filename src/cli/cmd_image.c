/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe image import|ls.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wfe/image.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/exit_code.h"
#include "cli/report.h"

typedef struct image_options {
    wfe_connection connection;
    const char *name;
    bool json;
} image_options;

static const wfe_option import_options[] = {
    {"name", 0, WFE_OPTION_TEXT, "NAME", "name for the image, instead of the archive's",
     offsetof(image_options, name)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the images as JSON", offsetof(image_options, json)},
    WFE_CONNECTION_OPTIONS(image_options, connection),
};
static const wfe_option ls_options[] = {
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the images as JSON", offsetof(image_options, json)},
    WFE_CONNECTION_OPTIONS(image_options, connection),
};

static json_t *image_json(const wfe_image_info *image)
{
    char created[WFE_CLOCK_TEXT_SIZE];
    return json_pack("{ss ss ss sI ss}", "name", image->name, "digest", image->digest, "media_type",
                     image->media_type, "size", (json_int_t)image->size_bytes, "created_at",
                     wfe_clock_format(image->created_at_us, created));
}

static int print_json(const wfe_image_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < wfe_image_list_length(list); i++)
        json_array_append_new(array, image_json(wfe_image_list_at(list, i)));
    _cleanup_free_ char *text = array ? json_dumps(array, JSON_COMPACT) : NULL;
    json_decref(array);
    if (!text) {
        fprintf(stderr, "wfe: out of memory\n");
        return WFE_EXIT_FAILED;
    }
    puts(text);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int print_list(const wfe_image_list *list)
{
    int width = (int)strlen("NAME");
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        int len = (int)strlen(wfe_image_list_at(list, i)->name);
        width = len > width ? len : width;
    }
    printf("%-*s  %-19s  %s\n", width, "NAME", "DIGEST", "CREATED");
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        const wfe_image_info *image = wfe_image_list_at(list, i);
        char created[WFE_CLOCK_TEXT_SIZE];
        wfe_clock_format(image->created_at_us, created);
        printf("%-*s  %.19s  %.19sZ\n", width, image->name, image->digest, created);
    }
    return wfe_report_flush(WFE_EXIT_OK);
}

static int cmd_ls(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const image_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_image_list *list = NULL;
    int rc = wfe_connection_open(&o->connection, &client, &error);
    if (!rc)
        rc = wfe_image_ls(client, &list, &error);
    int code = rc ? wfe_report(&error, o->json) : o->json ? print_json(list) : print_list(list);
    wfe_image_list_free(list);
    wfe_client_free(client);
    return code;
}

static int open_archive(const char *path, int *ret_fd, wfe_error *err)
{
    if (strcmp(path, "-") == 0) {
        *ret_fd = STDIN_FILENO;
        return 0;
    }
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *ret_fd < 0 ? wfe_error_set_errno(err, errno, "cannot open %s", path) : 0;
}

static int print_imported(const wfe_image_list *list)
{
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        const wfe_image_info *image = wfe_image_list_at(list, i);
        printf("imported %s %s\n", image->name, image->digest);
    }
    return wfe_report_flush(WFE_EXIT_OK);
}

static int cmd_import(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    const image_options *o = target;
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
    int code = rc ? wfe_report(&error, o->json) : o->json ? print_json(list) : print_imported(list);
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
    .details = "FILE is an OCI image layout or a `docker save` archive, plain or compressed; - is\n"
               "the standard input.\n",
    .examples = "  wfe image import busybox.tar\n"
                "  docker save app | wfe image import -\n",
    .options = import_options,
    .n_options = sizeof import_options / sizeof *import_options,
    .struct_size = sizeof(image_options),
    .min_operands = 1,
    .max_operands = 1,
    .run = cmd_import,
};

const wfe_command wfe_cmd_image_ls = {
    .name = "image ls",
    .usage = "[OPTION...]",
    .summary = "list the images",
    .examples = "  wfe image ls --json\n",
    .options = ls_options,
    .n_options = sizeof ls_options / sizeof *ls_options,
    .struct_size = sizeof(image_options),
    .run = cmd_ls,
};
