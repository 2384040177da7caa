/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void wfe_strmap_done(wfe_strmap *map)
{
    for (size_t i = 0; i < map->len; i++) {
        free(map->items[i].key);
        free(map->items[i].value);
    }
    free(map->items);
    *map = (wfe_strmap){0};
}

static wfe_pair *find(const wfe_strmap *map, const char *key)
{
    for (size_t i = 0; i < map->len; i++) {
        if (strcmp(map->items[i].key, key) == 0)
            return &map->items[i];
    }
    return NULL;
}

static int grow(wfe_strmap *map, wfe_error *err)
{
    if (map->len < map->cap)
        return 0;
    size_t cap = map->cap ? map->cap * 2 : 8;
    wfe_pair *items = realloc(map->items, cap * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    map->items = items;
    map->cap = cap;
    return 0;
}

int wfe_strmap_set(wfe_strmap *map, const char *key, const char *value, wfe_error *err)
{
    _cleanup_free_ char *value_copy = strdup(value);
    if (!value_copy)
        return wfe_error_nomem(err);
    wfe_pair *found = find(map, key);
    if (found) {
        free(found->value);
        found->value = wfe_take(value_copy);
        return 0;
    }
    int rc = grow(map, err);
    if (rc)
        return rc;
    char *key_copy = strdup(key);
    if (!key_copy)
        return wfe_error_nomem(err);
    map->items[map->len++] = (wfe_pair){.key = key_copy, .value = wfe_take(value_copy)};
    return 0;
}

int wfe_strmap_set_pair(wfe_strmap *map, const char *pair, wfe_error *err)
{
    const char *eq = strchr(pair, '=');
    if (!eq || eq == pair)
        return wfe_error_set(err, WFE_E_INVALID, "'%s' is not KEY=VALUE", pair);
    _cleanup_free_ char *key = strndup(pair, (size_t)(eq - pair));
    if (!key)
        return wfe_error_nomem(err);
    return wfe_strmap_set(map, key, eq + 1, err);
}

const char *wfe_strmap_get(const wfe_strmap *map, const char *key)
{
    const wfe_pair *found = find(map, key);
    return found ? found->value : NULL;
}
