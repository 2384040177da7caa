/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry client: fetches manifests and blobs from where containerd's own configuration says
 * (hosts.toml), with the credentials docker has (config.json and its helpers). A fetch picks the
 * host, authenticates, follows redirects, tries again, and goes on where it broke; its caller sees
 * one stream of bytes. What arrives is not hashed here: that is for who stores it.
 *
 * A registry belongs to the thread of its loop. Callbacks run from the loop, never from inside a
 * function of this header, and may free their own fetch; nothing else of the same registry.
 */
#ifndef WFE_IMAGE_REGISTRY_H
#define WFE_IMAGE_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include <wfe/image.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "loop/loop.h"

/* Longest manifest, index or list of tags, unless a request says otherwise. */
#define WFE_REGISTRY_DOCUMENT_MAX_BYTES ((uint64_t)4 * 1024 * 1024)

/* Zero means the default, NULL none. All texts are copied; log is copied, its user borrowed. */
typedef struct wfe_registry_options {
    const char *docker_config;     /* path of a config.json; one that does not exist is as none */
    const char *const *hosts_dirs; /* such as /etc/containerd/certs.d; ends with NULL */
    const wfe_registry_login *logins;
    size_t n_logins;
    const char *http_proxy; /* http://[user:password@]host:port, for http:// hosts */
    const char *https_proxy;
    const char *no_proxy; /* hosts and domains parted by commas that are reached directly */
    const wfe_log *log;
    unsigned connections_per_host; /* 8 */
    unsigned retries;              /* in a row without a byte of progress; 5, at most 20 */
    uint32_t retry_delay_ms;       /* before the first retry, doubled for each further; 500 */
    uint32_t retry_after_max_ms;   /* longest Retry-After that is waited for; 60,000 */
    uint32_t connect_timeout_ms;   /* 10,000 */
    uint32_t stall_timeout_ms;     /* no 1 KiB a second for so long; 30,000; whole seconds */
    uint32_t helper_timeout_ms;    /* for a credential helper; 15,000 */
} wfe_registry_options;

typedef struct wfe_registry wfe_registry;
/* Reads nothing yet and connects nothing; options may be NULL. INVALID, NOMEM, UNAVAILABLE when
 * libcurl is not installed. */
int wfe_registry_new(wfe_loop *loop, const wfe_registry_options *options, wfe_registry **ret,
                     wfe_error *err);
/* All fetches must have been freed. NULL is accepted. */
void wfe_registry_free(wfe_registry *registry);
WFE_DEFINE_CLEANUP(wfe_registry, wfe_registry_free)

typedef enum wfe_registry_kind {
    WFE_REGISTRY_MANIFEST,      /* a manifest or index, by tag or digest */
    WFE_REGISTRY_MANIFEST_HEAD, /* the same without its bytes: only head is called */
    WFE_REGISTRY_BLOB,          /* by digest */
    WFE_REGISTRY_TAGS,          /* {"name": ..., "tags": [...]}: the first thousand */
} wfe_registry_kind;

/* All texts are copied. */
typedef struct wfe_registry_request {
    wfe_registry_kind kind;
    const char *domain;      /* as in a normalised reference: "docker.io" */
    const char *path;        /* "library/alpine" */
    const char *name;        /* tag or "sha256:..."; NULL for TAGS */
    const char *accept;      /* value of the Accept header; NULL: what suits the kind */
    uint64_t offset_bytes;   /* BLOB: begin there; data gets nothing of what is before */
    uint64_t expected_bytes; /* whole size as a descriptor says it; 0: not known. The host's may not
                                differ from it. */
    uint64_t max_bytes;      /* 0: WFE_REGISTRY_DOCUMENT_MAX_BYTES; for a BLOB expected_bytes, and
                                without those no limit */
} wfe_registry_request;

/* Borrowed during the callback. */
typedef struct wfe_registry_head {
    const char *host;       /* that answers: "registry-1.docker.io", "mirror.example:5000" */
    const char *media_type; /* Content-Type without its parameters; "" when there is none */
    const char *digest;     /* Docker-Content-Digest, if it is a sha256 digest; else "" */
    int64_t total_bytes;    /* of the whole, wherever the fetch began; -1: not known */
} wfe_registry_head;

typedef struct wfe_registry_fetch wfe_registry_fetch;
typedef struct wfe_registry_fetch_fns {
    /* Once, before the first data; not on a failure before that. May be NULL. */
    void (*head)(const wfe_registry_head *head, void *user);
    /* The bytes in order, none twice, however often the transfer broke. Documents come whole, in
     * one call. A negative result, with err filled in, ends the fetch with that error. */
    int (*data)(const void *bytes, size_t len, wfe_error *err, void *user);
    /* The end, once: err is never NULL and its kind 0 on success. NOT_FOUND (with the tags there
     * are), DENIED, UNAVAILABLE, TIMEOUT, PROTOCOL, LIMIT, NOMEM, IO; err->retryable says whether
     * a later fetch may go better. */
    void (*done)(const wfe_error *err, void *user);
} wfe_registry_fetch_fns;

/* Starts a fetch; free with wfe_registry_fetch_free, also after done. fns is copied. INVALID for a
 * request that no registry could answer (a digest or path that is none), NOMEM. */
int wfe_registry_fetch_start(wfe_registry *registry, const wfe_registry_request *request,
                             const wfe_registry_fetch_fns *fns, void *user,
                             wfe_registry_fetch **ret, wfe_error *err);
/* No data until resumed; the host is made to wait, and nothing times out meanwhile. May be called
 * at any time, from data too (the bytes of that call count as taken). */
void wfe_registry_fetch_pause(wfe_registry_fetch *fetch);
void wfe_registry_fetch_resume(wfe_registry_fetch *fetch);
/* Ends it if need be: no callback runs after this. NULL is accepted. */
void wfe_registry_fetch_free(wfe_registry_fetch *fetch);
WFE_DEFINE_CLEANUP(wfe_registry_fetch, wfe_registry_fetch_free)

#endif
