/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls over a working connection to a scripted peer: what comes back, how much of it, and what
 * callbacks may do.
 */
#include <stdatomic.h>

#include "component/grpc_client.h"
#include "grpc/status.h"

#define MIB ((size_t)1024 * 1024)

static void answer_echo(h2_call *call, void *user)
{
    (void)user;
    size_t len = 0;
    const uint8_t *body = h2_call_body(call, &len);
    h2_call_send_raw(call, body, len);
    h2_call_end(call, 0, NULL);
}

static void test_grpc_calls__a_unary_call_brings_its_reply(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_ok(o.err.kind, &o.err);
    assert_string_equal(o.reply, "ping");
    assert_int_equal(h2_peer_connections(c->peer), 1);
}

/* ---- what the peer may say ---- */

static void answer_status(h2_call *call, void *user)
{
    (void)user;
    int status = atoi(strrchr(h2_call_path(call), '/') + 1);
    if (strstr(h2_call_path(call), "After"))
        h2_call_send(call, "data", 4);
    h2_call_end(call, status, "caf%C3%A9 100%25");
}

static void test_grpc_calls__every_status_is_told_in_trailers_and_alone(void **state)
{
    client *c = *state;
    client_serve(c, answer_status, NULL);
    for (int status = 1; status <= 18; status++) {
        static const char *const forms[] = {"/test.Alone/%d", "/test.After/%d"};
        for (size_t i = 0; i < 2; i++) {
            char path[32];
            snprintf(path, sizeof path, forms[i], status);
            outcome o = client_call(c, (wfe_grpc_call_options){.path = path});
            int wanted = status <= 16 ? status : WFE_GRPC_UNKNOWN;
            assert_failed(&o, wfe_grpc_status_error_kind(wanted), wanted, "caf\xC3\xA9 100%");
            assert_int_equal(o.len, 0);
            assert_int_equal(o.err.retryable, status == 14 || status == 10);
        }
    }
    assert_int_equal(h2_peer_connections(c->peer), 1);
}

static void answer_http(h2_call *call, void *user)
{
    (void)user;
    h2_call_set_status(call, atoi(strrchr(h2_call_path(call), '/') + 1));
    h2_call_set_content_type(call, "text/html");
    h2_call_send_raw(call, "<html>\0\0\0\0\0", 11);
    h2_call_end(call, -1, NULL);
}

static void test_grpc_calls__http_errors_without_a_status_are_mapped(void **state)
{
    client *c = *state;
    client_serve(c, answer_http, NULL);
    static const int table[][2] = {{400, 13}, {401, 16}, {403, 7},  {404, 12}, {429, 14},
                                   {502, 14}, {503, 14}, {504, 14}, {500, 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char path[32];
        char text[32];
        snprintf(path, sizeof path, "/test.Http/%d", table[i][0]);
        snprintf(text, sizeof text, "HTTP status %d", table[i][0]);
        outcome o = client_call(c, (wfe_grpc_call_options){.path = path});
        assert_failed(&o, wfe_grpc_status_error_kind(table[i][1]), table[i][1], text);
        assert_int_equal(o.err.http_status, table[i][0]);
    }
    outcome o = client_call(c, (wfe_grpc_call_options){.path = "/test.Http/200"});
    assert_failed(&o, WFE_E_PROTOCOL, 2, "no gRPC but text/html");
}

static void answer_reset(h2_call *call, void *user)
{
    (void)user;
    h2_call_reset(call, (uint32_t)atoi(strrchr(h2_call_path(call), '/') + 1));
}

static void test_grpc_calls__resets_are_mapped(void **state)
{
    client *c = *state;
    client_serve(c, answer_reset, NULL);
    for (unsigned code = 0; code <= 13; code++) {
        if (code == 7) /* REFUSED_STREAM: sent again, see the tests of connections */
            continue;
        char path[32];
        snprintf(path, sizeof path, "/test.Reset/%u", code);
        outcome o = client_call(c, (wfe_grpc_call_options){.path = path});
        int status = wfe_grpc_status_from_h2(code);
        assert_failed(&o, wfe_grpc_status_error_kind(status), status, "reset the stream");
    }
}

static void answer_headers(h2_call *call, void *user)
{
    (void)user;
    size_t bytes = (size_t)atoi(strrchr(h2_call_path(call), '/') + 1);
    char *filler = malloc(bytes / 2 + 1);
    if (!filler)
        return;
    memset(filler, '~', bytes / 2); /* 14 bits each in HPACK's code: never shorter */
    filler[bytes / 2] = '\0';
    h2_call_add_trailer(call, "x-one", filler);
    h2_call_add_trailer(call, "x-two", filler);
    h2_call_end(call, 5, "still here");
    free(filler);
}

static void test_grpc_calls__a_header_block_of_64_kib_is_read_and_more_is_limited(void **state)
{
    client *c = *state;
    client_serve(c, answer_headers, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){.path = "/test.Headers/65536"});
    assert_failed(&o, WFE_E_NOT_FOUND, 5, "still here");
    o = client_call(c, (wfe_grpc_call_options){.path = "/test.Headers/131000"});
    assert_failed(&o, WFE_E_LIMIT, 8, "more than 131072 bytes of headers");
    o = client_call(c, (wfe_grpc_call_options){.path = "/test.Headers/10"});
    assert_failed(&o, WFE_E_NOT_FOUND, 5, "still here");
    assert_int_equal(h2_peer_connections(c->peer), 1);
}

