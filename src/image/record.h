/* SPDX-License-Identifier: Apache-2.0
 *
 * Making an image's record, or pointing the one there is to another target. This is the moment an
 * image comes to be: everything it refers to is there before.
 */
#ifndef WFE_IMAGE_RECORD_H
#define WFE_IMAGE_RECORD_H

#include "containerd/images.h"
#include "image/manifest.h"

typedef struct wfe_image_record wfe_image_record;
/* record is borrowed during the callback, NULL on failure. May free the wfe_image_record. */
typedef void (*wfe_image_record_fn)(const PbImages__Image *record, const wfe_error *err,
                                    void *user);
/* All of it is copied. fn is called once, never from inside this function. */
int wfe_image_record_put(wfe_containerd *containerd, const char *lease, const char *name,
                         const wfe_image_descriptor *target, wfe_image_record_fn fn, void *user,
                         wfe_image_record **ret, wfe_error *err);
/* fn will not run. NULL is accepted. */
void wfe_image_record_free(wfe_image_record *record);

#endif
