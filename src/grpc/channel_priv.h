/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a channel, shared by channel.c (connections, back-off, which call goes where) and
 * call.c (one call: its request, its attempts, its end).
 *
 * Nothing is done at once: whatever changes asks for a turn (wfe_grpc_channel_wake), which runs
 * from a timer of zero and places waiting calls, writes, and calls back.
 */
#ifndef WFE_GRPC_CHANNEL_PRIV_H
#define WFE_GRPC_CHANNEL_PRIV_H

#include "grpc/channel.h"
#include "grpc/connection.h"

/* Times a call is sent, first one included. */
#define WFE_GRPC_ATTEMPTS_MAX 5

/* A connection in the channel's list. The current one takes new calls; others finish theirs. */
typedef struct wfe_grpc_link {
    struct wfe_grpc_link *next;
    wfe_grpc_connection *connection;
} wfe_grpc_link;

struct wfe_grpc_channel {
    wfe_loop *loop;
    wfe_grpc_address address;
    wfe_grpc_tls_context *tls; /* NULL: plain */
    const wfe_log *log;
    wfe_grpc_channel_options options; /* defaults filled in; the pointers in it are not kept */
    wfe_grpc_link *links;
    wfe_grpc_connection *current; /* in links; NULL: none */
    wfe_grpc_call *calls;         /* all that have not ended, oldest first */
    wfe_grpc_call *last_call;
    size_t n_waiting;  /* calls in state WAITING */
    bool writable_due; /* some call's on_writable is due */
    wfe_timer *turn;
    wfe_timer *backoff;
    bool backing_off;
    uint32_t failures;      /* connects that failed in a row */
    uint64_t down_since_us; /* monotonic; the first of these failures */
    wfe_error last_error;   /* of the last one */
    int busy;               /* memory stays while > 0 */
    bool freed;
};

enum wfe_grpc_call_state {
    WFE_GRPC_CALL_WAITING, /* for a connection */
    WFE_GRPC_CALL_ACTIVE,  /* on a stream */
    WFE_GRPC_CALL_PAUSING, /* before it is sent again */
    WFE_GRPC_CALL_ENDED,
};

/* A request message, header included. */
typedef struct wfe_grpc_outgoing {
    struct wfe_grpc_outgoing *next;
    size_t len;
    uint8_t bytes[];
} wfe_grpc_outgoing;

struct wfe_grpc_call {
    wfe_grpc_channel *channel;
    wfe_grpc_call *prev;
    wfe_grpc_call *next;
    wfe_grpc_call_options options; /* metadata points into copied */
    char *copied;                  /* owned; metadata array and its texts */
    enum wfe_grpc_call_state state;
    wfe_grpc_stream *stream;         /* ACTIVE */
    wfe_grpc_connection *connection; /* ACTIVE: the stream's */
    uint64_t started_us;             /* monotonic */
    uint64_t attempt_us;             /* when the current attempt was sent */
    uint32_t attempts;
    wfe_timer *deadline;      /* NULL: none */
    wfe_timer *retry;         /* made at the first pause */
    wfe_grpc_outgoing *first; /* requests kept for sending again, then those not sent */
    wfe_grpc_outgoing *last;
    wfe_grpc_outgoing *cursor; /* in first..last: being sent; NULL: all sent */
    size_t cursor_done;        /* bytes of it sent */
    size_t pending;            /* bytes not sent */
    size_t sent;               /* bytes of messages kept though sent */
    bool send_closed;
    bool committed; /* a reply message came, or too much was sent to keep: never sent again */
    bool paused;
    bool writable_due;
    bool fail_due; /* takes part in the failing of calls that is going on */
    bool graced;   /* the deadline has passed, the peer gets a moment to say so itself */
    int busy;
    struct {
        wfe_grpc_unary_fn fn; /* NULL: no unary call */
        void *user;
        uint8_t *reply; /* owned */
        size_t len;
        size_t count;
    } unary;
};

void wfe_grpc_channel_wake(wfe_grpc_channel *channel);
/* Around everything that may call back: the channel may be freed by a callback. */
void wfe_grpc_channel_enter(wfe_grpc_channel *channel);
void wfe_grpc_channel_leave(wfe_grpc_channel *channel);
/* Milliseconds to wait after that many failures in a row (1: the first). */
uint64_t wfe_grpc_channel_backoff_ms(const wfe_grpc_channel *channel, uint32_t failures);

/* Sends a WAITING call on the channel's current connection. */
void wfe_grpc_call_attempt(wfe_grpc_call *call);
/* Ends the call and tells its owner; err->kind 0 is success. */
void wfe_grpc_call_finish(wfe_grpc_call *call, const wfe_error *err);
/* Ends the call and tells nobody. */
void wfe_grpc_call_drop(wfe_grpc_call *call);
/* Calls on_writable if it is due. */
void wfe_grpc_call_tell_writable(wfe_grpc_call *call);

#endif
