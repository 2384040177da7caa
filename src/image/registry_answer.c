/* SPDX-License-Identifier: Apache-2.0
 *
 * What a registry answers to one request of a fetch, and what that makes of the fetch: bytes, the
 * next host, a login, a redirect, another try, or the end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/registry_fetch_priv.h"

#define REDIRECTS_MAX 10
#define LOGINS_MAX 2 /* the second one for a token that has run out */
#define ERROR_BODY_MAX_BYTES ((size_t)16 * 1024)
#define TAGS_MAX_BYTES ((size_t)1024 * 1024)

static bool is_good(const wfe_registry_fetch *fetch)
{
    return fetch->status == 200 || fetch->status == 206;
}

/* ---- the head of a response ---- */

static int check_size(const wfe_registry_fetch *fetch, wfe_error *err)
{
    const int64_t total = fetch->total_bytes;
    if (total < 0)
        return 0;
    if (fetch->expected_bytes && (uint64_t)total != fetch->expected_bytes)
        return wfe_registry_report_nonsense(
            fetch, err, "says that it has %" PRId64 " bytes, and it must have %" PRIu64 " bytes",
            total, fetch->expected_bytes);
    if (fetch->whole_bytes >= 0 && total != fetch->whole_bytes)
        return wfe_registry_report_nonsense(
            fetch, err, "says that it has %" PRId64 " bytes, and said %" PRId64 " bytes before",
            total, fetch->whole_bytes);
    if ((uint64_t)total < fetch->have_bytes)
        return wfe_registry_report_nonsense(
            fetch, err, "has %" PRId64 " bytes of it, fewer than there are already (%" PRIu64 ")",
            total, fetch->have_bytes);
    if (fetch->max_bytes && (uint64_t)total > fetch->max_bytes) {
        char subject[WFE_REGISTRY_SUBJECT_SIZE];
        return wfe_error_set(err, WFE_E_LIMIT,
                             "%s has %" PRId64 " bytes, at most %" PRIu64 " are allowed",
                             wfe_registry_fetch_subject(fetch, subject), total, fetch->max_bytes);
    }
    return 0;
}

/* Where in the whole the body lies. */
static int read_range(wfe_registry_fetch *fetch, wfe_error *err)
{
    uint64_t first = 0, last = 0, length = 0;
    const char *range = wfe_http_header(fetch->transfer, "Content-Range", 0);
    const uint64_t asked = fetch->no_range ? 0 : fetch->have_bytes;
    fetch->skip_bytes = 0;
    fetch->total_bytes = -1;
    if (fetch->status == 206) {
        if (!wfe_registry_parse_content_range(range, &first, &last, &fetch->total_bytes) ||
            first != asked || fetch->kind != WFE_REGISTRY_BLOB) {
            fetch->no_range = true; /* it can still be asked for all of it */
            return wfe_registry_report_nonsense(fetch, err,
                                                "sends another part than the one from "
                                                "byte %" PRIu64 " on",
                                                asked);
        }
        return 0;
    }
    fetch->skip_bytes = fetch->have_bytes;
    if (wfe_registry_parse_size(wfe_http_header(fetch->transfer, "Content-Length", 0), &length))
        fetch->total_bytes = (int64_t)length;
    return 0;
}

static int check_encoding(const wfe_registry_fetch *fetch, wfe_error *err)
{
    const char *encoding = wfe_http_header(fetch->transfer, "Content-Encoding", 0);
    if (!encoding || strcasecmp(encoding, "identity") == 0)
        return 0;
    return wfe_registry_report_nonsense(fetch, err, "sends it encoded, which it was asked not to");
}

static int read_names(wfe_registry_fetch *fetch, wfe_error *err)
{
    const char *type = wfe_http_header(fetch->transfer, "Content-Type", 0);
    const char *digest = wfe_http_header(fetch->transfer, "Docker-Content-Digest", 0);
    if (!type)
        type = "";
    snprintf(fetch->media_type, sizeof fetch->media_type, "%.*s", (int)strcspn(type, "; \t"), type);
    if (!digest || !wfe_digest_is_valid(digest))
        digest = "";
    if (digest[0] && wfe_registry_fetch_is_fixed(fetch) && strcmp(digest, fetch->name) != 0)
        return wfe_registry_report_nonsense(fetch, err, "answers with %s", digest);
    snprintf(fetch->digest, sizeof fetch->digest, "%s", digest);
    return 0;
}

