/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets of a step: variables whose values are shown as `***` in everything the step gives, says
 * or logs. Streams are masked where they are captured (step/capture.h), texts here.
 */
#ifndef WFE_STEP_SECRET_H
#define WFE_STEP_SECRET_H

#include <stddef.h>

#include "base/error.h"
#include "base/mask.h"
#include "base/strmap.h"

/* Sets each "KEY=VALUE" of the NULL-terminated list (NULL: none) in env, and adds its value to
 * *mask, which is made when there is one and stays NULL otherwise. INVALID for an entry that is no
 * pair, or a value too short to be masked; LIMIT, NOMEM. No message holds a value. */
int wfe_step_secret_read(const char *const *list, wfe_strmap *env, wfe_mask **mask, wfe_error *err);

/* Each does nothing without a mask. Where a text cannot be masked for want of memory, all of it
 * becomes `***`. */

/* In place; size is that of text's array. A secret that the array's end has cut is masked too. */
void wfe_step_secret_mask_array(wfe_mask *mask, char *text, size_t size);
/* Replaces *text, which is owned. NOMEM when all of it is `***` now. */
int wfe_step_secret_mask_text(wfe_mask *mask, char **text);
void wfe_step_secret_mask_error(wfe_mask *mask, wfe_error *err);

#endif
