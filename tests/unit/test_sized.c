/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sized.h"

#include "fixtures/wfe_assert.h"

typedef struct old_options {
    size_t size;
    int a;
    int b;
} old_options;

typedef struct new_options {
    size_t size;
    int a;
    int b;
    const char *c;
    long d;
} new_options;

static void test_sized__gives_zero_for_what_an_older_caller_lacks(void **state)
{
    (void)state;
    const old_options given = {.size = sizeof given, .a = 1, .b = 2};
    new_options out;
    memset(&out, 0xff, sizeof out);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_sized_copy(&given, "x", &out, sizeof out, &err), &err);
    assert_int_equal(out.a, 1);
    assert_int_equal(out.b, 2);
    assert_null(out.c);
    assert_int_equal(out.d, 0);
}

static void test_sized__takes_a_newer_caller_that_uses_nothing_new(void **state)
{
    (void)state;
    const new_options given = {.size = sizeof given, .a = 1, .b = 2};
    old_options out;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_sized_copy(&given, "x", &out, sizeof out, &err), &err);
    assert_int_equal(out.a, 1);
    assert_int_equal(out.b, 2);
}

static void test_sized__refuses_an_option_it_does_not_know(void **state)
{
    (void)state;
    const new_options given = {.size = sizeof given, .d = 1};
    old_options out = {.a = 7};
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_sized_copy(&given, "some_options", &out, sizeof out, &err), WFE_E_INVALID,
                 &err);
    assert_contains(err.message, "some_options");
    assert_int_equal(out.a, 7);
}

static void test_sized__refuses_a_size_that_was_never_set(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, sizeof(size_t) - 1, 65537, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const new_options given = {.size = sizes[i]};
        new_options out = {.a = 7};
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_sized_copy(&given, "some_options", &out, sizeof out, &err), WFE_E_INVALID,
                     &err);
        assert_contains(err.message, "sizeof(some_options)");
        assert_int_equal(out.a, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sized__gives_zero_for_what_an_older_caller_lacks),
        cmocka_unit_test(test_sized__takes_a_newer_caller_that_uses_nothing_new),
        cmocka_unit_test(test_sized__refuses_an_option_it_does_not_know),
        cmocka_unit_test(test_sized__refuses_a_size_that_was_never_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