/* ---- messages ---- */

static void answer_mib(h2_call *call, void *user)
{
    (void)user;
    size_t bytes = (size_t)atoi(strrchr(h2_call_path(call), '/') + 1);
    char *zeros = calloc(1, bytes + 1);
    if (!zeros)
        return;
    h2_call_send(call, zeros, bytes);
    h2_call_end(call, 0, NULL);
    free(zeros);
}

static void test_grpc_calls__messages_of_16_mib_pass_and_17_mib_are_limited(void **state)
{
    client *c = *state;
    client_serve(c, answer_mib, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){.path = "/test.Size/16777216"});
    assert_ok(o.err.kind, &o.err);
    assert_int_equal(o.len, 16 * MIB);
    o = client_call(c, (wfe_grpc_call_options){.path = "/test.Size/17825792"});
    assert_failed(&o, WFE_E_LIMIT, 8, "17825792 bytes, the limit is 16777216 bytes");
    /* The rest of it is not even sent. */
    client_poll(c, h2_peer_resets(c->peer) == 1);
    assert_true(h2_peer_sent_bytes(c->peer) < 16 * MIB + 10 * MIB);

    char *big = calloc(1, 17 * MIB);
    assert_non_null(big);
    wfe_error err = WFE_ERROR_INIT;
    const wfe_grpc_call_options options = {.path = METHOD};
    assert_fails(
        wfe_grpc_unary(c->channel, &options, big, 17 * MIB, client_on_reply, &o, NULL, &err),
        WFE_E_LIMIT, &err);
    assert_contains(err.message, "17825792 bytes long, the limit is 16777216 bytes");
    free(big);
}

static void test_grpc_calls__a_request_of_16_mib_arrives(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    char *big = malloc(16 * MIB);
    assert_non_null(big);
    memset(big, 'x', 16 * MIB);
    wfe_error err = WFE_ERROR_INIT;
    outcome o = {.client = c};
    const wfe_grpc_call_options options = {.path = METHOD};
    assert_ok(wfe_grpc_unary(c->channel, &options, big, 16 * MIB, client_on_reply, &o, NULL, &err),
              &err);
    free(big);
    client_wait(c, o.done);
    assert_ok(o.err.kind, &o.err);
    assert_int_equal(o.len, 16 * MIB);
}

static void answer_compressed(h2_call *call, void *user)
{
    (void)user;
    h2_call_send_raw(call, "\1\0\0\0\3zip", 8);
    h2_call_end(call, 0, NULL);
}

static void test_grpc_calls__a_compressed_message_is_refused(void **state)
{
    client *c = *state;
    client_serve(c, answer_compressed, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_PROTOCOL, 13, "compressed message, which nobody asked for");
}

static void answer_pieces(h2_call *call, void *user)
{
    (void)user;
    if (strstr(h2_call_path(call), "Bytes"))
        h2_call_set_chunk(call, 1);
    h2_call_send(call, "one", 3);
    h2_call_send(call, "", 0);
    h2_call_send(call, "two", 3);
    h2_call_end(call, 0, NULL);
}

