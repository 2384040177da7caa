/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection to a real containerd for tests, and for every unary call of the tables a function
 * session_<call> that waits for the answer and keeps a copy of it until the session is closed.
 */
#ifndef WFE_TESTS_CONTAINERD_SESSION_H
#define WFE_TESTS_CONTAINERD_SESSION_H

#include "fixtures/wfe_assert.h"

#include <stdlib.h>

#include "containerd/containers.h"
#include "containerd/content.h"
#include "containerd/content_writer.h"
#include "containerd/diff.h"
#include "containerd/events.h"
#include "containerd/images.h"
#include "containerd/introspection.h"
#include "containerd/labels.h"
#include "containerd/leases.h"
#include "containerd/namespaces.h"
#include "containerd/snapshots.h"
#include "containerd/tasks.h"
#include "containerd/version.h"
#include "fixtures/private_containerd.h"

#define SESSION_REPLIES 256

typedef struct session {
    wfe_loop *loop;
    wfe_grpc_channel *channel;
    wfe_containerd *containerd;
    ProtobufCMessage *replies[SESSION_REPLIES];
    size_t n_replies;
} session;

static inline void session_open(session *s, const private_containerd *daemon, const char *ns)
{
    wfe_error err = WFE_ERROR_INIT;
    *s = (session){0};
    const wfe_grpc_channel_options options = {.address = daemon->address};
    assert_ok(wfe_loop_new(&s->loop, &err), &err);
    assert_ok(wfe_grpc_channel_new(s->loop, &options, &s->channel, &err), &err);
    assert_ok(wfe_containerd_new(s->channel, ns, &s->containerd, &err), &err);
}

static inline void session_close(session *s)
{
    for (size_t i = 0; i < s->n_replies; i++)
        protobuf_c_message_free_unpacked(s->replies[i], NULL);
    wfe_containerd_free(s->containerd);
    wfe_grpc_channel_free(s->channel);
    wfe_loop_free(s->loop);
    *s = (session){0};
}

/* A copy that lives as long as the session. */
static inline void *session_keep(session *s, const ProtobufCMessage *reply)
{
    size_t len = protobuf_c_message_get_packed_size(reply);
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    protobuf_c_message_pack(reply, bytes);
    ProtobufCMessage *copy = protobuf_c_message_unpack(reply->descriptor, NULL, len, bytes);
    free(bytes);
    assert_non_null(copy);
    assert_true(s->n_replies < SESSION_REPLIES);
    s->replies[s->n_replies++] = copy;
    return copy;
}

struct session_wait {
    session *s;
    void *reply;
    wfe_error err;
    bool done;
};

static inline void session_run(session *s, const bool *done)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_loop_run_until(s->loop, done, &err), &err);
}

/* Reply *session_<call>(session *, const Request *, const wfe_containerd_options *, int wanted,
 * wfe_error *err): fails the test unless the call ends with the error kind wanted (0: success). err
 * may be NULL. */
#define SESSION_CALL_(call, path, Request, Reply, reply_name, ...)                                 \
    static inline void session_##call##_done(const Reply *reply, const wfe_error *err, void *user) \
    {                                                                                              \
        struct session_wait *wait = user;                                                          \
        wait->done = true;                                                                         \
        wait->err = *err;                                                                          \
        if (reply)                                                                                 \
            wait->reply = session_keep(wait->s, &reply->base);                                     \
    }                                                                                              \
    static inline Reply *session_##call(session *s, const Request *request,                        \
                                        const wfe_containerd_options *options, int wanted,         \
                                        wfe_error *err)                                            \
    {                                                                                              \
        struct session_wait wait = {.s = s};                                                       \
        wfe_error started = WFE_ERROR_INIT;                                                        \
        assert_ok(wfe_##call(s->containerd, request, options, session_##call##_done, &wait, NULL,  \
                             &started),                                                            \
                  &started);                                                                       \
        session_run(s, &wait.done);                                                                \
        assert_fails(wait.err.kind, wanted, &wait.err);                                            \
        if (err)                                                                                   \
            *err = wait.err;                                                                       \
        return wait.reply;                                                                         \
    }

WFE_VERSION_UNARY(SESSION_CALL_)
WFE_NAMESPACES_UNARY(SESSION_CALL_)
WFE_INTROSPECTION_UNARY(SESSION_CALL_)
WFE_LEASES_UNARY(SESSION_CALL_)
WFE_IMAGES_UNARY(SESSION_CALL_)
WFE_CONTENT_UNARY(SESSION_CALL_)
WFE_SNAPSHOTS_UNARY(SESSION_CALL_)
WFE_DIFF_UNARY(SESSION_CALL_)
WFE_CONTAINERS_UNARY(SESSION_CALL_)
WFE_TASKS_UNARY(SESSION_CALL_)

/* As the tests' groups use it: a session of a namespace of its own per case. */
#define SESSION(s, state, ns)                                                                      \
    private_containerd *daemon = private_containerd_of(state);                                     \
    __attribute__((cleanup(session_close))) session s;                                             \
    session_open(&(s), daemon, (ns));                                                              \
    (void)daemon

#endif
