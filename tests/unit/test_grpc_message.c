/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/message.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"

/* Messages read from bytes given in pieces of one size. */
struct result {
    size_t count;
    size_t bytes;
    uint8_t last[64];
    size_t last_len;
};

static int feed(wfe_grpc_reader *reader, const uint8_t *bytes, size_t len, size_t piece,
                struct result *result, wfe_error *err)
{
    for (size_t at = 0; at < len; at += piece) {
        size_t left = len - at < piece ? len - at : piece;
        const uint8_t *from = bytes + at;
        while (left) {
            const uint8_t *message;
            size_t n;
            int rc = wfe_grpc_reader_take(reader, &from, &left, &message, &n, err);
            if (rc)
                return rc;
            if (!message)
                break;
            result->count++;
            result->bytes += n;
            result->last_len = n < sizeof result->last ? n : sizeof result->last;
            memcpy(result->last, message, result->last_len);
        }
        assert_int_equal(left, 0);
    }
    return 0;
}

static const uint8_t three[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 0,   0,
                                0, 0, 0, 0, 0, 0,   0,   2,   'd', 'e'};

static void test_grpc_message__pieces_of_any_size_give_the_same_messages(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof three; piece++) {
        wfe_grpc_reader reader;
        wfe_grpc_reader_init(&reader, 100);
        struct result result = {0};
        wfe_error err = WFE_ERROR_INIT;
        assert_ok(feed(&reader, three, sizeof three, piece, &result, &err), &err);
        assert_int_equal(result.count, 3);
        assert_int_equal(result.bytes, 5);
        assert_memory_equal(result.last, "de", 2);
        assert_false(wfe_grpc_reader_is_inside(&reader));
        wfe_grpc_reader_done(&reader);
    }
}

static void test_grpc_message__a_begun_message_shows(void **state)
{
    (void)state;
    for (size_t n = 1; n < 8; n++) {
        wfe_grpc_reader reader;
        wfe_grpc_reader_init(&reader, 100);
        struct result result = {0};
        assert_ok(feed(&reader, three, n, 1, &result, NULL), NULL);
        assert_int_equal(result.count, 0);
        assert_true(wfe_grpc_reader_is_inside(&reader));
        wfe_grpc_reader_done(&reader);
    }
}

static void test_grpc_message__the_limit_is_inclusive(void **state)
{
    (void)state;
    static const uint8_t four[] = {0, 0, 0, 0, 4, 1, 2, 3, 4};
    wfe_grpc_reader reader;
    struct result result = {0};
    wfe_error err = WFE_ERROR_INIT;
    wfe_grpc_reader_init(&reader, 4);
    assert_ok(feed(&reader, four, sizeof four, 9, &result, &err), &err);
    wfe_grpc_reader_done(&reader);
    wfe_grpc_reader_init(&reader, 3);
    assert_fails(feed(&reader, four, 5, 5, &result, &err), WFE_E_LIMIT, &err);
    assert_int_equal(err.grpc_status, 8);
    assert_contains(err.message, "4 bytes, the limit is 3 bytes");
    wfe_grpc_reader_done(&reader);
}

static void test_grpc_message__an_announced_length_costs_no_memory(void **state)
{
    (void)state;
    static const uint8_t huge[] = {0, 0xFF, 0xFF, 0xFF, 0xFF, 'x'};
    wfe_grpc_reader reader;
    struct result result = {0};
    wfe_error err = WFE_ERROR_INIT;
    wfe_grpc_reader_init(&reader, UINT32_MAX);
    assert_ok(feed(&reader, huge, sizeof huge, 6, &result, &err), &err);
    assert_true(reader.cap <= 2 * 1024 * 1024);
    wfe_grpc_reader_done(&reader);
}

static void test_grpc_message__compressed_ones_and_bad_flags_are_protocol_errors(void **state)
{
    (void)state;
    static const uint8_t flags[] = {1, 2, 0x80, 0xFF};
    for (size_t i = 0; i < sizeof flags; i++) {
        const uint8_t bytes[] = {flags[i], 0, 0, 0, 0};
        wfe_grpc_reader reader;
        struct result result = {0};
        wfe_error err = WFE_ERROR_INIT;
        wfe_grpc_reader_init(&reader, 100);
        assert_fails(feed(&reader, bytes, sizeof bytes, 5, &result, &err), WFE_E_PROTOCOL, &err);
        assert_int_equal(err.grpc_status, 13);
        wfe_grpc_reader_done(&reader);
    }
}

static void test_grpc_message__large_ones_arrive_whole(void **state)
{
    (void)state;
    const size_t len = 3 * 1024 * 1024 + 17;
    uint8_t *bytes = malloc(len + 5);
    assert_non_null(bytes);
    wfe_grpc_message_put_header(bytes, len);
    for (size_t i = 0; i < len; i++)
        bytes[5 + i] = (uint8_t)(i * 31);
    static const size_t pieces[] = {16384, 65536, 1000003};
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        wfe_grpc_reader reader;
        wfe_grpc_reader_init(&reader, len);
        const uint8_t *message = NULL;
        size_t n = 0;
        for (size_t at = 0; at < len + 5;) {
            size_t left = len + 5 - at < pieces[p] ? len + 5 - at : pieces[p];
            const uint8_t *from = bytes + at;
            at += left;
            assert_ok(wfe_grpc_reader_take(&reader, &from, &left, &message, &n, NULL), NULL);
        }
        assert_int_equal(n, len);
        assert_memory_equal(message, bytes + 5, len);
        wfe_grpc_reader_done(&reader);
    }
    free(bytes);
}

static void test_grpc_message__the_header_is_big_endian(void **state)
{
    (void)state;
    uint8_t out[5];
    wfe_grpc_message_put_header(out, 0x01020304);
    assert_memory_equal(out, "\0\1\2\3\4", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grpc_message__pieces_of_any_size_give_the_same_messages),
        cmocka_unit_test(test_grpc_message__a_begun_message_shows),
        cmocka_unit_test(test_grpc_message__the_limit_is_inclusive),
        cmocka_unit_test(test_grpc_message__an_announced_length_costs_no_memory),
        cmocka_unit_test(test_grpc_message__compressed_ones_and_bad_flags_are_protocol_errors),
        cmocka_unit_test(test_grpc_message__large_ones_arrive_whole),
        cmocka_unit_test(test_grpc_message__the_header_is_big_endian),
    };
    return cmocka_run_group_tests_name("grpc_message", tests, NULL, NULL);
}
