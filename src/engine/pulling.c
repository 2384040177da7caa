/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pulling.h"

#include <stdlib.h>
#include <string.h>

int wfe_pulling_init(wfe_pulling *pulling, const wfe_registry_access *base,
                     const wfe_plan_container *container, wfe_step_options *options, wfe_error *err)
{
    static const char *const policies[] = {
        [WFE_PLAN_PULL_IF_NOT_PRESENT] = "if-not-present",
        [WFE_PLAN_PULL_ALWAYS] = "always",
        [WFE_PLAN_PULL_NEVER] = "never",
    };
    *pulling = (wfe_pulling){0};
    if (base)
        pulling->access = *base;
    pulling->access.size = sizeof pulling->access;
    size_t n = container->n_registry_auth;
    if (n) {
        pulling->logins = calloc(n + pulling->access.n_logins, sizeof *pulling->logins);
        if (!pulling->logins)
            return wfe_error_nomem(err);
        for (size_t i = 0; i < n; i++)
            pulling->logins[i] = (wfe_registry_login){
                .host = container->registry_auth[i].host,
                .username = container->registry_auth[i].username,
                .password = container->registry_auth[i].password,
            };
        for (size_t i = 0; i < pulling->access.n_logins; i++)
            pulling->logins[n + i] = pulling->access.logins[i];
        pulling->access.logins = pulling->logins;
        pulling->access.n_logins += n;
    }
    options->pull = policies[container->pull];
    options->registry = &pulling->access;
    return 0;
}

void wfe_pulling_done(wfe_pulling *pulling)
{
    free(pulling->logins);
    pulling->logins = NULL;
}
