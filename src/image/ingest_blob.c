/* SPDX-License-Identifier: Apache-2.0
 *
 * One layer on its way from the registry into the content store. The ingest has the name that
 * every client gives it, so that two that pull the same layer wait for each other; it is opened
 * first, since only the daemon knows whether the blob is there and how much of it came before.
 *
 * The daemon hashes what it gets and refuses to commit what is not what was asked for; hashing it
 * here too would only cost time. Bytes are gathered to whole messages, and the registry is made to
 * wait when the daemon is slower.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "containerd/content.h"
#include "image/ingest_priv.h"

/* Beyond this the registry waits until all of it has left. */
#define PIECE_BYTES ((size_t)512 * 1024)
#define PENDING_BYTES (2 * PIECE_BYTES)
/* The daemon went away, or the stream's time was over: how often in a row without any progress. */
#define REOPENS 3

struct wfe_ingest_blob {
    wfe_ingest_env *env;
    const wfe_image_descriptor *descriptor;
    wfe_ingest_blob_fns fns;
    void *user;
    wfe_content_writer *writer;
    wfe_registry_fetch *fetch;
    wfe_ingest_relabel *relabel;
    wfe_containerd_call *abort_call;
    char *piece; /* PIECE_BYTES, filled up to piece_len */
    size_t piece_len;
    uint64_t opened_at_bytes; /* what the ingest had */
    uint64_t have_bytes;      /* the same and what came since */
    bool paused;
    bool began_anew; /* the ingest of an earlier try held wrong bytes */
    int reopens_left;
    bool is_open; /* the writer */
};

WFE_DEFINE_CLEANUP(wfe_ingest_blob, wfe_ingest_blob_free)

static void close_transfer(wfe_ingest_blob *blob)
{
    wfe_registry_fetch_free(wfe_take(blob->fetch));
    wfe_content_writer_free(wfe_take(blob->writer));
    blob->piece_len = 0;
    blob->paused = false;
}

void wfe_ingest_blob_free(wfe_ingest_blob *blob)
{
    if (!blob)
        return;
    close_transfer(blob);
    wfe_ingest_relabel_free(blob->relabel);
    wfe_containerd_cancel(blob->abort_call);
    free(blob->piece);
    free(blob);
}

static void ref_of(const wfe_ingest_blob *blob, char out[WFE_DIGEST_SIZE + 8])
{
    snprintf(out, WFE_DIGEST_SIZE + 8, "layer-%s", blob->descriptor->digest);
}

static void finish(wfe_ingest_blob *blob, bool existed, const wfe_error *err)
{
    wfe_error result = *err;
    wfe_error_prefix(&result, "layer %s", blob->descriptor->digest);
    blob->fns.done(existed, &result, blob->user);
}

static int open_ingest(wfe_ingest_blob *blob, wfe_error *err);

/* ---- wrong bytes ---- */

static void on_aborted(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err;
    wfe_ingest_blob *blob = user;
    wfe_error problem = WFE_ERROR_INIT;
    blob->abort_call = NULL;
    if (open_ingest(blob, &problem))
        finish(blob, false, &problem);
}

/* The ingest was begun by someone else, and is not what it should be: once more, from the start. */
static int begin_anew(wfe_ingest_blob *blob, wfe_error *err)
{
    char ref[WFE_DIGEST_SIZE + 8];
    PbContent__AbortRequest request = PB_CONTENT__ABORT_REQUEST__INIT;
    const wfe_containerd_options options = {.lease = blob->env->lease, .fail_fast = true};
    ref_of(blob, ref);
    request.ref = ref;
    blob->began_anew = true;
    close_transfer(blob);
    return wfe_content_abort(blob->env->containerd, &request, &options, on_aborted, blob,
                             &blob->abort_call, err);
}

