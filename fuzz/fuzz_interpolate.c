/* SPDX-License-Identifier: Apache-2.0
 *
 * ((name)) in a text: what has no such name stays as it is, what has one is told or replaced, and
 * what was put in is not looked at again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "workflow/interpolate.h"

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check(const char *text, size_t len, json_t *values, const json_t *item)
{
    wfe_arena *arena = wfe_arena_new();
    wfe_diagnostics *list = wfe_diagnostics_new();
    wfe_interpolation in = {
        .arena = arena, .list = list, .values = values, .item = item, .n_left = WFE_NODE_MAX};
    wfe_node node = {.kind = WFE_NODE_SCALAR,
                     .flags = WFE_NODE_PLACEHOLDER,
                     .length = 1,
                     .n = (uint32_t)len,
                     .n_nodes = 1,
                     .pos = {.line = 1, .column = 1}};
    size_t name_len;
    node.text = wfe_arena_text(arena, text, len);
    bool any = wfe_interpolate_find(node.text, &name_len) != NULL;
    require(wfe_interpolate(&in, &node) == 0);
    require(!(node.flags & WFE_NODE_PLACEHOLDER) || node.flags & WFE_NODE_FROM_VALUE);
    if (!any)
        require(node.n == len && memcmp(node.text, text, len) == 0 &&
                !wfe_diagnostics_length(list));
    else
        require(node.flags & (WFE_NODE_FROM_VALUE | WFE_NODE_HAS_ITEM | WFE_NODE_UNKNOWN) ||
                wfe_diagnostics_errors(list) > 0);
    if (node.kind == WFE_NODE_SCALAR)
        require(strlen(node.text) == node.n);
    wfe_diagnostics_free(list);
    wfe_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len && memchr(bytes, '\0', len))
        return 0;
    json_t *values =
        json_pack("{s:s, s:{s:[i, s]}, s:n, s:f}", "a", "((b))", "b", "c", 1, "x", "n", "f", 1.5);
    json_t *item = json_pack("{s:s}", "k", "((a))");
    check((const char *)bytes, len, values, NULL);
    check((const char *)bytes, len, values, item);
    json_decref(item);
    json_decref(values);
    return 0;
}
