/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds any of many byte strings in one pass (Aho and Corasick, 1975). A state stands for the
 * longest end of the bytes so far that begins one of the strings. Part of base/mask.h. Counted,
 * since streams outlive what they were made of; never changed once made.
 */
#ifndef WFE_BASE_MASK_MATCH_H
#define WFE_BASE_MASK_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/mask_forms.h"

/* Numbered by breadth, so that the children of a state are neighbours in the order of their bytes:
 * those of state s are [first_child of s, first_child of s + 1). 0 is the start. */
typedef struct wfe_mask_state {
    uint32_t first_child;
    uint32_t fail;    /* the longest proper end of this state that is a state, too */
    uint32_t depth;   /* how many bytes it stands for */
    uint32_t longest; /* length of the longest string that ends here; 0: none does */
} wfe_mask_state;

typedef struct wfe_mask_match {
    unsigned refs;
    uint32_t n_states;
    wfe_mask_state *states;      /* n_states + 1, the last only for its first_child */
    uint8_t *bytes;              /* of each state: the one that leads to it */
    uint32_t start[256];         /* children of state 0, 0: none */
    uint64_t begins[65536 / 64]; /* of each pair of bytes: does a string begin with it */
} wfe_mask_match;

/* Sorts forms; it is not needed afterwards. NOMEM. */
int wfe_mask_match_new(wfe_mask_forms *forms, wfe_mask_match **ret, wfe_error *err);
wfe_mask_match *wfe_mask_match_ref(wfe_mask_match *match);
/* Clears and frees with the last reference; NULL is accepted. */
void wfe_mask_match_unref(wfe_mask_match *match);

/* The state after one more byte. */
uint32_t wfe_mask_match_next(const wfe_mask_match *match, uint32_t state, uint8_t byte);
/* From state 0: how many of the first bytes lead to state 0 again for sure. */
size_t wfe_mask_match_skip(const wfe_mask_match *match, const uint8_t *bytes, size_t len);

#endif
