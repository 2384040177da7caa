/* SPDX-License-Identifier: Apache-2.0
 *
 * Chain IDs (image-spec: config.md, "Layer ChainID"): the name of the snapshot that a stack of
 * layers unpacks to.
 */
#ifndef WFE_IMAGE_CHAIN_H
#define WFE_IMAGE_CHAIN_H

#include <stddef.h>

#include "base/digest.h"
#include "base/error.h"

/* The chain ID of one more layer on top of parent ("" for none). A first layer's is its diff ID
 * itself, so that an image of one layer needs no hashing. */
int wfe_image_chain_add(const char *parent, const char *diff_id, char out[WFE_DIGEST_SIZE],
                        wfe_error *err);
/* Of the whole stack, lowest layer first; "" for no layers. */
int wfe_image_chain_of(char *const *diff_ids, size_t n, char out[WFE_DIGEST_SIZE], wfe_error *err);

#endif
