/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/index.h"

#include <stdlib.h>
#include <string.h>

#define CAP_FIRST 64

void wfe_index_done(wfe_index *index)
{
    free(index->slots);
    *index = (wfe_index){0};
}

/* FNV-1a. Names come from a file of a bounded size, so chosen collisions cost little. */
static size_t hash(const char *text, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ (h >> 32));
}

static wfe_index_slot *find(wfe_index_slot *slots, size_t cap, const char *text, size_t len)
{
    for (size_t at = hash(text, len) & (cap - 1);; at = (at + 1) & (cap - 1)) {
        wfe_index_slot *slot = &slots[at];
        if (!slot->text || (slot->len == len && memcmp(slot->text, text, len) == 0))
            return slot;
    }
}

uint32_t wfe_index_get(const wfe_index *index, const char *text, size_t len)
{
    if (!index->cap)
        return WFE_INDEX_NONE;
    const wfe_index_slot *slot = find(index->slots, index->cap, text, len);
    return slot->text ? slot->value : WFE_INDEX_NONE;
}

static bool grow(wfe_index *index)
{
    size_t cap = index->cap ? index->cap * 2 : CAP_FIRST;
    wfe_index_slot *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < index->cap; i++) {
        if (index->slots[i].text)
            *find(slots, cap, index->slots[i].text, index->slots[i].len) = index->slots[i];
    }
    free(index->slots);
    index->slots = slots;
    index->cap = cap;
    return true;
}

bool wfe_index_add(wfe_index *index, const char *text, size_t len, uint32_t value,
                   uint32_t *ret_before)
{
    if ((index->len + 1) * 2 > index->cap && !grow(index))
        return false;
    wfe_index_slot *slot = find(index->slots, index->cap, text, len);
    if (ret_before)
        *ret_before = slot->text ? slot->value : WFE_INDEX_NONE;
    if (!slot->text) {
        *slot = (wfe_index_slot){.text = text, .len = (uint32_t)len, .value = value};
        index->len++;
    }
    return true;
}
