/* SPDX-License-Identifier: Apache-2.0 */
#include "image/lease.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/owner.h"
#include "containerd/leases.h"
#include "image/wait.h"

/* Memory that was short for a moment. */
#define DROP_TRIES 3
#define LEASE_US ((int64_t)24 * 3600 * 1000 * 1000)

WFE_IMAGE_WAIT_CALLBACK(on_lease, PbLeases__CreateResponse)
WFE_IMAGE_WAIT_CALLBACK(on_empty, Pb__Empty)

int wfe_image_lease_make(wfe_loop *loop, wfe_containerd *containerd, const char *what,
                         char out[WFE_IMAGE_LEASE_SIZE], wfe_error *err)
{
    char unique[17], expires[WFE_CLOCK_TEXT_SIZE], owner[WFE_OWNER_TEXT_SIZE];
    int rc = wfe_id_random(unique, sizeof unique - 1, err);
    if (rc)
        return rc;
    snprintf(out, WFE_IMAGE_LEASE_SIZE, "wfe-%s-%s", what, unique);
    Pb__Pair expire = PB__PAIR__INIT, owned = PB__PAIR__INIT;
    Pb__Pair *labels[] = {&expire, &owned};
    PbLeases__CreateRequest request = PB_LEASES__CREATE_REQUEST__INIT;
    expire.key = WFE_LEASES_EXPIRE_LABEL;
    expire.value = wfe_clock_format(wfe_clock_wall_us() + LEASE_US, expires);
    wfe_owner_format(owner);
    owned.key = "wfe.owner";
    owned.value = owner;
    request.id = out;
    request.n_labels = sizeof labels / sizeof *labels;
    request.labels = labels;
    /* The first call of all: with no daemon there, say so at once. */
    const wfe_containerd_options options = {.fail_fast = true};
    wfe_image_wait wait = {.loop = loop};
    rc = wfe_image_wait_for(
        &wait, wfe_leases_create(containerd, &request, &options, on_lease, &wait, &wait.call, err),
        err);
    /* The daemon's answer may be what there was no memory for. */
    if (rc == WFE_E_NOMEM)
        wfe_image_lease_drop(loop, containerd, out);
    return rc;
}

void wfe_image_lease_drop(wfe_loop *loop, wfe_containerd *containerd, const char *lease)
{
    PbLeases__DeleteRequest request = PB_LEASES__DELETE_REQUEST__INIT;
    request.id = lease;
    const wfe_containerd_options options = {.fail_fast = true};
    int rc = WFE_E_NOMEM;
    for (int tries = 0; rc == WFE_E_NOMEM && tries < DROP_TRIES; tries++) {
        wfe_image_wait wait = {.loop = loop};
        rc = wfe_image_wait_for(
            &wait,
            wfe_leases_delete(containerd, &request, &options, on_empty, &wait, &wait.call, NULL),
            NULL);
    }
}

int wfe_image_lease_keep(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                         const char *digest, wfe_error *err)
{
    PbLeases__Resource resource = PB_LEASES__RESOURCE__INIT;
    PbLeases__AddResourceRequest request = PB_LEASES__ADD_RESOURCE_REQUEST__INIT;
    resource.id = digest;
    resource.type = "content";
    request.id = lease;
    request.resource = &resource;
    wfe_image_wait wait = {.loop = loop};
    return wfe_image_wait_for(
        &wait,
        wfe_leases_add_resource(containerd, &request, NULL, on_empty, &wait, &wait.call, err), err);
}
