/* SPDX-License-Identifier: Apache-2.0
 *
 * What a registry answers to one request of a fetch, and what that makes of the fetch: bytes, the
 * next host, a login, a redirect, another try, or the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "image/registry_fetch_priv.h"

#define REDIRECTS_MAX 10
#define LOGINS_MAX 3
/* A host that cannot be connected to is less likely to come back than one that broke off. */
#define UNREACHABLE_TRIES 2
#define ERROR_BODY_MAX_BYTES ((size_t)16 * 1024)
#define TAGS_MAX_BYTES ((size_t)1024 * 1024)

/* ---- the response ---- */

static int check_size(const wfe_registry_fetch *fetch, wfe_error *err)
{
    int64_t total = fetch->total_bytes;
    if (total < 0)
        return 0;
    if (fetch->expected_bytes && (uint64_t)total != fetch->expected_bytes)
        return wfe_error_set(err, WFE_E_PROTOCOL,
                             "%s says %s has %" PRId64 " bytes, it must have %" PRIu64,
                             wfe_registry_fetch_host(fetch)->entry.authority, fetch->name, total,
                             fetch->expected_bytes);
    if (fetch->max_bytes && (uint64_t)total > fetch->max_bytes)
        return wfe_error_set(
            err, WFE_E_LIMIT, "%s has %" PRId64 " bytes, at most %" PRIu64 " allowed",
            fetch->name ? fetch->name : "the list of tags", total, fetch->max_bytes);
    return 0;
}

static int read_range(wfe_registry_fetch *fetch, wfe_error *err)
{
    uint64_t first = 0, last = 0, length = 0;
    const char *range = wfe_http_header(fetch->transfer, "Content-Range", 0);
    fetch->skip_bytes = 0;
    fetch->total_bytes = -1;
    if (fetch->status == 206) {
        if (!wfe_registry_parse_content_range(range, &first, &last, &fetch->total_bytes) ||
            first != fetch->have_bytes)
            return wfe_error_set(err, WFE_E_PROTOCOL,
                                 "%s sent another part of %s than it was asked for",
                                 wfe_registry_fetch_host(fetch)->entry.authority, fetch->name);
        return 0;
    }
    fetch->skip_bytes = fetch->have_bytes;
    if (wfe_registry_parse_size(wfe_http_header(fetch->transfer, "Content-Length", 0), &length))
        fetch->total_bytes = (int64_t)length;
    return 0;
}

static void tell_head(wfe_registry_fetch *fetch)
{
    char type[256] = "", digest[WFE_DIGEST_SIZE] = "";
    const char *text = wfe_http_header(fetch->transfer, "Content-Type", 0);
    if (text)
        snprintf(type, sizeof type, "%.*s", (int)strcspn(text, "; \t"), text);
    text = wfe_http_header(fetch->transfer, "Docker-Content-Digest", 0);
    if (text && wfe_digest_is_valid(text))
        snprintf(digest, sizeof digest, "%s", text);
    const wfe_registry_head head = {.host = wfe_registry_fetch_host(fetch)->entry.authority,
                                    .media_type = type,
                                    .digest = digest,
                                    .total_bytes = fetch->total_bytes};
    fetch->told_head = true;
    if (fetch->fns.head)
        fetch->fns.head(&head, fetch->user);
}

static int on_head(wfe_error *err, void *user)
{
    wfe_registry_fetch *fetch = user;
    fetch->status = wfe_http_status(fetch->transfer);
    fetch->retry_after_ms =
        wfe_registry_retry_after_ms(wfe_http_header(fetch->transfer, "Retry-After", 0));
    if (fetch->asks_tags || (fetch->status != 200 && fetch->status != 206))
        return 0;
    int rc = read_range(fetch, err);
    if (!rc)
        rc = check_size(fetch, err);
    if (!rc && !fetch->told_head)
        tell_head(fetch);
    return rc;
}

static int take_blob(wfe_registry_fetch *fetch, const char *bytes, size_t len, wfe_error *err)
{
    size_t skip = fetch->skip_bytes < len ? (size_t)fetch->skip_bytes : len;
    fetch->skip_bytes -= skip;
    len -= skip;
    if (len == 0)
        return 0;
    uint64_t most = fetch->expected_bytes ? fetch->expected_bytes : fetch->max_bytes;
    if (most && len > most - fetch->have_bytes)
        return wfe_error_set(err, fetch->expected_bytes ? WFE_E_PROTOCOL : WFE_E_LIMIT,
                             "%s sent more than %" PRIu64 " bytes for %s",
                             wfe_registry_fetch_host(fetch)->entry.authority, most, fetch->name);
    fetch->have_bytes += len;
    return fetch->fns.data(bytes + skip, len, err, fetch->user);
}

