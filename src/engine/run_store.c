/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run_store.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/id.h"
#include "base/json.h"
#include "base/owner.h"
#include "base/utf8.h"
#include "engine/given_inputs.h"
#include "store/log_retention.h"
#include "store/sqlite.h"
#include "workflow/load.h"

#ifndef WFE_VERSION
#define WFE_VERSION "0"
#endif

#define JSON_FLAGS ((size_t)JSON_COMPACT | JSON_ENCODE_ANY)

static void free_json(json_t **json)
{
    json_decref(*json);
}

#define _cleanup_json_ _cleanup_(free_json)

/* Made twice: when memory runs out for a moment, jansson may give a text that ends early, and what
 * is stored here must be read again. NULL without memory. */
static char *dump(const json_t *json, size_t flags)
{
    _cleanup_free_ char *text = json_dumps(json, flags);
    _cleanup_free_ char *again = text ? json_dumps(json, flags) : NULL;
    return again && strcmp(text, again) == 0 ? wfe_take(text) : NULL;
}

int wfe_run_store_open(const char *state_dir, bool must_exist, wfe_store **ret, wfe_error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/" WFE_RUN_STORE_FILE, state_dir) >= (int)sizeof path)
        return wfe_error_set(err, WFE_E_LIMIT, "the path %s/" WFE_RUN_STORE_FILE " is too long",
                             state_dir);
    const wfe_store_sqlite_options options = {
        .path = path, .must_exist = must_exist, .program = "wfe " WFE_VERSION};
    return wfe_store_sqlite_open(&options, ret, err);
}

/* ---- secret inputs ---- */

/* Is the value of an input part of this password. */
static bool is_in_password(const char *value, const wfe_plan_container *container)
{
    for (uint32_t i = 0; i < container->n_registry_auth; i++) {
        const char *password = container->registry_auth[i].password;
        if (password && strstr(password, value))
            return true;
    }
    return false;
}

/* A password that is written as ((name)) makes the input a secret; what is part of a password by
 * accident is asked for once more than needed. */
static bool is_secret(const wfe_plan *plan, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text || !*text)
        return false;
    for (uint32_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].type == WFE_PLAN_STEP_CONTAINERD && plan->steps[i].config.container &&
            is_in_password(text, plan->steps[i].config.container))
            return true;
    for (uint32_t i = 0; i < plan->n_workflows; i++)
        for (uint32_t k = 0; k < plan->workflows[i].n_services; k++)
            if (is_in_password(text, &plan->workflows[i].services[k].container))
                return true;
    return false;
}

/* Moves the names of secret inputs to a list of their own. */
static int split_inputs(const wfe_plan *plan, json_t **ret_inputs, json_t **ret_secret,
                        wfe_error *err)
{
    const char *name;
    json_t *value;
    *ret_inputs = json_object();
    *ret_secret = json_array();
    int failed = !*ret_inputs || !*ret_secret;
    json_object_foreach((json_t *)(uintptr_t)plan->given, name, value)
    {
        if (failed)
            break;
        if (is_secret(plan, value))
            failed = json_array_append_new(*ret_secret, json_string(name));
        else
            failed = json_object_set(*ret_inputs, name, value);
    }
    return failed ? wfe_error_nomem(err) : 0;
}

/* ---- making a run ---- */

/* A random UUID (RFC 9562, version 4). */
static int make_id(char out[WFE_RUN_ID_SIZE], wfe_error *err)
{
    char digits[33];
    int rc = wfe_id_random(digits, 32, err);
    if (rc)
        return rc;
    digits[12] = '4';
    digits[16] = "89ab"[digits[16] & 3];
    snprintf(out, WFE_RUN_ID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
             digits + 16, digits + 20);
    return 0;
}

/* All files of the plan, as they were read. */
static int dump_definition(const wfe_plan *plan, char **ret, char hash[WFE_DIGEST_SIZE],
                           wfe_error *err)
{
    _cleanup_json_ json_t *definition = wfe_plan_definition(plan);
    if (definition) {
        /* What differs from run to run is kept with the run. */
        json_object_del(definition, "inputs");
    }
    _cleanup_free_ char *text = definition ? dump(definition, JSON_FLAGS | JSON_SORT_KEYS) : NULL;
    if (!text)
        return wfe_error_nomem(err);
    wfe_digest_of(text, strlen(text), hash);
    *ret = wfe_take(text);
    return 0;
}

