/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of images that the public functions give.
 */
#ifndef WFE_IMAGE_LIST_H
#define WFE_IMAGE_LIST_H

#include <wfe/image.h>

#include "base/cleanup.h"
#include "containerd/images.h"

WFE_DEFINE_CLEANUP(wfe_image_list, wfe_image_list_free)

int wfe_image_list_new(wfe_image_list **ret, wfe_error *err);
/* Copies what the record says. */
int wfe_image_list_add(wfe_image_list *list, const PbImages__Image *record, wfe_error *err);
/* By name. */
void wfe_image_list_sort(wfe_image_list *list);

#endif
