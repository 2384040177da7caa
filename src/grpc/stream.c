/* SPDX-License-Identifier: Apache-2.0
 *
 * One stream of a session: its header fields, its messages, its end. A callback may abort the
 * stream it is called for, so every function that calls one holds the stream busy meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "grpc/session.h"
#include "grpc/session_priv.h"
#include "grpc/status.h"

/* Longest grpc-message kept, as sent; three bytes can stand for one. */
#define GRPC_MESSAGE_MAX_BYTES ((size_t)3 * WFE_ERROR_MESSAGE_SIZE)

void wfe_grpc_stream_free(wfe_grpc_stream *stream)
{
    wfe_grpc_reader_done(&stream->reader);
    wfe_buf_done(&stream->held);
    wfe_buf_done(&stream->grpc_message);
    free(stream);
}

void wfe_grpc_stream_leave(wfe_grpc_stream *stream)
{
    if (--stream->busy == 0 && stream->gone)
        wfe_grpc_stream_free(stream);
}

/* After this no frame and no callback of nghttp2 finds the stream. */
static void detach(wfe_grpc_stream *stream, uint32_t reset_code)
{
    wfe_grpc_session *session = stream->session;
    stream->gone = true;
    nghttp2_session_set_stream_user_data(session->h2, stream->id, NULL);
    /* -1: nghttp2 has no such stream: closed already, or still waiting to be sent. */
    bool closed =
        nghttp2_session_get_stream_local_close(session->h2, stream->id) == 1 && stream->complete;
    if (!closed && !session->ended)
        nghttp2_submit_rst_stream(session->h2, NGHTTP2_FLAG_NONE, stream->id, reset_code);
    if (stream->prev)
        stream->prev->next = stream->next;
    else
        session->streams = stream->next;
    if (stream->next)
        stream->next->prev = stream->prev;
    session->n_streams--;
}

static void end(wfe_grpc_stream *stream, const wfe_grpc_stream_end *how, uint32_t reset_code)
{
    if (stream->gone)
        return;
    stream->busy++;
    detach(stream, reset_code);
    stream->fns->ended(how, stream->user);
    wfe_grpc_stream_leave(stream);
}

void wfe_grpc_stream_fail(wfe_grpc_stream *stream, const wfe_grpc_stream_end *how)
{
    end(stream, how, NGHTTP2_CANCEL);
}

void wfe_grpc_stream_abort(wfe_grpc_stream *stream)
{
    if (stream->gone)
        return;
    stream->busy++;
    detach(stream, NGHTTP2_CANCEL);
    wfe_grpc_stream_leave(stream);
}

/* ---- header fields ---- */

static bool is_name(const uint8_t *name, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(name, expected, len) == 0;
}

/* Digits only; -1 for anything else. */
static int number_of(const uint8_t *text, size_t len)
{
    int n = 0;
    if (!len || len > 6)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        n = n * 10 + (text[i] - '0');
    }
    return n;
}

static void take_content_type(wfe_grpc_stream *stream, const uint8_t *value, size_t len)
{
    const size_t prefix = sizeof "application/grpc" - 1;
    size_t n = len < sizeof stream->content_type ? len : sizeof stream->content_type - 1;
    memcpy(stream->content_type, value, n);
    stream->content_type[n] = '\0';
    const char *next = n > prefix ? stream->content_type + prefix : "";
    stream->is_grpc = strncasecmp(stream->content_type, "application/grpc", prefix) == 0 &&
                      (!*next || *next == '+' || *next == ';');
}

