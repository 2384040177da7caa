/* SPDX-License-Identifier: Apache-2.0
 *
 * A stored run as the views of a live one know it: the model of its steps and the result, made of
 * rows; and what made it fail.
 */
#ifndef WFE_CLI_STORED_MODEL_H
#define WFE_CLI_STORED_MODEL_H

#include "cli/run_model.h"
#include "cli/stored.h"
#include "engine/engine.h"

/* The step, hook or service that failed the run first. */
typedef struct wfe_stored_failure {
    char *path; /* NULL: none did, or it is not known */
    char *log;  /* the name it has in logs: of a service it is another one */
    bool is_service;
    uint32_t attempt;
    int exit_code; /* -1: none is known */
    char cause[32];
    wfe_error error;
    uint64_t seq; /* of its end */
} wfe_stored_failure;

typedef struct wfe_stored_view {
    wfe_run_model *model;
    wfe_engine_result result;
    wfe_stored_failure failure;
    json_t *outputs; /* declared ones; NULL: none */
    json_t *steps;   /* an array; with_json */
    int64_t began_at_us;
} wfe_stored_view;

int wfe_stored_view_new(wfe_stored *stored, const wfe_stored_run *run, bool with_json, bool ascii,
                        wfe_stored_view **ret, wfe_error *err);
void wfe_stored_view_free(wfe_stored_view *view);
WFE_DEFINE_CLEANUP(wfe_stored_view, wfe_stored_view_free)

#endif
