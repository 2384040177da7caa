/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pulling.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define TELL_US 500000

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

bool wfe_pulling_tell(wfe_pulling *pulling, const wfe_image_pull_progress *progress,
                      wfe_event *event)
{
    uint64_t now_us = wfe_clock_monotonic_us();
    if (pulling->told_us && !progress->over && now_us - pulling->told_us < TELL_US)
        return false;
    pulling->told_us = now_us;
    event->kind = WFE_EVENT_PULL;
    event->exit_code = -1;
    event->image = progress->name;
    event->over = progress->over;
    event->n_layers = (uint32_t)progress->n_layers;
    for (size_t i = 0; i < progress->n_layers; i++) {
        const wfe_image_pull_layer *layer = &progress->layers[i];
        event->n_layers_done += layer->state >= WFE_IMAGE_PULL_DONE;
        event->size_bytes += layer->size_bytes;
        event->have_bytes +=
            layer->state >= WFE_IMAGE_PULL_FETCHED ? layer->size_bytes : layer->have_bytes;
    }
    return true;
}

void wfe_pulling_done(wfe_pulling *pulling)
{
    free(pulling->logins);
    pulling->logins = NULL;
}
