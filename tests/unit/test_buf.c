/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"

static void test_buf__appends_bytes_and_is_always_terminated(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf buf = WFE_BUF_INIT(0);
    assert_ok(wfe_buf_append(&buf, "a\0b", 3, &err), &err);
    assert_ok(wfe_buf_append_str(&buf, "cd", &err), &err);
    assert_ok(wfe_buf_printf(&buf, &err, "-%d-%s", 42, "x"), &err);
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "a\0bcd-42-x", 11);
    assert_ok(wfe_buf_append(&buf, NULL, 0, &err), &err);
    assert_int_equal(buf.len, 10);
    wfe_buf_done(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
}

static void test_buf__grows_by_doubling(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf buf = WFE_BUF_INIT(0);
    size_t growths = 0;
    size_t cap = 0;
    for (size_t i = 0; i < 100000; i++) {
        char byte = (char)i;
        assert_ok(wfe_buf_append(&buf, &byte, 1, &err), &err);
        growths += buf.cap != cap;
        cap = buf.cap;
    }
    assert_true(growths < 20);
    for (size_t i = 0; i < buf.len; i++)
        assert_true(buf.data[i] == (char)i);
    wfe_buf_done(&buf);
}

static void test_buf__never_passes_its_maximum(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf buf = WFE_BUF_INIT(100);
    assert_ok(wfe_buf_append(&buf, "0123456789", 10, &err), &err);
    assert_ok(wfe_buf_reserve(&buf, 90, &err), &err);
    assert_int_equal(buf.cap, 100);
    assert_fails(wfe_buf_reserve(&buf, 91, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, "100 bytes");
    assert_fails(wfe_buf_reserve(&buf, SIZE_MAX, NULL), WFE_E_LIMIT, NULL);
    assert_fails(wfe_buf_printf(&buf, NULL, "%100d", 1), WFE_E_LIMIT, NULL);
    assert_int_equal(buf.len, 10);
    assert_string_equal(buf.data, "0123456789");
    wfe_buf_done(&buf);
}

static void test_buf__consume_moves_the_rest_to_the_front(void **state)
{
    (void)state;
    wfe_buf buf = WFE_BUF_INIT(0);
    wfe_buf_consume(&buf, 0);
    assert_ok(wfe_buf_append_str(&buf, "hello", NULL), NULL);
    wfe_buf_consume(&buf, 2);
    assert_string_equal(buf.data, "llo");
    wfe_buf_consume(&buf, 3);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    wfe_buf_done(&buf);
}

static void test_buf__take_gives_the_bytes_away_and_leaves_an_empty_buffer(void **state)
{
    (void)state;
    wfe_buf buf = WFE_BUF_INIT(0);
    assert_ok(wfe_buf_append_str(&buf, "x", NULL), NULL);
    size_t len = 0;
    char *bytes = wfe_buf_take(&buf, &len);
    assert_string_equal(bytes, "x");
    assert_int_equal(len, 1);
    free(bytes);
    bytes = wfe_buf_take(&buf, NULL);
    assert_string_equal(bytes, "");
    free(bytes);
    assert_ok(wfe_buf_append_str(&buf, "again", NULL), NULL);
    assert_string_equal(buf.data, "again");
    wfe_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__appends_bytes_and_is_always_terminated),
        cmocka_unit_test(test_buf__grows_by_doubling),
        cmocka_unit_test(test_buf__never_passes_its_maximum),
        cmocka_unit_test(test_buf__consume_moves_the_rest_to_the_front),
        cmocka_unit_test(test_buf__take_gives_the_bytes_away_and_leaves_an_empty_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
