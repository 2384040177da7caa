/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections that cannot be made, break, or are taken away: what the caller is told, what is sent
 * again and what is not.
 */
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "component/grpc_client.h"

static void answer_echo(h2_call *call, void *user)
{
    (void)user;
    size_t len = 0;
    const uint8_t *body = h2_call_body(call, &len);
    h2_call_send_raw(call, body, len);
    h2_call_end(call, 0, NULL);
}

static const wfe_grpc_channel_options quick = {.backoff_first_ms = 5, .backoff_max_ms = 20};

/* ---- no connection ---- */

static void test_grpc_connection__a_missing_socket_is_not_found_with_a_hint(void **state)
{
    client *c = *state;
    client_open(c, (wfe_grpc_channel_options){0});
    char text[128];
    snprintf(text, sizeof text, "containerd socket not found: %s", c->path);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_NOT_FOUND, 0, text);
    assert_contains(o.err.hint, "wfe daemon start");
    assert_contains(o.err.hint, "--address");
    assert_true(o.err.retryable);
}

static void test_grpc_connection__a_socket_nobody_listens_on_is_unavailable(void **state)
{
    client *c = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", c->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    client_open(c, (wfe_grpc_channel_options){0});
    char text[128];
    snprintf(text, sizeof text, "failed to connect to containerd at %s: Connection refused",
             c->path);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, text);
    assert_true(o.err.retryable);
    unlink(c->path);
}

static void test_grpc_connection__a_socket_of_somebody_else_is_denied_with_a_hint(void **state)
{
    client *c = *state;
    client_start_peer(c, (h2_peer_options){.on_request = answer_echo});
    assert_int_equal(chmod(c->path, 0), 0);
    assert_int_equal(chmod(c->dir, 0755), 0);
    uid_t uid = geteuid();
    if (uid == 0)
        assert_int_equal(seteuid(65534), 0);
    client_open(c, (wfe_grpc_channel_options){0});
    /* Waiting would not help: it is told at once. */
    outcome o = client_call(c, (wfe_grpc_call_options){.wait_for_ready = true});
    if (uid == 0)
        assert_int_equal(seteuid(0), 0);
    assert_failed(&o, WFE_E_DENIED, 0, "failed to connect to containerd at");
    assert_contains(o.err.message, "Permission denied");
    assert_contains(o.err.hint, "root");
}

static void test_grpc_connection__a_refused_port_says_so(void **state)
{
    client *c = *state;
    h2_peer *peer = h2_peer_start(&(h2_peer_options){.mode = H2_PEER_CLOSE});
    assert_non_null(peer);
    unsigned port = h2_peer_port(peer);
    h2_peer_stop(peer);
    static const char *const forms[] = {"tcp://127.0.0.1:%u", "http://localhost:%u"};
    for (size_t i = 0; i < 2; i++) {
        char address[64];
        char text[96];
        snprintf(address, sizeof address, forms[i], port);
        snprintf(text, sizeof text, "failed to connect to containerd at %s: Connection refused",
                 strrchr(address, '/') + 1);
        client_open(c, (wfe_grpc_channel_options){.address = address});
        outcome o = client_call(c, (wfe_grpc_call_options){0});
        assert_failed(&o, WFE_E_UNAVAILABLE, 14, text);
        wfe_grpc_channel_free(c->channel);
        c->channel = NULL;
    }
}

static void test_grpc_connection__calls_over_tcp_work_by_name_and_number(void **state)
{
    client *c = *state;
    c->peer = h2_peer_start(&(h2_peer_options){.on_request = answer_echo});
    assert_non_null(c->peer);
    static const char *const forms[] = {"tcp://127.0.0.1:%u", "http://localhost:%u/"};
    for (size_t i = 0; i < 2; i++) {
        char address[64];
        snprintf(address, sizeof address, forms[i], (unsigned)h2_peer_port(c->peer));
        client_open(c, (wfe_grpc_channel_options){.address = address});
        outcome o = client_call(c, (wfe_grpc_call_options){0});
        assert_ok(o.err.kind, &o.err);
        wfe_grpc_channel_free(c->channel);
        c->channel = NULL;
    }
}

