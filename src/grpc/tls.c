/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/dynlib.h"

#define SSL_FUNCTIONS(X)                                                                           \
    X(TLS_client_method)                                                                           \
    X(SSL_CTX_new)                                                                                 \
    X(SSL_CTX_free)                                                                                \
    X(SSL_CTX_ctrl)                                                                                \
    X(SSL_CTX_set_verify)                                                                          \
    X(SSL_CTX_set_default_verify_paths)                                                            \
    X(SSL_CTX_load_verify_locations)                                                               \
    X(SSL_CTX_use_certificate_chain_file)                                                          \
    X(SSL_CTX_use_PrivateKey_file)                                                                 \
    X(SSL_CTX_check_private_key)                                                                   \
    X(SSL_CTX_set_alpn_protos)                                                                     \
    X(SSL_new)                                                                                     \
    X(SSL_free)                                                                                    \
    X(SSL_ctrl)                                                                                    \
    X(SSL_set_bio)                                                                                 \
    X(SSL_set1_host)                                                                               \
    X(SSL_get0_param)                                                                              \
    X(SSL_set_connect_state)                                                                       \
    X(SSL_do_handshake)                                                                            \
    X(SSL_get_error)                                                                               \
    X(SSL_get_verify_result)                                                                       \
    X(SSL_get0_alpn_selected)                                                                      \
    X(SSL_read)                                                                                    \
    X(SSL_write)

#define CRYPTO_FUNCTIONS(X)                                                                        \
    X(BIO_new)                                                                                     \
    X(BIO_s_mem)                                                                                   \
    X(BIO_free)                                                                                    \
    X(BIO_read)                                                                                    \
    X(BIO_write)                                                                                   \
    X(BIO_ctrl)                                                                                    \
    X(BIO_ctrl_pending)                                                                            \
    X(ERR_clear_error)                                                                             \
    X(ERR_peek_last_error)                                                                         \
    X(ERR_reason_error_string)                                                                     \
    X(X509_VERIFY_PARAM_set1_ip_asc)                                                               \
    X(X509_verify_cert_error_string)

static struct {
#define TLS_MEMBER(name) __typeof__ (&(name))(name);
    SSL_FUNCTIONS(TLS_MEMBER)
    CRYPTO_FUNCTIONS(TLS_MEMBER)
#undef TLS_MEMBER
} ssl;

struct wfe_grpc_tls_context {
    SSL_CTX *ctx;
    char *name; /* the peer's certificate must be for this one */
    bool is_ip;
};

struct wfe_grpc_tls_session {
    const wfe_grpc_tls_context *context;
    SSL *ssl;
    BIO *from_peer; /* owned by ssl */
    BIO *to_peer;   /* owned by ssl */
};

static int load_ssl(wfe_error *err)
{
#define TLS_SYMBOL(name) {#name, (void **)&ssl.name},
    static const wfe_dynlib_symbol crypto_symbols[] = {CRYPTO_FUNCTIONS(TLS_SYMBOL)};
    static const wfe_dynlib_symbol ssl_symbols[] = {SSL_FUNCTIONS(TLS_SYMBOL)};
#undef TLS_SYMBOL
    if (ssl.SSL_write)
        return 0;
    int rc = wfe_dynlib_load("libcrypto.so.3", "libssl3", crypto_symbols,
                             sizeof crypto_symbols / sizeof *crypto_symbols, err);
    if (!rc)
        rc = wfe_dynlib_load("libssl.so.3", "libssl3", ssl_symbols,
                             sizeof ssl_symbols / sizeof *ssl_symbols, err);
    return rc;
}

static const char *last_reason(void)
{
    unsigned long code = ssl.ERR_peek_last_error();
    const char *reason = code ? ssl.ERR_reason_error_string(code) : NULL;
    return reason ? reason : "no reason given";
}

/* ---- the context ---- */

/* OpenSSL's own word for a file that is not there is "system lib". */
static int cannot_use(const char *what, const char *file, wfe_error *err)
{
    _cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return wfe_error_set(err, WFE_E_INVALID, "cannot use %s in '%s': %s", what, file,
                             strerror(errno));
    wfe_error_set(err, WFE_E_INVALID, "cannot use %s in '%s': %s", what, file, last_reason());
    wfe_error_hint(err, "it must be a file in PEM form, with a line that begins -----BEGIN");
    return WFE_E_INVALID;
}

