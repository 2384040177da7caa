/* SPDX-License-Identifier: Apache-2.0
 *
 * See unpack.h. Snapshots are made strictly one after the other, each on its real parent; the files
 * of some are unpacked before their turn (image/aside.h).
 *
 * A snapshot that exists already may be collected between looking and using it, when nothing but
 * an image being removed refers to it. It is put under the lease first; if it is gone all the same
 * when the next layer needs it, unpacking starts over from the lowest layer.
 */
#include "image/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containerd/snapshots.h"
#include "image/chain.h"
#include "image/labels.h"
#include "image/unpack_priv.h"

#define TRIES 3
/* Layers unpacked at once, on machines with that many processors: the disk is shared, too. */
#define MAX_AT_ONCE 4

wfe_containerd_options wfe_image_unpack_leased(const wfe_image_unpack *unpack)
{
    return (wfe_containerd_options){.lease = unpack->lease, .fail_fast = true};
}

void wfe_image_unpack_free(wfe_image_unpack *unpack)
{
    if (!unpack)
        return;
    wfe_containerd_cancel(unpack->call);
    for (size_t i = 0; unpack->layers && i < unpack->n_layers; i++) {
        wfe_containerd_cancel(unpack->layers[i].label_call);
        wfe_image_aside_free(unpack->layers[i].aside);
    }
    wfe_timer_free(unpack->timer);
    free(unpack->layers);
    free(unpack->snapshotter);
    free(unpack->lease);
    free(unpack);
}

/* ---- the end ---- */

static void finish(wfe_image_unpack *unpack)
{
    if (unpack->n_asides > 0) {
        unpack->ending = true;
        unpack->state = UNPACK_REMOVING;
        wfe_image_unpack_aside_drop(unpack, unpack->n_layers);
        return;
    }
    unpack->state = UNPACK_ENDED;
    for (size_t i = 0; i < unpack->n_layers; i++)
        wfe_containerd_cancel(wfe_take(unpack->layers[i].label_call));
    unpack->fns.done(&unpack->failure, unpack->user);
}

void wfe_image_unpack_aside_gone(wfe_image_unpack *unpack)
{
    if (--unpack->n_asides == 0 && unpack->ending)
        finish(unpack);
}

static void on_removed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err; /* what cannot be removed now goes with the lease */
    wfe_image_unpack *unpack = user;
    unpack->call = NULL;
    unpack->prepared = false;
    if (unpack->failure.kind) {
        finish(unpack);
        return;
    }
    unpack->state = UNPACK_LOOKING; /* so that a stop meanwhile ends it */
    if (!wfe_image_unpack_is_over(unpack))
        wfe_image_unpack_look(unpack);
}

static void remove_snapshot(wfe_image_unpack *unpack)
{
    const wfe_containerd_options options = wfe_image_unpack_leased(unpack);
    PbSnapshots__RemoveSnapshotRequest request = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = unpack->snapshotter;
    request.key = unpack->key;
    unpack->state = UNPACK_REMOVING;
    if (wfe_snapshots_remove(unpack->containerd, &request, &options, on_removed, unpack,
                             &unpack->call, NULL))
        on_removed(NULL, NULL, unpack);
}

void wfe_image_unpack_supersede(wfe_image_unpack *unpack)
{
    remove_snapshot(unpack);
}

void wfe_image_unpack_fail(wfe_image_unpack *unpack, const wfe_error *err)
{
    bool over = unpack->failure.kind != 0;
    wfe_error_copy(&unpack->failure, err);
    if (over || unpack->state == UNPACK_REMOVING)
        return;
    if (unpack->next < unpack->n_layers && err->kind != WFE_E_CANCELLED)
        wfe_error_prefix(&unpack->failure, "layer %zu of %zu", unpack->next + 1, unpack->n_layers);
    wfe_containerd_cancel(wfe_take(unpack->call));
    if (unpack->prepared)
        remove_snapshot(unpack);
    else
        finish(unpack);
}

bool wfe_image_unpack_is_over(wfe_image_unpack *unpack)
{
    unpack->call = NULL;
    if (!unpack->stopped)
        return false;
    wfe_error cancelled = WFE_ERROR_INIT;
    wfe_error_set(&cancelled, WFE_E_CANCELLED, "unpacking was stopped");
    wfe_image_unpack_fail(unpack, &cancelled);
    return true;
}

void wfe_image_unpack_stop(wfe_image_unpack *unpack)
{
    if (unpack->stopped || unpack->failure.kind || unpack->state == UNPACK_ENDED)
        return;
    unpack->stopped = true;
    /* A Prepare or Commit under way is not cut short, so that what it makes is known. */
    if (unpack->state == UNPACK_APPLYING)
        wfe_containerd_cancel(wfe_take(unpack->call));
    if (!unpack->call)
        wfe_timer_start(unpack->timer, 0);
}

/* ---- from layer to layer ---- */

void wfe_image_unpack_progressed(wfe_image_unpack *unpack)
{
    if (unpack->next <= unpack->reached)
        return;
    unpack->reached = unpack->next;
    unpack->tries_left = TRIES;
}

void wfe_image_unpack_labelled(wfe_image_unpack *unpack)
{
    if (unpack->state == UNPACK_TYING && !unpack->call && unpack->n_labelling == 0)
        finish(unpack);
}

static void on_tied(const PbContent__UpdateResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_image_unpack *unpack = user;
    if (wfe_image_unpack_is_over(unpack))
        return;
    if (err->kind)
        wfe_image_unpack_fail(unpack, err);
    else
        wfe_image_unpack_labelled(unpack);
}

