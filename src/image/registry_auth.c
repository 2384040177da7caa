/* SPDX-License-Identifier: Apache-2.0
 *
 * Logging in. A grant is one Authorization value for one (host, realm, service, scope): the first
 * fetch that is refused makes it, all others that need the same wait for it, and it is used until
 * it has lived its life. A grant that was refused is made anew once per fetch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "image/registry_priv.h"
#include "image/secret.h"

#define ANSWER_MAX_BYTES ((size_t)256 * 1024)
#define TOKEN_DEADLINE_MS 30000

struct wfe_registry_auth_wait {
    wfe_registry_auth_wait *next;
    wfe_registry_grant *grant;
    wfe_registry_auth_fn fn;
    void *user;
};

struct wfe_registry_grant {
    wfe_registry_grant *next;
    wfe_registry *registry;
    wfe_registry_host *host;
    wfe_auth_scheme scheme;
    char *path; /* the repository it is for; "" for Basic, which is for all */
    char *realm;
    char *service; /* NULL: none */
    char *scope;
    char *value;         /* NULL: not there */
    uint64_t expires_us; /* monotonic; 0: never */
    wfe_registry_login_kind login;
    wfe_registry_auth_wait *waits;
    wfe_registry_auth_wait *ending; /* of the round that just ended, not told yet */
    bool is_working;                /* what follows is the work under way */
    wfe_credential_lookup *lookup;
    wfe_credential credential;
    wfe_http_transfer *transfer;
    wfe_buf answer;
    bool posted;    /* the request under way is the POST */
    wfe_timer *end; /* to end from the loop */
    wfe_error error;
};

const char *wfe_registry_login_name(wfe_registry_login_kind kind)
{
    switch (kind) {
    case WFE_LOGIN_PASSWORD:
        return "with a user name and password";
    case WFE_LOGIN_IDENTITY_TOKEN:
        return "with an identity token";
    case WFE_LOGIN_REGISTRY_TOKEN:
        return "with a registry token";
    case WFE_LOGIN_NONE:
    default:
        return "anonymously";
    }
}

static void grant_free(wfe_registry_grant *grant)
{
    wfe_credential_lookup_cancel(grant->lookup);
    wfe_http_transfer_free(grant->transfer);
    wfe_timer_free(grant->end);
    wfe_credential_done(&grant->credential);
    wfe_secret_buf_done(&grant->answer);
    wfe_secret_free(grant->value);
    free(grant->path);
    free(grant->realm);
    free(grant->service);
    free(grant->scope);
    free(grant);
}

void wfe_registry_grants_free(wfe_registry *registry)
{
    while (registry->grants) {
        wfe_registry_grant *grant = registry->grants;
        registry->grants = grant->next;
        grant_free(grant);
    }
}

/* ---- the end ---- */

/* Tells everybody who waits; each may cancel the wait of another, or start a new one, which is no
 * longer of this round. */
static void end(wfe_registry_grant *grant, const wfe_error *err, uint32_t retry_after_ms)
{
    const wfe_error copy = *err;
    wfe_credential_done(&grant->credential);
    wfe_secret_buf_done(&grant->answer);
    wfe_http_transfer_free(wfe_take(grant->transfer));
    grant->is_working = false;
    grant->ending = wfe_take(grant->waits);
    while (grant->ending) {
        wfe_registry_auth_wait *wait = grant->ending;
        wfe_registry_auth_fn fn = wait->fn;
        void *user = wait->user;
        grant->ending = wait->next;
        free(wait);
        fn(&copy, retry_after_ms, user);
    }
}

static void on_end(void *user)
{
    wfe_registry_grant *grant = user;
    end(grant, &grant->error, 0);
}

/* From where a callback must not run. */
static void end_soon(wfe_registry_grant *grant, const wfe_error *err)
{
    grant->error = *err;
    wfe_timer_start(grant->end, 0);
}

static void succeed(wfe_registry_grant *grant, char *value, uint64_t lives_ms)
{
    const wfe_error none = WFE_ERROR_INIT;
    wfe_secret_free(grant->value);
    grant->value = value;
    /* A token may not run out on its way. */
    grant->expires_us = lives_ms ? wfe_clock_monotonic_us() + (lives_ms - lives_ms / 10) * 1000 : 0;
    grant->host->scheme = grant->scheme;
    end(grant, &none, 0);
}

