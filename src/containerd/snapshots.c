/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/snapshots.h"

WFE_SNAPSHOTS_UNARY(WFE_RPC_UNARY_DEFINE)
WFE_SNAPSHOTS_STREAMS(WFE_RPC_STREAM_DEFINE)
