/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking a layer of the overlayfs snapshotter before its turn: while those below it are still at
 * work, and without waiting for them. containerd unpacks a layer in one thread, so that one after
 * the other leaves the other processors idle.
 *
 * Each snapshot of overlayfs has a folder of its own, and what a layer unpacks to does not depend
 * on the layers below, with one exception (image/implied.h). So the layer is unpacked by
 * containerd's Apply into the folder of a snapshot without a parent, and when its turn comes, that
 * folder takes the place of the one of the real snapshot, in one rename. Of this containerd sees
 * nothing but the files in their place; it knows the real snapshot, its parent and its size.
 *
 * It takes a daemon on this machine that sees the same files, and root. It is a help only: whatever
 * is not as expected is found out, and the layer is unpacked in its turn, as ever.
 */
#ifndef WFE_IMAGE_ASIDE_H
#define WFE_IMAGE_ASIDE_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "containerd/client.h"
#include "containerd/snapshots.h"
#include "image/manifest.h"
#include "loop/loop.h"

/* Can it be done for snapshots of this snapshotter by this process. */
bool wfe_image_aside_suits(const char *snapshotter);

typedef struct wfe_image_aside_request {
    const char *snapshotter;           /* copied */
    const char *lease;                 /* copied */
    const wfe_image_descriptor *layer; /* in the content store; borrowed until it is settled */
    const char *diff_id;               /* what it must come to; the same */
} wfe_image_aside_request;

typedef struct wfe_image_aside_fns {
    /* It is unpacked, or cannot be: wfe_image_aside_place tells. */
    void (*settled)(void *user);
    /* After wfe_image_aside_drop: nothing is left of it, and it is freed. */
    void (*gone)(void *user);
} wfe_image_aside_fns;

typedef struct wfe_image_aside wfe_image_aside;
/* Callbacks come from the loop, never from inside a function below. */
int wfe_image_aside_start(wfe_loop *loop, wfe_containerd *containerd,
                          const wfe_image_aside_request *request, const wfe_image_aside_fns *fns,
                          void *user, wfe_image_aside **ret, wfe_error *err);
bool wfe_image_aside_is_busy(const wfe_image_aside *aside);
/* Puts the files in the place of those of the snapshot that was prepared for the layer. On failure
 * that snapshot is as it was. UNAVAILABLE: it was not to be had, or is not right on this parent. */
int wfe_image_aside_place(wfe_image_aside *aside,
                          const PbSnapshots__PrepareSnapshotResponse *prepared, wfe_error *err);
/* Removes it; gone tells, once however often this is called. */
void wfe_image_aside_drop(wfe_image_aside *aside);
/* At once, leaving what is there to the lease. NULL is accepted. */
void wfe_image_aside_free(wfe_image_aside *aside);
WFE_DEFINE_CLEANUP(wfe_image_aside, wfe_image_aside_free)

#endif
