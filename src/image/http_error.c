/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading libcurl, and what its codes mean.
 */
#include <string.h>

#include "base/dynlib.h"
#include "image/http_priv.h"

wfe_curl wfe_curl_lib;

int wfe_curl_load(wfe_error *err)
{
    static const wfe_dynlib_symbol symbols[] = {
#define CURL_SYMBOL(name) {#name, (void **)&wfe_curl_lib.name},
        WFE_CURL_FUNCTIONS(CURL_SYMBOL)
#undef CURL_SYMBOL
    };
    static bool loaded;
    if (loaded)
        return 0;
    int rc =
        wfe_dynlib_load("libcurl.so.4", "libcurl4", symbols, sizeof symbols / sizeof *symbols, err);
    if (rc)
        return rc;
    if (wfe_curl_lib.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "libcurl cannot be initialised");
    loaded = true;
    return 0;
}

static wfe_http_failure unreachable(int kind, const char *what, const char *text, wfe_error *err)
{
    wfe_error_set(err, kind, "%s (%s)", what, text);
    return WFE_HTTP_UNREACHABLE;
}

static wfe_http_failure tls_failure(const char *text, wfe_error *err)
{
    wfe_error_set(err, WFE_E_DENIED, "TLS failed: %s", text);
    return WFE_HTTP_TLS;
}

static wfe_http_failure broken(const char *what, const char *text, wfe_error *err)
{
    wfe_error_set(err, WFE_E_UNAVAILABLE, "%s (%s)", what, text);
    return WFE_HTTP_BROKEN;
}

static wfe_http_failure timed_out(bool connected, const char *text, wfe_error *err)
{
    wfe_error_set(err, WFE_E_TIMEOUT, "%s (%s)",
                  connected ? "nothing comes any more" : "no connection in time", text);
    return connected ? WFE_HTTP_BROKEN : WFE_HTTP_UNREACHABLE;
}

/* With TLS 1.3 a server refuses our certificate, or that there is none, only after the handshake.
 */
static bool is_refusal_by_tls(const char *text)
{
    return strstr(text, "alert") && strstr(text, "certificate");
}

/* The connection went away during the handshake, which says nothing against it. */
static bool is_broken_handshake(const char *text)
{
    return strstr(text, "SSL_ERROR_SYSCALL") || strstr(text, "reset by peer") ||
           strstr(text, "Broken pipe");
}

wfe_http_failure wfe_curl_failure(CURLcode code, bool connected, long sys_errno, const char *text,
                                  wfe_error *err)
{
    if (err && sys_errno > 0)
        err->sys_errno = (int)sys_errno;
    if (!text[0])
        text = wfe_curl_lib.curl_easy_strerror(code);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return unreachable(WFE_E_UNAVAILABLE, "unknown host", text, err);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return unreachable(WFE_E_UNAVAILABLE, "the proxy cannot be used", text, err);
    case CURLE_COULDNT_CONNECT:
        return unreachable(WFE_E_UNAVAILABLE, "no connection", text, err);
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(connected, text, err);
    case CURLE_SSL_CONNECT_ERROR:
        return is_broken_handshake(text)
                   ? unreachable(WFE_E_UNAVAILABLE, "no connection", text, err)
                   : tls_failure(text, err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return tls_failure(text, err);
    case CURLE_OUT_OF_MEMORY:
        wfe_error_nomem(err);
        return WFE_HTTP_FATAL;
    case CURLE_UNSUPPORTED_PROTOCOL: /* the URL was read before: it is about the answer */
    case CURLE_WEIRD_SERVER_REPLY:
        return broken("the answer is not HTTP", text, err);
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
        wfe_error_set(err, WFE_E_INVALID, "libcurl refuses the request (%s)", text);
        return WFE_HTTP_FATAL;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
        return broken("the connection was closed too early", text, err);
    default:
        if (is_refusal_by_tls(text))
            return tls_failure(text, err);
        return broken("the transfer broke", text, err);
    }
}
