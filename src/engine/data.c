/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts that steps give, as values of the data: converted where a type is declared, masked, within
 * the limits.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "engine/run_priv.h"

/* A JSON text, secrets masked; NULL without memory. */
static json_t *text_value(wfe_mask *mask, const char *text, size_t len)
{
    _cleanup_free_ char *clean = NULL;
    wfe_buf masked = WFE_BUF_INIT(0);
    json_t *value = NULL;
    int rc = 0;
    if (!wfe_mask_is_empty(mask)) {
        rc = wfe_mask_text(mask, text, len, &masked, NULL);
        text = masked.data ? masked.data : "";
        len = masked.len;
    }
    if (!rc && !wfe_utf8_clean(text, len, &clean, &len, NULL))
        value = json_stringn_nocheck(clean, len);
    wfe_buf_done(&masked);
    return value;
}

json_t *wfe_data_masked(wfe_mask *mask, const json_t *value)
{
    const char *key;
    json_t *child, *copy = NULL;
    size_t i;
    bool failed = false;
    if (wfe_mask_is_empty(mask) ||
        (!json_is_string(value) && !json_object_size(value) && !json_array_size(value)))
        return json_incref((json_t *)(uintptr_t)value);
    if (json_is_string(value))
        return text_value(mask, json_string_value(value), json_string_length(value));
    copy = json_is_object(value) ? json_object() : json_array();
    json_object_foreach((json_t *)(uintptr_t)value, key, child) failed |=
        json_object_set_new_nocheck(copy, key, wfe_data_masked(mask, child)) != 0;
    json_array_foreach(value, i, child) failed |=
        json_array_append_new(copy, wfe_data_masked(mask, child)) != 0;
    if (failed) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static const wfe_plan_output *declared(const wfe_plan_step *step, const char *name)
{
    for (uint32_t i = 0; i < step->n_outputs; i++)
        if (strcmp(step->outputs[i].name, name) == 0)
            return &step->outputs[i];
    return NULL;
}

/* "ci.yaml:9:5: step 'compile': output 'version'" */
static void blame(const wfe_run_node *node, const wfe_plan_output *output, wfe_error *err)
{
    char pos[WFE_PLAN_POS_SIZE];
    wfe_error_prefix(err, "%s: step '%s': output '%s'",
                     wfe_plan_pos_format(node->frame->run->plan, output->pos, pos), node->path,
                     output->name);
}

/* What is declared as any is JSON: a text that is none was meant to be. */
static int refuse_text(const json_t *text, json_t **value, wfe_error *err)
{
    json_decref(*value);
    *value = NULL;
    const char *found = json_string_value(text);
    wfe_error_set(err, WFE_E_INVALID, "must be JSON, found '%.*s'", (int)wfe_utf8_prefix(found, 80),
                  found);
    wfe_error_hint(err, "a text has the type string, or quotes around it");
    return WFE_E_INVALID;
}

static int convert(wfe_run_node *node, const wfe_pair *pair, json_t **ret, wfe_error *err)
{
    const wfe_plan_output *output = declared(node->step, pair->key);
    json_t *text = text_value(node->frame->run->context.mask, pair->value, strlen(pair->value));
    if (!text)
        return wfe_error_nomem(err);
    if (!output || !output->typed) {
        *ret = text;
        return 0;
    }
    int rc = wfe_plan_type_check(&output->type, text, true, ret, err);
    if (!rc && *ret == text && output->type.kind == WFE_PLAN_ANY)
        rc = refuse_text(text, ret, err);
    json_decref(text);
    if (rc && rc != WFE_E_NOMEM)
        blame(node, output, err);
    return rc;
}

static int add_pair(wfe_run_node *node, const wfe_pair *pair, json_t *values, wfe_error *err)
{
    _cleanup_free_ char *name = NULL;
    json_t *value = NULL;
    if (strlen(pair->value) > WFE_ENGINE_OUTPUT_MAX_BYTES)
        return wfe_error_set(
            err, WFE_E_LIMIT, "step '%s': output '%.64s' has %zu bytes, at most %zu are allowed",
            node->path, pair->key, strlen(pair->value), WFE_ENGINE_OUTPUT_MAX_BYTES);
    int rc = convert(node, pair, &value, err);
    if (rc)
        return rc;
    rc = wfe_utf8_clean(pair->key, strlen(pair->key), &name, NULL, err);
    if (rc)
        json_decref(value);
    else if (json_object_set_new_nocheck(values, name, value))
        rc = wfe_error_nomem(err);
    return rc;
}

static int check_missing(const wfe_run_node *node, const json_t *values, wfe_error *err)
{
    const wfe_plan_step *step = node->step;
    for (uint32_t i = 0; i < step->n_outputs; i++) {
        const wfe_plan_output *output = &step->outputs[i];
        if (!output->typed || output->type.optional || json_object_get(values, output->name))
            continue;
        wfe_error_set(err, WFE_E_INVALID, "is missing; must be %s", output->type.text);
        wfe_error_hint(err, "the step gives it with: echo '##wfe[output %s=...]'", output->name);
        blame(node, output, err);
        return err->kind;
    }
    return 0;
}

int wfe_data_values(wfe_run_node *node, const wfe_strmap *texts, json_t **ret, wfe_error *err)
{
    json_t *values = json_object();
    int rc = values ? 0 : wfe_error_nomem(err);
    for (size_t i = 0; texts && values && rc != WFE_E_NOMEM && i < texts->len; i++) {
        wfe_error error = WFE_ERROR_INIT;
        int one = add_pair(node, &texts->items[i], values, &error);
        if (one) {
            wfe_error_copy(err, &error);
            rc = rc && one != WFE_E_NOMEM ? rc : one;
        }
    }
    if (!rc)
        rc = check_missing(node, values, err);
    if (values && !json_object_size(values)) {
        json_decref(values);
        values = NULL;
    }
    json_decref(*ret);
    *ret = values;
    return rc;
}

int wfe_data_take(wfe_run_node *node, wfe_error *err)
{
    wfe_frame *frame = node->frame;
    const char *key;
    json_t *value;
    size_t bytes = wfe_scope_bytes(frame->all);
    json_object_foreach(node->outputs, key, value)
    {
        bytes += strlen(key) + wfe_scope_value_bytes(value);
    }
    const wfe_past_entry *past = wfe_replay_settled(node);
    if (!past && bytes > WFE_ENGINE_DATA_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "step '%s': with its outputs the data of the run would have %zu "
                             "bytes, at most %zu are allowed",
                             node->path, bytes, WFE_ENGINE_DATA_MAX_BYTES);
    node->outputs_seq = past ? wfe_past_outputs_seq(past) : frame->run->journal.seq + 1;
    if (node->item != WFE_PLAN_NONE)
        return 0; /* the for_each gives them all, as lists */
    return wfe_scope_add(&frame->all, node->outputs, node->outputs_seq, err);
}

int wfe_data_declared(const wfe_engine_run *run, const wfe_frame *frame, json_t **ret,
                      wfe_error *err)
{
    const wfe_plan_workflow *workflow = frame->workflow;
    const json_t *data = wfe_scope_data(frame->all);
    char pos[WFE_PLAN_POS_SIZE];
    if (!workflow->n_outputs && !frame->caller)
        return 0;
    json_t *outputs = workflow->n_outputs ? json_object() : wfe_scope_added(frame->all);
    int rc = outputs ? 0 : wfe_error_nomem(err);
    for (uint32_t i = 0; !rc && i < workflow->n_outputs; i++) {
        const wfe_plan_field *field = &workflow->outputs[i];
        const json_t *value = json_object_get(data, field->name);
        json_t *typed = NULL;
        if (!value && field->type.optional)
            continue;
        if (!value) {
            rc = wfe_error_set(err, WFE_E_INVALID, "no step gave it");
            wfe_error_hint(err, "if it may be missing, its type is %s?", field->type.text);
        } else {
            rc = wfe_plan_type_check(&field->type, value, true, &typed, err);
        }
        if (!rc &&
            json_object_set_new(outputs, field->name, wfe_data_masked(run->context.mask, typed)))
            rc = wfe_error_nomem(err);
        json_decref(typed);
        if (rc && rc != WFE_E_NOMEM)
            wfe_error_prefix(err, "%s: output '%s' of workflow '%s'",
                             wfe_plan_pos_format(run->plan, field->pos, pos), field->name,
                             workflow->id);
    }
    if (rc) {
        json_decref(outputs);
        return rc;
    }
    *ret = outputs;
    return 0;
}

static int place(json_t *lists, const char *key, json_t *value, uint32_t at, uint32_t n,
                 wfe_error *err)
{
    json_t *list = json_object_get(lists, key);
    if (!list) {
        list = json_array();
        for (uint32_t i = 0; i < n; i++)
            if (json_array_append_new(list, json_null())) {
                json_decref(list);
                return wfe_error_nomem(err);
            }
        if (json_object_set_new_nocheck(lists, key, list))
            return wfe_error_nomem(err);
    }
    return json_array_set(list, at, value) ? wfe_error_nomem(err) : 0;
}

int wfe_data_of_items(const wfe_run_node *node, json_t **ret, wfe_error *err)
{
    uint32_t n = node->more->n_items;
    const char *key;
    json_t *value;
    json_t *lists = json_object();
    int rc = lists ? 0 : wfe_error_nomem(err);
    for (uint32_t i = 0; !rc && !n && i < node->step->n_outputs; i++)
        if (json_object_set_new(lists, node->step->outputs[i].name, json_array()))
            rc = wfe_error_nomem(err);
    for (uint32_t i = 0; !rc && i < n; i++)
        json_object_foreach(node->more->items[i].outputs, key, value)
        {
            if (!rc)
                rc = place(lists, key, value, i, n, err);
        }
    if (rc || !json_object_size(lists)) {
        json_decref(lists);
        return rc;
    }
    *ret = lists;
    return 0;
}
