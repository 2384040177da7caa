/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of images in a namespace of containerd. Names are opaque to the daemon: give them in their
 * full form.
 */
#ifndef WFE_CONTAINERD_IMAGES_H
#define WFE_CONTAINERD_IMAGES_H

#include "containerd/images.pb-c.h"
#include "containerd/rpc.h"

#define WFE_IMAGES_SERVICE "/containerd.services.images.v1.Images/"
#define WFE_IMAGES_UNARY(X)                                                                        \
    X(images_get, WFE_IMAGES_SERVICE "Get", PbImages__GetImageRequest, PbImages__GetImageResponse, \
      pb_images__get_image_response, request->name, "get image", WFE_CONTAINERD_CALL_MS,           \
      WFE_RPC_REPEATABLE)                                                                          \
    X(images_list, WFE_IMAGES_SERVICE "List", PbImages__ListImagesRequest,                         \
      PbImages__ListImagesResponse, pb_images__list_images_response, NULL, "list images",          \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                                  \
    X(images_create, WFE_IMAGES_SERVICE "Create", PbImages__CreateImageRequest,                    \
      PbImages__CreateImageResponse, pb_images__create_image_response,                             \
      request->image ? request->image->name : NULL, "create image", WFE_CONTAINERD_CALL_MS,        \
      WFE_RPC_ONCE)                                                                                \
    X(images_update, WFE_IMAGES_SERVICE "Update", PbImages__UpdateImageRequest,                    \
      PbImages__UpdateImageResponse, pb_images__update_image_response,                             \
      request->image ? request->image->name : NULL, "update image", WFE_CONTAINERD_CALL_MS,        \
      WFE_RPC_ONCE)                                                                                \
    X(images_delete, WFE_IMAGES_SERVICE "Delete", PbImages__DeleteImageRequest, Pb__Empty,         \
      pb__empty, request->name, "delete image", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)

WFE_IMAGES_UNARY(WFE_RPC_UNARY_DECLARE)

#endif
