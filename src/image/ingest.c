/* SPDX-License-Identifier: Apache-2.0
 *
 * The way "ingest" of a pull, which works with every containerd: wfe asks the registry, writes to
 * the content store and lets the daemon unpack. LEASING, RESOLVING (what the tag stands for),
 * WALKING (down to the manifest of the platform), FETCHING (layers, lowest first, each unpacked
 * when its turn has come), RECORDING, ENDING.
 *
 * Everything is under one lease until the record refers to it. A failure ends it, and what it held
 * is collected; a pull that was cancelled leaves it, so that the next goes on from there.
 *
 * Callbacks of the registry may free nothing but their own fetch: the end of a failed ingest is
 * left to a timer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/ingest_priv.h"
#include "image/list.h"
#include "image/pull_lease.h"
#include "image/pull_priv.h"
#include "image/record.h"
#include "image/unpack.h"

typedef struct ingest ingest;

/* A layer's blob; layers with the same content share one. */
typedef struct ingest_job {
    ingest *ingest;
    size_t layer;          /* the lowest one */
    wfe_ingest_blob *blob; /* NULL: not begun, or over */
    bool needed;
    bool over; /* it is in the store */
} ingest_job;

struct ingest {
    wfe_image_puller *pull;
    wfe_ingest_env env;
    wfe_pull_lease *lease;
    wfe_registry_fetch *resolve;
    wfe_buf tagged; /* a document fetched by its tag */
    bool by_get;    /* the registry could not be asked without fetching it */
    wfe_image_descriptor target;
    wfe_ingest_documents *documents;
    wfe_image_walk *walk;
    wfe_image_parts *parts;
    wfe_image_unpack *unpack;
    bool unpacked;
    ingest_job *jobs; /* one for each layer; those of repeated layers stay unused */
    size_t *job_of;   /* of each layer */
    unsigned n_running;
    wfe_image_record *record;
    wfe_image_list *list; /* of the image, once it has its record */
    wfe_timer *timer;
    bool ending;
    wfe_error failure;
};

static void fail(ingest *in, const wfe_error *err)
{
    if (in->failure.kind || in->ending)
        return;
    in->failure = *err;
    wfe_timer_start(in->timer, 0);
}

static wfe_containerd *containerd_of(const ingest *in)
{
    return in->pull->client->containerd;
}

/* ---- the end ---- */

static void on_lease_ended(const wfe_error *err, void *user)
{
    (void)err;
    ingest *in = user;
    wfe_error result = in->failure;
    wfe_pull_ended(in->pull, result.kind ? NULL : wfe_take(in->list), &result);
}

/* Nothing works on the image any more. */
static void end_lease(ingest *in)
{
    bool keep = in->failure.kind == WFE_E_CANCELLED && in->jobs;
    if (!in->env.lease || keep)
        on_lease_ended(NULL, in);
    else
        wfe_pull_lease_end(in->lease, in->failure.kind == 0, on_lease_ended, in);
}

static void stop_transfers(ingest *in)
{
    for (size_t i = 0; in->jobs && i < in->parts->document->n_items; i++)
        wfe_ingest_blob_free(wfe_take(in->jobs[i].blob));
    wfe_image_walk_cancel(wfe_take(in->walk));
    wfe_registry_fetch_free(wfe_take(in->resolve));
    wfe_image_record_free(wfe_take(in->record));
}

/* After a failure: stops everything, then the unpacker, which takes its time. */
static void on_timer(void *user)
{
    ingest *in = user;
    if (in->ending)
        return;
    in->ending = true;
    stop_transfers(in);
    if (in->unpack && !in->unpacked)
        wfe_image_unpack_stop(in->unpack);
    else
        end_lease(in);
}

static void ingest_free(wfe_image_puller *pull)
{
    ingest *in = pull->way_data;
    if (!in)
        return;
    if (in->parts)
        stop_transfers(in);
    wfe_image_walk_cancel(in->walk);
    wfe_registry_fetch_free(in->resolve);
    wfe_image_record_free(in->record);
    wfe_image_unpack_free(in->unpack);
    wfe_ingest_documents_free(in->documents);
    wfe_registry_free(in->env.registry);
    wfe_pull_lease_free(in->lease);
    wfe_image_parts_free(in->parts);
    wfe_image_descriptor_done(&in->target);
    wfe_buf_done(&in->tagged);
    wfe_timer_free(in->timer);
    wfe_image_list_free(in->list);
    free(in->jobs);
    free(in->job_of);
    free(in);
    pull->way_data = NULL;
}

