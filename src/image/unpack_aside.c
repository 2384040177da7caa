/* SPDX-License-Identifier: Apache-2.0
 *
 * Which layers are unpacked before their turn (image/aside.h): the lowest that wait, as many as
 * there are processors for. Where it did not go once it is not tried again.
 */
#include "image/unpack_priv.h"

/* Smaller ones are unpacked in no time. */
#define SMALL_BYTES ((int64_t)128 * 1024)

static bool main_is_busy(const wfe_image_unpack *unpack)
{
    return unpack->state == UNPACK_PREPARING || unpack->state == UNPACK_APPLYING ||
           unpack->state == UNPACK_COMMITTING;
}

bool wfe_image_unpack_aside_is_busy(const wfe_image_unpack *unpack, size_t layer)
{
    const wfe_image_aside *aside = unpack->layers[layer].aside;
    return aside && wfe_image_aside_is_busy(aside);
}

static void on_settled(void *user)
{
    wfe_image_unpack_layer *layer = user;
    wfe_image_unpack *unpack = layer->unpack;
    if (unpack->state == UNPACK_WAITING && layer == &unpack->layers[unpack->next])
        wfe_image_unpack_go_on(unpack);
    else if (!unpack->failure.kind)
        wfe_image_unpack_aside_more(unpack);
}

static void on_gone(void *user)
{
    wfe_image_unpack_layer *layer = user;
    layer->aside = NULL;
    wfe_image_unpack_aside_gone(layer->unpack);
}

static void start(wfe_image_unpack *unpack, size_t i)
{
    static const wfe_image_aside_fns fns = {.settled = on_settled, .gone = on_gone};
    wfe_image_unpack_layer *layer = &unpack->layers[i];
    const wfe_image_aside_request request = {.snapshotter = unpack->snapshotter,
                                             .lease = unpack->lease,
                                             .layer = &unpack->parts->document->items[i],
                                             .diff_id = unpack->parts->config->diff_ids[i]};
    layer->aside_tried = true;
    if (wfe_image_aside_start(unpack->loop, unpack->containerd, &request, &fns, layer,
                              &layer->aside, NULL)) {
        unpack->max_at_once = 1;
        return;
    }
    unpack->n_asides++;
    if (unpack->fns.layer)
        unpack->fns.layer(i, WFE_IMAGE_UNPACK_BEGUN, unpack->user);
}

void wfe_image_unpack_aside_more(wfe_image_unpack *unpack)
{
    unsigned busy = main_is_busy(unpack);
    if (unpack->stopped || unpack->ending || unpack->next >= unpack->n_layers)
        return;
    for (size_t i = unpack->next; i < unpack->n_layers; i++)
        busy += wfe_image_unpack_aside_is_busy(unpack, i);
    for (size_t i = unpack->next + 1; i < unpack->n_layers && busy < unpack->max_at_once; i++) {
        const wfe_image_unpack_layer *layer = &unpack->layers[i];
        if (!layer->ready || layer->aside_tried ||
            unpack->parts->document->items[i].size_bytes < SMALL_BYTES)
            continue;
        start(unpack, i);
        busy++;
    }
}

bool wfe_image_unpack_aside_place(wfe_image_unpack *unpack,
                                  const PbSnapshots__PrepareSnapshotResponse *prepared)
{
    wfe_image_aside *aside = unpack->layers[unpack->next].aside;
    if (aside && wfe_image_aside_place(aside, prepared, NULL) == 0)
        return true;
    wfe_image_unpack_aside_drop(unpack, unpack->next + 1); /* it takes room on the disk */
    return false;
}

void wfe_image_unpack_aside_drop(wfe_image_unpack *unpack, size_t below)
{
    for (size_t i = 0; i < below; i++)
        if (unpack->layers[i].aside)
            wfe_image_aside_drop(unpack->layers[i].aside);
}
