/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the registry client share: a scripted registry or two, a client with short
 * waits, fetches whose outcome is kept, a folder for hosts.toml and config.json, and a check that
 * no log line or error ever holds one of the tests' secrets.
 */
#ifndef WFE_TESTS_REGISTRY_RIG_H
#define WFE_TESTS_REGISTRY_RIG_H

#include "fixtures/wfe_assert.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "fixtures/scripted_registry.h"
#include "image/registry.h"

#define RIG_BLOB_BYTES ((size_t)300000)
#define RIG_LIMIT_US ((uint64_t)60 * 1000 * 1000)
/* Every password and token of the tests holds this. */
#define RIG_SECRET "hunter2"

typedef struct rig {
    char dir[40];
    char hosts_dir[64];
    char config[64];
    wfe_loop *loop;
    wfe_registry *registry;
    wfe_registry_options options;
    const char *hosts_dirs[2];
    wfe_log log;
    scripted_registry *server; /* the one that references name */
    scripted_registry *other;
    char host[32]; /* "127.0.0.1:PORT" of server */
    atomic_int other_port;
    atomic_int own_port;
    char blob[RIG_BLOB_BYTES];
    char digest[WFE_DIGEST_SIZE]; /* of blob */
} rig;

/* A fetch and what came of it. */
typedef struct outcome {
    rig *r;
    wfe_registry_fetch *fetch;
    bool done;
    wfe_error err;
    int heads;
    char head_host[64], media_type[128], digest[WFE_DIGEST_SIZE];
    int64_t total_bytes;
    wfe_buf data;
    int n_data;
    size_t pause_at_bytes;           /* pauses when so much is there; 0: never */
    int fail_with;                   /* what data returns */
    struct outcome *frees;           /* in data: frees this one's fetch */
    bool free_in_head, free_in_done; /* frees its own */
} outcome;

static inline void rig_log(int level, const char *text, void *user)
{
    (void)level;
    (void)user;
    if (strstr(text, RIG_SECRET))
        fail_msg("a secret is in the log: %s", text);
}

