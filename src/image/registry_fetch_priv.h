/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a fetch: registry_fetch.c starts and ends it and decides when to ask again,
 * registry_request.c writes its requests, registry_answer.c reads what comes and decides what is
 * next, registry_report.c says what went wrong.
 */
#ifndef WFE_IMAGE_REGISTRY_FETCH_PRIV_H
#define WFE_IMAGE_REGISTRY_FETCH_PRIV_H

#include "base/buf.h"
#include "base/digest.h"
#include "image/registry_priv.h"

/* What is asked of the host at work. */
typedef enum wfe_registry_question {
    WFE_ASK_ITSELF,
    WFE_ASK_AS_BLOB, /* a manifest by digest that is not among the host's manifests */
    WFE_ASK_TAGS,    /* the tag was not found: which are there */
} wfe_registry_question;

struct wfe_registry_fetch {
    wfe_registry *registry;
    wfe_registry_fetch_fns fns;
    void *user;
    bool *freed; /* set when a callback frees the fetch; NULL: none runs */
    /* What is wanted. */
    wfe_registry_kind kind;
    char *path;
    char *name;
    char *accept;
    uint64_t expected_bytes;
    uint64_t max_bytes;
    /* Where it is asked. */
    wfe_registry_hosts *hosts;
    size_t host; /* index of the one at work */
    wfe_registry_question question;
    char *redirect; /* NULL: the host itself */
    unsigned redirects;
    unsigned logins;   /* at this host */
    unsigned tries;    /* at this host, in a row without progress */
    unsigned restarts; /* over all */
    bool no_range;     /* this host gets ranges wrong */
    /* What has come. */
    uint64_t have_bytes; /* of a blob: all that data was given, and what was before */
    uint64_t tried_at_bytes;
    int64_t whole_bytes; /* of a blob, as a host said it; -1: not known */
    bool told_head;
    wfe_buf document;
    char media_type[256];
    char digest[WFE_DIGEST_SIZE];
    int64_t total_bytes; /* of this response; -1: not known */
    /* The request under way. */
    wfe_http_transfer *transfer;
    wfe_http_tls tls;
    bool is_home;        /* it goes to the host itself, not to where that redirects */
    char *authorization; /* that was sent; NULL: none */
    wfe_registry_login_kind login;
    wfe_registry_auth_wait *auth;
    int status;
    uint64_t skip_bytes; /* of a whole blob that begins too early */
    uint32_t retry_after_ms;
    wfe_buf other_body; /* of errors and lists of tags */
    bool caller_failed;
    bool paused;
    bool held;        /* all is there, but it is paused */
    wfe_timer *timer; /* sends the next request, or ends */
    bool over;
    wfe_error result;
};

/* The host at work. */
wfe_registry_host *wfe_registry_fetch_host(const wfe_registry_fetch *fetch);
/* Is it asked for by digest, not by tag. */
bool wfe_registry_fetch_is_fixed(const wfe_registry_fetch *fetch);
/* Is it given whole: a manifest or a list of tags. */
bool wfe_registry_fetch_is_document(const wfe_registry_fetch *fetch);
/* Tells the head, unless it is told. The fetch may be gone then: false. */
bool wfe_registry_fetch_tell_head(wfe_registry_fetch *fetch);
/* Gives bytes to the caller. ret_gone: the fetch is gone. */
int wfe_registry_fetch_give(wfe_registry_fetch *fetch, const void *bytes, size_t len,
                            bool *ret_gone, wfe_error *err);

/* Each of these decides what is next, and does it from the loop; the request under way is dropped.
 */

/* The end. */
void wfe_registry_fetch_end(wfe_registry_fetch *fetch, const wfe_error *err);
/* Asks again, at once: somewhere else, or with a login. */
void wfe_registry_fetch_again(wfe_registry_fetch *fetch);
/* This host cannot help: the next one, or the end. */
void wfe_registry_fetch_give_up_host(wfe_registry_fetch *fetch, const wfe_error *err);
/* Once more at this host, later, unless it was often enough. */
void wfe_registry_fetch_retry(wfe_registry_fetch *fetch, wfe_http_failure why,
                              const wfe_error *err);
/* Drops the request under way and decides nothing. */
void wfe_registry_fetch_drop(wfe_registry_fetch *fetch);

/* registry_request.c: sends what is to be asked now. */
int wfe_registry_fetch_send(wfe_registry_fetch *fetch, wfe_error *err);

/* registry_answer.c: what a request is started with. */
extern const wfe_http_fns wfe_registry_answer_fns;

/* registry_report.c */
#define WFE_REGISTRY_SUBJECT_SIZE 800
/* "image docker.io/library/alpine:3", "blob sha256:... of ...". Returns out. */
const char *wfe_registry_fetch_subject(const wfe_registry_fetch *fetch,
                                       char out[WFE_REGISTRY_SUBJECT_SIZE]);
/* The status of the response is no success. */
void wfe_registry_report_status(const wfe_registry_fetch *fetch, wfe_error *err);
/* There was no whole response: err is what http.h gave. */
void wfe_registry_report_failure(const wfe_registry_fetch *fetch, wfe_http_failure why,
                                 wfe_error *err);
/* The host answered something that cannot be right. Returns WFE_E_PROTOCOL. */
int wfe_registry_report_nonsense(const wfe_registry_fetch *fetch, wfe_error *err,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
