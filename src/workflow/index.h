/* SPDX-License-Identifier: Apache-2.0
 *
 * A table from texts to numbers: names of steps, words of a file. Only grows.
 */
#ifndef WFE_WORKFLOW_INDEX_H
#define WFE_WORKFLOW_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wfe_index_slot {
    const char *text; /* borrowed; NULL: free */
    uint32_t len;
    uint32_t value;
} wfe_index_slot;

typedef struct wfe_index {
    wfe_index_slot *slots;
    size_t cap; /* a power of two */
    size_t len;
} wfe_index;

#define WFE_INDEX_NONE UINT32_MAX

void wfe_index_done(wfe_index *index);
/* The number of a text, WFE_INDEX_NONE without. */
uint32_t wfe_index_get(const wfe_index *index, const char *text, size_t len);
/* Adds a text that must live as long as the index; one that is there keeps its number. *ret_before
 * (may be NULL) is what wfe_index_get gave before. False without memory. */
bool wfe_index_add(wfe_index *index, const char *text, size_t len, uint32_t value,
                   uint32_t *ret_before);

#endif
