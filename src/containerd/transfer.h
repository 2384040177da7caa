/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon fetches an image by itself (containerd 1.7 and newer). What it needs to be told goes
 * over streams, see streaming.h: open them before.
 */
#ifndef WFE_CONTAINERD_TRANSFER_H
#define WFE_CONTAINERD_TRANSFER_H

#include "containerd/rpc.h"
#include "containerd/transfer.pb-c.h"
#include "containerd/transfer_types.pb-c.h"

#define WFE_TRANSFER_SERVICE "/containerd.services.transfer.v1.Transfer/"
#define WFE_TRANSFER_UNARY(X)                                                                      \
    X(transfer_run, WFE_TRANSFER_SERVICE "Transfer", PbTransfer__TransferRequest, Pb__Empty,       \
      pb__empty, NULL, "let containerd transfer", WFE_CONTAINERD_TRANSFER_MS,                      \
      WFE_RPC_ONCE | WFE_RPC_NEWER)

/* Answered when all is done; cancelling the call stops it. */
WFE_TRANSFER_UNARY(WFE_RPC_UNARY_DECLARE)

/* Types of what source, destination and the streams hold. */
#define WFE_TRANSFER_OCI_REGISTRY "containerd.types.transfer.OCIRegistry"
#define WFE_TRANSFER_IMAGE_STORE "containerd.types.transfer.ImageStore"
#define WFE_TRANSFER_AUTH_REQUEST "containerd.types.transfer.AuthRequest"
#define WFE_TRANSFER_AUTH_RESPONSE "containerd.types.transfer.AuthResponse"
#define WFE_TRANSFER_PROGRESS "containerd.types.transfer.Progress"

/* What the two streams bring, unpacked; NULL when it is something else. Free with the functions
 * beside. */
PbTransferTypes__AuthRequest *wfe_transfer_read_auth(const Pb__Any *any);
void wfe_transfer_free_auth(PbTransferTypes__AuthRequest *request);
PbTransferTypes__Progress *wfe_transfer_read_progress(const Pb__Any *any);
void wfe_transfer_free_progress(PbTransferTypes__Progress *progress);

#endif
