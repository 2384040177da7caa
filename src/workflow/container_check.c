/* SPDX-License-Identifier: Apache-2.0
 *
 * What the options of a container mean is known to those who run it. Whoever loads a plan may give
 * a function that asks them, so that a user that is none is found before anything runs.
 */
#include <string.h>

#include "workflow/config.h"

/* Not known yet, here or below. */
static bool is_open(const wfe_node *node)
{
    if (node->kind == WFE_NODE_SCALAR)
        return node->flags & (WFE_NODE_UNKNOWN | WFE_NODE_HAS_ITEM);
    bool open = node->flags & WFE_NODE_WRONG;
    for (uint32_t i = 0; !open && i < node->n; i++)
        open = is_open(node->kind == WFE_NODE_MAP ? node->entries[i].value : node->items[i]);
    return open;
}

/* How much of the message is the text: all of what it quotes, or some of it. */
static size_t weight_of(const wfe_node *node, const char *message)
{
    size_t weight = 0, len = strlen(node->text);
    for (const char *at = message; len && (at = strstr(at, node->text)) != NULL; at++) {
        bool quoted = at > message && at[-1] == '\'' && at[len] == '\'';
        size_t found = len + (quoted ? WFE_NODE_MAX : 0);
        weight = found > weight ? found : weight;
    }
    return weight;
}

/* The text below node that the message is about; it stays as it is when there is none. */
static void find_named(const wfe_node *node, const char *message, const wfe_node **best,
                       size_t *weight)
{
    if (node->kind == WFE_NODE_SCALAR) {
        size_t found = weight_of(node, message);
        if (found > *weight) {
            *best = node;
            *weight = found;
        }
        return;
    }
    for (uint32_t i = 0; i < node->n; i++)
        find_named(node->kind == WFE_NODE_MAP ? node->entries[i].value : node->items[i], message,
                   best, weight);
}

int wfe_config_container_check(const wfe_reader *r, const wfe_node *node,
                               const wfe_plan_container *container)
{
    wfe_error error = WFE_ERROR_INIT;
    bool may_work = false;
    if (!r->check_container || is_open(node))
        return 0;
    int rc = r->check_container(&container->options, &may_work, &error);
    if (!rc || rc == WFE_E_NOMEM)
        return rc;
    const wfe_node *named = node;
    size_t weight = 0;
    find_named(node, error.message, &named, &weight);
    wfe_diagnose(r->list, may_work ? WFE_SEVERITY_WARNING : WFE_SEVERITY_ERROR,
                 wfe_mark_node(named), "%s", error.message);
    if (error.hint[0])
        wfe_diagnose_hint(r->list, "%s", error.hint);
    return 0;
}
