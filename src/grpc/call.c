/* SPDX-License-Identifier: Apache-2.0
 *
 * See channel.h and channel_priv.h. One call: its request messages, which are kept while it may
 * have to be sent again, its attempts and its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/duration.h"
#include "grpc/channel_priv.h"
#include "grpc/message.h"

/* Sent requests of more than one message are kept up to this size for sending again. */
#define KEPT_MAX_BYTES ((size_t)1024 * 1024)
/* Past the deadline, for the peer's own answer to arrive. */
#define GRACE_MS 20
/* An attempt that lasted so long is no sign of trouble and does not count. */
#define GOOD_ATTEMPT_US 5000000U

static size_t pull(uint8_t *buf, size_t cap, bool *eof, void *user);
static void on_message(const uint8_t *bytes, size_t len, void *user);
static void on_ended(const wfe_grpc_stream_end *end, void *user);
static const wfe_grpc_stream_fns stream_fns = {
    .pull = pull, .message = on_message, .ended = on_ended};

/* ---- life ---- */

static void set_state(wfe_grpc_call *call, enum wfe_grpc_call_state state)
{
    if (call->state == WFE_GRPC_CALL_WAITING)
        call->channel->n_waiting--;
    if (state == WFE_GRPC_CALL_WAITING)
        call->channel->n_waiting++;
    call->state = state;
}

static void destroy(wfe_grpc_call *call)
{
    while (call->first) {
        wfe_grpc_outgoing *message = call->first;
        call->first = message->next;
        free(message);
    }
    wfe_timer_free(call->deadline);
    wfe_timer_free(call->retry);
    free(call->unary.reply);
    free(call->copied);
    free(call);
}

static void leave(wfe_grpc_call *call)
{
    if (--call->busy == 0 && call->state == WFE_GRPC_CALL_ENDED)
        destroy(call);
}

/* Takes the call out of the channel. The caller holds it busy. */
static void detach(wfe_grpc_call *call)
{
    wfe_grpc_channel *channel = call->channel;
    set_state(call, WFE_GRPC_CALL_ENDED);
    if (call->stream) {
        wfe_grpc_stream_abort(call->stream);
        wfe_grpc_channel_wake(channel);
    }
    call->stream = NULL;
    wfe_timer_free(wfe_take(call->deadline));
    wfe_timer_free(wfe_take(call->retry));
    if (call->prev)
        call->prev->next = call->next;
    else
        channel->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        channel->last_call = call->prev;
}

void wfe_grpc_call_drop(wfe_grpc_call *call)
{
    if (call->state == WFE_GRPC_CALL_ENDED)
        return;
    call->busy++;
    detach(call);
    leave(call);
}

void wfe_grpc_call_cancel(wfe_grpc_call *call)
{
    if (call)
        wfe_grpc_call_drop(call);
}

void wfe_grpc_call_finish(wfe_grpc_call *call, const wfe_error *err)
{
    wfe_grpc_channel *channel = call->channel;
    wfe_grpc_channel_enter(channel);
    call->busy++;
    detach(call);
    call->options.on_done(call, err, call->options.user);
    leave(call);
    wfe_grpc_channel_leave(channel);
}

/* ---- the deadline ---- */

static uint64_t elapsed_ms(const wfe_grpc_call *call)
{
    return (wfe_clock_monotonic_us() - call->started_us) / 1000;
}

static void deadline_error(const wfe_grpc_call *call, wfe_error *err)
{
    const wfe_grpc_channel *channel = call->channel;
    bool connected = channel->current && wfe_grpc_connection_was_ready(channel->current);
    char limit[WFE_DURATION_TEXT_SIZE];
    wfe_duration_format(call->options.deadline_ms, limit);
    wfe_error_set(err, WFE_E_TIMEOUT, "no %s within %s%s%s",
                  call->state == WFE_GRPC_CALL_WAITING && !connected ? "connection" : "answer",
                  limit, channel->failures ? ": " : "",
                  channel->failures ? channel->last_error.message : "");
    if (channel->failures && channel->last_error.hint[0])
        wfe_error_hint(err, "%s", channel->last_error.hint);
    err->grpc_status = WFE_GRPC_DEADLINE_EXCEEDED;
    err->retryable = true;
}

static void on_deadline(void *user)
{
    wfe_grpc_call *call = user;
    if (call->state == WFE_GRPC_CALL_ACTIVE && !call->graced) {
        call->graced = true;
        wfe_timer_start(call->deadline, GRACE_MS);
        return;
    }
    wfe_error err = WFE_ERROR_INIT;
    deadline_error(call, &err);
    wfe_grpc_call_finish(call, &err);
}

/* ---- sending ---- */

static void drop_sent(wfe_grpc_call *call)
{
    call->committed = true;
    while (call->first != call->cursor) {
        wfe_grpc_outgoing *message = call->first;
        call->first = message->next;
        free(message);
    }
    if (!call->first)
        call->last = NULL;
}

static void message_sent(wfe_grpc_call *call)
{
    const wfe_grpc_outgoing *message = call->cursor;
    call->sent += message->len;
    call->cursor = message->next;
    call->cursor_done = 0;
    if (call->committed || (message != call->first && call->sent > KEPT_MAX_BYTES))
        drop_sent(call);
}

