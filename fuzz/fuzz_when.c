/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions: YAML of one, a NUL, JSON of the data. What compiles has an outcome or an error; a
 * condition that is told to be constant is, and `not` of it is the contrary.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "workflow/condition.h"
#include "workflow/yaml.h"

/* libfyaml 0.7 keeps a buffer of some texts with control characters in them. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static void require(int condition)
{
    if (!condition)
        abort();
}

static void evaluate(const wfe_plan_condition *condition, const json_t *data)
{
    bool is = false, is_not = false;
    wfe_error err = WFE_ERROR_INIT;
    const wfe_plan_condition opposite = {
        .op = WFE_PLAN_NOT, .children = condition, .n_children = 1};
    int rc = wfe_plan_condition_eval(condition, data, &is, &err);
    require(rc == err.kind && (rc == 0 || err.message[0]));
    require(wfe_plan_condition_eval(&opposite, data, &is_not, NULL) == rc);
    if (rc)
        return;
    require(is != is_not);
    enum wfe_constancy constancy = wfe_condition_constancy(condition);
    require(constancy != WFE_CONDITION_ALWAYS || is);
    require(constancy != WFE_CONDITION_NEVER || !is);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    const char *end = len ? memchr(text, '\0', len) : NULL;
    size_t yaml_len = end ? (size_t)(end - text) : len;
    wfe_arena *arena = wfe_arena_new();
    wfe_diagnostics *list = wfe_diagnostics_new();
    uint32_t n_nodes = WFE_NODE_MAX;
    wfe_node *root = NULL;
    const wfe_plan_condition *condition = NULL;
    require(wfe_yaml_parse(text, yaml_len, 0, &n_nodes, arena, list, &root, NULL) == 0);
    if (root)
        require(wfe_condition_compile(arena, list, root, &condition) == 0);
    require(condition || !root);
    json_t *data = end ? json_loadb(end + 1, len - yaml_len - 1, 0, NULL) : NULL;
    if (!json_is_object(data)) {
        json_decref(data);
        data = json_pack("{s:s, s:i, s:[s, i]}", "a", "5", "b", 5, "c", "x", 1);
    }
    /* What was read in spite of a mistake is not to be evaluated. */
    if (condition && !wfe_diagnostics_errors(list))
        evaluate(condition, data);
    json_decref(data);
    wfe_diagnostics_free(list);
    wfe_arena_free(arena);
    return 0;
}
