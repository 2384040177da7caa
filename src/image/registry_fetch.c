/* SPDX-License-Identifier: Apache-2.0
 *
 * One fetch, over as many requests as it takes: each host of the registry in its order, a login
 * when it is asked for, redirects followed by hand so that no login goes to another host, and tries
 * again that go on where the last one broke.
 *
 * Every step ends in the timer, which sends the next request or tells the end: so callbacks come
 * from the loop only, and may free the fetch.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "image/registry_fetch_priv.h"
#include "image/secret.h"

#define URL_SIZE 8192
#define HEADERS_MAX (WFE_HOSTS_MAX_HEADERS + 4)

#define ACCEPT_MANIFESTS                                                                           \
    "application/vnd.docker.distribution.manifest.v2+json, "                                       \
    "application/vnd.docker.distribution.manifest.list.v2+json, "                                  \
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*"

wfe_registry_host *wfe_registry_fetch_host(const wfe_registry_fetch *fetch)
{
    return &fetch->hosts->items[fetch->host];
}

bool wfe_registry_fetch_is_fixed(const wfe_registry_fetch *fetch)
{
    return fetch->name && wfe_digest_is_valid(fetch->name);
}

/* ---- the end, and the next request ---- */

void wfe_registry_fetch_close(wfe_registry_fetch *fetch)
{
    wfe_http_transfer_free(wfe_take(fetch->transfer));
    wfe_secret_free(wfe_take(fetch->authorization));
    wfe_buf_done(&fetch->error_body);
}

void wfe_registry_fetch_end(wfe_registry_fetch *fetch, const wfe_error *err)
{
    wfe_registry_fetch_close(fetch);
    fetch->result = *err;
    fetch->over = true;
    wfe_timer_start(fetch->timer, 0);
}

void wfe_registry_fetch_again(wfe_registry_fetch *fetch, uint64_t wait_ms)
{
    wfe_registry_fetch_close(fetch);
    wfe_timer_start(fetch->timer, wait_ms);
}

static bool suits(const wfe_registry_fetch *fetch, const wfe_registry_host *host)
{
    bool resolves = fetch->kind == WFE_REGISTRY_TAGS ||
                    (fetch->kind != WFE_REGISTRY_BLOB && !wfe_registry_fetch_is_fixed(fetch));
    return resolves ? host->entry.can_resolve : host->entry.can_pull;
}

/* From the first host on, or after the one at work; false when there is none left. */
static bool next_host(wfe_registry_fetch *fetch, size_t from)
{
    for (size_t i = from; i < fetch->hosts->n; i++) {
        if (!suits(fetch, &fetch->hosts->items[i]))
            continue;
        fetch->host = i;
        fetch->logins = fetch->tries = fetch->redirects = 0;
        free(wfe_take(fetch->redirect));
        return true;
    }
    return false;
}

void wfe_registry_fetch_give_up_host(wfe_registry_fetch *fetch, const wfe_error *err)
{
    /* What has been told of the one cannot be taken back. */
    bool bound = fetch->told_head && fetch->kind != WFE_REGISTRY_BLOB;
    if (!bound && next_host(fetch, fetch->host + 1)) {
        wfe_log_info(&fetch->registry->log, "registry: %s; trying %s", err->message,
                     wfe_registry_fetch_host(fetch)->entry.authority);
        wfe_registry_fetch_again(fetch, 0);
    } else {
        wfe_registry_fetch_end(fetch, err);
    }
}

void wfe_registry_fetch_retry(wfe_registry_fetch *fetch, const wfe_error *err)
{
    wfe_registry *registry = fetch->registry;
    if (fetch->have_bytes > fetch->tried_at_bytes)
        fetch->tries = 0;
    fetch->tried_at_bytes = fetch->have_bytes;
    if (fetch->tries++ >= registry->retries ||
        fetch->retry_after_ms > registry->retry_after_max_ms) {
        wfe_error problem = *err;
        if (fetch->tries > 1)
            wfe_error_hint(&problem, "it was tried %u times; try again later", fetch->tries);
        wfe_registry_fetch_give_up_host(fetch, &problem);
        return;
    }
    free(wfe_take(fetch->redirect)); /* a signed URL may have lived its life */
    fetch->redirects = 0;
    uint64_t wait_ms = fetch->retry_after_ms ? fetch->retry_after_ms
                                             : wfe_registry_backoff_ms(registry, fetch->tries);
    wfe_log_debug(&registry->log, "registry: %s; again in %" PRIu64 " ms", err->message, wait_ms);
    wfe_registry_fetch_again(fetch, wait_ms);
}

