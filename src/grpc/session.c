/* SPDX-License-Identifier: Apache-2.0
 *
 * See session.h. The connection's half: nghttp2's set-up and callbacks, the list of streams.
 * A stream is found through nghttp2's stream user data, which is cleared when the stream ends, so
 * that late frames find nothing.
 */
#include "grpc/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "grpc/session_priv.h"
#include "grpc/status.h"

#ifndef WFE_VERSION
#define WFE_VERSION "0"
#endif

/* New connection from here on: ids are 31 bits and only go up. */
#define LAST_STREAM_ID (1 << 30)

/* A quarter of the window that a peer gives before it has measured anything. */
#define PING_WAIT_MAX_BYTES ((size_t)16 * 1024)
static const uint8_t measuring_ping[8] = {2, 4, 16, 16, 9, 14, 7, 7};

static int error_of_h2(wfe_error *err, int code, const char *what)
{
    if (code == NGHTTP2_ERR_NOMEM)
        return wfe_error_nomem(err);
    return wfe_error_set(err, WFE_E_PROTOCOL, "%s: %s", what, nghttp2_strerror(code));
}

static wfe_grpc_stream *stream_of(nghttp2_session *h2, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(h2, id) : NULL;
}

/* ---- callbacks of nghttp2 ---- */

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)flags;
    (void)user;
    wfe_grpc_stream *stream = stream_of(h2, frame->hd.stream_id);
    if (!stream || wfe_grpc_stream_header(stream, name, name_len, value, value_len))
        return 0;
    wfe_grpc_stream_end end = {0};
    wfe_error_set(&end.error, WFE_E_LIMIT, "the peer sent more than %zu bytes of headers",
                  WFE_GRPC_HEADERS_MAX_BYTES);
    end.error.grpc_status = WFE_GRPC_RESOURCE_EXHAUSTED;
    wfe_grpc_stream_fail(stream, &end);
    return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                   void *user)
{
    (void)flags;
    (void)user;
    /* The connection's credit comes back at once, the stream's when its owner has taken the
     * bytes: so streams nobody reads from cannot hold up the others, whatever their number. */
    int code = nghttp2_session_consume_connection(h2, len);
    if (code)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    wfe_grpc_stream *stream = stream_of(h2, id);
    if (stream)
        wfe_grpc_stream_data(stream, bytes, len);
    else
        nghttp2_session_consume_stream(h2, id, len);
    return 0;
}

static void on_goaway(wfe_grpc_session *session, const nghttp2_goaway *goaway)
{
    session->draining = true;
    session->goaway = true;
    if (goaway->error_code == NGHTTP2_NO_ERROR)
        return;
    size_t len = goaway->opaque_data_len < 80 ? goaway->opaque_data_len : 80;
    _cleanup_free_ char *text = NULL;
    if (len)
        wfe_utf8_clean(goaway->opaque_data, len, &text, NULL, NULL);
    wfe_error_set(&session->broken, WFE_E_UNAVAILABLE,
                  "the peer closed the connection with GOAWAY %s%s%s",
                  nghttp2_http2_strerror(goaway->error_code), text ? ": " : "", text ? text : "");
    session->broken.grpc_status = WFE_GRPC_UNAVAILABLE;
}

static int answer_ping(wfe_grpc_session *session, const uint8_t *opaque)
{
    session->sent_bytes = 0;
    return nghttp2_submit_ping(session->h2, NGHTTP2_FLAG_ACK, opaque);
}

static int answer_held_ping(wfe_grpc_session *session)
{
    if (!session->ping_held)
        return 0;
    session->ping_held = false;
    return answer_ping(session, measuring_ping);
}

/* Answered at once, but for the ping with which grpc-go measures how much is on its way to it: it
 * sends one as soon as it reads any bytes of a request and no such ping is under way, so that
 * prompt answers bring a second message, a second wake-up and a third write to each small call.
 * Held back until much has been sent, or its owner's time is over, one covers many calls. */
