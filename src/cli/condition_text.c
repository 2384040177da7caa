/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/condition_text.h"

#include <string.h>

#include "base/cleanup.h"

static const char *const words[] = {
    [WFE_PLAN_EQUALS] = "equals",
    [WFE_PLAN_NOT_EQUALS] = "does not equal",
    [WFE_PLAN_GT] = ">",
    [WFE_PLAN_GTE] = ">=",
    [WFE_PLAN_LT] = "<",
    [WFE_PLAN_LTE] = "<=",
    [WFE_PLAN_CONTAINS] = "contains",
    [WFE_PLAN_IS_NULL] = "is null",
    [WFE_PLAN_IS_NOT_NULL] = "is not null",
    [WFE_PLAN_ALL] = "all",
    [WFE_PLAN_ANY_OF] = "any",
    [WFE_PLAN_NONE_OF] = "none",
    [WFE_PLAN_ONE_OF] = "one of",
    [WFE_PLAN_NOT] = "not",
};

static int comparison(const wfe_plan_condition *condition, wfe_buf *out, wfe_error *err)
{
    int rc = wfe_buf_printf(out, err, "%s %s", condition->path, words[condition->op]);
    if (rc || !condition->value)
        return rc;
    _cleanup_free_ char *value = json_dumps(condition->value, JSON_ENCODE_ANY | JSON_COMPACT);
    return value ? wfe_buf_printf(out, err, " %s", value) : wfe_error_nomem(err);
}

int wfe_condition_text(const wfe_plan_condition *condition, wfe_buf *out, wfe_error *err)
{
    if (condition->op < WFE_PLAN_ALL)
        return comparison(condition, out, err);
    int rc = wfe_buf_printf(out, err, "%s(", words[condition->op]);
    for (uint32_t i = 0; !rc && i < condition->n_children; i++) {
        if (i)
            rc = wfe_buf_append_str(out, ", ", err);
        if (!rc)
            rc = wfe_condition_text(&condition->children[i], out, err);
    }
    return rc ? rc : wfe_buf_append_str(out, ")", err);
}

bool wfe_condition_is_of_inputs(const wfe_plan_condition *condition)
{
    if (condition->op < WFE_PLAN_ALL) {
        const char *path = condition->path + (condition->path[0] == '.');
        return strncmp(path, "inputs.", strlen("inputs.")) == 0;
    }
    for (uint32_t i = 0; i < condition->n_children; i++) {
        if (!wfe_condition_is_of_inputs(&condition->children[i]))
            return false;
    }
    return true;
}