static void fail(wfe_registry_grant *grant, wfe_error *err)
{
    wfe_error_where(err, "log in", grant->host->entry.authority);
    end(grant, err, 0);
}

/* ---- asking the token server ---- */

static void token_server(const wfe_registry_grant *grant, char *out, size_t size)
{
    wfe_http_url url;
    bool known = wfe_http_url_parse(grant->realm, &url, NULL) == 0;
    snprintf(out, size, "%s", known ? url.host : "?");
}

static void ask(wfe_registry_grant *grant, bool post);

static void refused(wfe_registry_grant *grant, int status, wfe_error *err)
{
    char server[256], said[300];
    token_server(grant, server, sizeof server);
    wfe_registry_error_text(grant->answer.data, grant->answer.len, said, sizeof said);
    wfe_error_set(err, WFE_E_DENIED,
                  "registry host '%s': its token server %s gives no token, tried %s (HTTP %d%s%s)",
                  grant->host->entry.authority, server, wfe_registry_login_name(grant->login),
                  status, said[0] ? ", " : "", said);
    if (grant->login == WFE_LOGIN_NONE)
        wfe_error_hint(err, "log in first: docker login %s", grant->host->entry.authority);
    else
        wfe_error_hint(err, "check the login, or renew it: docker login %s",
                       grant->host->entry.authority);
}

static void answered(wfe_registry_grant *grant)
{
    wfe_error err = WFE_ERROR_INIT;
    int status = wfe_http_status(grant->transfer);
    uint32_t retry_after_ms =
        wfe_registry_retry_after_ms(wfe_http_header(grant->transfer, "Retry-After", 0));
    char *value = NULL;
    uint64_t lives_ms = 0;
    if (status == 200 &&
        wfe_registry_token_answer(grant->answer.data ? grant->answer.data : "", grant->answer.len,
                                  &value, &lives_ms, &err) == 0) {
        succeed(grant, value, lives_ms);
        return;
    }
    /* Many servers know no POST (distribution's own among them). */
    bool may_get = grant->posted && !grant->credential.identity_token;
    if (may_get && (status == 400 || status == 401 || status == 404 || status == 405)) {
        ask(grant, false);
        return;
    }
    err.http_status = status;
    if (status == 200) {
        wfe_error_prefix(&err, "the token server of '%s'", grant->host->entry.authority);
    } else if (status >= 400 && status < 500 && status != 408 && status != 429) {
        refused(grant, status, &err);
    } else {
        err.retryable = status >= 400;
        wfe_error_set(&err, err.retryable ? WFE_E_UNAVAILABLE : WFE_E_PROTOCOL,
                      "registry host '%s': its token server answers with HTTP status %d",
                      grant->host->entry.authority, status);
    }
    wfe_error_where(&err, "log in", grant->host->entry.authority);
    end(grant, &err, retry_after_ms);
}

static int on_data(const void *bytes, size_t len, wfe_error *err, void *user)
{
    wfe_registry_grant *grant = user;
    return wfe_buf_append(&grant->answer, bytes, len, err);
}

static void on_done(wfe_http_failure failure, const wfe_error *err, void *user)
{
    wfe_registry_grant *grant = user;
    char server[256];
    if (failure == WFE_HTTP_OK) {
        answered(grant);
        return;
    }
    wfe_error own = *err;
    own.retryable = failure == WFE_HTTP_UNREACHABLE || failure == WFE_HTTP_BROKEN;
    token_server(grant, server, sizeof server);
    wfe_error_prefix(&own, "registry host '%s': its token server %s", grant->host->entry.authority,
                     server);
    fail(grant, &own);
}

static int prepare_post(wfe_registry_grant *grant, wfe_http_request *request, char **ret_secret,
                        wfe_error *err)
{
    request->method = WFE_HTTP_POST;
    int rc =
        wfe_registry_token_form(&grant->credential, grant->service, grant->scope, ret_secret, err);
    request->body = *ret_secret;
    return rc;
}

static int prepare_get(wfe_registry_grant *grant, char **ret_url, char **ret_header, wfe_error *err)
{
    _cleanup_secret_ char *value = NULL;
    int rc = wfe_registry_token_url(grant->realm, grant->service, grant->scope, ret_url, err);
    if (rc || !grant->credential.username)
        return rc;
    rc = wfe_registry_basic_value(&grant->credential, &value, err);
    if (!rc && asprintf(ret_header, "Authorization: %s", value) < 0) {
        *ret_header = NULL;
        rc = wfe_error_nomem(err);
    }
    return rc;
}

