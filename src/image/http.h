/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP requests by libcurl's multi interface on the loop: one transfer each, connections shared.
 * It knows nothing of registries, follows no redirect, retries nothing, and reads no environment.
 * libcurl is loaded with the first wfe_http.
 */
#ifndef WFE_IMAGE_HTTP_H
#define WFE_IMAGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"

typedef struct wfe_http wfe_http;

/* Copied; see wfe_registry_options, which these come from. */
typedef struct wfe_http_options {
    const char *http_proxy;
    const char *https_proxy;
    const char *no_proxy;
    unsigned connections_per_host;
    uint32_t connect_timeout_ms;
    uint32_t stall_timeout_ms;
} wfe_http_options;

int wfe_http_new(wfe_loop *loop, const wfe_http_options *options, wfe_http **ret, wfe_error *err);
/* All transfers must have been freed. NULL is accepted. */
void wfe_http_free(wfe_http *http);

/* How a connection is made to one host. Borrowed by transfers for their life. */
typedef struct wfe_http_tls {
    const char *ca_pem; /* beside the system's authorities; NULL: none */
    size_t ca_len;
    const char *cert_file; /* NULL: none */
    const char *key_file;  /* NULL: in cert_file */
    bool skip_verify;
} wfe_http_tls;

typedef enum wfe_http_method { WFE_HTTP_GET, WFE_HTTP_HEAD, WFE_HTTP_POST } wfe_http_method;

typedef struct wfe_http_request {
    wfe_http_method method;
    const char *url;
    const char *const *headers;  /* "Name: value", copied; ends with NULL; may be NULL */
    const char *body;            /* POST: a form; copied */
    const wfe_http_tls *tls;     /* NULL: the system's authorities */
    uint32_t deadline_ms;        /* for the whole of it; 0: none */
    uint32_t connect_timeout_ms; /* 0: that of the options */
} wfe_http_request;

/* Why there was no complete response. */
typedef enum wfe_http_failure {
    WFE_HTTP_OK,          /* there was one; its status may be anything */
    WFE_HTTP_UNREACHABLE, /* unknown host, refused, no connection in time */
    WFE_HTTP_TLS,         /* the handshake failed: trying again does not help */
    WFE_HTTP_BROKEN,      /* cut off, stalled, or out of order after the connection was there */
    WFE_HTTP_REFUSED,     /* data or head of fns returned a failure */
    WFE_HTTP_FATAL,       /* no memory, a URL that is none */
} wfe_http_failure;

typedef struct wfe_http_transfer wfe_http_transfer;

/* Each may free any transfer, its own too. head comes before the first data, or before done when
 * there is no body. A negative result ends the transfer: done gets REFUSED and that error. */
typedef struct wfe_http_fns {
    int (*head)(wfe_error *err, void *user);
    int (*data)(const void *bytes, size_t len, wfe_error *err, void *user);
    void (*done)(wfe_http_failure failure, const wfe_error *err, void *user);
} wfe_http_fns;

/* fns is copied. Free with wfe_http_transfer_free, after done too. */
int wfe_http_start(wfe_http *http, const wfe_http_request *request, const wfe_http_fns *fns,
                   void *user, wfe_http_transfer **ret, wfe_error *err);
/* From head on: the status and headers of the response. The text is borrowed until the next call
 * for the same transfer; NULL when there is no such header. index counts headers of one name. */
int wfe_http_status(wfe_http_transfer *transfer);
const char *wfe_http_header(wfe_http_transfer *transfer, const char *name, size_t index);
/* Where a redirect leads, as a whole URL; NULL: nowhere. Borrowed until the transfer is freed. */
const char *wfe_http_redirect_url(wfe_http_transfer *transfer);
/* data is not called while paused; see wfe_registry_fetch_pause. */
void wfe_http_pause(wfe_http_transfer *transfer);
void wfe_http_resume(wfe_http_transfer *transfer);
/* NULL is accepted. */
void wfe_http_transfer_free(wfe_http_transfer *transfer);

/* ---- URLs ---- */

typedef struct wfe_http_url {
    bool is_https;
    char host[256]; /* as written, an IPv6 address with its brackets */
    unsigned port;  /* the scheme's, when the URL has none */
    bool has_login; /* there is "user@" or "user:password@" in it */
    bool has_query;
    char path[2048]; /* "/" at least */
} wfe_http_url;

/* An http:// or https:// URL. INVALID, without the URL in the message (it may hold secrets),
 * NOMEM, UNAVAILABLE. */
int wfe_http_url_parse(const char *text, wfe_http_url *out, wfe_error *err);
/* Same scheme, host and port: what may see the same credentials. */
bool wfe_http_url_same_origin(const wfe_http_url *a, const wfe_http_url *b);
/* localhost, 127.0.0.0/8 and ::1; host may have brackets and no port. */
bool wfe_http_host_is_local(const char *host);

#endif
