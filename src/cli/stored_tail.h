/* SPDX-License-Identifier: Apache-2.0
 *
 * The last lines that the step said that made a run fail.
 */
#ifndef WFE_CLI_STORED_TAIL_H
#define WFE_CLI_STORED_TAIL_H

#include "cli/stored_model.h"

#define WFE_STORED_TAIL_LINES 10

/* The last lines of its stderr, or of its stdout when nothing was said there; gives the stream's
 * name, NULL when there are none. out is empty before. */
const char *wfe_stored_tail(const wfe_stored *stored, const wfe_stored_run *run,
                            const wfe_stored_failure *failure, wfe_buf *out);

#endif
