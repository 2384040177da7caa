/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/diff.h"

WFE_DIFF_UNARY(WFE_RPC_UNARY_DEFINE)
