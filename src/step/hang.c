/* SPDX-License-Identifier: Apache-2.0
 *
 * A daemon that hangs (stopped, swapping, waiting for a dead disk) is told from one that is only
 * slow: it does not even answer Version. A step that has to stop, or removes what it made, does
 * not wait for such a one as long as for the kernel or for a slow disk.
 */
#include "containerd/version.h"
#include "step/step_priv.h"

/* Nearly all calls are answered by then, so that a healthy daemon is hardly ever asked. */
#define ASK_AFTER_MS 5000
/* A busy machine may stand still for some seconds. */
#define ANSWER_MS 10000

static void give_up(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    /* The exit status is known, or nobody will ever learn it. */
    if (!step->exited) {
        wfe_error_set(&error, WFE_E_TIMEOUT,
                      "containerd at %s has not answered for %d s, and container '%s' could not be "
                      "stopped or removed",
                      step->client->address, (ASK_AFTER_MS + ANSWER_MS) / 1000, step->id);
        wfe_error_hint(&error, "see what it hangs on, or restart it; then run wfe gc");
        wfe_step_fail(step, &error);
    }
    wfe_step_leave_behind(step, "does not answer");
}

static void on_life(const PbVersion__VersionResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->life_call = NULL;
    if (err->kind != WFE_E_TIMEOUT)
        return; /* it answered, or is gone, which others see */
    bool stops = step->state == WFE_STEP_LAUNCHING || step->state == WFE_STEP_CLEANING ||
                 (step->state == WFE_STEP_RUNNING && step->signals_sent == 2);
    if (stops)
        give_up(step);
}

void wfe_step_ask_for_life(wfe_step *step)
{
    Pb__Empty request = PB__EMPTY__INIT;
    wfe_containerd_options options = {.deadline_ms = ANSWER_MS};
    if (!step->life_call) /* without memory for it the timer still runs out */
        (void)wfe_version_get(step->client->containerd, &request, &options, on_life, step,
                              &step->life_call, NULL);
}

void wfe_step_be_patient(wfe_step *step, uint64_t patience_ms)
{
    step->patience_left_ms = patience_ms - ASK_AFTER_MS;
    wfe_timer_start(step->patience, ASK_AFTER_MS);
}

bool wfe_step_asks_for_life(wfe_step *step)
{
    uint64_t left_ms = step->patience_left_ms;
    step->patience_left_ms = 0;
    if (!left_ms)
        return false;
    wfe_step_ask_for_life(step);
    wfe_timer_start(step->patience, left_ms);
    return true;
}
