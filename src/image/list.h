/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of images that the public functions give.
 */
#ifndef WFE_IMAGE_LIST_H
#define WFE_IMAGE_LIST_H

#include <wfe/image.h>

#include "base/cleanup.h"
#include "containerd/images.h"
#include "containerd/wfe_client.h"
#include "image/contents.h"

WFE_DEFINE_CLEANUP(wfe_image_list, wfe_image_list_free)

int wfe_image_list_new(wfe_image_list **ret, wfe_error *err);
/* Copies what the record says; what only the image's documents tell is not known yet. */
int wfe_image_list_add(wfe_image_list *list, const PbImages__Image *record, wfe_error *err);
/* By name. */
void wfe_image_list_sort(wfe_image_list *list);
/* Keeps the items of which keep[i] is true. */
void wfe_image_list_filter(wfe_image_list *list, const bool *keep);

/* All records of the namespace, by name; filters is NULL-terminated, or NULL. Blocks. */
int wfe_image_list_read(wfe_client *client, const char *const *filters, wfe_image_list **ret,
                        wfe_error *err);
/* The target of an item; a view of the list's texts, not to be freed. */
void wfe_image_list_target(const wfe_image_list *list, size_t index, wfe_image_descriptor *out);

/* describe.c: fills in what only the images' documents and the daemon's other records tell: sizes,
 * platforms, complete, unpacked, in_use. An image whose documents are damaged stays as it is.
 * Blocks. */
int wfe_image_list_describe(wfe_client *client, wfe_image_list *list, wfe_error *err);
/* in_use alone. */
int wfe_image_list_find_users(wfe_client *client, wfe_image_list *list, wfe_error *err);
void wfe_image_list_set_in_use(wfe_image_list *list, const char *name);
/* Copies what contents tell into an item. */
int wfe_image_list_set_contents(wfe_image_list *list, size_t index,
                                const wfe_image_contents *contents, bool unpacked, wfe_error *err);

/* Is the chain's snapshot there, committed. "" (an image without layers) is never unpacked. */
int wfe_image_is_unpacked(wfe_client *client, const char *snapshotter, const char *chain_id,
                          bool *ret, wfe_error *err);

#endif