static void test_grpc_connection__a_name_that_does_not_exist_is_told(void **state)
{
    client *c = *state;
    client_open(c, (wfe_grpc_channel_options){.address = "tcp://no-such-host.invalid:1"});
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_true(o.err.kind == WFE_E_NOT_FOUND || o.err.kind == WFE_E_UNAVAILABLE);
    assert_contains(o.err.message, "failed to connect to containerd at no-such-host.invalid:1: "
                                   "cannot look up the host");
}

static void test_grpc_connection__a_channel_is_freed_during_a_name_lookup(void **state)
{
    client *c = *state;
    outcome o = {0};
    client_open(c, (wfe_grpc_channel_options){.address = "tcp://no-such-host.invalid:1"});
    client_begin_with(c, &o, (wfe_grpc_call_options){0});
    wfe_loop_run_ready(c->loop);
    wfe_grpc_channel_free(c->channel);
    c->channel = NULL;
    assert_false(o.done);
}

static void test_grpc_connection__a_peer_that_never_answers_is_a_timeout(void **state)
{
    client *c = *state;
    client_start_peer(c, (h2_peer_options){.mode = H2_PEER_SILENT});
    client_open(c, (wfe_grpc_channel_options){.connect_timeout_ms = 50});
    for (int i = 0; i < 2; i++) {
        outcome o = client_call(c, (wfe_grpc_call_options){.idempotent = i == 1});
        assert_failed(&o, WFE_E_TIMEOUT, 0,
                      "accepted the connection but did not answer within 50 ms");
        assert_contains(o.err.message, c->path);
    }
}

static void test_grpc_connection__a_peer_that_speaks_something_else_is_told(void **state)
{
    client *c = *state;
    static const char http[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    client_start_peer(
        c, (h2_peer_options){.mode = H2_PEER_RAW, .raw = http, .raw_len = sizeof http - 1});
    client_open(c, (wfe_grpc_channel_options){0});
    outcome o = client_call(c, (wfe_grpc_call_options){.wait_for_ready = true});
    assert_failed(&o, WFE_E_PROTOCOL, 0, "failed to connect to containerd at");
    assert_contains(o.err.message, "the peer broke HTTP/2");
}

static void test_grpc_connection__a_peer_that_hangs_up_is_unavailable(void **state)
{
    client *c = *state;
    client_start_peer(c, (h2_peer_options){.mode = H2_PEER_CLOSE});
    client_open(c, quick);
    for (int i = 0; i < 2; i++) {
        outcome o = client_call(c, (wfe_grpc_call_options){.idempotent = i == 1});
        assert_failed(&o, WFE_E_UNAVAILABLE, 14, "failed to connect to containerd at");
    }
}

static void test_grpc_connection__a_call_fails_fast_while_the_channel_backs_off(void **state)
{
    client *c = *state;
    client_open(c, (wfe_grpc_channel_options){.backoff_first_ms = 60000, .backoff_max_ms = 60000});
    for (int i = 0; i < 5; i++) {
        outcome o = client_call(c, (wfe_grpc_call_options){0});
        assert_failed(&o, WFE_E_NOT_FOUND, 0, "containerd socket not found");
    }
}

static void test_grpc_connection__long_socket_paths_work(void **state)
{
    client *c = *state;
    char deep[200];
    snprintf(deep, sizeof deep, "%s/%0120d", c->dir, 7);
    char path[256];
    snprintf(path, sizeof path, "%s/peer.sock", deep);
    client_open(
        c, (wfe_grpc_channel_options){.address = path, .backoff_first_ms = 1, .backoff_max_ms = 1});
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_NOT_FOUND, 0, path);
    assert_int_equal(mkdir(deep, 0700), 0);
    o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_NOT_FOUND, 0, path);
    client_start_peer(c, (h2_peer_options){.on_request = answer_echo});
    assert_int_equal(link(c->path, path), 0);
    o = client_call(c, (wfe_grpc_call_options){.wait_for_ready = true});
    assert_ok(o.err.kind, &o.err);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(deep), 0);
}

