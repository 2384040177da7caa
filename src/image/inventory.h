/* SPDX-License-Identifier: Apache-2.0
 *
 * What the content store of a namespace holds, read in one listing: which blobs are there and how
 * large they are. It is a picture of one moment; blobs may come and go afterwards.
 */
#ifndef WFE_IMAGE_INVENTORY_H
#define WFE_IMAGE_INVENTORY_H

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/strmap.h"
#include "containerd/wfe_client.h"

typedef struct wfe_image_stored {
    char digest[WFE_DIGEST_SIZE];
    int64_t size_bytes;
    wfe_strmap snapshots; /* of an image config that was unpacked: snapshotter, chain ID */
} wfe_image_stored;

typedef struct wfe_image_inventory wfe_image_inventory;
/* Blocks by running the client's loop. LIMIT for a store of more than two million blobs. */
int wfe_image_inventory_read(wfe_client *client, wfe_image_inventory **ret, wfe_error *err);
/* Borrowed until the inventory is freed; NULL when it is not in the store. */
const wfe_image_stored *wfe_image_inventory_find(const wfe_image_inventory *inventory,
                                                 const char *digest);
void wfe_image_inventory_free(wfe_image_inventory *inventory);
WFE_DEFINE_CLEANUP(wfe_image_inventory, wfe_image_inventory_free)

#endif
