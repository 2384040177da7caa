/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/snapshots.h"

#include <stdlib.h>

#include "base/cleanup.h"

WFE_SNAPSHOTS_UNARY(WFE_RPC_UNARY_DEFINE)
WFE_SNAPSHOTS_STREAMS(WFE_RPC_STREAM_DEFINE)

PbSnapshots__PrepareSnapshotResponse *
wfe_snapshots_copy_prepared(const PbSnapshots__PrepareSnapshotResponse *reply, wfe_error *err)
{
    const ProtobufCMessage *message = (const void *)reply;
    _cleanup_free_ uint8_t *bytes = malloc(protobuf_c_message_get_packed_size(message) + 1);
    ProtobufCMessage *copy = NULL;
    if (bytes)
        copy = protobuf_c_message_unpack(&pb_snapshots__prepare_snapshot_response__descriptor, NULL,
                                         protobuf_c_message_pack(message, bytes), bytes);
    if (!copy)
        wfe_error_nomem(err);
    return (void *)copy;
}

void wfe_snapshots_free_prepared(PbSnapshots__PrepareSnapshotResponse *copy)
{
    if (copy)
        protobuf_c_message_free_unpacked((ProtobufCMessage *)(void *)copy, NULL);
}
