/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for src/grpc in tests of what is above it: keeps every call that is started, with its
 * messages, and lets the test answer it. Defines the functions of grpc/channel.h itself, so include
 * it in one source of a program.
 */
#ifndef WFE_TESTS_FAKE_GRPC_H
#define WFE_TESTS_FAKE_GRPC_H

#include "fixtures/wfe_assert.h"

#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

#include "base/buf.h"
#include "grpc/channel.h"

#define FAKE_MESSAGES 64

struct wfe_grpc_call {
    wfe_grpc_call_options options;
    char namespace_name[128];
    char lease[128];
    wfe_buf messages[FAKE_MESSAGES];
    size_t n_messages;
    bool half_closed;
    bool over; /* ended or cancelled */
    bool cancelled;
    size_t pending_bytes;
    wfe_grpc_unary_fn unary;
    void *unary_user;
};

/* Calls in the order of their start. */
static wfe_grpc_call *fake_calls[64];
static size_t fake_n_calls;
/* The next start fails with this, once. */
static int fake_start_error;

static inline void fake_reset(void)
{
    for (size_t i = 0; i < fake_n_calls; i++) {
        for (size_t j = 0; j < fake_calls[i]->n_messages; j++)
            wfe_buf_done(&fake_calls[i]->messages[j]);
        free(fake_calls[i]);
    }
    fake_n_calls = 0;
}

static inline wfe_grpc_call *fake_last(void)
{
    assert_true(fake_n_calls > 0);
    return fake_calls[fake_n_calls - 1];
}

int wfe_grpc_call_start(wfe_grpc_channel *channel, const wfe_grpc_call_options *options,
                        wfe_grpc_call **ret, wfe_error *err)
{
    (void)channel;
    if (fake_start_error) {
        int kind = fake_start_error;
        fake_start_error = 0;
        return wfe_error_set(err, kind, "the channel is broken");
    }
    assert_true(fake_n_calls < 64);
    wfe_grpc_call *call = calloc(1, sizeof *call);
    assert_non_null(call);
    call->options = *options;
    for (size_t i = 0; i < options->n_metadata; i++) {
        const wfe_grpc_metadata *item = &options->metadata[i];
        char *to =
            strcmp(item->key, "containerd-namespace") == 0 ? call->namespace_name : call->lease;
        snprintf(to, sizeof call->lease, "%s", item->value);
    }
    fake_calls[fake_n_calls++] = call;
    *ret = call;
    return 0;
}

int wfe_grpc_call_send(wfe_grpc_call *call, const void *bytes, size_t len, bool last,
                       wfe_error *err)
{
    assert_true(call->n_messages < FAKE_MESSAGES);
    assert_false(call->half_closed);
    call->half_closed = last;
    call->pending_bytes += len;
    return wfe_buf_append(&call->messages[call->n_messages++], bytes, len, err);
}

int wfe_grpc_unary(wfe_grpc_channel *channel, const wfe_grpc_call_options *options,
                   const void *request, size_t len, wfe_grpc_unary_fn fn, void *user,
                   wfe_grpc_call **ret, wfe_error *err)
{
    int rc = wfe_grpc_call_start(channel, options, ret, err);
    if (rc)
        return rc;
    (*ret)->unary = fn;
    (*ret)->unary_user = user;
    rc = wfe_grpc_call_send(*ret, request, len, true, err);
    (*ret)->over = rc != 0;
    return rc;
}

size_t wfe_grpc_call_pending_bytes(const wfe_grpc_call *call)
{
    return call->pending_bytes;
}

void wfe_grpc_call_pause(wfe_grpc_call *call)
{
    (void)call;
}

void wfe_grpc_call_resume(wfe_grpc_call *call)
{
    (void)call;
}

void wfe_grpc_call_cancel(wfe_grpc_call *call)
{
    if (!call)
        return;
    assert_false(call->over);
    call->over = call->cancelled = true;
}

/* Ends the call with a status; 0 is success (of a stream). */
static inline void fake_end(wfe_grpc_call *call, int status, const char *message)
{
    assert_false(call->over);
    call->over = true;
    wfe_error err = WFE_ERROR_INIT;
    static const int kinds[] = {
#define KIND_(name, code, kind) [code] = (kind),
        WFE_GRPC_STATUSES(KIND_)
#undef KIND_
    };
    if (status) {
        wfe_error_set(&err, kinds[status], "%s", message);
        err.grpc_status = status;
    }
    if (call->unary)
        call->unary(NULL, 0, &err, call->unary_user);
    else
        call->options.on_done(call, &err, call->options.user);
}

/* A reply message: of a unary call, also its end. */
static inline void fake_reply_bytes(wfe_grpc_call *call, const void *bytes, size_t len)
{
    const wfe_error none = WFE_ERROR_INIT;
    assert_false(call->over);
    if (call->unary) {
        call->over = true;
        call->unary(bytes, len, &none, call->unary_user);
    } else {
        call->options.on_message(call, bytes, len, call->options.user);
    }
}

static inline void fake_reply(wfe_grpc_call *call, const void *message)
{
    uint8_t bytes[4096];
    assert_true(protobuf_c_message_get_packed_size(message) <= sizeof bytes);
    fake_reply_bytes(call, bytes, protobuf_c_message_pack(message, bytes));
}

/* Everything sent so far has left. */
static inline void fake_drain(wfe_grpc_call *call)
{
    call->pending_bytes = 0;
    if (!call->over)
        call->options.on_writable(call, call->options.user);
}

#endif
