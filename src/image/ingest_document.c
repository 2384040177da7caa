/* SPDX-License-Identifier: Apache-2.0
 *
 * Indexes, manifests and configs on their way into the content store: from there already, or from
 * the registry. Bytes are checked against the digest they were asked for by before anything reads
 * them, and parsed before they are stored. One document is under way at a time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/ingest_priv.h"
#include "image/labels.h"

struct wfe_ingest_documents {
    wfe_ingest_env *env;
    wfe_buf early; /* fetched before it was asked for */
    char early_digest[WFE_DIGEST_SIZE];
    wfe_image_descriptor root; /* the first one; media_type is NULL until then */
    /* Of the document under way: */
    wfe_content_read_all_fn fn;
    void *fn_user;
    wfe_image_descriptor wanted;
    bool is_config;
    wfe_buf bytes;
    wfe_strmap labels;
    wfe_error type_error; /* the registry called it something else */
    wfe_content_reader *reader;
    wfe_registry_fetch *fetch;
    wfe_content_writer *writer;
    wfe_ingest_relabel *relabel;
};

/* Forgets the document under way. */
static void clear(wfe_ingest_documents *documents)
{
    wfe_content_reader_cancel(wfe_take(documents->reader));
    wfe_registry_fetch_free(wfe_take(documents->fetch));
    wfe_content_writer_free(wfe_take(documents->writer));
    wfe_ingest_relabel_free(wfe_take(documents->relabel));
    wfe_image_descriptor_done(&documents->wanted);
    wfe_strmap_done(&documents->labels);
    wfe_buf_done(&documents->bytes);
    documents->type_error = (wfe_error)WFE_ERROR_INIT;
}

void wfe_ingest_documents_free(wfe_ingest_documents *documents)
{
    if (!documents)
        return;
    clear(documents);
    wfe_buf_done(&documents->early);
    wfe_image_descriptor_done(&documents->root);
    free(documents);
}

/* The walk may ask for the next document from within fn. */
static void finish(wfe_ingest_documents *documents, const wfe_error *err)
{
    wfe_content_read_all_fn fn = documents->fn;
    void *user = documents->fn_user;
    wfe_error result = *err;
    wfe_buf bytes = documents->bytes;
    documents->bytes = (wfe_buf)WFE_BUF_INIT(0);
    wfe_error_prefix(&result, "%s %s", documents->is_config ? "config" : "manifest",
                     documents->wanted.digest);
    clear(documents);
    fn(result.kind ? NULL : &bytes, &result, user);
    wfe_buf_done(&bytes);
}

/* ---- into the store ---- */

static void on_relabelled(const wfe_error *err, void *user)
{
    finish(user, err);
}

static void on_put(const wfe_content_written *written, const wfe_error *err, void *user)
{
    wfe_ingest_documents *documents = user;
    wfe_error problem = *err;
    if (!problem.kind && written->existed &&
        wfe_ingest_relabel_start(documents->env, documents->wanted.digest, &documents->labels,
                                 on_relabelled, documents, &documents->relabel, &problem) == 0)
        return;
    finish(documents, &problem);
}

/* References to what the document names, by which the garbage collector finds it. */
static int add_references(wfe_ingest_documents *documents, const wfe_image_document *document,
                          wfe_error *err)
{
    int rc = document->is_index
                 ? 0
                 : wfe_strmap_set(&documents->labels, WFE_IMAGE_LABEL_CONTENT ".config",
                                  document->config.digest, err);
    for (size_t i = 0; !rc && i < document->n_items; i++) {
        char key[64];
        snprintf(key, sizeof key, WFE_IMAGE_LABEL_CONTENT ".%c.%zu", document->is_index ? 'm' : 'l',
                 i);
        rc = wfe_strmap_set(&documents->labels, key, document->items[i].digest, err);
    }
    return rc;
}

/* What the image's record will point to. */
static int keep_root(wfe_ingest_documents *documents, const wfe_image_document *document,
                     wfe_error *err)
{
    const char *type = documents->wanted.media_type;
    if (documents->root.media_type)
        return 0;
    if (!type[0])
        type = document->media_type ? document->media_type
               : document->is_index ? WFE_IMAGE_TYPE_OCI_INDEX
                                    : WFE_IMAGE_TYPE_OCI_MANIFEST;
    memcpy(documents->root.digest, documents->wanted.digest, WFE_DIGEST_SIZE);
    documents->root.size_bytes = (int64_t)documents->bytes.len;
    documents->root.media_type = strdup(type);
    return documents->root.media_type ? 0 : wfe_error_nomem(err);
}

