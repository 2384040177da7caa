/* SPDX-License-Identifier: Apache-2.0
 *
 * The image of a step: found in containerd's store, pulled by the step's policy, unpacked when the
 * snapshotter turns out not to have it.
 */
#ifndef WFE_STEP_IMAGE_H
#define WFE_STEP_IMAGE_H

#include "step/step_priv.h"

/* Begins; ready is called once with step->image set unless err->kind is or the
 * step was asked to stop. */
void wfe_step_image_find(wfe_step *step, void (*ready)(wfe_step *step, const wfe_error *err));
/* The snapshotter has no snapshot of the image: is it worth unpacking it, or was that done. */
bool wfe_step_image_may_unpack(const wfe_step *step, const wfe_error *err);
/* Unpacks it, once in a step; ready is called as above. */
void wfe_step_image_unpack(wfe_step *step, void (*ready)(wfe_step *step, const wfe_error *err));
/* Stops what is under way; true when ready is still to come, false when it will not. */
bool wfe_step_image_stop(wfe_step *step);

#endif