static int on_ping(wfe_grpc_session *session, const nghttp2_ping *ping)
{
    bool may_wait = !session->ping_held && session->sent_bytes < PING_WAIT_MAX_BYTES &&
                    memcmp(ping->opaque_data, measuring_ping, sizeof measuring_ping) == 0;
    if (may_wait) {
        session->ping_held = true;
        return 0;
    }
    int code = answer_held_ping(session);
    if (!code)
        code = answer_ping(session, ping->opaque_data);
    session->flooded = code == NGHTTP2_ERR_FLOODED;
    return code ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    wfe_grpc_session *session = user;
    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        session->ready = true;
        break;
    case NGHTTP2_GOAWAY:
        on_goaway(session, &frame->goaway);
        break;
    case NGHTTP2_PING:
        return frame->hd.flags & NGHTTP2_FLAG_ACK ? 0 : on_ping(session, &frame->ping);
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
            wfe_grpc_stream *stream = stream_of(h2, frame->hd.stream_id);
            if (stream)
                wfe_grpc_stream_complete(stream);
        }
        break;
    default:
        break;
    }
    return 0;
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t h2_error, void *user)
{
    wfe_grpc_session *session = user;
    wfe_grpc_stream *stream = stream_of(h2, id);
    if (!stream)
        return 0;
    stream->closed = true;
    if (stream->complete)
        return 0;
    if (session->sending) {
        /* Not the peer's doing: its HEADERS could not be made, and memory is all that takes. */
        wfe_grpc_stream_end end = {.unprocessed = true};
        wfe_error_nomem(&end.error);
        wfe_grpc_stream_fail(stream, &end);
    } else if (session->draining && h2_error == NGHTTP2_REFUSED_STREAM) {
        wfe_grpc_stream_end end = {.unprocessed = true, .connection_over = true};
        wfe_error_set(&end.error, WFE_E_UNAVAILABLE,
                      "the peer closed the connection (GOAWAY) before it took up the call");
        end.error.grpc_status = WFE_GRPC_UNAVAILABLE;
        wfe_grpc_stream_fail(stream, &end);
    } else {
        wfe_grpc_stream_reset(stream, h2_error);
    }
    return 0;
}

static int before_send(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    (void)user;
    wfe_grpc_stream *stream =
        frame->hd.type == NGHTTP2_HEADERS ? stream_of(h2, frame->hd.stream_id) : NULL;
    if (stream)
        stream->sent = true;
    return 0;
}

/* Header fields as small as ours are packed unless memory runs out; nghttp2 then gives the whole
 * connection up, with nothing but this code. */
static void on_not_packed(wfe_grpc_session *session)
{
    session->draining = true;
    wfe_error_nomem(&session->broken);
}

/* A request that waited for its turn (the peer's limit of streams) and now cannot be sent. nghttp2
 * knows no stream of this id, so on_close is not called for it. */
static int on_not_sent(nghttp2_session *h2, const nghttp2_frame *frame, int code, void *user)
{
    (void)h2;
    wfe_grpc_session *session = user;
    if (code == NGHTTP2_ERR_HEADER_COMP)
        on_not_packed(session);
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    wfe_grpc_stream *stream = session->streams;
    while (stream && stream->id != frame->hd.stream_id)
        stream = stream->next;
    if (!stream)
        return 0;
    stream->closed = true;
    wfe_grpc_stream_end end = {.unprocessed = true, .connection_over = session->draining};
    if (session->broken.kind == WFE_E_NOMEM) {
        wfe_error_nomem(&end.error);
    } else {
        wfe_error_set(&end.error, WFE_E_UNAVAILABLE, "the call could not be sent: %s",
                      nghttp2_strerror(code));
        end.error.grpc_status = WFE_GRPC_UNAVAILABLE;
    }
    wfe_grpc_stream_fail(stream, &end);
    return 0;
}

static int on_error_text(nghttp2_session *h2, int code, const char *text, size_t len, void *user)
{
    (void)h2;
    wfe_grpc_session *session = user;
    (void)code;
    /* nghttp2 complains about single streams as well: shown only if the connection breaks. */
    snprintf(session->note, sizeof session->note, ": %.*s", (int)len, text);
    return 0;
}

static int make_callbacks(nghttp2_session_callbacks **ret)
{
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks))
        return NGHTTP2_ERR_NOMEM;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, before_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error_text);
    *ret = callbacks;
    return 0;
}

/* ---- the session ---- */