static int on_head(wfe_error *err, void *user)
{
    wfe_registry_fetch *fetch = user;
    fetch->status = wfe_http_status(fetch->transfer);
    fetch->retry_after_ms =
        wfe_registry_retry_after_ms(wfe_http_header(fetch->transfer, "Retry-After", 0));
    if (fetch->question == WFE_ASK_TAGS || !is_good(fetch))
        return 0;
    int rc = check_encoding(fetch, err);
    if (!rc)
        rc = read_range(fetch, err);
    if (!rc)
        rc = check_size(fetch, err);
    if (!rc)
        rc = read_names(fetch, err);
    if (rc || fetch->kind != WFE_REGISTRY_BLOB)
        return rc;
    if (fetch->total_bytes >= 0)
        fetch->whole_bytes = fetch->total_bytes;
    (void)wfe_registry_fetch_tell_head(fetch);
    return 0;
}

/* ---- its body ---- */

static int take_blob(wfe_registry_fetch *fetch, const char *bytes, size_t len, wfe_error *err)
{
    size_t skip = fetch->skip_bytes < len ? (size_t)fetch->skip_bytes : len;
    fetch->skip_bytes -= skip;
    len -= skip;
    if (len == 0)
        return 0;
    if (fetch->expected_bytes && len > fetch->expected_bytes - fetch->have_bytes)
        return wfe_registry_report_nonsense(fetch, err, "sends more than its %" PRIu64 " bytes",
                                            fetch->expected_bytes);
    if (fetch->max_bytes && fetch->have_bytes + len > fetch->max_bytes) {
        char subject[WFE_REGISTRY_SUBJECT_SIZE];
        return wfe_error_set(err, WFE_E_LIMIT,
                             "%s has more than the %" PRIu64 " bytes that are allowed",
                             wfe_registry_fetch_subject(fetch, subject), fetch->max_bytes);
    }
    bool gone = false;
    fetch->have_bytes += len;
    return wfe_registry_fetch_give(fetch, bytes + skip, len, &gone, err);
}

static int take_document(wfe_registry_fetch *fetch, const char *bytes, size_t len, wfe_error *err)
{
    wfe_error why = WFE_ERROR_INIT;
    char subject[WFE_REGISTRY_SUBJECT_SIZE];
    fetch->document.max_bytes = (size_t)fetch->max_bytes;
    int rc = wfe_buf_append(&fetch->document, bytes, len, &why);
    if (rc == WFE_E_LIMIT)
        return wfe_error_set(err, rc, "%s has more than the %" PRIu64 " bytes that are allowed",
                             wfe_registry_fetch_subject(fetch, subject), fetch->max_bytes);
    return rc ? wfe_error_copy(err, &why) : 0;
}

static int on_data(const void *bytes, size_t len, wfe_error *err, void *user)
{
    wfe_registry_fetch *fetch = user;
    if (fetch->question == WFE_ASK_TAGS || !is_good(fetch)) {
        wfe_buf *body = &fetch->other_body;
        body->max_bytes = is_good(fetch) ? TAGS_MAX_BYTES : ERROR_BODY_MAX_BYTES;
        size_t room = body->max_bytes - body->len;
        return wfe_buf_append(body, bytes, len < room ? len : room, err);
    }
    if (fetch->kind == WFE_REGISTRY_BLOB)
        return take_blob(fetch, bytes, len, err);
    return take_document(fetch, bytes, len, err);
}

/* ---- redirects ---- */

static int check_redirect(wfe_registry_fetch *fetch, const char *to, wfe_error *err)
{
    wfe_http_url url, from;
    bool from_https = wfe_registry_fetch_host(fetch)->entry.is_https;
    if (fetch->redirect && wfe_http_url_parse(fetch->redirect, &from, NULL) == 0)
        from_https = from.is_https;
    if (!to)
        return wfe_registry_report_nonsense(fetch, err, "redirects to nowhere");
    if (++fetch->redirects > REDIRECTS_MAX)
        return wfe_registry_report_nonsense(fetch, err, "redirects more than %d times",
                                            REDIRECTS_MAX);
    wfe_error why = WFE_ERROR_INIT;
    int rc = wfe_http_url_parse(to, &url, &why);
    if (rc == WFE_E_INVALID)
        return wfe_registry_report_nonsense(fetch, err, "redirects to what is no URL of HTTP");
    if (rc)
        return wfe_error_copy(err, &why);
    if (from_https && !url.is_https)
        return wfe_registry_report_nonsense(fetch, err, "redirects from TLS to plain HTTP at %s",
                                            url.host);
    return 0;
}

