/* SPDX-License-Identifier: Apache-2.0
 *
 * See resolve.h. One resolve asks for the record under one name, then the next, and walks from the
 * record's target unless the cache knows it.
 */
#include "image/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerd/images.h"
#include "image/chain.h"
#include "image/reference.h"
#include "image/walk.h"

/* A look-up of one record takes a millisecond; a daemon that needs longer than this is hung. */
#define RECORD_MS 10000

#define CACHE_MAX 64

/* The texts of an image live in the same allocation's members. */
typedef struct image_object {
    wfe_image image; /* first: a wfe_image is handed out, this is what is freed */
    unsigned refs;
    char *name;
    char *config_json;
    wfe_oci_image_config *config;
    char target_digest[WFE_DIGEST_SIZE];
    char manifest_digest[WFE_DIGEST_SIZE];
    char config_digest[WFE_DIGEST_SIZE];
    char chain_id[WFE_DIGEST_SIZE];
} image_object;

struct wfe_image_resolver {
    wfe_containerd *containerd;
    wfe_image_platform machine;
    image_object *cache[CACHE_MAX];
    size_t n_cached;
    size_t oldest; /* the slot that the next one replaces when all are in use */
};

struct wfe_image_resolve {
    wfe_image_resolver *resolver;
    wfe_image_resolved_fn fn;
    void *user;
    char *given;
    char normalized[WFE_IMAGE_REFERENCE_SIZE]; /* "" when given is no reference */
    wfe_error not_a_reference;
    bool tried_normalized;
    bool tried_digest;
    wfe_image_descriptor target;
    wfe_containerd_call *call;
    wfe_image_walk *walk;
};

static void free_object(image_object *object)
{
    if (!object)
        return;
    free(object->name);
    free(object->config_json);
    wfe_oci_image_config_free(object->config);
    free(object);
}

const wfe_image *wfe_image_ref(const wfe_image *image)
{
    image_object *object = (image_object *)(uintptr_t)image;
    object->refs++;
    return image;
}

void wfe_image_unref(const wfe_image *image)
{
    image_object *object = (image_object *)(uintptr_t)image;
    if (object && --object->refs == 0)
        free_object(object);
}

int wfe_image_resolver_new(wfe_containerd *containerd, wfe_image_resolver **ret, wfe_error *err)
{
    wfe_image_resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return wfe_error_nomem(err);
    resolver->containerd = containerd;
    wfe_image_platform_host(&resolver->machine);
    *ret = resolver;
    return 0;
}

void wfe_image_resolver_free(wfe_image_resolver *resolver)
{
    if (!resolver)
        return;
    for (size_t i = 0; i < resolver->n_cached; i++)
        wfe_image_unref(&resolver->cache[i]->image);
    free(resolver);
}

static const wfe_image *find_cached(const wfe_image_resolver *resolver, const char *name,
                                    const char *digest)
{
    for (size_t i = 0; i < resolver->n_cached; i++) {
        const wfe_image *image = &resolver->cache[i]->image;
        if (strcmp(image->target_digest, digest) == 0 && strcmp(image->name, name) == 0)
            return image;
    }
    return NULL;
}

static void keep(wfe_image_resolver *resolver, image_object *object)
{
    wfe_image_ref(&object->image);
    if (resolver->n_cached < CACHE_MAX) {
        resolver->cache[resolver->n_cached++] = object;
        return;
    }
    wfe_image_unref(&resolver->cache[resolver->oldest]->image);
    resolver->cache[resolver->oldest] = object;
    resolver->oldest = (resolver->oldest + 1) % CACHE_MAX;
}

static void free_resolve(wfe_image_resolve *resolve)
{
    wfe_containerd_cancel(resolve->call);
    wfe_image_walk_cancel(resolve->walk);
    wfe_image_descriptor_done(&resolve->target);
    free(resolve->given);
    free(resolve);
}

static void finish(wfe_image_resolve *resolve, const wfe_image *image, const wfe_error *err)
{
    wfe_image_resolved_fn fn = resolve->fn;
    void *user = resolve->user;
    wfe_error result = *err;
    wfe_error_where(&result, "resolve image", resolve->given);
    free_resolve(resolve);
    fn(image, &result, user);
}

static const char *name_in_use(const wfe_image_resolve *resolve)
{
    return resolve->tried_normalized ? resolve->normalized : resolve->given;
}

