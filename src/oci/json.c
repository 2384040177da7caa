/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/json.h"

#include <stddef.h>

#include "base/cleanup.h"

json_t *wfe_oci_json_strings(const char *const *list)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *array = json_array();
    for (size_t i = 0; list[i]; i++) {
        if (!wfe_oci_json_append(array, json_string(list[i])))
            return NULL;
    }
    return wfe_take(array);
}

const char *wfe_oci_json_type_name(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "null";
    }
}