static void ingest_stop(wfe_image_puller *pull)
{
    wfe_error cancelled = WFE_ERROR_INIT;
    wfe_error_set(&cancelled, WFE_E_CANCELLED, "it was cancelled");
    wfe_error_hint(&cancelled, "the next pull goes on from what is there already");
    fail(pull->way_data, &cancelled);
}

/* ---- the record ---- */

static void on_recorded(const PbImages__Image *record, const wfe_error *err, void *user)
{
    ingest *in = user;
    wfe_error problem = *err;
    if (in->ending)
        return;
    if (!problem.kind && wfe_image_list_new(&in->list, &problem) == 0)
        wfe_image_list_add(in->list, record, &problem);
    if (problem.kind) {
        fail(in, &problem);
        return;
    }
    in->failure = (wfe_error)WFE_ERROR_INIT; /* a cancel that came too late */
    in->ending = true;
    end_lease(in);
}

static void record_when_complete(ingest *in)
{
    wfe_error problem = WFE_ERROR_INIT;
    if (!in->unpacked || in->n_running > 0 || in->failure.kind || in->record || in->ending)
        return;
    if (in->pull->known_digest[0]) { /* has its record */
        in->ending = true;
        end_lease(in);
        return;
    }
    if (wfe_image_record_put(containerd_of(in), in->env.lease, in->pull->name,
                             wfe_ingest_documents_root(in->documents), on_recorded, in, &in->record,
                             &problem))
        fail(in, &problem);
}

/* ---- layers ---- */

static void start_jobs(ingest *in);

static void layer_arrived(ingest *in, size_t layer)
{
    wfe_error problem = WFE_ERROR_INIT;
    wfe_pull_layer_state(in->pull, layer, WFE_IMAGE_PULL_FETCHED);
    if (wfe_image_unpack_ready(in->unpack, layer, &problem))
        fail(in, &problem);
}

static void on_blob_bytes(uint64_t have_bytes, void *user)
{
    ingest_job *job = user;
    ingest *in = job->ingest;
    for (size_t i = job->layer; i < in->parts->document->n_items; i++) {
        if (in->job_of[i] != job->layer || in->pull->layers[i].state > WFE_IMAGE_PULL_FETCHING)
            continue;
        wfe_pull_layer_state(in->pull, i, WFE_IMAGE_PULL_FETCHING);
        wfe_pull_layer_bytes(in->pull, i, have_bytes);
    }
}

static void on_blob_done(bool existed, const wfe_error *err, void *user)
{
    (void)existed;
    ingest_job *job = user;
    ingest *in = job->ingest;
    if (err->kind) {
        fail(in, err);
        return;
    }
    wfe_ingest_blob_free(wfe_take(job->blob));
    job->over = true;
    in->n_running--;
    for (size_t i = job->layer; i < in->parts->document->n_items && !in->failure.kind; i++) {
        if (in->job_of[i] == job->layer && in->pull->layers[i].state < WFE_IMAGE_PULL_FETCHED)
            layer_arrived(in, i);
    }
    start_jobs(in);
    record_when_complete(in);
}

static void start_jobs(ingest *in)
{
    static const wfe_ingest_blob_fns fns = {.bytes = on_blob_bytes, .done = on_blob_done};
    const wfe_image_document *manifest = in->parts->document;
    for (size_t i = 0; i < manifest->n_items && in->n_running < in->pull->jobs; i++) {
        ingest_job *job = &in->jobs[i];
        wfe_error problem = WFE_ERROR_INIT;
        if (in->failure.kind || !job->needed || job->over || job->blob)
            continue;
        if (wfe_ingest_blob_start(&in->env, &manifest->items[i], &fns, job, &job->blob, &problem))
            fail(in, &problem);
        else
            in->n_running++;
    }
}

static void on_plan(size_t first, void *user)
{
    ingest *in = user;
    for (size_t i = first; i < in->parts->document->n_items; i++) {
        ingest_job *job = &in->jobs[in->job_of[i]];
        job->needed = true;
        if (job->over)
            layer_arrived(in, i);
    }
    start_jobs(in);
}

static void on_layer(size_t layer, enum wfe_image_unpack_event event, void *user)
{
    ingest *in = user;
    static const enum wfe_image_pull_state states[] = {
        [WFE_IMAGE_UNPACK_FOUND] = WFE_IMAGE_PULL_PRESENT,
        [WFE_IMAGE_UNPACK_BEGUN] = WFE_IMAGE_PULL_UNPACKING,
        [WFE_IMAGE_UNPACK_ENDED] = WFE_IMAGE_PULL_DONE,
    };
    /* One that is done is found when the unpacker looks again. */
    if (in->pull->by_daemon && event == WFE_IMAGE_UNPACK_FOUND)
        wfe_pull_layer_state(in->pull, layer, WFE_IMAGE_PULL_DONE);
    else if (in->pull->layers[layer].state != WFE_IMAGE_PULL_DONE)
        wfe_pull_layer_state(in->pull, layer, states[event]);
}

