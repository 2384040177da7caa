/* SPDX-License-Identifier: Apache-2.0
 *
 * One layer: Prepare on the snapshot of the layer below, Apply with the mounts that Prepare gave,
 * unless its files were unpacked aside, Commit under its chain ID. The label on the layer's blob is
 * set beside the Commit.
 */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "containerd/diff.h"
#include "containerd/snapshots.h"
#include "image/labels.h"
#include "image/unpack_priv.h"

static const char *diff_id_of(const wfe_image_unpack *unpack)
{
    return unpack->parts->config->diff_ids[unpack->next];
}

static const wfe_image_descriptor *blob_of(const wfe_image_unpack *unpack)
{
    return &unpack->parts->document->items[unpack->next];
}

/* ---- Commit, and the label ---- */

static void on_labelled(const PbContent__UpdateResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_image_unpack_layer *layer = user;
    wfe_image_unpack *unpack = layer->unpack;
    layer->label_call = NULL;
    unpack->n_labelling--;
    /* The packed layer may have been dropped meanwhile; nothing needs it. */
    if (err->kind && err->grpc_status != WFE_GRPC_NOT_FOUND)
        wfe_image_unpack_fail(unpack, err);
    else
        wfe_image_unpack_labelled(unpack);
}

/* containerd's own clients leave what a layer unpacks to as a label, and look for it. */
static int label_blob(wfe_image_unpack *unpack, wfe_error *err)
{
    wfe_image_unpack_layer *layer = &unpack->layers[unpack->next];
    const wfe_image_label label = {WFE_IMAGE_LABEL_UNCOMPRESSED, diff_id_of(unpack)};
    if (layer->label_call)
        return 0;
    int rc = wfe_image_label_start(unpack->containerd, unpack->lease, blob_of(unpack)->digest,
                                   &label, 1, on_labelled, layer, &layer->label_call, err);
    if (!rc)
        unpack->n_labelling++;
    return rc;
}

static void on_committed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_image_unpack *unpack = user;
    unpack->prepared = err->kind != 0;
    if (wfe_image_unpack_is_over(unpack))
        return;
    if (err->grpc_status == WFE_GRPC_ALREADY_EXISTS && --unpack->tries_left > 0) {
        wfe_image_unpack_supersede(unpack);
    } else if (err->kind) {
        wfe_image_unpack_fail(unpack, err);
    } else {
        size_t layer = unpack->next++;
        wfe_image_unpack_progressed(unpack);
        if (unpack->fns.layer)
            unpack->fns.layer(layer, WFE_IMAGE_UNPACK_ENDED, unpack->user);
        wfe_image_unpack_go_on(unpack);
    }
}

static int commit(wfe_image_unpack *unpack, wfe_error *err)
{
    PbSnapshots__CommitSnapshotRequest request = PB_SNAPSHOTS__COMMIT_SNAPSHOT_REQUEST__INIT;
    Pb__Pair label = PB__PAIR__INIT;
    Pb__Pair *labels[] = {&label};
    label.key = "containerd.io/snapshot.ref";
    label.value = unpack->layers[unpack->next].chain;
    request.snapshotter = unpack->snapshotter;
    request.name = label.value;
    request.key = unpack->key;
    request.n_labels = 1;
    request.labels = labels;
    const wfe_containerd_options options = wfe_image_unpack_leased(unpack);
    unpack->state = UNPACK_COMMITTING;
    return wfe_snapshots_commit(unpack->containerd, &request, &options, on_committed, unpack,
                                &unpack->call, err);
}

/* Its files are in their place. */
static int finish_layer(wfe_image_unpack *unpack, wfe_error *err)
{
    int rc = label_blob(unpack, err);
    return rc ? rc : commit(unpack, err);
}

/* ---- Apply ---- */

