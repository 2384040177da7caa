/* SPDX-License-Identifier: Apache-2.0
 *
 * See walk.h. The documents still to try are a list whose front is the next: the entries of an
 * index take its place at the front, which makes the walk depth first with a way back.
 */
#include "image/walk.h"

#include <stdlib.h>
#include <string.h>

/* Indexes within indexes, and documents read in all: ends loops that hashing makes unlikely and
 * documents that only waste time. */
#define DEPTH_MAX 4
#define DOCUMENTS_MAX 64

typedef struct candidate {
    wfe_image_descriptor descriptor;
    unsigned depth;
} candidate;

struct wfe_image_walk {
    wfe_containerd *containerd;
    wfe_image_walked_fn fn;
    void *user;
    char *name;
    char *lease; /* may be NULL */
    wfe_image_platform machine;
    candidate *waiting; /* the last one is the next to try */
    size_t n_waiting;
    candidate current;
    unsigned n_read;
    wfe_image_parts *parts;       /* of the manifest under way; NULL before */
    wfe_buf platforms;            /* those that did not suit, as text */
    wfe_error missing;            /* the first document that is not in the store */
    wfe_image_walk_source source; /* read is NULL: the content store */
    wfe_content_reader *reader;   /* of the read under way from there */
    bool is_reading;              /* from the source */
};

void wfe_image_parts_free(wfe_image_parts *parts)
{
    if (!parts)
        return;
    wfe_image_descriptor_done(&parts->manifest);
    wfe_image_document_free(parts->document);
    wfe_buf_done(&parts->config_json);
    wfe_oci_image_config_free(parts->config);
    free(parts);
}

static void free_walk(wfe_image_walk *walk)
{
    wfe_content_reader_cancel(walk->reader);
    if (walk->is_reading)
        walk->source.cancel(walk->source.user);
    for (size_t i = 0; i < walk->n_waiting; i++)
        wfe_image_descriptor_done(&walk->waiting[i].descriptor);
    wfe_image_descriptor_done(&walk->current.descriptor);
    wfe_image_parts_free(walk->parts);
    wfe_buf_done(&walk->platforms);
    free(walk->waiting);
    free(walk->name);
    free(walk->lease);
    free(walk);
}

static void finish(wfe_image_walk *walk, const wfe_error *err)
{
    wfe_image_walked_fn fn = walk->fn;
    void *user = walk->user;
    wfe_error result = *err;
    wfe_image_parts *parts = result.kind ? NULL : wfe_take(walk->parts);
    if (!walk->source.read) /* whose user says it */
        wfe_error_prefix(&result, "image '%s'", walk->name);
    free_walk(walk);
    fn(parts, &result, user);
}

static int push(wfe_image_walk *walk, const wfe_image_descriptor *descriptor, unsigned depth,
                wfe_error *err)
{
    candidate *more = realloc(walk->waiting, (walk->n_waiting + 1) * sizeof *more);
    if (!more)
        return wfe_error_nomem(err);
    walk->waiting = more;
    candidate *next = &more[walk->n_waiting];
    next->depth = depth;
    int rc = wfe_image_descriptor_copy(&next->descriptor, descriptor, err);
    if (!rc)
        walk->n_waiting++;
    return rc;
}

/* Nothing is left to try: says why. */
static int report_none(wfe_image_walk *walk, wfe_error *err)
{
    char own[WFE_IMAGE_PLATFORM_TEXT_SIZE];
    if (walk->missing.kind)
        return wfe_error_copy(err, &walk->missing);
    wfe_error_set(err, WFE_E_NOT_FOUND, "there is nothing for %s in it, only for: %s",
                  wfe_image_platform_format(&walk->machine, own),
                  walk->platforms.len ? walk->platforms.data : "no platform at all");
    wfe_error_hint(err, "bring in an image for %s", own);
    return WFE_E_NOT_FOUND;
}

static void on_document(const wfe_buf *bytes, const wfe_error *err, void *user);
static void on_config(const wfe_buf *bytes, const wfe_error *err, void *user);

static int read_blob(wfe_image_walk *walk, const wfe_image_descriptor *blob,
                     wfe_content_read_all_fn fn, wfe_error *err)
{
    if (walk->source.read) {
        int rc = walk->source.read(walk->source.user, blob, fn == on_config, fn, walk, err);
        walk->is_reading = rc == 0;
        return rc;
    }
    const wfe_containerd_options options = {.lease = walk->lease, .fail_fast = true};
    const wfe_content_read_request request = {.digest = blob->digest,
                                              .size_bytes = blob->size_bytes,
                                              .max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES};
    return wfe_content_read_all(walk->containerd, &request, &options, fn, walk, &walk->reader, err);
}

static int try_next(wfe_image_walk *walk, wfe_error *err)
{
    wfe_image_parts_free(wfe_take(walk->parts));
    wfe_image_descriptor_done(&walk->current.descriptor);
    if (walk->n_waiting == 0)
        return report_none(walk, err);
    walk->current = walk->waiting[--walk->n_waiting];
    if (++walk->n_read > DOCUMENTS_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "more than %d documents to look through",
                             DOCUMENTS_MAX);
    return read_blob(walk, &walk->current.descriptor, on_document, err);
}

/* Archives may hold a part of a multi-platform image: what is not there is passed over. */
static int pass_over(wfe_image_walk *walk, const wfe_error *reason, wfe_error *err)
{
    if (reason->grpc_status != WFE_GRPC_NOT_FOUND || walk->source.read)
        return wfe_error_copy(err, reason);
    if (!walk->missing.kind)
        walk->missing = *reason;
    return try_next(walk, err);
}

