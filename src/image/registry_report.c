/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fetch says when it fails: which host, what it was asked for, how we were logged in, what
 * it said, and what to do. No URL is shown, since those of redirects are as good as a login.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "image/registry_fetch_priv.h"

static const char *authority(const wfe_registry_fetch *fetch)
{
    return wfe_registry_fetch_host(fetch)->entry.authority;
}

const char *wfe_registry_fetch_subject(const wfe_registry_fetch *fetch,
                                       char out[WFE_REGISTRY_SUBJECT_SIZE])
{
    const char *domain = fetch->hosts->domain;
    if (fetch->kind == WFE_REGISTRY_TAGS)
        snprintf(out, WFE_REGISTRY_SUBJECT_SIZE, "list of tags of %s/%s", domain, fetch->path);
    else if (fetch->kind == WFE_REGISTRY_BLOB)
        snprintf(out, WFE_REGISTRY_SUBJECT_SIZE, "blob %s of %s/%s", fetch->name, domain,
                 fetch->path);
    else
        snprintf(out, WFE_REGISTRY_SUBJECT_SIZE, "image %s/%s%s%s", domain, fetch->path,
                 wfe_registry_fetch_is_fixed(fetch) ? "@" : ":", fetch->name);
    return out;
}

static void set_where(const wfe_registry_fetch *fetch, wfe_error *err)
{
    char subject[WFE_REGISTRY_SUBJECT_SIZE];
    wfe_error_where(err, "fetch from a registry", wfe_registry_fetch_subject(fetch, subject));
}

/* ": CODE: message", or nothing. */
static void said(const wfe_registry_fetch *fetch, char *out, size_t size)
{
    char text[256];
    wfe_registry_error_text(fetch->other_body.data, fetch->other_body.len, text, sizeof text);
    snprintf(out, size, "%s%s", text[0] ? ": " : "", text);
}

static void report_refusal(const wfe_registry_fetch *fetch, const char *subject, const char *words,
                           wfe_error *err)
{
    const char *domain = fetch->hosts->domain;
    wfe_error_set(err, WFE_E_DENIED, "%s refuses access to %s, tried %s (HTTP %d%s)",
                  authority(fetch), subject, wfe_registry_login_name(fetch->login), fetch->status,
                  words);
    if (fetch->login == WFE_LOGIN_NONE)
        wfe_error_hint(err,
                       "check the name of the image; if it is a private one, log in first: docker "
                       "login %s",
                       domain);
    else
        wfe_error_hint(err,
                       "check the name of the image, and whether this login may pull it; another "
                       "one: docker login %s",
                       domain);
}

static void report_busy(const wfe_registry_fetch *fetch, const char *subject, const char *words,
                        wfe_error *err)
{
    wfe_error_set(err, WFE_E_UNAVAILABLE, "%s answers HTTP %d when asked for %s%s",
                  authority(fetch), fetch->status, subject, words);
    err->retryable = true;
    if (fetch->retry_after_ms > fetch->registry->retry_after_max_ms)
        wfe_error_hint(err, "it asks to wait for %u s; at most %u s are waited",
                       fetch->retry_after_ms / 1000, fetch->registry->retry_after_max_ms / 1000);
    else if (fetch->status == 429)
        wfe_error_hint(err, "try again later; with a login there may be more: docker login %s",
                       fetch->hosts->domain);
    else
        wfe_error_hint(err, "try again later, or ask who runs the registry");
}

void wfe_registry_report_status(const wfe_registry_fetch *fetch, wfe_error *err)
{
    char subject[WFE_REGISTRY_SUBJECT_SIZE], words[300];
    const int status = fetch->status;
    wfe_registry_fetch_subject(fetch, subject);
    said(fetch, words, sizeof words);
    if (status == 404 || status == 410) {
        wfe_error_set(err, WFE_E_NOT_FOUND, "%s not found at %s%s", subject, authority(fetch),
                      words);
    } else if (status == 401 || status == 403) {
        report_refusal(fetch, subject, words, err);
    } else if (status == 408 || status == 429 || status >= 500) {
        report_busy(fetch, subject, words, err);
    } else {
        wfe_error_set(err, WFE_E_PROTOCOL, "%s answers HTTP %d when asked for %s%s",
                      authority(fetch), status, subject, words);
        wfe_error_hint(err, "is %s a registry (API version 2)?", authority(fetch));
    }
    err->http_status = status;
    set_where(fetch, err);
}

static void hint_tls(const wfe_registry_fetch *fetch, const char *text, wfe_error *err)
{
    if (strstr(text, "wrong version number") || strstr(text, "packet length too long"))
        wfe_error_hint(err,
                       "it seems to speak plain HTTP; if that is meant, name it as "
                       "\"http://%s\" in its hosts.toml",
                       authority(fetch));
    else if (strstr(text, "alert"))
        wfe_error_hint(err, "it may want a client certificate: name one as `client` in its "
                            "hosts.toml");
    else
        wfe_error_hint(err,
                       "if the registry has an authority of its own, name that one's certificate "
                       "as `ca` in its hosts.toml");
}

void wfe_registry_report_failure(const wfe_registry_fetch *fetch, wfe_http_failure why,
                                 wfe_error *err)
{
    char subject[WFE_REGISTRY_SUBJECT_SIZE], text[WFE_ERROR_MESSAGE_SIZE];
    wfe_registry_fetch_subject(fetch, subject);
    if (why == WFE_HTTP_FATAL)
        return;
    snprintf(text, sizeof text, "%s", err->message);
    const char *asked = fetch->is_home ? "" : ", where it redirected us";
    snprintf(err->message, sizeof err->message, "%s%s: %s; asked for %s", authority(fetch), asked,
             text, subject);
    err->retryable = why != WFE_HTTP_TLS;
    if (why == WFE_HTTP_TLS)
        hint_tls(fetch, text, err);
    else if (why == WFE_HTTP_UNREACHABLE && strstr(text, "unknown host"))
        wfe_error_hint(err, "check the name of the registry in the image's name; behind a proxy, "
                            "set https_proxy");
    else if (why == WFE_HTTP_UNREACHABLE)
        wfe_error_hint(err, "check that a registry runs at %s and can be reached from here",
                       authority(fetch));
    set_where(fetch, err);
}

int wfe_registry_report_nonsense(const wfe_registry_fetch *fetch, wfe_error *err,
                                 const char *format, ...)
{
    char subject[WFE_REGISTRY_SUBJECT_SIZE], text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wfe_error_set(err, WFE_E_PROTOCOL, "%s %s; asked for %s", authority(fetch), text,
                  wfe_registry_fetch_subject(fetch, subject));
    set_where(fetch, err);
    return WFE_E_PROTOCOL;
}
