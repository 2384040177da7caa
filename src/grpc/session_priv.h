/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a session, shared by session.c (the connection: nghttp2 and its callbacks) and
 * stream.c (one stream: headers, messages, its end).
 */
#ifndef WFE_GRPC_SESSION_PRIV_H
#define WFE_GRPC_SESSION_PRIV_H

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "grpc/message.h"
#include "grpc/session.h"

struct wfe_grpc_session {
    nghttp2_session *h2; /* owned */
    wfe_grpc_session_options options;
    char *authority;          /* owned */
    wfe_grpc_stream *streams; /* all that have not ended, newest first */
    size_t n_streams;
    bool ready;
    bool draining;
    bool ended;
    bool resumed;      /* some stream's resume waits for dispatch */
    bool goaway;       /* the peer said it */
    bool sending;      /* inside nghttp2's making of frames */
    bool ping_held;    /* a ping that measures waits for its answer */
    bool flooded;      /* the peer sent more pings than it takes answers of */
    size_t sent_bytes; /* of requests, since the last answer to a ping */
    wfe_error broken;  /* the reason a GOAWAY gave; kind 0: none */
    char note[160];    /* nghttp2's last complaint about the peer */
};

struct wfe_grpc_stream {
    wfe_grpc_session *session;
    wfe_grpc_stream *prev;
    wfe_grpc_stream *next;
    int32_t id;
    const wfe_grpc_stream_fns *fns;
    void *user;
    wfe_grpc_reader reader;
    wfe_buf held;         /* bytes that arrived while paused; at most the stream's window */
    size_t held_done;     /* of them delivered */
    size_t uncredited;    /* bytes delivered whose flow-control credit waits for resume */
    int http_status;      /* 0: no headers yet */
    int grpc_status;      /* -1: none seen */
    wfe_buf grpc_message; /* as sent */
    char content_type[64];
    size_t header_bytes;
    bool is_grpc; /* content-type says so */
    bool paused;
    bool resumed;  /* delivery waits for dispatch */
    bool sent;     /* its HEADERS frame has been written */
    bool complete; /* END_STREAM arrived */
    bool closed;   /* nghttp2 has closed it, or never opened it */
    bool gone;     /* ended or aborted; memory stays while busy */
    int busy;      /* depth of functions that will touch it again */
};

/* Frees a stream that is gone and that nobody touches any more. */
void wfe_grpc_stream_leave(wfe_grpc_stream *stream);
void wfe_grpc_stream_free(wfe_grpc_stream *stream);
/* One field of a header or trailer block. False: too much, reset the stream. */
bool wfe_grpc_stream_header(wfe_grpc_stream *stream, const uint8_t *name, size_t name_len,
                            const uint8_t *value, size_t value_len);
/* Bytes of a DATA frame; the connection's credit for them is given back already. */
void wfe_grpc_stream_data(wfe_grpc_stream *stream, const uint8_t *bytes, size_t len);
/* END_STREAM arrived: ends the stream now, or once what is held back has been delivered. */
void wfe_grpc_stream_complete(wfe_grpc_stream *stream);
/* Delivers what was held back, after a resume. */
void wfe_grpc_stream_deliver_held(wfe_grpc_stream *stream);
/* The stream was reset with this HTTP/2 error code. */
void wfe_grpc_stream_reset(wfe_grpc_stream *stream, uint32_t h2_error);
/* Ends the stream for a reason of our own: resets it if it is open, tells its owner. */
void wfe_grpc_stream_fail(wfe_grpc_stream *stream, const wfe_grpc_stream_end *end);

#endif
