/* SPDX-License-Identifier: Apache-2.0
 *
 * A step that does nothing: what the engine itself costs.
 */
#include <stdlib.h>

#include "engine/context.h"

struct wfe_attempt {
    const wfe_attempt_fns *fns;
    void *user;
    wfe_timer *timer;
    bool cancelled;
};

static void on_timer(void *user)
{
    wfe_attempt *attempt = user;
    wfe_attempt_end end = {.cancelled = attempt->cancelled};
    attempt->fns->ended(&end, attempt->user);
}

static void free_attempt(wfe_attempt *attempt)
{
    wfe_timer_free(attempt->timer);
    free(attempt);
}

static int start(const wfe_attempt_env *env, const wfe_attempt_fns *fns, void *user,
                 wfe_attempt **ret, wfe_error *err)
{
    wfe_attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt)
        return wfe_error_nomem(err);
    *attempt = (wfe_attempt){.fns = fns, .user = user};
    int rc = wfe_timer_new(env->context->loop, on_timer, attempt, &attempt->timer, err);
    if (rc) {
        free(attempt);
        return rc;
    }
    wfe_timer_start(attempt->timer, 0);
    *ret = attempt;
    return 0;
}

static void cancel(wfe_attempt *attempt, bool kill)
{
    (void)kill;
    attempt->cancelled = true;
}

const wfe_step_type wfe_step_type_noop = {
    .name = "noop", .start = start, .cancel = cancel, .free = free_attempt};
