/* SPDX-License-Identifier: Apache-2.0
 *
 * See channel.h and channel_priv.h. The channel's half: it makes connections when calls wait for
 * one, backs off when that fails, and gives waiting calls to the current connection.
 */
#include "grpc/channel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "grpc/channel_priv.h"

static void on_changed(void *user);
static void on_lost(wfe_grpc_connection *connection, const wfe_error *err, void *user);
static const wfe_grpc_connection_fns connection_fns = {.changed = on_changed, .lost = on_lost};

static void destroy(wfe_grpc_channel *channel)
{
    wfe_grpc_tls_context_free(channel->tls);
    wfe_grpc_address_done(&channel->address);
    free(channel);
}

void wfe_grpc_channel_enter(wfe_grpc_channel *channel)
{
    channel->busy++;
}

void wfe_grpc_channel_leave(wfe_grpc_channel *channel)
{
    if (--channel->busy == 0 && channel->freed)
        destroy(channel);
}

void wfe_grpc_channel_wake(wfe_grpc_channel *channel)
{
    if (!channel->freed)
        wfe_timer_start(channel->turn, 0);
}

static void on_changed(void *user)
{
    wfe_grpc_channel_wake(user);
}

/* ---- back-off ---- */

uint64_t wfe_grpc_channel_backoff_ms(const wfe_grpc_channel *channel, uint32_t failures)
{
    double ms = channel->options.backoff_first_ms;
    for (uint32_t i = 1; i < failures && ms < channel->options.backoff_max_ms; i++)
        ms *= 1.6;
    if (ms > channel->options.backoff_max_ms)
        ms = channel->options.backoff_max_ms;
    uint16_t random = 32768;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = 32768;
    return (uint64_t)(ms * (0.8 + 0.4 * random / 65535.0));
}

static void on_backoff(void *user)
{
    wfe_grpc_channel *channel = user;
    channel->backing_off = false;
    if (channel->n_waiting)
        wfe_grpc_channel_wake(channel);
}

/* ---- failing ---- */

/* Waiting longer cannot help against these. */
static bool is_lasting(int kind)
{
    return kind == WFE_E_DENIED || kind == WFE_E_INVALID || kind == WFE_E_PROTOCOL ||
           kind == WFE_E_LIMIT;
}

static wfe_grpc_call *next_failing(const wfe_grpc_channel *channel)
{
    wfe_grpc_call *call = channel->freed ? NULL : channel->calls;
    while (call && !(call->fail_due && call->state == WFE_GRPC_CALL_WAITING))
        call = call->next;
    return call;
}

/* Fails the calls that wait and do not want to wait. Those that callbacks start meanwhile are left
 * to the next turn, or a caller that always tries again would keep us here. */
static void fail_waiting(wfe_grpc_channel *channel, const wfe_error *why)
{
    const wfe_error error = *why;
    bool all = is_lasting(error.kind);
    for (wfe_grpc_call *call = channel->calls; call; call = call->next)
        call->fail_due =
            call->state == WFE_GRPC_CALL_WAITING && (all || !call->options.wait_for_ready);
    wfe_grpc_call *call;
    while ((call = next_failing(channel)))
        wfe_grpc_call_finish(call, &error);
}

static void connect_failed(wfe_grpc_channel *channel, const wfe_error *why)
{
    channel->last_error = *why;
    if (why->kind == WFE_E_UNAVAILABLE)
        channel->last_error.grpc_status = WFE_GRPC_UNAVAILABLE;
    channel->last_error.retryable = !is_lasting(why->kind);
    if (!channel->failures++)
        channel->down_since_us = wfe_clock_monotonic_us();
    channel->backing_off = true;
    uint64_t delay_ms = wfe_grpc_channel_backoff_ms(channel, channel->failures);
    wfe_timer_start(channel->backoff, delay_ms);
    wfe_log_debug(channel->log, "%s; next try in %u ms", why->message, (unsigned)delay_ms);
    fail_waiting(channel, &channel->last_error);
}

uint64_t wfe_grpc_channel_down_ms(const wfe_grpc_channel *channel)
{
    if (!channel->failures)
        return 0;
    return (wfe_clock_monotonic_us() - channel->down_since_us) / 1000 + 1;
}

/* ---- connections ---- */