static void ask(wfe_registry_grant *grant, bool post)
{
    static const wfe_http_fns fns = {.data = on_data, .done = on_done};
    _cleanup_secret_ char *form = NULL;
    _cleanup_secret_ char *header = NULL;
    _cleanup_free_ char *url = NULL;
    wfe_error err = WFE_ERROR_INIT;
    wfe_http_request request = {.method = WFE_HTTP_GET,
                                .tls = &grant->host->tls,
                                .deadline_ms = TOKEN_DEADLINE_MS,
                                .connect_timeout_ms = grant->host->entry.connect_timeout_ms};
    wfe_http_transfer_free(wfe_take(grant->transfer));
    wfe_secret_buf_done(&grant->answer);
    grant->answer.max_bytes = ANSWER_MAX_BYTES;
    grant->posted = post;
    int rc =
        post ? prepare_post(grant, &request, &form, &err) : prepare_get(grant, &url, &header, &err);
    const char *const headers[] = {"Accept: application/json", header, NULL};
    request.headers = headers;
    request.url = post ? grant->realm : url;
    if (!rc)
        rc = wfe_http_start(grant->registry->http, &request, &fns, grant, &grant->transfer, &err);
    if (rc)
        fail(grant, &err);
}

/* ---- what we have to show ---- */

static void no_login(wfe_registry_grant *grant)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_set(&err, WFE_E_DENIED,
                  "registry host '%s' wants a user name and a password, and there are none for it",
                  grant->host->entry.authority);
    wfe_error_hint(&err, "log in first: docker login %s", grant->host->entry.authority);
    err.http_status = 401;
    fail(grant, &err);
}

static void use_basic(wfe_registry_grant *grant)
{
    wfe_error err = WFE_ERROR_INIT;
    char *value = NULL;
    if (grant->credential.username && grant->credential.password)
        grant->login = WFE_LOGIN_PASSWORD;
    if (grant->login != WFE_LOGIN_PASSWORD)
        no_login(grant);
    else if (wfe_registry_basic_value(&grant->credential, &value, &err) != 0)
        fail(grant, &err);
    else
        succeed(grant, value, 0);
}

static void use_bearer(wfe_registry_grant *grant)
{
    wfe_error err = WFE_ERROR_INIT;
    char *value = NULL;
    if (grant->login != WFE_LOGIN_REGISTRY_TOKEN)
        ask(grant, grant->login != WFE_LOGIN_NONE);
    else if (wfe_registry_bearer_value(grant->credential.registry_token, &value, &err) != 0)
        fail(grant, &err);
    else
        succeed(grant, value, 0);
}

static void on_credential(const wfe_credential *credential, const wfe_error *err, void *user)
{
    wfe_registry_grant *grant = user;
    wfe_error own = *err;
    grant->lookup = NULL;
    wfe_credential_done(&grant->credential);
    if (!credential || wfe_credential_copy(credential, &grant->credential, &own) != 0) {
        fail(grant, &own);
        return;
    }
    const wfe_credential *c = &grant->credential;
    grant->login = c->registry_token            ? WFE_LOGIN_REGISTRY_TOKEN
                   : c->identity_token          ? WFE_LOGIN_IDENTITY_TOKEN
                   : c->username && c->password ? WFE_LOGIN_PASSWORD
                                                : WFE_LOGIN_NONE;
    if (grant->scheme == WFE_AUTH_BASIC)
        use_basic(grant);
    else
        use_bearer(grant);
}

static void begin(wfe_registry_grant *grant)
{
    wfe_error err = WFE_ERROR_INIT;
    int rc = grant->scheme == WFE_AUTH_BEARER
                 ? wfe_registry_check_realm(grant->realm, grant->host->entry.is_https, &err)
                 : 0;
    if (!rc)
        rc = wfe_credential_lookup_start(grant->registry->loop, &grant->registry->sources,
                                         grant->host->entry.authority, on_credential, grant,
                                         &grant->lookup, &err);
    if (rc) {
        wfe_error_prefix(&err, "registry host '%s'", grant->host->entry.authority);
        wfe_error_where(&err, "log in", grant->host->entry.authority);
        end_soon(grant, &err);
    }
}

/* ---- grants ---- */

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static int copy_text(const char *text, char **ret, wfe_error *err)
{
    if (text && !(*ret = strdup(text)))
        return wfe_error_nomem(err);
    return 0;
}

