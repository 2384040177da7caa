/* SPDX-License-Identifier: Apache-2.0
 *
 * What a container of the plan says about fetching its image, on top of what the run knows.
 */
#ifndef WFE_ENGINE_PULLING_H
#define WFE_ENGINE_PULLING_H

#include <wfe/image.h>
#include <wfe/step.h>

#include "base/error.h"
#include "engine/event.h"
#include "workflow/plan.h"

typedef struct wfe_pulling {
    wfe_registry_access access;
    wfe_registry_login *logins; /* texts borrowed from plan and run */
    uint64_t told_us;           /* monotonic: when progress was last told; 0: not yet */
} wfe_pulling;

/* Fills in options->pull and options->registry, which then borrow from pulling, the plan and base
 * (may be NULL). NOMEM. */
int wfe_pulling_init(wfe_pulling *pulling, const wfe_registry_access *base,
                     const wfe_plan_container *container, wfe_step_options *options,
                     wfe_error *err);
/* Fills in what an event tells of the progress, with texts borrowed from there. False when that
 * would be too soon after the last one. */
bool wfe_pulling_tell(wfe_pulling *pulling, const wfe_image_pull_progress *progress,
                      wfe_event *event);
/* Also of one that is all zero. */
void wfe_pulling_done(wfe_pulling *pulling);

#endif
