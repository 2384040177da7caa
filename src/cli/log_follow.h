/* SPDX-License-Identifier: Apache-2.0
 *
 * The logs of a run on the standard output, those of a run under way until it has ended. A step's
 * end is recorded after its last byte was written, so what is read after an end was seen is whole.
 */
#ifndef WFE_CLI_LOG_FOLLOW_H
#define WFE_CLI_LOG_FOLLOW_H

#include "cli/log_printer.h"
#include "cli/stored.h"

typedef struct wfe_log_follow_options {
    wfe_stored *stored;
    const wfe_stored_run *run;
    const char *step; /* or what a step is in: a call, a for_each; NULL: all */
    unsigned attempt; /* 0: all */
    bool follow;
    bool without[WFE_LOG_STREAMS];
    int64_t since_us; /* 0: everything */
    wfe_log_printer_options printer;
} wfe_log_follow_options;

/* NOT_FOUND: there is no such log. */
int wfe_log_follow(const wfe_log_follow_options *options, wfe_error *err);

#endif
