/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream socket to a gRPC server, plain or under TLS, that never blocks. It knows nothing of
 * HTTP/2. Callbacks run from the loop only; they may free the transport.
 */
#ifndef WFE_GRPC_TRANSPORT_H
#define WFE_GRPC_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "grpc/address.h"
#include "grpc/tls.h"
#include "loop/loop.h"

typedef struct wfe_grpc_transport wfe_grpc_transport;

typedef struct wfe_grpc_transport_fns {
    /* Bytes can be sent from now on. */
    void (*opened)(void *user);
    /* It cannot be opened, or (while a recv or send was pending) broke. Free it. */
    void (*failed)(const wfe_error *err, void *user);
    void (*readable)(void *user);
    /* After a send that did not take everything. */
    void (*writable)(void *user);
} wfe_grpc_transport_fns;

/* Begins to connect. address, fns and tls (NULL: plain) are borrowed for the transport's life.
 * It may be open already when this returns; opened is called only if it was not. An address that
 * refuses at once fails here: NOT_FOUND, UNAVAILABLE, DENIED, each with what to do about it. */
int wfe_grpc_transport_open(wfe_loop *loop, const wfe_grpc_address *address,
                            wfe_grpc_tls_context *tls, const wfe_grpc_transport_fns *fns,
                            void *user, wfe_grpc_transport **ret, wfe_error *err);
bool wfe_grpc_transport_is_open(const wfe_grpc_transport *transport);
/* What it is doing before it is open: "connecting", "TLS handshake". Static. */
const char *wfe_grpc_transport_stage(const wfe_grpc_transport *transport);
void wfe_grpc_transport_free(wfe_grpc_transport *transport);

/* *ret_len 0: nothing there now. UNAVAILABLE when the peer closed the connection. */
int wfe_grpc_transport_recv(wfe_grpc_transport *transport, uint8_t *buf, size_t cap,
                            size_t *ret_len, wfe_error *err);
/* After a recv that did not fill its buffer: will readable tell of whatever is left? Under TLS
 * there may be bytes that have left the socket already. */
bool wfe_grpc_transport_tells_all(const wfe_grpc_transport *transport);
/* *ret_taken less than len: writable tells when to go on. */
int wfe_grpc_transport_send(wfe_grpc_transport *transport, const uint8_t *bytes, size_t len,
                            size_t *ret_taken, wfe_error *err);

#endif