/* The first digest in what the daemon says that is not the one that was asked for. */
static bool find_other_digest(const char *text, const char *wanted, char out[WFE_DIGEST_SIZE])
{
    for (const char *at = strstr(text, "sha256:"); at; at = strstr(at + 1, "sha256:")) {
        snprintf(out, WFE_DIGEST_SIZE, "%s", at);
        if (wfe_digest_is_valid(out) && strcmp(out, wanted) != 0)
            return true;
    }
    return false;
}

static void report_damage(const wfe_ingest_blob *blob, const wfe_error *said, wfe_error *err)
{
    char other[WFE_DIGEST_SIZE];
    if (find_other_digest(said->message, blob->descriptor->digest, other))
        wfe_error_set(err, WFE_E_PROTOCOL,
                      "it is damaged: what the registry sent has the digest %s", other);
    else
        wfe_error_set(err, WFE_E_PROTOCOL, "it is damaged: %s", said->message);
    wfe_error_hint(err, "nothing of it was kept; the registry or something on the way to it "
                        "changes bytes");
}

/* ---- the end ---- */

static void on_relabelled(const wfe_error *err, void *user)
{
    finish(user, true, err);
}

/* The daemon went away in between: a writer that could not be opened has waited for it itself. */
static bool may_reopen(wfe_ingest_blob *blob, const wfe_error *err)
{
    if (!blob->is_open || (err->kind != WFE_E_UNAVAILABLE && err->kind != WFE_E_TIMEOUT))
        return false;
    if (blob->have_bytes > blob->opened_at_bytes)
        blob->reopens_left = REOPENS;
    return blob->reopens_left-- > 0;
}

static void on_written(const wfe_content_written *written, const wfe_error *err, void *user)
{
    wfe_ingest_blob *blob = user;
    wfe_error problem = WFE_ERROR_INIT;
    int rc = 0;
    bool damaged = err->grpc_status == WFE_GRPC_FAILED_PRECONDITION;
    if (written && !written->existed) {
        finish(blob, false, err);
        return;
    }
    if (written) {
        close_transfer(blob);
        rc = wfe_ingest_relabel_start(blob->env, blob->descriptor->digest, NULL, on_relabelled,
                                      blob, &blob->relabel, &problem);
    } else if (damaged && blob->opened_at_bytes > 0 && !blob->began_anew) {
        rc = begin_anew(blob, &problem);
    } else if (damaged) {
        report_damage(blob, err, &problem);
        rc = problem.kind;
    } else if (may_reopen(blob, err)) {
        close_transfer(blob);
        rc = open_ingest(blob, &problem);
    } else {
        rc = wfe_error_copy(&problem, err);
    }
    if (rc)
        finish(blob, false, &problem);
}

/* ---- bytes ---- */

static int flush(wfe_ingest_blob *blob, wfe_error *err)
{
    int rc = blob->piece_len
                 ? wfe_content_writer_write(blob->writer, blob->piece, blob->piece_len, err)
                 : 0;
    blob->piece_len = 0;
    if (!rc && !blob->paused && wfe_content_writer_pending_bytes(blob->writer) > PENDING_BYTES) {
        blob->paused = true;
        wfe_registry_fetch_pause(blob->fetch);
    }
    return rc;
}

static int on_data(const void *bytes, size_t len, wfe_error *err, void *user)
{
    wfe_ingest_blob *blob = user;
    const char *from = bytes;
    int rc = 0;
    blob->have_bytes += len;
    while (!rc && len > 0) {
        size_t room = PIECE_BYTES - blob->piece_len;
        size_t n = len < room ? len : room;
        memcpy(blob->piece + blob->piece_len, from, n);
        blob->piece_len += n;
        from += n;
        len -= n;
        if (blob->piece_len == PIECE_BYTES)
            rc = flush(blob, err);
    }
    if (!rc)
        blob->fns.bytes(blob->have_bytes, blob->user);
    return rc;
}

static void on_writable(void *user)
{
    wfe_ingest_blob *blob = user;
    if (!blob->paused || !blob->fetch)
        return;
    blob->paused = false;
    wfe_registry_fetch_resume(blob->fetch);
}

