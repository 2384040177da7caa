/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking an image's layers into committed snapshots, named by their chain IDs, and tying those
 * to the image so that the garbage collector keeps them as long as it.
 */
#ifndef WFE_IMAGE_UNPACK_H
#define WFE_IMAGE_UNPACK_H

#include "containerd/client.h"
#include "image/walk.h"
#include "loop/loop.h"

/* Unpacks what is not unpacked yet; blocks by running the loop. Everything made is under the
 * lease. A failure leaves no half-unpacked snapshot. NOT_FOUND when a layer is not in the content
 * store, PROTOCOL when a layer's content is not what the config says. */
int wfe_image_unpack_run(wfe_loop *loop, wfe_containerd *containerd, const char *snapshotter,
                         const char *lease, const wfe_image_parts *parts, wfe_error *err);

#endif
