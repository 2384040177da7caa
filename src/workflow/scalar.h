/* SPDX-License-Identifier: Apache-2.0
 *
 * What a scalar of a YAML file means, by the core schema of YAML 1.2 (section 10.3): yes, no, on
 * and 0777 are a text, three texts and the number 777.
 */
#ifndef WFE_WORKFLOW_SCALAR_H
#define WFE_WORKFLOW_SCALAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum wfe_scalar_kind {
    WFE_SCALAR_TEXT,
    WFE_SCALAR_NULL,
    WFE_SCALAR_BOOL,
    WFE_SCALAR_INTEGER,
    WFE_SCALAR_REAL,
};

/* flags: of wfe_node_flag; a quoted scalar is text. */
enum wfe_scalar_kind wfe_scalar_kind(const char *text, unsigned flags);
/* The same of a text that is not quoted. */
enum wfe_scalar_kind wfe_scalar_plain_kind(const char *text);
/* The number a plain scalar is; false for texts, infinities and what is out of range. */
bool wfe_scalar_number(const char *text, double *ret);
/* The value. A number that is out of the range of 64 bits is a real; infinity and not-a-number,
 * which JSON does not have, are null. New reference, NULL without memory. */
json_t *wfe_scalar_json(const char *text, size_t len, unsigned flags);

#endif
