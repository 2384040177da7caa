/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/step_type.h"

const wfe_step_type *const wfe_step_types[] = {
    [WFE_PLAN_STEP_CONTAINERD] = &wfe_step_type_containerd,
    [WFE_PLAN_STEP_SHELL] = &wfe_step_type_shell,
    [WFE_PLAN_STEP_WORKFLOW] = NULL,
    [WFE_PLAN_STEP_PARALLEL] = NULL,
};
