/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots. Mounts are passed on to the task or to Diff as they came, never interpreted: newer
 * snapshotters return forms that only the daemon knows.
 */
#ifndef WFE_CONTAINERD_SNAPSHOTS_H
#define WFE_CONTAINERD_SNAPSHOTS_H

#include "containerd/rpc.h"
#include "containerd/snapshots.pb-c.h"

#define WFE_SNAPSHOTS_SERVICE "/containerd.services.snapshots.v1.Snapshots/"
#define WFE_SNAPSHOTS_UNARY(X)                                                                     \
    X(snapshots_prepare, WFE_SNAPSHOTS_SERVICE "Prepare", PbSnapshots__PrepareSnapshotRequest,     \
      PbSnapshots__PrepareSnapshotResponse, pb_snapshots__prepare_snapshot_response, request->key, \
      "prepare snapshot", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                                    \
    X(snapshots_view, WFE_SNAPSHOTS_SERVICE "View", PbSnapshots__ViewSnapshotRequest,              \
      PbSnapshots__ViewSnapshotResponse, pb_snapshots__view_snapshot_response, request->key,       \
      "view snapshot", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                                       \
    X(snapshots_mounts, WFE_SNAPSHOTS_SERVICE "Mounts", PbSnapshots__MountsRequest,                \
      PbSnapshots__MountsResponse, pb_snapshots__mounts_response, request->key,                    \
      "get mounts of snapshot", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                        \
    X(snapshots_commit, WFE_SNAPSHOTS_SERVICE "Commit", PbSnapshots__CommitSnapshotRequest,        \
      Pb__Empty, pb__empty, request->key, "commit snapshot", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE) \
    X(snapshots_remove, WFE_SNAPSHOTS_SERVICE "Remove", PbSnapshots__RemoveSnapshotRequest,        \
      Pb__Empty, pb__empty, request->key, "remove snapshot", WFE_CONTAINERD_CALL_MS,               \
      WFE_RPC_REPEATABLE)                                                                          \
    X(snapshots_stat, WFE_SNAPSHOTS_SERVICE "Stat", PbSnapshots__StatSnapshotRequest,              \
      PbSnapshots__StatSnapshotResponse, pb_snapshots__stat_snapshot_response, request->key,       \
      "stat snapshot", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                 \
    X(snapshots_update, WFE_SNAPSHOTS_SERVICE "Update", PbSnapshots__UpdateSnapshotRequest,        \
      PbSnapshots__UpdateSnapshotResponse, pb_snapshots__update_snapshot_response,                 \
      request->info ? request->info->name : NULL, "update snapshot", WFE_CONTAINERD_CALL_MS,       \
      WFE_RPC_ONCE)                                                                                \
    X(snapshots_usage, WFE_SNAPSHOTS_SERVICE "Usage", PbSnapshots__UsageRequest,                   \
      PbSnapshots__UsageResponse, pb_snapshots__usage_response, request->key, "measure snapshot",  \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                                  \
    X(snapshots_cleanup, WFE_SNAPSHOTS_SERVICE "Cleanup", PbSnapshots__CleanupRequest, Pb__Empty,  \
      pb__empty, request->snapshotter, "clean up snapshotter", WFE_CONTAINERD_CALL_MS,             \
      WFE_RPC_REPEATABLE)
#define WFE_SNAPSHOTS_STREAMS(X)                                                                   \
    X(snapshots_list, WFE_SNAPSHOTS_SERVICE "List", PbSnapshots__ListSnapshotsRequest,             \
      PbSnapshots__ListSnapshotsResponse, pb_snapshots__list_snapshots_response,                   \
      request->snapshotter, "list snapshots of", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)

WFE_SNAPSHOTS_UNARY(WFE_RPC_UNARY_DECLARE)
WFE_SNAPSHOTS_STREAMS(WFE_RPC_STREAM_DECLARE)

/* A copy of a reply that outlives its callback (free with wfe_snapshots_free_prepared, which
 * accepts NULL); NULL and NOMEM when memory ran out. */
PbSnapshots__PrepareSnapshotResponse *
wfe_snapshots_copy_prepared(const PbSnapshots__PrepareSnapshotResponse *reply, wfe_error *err);
void wfe_snapshots_free_prepared(PbSnapshots__PrepareSnapshotResponse *copy);

#endif
