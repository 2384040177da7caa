/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step sees of the data of a run: inputs and the outputs of the steps it waited for, as one
 * flat JSON object. For a key that several of them gave, the one that ended last wins; so each key
 * is kept with the number of the record that gave it, and joining two scopes has one result,
 * whatever the order. Shared by reference, copied only when one that is shared changes: a chain of
 * steps passes a single scope along.
 */
#ifndef WFE_ENGINE_SCOPE_H
#define WFE_ENGINE_SCOPE_H

#include <jansson.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

typedef struct wfe_scope wfe_scope;

/* inputs is an object, whose values are shared. NULL: none. */
int wfe_scope_new(const json_t *inputs, wfe_scope **ret, wfe_error *err);
wfe_scope *wfe_scope_ref(wfe_scope *scope);
void wfe_scope_unref(wfe_scope *scope);
WFE_DEFINE_CLEANUP(wfe_scope, wfe_scope_unref)

/* Borrowed; not to be changed. */
const json_t *wfe_scope_data(const wfe_scope *scope);
/* Bytes of the scope alone, as JSON would need for its keys and values, about. */
size_t wfe_scope_bytes(const wfe_scope *scope);

/* Adds what the record seq gave, an object, to *scope, which is replaced by a copy when others hold
 * it, too. NOMEM: *scope is as before, or holds a part. */
int wfe_scope_add(wfe_scope **scope, const json_t *outputs, uint64_t seq, wfe_error *err);
/* Adds all of other. */
int wfe_scope_join(wfe_scope **scope, const wfe_scope *other, wfe_error *err);

/* What was added, without the inputs: a new object, NULL without memory. */
json_t *wfe_scope_added(const wfe_scope *scope);

/* About what a value takes as JSON. */
size_t wfe_scope_value_bytes(const json_t *value);

#endif
