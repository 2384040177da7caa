/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a condition true of the data of a run. A missing field is null, and null has an answer for
 * every operator, so that only a value that is there can be of the wrong type.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "workflow/plan.h"
#include "workflow/scalar.h"

static const json_t *member(const json_t *value, const char *name, size_t len)
{
    if (json_is_object(value))
        return json_object_getn(value, name, len);
    if (!json_is_array(value) || !len || strspn(name, "0123456789") < len || len > 9)
        return NULL;
    return json_array_get(value, strtoul(name, NULL, 10));
}

static const json_t *walk(const json_t *value, const char *path)
{
    while (value && *path) {
        size_t len = strcspn(path, ".");
        value = member(value, path, len);
        path += len + (path[len] == '.');
    }
    return value;
}

const json_t *wfe_plan_lookup(const json_t *data, const char *path)
{
    static const char *const heads[] = {"inputs", "outputs"};
    path += *path == '.';
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        size_t len = strlen(heads[i]);
        if (strncmp(path, heads[i], len) == 0 && path[len] == '.' &&
            !json_object_get(data, heads[i])) {
            path += len + 1;
            break;
        }
    }
    return *path ? walk(data, path) : NULL;
}

/* ---- comparing ---- */

static bool equal(const json_t *a, const json_t *b);

static bool equal_lists(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++) {
        if (!equal(json_array_get(a, i), json_array_get(b, i)))
            return false;
    }
    return true;
}

static bool equal_maps(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)(uintptr_t)a, key, value)
    {
        const json_t *other = json_object_get(b, key);
        if (!other || !equal(value, other))
            return false;
    }
    return true;
}

/* The number a text stands for: outputs of containers are texts. */
static bool number_of(const json_t *value, double *ret)
{
    if (json_is_string(value))
        return wfe_scalar_number(json_string_value(value), ret);
    if (!json_is_number(value))
        return false;
    *ret = json_number_value(value);
    return true;
}

static bool equal_text(const json_t *text, const json_t *other)
{
    double a, b;
    if (json_is_number(other))
        return number_of(text, &a) && number_of(other, &b) && a == b;
    return json_is_boolean(other) &&
           strcmp(json_string_value(text), json_is_true(other) ? "true" : "false") == 0;
}

static bool equal_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    return json_number_value(a) == json_number_value(b);
}

static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return equal_numbers(a, b);
    if (json_is_string(a) && json_is_string(b))
        return json_equal(a, b);
    if (json_is_string(a))
        return equal_text(a, b);
    if (json_is_string(b))
        return equal_text(b, a);
    if (json_is_array(a) && json_is_array(b))
        return equal_lists(a, b);
    if (json_is_object(a) && json_is_object(b))
        return equal_maps(a, b);
    return json_typeof(a) == json_typeof(b) && !json_is_array(a) && !json_is_object(a);
}

static int not_comparable(const wfe_plan_condition *condition, const json_t *value,
                          const char *format, wfe_error *err)
{
    _cleanup_free_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (!text)
        return wfe_error_nomem(err);
    text[wfe_utf8_prefix(text, 80)] = '\0';
    wfe_error_set(err, WFE_E_INVALID, format, text);
    wfe_error_where(err, "evaluate when", condition->path);
    return WFE_E_INVALID;
}

static int order(const wfe_plan_condition *condition, const json_t *field, bool *ret,
                 wfe_error *err)
{
    double a, b;
    if (json_is_null(field) || json_is_null(condition->value)) {
        *ret = false;
        return 0;
    }
    if (!number_of(field, &a))
        return not_comparable(condition, field, "cannot compare non-numeric field value: %s", err);
    if (!number_of(condition->value, &b))
        return not_comparable(condition, condition->value,
                              "cannot compare with non-numeric value: %s", err);
    switch (condition->op) {
    case WFE_PLAN_GT:
        *ret = a > b;
        break;
    case WFE_PLAN_GTE:
        *ret = a >= b;
        break;
    case WFE_PLAN_LT:
        *ret = a < b;
        break;
    default:
        *ret = a <= b;
        break;
    }
    return 0;
}

static const char *type_name(const json_t *value)
{
    if (json_is_boolean(value))
        return "bool";
    return json_is_object(value) ? "object" : "number";
}

static bool list_contains(const json_t *list, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (equal(json_array_get(list, i), value))
            return true;
    }
    return false;
}

/* A part of a text: numbers and bools as JSON writes them. */
static int text_contains(const json_t *text, const json_t *value, bool *ret, wfe_error *err)
{
    _cleanup_free_ char *written = NULL;
    const char *part = json_string_value(value);
    if (!part && (json_is_array(value) || json_is_object(value))) {
        *ret = false;
        return 0;
    }
    if (!part && !(part = written = json_dumps(value, JSON_ENCODE_ANY)))
        return wfe_error_nomem(err);
    *ret = strstr(json_string_value(text), part) != NULL;
    return 0;
}

static int contains(const wfe_plan_condition *condition, const json_t *field, bool *ret,
                    wfe_error *err)
{
    if (json_is_string(field))
        return text_contains(field, condition->value, ret, err);
    if (json_is_array(field)) {
        *ret = list_contains(field, condition->value);
        return 0;
    }
    wfe_error_set(err, WFE_E_INVALID, "Contains requires a string or array field, got %s",
                  type_name(field));
    wfe_error_where(err, "evaluate when", condition->path);
    return WFE_E_INVALID;
}

static int compare(const wfe_plan_condition *condition, const json_t *data, bool *ret,
                   wfe_error *err)
{
    const json_t *field = wfe_plan_lookup(data, condition->path);
    bool null = !field || json_is_null(field);
    switch (condition->op) {
    case WFE_PLAN_IS_NULL:
        *ret = null;
        return 0;
    case WFE_PLAN_IS_NOT_NULL:
        *ret = !null;
        return 0;
    case WFE_PLAN_EQUALS:
        *ret = !null && equal(field, condition->value);
        return 0;
    case WFE_PLAN_NOT_EQUALS:
        *ret = null || !equal(field, condition->value);
        return 0;
    case WFE_PLAN_CONTAINS:
        if (!null)
            return contains(condition, field, ret, err);
        *ret = false;
        return 0;
    default:
        if (!null)
            return order(condition, field, ret, err);
        *ret = false;
        return 0;
    }
}

int wfe_plan_condition_eval(const wfe_plan_condition *condition, const json_t *data, bool *ret,
                            wfe_error *err)
{
    if (condition->op < WFE_PLAN_ALL)
        return compare(condition, data, ret, err);
    uint32_t n_true = 0;
    for (uint32_t i = 0; i < condition->n_children; i++) {
        bool child = false;
        int rc = wfe_plan_condition_eval(&condition->children[i], data, &child, err);
        if (rc)
            return rc;
        n_true += child;
    }
    switch (condition->op) {
    case WFE_PLAN_ALL:
        *ret = n_true == condition->n_children;
        break;
    case WFE_PLAN_ANY_OF:
        *ret = n_true > 0;
        break;
    case WFE_PLAN_ONE_OF:
        *ret = n_true == 1;
        break;
    default:
        *ret = n_true == 0;
        break;
    }
    return 0;
}
