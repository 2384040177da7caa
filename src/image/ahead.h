/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking the compression off a layer while containerd is still busy with those below it. Its
 * unpacker decompresses and writes files in one thread; a layer that lies there as plain tar by the
 * time its turn comes takes a third of the time. The plain tar goes into the content store under
 * its diff ID, held by nothing but the lease it is made under.
 *
 * It is a help only: when it fails, containerd does all of it as ever.
 */
#ifndef WFE_IMAGE_AHEAD_H
#define WFE_IMAGE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "containerd/client.h"
#include "image/manifest.h"
#include "loop/loop.h"

/* Is it worth it, and can it be done, for this layer. */
bool wfe_image_ahead_suits(const wfe_image_descriptor *layer);

typedef struct wfe_image_ahead_request {
    const char *lease;
    const wfe_image_descriptor *layer; /* in the content store */
    const char *diff_id;               /* what it must come to */
    uint64_t max_bytes;                /* of the plain tar */
} wfe_image_ahead_request;

typedef struct wfe_image_ahead wfe_image_ahead;
/* plain_bytes: size of the plain tar, 0 on failure. Frees nothing; may free the ahead. */
typedef void (*wfe_image_ahead_fn)(uint64_t plain_bytes, const wfe_error *err, void *user);
/* All of request is copied. fn is called once, never from inside this function. */
int wfe_image_ahead_start(wfe_loop *loop, wfe_containerd *containerd,
                          const wfe_image_ahead_request *request, wfe_image_ahead_fn fn, void *user,
                          wfe_image_ahead **ret, wfe_error *err);
/* NULL is accepted. */
void wfe_image_ahead_free(wfe_image_ahead *ahead);
WFE_DEFINE_CLEANUP(wfe_image_ahead, wfe_image_ahead_free)

#endif