/* ---- waiting for one ---- */

static void test_grpc_connection__wait_for_ready_waits_for_the_socket(void **state)
{
    client *c = *state;
    client_open(c, quick);
    outcome waits = {0};
    client_begin_with(c, &waits,
                      (wfe_grpc_call_options){.wait_for_ready = true, .deadline_ms = WAIT_MS});
    for (int i = 0; i < 3; i++) {
        outcome fast = client_call(c, (wfe_grpc_call_options){0});
        assert_failed(&fast, WFE_E_NOT_FOUND, 0, "not found");
    }
    assert_false(waits.done);
    client_start_peer(c, (h2_peer_options){.on_request = answer_echo});
    client_wait(c, waits.done);
    assert_ok(waits.err.kind, &waits.err);
    assert_string_equal(waits.reply, "ping");
}

static void test_grpc_connection__waiting_ends_at_the_deadline_with_the_reason(void **state)
{
    client *c = *state;
    client_open(c, quick);
    outcome o = client_call(c, (wfe_grpc_call_options){.wait_for_ready = true, .deadline_ms = 60});
    assert_failed(&o, WFE_E_TIMEOUT, 4, "no connection within 60ms");
    assert_contains(o.err.message, "containerd socket not found");
    assert_contains(o.err.hint, "--address");
}

static void test_grpc_connection__wait_for_ready_waits_for_a_stuck_daemon(void **state)
{
    client *c = *state;
    client_start_peer(c, (h2_peer_options){.mode = H2_PEER_SILENT});
    wfe_grpc_channel_options options = quick;
    options.connect_timeout_ms = 30;
    client_open(c, options);
    outcome a = {0};
    outcome b = {0};
    client_begin_with(c, &a, (wfe_grpc_call_options){.wait_for_ready = true});
    client_begin_with(c, &b, (wfe_grpc_call_options){.wait_for_ready = true, .idempotent = true});
    client_poll(c, h2_peer_connections(c->peer) >= 2);
    assert_false(a.done);
    assert_false(b.done);
    h2_peer_stop(c->peer);
    client_start_peer(c, (h2_peer_options){.on_request = answer_echo});
    client_wait(c, a.done && b.done);
    assert_ok(a.err.kind, &a.err);
    assert_ok(b.err.kind, &b.err);
}

/* ---- pings ---- */

static void answer_ping_and_echo(h2_call *call, void *user)
{
    if (h2_call_stream_id(call) == 1)
        h2_call_wire(call, "\0\0\x8\6\0\0\0\0\0\2\4\x10\x10\x9\xE\7\7", 17);
    answer_echo(call, user);
}

/* What grpc-go sends at the first bytes of a request, to learn the way's length. */
static void test_grpc_connection__a_ping_that_measures_is_answered_without_more_calls(void **state)
{
    client *c = *state;
    client_serve(c, answer_ping_and_echo, NULL);
    for (int i = 0; i < 3; i++) {
        outcome o = client_call(c, (wfe_grpc_call_options){0});
        assert_ok(o.err.kind, &o.err);
    }
    client_poll(c, h2_peer_pongs(c->peer) == 1);
}

/* ---- losing one ---- */

static void test_grpc_connection__the_channel_reconnects_after_the_peer_died(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_ok(o.err.kind, &o.err);
    for (int i = 0; i < 3; i++) {
        h2_peer_stop(c->peer);
        client_start_peer(c, (h2_peer_options){.on_request = answer_echo});
        client_poll(c, (wfe_loop_run_ready(c->loop), true));
        o = client_call(c, (wfe_grpc_call_options){.idempotent = true});
        assert_ok(o.err.kind, &o.err);
    }
}