static int enter_index(wfe_image_walk *walk, const wfe_image_document *index, wfe_error *err)
{
    if (walk->current.depth + 1 > DEPTH_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "more than %d indexes within each other", DEPTH_MAX);
    wfe_image_document_platforms(index, &walk->platforms);
    size_t *order = calloc(index->n_items + 1, sizeof *order);
    if (!order)
        return wfe_error_nomem(err);
    size_t n = wfe_image_document_order(index, &walk->machine, order);
    int rc = 0;
    while (!rc && n > 0)
        rc = push(walk, &index->items[order[--n]], walk->current.depth + 1, err);
    free(order);
    return rc ? rc : try_next(walk, err);
}

static int enter_manifest(wfe_image_walk *walk, wfe_image_document *document, wfe_error *err)
{
    walk->parts = calloc(1, sizeof *walk->parts);
    if (!walk->parts) {
        wfe_image_document_free(document);
        return wfe_error_nomem(err);
    }
    walk->parts->document = document;
    return read_blob(walk, &document->config, on_config, err);
}

static int take_document(wfe_image_walk *walk, const wfe_buf *bytes, wfe_error *err)
{
    wfe_image_document *document = NULL;
    int rc = wfe_image_document_parse(bytes->data, bytes->len, walk->current.descriptor.media_type,
                                      &document, err);
    if (rc) {
        wfe_error_prefix(err, "%s", walk->current.descriptor.digest);
        return rc;
    }
    if (!document->is_index)
        return enter_manifest(walk, document, err);
    rc = enter_index(walk, document, err);
    wfe_image_document_free(document);
    return rc;
}

static void on_document(const wfe_buf *bytes, const wfe_error *err, void *user)
{
    wfe_image_walk *walk = user;
    wfe_error problem = WFE_ERROR_INIT;
    walk->reader = NULL;
    walk->is_reading = false;
    int rc = err->kind ? pass_over(walk, err, &problem) : take_document(walk, bytes, &problem);
    if (rc)
        finish(walk, &problem);
}

/* Does the config suit this machine. Where an index named the platform, that has chosen already. */
static bool suits(wfe_image_walk *walk, const wfe_oci_image_config *config)
{
    wfe_image_platform *platform = &walk->parts->manifest.platform;
    char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
    wfe_image_platform_set(platform, config->os, config->architecture, config->variant);
    walk->parts->manifest.has_platform = true;
    bool chosen = walk->current.depth > 0 && walk->current.descriptor.has_platform;
    if (chosen || !config->architecture[0] || !config->os[0] ||
        wfe_image_platform_rank(&walk->machine, platform) >= 0)
        return true;
    wfe_buf_printf(&walk->platforms, NULL, "%s%s", walk->platforms.len ? ", " : "",
                   wfe_image_platform_format(platform, text));
    return false;
}

/* Sets *ret_done when the walk has reached its end. */
static int take_config(wfe_image_walk *walk, const wfe_buf *bytes, bool *ret_done, wfe_error *err)
{
    wfe_image_parts *parts = walk->parts;
    int rc = wfe_oci_image_config_parse(bytes->data, bytes->len, &parts->config, err);
    if (rc) {
        wfe_error_prefix(err, "config %s", parts->document->config.digest);
        return rc;
    }
    if (parts->config->n_diff_ids != parts->document->n_items)
        return wfe_error_set(err, WFE_E_PROTOCOL, "manifest %s has %zu layers, its config %zu",
                             walk->current.descriptor.digest, parts->document->n_items,
                             parts->config->n_diff_ids);
    rc = wfe_image_descriptor_copy(&parts->manifest, &walk->current.descriptor, err);
    if (!rc)
        rc = wfe_buf_append(&parts->config_json, bytes->data, bytes->len, err);
    if (rc)
        return rc;
    *ret_done = suits(walk, parts->config);
    return *ret_done ? 0 : try_next(walk, err);
}

static void on_config(const wfe_buf *bytes, const wfe_error *err, void *user)
{
    wfe_image_walk *walk = user;
    wfe_error problem = WFE_ERROR_INIT;
    bool done = false;
    walk->reader = NULL;
    walk->is_reading = false;
    int rc = err->kind ? pass_over(walk, err, &problem) : take_config(walk, bytes, &done, &problem);
    if (rc || done)
        finish(walk, &problem);
}

int wfe_image_walk_start(wfe_containerd *containerd, const wfe_image_walk_request *request,
                         wfe_image_walked_fn fn, void *user, wfe_image_walk **ret, wfe_error *err)
{
    wfe_image_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return wfe_error_nomem(err);
    walk->containerd = containerd;
    walk->fn = fn;
    walk->user = user;
    walk->machine = *request->machine;
    if (request->source)
        walk->source = *request->source;
    walk->platforms.max_bytes = WFE_ERROR_MESSAGE_SIZE;
    walk->name = strdup(request->name);
    walk->lease = request->lease ? strdup(request->lease) : NULL;
    int rc = !walk->name || (request->lease && !walk->lease) ? wfe_error_nomem(err)
                                                             : push(walk, request->target, 0, err);
    if (!rc)
        rc = try_next(walk, err);
    if (rc)
        free_walk(walk);
    else
        *ret = walk;
    return rc;
}

void wfe_image_walk_cancel(wfe_image_walk *walk)
{
    if (walk)
        free_walk(walk);
}