static int connect_now(wfe_grpc_channel *channel, wfe_error *err)
{
    const wfe_grpc_connection_options options = {
        .loop = channel->loop,
        .address = &channel->address,
        .tls = channel->tls,
        .log = channel->log,
        .connect_timeout_ms = channel->options.connect_timeout_ms,
        .session =
            {
                .authority = wfe_grpc_address_authority(&channel->address),
                .https = channel->tls != NULL,
                .max_recv_bytes = channel->options.max_recv_bytes,
                .stream_window_bytes = channel->options.stream_window_bytes,
                .connection_window_bytes = channel->options.connection_window_bytes,
            },
    };
    wfe_grpc_link *link = calloc(1, sizeof *link);
    if (!link)
        return wfe_error_nomem(err);
    int rc = wfe_grpc_connection_new(&options, &connection_fns, channel, &link->connection, err);
    if (rc) {
        free(link);
        return rc;
    }
    link->next = channel->links;
    channel->links = link;
    channel->current = link->connection;
    return 0;
}

static void on_lost(wfe_grpc_connection *connection, const wfe_error *err, void *user)
{
    wfe_grpc_channel *channel = user;
    wfe_grpc_channel_enter(channel);
    if (channel->current == connection)
        channel->current = NULL;
    wfe_log_debug(channel->log, "%s", err->message);
    if (wfe_grpc_connection_was_ready(connection))
        channel->failures = 0;
    else
        connect_failed(channel, err);
    wfe_grpc_channel_wake(channel);
    wfe_grpc_channel_leave(channel);
}

/* Frees lost connections that nobody reads from any more, and takes no new calls to draining
 * ones. */
static void tidy_links(wfe_grpc_channel *channel)
{
    wfe_grpc_link **at = &channel->links;
    while (*at) {
        wfe_grpc_link *link = *at;
        wfe_grpc_session *session = wfe_grpc_connection_session(link->connection);
        if (link->connection == channel->current && wfe_grpc_session_is_draining(session))
            channel->current = NULL;
        if (wfe_grpc_connection_was_ready(link->connection) && link->connection == channel->current)
            channel->failures = 0;
        if (wfe_grpc_connection_is_lost(link->connection) && !wfe_grpc_session_count(session)) {
            *at = link->next;
            wfe_grpc_connection_free(link->connection);
            free(link);
        } else {
            at = &link->next;
        }
    }
}

/* ---- the turn ---- */

/* Before the peer has spoken, only calls that may be repeated are sent: the others would be lost
 * without a trace if it never does. */
static wfe_grpc_call *next_to_place(const wfe_grpc_channel *channel)
{
    if (channel->freed || !channel->n_waiting || !channel->current ||
        !wfe_grpc_connection_is_open(channel->current))
        return NULL;
    bool ready = wfe_grpc_connection_was_ready(channel->current);
    wfe_grpc_call *call = channel->calls;
    while (call && !(call->state == WFE_GRPC_CALL_WAITING && (ready || call->options.idempotent)))
        call = call->next;
    return call;
}

/* A call that does not want to wait is told how things are now, not how they were when the back-off
 * began: a daemon that restarts is back within a tenth of a second. Only for a socket of this
 * machine, where one more try costs nothing. */
static bool may_try_at_once(const wfe_grpc_channel *channel)
{
    const wfe_grpc_call *call = channel->address.path ? channel->calls : NULL;
    while (call && !(call->state == WFE_GRPC_CALL_WAITING && !call->options.wait_for_ready))
        call = call->next;
    return call != NULL;
}

static void place_waiting(wfe_grpc_channel *channel)
{
    wfe_error err = WFE_ERROR_INIT;
    if (!channel->n_waiting)
        return;
    if (!channel->current && channel->backing_off && !may_try_at_once(channel))
        fail_waiting(channel, &channel->last_error);
    else if (!channel->current && connect_now(channel, &err))
        connect_failed(channel, &err);
    wfe_grpc_call *call;
    while ((call = next_to_place(channel)))
        wfe_grpc_call_attempt(call);
}

static void tell_writable(wfe_grpc_channel *channel)
{
    while (channel->writable_due && !channel->freed) {
        wfe_grpc_call *call = channel->calls;
        while (call && !call->writable_due)
            call = call->next;
        if (call)
            wfe_grpc_call_tell_writable(call);
        else
            channel->writable_due = false;
    }
}

