/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strv.h"

/* Only what looks like a variable is repeated: it may be a secret that lost its name. */
static int refuse(const char *key, size_t place, wfe_error *err)
{
    bool looks_like_one = key[0] && !strchr("0123456789", key[0]) &&
                          !key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")];
    if (looks_like_one)
        wfe_error_set(err, WFE_E_INVALID, "--env %s: %s is not set in wfe's own environment", key,
                      key);
    else
        wfe_error_set(err, WFE_E_INVALID,
                      "--env number %zu is neither KEY=VALUE nor a variable that is set in wfe's "
                      "own environment",
                      place);
    wfe_error_hint(err, "give --env KEY=VALUE, or export KEY before");
    return WFE_E_INVALID;
}

int wfe_env_complete(const char *const *list, char ***ret, wfe_error *err)
{
    size_t n = wfe_strv_length(list);
    _cleanup_(wfe_strv_free_p) char **all = calloc(n + 1, sizeof *all);
    if (!all)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const char *value = strchr(list[i], '=') ? NULL : getenv(list[i]);
        if (!value && !strchr(list[i], '='))
            return refuse(list[i], i + 1, err);
        if (asprintf(&all[i], "%s%s%s", list[i], value ? "=" : "", value ? value : "") < 0) {
            all[i] = NULL;
            return wfe_error_nomem(err);
        }
    }
    *ret = wfe_take(all);
    return 0;
}