static void on_unpacked(const wfe_error *err, void *user)
{
    ingest *in = user;
    in->unpacked = true;
    if (in->ending)
        end_lease(in);
    else if (err->kind)
        fail(in, err);
    else
        record_when_complete(in);
}

static int make_jobs(ingest *in, wfe_error *err)
{
    const wfe_image_document *manifest = in->parts->document;
    in->jobs = calloc(manifest->n_items + 1, sizeof *in->jobs);
    in->job_of = calloc(manifest->n_items + 1, sizeof *in->job_of);
    if (!in->jobs || !in->job_of)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < manifest->n_items; i++) {
        size_t same = 0;
        while (strcmp(manifest->items[same].digest, manifest->items[i].digest) != 0)
            same++;
        in->job_of[i] = same;
        in->jobs[i] = (ingest_job){.ingest = in, .layer = i};
    }
    return 0;
}

static int unpack(ingest *in, wfe_error *err)
{
    static const wfe_image_unpack_fns fns = {
        .plan = on_plan, .layer = on_layer, .done = on_unpacked};
    const wfe_image_unpack_request request = {.snapshotter = in->pull->client->snapshotter,
                                              .lease = in->env.lease,
                                              .parts = in->parts,
                                              .shares_files =
                                                  wfe_client_is_local(in->pull->client)};
    return wfe_image_unpack_start(in->env.loop, containerd_of(in), &request, &fns, in, &in->unpack,
                                  err);
}

/* ---- from the target to the manifest ---- */

static int check_layers(const wfe_image_document *manifest, wfe_error *err)
{
    for (size_t i = 0; i < manifest->n_items; i++) {
        const wfe_image_descriptor *layer = &manifest->items[i];
        if (!wfe_image_type_is_layer(layer->media_type)) {
            wfe_error_set(err, WFE_E_PROTOCOL,
                          "layer %zu of %zu is of the type %.200s, which containerd cannot unpack",
                          i + 1, manifest->n_items,
                          layer->media_type[0] ? layer->media_type : "(none)");
            wfe_error_hint(err, "this is no container image, or it is encrypted");
            return WFE_E_PROTOCOL;
        }
    }
    return 0;
}

static void on_walked(wfe_image_parts *parts, const wfe_error *err, void *user)
{
    ingest *in = user;
    wfe_error problem = *err;
    in->walk = NULL;
    in->parts = parts;
    if (!problem.kind)
        check_layers(parts->document, &problem);
    if (!problem.kind)
        wfe_pull_resolved(in->pull, wfe_ingest_documents_root(in->documents)->digest);
    if (!problem.kind)
        make_jobs(in, &problem);
    if (!problem.kind)
        wfe_pull_set_layers(in->pull, parts->document, &problem);
    if (!problem.kind)
        unpack(in, &problem);
    if (problem.kind)
        fail(in, &problem);
}

static int walk(ingest *in, wfe_error *err)
{
    const wfe_image_walk_source source = wfe_ingest_documents_source(in->documents);
    const wfe_image_walk_request request = {.name = in->pull->name,
                                            .target = &in->target,
                                            .machine = &in->pull->platform,
                                            .lease = in->env.lease,
                                            .source = &source};
    return wfe_image_walk_start(containerd_of(in), &request, on_walked, in, &in->walk, err);
}

/* ---- what the tag stands for ---- */

static int resolve(ingest *in, wfe_error *err);

static void on_head(const wfe_registry_head *head, void *user)
{
    ingest *in = user;
    const char *type = "";
    wfe_error problem = WFE_ERROR_INIT;
    if (wfe_ingest_check_type(head->media_type, &type, &problem)) {
        fail(in, &problem);
        return;
    }
    free(in->target.media_type);
    in->target.media_type = strdup(type);
    if (!in->target.media_type) {
        wfe_error_nomem(&problem);
        fail(in, &problem);
        return;
    }
    memcpy(in->target.digest, head->digest, strlen(head->digest) + 1);
    in->target.size_bytes = head->total_bytes > 0 ? head->total_bytes : -1;
}

static int on_tagged(const void *bytes, size_t len, wfe_error *err, void *user)
{
    ingest *in = user;
    return wfe_buf_append(&in->tagged, bytes, len, err);
}