static int make_h2(wfe_grpc_session *session)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int code = make_callbacks(&callbacks);
    if (!code)
        code = nghttp2_option_new(&option);
    if (!code) {
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_auto_ping_ack(option, 1);
        code = nghttp2_session_client_new2(&session->h2, callbacks, session, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (code)
        return code;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, session->options.stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, WFE_GRPC_HEADERS_MAX_BYTES},
    };
    code = nghttp2_submit_settings(session->h2, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof *settings);
    if (!code)
        code = nghttp2_session_set_local_window_size(
            session->h2, NGHTTP2_FLAG_NONE, 0, (int32_t)session->options.connection_window_bytes);
    return code;
}

int wfe_grpc_session_new(const wfe_grpc_session_options *options, wfe_grpc_session **ret,
                         wfe_error *err)
{
    wfe_grpc_session *session = calloc(1, sizeof *session);
    if (!session)
        return wfe_error_nomem(err);
    session->options = *options;
    session->authority = strdup(options->authority);
    int code = session->authority ? make_h2(session) : NGHTTP2_ERR_NOMEM;
    if (code) {
        wfe_grpc_session_free(session);
        return error_of_h2(err, code, "cannot make an HTTP/2 session");
    }
    session->options.authority = session->authority;
    *ret = session;
    return 0;
}

void wfe_grpc_session_free(wfe_grpc_session *session)
{
    if (!session)
        return;
    while (session->streams) {
        wfe_grpc_stream *stream = session->streams;
        session->streams = stream->next;
        wfe_grpc_stream_free(stream);
    }
    nghttp2_session_del(session->h2);
    free(session->authority);
    free(session);
}

int wfe_grpc_session_receive(wfe_grpc_session *session, const uint8_t *bytes, size_t len,
                             wfe_error *err)
{
    ssize_t n = nghttp2_session_mem_recv(session->h2, bytes, len);
    if (n >= 0)
        return 0;
    session->draining = true;
    if (n == NGHTTP2_ERR_NOMEM || (n == NGHTTP2_ERR_CALLBACK_FAILURE && !session->flooded))
        return wfe_error_nomem(err);
    return wfe_error_set(err, WFE_E_PROTOCOL, "the peer broke HTTP/2%s", session->note);
}

int wfe_grpc_session_send(wfe_grpc_session *session, const uint8_t **ret, size_t *ret_len,
                          wfe_error *err)
{
    const uint8_t *bytes = NULL;
    ssize_t n = 0;
    if (session->sent_bytes >= PING_WAIT_MAX_BYTES)
        n = answer_held_ping(session);
    session->sending = true;
    if (!n)
        n = nghttp2_session_mem_send(session->h2, &bytes);
    session->sending = false;
    if (n < 0) {
        session->draining = true;
        return error_of_h2(err, (int)n, "cannot make an HTTP/2 frame");
    }
    *ret = bytes;
    *ret_len = (size_t)n;
    return 0;
}

bool wfe_grpc_session_holds_ping(const wfe_grpc_session *session)
{
    return session->ping_held;
}

int wfe_grpc_session_answer_ping(wfe_grpc_session *session, wfe_error *err)
{
    int code = answer_held_ping(session);
    return code ? error_of_h2(err, code, "cannot answer a ping") : 0;
}

void wfe_grpc_session_dispatch(wfe_grpc_session *session)
{
    while (session->resumed) {
        session->resumed = false;
        wfe_grpc_stream *stream = session->streams;
        while (stream && !stream->resumed)
            stream = stream->next;
        if (!stream)
            return;
        session->resumed = true; /* callbacks change the list: look again from its start */
        stream->resumed = false;
        wfe_grpc_stream_deliver_held(stream);
    }
}

void wfe_grpc_session_end_all(wfe_grpc_session *session, const wfe_error *error)
{
    session->draining = true;
    session->ended = true;
    for (;;) {
        wfe_grpc_stream *stream = session->streams;
        while (stream && stream->complete)
            stream = stream->next;
        if (!stream)
            return;
        wfe_grpc_stream_end end = {
            .error = *error, .unprocessed = !stream->sent, .connection_over = true};
        wfe_grpc_stream_fail(stream, &end);
    }
}

bool wfe_grpc_session_is_ready(const wfe_grpc_session *session)
{
    return session->ready;
}

