/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that an image's name stands for, all platforms of it: its indexes, its manifests and
 * their configs, read from the content store as far as they are there, and what is missing.
 * image/walk.h finds the one manifest to run; this is for those who describe and export.
 */
#ifndef WFE_IMAGE_CONTENTS_H
#define WFE_IMAGE_CONTENTS_H

#include "base/buf.h"
#include "image/inventory.h"
#include "image/manifest.h"
#include "oci/image_config.h"

/* One manifest: the image for one platform, or an attestation about another. All of it owned. */
typedef struct wfe_image_variant {
    wfe_image_descriptor descriptor; /* has the config's platform where the index names none */
    wfe_image_document *document;    /* NULL: not in the store */
    wfe_buf config_json;             /* empty: not in the store, or none of an image */
    wfe_oci_image_config *config;    /* NULL with it; has as many diff IDs as there are layers */
    int64_t size_bytes;              /* manifest, config and layers; -1 without the manifest */
    size_t n_missing;                /* of these, how many are not in the store */
    char missing[WFE_DIGEST_SIZE];   /* the first of them */
} wfe_image_variant;

typedef struct wfe_image_contents {
    wfe_image_descriptor *indexes; /* those in the store, the outermost first */
    size_t n_indexes;
    wfe_image_variant *variants; /* in the order of the indexes */
    size_t n_variants;
    char missing_index[WFE_DIGEST_SIZE]; /* the target or an index that is not in the store; "" */
} wfe_image_contents;

/* Blocks by running the client's loop. PROTOCOL for documents that are not what they should be,
 * LIMIT, errors of containerd; a document that is not there is none. */
int wfe_image_contents_read(wfe_client *client, const wfe_image_inventory *inventory,
                            const wfe_image_descriptor *target, wfe_image_contents **ret,
                            wfe_error *err);
void wfe_image_contents_free(wfe_image_contents *contents);
WFE_DEFINE_CLEANUP(wfe_image_contents, wfe_image_contents_free)

/* The one to take for a platform: the best of which manifest and config are there, else the best;
 * NULL when nothing suits. machine NULL: this machine's, or the only one there is. */
const wfe_image_variant *wfe_image_contents_choose(const wfe_image_contents *contents,
                                                   const wfe_image_platform *machine);
/* The same or NOT_FOUND, which names the platforms there are. name: the image's. */
int wfe_image_contents_need(const wfe_image_contents *contents, const char *name,
                            const wfe_image_platform *machine, const wfe_image_variant **ret,
                            wfe_error *err);

#endif
