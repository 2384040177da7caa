/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a fetch: registry_fetch.c sends its requests and ends it, registry_answer.c reads
 * what comes and decides what is next.
 */
#ifndef WFE_IMAGE_REGISTRY_FETCH_PRIV_H
#define WFE_IMAGE_REGISTRY_FETCH_PRIV_H

#include "base/buf.h"
#include "image/registry_priv.h"

struct wfe_registry_fetch {
    wfe_registry *registry;
    wfe_registry_fetch_fns fns;
    void *user;
    /* The request. */
    wfe_registry_kind kind;
    char *path;
    char *name;
    char *accept;
    uint64_t expected_bytes;
    uint64_t max_bytes;
    /* Where it is asked. */
    wfe_registry_hosts *hosts;
    size_t host;    /* index of the one at work */
    char *redirect; /* NULL: the host itself */
    unsigned redirects;
    unsigned logins; /* at this host */
    unsigned tries;  /* in a row without progress */
    bool asks_tags;  /* the name was not found: which are there */
    /* What has come. */
    uint64_t have_bytes; /* of a blob, all that data was given and what was before */
    uint64_t tried_at_bytes;
    bool told_head;
    wfe_buf document;
    /* The request under way. */
    wfe_http_transfer *transfer;
    wfe_registry_auth_wait *auth;
    char *authorization; /* that was sent; NULL: none */
    wfe_registry_login_kind login;
    bool paused;
    int status;
    uint64_t skip_bytes; /* of a whole blob that begins too early */
    int64_t total_bytes; /* -1: not known */
    uint32_t retry_after_ms;
    wfe_buf error_body;
    wfe_timer *timer; /* sends the next request, or ends */
    bool over;
    wfe_error result;
};

/* The host at work. */
wfe_registry_host *wfe_registry_fetch_host(const wfe_registry_fetch *fetch);
/* Is it asked for by digest, not by tag. */
bool wfe_registry_fetch_is_fixed(const wfe_registry_fetch *fetch);
/* Drops the request under way. */
void wfe_registry_fetch_close(wfe_registry_fetch *fetch);
/* The end, told from the loop. */
void wfe_registry_fetch_end(wfe_registry_fetch *fetch, const wfe_error *err);
/* Sends the next request after so long. */
void wfe_registry_fetch_again(wfe_registry_fetch *fetch, uint64_t wait_ms);
/* This host cannot help: the next one, or the end. */
void wfe_registry_fetch_give_up_host(wfe_registry_fetch *fetch, const wfe_error *err);
/* Once more at this host, unless it was often enough. */
void wfe_registry_fetch_retry(wfe_registry_fetch *fetch, const wfe_error *err);

/* registry_answer.c: what a request is started with. */
extern const wfe_http_fns wfe_registry_answer_fns;

#endif