static void on_applied(const PbDiff__ApplyResponse *reply, const wfe_error *err, void *user)
{
    wfe_image_unpack *unpack = user;
    if (wfe_image_unpack_is_over(unpack))
        return;
    wfe_error problem = *err;
    const char *applied = !err->kind && reply->applied ? reply->applied->digest : "";
    if (!problem.kind && strcmp(applied, diff_id_of(unpack)) != 0)
        wfe_error_set(&problem, WFE_E_PROTOCOL,
                      "layer %s unpacks to %s, the image's config says %s", blob_of(unpack)->digest,
                      applied, diff_id_of(unpack));
    if (!problem.kind)
        finish_layer(unpack, &problem);
    if (problem.kind)
        wfe_image_unpack_fail(unpack, &problem);
}

static int apply(wfe_image_unpack *unpack, const PbSnapshots__PrepareSnapshotResponse *prepared,
                 wfe_error *err)
{
    PbDiff__ApplyRequest request = PB_DIFF__APPLY_REQUEST__INIT;
    Pb__Descriptor diff = PB__DESCRIPTOR__INIT;
    diff.media_type = blob_of(unpack)->media_type;
    diff.digest = blob_of(unpack)->digest;
    diff.size = blob_of(unpack)->size_bytes;
    request.diff = &diff;
    request.n_mounts = prepared->n_mounts;
    request.mounts = prepared->mounts;
    const wfe_containerd_options options = wfe_image_unpack_leased(unpack);
    unpack->state = UNPACK_APPLYING;
    return wfe_diff_apply(unpack->containerd, &request, &options, on_applied, unpack, &unpack->call,
                          err);
}

/* ---- Prepare ---- */

static void on_prepared(const PbSnapshots__PrepareSnapshotResponse *reply, const wfe_error *err,
                        void *user)
{
    wfe_image_unpack *unpack = user;
    wfe_error problem = *err;
    unpack->prepared = !err->kind;
    if (wfe_image_unpack_is_over(unpack))
        return;
    /* The snapshot below is gone, or a snapshotter with layers of its own has this one. */
    bool again = err->grpc_status == WFE_GRPC_ALREADY_EXISTS ||
                 (err->grpc_status == WFE_GRPC_NOT_FOUND && unpack->next > 0);
    if (again && --unpack->tries_left > 0) {
        wfe_image_unpack_look(unpack);
        return;
    }
    int rc = err->kind;
    if (!rc && wfe_image_unpack_aside_place(unpack, reply))
        rc = finish_layer(unpack, &problem);
    else if (!rc)
        rc = apply(unpack, reply, &problem);
    if (rc)
        wfe_image_unpack_fail(unpack, &problem);
}

int wfe_image_unpack_layer_start(wfe_image_unpack *unpack, wfe_error *err)
{
    char unique[17];
    int rc = wfe_id_random(unique, sizeof unique - 1, err);
    if (rc)
        return rc;
    const char *chain = unpack->layers[unpack->next].chain;
    snprintf(unpack->key, sizeof unpack->key, "extract-%s %s", unique, chain);
    PbSnapshots__PrepareSnapshotRequest request = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    Pb__Pair label = PB__PAIR__INIT;
    Pb__Pair *labels[] = {&label};
    label.key = "containerd.io/snapshot.ref";
    label.value = chain;
    request.snapshotter = unpack->snapshotter;
    request.key = unpack->key;
    request.parent = unpack->next > 0 ? unpack->layers[unpack->next - 1].chain : "";
    request.n_labels = 1;
    request.labels = labels;
    const wfe_containerd_options options = wfe_image_unpack_leased(unpack);
    unpack->state = UNPACK_PREPARING;
    rc = wfe_snapshots_prepare(unpack->containerd, &request, &options, on_prepared, unpack,
                               &unpack->call, err);
    if (!rc && unpack->fns.layer)
        unpack->fns.layer(unpack->next, WFE_IMAGE_UNPACK_BEGUN, unpack->user);
    return rc;
}
