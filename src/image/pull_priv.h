/* SPDX-License-Identifier: Apache-2.0
 *
 * A pull and the ways it can go. pull.c checks the request, chooses the way and tells the caller;
 * a way does the work: ingest.c fetches from the registry and writes to the content store,
 * transfer.c lets the daemon fetch.
 */
#ifndef WFE_IMAGE_PULL_PRIV_H
#define WFE_IMAGE_PULL_PRIV_H

#include <wfe/image.h>

#include "containerd/wfe_client.h"
#include "image/access.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/reference.h"

/* One way to get an image into the store. The same must be there afterwards whichever was taken:
 * content, labels, snapshots for the client's snapshotter, and the record. */
typedef struct wfe_pull_way {
    const char *name;
    /* Begins. It ends with one wfe_pull_ended, never from inside this function. */
    int (*start)(wfe_image_puller *pull, wfe_error *err);
    /* Asks it to end soon. */
    void (*stop)(wfe_image_puller *pull);
    /* After its end, or when it could not start. */
    void (*free)(wfe_image_puller *pull);
} wfe_pull_way;

extern const wfe_pull_way wfe_pull_ingest;
extern const wfe_pull_way wfe_pull_transfer;

struct wfe_image_puller {
    /* The request; constant while it runs. */
    wfe_client *client;
    char name[WFE_IMAGE_REFERENCE_SIZE]; /* for the record */
    wfe_image_reference reference;
    wfe_image_platform platform;
    unsigned jobs;
    wfe_image_access access;
    char known_digest[WFE_DIGEST_SIZE]; /* what the name stands for: the record is left alone; "" */
    bool offline;                       /* nothing may be fetched; reference says nothing then */
    /* The way. */
    const wfe_pull_way *way; /* a way may put another in its place, and start that */
    void *way_data;
    bool may_choose; /* the way was not asked for */
    bool by_daemon;  /* the daemon has fetched it: what is there came with this pull */
    /* The caller. */
    wfe_image_progress_fn progress_fn; /* NULL: none */
    void *progress_user;
    wfe_image_pull_done_fn done;
    void *done_user;
    /* What it is told. */
    wfe_image_pull_progress progress;
    wfe_image_pull_layer *layers; /* their digests are borrowed from texts */
    char (*digests)[WFE_DIGEST_SIZE];
    uint64_t *told_us; /* of each layer: when its bytes were told last */
    char target_digest[WFE_DIGEST_SIZE];
};

/* Unpacks an image that has a record, for the client's snapshotter, fetching layers that have gone
 * missing: name and digest are the record's. options: ref, platform and via are ignored. Unless
 * it may fetch, a part that is missing is NOT_FOUND. done gets no list. */
int wfe_pull_unpack_start(wfe_client *client, const char *name, const char *digest,
                          const wfe_image_pull_options *options, bool may_fetch,
                          wfe_image_pull_done_fn done, void *user, wfe_image_puller **ret,
                          wfe_error *err);

/* ---- what a way tells ---- */

/* What the name stands for. */
void wfe_pull_resolved(wfe_image_puller *pull, const char *digest);
/* Its layers, all of them waiting. Nobody is told again what a way that gave up its place told. */
int wfe_pull_set_layers(wfe_image_puller *pull, const wfe_image_document *manifest, wfe_error *err);
void wfe_pull_layer_state(wfe_image_puller *pull, size_t layer, enum wfe_image_pull_state state);
void wfe_pull_layer_bytes(wfe_image_puller *pull, size_t layer, uint64_t have_bytes);
/* The end. list is of the one image and taken; NULL on failure. Frees the pull: the way does
 * nothing after it. */
void wfe_pull_ended(wfe_image_puller *pull, wfe_image_list *list, const wfe_error *err);

#endif
