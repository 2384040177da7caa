/* SPDX-License-Identifier: Apache-2.0
 *
 * What runs when the work of a step, a block or a for_each is done:
 *
 *     end          on_success   on_failure   ensure
 *     succeeded    runs                      runs
 *     failed                    runs         runs      a timeout is a failure
 *     cancelled                              runs
 *     skipped                                          it never began
 *
 * One after the other. When the whole run is cancelled only ensure starts; when it is killed,
 * nothing does.
 */
#include "engine/run_priv.h"

uint32_t wfe_hook_index(const wfe_plan_hooks *hooks, unsigned char role)
{
    switch (role) {
    case WFE_PLAN_ROLE_ON_SUCCESS:
        return hooks->on_success;
    case WFE_PLAN_ROLE_ON_FAILURE:
        return hooks->on_failure;
    case WFE_PLAN_ROLE_ENSURE:
        return hooks->ensure;
    }
    return WFE_PLAN_NONE;
}

void wfe_hook_start(wfe_frame *frame, uint32_t index, wfe_scope *sees)
{
    wfe_run_node *hook = wfe_frame_node(frame, index);
    hook->before = wfe_scope_ref(sees);
    wfe_run_node_due(hook);
}

/* The next hook that applies after node->hook; 0: none. */
static unsigned char next_role(const wfe_run_node *node)
{
    const wfe_engine_run *run = node->frame->run;
    if (run->killed || node->hook == WFE_PLAN_ROLE_ENSURE || node->item != WFE_PLAN_NONE)
        return 0;
    if (!node->hook && !run->cancelled) {
        if (node->outcome == WFE_STEP_IS_SUCCEEDED && node->step->hooks.on_success != WFE_PLAN_NONE)
            return WFE_PLAN_ROLE_ON_SUCCESS;
        if (node->outcome == WFE_STEP_IS_FAILED && node->step->hooks.on_failure != WFE_PLAN_NONE)
            return WFE_PLAN_ROLE_ON_FAILURE;
    }
    return node->step->hooks.ensure != WFE_PLAN_NONE ? WFE_PLAN_ROLE_ENSURE : 0;
}

/* What the hook sees, and later what needs the step does: its outputs are in. */
static int fold_outputs(wfe_run_node *node, const wfe_run_node *from, wfe_error *err)
{
    if (!from->outputs || node->frame->run->broken || !node->before)
        return 0;
    return wfe_scope_add(&node->before, from->outputs, from->outputs_seq, err);
}

static void start_hook(wfe_run_node *node, unsigned char role)
{
    uint32_t index = wfe_hook_index(&node->step->hooks, role);
    bool first = !node->hook;
    node->hook = role;
    if (first) {
        wfe_journal_ready(node->frame->run, wfe_frame_node(node->frame, index)->path);
        wfe_journal_node(node);
    }
    wfe_hook_start(node->frame, index, node->before);
}

void wfe_run_node_run_hooks(wfe_run_node *node)
{
    wfe_error error = WFE_ERROR_INIT;
    /* One that ended without hooks had its reason. */
    bool without = node->past && node->past->end_seq && !node->past->hooks_seq;
    unsigned char role = without ? 0 : next_role(node);
    if (!role) {
        wfe_run_node_end(node);
        return;
    }
    if (!node->hook && fold_outputs(node, node, &error))
        wfe_run_break(node->frame->run, &error);
    start_hook(node, role);
}

void wfe_run_node_hook_ended(wfe_run_node *node, wfe_run_node *hook)
{
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_run_node_has_failed(hook)) {
        node->hook_failed = true;
        if (node->outcome == WFE_STEP_IS_SUCCEEDED) {
            wfe_error_set(&error, WFE_E_CONFLICT, "hook '%s' failed", hook->path);
            wfe_run_node_keep_error(node, &error);
            node->outcome = WFE_STEP_IS_FAILED;
            node->cause = 0;
            error = (wfe_error)WFE_ERROR_INIT;
        }
    }
    if (fold_outputs(node, hook, &error))
        wfe_run_break(node->frame->run, &error);
    wfe_run_node_run_hooks(node);
}
