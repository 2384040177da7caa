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

#include "image/registry_fetch_priv.h"
#include "image/secret.h"

/* Requests in all, however little each of them brings. */
#define RESTARTS_MAX 200
/* A host that cannot be reached at all is not asked often: it may just not be there. */
#define UNREACHABLE_TRIES_MAX 2
/* Where another host is left, that one is asked soon. */
#define MIRROR_TRIES_MAX 2

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

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

bool wfe_registry_fetch_is_document(const wfe_registry_fetch *fetch)
{
    return fetch->kind == WFE_REGISTRY_MANIFEST || fetch->kind == WFE_REGISTRY_TAGS;
}

/* ---- the caller's functions ---- */

bool wfe_registry_fetch_tell_head(wfe_registry_fetch *fetch)
{
    bool freed = false;
    if (fetch->told_head)
        return true;
    const wfe_registry_head head = {.host = wfe_registry_fetch_host(fetch)->entry.authority,
                                    .media_type = fetch->media_type,
                                    .digest = fetch->digest,
                                    .total_bytes = fetch->total_bytes};
    fetch->told_head = true;
    if (!fetch->fns.head)
        return true;
    fetch->freed = &freed;
    fetch->fns.head(&head, fetch->user);
    if (!freed)
        fetch->freed = NULL;
    return !freed;
}

int wfe_registry_fetch_give(wfe_registry_fetch *fetch, const void *bytes, size_t len,
                            bool *ret_gone, wfe_error *err)
{
    if (!fetch->fns.data)
        return 0;
    fetch->freed = ret_gone;
    int rc = fetch->fns.data(bytes, len, err, fetch->user);
    if (rc && !err->kind)
        wfe_error_set(err, rc, "what was fetched was not taken");
    if (*ret_gone)
        return rc;
    fetch->freed = NULL;
    fetch->caller_failed = rc != 0;
    return rc;
}

/* Gives what is given only when all of it is there; false when the fetch is not to end now. */
static bool give_rest(wfe_registry_fetch *fetch, wfe_error *err)
{
    bool is_document = wfe_registry_fetch_is_document(fetch), gone = false;
    if (!is_document && fetch->kind != WFE_REGISTRY_MANIFEST_HEAD)
        return true;
    fetch->held = is_document && fetch->paused;
    if (fetch->held || !wfe_registry_fetch_tell_head(fetch))
        return false;
    if (is_document)
        wfe_registry_fetch_give(fetch, fetch->document.data ? fetch->document.data : "",
                                fetch->document.len, &gone, err);
    return !gone;
}

static void finish(wfe_registry_fetch *fetch)
{
    wfe_error result = fetch->result;
    if (result.kind || give_rest(fetch, &result))
        fetch->fns.done(&result, fetch->user);
}

static void on_timer(void *user)
{
    wfe_registry_fetch *fetch = user;
    wfe_error problem = WFE_ERROR_INIT;
    if (!fetch->over && wfe_registry_fetch_send(fetch, &problem) == 0)
        return;
    if (!fetch->over) {
        fetch->over = true;
        fetch->result = problem;
    }
    finish(fetch);
}

/* ---- what is next ---- */

void wfe_registry_fetch_drop(wfe_registry_fetch *fetch)
{
    wfe_http_transfer_free(wfe_take(fetch->transfer));
    wfe_secret_free(wfe_take(fetch->authorization));
    wfe_buf_done(&fetch->other_body);
}

void wfe_registry_fetch_end(wfe_registry_fetch *fetch, const wfe_error *err)
{
    fetch->result = *err;
    fetch->over = true;
    wfe_registry_fetch_drop(fetch);
    wfe_timer_start(fetch->timer, 0);
}

void wfe_registry_fetch_again(wfe_registry_fetch *fetch)
{
    wfe_registry_fetch_drop(fetch);
    wfe_timer_start(fetch->timer, 0);
}

/* May the host be asked for this: a tag means what a host with `resolve` says it does. */
static bool suits(const wfe_registry_fetch *fetch, const wfe_registry_host *host)
{
    bool resolves = fetch->kind != WFE_REGISTRY_BLOB && !wfe_registry_fetch_is_fixed(fetch);
    return resolves ? host->entry.can_resolve : host->entry.can_pull;
}