bool wfe_grpc_stream_header(wfe_grpc_stream *stream, const uint8_t *name, size_t name_len,
                            const uint8_t *value, size_t value_len)
{
    stream->header_bytes += name_len + value_len + 32;
    if (stream->header_bytes > WFE_GRPC_HEADERS_MAX_BYTES)
        return false;
    if (is_name(name, name_len, ":status")) {
        stream->http_status = number_of(value, value_len);
    } else if (is_name(name, name_len, "grpc-status")) {
        int status = number_of(value, value_len);
        stream->grpc_status = status < 0 ? WFE_GRPC_UNKNOWN : status;
    } else if (is_name(name, name_len, "grpc-message")) {
        stream->grpc_message.len = 0;
        if (value_len > GRPC_MESSAGE_MAX_BYTES)
            value_len = GRPC_MESSAGE_MAX_BYTES;
        wfe_buf_append(&stream->grpc_message, value, value_len,
                       NULL); /* without it: still a status */
    } else if (is_name(name, name_len, "content-type")) {
        take_content_type(stream, value, value_len);
    }
    return true;
}

/* ---- messages ---- */

static void fail_with(wfe_grpc_stream *stream, const wfe_error *error)
{
    wfe_grpc_stream_end how = {.error = *error};
    wfe_grpc_stream_fail(stream, &how);
}

/* A body that is no gRPC (a proxy's error page) is thrown away; its end tells by http_status. */
static bool has_messages(const wfe_grpc_stream *stream)
{
    return stream->http_status == 200 && stream->is_grpc;
}

/* Gives bytes to the reader and messages to the owner, until all are taken or the owner pauses the
 * stream or it is gone. Returns how many were taken. */
static size_t deliver(wfe_grpc_stream *stream, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes;
    size_t left = len;
    while (left && !stream->paused && !stream->gone) {
        const uint8_t *message = NULL;
        size_t message_len = 0;
        size_t before = left;
        wfe_error error = WFE_ERROR_INIT;
        if (wfe_grpc_reader_take(&stream->reader, &at, &left, &message, &message_len, &error)) {
            fail_with(stream, &error);
            return len - left;
        }
        if (message)
            stream->fns->message(message, message_len, stream->user);
        size_t used = before - left;
        if (stream->paused && !stream->gone)
            stream->uncredited += used;
        else
            nghttp2_session_consume_stream(stream->session->h2, stream->id, used);
    }
    return len - left;
}

static void hold(wfe_grpc_stream *stream, const uint8_t *bytes, size_t len)
{
    wfe_error error = WFE_ERROR_INIT;
    /* A reader that pauses after each message may never catch up with all that is held. */
    if (stream->held_done > stream->held.len / 2) {
        wfe_buf_consume(&stream->held, stream->held_done);
        stream->held_done = 0;
    }
    if (wfe_buf_append(&stream->held, bytes, len, &error))
        fail_with(stream, &error);
}

void wfe_grpc_stream_data(wfe_grpc_stream *stream, const uint8_t *bytes, size_t len)
{
    if (!has_messages(stream)) {
        nghttp2_session_consume_stream(stream->session->h2, stream->id, len);
        return;
    }
    stream->busy++;
    size_t taken = stream->held.len ? 0 : deliver(stream, bytes, len);
    if (taken < len && !stream->gone)
        hold(stream, bytes + taken, len - taken);
    wfe_grpc_stream_leave(stream);
}

void wfe_grpc_stream_deliver_held(wfe_grpc_stream *stream)
{
    stream->busy++;
    if (stream->uncredited) {
        nghttp2_session_consume_stream(stream->session->h2, stream->id, stream->uncredited);
        stream->uncredited = 0;
    }
    if (stream->held.len) {
        const uint8_t *held = (const uint8_t *)stream->held.data;
        stream->held_done +=
            deliver(stream, held + stream->held_done, stream->held.len - stream->held_done);
        if (stream->held_done == stream->held.len) {
            wfe_buf_done(&stream->held);
            stream->held_done = 0;
        }
    }
    if (stream->complete && !stream->gone)
        wfe_grpc_stream_complete(stream);
    wfe_grpc_stream_leave(stream);
}

/* ---- the end ---- */

static int fail_of(wfe_error *err, int kind, int status, const char *text)
{
    wfe_error_set(err, kind, "%s", text);
    err->grpc_status = status;
    err->retryable = status == WFE_GRPC_UNAVAILABLE || status == WFE_GRPC_ABORTED;
    return kind;
}

