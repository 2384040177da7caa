/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/tasks.h"

WFE_TASKS_UNARY(WFE_RPC_UNARY_DEFINE)