/* The number of hosts when there is none. */
static size_t find_host(const wfe_registry_fetch *fetch, size_t from)
{
    while (from < fetch->hosts->n && !suits(fetch, &fetch->hosts->items[from]))
        from++;
    return from;
}

static void use_host(wfe_registry_fetch *fetch, size_t host)
{
    fetch->host = host;
    fetch->logins = fetch->tries = fetch->redirects = 0;
    fetch->no_range = false;
    fetch->question = WFE_ASK_ITSELF;
    free(wfe_take(fetch->redirect));
}

void wfe_registry_fetch_give_up_host(wfe_registry_fetch *fetch, const wfe_error *err)
{
    size_t next = find_host(fetch, fetch->host + 1);
    if (next == fetch->hosts->n) {
        wfe_registry_fetch_end(fetch, err);
        return;
    }
    wfe_log_info(&fetch->registry->log, "registry: %s; trying %s", err->message,
                 fetch->hosts->items[next].entry.authority);
    use_host(fetch, next);
    wfe_registry_fetch_again(fetch);
}

static unsigned tries_allowed(const wfe_registry_fetch *fetch, wfe_http_failure why)
{
    unsigned most = fetch->registry->retries;
    bool is_last = find_host(fetch, fetch->host + 1) == fetch->hosts->n;
    if (!is_last && (why == WFE_HTTP_UNREACHABLE || fetch->retry_after_ms))
        return 0;
    if (!is_last && most > MIRROR_TRIES_MAX)
        most = MIRROR_TRIES_MAX;
    if (why == WFE_HTTP_UNREACHABLE && most > UNREACHABLE_TRIES_MAX)
        most = UNREACHABLE_TRIES_MAX;
    return most;
}

void wfe_registry_fetch_retry(wfe_registry_fetch *fetch, wfe_http_failure why, const wfe_error *err)
{
    wfe_registry *registry = fetch->registry;
    if (fetch->have_bytes > fetch->tried_at_bytes)
        fetch->tries = fetch->logins = 0;
    fetch->tried_at_bytes = fetch->have_bytes;
    if (fetch->tries >= tries_allowed(fetch, why) || fetch->restarts >= RESTARTS_MAX ||
        fetch->retry_after_ms > registry->retry_after_max_ms) {
        wfe_registry_fetch_give_up_host(fetch, err);
        return;
    }
    fetch->tries++;
    fetch->restarts++;
    fetch->redirects = 0;
    free(wfe_take(fetch->redirect));
    uint64_t wait_ms = fetch->retry_after_ms ? fetch->retry_after_ms
                                             : wfe_registry_backoff_ms(registry, fetch->tries);
    wfe_log_info(&registry->log, "registry: %s; again in %" PRIu64 " ms", err->message, wait_ms);
    wfe_registry_fetch_drop(fetch);
    wfe_timer_start(fetch->timer, wait_ms);
}

/* ---- the caller's side ---- */

static int check_name(const wfe_registry_request *request, wfe_error *err)
{
    const char *name = request->name ? request->name : "";
    bool digest = wfe_digest_is_valid(name);
    bool tag = name[0] && strchr(LETTERS UPPER DIGITS "_", name[0]) && strlen(name) <= 128 &&
               strspn(name, LETTERS UPPER DIGITS "_.-") == strlen(name);
    bool good = request->kind == WFE_REGISTRY_TAGS   ? !request->name
                : request->kind == WFE_REGISTRY_BLOB ? digest
                                                     : digest || tag;
    return good ? 0
                : wfe_error_set(err, WFE_E_INVALID, "'%.200s' is no %s to fetch", name,
                                request->kind == WFE_REGISTRY_BLOB ? "sha256 digest"
                                                                   : "tag and no sha256 digest");
}

