/* SPDX-License-Identifier: Apache-2.0
 *
 * See unpack.h. Layers are unpacked strictly one after the other, each on its real parent: an
 * overlay layer applied without its parent loses its whiteouts.
 *
 * A snapshot that exists already may be collected between looking and using it, when nothing but
 * an image being removed refers to it. It is put under the lease first; if it is gone all the same
 * when the next layer needs it, unpacking starts over from the lowest layer.
 */
#include "image/unpack.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "containerd/diff.h"
#include "containerd/leases.h"
#include "containerd/snapshots.h"
#include "image/chain.h"
#include "image/labels.h"
#include "image/wait.h"

#define TRIES 3
#define KEY_SIZE 128

typedef struct unpacking {
    wfe_loop *loop;
    wfe_containerd *containerd;
    const char *snapshotter;
    wfe_containerd_options options; /* the lease */
} unpacking;

WFE_IMAGE_WAIT_CALLBACK(on_stat, PbSnapshots__StatSnapshotResponse)
WFE_IMAGE_WAIT_CALLBACK(on_empty, Pb__Empty)

/* Sets *ret_exists when the snapshot is there, and holds it by the lease. */
static int find_snapshot(const unpacking *unpack, const char *name, bool *ret_exists,
                         wfe_error *err)
{
    PbSnapshots__StatSnapshotRequest request = PB_SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = unpack->snapshotter;
    request.key = name;
    wfe_error problem = WFE_ERROR_INIT;
    wfe_image_wait stat = {.loop = unpack->loop};
    int rc = wfe_image_wait_for(&stat,
                                wfe_snapshots_stat(unpack->containerd, &request, &unpack->options,
                                                   on_stat, &stat, &stat.call, &problem),
                                &problem);
    *ret_exists = rc == 0;
    if (rc)
        return problem.grpc_status == WFE_GRPC_NOT_FOUND ? 0 : wfe_error_copy(err, &problem);
    char type[128];
    snprintf(type, sizeof type, "snapshots/%s", unpack->snapshotter);
    PbLeases__Resource resource = PB_LEASES__RESOURCE__INIT;
    PbLeases__AddResourceRequest add = PB_LEASES__ADD_RESOURCE_REQUEST__INIT;
    resource.id = name;
    resource.type = type;
    add.id = unpack->options.lease;
    add.resource = &resource;
    wfe_image_wait added = {.loop = unpack->loop};
    return wfe_image_wait_for(
        &added,
        wfe_leases_add_resource(unpack->containerd, &add, NULL, on_empty, &added, &added.call, err),
        err);
}

/* Prepare, and Apply with the mounts that Prepare gave. */
typedef struct layer_apply {
    wfe_image_wait wait;
    const unpacking *unpack;
    const wfe_image_descriptor *layer;
    const char *diff_id;
    bool prepared;
} layer_apply;

static void on_applied(const PbDiff__ApplyResponse *reply, const wfe_error *err, void *user)
{
    layer_apply *apply = user;
    wfe_error problem = *err;
    const char *applied = !err->kind && reply->applied ? reply->applied->digest : "";
    if (!problem.kind && strcmp(applied, apply->diff_id) != 0)
        wfe_error_set(&problem, WFE_E_PROTOCOL,
                      "layer %s unpacks to %s, the image's config says %s", apply->layer->digest,
                      applied, apply->diff_id);
    wfe_image_wait_end(&apply->wait, &problem);
}

static void on_prepared(const PbSnapshots__PrepareSnapshotResponse *reply, const wfe_error *err,
                        void *user)
{
    layer_apply *apply = user;
    apply->wait.call = NULL;
    if (err->kind) {
        wfe_image_wait_end(&apply->wait, err);
        return;
    }
    apply->prepared = true;
    PbDiff__ApplyRequest request = PB_DIFF__APPLY_REQUEST__INIT;
    Pb__Descriptor diff = PB__DESCRIPTOR__INIT;
    diff.media_type = apply->layer->media_type;
    diff.digest = apply->layer->digest;
    diff.size = apply->layer->size_bytes;
    request.diff = &diff;
    request.n_mounts = reply->n_mounts;
    request.mounts = reply->mounts;
    wfe_error problem = WFE_ERROR_INIT;
    if (wfe_diff_apply(apply->unpack->containerd, &request, &apply->unpack->options, on_applied,
                       apply, &apply->wait.call, &problem))
        wfe_image_wait_end(&apply->wait, &problem);
}

static int prepare_and_apply(layer_apply *apply, const char *key, const char *parent,
                             const char *chain, wfe_error *err)
{
    PbSnapshots__PrepareSnapshotRequest request = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    Pb__Pair label = PB__PAIR__INIT;
    Pb__Pair *labels[] = {&label};
    label.key = "containerd.io/snapshot.ref";
    label.value = chain;
    request.snapshotter = apply->unpack->snapshotter;
    request.key = key;
    request.parent = parent;
    request.n_labels = 1;
    request.labels = labels;
    return wfe_image_wait_for(&apply->wait,
                              wfe_snapshots_prepare(apply->unpack->containerd, &request,
                                                    &apply->unpack->options, on_prepared, apply,
                                                    &apply->wait.call, err),
                              err);
}