static inline int rig_setup(void **state)
{
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    strcpy(r->dir, "/tmp/wfe-reg-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->hosts_dir, sizeof r->hosts_dir, "%s/certs.d", r->dir);
    snprintf(r->config, sizeof r->config, "%s/config.json", r->dir);
    for (size_t i = 0; i < sizeof r->blob; i++)
        r->blob[i] = (char)(i * 2654435761U >> 13);
    wfe_digest_of(r->blob, sizeof r->blob, r->digest);
    assert_ok(wfe_loop_new(&r->loop, NULL), NULL);
    r->log = (wfe_log){.fn = rig_log, .level = WFE_LOG_DEBUG};
    r->hosts_dirs[0] = r->hosts_dir;
    r->options = (wfe_registry_options){.hosts_dirs = r->hosts_dirs,
                                        .docker_config = r->config,
                                        .log = &r->log,
                                        .retries = 3,
                                        .retry_delay_ms = 5,
                                        .retry_after_max_ms = 3000,
                                        .stall_timeout_ms = 1000};
    *state = r;
    return 0;
}

static inline int rig_teardown(void **state)
{
    rig *r = *state;
    wfe_registry_free(r->registry);
    scripted_registry_stop(r->server);
    scripted_registry_stop(r->other);
    wfe_loop_free(r->loop);
    int rc = wfe_fd_remove_tree(r->dir, NULL);
    free(r);
    return rc;
}

/* The server that references name; fn gets the rig. */
static inline void rig_serve(rig *r, scripted_registry_fn fn)
{
    r->server = scripted_registry_start(NULL, fn, r);
    assert_non_null(r->server);
    atomic_store(&r->own_port, (int)scripted_registry_port(r->server));
    snprintf(r->host, sizeof r->host, "127.0.0.1:%u", scripted_registry_port(r->server));
}

static inline void rig_serve_other(rig *r, scripted_registry_fn fn)
{
    r->other = scripted_registry_start(NULL, fn, r);
    assert_non_null(r->other);
    atomic_store(&r->other_port, (int)scripted_registry_port(r->other));
}

static inline void rig_write_config(const rig *r, const char *text)
{
    assert_ok(wfe_fd_write_file(r->config, text, strlen(text), 0600, NULL), NULL);
}

/* A hosts.toml for the domain. */
static inline void rig_write_hosts(const rig *r, const char *domain, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", r->hosts_dir, domain);
    assert_ok(wfe_fd_make_dirs(path, 0700, NULL), NULL);
    strncat(path, "/hosts.toml", sizeof path - strlen(path) - 1);
    assert_ok(wfe_fd_write_file(path, text, strlen(text), 0600, NULL), NULL);
}

static inline void outcome_head(const wfe_registry_head *head, void *user)
{
    outcome *o = user;
    o->heads++;
    assert_int_equal(o->n_data, 0);
    snprintf(o->head_host, sizeof o->head_host, "%s", head->host);
    snprintf(o->media_type, sizeof o->media_type, "%s", head->media_type);
    snprintf(o->digest, sizeof o->digest, "%s", head->digest);
    o->total_bytes = head->total_bytes;
    if (o->free_in_head) {
        wfe_registry_fetch_free(o->fetch);
        o->fetch = NULL;
        o->done = true;
    }
}

static inline int outcome_data(const void *bytes, size_t len, wfe_error *err, void *user)
{
    outcome *o = user;
    assert_false(o->done);
    assert_int_equal(o->heads, 1);
    o->n_data++;
    if (o->fail_with)
        return wfe_error_set(err, o->fail_with, "the caller has no room");
    assert_ok(wfe_buf_append(&o->data, bytes, len, NULL), NULL);
    if (o->pause_at_bytes && o->data.len >= o->pause_at_bytes) {
        o->pause_at_bytes = 0;
        wfe_registry_fetch_pause(o->fetch);
    }
    if (o->frees) {
        outcome *other = o->frees;
        o->frees = NULL;
        wfe_registry_fetch_free(other->fetch);
        other->fetch = NULL;
        other->done = true;
    }
    return 0;
}

static inline void outcome_done(const wfe_error *err, void *user)
{
    outcome *o = user;
    assert_false(o->done);
    assert_null(strstr(err->message, RIG_SECRET));
    assert_null(strstr(err->hint, RIG_SECRET));
    o->done = true;
    o->err = *err;
    if (o->free_in_done) {
        wfe_registry_fetch_free(o->fetch);
        o->fetch = NULL;
    }
}

/* The registry is made at the first use, of the options as they are then. */
static inline void rig_start(rig *r, outcome *o, const wfe_registry_request *request)
{
    static const wfe_registry_fetch_fns fns = {
        .head = outcome_head, .data = outcome_data, .done = outcome_done};
    wfe_error err = WFE_ERROR_INIT;
    wfe_registry_request full = *request;
    if (!r->registry)
        assert_ok(wfe_registry_new(r->loop, &r->options, &r->registry, &err), &err);
    if (!full.domain)
        full.domain = r->host;
    if (!full.path)
        full.path = "test/app";
    o->r = r;
    assert_ok(wfe_registry_fetch_start(r->registry, &full, &fns, o, &o->fetch, &err), &err);
    assert_false(o->done);
    assert_int_equal(o->heads, 0);
}

static inline void rig_wait(rig *r, const outcome *o)
{
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    uint64_t until = wfe_clock_monotonic_us() + RIG_LIMIT_US;
    while (!o->done) {
        if (wfe_clock_monotonic_us() > until)
            fail_msg("the fetch does not end");
        wfe_loop_run_ready(r->loop);
        nanosleep(&pause, NULL);
    }
}

static inline void outcome_free(outcome *o)
{
    wfe_registry_fetch_free(o->fetch);
    wfe_buf_done(&o->data);
    *o = (outcome){0};
}

static inline outcome rig_fetch(rig *r, wfe_registry_request request)
{
    static outcome o; /* the fetch keeps its address */
    o = (outcome){0};
    rig_start(r, &o, &request);
    rig_wait(r, &o);
    wfe_registry_fetch_free(o.fetch);
    o.fetch = NULL;
    return o;
}

static inline outcome rig_fetch_blob(rig *r)
{
    return rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_BLOB,
                                               .name = r->digest,
                                               .expected_bytes = RIG_BLOB_BYTES});
}

static inline outcome rig_fetch_tag(rig *r)
{
    return rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_MANIFEST, .name = "latest"});
}

static inline void assert_blob_from(const outcome *o, const rig *r, size_t from)
{
    if (o->err.kind) {
        wfe_assert_print(&o->err);
        fail();
    }
    assert_int_equal(o->data.len, RIG_BLOB_BYTES - from);
    assert_memory_equal(o->data.data, r->blob + from, o->data.len);
}

static inline void assert_text(const outcome *o, const char *text)
{
    if (o->err.kind) {
        wfe_assert_print(&o->err);
        fail();
    }
    assert_non_null(o->data.data);
    assert_string_equal(o->data.data, text);
}

static inline void assert_error(const outcome *o, int kind, const char *message, const char *hint)
{
    if (o->err.kind != kind || !strstr(o->err.message, message) || !strstr(o->err.hint, hint)) {
        wfe_assert_print(&o->err);
        fail_msg("wanted the kind '%s', '%s', hint '%s'", wfe_error_kind_name(kind), message, hint);
    }
    assert_true(o->err.operation[0] && o->err.subject[0]);
}

#define RIG_CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

#endif
