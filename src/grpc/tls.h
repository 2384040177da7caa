/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS as a filter without I/O: encrypted bytes in, encrypted bytes out. The only file that names
 * OpenSSL's TLS; the library is loaded when the first context is made. TLS 1.2 or newer, the
 * peer's certificate and name always checked, ALPN "h2" insisted on.
 */
#ifndef WFE_GRPC_TLS_H
#define WFE_GRPC_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

typedef struct wfe_grpc_tls_context wfe_grpc_tls_context;
typedef struct wfe_grpc_tls_session wfe_grpc_tls_session;

/* Reads the certificates (PEM files, each may be NULL). name is the one the peer's certificate
 * must be for, a host name or an IP address; copied. INVALID, naming the file; UNAVAILABLE without
 * OpenSSL. */
int wfe_grpc_tls_context_new(const char *ca_file, const char *cert_file, const char *key_file,
                             const char *name, wfe_grpc_tls_context **ret, wfe_error *err);
void wfe_grpc_tls_context_free(wfe_grpc_tls_context *context);

/* context is borrowed for the session's life. */
int wfe_grpc_tls_session_new(wfe_grpc_tls_context *context, wfe_grpc_tls_session **ret,
                             wfe_error *err);
void wfe_grpc_tls_session_free(wfe_grpc_tls_session *session);

/* Encrypted bytes from the peer. */
int wfe_grpc_tls_feed(wfe_grpc_tls_session *session, const uint8_t *bytes, size_t len,
                      wfe_error *err);
/* Moves encrypted bytes for the peer to the end of out. */
int wfe_grpc_tls_drain(wfe_grpc_tls_session *session, wfe_buf *out, wfe_error *err);
/* One step; *ret_done when it is complete. DENIED for a certificate that is not good, PROTOCOL for
 * a peer without h2 or that broke off. */
int wfe_grpc_tls_handshake(wfe_grpc_tls_session *session, bool *ret_done, wfe_error *err);
/* *ret_len 0: more must be fed. UNAVAILABLE when the peer closed. */
int wfe_grpc_tls_read(wfe_grpc_tls_session *session, uint8_t *buf, size_t cap, size_t *ret_len,
                      wfe_error *err);
int wfe_grpc_tls_write(wfe_grpc_tls_session *session, const uint8_t *bytes, size_t len,
                       wfe_error *err);

#endif