static int dump_options(const wfe_run_settings *settings, const json_t *secret_inputs, char **ret,
                        wfe_error *err)
{
    _cleanup_json_ json_t *json = wfe_run_settings_json(settings);
    if (!json || (json_array_size(secret_inputs) &&
                  json_object_set(json, "secret_inputs", (json_t *)(uintptr_t)secret_inputs)))
        return wfe_error_nomem(err);
    *ret = dump(json, JSON_FLAGS);
    return *ret ? 0 : wfe_error_nomem(err);
}

int wfe_run_store_create(wfe_store *store, const wfe_run_store_new *run, wfe_run_handle *ret,
                         wfe_error *err)
{
    _cleanup_free_ char *definition = NULL, *inputs_text = NULL, *options = NULL;
    _cleanup_json_ json_t *inputs = NULL;
    _cleanup_json_ json_t *secret = NULL;
    char hash[WFE_DIGEST_SIZE], owner[WFE_OWNER_TEXT_SIZE];
    wfe_run_handle handle = {0};
    wfe_store_made_run made = {0};
    int rc = make_id(handle.id, err);
    if (!rc)
        rc = dump_definition(run->plan, &definition, hash, err);
    if (!rc)
        rc = split_inputs(run->plan, &inputs, &secret, err);
    if (!rc)
        rc = dump_options(run->settings, secret, &options, err);
    if (rc)
        return rc;
    inputs_text = dump(inputs, JSON_FLAGS);
    if (!inputs_text)
        return wfe_error_nomem(err);
    wfe_owner_format(owner);
    const wfe_store_new_run new_run = {
        .id = handle.id,
        .workflow = run->plan->workflows[run->plan->main].id,
        .name = run->name,
        .state = wfe_run_state_name(WFE_RUN_STARTING),
        .hash = hash,
        .definition = definition,
        .definition_len = strlen(definition),
        .inputs = inputs_text,
        .options = options,
        .rerun_of = run->rerun_of,
        .owner = owner,
    };
    rc = store->create_run(store, &new_run, &made, err);
    if (rc)
        return rc;
    handle.lease = made.lease;
    strcpy(handle.name, made.name);
    *ret = handle;
    return 0;
}

int wfe_run_store_claim(wfe_store *store, const wfe_store_run *run, wfe_run_handle *ret,
                        wfe_error *err)
{
    char owner[WFE_OWNER_TEXT_SIZE];
    wfe_run_handle handle = {0};
    wfe_owner_format(owner);
    if (strlen(run->id) >= sizeof handle.id || strlen(run->name) >= sizeof handle.name)
        return wfe_error_set(err, WFE_E_INVALID, "the row of the run '%s' is damaged", run->name);
    int rc = store->claim(store, run->id, owner, 0, false, &handle.lease, err);
    if (rc)
        return rc;
    strcpy(handle.id, run->id);
    strcpy(handle.name, run->name);
    *ret = handle; /* the engine numbers on itself */
    return 0;
}

WFE_DEFINE_CLEANUP(wfe_logs, wfe_logs_close)

int wfe_run_store_recorder(wfe_store *store, const wfe_run_handle *run,
                           const wfe_run_store_recorder_options *options, wfe_recorder **ret,
                           wfe_error *err)
{
    const wfe_logs_options log_options = {.state_dir = options->state_dir,
                                          .run_id = run->id,
                                          .step_max_bytes = options->log_step_max_bytes,
                                          .run_max_bytes = options->log_run_max_bytes};
    _cleanup_(wfe_logs_close_p) wfe_logs *logs = NULL;
    int rc = wfe_logs_open(&log_options, &logs, err);
    if (rc)
        return rc;
    const wfe_recorder_store_options recorder = {
        .loop = options->loop,
        .store = store,
        .logs = logs,
        .run_id = run->id,
        .lease = run->lease,
        .last_seq = run->last_seq,
        .on_asked = options->on_asked,
        .on_asked_user = options->on_asked_user,
    };
    rc = wfe_recorder_store_new(&recorder, ret, err);
    if (!rc)
        logs = NULL; /* the recorder's */
    return rc;
}

