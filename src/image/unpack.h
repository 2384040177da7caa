/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking an image's layers into committed snapshots, named by their chain IDs, and tying those
 * to the image so that the garbage collector keeps them as long as it. A layer is unpacked as soon
 * as it is in the content store and all below it are unpacked: the layers above may still be on
 * their way. On overlayfs several are at work at once.
 */
#ifndef WFE_IMAGE_UNPACK_H
#define WFE_IMAGE_UNPACK_H

#include "base/cleanup.h"
#include "containerd/client.h"
#include "image/walk.h"
#include "loop/loop.h"

typedef struct wfe_image_unpack wfe_image_unpack;

typedef struct wfe_image_unpack_request {
    const char *snapshotter;      /* copied */
    const char *lease;            /* holds everything made; copied */
    const wfe_image_parts *parts; /* borrowed until the unpack is freed */
    /* The daemon is on this machine: layers may be unpacked before their turn, see
     * image/aside.h. */
    bool shares_files;
} wfe_image_unpack_request;

enum wfe_image_unpack_event {
    WFE_IMAGE_UNPACK_FOUND = 1, /* it was unpacked before */
    WFE_IMAGE_UNPACK_BEGUN = 2,
    WFE_IMAGE_UNPACK_ENDED = 3,
};

/* Callbacks run from the loop, never from inside a function below. done may free the unpack. */
typedef struct wfe_image_unpack_fns {
    /* Layers from the first on are not unpacked yet: each waits for wfe_image_unpack_ready, which
     * may be called from here. first is the number of layers when there is nothing to do. Comes
     * again when somebody else unpacked or removed a layer meanwhile. */
    void (*plan)(size_t first, void *user);
    /* What becomes of a layer; may be NULL. */
    void (*layer)(size_t layer, enum wfe_image_unpack_event event, void *user);
    /* The end, once. NOT_FOUND when a layer is not in the content store, PROTOCOL when a layer's
     * content is not what the config says, CANCELLED after wfe_image_unpack_stop. No
     * half-unpacked snapshot is left. */
    void (*done)(const wfe_error *err, void *user);
} wfe_image_unpack_fns;

int wfe_image_unpack_start(wfe_loop *loop, wfe_containerd *containerd,
                           const wfe_image_unpack_request *request, const wfe_image_unpack_fns *fns,
                           void *user, wfe_image_unpack **ret, wfe_error *err);
/* The layer is in the content store. After a failure the unpack does not go on: stop it. */
int wfe_image_unpack_ready(wfe_image_unpack *unpack, size_t layer, wfe_error *err);
/* Ends it, removing what is half made; done tells. */
void wfe_image_unpack_stop(wfe_image_unpack *unpack);
/* No callback runs after it; a half-made snapshot is left to the lease unless done was called.
 * NULL is accepted. */
void wfe_image_unpack_free(wfe_image_unpack *unpack);
WFE_DEFINE_CLEANUP(wfe_image_unpack, wfe_image_unpack_free)

/* Unpacks an image whose layers are all in the content store; blocks by running the loop. */
int wfe_image_unpack_run(wfe_loop *loop, wfe_containerd *containerd,
                         const wfe_image_unpack_request *request, wfe_error *err);

#endif
