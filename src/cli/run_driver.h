/* SPDX-License-Identifier: Apache-2.0
 *
 * Drives a run from the command line: a loop, signals, a clock for what is drawn, the store that
 * remembers the run, wishes of other processes, and the views that are told what happens.
 */
#ifndef WFE_CLI_RUN_DRIVER_H
#define WFE_CLI_RUN_DRIVER_H

#include "engine/engine.h"
#include "engine/run_store.h"

typedef struct wfe_run_driver_options {
    const wfe_run_settings *settings;
    bool verbose;
    bool json;
    bool plain;
    bool is_one_of_many;  /* see wfe_view_run */
    const char *report;   /* path; NULL: none */
    const char *name;     /* of the run; NULL: its workflow's and a number */
    const char *rerun_of; /* id of the run that it repeats; NULL: none */
    bool no_store;        /* nothing is recorded: the run is forgotten when it has ended */
    /* A run that is in the store already, and whose lease is ours: it goes on with its past, which
     * is taken. NULL: a new one is made. */
    const wfe_run_handle *stored;
    wfe_past *past;
    const char *asked; /* a wish that was recorded before it went on; NULL: none */
} wfe_run_driver_options;

/* Runs the plan to its end and gives the exit code. */
int wfe_run_drive(const wfe_plan *plan, const wfe_run_driver_options *options);

#endif
