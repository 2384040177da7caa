/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytesize.h"

#include "fixtures/wfe_assert.h"

#define KIB ((uint64_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define TIB (GIB * 1024)

static void test_bytesize__reads_each_unit_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"1048576", MIB},
        {"17b", 17},
        {"17B", 17},
        {"512m", 512 * MIB},
        {"512M", 512 * MIB},
        {"1g", GIB},
        {"64KiB", 64 * KIB},
        {"64kb", 64 * KIB},
        {"64Kib", 64 * KIB},
        {"2mb", 2 * MIB},
        {"2MIB", 2 * MIB},
        {"3GB", 3 * GIB},
        {"3gib", 3 * GIB},
        {"1t", TIB},
        {"1TiB", TIB},
        {"0001k", KIB},
        {"18446744073709551615", UINT64_MAX},
        {"16777215t", 16777215 * TIB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        uint64_t bytes = 42;
        assert_ok(wfe_bytesize_parse(cases[i].text, "memory", 0, UINT64_MAX, &bytes, &err), &err);
        assert_true(bytes == cases[i].bytes);
    }
}

static void test_bytesize__refuses_everything_else(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",    "m",    "abc", "1.5g", "-1",    "+1",  " 1m",  "1m ", "1 m", "1x",  "1mm",
        "1bb", "1bib", "1mi", "1kbb", "1kibb", "1ib", "0x10", "1e3", "1p",  "1\n", "1m1k",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        uint64_t bytes = 42;
        assert_fails(wfe_bytesize_parse(cases[i], "memory", 0, UINT64_MAX, &bytes, &err),
                     WFE_E_INVALID, &err);
        assert_int_equal(bytes, 42);
    }
}

static void test_bytesize__refuses_what_does_not_fit_in_64_bits(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "18446744073709551616",
        "184467440737095516150",
        "99999999999999999999999999999999",
        "16777216t",
        "18014398509481984k",
        "17179869184g",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        uint64_t bytes = 42;
        assert_fails(wfe_bytesize_parse(cases[i], "memory", 0, UINT64_MAX, &bytes, &err),
                     WFE_E_INVALID, &err);
        assert_int_equal(bytes, 42);
    }
}

static void test_bytesize__keeps_to_the_range_and_names_it(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t bytes = 0;
    assert_ok(wfe_bytesize_parse("6m", "memory", 6 * MIB, TIB, &bytes, &err), &err);
    assert_ok(wfe_bytesize_parse("1t", "memory", 6 * MIB, TIB, &bytes, &err), &err);
    assert_fails(wfe_bytesize_parse("1025g", "memory", 6 * MIB, TIB, &bytes, NULL), WFE_E_INVALID,
                 NULL);
    assert_fails(wfe_bytesize_parse("3k", "memory", 6 * MIB, TIB, &bytes, &err), WFE_E_INVALID,
                 &err);
    assert_string_equal(err.message, "memory is '3k', must be a size such as 512m, 1g, 64KiB or "
                                     "1048576, from 6 MiB to 1 TiB");
}

static void test_bytesize__cuts_a_long_text_in_the_message_at_a_character(void **state)
{
    (void)state;
    char text[300] = "x";
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA4", 3);
    wfe_error err = WFE_ERROR_INIT;
    uint64_t bytes = 0;
    assert_fails(wfe_bytesize_parse(text, "memory", 0, MIB, &bytes, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "\xC3\xA4...', must be");
}

static void test_bytesize__formats_with_three_digits(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {17, "17 B"},
        {1023, "1023 B"},
        {KIB, "1 KiB"},
        {512 * MIB, "512 MiB"},
        {GIB + GIB / 2, "1.5 GiB"},
        {GIB + GIB / 4, "1.25 GiB"},
        {KIB + 51, "1.05 KiB"},
        {KIB + 10, "1.01 KiB"},
        {10 * KIB + 512, "10.5 KiB"},
        {100 * KIB + 512, "101 KiB"},
        {MIB - 1, "1 MiB"},
        {GIB - 1, "1 GiB"},
        {1023 * KIB, "1023 KiB"},
        {UINT64_MAX, "16 EiB"},
    };
    char text[WFE_BYTESIZE_TEXT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(wfe_bytesize_format(cases[i].bytes, text), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytesize__reads_each_unit_in_any_case),
        cmocka_unit_test(test_bytesize__refuses_everything_else),
        cmocka_unit_test(test_bytesize__refuses_what_does_not_fit_in_64_bits),
        cmocka_unit_test(test_bytesize__keeps_to_the_range_and_names_it),
        cmocka_unit_test(test_bytesize__cuts_a_long_text_in_the_message_at_a_character),
        cmocka_unit_test(test_bytesize__formats_with_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
