/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/keys.h"

#include <string.h>

#include "workflow/keys_table.h"
#include "workflow/raw.h"

#define SCOPE_TYPE(scope, title, type) typedef type scope##_struct;
WFE_SCOPES(SCOPE_TYPE)
#undef SCOPE_TYPE

#define KEY_ROW(where, key, member, what, detail, def, text)                                       \
    {.scope = WFE_SCOPE_##where,                                                                   \
     .name = #key,                                                                                 \
     .kind = WFE_KEY_##what,                                                                       \
     .offset = offsetof(where##_struct, member),                                                   \
     .fallback = (def),                                                                            \
     .doc = (text),                                                                                \
     detail},
const wfe_key wfe_keys[] = {WFE_PLAN_KEYS(KEY_ROW)};
#undef KEY_ROW
const size_t wfe_n_keys = sizeof wfe_keys / sizeof *wfe_keys;

const wfe_key *wfe_keys_of(enum wfe_scope scope, size_t *ret_n)
{
    const wfe_key *first = wfe_keys;
    const wfe_key *end = wfe_keys + wfe_n_keys;
    while (first < end && first->scope != scope)
        first++;
    const wfe_key *last = first;
    while (last < end && last->scope == scope)
        last++;
    *ret_n = (size_t)(last - first);
    return first;
}

const wfe_key *wfe_keys_find(enum wfe_scope scope, const char *name)
{
    size_t n;
    const wfe_key *keys = wfe_keys_of(scope, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

const char *wfe_scope_title(enum wfe_scope scope)
{
    static const char *const titles[WFE_N_SCOPES] = {
#define SCOPE_TITLE(name, title, type) [WFE_SCOPE_##name] = (title),
        WFE_SCOPES(SCOPE_TITLE)
#undef SCOPE_TITLE
    };
    return titles[scope];
}

const char *wfe_key_kind_title(enum wfe_key_kind kind)
{
    static const char *const titles[] = {
#define KIND_TITLE(name, type, title) [WFE_KEY_##name] = (title),
        WFE_KEY_KINDS(KIND_TITLE)
#undef KIND_TITLE
    };
    return titles[kind];
}
