/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking a layer into a snapshot's mounts, and packing the difference of two into a blob. A
 * failed Apply leaves the snapshot half written: remove it.
 */
#ifndef WFE_CONTAINERD_DIFF_H
#define WFE_CONTAINERD_DIFF_H

#include "containerd/diff.pb-c.h"
#include "containerd/rpc.h"

#define WFE_DIFF_SERVICE "/containerd.services.diff.v1.Diff/"
#define WFE_DIFF_UNARY(X)                                                                          \
    X(diff_apply, WFE_DIFF_SERVICE "Apply", PbDiff__ApplyRequest, PbDiff__ApplyResponse,           \
      pb_diff__apply_response, request->diff ? request->diff->digest : NULL, "unpack layer",       \
      WFE_CONTAINERD_APPLY_MS, WFE_RPC_ONCE)                                                       \
    X(diff_create, WFE_DIFF_SERVICE "Diff", PbDiff__DiffRequest, PbDiff__DiffResponse,             \
      pb_diff__diff_response, request->ref, "pack difference", WFE_CONTAINERD_APPLY_MS,            \
      WFE_RPC_ONCE)

WFE_DIFF_UNARY(WFE_RPC_UNARY_DECLARE)

#endif