static int make_object(const wfe_image_resolve *resolve, wfe_image_parts *parts, image_object **ret,
                       wfe_error *err)
{
    image_object *object = calloc(1, sizeof *object);
    if (!object)
        return wfe_error_nomem(err);
    object->refs = 1;
    object->name = strdup(name_in_use(resolve));
    memcpy(object->target_digest, resolve->target.digest, WFE_DIGEST_SIZE);
    memcpy(object->manifest_digest, parts->manifest.digest, WFE_DIGEST_SIZE);
    memcpy(object->config_digest, parts->document->config.digest, WFE_DIGEST_SIZE);
    int rc = object->name ? wfe_image_chain_of(parts->config->diff_ids, parts->config->n_diff_ids,
                                               object->chain_id, err)
                          : wfe_error_nomem(err);
    if (!rc) {
        object->config_json = wfe_buf_take(&parts->config_json, &object->image.config_len);
        rc = object->config_json ? 0 : wfe_error_nomem(err);
    }
    if (rc) {
        free_object(object);
        return rc;
    }
    wfe_image *image = &object->image;
    image->name = object->name;
    image->target_digest = object->target_digest;
    image->manifest_digest = object->manifest_digest;
    image->config_digest = object->config_digest;
    image->config_json = object->config_json;
    image->config = object->config = wfe_take(parts->config);
    image->chain_id = object->chain_id;
    image->n_layers = parts->document->n_items;
    for (size_t i = 0; i < parts->document->n_items; i++)
        image->layers_bytes += (uint64_t)parts->document->items[i].size_bytes;
    *ret = object;
    return 0;
}

static void on_walked(wfe_image_parts *parts_given, const wfe_error *err, void *user)
{
    _cleanup_(wfe_image_parts_free_p) wfe_image_parts *parts = parts_given;
    wfe_image_resolve *resolve = user;
    wfe_error problem = *err;
    image_object *object = NULL;
    resolve->walk = NULL;
    if (!problem.kind && make_object(resolve, parts, &object, &problem) == 0)
        keep(resolve->resolver, object);
    finish(resolve, object ? &object->image : NULL, &problem);
    if (object)
        wfe_image_unref(&object->image);
}

/* Sets *ret_image when the cache has it; else the walk is under way. */
static int take_record(wfe_image_resolve *resolve, const PbImages__Image *record,
                       const wfe_image **ret_image, wfe_error *err)
{
    if (!record || !record->target || !wfe_digest_is_valid(record->target->digest))
        return wfe_error_set(err, WFE_E_PROTOCOL, "image '%s' points to no sha256 digest",
                             name_in_use(resolve));
    *ret_image = find_cached(resolve->resolver, name_in_use(resolve), record->target->digest);
    if (*ret_image)
        return 0;
    resolve->target.media_type = strdup(record->target->media_type);
    if (!resolve->target.media_type)
        return wfe_error_nomem(err);
    memcpy(resolve->target.digest, record->target->digest, WFE_DIGEST_SIZE);
    resolve->target.size_bytes = record->target->size;
    const wfe_image_walk_request request = {.name = name_in_use(resolve),
                                            .target = &resolve->target,
                                            .machine = &resolve->resolver->machine};
    return wfe_image_walk_start(resolve->resolver->containerd, &request, on_walked, resolve,
                                &resolve->walk, err);
}

static void report_not_found(const wfe_image_resolve *resolve, wfe_error *err)
{
    if (resolve->not_a_reference.kind) {
        wfe_error_copy(err, &resolve->not_a_reference);
        return;
    }
    wfe_error_set(err, WFE_E_NOT_FOUND, "image '%s' not found in containerd (namespace %s)",
                  resolve->given, wfe_containerd_namespace(resolve->resolver->containerd));
    wfe_error_hint(err, "bring it in with 'wfe pull %s' or 'wfe image import FILE'",
                   resolve->normalized);
}

static int ask(wfe_image_resolve *resolve, wfe_error *err);

/* ---- by digest ---- */

static bool is_same_repository(const char *name, const wfe_image_reference *wanted)
{
    wfe_image_reference found;
    return wfe_image_reference_parse(name, &found, NULL) == 0 &&
           strcmp(found.domain, wanted->domain) == 0 && strcmp(found.path, wanted->path) == 0;
}

