/* SPDX-License-Identifier: Apache-2.0
 *
 * The protocol core, fed from memory: the server's frames are written by hand here, the client's
 * are taken apart by a small reader.
 */
#include "grpc/session.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "fixtures/wfe_assert.h"
#include "grpc/status.h"

/* ---- the server's frames ---- */

static void put_frame(wfe_buf *out, int type, int flags, uint32_t id, const void *bytes, size_t len)
{
    const uint8_t head[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
                             (uint8_t)type,        (uint8_t)flags,      (uint8_t)(id >> 24),
                             (uint8_t)(id >> 16),  (uint8_t)(id >> 8),  (uint8_t)id};
    assert_ok(wfe_buf_append(out, head, sizeof head, NULL), NULL);
    assert_ok(wfe_buf_append(out, bytes, len, NULL), NULL);
}

/* HPACK: a number with a prefix of 7 bits. */
static void put_length(wfe_buf *out, size_t n)
{
    uint8_t bytes[8];
    size_t len = 0;
    bytes[len++] = n < 127 ? (uint8_t)n : 127;
    if (n >= 127) {
        for (n -= 127; n >= 128; n >>= 7)
            bytes[len++] = (uint8_t)(n & 127) | 128;
        bytes[len++] = (uint8_t)n;
    }
    assert_ok(wfe_buf_append(out, bytes, len, NULL), NULL);
}

/* HPACK: a literal field that is not indexed. */
static void put_field(wfe_buf *out, const char *name, const char *value)
{
    assert_ok(wfe_buf_append(out, "", 1, NULL), NULL);
    put_length(out, strlen(name));
    assert_ok(wfe_buf_append_str(out, name, NULL), NULL);
    put_length(out, strlen(value));
    assert_ok(wfe_buf_append_str(out, value, NULL), NULL);
}

/* fields: name, value, ..., NULL. Long blocks go on in CONTINUATION frames. */
static void put_headers(wfe_buf *out, uint32_t id, bool end, const char *const *fields)
{
    wfe_buf block = WFE_BUF_INIT(0);
    for (; *fields; fields += 2)
        put_field(&block, fields[0], fields[1]);
    int type = NGHTTP2_HEADERS;
    for (size_t at = 0; at < block.len || type == NGHTTP2_HEADERS;) {
        size_t n = block.len - at < 16384 ? block.len - at : 16384;
        int flags = at + n == block.len ? NGHTTP2_FLAG_END_HEADERS : 0;
        if (end && type == NGHTTP2_HEADERS)
            flags |= NGHTTP2_FLAG_END_STREAM;
        put_frame(out, type, flags, id, block.data + at, n);
        at += n;
        type = NGHTTP2_CONTINUATION;
    }
    wfe_buf_done(&block);
}
#define PUT_HEADERS(out, id, end, ...)                                                             \
    put_headers((out), (id), (end), (const char *const[]){__VA_ARGS__, NULL})
#define RESPONSE ":status", "200", "content-type", "application/grpc"

static void put_message(wfe_buf *out, uint32_t id, const char *text)
{
    char bytes[256] = {0};
    size_t len = strlen(text);
    assert_true(len < 200);
    bytes[4] = (char)len;
    memcpy(bytes + 5, text, len);
    put_frame(out, NGHTTP2_DATA, 0, id, bytes, len + 5);
}

/* ---- a client with one stream ---- */

struct call {
    wfe_grpc_stream *stream;
    wfe_grpc_session *session;
    const char *request;
    size_t request_len;
    bool request_eof;
    wfe_buf replies; /* each followed by '|' */
    size_t messages;
    size_t bytes;
    int ended;
    wfe_grpc_stream_end end;
    bool pause_on_message;
    bool abort_on_message;
    bool abort_other_on_message;
    struct call *other;
};

static size_t on_pull(uint8_t *buf, size_t cap, bool *eof, void *user)
{
    struct call *call = user;
    size_t n = call->request_len < cap ? call->request_len : cap;
    if (n)
        memcpy(buf, call->request, n);
    call->request += n;
    call->request_len -= n;
    *eof = call->request_eof && !call->request_len;
    return n;
}

static void on_message(const uint8_t *bytes, size_t len, void *user)
{
    struct call *call = user;
    call->messages++;
    call->bytes += len;
    if (len < 100) {
        assert_ok(wfe_buf_append(&call->replies, bytes, len, NULL), NULL);
        assert_ok(wfe_buf_append_str(&call->replies, "|", NULL), NULL);
    }
    if (call->pause_on_message)
        wfe_grpc_stream_pause(call->stream);
    if (call->abort_on_message)
        wfe_grpc_stream_abort(call->stream);
    if (call->abort_other_on_message) {
        wfe_grpc_stream_abort(call->other->stream);
        call->abort_other_on_message = false;
    }
}

static void on_ended(const wfe_grpc_stream_end *end, void *user)
{
    struct call *call = user;
    call->ended++;
    call->end = *end;
    call->stream = NULL;
}

