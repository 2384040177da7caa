/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/containers.h"

WFE_CONTAINERS_UNARY(WFE_RPC_UNARY_DEFINE)
WFE_CONTAINERS_STREAMS(WFE_RPC_STREAM_DEFINE)
