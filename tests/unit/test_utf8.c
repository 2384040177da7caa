/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"

#define R "\xEF\xBF\xBD"

struct text {
    const char *bytes;
    size_t len;
    const char *clean;
};
#define TEXT(bytes, clean)                                                                         \
    {                                                                                              \
        (bytes), sizeof(bytes) - 1, (clean)                                                        \
    }

static void assert_clean(const struct text *text)
{
    wfe_error err = WFE_ERROR_INIT;
    /* A copy of exactly the bytes, so that a read behind them is seen by AddressSanitizer. */
    char *bytes = malloc(text->len ? text->len : 1);
    assert_non_null(bytes);
    memcpy(bytes, text->bytes, text->len);
    char *clean = NULL;
    size_t len = 0;
    assert_ok(wfe_utf8_clean(bytes, text->len, &clean, &len, &err), &err);
    assert_string_equal(clean, text->clean);
    assert_int_equal(len, strlen(text->clean));
    assert_true(wfe_utf8_is_valid(clean, len));
    bool same = len == text->len && memcmp(clean, bytes, len) == 0;
    assert_int_equal(wfe_utf8_is_valid(bytes, text->len), same);
    free(clean);
    free(bytes);
}

static void test_utf8__keeps_well_formed_text(void **state)
{
    (void)state;
    static const struct text cases[] = {
        TEXT("", ""),
        TEXT("plain", "plain"),
        TEXT("\x01\t\r\n\x7F", "\x01\t\r\n\x7F"),
        TEXT("\xC2\x80\xDF\xBF", "\xC2\x80\xDF\xBF"),
        TEXT("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF",
             "\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"),
        TEXT("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_clean(&cases[i]);
}

static void test_utf8__replaces_nul_and_broken_bytes(void **state)
{
    (void)state;
    static const struct text cases[] = {
        TEXT("a\0b", "a" R "b"), TEXT("\0\0", R R),
        TEXT("\x80", R),         TEXT("\xFF\xFE", R R),
        TEXT("a\xC3", "a" R),    TEXT("\xC3(", R "("),
        TEXT("\xE2\x82", R),     TEXT("\xE2\x82x", R "x"),
        TEXT("\xF0\x9F\x98", R), TEXT("\xF0\x9F\x98\xF0\x9F\x98\x80", R "\xF0\x9F\x98\x80"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_clean(&cases[i]);
}

static void test_utf8__refuses_overlong_forms_surrogates_and_too_large_ones(void **state)
{
    (void)state;
    static const struct text cases[] = {
        TEXT("\xC0\x80", R R),
        TEXT("\xC1\xBF", R R),
        TEXT("\xE0\x9F\xBF", R R R),
        TEXT("\xF0\x8F\xBF\xBF", R R R R),
        TEXT("\xED\xA0\x80", R R R),
        TEXT("\xF4\x90\x80\x80", R R R R),
        TEXT("\xF5\x80\x80\x80", R R R R),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_clean(&cases[i]);
}

static void test_utf8__prefix_cuts_no_character_in_two(void **state)
{
    (void)state;
    assert_int_equal(wfe_utf8_prefix("abc", 10), 3);
    assert_int_equal(wfe_utf8_prefix("abc", 3), 3);
    assert_int_equal(wfe_utf8_prefix("abc", 2), 2);
    assert_int_equal(wfe_utf8_prefix("\xE2\x82\xAC", 2), 0);
    assert_int_equal(wfe_utf8_prefix("a\xE2\x82\xAC", 3), 1);
    assert_int_equal(wfe_utf8_prefix("a\xE2\x82\xAC", 4), 4);
    assert_int_equal(wfe_utf8_prefix("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8__keeps_well_formed_text),
        cmocka_unit_test(test_utf8__replaces_nul_and_broken_bytes),
        cmocka_unit_test(test_utf8__refuses_overlong_forms_surrogates_and_too_large_ones),
        cmocka_unit_test(test_utf8__prefix_cuts_no_character_in_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
