/* SPDX-License-Identifier: Apache-2.0
 *
 * The lease of a pull: it holds what was fetched until the image's record does. It names the image
 * and its owner, so that `wfe gc` finds it when its process has died, and so does the next pull of
 * the same image, which goes on from what it holds and ends it at last. In any case it ends by
 * itself after a day.
 */
#ifndef WFE_IMAGE_PULL_LEASE_H
#define WFE_IMAGE_PULL_LEASE_H

#include "containerd/client.h"

#define WFE_PULL_LEASE_SIZE 32

typedef struct wfe_pull_lease wfe_pull_lease;
/* err's kind is 0 on success. May free the lease. */
typedef void (*wfe_pull_lease_fn)(const wfe_error *err, void *user);

/* Makes one for pulling that image. fn is called once, never from inside this function; a daemon
 * that is not there is told at once. */
int wfe_pull_lease_start(wfe_containerd *containerd, const char *image, wfe_pull_lease_fn fn,
                         void *user, wfe_pull_lease **ret, wfe_error *err);
const char *wfe_pull_lease_id(const wfe_pull_lease *lease);
/* Ends it and, after success, those that dead pulls of the same image left. After a failure
 * what only it held is collected before fn is called. A lease that cannot be ended now ends by
 * itself. */
void wfe_pull_lease_end(wfe_pull_lease *lease, bool success, wfe_pull_lease_fn fn, void *user);
/* Leaves it to the next pull. NULL is accepted. */
void wfe_pull_lease_free(wfe_pull_lease *lease);

#endif