static void on_fetched(const wfe_error *err, void *user)
{
    wfe_ingest_blob *blob = user;
    wfe_error problem = *err;
    uint64_t size = (uint64_t)blob->descriptor->size_bytes;
    if (!problem.kind && blob->have_bytes != size)
        wfe_error_set(&problem, WFE_E_PROTOCOL,
                      "the registry sent %" PRIu64 " bytes, the manifest says %" PRIu64,
                      blob->have_bytes, size);
    if (!problem.kind)
        flush(blob, &problem);
    if (!problem.kind)
        wfe_content_writer_commit(blob->writer, NULL, &problem);
    wfe_registry_fetch_free(wfe_take(blob->fetch));
    if (problem.kind)
        finish(blob, false, &problem);
}

static int fetch(wfe_ingest_blob *blob, uint64_t offset_bytes, wfe_error *err)
{
    static const wfe_registry_fetch_fns fns = {.data = on_data, .done = on_fetched};
    const wfe_registry_request request = {.kind = WFE_REGISTRY_BLOB,
                                          .name = blob->descriptor->digest,
                                          .offset_bytes = offset_bytes,
                                          .expected_bytes = (uint64_t)blob->descriptor->size_bytes};
    return wfe_ingest_fetch(blob->env, &request, &fns, blob, &blob->fetch, err);
}

static void on_opened(uint64_t offset_bytes, void *user)
{
    wfe_ingest_blob *blob = user;
    wfe_error problem = WFE_ERROR_INIT;
    uint64_t size = (uint64_t)blob->descriptor->size_bytes;
    int rc = 0;
    blob->is_open = true;
    blob->opened_at_bytes = blob->have_bytes = offset_bytes;
    if (offset_bytes == size) {
        rc = wfe_content_writer_commit(blob->writer, NULL, &problem);
    } else if (offset_bytes < size) {
        blob->fns.bytes(offset_bytes, blob->user);
        rc = fetch(blob, offset_bytes, &problem);
    } else if (!blob->began_anew) {
        rc = begin_anew(blob, &problem);
    } else {
        rc = wfe_error_set(&problem, WFE_E_CONFLICT,
                           "its ingest has %" PRIu64 " bytes, more than its %" PRIu64, offset_bytes,
                           size);
    }
    if (rc)
        finish(blob, false, &problem);
}

static int open_ingest(wfe_ingest_blob *blob, wfe_error *err)
{
    static const wfe_content_writer_fns fns = {
        .opened = on_opened, .writable = on_writable, .done = on_written};
    char ref[WFE_DIGEST_SIZE + 8];
    wfe_strmap labels = {0};
    int rc = wfe_ingest_add_source(blob->env, &labels, err);
    ref_of(blob, ref);
    const wfe_content_writer_request request = {.ref = ref,
                                                .expected = blob->descriptor->digest,
                                                .total_bytes =
                                                    (uint64_t)blob->descriptor->size_bytes,
                                                .labels = &labels,
                                                .lease = blob->env->lease};
    blob->is_open = false;
    if (!rc)
        rc = wfe_content_writer_start(blob->env->containerd, blob->env->loop, &request, &fns, blob,
                                      &blob->writer, err);
    wfe_strmap_done(&labels);
    return rc;
}

int wfe_ingest_blob_start(wfe_ingest_env *env, const wfe_image_descriptor *descriptor,
                          const wfe_ingest_blob_fns *fns, void *user, wfe_ingest_blob **ret,
                          wfe_error *err)
{
    _cleanup_(wfe_ingest_blob_free_p) wfe_ingest_blob *blob = calloc(1, sizeof *blob);
    if (!blob || !(blob->piece = malloc(PIECE_BYTES)))
        return wfe_error_nomem(err);
    blob->env = env;
    blob->descriptor = descriptor;
    blob->fns = *fns;
    blob->user = user;
    blob->reopens_left = REOPENS;
    int rc = open_ingest(blob, err);
    if (!rc)
        *ret = wfe_take(blob);
    return rc;
}
