/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/strv.h"
#include "base/utf8.h"
#include "oci/json.h"

#define SHOWN_BYTES 80

/* Go writes null for an empty list or struct: the same as absent. */
static json_t *member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static int check_type(const json_t *json, json_type type, const char *where, wfe_error *err)
{
    if (json_typeof(json) == type)
        return 0;
    const char *wanted = type == JSON_OBJECT  ? "an object"
                         : type == JSON_ARRAY ? "a list"
                                              : "a text";
    return wfe_error_set(err, WFE_E_INVALID, "image config: %s is %s, must be %s", where,
                         wfe_oci_json_type_name(json), wanted);
}

/* An object's member, NULL when absent. */
static int get_object(const json_t *root, const char *key, const json_t **ret, wfe_error *err)
{
    *ret = member(root, key);
    return *ret ? check_type(*ret, JSON_OBJECT, key, err) : 0;
}

/* where is "config.User" and ends with the key. */
static int get_text(const json_t *object, const char *where, char **ret, wfe_error *err)
{
    const char *dot = strrchr(where, '.');
    const json_t *value = member(object, dot ? dot + 1 : where);
    int rc = value ? check_type(value, JSON_STRING, where, err) : 0;
    if (rc)
        return rc;
    *ret = strdup(value ? json_string_value(value) : "");
    return *ret ? 0 : wfe_error_nomem(err);
}

/* A list of texts; an empty one when absent. */
static int get_list(const json_t *object, const char *where, char ***ret, wfe_error *err)
{
    const json_t *list = member(object, strrchr(where, '.') + 1);
    int rc = list ? check_type(list, JSON_ARRAY, where, err) : 0;
    if (rc)
        return rc;
    size_t n = json_array_size(list); /* 0 for NULL */
    if (n > WFE_OCI_IMAGE_CONFIG_MAX_ITEMS)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "image config: %s has %zu entries, at most %zu are allowed", where, n,
                             WFE_OCI_IMAGE_CONFIG_MAX_ITEMS);
    _cleanup_(wfe_strv_free_p) char **copy = calloc(n + 1, sizeof *copy);
    if (!copy)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item))
            return wfe_error_set(err, WFE_E_INVALID, "image config: %s[%zu] is %s, must be a text",
                                 where, i, wfe_oci_json_type_name(item));
        copy[i] = strdup(json_string_value(item));
        if (!copy[i])
            return wfe_error_nomem(err);
    }
    *ret = wfe_take(copy);
    return 0;
}

static int get_env(const json_t *object, wfe_strmap *env, wfe_error *err)
{
    _cleanup_(wfe_strv_free_p) char **list = NULL;
    int rc = get_list(object, "config.Env", &list, err);
    for (char **pair = list; !rc && *pair; pair++) {
        const char *equals = strchr(*pair, '=');
        if (equals && equals != *pair)
            rc = wfe_strmap_set_pair(env, *pair, err);
    }
    return rc;
}

static int get_diff_ids(const json_t *root, wfe_oci_image_config *config, wfe_error *err)
{
    const json_t *rootfs = NULL;
    int rc = get_object(root, "rootfs", &rootfs, err);
    if (!rc)
        rc = get_list(rootfs, "rootfs.diff_ids", &config->diff_ids, err);
    if (rc)
        return rc;
    for (char **id = config->diff_ids; *id; id++) {
        if (!wfe_digest_is_valid(*id))
            return wfe_error_set(err, WFE_E_INVALID,
                                 "image config: rootfs.diff_ids[%zu] is '%.*s', must be a sha256 "
                                 "digest",
                                 config->n_diff_ids, (int)wfe_utf8_prefix(*id, SHOWN_BYTES), *id);
        config->n_diff_ids++;
    }
    if (!config->n_diff_ids)
        return wfe_error_set(
            err, WFE_E_INVALID,
            "image config: rootfs.diff_ids is empty, must have at least one layer");
    return 0;
}

static int load(const void *bytes, size_t len, json_t **ret, wfe_error *err)
{
    if (len > WFE_OCI_IMAGE_CONFIG_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "image config: it has %zu bytes, at most %zu MiB are allowed", len,
                             WFE_OCI_IMAGE_CONFIG_MAX_BYTES >> 20);
    int rc = wfe_json_load(bytes, len, 0, ret, err);
    if (rc) {
        wfe_error_prefix(err, "image config");
        return rc;
    }
    return check_type(*ret, JSON_OBJECT, "it", err);
}

int wfe_oci_image_config_parse(const void *json, size_t len, wfe_oci_image_config **ret,
                               wfe_error *err)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *root = NULL;
    int rc = load(json, len, &root, err);
    if (rc)
        return rc;
    _cleanup_(wfe_oci_image_config_free_p) wfe_oci_image_config *config = calloc(1, sizeof *config);
    if (!config)
        return wfe_error_nomem(err);
    const json_t *process = NULL;
    rc = get_object(root, "config", &process, err);
    const struct {
        const json_t *object;
        const char *where;
        char **to;
    } texts[] = {
        {root, "architecture", &config->architecture},
        {root, "os", &config->os},
        {root, "variant", &config->variant},
        {process, "config.User", &config->user},
        {process, "config.WorkingDir", &config->working_dir},
        {process, "config.StopSignal", &config->stop_signal},
    };
    for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
        rc = get_text(texts[i].object, texts[i].where, texts[i].to, err);
    if (!rc)
        rc = get_env(process, &config->env, err);
    if (!rc)
        rc = get_list(process, "config.Entrypoint", &config->entrypoint, err);
    if (!rc)
        rc = get_list(process, "config.Cmd", &config->cmd, err);
    if (!rc)
        rc = get_diff_ids(root, config, err);
    if (!rc)
        *ret = wfe_take(config);
    return rc;
}

void wfe_oci_image_config_free(wfe_oci_image_config *config)
{
    if (!config)
        return;
    free(config->architecture);
    free(config->os);
    free(config->variant);
    free(config->user);
    free(config->working_dir);
    free(config->stop_signal);
    wfe_strmap_done(&config->env);
    wfe_strv_free(config->entrypoint);
    wfe_strv_free(config->cmd);
    wfe_strv_free(config->diff_ids);
    free(config);
}
