/* SPDX-License-Identifier: Apache-2.0
 *
 * The labels on content by which containerd's garbage collector walks from an image to its parts
 * (containerd: docs/garbage-collection.md).
 */
#ifndef WFE_IMAGE_LABELS_H
#define WFE_IMAGE_LABELS_H

#include "containerd/client.h"
#include "image/manifest.h"
#include "loop/loop.h"

#define WFE_IMAGE_LABEL_CONTENT "containerd.io/gc.ref.content"
#define WFE_IMAGE_LABEL_SNAPSHOT "containerd.io/gc.ref.snapshot"
#define WFE_IMAGE_LABEL_UNCOMPRESSED "containerd.io/uncompressed"

/* Sets labels (pairs of key and value) of a blob; others stay. Blocks by running the loop. */
typedef struct wfe_image_label {
    const char *key;
    const char *value;
} wfe_image_label;
int wfe_image_label_content(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                            const char *digest, const wfe_image_label *labels, size_t n_labels,
                            wfe_error *err);
/* References from an index or manifest to all that it names. */
int wfe_image_label_children(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                             const char *digest, const wfe_image_document *document,
                             wfe_error *err);

#endif
