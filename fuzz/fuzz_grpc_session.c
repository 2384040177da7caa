/* SPDX-License-Identifier: Apache-2.0
 *
 * A server's bytes into the gRPC core. The input is a list of steps: what the client does next
 * (open, pause, resume, abort, lose the connection), or a piece of bytes from the server. A
 * SETTINGS frame comes first when the first byte is odd, so that short inputs get further.
 */
#include <stdlib.h>
#include <string.h>

#include "grpc/session.h"

#define STREAMS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct call {
    wfe_grpc_stream *stream;
    size_t to_send;
    size_t messages;
    int ended;
    uint8_t mood; /* what its callbacks do */
};

static size_t on_pull(uint8_t *buf, size_t cap, bool *eof, void *user)
{
    struct call *call = user;
    size_t n = call->to_send < cap ? call->to_send : cap;
    memset(buf, 0, n);
    call->to_send -= n;
    *eof = !call->to_send && (call->mood & 1);
    return n;
}

static void on_message(const uint8_t *bytes, size_t len, void *user)
{
    struct call *call = user;
    volatile uint8_t sink = 0;
    for (size_t i = 0; i < len; i++)
        sink = (uint8_t)(sink ^ bytes[i]);
    call->messages++;
    if (call->ended || !call->stream)
        abort();
    if (call->mood & 2)
        wfe_grpc_stream_pause(call->stream);
    if ((call->mood & 4) && call->messages == 2) {
        wfe_grpc_stream_abort(call->stream);
        call->stream = NULL;
    }
}

static void on_ended(const wfe_grpc_stream_end *end, void *user)
{
    struct call *call = user;
    if (call->ended++ || !call->stream || (end->error.kind && !end->error.message[0]))
        abort();
    call->stream = NULL;
}

static const wfe_grpc_stream_fns fns = {.pull = on_pull, .message = on_message, .ended = on_ended};

static void drain(wfe_grpc_session *session)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    while (!wfe_grpc_session_send(session, &bytes, &len, NULL) && len)
        ;
}

static void open_stream(wfe_grpc_session *session, struct call *call, uint8_t mood)
{
    const wfe_grpc_request request = {.path = "/s/m", .timeout_ms = mood};
    if (call->stream || wfe_grpc_session_is_draining(session))
        return;
    *call = (struct call){.mood = mood, .to_send = mood};
    if (wfe_grpc_session_open(session, &request, &fns, call, &call->stream, NULL))
        call->stream = NULL;
}

static void act(wfe_grpc_session *session, struct call *call, uint8_t what, uint8_t mood)
{
    const wfe_error lost = {.kind = WFE_E_UNAVAILABLE, .message = "lost"};
    switch (what) {
    case 0:
        open_stream(session, call, mood);
        break;
    case 1:
        if (call->stream)
            wfe_grpc_stream_pause(call->stream);
        break;
    case 2:
        if (call->stream)
            wfe_grpc_stream_resume(call->stream);
        wfe_grpc_session_dispatch(session);
        break;
    case 3:
        if (call->stream)
            wfe_grpc_stream_abort(call->stream);
        call->stream = NULL;
        break;
    case 4:
        call->to_send += mood;
        if (call->stream)
            wfe_grpc_stream_wake(call->stream);
        break;
    case 5:
        if (mood == 255)
            wfe_grpc_session_end_all(session, &lost);
        break;
    default:
        drain(session);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const wfe_grpc_session_options options = {.authority = "localhost",
                                              .max_recv_bytes = 100000,
                                              .stream_window_bytes = 70000,
                                              .connection_window_bytes = 200000};
    static const uint8_t settings[18] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0};
    wfe_grpc_session *session = NULL;
    if (size < 1 || wfe_grpc_session_new(&options, &session, NULL))
        return 0;
    struct call calls[STREAMS] = {0};
    open_stream(session, &calls[0], data[0]);
    drain(session);
    int rc = 0;
    if (data[0] & 1)
        rc = wfe_grpc_session_receive(session, settings, sizeof settings, NULL);
    for (size_t at = 1; at + 2 <= size && !rc;) {
        uint8_t what = data[at];
        size_t arg = data[at + 1];
        at += 2;
        if (what < 64) {
            act(session, &calls[what % STREAMS], what / STREAMS % 7, (uint8_t)arg);
            continue;
        }
        size_t len = arg < size - at ? arg : size - at;
        uint8_t *copy = malloc(len + !len);
        if (!copy)
            abort();
        memcpy(copy, data + at, len);
        wfe_error err = WFE_ERROR_INIT;
        rc = wfe_grpc_session_receive(session, copy, len, &err);
        free(copy);
        at += len;
        drain(session);
        wfe_grpc_session_is_over(session, &err);
    }
    wfe_grpc_session_dispatch(session);
    wfe_grpc_session_free(session);
    return 0;
}