/* The row goes first: logs without a run are found by retention, a run without logs is a riddle. */
int wfe_run_store_remove(wfe_store *store, const char *state_dir, const char *run_id,
                         wfe_error *err)
{
    int rc = store->remove(store, run_id, err);
    return rc ? rc : wfe_log_remove(state_dir, run_id, err);
}

/* ---- a run again ---- */

void wfe_stored_run_free(wfe_stored_run *run)
{
    if (!run)
        return;
    const char *const texts[] = {run->row.id,     run->row.name,    run->row.workflow,
                                 run->row.state,  run->row.owner,   run->row.asked,
                                 run->row.hash,   run->row.error,   run->row.rerun_of,
                                 run->row.inputs, run->row.options, run->row.outputs};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free((char *)(uintptr_t)texts[i]);
    wfe_run_settings_done(&run->settings);
    json_decref(run->inputs);
    json_decref(run->secret_inputs);
    free(run);
}

/* Gives *text an own copy. */
static int own(const char **text, wfe_error *err)
{
    if (!*text)
        return 0;
    *text = strdup(*text);
    return *text ? 0 : wfe_error_nomem(err);
}

typedef struct copying {
    wfe_stored_run *run;
    wfe_error *err;
} copying;

static int copy_row(const wfe_store_run *row, void *user)
{
    copying *c = user;
    wfe_store_run *own_row = &c->run->row;
    *own_row = *row;
    const char **const texts[] = {&own_row->id,     &own_row->name,    &own_row->workflow,
                                  &own_row->state,  &own_row->owner,   &own_row->asked,
                                  &own_row->hash,   &own_row->error,   &own_row->rerun_of,
                                  &own_row->inputs, &own_row->options, &own_row->outputs};
    int rc = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (rc)
            *texts[i] = NULL; /* borrowed: nothing to free */
        else
            rc = own(texts[i], c->err);
    }
    return rc;
}

static int parse_object(const char *text, size_t len, const char *what, const char *run,
                        json_t **ret, wfe_error *err)
{
    json_t *json = NULL;
    int rc = wfe_json_load(text, len, JSON_ALLOW_NUL, &json, NULL);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(err);
    if (!rc && json_is_object(json)) {
        *ret = json;
        return 0;
    }
    json_decref(json);
    return wfe_error_set(err, WFE_E_INVALID, "the %s of the run '%s' cannot be read", what, run);
}

static int parse(const char *text, const char *what, const wfe_store_run *row, json_t **ret,
                 wfe_error *err)
{
    text = text ? text : "{}";
    return parse_object(text, strlen(text), what, row->name, ret, err);
}

int wfe_stored_run_load(wfe_store *store, const char *text, wfe_stored_run **ret, wfe_error *err)
{
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = calloc(1, sizeof *run);
    _cleanup_json_ json_t *options = NULL;
    if (!run)
        return wfe_error_nomem(err);
    int rc = store->find(store, text, copy_row, &(copying){.run = run, .err = err}, err);
    if (!rc)
        rc = parse(run->row.inputs, "inputs", &run->row, &run->inputs, err);
    if (!rc)
        rc = parse(run->row.options, "options", &run->row, &options, err);
    if (!rc)
        rc = wfe_run_settings_read(options, &run->settings, err);
    if (rc)
        return rc;
    run->secret_inputs = json_incref(json_object_get(options, "secret_inputs"));
    *ret = wfe_take(run);
    return 0;
}

/* ---- its images ---- */

/* The first digest of a name is the one that it had. */
static int take_images(const wfe_store_event *event, void *user)
{
    json_t *images = user;
    if (!strstr(event->event, "\"images\""))
        return 0;
    _cleanup_json_ json_t *json = NULL;
    if (wfe_json_load(event->event, strlen(event->event), JSON_ALLOW_NUL, &json, NULL) ==
        WFE_E_NOMEM)
        return WFE_E_NOMEM;
    json_t *more = json_object_get(json, "images");
    return json_is_object(more) && json_object_update_missing(images, more) ? WFE_E_NOMEM : 0;
}

int wfe_stored_run_images(wfe_store *store, wfe_stored_run *run, wfe_error *err)
{
    if (!run->settings.images && !(run->settings.images = json_object()))
        return wfe_error_nomem(err);
    int rc = store->events(store, run->row.id, 0, 0, take_images, run->settings.images, err);
    return rc == WFE_E_NOMEM ? wfe_error_nomem(err) : rc;
}

/* ---- its plan ---- */

