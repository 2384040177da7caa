/* SPDX-License-Identifier: Apache-2.0
 *
 * A gRPC channel: one HTTP/2 connection to one address, made when the first call needs it, made
 * again with back-off after it is lost, shared by all calls. It never sends pings of its own.
 *
 * All of it runs on one wfe_loop and calls back from there. It owns its socket, its TLS state and
 * its calls. A caller holds a wfe_grpc_call only until the call's done callback has run or
 * wfe_grpc_call_cancel has returned, whichever comes first.
 */
#ifndef WFE_GRPC_CHANNEL_H
#define WFE_GRPC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "grpc/metadata.h"
#include "grpc/status.h"
#include "loop/loop.h"

/* containerd's own limit on messages, both ways (containerd 1.6: defaults/defaults.go). */
#define WFE_GRPC_MESSAGE_MAX_BYTES ((size_t)16 * 1024 * 1024)

typedef struct wfe_grpc_channel wfe_grpc_channel;
typedef struct wfe_grpc_call wfe_grpc_call;

/* Files in PEM form; each may be NULL. Paths are copied. */
typedef struct wfe_grpc_tls {
    const char *ca_file;   /* NULL: the system's certificates */
    const char *cert_file; /* client certificate, with key_file */
    const char *key_file;
    const char *server_name; /* name to check; NULL: the host of the address */
} wfe_grpc_tls;

/* Zero means the default given. */
typedef struct wfe_grpc_channel_options {
    /* /path, unix:///path, unix:path, tcp://host:port, http://host:port, https://host:port */
    const char *address;
    const wfe_grpc_tls *tls;          /* only with https:// (or tcp:// to force TLS); may be NULL */
    const wfe_log *log;               /* borrowed for the channel's life; may be NULL */
    uint32_t connect_timeout_ms;      /* 5,000: socket, TLS and the peer's SETTINGS frame */
    size_t max_send_bytes;            /* WFE_GRPC_MESSAGE_MAX_BYTES: longest request message */
    size_t max_recv_bytes;            /* WFE_GRPC_MESSAGE_MAX_BYTES: longest reply message */
    uint32_t stream_window_bytes;     /* 4 MiB: HTTP/2 receive window of one stream */
    uint32_t connection_window_bytes; /* 16 MiB: of the connection; larger than a stream's */
    uint32_t backoff_first_ms;        /* 100; then times 1.6, give or take a fifth */
    uint32_t backoff_max_ms;          /* 5,000 */
} wfe_grpc_channel_options;

/* Checks the options and connects nothing yet. INVALID for an address of no known form. */
int wfe_grpc_channel_new(wfe_loop *loop, const wfe_grpc_channel_options *options,
                         wfe_grpc_channel **ret, wfe_error *err);
/* Milliseconds since the connection was lost or could not be made; 0 while there is one, or none
 * was asked for. */
uint64_t wfe_grpc_channel_down_ms(const wfe_grpc_channel *channel);
/* Cancels every call without calling back, closes the connection. */
void wfe_grpc_channel_free(wfe_grpc_channel *channel);

/* One reply message, borrowed during the callback. The flow-control credit for it is given back
 * when the callback returns, or at wfe_grpc_call_resume when the callback paused the call. */
typedef void (*wfe_grpc_message_fn)(wfe_grpc_call *call, const void *bytes, size_t len, void *user);
/* The end of the call, exactly once unless it is cancelled: err->kind is 0 for status OK. The call
 * is gone when this returns. err->grpc_status and err->message hold what the peer said. */
typedef void (*wfe_grpc_done_fn)(wfe_grpc_call *call, const wfe_error *err, void *user);
/* The bytes waiting to be sent fell to 0 (after a wfe_grpc_call_send). May be NULL. */
typedef void (*wfe_grpc_writable_fn)(wfe_grpc_call *call, void *user);

typedef struct wfe_grpc_call_options {
    const char *path;                  /* "/package.Service/Method"; a string literal, not copied */
    const wfe_grpc_metadata *metadata; /* copied */
    size_t n_metadata;
    uint64_t deadline_ms; /* from now, over all attempts; 0: none */
    /* May be sent again although the peer may have seen it (Get, List, Wait, Delete ...). Every
     * call is sent again when the peer cannot have seen it. Streams are never sent again once a
     * reply message arrived. */
    bool idempotent;
    /* While there is no connection, wait for one (with back-off, up to the deadline) instead of
     * failing with the first refused connect. */
    bool wait_for_ready;
    wfe_grpc_message_fn on_message; /* may be NULL: messages are dropped */
    wfe_grpc_done_fn on_done;       /* required */
    wfe_grpc_writable_fn on_writable;
    void *user;
} wfe_grpc_call_options;

/* Starts a call of any of the four kinds. Callbacks never run from inside this function. INVALID,
 * NOMEM; a connection that cannot be made is reported to on_done. */
int wfe_grpc_call_start(wfe_grpc_channel *channel, const wfe_grpc_call_options *options,
                        wfe_grpc_call **ret, wfe_error *err);
/* Queues one request message (copied); last half-closes the call after it. A server-streaming or
 * unary call sends one message with last = true. LIMIT when longer than max_send_bytes. After the
 * peer ended the stream it is accepted and dropped: on_done tells. */
int wfe_grpc_call_send(wfe_grpc_call *call, const void *bytes, size_t len, bool last,
                       wfe_error *err);
/* Half-closes without a message. */
int wfe_grpc_call_close_send(wfe_grpc_call *call, wfe_error *err);
/* Bytes queued and not yet written to the connection. */
size_t wfe_grpc_call_pending_bytes(const wfe_grpc_call *call);
/* Stops and restarts delivery: while paused the peer may fill this stream's window and no more,
 * other calls are not held up. */
void wfe_grpc_call_pause(wfe_grpc_call *call);
void wfe_grpc_call_resume(wfe_grpc_call *call);
/* Ends the call with RST_STREAM(CANCEL); no callback runs after it, also when it is called from
 * one of the call's own callbacks. NULL is accepted. */
void wfe_grpc_call_cancel(wfe_grpc_call *call);

/* A call with one request and one reply. */
typedef void (*wfe_grpc_unary_fn)(const void *reply, size_t len, const wfe_error *err, void *user);
/* options' callbacks and user are ignored. fn is called once unless the call is cancelled; reply
 * is borrowed, NULL on failure. A reply stream without a message or with two is PROTOCOL. */
int wfe_grpc_unary(wfe_grpc_channel *channel, const wfe_grpc_call_options *options,
                   const void *request, size_t len, wfe_grpc_unary_fn fn, void *user,
                   wfe_grpc_call **ret, wfe_error *err);

#endif
