/* SPDX-License-Identifier: Apache-2.0
 *
 * See mask_match.h. The states are made level by level from the sorted strings: those that share a
 * beginning are neighbours there, so that a state is a range of them and needs no tree to be built
 * first.
 */
#include "base/mask_match.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The strings [from, to) begin with what a state stands for. */
typedef struct range {
    uint32_t from;
    uint32_t to;
} range;

void wfe_mask_match_unref(wfe_mask_match *match)
{
    if (!match || --match->refs)
        return;
    if (match->states)
        explicit_bzero(match->states, ((size_t)match->n_states + 1) * sizeof *match->states);
    if (match->bytes)
        explicit_bzero(match->bytes, match->n_states);
    free(match->states);
    free(match->bytes);
    explicit_bzero(match, sizeof *match);
    free(match);
}

wfe_mask_match *wfe_mask_match_ref(wfe_mask_match *match)
{
    match->refs++;
    return match;
}

static uint32_t find_child(const wfe_mask_match *match, uint32_t state, uint8_t byte)
{
    uint32_t low = match->states[state].first_child, high = match->states[state + 1].first_child;
    while (high - low > 4) {
        uint32_t middle = low + (high - low) / 2;
        if (match->bytes[middle] <= byte)
            low = middle;
        else
            high = middle;
    }
    for (; low < high; low++) {
        if (match->bytes[low] == byte)
            return low;
    }
    return 0;
}

uint32_t wfe_mask_match_next(const wfe_mask_match *match, uint32_t state, uint8_t byte)
{
    while (state) {
        uint32_t child = find_child(match, state, byte);
        if (child)
            return child;
        state = match->states[state].fail;
    }
    return match->start[byte];
}

size_t wfe_mask_match_skip(const wfe_mask_match *match, const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    for (; at + 1 < len; at++) {
        unsigned pair = (unsigned)bytes[at] << 8 | bytes[at + 1];
        if (match->begins[pair / 64] >> (pair % 64) & 1)
            return at;
    }
    return at;
}

static size_t count_states(const wfe_mask_forms *forms)
{
    size_t count = 1;
    for (size_t i = 0; i < forms->len; i++) {
        const wfe_mask_form *form = &forms->items[i];
        size_t common = 0;
        if (i) {
            const wfe_mask_form *before = &forms->items[i - 1];
            while (common < before->len && common < form->len &&
                   before->bytes[common] == form->bytes[common])
                common++;
        }
        count += form->len - common;
    }
    return count;
}

/* The children of one state, numbered from *next on. */
static void make_children(wfe_mask_match *match, const wfe_mask_forms *forms, range *ranges,
                          uint32_t state, uint32_t *next)
{
    range all = ranges[state];
    uint32_t depth = match->states[state].depth;
    match->states[state].first_child = *next;
    if (all.from < all.to && forms->items[all.from].len == depth)
        all.from++; /* the string that ends here */
    while (all.from < all.to) {
        uint8_t byte = forms->items[all.from].bytes[depth];
        uint32_t end = all.from + 1;
        while (end < all.to && forms->items[end].bytes[depth] == byte)
            end++;
        uint32_t child = (*next)++;
        ranges[child] = (range){.from = all.from, .to = end};
        match->bytes[child] = byte;
        bool ends = forms->items[all.from].len == depth + 1;
        match->states[child].depth = depth + 1;
        match->states[child].longest = ends ? depth + 1 : 0;
        all.from = end;
    }
}

/* Where each child of state goes on when no string goes on: its parent's fail is known, since it is
 * less deep. */
static void link_children(wfe_mask_match *match, uint32_t state)
{
    wfe_mask_state *states = match->states;
    for (uint32_t i = states[state].first_child; i < states[state + 1].first_child; i++) {
        states[i].fail =
            state ? wfe_mask_match_next(match, states[state].fail, match->bytes[i]) : 0;
        if (!states[i].longest)
            states[i].longest = states[states[i].fail].longest;
    }
}

static void make_tables(wfe_mask_match *match)
{
    for (uint32_t i = match->states[0].first_child; i < match->states[1].first_child; i++) {
        match->start[match->bytes[i]] = i;
        for (uint32_t j = match->states[i].first_child; j < match->states[i + 1].first_child; j++) {
            unsigned pair = (unsigned)match->bytes[i] << 8 | match->bytes[j];
            match->begins[pair / 64] |= UINT64_C(1) << (pair % 64);
        }
    }
}

int wfe_mask_match_new(wfe_mask_forms *forms, wfe_mask_match **ret, wfe_error *err)
{
    wfe_mask_forms_sort(forms);
    size_t n = count_states(forms);
    if (n >= UINT32_MAX || forms->len >= UINT32_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "more secrets than can be masked");
    wfe_mask_match *match = calloc(1, sizeof *match);
    if (!match)
        return wfe_error_nomem(err);
    match->refs = 1;
    match->n_states = (uint32_t)n;
    match->states = calloc(n + 1, sizeof *match->states);
    match->bytes = calloc(n, 1);
    range *ranges = calloc(n, sizeof *ranges);
    if (!match->states || !match->bytes || !ranges) {
        free(ranges);
        wfe_mask_match_unref(match);
        return wfe_error_nomem(err);
    }
    uint32_t next = 1;
    ranges[0] = (range){.from = 0, .to = (uint32_t)forms->len};
    for (uint32_t i = 0; i < n; i++)
        make_children(match, forms, ranges, i, &next);
    match->states[n].first_child = next;
    make_tables(match);
    for (uint32_t i = 0; i < n; i++)
        link_children(match, i);
    free(ranges);
    *ret = match;
    return 0;
}