static int read_definition(wfe_store *store, const wfe_stored_run *run, json_t **ret,
                           wfe_error *err)
{
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    wfe_error error = WFE_ERROR_INIT;
    int rc = store->definition(store, run->row.hash, &text, &len, &error);
    if (rc == WFE_E_NOT_FOUND) /* damage: it was stored with the run */
        return wfe_error_set(err, WFE_E_INVALID, "the definition of the run '%s' is not stored",
                             run->row.name);
    if (rc)
        return wfe_error_copy(err, &error);
    return parse_object(text, len, "definition", run->row.name, ret, err);
}

int wfe_stored_run_file(wfe_store *store, const wfe_stored_run *run, char **ret, wfe_error *err)
{
    _cleanup_json_ json_t *definition = NULL;
    int rc = read_definition(store, run, &definition, err);
    if (rc)
        return rc;
    const json_t *main = json_array_get(json_object_get(definition, "files"), 0);
    const char *path = json_string_value(json_object_get(main, "path"));
    *ret = strdup(path ? path : "");
    return *ret ? 0 : wfe_error_nomem(err);
}

static int missing(const wfe_stored_run *run, const char *name, wfe_error *err)
{
    wfe_error_set(err, WFE_E_INVALID, "input '%s' of the run '%s' is a secret, and was not stored",
                  name, run->row.name);
    wfe_error_hint(err, "give it again: -i %s=...", name);
    return WFE_E_INVALID;
}

/* Adds what was not stored to inputs; file holds the values of a file, or is NULL. */
static int add_secret_inputs(const wfe_stored_run *run, const char *const *texts,
                             const json_t *file, json_t *inputs, wfe_error *err)
{
    for (size_t i = 0; i < json_array_size(run->secret_inputs); i++) {
        const char *name = json_string_value(json_array_get(run->secret_inputs, i));
        const char *text = name ? wfe_given_inputs_find(texts, name, strlen(name)) : NULL;
        json_t *value = name && !text ? json_object_get(file, name) : NULL;
        if (name && !text && !value)
            return missing(run, name, err);
        if (text && !wfe_utf8_is_valid(text, strlen(text))) /* it is a secret: not shown */
            return wfe_error_set(err, WFE_E_INVALID,
                                 "input '%s' of the run '%s' must be UTF-8 text, and is not", name,
                                 run->row.name);
        if (name &&
            json_object_set_new(inputs, name, text ? json_string(text) : json_incref(value)))
            return wfe_error_nomem(err);
    }
    return 0;
}

/* Marks it as one of what was given, whatever said so first. */
static int of_inputs(wfe_error *error, wfe_error *err)
{
    if (error->kind != WFE_E_NOMEM)
        snprintf(error->operation, sizeof error->operation, "%s", WFE_RUN_STORE_INPUTS);
    return wfe_error_copy(err, error);
}

static int take_inputs(const wfe_stored_run *run, const char *path, const char *const *texts,
                       json_t *inputs, wfe_error *err)
{
    _cleanup_json_ json_t *file = NULL;
    int rc = path ? wfe_plan_read_inputs(path, &file, err) : 0;
    return rc ? rc : add_secret_inputs(run, texts, file, inputs, err);
}

int wfe_stored_run_plan(wfe_store *store, const wfe_stored_run *run, const char *input_file,
                        const char *const *input_texts, wfe_plan **ret, wfe_error *err)
{
    _cleanup_json_ json_t *definition = NULL;
    _cleanup_json_ json_t *inputs = json_deep_copy(run->inputs);
    wfe_error error = WFE_ERROR_INIT;
    bool given = json_array_size(run->secret_inputs) > 0;
    if (!inputs)
        return wfe_error_nomem(err);
    int rc = read_definition(store, run, &definition, err);
    if (rc)
        return rc;
    const char *path = input_file ? input_file : run->settings.input_file;
    if (given && take_inputs(run, path, input_texts, inputs, &error))
        return of_inputs(&error, err);
    if (json_object_set(definition, "inputs", inputs))
        return wfe_error_nomem(err);
    if (!wfe_plan_from_definition(definition, ret, &error))
        return 0;
    /* It was a plan with the values that it had; another one may be out of place where it goes. */
    return given && error.kind == WFE_E_INVALID ? of_inputs(&error, err)
                                                : wfe_error_copy(err, &error);
}
