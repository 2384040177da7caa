/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be said of a plan before it runs by those who will run it.
 */
#ifndef WFE_ENGINE_CHECK_H
#define WFE_ENGINE_CHECK_H

#include "workflow/load.h"

/* A wfe_container_check_fn: the options as src/step reads them, but for the network and the
 * volumes, which depend on the machine. */
int wfe_engine_check_container(const wfe_step_options *options, bool *ret_may_work, wfe_error *err);

#endif