/* Closes the first connections, as many as user says, without an answer. */
static void answer_close(h2_call *call, void *user)
{
    if (h2_call_connection(call) <= *(const int *)user)
        h2_call_close(call);
    else
        answer_echo(call, NULL);
}

static void test_grpc_connection__only_idempotent_calls_are_sent_again_after_a_loss(void **state)
{
    client *c = *state;
    int closes = 2;
    client_start_peer(c, (h2_peer_options){.on_request = answer_close, .user = &closes});
    client_open(c, quick);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, "the connection to containerd at");
    assert_contains(o.err.message, "was lost");
    assert_int_equal(h2_peer_requests(c->peer), 1);
    o = client_call(c, (wfe_grpc_call_options){.idempotent = true});
    assert_ok(o.err.kind, &o.err);
    assert_int_equal(h2_peer_requests(c->peer), 3);
    assert_int_equal(h2_peer_connections(c->peer), 3);
}

static void test_grpc_connection__sending_again_ends_after_five_times(void **state)
{
    client *c = *state;
    int closes = 1000;
    client_start_peer(c, (h2_peer_options){.on_request = answer_close, .user = &closes});
    client_open(c, quick);
    outcome o = client_call(c, (wfe_grpc_call_options){.idempotent = true, .wait_for_ready = true});
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, "was lost");
    assert_int_equal(h2_peer_requests(c->peer), 5);
}

static void answer_refuse_twice(h2_call *call, void *user)
{
    atomic_int *left = user;
    if (atomic_fetch_sub(left, 1) > 0)
        h2_call_reset(call, 7);
    else
        answer_echo(call, NULL);
}

static void test_grpc_connection__refused_streams_are_sent_again_whatever_the_call(void **state)
{
    client *c = *state;
    atomic_int left = 2;
    client_start_peer(c, (h2_peer_options){.on_request = answer_refuse_twice, .user = &left});
    client_open(c, quick);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_ok(o.err.kind, &o.err);
    assert_string_equal(o.reply, "ping");
    assert_int_equal(h2_peer_requests(c->peer), 3);
    assert_int_equal(h2_peer_connections(c->peer), 1);
    left = 1000;
    o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, "REFUSED_STREAM");
    assert_int_equal(h2_peer_requests(c->peer), 8);
}

static void answer_unavailable(h2_call *call, void *user)
{
    atomic_int *left = user;
    if (atomic_fetch_sub(left, 1) > 0)
        h2_call_end(call, 14, "come back later");
    else
        answer_echo(call, NULL);
}

static void test_grpc_connection__unavailable_answers_are_retried_for_idempotent_calls(void **state)
{
    client *c = *state;
    atomic_int left = 3;
    client_start_peer(c, (h2_peer_options){.on_request = answer_unavailable, .user = &left});
    client_open(c, quick);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, "come back later");
    assert_int_equal(h2_peer_requests(c->peer), 1);
    o = client_call(c, (wfe_grpc_call_options){.idempotent = true});
    assert_ok(o.err.kind, &o.err);
    assert_int_equal(h2_peer_requests(c->peer), 4);
}

static void test_grpc_connection__a_deadline_ends_the_sending_again(void **state)
{
    client *c = *state;
    atomic_int left = 1000;
    client_start_peer(c, (h2_peer_options){.on_request = answer_unavailable, .user = &left});
    client_open(c, (wfe_grpc_channel_options){.backoff_first_ms = 60000, .backoff_max_ms = 60000});
    outcome o = client_call(c, (wfe_grpc_call_options){.idempotent = true, .deadline_ms = 300});
    assert_failed(&o, WFE_E_TIMEOUT, 4, "no answer within 300ms");
    assert_int_equal(h2_peer_requests(c->peer), 1);
}

