/* SPDX-License-Identifier: Apache-2.0
 *
 * The check of a seccomp profile that a user brings; see seccomp.h. A profile that is wrong would
 * only fail deep in the runtime, and a mistyped key would be dropped there without a word.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "oci/json.h"
#include "oci/seccomp.h"

#define SHOWN_BYTES 64
#define ERRNO_MAX 4095
#define ARGUMENT_MAX 5

/* SCMP_ACT_NOTIFY is left out: it needs an agent that answers for the calls. */
static const char *const actions[] = {
    "SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",   "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"};
static const char *const operators[] = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
                                        "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
                                        "SCMP_CMP_NE"};
static const char *const architectures[] = {
    "SCMP_ARCH_AARCH64",     "SCMP_ARCH_ARM",       "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",      "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC",    "SCMP_ARCH_PARISC64",    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",       "SCMP_ARCH_PPC64LE",   "SCMP_ARCH_RISCV64",     "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",       "SCMP_ARCH_X32",       "SCMP_ARCH_X86",         "SCMP_ARCH_X86_64"};
static const char *const flags[] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                                    "SECCOMP_FILTER_FLAG_TSYNC",
                                    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* ---- values; where is "syscalls[2].action" ---- */

static int check_type(const json_t *json, json_type type, const char *wanted, const char *where,
                      wfe_error *err)
{
    if (json && json_typeof(json) == type)
        return 0;
    return wfe_error_set(err, WFE_E_INVALID, "seccomp profile: %s is %s, must be %s", where,
                         json ? wfe_oci_json_type_name(json) : "missing", wanted);
}

static int check_word(const json_t *json, const char *const *words, size_t n, const char *where,
                      wfe_error *err)
{
    int rc = check_type(json, JSON_STRING, "a text", where, err);
    if (rc)
        return rc;
    const char *text = json_string_value(json);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, words[i]) == 0)
            return 0;
    }
    const char *nearest = wfe_nearest(text, words, n);
    wfe_error_set(err, WFE_E_INVALID, "seccomp profile: %s is '%.*s', must be one of %s to %s",
                  where, (int)wfe_utf8_prefix(text, SHOWN_BYTES), text, words[0], words[n - 1]);
    if (nearest)
        wfe_error_hint(err, "did you mean %s?", nearest);
    return WFE_E_INVALID;
}

static int check_number(const json_t *json, json_int_t max, const char *where, wfe_error *err)
{
    int rc = check_type(json, JSON_INTEGER, "a whole number", where, err);
    if (!rc && (json_integer_value(json) < 0 || json_integer_value(json) > max))
        rc = wfe_error_set(err, WFE_E_INVALID, "seccomp profile: %s is %lld, must be 0 to %lld",
                           where, (long long)json_integer_value(json), (long long)max);
    return rc;
}

/* A list of known words; absent is fine. */
static int check_words(const json_t *list, const char *const *words, size_t n, const char *where,
                       wfe_error *err)
{
    int rc = list ? check_type(list, JSON_ARRAY, "a list", where, err) : 0;
    for (size_t i = 0; !rc && i < json_array_size(list); i++) {
        char item[SHOWN_BYTES];
        snprintf(item, sizeof item, "%s[%zu]", where, i);
        rc = check_word(json_array_get(list, i), words, n, item, err);
    }
    return rc;
}

static int check_keys(json_t *object, const char *const *keys, size_t n, const char *where,
                      wfe_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (i < n && strcmp(key, keys[i]) != 0)
            i++;
        if (i < n)
            continue;
        const char *nearest = wfe_nearest(key, keys, n);
        wfe_error_set(err, WFE_E_INVALID, "seccomp profile: %s has an unknown key '%.*s'", where,
                      (int)wfe_utf8_prefix(key, SHOWN_BYTES), key);
        if (strcmp(key, "archMap") == 0 || strcmp(key, "includes") == 0 ||
            strcmp(key, "excludes") == 0)
            wfe_error_hint(err, "this is docker's form; give the OCI form, which has the "
                                "architectures and rules that apply");
        else if (nearest)
            wfe_error_hint(err, "did you mean %s?", nearest);
        return WFE_E_INVALID;
    }
    return 0;
}

/* ---- rules ---- */

static int check_argument(json_t *argument, const char *where, wfe_error *err)
{
    static const char *const keys[] = {"index", "value", "valueTwo", "op"};
    char item[SHOWN_BYTES];
    int rc = check_type(argument, JSON_OBJECT, "an object", where, err);
    if (!rc)
        rc = check_keys(argument, keys, COUNT(keys), where, err);
    snprintf(item, sizeof item, "%s.index", where);
    if (!rc)
        rc = check_number(json_object_get(argument, "index"), ARGUMENT_MAX, item, err);
    snprintf(item, sizeof item, "%s.value", where);
    if (!rc)
        rc = check_number(json_object_get(argument, "value"), INT64_MAX, item, err);
    const json_t *second = json_object_get(argument, "valueTwo");
    snprintf(item, sizeof item, "%s.valueTwo", where);
    if (!rc && second)
        rc = check_number(second, INT64_MAX, item, err);
    snprintf(item, sizeof item, "%s.op", where);
    if (!rc)
        rc = check_word(json_object_get(argument, "op"), operators, COUNT(operators), item, err);
    return rc;
}

