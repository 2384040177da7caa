/* SPDX-License-Identifier: Apache-2.0
 *
 * The services of a run, started and stopped by it. For run.c and stop.c.
 */
#ifndef WFE_ENGINE_RUN_SERVICES_H
#define WFE_ENGINE_RUN_SERVICES_H

#include <stdbool.h>

#include "engine/engine.h"

/* Ends in wfe_run_is_set_up. An error: nothing was started. */
int wfe_run_services_start(wfe_engine_run *run, wfe_error *err);
/* Ends in wfe_run_services_stopped; false when there are none, and nothing follows. */
bool wfe_run_services_stop(wfe_engine_run *run, bool kill);

#endif
