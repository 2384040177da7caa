/* SPDX-License-Identifier: Apache-2.0
 *
 * From the document an image name points to, down to the manifest of one platform and its config:
 * reads them from the content store or another source, tries the entries of an index in their
 * order, goes into indexes within indexes.
 */
#ifndef WFE_IMAGE_WALK_H
#define WFE_IMAGE_WALK_H

#include "base/buf.h"
#include "containerd/content.h"
#include "image/manifest.h"
#include "oci/image_config.h"

/* What an image is for one platform; all of it owned. */
typedef struct wfe_image_parts {
    wfe_image_descriptor manifest; /* its platform is the config's */
    wfe_image_document *document;  /* the manifest, parsed */
    wfe_buf config_json;
    wfe_oci_image_config *config; /* has as many diff IDs as the manifest has layers */
} wfe_image_parts;

void wfe_image_parts_free(wfe_image_parts *parts);
WFE_DEFINE_CLEANUP(wfe_image_parts, wfe_image_parts_free)

/* parts is the callee's to free; NULL on failure: NOT_FOUND (nothing for this platform, or a
 * document is not in the store), PROTOCOL, LIMIT, errors of containerd. */
typedef void (*wfe_image_walked_fn)(wfe_image_parts *parts, const wfe_error *err, void *user);

/* Where documents come from, if not from the content store as it is. Its failures are final: what
 * it does not have is not passed over for another platform's. */
typedef struct wfe_image_walk_source {
    /* Reads a document (an index, a manifest, or a config); fn is called once, never from inside
     * this function, with the errors of wfe_content_read_all. One read is under way at a time. */
    int (*read)(void *user, const wfe_image_descriptor *descriptor, bool is_config,
                wfe_content_read_all_fn fn, void *fn_user, wfe_error *err);
    /* fn will not run. */
    void (*cancel)(void *user);
    void *user;
} wfe_image_walk_source;

typedef struct wfe_image_walk wfe_image_walk;
/* name is the image's, for messages; all of request is copied. fn is called once, never from
 * inside this function, unless the walk is cancelled; the handle is gone when fn has returned. */
typedef struct wfe_image_walk_request {
    const char *name;
    const wfe_image_descriptor *target;
    const wfe_image_platform *machine;
    const char *lease;                   /* NULL: none */
    const wfe_image_walk_source *source; /* NULL: the content store */
} wfe_image_walk_request;
int wfe_image_walk_start(wfe_containerd *containerd, const wfe_image_walk_request *request,
                         wfe_image_walked_fn fn, void *user, wfe_image_walk **ret, wfe_error *err);
/* No callback runs after it. NULL is accepted. */
void wfe_image_walk_cancel(wfe_image_walk *walk);

#endif
