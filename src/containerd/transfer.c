/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/transfer.h"

#include "containerd/any.h"

WFE_TRANSFER_UNARY(WFE_RPC_UNARY_DEFINE)

PbTransferTypes__AuthRequest *wfe_transfer_read_auth(const Pb__Any *any)
{
    return (PbTransferTypes__AuthRequest *)(void *)wfe_any_unpack(
        any, WFE_TRANSFER_AUTH_REQUEST, &pb_transfer_types__auth_request__descriptor);
}

void wfe_transfer_free_auth(PbTransferTypes__AuthRequest *request)
{
    if (request)
        protobuf_c_message_free_unpacked(&request->base, NULL);
}

PbTransferTypes__Progress *wfe_transfer_read_progress(const Pb__Any *any)
{
    return (PbTransferTypes__Progress *)(void *)wfe_any_unpack(
        any, WFE_TRANSFER_PROGRESS, &pb_transfer_types__progress__descriptor);
}

void wfe_transfer_free_progress(PbTransferTypes__Progress *progress)
{
    if (progress)
        protobuf_c_message_free_unpacked(&progress->base, NULL);
}
