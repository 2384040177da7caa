/* SPDX-License-Identifier: Apache-2.0
 *
 * What the daemon tells of a transfer, as the progress of a pull. It names blobs, in no order; the
 * layers are known once the manifest of the platform is in the store. All of this is for the eyes
 * only: what cannot be understood is passed over.
 */
#ifndef WFE_IMAGE_TRANSFER_PROGRESS_H
#define WFE_IMAGE_TRANSFER_PROGRESS_H

#include "containerd/transfer.h"
#include "image/pull_priv.h"

typedef struct wfe_transfer_progress wfe_transfer_progress;
int wfe_transfer_progress_new(wfe_image_puller *pull, wfe_transfer_progress **ret, wfe_error *err);
void wfe_transfer_progress_take(wfe_transfer_progress *progress,
                                const PbTransferTypes__Progress *news);
/* Everything is there. */
void wfe_transfer_progress_end(wfe_transfer_progress *progress);
void wfe_transfer_progress_free(wfe_transfer_progress *progress);

/* The state that an event stands for ("downloading", "complete", ...); false for other texts. */
bool wfe_transfer_progress_state(const char *event, enum wfe_image_pull_state *ret);

#endif
