/* SPDX-License-Identifier: Apache-2.0
 *
 * A lease of this process for as long as it works on images: what is made under it, or added to
 * it, is safe from the garbage collector. If this process dies, `wfe gc` ends the lease, or it
 * ends by itself after a day.
 */
#ifndef WFE_IMAGE_LEASE_H
#define WFE_IMAGE_LEASE_H

#include "containerd/client.h"
#include "loop/loop.h"

#define WFE_IMAGE_LEASE_SIZE 32

/* what: "import", for its name. Both block by running the loop. */
int wfe_image_lease_make(wfe_loop *loop, wfe_containerd *containerd, const char *what,
                         char out[WFE_IMAGE_LEASE_SIZE], wfe_error *err);
/* A lease that cannot be ended now ends by itself. */
void wfe_image_lease_drop(wfe_loop *loop, wfe_containerd *containerd, const char *lease);
/* Keeps a blob, and all that its labels refer to, until the lease ends. */
int wfe_image_lease_keep(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                         const char *digest, wfe_error *err);

#endif
