/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/leases.h"

WFE_LEASES_UNARY(WFE_RPC_UNARY_DEFINE)
