/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "engine/context.h"
#include "workflow/variable.h"

/* Variables made of data: looking one up in the list is linear. */
#define MAX_VARIABLES 2048

/* The value as text; NULL without memory, or when it cannot be a variable: it holds a NUL. */
static char *value_text(const json_t *value, bool *nomem)
{
    char *text;
    if (json_is_string(value)) {
        if (strlen(json_string_value(value)) != json_string_length(value))
            return NULL;
        text = strdup(json_string_value(value));
    } else {
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    }
    *nomem = !text;
    return text;
}

static void leave_out(wfe_env_left_out *out, const char *name)
{
    static const char more[] = ", ...";
    size_t len = strlen(out->text), room = sizeof out->text - len - sizeof more;
    if (!out->n++)
        snprintf(out->text, sizeof out->text, "too long for variables, and left out: %.100s", name);
    else if (strlen(name) + 2 < room)
        snprintf(out->text + len, room, ", %s", name);
    else if (strcmp(out->text + len - strlen(more), more) != 0)
        snprintf(out->text + len, sizeof more, "%s", more);
}

int wfe_env_add_data(wfe_strmap *env, const json_t *data, wfe_env_left_out *left_out,
                     wfe_error *err)
{
    const char *key;
    json_t *value;
    char name[WFE_VARIABLE_SIZE];
    size_t total = 0;
    size_t n_others = env->len;
    json_object_foreach((json_t *)(uintptr_t)data, key, value)
    {
        bool nomem = false;
        /* What an optional input was not given is no text "null". */
        if (json_is_null(value) || !wfe_variable_name(key, name))
            continue;
        _cleanup_free_ char *text = value_text(value, &nomem);
        if (nomem)
            return wfe_error_nomem(err);
        if (!text)
            continue;
        size_t len = strlen(name) + strlen(text) + 2;
        if (len > WFE_ENV_VALUE_MAX_BYTES || total + len > WFE_ENV_TOTAL_MAX_BYTES ||
            env->len - n_others >= MAX_VARIABLES) {
            leave_out(left_out, name);
            continue;
        }
        total += len;
        int rc = wfe_strmap_set(env, name, text, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int add_pairs(wfe_strmap *env, const char *const *pairs, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && pairs && pairs[i]; i++) {
        rc = wfe_strmap_set_pair(env, pairs[i], NULL);
        if (rc == WFE_E_NOMEM)
            wfe_error_nomem(err);
        else if (rc)
            rc = 0; /* the environment of a process may hold anything; never show it */
    }
    return rc;
}

static int add_map(wfe_strmap *env, const wfe_strmap *more, wfe_error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < more->len; i++)
        rc = wfe_strmap_set(env, more->items[i].key, more->items[i].value, err);
    return rc;
}

static int to_list(const wfe_strmap *env, char ***ret, wfe_error *err)
{
    char **list = calloc(env->len + 1, sizeof *list);
    if (!list)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < env->len; i++) {
        size_t key_len = strlen(env->items[i].key);
        size_t value_len = strlen(env->items[i].value);
        list[i] = malloc(key_len + value_len + 2);
        if (!list[i]) {
            wfe_strv_free(list);
            return wfe_error_nomem(err);
        }
        memcpy(list[i], env->items[i].key, key_len);
        list[i][key_len] = '=';
        memcpy(list[i] + key_len + 1, env->items[i].value, value_len + 1);
    }
    *ret = list;
    return 0;
}

/* Elsewhere 127.0.0.1 is something else: this host, or nothing. */
static bool shares_services_network(const wfe_plan_step *step)
{
    return step->type == WFE_PLAN_STEP_CONTAINERD && !step->config.container->options.network;
}

int wfe_env_build(const wfe_attempt_env *attempt, const char *const *base, const char *const *own,
                  char ***ret, wfe_env_left_out *ret_left_out, wfe_error *err)
{
    wfe_strmap env = {0};
    *ret_left_out = (wfe_env_left_out){0};
    int rc = add_pairs(&env, base, err);
    if (!rc)
        rc = wfe_env_add_data(&env, attempt->data, ret_left_out, err);
    if (!rc && shares_services_network(attempt->step))
        rc = add_map(&env, &attempt->context->service_env, err);
    if (!rc)
        rc = add_pairs(&env, own, err);
    for (uint32_t i = 0; !rc && i < attempt->n_secrets; i++)
        if (attempt->secrets[i].env)
            rc = wfe_strmap_set(&env, attempt->secrets[i].env, attempt->secrets[i].value, err);
    if (!rc)
        rc = to_list(&env, ret, err);
    wfe_strmap_done(&env);
    return rc;
}

int wfe_env_append(char ***list, char *entry, wfe_error *err)
{
    size_t n = wfe_strv_length((const char *const *)*list);
    char **longer = entry ? realloc(*list, (n + 2) * sizeof *longer) : NULL;
    if (!longer) {
        free(entry);
        return wfe_error_nomem(err);
    }
    longer[n] = entry;
    longer[n + 1] = NULL;
    *list = longer;
    return 0;
}
