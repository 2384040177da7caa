/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP/2 connection: a session (protocol) on a transport (socket), and the time the peer has
 * to show that it speaks HTTP/2. It is not made again when it is lost; the channel makes another.
 * It writes only when told to, so that a turn of the loop costs one write.
 */
#ifndef WFE_GRPC_CONNECTION_H
#define WFE_GRPC_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "grpc/address.h"
#include "grpc/session.h"
#include "grpc/tls.h"
#include "loop/loop.h"

typedef struct wfe_grpc_connection wfe_grpc_connection;

typedef struct wfe_grpc_connection_options {
    wfe_loop *loop;
    const wfe_grpc_address *address; /* borrowed for the connection's life, as tls and log */
    wfe_grpc_tls_context *tls;       /* NULL: plain */
    const wfe_log *log;
    uint32_t connect_timeout_ms; /* socket, TLS and the peer's SETTINGS */
    wfe_grpc_session_options session;
} wfe_grpc_connection_options;

typedef struct wfe_grpc_connection_fns {
    /* Its state changed or it has something to write: a wfe_grpc_connection_flush is due. */
    void (*changed)(void *user);
    /* It is of no more use; its streams have been told already. */
    void (*lost)(wfe_grpc_connection *connection, const wfe_error *err, void *user);
} wfe_grpc_connection_fns;

/* Begins to connect. Errors as of wfe_grpc_transport_open. */
int wfe_grpc_connection_new(const wfe_grpc_connection_options *options,
                            const wfe_grpc_connection_fns *fns, void *user,
                            wfe_grpc_connection **ret, wfe_error *err);
/* May be called from any callback; streams are dropped without one. */
void wfe_grpc_connection_free(wfe_grpc_connection *connection);

wfe_grpc_session *wfe_grpc_connection_session(wfe_grpc_connection *connection);
/* The socket (and TLS) is connected. */
bool wfe_grpc_connection_is_open(const wfe_grpc_connection *connection);
/* The peer has shown that it speaks HTTP/2; stays true after the connection is lost. */
bool wfe_grpc_connection_was_ready(const wfe_grpc_connection *connection);
bool wfe_grpc_connection_is_lost(const wfe_grpc_connection *connection);
/* Writes what the session has to send and delivers what resumed streams held back. Streams' and
 * the connection's callbacks run from inside. */
void wfe_grpc_connection_flush(wfe_grpc_connection *connection);

#endif