static const wfe_grpc_stream_fns stream_fns = {
    .pull = on_pull, .message = on_message, .ended = on_ended};

static wfe_grpc_session *new_session(void)
{
    const wfe_grpc_session_options options = {.authority = "localhost",
                                              .max_recv_bytes = 1000000,
                                              .stream_window_bytes = 100000,
                                              .connection_window_bytes = 200000};
    wfe_grpc_session *session = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_grpc_session_new(&options, &session, &err), &err);
    return session;
}

static void open_stream(wfe_grpc_session *session, struct call *call)
{
    const wfe_grpc_metadata metadata[] = {{"containerd-namespace", "default"}};
    const wfe_grpc_request request = {
        .path = "/pkg.Svc/Method", .timeout_ms = 5000, .metadata = metadata, .n_metadata = 1};
    wfe_error err = WFE_ERROR_INIT;
    call->session = session;
    assert_ok(wfe_grpc_session_open(session, &request, &stream_fns, call, &call->stream, &err),
              &err);
}

static void drain(wfe_grpc_session *session, wfe_buf *out)
{
    for (;;) {
        const uint8_t *bytes = NULL;
        size_t len = 0;
        wfe_error err = WFE_ERROR_INIT;
        assert_ok(wfe_grpc_session_send(session, &bytes, &len, &err), &err);
        if (!len)
            return;
        if (out)
            assert_ok(wfe_buf_append(out, bytes, len, NULL), NULL);
    }
}

/* The nth frame of this type in what the client sent; NULL when there are fewer. */
static const uint8_t *find_frame(const wfe_buf *sent, int type, int nth, size_t *ret_len)
{
    size_t at = sent->len >= 24 && memcmp(sent->data, "PRI", 3) == 0 ? 24 : 0;
    while (at + 9 <= sent->len) {
        const uint8_t *f = (const uint8_t *)sent->data + at;
        size_t len = (size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2];
        if (f[3] == type && nth-- == 0) {
            *ret_len = len;
            return f;
        }
        at += 9 + len;
    }
    return NULL;
}

/* Gives bytes to the session in pieces; 0: all at once. */
static int receive(wfe_grpc_session *session, wfe_buf *in, size_t piece, wfe_error *err)
{
    int rc = 0;
    for (size_t at = 0; at < in->len && !rc;) {
        size_t n = piece && in->len - at > piece ? piece : in->len - at;
        rc = wfe_grpc_session_receive(session, (const uint8_t *)in->data + at, n, err);
        at += n;
    }
    wfe_buf_done(in);
    return rc;
}

