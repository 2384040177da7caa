/* SPDX-License-Identifier: Apache-2.0
 *
 * Which layers of an image are unpacked already. The topmost snapshot is looked for first, since
 * most often all of them or none are there; else from the lowest up, since none is there without
 * the one below it. The topmost one found goes under the lease, which keeps those below it as
 * well, and is looked for once more: it may have been collected in between.
 */
#include <stdio.h>

#include "containerd/leases.h"
#include "containerd/snapshots.h"
#include "image/unpack_priv.h"

static void make_plan(wfe_image_unpack *unpack)
{
    unpack->state = UNPACK_PLANNING;
    wfe_image_unpack_progressed(unpack);
    for (size_t i = 0; unpack->fns.layer && i < unpack->next; i++)
        unpack->fns.layer(i, WFE_IMAGE_UNPACK_FOUND, unpack->user);
    unpack->fns.plan(unpack->next, unpack->user);
    wfe_image_unpack_go_on(unpack);
}

static int stat_layer(wfe_image_unpack *unpack, size_t layer, wfe_snapshots_stat_fn fn,
                      wfe_error *err)
{
    PbSnapshots__StatSnapshotRequest request = PB_SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = unpack->snapshotter;
    request.key = unpack->layers[layer].chain;
    const wfe_containerd_options options = wfe_image_unpack_leased(unpack);
    return wfe_snapshots_stat(unpack->containerd, &request, &options, fn, unpack, &unpack->call,
                              err);
}

/* What the replies to a look share: true when there is nothing more to do for them. */
static bool look_failed(wfe_image_unpack *unpack, const wfe_error *err)
{
    if (wfe_image_unpack_is_over(unpack))
        return true;
    if (!err->kind || err->grpc_status == WFE_GRPC_NOT_FOUND)
        return false;
    wfe_image_unpack_fail(unpack, err);
    return true;
}

static void on_held_found(const PbSnapshots__StatSnapshotResponse *reply, const wfe_error *err,
                          void *user)
{
    wfe_image_unpack *unpack = user;
    if (look_failed(unpack, err))
        return;
    if (reply)
        make_plan(unpack);
    else if (--unpack->tries_left > 0)
        wfe_image_unpack_look(unpack);
    else
        wfe_image_unpack_fail(unpack, err);
}

static void on_held(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_image_unpack *unpack = user;
    wfe_error problem = *err;
    if (wfe_image_unpack_is_over(unpack))
        return;
    if (problem.kind || stat_layer(unpack, unpack->next - 1, on_held_found, &problem))
        wfe_image_unpack_fail(unpack, &problem);
}

static int hold(wfe_image_unpack *unpack, wfe_error *err)
{
    char type[128];
    snprintf(type, sizeof type, "snapshots/%s", unpack->snapshotter);
    PbLeases__Resource resource = PB_LEASES__RESOURCE__INIT;
    PbLeases__AddResourceRequest request = PB_LEASES__ADD_RESOURCE_REQUEST__INIT;
    resource.id = unpack->layers[unpack->next - 1].chain;
    resource.type = type;
    request.id = unpack->lease;
    request.resource = &resource;
    return wfe_leases_add_resource(unpack->containerd, &request, NULL, on_held, unpack,
                                   &unpack->call, err);
}

static void on_layer_found(const PbSnapshots__StatSnapshotResponse *reply, const wfe_error *err,
                           void *user)
{
    wfe_image_unpack *unpack = user;
    wfe_error problem = WFE_ERROR_INIT;
    int rc = 0;
    if (look_failed(unpack, err))
        return;
    if (reply && ++unpack->next < unpack->n_layers)
        rc = stat_layer(unpack, unpack->next, on_layer_found, &problem);
    else if (unpack->next > 0)
        rc = hold(unpack, &problem);
    else
        make_plan(unpack);
    if (rc)
        wfe_image_unpack_fail(unpack, &problem);
}

static void on_top_found(const PbSnapshots__StatSnapshotResponse *reply, const wfe_error *err,
                         void *user)
{
    wfe_image_unpack *unpack = user;
    wfe_error problem = WFE_ERROR_INIT;
    int rc = 0;
    if (look_failed(unpack, err))
        return;
    unpack->next = reply ? unpack->n_layers : 0;
    if (reply)
        rc = hold(unpack, &problem);
    else if (unpack->n_layers > 1)
        rc = stat_layer(unpack, 0, on_layer_found, &problem);
    else
        make_plan(unpack);
    if (rc)
        wfe_image_unpack_fail(unpack, &problem);
}

void wfe_image_unpack_look(wfe_image_unpack *unpack)
{
    wfe_error problem = WFE_ERROR_INIT;
    unpack->state = UNPACK_LOOKING;
    unpack->next = unpack->n_layers;
    if (unpack->n_layers == 0)
        make_plan(unpack);
    else if (stat_layer(unpack, unpack->n_layers - 1, on_top_found, &problem))
        wfe_image_unpack_fail(unpack, &problem);
}

static void on_late_found(const PbSnapshots__StatSnapshotResponse *reply, const wfe_error *err,
                          void *user)
{
    wfe_image_unpack *unpack = user;
    wfe_error problem = WFE_ERROR_INIT;
    if (look_failed(unpack, err))
        return;
    if (reply)
        wfe_image_unpack_look(unpack);
    else if (wfe_image_unpack_layer_start(unpack, &problem))
        wfe_image_unpack_fail(unpack, &problem);
}

int wfe_image_unpack_look_again(wfe_image_unpack *unpack, wfe_error *err)
{
    unpack->state = UNPACK_LOOKING;
    return stat_layer(unpack, unpack->next, on_late_found, err);
}