static int on_data(const void *bytes, size_t len, wfe_error *err, void *user)
{
    wfe_registry_fetch *fetch = user;
    bool good = fetch->status == 200 || fetch->status == 206;
    if (!good || fetch->asks_tags) {
        fetch->error_body.max_bytes = good ? TAGS_MAX_BYTES : ERROR_BODY_MAX_BYTES;
        (void)wfe_buf_append(&fetch->error_body, bytes, len, NULL); /* as much as there is room */
        return 0;
    }
    if (fetch->kind == WFE_REGISTRY_BLOB)
        return take_blob(fetch, bytes, len, err);
    fetch->document.max_bytes = (size_t)fetch->max_bytes;
    return wfe_buf_append(&fetch->document, bytes, len, err);
}

/* ---- what a response means ---- */

static void follow_redirect(wfe_registry_fetch *fetch)
{
    wfe_error problem = WFE_ERROR_INIT;
    wfe_http_url url;
    const char *to = wfe_http_redirect_url(fetch->transfer);
    const wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    if (!to || ++fetch->redirects > REDIRECTS_MAX)
        wfe_error_set(&problem, WFE_E_PROTOCOL, "%s redirects %s", host->entry.authority,
                      to ? "in circles" : "to nowhere");
    else if (wfe_http_url_parse(to, &url, &problem))
        wfe_error_prefix(&problem, "%s redirects to what is no URL", host->entry.authority);
    else if (!url.is_https && host->entry.is_https)
        wfe_error_set(&problem, WFE_E_PROTOCOL, "%s redirects from https to plain http",
                      host->entry.authority);
    char *copy = problem.kind ? NULL : strdup(to);
    if (!problem.kind && !copy)
        wfe_error_nomem(&problem);
    if (problem.kind) {
        wfe_registry_fetch_give_up_host(fetch, &problem);
        return;
    }
    free(fetch->redirect);
    fetch->redirect = copy;
    wfe_registry_fetch_again(fetch, 0);
}

static void report_status(const wfe_registry_fetch *fetch, wfe_error *err)
{
    char said[256];
    const char *host = wfe_registry_fetch_host(fetch)->entry.authority;
    const char *what = fetch->kind == WFE_REGISTRY_BLOB ? "blob" : "image";
    wfe_registry_error_text(fetch->error_body.data, fetch->error_body.len, said, sizeof said);
    const char *colon = said[0] ? ": " : "";
    const char *name = fetch->name ? fetch->name : "tags";
    if (fetch->status == 404) {
        wfe_error_set(err, WFE_E_NOT_FOUND, "%s %s%s%s not found at %s%s%s", what, fetch->path,
                      wfe_registry_fetch_is_fixed(fetch) ? "@" : ":", name, host, colon, said);
    } else if (fetch->status == 401 || fetch->status == 403) {
        wfe_error_set(err, WFE_E_DENIED, "%s refuses %s%s%s (asked %s)%s%s", host, fetch->path,
                      wfe_registry_fetch_is_fixed(fetch) ? "@" : ":", name,
                      wfe_registry_login_name(fetch->login), colon, said);
        wfe_error_hint(err, "log in with 'docker login %s', or check whether the image exists",
                       fetch->hosts->domain);
    } else if (fetch->status == 429 || fetch->status >= 500) {
        wfe_error_set(err, WFE_E_UNAVAILABLE, "%s answered %d for %s %s%s%s", host, fetch->status,
                      what, name, colon, said);
        err->retryable = true;
    } else {
        wfe_error_set(err, WFE_E_PROTOCOL, "%s answered %d for %s %s%s%s", host, fetch->status,
                      what, name, colon, said);
    }
    err->http_status = fetch->status;
}

static void on_auth(const wfe_error *err, uint32_t retry_after_ms, void *user)
{
    wfe_registry_fetch *fetch = user;
    fetch->auth = NULL;
    fetch->retry_after_ms = retry_after_ms;
    if (!err->kind)
        wfe_registry_fetch_again(fetch, 0);
    else if (err->retryable)
        wfe_registry_fetch_retry(fetch, err);
    else
        wfe_registry_fetch_give_up_host(fetch, err);
}