static int make_labels(wfe_ingest_documents *documents, const char **ret_kind, wfe_error *err)
{
    int rc = wfe_ingest_add_source(documents->env, &documents->labels, err);
    *ret_kind = "config";
    if (rc || documents->is_config)
        return rc;
    _cleanup_(wfe_image_document_free_p) wfe_image_document *document = NULL;
    rc = wfe_image_document_parse(documents->bytes.data, documents->bytes.len,
                                  documents->wanted.media_type, &document, err);
    if (rc)
        return rc;
    *ret_kind = document->is_index ? "index" : "manifest";
    rc = keep_root(documents, document, err);
    return rc ? rc : add_references(documents, document, err);
}

/* A put of a blob that exists only takes it under the lease. */
static int put(wfe_ingest_documents *documents, wfe_error *err)
{
    static const wfe_content_writer_fns fns = {.done = on_put};
    const char *kind = NULL;
    char ref[WFE_DIGEST_SIZE + 16];
    int rc = make_labels(documents, &kind, err);
    if (rc)
        return rc;
    snprintf(ref, sizeof ref, "%s-%s", kind, documents->wanted.digest);
    const wfe_content_writer_request request = {.ref = ref,
                                                .expected = documents->wanted.digest,
                                                .total_bytes = documents->bytes.len,
                                                .labels = &documents->labels,
                                                .lease = documents->env->lease};
    return wfe_content_writer_put(documents->env->containerd, documents->env->loop, &request,
                                  documents->bytes.data ? documents->bytes.data : "",
                                  documents->bytes.len, &fns, documents, &documents->writer, err);
}

/* ---- from the registry ---- */

static int check(const wfe_ingest_documents *documents, wfe_error *err)
{
    const wfe_image_descriptor *wanted = &documents->wanted;
    char digest[WFE_DIGEST_SIZE];
    if (wanted->size_bytes >= 0 && (uint64_t)wanted->size_bytes != documents->bytes.len)
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "the registry sent %zu bytes, its descriptor says %" PRId64,
                             documents->bytes.len, wanted->size_bytes);
    wfe_digest_of(documents->bytes.data, documents->bytes.len, digest);
    if (strcmp(digest, wanted->digest) != 0)
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "it is damaged: what the registry sent has the digest %s", digest);
    return 0;
}

static void on_head(const wfe_registry_head *head, void *user)
{
    wfe_ingest_documents *documents = user;
    const char *type = "";
    if (documents->is_config || documents->wanted.media_type[0] ||
        wfe_ingest_check_type(head->media_type, &type, &documents->type_error) || !type[0])
        return;
    char *copy = strdup(type);
    if (copy) { /* else the document's own word must do */
        free(documents->wanted.media_type);
        documents->wanted.media_type = copy;
    }
}

static int on_data(const void *bytes, size_t len, wfe_error *err, void *user)
{
    wfe_ingest_documents *documents = user;
    return wfe_buf_append(&documents->bytes, bytes, len, err);
}

static void on_fetched(const wfe_error *err, void *user)
{
    wfe_ingest_documents *documents = user;
    wfe_error problem = *err;
    if (!problem.kind)
        wfe_error_copy(&problem, &documents->type_error);
    if (!problem.kind)
        check(documents, &problem);
    if (problem.kind || put(documents, &problem))
        finish(documents, &problem);
}

static int fetch(wfe_ingest_documents *documents, wfe_error *err)
{
    static const wfe_registry_fetch_fns fns = {
        .head = on_head, .data = on_data, .done = on_fetched};
    const wfe_image_descriptor *wanted = &documents->wanted;
    const wfe_registry_request request = {
        .kind = documents->is_config ? WFE_REGISTRY_BLOB : WFE_REGISTRY_MANIFEST,
        .name = wanted->digest,
        .expected_bytes = wanted->size_bytes > 0 ? (uint64_t)wanted->size_bytes : 0,
        .max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES};
    documents->bytes.max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES;
    return wfe_ingest_fetch(documents->env, &request, &fns, documents, &documents->fetch, err);
}

/* ---- from the store ---- */

static void on_read(const wfe_buf *bytes, const wfe_error *err, void *user)
{
    wfe_ingest_documents *documents = user;
    wfe_error problem = WFE_ERROR_INIT;
    int rc = 0;
    documents->reader = NULL;
    if (err->grpc_status == WFE_GRPC_NOT_FOUND)
        rc = fetch(documents, &problem);
    else if (err->kind)
        rc = wfe_error_copy(&problem, err);
    else if (!(rc = wfe_buf_append(&documents->bytes, bytes->data, bytes->len, &problem)))
        rc = put(documents, &problem);
    if (rc)
        finish(documents, &problem);
}