static size_t pull(uint8_t *buf, size_t cap, bool *eof, void *user)
{
    wfe_grpc_call *call = user;
    size_t n = 0;
    while (call->cursor && n < cap) {
        size_t left = call->cursor->len - call->cursor_done;
        size_t take = left < cap - n ? left : cap - n;
        memcpy(buf + n, call->cursor->bytes + call->cursor_done, take);
        n += take;
        call->cursor_done += take;
        if (take == left)
            message_sent(call);
    }
    call->pending -= n;
    *eof = call->send_closed && !call->cursor;
    if (n && !call->pending && call->options.on_writable) {
        call->writable_due = true;
        call->channel->writable_due = true;
    }
    return n;
}

void wfe_grpc_call_tell_writable(wfe_grpc_call *call)
{
    call->writable_due = false;
    call->busy++;
    call->options.on_writable(call, call->options.user);
    leave(call);
}

static void wake(wfe_grpc_call *call)
{
    if (call->stream) {
        wfe_grpc_stream_wake(call->stream);
        wfe_grpc_channel_wake(call->channel);
    }
}

int wfe_grpc_call_send(wfe_grpc_call *call, const void *bytes, size_t len, bool last,
                       wfe_error *err)
{
    size_t max = call->channel->options.max_send_bytes;
    if (len > max)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "%s: the request is %zu bytes long, the limit is %zu bytes",
                             call->options.path, len, max);
    if (call->send_closed)
        return wfe_error_set(err, WFE_E_INVALID, "%s: a message after the last one",
                             call->options.path);
    bool dropped = call->state == WFE_GRPC_CALL_ENDED ||
                   (call->stream && wfe_grpc_stream_is_complete(call->stream));
    if (dropped)
        return 0;
    wfe_grpc_outgoing *message = malloc(sizeof *message + WFE_GRPC_MESSAGE_HEADER_SIZE + len);
    if (!message)
        return wfe_error_nomem(err);
    message->next = NULL;
    message->len = WFE_GRPC_MESSAGE_HEADER_SIZE + len;
    wfe_grpc_message_put_header(message->bytes, len);
    if (len)
        memcpy(message->bytes + WFE_GRPC_MESSAGE_HEADER_SIZE, bytes, len);
    if (call->last)
        call->last->next = message;
    else
        call->first = message;
    call->last = message;
    if (!call->cursor)
        call->cursor = message;
    call->pending += message->len;
    call->send_closed = last;
    wake(call);
    return 0;
}

int wfe_grpc_call_close_send(wfe_grpc_call *call, wfe_error *err)
{
    (void)err;
    if (!call->send_closed) {
        call->send_closed = true;
        wake(call);
    }
    return 0;
}

size_t wfe_grpc_call_pending_bytes(const wfe_grpc_call *call)
{
    return call->pending;
}

/* ---- receiving ---- */

static void on_message(const uint8_t *bytes, size_t len, void *user)
{
    wfe_grpc_call *call = user;
    if (!call->committed)
        drop_sent(call);
    if (!call->options.on_message)
        return;
    wfe_grpc_channel *channel = call->channel;
    wfe_grpc_channel_enter(channel);
    call->busy++;
    call->options.on_message(call, bytes, len, call->options.user);
    leave(call);
    wfe_grpc_channel_leave(channel);
}

void wfe_grpc_call_pause(wfe_grpc_call *call)
{
    call->paused = true;
    if (call->stream)
        wfe_grpc_stream_pause(call->stream);
}

void wfe_grpc_call_resume(wfe_grpc_call *call)
{
    call->paused = false;
    if (!call->stream)
        return;
    wfe_grpc_stream_resume(call->stream);
    wfe_grpc_channel_wake(call->channel);
}

/* ---- attempts ---- */

static void rewind_requests(wfe_grpc_call *call)
{
    call->cursor = call->first;
    call->cursor_done = 0;
    call->sent = 0;
    call->pending = 0;
    for (const wfe_grpc_outgoing *message = call->first; message; message = message->next)
        call->pending += message->len;
}

void wfe_grpc_call_attempt(wfe_grpc_call *call)
{
    wfe_grpc_connection *connection = call->channel->current;
    uint64_t passed_ms = call->options.deadline_ms ? elapsed_ms(call) : 0;
    const wfe_grpc_request request = {
        .path = call->options.path,
        .timeout_ms = passed_ms < call->options.deadline_ms ? call->options.deadline_ms - passed_ms
                      : call->options.deadline_ms           ? 1
                                                            : 0,
        .metadata = call->options.metadata,
        .n_metadata = call->options.n_metadata,
    };
    wfe_error err = WFE_ERROR_INIT;
    if (wfe_grpc_session_open(wfe_grpc_connection_session(connection), &request, &stream_fns, call,
                              &call->stream, &err)) {
        wfe_grpc_call_finish(call, &err);
        return;
    }
    set_state(call, WFE_GRPC_CALL_ACTIVE);
    call->connection = connection;
    call->attempts++;
    call->attempt_us = wfe_clock_monotonic_us();
    if (call->paused)
        wfe_grpc_stream_pause(call->stream);
}