static void error_of_status(wfe_grpc_stream *stream, wfe_error *err)
{
    int status =
        stream->grpc_status > WFE_GRPC_UNAUTHENTICATED ? WFE_GRPC_UNKNOWN : stream->grpc_status;
    char text[WFE_ERROR_MESSAGE_SIZE];
    wfe_buf *message = &stream->grpc_message;
    _cleanup_free_ char *said = NULL;
    if (message->len)
        message->len = wfe_grpc_percent_decode(message->data, message->len);
    if (message->len && !wfe_utf8_clean(message->data, message->len, &said, NULL, NULL)) {
        snprintf(text, sizeof text, "%s", said);
    } else if (stream->grpc_status != status) {
        snprintf(text, sizeof text, "the peer answered with the unknown gRPC status %d",
                 stream->grpc_status);
    } else {
        snprintf(text, sizeof text, "the peer answered %s and gave no reason",
                 wfe_grpc_status_name(status));
    }
    fail_of(err, wfe_grpc_status_error_kind(status), status, text);
}

static void error_of_http(const wfe_grpc_stream *stream, wfe_error *err)
{
    int status = wfe_grpc_status_from_http(stream->http_status);
    char text[128];
    snprintf(text, sizeof text, "the peer answered HTTP status %d and no gRPC status",
             stream->http_status);
    fail_of(err, wfe_grpc_status_error_kind(status), status, text);
}

/* What the peer's last frame made of the call. */
static void judge(wfe_grpc_stream *stream, wfe_error *err)
{
    if (stream->grpc_status > 0) {
        error_of_status(stream, err);
    } else if (stream->grpc_status < 0 && stream->http_status != 200) {
        error_of_http(stream, err);
    } else if (stream->content_type[0] && !stream->is_grpc) {
        char text[128];
        snprintf(text, sizeof text, "the peer's answer is no gRPC but %s", stream->content_type);
        fail_of(err, WFE_E_PROTOCOL, WFE_GRPC_UNKNOWN, text);
    } else if (stream->grpc_status < 0) {
        fail_of(err, WFE_E_PROTOCOL, WFE_GRPC_INTERNAL,
                "the peer ended the answer without a gRPC status");
    } else if (wfe_grpc_reader_is_inside(&stream->reader)) {
        fail_of(err, WFE_E_PROTOCOL, WFE_GRPC_INTERNAL,
                "the peer ended the answer in the middle of a message");
    }
    if (err->kind && stream->http_status != 200 && stream->http_status > 0)
        err->http_status = stream->http_status;
}

void wfe_grpc_stream_complete(wfe_grpc_stream *stream)
{
    stream->complete = true;
    if (stream->paused || stream->held.len)
        return;
    wfe_grpc_stream_end how = {0};
    judge(stream, &how.error);
    end(stream, &how, NGHTTP2_NO_ERROR);
}

void wfe_grpc_stream_reset(wfe_grpc_stream *stream, uint32_t h2_error)
{
    wfe_grpc_stream_end how = {.unprocessed = h2_error == NGHTTP2_REFUSED_STREAM};
    int status = wfe_grpc_status_from_h2(h2_error);
    char text[128];
    snprintf(text, sizeof text, "the peer reset the stream with %s",
             nghttp2_http2_strerror(h2_error));
    fail_of(&how.error, wfe_grpc_status_error_kind(status), status, text);
    wfe_grpc_stream_fail(stream, &how);
}

/* ---- what owners ask ---- */

void wfe_grpc_stream_wake(wfe_grpc_stream *stream)
{
    nghttp2_session_resume_data(stream->session->h2, stream->id);
}

void wfe_grpc_stream_pause(wfe_grpc_stream *stream)
{
    stream->paused = true;
    stream->resumed = false;
}

void wfe_grpc_stream_resume(wfe_grpc_stream *stream)
{
    if (!stream->paused)
        return;
    stream->paused = false;
    stream->resumed = true;
    stream->session->resumed = true;
}

bool wfe_grpc_stream_is_complete(const wfe_grpc_stream *stream)
{
    return stream->complete;
}