static int check_config_type(const char *media_type, wfe_error *err)
{
    if (wfe_image_type_is_config(media_type))
        return 0;
    wfe_error_set(err, WFE_E_PROTOCOL, "it is no container image: its config is of the type %.200s",
                  media_type);
    wfe_error_hint(err, "registries hold other things too: charts, signatures, build results");
    return WFE_E_PROTOCOL;
}

static int read_document(void *user, const wfe_image_descriptor *descriptor, bool is_config,
                         wfe_content_read_all_fn fn, void *fn_user, wfe_error *err)
{
    wfe_ingest_documents *documents = user;
    documents->fn = fn;
    documents->fn_user = fn_user;
    documents->is_config = is_config;
    int rc = is_config ? check_config_type(descriptor->media_type, err) : 0;
    if (!rc)
        rc = wfe_image_descriptor_copy(&documents->wanted, descriptor, err);
    if (!rc && strcmp(documents->early_digest, descriptor->digest) == 0) {
        rc = wfe_buf_append(&documents->bytes, documents->early.data, documents->early.len, err);
        if (!rc)
            rc = check(documents, err);
        if (!rc)
            rc = put(documents, err);
    } else if (!rc) {
        const wfe_containerd_options options = {.lease = documents->env->lease, .fail_fast = true};
        const wfe_content_read_request request = {.digest = descriptor->digest,
                                                  .size_bytes = descriptor->size_bytes,
                                                  .max_bytes = WFE_IMAGE_DOCUMENT_MAX_BYTES};
        rc = wfe_content_read_all(documents->env->containerd, &request, &options, on_read,
                                  documents, &documents->reader, err);
    }
    if (rc)
        clear(documents);
    return rc;
}

static void cancel_read(void *user)
{
    clear(user);
}

wfe_image_walk_source wfe_ingest_documents_source(wfe_ingest_documents *documents)
{
    return (wfe_image_walk_source){.read = read_document, .cancel = cancel_read, .user = documents};
}

const wfe_image_descriptor *wfe_ingest_documents_root(const wfe_ingest_documents *documents)
{
    return &documents->root;
}

int wfe_ingest_documents_new(wfe_ingest_env *env, wfe_ingest_documents **ret, wfe_error *err)
{
    wfe_ingest_documents *documents = calloc(1, sizeof *documents);
    if (!documents)
        return wfe_error_nomem(err);
    documents->env = env;
    *ret = documents;
    return 0;
}

void wfe_ingest_documents_add(wfe_ingest_documents *documents, wfe_buf *bytes,
                              char out_digest[WFE_DIGEST_SIZE])
{
    wfe_digest_of(bytes->data, bytes->len, out_digest);
    wfe_buf_done(&documents->early);
    documents->early = *bytes;
    *bytes = (wfe_buf)WFE_BUF_INIT(0);
    memcpy(documents->early_digest, out_digest, WFE_DIGEST_SIZE);
}

/* ---- media types ---- */

static bool says_nothing(const char *media_type)
{
    static const char *const general[] = {"", "application/json", "text/plain", "text/json",
                                          "application/octet-stream"};
    for (size_t i = 0; i < sizeof general / sizeof *general; i++) {
        if (strcmp(media_type, general[i]) == 0)
            return true;
    }
    return false;
}

int wfe_ingest_check_type(const char *media_type, const char **ret, wfe_error *err)
{
    if (wfe_image_type_is_index(media_type) || wfe_image_type_is_manifest(media_type)) {
        *ret = media_type;
        return 0;
    }
    if (says_nothing(media_type)) {
        *ret = "";
        return 0;
    }
    if (strncmp(media_type, "application/vnd.docker.distribution.manifest.v1+", 48) == 0) {
        wfe_error_set(err, WFE_E_PROTOCOL,
                      "the manifest is of Docker's schema 1, which nothing makes any more");
        wfe_error_hint(err, "push the image again with a newer tool");
        return WFE_E_PROTOCOL;
    }
    wfe_error_set(err, WFE_E_PROTOCOL, "the manifest is of the unknown type %.200s", media_type);
    wfe_error_hint(err, "container images have an OCI manifest or index, or Docker's schema 2");
    return WFE_E_PROTOCOL;
}
