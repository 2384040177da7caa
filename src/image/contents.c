/* SPDX-License-Identifier: Apache-2.0
 *
 * See contents.h. Documents are read one after the other, those of an index in its order; indexes
 * within indexes are gone into as they come.
 */
#include "image/contents.h"

#include <string.h>

#include "containerd/content.h"
#include "image/wait.h"

#define DEPTH_MAX 4
#define VARIANTS_MAX ((size_t)2048)
#define INDEXES_MAX ((size_t)256)

static void variant_done(wfe_image_variant *variant)
{
    wfe_image_descriptor_done(&variant->descriptor);
    wfe_image_document_free(variant->document);
    wfe_buf_done(&variant->config_json);
    wfe_oci_image_config_free(variant->config);
}

void wfe_image_contents_free(wfe_image_contents *contents)
{
    if (!contents)
        return;
    for (size_t i = 0; i < contents->n_indexes; i++)
        wfe_image_descriptor_done(&contents->indexes[i]);
    for (size_t i = 0; i < contents->n_variants; i++)
        variant_done(&contents->variants[i]);
    free(contents->indexes);
    free(contents->variants);
    free(contents);
}

/* --- reading one blob ---------------------------------------------------------------------- */

typedef struct blob_read {
    wfe_image_wait wait;
    wfe_buf *out;
} blob_read;

static void on_blob(const wfe_buf *bytes, const wfe_error *err, void *user)
{
    blob_read *read = user;
    wfe_error problem = *err;
    if (!problem.kind)
        wfe_buf_append(read->out, bytes->data, bytes->len, &problem);
    wfe_image_wait_end(&read->wait, &problem);
}

typedef struct reading {
    wfe_client *client;
    const wfe_image_inventory *inventory;
    wfe_image_contents *contents;
} reading;

static int read_blob(const reading *r, const wfe_image_descriptor *blob, wfe_buf *out,
                     wfe_error *err)
{
    const wfe_content_read_request request = {.digest = blob->digest,
                                              .size_bytes = blob->size_bytes,
                                              .max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES};
    blob_read read = {.wait = {.loop = r->client->loop}, .out = out};
    wfe_content_reader *reader = NULL;
    int rc = wfe_content_read_all(r->client->containerd, &request, &wfe_image_ask, on_blob, &read,
                                  &reader, err);
    rc = wfe_image_wait_for(&read.wait, rc, err);
    if (reader && !read.wait.done)
        wfe_content_reader_cancel(reader);
    return rc;
}

static int read_document(const reading *r, const wfe_image_descriptor *descriptor,
                         wfe_image_document **ret, wfe_error *err)
{
    _cleanup_(wfe_buf_done) wfe_buf json = WFE_BUF_INIT(WFE_IMAGE_DOCUMENT_MAX_BYTES);
    int rc = read_blob(r, descriptor, &json, err);
    if (rc)
        return rc;
    rc = wfe_image_document_parse(json.data, json.len, descriptor->media_type, ret, err);
    if (rc)
        wfe_error_prefix(err, "%s", descriptor->digest);
    return rc;
}

/* --- one manifest -------------------------------------------------------------------------- */

static bool is_image_config(const char *media_type)
{
    return strcmp(media_type, WFE_IMAGE_TYPE_OCI_CONFIG) == 0 ||
           strcmp(media_type, WFE_IMAGE_TYPE_DOCKER_CONFIG) == 0 ||
           strcmp(media_type, "application/octet-stream") == 0 || !media_type[0];
}