/* A session with its preface exchanged and one stream whose request is sent. */
static wfe_grpc_session *start(struct call *call)
{
    wfe_grpc_session *session = new_session();
    call->request_eof = true;
    open_stream(session, call);
    drain(session, NULL);
    wfe_buf in = WFE_BUF_INIT(0);
    put_frame(&in, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    put_frame(&in, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    drain(session, NULL);
    return session;
}

static void finish(wfe_grpc_session *session, struct call *call)
{
    wfe_grpc_session_free(session);
    wfe_buf_done(&call->replies);
}

/* ---- what is sent ---- */

struct field_list {
    char text[1024];
    size_t len;
};

static void inflate(const uint8_t *frame, size_t len, struct field_list *list)
{
    nghttp2_hd_inflater *inflater = NULL;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    const uint8_t *at = frame + 9;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, at, len, 1);
        assert_true(n >= 0);
        at += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            list->len += (size_t)snprintf(list->text + list->len, sizeof list->text - list->len,
                                          "%.*s=%.*s\n", (int)nv.namelen, (char *)nv.name,
                                          (int)nv.valuelen, (char *)nv.value);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_del(inflater);
}

static void test_grpc_session__the_first_write_holds_preface_windows_and_request(void **state)
{
    (void)state;
    wfe_grpc_session *session = new_session();
    struct call call = {.request = "\0\0\0\0\2hi", .request_len = 7, .request_eof = true};
    open_stream(session, &call);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    assert_memory_equal(sent.data, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);

    size_t len = 0;
    const uint8_t *frame = find_frame(&sent, NGHTTP2_SETTINGS, 0, &len);
    assert_non_null(frame);
    assert_int_equal(len, 18);
    frame = find_frame(&sent, NGHTTP2_WINDOW_UPDATE, 0, &len);
    assert_non_null(frame);
    assert_memory_equal(frame + 9, "\0\2\x0D\x41", 4); /* 200,000 - 65,535 */

    frame = find_frame(&sent, NGHTTP2_HEADERS, 0, &len);
    assert_non_null(frame);
    struct field_list list = {.len = 0};
    inflate(frame, len, &list);
    char *agent = strstr(list.text, "user-agent=wfe/");
    assert_non_null(agent);
    char *rest = strchr(agent, '\n');
    memmove(agent, rest + 1, strlen(rest));
    assert_string_equal(list.text, ":method=POST\n:scheme=http\n:path=/pkg.Svc/Method\n"
                                   ":authority=localhost\ncontent-type=application/grpc\n"
                                   "te=trailers\ngrpc-timeout=5000m\n"
                                   "containerd-namespace=default\n");

    frame = find_frame(&sent, NGHTTP2_DATA, 0, &len);
    assert_non_null(frame);
    assert_int_equal(len, 7);
    assert_memory_equal(frame + 9, "\0\0\0\0\2hi", 7);
    assert_int_equal(frame[4], NGHTTP2_FLAG_END_STREAM);
    assert_null(find_frame(&sent, NGHTTP2_PING, 0, &len));
    wfe_buf_done(&sent);
    finish(session, &call);
}

static void test_grpc_session__a_request_waits_for_its_bytes(void **state)
{
    (void)state;
    wfe_grpc_session *session = new_session();
    struct call call = {0};
    open_stream(session, &call);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    size_t len = 0;
    assert_null(find_frame(&sent, NGHTTP2_DATA, 0, &len));
    sent.len = 0;
    call.request = "\0\0\0\0\1x";
    call.request_len = 6;
    wfe_grpc_stream_wake(call.stream);
    drain(session, &sent);
    const uint8_t *frame = find_frame(&sent, NGHTTP2_DATA, 0, &len);
    assert_non_null(frame);
    assert_int_equal(len, 6);
    assert_int_equal(frame[4], 0);
    sent.len = 0;
    call.request_eof = true;
    wfe_grpc_stream_wake(call.stream);
    drain(session, &sent);
    frame = find_frame(&sent, NGHTTP2_DATA, 0, &len);
    assert_non_null(frame);
    assert_int_equal(len, 0);
    assert_int_equal(frame[4], NGHTTP2_FLAG_END_STREAM);
    wfe_buf_done(&sent);
    finish(session, &call);
}

/* ---- replies ---- */

static void test_grpc_session__a_reply_in_pieces_of_any_size_is_the_same(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 40; piece++) {
        struct call call = {0};
        wfe_grpc_session *session = start(&call);
        wfe_buf in = WFE_BUF_INIT(0);
        PUT_HEADERS(&in, 1, false, RESPONSE);
        put_message(&in, 1, "first");
        put_message(&in, 1, "");
        /* Two in one frame, then one cut by a frame's end. */
        put_frame(&in, NGHTTP2_DATA, 0, 1, "\0\0\0\0\1a\0\0\0\0\1b\0\0", 14);
        put_frame(&in, NGHTTP2_DATA, 0, 1, "\0\0\4la", 5);
        put_frame(&in, NGHTTP2_DATA, 0, 1, "st", 2);
        PUT_HEADERS(&in, 1, true, "grpc-status", "0");
        assert_ok(receive(session, &in, piece, NULL), NULL);
        assert_string_equal(call.replies.data, "first||a|b|last|");
        assert_int_equal(call.ended, 1);
        assert_ok(call.end.error.kind, &call.end.error);
        assert_int_equal(wfe_grpc_session_count(session), 0);
        finish(session, &call);
    }
}

/* Gives one stream these frames and checks how it ends. */
static void assert_ends(wfe_buf *in, int kind, int status, const char *text)
{
    struct call call = {0};
    wfe_grpc_session *session = start(&call);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(receive(session, in, 0, &err), &err);
    drain(session, NULL);
    assert_int_equal(call.ended, 1);
    if (call.end.error.kind != kind || call.end.error.grpc_status != status) {
        wfe_assert_print(&call.end.error);
        fail_msg("wanted kind %s and status %d", wfe_error_kind_name(kind), status);
    }
    assert_contains(call.end.error.message, text);
    finish(session, &call);
}

static void test_grpc_session__every_status_comes_through_in_trailers_and_alone(void **state)
{
    (void)state;
    for (int status = 1; status <= 16; status++) {
        char number[16];
        snprintf(number, sizeof number, "%d", status);
        wfe_buf in = WFE_BUF_INIT(0);
        PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", number, "grpc-message", "100%25 wrong");
        assert_ends(&in, wfe_grpc_status_error_kind(status), status, "100% wrong");
        PUT_HEADERS(&in, 1, false, RESPONSE);
        PUT_HEADERS(&in, 1, true, "grpc-status", number);
        assert_ends(&in, wfe_grpc_status_error_kind(status), status, wfe_grpc_status_name(status));
    }
}

static void test_grpc_session__unknown_statuses_are_unknown(void **state)
{
    (void)state;
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "17");
    assert_ends(&in, WFE_E_INTERNAL, 2, "unknown gRPC status 17");
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "17", "grpc-message", "odd");
    assert_ends(&in, WFE_E_INTERNAL, 2, "odd");
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "x");
    assert_ends(&in, WFE_E_INTERNAL, 2, "");
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "");
    assert_ends(&in, WFE_E_INTERNAL, 2, "");
}