static void
test_grpc_calls__messages_split_byte_by_byte_or_sharing_a_frame_are_the_same(void **state)
{
    client *c = *state;
    client_serve(c, answer_pieces, NULL);
    static const char *const paths[] = {"/test.S/Bytes", "/test.S/Whole"};
    for (size_t i = 0; i < 2; i++) {
        outcome o = {0};
        wfe_grpc_call *call = client_stream(c, &o, (wfe_grpc_call_options){.path = paths[i]});
        assert_ok(wfe_grpc_call_send(call, "", 0, true, NULL), NULL);
        client_wait(c, o.done);
        assert_ok(o.err.kind, &o.err);
        assert_int_equal(o.messages, 3);
        assert_string_equal(o.reply, "onetwo");
    }
}

static void answer_count(h2_call *call, void *user)
{
    (void)user;
    int n = atoi(strrchr(h2_call_path(call), '/') + 1);
    while (n-- > 0)
        h2_call_send(call, "", 0);
    h2_call_end(call, 0, NULL);
}

static void test_grpc_calls__a_unary_call_wants_exactly_one_message(void **state)
{
    client *c = *state;
    client_serve(c, answer_count, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){.path = "/test.Count/1"});
    assert_ok(o.err.kind, &o.err);
    assert_int_equal(o.len, 0);
    o = client_call(c, (wfe_grpc_call_options){.path = "/test.Count/0"});
    assert_failed(&o, WFE_E_PROTOCOL, 0, "answered with 0 messages");
    o = client_call(c, (wfe_grpc_call_options){.path = "/test.Count/2"});
    assert_failed(&o, WFE_E_PROTOCOL, 0, "answered with 2 messages");
}

static atomic_int header_ok;

static void answer_headers_seen(h2_call *call, void *user)
{
    (void)user;
    const char *namespace_name = h2_call_header(call, "containerd-namespace");
    const char *timeout = h2_call_header(call, "grpc-timeout");
    const char *authority = h2_call_header(call, ":authority");
    const char *te = h2_call_header(call, "te");
    header_ok = namespace_name && strcmp(namespace_name, "default") == 0 && timeout && authority &&
                strcmp(authority, "localhost") == 0 && te && strcmp(te, "trailers") == 0 &&
                timeout[strlen(timeout) - 1] == 'm' && atoi(timeout) > 0 && atoi(timeout) <= 60000;
    answer_echo(call, NULL);
}

static void test_grpc_calls__metadata_and_timeout_arrive(void **state)
{
    client *c = *state;
    client_serve(c, answer_headers_seen, NULL);
    char value[] = "default";
    const wfe_grpc_metadata metadata[] = {{"containerd-namespace", value}};
    outcome o = {0};
    client_begin_with(
        c, &o,
        (wfe_grpc_call_options){.metadata = metadata, .n_metadata = 1, .deadline_ms = 60000});
    memset(value, 'x', 7); /* it was copied */
    client_wait(c, o.done);
    assert_ok(o.err.kind, &o.err);
    assert_int_equal(header_ok, 1);
}

/* ---- many at once ---- */

static void call_many(client *c, size_t n)
{
    outcome *outcomes = calloc(n, sizeof *outcomes);
    assert_non_null(outcomes);
    for (size_t i = 0; i < n; i++)
        client_begin_with(c, &outcomes[i], (wfe_grpc_call_options){0});
    for (size_t i = 0; i < n; i++) {
        client_wait(c, outcomes[i].done);
        assert_ok(outcomes[i].err.kind, &outcomes[i].err);
        assert_string_equal(outcomes[i].reply, "ping");
    }
    assert_int_equal(h2_peer_connections(c->peer), 1);
    assert_int_equal(h2_peer_requests(c->peer), n);
    free(outcomes);
}

static void test_grpc_calls__two_hundred_at_once_share_a_connection(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    call_many(c, 200);
}

static void test_grpc_calls__calls_above_the_peers_limit_of_streams_wait_their_turn(void **state)
{
    client *c = *state;
    client_start_peer(c, (h2_peer_options){.on_request = answer_echo, .max_streams = 3});
    client_open(c, (wfe_grpc_channel_options){0});
    call_many(c, 200);
}

