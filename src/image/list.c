/* SPDX-License-Identifier: Apache-2.0 */
#include "image/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strv.h"
#include "containerd/timestamp.h"
#include "image/wait.h"

typedef struct list_item {
    wfe_image_info info;  /* its texts are owned by the list */
    int64_t target_bytes; /* size of the document it points to */
} list_item;

struct wfe_image_list {
    list_item *items;
    size_t len;
};

int wfe_image_list_new(wfe_image_list **ret, wfe_error *err)
{
    wfe_image_list *list = calloc(1, sizeof *list);
    if (!list)
        return wfe_error_nomem(err);
    *ret = list;
    return 0;
}

static void free_info(wfe_image_info *item)
{
    free((char *)(uintptr_t)item->name);
    free((char *)(uintptr_t)item->digest);
    free((char *)(uintptr_t)item->media_type);
    free((char *)(uintptr_t)item->platform);
    wfe_strv_free((char **)(uintptr_t)item->platforms);
}

void wfe_image_list_free(wfe_image_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->len; i++)
        free_info(&list->items[i].info);
    free(list->items);
    free(list);
}

size_t wfe_image_list_length(const wfe_image_list *list)
{
    return list ? list->len : 0;
}

const wfe_image_info *wfe_image_list_at(const wfe_image_list *list, size_t index)
{
    return list && index < list->len ? &list->items[index].info : NULL;
}

int wfe_image_list_add(wfe_image_list *list, const PbImages__Image *record, wfe_error *err)
{
    const Pb__Descriptor *target = record->target;
    list_item *items = realloc(list->items, (list->len + 1) * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    list->items = items;
    wfe_image_info info = {.name = strdup(record->name),
                           .digest = strdup(target ? target->digest : ""),
                           .media_type = strdup(target ? target->media_type : ""),
                           .size_bytes = -1};
    if (!info.name || !info.digest || !info.media_type) {
        free_info(&info);
        return wfe_error_nomem(err);
    }
    wfe_timestamp_to_us(record->created_at, &info.created_at_us);
    items[list->len++] = (list_item){.info = info, .target_bytes = target ? target->size : 0};
    return 0;
}

void wfe_image_list_target(const wfe_image_list *list, size_t index, wfe_image_descriptor *out)
{
    const wfe_image_info *item = &list->items[index].info;
    memset(out, 0, sizeof *out);
    out->media_type = (char *)(uintptr_t)item->media_type;
    snprintf(out->digest, sizeof out->digest, "%s", item->digest);
    out->size_bytes = list->items[index].target_bytes;
}

void wfe_image_list_filter(wfe_image_list *list, const bool *keep)
{
    size_t n = 0;
    for (size_t i = 0; i < list->len; i++) {
        if (keep[i])
            list->items[n++] = list->items[i];
        else
            free_info(&list->items[i].info);
    }
    list->len = n;
}

void wfe_image_list_set_in_use(wfe_image_list *list, const char *name)
{
    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(list->items[i].info.name, name) == 0)
            list->items[i].info.in_use = true;
    }
}

/* "linux/amd64" of each variant that is all there, once. */
static char **complete_platforms(const wfe_image_contents *contents)
{
    char **texts = calloc(contents->n_variants + 1, sizeof *texts);
    size_t n = 0;
    for (size_t i = 0; texts && i < contents->n_variants; i++) {
        const wfe_image_variant *variant = &contents->variants[i];
        char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
        if (variant->descriptor.is_attestation || !variant->descriptor.has_platform ||
            variant->n_missing)
            continue;
        texts[n] = strdup(wfe_image_platform_format(&variant->descriptor.platform, text));
        if (!texts[n++]) {
            wfe_strv_free(texts);
            return NULL;
        }
    }
    return texts;
}

int wfe_image_list_set_contents(wfe_image_list *list, size_t index,
                                const wfe_image_contents *contents, bool unpacked, wfe_error *err)
{
    wfe_image_info *item = &list->items[index].info;
    const wfe_image_variant *chosen = wfe_image_contents_choose(contents, NULL);
    char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
    char *platform = NULL, **platforms = complete_platforms(contents);
    if (chosen && chosen->descriptor.has_platform)
        platform = strdup(wfe_image_platform_format(&chosen->descriptor.platform, text));
    if (!platforms || (chosen && chosen->descriptor.has_platform && !platform)) {
        wfe_strv_free(platforms);
        free(platform);
        return wfe_error_nomem(err);
    }
    item->platforms = (const char *const *)platforms;
    item->platform = platform;
    item->size_bytes = chosen ? chosen->size_bytes : -1;
    item->complete = chosen && chosen->n_missing == 0;
    item->unpacked = unpacked;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const list_item *)a)->info.name, ((const list_item *)b)->info.name);
}

void wfe_image_list_sort(wfe_image_list *list)
{
    if (list->len)
        qsort(list->items, list->len, sizeof *list->items, compare);
}

typedef struct list_call {
    wfe_image_wait wait;
    wfe_image_list *list;
} list_call;

static void on_list(const PbImages__ListImagesResponse *reply, const wfe_error *err, void *user)
{
    list_call *call = user;
    wfe_error problem = *err;
    for (size_t i = 0; !problem.kind && i < reply->n_images; i++)
        wfe_image_list_add(call->list, reply->images[i], &problem);
    wfe_image_wait_end(&call->wait, &problem);
}

int wfe_image_list_read(wfe_client *client, const char *const *filters, wfe_image_list **ret,
                        wfe_error *err)
{
    _cleanup_(wfe_image_list_free_p) wfe_image_list *list = NULL;
    int rc = wfe_image_list_new(&list, err);
    if (rc)
        return rc;
    PbImages__ListImagesRequest request = PB_IMAGES__LIST_IMAGES_REQUEST__INIT;
    request.filters = (const char **)(uintptr_t)filters;
    request.n_filters = wfe_strv_length(filters);
    list_call call = {.wait = {.loop = client->loop}, .list = list};
    rc = wfe_image_wait_for(&call.wait,
                            wfe_images_list(client->containerd, &request, &wfe_image_ask, on_list,
                                            &call, &call.wait.call, err),
                            err);
    if (rc)
        return rc;
    wfe_image_list_sort(list);
    *ret = wfe_take(list);
    return 0;
}
