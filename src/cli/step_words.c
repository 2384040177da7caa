/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/step_words.h"

#include <stdio.h>

static const wfe_step_mark step_marks[] = {
    [WFE_STEP_IS_PENDING] = {"·", ".", WFE_STYLE_DIM, "not run"},
    [WFE_STEP_IS_READY] = {"·", ".", WFE_STYLE_DIM, "not run"},
    [WFE_STEP_IS_RUNNING] = {"▸", ">", WFE_STYLE_CYAN, "runs"},
    [WFE_STEP_IS_SLEEPING] = {"↻", "~", WFE_STYLE_YELLOW, "sleeps"},
    [WFE_STEP_IS_HOOKS] = {"▸", ">", WFE_STYLE_CYAN, "hooks"},
    [WFE_STEP_IS_SUCCEEDED] = {"✓", "+", WFE_STYLE_GREEN, "ok"},
    [WFE_STEP_IS_FAILED] = {"✗", "x", WFE_STYLE_RED, "failed"},
    [WFE_STEP_IS_SKIPPED] = {"−", "-", WFE_STYLE_DIM, "skipped"},
    [WFE_STEP_IS_CANCELLED] = {"■", "#", WFE_STYLE_YELLOW, "cancelled"},
};

static const wfe_step_mark allowed_mark = {"!", "!", WFE_STYLE_YELLOW, "failed, allowed"};

static const wfe_step_mark service_marks[] = {
    [WFE_SERVICE_STARTING] = {"▸", ">", WFE_STYLE_CYAN, "starts"},
    [WFE_SERVICE_RUNNING] = {"▸", ">", WFE_STYLE_CYAN, "runs"},
    [WFE_SERVICE_READY] = {"✓", "+", WFE_STYLE_GREEN, "ready"},
    [WFE_SERVICE_STOPPED] = {"✓", "+", WFE_STYLE_GREEN, "stopped"},
    [WFE_SERVICE_FAILED] = {"✗", "x", WFE_STYLE_RED, "failed"},
};

const wfe_step_mark *wfe_step_mark_of(const wfe_model_step *step)
{
    if (step->is_service)
        return &service_marks[step->service_state];
    if (step->state == WFE_STEP_IS_FAILED && step->allowed)
        return &allowed_mark;
    return &step_marks[step->state];
}

const char *wfe_step_symbol(const wfe_model_step *step, bool ascii)
{
    const wfe_step_mark *mark = wfe_step_mark_of(step);
    return ascii ? mark->ascii : mark->symbol;
}

static const char *skip_words(enum wfe_skip_reason reason)
{
    switch (reason) {
    case WFE_SKIP_WHEN:
        return "its condition is false";
    case WFE_SKIP_NEEDS:
        return "what it needs did not succeed";
    case WFE_SKIP_ENDING:
        return "the run was ending";
    case WFE_SKIP_NONE:
        break;
    }
    return "";
}

const char *wfe_step_note(const wfe_model_step *step, char out[WFE_STEP_NOTE_SIZE])
{
    if (step->is_service)
        return step->error ? step->error->message : "";
    if (step->state == WFE_STEP_IS_SKIPPED)
        return skip_words(step->skip_reason);
    bool failed = step->state == WFE_STEP_IS_FAILED;
    const char *why = "";
    if (failed)
        why = step->error ? step->error->message : "something in it failed";
    if (step->attempt < 2)
        return why;
    snprintf(out, WFE_STEP_NOTE_SIZE, "%s%s%u attempts", why, *why ? "; " : "", step->attempt);
    return out;
}

const char *wfe_step_role_suffix(const wfe_model_step *step)
{
    if (step->is_service)
        return " (service)";
    switch (step->role) {
    case WFE_PLAN_ROLE_ON_SUCCESS:
        return " (on_success)";
    case WFE_PLAN_ROLE_ON_FAILURE:
        return " (on_failure)";
    case WFE_PLAN_ROLE_ENSURE:
        return " (ensure)";
    case WFE_PLAN_ROLE_STEP:
        break;
    }
    return "";
}

const char *wfe_result_word(const wfe_engine_result *result)
{
    return result->interrupted ? "interrupted" : wfe_run_state_name(result->state);
}
