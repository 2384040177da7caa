/* SPDX-License-Identifier: Apache-2.0
 *
 * See ahead.h. The blob's bytes come by one stream and go by another; the first is paused until
 * what it gave has gone. The daemon checks the digest at the commit.
 */
#include "image/ahead.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerd/content.h"
#include "containerd/content_writer.h"
#include "image/inflate.h"

/* Smaller layers are unpacked in no time. */
#define SMALL_BYTES ((int64_t)2 * 1024 * 1024)
#define PIECE_BYTES ((size_t)512 * 1024)
#define PENDING_BYTES (2 * PIECE_BYTES)
/* Another process makes the same: not worth waiting for. */
#define LOCK_MS 1

struct wfe_image_ahead {
    wfe_containerd *containerd;
    char *lease;
    char digest[WFE_DIGEST_SIZE];  /* of the layer */
    char diff_id[WFE_DIGEST_SIZE]; /* of the plain tar */
    uint64_t max_bytes;
    wfe_image_ahead_fn fn;
    void *user;
    wfe_inflate *inflate;
    wfe_content_writer *writer;
    wfe_containerd_call *read;
    wfe_timer *timer; /* reports a failure from the loop */
    wfe_buf packed;   /* came and is not decompressed yet, but for packed_done bytes of it */
    size_t packed_done;
    char *piece; /* PIECE_BYTES */
    uint64_t written_bytes;
    wfe_error failure;
};

bool wfe_image_ahead_suits(const wfe_image_descriptor *layer)
{
    return layer->size_bytes >= SMALL_BYTES &&
           (strcmp(layer->media_type, WFE_IMAGE_TYPE_OCI_LAYER "+gzip") == 0 ||
            strcmp(layer->media_type, WFE_IMAGE_TYPE_DOCKER_LAYER ".gzip") == 0);
}

void wfe_image_ahead_free(wfe_image_ahead *ahead)
{
    if (!ahead)
        return;
    wfe_containerd_cancel(ahead->read);
    wfe_content_writer_free(ahead->writer);
    wfe_inflate_free(ahead->inflate);
    wfe_timer_free(ahead->timer);
    wfe_buf_done(&ahead->packed);
    free(ahead->piece);
    free(ahead->lease);
    free(ahead);
}

/* Stops both streams; the end is reported from the loop, since this may run inside a callback of
 * either. */
static void fail(wfe_image_ahead *ahead, const wfe_error *err)
{
    wfe_error_copy(&ahead->failure, err);
    wfe_timer_start(ahead->timer, 0);
}

static void on_timer(void *user)
{
    wfe_image_ahead *ahead = user;
    wfe_containerd_cancel(wfe_take(ahead->read));
    wfe_content_writer_free(wfe_take(ahead->writer));
    ahead->fn(0, &ahead->failure, ahead->user);
}

static int write_piece(wfe_image_ahead *ahead, size_t len, wfe_error *err)
{
    ahead->written_bytes += len;
    if (ahead->written_bytes > ahead->max_bytes)
        return wfe_error_set(err, WFE_E_LIMIT, "layer %s has more than %" PRIu64 " bytes",
                             ahead->digest, ahead->max_bytes);
    return wfe_content_writer_write(ahead->writer, ahead->piece, len, err);
}

/* Decompresses what came, as far as the daemon takes it. */
static int pump(wfe_image_ahead *ahead, wfe_error *err)
{
    size_t n = 1;
    while (n > 0 && wfe_content_writer_pending_bytes(ahead->writer) <= PENDING_BYTES) {
        size_t left = ahead->packed.len - ahead->packed_done;
        const unsigned char *in = (const unsigned char *)ahead->packed.data + ahead->packed_done;
        size_t before = left;
        int rc =
            left ? wfe_inflate_run(ahead->inflate, &in, &left, ahead->piece, PIECE_BYTES, &n, err)
                 : 0;
        if (before == 0)
            n = 0;
        ahead->packed_done += before - left;
        if (!rc && n > 0)
            rc = write_piece(ahead, n, err);
        if (rc)
            return rc;
    }
    if (n > 0)
        return 0; /* the rest when the writer has room */
    ahead->packed.len = ahead->packed_done = 0;
    if (ahead->read)
        wfe_containerd_resume(ahead->read);
    else if (!wfe_inflate_is_complete(ahead->inflate))
        return wfe_error_set(err, WFE_E_PROTOCOL, "layer %s ends within its gzip", ahead->digest);
    else
        return wfe_content_writer_commit(ahead->writer, NULL, err);
    return 0;
}