/* ---- the request ---- */

static void make_url(const wfe_registry_fetch *fetch, char out[URL_SIZE])
{
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    bool tags = fetch->asks_tags || fetch->kind == WFE_REGISTRY_TAGS;
    if (fetch->redirect && !fetch->asks_tags) {
        snprintf(out, URL_SIZE, "%s", fetch->redirect);
        return;
    }
    snprintf(out, URL_SIZE, "%s://%s%s/%s/%s/%s%s%s", host->entry.is_https ? "https" : "http",
             host->entry.authority, host->entry.api_root, fetch->path,
             tags                               ? "tags"
             : fetch->kind == WFE_REGISTRY_BLOB ? "blobs"
                                                : "manifests",
             tags ? "list?n=1000" : fetch->name, host->is_upstream ? "" : (tags ? "&ns=" : "?ns="),
             host->is_upstream ? "" : fetch->hosts->domain);
}

/* Does the request go to the host itself: only that one may see logins and the host's headers. */
static bool goes_home(const wfe_registry_fetch *fetch, const char *url)
{
    wfe_http_url to, home;
    char text[URL_SIZE];
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    if (!fetch->redirect || fetch->asks_tags)
        return true;
    snprintf(text, sizeof text, "%s://%s/", host->entry.is_https ? "https" : "http",
             host->entry.authority);
    return wfe_http_url_parse(url, &to, NULL) == 0 && wfe_http_url_parse(text, &home, NULL) == 0 &&
           wfe_http_url_same_origin(&to, &home);
}

static int send_request(wfe_registry_fetch *fetch, wfe_error *err)
{
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    char url[URL_SIZE], range[64];
    _cleanup_free_ char *accept = NULL;
    _cleanup_secret_ char *authorization = NULL;
    const char *headers[HEADERS_MAX + 1] = {0};
    size_t n = 0;
    make_url(fetch, url);
    bool home = goes_home(fetch, url);
    const char *value =
        home ? wfe_registry_authorization(fetch->registry, host, fetch->path, &fetch->login) : NULL;
    for (char **h = host->entry.headers; home && h && *h && n < WFE_HOSTS_MAX_HEADERS; h++)
        headers[n++] = *h;
    if (asprintf(&accept, "Accept: %s", fetch->accept) < 0)
        return accept = NULL, wfe_error_nomem(err);
    headers[n++] = accept;
    if (value && (!(fetch->authorization = strdup(value)) ||
                  asprintf(&authorization, "Authorization: %s", value) < 0))
        return authorization = NULL, wfe_error_nomem(err);
    if (value)
        headers[n++] = authorization;
    snprintf(range, sizeof range, "Range: bytes=%" PRIu64 "-", fetch->have_bytes);
    if (fetch->kind == WFE_REGISTRY_BLOB && fetch->have_bytes > 0)
        headers[n++] = range;
    bool head = fetch->kind == WFE_REGISTRY_MANIFEST_HEAD && !fetch->asks_tags;
    const wfe_http_request request = {.method = head ? WFE_HTTP_HEAD : WFE_HTTP_GET,
                                      .url = url,
                                      .headers = headers,
                                      .tls = home ? &host->tls : NULL,
                                      .connect_timeout_ms = host->entry.connect_timeout_ms};
    return wfe_http_start(fetch->registry->http, &request, &wfe_registry_answer_fns, fetch,
                          &fetch->transfer, err);
}

static void finish(wfe_registry_fetch *fetch)
{
    wfe_error result = fetch->result;
    bool is_document = fetch->kind == WFE_REGISTRY_MANIFEST || fetch->kind == WFE_REGISTRY_TAGS;
    if (!result.kind && is_document)
        fetch->fns.data(fetch->document.data ? fetch->document.data : "", fetch->document.len,
                        &result, fetch->user);
    fetch->fns.done(&result, fetch->user);
}

static void on_timer(void *user)
{
    wfe_registry_fetch *fetch = user;
    wfe_error problem = WFE_ERROR_INIT;
    if (fetch->over) {
        finish(fetch);
        return;
    }
    fetch->status = 0;
    wfe_buf_done(&fetch->document);
    if (send_request(fetch, &problem))
        wfe_registry_fetch_end(fetch, &problem);
    else if (fetch->paused)
        wfe_http_pause(fetch->transfer);
}

