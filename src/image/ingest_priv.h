/* SPDX-License-Identifier: Apache-2.0
 *
 * The stations of an ingest: ingest_document.c brings in indexes, manifests and configs,
 * ingest_blob.c one layer's blob, ingest.c leads from the reference to the record.
 */
#ifndef WFE_IMAGE_INGEST_PRIV_H
#define WFE_IMAGE_INGEST_PRIV_H

#include "base/strmap.h"
#include "containerd/content_writer.h"
#include "image/access.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "image/registry.h"
#include "image/walk.h"

/* What all stations of one ingest share; borrowed for its life. */
typedef struct wfe_ingest_env {
    wfe_loop *loop;
    wfe_containerd *containerd;
    const wfe_log *log;
    const wfe_image_access *access;
    const wfe_image_reference *reference; /* NULL: the store has it all, or it fails */
    const char *lease;                    /* NULL until it is made */
    wfe_registry *registry;               /* owned; made when it is needed first */
} wfe_ingest_env;

/* Fetches from the image's repository; request's domain and path are filled in. NOT_FOUND when
 * there is no repository to fetch from. */
int wfe_ingest_fetch(wfe_ingest_env *env, const wfe_registry_request *request,
                     const wfe_registry_fetch_fns *fns, void *user, wfe_registry_fetch **ret,
                     wfe_error *err);

/* ---- labels: where a blob comes from ---- */

/* By this label containerd's clients find a registry that has the blob. */
int wfe_ingest_add_source(const wfe_ingest_env *env, wfe_strmap *labels, wfe_error *err);
/* Sets labels of a blob that exists already, and adds the source to those it has. fn is called
 * once, never from inside this function. labels: copied; NULL: none. */
typedef struct wfe_ingest_relabel wfe_ingest_relabel;
typedef void (*wfe_ingest_relabel_fn)(const wfe_error *err, void *user);
int wfe_ingest_relabel_start(wfe_ingest_env *env, const char *digest, const wfe_strmap *labels,
                             wfe_ingest_relabel_fn fn, void *user, wfe_ingest_relabel **ret,
                             wfe_error *err);
/* fn will not run, or has; NULL is accepted. */
void wfe_ingest_relabel_free(wfe_ingest_relabel *relabel);

/* ---- documents ---- */

typedef struct wfe_ingest_documents wfe_ingest_documents;
int wfe_ingest_documents_new(wfe_ingest_env *env, wfe_ingest_documents **ret, wfe_error *err);
/* NULL is accepted. */
void wfe_ingest_documents_free(wfe_ingest_documents *documents);
/* A document that was fetched before its digest was known: spares fetching it again. Takes bytes.
 */
void wfe_ingest_documents_add(wfe_ingest_documents *documents, wfe_buf *bytes,
                              char out_digest[WFE_DIGEST_SIZE]);
/* For a walk: takes each from the content store or fetches it into there, checked, with the labels
 * that the garbage collector needs. */
wfe_image_walk_source wfe_ingest_documents_source(wfe_ingest_documents *documents);
/* The descriptor of the first document, complete; borrowed. Only after a walk that went well. */
const wfe_image_descriptor *wfe_ingest_documents_root(const wfe_ingest_documents *documents);
/* The media type to announce a document with, from what a registry called it: "" when that says
 * nothing. PROTOCOL for what is known to be no manifest that wfe can use. */
int wfe_ingest_check_type(const char *media_type, const char **ret, wfe_error *err);

/* ---- layers ---- */

typedef struct wfe_ingest_blob wfe_ingest_blob;
typedef struct wfe_ingest_blob_fns {
    void (*bytes)(uint64_t have_bytes, void *user); /* so much of it is there */
    /* The end, once; existed: it was in the store, or came there by somebody else. */
    void (*done)(bool existed, const wfe_error *err, void *user);
} wfe_ingest_blob_fns;
/* Brings a blob into the content store. Callbacks run from the loop, may free the blob, and nothing
 * else of the same registry. descriptor is borrowed until it is freed. */
int wfe_ingest_blob_start(wfe_ingest_env *env, const wfe_image_descriptor *descriptor,
                          const wfe_ingest_blob_fns *fns, void *user, wfe_ingest_blob **ret,
                          wfe_error *err);
/* What was written stays in the ingest. NULL is accepted. */
void wfe_ingest_blob_free(wfe_ingest_blob *blob);

#endif
