/* SPDX-License-Identifier: Apache-2.0
 *
 * See pull_priv.h and <wfe/image.h>.
 */
#include "image/pull_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sized.h"
#include "image/list.h"

#define JOBS_DEFAULT 3U
#define JOBS_MAX 32U
/* Between two tellings of a layer's bytes. */
#define TELL_US 100000U

const char *wfe_image_pull_state_name(enum wfe_image_pull_state state)
{
    switch (state) {
#define CASE_(state, value, name, meaning)                                                         \
    case WFE_IMAGE_PULL_##state:                                                                   \
        return name;
        WFE_IMAGE_PULL_STATES(CASE_)
#undef CASE_
    }
    return "unknown";
}

/* ---- the ways ---- */

static const wfe_pull_way *const ways[] = {&wfe_pull_ingest, &wfe_pull_transfer};

/* A daemon of this machine is best served by us; one that is far away fetches better by itself. */
static int choose_way(wfe_image_puller *pull, const char *via, wfe_error *err)
{
    if (!via || strcmp(via, "auto") == 0) {
        pull->may_choose = true;
        pull->way = wfe_client_is_local(pull->client) ? &wfe_pull_ingest : &wfe_pull_transfer;
        return 0;
    }
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i]->name, via) == 0) {
            pull->way = ways[i];
            return 0;
        }
    }
    return wfe_error_set(err, WFE_E_INVALID,
                         "'%.100s' is no way to pull, must be auto, ingest or transfer", via);
}

/* ---- telling the caller ---- */

static void tell(wfe_image_puller *pull, size_t changed)
{
    pull->progress.changed = changed;
    pull->progress.via = pull->by_daemon ? wfe_pull_transfer.name : pull->way->name;
    if (pull->progress_fn)
        pull->progress_fn(&pull->progress, pull->progress_user);
}

void wfe_pull_resolved(wfe_image_puller *pull, const char *digest)
{
    memcpy(pull->target_digest, digest, WFE_DIGEST_SIZE);
    pull->progress.digest = pull->target_digest;
    tell(pull, pull->progress.n_layers);
}

static bool has_layers(const wfe_image_puller *pull, const wfe_image_document *manifest)
{
    bool same = pull->layers && pull->progress.n_layers == manifest->n_items;
    for (size_t i = 0; same && i < manifest->n_items; i++)
        same = strcmp(pull->digests[i], manifest->items[i].digest) == 0;
    return same;
}

static void free_layers(wfe_image_puller *pull)
{
    free(wfe_take(pull->layers));
    free(wfe_take(pull->digests));
    free(wfe_take(pull->told_us));
    pull->progress.n_layers = 0;
}

int wfe_pull_set_layers(wfe_image_puller *pull, const wfe_image_document *manifest, wfe_error *err)
{
    size_t n = manifest->n_items;
    if (has_layers(pull, manifest)) {
        for (size_t i = 0; i < n; i++)
            pull->layers[i].state = WFE_IMAGE_PULL_WAITING;
        return 0;
    }
    free_layers(pull);
    pull->layers = calloc(n + 1, sizeof *pull->layers);
    pull->digests = calloc(n + 1, sizeof *pull->digests);
    pull->told_us = calloc(n + 1, sizeof *pull->told_us);
    if (!pull->layers || !pull->digests || !pull->told_us)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        memcpy(pull->digests[i], manifest->items[i].digest, WFE_DIGEST_SIZE);
        pull->layers[i].digest = pull->digests[i];
        pull->layers[i].size_bytes = (uint64_t)manifest->items[i].size_bytes;
        pull->layers[i].state = WFE_IMAGE_PULL_WAITING;
    }
    pull->progress.layers = pull->layers;
    pull->progress.n_layers = n;
    tell(pull, n);
    return 0;
}

void wfe_pull_layer_state(wfe_image_puller *pull, size_t layer, enum wfe_image_pull_state state)
{
    if (pull->layers[layer].state == state)
        return;
    pull->layers[layer].state = state;
    if (state >= WFE_IMAGE_PULL_FETCHED)
        pull->layers[layer].have_bytes = pull->layers[layer].size_bytes;
    tell(pull, layer);
}

void wfe_pull_layer_bytes(wfe_image_puller *pull, size_t layer, uint64_t have_bytes)
{
    pull->layers[layer].have_bytes = have_bytes;
    if (!pull->progress_fn)
        return;
    uint64_t now_us = wfe_clock_monotonic_us();
    if (now_us - pull->told_us[layer] < TELL_US)
        return;
    pull->told_us[layer] = now_us;
    tell(pull, layer);
}

/* ---- begin and end ---- */

static void free_pull(wfe_image_puller *pull)
{
    if (!pull)
        return;
    if (pull->way)
        pull->way->free(pull);
    wfe_image_access_done(&pull->access);
    free_layers(pull);
    free(pull);
}
WFE_DEFINE_CLEANUP(wfe_image_puller, free_pull)

