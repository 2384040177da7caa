/* SPDX-License-Identifier: Apache-2.0
 *
 * How the command shows a pull: on a terminal one line for each layer and a total, redrawn in
 * place; otherwise one line for each change of state; or one JSON object for each event.
 */
#ifndef WFE_CLI_PULL_VIEW_H
#define WFE_CLI_PULL_VIEW_H

#include <stdio.h>

#include <wfe/image.h>

#include "base/error.h"

enum wfe_pull_view_form {
    WFE_PULL_VIEW_NONE = 0,
    WFE_PULL_VIEW_TERMINAL, /* drawn over and over, and wiped out when it is over */
    WFE_PULL_VIEW_LINES,
    WFE_PULL_VIEW_BRIEF, /* one line when it begins */
    WFE_PULL_VIEW_JSON,
};

/* TERMINAL where out is one that can be drawn on (TERM is not dumb), else other. */
enum wfe_pull_view_form wfe_pull_view_choose(FILE *out, enum wfe_pull_view_form other);

typedef struct wfe_pull_view wfe_pull_view;
/* out is borrowed. */
int wfe_pull_view_new(enum wfe_pull_view_form form, FILE *out, wfe_pull_view **ret, wfe_error *err);
/* A wfe_image_progress_fn; user is the view. */
void wfe_pull_view_progress(const wfe_image_pull_progress *progress, void *view);
/* NULL is accepted. */
void wfe_pull_view_free(wfe_pull_view *view);

#endif