/* Some registries answer HEAD with nothing of use, or not at all. */
static bool must_get(const ingest *in, const wfe_error *err)
{
    if (in->by_get)
        return false;
    return err->kind ? err->http_status == 405 || err->http_status == 400 ||
                           err->http_status == 501 || err->kind == WFE_E_PROTOCOL
                     : !in->target.digest[0];
}

static void on_resolved(const wfe_error *err, void *user)
{
    ingest *in = user;
    wfe_error problem = *err;
    wfe_registry_fetch_free(wfe_take(in->resolve));
    if (in->failure.kind)
        return;
    if (must_get(in, err)) {
        in->by_get = true;
        problem = (wfe_error)WFE_ERROR_INIT;
        resolve(in, &problem);
    } else if (!problem.kind) {
        if (in->by_get)
            wfe_ingest_documents_add(in->documents, &in->tagged, in->target.digest);
        walk(in, &problem);
    }
    if (problem.kind)
        fail(in, &problem);
}

static int resolve(ingest *in, wfe_error *err)
{
    static const wfe_registry_fetch_fns fns = {
        .head = on_head, .data = on_tagged, .done = on_resolved};
    const wfe_registry_request request = {.kind = in->by_get ? WFE_REGISTRY_MANIFEST
                                                             : WFE_REGISTRY_MANIFEST_HEAD,
                                          .domain = in->pull->reference.domain,
                                          .path = in->pull->reference.path,
                                          .name = in->pull->reference.tag};
    in->tagged.max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES;
    return wfe_ingest_fetch(&in->env, &request, &fns, in, &in->resolve, err);
}

static int begin(ingest *in, wfe_error *err)
{
    const char *digest =
        in->pull->known_digest[0] ? in->pull->known_digest : in->pull->reference.digest;
    if (!digest[0])
        return resolve(in, err);
    memcpy(in->target.digest, digest, WFE_DIGEST_SIZE);
    in->target.size_bytes = -1;
    in->target.media_type = strdup("");
    return in->target.media_type ? walk(in, err) : wfe_error_nomem(err);
}

int wfe_ingest_fetch(wfe_ingest_env *env, const wfe_registry_request *request,
                     const wfe_registry_fetch_fns *fns, void *user, wfe_registry_fetch **ret,
                     wfe_error *err)
{
    const wfe_image_access *access = env->access;
    const wfe_registry_options options = {
        .docker_config = access->docker_config,
        .hosts_dirs = (const char *const *)access->hosts_dirs,
        .logins = access->logins,
        .n_logins = access->n_logins,
        .http_proxy = access->http_proxy,
        .https_proxy = access->https_proxy,
        .no_proxy = access->no_proxy,
        .log = env->log,
    };
    if (!env->reference) {
        wfe_error_set(err, WFE_E_NOT_FOUND,
                      "%s is not in the content store, and is not to be fetched", request->name);
        wfe_error_hint(err, "pull the image, or import it again");
        return WFE_E_NOT_FOUND;
    }
    if (!env->registry) {
        int rc = wfe_registry_new(env->loop, &options, &env->registry, err);
        if (rc)
            return rc;
    }
    wfe_registry_request whole = *request;
    whole.domain = env->reference->domain;
    whole.path = env->reference->path;
    return wfe_registry_fetch_start(env->registry, &whole, fns, user, ret, err);
}

/* ---- start ---- */

static void on_leased(const wfe_error *err, void *user)
{
    ingest *in = user;
    wfe_error problem = *err;
    if (!problem.kind)
        in->env.lease = wfe_pull_lease_id(in->lease);
    if (problem.kind || (!in->failure.kind && begin(in, &problem)))
        fail(in, &problem);
}

static int ingest_start(wfe_image_puller *pull, wfe_error *err)
{
    ingest *in = calloc(1, sizeof *in);
    if (!in)
        return wfe_error_nomem(err);
    pull->way_data = in;
    in->pull = pull;
    in->env = (wfe_ingest_env){.loop = pull->client->loop,
                               .containerd = pull->client->containerd,
                               .log = &pull->client->log,
                               .access = &pull->access,
                               .reference = pull->offline ? NULL : &pull->reference};
    int rc = wfe_timer_new(in->env.loop, on_timer, in, &in->timer, err);
    if (!rc)
        rc = wfe_ingest_documents_new(&in->env, &in->documents, err);
    if (!rc)
        rc = wfe_pull_lease_start(containerd_of(in), pull->name, on_leased, in, &in->lease, err);
    return rc;
}

const wfe_pull_way wfe_pull_ingest = {
    .name = "ingest", .start = ingest_start, .stop = ingest_stop, .free = ingest_free};