static void answer_stream_or_echo(h2_call *call, void *user)
{
    (void)user;
    if (!strstr(h2_call_path(call), "Bulk")) {
        answer_echo(call, NULL);
        return;
    }
    char *chunk = calloc(1, MIB);
    if (!chunk)
        return;
    for (int i = 0; i < 16; i++)
        h2_call_send(call, chunk, MIB);
    h2_call_end(call, 0, NULL);
    free(chunk);
}

static void on_message_pause(wfe_grpc_call *call, const void *bytes, size_t len, void *user)
{
    wfe_grpc_call_pause(call);
    client_on_message(call, bytes, len, user);
}

static void test_grpc_calls__paused_streams_do_not_starve_others(void **state)
{
    client *c = *state;
    client_serve(c, answer_stream_or_echo, NULL);
    /* Together they could fill the connection's window of 16 MiB more than once. */
    outcome paused[6] = {0};
    wfe_grpc_call *calls[6];
    for (size_t i = 0; i < 6; i++) {
        calls[i] = client_stream(
            c, &paused[i],
            (wfe_grpc_call_options){.path = "/test.S/Bulk", .on_message = on_message_pause});
        assert_ok(wfe_grpc_call_send(calls[i], "", 0, true, NULL), NULL);
    }
    for (size_t i = 0; i < 6; i++)
        client_wait(c, paused[i].messages == 1);
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_ok(o.err.kind, &o.err);
    outcome bulk = {0};
    wfe_grpc_call *call = client_stream(c, &bulk, (wfe_grpc_call_options){.path = "/test.S/Bulk"});
    assert_ok(wfe_grpc_call_send(call, "", 0, true, NULL), NULL);
    client_wait(c, bulk.done);
    assert_int_equal(bulk.bytes, 16 * MIB);
    /* A paused one got its message, at most its window besides, and not a byte more. */
    assert_true(h2_peer_sent_bytes(c->peer) < 17 * MIB + 6 * 6 * MIB);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(paused[i].messages, 1);
    for (size_t n = 2; n <= 16; n++) {
        wfe_grpc_call_resume(calls[0]);
        client_wait(c, paused[0].messages == n);
    }
    assert_false(paused[0].done);
    wfe_grpc_call_resume(calls[0]);
    client_wait(c, paused[0].done);
    assert_ok(paused[0].err.kind, &paused[0].err);
    assert_int_equal(paused[0].bytes, 16 * MIB);
}

/* ---- two-way streams ---- */

/* Sends each request message back as it comes. */
static void answer_two_way(h2_call *call, void *user)
{
    (void)user;
    size_t len = 0;
    const uint8_t *body = h2_call_body(call, &len);
    static const char stop[] = "\0\0\0\0\4stop";
    if (len && memmem(body, len, stop, 9))
        h2_call_end(call, 9, "stopped");
    else if (h2_call_is_complete(call))
        h2_call_end(call, 0, NULL);
    else if (len)
        h2_call_send(call, body + len - 1, 1);
}

static void serve_two_way(client *c)
{
    client_start_peer(
        c,
        (h2_peer_options){.on_request = answer_two_way, .on_data = answer_two_way, .early = true});
    client_open(c, (wfe_grpc_channel_options){0});
}

static void test_grpc_calls__a_two_way_stream_talks_in_turns(void **state)
{
    client *c = *state;
    serve_two_way(c);
    outcome o = {0};
    wfe_grpc_call *call = client_stream(c, &o, (wfe_grpc_call_options){0});
    for (size_t i = 1; i <= 20; i++) {
        char text = (char)('a' + i - 1);
        assert_ok(wfe_grpc_call_send(call, &text, 1, false, NULL), NULL);
        assert_int_equal(wfe_grpc_call_pending_bytes(call), 6);
        client_wait(c, o.messages == i);
        assert_int_equal(wfe_grpc_call_pending_bytes(call), 0);
    }
    assert_ok(wfe_grpc_call_close_send(call, NULL), NULL);
    client_wait(c, o.done);
    assert_ok(o.err.kind, &o.err);
    assert_string_equal(o.reply, "abcdefghijklmnopqrst");
}

