/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the image and the container record: who the step runs as, which may need a look into the
 * image's own passwd and group files, the step's files, and the spec made of all that.
 */
#ifndef WFE_STEP_PREPARE_H
#define WFE_STEP_PREPARE_H

#include "step/step_priv.h"

/* Fills step->spec and calls ready, from the loop or from inside this function; on failure err is
 * set and what was made stays for the clean-up. */
void wfe_step_prepare(wfe_step *step, void (*ready)(wfe_step *step, const wfe_error *err));

#endif
