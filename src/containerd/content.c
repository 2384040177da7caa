/* SPDX-License-Identifier: Apache-2.0
 *
 * See content.h. A reader collects the chunks of one Read; it is freed when its callback has run
 * or when it is cancelled.
 */
#include "containerd/content.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

WFE_CONTENT_UNARY(WFE_RPC_UNARY_DEFINE)
WFE_CONTENT_STREAMS(WFE_RPC_STREAM_DEFINE)
WFE_CONTENT_BIDI(WFE_RPC_BIDI_DEFINE)

struct wfe_content_reader {
    wfe_buf bytes;
    char *digest;
    int64_t size_bytes;        /* -1: not known */
    wfe_containerd_call *call; /* NULL once it has ended */
    wfe_content_read_all_fn fn;
    void *user;
};

static void reader_free(wfe_content_reader *reader)
{
    if (!reader)
        return;
    wfe_containerd_cancel(reader->call);
    wfe_buf_done(&reader->bytes);
    free(reader->digest);
    free(reader);
}
WFE_DEFINE_CLEANUP(wfe_content_reader, reader_free)

void wfe_content_reader_cancel(wfe_content_reader *reader)
{
    reader_free(reader);
}

static void reader_finish(wfe_content_reader *reader, const wfe_error *err)
{
    wfe_content_read_all_fn fn = reader->fn;
    void *user = reader->user;
    wfe_buf bytes = reader->bytes;
    reader->bytes = (wfe_buf)WFE_BUF_INIT(0);
    reader_free(reader);
    fn(err->kind ? NULL : &bytes, err, user);
    wfe_buf_done(&bytes);
}

static void reader_fail(wfe_content_reader *reader, wfe_error *err)
{
    wfe_error_prefix(err, "failed to read content '%s'", reader->digest);
    wfe_error_where(err, "read content", reader->digest);
    reader_finish(reader, err);
}

static void reader_each(const PbContent__ReadContentResponse *reply, void *user)
{
    wfe_content_reader *reader = user;
    wfe_error err = WFE_ERROR_INIT;
    if (wfe_buf_append(&reader->bytes, reply->data.data, reply->data.len, &err))
        reader_fail(reader, &err);
}

static void reader_end(const wfe_error *err, void *user)
{
    wfe_content_reader *reader = user;
    reader->call = NULL;
    wfe_error failure = WFE_ERROR_INIT;
    if (!err->kind && reader->size_bytes >= 0 && (uint64_t)reader->size_bytes != reader->bytes.len)
        wfe_error_set(&failure, WFE_E_IO, "it has %zu bytes, its descriptor says %" PRId64,
                      reader->bytes.len, reader->size_bytes);
    if (failure.kind)
        reader_fail(reader, &failure);
    else
        reader_finish(reader, err);
}

int wfe_content_read_all(wfe_containerd *containerd, const wfe_content_read_request *request,
                         const wfe_containerd_options *options, wfe_content_read_all_fn fn,
                         void *user, wfe_content_reader **ret, wfe_error *err)
{
    size_t max_bytes = request->max_bytes ? request->max_bytes : WFE_CONTENT_DOCUMENT_MAX_BYTES;
    if (request->size_bytes > 0 && (uint64_t)request->size_bytes > max_bytes)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "failed to read content '%s': %" PRId64 " bytes, at most %zu are read",
                             request->digest, request->size_bytes, max_bytes);
    _cleanup_(reader_free_p) wfe_content_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return wfe_error_nomem(err);
    reader->bytes.max_bytes = max_bytes;
    reader->size_bytes = request->size_bytes;
    reader->fn = fn;
    reader->user = user;
    reader->digest = strdup(request->digest);
    if (!reader->digest)
        return wfe_error_nomem(err);
    PbContent__ReadContentRequest read = PB_CONTENT__READ_CONTENT_REQUEST__INIT;
    read.digest = request->digest;
    int rc = wfe_content_read(containerd, &read, options, reader_each, reader_end, reader,
                              &reader->call, err);
    if (rc)
        return rc;
    if (ret)
        *ret = reader;
    (void)wfe_take(reader);
    return 0;
}
