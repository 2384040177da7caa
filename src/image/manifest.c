/* SPDX-License-Identifier: Apache-2.0
 *
 * See manifest.h. Members that nobody here reads are ignored, as both specs ask for.
 */
#include "image/manifest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

bool wfe_image_type_is_index(const char *media_type)
{
    return strcmp(media_type, WFE_IMAGE_TYPE_OCI_INDEX) == 0 ||
           strcmp(media_type, WFE_IMAGE_TYPE_DOCKER_LIST) == 0;
}

bool wfe_image_type_is_manifest(const char *media_type)
{
    return strcmp(media_type, WFE_IMAGE_TYPE_OCI_MANIFEST) == 0 ||
           strcmp(media_type, WFE_IMAGE_TYPE_DOCKER_MANIFEST) == 0;
}

static bool is_one_of(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, list[i]) == 0)
            return true;
    }
    return false;
}

bool wfe_image_type_is_config(const char *media_type)
{
    static const char *const types[] = {"", WFE_IMAGE_TYPE_OCI_CONFIG, WFE_IMAGE_TYPE_DOCKER_CONFIG,
                                        "application/octet-stream"};
    return is_one_of(media_type, types, sizeof types / sizeof *types);
}

bool wfe_image_type_is_layer(const char *media_type)
{
    static const char *const types[] = {
        WFE_IMAGE_TYPE_OCI_LAYER,
        WFE_IMAGE_TYPE_OCI_LAYER "+gzip",
        WFE_IMAGE_TYPE_OCI_LAYER "+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        WFE_IMAGE_TYPE_DOCKER_LAYER,
        WFE_IMAGE_TYPE_DOCKER_LAYER ".gzip",
        WFE_IMAGE_TYPE_DOCKER_LAYER ".zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    };
    return is_one_of(media_type, types, sizeof types / sizeof *types);
}

void wfe_image_descriptor_done(wfe_image_descriptor *descriptor)
{
    free(descriptor->media_type);
    free(descriptor->image_name);
    free(descriptor->ref_name);
    memset(descriptor, 0, sizeof *descriptor);
}

static int copy_text(char **to, const char *from, wfe_error *err)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to ? 0 : wfe_error_nomem(err);
}

int wfe_image_descriptor_copy(wfe_image_descriptor *out, const wfe_image_descriptor *from,
                              wfe_error *err)
{
    *out = *from;
    out->media_type = out->image_name = out->ref_name = NULL;
    int rc = copy_text(&out->media_type, from->media_type, err);
    if (!rc)
        rc = copy_text(&out->image_name, from->image_name, err);
    if (!rc)
        rc = copy_text(&out->ref_name, from->ref_name, err);
    if (rc)
        wfe_image_descriptor_done(out);
    return rc;
}

static int read_digest(const json_t *object, const char *what, wfe_image_descriptor *out,
                       wfe_error *err)
{
    const char *digest = json_string_value(json_object_get(object, "digest"));
    const json_t *size = json_object_get(object, "size");
    if (!digest || !wfe_digest_is_valid(digest))
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "%s: digest is '%.100s', must be sha256: and 64 "
                             "hexadecimal digits",
                             what, digest ? digest : "");
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return wfe_error_set(err, WFE_E_PROTOCOL, "%s: size is no whole number of bytes", what);
    memcpy(out->digest, digest, WFE_DIGEST_SIZE);
    out->size_bytes = json_integer_value(size);
    return 0;
}

static void read_platform(const json_t *object, wfe_image_descriptor *out)
{
    const json_t *platform = json_object_get(object, "platform");
    const char *os = json_string_value(json_object_get(platform, "os"));
    const char *architecture = json_string_value(json_object_get(platform, "architecture"));
    if (!json_is_object(platform) || !os || !architecture)
        return;
    out->has_platform = true;
    wfe_image_platform_set(&out->platform, os, architecture,
                           json_string_value(json_object_get(platform, "variant")));
}

static int read_descriptor(const json_t *object, const char *what, wfe_image_descriptor *out,
                           wfe_error *err)
{
    if (!json_is_object(object))
        return wfe_error_set(err, WFE_E_PROTOCOL, "%s is no descriptor", what);
    int rc = read_digest(object, what, out, err);
    if (rc)
        return rc;
    read_platform(object, out);
    const json_t *annotations = json_object_get(object, "annotations");
    const char *type = json_string_value(json_object_get(object, "mediaType"));
    const char *kind = json_string_value(json_object_get(annotations, "vnd.docker.reference.type"));
    out->is_attestation = (kind && strcmp(kind, "attestation-manifest") == 0) ||
                          (out->has_platform && strcmp(out->platform.os, "unknown") == 0);
    rc = copy_text(&out->media_type, type ? type : "", err);
    if (!rc)
        rc = copy_text(&out->image_name,
                       json_string_value(json_object_get(annotations, "io.containerd.image.name")),
                       err);
    if (!rc)
        rc = copy_text(
            &out->ref_name,
            json_string_value(json_object_get(annotations, "org.opencontainers.image.ref.name")),
            err);
    return rc;
}