static void follow_redirect(wfe_registry_fetch *fetch)
{
    wfe_error problem = WFE_ERROR_INIT;
    const char *to = wfe_http_redirect_url(fetch->transfer);
    int rc = check_redirect(fetch, to, &problem);
    char *copy = rc ? NULL : strdup(to);
    if (!rc && !copy)
        wfe_error_nomem(&problem);
    if (problem.kind) {
        wfe_registry_fetch_give_up_host(fetch, &problem);
        return;
    }
    free(fetch->redirect);
    fetch->redirect = copy;
    wfe_registry_fetch_again(fetch);
}

/* ---- logins ---- */

static void on_auth(const wfe_error *err, uint32_t retry_after_ms, void *user)
{
    wfe_registry_fetch *fetch = user;
    fetch->auth = NULL;
    fetch->retry_after_ms = retry_after_ms;
    if (!err->kind) {
        wfe_registry_fetch_again(fetch);
    } else if (err->retryable) {
        fetch->logins--; /* that was none: nobody refused anything */
        wfe_registry_fetch_retry(fetch, WFE_HTTP_OK, err);
    } else {
        wfe_registry_fetch_give_up_host(fetch, err);
    }
}

static int start_login(wfe_registry_fetch *fetch, const wfe_auth_challenge *challenge,
                       wfe_error *err)
{
    const wfe_registry_auth_request request = {.host = wfe_registry_fetch_host(fetch),
                                               .path = fetch->path,
                                               .challenge = challenge,
                                               .refused = fetch->authorization};
    fetch->logins++;
    return wfe_registry_auth_start(fetch->registry, &request, on_auth, fetch, &fetch->auth, err);
}

/* False when there is nothing to log in with that was not tried. */
static bool log_in(wfe_registry_fetch *fetch, wfe_error *err)
{
    wfe_auth_challenges challenges = {0};
    const char *header;
    for (size_t i = 0; (header = wfe_http_header(fetch->transfer, "WWW-Authenticate", i)); i++)
        (void)wfe_auth_challenges_add(&challenges, header, NULL); /* the others may do */
    const wfe_auth_challenge *best = wfe_auth_challenges_best(&challenges);
    /* A password that was just looked up does not get better by that. */
    unsigned most = best && best->scheme == WFE_AUTH_BASIC ? 1 : LOGINS_MAX;
    bool possible = best && fetch->logins < most;
    int rc = possible ? start_login(fetch, best, err) : 0;
    wfe_auth_challenges_done(&challenges);
    return possible && !rc;
}

/* ---- what a response means ---- */

/* What servers say that got plain HTTP on a port of TLS (Go, nginx, Apache). */
static bool wants_tls(const wfe_registry_fetch *fetch)
{
    const char *body = fetch->other_body.data;
    return fetch->status == 400 && wfe_registry_fetch_host(fetch)->may_be_https && body &&
           (strcasestr(body, "HTTPS") || strstr(body, "SSL"));
}

static void switch_to_tls(wfe_registry_fetch *fetch)
{
    wfe_registry_host *host = wfe_registry_fetch_host(fetch);
    host->may_be_https = false;
    host->entry.is_https = true;
    wfe_registry_fetch_again(fetch);
}

static bool may_be_a_blob(const wfe_registry_fetch *fetch)
{
    return fetch->status == 404 && fetch->question == WFE_ASK_ITSELF &&
           fetch->kind == WFE_REGISTRY_MANIFEST && wfe_registry_fetch_is_fixed(fetch);
}

/* The tags there are make an error of more use. */
static bool asks_tags(const wfe_registry_fetch *fetch, const wfe_error *err)
{
    return fetch->host + 1 == fetch->hosts->n && err->http_status == 404 &&
           (fetch->kind == WFE_REGISTRY_MANIFEST || fetch->kind == WFE_REGISTRY_MANIFEST_HEAD) &&
           !wfe_registry_fetch_is_fixed(fetch);
}

static void ask(wfe_registry_fetch *fetch, wfe_registry_question question)
{
    fetch->question = question;
    free(wfe_take(fetch->redirect));
    wfe_registry_fetch_again(fetch);
}

