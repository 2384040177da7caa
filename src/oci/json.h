/* SPDX-License-Identifier: Apache-2.0
 *
 * The few operations on JSON values that src/oci builds its texts with. Memory is all that can
 * fail in them: a NULL value fails whatever it is put into, so that a whole tree needs one check.
 */
#ifndef WFE_OCI_JSON_H
#define WFE_OCI_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* For _cleanup_. */
static inline void wfe_oci_json_decref_p(json_t **json)
{
    json_decref(*json);
}

/* Both take value, also when they fail. */
static inline bool wfe_oci_json_put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static inline bool wfe_oci_json_append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0;
}

/* A list of texts from a NULL-terminated one. */
json_t *wfe_oci_json_strings(const char *const *list);

/* "an object", "a number": what a value is, for messages. */
const char *wfe_oci_json_type_name(const json_t *json);

#endif
