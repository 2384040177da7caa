/* SPDX-License-Identifier: Apache-2.0 */
#include "image/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/wait.h"

WFE_IMAGE_WAIT_CALLBACK(on_updated, PbContent__UpdateResponse)

/* "labels." and the longest key: containerd.io/distribution.source. and a host name. */
#define PATH_SIZE 320

/* One allocation for what the request points to. */
typedef struct label_set {
    Pb__Pair *pairs;
    Pb__Pair **pair_list;
    char (*paths)[PATH_SIZE];
    const char **path_list;
} label_set;

static void free_set(label_set *set)
{
    free(set->pairs);
    free(set->pair_list);
    free(set->paths);
    free(set->path_list);
}

static int fill_set(label_set *set, const wfe_image_label *labels, size_t n, wfe_error *err)
{
    const Pb__Pair empty = PB__PAIR__INIT;
    set->pairs = calloc(n, sizeof *set->pairs);
    set->pair_list = calloc(n, sizeof *set->pair_list);
    set->paths = calloc(n, sizeof *set->paths);
    set->path_list = calloc(n, sizeof *set->path_list);
    if (!set->pairs || !set->pair_list || !set->paths || !set->path_list)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        set->pairs[i] = empty;
        set->pairs[i].key = labels[i].key;
        set->pairs[i].value = labels[i].value;
        set->pair_list[i] = &set->pairs[i];
        snprintf(set->paths[i], PATH_SIZE, "labels.%s", labels[i].key);
        set->path_list[i] = set->paths[i];
    }
    return 0;
}

int wfe_image_label_start(wfe_containerd *containerd, const char *lease, const char *digest,
                          const wfe_image_label *labels, size_t n_labels, wfe_content_update_fn fn,
                          void *user, wfe_containerd_call **ret, wfe_error *err)
{
    label_set set = {0};
    int rc = fill_set(&set, labels, n_labels, err);
    if (!rc) {
        PbContent__UpdateRequest request = PB_CONTENT__UPDATE_REQUEST__INIT;
        PbContent__Info info = PB_CONTENT__INFO__INIT;
        Pb__FieldMask mask = PB__FIELD_MASK__INIT;
        info.digest = digest;
        info.n_labels = n_labels;
        info.labels = set.pair_list;
        mask.n_paths = n_labels;
        mask.paths = set.path_list;
        request.info = &info;
        request.update_mask = &mask;
        const wfe_containerd_options options = {.lease = lease, .fail_fast = true};
        rc = wfe_content_update(containerd, &request, &options, fn, user, ret, err);
    }
    free_set(&set);
    return rc;
}

int wfe_image_label_content(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                            const char *digest, const wfe_image_label *labels, size_t n_labels,
                            wfe_error *err)
{
    wfe_image_wait wait = {.loop = loop};
    if (n_labels == 0)
        return 0;
    return wfe_image_wait_for(&wait,
                              wfe_image_label_start(containerd, lease, digest, labels, n_labels,
                                                    on_updated, &wait, &wait.call, err),
                              err);
}

int wfe_image_label_children(wfe_loop *loop, wfe_containerd *containerd, const char *lease,
                             const char *digest, const wfe_image_document *document, wfe_error *err)
{
    size_t n = document->n_items + (document->is_index ? 0 : 1);
    wfe_image_label *labels = calloc(n ? n : 1, sizeof *labels);
    char(*keys)[64] = calloc(n ? n : 1, sizeof *keys);
    int rc = labels && keys ? 0 : wfe_error_nomem(err);
    for (size_t i = 0; !rc && i < document->n_items; i++) {
        snprintf(keys[i], sizeof keys[i], WFE_IMAGE_LABEL_CONTENT ".%c.%zu",
                 document->is_index ? 'm' : 'l', i);
        labels[i] = (wfe_image_label){keys[i], document->items[i].digest};
    }
    if (!rc && !document->is_index)
        labels[n - 1] =
            (wfe_image_label){WFE_IMAGE_LABEL_CONTENT ".config", document->config.digest};
    if (!rc)
        rc = wfe_image_label_content(loop, containerd, lease, digest, labels, n, err);
    free(labels);
    free(keys);
    return rc;
}
