/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include "fixtures/wfe_assert.h"

static void assert_clean_n(const char *bytes, size_t len, bool ascii, const char *wanted)
{
    wfe_buf out = WFE_BUF_INIT(0);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_text_clean(bytes, len, ascii, &out, &err), &err);
    assert_string_equal(out.data ? out.data : "", wanted);
    wfe_buf_done(&out);
}

static void assert_clean(const char *bytes, const char *wanted)
{
    assert_clean_n(bytes, strlen(bytes), false, wanted);
}

static void test_text__keeps_plain_text(void **state)
{
    (void)state;
    assert_clean("", "");
    assert_clean("cc -O2 -c main.c", "cc -O2 -c main.c");
    assert_clean("日本語 ü 👍", "日本語 ü 👍");
}

static void test_text__drops_escape_sequences_whole(void **state)
{
    (void)state;
    assert_clean("\x1b[31mred\x1b[0m", "red");
    assert_clean("a\x1b[2J\x1b[1;1Hb\x1b[?25lc", "abc");
    assert_clean("\x1b]0;title\ax\x1b]8;;http://x\x1b\\y", "xy");
    assert_clean("\x1b]0;never ends", "");
    assert_clean("a\x1bPq#0\x1b\\b\x1b(Bc\x1b"
                 "7d",
                 "abcd");
    assert_clean("a\x1b", "a");
    assert_clean("a\x1b[12", "a");
    /* The same introducers as characters of C1, and ST as one. */
    assert_clean("a\xc2\x9b"
                 "31mb\xc2\x9d"
                 "0;t\xc2\x9c"
                 "c",
                 "abc");
}

static void test_text__drops_what_would_mislead(void **state)
{
    (void)state;
    assert_clean("a\bb\ac\x7f"
                 "d\x01",
                 "abcd");
    assert_clean("user\xe2\x80\xae"
                 "gpj.exe",
                 "usergpj.exe"); /* U+202E */
    assert_clean("a\xe2\x81\xa6"
                 "b\xef\xbb\xbf"
                 "c\xe2\x80\xa8"
                 "d",
                 "abcd");
    assert_clean_n("a\0b", 3, false,
                   "a\xef\xbf\xbd"
                   "b");
    assert_clean("\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_text__keeps_the_last_text_of_a_line_written_over(void **state)
{
    (void)state;
    assert_clean("10%\r20%\r100%", "100%");
    assert_clean("100%\r", "100%");
    assert_clean("a\r\r\x1b[Kb", "b");
}

static void test_text__makes_tabs_spaces(void **state)
{
    (void)state;
    assert_clean("\tx", "        x");
    assert_clean("ab\tx", "ab      x");
    assert_clean("日本\tx", "日本    x");
    assert_clean("abc\r\tx", "        x");
}

static void test_text__can_be_kept_to_ascii(void **state)
{
    (void)state;
    assert_clean_n("aü日b", strlen("aü日b"), true, "a??b");
}

static void test_text__appends_to_what_is_there(void **state)
{
    (void)state;
    wfe_buf out = WFE_BUF_INIT(0);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_buf_append_str(&out, "x: ", &err), &err);
    assert_ok(wfe_text_clean("a\rb", 3, false, &out, &err), &err);
    assert_string_equal(out.data, "x: b");
    wfe_buf_done(&out);
}

static void test_text__knows_the_columns_of_characters(void **state)
{
    (void)state;
    assert_int_equal(wfe_text_columns("abc", 3), 3);
    assert_int_equal(wfe_text_columns("日本", strlen("日本")), 4);
    assert_int_equal(wfe_text_columns("e\xcc\x81", 3), 1); /* e and a combining accent */
    assert_int_equal(wfe_text_columns("", 0), 0);
}

static void test_text__fits_without_cutting_a_character(void **state)
{
    (void)state;
    size_t columns = 0;
    assert_int_equal(wfe_text_fit("abc", 3, 2, &columns), 2);
    assert_int_equal(columns, 2);
    assert_int_equal(wfe_text_fit("日本", 6, 3, &columns), 3);
    assert_int_equal(columns, 2);
    assert_int_equal(wfe_text_fit("e\xcc\x81x", 4, 1, &columns), 3);
    assert_int_equal(wfe_text_fit("abc", 3, 0, &columns), 0);
    assert_int_equal(columns, 0);
}

static void assert_elapsed(uint64_t us, const char *wanted)
{
    char text[WFE_TEXT_ELAPSED_SIZE];
    assert_string_equal(wfe_text_elapsed(us, text), wanted);
}

static void test_text__tells_spans_of_time(void **state)
{
    (void)state;
    assert_elapsed(0, "0.0s");
    assert_elapsed(49999, "0.0s");
    assert_elapsed(50000, "0.1s");
    assert_elapsed(9949999, "9.9s");
    assert_elapsed(9950000, "10s");
    assert_elapsed(59499999, "59s");
    assert_elapsed(59500000, "1m00s");
    assert_elapsed((uint64_t)3725 * 1000000, "1h02m");
    assert_elapsed((uint64_t)100 * 3600 * 1000000, "100h00m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__keeps_plain_text),
        cmocka_unit_test(test_text__drops_escape_sequences_whole),
        cmocka_unit_test(test_text__drops_what_would_mislead),
        cmocka_unit_test(test_text__keeps_the_last_text_of_a_line_written_over),
        cmocka_unit_test(test_text__makes_tabs_spaces),
        cmocka_unit_test(test_text__can_be_kept_to_ascii),
        cmocka_unit_test(test_text__appends_to_what_is_there),
        cmocka_unit_test(test_text__knows_the_columns_of_characters),
        cmocka_unit_test(test_text__fits_without_cutting_a_character),
        cmocka_unit_test(test_text__tells_spans_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
