/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/introspection.h"

WFE_INTROSPECTION_UNARY(WFE_RPC_UNARY_DEFINE)
