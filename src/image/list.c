/* SPDX-License-Identifier: Apache-2.0 */
#include "image/list.h"

#include <stdlib.h>
#include <string.h>

#include "containerd/timestamp.h"
#include "image/import.h"
#include "image/wait.h"

struct wfe_image_list {
    wfe_image_info *items; /* their texts are owned by the list */
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

static void free_item(wfe_image_info *item)
{
    free((char *)(uintptr_t)item->name);
    free((char *)(uintptr_t)item->digest);
    free((char *)(uintptr_t)item->media_type);
}

void wfe_image_list_free(wfe_image_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->len; i++)
        free_item(&list->items[i]);
    free(list->items);
    free(list);
}

size_t wfe_image_list_length(const wfe_image_list *list)
{
    return list ? list->len : 0;
}

const wfe_image_info *wfe_image_list_at(const wfe_image_list *list, size_t index)
{
    return list && index < list->len ? &list->items[index] : NULL;
}

int wfe_image_list_add(wfe_image_list *list, const PbImages__Image *record, wfe_error *err)
{
    const Pb__Descriptor *target = record->target;
    wfe_image_info *items = realloc(list->items, (list->len + 1) * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    list->items = items;
    wfe_image_info item = {.name = strdup(record->name),
                           .digest = strdup(target ? target->digest : ""),
                           .media_type = strdup(target ? target->media_type : ""),
                           .size_bytes = target ? target->size : 0};
    if (!item.name || !item.digest || !item.media_type) {
        free_item(&item);
        return wfe_error_nomem(err);
    }
    wfe_timestamp_to_us(record->created_at, &item.created_at_us);
    list->items[list->len++] = item;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const wfe_image_info *)a)->name, ((const wfe_image_info *)b)->name);
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

int wfe_image_list_run(wfe_loop *loop, wfe_containerd *containerd, wfe_image_list **ret,
                       wfe_error *err)
{
    _cleanup_(wfe_image_list_free_p) wfe_image_list *list = NULL;
    int rc = wfe_image_list_new(&list, err);
    if (rc)
        return rc;
    PbImages__ListImagesRequest request = PB_IMAGES__LIST_IMAGES_REQUEST__INIT;
    const wfe_containerd_options options = {.fail_fast = true};
    list_call call = {.wait = {.loop = loop}, .list = list};
    rc = wfe_image_wait_for(
        &call.wait,
        wfe_images_list(containerd, &request, &options, on_list, &call, &call.wait.call, err), err);
    if (rc)
        return rc;
    wfe_image_list_sort(list);
    *ret = wfe_take(list);
    return 0;
}
