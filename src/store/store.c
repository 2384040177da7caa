/* SPDX-License-Identifier: Apache-2.0
 *
 * What all back ends share.
 */
#include "store/store.h"

#include <string.h>

/* Longest stem: '-' and the digits of any number fit behind it. */
#define STEM_MAX (WFE_STORE_NAME_SIZE - 22)

void wfe_store_close(wfe_store *store)
{
    if (store)
        store->close(store);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

int wfe_store_check_name(const char *name, wfe_error *err)
{
    size_t len = strlen(name);
    bool is_good = len && name[0] != '-' && name[0] != '.';
    for (size_t i = 0; is_good && i < len; i++)
        is_good = is_plain(name[i]);
    if (!is_good)
        return wfe_error_set(err, WFE_E_INVALID,
                             "the run's name is '%s', must be letters, digits, '.', '_' and '-', "
                             "and begin with none of '.' and '-'",
                             name);
    if (len >= WFE_STORE_NAME_SIZE)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "the run's name has %zu characters, must have at most %d", len,
                             WFE_STORE_NAME_SIZE - 1);
    return 0;
}

void wfe_store_name_stem(const char *workflow, char out[WFE_STORE_NAME_SIZE])
{
    size_t len = 0;
    /* No '-' or '.' first: the name is typed as an argument. */
    for (const char *p = workflow; *p && len < STEM_MAX; p++) {
        char c = is_plain(*p) ? *p : '-';
        bool joins = c == '-' || c == '.';
        if (joins && (len == 0 || out[len - 1] == c))
            continue;
        out[len++] = c;
    }
    while (len && (out[len - 1] == '-' || out[len - 1] == '.'))
        len--;
    out[len] = '\0';
    if (!len)
        strcpy(out, "run");
}
