/* SPDX-License-Identifier: Apache-2.0
 *
 * The stations of an unpack: unpack_look.c finds out which layers are unpacked already,
 * unpack_layer.c unpacks one, unpack_aside.c those above it meanwhile, unpack.c leads from one to
 * the next and ends it.
 */
#ifndef WFE_IMAGE_UNPACK_PRIV_H
#define WFE_IMAGE_UNPACK_PRIV_H

#include "image/aside.h"
#include "image/unpack.h"

#define WFE_IMAGE_UNPACK_KEY_SIZE 128

typedef struct wfe_image_unpack_layer {
    wfe_image_unpack *unpack;
    char chain[WFE_DIGEST_SIZE];
    bool ready; /* its blob is in the content store */
    bool aside_tried;
    wfe_image_aside *aside; /* it is unpacked before its turn; NULL: it is not, or is gone */
    wfe_containerd_call *label_call; /* NULL: none */
} wfe_image_unpack_layer;

enum wfe_image_unpack_state {
    UNPACK_LOOKING,  /* which layers are unpacked already */
    UNPACK_PLANNING, /* inside the caller's plan */
    UNPACK_WAITING,  /* for the blob of the next layer */
    UNPACK_PREPARING,
    UNPACK_APPLYING,
    UNPACK_COMMITTING,
    UNPACK_TYING,
    UNPACK_REMOVING, /* the half-made snapshots, after a failure */
    UNPACK_ENDED,
};

struct wfe_image_unpack {
    wfe_containerd *containerd;
    const wfe_image_parts *parts;
    wfe_image_unpack_fns fns;
    void *user;
    char *snapshotter;
    char *lease;
    wfe_image_unpack_layer *layers;
    size_t n_layers;
    size_t next;    /* the layer at work, or looked for */
    size_t reached; /* the most layers that were unpacked at any time */
    int tries_left; /* to get any further */
    enum wfe_image_unpack_state state;
    char key[WFE_IMAGE_UNPACK_KEY_SIZE]; /* of the active snapshot */
    bool prepared;                       /* which exists */
    bool stopped;
    bool ending; /* as soon as nothing is aside any more */
    wfe_containerd_call *call;
    unsigned n_labelling;
    wfe_loop *loop;
    unsigned
        max_at_once;   /* layers, those aside included; 1: no layer is unpacked before its turn */
    unsigned n_asides; /* that exist, those that are being dropped included */
    wfe_timer *timer;  /* begins it, and ends one that was stopped, from the loop */
    wfe_error failure;
};

/* The options of a call under the lease; a daemon that is gone is not waited for. */
wfe_containerd_options wfe_image_unpack_leased(const wfe_image_unpack *unpack);
/* Ends it, with the half-made snapshot removed; the failures after the first change nothing. */
void wfe_image_unpack_fail(wfe_image_unpack *unpack, const wfe_error *err);
/* What every reply of the main line checks first: true when the unpack is over. */
bool wfe_image_unpack_is_over(wfe_image_unpack *unpack);
/* Removes the half-made snapshot of a layer that somebody else unpacked, and looks again. */
void wfe_image_unpack_supersede(wfe_image_unpack *unpack);
/* More layers may be unpacked than ever before: new tries, then. */
void wfe_image_unpack_progressed(wfe_image_unpack *unpack);
/* A call that labels a blob has ended. */
void wfe_image_unpack_labelled(wfe_image_unpack *unpack);
/* Goes on with the next layer, as far as it is there, or to the end. */
void wfe_image_unpack_go_on(wfe_image_unpack *unpack);

/* ---- unpack_aside.c ---- */

/* Begins with layers that wait, as many as may be at work at once. */
void wfe_image_unpack_aside_more(wfe_image_unpack *unpack);
/* The layer is at work aside: its turn waits for it. */
bool wfe_image_unpack_aside_is_busy(const wfe_image_unpack *unpack, size_t layer);
/* The snapshot of the layer was prepared: are its files there already. */
bool wfe_image_unpack_aside_place(wfe_image_unpack *unpack,
                                  const PbSnapshots__PrepareSnapshotResponse *prepared);
/* What was unpacked aside of layers below this one is not needed. */
void wfe_image_unpack_aside_drop(wfe_image_unpack *unpack, size_t below);
/* One is gone. */
void wfe_image_unpack_aside_gone(wfe_image_unpack *unpack);

/* Looks which layers are unpacked, makes the plan and goes on. */
void wfe_image_unpack_look(wfe_image_unpack *unpack);
/* The blob of the next layer came late: has somebody else unpacked it meanwhile. */
int wfe_image_unpack_look_again(wfe_image_unpack *unpack, wfe_error *err);
/* Prepares, applies and commits the next layer, and goes on. */
int wfe_image_unpack_layer_start(wfe_image_unpack *unpack, wfe_error *err);

#endif
