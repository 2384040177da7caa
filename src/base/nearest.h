/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mistyped word was meant to be.
 */
#ifndef WFE_BASE_NEAREST_H
#define WFE_BASE_NEAREST_H

#include <stddef.h>

/* The word of words that text is closest to, or NULL when none is close enough to suggest: at
 * most a third of its letters changed, added, left out or swapped with their neighbour. Borrowed
 * from words. */
const char *wfe_nearest(const char *text, const char *const *words, size_t n_words);

#endif
