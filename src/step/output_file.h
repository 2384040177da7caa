/* SPDX-License-Identifier: Apache-2.0
 *
 * The file that a step finds in $WFE_OUTPUT, for outputs of several lines and for those that stdout
 * is no place for: made before the container is, bind mounted into it, read once after its end.
 * What the step left in it is untrusted text.
 *
 * Its lines are, one output each:
 *
 *     key=value            as in "##wfe[output key=value]": key trimmed, value verbatim
 *     key<<WORD            all lines up to one that is exactly WORD; without the last newline
 *     line of the value
 *     WORD
 *
 * The first of '=' and '<<' decides. A CR before a newline is cut, but for lines of a value. A
 * later output of the same key wins. Blank lines mean nothing; any other line is reported.
 */
#ifndef WFE_STEP_OUTPUT_FILE_H
#define WFE_STEP_OUTPUT_FILE_H

#include <stddef.h>

#include "base/error.h"
#include "step/outputs.h"

#define WFE_OUTPUT_FILE_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* What is wrong with a file that was read all the same. Lines count from 1, 0 means none. */
typedef struct wfe_output_file_report {
    size_t n_bad_lines;     /* neither of the forms above */
    size_t first_bad_line;  /* the first of them */
    size_t open_block_line; /* begins a block whose last line never came; it gives no output */
} wfe_output_file_report;

/* Makes an empty file that every user of the container can write (see step/init_file.h for what
 * protects it on this machine). CONFLICT when path exists. */
int wfe_output_file_create(const char *path, wfe_error *err);

/* Adds the file's outputs to outputs, in whose place they stand where both have a key. LIMIT, with
 * nothing added, when the file is too long; LIMIT when all outputs together are (wfe_outputs_put);
 * NOMEM; as the operating system says. */
int wfe_output_file_read(const char *path, wfe_outputs *outputs, wfe_output_file_report *report,
                         wfe_error *err);

/* The same from memory. LIMIT and NOMEM leave what came before in outputs. */
int wfe_output_file_parse(const char *bytes, size_t len, wfe_outputs *outputs,
                          wfe_output_file_report *report, wfe_error *err);

#endif
