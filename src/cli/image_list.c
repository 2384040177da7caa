/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image_list.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/bytesize.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/exit_code.h"
#include "cli/report.h"

#define PLATFORM_WIDTH 14

static json_t *platforms_json(const wfe_image_info *image)
{
    json_t *list = json_array();
    for (size_t i = 0; image->platforms && image->platforms[i]; i++)
        json_array_append_new(list, json_string(image->platforms[i]));
    return list;
}

static json_t *image_json(const wfe_image_info *image)
{
    char created[WFE_CLOCK_TEXT_SIZE];
    json_t *size = image->size_bytes < 0 ? json_null() : json_integer(image->size_bytes);
    return json_pack("{ss ss ss so ss ss? so sb sb sb}", "name", image->name, "digest",
                     image->digest, "media_type", image->media_type, "size", size, "created_at",
                     wfe_clock_format(image->created_at_us, created), "platform", image->platform,
                     "platforms", platforms_json(image), "complete", (int)image->complete,
                     "unpacked", (int)image->unpacked, "in_use", (int)image->in_use);
}

int wfe_image_list_print_json(const wfe_image_list *list)
{
    json_t *array = json_array();
    bool whole = true;
    for (size_t i = 0; i < wfe_image_list_length(list); i++)
        whole &= json_array_append_new(array, image_json(wfe_image_list_at(list, i))) == 0;
    _cleanup_free_ char *text = array && whole ? json_dumps(array, JSON_COMPACT) : NULL;
    json_decref(array);
    if (!text) {
        fprintf(stderr, "wfe: out of memory\n");
        return WFE_EXIT_FAILED;
    }
    puts(text);
    return wfe_report_flush(WFE_EXIT_OK);
}

static const char *state_of(const wfe_image_info *image)
{
    if (image->in_use)
        return "in use";
    if (image->unpacked)
        return "unpacked";
    if (!image->platforms)
        return "damaged";
    return image->complete ? "packed" : "incomplete";
}

/* "linux/amd64", "linux/amd64 +2": this machine's and how many more are there. */
static void print_platforms(const wfe_image_info *image)
{
    size_t n = 0;
    char text[128];
    while (image->platforms && image->platforms[n])
        n++;
    if (image->platform && n > 1)
        snprintf(text, sizeof text, "%s +%zu", image->platform, n - 1);
    else
        snprintf(text, sizeof text, "%s", image->platform ? image->platform : "-");
    printf("  %-*s", PLATFORM_WIDTH, text);
}

static void print_row(const wfe_image_info *image, int name_width)
{
    char size[WFE_BYTESIZE_TEXT_SIZE] = "-", created[WFE_CLOCK_TEXT_SIZE];
    if (image->size_bytes >= 0)
        wfe_bytesize_format((uint64_t)image->size_bytes, size);
    wfe_clock_format(image->created_at_us, created);
    printf("%-*s  %.19s  %9s", name_width, image->name, image->digest, size);
    print_platforms(image);
    printf("  %-10s  %.19sZ\n", state_of(image), created);
}

int wfe_image_list_print_table(const wfe_image_list *list)
{
    int width = (int)strlen("NAME");
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        int len = (int)strlen(wfe_image_list_at(list, i)->name);
        width = len > width ? len : width;
    }
    printf("%-*s  %-19s  %9s  %-*s  %-10s  %s\n", width, "NAME", "DIGEST", "SIZE", PLATFORM_WIDTH,
           "PLATFORM", "STATE", "CREATED");
    for (size_t i = 0; i < wfe_image_list_length(list); i++)
        print_row(wfe_image_list_at(list, i), width);
    return wfe_report_flush(WFE_EXIT_OK);
}

int wfe_image_list_print_done(const wfe_image_list *list, const char *verb)
{
    for (size_t i = 0; i < wfe_image_list_length(list); i++) {
        const wfe_image_info *image = wfe_image_list_at(list, i);
        printf("%s %s %s\n", verb, image->name, image->digest);
    }
    return wfe_report_flush(WFE_EXIT_OK);
}