bool wfe_grpc_session_is_draining(const wfe_grpc_session *session)
{
    return session->draining ||
           nghttp2_session_get_next_stream_id(session->h2) > (uint32_t)LAST_STREAM_ID;
}

static bool has_incomplete(const wfe_grpc_session *session)
{
    const wfe_grpc_stream *stream = session->streams;
    while (stream && stream->complete)
        stream = stream->next;
    return stream != NULL;
}

void wfe_grpc_session_reason(const wfe_grpc_session *session, wfe_error *err)
{
    if (session->broken.kind)
        wfe_error_copy(err, &session->broken);
}

bool wfe_grpc_session_is_over(const wfe_grpc_session *session, wfe_error *err)
{
    if (nghttp2_session_want_read(session->h2) || nghttp2_session_want_write(session->h2))
        return false;
    if (session->broken.kind)
        wfe_grpc_session_reason(session, err);
    else if (!session->goaway || has_incomplete(session))
        wfe_error_set(err, WFE_E_PROTOCOL, "the peer broke HTTP/2%s", session->note);
    return true;
}

size_t wfe_grpc_session_count(const wfe_grpc_session *session)
{
    return session->n_streams;
}

/* ---- opening a stream ---- */

/* The stream is looked up anew: it may have been aborted since nghttp2 planned this frame. */
static ssize_t on_pull(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t cap,
                       uint32_t *data_flags, nghttp2_data_source *source, void *user)
{
    (void)source;
    wfe_grpc_session *session = user;
    wfe_grpc_stream *stream = stream_of(h2, id);
    if (!stream)
        return NGHTTP2_ERR_DEFERRED;
    bool eof = false;
    size_t n = stream->fns->pull(buf, cap, &eof, stream->user);
    session->sent_bytes += n;
    if (eof)
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (!n)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
    nghttp2_nv nv = {.namelen = strlen(name), .valuelen = strlen(value)};
    memcpy(&nv.name, &name, sizeof name); /* nghttp2 copies both and changes neither */
    memcpy(&nv.value, &value, sizeof value);
    return nv;
}

static int32_t submit(wfe_grpc_stream *stream, const wfe_grpc_request *request)
{
    const wfe_grpc_session *session = stream->session;
    char timeout[WFE_GRPC_TIMEOUT_SIZE];
    nghttp2_nv fields[8 + WFE_GRPC_METADATA_MAX];
    size_t n = 0;
    fields[n++] = field(":method", "POST");
    fields[n++] = field(":scheme", session->options.https ? "https" : "http");
    fields[n++] = field(":path", request->path);
    fields[n++] = field(":authority", session->authority);
    fields[n++] = field("content-type", "application/grpc");
    fields[n++] = field("te", "trailers");
    fields[n++] = field("user-agent", "wfe/" WFE_VERSION);
    if (request->timeout_ms)
        fields[n++] = field("grpc-timeout", wfe_grpc_timeout_format(request->timeout_ms, timeout));
    assert(request->n_metadata <= WFE_GRPC_METADATA_MAX);
    for (size_t i = 0; i < request->n_metadata; i++)
        fields[n++] = field(request->metadata[i].key, request->metadata[i].value);
    const nghttp2_data_provider provider = {.read_callback = on_pull};
    return nghttp2_submit_request(session->h2, NULL, fields, n, &provider, stream);
}

int wfe_grpc_session_open(wfe_grpc_session *session, const wfe_grpc_request *request,
                          const wfe_grpc_stream_fns *fns, void *user, wfe_grpc_stream **ret,
                          wfe_error *err)
{
    wfe_grpc_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return wfe_error_nomem(err);
    stream->session = session;
    stream->fns = fns;
    stream->user = user;
    stream->grpc_status = -1;
    wfe_grpc_reader_init(&stream->reader, session->options.max_recv_bytes);
    int32_t id = submit(stream, request);
    if (id < 0) {
        wfe_grpc_stream_free(stream);
        return error_of_h2(err, id, "cannot start an HTTP/2 stream");
    }
    stream->id = id;
    stream->next = session->streams;
    if (stream->next)
        stream->next->prev = stream;
    session->streams = stream;
    session->n_streams++;
    *ret = stream;
    return 0;
}