static void take_failure(wfe_registry_fetch *fetch)
{
    wfe_error problem = WFE_ERROR_INIT;
    if (fetch->status == 401 && fetch->is_home && log_in(fetch, &problem)) {
        wfe_registry_fetch_drop(fetch);
        return;
    }
    wfe_registry_report_status(fetch, &problem);
    if (fetch->status == 416 && fetch->have_bytes > 0 && !fetch->no_range) {
        fetch->no_range = true;
        wfe_registry_fetch_retry(fetch, WFE_HTTP_OK, &problem);
    } else if (problem.retryable || !fetch->is_home) {
        /* What a redirect leads to may have lived its life: the host itself gives another. */
        wfe_registry_fetch_retry(fetch, WFE_HTTP_OK, &problem);
    } else if (may_be_a_blob(fetch)) {
        ask(fetch, WFE_ASK_AS_BLOB);
    } else if (asks_tags(fetch, &problem)) {
        fetch->result = problem;
        ask(fetch, WFE_ASK_TAGS);
    } else {
        wfe_registry_fetch_give_up_host(fetch, &problem);
    }
}

static void take_success(wfe_registry_fetch *fetch)
{
    wfe_error problem = WFE_ERROR_INIT;
    uint64_t whole = fetch->expected_bytes;
    if (!whole && fetch->total_bytes > 0)
        whole = (uint64_t)fetch->total_bytes;
    wfe_registry_fetch_host(fetch)->may_be_https = false;
    if (fetch->kind == WFE_REGISTRY_BLOB && fetch->have_bytes < whole) {
        wfe_registry_report_nonsense(fetch, &problem, "sent %" PRIu64 " of its %" PRIu64 " bytes",
                                     fetch->have_bytes, whole);
        wfe_registry_fetch_retry(fetch, WFE_HTTP_BROKEN, &problem);
        return;
    }
    wfe_registry_fetch_end(fetch, &problem);
}

static void take_tags(wfe_registry_fetch *fetch, bool came)
{
    wfe_error problem = fetch->result;
    if (came && fetch->status == 401 && fetch->is_home && log_in(fetch, &problem)) {
        wfe_registry_fetch_drop(fetch);
        return;
    }
    if (came && fetch->status == 200)
        wfe_registry_add_tags(&problem, fetch->name, fetch->other_body.data, fetch->other_body.len);
    if (!problem.hint[0])
        wfe_error_hint(&problem, "check the name of the image");
    wfe_registry_fetch_end(fetch, &problem);
}

static void take_response(wfe_registry_fetch *fetch)
{
    if (fetch->question == WFE_ASK_TAGS)
        take_tags(fetch, true);
    else if (is_good(fetch))
        take_success(fetch);
    else if (fetch->status >= 300 && fetch->status < 400 && fetch->status != 304)
        follow_redirect(fetch);
    else if (wants_tls(fetch))
        switch_to_tls(fetch);
    else
        take_failure(fetch);
}

/* Our own checks of the response failed, or the caller's function did. */
static void take_refusal(wfe_registry_fetch *fetch, const wfe_error *err)
{
    if (fetch->caller_failed || err->kind == WFE_E_NOMEM || err->kind == WFE_E_LIMIT)
        wfe_registry_fetch_end(fetch, err);
    else if (fetch->status == 206 && fetch->no_range)
        wfe_registry_fetch_retry(fetch, WFE_HTTP_OK, err);
    else
        wfe_registry_fetch_give_up_host(fetch, err);
}

static void on_done(wfe_http_failure failure, const wfe_error *err, void *user)
{
    wfe_registry_fetch *fetch = user;
    wfe_error problem = *err;
    if (failure == WFE_HTTP_OK) {
        take_response(fetch);
        return;
    }
    if (fetch->question == WFE_ASK_TAGS) {
        take_tags(fetch, false);
        return;
    }
    if (failure == WFE_HTTP_REFUSED) {
        take_refusal(fetch, &problem);
        return;
    }
    fetch->retry_after_ms = 0;
    wfe_registry_report_failure(fetch, failure, &problem);
    if (failure == WFE_HTTP_FATAL)
        wfe_registry_fetch_end(fetch, &problem);
    else if (failure == WFE_HTTP_TLS)
        wfe_registry_fetch_give_up_host(fetch, &problem);
    else
        wfe_registry_fetch_retry(fetch, failure, &problem);
}

const wfe_http_fns wfe_registry_answer_fns = {.head = on_head, .data = on_data, .done = on_done};