static void pump_or_fail(wfe_image_ahead *ahead)
{
    wfe_error problem = WFE_ERROR_INIT;
    if (!ahead->failure.kind && pump(ahead, &problem))
        fail(ahead, &problem);
}

/* No more comes until this is used up, but for what is in the stream's window. */
static void on_bytes(const PbContent__ReadContentResponse *reply, void *user)
{
    wfe_image_ahead *ahead = user;
    wfe_error problem = WFE_ERROR_INIT;
    wfe_containerd_pause(ahead->read);
    if (wfe_buf_append(&ahead->packed, reply->data.data, reply->data.len, &problem))
        fail(ahead, &problem);
    else
        pump_or_fail(ahead);
}

static void on_read(const wfe_error *err, void *user)
{
    wfe_image_ahead *ahead = user;
    ahead->read = NULL;
    if (err->kind)
        fail(ahead, err);
    else if (ahead->packed.len == 0)
        pump_or_fail(ahead);
}

static void on_opened(uint64_t offset_bytes, void *user)
{
    wfe_image_ahead *ahead = user;
    wfe_error problem = WFE_ERROR_INIT;
    const wfe_containerd_options options = {.lease = ahead->lease};
    PbContent__ReadContentRequest request = PB_CONTENT__READ_CONTENT_REQUEST__INIT;
    request.digest = ahead->digest;
    if (offset_bytes > 0) /* what a killed pull left; it is not worth going on from there */
        wfe_error_set(&problem, WFE_E_CONFLICT, "layer %s was half decompressed", ahead->digest);
    if (problem.kind || wfe_content_read(ahead->containerd, &request, &options, on_bytes, on_read,
                                         ahead, &ahead->read, &problem))
        fail(ahead, &problem);
}

static void on_writable(void *user)
{
    wfe_image_ahead *ahead = user;
    if (ahead->packed.len > 0)
        pump_or_fail(ahead);
}

static void on_written(const wfe_content_written *written, const wfe_error *err, void *user)
{
    wfe_image_ahead *ahead = user;
    wfe_error problem = *err;
    /* Without its size it cannot be described; that it is there already is rare. */
    if (written && written->existed)
        wfe_error_set(&problem, WFE_E_CONFLICT, "layer %s is there already", ahead->diff_id);
    if (problem.kind)
        fail(ahead, &problem);
    else
        ahead->fn(ahead->written_bytes, &problem, ahead->user);
}

static int open_ingest(wfe_image_ahead *ahead, wfe_loop *loop, wfe_error *err)
{
    static const wfe_content_writer_fns fns = {
        .opened = on_opened, .writable = on_writable, .done = on_written};
    char ref[WFE_DIGEST_SIZE + 16];
    snprintf(ref, sizeof ref, "wfe-plain-%s", ahead->diff_id);
    const wfe_content_writer_request request = {
        .ref = ref, .expected = ahead->diff_id, .lease = ahead->lease, .lock_wait_ms = LOCK_MS};
    return wfe_content_writer_start(ahead->containerd, loop, &request, &fns, ahead, &ahead->writer,
                                    err);
}

int wfe_image_ahead_start(wfe_loop *loop, wfe_containerd *containerd,
                          const wfe_image_ahead_request *request, wfe_image_ahead_fn fn, void *user,
                          wfe_image_ahead **ret, wfe_error *err)
{
    _cleanup_(wfe_image_ahead_free_p) wfe_image_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return wfe_error_nomem(err);
    ahead->containerd = containerd;
    ahead->max_bytes = request->max_bytes;
    ahead->fn = fn;
    ahead->user = user;
    memcpy(ahead->digest, request->layer->digest, WFE_DIGEST_SIZE);
    snprintf(ahead->diff_id, sizeof ahead->diff_id, "%s", request->diff_id);
    ahead->lease = strdup(request->lease);
    ahead->piece = malloc(PIECE_BYTES);
    int rc = ahead->lease && ahead->piece ? 0 : wfe_error_nomem(err);
    if (!rc)
        rc = wfe_inflate_new(&ahead->inflate, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_timer, ahead, &ahead->timer, err);
    if (!rc)
        rc = open_ingest(ahead, loop, err);
    if (!rc)
        *ret = wfe_take(ahead);
    return rc;
}
