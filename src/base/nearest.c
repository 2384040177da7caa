/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include <string.h>

#define WORD_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Optimal string alignment distance: insertions, deletions, substitutions and swaps of
 * neighbours, each at cost one. Both words are at most WORD_MAX long. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

const char *wfe_nearest(const char *text, const char *const *words, size_t n_words)
{
    size_t len = strlen(text);
    if (!len || len > WORD_MAX)
        return NULL;
    const char *best = NULL;
    size_t best_distance = (len + 2) / 3;
    for (size_t i = 0; i < n_words; i++) {
        size_t word_len = strlen(words[i]);
        if (word_len > WORD_MAX)
            continue;
        size_t d = distance(text, len, words[i], word_len);
        /* A word none of whose letters is right is not meant. */
        if (d >= (len > word_len ? len : word_len))
            continue;
        if (d < best_distance || (d == best_distance && !best)) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}
