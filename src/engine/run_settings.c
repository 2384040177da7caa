/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run_settings.h"

#include <string.h>

#include "base/strv.h"

void wfe_run_settings_done(wfe_run_settings *settings)
{
    if (!settings)
        return;
#define FREE_TEXT_(name) free(settings->name);
    WFE_RUN_SETTINGS_TEXTS(FREE_TEXT_)
#undef FREE_TEXT_
    wfe_strv_free(settings->hosts_dirs);
    json_decref(settings->images);
    *settings = (wfe_run_settings){0};
}

/* ---- writing ---- */

static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

static int set_texts(json_t *object, const wfe_run_settings *settings)
{
    int failed = 0;
#define SET_TEXT_(name)                                                                            \
    if (settings->name)                                                                            \
        failed |= set(object, #name, json_string(settings->name));
    WFE_RUN_SETTINGS_TEXTS(SET_TEXT_)
#undef SET_TEXT_
    return failed;
}

static int set_number(json_t *object, const char *key, uint64_t value)
{
    return value ? set(object, key, json_integer((json_int_t)value)) : 0;
}

static json_t *list_json(char *const *list)
{
    json_t *array = json_array();
    for (; array && *list; list++) {
        if (json_array_append_new(array, json_string(*list))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *wfe_run_settings_json(const wfe_run_settings *settings)
{
    json_t *object = json_object();
    if (!object)
        return NULL;
    int failed = set_texts(object, settings);
    if (settings->hosts_dirs)
        failed |= set(object, "hosts_dirs", list_json(settings->hosts_dirs));
    if (settings->keep_on_failure)
        failed |= set(object, "keep_on_failure", json_true());
    if (settings->images)
        failed |= set(object, "images", json_incref(settings->images));
    failed |= set_number(object, "jobs", settings->jobs);
    failed |= set_number(object, "log_step_max_bytes", settings->log_step_max_bytes);
    failed |= set_number(object, "log_run_max_bytes", settings->log_run_max_bytes);
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- reading ---- */

static int get_text(const json_t *json, const char *key, char **ret, wfe_error *err)
{
    const char *text = json_string_value(json_object_get(json, key));
    if (!text)
        return 0;
    *ret = strdup(text);
    return *ret ? 0 : wfe_error_nomem(err);
}

static int get_list(const json_t *array, char ***ret, wfe_error *err)
{
    if (!json_is_array(array))
        return 0;
    size_t n = json_array_size(array), len = 0;
    char **list = *ret = calloc(n + 1, sizeof *list);
    if (!list)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text)
            continue;
        list[len] = strdup(text);
        if (!list[len++])
            return wfe_error_nomem(err);
    }
    return 0;
}

static uint64_t get_number(const json_t *json, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(json, key));
    return value > 0 ? (uint64_t)value : 0;
}

int wfe_run_settings_read(const json_t *json, wfe_run_settings *ret, wfe_error *err)
{
    _cleanup_(wfe_run_settings_done) wfe_run_settings settings = {0};
    int rc = 0;
#define GET_TEXT_(name)                                                                            \
    if (!rc)                                                                                       \
        rc = get_text(json, #name, &settings.name, err);
    WFE_RUN_SETTINGS_TEXTS(GET_TEXT_)
#undef GET_TEXT_
    if (!rc)
        rc = get_list(json_object_get(json, "hosts_dirs"), &settings.hosts_dirs, err);
    if (rc)
        return rc;
    settings.images = json_incref(json_object_get(json, "images"));
    settings.keep_on_failure = json_is_true(json_object_get(json, "keep_on_failure"));
    settings.jobs = (uint32_t)get_number(json, "jobs");
    settings.log_step_max_bytes = get_number(json, "log_step_max_bytes");
    settings.log_run_max_bytes = get_number(json, "log_run_max_bytes");
    *ret = settings;
    settings = (wfe_run_settings){0};
    return 0;
}