static void on_turn(void *user)
{
    wfe_grpc_channel *channel = user;
    wfe_grpc_channel_enter(channel);
    tidy_links(channel);
    place_waiting(channel);
    /* The list changes only in this function and when the channel is freed. */
    for (wfe_grpc_link *link = channel->links; link && !channel->freed;) {
        wfe_grpc_link *next = link->next;
        wfe_grpc_connection_flush(link->connection);
        link = channel->freed ? NULL : next;
    }
    tell_writable(channel);
    wfe_grpc_channel_leave(channel);
}

/* ---- life ---- */

static void fill_in(wfe_grpc_channel_options *options)
{
#define DEFAULT(field, value)                                                                      \
    if (!options->field)                                                                           \
    options->field = (value)
    DEFAULT(connect_timeout_ms, 5000);
    DEFAULT(max_send_bytes, WFE_GRPC_MESSAGE_MAX_BYTES);
    DEFAULT(max_recv_bytes, WFE_GRPC_MESSAGE_MAX_BYTES);
    DEFAULT(stream_window_bytes, 4 * 1024 * 1024);
    DEFAULT(connection_window_bytes, 16 * 1024 * 1024);
    DEFAULT(backoff_first_ms, 100);
    DEFAULT(backoff_max_ms, 5000);
#undef DEFAULT
}

static int check(const wfe_grpc_channel_options *options, const wfe_grpc_address *address,
                 wfe_error *err)
{
    if (options->stream_window_bytes > INT32_MAX || options->connection_window_bytes > INT32_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "an HTTP/2 window has at most %d bytes",
                             INT32_MAX);
    if (options->max_send_bytes > UINT32_MAX || options->max_recv_bytes > UINT32_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "a gRPC message has at most %u bytes", UINT32_MAX);
    if (options->tls && address->path)
        return wfe_error_set(err, WFE_E_INVALID, "TLS is for https:// and tcp:// addresses, not %s",
                             options->address);
    if (options->tls && !address->https && strncmp(options->address, "http://", 7) == 0)
        return wfe_error_set(err, WFE_E_INVALID, "TLS is for https:// addresses, not %s",
                             options->address);
    return 0;
}

static int make_tls(wfe_grpc_channel *channel, const wfe_grpc_tls *tls, wfe_error *err)
{
    static const wfe_grpc_tls none = {0};
    if (!tls && !channel->address.https)
        return 0;
    if (!tls)
        tls = &none;
    return wfe_grpc_tls_context_new(tls->ca_file, tls->cert_file, tls->key_file,
                                    tls->server_name ? tls->server_name : channel->address.host,
                                    &channel->tls, err);
}

int wfe_grpc_channel_new(wfe_loop *loop, const wfe_grpc_channel_options *options,
                         wfe_grpc_channel **ret, wfe_error *err)
{
    wfe_grpc_channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return wfe_error_nomem(err);
    channel->loop = loop;
    channel->log = options->log;
    channel->options = *options;
    fill_in(&channel->options);
    int rc = wfe_grpc_address_parse(options->address, &channel->address, err);
    if (!rc)
        rc = check(&channel->options, &channel->address, err);
    if (!rc)
        rc = make_tls(channel, options->tls, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_turn, channel, &channel->turn, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_backoff, channel, &channel->backoff, err);
    if (rc) {
        wfe_grpc_channel_free(channel);
        return rc;
    }
    channel->options.address = NULL;
    channel->options.tls = NULL;
    *ret = channel;
    return 0;
}

void wfe_grpc_channel_free(wfe_grpc_channel *channel)
{
    if (!channel || channel->freed)
        return;
    wfe_grpc_channel_enter(channel);
    channel->freed = true;
    while (channel->calls)
        wfe_grpc_call_drop(channel->calls);
    while (channel->links) {
        wfe_grpc_link *link = channel->links;
        channel->links = link->next;
        wfe_grpc_connection_free(link->connection);
        free(link);
    }
    channel->current = NULL;
    wfe_timer_free(channel->turn);
    wfe_timer_free(channel->backoff);
    wfe_grpc_channel_leave(channel);
}
