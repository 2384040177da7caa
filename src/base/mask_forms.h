/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways in which a secret may be written, as a list of byte strings to search for. Part of
 * base/mask.h, which says which ways these are. All memory that held a secret is cleared before it
 * is given back.
 */
#ifndef WFE_BASE_MASK_FORMS_H
#define WFE_BASE_MASK_FORMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wfe_mask_form {
    uint8_t *bytes; /* owned */
    size_t len;     /* at least WFE_MASK_MIN_BYTES */
} wfe_mask_form;

typedef struct wfe_mask_forms {
    wfe_mask_form *items;
    size_t len;
    size_t cap;
} wfe_mask_forms;

/* Adds every form of the secret and of its lines; some may be there twice. NOMEM. */
int wfe_mask_forms_add(wfe_mask_forms *forms, const uint8_t *secret, size_t len, wfe_error *err);
/* Brings them in the order of memcmp, a beginning before what it begins, each only once. */
void wfe_mask_forms_sort(wfe_mask_forms *forms);
void wfe_mask_forms_done(wfe_mask_forms *forms);

#endif