void wfe_pull_ended(wfe_image_puller *pull, wfe_image_list *list, const wfe_error *err)
{
    wfe_image_pull_done_fn done = pull->done;
    void *user = pull->done_user;
    wfe_error result = *err;
    pull->progress.over = true;
    tell(pull, pull->progress.n_layers);
    bool unpack_only = pull->known_digest[0] != '\0';
    wfe_error_prefix(&result, "failed to %s '%s'", unpack_only ? "unpack" : "pull", pull->name);
    wfe_error_where(&result, unpack_only ? "unpack image" : "pull image", pull->name);
    free_pull(pull);
    done(list, &result, user);
}

static int take_options(wfe_image_puller *pull, const wfe_image_pull_options *options,
                        wfe_error *err)
{
    if (!options->ref || !*options->ref)
        return wfe_error_set(err, WFE_E_INVALID, "there is no image reference to pull");
    if (options->jobs > JOBS_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "%u layers at once, at most %u allowed",
                             options->jobs, JOBS_MAX);
    pull->jobs = options->jobs ? options->jobs : JOBS_DEFAULT;
    pull->progress_fn = options->progress;
    pull->progress_user = options->progress_user;
    pull->progress.name = pull->name;
    wfe_image_platform_host(&pull->platform);
    int rc = wfe_image_reference_parse(options->ref, &pull->reference, err);
    if (!rc)
        wfe_image_reference_format(&pull->reference, pull->name);
    if (!rc && pull->reference.digest[0] && !wfe_digest_is_valid(pull->reference.digest))
        rc = wfe_error_set(err, WFE_E_INVALID, "'%s': only sha256 digests can be pulled",
                           pull->name);
    if (!rc && options->platform)
        rc = wfe_image_platform_parse(options->platform, &pull->platform, err);
    if (!rc)
        rc = wfe_image_access_copy(options->registry, &pull->access, err);
    if (!rc)
        rc = wfe_image_access_set_host(&pull->access, pull->reference.domain, err);
    return rc;
}

int wfe_image_pull_start(wfe_client *client, const wfe_image_pull_options *options,
                         wfe_image_pull_done_fn done, void *user, wfe_image_puller **ret,
                         wfe_error *err)
{
    wfe_image_pull_options given = {0};
    if (!options)
        return wfe_error_set(err, WFE_E_INVALID, "there are no pull options");
    int rc = wfe_sized_copy(options, "wfe_image_pull_options", &given, sizeof given, err);
    if (rc)
        return rc;
    _cleanup_(free_pull_p) wfe_image_puller *pull = calloc(1, sizeof *pull);
    if (!pull)
        return wfe_error_nomem(err);
    pull->client = client;
    pull->done = done;
    pull->done_user = user;
    rc = choose_way(pull, given.via, err);
    if (!rc)
        rc = take_options(pull, &given, err);
    if (!rc)
        rc = pull->way->start(pull, err);
    if (!rc)
        *ret = wfe_take(pull);
    return rc;
}

int wfe_pull_unpack_start(wfe_client *client, const char *name, const char *digest,
                          const wfe_image_pull_options *options, bool may_fetch,
                          wfe_image_pull_done_fn done, void *user, wfe_image_puller **ret,
                          wfe_error *err)
{
    _cleanup_(free_pull_p) wfe_image_puller *pull = calloc(1, sizeof *pull);
    if (!pull)
        return wfe_error_nomem(err);
    pull->client = client;
    pull->done = done;
    pull->done_user = user;
    pull->jobs = JOBS_DEFAULT;
    pull->progress_fn = options->progress;
    pull->progress_user = options->progress_user;
    pull->progress.name = pull->name;
    wfe_image_platform_host(&pull->platform);
    snprintf(pull->name, sizeof pull->name, "%s", name);
    snprintf(pull->known_digest, sizeof pull->known_digest, "%s", digest);
    /* A name that is no reference can have come from an import only. */
    pull->offline = !may_fetch || wfe_image_reference_parse(name, &pull->reference, NULL);
    int rc = wfe_image_access_copy(options->registry, &pull->access, err);
    if (!rc)
        rc = wfe_image_access_set_host(&pull->access, pull->reference.domain, err);
    if (rc)
        return rc;
    pull->way = &wfe_pull_ingest;
    rc = pull->way->start(pull, err);
    if (!rc)
        *ret = wfe_take(pull);
    return rc;
}

void wfe_image_pull_cancel(wfe_image_puller *pull)
{
    pull->way->stop(pull);
}

/* ---- blocking ---- */

typedef struct pull_run {
    bool done;
    wfe_image_list *list;
    wfe_error error;
} pull_run;

static void on_run_done(wfe_image_list *list, const wfe_error *err, void *user)
{
    pull_run *run = user;
    run->list = list;
    run->error = *err;
    run->done = true;
}

int wfe_image_pull(wfe_client *client, const wfe_image_pull_options *options, wfe_image_list **ret,
                   wfe_error *err)
{
    pull_run run = {0};
    wfe_image_puller *pull = NULL;
    int rc = wfe_image_pull_start(client, options, on_run_done, &run, &pull, err);
    if (!rc)
        rc = wfe_loop_run_until(client->loop, &run.done, err);
    if (rc)
        return rc;
    if (run.error.kind)
        return wfe_error_copy(err, &run.error);
    *ret = run.list;
    return 0;
}