static void test_grpc_session__a_message_that_is_no_text_is_made_one(void **state)
{
    (void)state;
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "2", "grpc-message", "a%FFb%00c%0Ad");
    assert_ends(&in, WFE_E_INTERNAL, 2,
                "a\xEF\xBF\xBD"
                "b\xEF\xBF\xBD"
                "c d");
}

static void test_grpc_session__http_statuses_without_grpc_status_are_mapped(void **state)
{
    (void)state;
    static const int table[][2] = {{400, 13}, {401, 16}, {403, 7},  {404, 12}, {429, 14},
                                   {502, 14}, {503, 14}, {504, 14}, {500, 2},  {302, 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char number[16];
        char text[64];
        snprintf(number, sizeof number, "%d", table[i][0]);
        snprintf(text, sizeof text, "HTTP status %d", table[i][0]);
        wfe_buf in = WFE_BUF_INIT(0);
        PUT_HEADERS(&in, 1, false, ":status", number, "content-type", "text/html");
        put_frame(&in, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "<html>no</html>", 15);
        assert_ends(&in, wfe_grpc_status_error_kind(table[i][1]), table[i][1], text);
    }
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, true, ":status", "503", "grpc-status", "5", "grpc-message", "its own");
    assert_ends(&in, WFE_E_NOT_FOUND, 5, "its own");
}

static void test_grpc_session__answers_that_are_no_grpc_are_protocol_errors(void **state)
{
    (void)state;
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, false, ":status", "200", "content-type", "text/html");
    put_frame(&in, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "<html>", 6);
    assert_ends(&in, WFE_E_PROTOCOL, 2, "no gRPC but text/html");
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_frame(&in, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "", 0);
    assert_ends(&in, WFE_E_PROTOCOL, 13, "without a gRPC status");
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_frame(&in, NGHTTP2_DATA, 0, 1, "\0\0\0\0\5ab", 7);
    PUT_HEADERS(&in, 1, true, "grpc-status", "0");
    assert_ends(&in, WFE_E_PROTOCOL, 13, "middle of a message");
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_frame(&in, NGHTTP2_DATA, 0, 1, "\1\0\0\0\1a", 6);
    assert_ends(&in, WFE_E_PROTOCOL, 13, "compressed");
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_frame(&in, NGHTTP2_DATA, 0, 1, "\0\0\x0F\x42\x41", 5);
    assert_ends(&in, WFE_E_LIMIT, 8, "1000001 bytes, the limit is 1000000");
}

static void test_grpc_session__content_types_of_grpc_are_known(void **state)
{
    (void)state;
    static const char *const types[] = {"application/grpc+proto", "application/grpc;charset=x",
                                        "Application/gRPC"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct call call = {0};
        wfe_grpc_session *session = start(&call);
        wfe_buf in = WFE_BUF_INIT(0);
        PUT_HEADERS(&in, 1, false, ":status", "200", "content-type", types[i]);
        put_message(&in, 1, "x");
        PUT_HEADERS(&in, 1, true, "grpc-status", "0");
        assert_ok(receive(session, &in, 0, NULL), NULL);
        assert_int_equal(call.messages, 1);
        assert_int_equal(call.end.error.kind, 0);
        finish(session, &call);
    }
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, false, ":status", "200", "content-type", "application/grpc-web");
    put_frame(&in, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "x", 1);
    assert_ends(&in, WFE_E_PROTOCOL, 2, "application/grpc-web");
}

static void test_grpc_session__resets_map_to_statuses(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 14; code++) {
        const uint8_t payload[4] = {0, 0, 0, (uint8_t)code};
        int status = wfe_grpc_status_from_h2(code);
        wfe_buf in = WFE_BUF_INIT(0);
        put_frame(&in, NGHTTP2_RST_STREAM, 0, 1, payload, 4);
        assert_ends(&in, wfe_grpc_status_error_kind(status), status, "reset the stream");
    }
}

static void test_grpc_session__only_refused_streams_are_unprocessed(void **state)
{
    (void)state;
    for (uint8_t code = 7; code <= 8; code++) {
        struct call call = {0};
        wfe_grpc_session *session = start(&call);
        const uint8_t payload[4] = {0, 0, 0, code};
        wfe_buf in = WFE_BUF_INIT(0);
        put_frame(&in, NGHTTP2_RST_STREAM, 0, 1, payload, 4);
        assert_ok(receive(session, &in, 0, NULL), NULL);
        assert_int_equal(call.end.unprocessed, code == NGHTTP2_REFUSED_STREAM);
        finish(session, &call);
    }
}

