/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>

#include "base/utf8.h"
#include "fixtures/wfe_assert.h"

static void test_error__set_stores_kind_and_message_and_returns_the_kind(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    assert_int_equal(wfe_error_set(&err, WFE_E_INVALID, "%s is %d", "x", 3), WFE_E_INVALID);
    assert_int_equal(err.kind, WFE_E_INVALID);
    assert_string_equal(err.message, "x is 3");
    assert_string_equal(err.hint, "");
}

static void test_error__the_first_error_stays(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_set(&err, WFE_E_IO, "first");
    assert_int_equal(wfe_error_set(&err, WFE_E_LIMIT, "second"), WFE_E_LIMIT);
    assert_int_equal(wfe_error_set_errno(&err, ENOENT, "third"), WFE_E_NOT_FOUND);
    assert_int_equal(err.kind, WFE_E_IO);
    assert_int_equal(err.sys_errno, 0);
    assert_string_equal(err.message, "first");
}

static void test_error__every_function_accepts_null(void **state)
{
    (void)state;
    const wfe_error from = {.kind = WFE_E_IO};
    assert_int_equal(wfe_error_set(NULL, WFE_E_IO, "x"), WFE_E_IO);
    assert_int_equal(wfe_error_set_errno(NULL, EACCES, "x"), WFE_E_DENIED);
    assert_int_equal(wfe_error_nomem(NULL), WFE_E_NOMEM);
    assert_int_equal(wfe_error_copy(NULL, &from), WFE_E_IO);
    wfe_error_prefix(NULL, "x");
    wfe_error_hint(NULL, "x");
    wfe_error_where(NULL, "x", "y");
}

static void test_error__an_errno_gives_kind_text_and_number(void **state)
{
    (void)state;
    static const struct {
        int sys_errno;
        int kind;
    } cases[] = {
        {ENOENT, WFE_E_NOT_FOUND},  {ENOTDIR, WFE_E_NOT_FOUND}, {EACCES, WFE_E_DENIED},
        {EPERM, WFE_E_DENIED},      {EROFS, WFE_E_DENIED},      {ENOMEM, WFE_E_NOMEM},
        {EEXIST, WFE_E_CONFLICT},   {EMFILE, WFE_E_LIMIT},      {ECONNREFUSED, WFE_E_UNAVAILABLE},
        {EPIPE, WFE_E_UNAVAILABLE}, {ETIMEDOUT, WFE_E_TIMEOUT}, {EIO, WFE_E_IO},
        {ENOSPC, WFE_E_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        char wanted[128];
        snprintf(wanted, sizeof wanted, "cannot open /x: %s", strerror(cases[i].sys_errno));
        assert_fails(wfe_error_set_errno(&err, cases[i].sys_errno, "cannot open %s", "/x"),
                     cases[i].kind, &err);
        assert_int_equal(err.sys_errno, cases[i].sys_errno);
        assert_string_equal(err.message, wanted);
    }
}

static void test_error__messages_are_one_line_without_control_characters(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_set(&err, WFE_E_IO, "a\nb\r\nc\td\x1B[31m\x7F");
    assert_string_equal(err.message, "a b  c d [31m ");
    wfe_error_hint(&err, "do\nthis");
    assert_string_equal(err.hint, "do this");
}

static void test_error__long_messages_are_cut_at_a_character(void **state)
{
    (void)state;
    /* Each shift moves the cut to another byte of the four-byte character. */
    for (size_t shift = 0; shift < 4; shift++) {
        char text[2 * WFE_ERROR_MESSAGE_SIZE] = "xxxx";
        for (size_t at = shift; at + 5 < sizeof text; at += 4)
            memcpy(text + at, "\xF0\x9F\x98\x80", 5);
        wfe_error err = WFE_ERROR_INIT;
        wfe_error_set(&err, WFE_E_IO, "%s", text);
        size_t len = strlen(err.message);
        assert_true(len < WFE_ERROR_MESSAGE_SIZE && len >= WFE_ERROR_MESSAGE_SIZE - 4);
        assert_true(wfe_utf8_is_valid(err.message, len));
        wfe_error_prefix(&err, "front");
        assert_true(wfe_utf8_is_valid(err.message, strlen(err.message)));
    }
}

static void test_error__prefix_goes_in_front_only_of_an_error_that_is_set(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_prefix(&err, "step '%s'", "build");
    assert_string_equal(err.message, "");
    wfe_error_set(&err, WFE_E_IO, "disk full");
    wfe_error_prefix(&err, "step '%s'", "build");
    assert_string_equal(err.message, "step 'build': disk full");
}

static void test_error__the_first_hint_and_place_stay(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_hint(&err, "too early");
    wfe_error_where(&err, "too", "early");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.operation, "");
    wfe_error_set(&err, WFE_E_IO, "x");
    wfe_error_hint(&err, "first %d", 1);
    wfe_error_hint(&err, "second");
    assert_string_equal(err.hint, "first 1");
    wfe_error_where(&err, "create task", NULL);
    wfe_error_where(&err, "other", "wfe-1");
    assert_string_equal(err.operation, "create task");
    assert_string_equal(err.subject, "wfe-1");
}

static void test_error__copy_fills_only_an_empty_error(void **state)
{
    (void)state;
    wfe_error from = WFE_ERROR_INIT;
    wfe_error_set_errno(&from, EIO, "a");
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_error_copy(&err, &from), WFE_E_IO, &err);
    assert_memory_equal(&err, &from, sizeof err);
    const wfe_error other = {.kind = WFE_E_LIMIT};
    assert_int_equal(wfe_error_copy(&err, &other), WFE_E_LIMIT);
    assert_int_equal(err.kind, WFE_E_IO);
}

static void test_error__kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(wfe_error_kind_name(WFE_OK), "ok");
    assert_string_equal(wfe_error_kind_name(WFE_E_NOT_FOUND), "not found");
    assert_string_equal(wfe_error_kind_name(WFE_E_INTERNAL), "internal");
    assert_string_equal(wfe_error_kind_name(1), "unknown");
    assert_string_equal(wfe_error_kind_name(-99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error__set_stores_kind_and_message_and_returns_the_kind),
        cmocka_unit_test(test_error__the_first_error_stays),
        cmocka_unit_test(test_error__every_function_accepts_null),
        cmocka_unit_test(test_error__an_errno_gives_kind_text_and_number),
        cmocka_unit_test(test_error__messages_are_one_line_without_control_characters),
        cmocka_unit_test(test_error__long_messages_are_cut_at_a_character),
        cmocka_unit_test(test_error__prefix_goes_in_front_only_of_an_error_that_is_set),
        cmocka_unit_test(test_error__the_first_hint_and_place_stay),
        cmocka_unit_test(test_error__copy_fills_only_an_empty_error),
        cmocka_unit_test(test_error__kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