static void on_retry(void *user)
{
    wfe_grpc_call *call = user;
    set_state(call, WFE_GRPC_CALL_WAITING);
    wfe_grpc_channel_wake(call->channel);
}

/* The retry table. */
static bool may_send_again(const wfe_grpc_call *call, const wfe_grpc_stream_end *end)
{
    bool never_ready = end->connection_over && !wfe_grpc_connection_was_ready(call->connection);
    if (call->committed || call->attempts >= WFE_GRPC_ATTEMPTS_MAX)
        return false;
    if (never_ready)
        return call->options.wait_for_ready && (end->unprocessed || call->options.idempotent);
    if (end->unprocessed)
        return true;
    return end->error.grpc_status == WFE_GRPC_UNAVAILABLE && call->options.idempotent;
}

/* A connection that went is made again at once (the channel backs off if that fails); a peer that
 * refuses gets time, and so does one that keeps closing. */
static int send_again(wfe_grpc_call *call, const wfe_grpc_stream_end *end, wfe_error *err)
{
    rewind_requests(call);
    if (end->connection_over && call->attempts < 2) {
        set_state(call, WFE_GRPC_CALL_WAITING);
        wfe_grpc_channel_wake(call->channel);
        return 0;
    }
    if (!call->retry) {
        int rc = wfe_timer_new(call->channel->loop, on_retry, call, &call->retry, err);
        if (rc)
            return rc;
    }
    set_state(call, WFE_GRPC_CALL_PAUSING);
    wfe_timer_start(call->retry, wfe_grpc_channel_backoff_ms(call->channel, call->attempts));
    return 0;
}

static void on_ended(const wfe_grpc_stream_end *end, void *user)
{
    wfe_grpc_call *call = user;
    call->stream = NULL;
    if (call->attempts > 1 && wfe_clock_monotonic_us() - call->attempt_us > GOOD_ATTEMPT_US)
        call->attempts = 1;
    wfe_error err = end->error;
    if (err.kind && may_send_again(call, end)) {
        wfe_log_debug(call->channel->log, "%s: sent again: %s", call->options.path, err.message);
        if (!send_again(call, end, &err))
            return;
    }
    bool late = call->options.deadline_ms && elapsed_ms(call) >= call->options.deadline_ms;
    if (late &&
        (err.grpc_status == WFE_GRPC_DEADLINE_EXCEEDED || err.grpc_status == WFE_GRPC_CANCELLED)) {
        err = (wfe_error)WFE_ERROR_INIT;
        deadline_error(call, &err);
    }
    wfe_grpc_call_finish(call, &err);
}

/* ---- starting ---- */

static int copy_metadata(wfe_grpc_call *call, wfe_error *err)
{
    const wfe_grpc_metadata *from = call->options.metadata;
    size_t n = call->options.n_metadata;
    size_t bytes = n * sizeof *from;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(from[i].key) + strlen(from[i].value) + 2;
    if (!n)
        return 0;
    call->copied = malloc(bytes);
    if (!call->copied)
        return wfe_error_nomem(err);
    wfe_grpc_metadata *to = (wfe_grpc_metadata *)(void *)call->copied;
    char *text = call->copied + n * sizeof *from;
    for (size_t i = 0; i < n; i++) {
        to[i].key = text;
        text = stpcpy(text, from[i].key) + 1;
        to[i].value = text;
        text = stpcpy(text, from[i].value) + 1;
    }
    call->options.metadata = to;
    return 0;
}

static void append(wfe_grpc_channel *channel, wfe_grpc_call *call)
{
    call->prev = channel->last_call;
    if (channel->last_call)
        channel->last_call->next = call;
    else
        channel->calls = call;
    channel->last_call = call;
    channel->n_waiting++;
}

int wfe_grpc_call_start(wfe_grpc_channel *channel, const wfe_grpc_call_options *options,
                        wfe_grpc_call **ret, wfe_error *err)
{
    if (!options->path || options->path[0] != '/' || !strchr(options->path + 1, '/'))
        return wfe_error_set(err, WFE_E_INVALID, "a method path is /package.Service/Method, not %s",
                             options->path ? options->path : "nothing");
    int rc = wfe_grpc_metadata_check(options->metadata, options->n_metadata, err);
    if (rc)
        return rc;
    wfe_grpc_call *call = calloc(1, sizeof *call);
    if (!call)
        return wfe_error_nomem(err);
    call->channel = channel;
    call->options = *options;
    call->started_us = wfe_clock_monotonic_us();
    rc = copy_metadata(call, err);
    if (!rc && options->deadline_ms)
        rc = wfe_timer_new(channel->loop, on_deadline, call, &call->deadline, err);
    if (rc) {
        destroy(call);
        return rc;
    }
    if (call->deadline)
        wfe_timer_start(call->deadline, options->deadline_ms);
    append(channel, call);
    wfe_grpc_channel_wake(channel);
    *ret = call;
    return 0;
}
