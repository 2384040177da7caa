/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that are stored, as commands use them: the state directory's store, a run by its name, and
 * how a run is told of, for people and as JSON.
 */
#ifndef WFE_CLI_STORED_H
#define WFE_CLI_STORED_H

#include <jansson.h>
#include <limits.h>

#include "engine/run_store.h"

typedef struct wfe_stored {
    char dir[PATH_MAX]; /* the state directory */
    wfe_store *store;
} wfe_stored;

/* NOT_FOUND when nothing was ever recorded there. */
int wfe_stored_open(wfe_stored *ret, wfe_error *err);
void wfe_stored_close(wfe_stored *stored);
/* The same, and the run that text names. */
int wfe_stored_open_run(wfe_stored *ret, const char *text, wfe_stored_run **ret_run,
                        wfe_error *err);

/* Reports why stored runs cannot be used: 2 when the run does not exist, 125 when the store cannot
 * be read. */
int wfe_stored_report(const wfe_error *err, bool json);

/* The same of what wfe_stored_run_plan says: 2 when it is about the inputs that were given. */
int wfe_stored_report_plan(const wfe_error *err, bool json);

/* The state for people: that of the row, or "interrupted" for a run whose wfe is gone. */
const char *wfe_stored_state(const wfe_store_run *run);
#define WFE_STORED_INTERRUPTED "interrupted"
/* The process that has it; 0: none, or one that cannot be seen from here. */
long wfe_stored_owner_pid(const wfe_store_run *run);

/* Everything of a row but its inputs, options and outputs. New reference, NULL without memory. */
json_t *wfe_stored_run_json(const wfe_store_run *run);
/* Prints it as one line. Takes the reference, which may be NULL: out of memory. */
int wfe_stored_print_json(json_t *json);
/* RFC 3339, null for 0. */
json_t *wfe_stored_time_json(int64_t at_us);
/* A stored JSON text as JSON, null when there is none. */
json_t *wfe_stored_text_json(const char *text);

/* An error as it was stored: {"kind", "message", "hint"}; kind 0 when there is none. */
void wfe_stored_error(const char *json, wfe_error *ret);

#endif