static void test_grpc_calls__a_stream_ended_by_the_peer_tells_the_peers_status(void **state)
{
    client *c = *state;
    serve_two_way(c);
    outcome o = {0};
    wfe_grpc_call *call =
        client_stream(c, &o, (wfe_grpc_call_options){.on_message = on_message_pause});
    assert_ok(wfe_grpc_call_send(call, "x", 1, false, NULL), NULL);
    client_wait(c, o.messages == 1);
    assert_ok(wfe_grpc_call_send(call, "stop", 4, false, NULL), NULL);
    client_poll(c, h2_peer_requests(c->peer) == 1);
    /* It is paused, so its end is not told yet, and sends after it are dropped. */
    for (int i = 0; i < 20; i++) {
        wfe_loop_run_ready(c->loop);
        assert_ok(wfe_grpc_call_send(call, "more", 4, false, NULL), NULL);
    }
    wfe_grpc_call_resume(call);
    client_wait(c, o.done);
    assert_failed(&o, WFE_E_CONFLICT, 9, "stopped");
}

static void test_grpc_calls__nothing_is_sent_after_the_last_message(void **state)
{
    client *c = *state;
    serve_two_way(c);
    outcome o = {0};
    wfe_error err = WFE_ERROR_INIT;
    wfe_grpc_call *call = client_stream(c, &o, (wfe_grpc_call_options){0});
    assert_ok(wfe_grpc_call_send(call, "x", 1, true, &err), &err);
    assert_fails(wfe_grpc_call_send(call, "y", 1, false, &err), WFE_E_INVALID, &err);
    client_wait(c, o.done);
    assert_ok(o.err.kind, &o.err);
}

struct upload {
    outcome o;
    size_t sent;
    size_t writable;
};

#define UPLOAD_MESSAGES 24

static void send_chunk(wfe_grpc_call *call, struct upload *upload)
{
    static char chunk[MIB];
    upload->sent++;
    assert_ok(wfe_grpc_call_send(call, chunk, sizeof chunk, upload->sent == UPLOAD_MESSAGES, NULL),
              NULL);
}

static void on_writable(wfe_grpc_call *call, void *user)
{
    struct upload *upload = user;
    upload->writable++;
    assert_int_equal(wfe_grpc_call_pending_bytes(call), 0);
    if (upload->sent < UPLOAD_MESSAGES)
        send_chunk(call, upload);
}

static void on_upload_done(wfe_grpc_call *call, const wfe_error *err, void *user)
{
    struct upload *upload = user;
    client_on_done(call, err, &upload->o);
}

static void answer_length(h2_call *call, void *user)
{
    (void)user;
    size_t len = 0;
    h2_call_body(call, &len);
    h2_call_end(call, len == UPLOAD_MESSAGES * (MIB + 5) ? 0 : 15, "wrong length");
}

static void test_grpc_calls__writable_paces_an_upload(void **state)
{
    client *c = *state;
    client_serve(c, answer_length, NULL);
    struct upload upload = {0};
    wfe_grpc_call *call =
        client_stream(c, &upload.o,
                      (wfe_grpc_call_options){
                          .on_writable = on_writable, .on_done = on_upload_done, .user = &upload});
    send_chunk(call, &upload);
    client_wait(c, upload.o.done);
    assert_ok(upload.o.err.kind, &upload.o.err);
    assert_true(upload.writable >= UPLOAD_MESSAGES - 1);
}

/* ---- giving up ---- */

static void answer_nothing(h2_call *call, void *user)
{
    (void)call;
    (void)user;
}

static void test_grpc_calls__a_deadline_tells_the_time(void **state)
{
    client *c = *state;
    client_serve(c, answer_nothing, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){.deadline_ms = 300, .idempotent = true});
    assert_failed(&o, WFE_E_TIMEOUT, 4, "no answer within 300ms");
    client_poll(c, h2_peer_resets(c->peer) == 1);
}

static void answer_deadline(h2_call *call, void *user)
{
    (void)user;
    h2_call_end(call, 4, "context deadline exceeded");
}

static void test_grpc_calls__the_peers_own_timeout_is_a_timeout(void **state)
{
    client *c = *state;
    client_serve(c, answer_deadline, NULL);
    outcome o = client_call(c, (wfe_grpc_call_options){.deadline_ms = WAIT_MS});
    assert_failed(&o, WFE_E_TIMEOUT, 4, "context deadline exceeded");
}