static void test_grpc_session__a_reset_after_complete_trailers_changes_nothing(void **state)
{
    (void)state;
    wfe_grpc_session *session = new_session();
    struct call call = {0};
    open_stream(session, &call); /* its request stays open */
    drain(session, NULL);
    wfe_buf in = WFE_BUF_INIT(0);
    put_frame(&in, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "6", "grpc-message", "exists");
    put_frame(&in, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    assert_int_equal(call.ended, 1);
    assert_int_equal(call.end.error.grpc_status, 6);
    finish(session, &call);
}

static void test_grpc_session__an_early_end_resets_the_request(void **state)
{
    (void)state;
    wfe_grpc_session *session = new_session();
    struct call call = {0};
    open_stream(session, &call);
    drain(session, NULL);
    wfe_buf in = WFE_BUF_INIT(0);
    put_frame(&in, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "0");
    assert_ok(receive(session, &in, 0, NULL), NULL);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    size_t len = 0;
    const uint8_t *frame = find_frame(&sent, NGHTTP2_RST_STREAM, 0, &len);
    assert_non_null(frame);
    assert_memory_equal(frame + 9, "\0\0\0\0", 4);
    wfe_buf_done(&sent);
    finish(session, &call);
}

/* ---- header blocks ---- */

static void header_block(size_t bytes, int kind)
{
    char *filler = malloc(bytes + 1);
    assert_non_null(filler);
    memset(filler, 'x', bytes);
    filler[bytes] = '\0';
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, true, RESPONSE, "x-a", filler, "x-b", filler, "grpc-status", "5");
    free(filler);
    assert_ends(&in, kind, kind == WFE_E_LIMIT ? 8 : 5, "");
}

static void test_grpc_session__long_header_blocks_pass_up_to_the_limit(void **state)
{
    (void)state;
    header_block(32 * 1024, WFE_E_NOT_FOUND);
    header_block(63 * 1024, WFE_E_NOT_FOUND);
    header_block(65 * 1000 + 500, WFE_E_LIMIT);
}

/* ---- flow control ---- */

static size_t count_frames(const wfe_buf *sent, int type)
{
    size_t n = 0;
    size_t len;
    while (find_frame(sent, type, (int)n, &len))
        n++;
    return n;
}

/* Messages of 900 bytes until the stream has received this much. */
static void put_bulk(wfe_buf *in, uint32_t id, size_t bytes)
{
    char message[905] = {0, 0, 0, 3, (char)0x84};
    for (size_t n = 0; n + sizeof message <= bytes; n += sizeof message)
        put_frame(in, NGHTTP2_DATA, 0, id, message, sizeof message);
}

static void test_grpc_session__credit_comes_back_as_messages_are_taken(void **state)
{
    (void)state;
    struct call call = {0};
    wfe_grpc_session *session = start(&call);
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_bulk(&in, 1, 99000);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    assert_true(count_frames(&sent, NGHTTP2_WINDOW_UPDATE) >= 1);
    put_bulk(&in, 1, 40000);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    assert_int_equal(call.messages, 99000 / 905 + 40000 / 905);
    wfe_buf_done(&sent);
    finish(session, &call);
}

static void test_grpc_session__a_paused_stream_gets_no_credit_but_the_connection_does(void **state)
{
    (void)state;
    struct call call = {.pause_on_message = true};
    wfe_grpc_session *session = start(&call);
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_bulk(&in, 1, 99000);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    assert_int_equal(call.messages, 1);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    for (size_t n = count_frames(&sent, NGHTTP2_WINDOW_UPDATE); n > 0; n--) {
        size_t len;
        const uint8_t *frame = find_frame(&sent, NGHTTP2_WINDOW_UPDATE, (int)n - 1, &len);
        assert_int_equal(frame[8], 0); /* stream 0: the connection's */
    }
    sent.len = 0;
    call.pause_on_message = false;
    wfe_grpc_stream_resume(call.stream);
    assert_int_equal(call.messages, 1); /* nothing is called from resume */
    wfe_grpc_session_dispatch(session);
    assert_int_equal(call.messages, 99000 / 905);
    drain(session, &sent);
    assert_true(count_frames(&sent, NGHTTP2_WINDOW_UPDATE) >= 1);
    wfe_buf_done(&sent);
    finish(session, &call);
}

static void test_grpc_session__a_paused_streams_end_waits_for_its_messages(void **state)
{
    (void)state;
    struct call call = {.pause_on_message = true};
    wfe_grpc_session *session = start(&call);
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_message(&in, 1, "one");
    put_message(&in, 1, "two");
    put_message(&in, 1, "three");
    PUT_HEADERS(&in, 1, true, "grpc-status", "0");
    assert_ok(receive(session, &in, 0, NULL), NULL);
    for (int n = 1; n <= 3; n++) {
        assert_int_equal(call.messages, n);
        assert_int_equal(call.ended, 0);
        assert_true(wfe_grpc_stream_is_complete(call.stream));
        wfe_grpc_session_end_all(session, &(wfe_error){.kind = WFE_E_UNAVAILABLE});
        wfe_grpc_stream_resume(call.stream);
        wfe_grpc_session_dispatch(session);
    }
    assert_int_equal(call.ended, 1);
    assert_int_equal(call.end.error.kind, 0);
    assert_string_equal(call.replies.data, "one|two|three|");
    finish(session, &call);
}