/* A config that cannot be read makes the image none to run; its blobs are what they are. */
static int read_config(const reading *r, wfe_image_variant *variant, wfe_error *err)
{
    const wfe_image_descriptor *config = &variant->document->config;
    if (variant->descriptor.is_attestation || !is_image_config(config->media_type) ||
        !wfe_image_inventory_find(r->inventory, config->digest))
        return 0;
    variant->config_json.max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES;
    int rc = read_blob(r, config, &variant->config_json, err);
    if (rc)
        return rc;
    wfe_error problem = WFE_ERROR_INIT;
    rc = wfe_oci_image_config_parse(variant->config_json.data, variant->config_json.len,
                                    &variant->config, &problem);
    if (rc == WFE_E_NOMEM)
        return wfe_error_nomem(err);
    if (rc || variant->config->n_diff_ids != variant->document->n_items) {
        wfe_oci_image_config_free(wfe_take(variant->config));
        wfe_buf_done(&variant->config_json);
    } else if (!variant->descriptor.has_platform && variant->config->architecture[0]) {
        wfe_image_platform_set(&variant->descriptor.platform, variant->config->os,
                               variant->config->architecture, variant->config->variant);
        variant->descriptor.has_platform = true;
    }
    return 0;
}

static void count_blob(const reading *r, wfe_image_variant *variant,
                       const wfe_image_descriptor *blob)
{
    if (blob->size_bytes > INT64_MAX - variant->size_bytes)
        variant->size_bytes = INT64_MAX;
    else
        variant->size_bytes += blob->size_bytes;
    if (wfe_image_inventory_find(r->inventory, blob->digest))
        return;
    if (variant->n_missing++ == 0)
        memcpy(variant->missing, blob->digest, sizeof variant->missing);
}

static int new_variant(wfe_image_contents *contents, const wfe_image_descriptor *descriptor,
                       wfe_image_variant **ret, wfe_error *err)
{
    if (contents->n_variants == VARIANTS_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "it names more than %zu manifests", VARIANTS_MAX);
    wfe_image_variant *more =
        realloc(contents->variants, (contents->n_variants + 1) * sizeof *more);
    if (!more)
        return wfe_error_nomem(err);
    contents->variants = more;
    wfe_image_variant *variant = &more[contents->n_variants];
    memset(variant, 0, sizeof *variant);
    int rc = wfe_image_descriptor_copy(&variant->descriptor, descriptor, err);
    if (!rc) {
        contents->n_variants++;
        *ret = variant;
    }
    return rc;
}

/* document is taken; NULL when it is not in the store. */
static int add_variant(const reading *r, const wfe_image_descriptor *descriptor,
                       wfe_image_document *document, wfe_error *err)
{
    wfe_image_variant *variant = NULL;
    int rc = new_variant(r->contents, descriptor, &variant, err);
    if (rc) {
        wfe_image_document_free(document);
        return rc;
    }
    variant->document = document;
    count_blob(r, variant, descriptor);
    if (!document) {
        variant->size_bytes = -1;
        return 0;
    }
    count_blob(r, variant, &document->config);
    for (size_t i = 0; i < document->n_items; i++)
        count_blob(r, variant, &document->items[i]);
    return read_config(r, variant, err);
}

/* --- indexes ------------------------------------------------------------------------------- */

static int add_index(wfe_image_contents *contents, const wfe_image_descriptor *descriptor,
                     wfe_error *err)
{
    if (contents->n_indexes == INDEXES_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "it has more than %zu indexes", INDEXES_MAX);
    wfe_image_descriptor *more =
        realloc(contents->indexes, (contents->n_indexes + 1) * sizeof *more);
    if (!more)
        return wfe_error_nomem(err);
    contents->indexes = more;
    int rc = wfe_image_descriptor_copy(&more[contents->n_indexes], descriptor, err);
    if (!rc)
        contents->n_indexes++;
    return rc;
}

static int add_absent(const reading *r, const wfe_image_descriptor *descriptor, unsigned depth,
                      wfe_error *err)
{
    bool is_index = wfe_image_type_is_index(descriptor->media_type);
    if (!is_index && depth > 0)
        return add_variant(r, descriptor, NULL, err);
    if (!r->contents->missing_index[0])
        memcpy(r->contents->missing_index, descriptor->digest, WFE_DIGEST_SIZE);
    return is_index ? 0 : add_variant(r, descriptor, NULL, err);
}