static void answer_forever(h2_call *call, void *user)
{
    (void)user;
    if (strstr(h2_call_path(call), "Echo")) {
        answer_echo(call, NULL);
        return;
    }
    h2_call_send(call, "a", 1);
    h2_call_send(call, "b", 1);
}

static void on_message_cancel(wfe_grpc_call *call, const void *bytes, size_t len, void *user)
{
    client_on_message(call, bytes, len, user);
    wfe_grpc_call_cancel(call);
}

static void test_grpc_calls__cancel_from_the_message_callback_is_the_last_callback(void **state)
{
    client *c = *state;
    client_serve(c, answer_forever, NULL);
    outcome o = {0};
    wfe_grpc_call *call =
        client_stream(c, &o, (wfe_grpc_call_options){.on_message = on_message_cancel});
    assert_ok(wfe_grpc_call_send(call, "", 0, true, NULL), NULL);
    client_wait(c, o.messages == 1);
    client_poll(c, h2_peer_resets(c->peer) == 1);
    outcome echo = client_call(c, (wfe_grpc_call_options){.path = "/test.S/Echo"});
    assert_ok(echo.err.kind, &echo.err);
    assert_int_equal(o.messages, 1);
    assert_false(o.done);
}

static void on_done_cancel(wfe_grpc_call *call, const wfe_error *err, void *user)
{
    client_on_done(call, err, user);
    wfe_grpc_call_cancel(call);
}

static void test_grpc_calls__cancel_from_the_done_callback_is_harmless(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    outcome o = {0};
    wfe_grpc_call *call = client_stream(c, &o, (wfe_grpc_call_options){.on_done = on_done_cancel});
    assert_ok(wfe_grpc_call_send(call, "x", 1, true, NULL), NULL);
    client_wait(c, o.done);
    assert_ok(o.err.kind, &o.err);
}

static void test_grpc_calls__cancel_before_anything_is_sent_sends_nothing(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    outcome o = {0};
    wfe_grpc_call *call = client_stream(c, &o, (wfe_grpc_call_options){0});
    wfe_grpc_call_cancel(call);
    wfe_grpc_call_cancel(NULL);
    outcome echo = client_call(c, (wfe_grpc_call_options){0});
    assert_ok(echo.err.kind, &echo.err);
    assert_int_equal(h2_peer_requests(c->peer), 1);
    assert_false(o.done);
}

static void test_grpc_calls__a_channel_is_freed_with_calls_under_way(void **state)
{
    client *c = *state;
    client_serve(c, answer_forever, NULL);
    outcome outcomes[20] = {0};
    for (size_t i = 0; i < 20; i++) {
        wfe_grpc_call *call = client_stream(c, &outcomes[i], (wfe_grpc_call_options){0});
        assert_ok(wfe_grpc_call_send(call, "x", 1, i % 2, NULL), NULL);
        if (i == 9)
            client_wait(c, outcomes[8].messages == 0 && outcomes[9].messages == 2);
    }
    wfe_grpc_channel_free(c->channel);
    c->channel = NULL;
    for (int i = 0; i < 10; i++)
        wfe_loop_run_ready(c->loop);
    for (size_t i = 0; i < 20; i++)
        assert_false(outcomes[i].done);
}

static void on_message_free(wfe_grpc_call *call, const void *bytes, size_t len, void *user)
{
    outcome *o = user;
    client_on_message(call, bytes, len, user);
    wfe_grpc_channel_free(o->client->channel);
    o->client->channel = NULL;
}

static void on_done_free(wfe_grpc_call *call, const wfe_error *err, void *user)
{
    outcome *o = user;
    client_on_done(call, err, user);
    wfe_grpc_channel_free(o->client->channel);
    o->client->channel = NULL;
}

static void test_grpc_calls__a_channel_is_freed_from_a_callback(void **state)
{
    client *c = *state;
    client_serve(c, answer_forever, NULL);
    outcome o = {0};
    outcome other = {0};
    wfe_grpc_call *call =
        client_stream(c, &o, (wfe_grpc_call_options){.on_message = on_message_free});
    assert_ok(wfe_grpc_call_send(call, "x", 1, true, NULL), NULL);
    wfe_grpc_call *waiting = client_stream(c, &other, (wfe_grpc_call_options){0});
    assert_ok(wfe_grpc_call_send(waiting, "x", 1, false, NULL), NULL);
    client_wait(c, o.messages == 1);
    assert_null(c->channel);

    client_open(c, (wfe_grpc_channel_options){0});
    outcome last = {0};
    call = client_stream(c, &last,
                         (wfe_grpc_call_options){.path = "/test.S/Echo", .on_done = on_done_free});
    assert_ok(wfe_grpc_call_send(call, "x", 1, true, NULL), NULL);
    client_wait(c, last.done);
    assert_null(c->channel);
    assert_int_equal(o.messages, 1);
    assert_false(o.done);
    assert_false(other.done);
}