/* What goes into a URL, or the name of a folder, must not be able to leave its place there. */
static int check_request(const wfe_registry_request *request, wfe_error *err)
{
    const char *domain = request->domain, *path = request->path;
    if (!domain[0] || !strchr(LETTERS UPPER DIGITS "[", domain[0]) || strlen(domain) > 255 ||
        strspn(domain, LETTERS UPPER DIGITS "-.:[]") != strlen(domain))
        return wfe_error_set(err, WFE_E_INVALID, "'%.200s' is no host of a registry", domain);
    if (!path[0] || !strchr(LETTERS DIGITS, path[0]) || strlen(path) > 255 || strstr(path, "..") ||
        strspn(path, LETTERS DIGITS "_.-/") != strlen(path))
        return wfe_error_set(err, WFE_E_INVALID, "'%.200s' is no repository", path);
    if (request->expected_bytes && request->offset_bytes > request->expected_bytes)
        return wfe_error_set(err, WFE_E_INVALID,
                             "a fetch from byte %" PRIu64 " on of a blob of %" PRIu64 " bytes",
                             request->offset_bytes, request->expected_bytes);
    return check_name(request, err);
}

static int copy_text(const char *text, char **ret, wfe_error *err)
{
    *ret = text ? strdup(text) : NULL;
    return !text || *ret ? 0 : wfe_error_nomem(err);
}

static int copy_request(wfe_registry_fetch *fetch, const wfe_registry_request *request,
                        wfe_error *err)
{
    bool blob = request->kind == WFE_REGISTRY_BLOB;
    const char *usual = blob                                 ? "*/*"
                        : request->kind == WFE_REGISTRY_TAGS ? "application/json"
                                                             : ACCEPT_MANIFESTS;
    fetch->kind = request->kind;
    fetch->have_bytes = blob ? request->offset_bytes : 0;
    fetch->tried_at_bytes = fetch->have_bytes;
    fetch->expected_bytes = request->expected_bytes;
    fetch->max_bytes =
        request->max_bytes || blob ? request->max_bytes : WFE_REGISTRY_DOCUMENT_MAX_BYTES;
    fetch->total_bytes = fetch->whole_bytes = -1;
    int rc = copy_text(request->path, &fetch->path, err);
    if (!rc)
        rc = copy_text(request->name, &fetch->name, err);
    return rc ? rc : copy_text(request->accept ? request->accept : usual, &fetch->accept, err);
}

static int find_first_host(wfe_registry_fetch *fetch, const char *domain, wfe_error *err)
{
    int rc = wfe_registry_find_hosts(fetch->registry, domain, &fetch->hosts, err);
    if (rc)
        return rc;
    fetch->host = find_host(fetch, 0);
    if (fetch->host < fetch->hosts->n)
        return 0;
    wfe_error_set(err, WFE_E_INVALID, "%s names no host that may be asked for %s",
                  fetch->hosts->file, fetch->kind == WFE_REGISTRY_BLOB ? "blobs" : "tags");
    wfe_error_hint(err, "check `capabilities` there");
    return WFE_E_INVALID;
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
    rc = copy_request(fetch, request, err);
    if (!rc)
        rc = find_first_host(fetch, request->domain, err);
    if (!rc)
        rc = wfe_timer_new(registry->loop, on_timer, fetch, &fetch->timer, err);
    if (rc)
        return rc;
    /* There is nothing to ask for. */
    fetch->over = fetch->have_bytes && fetch->have_bytes == fetch->expected_bytes;
    wfe_timer_start(fetch->timer, 0);
    *ret = wfe_take(fetch);
    return 0;
}

void wfe_registry_fetch_pause(wfe_registry_fetch *fetch)
{
    fetch->paused = true;
    if (fetch->transfer && fetch->kind == WFE_REGISTRY_BLOB)
        wfe_http_pause(fetch->transfer);
}

void wfe_registry_fetch_resume(wfe_registry_fetch *fetch)
{
    if (!fetch->paused)
        return;
    fetch->paused = false;
    if (fetch->held)
        wfe_timer_start(fetch->timer, 0);
    else if (fetch->transfer && fetch->kind == WFE_REGISTRY_BLOB)
        wfe_http_resume(fetch->transfer);
}

void wfe_registry_fetch_free(wfe_registry_fetch *fetch)
{
    if (!fetch)
        return;
    if (fetch->freed)
        *fetch->freed = true;
    wfe_registry_auth_cancel(fetch->auth);
    wfe_registry_fetch_drop(fetch);
    wfe_timer_free(fetch->timer);
    wfe_buf_done(&fetch->document);
    free(fetch->redirect);
    free(fetch->accept);
    free(fetch->name);
    free(fetch->path);
    free(fetch);
}
