/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/images.h"

WFE_IMAGES_UNARY(WFE_RPC_UNARY_DEFINE)