static void on_reply_again(const void *reply, size_t len, const wfe_error *err, void *user)
{
    outcome *o = user;
    o->messages++;
    if (o->messages < 50) {
        const wfe_grpc_call_options options = {.path = METHOD};
        assert_ok(
            wfe_grpc_unary(o->client->channel, &options, "ping", 4, on_reply_again, o, NULL, NULL),
            NULL);
        return;
    }
    client_on_reply(reply, len, err, user);
}

static void test_grpc_calls__a_callback_may_start_the_next_call(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    outcome o = {.client = c};
    const wfe_grpc_call_options options = {.path = METHOD};
    assert_ok(wfe_grpc_unary(c->channel, &options, "ping", 4, on_reply_again, &o, NULL, NULL),
              NULL);
    client_wait(c, o.done);
    assert_int_equal(o.messages, 50);
    assert_int_equal(h2_peer_requests(c->peer), 50);
}

static void test_grpc_calls__bad_options_are_invalid(void **state)
{
    client *c = *state;
    client_serve(c, answer_echo, NULL);
    static const char *const paths[] = {NULL, "", "test.Service/Method", "/test.Service"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        wfe_error err = WFE_ERROR_INIT;
        const wfe_grpc_call_options options = {.path = paths[i], .on_done = client_on_done};
        wfe_grpc_call *call = NULL;
        assert_fails(wfe_grpc_call_start(c->channel, &options, &call, &err), WFE_E_INVALID, &err);
        assert_null(call);
    }
    const wfe_grpc_metadata bad = {"Upper", "x"};
    const wfe_grpc_call_options options = {
        .path = METHOD, .metadata = &bad, .n_metadata = 1, .on_done = client_on_done};
    wfe_error err = WFE_ERROR_INIT;
    wfe_grpc_call *call = NULL;
    assert_fails(wfe_grpc_call_start(c->channel, &options, &call, &err), WFE_E_INVALID, &err);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_grpc_calls__##name, client_setup, client_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_unary_call_brings_its_reply),
        CASE(every_status_is_told_in_trailers_and_alone),
        CASE(http_errors_without_a_status_are_mapped),
        CASE(resets_are_mapped),
        CASE(a_header_block_of_64_kib_is_read_and_more_is_limited),
        CASE(messages_of_16_mib_pass_and_17_mib_are_limited),
        CASE(a_request_of_16_mib_arrives),
        CASE(a_compressed_message_is_refused),
        CASE(messages_split_byte_by_byte_or_sharing_a_frame_are_the_same),
        CASE(a_unary_call_wants_exactly_one_message),
        CASE(metadata_and_timeout_arrive),
        CASE(two_hundred_at_once_share_a_connection),
        CASE(calls_above_the_peers_limit_of_streams_wait_their_turn),
        CASE(paused_streams_do_not_starve_others),
        CASE(a_two_way_stream_talks_in_turns),
        CASE(a_stream_ended_by_the_peer_tells_the_peers_status),
        CASE(nothing_is_sent_after_the_last_message),
        CASE(writable_paces_an_upload),
        CASE(a_deadline_tells_the_time),
        CASE(the_peers_own_timeout_is_a_timeout),
        CASE(cancel_from_the_message_callback_is_the_last_callback),
        CASE(cancel_from_the_done_callback_is_harmless),
        CASE(cancel_before_anything_is_sent_sends_nothing),
        CASE(a_channel_is_freed_with_calls_under_way),
        CASE(a_channel_is_freed_from_a_callback),
        CASE(a_callback_may_start_the_next_call),
        CASE(bad_options_are_invalid),
    };
    return cmocka_run_group_tests_name("grpc_calls", tests, NULL, NULL);
}
