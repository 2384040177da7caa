/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON with jansson, which reports a text that it had no memory for as if it were wrong,
 * or reads it wrong.
 */
#ifndef WFE_BASE_JSON_H
#define WFE_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

/* json_loadb with these flags. INVALID with "it is no JSON: ... (line, column)" as the message,
 * NOMEM. Free the value with json_decref(). */
int wfe_json_load(const void *text, size_t len, size_t flags, json_t **ret, wfe_error *err);

#endif