static int check_names(const json_t *names, const char *where, wfe_error *err)
{
    int rc = check_type(names, JSON_ARRAY, "a list", where, err);
    if (!rc && !json_array_size(names))
        rc = wfe_error_set(err, WFE_E_INVALID,
                           "seccomp profile: %s is empty, must name a system call", where);
    for (size_t i = 0; !rc && i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name || !*name)
            rc = wfe_error_set(err, WFE_E_INVALID,
                               "seccomp profile: %s[%zu] is no name of a system call", where, i);
    }
    return rc;
}

static int check_rule(json_t *rule, size_t index, wfe_error *err)
{
    static const char *const keys[] = {"names", "action", "errnoRet", "args", "comment"};
    char where[SHOWN_BYTES];
    char item[SHOWN_BYTES];
    snprintf(where, sizeof where, "syscalls[%zu]", index);
    int rc = check_type(rule, JSON_OBJECT, "an object", where, err);
    if (!rc)
        rc = check_keys(rule, keys, COUNT(keys), where, err);
    snprintf(item, sizeof item, "%s.names", where);
    if (!rc)
        rc = check_names(json_object_get(rule, "names"), item, err);
    snprintf(item, sizeof item, "%s.action", where);
    if (!rc)
        rc = check_word(json_object_get(rule, "action"), actions, COUNT(actions), item, err);
    const json_t *number = json_object_get(rule, "errnoRet");
    snprintf(item, sizeof item, "%s.errnoRet", where);
    if (!rc && number)
        rc = check_number(number, ERRNO_MAX, item, err);
    const json_t *args = json_object_get(rule, "args");
    snprintf(item, sizeof item, "%s.args", where);
    if (!rc && args)
        rc = check_type(args, JSON_ARRAY, "a list", item, err);
    for (size_t i = 0; !rc && i < json_array_size(args); i++) {
        snprintf(item, sizeof item, "%s.args[%zu]", where, i);
        rc = check_argument(json_array_get(args, i), item, err);
    }
    /* For people only; no part of the OCI form. */
    if (!rc)
        json_object_del(rule, "comment");
    return rc;
}

static int check_profile(json_t *root, wfe_error *err)
{
    static const char *const keys[] = {"defaultAction", "defaultErrnoRet", "architectures", "flags",
                                       "syscalls"};
    int rc = check_type(root, JSON_OBJECT, "an object", "it", err);
    if (!rc)
        rc = check_keys(root, keys, COUNT(keys), "it", err);
    if (!rc)
        rc = check_word(json_object_get(root, "defaultAction"), actions, COUNT(actions),
                        "defaultAction", err);
    const json_t *number = json_object_get(root, "defaultErrnoRet");
    if (!rc && number)
        rc = check_number(number, ERRNO_MAX, "defaultErrnoRet", err);
    if (!rc)
        rc = check_words(json_object_get(root, "architectures"), architectures,
                         COUNT(architectures), "architectures", err);
    if (!rc)
        rc = check_words(json_object_get(root, "flags"), flags, COUNT(flags), "flags", err);
    const json_t *rules = json_object_get(root, "syscalls");
    if (!rc && rules)
        rc = check_type(rules, JSON_ARRAY, "a list", "syscalls", err);
    if (!rc && json_array_size(rules) > WFE_OCI_SECCOMP_MAX_RULES)
        rc = wfe_error_set(err, WFE_E_LIMIT,
                           "seccomp profile: syscalls has %zu rules, at most %zu are allowed",
                           json_array_size(rules), WFE_OCI_SECCOMP_MAX_RULES);
    for (size_t i = 0; !rc && i < json_array_size(rules); i++)
        rc = check_rule(json_array_get(rules, i), i, err);
    return rc;
}

int wfe_oci_seccomp_parse(const char *text, size_t len, json_t **ret, wfe_error *err)
{
    if (len > WFE_OCI_SECCOMP_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "seccomp profile: it has %zu bytes, at most %zu MiB are allowed", len,
                             WFE_OCI_SECCOMP_MAX_BYTES >> 20);
    _cleanup_(wfe_oci_json_decref_p) json_t *root = NULL;
    int rc = wfe_json_load(text, len, JSON_REJECT_DUPLICATES, &root, err);
    if (rc) {
        wfe_error_prefix(err, "seccomp profile");
        return rc;
    }
    rc = check_profile(root, err);
    if (!rc && ret)
        *ret = wfe_take(root);
    return rc;
}
