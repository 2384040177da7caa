/* SPDX-License-Identifier: Apache-2.0
 *
 * The last lines of a run for people: a table of its steps with their durations, what failed first
 * and what else failed, and how the run ended.
 */
#ifndef WFE_CLI_RUN_SUMMARY_H
#define WFE_CLI_RUN_SUMMARY_H

#include "cli/run_model.h"
#include "cli/screen.h"
#include "cli/view.h"

/* A run of more steps shows those that went wrong and the slowest ones. */
#define WFE_SUMMARY_ROWS_MAX 60

/* columns: of the terminal, 0: as many as it takes. */
void wfe_run_summary(wfe_screen *screen, const wfe_run_model *model, const wfe_view_run *run,
                     const wfe_engine_result *result, unsigned columns);

#endif
