/* SPDX-License-Identifier: Apache-2.0
 *
 * Which images of a list a user's words mean: for commands that take several images by name, by
 * part of a name or by digest.
 */
#ifndef WFE_IMAGE_SELECT_H
#define WFE_IMAGE_SELECT_H

#include "image/list.h"

/* Sets picked[i] for what ref names, see <wfe/image.h>; others stay. Several items are picked only
 * when ref is a digest. namespace_name is for messages. INVALID, NOT_FOUND. */
int wfe_image_select(const wfe_image_list *list, const char *namespace_name, const char *ref,
                     bool *picked, wfe_error *err);
/* Does a pattern of a listing fit. */
bool wfe_image_fits(const wfe_image_info *image, const char *pattern);

#endif
