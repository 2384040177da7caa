/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/stop_signal.h"

#include <signal.h>

#include "fixtures/wfe_assert.h"

static void assert_signal(const char *text, int wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    int number = 0;
    assert_ok(wfe_oci_stop_signal_parse(text, &number, &err), &err);
    assert_int_equal(number, wanted);
}

static void test_oci_stop_signal__names_and_numbers_are_read(void **state)
{
    (void)state;
    assert_signal("SIGTERM", SIGTERM);
    assert_signal("TERM", SIGTERM);
    assert_signal("sigquit", SIGQUIT);
    assert_signal("15", 15);
    assert_signal("1", 1);
    assert_signal("64", 64);
    assert_signal("SIGIO", SIGIO);
    assert_signal("SIGIOT", SIGABRT);
    assert_signal("SIGINT", SIGINT);
    assert_signal("WINCH", SIGWINCH);
    assert_signal(NULL, SIGTERM);
    assert_signal("", SIGTERM);
}

static void test_oci_stop_signal__real_time_signals_count_from_their_ends(void **state)
{
    (void)state;
    assert_signal("SIGRTMIN", 34);
    assert_signal("SIGRTMIN+3", 37);
    assert_signal("RTMIN+30", 64);
    assert_signal("SIGRTMAX", 64);
    assert_signal("rtmax-14", 50);
}

static void test_oci_stop_signal__nonsense_is_refused_with_the_nearest_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hint;
    } cases[] = {
        {"SIGTEM", "did you mean SIGTERM?"},
        {"0", ""},
        {"65", ""},
        {"-1", ""},
        {"15 ", ""},
        {"SIG", ""},
        {"SIGSIGTERM", ""},
        {"SIGRTMIN+31", ""},
        {"SIGRTMIN-1", ""},
        {"SIGRTMIN+", ""},
        {"SIGRTMAX+1", ""},
        {"SIGTERM+1", ""},
        {"99999999999999999999", ""},
        {"SIGRTMIN+3x", ""},
        {"a name that is far longer than any signal has ever been named", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        int number = 7;
        assert_fails(wfe_oci_stop_signal_parse(cases[i].text, &number, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, "a number from 1 to 64");
        assert_contains(err.hint, cases[i].hint);
        assert_int_equal(number, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_stop_signal__names_and_numbers_are_read),
        cmocka_unit_test(test_oci_stop_signal__real_time_signals_count_from_their_ends),
        cmocka_unit_test(test_oci_stop_signal__nonsense_is_refused_with_the_nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
