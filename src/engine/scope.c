/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/scope.h"

#include <stdlib.h>
#include <string.h>

struct wfe_scope {
    unsigned refs;
    json_t *data;
    json_t *seqs; /* key: number of the record it came with; inputs have none */
    size_t bytes;
};

size_t wfe_scope_value_bytes(const json_t *value)
{
    if (json_is_string(value))
        return json_string_length(value) + 2;
    return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

int wfe_scope_new(const json_t *inputs, wfe_scope **ret, wfe_error *err)
{
    wfe_scope *scope = calloc(1, sizeof *scope);
    if (!scope)
        return wfe_error_nomem(err);
    scope->refs = 1;
    scope->data = inputs ? json_copy((json_t *)(uintptr_t)inputs) : json_object();
    scope->seqs = json_object();
    const char *key;
    json_t *value;
    bool whole = scope->data && scope->seqs &&
                 (!inputs || json_object_size(scope->data) == json_object_size(inputs));
    if (!whole) {
        wfe_scope_unref(scope);
        return wfe_error_nomem(err);
    }
    json_object_foreach(scope->data, key, value)
    {
        scope->bytes += strlen(key) + wfe_scope_value_bytes(value);
    }
    *ret = scope;
    return 0;
}

wfe_scope *wfe_scope_ref(wfe_scope *scope)
{
    if (scope)
        scope->refs++;
    return scope;
}

void wfe_scope_unref(wfe_scope *scope)
{
    if (!scope || --scope->refs)
        return;
    json_decref(scope->data);
    json_decref(scope->seqs);
    free(scope);
}

const json_t *wfe_scope_data(const wfe_scope *scope)
{
    return scope->data;
}

size_t wfe_scope_bytes(const wfe_scope *scope)
{
    return scope->bytes;
}

/* json_copy leaves out what it had no memory for. */
static json_t *whole_copy(json_t *object)
{
    json_t *copy = json_copy(object);
    if (copy && json_object_size(copy) != json_object_size(object)) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static int make_own(wfe_scope **scope, wfe_error *err)
{
    wfe_scope *shared = *scope;
    if (shared->refs == 1)
        return 0;
    wfe_scope *own = calloc(1, sizeof *own);
    if (!own)
        return wfe_error_nomem(err);
    own->refs = 1;
    own->data = whole_copy(shared->data);
    own->seqs = whole_copy(shared->seqs);
    own->bytes = shared->bytes;
    if (!own->data || !own->seqs) {
        wfe_scope_unref(own);
        return wfe_error_nomem(err);
    }
    wfe_scope_unref(shared);
    *scope = own;
    return 0;
}

static json_int_t seq_of(const wfe_scope *scope, const char *key)
{
    return json_integer_value(json_object_get(scope->seqs, key));
}

static int put(wfe_scope *scope, const char *key, json_t *value, json_int_t seq, wfe_error *err)
{
    const json_t *old = json_object_get(scope->data, key);
    if (old && seq_of(scope, key) > seq)
        return 0;
    size_t before = old ? wfe_scope_value_bytes(old) : 0;
    size_t after = (old ? 0 : strlen(key)) + wfe_scope_value_bytes(value);
    if (json_object_set_new_nocheck(scope->seqs, key, json_integer(seq)) ||
        json_object_set_nocheck(scope->data, key, value))
        return wfe_error_nomem(err);
    scope->bytes = scope->bytes - before + after;
    return 0;
}

int wfe_scope_add(wfe_scope **scope, const json_t *outputs, uint64_t seq, wfe_error *err)
{
    const char *key;
    json_t *value;
    int rc = make_own(scope, err);
    json_object_foreach((json_t *)(uintptr_t)outputs, key, value)
    {
        if (!rc)
            rc = put(*scope, key, value, (json_int_t)seq, err);
    }
    return rc;
}

int wfe_scope_join(wfe_scope **scope, const wfe_scope *other, wfe_error *err)
{
    const char *key;
    json_t *value;
    if (*scope == other)
        return 0;
    int rc = make_own(scope, err);
    json_object_foreach(other->data, key, value)
    {
        json_int_t seq = seq_of(other, key);
        const json_t *old = json_object_get((*scope)->data, key);
        if (!rc && old != value && (!old || seq > seq_of(*scope, key)))
            rc = put(*scope, key, value, seq, err);
    }
    return rc;
}

json_t *wfe_scope_added(const wfe_scope *scope)
{
    const char *key;
    json_t *seq;
    json_t *added = json_object();
    json_object_foreach(scope->seqs, key, seq)
    {
        if (added && json_object_set_nocheck(added, key, json_object_get(scope->data, key))) {
            json_decref(added);
            added = NULL;
        }
    }
    return added;
}
