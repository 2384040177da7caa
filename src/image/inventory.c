/* SPDX-License-Identifier: Apache-2.0 */
#include "image/inventory.h"

#include <string.h>

#include "containerd/content.h"
#include "image/labels.h"
#include "image/wait.h"

#define BLOBS_MAX ((size_t)2000000)

struct wfe_image_inventory {
    wfe_image_stored *items; /* by digest, once it is complete */
    size_t len;
    size_t cap;
};

void wfe_image_inventory_free(wfe_image_inventory *inventory)
{
    if (!inventory)
        return;
    for (size_t i = 0; i < inventory->len; i++)
        wfe_strmap_done(&inventory->items[i].snapshots);
    free(inventory->items);
    free(inventory);
}

static int reserve(wfe_image_inventory *inventory, wfe_error *err)
{
    if (inventory->len < inventory->cap)
        return 0;
    size_t cap = inventory->cap ? inventory->cap * 2 : 64;
    if (inventory->len == BLOBS_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "the content store holds more than %zu blobs",
                             BLOBS_MAX);
    wfe_image_stored *items = realloc(inventory->items, cap * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    inventory->items = items;
    inventory->cap = cap;
    return 0;
}

static int add(wfe_image_inventory *inventory, const PbContent__Info *info, wfe_error *err)
{
    const char prefix[] = WFE_IMAGE_LABEL_SNAPSHOT ".";
    const size_t prefix_len = sizeof prefix - 1;
    /* Blobs of other kinds of digests belong to no image that wfe can read. */
    if (!wfe_digest_is_valid(info->digest))
        return 0;
    int rc = reserve(inventory, err);
    if (rc)
        return rc;
    wfe_image_stored *stored = &inventory->items[inventory->len++];
    memset(stored, 0, sizeof *stored);
    memcpy(stored->digest, info->digest, sizeof stored->digest);
    stored->size_bytes = info->size;
    for (size_t i = 0; !rc && i < info->n_labels; i++) {
        if (strncmp(info->labels[i]->key, prefix, prefix_len) == 0)
            rc = wfe_strmap_set(&stored->snapshots, info->labels[i]->key + prefix_len,
                                info->labels[i]->value, err);
    }
    return rc;
}

typedef struct listing {
    wfe_image_wait wait;
    wfe_image_inventory *inventory;
    wfe_error problem; /* of the first blob that could not be taken */
} listing;

static void on_infos(const PbContent__ListContentResponse *reply, void *user)
{
    listing *list = user;
    for (size_t i = 0; !list->problem.kind && i < reply->n_info; i++)
        add(list->inventory, reply->info[i], &list->problem);
}

static void on_end(const wfe_error *err, void *user)
{
    listing *list = user;
    wfe_image_wait_end(&list->wait, list->problem.kind ? &list->problem : err);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const wfe_image_stored *)a)->digest, ((const wfe_image_stored *)b)->digest);
}

int wfe_image_inventory_read(wfe_client *client, wfe_image_inventory **ret, wfe_error *err)
{
    _cleanup_(wfe_image_inventory_free_p) wfe_image_inventory *inventory =
        calloc(1, sizeof *inventory);
    if (!inventory)
        return wfe_error_nomem(err);
    PbContent__ListContentRequest request = PB_CONTENT__LIST_CONTENT_REQUEST__INIT;
    listing list = {.wait = {.loop = client->loop}, .inventory = inventory};
    int rc = wfe_image_wait_for(&list.wait,
                                wfe_content_list(client->containerd, &request, &wfe_image_ask,
                                                 on_infos, on_end, &list, &list.wait.call, err),
                                err);
    if (rc)
        return rc;
    if (inventory->len)
        qsort(inventory->items, inventory->len, sizeof *inventory->items, compare);
    *ret = wfe_take(inventory);
    return 0;
}

const wfe_image_stored *wfe_image_inventory_find(const wfe_image_inventory *inventory,
                                                 const char *digest)
{
    wfe_image_stored key;
    if (!inventory->len || !wfe_digest_is_valid(digest))
        return NULL;
    memcpy(key.digest, digest, sizeof key.digest);
    return bsearch(&key, inventory->items, inventory->len, sizeof key, compare);
}
