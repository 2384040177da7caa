/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gRPC tests share: a folder with a scripted peer, a loop with a channel to it, and calls
 * whose outcome is kept. Everything that waits gives up after WAIT_MS.
 */
#ifndef WFE_TESTS_GRPC_CLIENT_H
#define WFE_TESTS_GRPC_CLIENT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixtures/h2_peer.h"
#include "fixtures/wfe_assert.h"
#include "grpc/channel.h"
#include "loop/loop.h"

#define WAIT_MS 30000
#define METHOD "/test.Service/Method"

typedef struct client {
    char dir[32];
    char path[64]; /* the peer's socket, in dir */
    h2_peer *peer;
    wfe_loop *loop;
    wfe_grpc_channel *channel;
    wfe_timer *limit;
    bool wake; /* ends client_wait; set by every call that ends */
    bool too_late;
} client;

typedef struct outcome {
    client *client;
    bool done;
    wfe_error err;
    size_t len;
    char reply[256];
    size_t messages; /* of streams */
    size_t bytes;
} outcome;

static inline void client_on_limit(void *user)
{
    client *c = user;
    c->too_late = true;
    c->wake = true;
}

static inline int client_setup(void **state)
{
    client *c = calloc(1, sizeof *c);
    if (!c)
        return -1;
    strcpy(c->dir, "/tmp/wfe-grpc-XXXXXX");
    if (!mkdtemp(c->dir) || wfe_loop_new(&c->loop, NULL) ||
        wfe_timer_new(c->loop, client_on_limit, c, &c->limit, NULL))
        return -1;
    snprintf(c->path, sizeof c->path, "%s/peer.sock", c->dir);
    *state = c;
    return 0;
}

static inline int client_teardown(void **state)
{
    client *c = *state;
    wfe_grpc_channel_free(c->channel);
    h2_peer_stop(c->peer);
    wfe_timer_free(c->limit);
    wfe_loop_free(c->loop);
    int rc = rmdir(c->dir);
    free(c);
    return rc;
}

static inline void client_start_peer(client *c, h2_peer_options options)
{
    options.path = c->path;
    c->peer = h2_peer_start(&options);
    assert_non_null(c->peer);
}

/* A channel to the peer, unless the options name another address. */
static inline void client_open(client *c, wfe_grpc_channel_options options)
{
    wfe_error err = WFE_ERROR_INIT;
    if (!options.address)
        options.address = c->path;
    assert_ok(wfe_grpc_channel_new(c->loop, &options, &c->channel, &err), &err);
}

/* A peer that answers with this function, and a channel to it with all defaults. */
static inline void client_serve(client *c, h2_peer_fn fn, void *user)
{
    client_start_peer(c, (h2_peer_options){.on_request = fn, .user = user});
    client_open(c, (wfe_grpc_channel_options){0});
}

#define client_wait(c, condition)                                                                  \
    do {                                                                                           \
        wfe_timer_start((c)->limit, WAIT_MS);                                                      \
        while (!(condition)) {                                                                     \
            (c)->wake = false;                                                                     \
            assert_int_equal(wfe_loop_run_until((c)->loop, &(c)->wake, NULL), 0);                  \
            if ((c)->too_late)                                                                     \
                fail_msg("waited for %d s for: %s", WAIT_MS / 1000, #condition);                   \
        }                                                                                          \
        wfe_timer_stop((c)->limit);                                                                \
    } while (0)

static inline void client_on_tick(void *user)
{
    *(bool *)user = true;
}

/* Waits for something that happens outside the loop: looks every few milliseconds. */
#define client_poll(c, condition)                                                                  \
    do {                                                                                           \
        wfe_timer *tick_ = NULL;                                                                   \
        assert_int_equal(wfe_timer_new((c)->loop, client_on_tick, &(c)->wake, &tick_, NULL), 0);   \
        wfe_timer_start((c)->limit, WAIT_MS);                                                      \
        while (!(condition)) {                                                                     \
            (c)->wake = false;                                                                     \
            wfe_timer_start(tick_, 2);                                                             \
            assert_int_equal(wfe_loop_run_until((c)->loop, &(c)->wake, NULL), 0);                  \
            if ((c)->too_late)                                                                     \
                fail_msg("waited for %d s for: %s", WAIT_MS / 1000, #condition);                   \
        }                                                                                          \
        wfe_timer_stop((c)->limit);                                                                \
        wfe_timer_free(tick_);                                                                     \
    } while (0)

static inline void client_on_reply(const void *reply, size_t len, const wfe_error *err, void *user)
{
    outcome *o = user;
    o->done = true;
    o->err = *err;
    o->len = len;
    if (reply)
        memcpy(o->reply, reply, len < sizeof o->reply ? len : sizeof o->reply - 1);
    o->client->wake = true;
}

static inline void client_begin_with(client *c, outcome *o, wfe_grpc_call_options options)
{
    wfe_error err = WFE_ERROR_INIT;
    o->client = c;
    if (!options.path)
        options.path = METHOD;
    assert_ok(wfe_grpc_unary(c->channel, &options, "ping", 4, client_on_reply, o, NULL, &err),
              &err);
}

/* One unary call from begin to end; its outcome. */
static inline outcome client_call(client *c, wfe_grpc_call_options options)
{
    outcome o = {0};
    client_begin_with(c, &o, options);
    client_wait(c, o.done);
    return o;
}

static inline void assert_outcome(const outcome *o, int kind, int status, const char *text,
                                  const char *file, int line)
{
    if (o->err.kind == kind && o->err.grpc_status == status && strstr(o->err.message, text))
        return;
    print_error("wanted %s, status %d, '%s'; got:\n", wfe_error_kind_name(kind), status, text);
    wfe_assert_print(&o->err);
    _fail(file, line);
}
#define assert_failed(o, kind, status, text)                                                       \
    assert_outcome((o), (kind), (status), (text), __FILE__, __LINE__)

/* ---- streams ---- */

static inline void client_on_message(wfe_grpc_call *call, const void *bytes, size_t len, void *user)
{
    (void)call;
    outcome *o = user;
    o->messages++;
    o->bytes += len;
    size_t room = sizeof o->reply - 1 - o->len;
    size_t n = len < room ? len : room;
    memcpy(o->reply + o->len, bytes, n);
    o->len += n;
    o->client->wake = true;
}

static inline void client_on_done(wfe_grpc_call *call, const wfe_error *err, void *user)
{
    (void)call;
    outcome *o = user;
    o->done = true;
    o->err = *err;
    o->client->wake = true;
}

static inline wfe_grpc_call *client_stream(client *c, outcome *o, wfe_grpc_call_options options)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_grpc_call *call = NULL;
    o->client = c;
    if (!options.path)
        options.path = METHOD;
    if (!options.on_message)
        options.on_message = client_on_message;
    if (!options.on_done)
        options.on_done = client_on_done;
    if (!options.user)
        options.user = o;
    assert_ok(wfe_grpc_call_start(c->channel, &options, &call, &err), &err);
    return call;
}

#endif
