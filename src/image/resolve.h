/* SPDX-License-Identifier: Apache-2.0
 *
 * From an image name to what a container needs of the image, for images that are in containerd's
 * store: record, index, manifest of this platform, config, chain ID. What was read once is kept
 * by the digest it was found under; only the record is asked for again.
 *
 * A resolver belongs to a client and lives as long as it; images are counted and may live longer.
 */
#ifndef WFE_IMAGE_RESOLVE_H
#define WFE_IMAGE_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "containerd/client.h"
#include "oci/image_config.h"

/* Immutable; texts live as long as the image. */
typedef struct wfe_image {
    const char *name;            /* of the record: docker.io/library/busybox:latest */
    const char *target_digest;   /* of the index or manifest the record points to */
    const char *manifest_digest; /* of the manifest for this platform */
    const char *config_digest;
    const char *config_json; /* the image config, as stored; NUL-terminated */
    size_t config_len;
    const wfe_oci_image_config *config; /* the same, parsed */
    const char *chain_id; /* the committed snapshot of the top layer; "" for an image of none */
    size_t n_layers;
    uint64_t layers_bytes; /* sum of the layers as stored (compressed) */
} wfe_image;

const wfe_image *wfe_image_ref(const wfe_image *image);
/* NULL is accepted. */
void wfe_image_unref(const wfe_image *image);
WFE_DEFINE_CLEANUP(const wfe_image, wfe_image_unref)

typedef struct wfe_image_resolver wfe_image_resolver;
/* containerd is borrowed for the resolver's life. */
int wfe_image_resolver_new(wfe_containerd *containerd, wfe_image_resolver **ret, wfe_error *err);
/* Resolves under way must have ended or been cancelled. */
void wfe_image_resolver_free(wfe_image_resolver *resolver);

/* The image is borrowed during the callback (keep it with wfe_image_ref); NULL on failure.
 * NOT_FOUND when there is no such image, or none for this machine's platform (the message lists
 * those there are), PROTOCOL for documents that are not what their digest's record says. */
typedef void (*wfe_image_resolved_fn)(const wfe_image *image, const wfe_error *err, void *user);

typedef struct wfe_image_resolve wfe_image_resolve;
/* Looks for the image as given, then under its normalised name (name is copied). fn is called
 * once, never from inside this function, unless the resolve is cancelled; the handle is gone when
 * fn has returned. INVALID for a text that is no reference and no name either, NOMEM. */
int wfe_image_resolve_start(wfe_image_resolver *resolver, const char *name,
                            wfe_image_resolved_fn fn, void *user, wfe_image_resolve **ret,
                            wfe_error *err);
/* No callback runs after it. NULL is accepted. */
void wfe_image_resolve_cancel(wfe_image_resolve *resolve);

#endif
