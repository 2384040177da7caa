/* SPDX-License-Identifier: Apache-2.0
 *
 * The core of the gRPC client: one HTTP/2 connection's worth of protocol over libnghttp2, without
 * any I/O and without time. Bytes from the peer go in through wfe_grpc_session_receive, bytes for
 * the peer come out of wfe_grpc_session_send; what happens to a stream is told by callbacks from
 * receive, send and dispatch only. Callbacks may open, pause, resume and abort any stream; they
 * may not free the session.
 */
#ifndef WFE_GRPC_SESSION_H
#define WFE_GRPC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "grpc/metadata.h"

/* Longest header block accepted from the peer, counted as RFC 9113 6.5.2 does. */
#define WFE_GRPC_HEADERS_MAX_BYTES ((size_t)128 * 1024)

typedef struct wfe_grpc_session wfe_grpc_session;
typedef struct wfe_grpc_stream wfe_grpc_stream;

typedef struct wfe_grpc_session_options {
    const char *authority; /* copied */
    bool https;            /* :scheme */
    size_t max_recv_bytes; /* longest reply message */
    uint32_t stream_window_bytes;
    uint32_t connection_window_bytes;
} wfe_grpc_session_options;

int wfe_grpc_session_new(const wfe_grpc_session_options *options, wfe_grpc_session **ret,
                         wfe_error *err);
/* Streams that still exist are dropped without a callback. */
void wfe_grpc_session_free(wfe_grpc_session *session);

/* Takes bytes from the peer. PROTOCOL when they are no HTTP/2; the connection is then of no use. */
int wfe_grpc_session_receive(wfe_grpc_session *session, const uint8_t *bytes, size_t len,
                             wfe_error *err);
/* Gives the next bytes for the peer, borrowed until the next call; *ret_len is 0 when there are
 * none. */
int wfe_grpc_session_send(wfe_grpc_session *session, const uint8_t **ret, size_t *ret_len,
                          wfe_error *err);
/* A ping waits for its answer, which need not come at once: it goes out when much has been sent,
 * or when the owner says so, which has to be soon. */
bool wfe_grpc_session_holds_ping(const wfe_grpc_session *session);
int wfe_grpc_session_answer_ping(wfe_grpc_session *session, wfe_error *err);
/* Delivers what resumed streams held back. */
void wfe_grpc_session_dispatch(wfe_grpc_session *session);
/* The connection is lost: ends every stream that is not complete with this error, and opens no
 * more. Streams that are complete and paused stay until they are resumed or aborted. */
void wfe_grpc_session_end_all(wfe_grpc_session *session, const wfe_error *error);

/* The peer's SETTINGS frame has arrived. */
bool wfe_grpc_session_is_ready(const wfe_grpc_session *session);
/* No stream can be opened any more: GOAWAY arrived, stream ids ran out, or the session ended. */
bool wfe_grpc_session_is_draining(const wfe_grpc_session *session);
/* Nothing is left to send or to receive. err gets why, when the peer or we broke it off. */
bool wfe_grpc_session_is_over(const wfe_grpc_session *session, wfe_error *err);
/* What the peer's GOAWAY gave as its reason; err stays unset when there is none. */
void wfe_grpc_session_reason(const wfe_grpc_session *session, wfe_error *err);
size_t wfe_grpc_session_count(const wfe_grpc_session *session);

/* How a stream ended; borrowed during the callback. */
typedef struct wfe_grpc_stream_end {
    wfe_error error;      /* kind 0: status OK */
    bool unprocessed;     /* the peer has not acted on the request: it can be sent again */
    bool connection_over; /* it ended because its connection does (GOAWAY, lost) */
} wfe_grpc_stream_end;

typedef struct wfe_grpc_stream_fns {
    /* Copies up to cap request bytes to buf and returns how many; with 0 and *eof unset the stream
     * waits for wfe_grpc_stream_wake. *eof set: these were the last ones. Calls nothing of the
     * session. */
    size_t (*pull)(uint8_t *buf, size_t cap, bool *eof, void *user);
    /* One reply message, borrowed. */
    void (*message)(const uint8_t *bytes, size_t len, void *user);
    /* The stream is gone when this returns. */
    void (*ended)(const wfe_grpc_stream_end *end, void *user);
} wfe_grpc_stream_fns;

typedef struct wfe_grpc_request {
    const char *path;
    uint64_t timeout_ms; /* 0: none */
    const wfe_grpc_metadata *metadata;
    size_t n_metadata;
} wfe_grpc_request;

/* fns is borrowed for the stream's life; the request is copied. */
int wfe_grpc_session_open(wfe_grpc_session *session, const wfe_grpc_request *request,
                          const wfe_grpc_stream_fns *fns, void *user, wfe_grpc_stream **ret,
                          wfe_error *err);
/* There are bytes to pull again. */
void wfe_grpc_stream_wake(wfe_grpc_stream *stream);
/* Stops delivery. What the peer sends meanwhile, at most a stream's window, is held back. */
void wfe_grpc_stream_pause(wfe_grpc_stream *stream);
/* Delivery goes on at the next wfe_grpc_session_dispatch. */
void wfe_grpc_stream_resume(wfe_grpc_stream *stream);
/* The peer has ended its side; only held-back messages are left. */
bool wfe_grpc_stream_is_complete(const wfe_grpc_stream *stream);
/* Resets the stream with CANCEL if it is still open and frees it; no callback runs. */
void wfe_grpc_stream_abort(wfe_grpc_stream *stream);

#endif
