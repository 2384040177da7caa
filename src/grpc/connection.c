/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/connection.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "grpc/status.h"
#include "grpc/transport.h"

#define READ_BYTES ((size_t)64 * 1024)
/* Frames are gathered up to this size before a write. */
#define WRITE_BYTES ((size_t)64 * 1024)
/* Reads and writes of one turn, so that one busy connection leaves the loop to others. */
#define ROUNDS_MAX 32
/* How long a ping that may wait is left without an answer: longer than a short step, and much
 * shorter than the 20 s after which a peer would take us for dead. */
#define PING_WAIT_MS 1000

struct wfe_grpc_connection {
    wfe_grpc_connection_options options;
    const wfe_grpc_connection_fns *fns;
    void *user;
    wfe_grpc_transport *transport; /* NULL once lost */
    wfe_grpc_session *session;
    wfe_timer *timer; /* runs until the peer's SETTINGS, then while a ping waits for its answer */
    uint8_t *in;      /* READ_BYTES */
    wfe_buf out;      /* frames that the socket has not taken yet */
    size_t out_done;  /* of them taken */
    bool ready;
    bool ping_waits; /* the timer runs for it */
    bool lost;
    bool unread; /* the last read was not to the end; no poll may tell of the rest */
    bool freed;  /* memory stays while busy */
    int busy;
};

static void destroy(wfe_grpc_connection *c)
{
    wfe_grpc_transport_free(c->transport);
    wfe_grpc_session_free(c->session);
    wfe_timer_free(c->timer);
    free(c->in);
    wfe_buf_done(&c->out);
    free(c);
}

static void leave(wfe_grpc_connection *c)
{
    if (--c->busy == 0 && c->freed)
        destroy(c);
}

void wfe_grpc_connection_free(wfe_grpc_connection *c)
{
    if (!c)
        return;
    c->freed = true;
    c->busy++;
    leave(c);
}

/* Ends the connection; err says why. Callers hold it busy. */
static void lose(wfe_grpc_connection *c, const wfe_error *err)
{
    if (c->lost || c->freed)
        return;
    c->lost = true;
    wfe_timer_stop(c->timer);
    wfe_grpc_transport_free(c->transport);
    c->transport = NULL;
    wfe_error why = *err;
    if (why.kind == WFE_E_UNAVAILABLE)
        why.grpc_status = WFE_GRPC_UNAVAILABLE;
    why.retryable =
        why.kind == WFE_E_UNAVAILABLE || why.kind == WFE_E_NOT_FOUND || why.kind == WFE_E_TIMEOUT;
    wfe_grpc_session_end_all(c->session, &why);
    if (!c->freed)
        c->fns->lost(c, &why, c->user);
}

static void lose_with(wfe_grpc_connection *c, wfe_error *err)
{
    wfe_error said = WFE_ERROR_INIT;
    if (c->lost || c->freed)
        return;
    if (err->kind == WFE_E_UNAVAILABLE)
        wfe_grpc_session_reason(c->session, &said);
    if (said.kind)
        *err = said;
    const char *where = wfe_grpc_address_text(c->options.address);
    if (c->ready)
        wfe_error_prefix(err, "the connection to containerd at %s was lost", where);
    else
        wfe_error_prefix(err, "failed to connect to containerd at %s", where);
    lose(c, err);
}

/* ---- reading ---- */

static void note_ready(wfe_grpc_connection *c)
{
    if (c->ready || !wfe_grpc_session_is_ready(c->session))
        return;
    c->ready = true;
    wfe_timer_stop(c->timer);
    wfe_log_debug(c->options.log, "connected to containerd at %s",
                  wfe_grpc_address_text(c->options.address));
}

static void note_ping(wfe_grpc_connection *c)
{
    if (c->ping_waits || !c->ready || !wfe_grpc_session_holds_ping(c->session))
        return;
    c->ping_waits = true;
    wfe_timer_start(c->timer, PING_WAIT_MS);
}

/* Takes what is there. A buffer that did not get full was the last one, as long as the loop tells
 * of more; otherwise, and to_the_end, only a recv that brings nothing says so: a reset is told by
 * the last recv. Returns an error once the peer closed or broke the connection. */
static int read_all(wfe_grpc_connection *c, bool to_the_end, wfe_error *err)
{
    c->unread = false;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        size_t n = 0;
        int rc = wfe_grpc_transport_recv(c->transport, c->in, READ_BYTES, &n, err);
        if (rc || !n)
            return rc;
        rc = wfe_grpc_session_receive(c->session, c->in, n, err);
        if (c->lost || c->freed)
            return 0;
        note_ready(c);
        note_ping(c);
        if (rc || (n < READ_BYTES && !to_the_end && wfe_grpc_transport_tells_all(c->transport)))
            return rc;
    }
    c->unread = true;
    return 0;
}

static void on_readable(void *user)
{
    wfe_grpc_connection *c = user;
    wfe_error err = WFE_ERROR_INIT;
    c->busy++;
    if (read_all(c, false, &err))
        lose_with(c, &err);
    if (!c->freed)
        c->fns->changed(c->user);
    leave(c);
}

/* ---- writing ---- */

