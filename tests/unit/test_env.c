/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/env.h"

#include "base/strv.h"
#include "fixtures/wfe_assert.h"

static void test_env__keeps_pairs_as_they_are(void **state)
{
    (void)state;
    const char *const list[] = {"A=1", "B=", "C=x=y", "=odd", NULL};
    char **all = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_env_complete(list, &all, &err), &err);
    for (size_t i = 0; i < 5; i++) {
        if (list[i])
            assert_string_equal(all[i], list[i]);
        else
            assert_null(all[i]);
    }
    wfe_strv_free(all);
    assert_ok(wfe_env_complete(NULL, &all, &err), &err);
    assert_null(all[0]);
    wfe_strv_free(all);
}

static void test_env__takes_a_value_from_the_environment(void **state)
{
    (void)state;
    const char *const list[] = {"WFE_TEST_TOKEN", "A=1", "WFE_TEST_EMPTY", NULL};
    char **all = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_int_equal(setenv("WFE_TEST_TOKEN", "a=b c", 1), 0);
    assert_int_equal(setenv("WFE_TEST_EMPTY", "", 1), 0);
    assert_ok(wfe_env_complete(list, &all, &err), &err);
    assert_string_equal(all[0], "WFE_TEST_TOKEN=a=b c");
    assert_string_equal(all[1], "A=1");
    assert_string_equal(all[2], "WFE_TEST_EMPTY=");
    assert_null(all[3]);
    wfe_strv_free(all);
}

static void test_env__names_a_variable_that_is_not_set(void **state)
{
    (void)state;
    const char *const list[] = {"A=1", "WFE_TEST_NOT_SET", NULL};
    char **all = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_env_complete(list, &all, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "WFE_TEST_NOT_SET is not set");
    assert_contains(err.hint, "--env KEY=VALUE");
    assert_null(all);
}

static void test_env__does_not_show_what_looks_like_a_value(void **state)
{
    (void)state;
    static const char *const values[] = {"hunter2", "9ABC", "S3CR3T-X", "", "TOKEN value"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *const list[] = {"A=1", values[i], NULL};
        char **all = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_env_complete(list, &all, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, "--env number 2 is neither KEY=VALUE nor");
        assert_true(!*values[i] || !strstr(err.message, values[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_env__keeps_pairs_as_they_are),
        cmocka_unit_test(test_env__takes_a_value_from_the_environment),
        cmocka_unit_test(test_env__names_a_variable_that_is_not_set),
        cmocka_unit_test(test_env__does_not_show_what_looks_like_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