static int commit(const unpacking *unpack, const char *key, const char *chain, wfe_error *err)
{
    PbSnapshots__CommitSnapshotRequest request = PB_SNAPSHOTS__COMMIT_SNAPSHOT_REQUEST__INIT;
    Pb__Pair label = PB__PAIR__INIT;
    Pb__Pair *labels[] = {&label};
    label.key = "containerd.io/snapshot.ref";
    label.value = chain;
    request.snapshotter = unpack->snapshotter;
    request.name = chain;
    request.key = key;
    request.n_labels = 1;
    request.labels = labels;
    wfe_image_wait wait = {.loop = unpack->loop};
    return wfe_image_wait_for(&wait,
                              wfe_snapshots_commit(unpack->containerd, &request, &unpack->options,
                                                   on_empty, &wait, &wait.call, err),
                              err);
}

static void remove_snapshot(const unpacking *unpack, const char *key)
{
    PbSnapshots__RemoveSnapshotRequest request = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = unpack->snapshotter;
    request.key = key;
    wfe_image_wait wait = {.loop = unpack->loop};
    /* What cannot be removed now goes with the lease. */
    (void)wfe_image_wait_for(&wait,
                             wfe_snapshots_remove(unpack->containerd, &request, &unpack->options,
                                                  on_empty, &wait, &wait.call, NULL),
                             NULL);
}

static int unpack_layer(const unpacking *unpack, const wfe_image_descriptor *layer,
                        const char *diff_id, const char *parent, const char *chain, wfe_error *err)
{
    char unique[17], key[KEY_SIZE];
    int rc = wfe_id_random(unique, sizeof unique - 1, err);
    if (rc)
        return rc;
    snprintf(key, sizeof key, "extract-%s %s", unique, chain);
    layer_apply apply = {
        .wait = {.loop = unpack->loop}, .unpack = unpack, .layer = layer, .diff_id = diff_id};
    wfe_error problem = WFE_ERROR_INIT;
    rc = prepare_and_apply(&apply, key, parent, chain, &problem);
    if (!rc)
        rc = commit(unpack, key, chain, &problem);
    if (rc && apply.prepared)
        remove_snapshot(unpack, key);
    /* Someone else unpacked the same layer meanwhile: as good as ours. */
    if (rc && apply.prepared && problem.grpc_status == WFE_GRPC_ALREADY_EXISTS) {
        bool exists = false;
        return find_snapshot(unpack, chain, &exists, err);
    }
    return rc ? wfe_error_copy(err, &problem) : 0;
}

/* Sets *ret_again when a parent was gone. */
static int unpack_all(const unpacking *unpack, const wfe_image_parts *parts, bool *ret_again,
                      char top[WFE_DIGEST_SIZE], wfe_error *err)
{
    char chain[WFE_DIGEST_SIZE] = "";
    for (size_t i = 0; i < parts->document->n_items; i++) {
        const wfe_image_descriptor *layer = &parts->document->items[i];
        char next[WFE_DIGEST_SIZE];
        bool exists = false;
        wfe_error problem = WFE_ERROR_INIT;
        int rc = wfe_image_chain_add(chain, parts->config->diff_ids[i], next, &problem);
        if (!rc)
            rc = find_snapshot(unpack, next, &exists, &problem);
        if (!rc && !exists)
            rc = unpack_layer(unpack, layer, parts->config->diff_ids[i], chain, next, &problem);
        if (rc) {
            *ret_again = i > 0 && problem.grpc_status == WFE_GRPC_NOT_FOUND;
            wfe_error_prefix(&problem, "layer %zu of %zu", i + 1, parts->document->n_items);
            return wfe_error_copy(err, &problem);
        }
        memcpy(chain, next, sizeof chain);
    }
    memcpy(top, chain, sizeof chain);
    return 0;
}

static int tie_snapshot(const unpacking *unpack, const wfe_image_parts *parts, const char *top,
                        wfe_error *err)
{
    char key[128];
    snprintf(key, sizeof key, WFE_IMAGE_LABEL_SNAPSHOT ".%s", unpack->snapshotter);
    const wfe_image_label label = {key, top};
    int rc = wfe_image_label_content(unpack->loop, unpack->containerd, unpack->options.lease,
                                     parts->document->config.digest, &label, 1, err);
    for (size_t i = 0; !rc && i < parts->document->n_items; i++) {
        const wfe_image_label plain = {WFE_IMAGE_LABEL_UNCOMPRESSED, parts->config->diff_ids[i]};
        wfe_error problem = WFE_ERROR_INIT;
        rc = wfe_image_label_content(unpack->loop, unpack->containerd, unpack->options.lease,
                                     parts->document->items[i].digest, &plain, 1, &problem);
        /* The packed layer of an unpacked image may have been dropped; nothing needs it. */
        if (rc && problem.grpc_status == WFE_GRPC_NOT_FOUND)
            rc = 0;
        else if (rc)
            wfe_error_copy(err, &problem);
    }
    return rc;
}

int wfe_image_unpack_run(wfe_loop *loop, wfe_containerd *containerd, const char *snapshotter,
                         const char *lease, const wfe_image_parts *parts, wfe_error *err)
{
    const unpacking unpack = {.loop = loop,
                              .containerd = containerd,
                              .snapshotter = snapshotter,
                              .options = {.lease = lease}};
    for (int left = TRIES;; left--) {
        char top[WFE_DIGEST_SIZE] = "";
        bool again = false;
        wfe_error problem = WFE_ERROR_INIT;
        int rc = unpack_all(&unpack, parts, &again, top, &problem);
        if (!rc)
            return top[0] ? tie_snapshot(&unpack, parts, top, err) : 0;
        if (!again || left <= 1)
            return wfe_error_copy(err, &problem);
    }
}