static int gather(wfe_grpc_connection *c, wfe_error *err)
{
    while (c->out.len - c->out_done < WRITE_BYTES) {
        const uint8_t *bytes = NULL;
        size_t n = 0;
        int rc = wfe_grpc_session_send(c->session, &bytes, &n, err);
        if (rc || !n)
            return rc;
        rc = wfe_buf_append(&c->out, bytes, n, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int write_all(wfe_grpc_connection *c, wfe_error *err)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        int rc = gather(c, err);
        size_t len = c->out.len - c->out_done;
        if (rc || !len)
            return rc;
        size_t taken = 0;
        if (c->freed)
            return 0;
        rc = wfe_grpc_transport_send(c->transport, (const uint8_t *)c->out.data + c->out_done, len,
                                     &taken, err);
        c->out_done += taken;
        if (c->out_done == c->out.len) {
            c->out.len = 0;
            c->out_done = 0;
        }
        if (rc || taken < len)
            return rc;
    }
    c->fns->changed(c->user); /* more next turn */
    return 0;
}

/* A peer that closes often says why first (GOAWAY, a TLS alert): what it sent is worth more than
 * the broken pipe. */
static void lose_after_write(wfe_grpc_connection *c, wfe_error *err)
{
    if (c->freed)
        return;
    wfe_error said = WFE_ERROR_INIT;
    int rc = 0;
    do {
        rc = read_all(c, true, &said);
    } while (!rc && c->unread && !c->freed && !c->lost);
    if (rc && said.kind != WFE_E_UNAVAILABLE)
        lose_with(c, &said);
    else
        lose_with(c, err);
}

static void check_over(wfe_grpc_connection *c)
{
    wfe_error why = WFE_ERROR_INIT;
    if (c->lost || c->freed || c->out.len || !wfe_grpc_session_is_over(c->session, &why))
        return;
    if (!why.kind)
        wfe_error_set(&why, WFE_E_UNAVAILABLE, "the peer closed the connection (GOAWAY)");
    lose_with(c, &why);
}

void wfe_grpc_connection_flush(wfe_grpc_connection *c)
{
    wfe_error err = WFE_ERROR_INIT;
    c->busy++;
    if (c->unread && !c->lost && read_all(c, false, &err))
        lose_with(c, &err);
    if (!c->freed)
        wfe_grpc_session_dispatch(c->session);
    if (!c->lost && !c->freed && wfe_grpc_connection_is_open(c)) {
        if (write_all(c, &err))
            lose_after_write(c, &err);
        else
            check_over(c);
        if (c->unread && !c->freed && !c->lost)
            c->fns->changed(c->user);
    }
    leave(c);
}

/* ---- life ---- */

static void on_opened(void *user)
{
    wfe_grpc_connection *c = user;
    c->fns->changed(c->user);
}

static void on_failed(const wfe_error *err, void *user)
{
    wfe_grpc_connection *c = user;
    wfe_error why = *err;
    c->busy++;
    if (wfe_grpc_transport_is_open(c->transport))
        lose_with(c, &why);
    else
        lose(c, &why); /* the transport has said where */
    leave(c);
}

static void on_writable(void *user)
{
    wfe_grpc_connection *c = user;
    c->fns->changed(c->user);
}

static void answer_ping(wfe_grpc_connection *c)
{
    wfe_error err = WFE_ERROR_INIT;
    c->ping_waits = false;
    c->busy++;
    if (wfe_grpc_session_answer_ping(c->session, &err))
        lose_with(c, &err);
    else
        c->fns->changed(c->user);
    leave(c);
}

static void on_timeout(void *user)
{
    wfe_grpc_connection *c = user;
    if (c->ready) {
        answer_ping(c);
        return;
    }
    const char *where = wfe_grpc_address_text(c->options.address);
    wfe_error err = WFE_ERROR_INIT;
    if (wfe_grpc_transport_is_open(c->transport))
        wfe_error_set(&err, WFE_E_TIMEOUT,
                      "containerd at %s accepted the connection but did not answer within %" PRIu32
                      " ms",
                      where, c->options.connect_timeout_ms);
    else
        wfe_error_set(&err, WFE_E_TIMEOUT,
                      "failed to connect to containerd at %s within %" PRIu32 " ms (%s)", where,
                      c->options.connect_timeout_ms, wfe_grpc_transport_stage(c->transport));
    wfe_error_hint(&err, "check that the address is containerd's and that the daemon is not stuck");
    c->busy++;
    lose(c, &err);
    leave(c);
}

int wfe_grpc_connection_new(const wfe_grpc_connection_options *options,
                            const wfe_grpc_connection_fns *fns, void *user,
                            wfe_grpc_connection **ret, wfe_error *err)
{
    static const wfe_grpc_transport_fns transport_fns = {
        .opened = on_opened,
        .failed = on_failed,
        .readable = on_readable,
        .writable = on_writable,
    };
    wfe_grpc_connection *c = calloc(1, sizeof *c);
    if (!c)
        return wfe_error_nomem(err);
    c->options = *options;
    c->fns = fns;
    c->user = user;
    c->in = malloc(READ_BYTES);
    int rc = c->in ? 0 : wfe_error_nomem(err);
    if (!rc)
        rc = wfe_grpc_session_new(&options->session, &c->session, err);
    if (!rc)
        rc = wfe_timer_new(options->loop, on_timeout, c, &c->timer, err);
    if (!rc)
        rc = wfe_grpc_transport_open(options->loop, options->address, options->tls, &transport_fns,
                                     c, &c->transport, err);
    if (rc) {
        destroy(c);
        return rc;
    }
    wfe_timer_start(c->timer, options->connect_timeout_ms);
    *ret = c;
    return 0;
}

wfe_grpc_session *wfe_grpc_connection_session(wfe_grpc_connection *c)
{
    return c->session;
}

bool wfe_grpc_connection_is_open(const wfe_grpc_connection *c)
{
    return c->transport && wfe_grpc_transport_is_open(c->transport);
}

bool wfe_grpc_connection_was_ready(const wfe_grpc_connection *c)
{
    return c->ready;
}

bool wfe_grpc_connection_is_lost(const wfe_grpc_connection *c)
{
    return c->lost;
}