static int read_items(const json_t *list, const char *what, wfe_image_document *out, wfe_error *err)
{
    if (!json_is_array(list))
        return wfe_error_set(err, WFE_E_PROTOCOL, "%s is no list", what);
    size_t n = json_array_size(list);
    if (n > WFE_IMAGE_DOCUMENT_MAX_ITEMS)
        return wfe_error_set(err, WFE_E_LIMIT, "%s has %zu entries, at most %zu allowed", what, n,
                             WFE_IMAGE_DOCUMENT_MAX_ITEMS);
    out->items = calloc(n ? n : 1, sizeof *out->items);
    if (!out->items)
        return wfe_error_nomem(err);
    out->n_items = n;
    for (size_t i = 0; i < n; i++) {
        int rc = read_descriptor(json_array_get(list, i), what, &out->items[i], err);
        if (rc) {
            wfe_error_prefix(err, "entry %zu", i + 1);
            return rc;
        }
    }
    return 0;
}

/* What the document is, from its members; what it says it is must not contradict. */
static int check_kind(const json_t *root, const char *announced, bool *ret_is_index, wfe_error *err)
{
    const json_t *manifests = json_object_get(root, "manifests");
    const json_t *config = json_object_get(root, "config");
    const json_t *layers = json_object_get(root, "layers");
    if (json_object_get(root, "fsLayers") || json_object_get(root, "signatures")) {
        wfe_error_set(err, WFE_E_PROTOCOL,
                      "the manifest is of Docker's schema 1, which nothing makes any more");
        wfe_error_hint(err, "push the image again with a newer tool");
        return WFE_E_PROTOCOL;
    }
    if (manifests && (config || layers))
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "the document is a manifest and an index at once");
    if (!manifests && !config)
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "the document is neither a manifest nor an index");
    const char *own = json_string_value(json_object_get(root, "mediaType"));
    const char *types[] = {announced, own ? own : ""};
    for (size_t i = 0; i < 2; i++) {
        if ((manifests && wfe_image_type_is_manifest(types[i])) ||
            (!manifests && wfe_image_type_is_index(types[i])))
            return wfe_error_set(err, WFE_E_PROTOCOL,
                                 "the document is %s, its media type is %.100s",
                                 manifests ? "an index" : "a manifest", types[i]);
    }
    if (announced[0] && own && own[0] && strcmp(announced, own) != 0)
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "the document says it is %.100s and was announced as %.100s", own,
                             announced);
    *ret_is_index = manifests != NULL;
    return 0;
}

static int read_document(const json_t *root, const char *media_type, wfe_image_document *out,
                         wfe_error *err)
{
    if (!json_is_object(root))
        return wfe_error_set(err, WFE_E_PROTOCOL, "the document is no JSON object");
    int rc = check_kind(root, media_type, &out->is_index, err);
    if (!rc)
        rc =
            copy_text(&out->media_type, json_string_value(json_object_get(root, "mediaType")), err);
    if (rc)
        return rc;
    if (out->is_index)
        return read_items(json_object_get(root, "manifests"), "manifests", out, err);
    rc = read_descriptor(json_object_get(root, "config"), "config", &out->config, err);
    const json_t *layers = json_object_get(root, "layers");
    if (!rc)
        rc = read_items(layers, "layers", out, err);
    return rc;
}

int wfe_image_document_parse(const void *json, size_t len, const char *media_type,
                             wfe_image_document **ret, wfe_error *err)
{
    if (len > WFE_IMAGE_DOCUMENT_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "the document has %zu bytes, at most %zu allowed",
                             len, WFE_IMAGE_DOCUMENT_MAX_BYTES);
    json_t *root = NULL;
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_json_load(json, len, JSON_REJECT_DUPLICATES, &root, &problem);
    if (rc == WFE_E_INVALID)
        return wfe_error_set(err, WFE_E_PROTOCOL, "the document: %s", problem.message);
    if (rc)
        return wfe_error_copy(err, &problem);
    wfe_image_document *document = calloc(1, sizeof *document);
    rc = document ? read_document(root, media_type, document, err) : wfe_error_nomem(err);
    json_decref(root);
    if (rc)
        wfe_image_document_free(document);
    else
        *ret = document;
    return rc;
}

void wfe_image_document_free(wfe_image_document *document)
{
    if (!document)
        return;
    wfe_image_descriptor_done(&document->config);
    for (size_t i = 0; i < document->n_items; i++)
        wfe_image_descriptor_done(&document->items[i]);
    free(document->items);
    free(document->media_type);
    free(document);
}

size_t wfe_image_document_order(const wfe_image_document *index, const wfe_image_platform *machine,
                                size_t *order)
{
    size_t n = 0;
    for (size_t i = 0; i < index->n_items; i++) {
        const wfe_image_descriptor *item = &index->items[i];
        if (item->is_attestation || !item->has_platform)
            continue;
        int rank = wfe_image_platform_rank(machine, &item->platform);
        if (rank < 0)
            continue;
        size_t at = n++;
        /* Insertion from the end keeps the order of equals. */
        while (at > 0 &&
               wfe_image_platform_rank(machine, &index->items[order[at - 1]].platform) > rank) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    for (size_t i = 0; i < index->n_items; i++) {
        if (!index->items[i].has_platform && !index->items[i].is_attestation)
            order[n++] = i;
    }
    return n;
}

void wfe_image_document_platforms(const wfe_image_document *index, wfe_buf *out)
{
    for (size_t i = 0; i < index->n_items; i++) {
        const wfe_image_descriptor *item = &index->items[i];
        char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
        if (item->has_platform && !item->is_attestation)
            wfe_buf_printf(out, NULL, "%s%s", out->len ? ", " : "",
                           wfe_image_platform_format(&item->platform, text));
    }
}
