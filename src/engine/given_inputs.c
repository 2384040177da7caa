/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/given_inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

/* Of a value in a message. */
#define SHOWN_BYTES ((size_t)80)

static bool is_secret(const wfe_stored_run *run, const char *name)
{
    for (size_t i = 0; i < json_array_size(run->secret_inputs); i++) {
        const char *secret = json_string_value(json_array_get(run->secret_inputs, i));
        if (secret && strcmp(secret, name) == 0)
            return true;
    }
    return false;
}

static const wfe_plan_type *type_of(const wfe_plan *plan, const char *name)
{
    static const wfe_plan_type any = {.kind = WFE_PLAN_ANY, .text = "any"};
    const wfe_plan_workflow *main = &plan->workflows[plan->main];
    for (uint32_t i = 0; i < main->n_inputs; i++)
        if (strcmp(main->inputs[i].name, name) == 0)
            return &main->inputs[i].type;
    return &any;
}

static int advise(const char *name, wfe_error *err)
{
    wfe_error_hint(
        err, "leave '%s' out, or begin a new run with it: wfe run FILE, without --resume", name);
    return WFE_E_INVALID;
}

static int differs(const wfe_stored_run *run, const char *name, const json_t *stored,
                   const json_t *given, wfe_error *err)
{
    const size_t flags = (size_t)JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    _cleanup_free_ char *was = json_dumps(stored, flags);
    _cleanup_free_ char *is = json_dumps(given, flags);
    if (!was || !is)
        return wfe_error_nomem(err);
    wfe_error_set(err, WFE_E_INVALID,
                  "input '%s' is %.*s%s, but the run '%s' was begun with %.*s%s: a run keeps its "
                  "inputs",
                  name, (int)wfe_utf8_prefix(is, SHOWN_BYTES), is,
                  strlen(is) > SHOWN_BYTES ? "..." : "", run->row.name,
                  (int)wfe_utf8_prefix(was, SHOWN_BYTES), was,
                  strlen(was) > SHOWN_BYTES ? "..." : "");
    return advise(name, err);
}

static int check(const wfe_stored_run *run, const wfe_plan *plan, const char *name,
                 const json_t *given, bool convert, wfe_error *err)
{
    const json_t *stored = json_object_get(run->inputs, name);
    wfe_error error = WFE_ERROR_INIT;
    json_t *value = NULL;
    if (is_secret(run, name))
        return 0;
    if (!stored) {
        wfe_error_set(err, WFE_E_INVALID, "the run '%s' was begun without an input '%s'",
                      run->row.name, name);
        return advise(name, err);
    }
    int rc = wfe_plan_type_check(type_of(plan, name), given, convert, &value, &error);
    if (rc) {
        wfe_error_prefix(&error, "input '%s'", name);
        return wfe_error_copy(err, &error);
    }
    rc = json_equal(stored, value) ? 0 : differs(run, name, stored, value, err);
    json_decref(value);
    return rc;
}

const char *wfe_given_inputs_find(const char *const *texts, const char *key, size_t len)
{
    const char *found = NULL;
    for (; texts && *texts; texts++)
        if (strncmp(*texts, key, len) == 0 && (*texts)[len] == '=')
            found = *texts + len + 1;
    return found;
}

static int check_text(const wfe_stored_run *run, const wfe_plan *plan, const char *const *text,
                      wfe_error *err)
{
    const char *equals = strchr(*text, '=');
    if (!equals || equals == *text)
        return wfe_error_set(err, WFE_E_INVALID, "an input must be NAME=VALUE, found '%s'", *text);
    if (!wfe_utf8_is_valid(*text, strlen(*text)))
        return wfe_error_set(err, WFE_E_INVALID, "an input is no UTF-8 text");
    size_t len = (size_t)(equals - *text);
    if (wfe_given_inputs_find(text, *text, len) != equals + 1)
        return 0;
    _cleanup_free_ char *name = strndup(*text, len);
    json_t *value = json_string(equals + 1);
    int rc = name && value ? check(run, plan, name, value, true, err) : wfe_error_nomem(err);
    json_decref(value);
    return rc;
}

int wfe_given_inputs_check(const wfe_stored_run *run, const wfe_plan *plan, const json_t *file,
                           const char *const *texts, wfe_error *err)
{
    const char *name;
    json_t *value;
    int rc = 0;
    for (const char *const *text = texts; !rc && text && *text; text++)
        rc = check_text(run, plan, text, err);
    json_object_foreach((json_t *)(uintptr_t)file, name, value)
    {
        if (!rc && !wfe_given_inputs_find(texts, name, strlen(name)))
            rc = check(run, plan, name, value, false, err);
    }
    return rc;
}