/* ---- aborts ---- */

static void test_grpc_session__an_abort_in_a_callback_ends_the_stream_silently(void **state)
{
    (void)state;
    struct call call = {.abort_on_message = true};
    wfe_grpc_session *session = start(&call);
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, false, RESPONSE);
    put_frame(&in, NGHTTP2_DATA, 0, 1, "\0\0\0\0\1a\0\0\0\0\1b", 12);
    put_message(&in, 1, "late");
    PUT_HEADERS(&in, 1, true, "grpc-status", "0");
    assert_ok(receive(session, &in, 0, NULL), NULL);
    assert_int_equal(call.messages, 1);
    assert_int_equal(call.ended, 0);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    size_t len = 0;
    const uint8_t *frame = find_frame(&sent, NGHTTP2_RST_STREAM, 0, &len);
    assert_non_null(frame);
    assert_memory_equal(frame + 9, "\0\0\0\x8", 4);
    wfe_buf_done(&sent);
    finish(session, &call);
}

static void test_grpc_session__an_abort_before_the_request_is_sent_sends_nothing(void **state)
{
    (void)state;
    wfe_grpc_session *session = new_session();
    struct call call = {0};
    open_stream(session, &call);
    wfe_grpc_stream_abort(call.stream);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    assert_int_equal(count_frames(&sent, NGHTTP2_HEADERS), 0);
    assert_int_equal(count_frames(&sent, NGHTTP2_RST_STREAM), 0);
    wfe_buf_done(&sent);
    finish(session, &call);
}

static void test_grpc_session__one_streams_callback_may_abort_another(void **state)
{
    (void)state;
    struct call a = {0};
    struct call b = {0};
    wfe_grpc_session *session = start(&a);
    open_stream(session, &b);
    drain(session, NULL);
    a.other = &b;
    a.abort_other_on_message = true;
    wfe_buf in = WFE_BUF_INIT(0);
    PUT_HEADERS(&in, 1, false, RESPONSE);
    PUT_HEADERS(&in, 3, false, RESPONSE);
    put_message(&in, 1, "x");
    put_message(&in, 3, "y");
    PUT_HEADERS(&in, 3, true, "grpc-status", "0");
    PUT_HEADERS(&in, 1, true, "grpc-status", "0");
    assert_ok(receive(session, &in, 0, NULL), NULL);
    assert_int_equal(a.ended, 1);
    assert_int_equal(b.ended, 0);
    assert_int_equal(b.messages, 0);
    wfe_buf_done(&b.replies);
    finish(session, &a);
}

/* ---- the connection ---- */

static void test_grpc_session__goaway_ends_only_what_was_not_taken_up(void **state)
{
    (void)state;
    struct call first = {0};
    struct call second = {.request_eof = true};
    wfe_grpc_session *session = start(&first);
    open_stream(session, &second);
    drain(session, NULL);
    assert_false(wfe_grpc_session_is_draining(session));
    wfe_buf in = WFE_BUF_INIT(0);
    put_frame(&in, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    assert_true(wfe_grpc_session_is_draining(session));
    assert_int_equal(second.ended, 1);
    assert_true(second.end.unprocessed);
    assert_int_equal(second.end.error.grpc_status, 14);
    assert_int_equal(first.ended, 0);
    drain(session, NULL);
    assert_false(wfe_grpc_session_is_over(session, NULL));
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "0");
    assert_ok(receive(session, &in, 0, NULL), NULL);
    assert_int_equal(first.ended, 1);
    drain(session, NULL);
    wfe_error err = WFE_ERROR_INIT;
    assert_true(wfe_grpc_session_is_over(session, &err));
    assert_int_equal(err.kind, 0);
    finish(session, &first);
}

