/* SPDX-License-Identifier: Apache-2.0
 *
 * The labels that everything of a step carries at the daemon, by which `wfe gc` and a restarted
 * wfe find it: wfe.run, wfe.step, wfe.attempt, wfe.owner; then the user's.
 */
#ifndef WFE_STEP_LABELS_H
#define WFE_STEP_LABELS_H

#include "base/owner.h"
#include "step/step_priv.h"
#include "wfe/pair.pb-c.h"

#define WFE_STEP_OWN_LABELS 4

/* As a request wants them: list has n entries; texts are borrowed from the step. */
typedef struct wfe_step_labels {
    Pb__Pair pairs[WFE_STEP_OWN_LABELS + WFE_STEP_MAX_LABELS + 1];
    Pb__Pair *list[WFE_STEP_OWN_LABELS + WFE_STEP_MAX_LABELS + 1];
    size_t n;
    char attempt[16];
} wfe_step_labels;

/* wfe's own. */
void wfe_step_labels_fill(wfe_step_labels *labels, const wfe_step *step);
void wfe_step_labels_add(wfe_step_labels *labels, const char *key, const char *value);
/* The user's. */
void wfe_step_labels_add_config(wfe_step_labels *labels, const wfe_step_config *config);

#endif
