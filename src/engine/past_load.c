/* SPDX-License-Identifier: Apache-2.0
 *
 * The past of a run from its store: all records, then the outputs.
 */
#include <string.h>

#include "base/json.h"
#include "engine/past.h"

typedef struct reading {
    wfe_past *past;
    wfe_error *err;
} reading;

static int on_event(const wfe_store_event *event, void *user)
{
    reading *r = user;
    return wfe_past_add_event(r->past, event, r->err);
}

static int on_output(const wfe_store_output *output, void *user)
{
    reading *r = user;
    return wfe_past_add_output(r->past, output, r->err);
}

int wfe_past_load(wfe_store *store, const char *run_id, const wfe_plan *plan, wfe_past **ret,
                  wfe_error *err)
{
    _cleanup_(wfe_past_free_p) wfe_past *past = NULL;
    int rc = wfe_past_new(plan, &past, err);
    reading r = {.past = past, .err = err};
    if (!rc)
        rc = store->events(store, run_id, 0, 0, on_event, &r, err);
    if (!rc)
        rc = store->outputs(store, run_id, NULL, on_output, &r, err);
    if (!rc)
        *ret = wfe_take(past);
    return rc;
}

/* ---- outputs ---- */

static int put(json_t **outputs, const wfe_store_output *output, wfe_error *err)
{
    json_t *value = NULL;
    int rc = wfe_json_load(output->value, strlen(output->value), JSON_DECODE_ANY | JSON_ALLOW_NUL,
                           &value, err);
    if (rc)
        return rc;
    if (!*outputs)
        *outputs = json_object();
    if (json_object_set_new_nocheck(*outputs, output->name, value))
        return wfe_error_nomem(err);
    return 0;
}

int wfe_past_add_output(wfe_past *past, const wfe_store_output *output, wfe_error *err)
{
    wfe_past_entry *entry = wfe_past_find(past, output->step);
    if (!entry)
        return 0;
    if (entry->attempt == output->attempt && wfe_past_is_settled(entry))
        return put(&entry->outputs, output, err);
    for (size_t i = 0; i < past->n_old_outputs; i++)
        if (past->old_outputs[i].step == entry && past->old_outputs[i].attempt == output->attempt)
            return put(&past->old_outputs[i].outputs, output, err);
    return 0;
}
