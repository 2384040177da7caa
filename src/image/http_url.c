/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs, read by libcurl's own parser, so that what is checked here is what it connects to.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/http_priv.h"

static int get_part(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size,
                    wfe_error *err)
{
    char *text = NULL;
    CURLUcode code = wfe_curl_lib.curl_url_get(url, part, &text, flags);
    if (code == CURLUE_OUT_OF_MEMORY)
        return wfe_error_nomem(err);
    if (code || !text)
        return wfe_error_set(err, WFE_E_INVALID, "the URL is not complete");
    int n = snprintf(out, size, "%s", text);
    wfe_curl_lib.curl_free(text);
    if (n < 0 || (size_t)n >= size)
        return wfe_error_set(err, WFE_E_INVALID, "the URL is too long");
    return 0;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool found = wfe_curl_lib.curl_url_get(url, part, &text, 0) == CURLUE_OK;
    wfe_curl_lib.curl_free(text);
    return found;
}

static int fill(CURLU *url, wfe_http_url *out, wfe_error *err)
{
    char scheme[8], port[8];
    int rc = get_part(url, CURLUPART_SCHEME, 0, scheme, sizeof scheme, err);
    if (!rc)
        rc = get_part(url, CURLUPART_HOST, 0, out->host, sizeof out->host, err);
    if (!rc)
        rc = get_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port, err);
    if (!rc)
        rc = get_part(url, CURLUPART_PATH, 0, out->path, sizeof out->path, err);
    if (rc)
        return rc;
    out->is_https = strcasecmp(scheme, "https") == 0;
    if (!out->is_https && strcasecmp(scheme, "http") != 0)
        return wfe_error_set(err, WFE_E_INVALID, "the URL is neither http:// nor https://");
    out->port = (unsigned)strtoul(port, NULL, 10);
    out->has_login = has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD);
    out->has_query = has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT);
    return 0;
}

int wfe_http_url_parse(const char *text, wfe_http_url *out, wfe_error *err)
{
    int rc = wfe_curl_load(err);
    if (rc)
        return rc;
    CURLU *url = wfe_curl_lib.curl_url();
    if (!url)
        return wfe_error_nomem(err);
    wfe_http_url found = {0};
    CURLUcode code = wfe_curl_lib.curl_url_set(url, CURLUPART_URL, text, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        rc = wfe_error_nomem(err);
    else if (code)
        rc = wfe_error_set(err, WFE_E_INVALID, "it is no URL");
    else
        rc = fill(url, &found, err);
    wfe_curl_lib.curl_url_cleanup(url);
    if (!rc)
        *out = found;
    return rc;
}

bool wfe_http_url_same_origin(const wfe_http_url *a, const wfe_http_url *b)
{
    return a->is_https == b->is_https && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

bool wfe_http_host_is_local(const char *host)
{
    char bare[INET6_ADDRSTRLEN + 2];
    unsigned char address[sizeof(struct in6_addr)];
    if (strcasecmp(host, "localhost") == 0)
        return true;
    bool bracketed = host[0] == '[';
    size_t len = strlen(host);
    if (bracketed && (len < 2 || host[len - 1] != ']'))
        return false;
    int n = snprintf(bare, sizeof bare, "%.*s", (int)(bracketed ? len - 2 : len), host + bracketed);
    if (n < 0 || (size_t)n >= sizeof bare)
        return false;
    if (inet_pton(AF_INET, bare, address) == 1)
        return address[0] == 127;
    return inet_pton(AF_INET6, bare, address) == 1 &&
           memcmp(address, &in6addr_loopback, sizeof(struct in6_addr)) == 0;
}