static int load_authorities(SSL_CTX *ctx, const char *ca_file, wfe_error *err)
{
    int ok = ca_file ? ssl.SSL_CTX_load_verify_locations(ctx, ca_file, NULL)
                     : ssl.SSL_CTX_set_default_verify_paths(ctx);
    if (ok == 1)
        return 0;
    if (ca_file)
        return cannot_use("the CA certificates", ca_file, err);
    return wfe_error_set(err, WFE_E_INVALID, "cannot read the CA certificates of the system: %s",
                         last_reason());
}

static int load_identity(SSL_CTX *ctx, const char *cert_file, const char *key_file, wfe_error *err)
{
    if (!cert_file && !key_file)
        return 0;
    if (!cert_file || !key_file)
        return wfe_error_set(err, WFE_E_INVALID,
                             "a client certificate needs both a certificate file and a key file");
    if (ssl.SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
        return cannot_use("the client certificate", cert_file, err);
    if (ssl.SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1 ||
        ssl.SSL_CTX_check_private_key(ctx) != 1)
        return cannot_use("the client key", key_file, err);
    return 0;
}

static bool is_ip_address(const char *name)
{
    unsigned char raw[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
}

int wfe_grpc_tls_context_new(const char *ca_file, const char *cert_file, const char *key_file,
                             const char *name, wfe_grpc_tls_context **ret, wfe_error *err)
{
    static const unsigned char alpn[] = {2, 'h', '2'};
    int rc = load_ssl(err);
    if (rc)
        return rc;
    wfe_grpc_tls_context *context = calloc(1, sizeof *context);
    if (!context)
        return wfe_error_nomem(err);
    ssl.ERR_clear_error();
    context->name = strdup(name);
    context->is_ip = is_ip_address(name);
    context->ctx = ssl.SSL_CTX_new(ssl.TLS_client_method());
    if (!context->name || !context->ctx ||
        !ssl.SSL_CTX_ctrl(context->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) ||
        ssl.SSL_CTX_set_alpn_protos(context->ctx, alpn, sizeof alpn) != 0)
        rc = wfe_error_nomem(err);
    if (!rc) {
        ssl.SSL_CTX_set_verify(context->ctx, SSL_VERIFY_PEER, NULL);
        rc = load_authorities(context->ctx, ca_file, err);
    }
    if (!rc)
        rc = load_identity(context->ctx, cert_file, key_file, err);
    if (rc) {
        wfe_grpc_tls_context_free(context);
        return rc;
    }
    *ret = context;
    return 0;
}

void wfe_grpc_tls_context_free(wfe_grpc_tls_context *context)
{
    if (!context)
        return;
    ssl.SSL_CTX_free(context->ctx);
    free(context->name);
    free(context);
}

/* ---- one connection ---- */

static bool set_name(const wfe_grpc_tls_session *session)
{
    const wfe_grpc_tls_context *context = session->context;
    if (context->is_ip)
        return ssl.X509_VERIFY_PARAM_set1_ip_asc(ssl.SSL_get0_param(session->ssl), context->name) ==
               1;
    /* As SSL_set_tlsext_host_name, which is a macro over SSL_ctrl. */
    return ssl.SSL_set1_host(session->ssl, context->name) == 1 &&
           ssl.SSL_ctrl(session->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                        context->name) == 1;
}

int wfe_grpc_tls_session_new(wfe_grpc_tls_context *context, wfe_grpc_tls_session **ret,
                             wfe_error *err)
{
    wfe_grpc_tls_session *session = calloc(1, sizeof *session);
    if (!session)
        return wfe_error_nomem(err);
    session->context = context;
    session->ssl = ssl.SSL_new(context->ctx);
    BIO *in = ssl.BIO_new(ssl.BIO_s_mem());
    BIO *out = ssl.BIO_new(ssl.BIO_s_mem());
    if (!session->ssl || !in || !out) {
        ssl.BIO_free(in);
        ssl.BIO_free(out);
        wfe_grpc_tls_session_free(session);
        return wfe_error_nomem(err);
    }
    ssl.SSL_set_bio(session->ssl, in, out);
    session->from_peer = in;
    session->to_peer = out;
    ssl.SSL_set_connect_state(session->ssl);
    if (!set_name(session)) {
        wfe_grpc_tls_session_free(session);
        return wfe_error_set(err, WFE_E_INVALID, "'%s' is no name a certificate can have",
                             context->name);
    }
    *ret = session;
    return 0;
}

void wfe_grpc_tls_session_free(wfe_grpc_tls_session *session)
{
    if (!session)
        return;
    ssl.SSL_free(session->ssl);
    free(session);
}

int wfe_grpc_tls_feed(wfe_grpc_tls_session *session, const uint8_t *bytes, size_t len,
                      wfe_error *err)
{
    return ssl.BIO_write(session->from_peer, bytes, (int)len) == (int)len ? 0
                                                                          : wfe_error_nomem(err);
}

int wfe_grpc_tls_drain(wfe_grpc_tls_session *session, wfe_buf *out, wfe_error *err)
{
    size_t len = ssl.BIO_ctrl_pending(session->to_peer);
    if (!len)
        return 0;
    int rc = wfe_buf_reserve(out, len, err);
    if (rc)
        return rc;
    int n = ssl.BIO_read(session->to_peer, out->data + out->len, (int)len);
    if (n > 0)
        out->len += (size_t)n;
    return 0;
}

/* Alerts by which a server refuses who we are (RFC 8446 6.2); TLS 1.2 has none for a missing
 * certificate and sends handshake_failure. */
static bool is_refusal(int alert)
{
    switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static int no_h2(wfe_error *err)
{
    wfe_error_set(err, WFE_E_PROTOCOL,
                  "the server does not offer HTTP/2 over TLS (ALPN h2 was not agreed on)");
    wfe_error_hint(err, "make the TLS proxy offer ALPN h2");
    return WFE_E_PROTOCOL;
}

/* What OpenSSL's queue says. A server that refuses our certificate says so during the handshake of
 * TLS 1.2, but only after that of TLS 1.3. */
static int session_error(wfe_error *err)
{
    unsigned long code = ssl.ERR_peek_last_error();
    int alert =
        code && ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET : 0;
    if (alert == SSL_AD_NO_APPLICATION_PROTOCOL)
        return no_h2(err);
    if (!is_refusal(alert)) {
        wfe_error_set(err, WFE_E_PROTOCOL, "TLS failed: %s", last_reason());
        if (code && ERR_GET_LIB(code) == ERR_LIB_SSL &&
            ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
            wfe_error_hint(err, "the server there does not speak TLS; is it the right port? "
                                "Without TLS an address begins with http:// or tcp://");
        return WFE_E_PROTOCOL;
    }
    wfe_error_set(err, WFE_E_DENIED, "the server refused us: %s", last_reason());
    wfe_error_hint(err, "check the client certificate and key given for TLS");
    return WFE_E_DENIED;
}

static int handshake_error(wfe_grpc_tls_session *session, wfe_error *err)
{
    long verify = ssl.SSL_get_verify_result(session->ssl);
    if (verify == X509_V_OK)
        return session_error(err);
    wfe_error_set(err, WFE_E_DENIED, "the server's certificate is not accepted for '%s': %s",
                  session->context->name, ssl.X509_verify_cert_error_string(verify));
    wfe_error_hint(err, "check the CA file and the server name given for TLS");
    return WFE_E_DENIED;
}

static int check_alpn(wfe_grpc_tls_session *session, wfe_error *err)
{
    const unsigned char *name = NULL;
    unsigned int len = 0;
    ssl.SSL_get0_alpn_selected(session->ssl, &name, &len);
    if (len == 2 && memcmp(name, "h2", 2) == 0)
        return 0;
    return no_h2(err);
}

int wfe_grpc_tls_handshake(wfe_grpc_tls_session *session, bool *ret_done, wfe_error *err)
{
    *ret_done = false;
    ssl.ERR_clear_error();
    int n = ssl.SSL_do_handshake(session->ssl);
    if (n == 1) {
        *ret_done = true;
        return check_alpn(session, err);
    }
    int why = ssl.SSL_get_error(session->ssl, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return 0;
    return handshake_error(session, err);
}

int wfe_grpc_tls_read(wfe_grpc_tls_session *session, uint8_t *buf, size_t cap, size_t *ret_len,
                      wfe_error *err)
{
    *ret_len = 0;
    ssl.ERR_clear_error();
    int n = ssl.SSL_read(session->ssl, buf, (int)cap);
    if (n > 0) {
        *ret_len = (size_t)n;
        return 0;
    }
    int why = ssl.SSL_get_error(session->ssl, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return 0;
    if (why == SSL_ERROR_ZERO_RETURN)
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "the peer closed the connection");
    return session_error(err);
}

int wfe_grpc_tls_write(wfe_grpc_tls_session *session, const uint8_t *bytes, size_t len,
                       wfe_error *err)
{
    ssl.ERR_clear_error();
    /* A memory BIO takes everything, so there is no half-done write to come back to. */
    if (!len || ssl.SSL_write(session->ssl, bytes, (int)len) > 0)
        return 0;
    return session_error(err);
}