static void test_grpc_session__goaway_ends_requests_that_wait_for_their_turn(void **state)
{
    (void)state;
    struct call first = {0};
    struct call second = {.request_eof = true};
    wfe_grpc_session *session = start(&first);
    wfe_buf in = WFE_BUF_INIT(0);
    put_frame(&in, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\1", 6); /* one stream at a time */
    assert_ok(receive(session, &in, 0, NULL), NULL);
    open_stream(session, &second);
    drain(session, NULL);
    put_frame(&in, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\xBtoo_many_pings", 22);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    PUT_HEADERS(&in, 1, true, RESPONSE, "grpc-status", "0");
    assert_ok(receive(session, &in, 0, NULL), NULL);
    drain(session, NULL);
    assert_int_equal(second.ended, 1);
    assert_true(second.end.unprocessed);
    wfe_error err = WFE_ERROR_INIT;
    assert_true(wfe_grpc_session_is_over(session, &err));
    assert_int_equal(err.kind, WFE_E_UNAVAILABLE);
    assert_contains(err.message, "too_many_pings");
    finish(session, &first);
}

static void test_grpc_session__a_lost_connection_tells_what_was_sent(void **state)
{
    (void)state;
    struct call sent = {0};
    struct call unsent = {0};
    wfe_grpc_session *session = start(&sent);
    open_stream(session, &unsent);
    const wfe_error lost = {.kind = WFE_E_UNAVAILABLE, .message = "gone"};
    wfe_grpc_session_end_all(session, &lost);
    assert_int_equal(sent.ended, 1);
    assert_false(sent.end.unprocessed);
    assert_int_equal(unsent.ended, 1);
    assert_true(unsent.end.unprocessed);
    assert_true(unsent.end.connection_over);
    assert_string_equal(unsent.end.error.message, "gone");
    finish(session, &sent);
}

static void test_grpc_session__a_peer_that_is_no_http2_is_a_protocol_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n",
                                        "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
                                        "\x15\x03\x01\0\2\2\x46\0\0\0\0\0\0\0\0\0\0\0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct call call = {.request_eof = true};
        wfe_grpc_session *session = new_session();
        open_stream(session, &call);
        drain(session, NULL);
        wfe_error err = WFE_ERROR_INIT;
        int rc = wfe_grpc_session_receive(session, (const uint8_t *)texts[i], 50, &err);
        if (!rc) {
            drain(session, NULL);
            assert_true(wfe_grpc_session_is_over(session, &err));
        }
        assert_int_equal(err.kind, WFE_E_PROTOCOL);
        assert_contains(err.message, "the peer broke HTTP/2");
        assert_false(wfe_grpc_session_is_ready(session));
        finish(session, &call);
    }
}

static void test_grpc_session__pings_are_answered_and_pushes_refused(void **state)
{
    (void)state;
    struct call call = {0};
    wfe_grpc_session *session = start(&call);
    assert_true(wfe_grpc_session_is_ready(session));
    wfe_buf in = WFE_BUF_INIT(0);
    put_frame(&in, NGHTTP2_PING, 0, 0, "alive? 1", 8);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    wfe_buf sent = WFE_BUF_INIT(0);
    drain(session, &sent);
    size_t len = 0;
    const uint8_t *frame = find_frame(&sent, NGHTTP2_PING, 0, &len);
    assert_non_null(frame);
    assert_int_equal(frame[4], NGHTTP2_FLAG_ACK);
    assert_memory_equal(frame + 9, "alive? 1", 8);
    put_frame(&in, NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, "\0\0\0\2\x82", 5);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(receive(session, &in, 0, NULL), NULL);
    drain(session, NULL);
    assert_true(wfe_grpc_session_is_over(session, &err));
    assert_int_equal(err.kind, WFE_E_PROTOCOL);
    wfe_buf_done(&sent);
    finish(session, &call);
}

/* ---- pings that measure ---- */

#define MEASURING "\2\4\x10\x10\x9\xE\7\7"

/* Receives a ping and appends to sent what the session has to say then. */
static void ping(wfe_grpc_session *session, const char *opaque, wfe_buf *sent)
{
    wfe_buf in = WFE_BUF_INIT(0);
    put_frame(&in, NGHTTP2_PING, 0, 0, opaque, 8);
    assert_ok(receive(session, &in, 0, NULL), NULL);
    drain(session, sent);
}

static void assert_answers(const wfe_buf *sent, int n)
{
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        const uint8_t *frame = find_frame(sent, NGHTTP2_PING, i, &len);
        assert_non_null(frame);
        assert_int_equal(frame[4], NGHTTP2_FLAG_ACK);
    }
    assert_null(find_frame(sent, NGHTTP2_PING, n, &len));
}

static void test_grpc_session__a_ping_that_measures_waits_until_told(void **state)
{
    (void)state;
    struct call call = {0};
    wfe_grpc_session *session = start(&call);
    wfe_buf sent = WFE_BUF_INIT(0);
    assert_false(wfe_grpc_session_holds_ping(session));
    ping(session, MEASURING, &sent);
    assert_answers(&sent, 0);
    assert_true(wfe_grpc_session_holds_ping(session));
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_grpc_session_answer_ping(session, &err), &err);
    assert_false(wfe_grpc_session_holds_ping(session));
    drain(session, &sent);
    assert_answers(&sent, 1);
    assert_memory_equal(find_frame(&sent, NGHTTP2_PING, 0, &(size_t){0}) + 9, MEASURING, 8);
    assert_ok(wfe_grpc_session_answer_ping(session, &err), &err);
    drain(session, &sent);
    assert_answers(&sent, 1);
    wfe_buf_done(&sent);
    finish(session, &call);
}

static void test_grpc_session__another_ping_answers_the_one_that_waits_first(void **state)
{
    (void)state;
    struct call call = {0};
    wfe_grpc_session *session = start(&call);
    wfe_buf sent = WFE_BUF_INIT(0);
    ping(session, MEASURING, &sent);
    assert_answers(&sent, 0);
    ping(session, "alive? 1", &sent);
    assert_answers(&sent, 2);
    assert_memory_equal(find_frame(&sent, NGHTTP2_PING, 0, &(size_t){0}) + 9, MEASURING, 8);
    assert_memory_equal(find_frame(&sent, NGHTTP2_PING, 1, &(size_t){0}) + 9, "alive? 1", 8);
    assert_false(wfe_grpc_session_holds_ping(session));
    wfe_buf_done(&sent);
    finish(session, &call);
}

