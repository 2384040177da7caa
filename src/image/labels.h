/* SPDX-License-Identifier: Apache-2.0
 *
 * The labels on content by which containerd's garbage collector walks from an image to its parts
 * (containerd: docs/garbage-collection.md).
 */
#ifndef WFE_IMAGE_LABELS_H
#define WFE_IMAGE_LABELS_H

#include "containerd/content.h"
#include "image/manifest.h"
#include "loop/loop.h"

#define WFE_IMAGE_LABEL_CONTENT "containerd.io/gc.ref.content"
#define WFE_IMAGE_LABEL_SNAPSHOT "containerd.io/gc.ref.snapshot"
#define WFE_IMAGE_LABEL_UNCOMPRESSED "containerd.io/uncompressed"

typedef struct wfe_image_label {
    const char *key;
    const char *value;
} wfe_image_label;
/* Sets labels of a blob; others stay. All of it is copied. */
int wfe_image_label_start(wfe_containerd *containerd, const char *lease, const char *digest,
                          const wfe_image_label *labels, size_t n_labels, wfe_content_update_fn fn,
                          void *user, wfe_containerd_call **ret, wfe_error *err);
/* The same, and blocks by running the loop. */
int wfe_image_label_content(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                            const char *digest, const wfe_image_label *labels, size_t n_labels,
                            wfe_error *err);
/* References from an index or manifest to all that it names. */
int wfe_image_label_children(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                             const char *digest, const wfe_image_document *document,
                             wfe_error *err);

#endif