/* True when a login is under way. */
static bool log_in(wfe_registry_fetch *fetch, wfe_error *err)
{
    wfe_auth_challenges challenges = {0};
    const char *header;
    int rc = 0;
    for (size_t i = 0; (header = wfe_http_header(fetch->transfer, "WWW-Authenticate", i)); i++)
        (void)wfe_auth_challenges_add(&challenges, header, NULL); /* the others may do */
    const wfe_auth_challenge *best = wfe_auth_challenges_best(&challenges);
    if (best && fetch->logins++ < LOGINS_MAX) {
        const wfe_registry_auth_request request = {.host = wfe_registry_fetch_host(fetch),
                                                   .path = fetch->path,
                                                   .challenge = best,
                                                   .refused = fetch->authorization};
        rc = wfe_registry_auth_start(fetch->registry, &request, on_auth, fetch, &fetch->auth, err);
    }
    wfe_auth_challenges_done(&challenges);
    return !rc && fetch->auth;
}

/* The tags there are make an error of more use. */
static bool ask_tags(wfe_registry_fetch *fetch, const wfe_error *err)
{
    bool tag = fetch->name && !wfe_registry_fetch_is_fixed(fetch) &&
               (fetch->kind == WFE_REGISTRY_MANIFEST || fetch->kind == WFE_REGISTRY_MANIFEST_HEAD);
    if (!tag || err->http_status != 404)
        return false;
    fetch->result = *err;
    fetch->asks_tags = true;
    wfe_registry_fetch_again(fetch, 0);
    return true;
}

static void take_tags(wfe_registry_fetch *fetch)
{
    wfe_error problem = fetch->result;
    if (fetch->status == 200)
        wfe_registry_add_tags(&problem, fetch->name, fetch->error_body.data, fetch->error_body.len);
    wfe_registry_fetch_end(fetch, &problem);
}

static void take_failure(wfe_registry_fetch *fetch)
{
    wfe_error problem = WFE_ERROR_INIT;
    if (fetch->status == 401 && log_in(fetch, &problem)) {
        wfe_registry_fetch_close(fetch);
        return;
    }
    if (fetch->status == 416 && fetch->have_bytes > 0 && fetch->kind == WFE_REGISTRY_BLOB)
        wfe_error_set(&problem, WFE_E_PROTOCOL, "%s has less of %s than there is already",
                      wfe_registry_fetch_host(fetch)->entry.authority, fetch->name);
    report_status(fetch, &problem);
    bool last = fetch->host + 1 == fetch->hosts->n;
    if (problem.retryable)
        wfe_registry_fetch_retry(fetch, &problem);
    else if (!last || !ask_tags(fetch, &problem))
        wfe_registry_fetch_give_up_host(fetch, &problem);
}

static void take_success(wfe_registry_fetch *fetch)
{
    wfe_error none = WFE_ERROR_INIT;
    uint64_t whole = fetch->total_bytes >= 0 ? (uint64_t)fetch->total_bytes : fetch->expected_bytes;
    if (fetch->kind == WFE_REGISTRY_BLOB && fetch->have_bytes < whole) {
        wfe_error_set(
            &none, WFE_E_PROTOCOL, "%s sent %" PRIu64 " bytes of %s, it must have %" PRIu64,
            wfe_registry_fetch_host(fetch)->entry.authority, fetch->have_bytes, fetch->name, whole);
        wfe_registry_fetch_give_up_host(fetch, &none);
        return;
    }
    wfe_registry_fetch_end(fetch, &none);
}

static void on_done(wfe_http_failure failure, const wfe_error *err, void *user)
{
    wfe_registry_fetch *fetch = user;
    wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    wfe_error problem = *err;
    if (fetch->asks_tags) {
        if (failure != WFE_HTTP_OK)
            fetch->status = 0;
        take_tags(fetch);
    } else if (failure == WFE_HTTP_REFUSED || failure == WFE_HTTP_FATAL) {
        wfe_registry_fetch_end(fetch, &problem);
    } else if (failure == WFE_HTTP_OK && (fetch->status == 200 || fetch->status == 206)) {
        take_success(fetch);
    } else if (failure == WFE_HTTP_OK && fetch->status >= 300 && fetch->status < 400) {
        follow_redirect(fetch);
    } else if (failure == WFE_HTTP_OK && fetch->status == 400 && host->may_be_https) {
        host->may_be_https = false; /* plain HTTP was sent to a port of TLS */
        host->entry.is_https = true;
        wfe_registry_fetch_again(fetch, 0);
    } else if (failure == WFE_HTTP_OK) {
        take_failure(fetch);
    } else if (failure == WFE_HTTP_TLS ||
               (failure == WFE_HTTP_UNREACHABLE && fetch->tries >= UNREACHABLE_TRIES)) {
        wfe_registry_fetch_give_up_host(fetch, &problem);
    } else {
        fetch->retry_after_ms = 0;
        problem.retryable = true;
        wfe_registry_fetch_retry(fetch, &problem);
    }
}

const wfe_http_fns wfe_registry_answer_fns = {.head = on_head, .data = on_data, .done = on_done};
