/* SPDX-License-Identifier: Apache-2.0 */
#include "image/transfer_progress.h"

#include <stdlib.h>
#include <string.h>

#include "image/walk.h"

struct wfe_transfer_progress {
    wfe_image_puller *pull;
    wfe_image_descriptor root; /* what the name stands for; media_type NULL until it is known */
    wfe_image_walk *walk;      /* under way */
    bool layers_known;
};

bool wfe_transfer_progress_state(const char *event, enum wfe_image_pull_state *ret)
{
    static const struct {
        const char *event;
        enum wfe_image_pull_state state;
    } states[] = {
        {"waiting", WFE_IMAGE_PULL_WAITING},      {"downloading", WFE_IMAGE_PULL_FETCHING},
        {"complete", WFE_IMAGE_PULL_FETCHED},     {"already exists", WFE_IMAGE_PULL_FETCHED},
        {"extracting", WFE_IMAGE_PULL_UNPACKING}, {"extracted", WFE_IMAGE_PULL_DONE},
    };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].event, event) == 0) {
            *ret = states[i].state;
            return true;
        }
    }
    return false;
}

int wfe_transfer_progress_new(wfe_image_puller *pull, wfe_transfer_progress **ret, wfe_error *err)
{
    wfe_transfer_progress *progress = calloc(1, sizeof *progress);
    if (!progress)
        return wfe_error_nomem(err);
    progress->pull = pull;
    *ret = progress;
    return 0;
}

void wfe_transfer_progress_free(wfe_transfer_progress *progress)
{
    if (!progress)
        return;
    wfe_image_walk_cancel(progress->walk);
    wfe_image_descriptor_done(&progress->root);
    free(progress);
}

static void on_walked(wfe_image_parts *parts_given, const wfe_error *err, void *user)
{
    _cleanup_(wfe_image_parts_free_p) wfe_image_parts *parts = parts_given;
    wfe_transfer_progress *progress = user;
    progress->walk = NULL;
    /* Not there yet: the next document that arrives is another chance. */
    if (err->kind)
        return;
    progress->layers_known = wfe_pull_set_layers(progress->pull, parts->document, NULL) == 0;
}

/* The document that is told first is the one the name stands for. */
static void take_document(wfe_transfer_progress *progress, const Pb__Descriptor *document,
                          enum wfe_image_pull_state state)
{
    if (!progress->root.media_type) {
        progress->root.media_type = strdup(document->media_type);
        if (!progress->root.media_type)
            return;
        memcpy(progress->root.digest, document->digest, WFE_DIGEST_SIZE);
        progress->root.size_bytes = document->size;
        wfe_pull_resolved(progress->pull, document->digest);
    }
    if (progress->layers_known || progress->walk || state != WFE_IMAGE_PULL_FETCHED)
        return;
    const wfe_image_walk_request request = {.name = progress->pull->name,
                                            .target = &progress->root,
                                            .machine = &progress->pull->platform};
    (void)wfe_image_walk_start(progress->pull->client->containerd, &request, on_walked, progress,
                               &progress->walk, NULL);
}

static void take_layer(wfe_transfer_progress *progress, const char *digest,
                       enum wfe_image_pull_state state, int64_t bytes)
{
    wfe_image_puller *pull = progress->pull;
    for (size_t i = 0; i < pull->progress.n_layers; i++) {
        if (strcmp(pull->layers[i].digest, digest) != 0 || pull->layers[i].state > state)
            continue;
        wfe_pull_layer_state(pull, i, state);
        if (state == WFE_IMAGE_PULL_FETCHING && bytes >= 0)
            wfe_pull_layer_bytes(pull, i, (uint64_t)bytes);
    }
}

void wfe_transfer_progress_take(wfe_transfer_progress *progress,
                                const PbTransferTypes__Progress *news)
{
    enum wfe_image_pull_state state;
    const Pb__Descriptor *blob = news->desc;
    wfe_log_debug(&progress->pull->client->log, "containerd: %s %s", news->name, news->event);
    if (!blob || !wfe_digest_is_valid(blob->digest) ||
        !wfe_transfer_progress_state(news->event, &state))
        return;
    if (wfe_image_type_is_index(blob->media_type) || wfe_image_type_is_manifest(blob->media_type))
        take_document(progress, blob, state);
    else if (progress->root.media_type && !progress->layers_known && !progress->walk)
        take_document(progress, blob, WFE_IMAGE_PULL_FETCHED);
    take_layer(progress, blob->digest, state, news->progress);
}

void wfe_transfer_progress_end(wfe_transfer_progress *progress)
{
    for (size_t i = 0; i < progress->pull->progress.n_layers; i++) {
        if (progress->pull->layers[i].state < WFE_IMAGE_PULL_FETCHED)
            wfe_pull_layer_state(progress->pull, i, WFE_IMAGE_PULL_FETCHED);
    }
}
