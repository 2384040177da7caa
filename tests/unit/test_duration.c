/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include "fixtures/wfe_assert.h"

static void test_duration__reads_each_unit_and_their_sums(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"500ms", 500},
        {"90s", 90000},
        {"5m", 300000},
        {"1h30m", 5400000},
        {"2d", 172800000},
        {"250", 250},
        {"1", 1},
        {"007s", 7000},
        {"1d2h3m4s5ms", 93784005},
        {"1m1ms", 60001},
        {"0s1ms", 1},
        {"30d", 2592000000},
        {"2592000000", 2592000000},
        {"2592000000ms", 2592000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        uint64_t ms = 0;
        assert_ok(wfe_duration_parse(cases[i].text, "timeout", 1, WFE_DURATION_MAX_MS, &ms, &err),
                  &err);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void test_duration__refuses_everything_else(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",           "abc",         "1.5s",         "-1",
        "+1",         " 1s",         "1s ",          "1 s",
        "1x",         "1H",          "1S",           "s",
        "ms",         "1h30",        "30m1h",        "1m1m",
        "1s1m",       "1ms1s",       "1hm",          "1min",
        "1sec",       "0x10",        "1e3",          "1\n",
        "1\xC2\xB5s", "12345678901", "12345678901d", "99999999999999999999999999ms",
        "1d-1h",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        uint64_t ms = 42;
        assert_fails(wfe_duration_parse(cases[i], "timeout", 0, UINT64_MAX, &ms, &err),
                     WFE_E_INVALID, &err);
        assert_int_equal(ms, 42);
    }
}

static void test_duration__never_overflows_with_the_longest_numbers(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t ms = 0;
    assert_ok(wfe_duration_parse("9999999999d9999999999h9999999999m9999999999s9999999999ms", "x", 0,
                                 UINT64_MAX, &ms, &err),
              &err);
    assert_true(ms == 9999999999U * (86400000ULL + 3600000 + 60000 + 1000 + 1));
    assert_fails(wfe_duration_parse("9999999999d", "x", 0, WFE_DURATION_MAX_MS, &ms, &err),
                 WFE_E_INVALID, &err);
}

static void test_duration__keeps_to_the_range_with_both_ends_in_it(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t ms = 0;
    assert_ok(wfe_duration_parse("1s", "grace", 1000, 60000, &ms, &err), &err);
    assert_ok(wfe_duration_parse("1m", "grace", 1000, 60000, &ms, &err), &err);
    assert_fails(wfe_duration_parse("999", "grace", 1000, 60000, &ms, NULL), WFE_E_INVALID, NULL);
    assert_fails(wfe_duration_parse("1m1ms", "grace", 1000, 60000, &ms, &err), WFE_E_INVALID, &err);
    assert_string_equal(err.message, "grace is '1m1ms', must be a duration such as 500ms, 90s, 5m, "
                                     "1h30m or 2d, from 1 s to 1 m");
}

static void test_duration__says_what_was_found_and_what_is_allowed(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t ms = 0;
    assert_fails(wfe_duration_parse("abc", "timeout", 1, WFE_DURATION_MAX_MS, &ms, &err),
                 WFE_E_INVALID, &err);
    assert_string_equal(err.message, "timeout is 'abc', must be a duration such as 500ms, 90s, 5m, "
                                     "1h30m or 2d, from 1 ms to 30 d");
}

static void test_duration__cuts_a_long_text_in_the_message_but_not_the_range(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    wfe_error err = WFE_ERROR_INIT;
    uint64_t ms = 0;
    assert_fails(wfe_duration_parse(text, "timeout", 0, 90000, &ms, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "xxx...', must be");
    assert_contains(err.message, "from 0 ms to 90 s");
}

static void test_duration__formats_what_it_can_read_again(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {
        {90000, "1m30s"}, {0, "0ms"}, {1, "1ms"}, {172800000, "2d"}, {93784005, "1d2h3m4s5ms"},
    };
    char text[WFE_DURATION_TEXT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t again = 77;
        assert_string_equal(wfe_duration_format(cases[i].ms, text), cases[i].text);
        assert_ok(wfe_duration_parse(text, "x", 0, UINT64_MAX, &again, NULL), NULL);
        assert_int_equal(again, cases[i].ms);
    }
    assert_string_equal(wfe_duration_format(UINT64_MAX, text), "213503982334d14h25m51s615ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration__reads_each_unit_and_their_sums),
        cmocka_unit_test(test_duration__refuses_everything_else),
        cmocka_unit_test(test_duration__never_overflows_with_the_longest_numbers),
        cmocka_unit_test(test_duration__keeps_to_the_range_with_both_ends_in_it),
        cmocka_unit_test(test_duration__says_what_was_found_and_what_is_allowed),
        cmocka_unit_test(test_duration__cuts_a_long_text_in_the_message_but_not_the_range),
        cmocka_unit_test(test_duration__formats_what_it_can_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
