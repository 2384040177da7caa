/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strv.h"

#include <stdlib.h>
#include <string.h>

void wfe_strv_free(char **list)
{
    if (!list)
        return;
    for (char **p = list; *p; p++)
        free(*p);
    free(list);
}

size_t wfe_strv_length(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

int wfe_strv_copy(const char *const *list, char ***ret, wfe_error *err)
{
    if (!list) {
        *ret = NULL;
        return 0;
    }
    _cleanup_(wfe_strv_free_p) char **copy = calloc(wfe_strv_length(list) + 1, sizeof *copy);
    if (!copy)
        return wfe_error_nomem(err);
    for (size_t i = 0; list[i]; i++) {
        copy[i] = strdup(list[i]);
        if (!copy[i])
            return wfe_error_nomem(err);
    }
    *ret = wfe_take(copy);
    return 0;
}
