/* SPDX-License-Identifier: Apache-2.0
 *
 * Drives a run from the command line: a loop, signals, a clock for what is drawn, and the views
 * that are told what happens.
 */
#ifndef WFE_CLI_RUN_DRIVER_H
#define WFE_CLI_RUN_DRIVER_H

#include "cli/connection.h"
#include "cli/registry.h"
#include "engine/engine.h"

typedef struct wfe_run_driver_options {
    const wfe_connection *connection;
    const wfe_registry_config *registry;
    uint32_t jobs; /* 0: the default */
    bool keep_on_failure;
    bool json;
    bool plain;
    const char *report; /* path; NULL: none */
    const char *name;   /* of the run; NULL: its id */
} wfe_run_driver_options;

/* Runs the plan to its end and gives the exit code. */
int wfe_run_drive(const wfe_plan *plan, const wfe_run_driver_options *options);

#endif