static void answer_message_then_close(h2_call *call, void *user)
{
    (void)user;
    h2_call_send(call, "part", 4);
    h2_call_close(call);
}

static void test_grpc_connection__a_stream_is_not_sent_again_after_a_message(void **state)
{
    client *c = *state;
    client_start_peer(c, (h2_peer_options){.on_request = answer_message_then_close});
    client_open(c, quick);
    outcome o = {0};
    wfe_grpc_call *call = client_stream(c, &o, (wfe_grpc_call_options){.idempotent = true});
    assert_ok(wfe_grpc_call_send(call, "x", 1, true, NULL), NULL);
    client_wait(c, o.done);
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, "was lost");
    assert_int_equal(o.messages, 1);
    assert_int_equal(h2_peer_requests(c->peer), 1);
}

/* A DATA frame of 100 bytes of which 10 come. */
static void answer_half_frame(h2_call *call, void *user)
{
    (void)user;
    const uint8_t frame[] = {0,  0, 100, 0, 0,  0,   0,   0,   (uint8_t)h2_call_stream_id(call),
                             0,  0, 0,   0, 95, 'h', 'a', 'l', 'f',
                             '!'};
    h2_call_send(call, "one", 3);
    h2_call_wire(call, frame, sizeof frame);
    if (strstr(h2_call_path(call), "Close"))
        h2_call_close(call);
}

static void test_grpc_connection__a_stall_or_cut_in_a_frame_ends_the_call(void **state)
{
    client *c = *state;
    client_start_peer(c, (h2_peer_options){.on_request = answer_half_frame});
    client_open(c, quick);
    outcome o = client_call(c, (wfe_grpc_call_options){.deadline_ms = 300});
    assert_failed(&o, WFE_E_TIMEOUT, 4, "no answer within 300ms");
    wfe_grpc_channel_free(c->channel);
    client_open(c, quick);
    o = client_call(c, (wfe_grpc_call_options){.path = "/test.S/Close"});
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, "was lost: the peer closed the connection");
}

static void answer_garbage(h2_call *call, void *user)
{
    (void)user;
    h2_call_wire(call, "\0\0\4\x8\0\0\0\0\1\0\0\0\0\0\0\5\7\0\0\0\0\0garbage", 30);
}

