/* SPDX-License-Identifier: Apache-2.0 */
#include "image/blob.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "containerd/content.h"
#include "containerd/content_writer.h"
#include "image/wait.h"

/* Enough to keep the daemon busy while the next piece is read. */
#define PENDING_BYTES (4 * WFE_CONTENT_WRITER_CHUNK_BYTES)

struct wfe_image_blob {
    wfe_loop *loop;
    wfe_containerd *containerd;
    wfe_content_writer *writer;
    wfe_digest *digest;
    char *ref;
    char expected[WFE_DIGEST_SIZE]; /* "" when not known */
    const char *lease;
    uint64_t size_bytes;
    uint64_t passed_bytes; /* given to wfe_image_blob_add so far */
    uint64_t offset_bytes; /* what the daemon has already */
    bool event;            /* a callback has run since it was cleared */
    bool done;
    wfe_error result; /* once done */
};

WFE_IMAGE_WAIT_CALLBACK(on_aborted, Pb__Empty)

static void on_opened(uint64_t offset_bytes, void *user)
{
    wfe_image_blob *blob = user;
    blob->offset_bytes = offset_bytes;
    blob->event = true;
}

static void on_writable(void *user)
{
    wfe_image_blob *blob = user;
    blob->event = true;
}

static void on_done(const wfe_content_written *written, const wfe_error *err, void *user)
{
    wfe_image_blob *blob = user;
    (void)written;
    blob->result = *err;
    blob->done = true;
    blob->event = true;
}

/* Runs the loop until something has happened; fails with the writer. */
static int wait_event(wfe_image_blob *blob, wfe_error *err)
{
    blob->event = blob->done;
    int rc = wfe_loop_run_until(blob->loop, &blob->event, err);
    if (!rc && blob->done && blob->result.kind)
        rc = wfe_error_copy(err, &blob->result);
    return rc;
}

int wfe_image_blob_new(wfe_loop *loop, wfe_containerd *containerd,
                       const wfe_image_blob_request *request, wfe_image_blob **ret, wfe_error *err)
{
    _cleanup_(wfe_image_blob_free_p) wfe_image_blob *blob = calloc(1, sizeof *blob);
    if (!blob || !(blob->ref = strdup(request->ref)))
        return wfe_error_nomem(err);
    blob->loop = loop;
    blob->containerd = containerd;
    blob->lease = request->lease;
    blob->size_bytes = request->size_bytes;
    if (request->expected)
        memcpy(blob->expected, request->expected, WFE_DIGEST_SIZE);
    const wfe_content_writer_request open = {.ref = request->ref,
                                             .expected = request->expected,
                                             .total_bytes = request->size_bytes,
                                             .lease = request->lease};
    const wfe_content_writer_fns fns = {
        .opened = on_opened, .writable = on_writable, .done = on_done};
    int rc = wfe_digest_new(&blob->digest, err);
    if (!rc)
        rc = wfe_content_writer_start(containerd, loop, &open, &fns, blob, &blob->writer, err);
    if (!rc)
        rc = wait_event(blob, err);
    if (!rc)
        *ret = wfe_take(blob);
    return rc;
}

static int send(wfe_image_blob *blob, const char *bytes, size_t len, wfe_error *err)
{
    while (len > 0 && !blob->done) {
        size_t n = len < WFE_CONTENT_WRITER_CHUNK_BYTES ? len : WFE_CONTENT_WRITER_CHUNK_BYTES;
        int rc = wfe_content_writer_write(blob->writer, bytes, n, err);
        while (!rc && !blob->done && wfe_content_writer_pending_bytes(blob->writer) > PENDING_BYTES)
            rc = wait_event(blob, err);
        if (rc)
            return rc;
        bytes += n;
        len -= n;
    }
    return 0;
}

int wfe_image_blob_add(wfe_image_blob *blob, const void *bytes, size_t len, wfe_error *err)
{
    wfe_digest_update(blob->digest, bytes, len);
    uint64_t start = blob->passed_bytes;
    blob->passed_bytes += len;
    if (blob->passed_bytes <= blob->offset_bytes)
        return 0;
    size_t skip = start < blob->offset_bytes ? (size_t)(blob->offset_bytes - start) : 0;
    return send(blob, (const char *)bytes + skip, len - skip, err);
}

/* Wrong bytes must not stay under the ingest's name. */
static void abort_ingest(wfe_image_blob *blob)
{
    wfe_content_writer_free(wfe_take(blob->writer));
    PbContent__AbortRequest request = PB_CONTENT__ABORT_REQUEST__INIT;
    request.ref = blob->ref;
    const wfe_containerd_options options = {.lease = blob->lease, .fail_fast = true};
    wfe_image_wait wait = {.loop = blob->loop};
    (void)wfe_image_wait_for(&wait,
                             wfe_content_abort(blob->containerd, &request, &options, on_aborted,
                                               &wait, &wait.call, NULL),
                             NULL);
}

static int check(wfe_image_blob *blob, const char *digest, wfe_error *err)
{
    if (blob->passed_bytes != blob->size_bytes)
        return wfe_error_set(
            err, WFE_E_PROTOCOL, "blob %s has %" PRIu64 " bytes, %" PRIu64 " were announced",
            blob->expected[0] ? blob->expected : digest, blob->passed_bytes, blob->size_bytes);
    if (blob->expected[0] && strcmp(digest, blob->expected) != 0)
        return wfe_error_set(err, WFE_E_PROTOCOL, "blob %s is damaged: its digest is %s",
                             blob->expected, digest);
    return 0;
}

int wfe_image_blob_commit(wfe_image_blob *blob, char out_digest[WFE_DIGEST_SIZE], wfe_error *err)
{
    char digest[WFE_DIGEST_SIZE];
    wfe_digest_finish(blob->digest, digest);
    int rc = check(blob, digest, err);
    if (rc) {
        if (!blob->done)
            abort_ingest(blob);
        return rc;
    }
    if (!blob->done)
        rc = wfe_content_writer_commit(blob->writer, digest, err);
    while (!rc && !blob->done)
        rc = wait_event(blob, err);
    if (!rc)
        memcpy(out_digest, digest, sizeof digest);
    return rc;
}

void wfe_image_blob_free(wfe_image_blob *blob)
{
    if (!blob)
        return;
    wfe_content_writer_free(blob->writer);
    wfe_digest_free(blob->digest);
    free(blob->ref);
    free(blob);
}
