/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a failure: retry, and error_behavior as older files have it.
 */
#include <string.h>

#include "workflow/loader.h"

static const struct {
    const char *name;
    uint32_t bit;
} causes[] = {
    {"exit", WFE_PLAN_CAUSE_EXIT},     {"timeout", WFE_PLAN_CAUSE_TIMEOUT},
    {"oom", WFE_PLAN_CAUSE_OOM},       {"infrastructure", WFE_PLAN_CAUSE_INFRASTRUCTURE},
    {"output", WFE_PLAN_CAUSE_OUTPUT},
};
#define N_CAUSES (sizeof causes / sizeof *causes)

static void read_cause(wfe_loader *l, const wfe_node *node, uint32_t *set)
{
    const char *names[N_CAUSES];
    const char *text = wfe_read_text(&l->reader, node, "on");
    if (!text)
        return;
    for (size_t i = 0; i < N_CAUSES; i++) {
        names[i] = causes[i].name;
        if (strcmp(causes[i].name, text) == 0) {
            *set |= causes[i].bit;
            return;
        }
    }
    wfe_diagnose_error(l->list, wfe_mark_node(node),
                       "unknown failure '%s'. Must be exit, timeout, oom, infrastructure, or "
                       "output",
                       text);
    wfe_diagnose_suggest(l->list, text, names, N_CAUSES);
}

static void read_causes(wfe_loader *l, const wfe_node *node, uint32_t *set)
{
    if (wfe_node_is_null(node))
        return;
    uint32_t found = 0;
    if (node->kind == WFE_NODE_SCALAR)
        read_cause(l, node, &found);
    else if (wfe_read_is_list(&l->reader, node, "'on'")) {
        for (uint32_t i = 0; i < node->n; i++)
            read_cause(l, node->items[i], &found);
    }
    if (found)
        *set = found;
}

static int read_retry(wfe_loader *l, const wfe_node *node, const wfe_plan_retry **ret)
{
    wfe_raw_retry raw = {.retry = {.max = 3,
                                   .on = WFE_PLAN_CAUSE_ALL,
                                   .interval_ms = 1000,
                                   .max_interval_ms = 300000,
                                   .backoff = 2,
                                   .jitter = 0.1}};
    int rc = wfe_read_map(&l->reader, node, WFE_SCOPE_RETRY, &raw);
    if (rc)
        return rc;
    read_causes(l, raw.on, &raw.retry.on);
    if (raw.retry.max_interval_ms < raw.retry.interval_ms)
        raw.retry.max_interval_ms = raw.retry.interval_ms;
    wfe_plan_retry *retry = wfe_arena_alloc(l->memory, sizeof *retry);
    if (!retry)
        return WFE_E_NOMEM;
    *retry = raw.retry;
    *ret = raw.retry.max ? retry : NULL;
    return 0;
}

static int constant_retry(wfe_loader *l, const wfe_raw_error_behavior *raw,
                          const wfe_plan_retry **ret)
{
    wfe_plan_retry *retry = wfe_arena_alloc(l->memory, sizeof *retry);
    if (!retry)
        return WFE_E_NOMEM;
    *retry = (wfe_plan_retry){.max = raw->max_retries,
                              .on = WFE_PLAN_CAUSE_ALL,
                              .interval_ms = raw->interval_ms,
                              .max_interval_ms = raw->interval_ms,
                              .backoff = 1};
    *ret = raw->max_retries ? retry : NULL;
    return 0;
}

static int read_behavior(wfe_loader *l, const wfe_node *node, const wfe_node *beside,
                         const wfe_plan_retry **ret_retry, enum wfe_plan_on_error *ret_on_error)
{
    static const char *const types[] = {"retry", "suspend", "terminate", "compensate"};
    static const enum wfe_plan_on_error values[] = {WFE_PLAN_ERROR_FAIL, WFE_PLAN_ERROR_SUSPEND,
                                                    WFE_PLAN_ERROR_TERMINATE,
                                                    WFE_PLAN_ERROR_COMPENSATE};
    wfe_raw_error_behavior raw = {.interval_ms = 60000, .max_retries = 3};
    int rc = wfe_read_map(&l->reader, node, WFE_SCOPE_ERROR_BEHAVIOR, &raw);
    if (rc || !wfe_node_is_map(node))
        return rc;
    const wfe_node *type = wfe_node_get(node, "type");
    if (!type)
        wfe_diagnose_error(l->list, wfe_mark_node(node), "error_behavior must have a 'type'");
    if (!raw.type)
        return 0;
    size_t i = 0;
    while (i < 4 && strcmp(types[i], raw.type) != 0)
        i++;
    if (i == 4) {
        wfe_diagnose_error(l->list, wfe_mark_node(type),
                           "Invalid error behavior type: '%s'. Must be retry, suspend, terminate, "
                           "or compensate",
                           raw.type);
        wfe_diagnose_suggest(l->list, raw.type, types, 4);
        return 0;
    }
    *ret_on_error = values[i];
    if (i > 0)
        return 0;
    if (beside) {
        wfe_diagnose_error(l->list, wfe_mark_node(type),
                           "'retry' and an error_behavior of type retry say the same twice");
        wfe_diagnose_hint(l->list, "keep 'retry'");
        return 0;
    }
    return constant_retry(l, &raw, ret_retry);
}

int wfe_load_retry(wfe_loader *l, const wfe_node *retry, const wfe_node *behavior,
                   const wfe_plan_retry **ret_retry, enum wfe_plan_on_error *ret_on_error)
{
    int rc = retry ? read_retry(l, retry, ret_retry) : 0;
    return rc || !behavior ? rc : read_behavior(l, behavior, retry, ret_retry, ret_on_error);
}
