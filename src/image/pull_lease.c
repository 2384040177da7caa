/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pull_lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/owner.h"
#include "containerd/labels.h"
#include "containerd/leases.h"

#define LEASE_US ((int64_t)24 * 3600 * 1000 * 1000)
#define OWNER_LABEL "wfe.owner" /* as wfe gc looks for it */
#define IMAGE_LABEL "wfe.pull"
/* Ending a lease with the garbage collection of a large store. */
#define END_MS 60000
/* Leases of dead pulls that one pull ends. */
#define STALE_MAX ((size_t)16)

struct wfe_pull_lease {
    wfe_containerd *containerd;
    char id[WFE_PULL_LEASE_SIZE];
    char *image;
    wfe_pull_lease_fn fn;
    void *user;
    wfe_containerd_call *call;
    char *stale[STALE_MAX]; /* ids of leases still to be ended */
    size_t n_stale;
};

WFE_DEFINE_CLEANUP(wfe_pull_lease, wfe_pull_lease_free)

void wfe_pull_lease_free(wfe_pull_lease *lease)
{
    if (!lease)
        return;
    wfe_containerd_cancel(lease->call);
    for (size_t i = 0; i < lease->n_stale; i++)
        free(lease->stale[i]);
    free(lease->image);
    free(lease);
}

const char *wfe_pull_lease_id(const wfe_pull_lease *lease)
{
    return lease->id;
}

static void on_created(const PbLeases__CreateResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_pull_lease *lease = user;
    lease->call = NULL;
    lease->fn(err, lease->user);
}

static int create(wfe_pull_lease *lease, wfe_error *err)
{
    char expires[WFE_CLOCK_TEXT_SIZE], owner[WFE_OWNER_TEXT_SIZE];
    Pb__Pair expire = PB__PAIR__INIT, owned = PB__PAIR__INIT, image = PB__PAIR__INIT;
    Pb__Pair *labels[] = {&expire, &owned, &image};
    PbLeases__CreateRequest request = PB_LEASES__CREATE_REQUEST__INIT;
    wfe_owner_format(owner);
    expire.key = WFE_LEASES_EXPIRE_LABEL;
    expire.value = wfe_clock_format(wfe_clock_wall_us() + LEASE_US, expires);
    owned.key = OWNER_LABEL;
    owned.value = owner;
    image.key = IMAGE_LABEL;
    image.value = lease->image;
    request.id = lease->id;
    request.n_labels = sizeof labels / sizeof *labels;
    request.labels = labels;
    const wfe_containerd_options options = {.fail_fast = true};
    return wfe_leases_create(lease->containerd, &request, &options, on_created, lease, &lease->call,
                             err);
}

int wfe_pull_lease_start(wfe_containerd *containerd, const char *image, wfe_pull_lease_fn fn,
                         void *user, wfe_pull_lease **ret, wfe_error *err)
{
    char unique[17];
    int rc = wfe_id_random(unique, sizeof unique - 1, err);
    if (rc)
        return rc;
    _cleanup_(wfe_pull_lease_free_p) wfe_pull_lease *lease = calloc(1, sizeof *lease);
    if (!lease)
        return wfe_error_nomem(err);
    lease->containerd = containerd;
    lease->fn = fn;
    lease->user = user;
    lease->image = strdup(image);
    snprintf(lease->id, sizeof lease->id, "wfe-pull-%s", unique);
    rc = lease->image ? create(lease, err) : wfe_error_nomem(err);
    if (!rc)
        *ret = wfe_take(lease);
    return rc;
}

/* ---- the end ---- */

static void finish(wfe_pull_lease *lease)
{
    const wfe_error none = WFE_ERROR_INIT;
    lease->fn(&none, lease->user);
}

static void end_stale(wfe_pull_lease *lease);

static void on_stale_ended(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err; /* it ends by itself */
    wfe_pull_lease *lease = user;
    lease->call = NULL;
    end_stale(lease);
}

static int delete_lease(wfe_pull_lease *lease, const char *id, bool sync, wfe_leases_delete_fn fn)
{
    PbLeases__DeleteRequest request = PB_LEASES__DELETE_REQUEST__INIT;
    const wfe_containerd_options options = {.deadline_ms = END_MS, .fail_fast = true};
    request.id = id;
    request.sync = sync;
    return wfe_leases_delete(lease->containerd, &request, &options, fn, lease, &lease->call, NULL);
}

static void end_stale(wfe_pull_lease *lease)
{
    while (lease->n_stale > 0) {
        _cleanup_free_ char *id = lease->stale[--lease->n_stale];
        /* What they held is collected with the last one. */
        if (delete_lease(lease, id, lease->n_stale == 0, on_stale_ended) == 0)
            return;
    }
    finish(lease);
}

static bool is_stale(const wfe_pull_lease *lease, const PbLeases__Lease *found)
{
    const char *image = wfe_labels_find(found->labels, found->n_labels, IMAGE_LABEL);
    const char *owner = wfe_labels_find(found->labels, found->n_labels, OWNER_LABEL);
    return image && owner && strcmp(image, lease->image) == 0 &&
           strcmp(found->id, lease->id) != 0 && wfe_owner_look(owner) == WFE_OWNER_DEAD;
}

static void on_listed(const PbLeases__ListResponse *reply, const wfe_error *err, void *user)
{
    (void)err;
    wfe_pull_lease *lease = user;
    lease->call = NULL;
    for (size_t i = 0; reply && i < reply->n_leases && lease->n_stale < STALE_MAX; i++) {
        char *id = is_stale(lease, reply->leases[i]) ? strdup(reply->leases[i]->id) : NULL;
        if (id)
            lease->stale[lease->n_stale++] = id;
    }
    end_stale(lease);
}

static void on_ended_well(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err;
    wfe_pull_lease *lease = user;
    lease->call = NULL;
    const char *filter = "labels.\"" IMAGE_LABEL "\"";
    PbLeases__ListRequest request = PB_LEASES__LIST_REQUEST__INIT;
    request.n_filters = 1;
    request.filters = &filter;
    const wfe_containerd_options options = {.fail_fast = true};
    if (wfe_leases_list(lease->containerd, &request, &options, on_listed, lease, &lease->call,
                        NULL))
        finish(lease);
}

static void on_ended(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err;
    wfe_pull_lease *lease = user;
    lease->call = NULL;
    finish(lease);
}

void wfe_pull_lease_end(wfe_pull_lease *lease, bool success, wfe_pull_lease_fn fn, void *user)
{
    lease->fn = fn;
    lease->user = user;
    if (delete_lease(lease, lease->id, !success, success ? on_ended_well : on_ended))
        finish(lease);
}
