/* SPDX-License-Identifier: Apache-2.0
 *
 * The requests of a fetch: URL, headers, and who may see which of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/registry_fetch_priv.h"
#include "image/secret.h"

#define TAGS_DEADLINE_MS 10000
/* Accept, Accept-Encoding, Authorization, Range */
#define HEADERS_MAX (WFE_HOSTS_MAX_HEADERS + 4)

/* Texts that are ours for one call; the Authorization among them. */
typedef struct headers {
    const char *list[HEADERS_MAX + 1];
    size_t n;
    char *own[4];
    size_t n_own;
} headers;

static void headers_done(headers *h)
{
    for (size_t i = 0; i < h->n_own; i++)
        wfe_secret_free(h->own[i]);
}

static int add(headers *h, const char *name, const char *value, wfe_error *err)
{
    char *line = NULL;
    if (asprintf(&line, "%s: %s", name, value) < 0)
        return wfe_error_nomem(err);
    h->own[h->n_own++] = line;
    h->list[h->n++] = line;
    return 0;
}

static const char *part_of_api(const wfe_registry_fetch *fetch)
{
    if (fetch->question == WFE_ASK_TAGS || fetch->kind == WFE_REGISTRY_TAGS)
        return "tags";
    if (fetch->question == WFE_ASK_AS_BLOB || fetch->kind == WFE_REGISTRY_BLOB)
        return "blobs";
    return "manifests";
}

static int make_url(const wfe_registry_fetch *fetch, char **ret, wfe_error *err)
{
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    const char *part = part_of_api(fetch);
    bool tags = strcmp(part, "tags") == 0;
    /* A mirror of several registries is told which one is meant. */
    const char *ns = host->is_upstream ? "" : fetch->hosts->domain;
    const char *ns_key = host->is_upstream ? "" : tags ? "&ns=" : "?ns=";
    int n = fetch->redirect
                ? asprintf(ret, "%s", fetch->redirect)
                : asprintf(ret, "%s://%s%s/%s/%s/%s%s%s", host->entry.is_https ? "https" : "http",
                           host->entry.authority, host->entry.api_root, fetch->path, part,
                           tags ? "list?n=1000" : fetch->name, ns_key, ns);
    if (n >= 0)
        return 0;
    *ret = NULL;
    return wfe_error_nomem(err);
}

/* Does url lead to the host itself: only that one may see logins, the host's headers and our
 * certificate (CVE-2020-15157 is what becomes of it otherwise). */
static bool leads_home(const wfe_registry_fetch *fetch, const char *url)
{
    wfe_http_url to, home;
    char text[600];
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    if (!fetch->redirect)
        return true;
    snprintf(text, sizeof text, "%s://%s/", host->entry.is_https ? "https" : "http",
             host->entry.authority);
    return wfe_http_url_parse(url, &to, NULL) == 0 && wfe_http_url_parse(text, &home, NULL) == 0 &&
           wfe_http_url_same_origin(&to, &home);
}

static int add_private(wfe_registry_fetch *fetch, headers *h, wfe_error *err)
{
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    for (char **line = host->entry.headers; line && *line; line++)
        h->list[h->n++] = *line;
    const char *value =
        wfe_registry_authorization(fetch->registry, host, fetch->path, &fetch->login);
    if (!value)
        return 0;
    fetch->authorization = strdup(value);
    if (!fetch->authorization)
        return wfe_error_nomem(err);
    return add(h, "Authorization", value, err);
}

static int make_headers(wfe_registry_fetch *fetch, headers *h, wfe_error *err)
{
    char range[48];
    int rc = add(h, "Accept", fetch->accept, err);
    /* Or a digest would have to be taken of something else than what comes. */
    if (!rc)
        rc = add(h, "Accept-Encoding", "identity", err);
    if (!rc && fetch->is_home)
        rc = add_private(fetch, h, err);
    if (rc || fetch->kind != WFE_REGISTRY_BLOB || !fetch->have_bytes || fetch->no_range)
        return rc;
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-", fetch->have_bytes);
    return add(h, "Range", range, err);
}

static int start(wfe_registry_fetch *fetch, const char *url, const headers *h, wfe_error *err)
{
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    bool is_head = fetch->kind == WFE_REGISTRY_MANIFEST_HEAD && fetch->question != WFE_ASK_TAGS;
    fetch->tls = host->tls;
    if (!fetch->is_home)
        fetch->tls.cert_file = fetch->tls.key_file = NULL;
    const wfe_http_request request = {
        .method = is_head ? WFE_HTTP_HEAD : WFE_HTTP_GET,
        .url = url,
        .headers = h->list,
        .tls = &fetch->tls,
        .deadline_ms = fetch->question == WFE_ASK_TAGS ? TAGS_DEADLINE_MS : 0,
        .connect_timeout_ms = host->entry.connect_timeout_ms,
    };
    int rc = wfe_http_start(fetch->registry->http, &request, &wfe_registry_answer_fns, fetch,
                            &fetch->transfer, err);
    if (!rc && fetch->paused && fetch->kind == WFE_REGISTRY_BLOB)
        wfe_http_pause(fetch->transfer);
    return rc;
}

int wfe_registry_fetch_send(wfe_registry_fetch *fetch, wfe_error *err)
{
    _cleanup_free_ char *url = NULL;
    headers h = {.n = 0};
    int rc = make_url(fetch, &url, err);
    if (rc)
        return rc;
    fetch->is_home = leads_home(fetch, url);
    fetch->login = WFE_LOGIN_NONE;
    fetch->status = 0;
    fetch->caller_failed = false;
    fetch->document.len = 0;
    rc = make_headers(fetch, &h, err);
    if (!rc)
        rc = start(fetch, url, &h, err);
    headers_done(&h);
    return rc;
}