static void test_grpc_connection__a_peer_that_breaks_http2_ends_the_call(void **state)
{
    client *c = *state;
    client_serve(c, answer_garbage, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_true(o.err.kind == WFE_E_PROTOCOL || o.err.kind == WFE_E_INTERNAL);
}

/* ---- GOAWAY ---- */

/* Takes up nothing on the first connection. */
static void answer_goaway(h2_call *call, void *user)
{
    (void)user;
    if (h2_call_connection(call) > 1)
        answer_echo(call, NULL);
    else
        h2_call_goaway(call, 0, 0, NULL);
}

static void test_grpc_connection__what_goaway_left_out_is_sent_on_a_new_connection(void **state)
{
    client *c = *state;
    client_serve(c, answer_goaway, NULL);
    outcome outcomes[10] = {0};
    for (size_t i = 0; i < 10; i++)
        client_begin_with(c, &outcomes[i], (wfe_grpc_call_options){0});
    for (size_t i = 0; i < 10; i++) {
        client_wait(c, outcomes[i].done);
        assert_ok(outcomes[i].err.kind, &outcomes[i].err);
    }
    assert_int_equal(h2_peer_connections(c->peer), 2);
}

/* Serves what it has taken up although it goes away, once the test says so. */
static void answer_drain(h2_call *call, void *user)
{
    (void)user;
    if (h2_call_connection(call) > 1) {
        answer_echo(call, NULL);
        return;
    }
    if (!h2_call_is_complete(call)) {
        h2_call_goaway(call, h2_call_stream_id(call), 0, NULL);
        return;
    }
    answer_echo(call, NULL);
}

static void test_grpc_connection__a_draining_connection_finishes_its_calls(void **state)
{
    client *c = *state;
    client_start_peer(
        c, (h2_peer_options){.on_request = answer_drain, .on_data = answer_drain, .early = true});
    client_open(c, quick);
    outcome slow = {0};
    wfe_grpc_call *call = client_stream(c, &slow, (wfe_grpc_call_options){0});
    client_poll(c, h2_peer_requests(c->peer) == 1);
    outcome other = {0};
    client_stream(c, &other, (wfe_grpc_call_options){0});
    client_wait(c, other.done);
    assert_int_equal(h2_peer_connections(c->peer), 2);
    assert_false(slow.done);
    assert_ok(wfe_grpc_call_send(call, "old", 3, true, NULL), NULL);
    client_wait(c, slow.done);
    assert_ok(slow.err.kind, &slow.err);
    assert_string_equal(slow.reply, "old");
}

/* A second GOAWAY that takes back what the first one said breaks HTTP/2. */
static void answer_goaway_up(h2_call *call, void *user)
{
    (void)user;
    const uint8_t frame[] = {0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    const uint8_t more[] = {0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0};
    h2_call_wire(call, frame, sizeof frame);
    h2_call_wire(call, more, sizeof more);
}

static void test_grpc_connection__a_goaway_that_takes_back_another_ends_the_call(void **state)
{
    client *c = *state;
    client_serve(c, answer_goaway_up, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_PROTOCOL, 0, "was lost: the peer broke HTTP/2");
}

static void answer_calm(h2_call *call, void *user)
{
    (void)user;
    h2_call_goaway(call, h2_call_stream_id(call), 0xb, "too_many_pings");
    h2_call_close(call);
}

static void test_grpc_connection__the_reason_of_a_goaway_is_told(void **state)
{
    client *c = *state;
    client_serve(c, answer_calm, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_UNAVAILABLE, 14, "too_many_pings");
    assert_contains(o.err.message, "ENHANCE_YOUR_CALM");
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_grpc_connection__##name, client_setup, client_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_missing_socket_is_not_found_with_a_hint),
        CASE(a_socket_nobody_listens_on_is_unavailable),
        CASE(a_socket_of_somebody_else_is_denied_with_a_hint),
        CASE(a_refused_port_says_so),
        CASE(calls_over_tcp_work_by_name_and_number),
        CASE(a_name_that_does_not_exist_is_told),
        CASE(a_channel_is_freed_during_a_name_lookup),
        CASE(a_peer_that_never_answers_is_a_timeout),
        CASE(a_peer_that_speaks_something_else_is_told),
        CASE(a_peer_that_hangs_up_is_unavailable),
        CASE(a_call_fails_fast_while_the_channel_backs_off),
        CASE(long_socket_paths_work),
        CASE(wait_for_ready_waits_for_the_socket),
        CASE(waiting_ends_at_the_deadline_with_the_reason),
        CASE(wait_for_ready_waits_for_a_stuck_daemon),
        CASE(a_ping_that_measures_is_answered_without_more_calls),
        CASE(the_channel_reconnects_after_the_peer_died),
        CASE(only_idempotent_calls_are_sent_again_after_a_loss),
        CASE(sending_again_ends_after_five_times),
        CASE(refused_streams_are_sent_again_whatever_the_call),
        CASE(unavailable_answers_are_retried_for_idempotent_calls),
        CASE(a_deadline_ends_the_sending_again),
        CASE(a_stream_is_not_sent_again_after_a_message),
        CASE(a_stall_or_cut_in_a_frame_ends_the_call),
        CASE(a_peer_that_breaks_http2_ends_the_call),
        CASE(what_goaway_left_out_is_sent_on_a_new_connection),
        CASE(a_draining_connection_finishes_its_calls),
        CASE(a_goaway_that_takes_back_another_ends_the_call),
        CASE(the_reason_of_a_goaway_is_told),
    };
    return cmocka_run_group_tests_name("grpc_connection", tests, NULL, NULL);
}