/* From the config to the topmost snapshot: the garbage collector's way to all of them. */
static int tie(wfe_image_unpack *unpack, wfe_error *err)
{
    char key[128];
    snprintf(key, sizeof key, WFE_IMAGE_LABEL_SNAPSHOT ".%s", unpack->snapshotter);
    const wfe_image_label label = {key, unpack->layers[unpack->n_layers - 1].chain};
    unpack->state = UNPACK_TYING;
    return wfe_image_label_start(unpack->containerd, unpack->lease,
                                 unpack->parts->document->config.digest, &label, 1, on_tied, unpack,
                                 &unpack->call, err);
}

void wfe_image_unpack_go_on(wfe_image_unpack *unpack)
{
    wfe_error problem = WFE_ERROR_INIT;
    int rc = 0;
    if (unpack->stopped)
        return; /* the timer ends it */
    if (unpack->n_layers == 0) {
        finish(unpack);
        return;
    }
    wfe_image_unpack_aside_drop(unpack, unpack->next);
    if (unpack->next == unpack->n_layers)
        rc = tie(unpack, &problem);
    else if (unpack->layers[unpack->next].ready &&
             !wfe_image_unpack_aside_is_busy(unpack, unpack->next))
        rc = wfe_image_unpack_layer_start(unpack, &problem);
    else
        unpack->state = UNPACK_WAITING;
    if (rc)
        wfe_image_unpack_fail(unpack, &problem);
    else
        wfe_image_unpack_aside_more(unpack);
}

int wfe_image_unpack_ready(wfe_image_unpack *unpack, size_t layer, wfe_error *err)
{
    if (layer >= unpack->n_layers)
        return wfe_error_set(err, WFE_E_INVALID, "the image has %zu layers, no layer %zu",
                             unpack->n_layers, layer + 1);
    unpack->layers[layer].ready = true;
    if (unpack->state == UNPACK_WAITING && layer == unpack->next && !unpack->stopped)
        return wfe_image_unpack_look_again(unpack, err);
    if (unpack->state != UNPACK_PLANNING && !unpack->failure.kind)
        wfe_image_unpack_aside_more(unpack);
    return 0;
}

/* ---- the start ---- */

static int copy_request(wfe_image_unpack *unpack, const wfe_image_unpack_request *request,
                        wfe_error *err)
{
    unpack->parts = request->parts;
    unpack->n_layers = request->parts->document->n_items;
    unpack->snapshotter = strdup(request->snapshotter);
    unpack->lease = strdup(request->lease);
    unpack->layers = calloc(unpack->n_layers + 1, sizeof *unpack->layers);
    if (!unpack->snapshotter || !unpack->lease || !unpack->layers)
        return wfe_error_nomem(err);
    const char *below = "";
    for (size_t i = 0; i < unpack->n_layers; i++) {
        wfe_image_unpack_layer *layer = &unpack->layers[i];
        layer->unpack = unpack;
        int rc = wfe_image_chain_add(below, unpack->parts->config->diff_ids[i], layer->chain, err);
        if (rc)
            return rc;
        below = layer->chain;
    }
    return 0;
}

static unsigned layers_at_once(const char *snapshotter)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < 2 || !wfe_image_aside_suits(snapshotter))
        return 1;
    return processors < MAX_AT_ONCE ? (unsigned)processors : MAX_AT_ONCE;
}

/* The begin, and the end of one that was stopped while nothing was under way. */
static void on_timer(void *user)
{
    wfe_image_unpack *unpack = user;
    if (!wfe_image_unpack_is_over(unpack))
        wfe_image_unpack_look(unpack);
}

int wfe_image_unpack_start(wfe_loop *loop, wfe_containerd *containerd,
                           const wfe_image_unpack_request *request, const wfe_image_unpack_fns *fns,
                           void *user, wfe_image_unpack **ret, wfe_error *err)
{
    _cleanup_(wfe_image_unpack_free_p) wfe_image_unpack *unpack = calloc(1, sizeof *unpack);
    if (!unpack)
        return wfe_error_nomem(err);
    unpack->containerd = containerd;
    unpack->fns = *fns;
    unpack->user = user;
    unpack->tries_left = TRIES;
    unpack->loop = loop;
    unpack->max_at_once = request->shares_files ? layers_at_once(request->snapshotter) : 1;
    int rc = copy_request(unpack, request, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_timer, unpack, &unpack->timer, err);
    if (rc)
        return rc;
    wfe_timer_start(unpack->timer, 0);
    *ret = wfe_take(unpack);
    return 0;
}

/* ---- blocking ---- */

typedef struct unpack_run {
    wfe_image_unpack *unpack;
    size_t n_layers;
    bool done;
    wfe_error result;
} unpack_run;

static void on_run_plan(size_t first, void *user)
{
    unpack_run *run = user;
    /* While it plans the unpack only takes note, which cannot fail. */
    for (size_t i = first; i < run->n_layers; i++)
        (void)wfe_image_unpack_ready(run->unpack, i, NULL);
}

static void on_run_done(const wfe_error *err, void *user)
{
    unpack_run *run = user;
    run->result = *err;
    run->done = true;
}

int wfe_image_unpack_run(wfe_loop *loop, wfe_containerd *containerd,
                         const wfe_image_unpack_request *request, wfe_error *err)
{
    static const wfe_image_unpack_fns fns = {.plan = on_run_plan, .done = on_run_done};
    unpack_run run = {.n_layers = request->parts->document->n_items};
    int rc = wfe_image_unpack_start(loop, containerd, request, &fns, &run, &run.unpack, err);
    if (!rc)
        rc = wfe_loop_run_until(loop, &run.done, err);
    wfe_image_unpack_free(run.unpack);
    return rc || !run.result.kind ? rc : wfe_error_copy(err, &run.result);
}
