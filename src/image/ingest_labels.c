/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels of blobs that were in the content store before: the new ones are set, and this repository
 * is added to the list of those of its host that the blob came from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerd/labels.h"
#include "image/ingest_priv.h"
#include "image/labels.h"

struct wfe_ingest_relabel {
    wfe_ingest_env *env;
    char digest[WFE_DIGEST_SIZE];
    wfe_strmap labels;
    wfe_ingest_relabel_fn fn;
    void *user;
    wfe_containerd_call *call;
};

WFE_DEFINE_CLEANUP(wfe_ingest_relabel, wfe_ingest_relabel_free)

/* With a host of at most 255 and a NUL. */
#define SOURCE_KEY "containerd.io/distribution.source."
#define SOURCE_KEY_SIZE 320

static const char *source_key(const wfe_image_reference *reference, char out[SOURCE_KEY_SIZE])
{
    /* The host without its port, and without the brackets of an IPv6 address. */
    const char *host = reference->domain;
    size_t len = strcspn(host, ":");
    if (host[0] == '[') {
        host++;
        len = strcspn(host, "]");
    }
    snprintf(out, SOURCE_KEY_SIZE, SOURCE_KEY "%.*s", (int)len, host);
    return out;
}

int wfe_ingest_add_source(const wfe_ingest_env *env, wfe_strmap *labels, wfe_error *err)
{
    char key[SOURCE_KEY_SIZE];
    if (!env->reference)
        return 0;
    return wfe_strmap_set(labels, source_key(env->reference, key), env->reference->path, err);
}

void wfe_ingest_relabel_free(wfe_ingest_relabel *relabel)
{
    if (!relabel)
        return;
    wfe_containerd_cancel(relabel->call);
    wfe_strmap_done(&relabel->labels);
    free(relabel);
}

static void on_updated(const PbContent__UpdateResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_ingest_relabel *relabel = user;
    relabel->call = NULL;
    relabel->fn(err, relabel->user);
}

/* Is path one of the entries of a list like "library/a,library/b". */
static bool list_has(const char *list, const char *path)
{
    size_t len = strlen(path);
    for (const char *entry = list; entry; entry = strchr(entry, ',')) {
        entry += *entry == ',';
        if (strncmp(entry, path, len) == 0 && (entry[len] == ',' || !entry[len]))
            return true;
    }
    return false;
}

/* A list that has become too long for a label begins anew. */
static int add_source(wfe_ingest_relabel *relabel, const PbContent__Info *info, wfe_error *err)
{
    if (!relabel->env->reference)
        return 0;
    const char *path = relabel->env->reference->path;
    char key[SOURCE_KEY_SIZE], value[WFE_LABELS_MAX_BYTES];
    source_key(relabel->env->reference, key);
    const char *list = info ? wfe_labels_find(info->labels, info->n_labels, key) : NULL;
    if (list && list_has(list, path))
        return 0;
    int n =
        snprintf(value, sizeof value, "%s%s%s", list ? list : "", list && *list ? "," : "", path);
    bool fits = n >= 0 && (size_t)n + strlen(key) <= WFE_LABELS_MAX_BYTES;
    return wfe_strmap_set(&relabel->labels, key, fits ? value : path, err);
}

static int update(wfe_ingest_relabel *relabel, wfe_error *err)
{
    wfe_image_label *labels = calloc(relabel->labels.len, sizeof *labels);
    if (!labels)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < relabel->labels.len; i++)
        labels[i] = (wfe_image_label){relabel->labels.items[i].key, relabel->labels.items[i].value};
    int rc = wfe_image_label_start(relabel->env->containerd, relabel->env->lease, relabel->digest,
                                   labels, relabel->labels.len, on_updated, relabel, &relabel->call,
                                   err);
    free(labels);
    return rc;
}

static void on_info(const PbContent__InfoResponse *reply, const wfe_error *err, void *user)
{
    wfe_ingest_relabel *relabel = user;
    wfe_error problem = *err;
    relabel->call = NULL;
    if (!problem.kind)
        add_source(relabel, reply->info, &problem);
    if (!problem.kind && relabel->labels.len > 0 && update(relabel, &problem) == 0)
        return;
    relabel->fn(&problem, relabel->user);
}

int wfe_ingest_relabel_start(wfe_ingest_env *env, const char *digest, const wfe_strmap *labels,
                             wfe_ingest_relabel_fn fn, void *user, wfe_ingest_relabel **ret,
                             wfe_error *err)
{
    _cleanup_(wfe_ingest_relabel_free_p) wfe_ingest_relabel *relabel = calloc(1, sizeof *relabel);
    if (!relabel)
        return wfe_error_nomem(err);
    relabel->env = env;
    relabel->fn = fn;
    relabel->user = user;
    memcpy(relabel->digest, digest, WFE_DIGEST_SIZE);
    int rc = 0;
    for (size_t i = 0; labels && i < labels->len && !rc; i++) {
        if (strncmp(labels->items[i].key, SOURCE_KEY, sizeof SOURCE_KEY - 1) != 0)
            rc =
                wfe_strmap_set(&relabel->labels, labels->items[i].key, labels->items[i].value, err);
    }
    PbContent__InfoRequest request = PB_CONTENT__INFO_REQUEST__INIT;
    const wfe_containerd_options options = {.lease = env->lease, .fail_fast = true};
    request.digest = relabel->digest;
    if (!rc)
        rc = wfe_content_info(env->containerd, &request, &options, on_info, relabel, &relabel->call,
                              err);
    if (!rc)
        *ret = wfe_take(relabel);
    return rc;
}
