/* SPDX-License-Identifier: Apache-2.0
 *
 * An ordered list of text pairs with unique keys: environments and labels. Lookup is linear, which
 * is right for the tens of entries these have; it is no general hash table.
 */
#ifndef WFE_BASE_STRMAP_H
#define WFE_BASE_STRMAP_H

#include <stddef.h>

#include "base/error.h"

typedef struct wfe_pair {
    char *key;   /* owned */
    char *value; /* owned */
} wfe_pair;

typedef struct wfe_strmap {
    wfe_pair *items; /* in the order of their first insertion */
    size_t len;
    size_t cap;
} wfe_strmap;

void wfe_strmap_done(wfe_strmap *map);
/* Copies both texts; a key that is there keeps its place and gets the new value. NOMEM. */
int wfe_strmap_set(wfe_strmap *map, const char *key, const char *value, wfe_error *err);
/* "KEY=VALUE" split at the first '='. INVALID when there is no '=' or the key is empty. */
int wfe_strmap_set_pair(wfe_strmap *map, const char *pair, wfe_error *err);
/* Borrowed until the map changes; NULL when absent. */
const char *wfe_strmap_get(const wfe_strmap *map, const char *key);

#endif