static int grant_new(wfe_registry *registry, const wfe_registry_auth_request *request,
                     const char *scope, wfe_registry_grant **ret, wfe_error *err)
{
    wfe_registry_grant *grant = calloc(1, sizeof *grant);
    if (!grant)
        return wfe_error_nomem(err);
    grant->registry = registry;
    grant->host = request->host;
    grant->scheme = request->challenge->scheme;
    int rc = copy_text(grant->scheme == WFE_AUTH_BASIC ? "" : request->path, &grant->path, err);
    if (!rc)
        rc = copy_text(request->challenge->realm ? request->challenge->realm : "", &grant->realm,
                       err);
    if (!rc)
        rc = copy_text(request->challenge->service, &grant->service, err);
    if (!rc)
        rc = copy_text(scope, &grant->scope, err);
    if (!rc)
        rc = wfe_timer_new(registry->loop, on_end, grant, &grant->end, err);
    if (rc) {
        grant_free(grant);
        return rc;
    }
    grant->next = registry->grants;
    registry->grants = grant;
    *ret = grant;
    return 0;
}

static wfe_registry_grant *find(wfe_registry *registry, const wfe_registry_auth_request *request,
                                const char *scope)
{
    for (wfe_registry_grant *grant = registry->grants; grant; grant = grant->next) {
        if (grant->host != request->host || grant->scheme != request->challenge->scheme)
            continue;
        if (grant->scheme == WFE_AUTH_BASIC ||
            (same(grant->realm, request->challenge->realm) &&
             same(grant->service, request->challenge->service) && same(grant->scope, scope)))
            return grant;
    }
    return NULL;
}

static bool is_fresh(const wfe_registry_grant *grant)
{
    return grant->value && (!grant->expires_us || wfe_clock_monotonic_us() < grant->expires_us);
}

int wfe_registry_auth_start(wfe_registry *registry, const wfe_registry_auth_request *request,
                            wfe_registry_auth_fn fn, void *user, wfe_registry_auth_wait **ret,
                            wfe_error *err)
{
    const wfe_error none = WFE_ERROR_INIT;
    _cleanup_free_ char *scope = NULL;
    int rc = wfe_registry_scope(request->challenge, request->path, &scope, err);
    if (rc)
        return rc;
    _cleanup_free_ wfe_registry_auth_wait *wait = calloc(1, sizeof *wait);
    if (!wait)
        return wfe_error_nomem(err);
    wfe_registry_grant *grant = find(registry, request, scope);
    if (!grant)
        rc = grant_new(registry, request, scope, &grant, err);
    if (rc)
        return rc;
    wait->grant = grant;
    wait->fn = fn;
    wait->user = user;
    wait->next = grant->waits;
    grant->waits = wait;
    *ret = wfe_take(wait);
    if (grant->is_working)
        return 0;
    grant->is_working = true;
    /* Another fetch may have got a new one since this request was sent. */
    if (is_fresh(grant) && !(request->refused && same(request->refused, grant->value)))
        end_soon(grant, &none);
    else
        begin(grant);
    return 0;
}

static bool unlink_wait(wfe_registry_auth_wait **list, const wfe_registry_auth_wait *wait)
{
    while (*list && *list != wait)
        list = &(*list)->next;
    if (!*list)
        return false;
    *list = wait->next;
    return true;
}

void wfe_registry_auth_cancel(wfe_registry_auth_wait *wait)
{
    if (!wait)
        return;
    wfe_registry_grant *grant = wait->grant;
    if (!unlink_wait(&grant->waits, wait))
        unlink_wait(&grant->ending, wait);
    free(wait);
    if (grant->waits || !grant->is_working)
        return;
    wfe_credential_lookup_cancel(wfe_take(grant->lookup));
    wfe_http_transfer_free(wfe_take(grant->transfer));
    wfe_timer_stop(grant->end);
    grant->is_working = false;
}

const char *wfe_registry_authorization(wfe_registry *registry, const wfe_registry_host *host,
                                       const char *path, wfe_registry_login_kind *ret_kind)
{
    for (wfe_registry_grant *grant = registry->grants; grant; grant = grant->next) {
        if (grant->host == host && is_fresh(grant) && grant->scheme == host->scheme &&
            (grant->scheme == WFE_AUTH_BASIC || strcmp(grant->path, path) == 0)) {
            *ret_kind = grant->login;
            return grant->value;
        }
    }
    return NULL;
}
