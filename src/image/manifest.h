/* SPDX-License-Identifier: Apache-2.0
 *
 * The two documents that name an image's parts (image-spec: manifest.md, image-index.md; Docker's
 * schema 2 forms of the same): parsing, and choosing from an index. The text comes from a registry
 * or an archive and is not trusted.
 */
#ifndef WFE_IMAGE_MANIFEST_H
#define WFE_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "image/platform.h"

#define WFE_IMAGE_DOCUMENT_MAX_BYTES ((size_t)4 * 1024 * 1024)
/* Layers of a manifest, manifests of an index. */
#define WFE_IMAGE_DOCUMENT_MAX_ITEMS ((size_t)2048)

#define WFE_IMAGE_TYPE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define WFE_IMAGE_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define WFE_IMAGE_TYPE_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define WFE_IMAGE_TYPE_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define WFE_IMAGE_TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define WFE_IMAGE_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define WFE_IMAGE_TYPE_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define WFE_IMAGE_TYPE_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

typedef struct wfe_image_descriptor {
    char *media_type; /* owned; never NULL once parsed, may be "" */
    char digest[WFE_DIGEST_SIZE];
    int64_t size_bytes;
    bool has_platform;
    wfe_image_platform platform;
    bool is_attestation; /* describes another manifest of the index; nothing to run */
    char *image_name;    /* annotation io.containerd.image.name; owned; may be NULL */
    char *ref_name;      /* annotation org.opencontainers.image.ref.name; owned; may be NULL */
} wfe_image_descriptor;

void wfe_image_descriptor_done(wfe_image_descriptor *descriptor);
/* out is overwritten. */
int wfe_image_descriptor_copy(wfe_image_descriptor *out, const wfe_image_descriptor *from,
                              wfe_error *err);

typedef struct wfe_image_document {
    bool is_index;
    char *media_type;            /* as it says itself; owned; NULL when it does not */
    wfe_image_descriptor config; /* of a manifest */
    wfe_image_descriptor *items; /* layers of a manifest, lowest first; manifests of an index */
    size_t n_items;
} wfe_image_document;

/* media_type is what the document was announced as, "" when unknown. PROTOCOL for what is no JSON,
 * contradicts the announcement, is both manifest and index (CVE-2021-41190), or is of the old
 * schema 1; LIMIT. */
int wfe_image_document_parse(const void *json, size_t len, const char *media_type,
                             wfe_image_document **ret, wfe_error *err);
void wfe_image_document_free(wfe_image_document *document);
WFE_DEFINE_CLEANUP(wfe_image_document, wfe_image_document_free)

/* Is it the media type of an index or list, of a manifest. */
bool wfe_image_type_is_index(const char *media_type);
bool wfe_image_type_is_manifest(const char *media_type);
/* Is it one of an image config, of a layer that containerd can unpack. Announced as nothing special
 * is good enough for a config: some registries do so. */
bool wfe_image_type_is_config(const char *media_type);
bool wfe_image_type_is_layer(const char *media_type);

/* The entries of an index worth trying, best first: those whose platform suits, then those that
 * name none. order has room for n_items numbers; gives how many there are. */
size_t wfe_image_document_order(const wfe_image_document *index, const wfe_image_platform *machine,
                                size_t *order);
/* "linux/arm64, linux/386": the platforms of an index, for messages; out keeps what it has. */
void wfe_image_document_platforms(const wfe_image_document *index, wfe_buf *out);

#endif
