/* SPDX-License-Identifier: Apache-2.0
 *
 * How the views name and mark what a step is doing and how a run ended, so that all of them say
 * the same.
 */
#ifndef WFE_CLI_STEP_WORDS_H
#define WFE_CLI_STEP_WORDS_H

#include "cli/run_model.h"
#include "cli/screen.h"
#include "engine/engine.h"

typedef struct wfe_step_mark {
    const char *symbol; /* one column */
    const char *ascii;  /* the same without Unicode */
    enum wfe_style style;
    const char *word; /* "ok", "failed" */
} wfe_step_mark;

/* Of a state as it is: an allowed failure has a mark of its own. Static. */
const wfe_step_mark *wfe_step_mark_of(const wfe_model_step *step);
const char *wfe_step_symbol(const wfe_model_step *step, bool ascii);

/* What there is to say beside the state, or "": why it failed or was skipped, its attempts. out
 * holds the text when it has to be made. */
#define WFE_STEP_NOTE_SIZE (WFE_ERROR_MESSAGE_SIZE + 64)
const char *wfe_step_note(const wfe_model_step *step, char out[WFE_STEP_NOTE_SIZE]);

/* " (ensure)", " (service)", or "". Static. */
const char *wfe_step_role_suffix(const wfe_model_step *step);

/* How the run ended: "succeeded"; "interrupted" for one that can go on. Static. */
const char *wfe_result_word(const wfe_engine_result *result);

#endif