/* Any name of the repository that points to the digest will do: bytes are the same. */
static void on_same_digest(const PbImages__ListImagesResponse *reply, const wfe_error *err,
                           void *user)
{
    wfe_image_resolve *resolve = user;
    wfe_error problem = *err;
    const wfe_image *image = NULL;
    wfe_image_reference wanted;
    const PbImages__Image *found = NULL;
    resolve->call = NULL;
    if (!problem.kind)
        wfe_image_reference_parse(resolve->normalized, &wanted, &problem);
    for (size_t i = 0; !problem.kind && !found && i < reply->n_images; i++) {
        if (strlen(reply->images[i]->name) < sizeof resolve->normalized &&
            is_same_repository(reply->images[i]->name, &wanted))
            found = reply->images[i];
    }
    if (found) {
        snprintf(resolve->normalized, sizeof resolve->normalized, "%s", found->name);
        take_record(resolve, found, &image, &problem);
    } else if (!problem.kind) {
        report_not_found(resolve, &problem);
    }
    if (problem.kind || image)
        finish(resolve, image, &problem);
}

/* containerd finds images by name only; a reference with a digest names its target. */
static int ask_by_digest(wfe_image_resolve *resolve, wfe_error *err)
{
    char filter[WFE_DIGEST_SIZE + 32];
    const char *filters = filter;
    PbImages__ListImagesRequest request = PB_IMAGES__LIST_IMAGES_REQUEST__INIT;
    request.filters = &filters;
    request.n_filters = 1;
    snprintf(filter, sizeof filter, "target.digest==%s", strchr(resolve->normalized, '@') + 1);
    const wfe_containerd_options options = {.deadline_ms = RECORD_MS, .fail_fast = true};
    resolve->tried_digest = true;
    return wfe_images_list(resolve->resolver->containerd, &request, &options, on_same_digest,
                           resolve, &resolve->call, err);
}

static bool has_digest(const wfe_image_resolve *resolve)
{
    const char *at = strchr(resolve->normalized, '@');
    return at && wfe_digest_is_valid(at + 1);
}

/* ---- by name ---- */

static void on_record(const PbImages__GetImageResponse *reply, const wfe_error *err, void *user)
{
    wfe_image_resolve *resolve = user;
    wfe_error problem = WFE_ERROR_INIT;
    const wfe_image *image = NULL;
    int rc = 0;
    resolve->call = NULL;
    if (err->grpc_status == WFE_GRPC_NOT_FOUND && !resolve->tried_normalized &&
        resolve->normalized[0] && strcmp(resolve->given, resolve->normalized) != 0) {
        resolve->tried_normalized = true;
        rc = ask(resolve, &problem);
    } else if (err->grpc_status == WFE_GRPC_NOT_FOUND && has_digest(resolve) &&
               !resolve->tried_digest) {
        resolve->tried_normalized = true;
        rc = ask_by_digest(resolve, &problem);
    } else if (err->grpc_status == WFE_GRPC_NOT_FOUND) {
        report_not_found(resolve, &problem);
        rc = problem.kind;
    } else if (err->kind) {
        rc = wfe_error_copy(&problem, err);
    } else {
        rc = take_record(resolve, reply->image, &image, &problem);
    }
    if (rc || image)
        finish(resolve, image, &problem);
}

static int ask(wfe_image_resolve *resolve, wfe_error *err)
{
    PbImages__GetImageRequest request = PB_IMAGES__GET_IMAGE_REQUEST__INIT;
    request.name = name_in_use(resolve);
    /* Nothing is made yet: a daemon that is not there is told at once, not waited for. */
    const wfe_containerd_options options = {.deadline_ms = RECORD_MS, .fail_fast = true};
    return wfe_images_get(resolve->resolver->containerd, &request, &options, on_record, resolve,
                          &resolve->call, err);
}

int wfe_image_resolve_start(wfe_image_resolver *resolver, const char *name,
                            wfe_image_resolved_fn fn, void *user, wfe_image_resolve **ret,
                            wfe_error *err)
{
    if (!name || !*name)
        return wfe_error_set(err, WFE_E_INVALID, "the image reference is empty");
    wfe_image_resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve)
        return wfe_error_nomem(err);
    resolve->resolver = resolver;
    resolve->fn = fn;
    resolve->user = user;
    resolve->given = strdup(name);
    wfe_image_reference_normalize(name, resolve->normalized, &resolve->not_a_reference);
    int rc = resolve->given ? ask(resolve, err) : wfe_error_nomem(err);
    if (rc)
        free_resolve(resolve);
    else
        *ret = resolve;
    return rc;
}

void wfe_image_resolve_cancel(wfe_image_resolve *resolve)
{
    if (resolve)
        free_resolve(resolve);
}
