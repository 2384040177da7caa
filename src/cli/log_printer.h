/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of logs on the standard output: as they are, as lines with the step in front, or as JSON.
 * Lines of different attempts never mix: what is no whole line yet waits.
 */
#ifndef WFE_CLI_LOG_PRINTER_H
#define WFE_CLI_LOG_PRINTER_H

#include <stdbool.h>

#include "base/buf.h"
#include "store/log_reader.h"

enum wfe_log_form {
    WFE_LOG_FORM_RAW,   /* bytes; those of stderr to stderr */
    WFE_LOG_FORM_LINES, /* "step | line" */
    WFE_LOG_FORM_JSON,  /* {"step", "attempt", "stream", "time", "line"} */
};

typedef struct wfe_log_printer_options {
    enum wfe_log_form form;
    bool times;       /* LINES: with the time in front */
    bool is_terminal; /* LINES: what would move the cursor is left out */
} wfe_log_printer_options;

/* Of one attempt; embedded. */
typedef struct wfe_log_printer {
    const wfe_log_printer_options *options;
    const char *step; /* borrowed */
    unsigned attempt;
    wfe_buf partial[WFE_LOG_STREAMS];
    int64_t at_us[WFE_LOG_STREAMS]; /* when the partial line began */
} wfe_log_printer;

void wfe_log_printer_init(wfe_log_printer *printer, const wfe_log_printer_options *options,
                          const char *step, unsigned attempt);
int wfe_log_printer_put(wfe_log_printer *printer, const wfe_log_piece *piece, wfe_error *err);
/* What has no newline becomes a line, too. */
int wfe_log_printer_end(wfe_log_printer *printer, wfe_error *err);
void wfe_log_printer_done(wfe_log_printer *printer);

#endif