/* ---- the caller's side ---- */

static int copy_text(const char *text, char **ret, wfe_error *err)
{
    *ret = text ? strdup(text) : NULL;
    return !text || *ret ? 0 : wfe_error_nomem(err);
}

/* What goes into a URL must not be able to leave its place there. */
static int check_request(const wfe_registry_request *request, wfe_error *err)
{
    const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const char *name = request->name ? request->name : "";
    bool tag = strspn(name, letters) == strlen(name) && name[0] && name[0] != '.';
    bool digest = wfe_digest_is_valid(name);
    bool good = request->kind == WFE_REGISTRY_TAGS   ? !request->name
                : request->kind == WFE_REGISTRY_BLOB ? digest
                                                     : digest || tag;
    if (!good)
        return wfe_error_set(err, WFE_E_INVALID, "'%.100s' is no tag and no digest to fetch", name);
    if (!request->path[0] ||
        request->path[strspn(request->path, "abcdefghijklmnopqrstuvwxyz"
                                            "0123456789_.-/")] ||
        strstr(request->path, "..") || request->path[0] == '/')
        return wfe_error_set(err, WFE_E_INVALID, "'%.100s' is no repository", request->path);
    return 0;
}

static int take_request(wfe_registry_fetch *fetch, const wfe_registry_request *request,
                        wfe_error *err)
{
    bool blob = request->kind == WFE_REGISTRY_BLOB;
    const char *usual = blob                                 ? "*/*"
                        : request->kind == WFE_REGISTRY_TAGS ? "application/json"
                                                             : ACCEPT_MANIFESTS;
    fetch->kind = request->kind;
    fetch->have_bytes = fetch->tried_at_bytes = request->offset_bytes;
    fetch->expected_bytes = request->expected_bytes;
    fetch->max_bytes =
        request->max_bytes || blob ? request->max_bytes : WFE_REGISTRY_DOCUMENT_MAX_BYTES;
    fetch->total_bytes = -1;
    int rc = copy_text(request->path, &fetch->path, err);
    if (!rc)
        rc = copy_text(request->name, &fetch->name, err);
    if (!rc)
        rc = copy_text(request->accept ? request->accept : usual, &fetch->accept, err);
    if (!rc)
        rc = wfe_registry_find_hosts(fetch->registry, request->domain, &fetch->hosts, err);
    if (!rc && !next_host(fetch, 0))
        rc = wfe_error_set(err, WFE_E_INVALID, "hosts.toml of '%s' names no host that may be asked",
                           request->domain);
    return rc;
}

int wfe_registry_fetch_start(wfe_registry *registry, const wfe_registry_request *request,
                             const wfe_registry_fetch_fns *fns, void *user,
                             wfe_registry_fetch **ret, wfe_error *err)
{
    int rc = check_request(request, err);
    if (rc)
        return rc;
    _cleanup_(wfe_registry_fetch_free_p) wfe_registry_fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return wfe_error_nomem(err);
    fetch->registry = registry;
    fetch->fns = *fns;
    fetch->user = user;
    rc = take_request(fetch, request, err);
    if (!rc)
        rc = wfe_timer_new(registry->loop, on_timer, fetch, &fetch->timer, err);
    if (rc)
        return rc;
    wfe_timer_start(fetch->timer, 0);
    *ret = wfe_take(fetch);
    return 0;
}

void wfe_registry_fetch_pause(wfe_registry_fetch *fetch)
{
    fetch->paused = true;
    if (fetch->transfer)
        wfe_http_pause(fetch->transfer);
}

void wfe_registry_fetch_resume(wfe_registry_fetch *fetch)
{
    fetch->paused = false;
    if (fetch->transfer)
        wfe_http_resume(fetch->transfer);
}

void wfe_registry_fetch_free(wfe_registry_fetch *fetch)
{
    if (!fetch)
        return;
    wfe_registry_auth_cancel(fetch->auth);
    wfe_registry_fetch_close(fetch);
    wfe_timer_free(fetch->timer);
    wfe_buf_done(&fetch->document);
    free(fetch->redirect);
    free(fetch->accept);
    free(fetch->name);
    free(fetch->path);
    free(fetch);
}
