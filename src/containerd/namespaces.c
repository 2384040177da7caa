/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/namespaces.h"

WFE_NAMESPACES_UNARY(WFE_RPC_UNARY_DEFINE)
