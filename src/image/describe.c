/* SPDX-License-Identifier: Apache-2.0
 *
 * What a listing tells of an image beyond its record: the content store is listed once, the
 * documents of each image are read, its snapshot is asked for, and the containers of the namespace
 * are gone through once.
 */
#include <string.h>

#include "containerd/containers.h"
#include "containerd/snapshots.h"
#include "image/chain.h"
#include "image/list.h"
#include "image/wait.h"

/* --- containers ---------------------------------------------------------------------------- */

typedef struct users_call {
    wfe_image_wait wait;
    wfe_image_list *list;
} users_call;

static void on_container(const PbContainers__ListContainerMessage *reply, void *user)
{
    users_call *call = user;
    if (reply->container)
        wfe_image_list_set_in_use(call->list, reply->container->image);
}

static void on_containers_end(const wfe_error *err, void *user)
{
    users_call *call = user;
    wfe_image_wait_end(&call->wait, err);
}

/* As a stream: all records in one message could be more than a message may be. */
int wfe_image_list_find_users(wfe_client *client, wfe_image_list *list, wfe_error *err)
{
    PbContainers__ListContainersRequest request = PB_CONTAINERS__LIST_CONTAINERS_REQUEST__INIT;
    users_call call = {.wait = {.loop = client->loop}, .list = list};
    return wfe_image_wait_for(
        &call.wait,
        wfe_containers_list_stream(client->containerd, &request, &wfe_image_ask, on_container,
                                   on_containers_end, &call, &call.wait.call, err),
        err);
}

/* --- snapshots ----------------------------------------------------------------------------- */

typedef struct stat_call {
    wfe_image_wait wait;
    bool committed;
} stat_call;

static void on_stat(const PbSnapshots__StatSnapshotResponse *reply, const wfe_error *err,
                    void *user)
{
    stat_call *call = user;
    call->committed =
        !err->kind && reply->info && reply->info->kind == PB_SNAPSHOTS__KIND__COMMITTED;
    wfe_image_wait_end(&call->wait, err);
}

int wfe_image_is_unpacked(wfe_client *client, const char *snapshotter, const char *chain_id,
                          bool *ret, wfe_error *err)
{
    *ret = false;
    if (!chain_id[0])
        return 0;
    PbSnapshots__StatSnapshotRequest request = PB_SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = snapshotter;
    request.key = chain_id;
    stat_call call = {.wait = {.loop = client->loop}};
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_image_wait_for(&call.wait,
                                wfe_snapshots_stat(client->containerd, &request, &wfe_image_ask,
                                                   on_stat, &call, &call.wait.call, &problem),
                                &problem);
    /* A snapshotter that the daemon does not have (any more) holds nothing. */
    if (rc && problem.grpc_status != WFE_GRPC_NOT_FOUND &&
        problem.grpc_status != WFE_GRPC_INVALID_ARGUMENT)
        return wfe_error_copy(err, &problem);
    *ret = call.committed;
    return 0;
}

/* --- all of it ----------------------------------------------------------------------------- */

static int find_unpacked(wfe_client *client, const wfe_image_contents *contents, bool *ret,
                         wfe_error *err)
{
    const wfe_image_variant *chosen = wfe_image_contents_choose(contents, NULL);
    char chain_id[WFE_DIGEST_SIZE];
    if (!chosen || !chosen->config)
        return 0;
    int rc =
        wfe_image_chain_of(chosen->config->diff_ids, chosen->config->n_diff_ids, chain_id, err);
    return rc ? rc : wfe_image_is_unpacked(client, client->snapshotter, chain_id, ret, err);
}

static int describe_one(wfe_client *client, const wfe_image_inventory *inventory,
                        wfe_image_list *list, size_t index, wfe_error *err)
{
    wfe_image_descriptor target;
    _cleanup_(wfe_image_contents_free_p) wfe_image_contents *contents = NULL;
    bool unpacked = false;
    wfe_error problem = WFE_ERROR_INIT;
    wfe_image_list_target(list, index, &target);
    int rc = wfe_image_contents_read(client, inventory, &target, &contents, &problem);
    if (rc == WFE_E_PROTOCOL || rc == WFE_E_LIMIT || problem.grpc_status == WFE_GRPC_NOT_FOUND)
        return 0;
    if (rc)
        return wfe_error_copy(err, &problem);
    rc = find_unpacked(client, contents, &unpacked, err);
    return rc ? rc : wfe_image_list_set_contents(list, index, contents, unpacked, err);
}

int wfe_image_list_describe(wfe_client *client, wfe_image_list *list, wfe_error *err)
{
    _cleanup_(wfe_image_inventory_free_p) wfe_image_inventory *inventory = NULL;
    if (wfe_image_list_length(list) == 0)
        return 0;
    int rc = wfe_image_inventory_read(client, &inventory, err);
    for (size_t i = 0; !rc && i < wfe_image_list_length(list); i++)
        rc = describe_one(client, inventory, list, i, err);
    return rc ? rc : wfe_image_list_find_users(client, list, err);
}
