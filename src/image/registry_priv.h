/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a registry, for the registry*.c files.
 */
#ifndef WFE_IMAGE_REGISTRY_PRIV_H
#define WFE_IMAGE_REGISTRY_PRIV_H

#include <stdbool.h>

#include "image/credential.h"
#include "image/http.h"
#include "image/registry.h"
#include "image/registry_hosts.h"

typedef struct wfe_registry_grant wfe_registry_grant;

/* A list of hosts per registry name; a step uses one or two. */
typedef struct wfe_registry_domain {
    struct wfe_registry_domain *next;
    wfe_registry_hosts *hosts;
} wfe_registry_domain;

struct wfe_registry {
    wfe_loop *loop;
    wfe_http *http;
    wfe_log log;
    unsigned retries;
    uint32_t retry_delay_ms;
    uint32_t retry_after_max_ms;
    char *docker_config;
    char **hosts_dirs;
    wfe_registry_login *logins; /* with texts of our own */
    size_t n_logins;
    wfe_credential_sources sources; /* of the above */
    wfe_registry_domain *domains;
    wfe_registry_grant *grants;
    uint32_t jitter; /* state of a small generator: retries of many clients should not meet */
};

/* The hosts of a registry, read at the first use. Borrowed for the registry's life. */
int wfe_registry_find_hosts(wfe_registry *registry, const char *domain, wfe_registry_hosts **ret,
                            wfe_error *err);
/* How long to wait before the n-th retry (from 1): doubled each time, at most 30 s, and between a
 * half and the whole of it. */
uint64_t wfe_registry_backoff_ms(wfe_registry *registry, unsigned n);

/* ---- authorization (registry_auth.c) ---- */

/* What is asked for: answered for all fetches that ask for the same. Borrowed during the call. */
typedef struct wfe_registry_auth_request {
    wfe_registry_host *host;
    const char *path;                    /* the repository */
    const wfe_auth_challenge *challenge; /* Basic or Bearer */
    const char *refused;                 /* the Authorization value it refused; NULL: none sent */
} wfe_registry_auth_request;

/* How it was tried to log in, for messages. */
typedef enum wfe_registry_login_kind {
    WFE_LOGIN_NONE,
    WFE_LOGIN_PASSWORD,
    WFE_LOGIN_IDENTITY_TOKEN,
    WFE_LOGIN_REGISTRY_TOKEN,
} wfe_registry_login_kind;
/* "anonymously", "with a user name and password". Static. */
const char *wfe_registry_login_name(wfe_registry_login_kind kind);

/* A wait for a grant; err->kind is 0 when it is there: take it with wfe_registry_authorization. */
typedef struct wfe_registry_auth_wait wfe_registry_auth_wait;
typedef void (*wfe_registry_auth_fn)(const wfe_error *err, uint32_t retry_after_ms, void *user);
/* fn is called once, never from inside; the handle is gone when it returns. */
int wfe_registry_auth_start(wfe_registry *registry, const wfe_registry_auth_request *request,
                            wfe_registry_auth_fn fn, void *user, wfe_registry_auth_wait **ret,
                            wfe_error *err);
void wfe_registry_auth_cancel(wfe_registry_auth_wait *wait);
/* The value to send with requests for a repository of the host; NULL when there is none (yet).
 * Borrowed until the loop runs again. */
const char *wfe_registry_authorization(wfe_registry *registry, const wfe_registry_host *host,
                                       const char *path, wfe_registry_login_kind *ret_kind);
void wfe_registry_grants_free(wfe_registry *registry);

/* ---- token requests, without I/O (registry_token.c) ---- */

/* The scope a fetch needs. */
int wfe_registry_scope(const wfe_auth_challenge *challenge, const char *path, char **ret,
                       wfe_error *err);
/* Checks where tokens are fetched: https, unless the registry itself is asked by http. */
int wfe_registry_check_realm(const char *realm, bool host_is_https, wfe_error *err);
/* realm?service=...&scope=... */
int wfe_registry_token_url(const char *realm, const char *service, const char *scope, char **ret,
                           wfe_error *err);
/* The form for a POST: with the identity token, or else user name and password. */
int wfe_registry_token_form(const wfe_credential *credential, const char *service,
                            const char *scope, char **ret, wfe_error *err);
/* "Basic ..." */
int wfe_registry_basic_value(const wfe_credential *credential, char **ret, wfe_error *err);
/* "Bearer ..." of a token that can be in a header; PROTOCOL. */
int wfe_registry_bearer_value(const char *token, char **ret, wfe_error *err);
/* The answer of a token server; ret_value is a "Bearer ...". PROTOCOL, NOMEM. */
int wfe_registry_token_answer(const char *text, size_t len, char **ret_value,
                              uint64_t *ret_lives_ms, wfe_error *err);

/* ---- reading responses (registry_response.c) ---- */

/* Retry-After in seconds or as a date; 0 when there is none or it is wrong. */
uint32_t wfe_registry_retry_after_ms(const char *value);
/* "bytes 10-99/100"; total -1 for '*'. */
bool wfe_registry_parse_content_range(const char *value, uint64_t *ret_first, uint64_t *ret_last,
                                      int64_t *ret_total);
bool wfe_registry_parse_size(const char *value, uint64_t *ret);
/* What a registry says in {"errors": [...]}: "CODE: message", cleaned and cut; "" when it says
 * nothing of that form. */
void wfe_registry_error_text(const char *body, size_t len, char *out, size_t size);
/* What is wrong when a registry has no such tag: the tags there are, and which may be meant. body
 * is its list of tags, or NULL when it gives none. */
void wfe_registry_add_tags(wfe_error *err, const char *wanted, const char *body, size_t len);

#endif
