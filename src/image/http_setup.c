/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_setup.h. Each function returns the first code that is not CURLE_OK.
 */
#include "image/http_setup.h"

#include <stdlib.h>
#include <string.h>

#include "image/secret.h"

#ifndef WFE_VERSION
#define WFE_VERSION "0"
#endif

/* Slower than this for the stall time is a stall. */
#define LOW_SPEED_BYTES 1024L
/* What one read takes from a socket at most. */
#define READ_BUFFER_BYTES 131072L

#define SET(option, value)                                                                         \
    if (code == CURLE_OK)                                                                          \
    code = wfe_curl_lib.curl_easy_setopt(easy, option, value)

static int copy_text(const char *text, char **ret, wfe_error *err)
{
    if (text && !(*ret = strdup(text)))
        return wfe_error_nomem(err);
    return 0;
}

int wfe_http_setup_init(wfe_http_setup *setup, const wfe_http_options *options, wfe_error *err)
{
    setup->options = *options;
    int rc = copy_text(options->http_proxy, &setup->http_proxy, err);
    if (!rc)
        rc = copy_text(options->https_proxy, &setup->https_proxy, err);
    if (!rc)
        rc = copy_text(options->no_proxy, &setup->no_proxy, err);
    return rc;
}

void wfe_http_setup_done(wfe_http_setup *setup)
{
    /* A proxy's URL may hold a password. */
    wfe_secret_free(setup->http_proxy);
    wfe_secret_free(setup->https_proxy);
    wfe_secret_free(setup->no_proxy);
}

static CURLcode apply_request(const wfe_http_request *request, CURL *easy)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_USERAGENT, "wfe/" WFE_VERSION);
    if (request->method == WFE_HTTP_HEAD)
        SET(CURLOPT_NOBODY, 1L);
    if (request->method == WFE_HTTP_POST)
        SET(CURLOPT_POST, 1L);
    return code;
}

static CURLcode apply_limits(const wfe_http_options *options, const wfe_http_request *request,
                             CURL *easy)
{
    CURLcode code = CURLE_OK;
    /* No signal handlers of libcurl's: see hold_sigpipe in http.c. */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_BUFFERSIZE, READ_BUFFER_BYTES);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)(request->connect_timeout_ms ? request->connect_timeout_ms
                                           : options->connect_timeout_ms));
    SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
    SET(CURLOPT_LOW_SPEED_TIME, ((long)options->stall_timeout_ms + 999) / 1000);
    SET(CURLOPT_TIMEOUT_MS, (long)request->deadline_ms);
    return code;
}

/* Without an explicit "" libcurl would look for proxies in the environment. */
static CURLcode apply_proxy(const wfe_http_setup *setup, const wfe_http_url *url, CURL *easy)
{
    CURLcode code = CURLE_OK;
    const char *proxy = url->is_https ? setup->https_proxy : setup->http_proxy;
    if (!proxy || wfe_http_host_is_local(url->host))
        proxy = "";
    SET(CURLOPT_PROXY, proxy);
    SET(CURLOPT_NOPROXY, setup->no_proxy ? setup->no_proxy : "");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return code;
}

static CURLcode apply_tls(const wfe_http_tls *tls, CURL *easy)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!tls)
        return code;
    if (tls->ca_pem) {
        /* Instead of the system's file of authorities, but beside its folder of them. */
        struct curl_blob blob = {
            .data = (void *)(uintptr_t)tls->ca_pem, .len = tls->ca_len, .flags = CURL_BLOB_NOCOPY};
        SET(CURLOPT_CAINFO_BLOB, &blob);
    }
    if (tls->cert_file) {
        SET(CURLOPT_SSLCERT, tls->cert_file);
        SET(CURLOPT_SSLKEY, tls->key_file ? tls->key_file : tls->cert_file);
    }
    if (tls->skip_verify) {
        SET(CURLOPT_SSL_VERIFYPEER, 0L);
        SET(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return code;
}

int wfe_http_setup_apply(const wfe_http_setup *setup, const wfe_http_request *request, CURL *easy,
                         wfe_error *err)
{
    wfe_http_url url;
    int rc = wfe_http_url_parse(request->url, &url, err);
    if (rc)
        return rc;
    CURLcode code = apply_request(request, easy);
    if (!code)
        code = apply_limits(&setup->options, request, easy);
    if (!code)
        code = apply_proxy(setup, &url, easy);
    if (!code)
        code = apply_tls(request->tls, easy);
    if (code == CURLE_OUT_OF_MEMORY)
        return wfe_error_nomem(err);
    if (code)
        return wfe_error_set(err, WFE_E_INVALID, "libcurl refuses the request: %s",
                             wfe_curl_lib.curl_easy_strerror(code));
    return 0;
}