static void test_grpc_session__a_ping_that_measures_waits_for_16_kib_at_most(void **state)
{
    (void)state;
    static char request[40000];
    struct call call = {.request = request};
    wfe_grpc_session *session = start(&call);
    struct call big = {.request = request};
    open_stream(session, &big);
    wfe_buf sent = WFE_BUF_INIT(0);
    ping(session, MEASURING, &sent);
    big.request_len = 16383;
    wfe_grpc_stream_wake(big.stream);
    drain(session, &sent);
    assert_answers(&sent, 0);
    big.request_len = 1;
    wfe_grpc_stream_wake(big.stream);
    drain(session, &sent);
    assert_answers(&sent, 1);
    /* While much is sent, it is answered at once. */
    big.request_len = 16384;
    wfe_grpc_stream_wake(big.stream);
    drain(session, &sent);
    ping(session, MEASURING, &sent);
    assert_answers(&sent, 2);
    assert_false(wfe_grpc_session_holds_ping(session));
    wfe_buf_done(&sent);
    wfe_buf_done(&big.replies);
    finish(session, &call);
}

static void test_grpc_session__a_flood_of_pings_is_a_protocol_error(void **state)
{
    (void)state;
    struct call call = {0};
    wfe_grpc_session *session = start(&call);
    wfe_error err = WFE_ERROR_INIT;
    int rc = 0;
    for (int i = 0; !rc && i < 100000; i++) {
        wfe_buf in = WFE_BUF_INIT(0);
        put_frame(&in, NGHTTP2_PING, 0, 0, "alive? 1", 8);
        rc = receive(session, &in, 0, &err);
    }
    assert_int_equal(err.kind, WFE_E_PROTOCOL);
    finish(session, &call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grpc_session__the_first_write_holds_preface_windows_and_request),
        cmocka_unit_test(test_grpc_session__a_request_waits_for_its_bytes),
        cmocka_unit_test(test_grpc_session__a_reply_in_pieces_of_any_size_is_the_same),
        cmocka_unit_test(test_grpc_session__every_status_comes_through_in_trailers_and_alone),
        cmocka_unit_test(test_grpc_session__unknown_statuses_are_unknown),
        cmocka_unit_test(test_grpc_session__a_message_that_is_no_text_is_made_one),
        cmocka_unit_test(test_grpc_session__http_statuses_without_grpc_status_are_mapped),
        cmocka_unit_test(test_grpc_session__answers_that_are_no_grpc_are_protocol_errors),
        cmocka_unit_test(test_grpc_session__content_types_of_grpc_are_known),
        cmocka_unit_test(test_grpc_session__resets_map_to_statuses),
        cmocka_unit_test(test_grpc_session__only_refused_streams_are_unprocessed),
        cmocka_unit_test(test_grpc_session__a_reset_after_complete_trailers_changes_nothing),
        cmocka_unit_test(test_grpc_session__an_early_end_resets_the_request),
        cmocka_unit_test(test_grpc_session__long_header_blocks_pass_up_to_the_limit),
        cmocka_unit_test(test_grpc_session__credit_comes_back_as_messages_are_taken),
        cmocka_unit_test(test_grpc_session__a_paused_stream_gets_no_credit_but_the_connection_does),
        cmocka_unit_test(test_grpc_session__a_paused_streams_end_waits_for_its_messages),
        cmocka_unit_test(test_grpc_session__an_abort_in_a_callback_ends_the_stream_silently),
        cmocka_unit_test(test_grpc_session__an_abort_before_the_request_is_sent_sends_nothing),
        cmocka_unit_test(test_grpc_session__one_streams_callback_may_abort_another),
        cmocka_unit_test(test_grpc_session__goaway_ends_only_what_was_not_taken_up),
        cmocka_unit_test(test_grpc_session__goaway_ends_requests_that_wait_for_their_turn),
        cmocka_unit_test(test_grpc_session__a_lost_connection_tells_what_was_sent),
        cmocka_unit_test(test_grpc_session__a_peer_that_is_no_http2_is_a_protocol_error),
        cmocka_unit_test(test_grpc_session__pings_are_answered_and_pushes_refused),
        cmocka_unit_test(test_grpc_session__a_ping_that_measures_waits_until_told),
        cmocka_unit_test(test_grpc_session__another_ping_answers_the_one_that_waits_first),
        cmocka_unit_test(test_grpc_session__a_ping_that_measures_waits_for_16_kib_at_most),
        cmocka_unit_test(test_grpc_session__a_flood_of_pings_is_a_protocol_error),
    };
    return cmocka_run_group_tests_name("grpc_session", tests, NULL, NULL);
}
