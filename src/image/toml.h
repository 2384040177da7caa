/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of TOML 1.0 that hosts.toml files are written in, as a jansson value: tables, dotted and
 * quoted keys, one-line texts, whole numbers, booleans, arrays, inline tables. What else TOML has
 * (dates, fractions, texts of several lines, arrays of tables) is refused by name, not misread.
 */
#ifndef WFE_IMAGE_TOML_H
#define WFE_IMAGE_TOML_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

#define WFE_TOML_MAX_BYTES ((size_t)256 * 1024)
#define WFE_TOML_MAX_DEPTH 16
#define WFE_TOML_MAX_TABLES 256

/* Keys of objects are in the order of the text. INVALID, with "line:column: " in front of the
 * message; LIMIT, NOMEM. Free with json_decref. */
int wfe_toml_parse(const char *text, size_t len, json_t **ret, wfe_error *err);

#endif