static int add_descriptor(const reading *r, const wfe_image_descriptor *descriptor, unsigned depth,
                          wfe_error *err)
{
    wfe_image_document *document = NULL;
    if (depth > DEPTH_MAX)
        return wfe_error_set(err, WFE_E_LIMIT, "it has more than %d indexes within each other",
                             DEPTH_MAX);
    if (!wfe_image_inventory_find(r->inventory, descriptor->digest))
        return add_absent(r, descriptor, depth, err);
    int rc = read_document(r, descriptor, &document, err);
    if (rc)
        return rc;
    if (!document->is_index)
        return add_variant(r, descriptor, document, err);
    rc = add_index(r->contents, descriptor, err);
    for (size_t i = 0; !rc && i < document->n_items; i++)
        rc = add_descriptor(r, &document->items[i], depth + 1, err);
    wfe_image_document_free(document);
    return rc;
}

int wfe_image_contents_read(wfe_client *client, const wfe_image_inventory *inventory,
                            const wfe_image_descriptor *target, wfe_image_contents **ret,
                            wfe_error *err)
{
    _cleanup_(wfe_image_contents_free_p) wfe_image_contents *contents = calloc(1, sizeof *contents);
    if (!contents)
        return wfe_error_nomem(err);
    const reading r = {.client = client, .inventory = inventory, .contents = contents};
    int rc = add_descriptor(&r, target, 0, err);
    if (!rc)
        *ret = wfe_take(contents);
    return rc;
}

/* --- choosing ------------------------------------------------------------------------------ */

static const wfe_image_variant *choose_best(const wfe_image_contents *contents,
                                            const wfe_image_platform *machine, bool need_config)
{
    const wfe_image_variant *best = NULL;
    int best_rank = 0;
    for (size_t i = 0; i < contents->n_variants; i++) {
        const wfe_image_variant *variant = &contents->variants[i];
        if (variant->descriptor.is_attestation || !variant->descriptor.has_platform ||
            (need_config && !variant->config))
            continue;
        int rank = wfe_image_platform_rank(machine, &variant->descriptor.platform);
        if (rank < 0 || (best && rank >= best_rank))
            continue;
        best = variant;
        best_rank = rank;
    }
    return best;
}

static const wfe_image_variant *only_one(const wfe_image_contents *contents)
{
    const wfe_image_variant *only = NULL;
    for (size_t i = 0; i < contents->n_variants; i++) {
        if (contents->variants[i].descriptor.is_attestation)
            continue;
        if (only)
            return NULL;
        only = &contents->variants[i];
    }
    return only;
}

const wfe_image_variant *wfe_image_contents_choose(const wfe_image_contents *contents,
                                                   const wfe_image_platform *machine)
{
    wfe_image_platform own;
    wfe_image_platform_host(&own);
    const wfe_image_platform *wanted = machine ? machine : &own;
    const wfe_image_variant *found = choose_best(contents, wanted, true);
    if (!found)
        found = choose_best(contents, wanted, false);
    return found || machine ? found : only_one(contents);
}

int wfe_image_contents_need(const wfe_image_contents *contents, const char *name,
                            const wfe_image_platform *machine, const wfe_image_variant **ret,
                            wfe_error *err)
{
    char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
    _cleanup_(wfe_buf_done) wfe_buf platforms = WFE_BUF_INIT(WFE_ERROR_MESSAGE_SIZE);
    wfe_image_platform own;
    *ret = wfe_image_contents_choose(contents, machine);
    if (*ret)
        return 0;
    wfe_image_platform_host(&own);
    if (contents->n_variants == 0 && contents->missing_index[0])
        return wfe_error_set(err, WFE_E_NOT_FOUND, "image '%s' is incomplete: it lacks %s", name,
                             contents->missing_index);
    for (size_t i = 0; i < contents->n_variants; i++) {
        const wfe_image_descriptor *one = &contents->variants[i].descriptor;
        if (one->has_platform && !one->is_attestation)
            wfe_buf_printf(&platforms, NULL, "%s%s", platforms.len ? ", " : "",
                           wfe_image_platform_format(&one->platform, text));
    }
    return wfe_error_set(err, WFE_E_NOT_FOUND,
                         "image '%s': there is nothing for %s in it, only for: %s", name,
                         wfe_image_platform_format(machine ? machine : &own, text),
                         platforms.len ? platforms.data : "no platform at all");
}
