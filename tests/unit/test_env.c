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

/* ---- secrets ---- */

static void test_env__reads_secrets_from_variables_and_files(void **state)
{
    (void)state;
    char path[] = "/tmp/wfe-secret-XXXXXX", entry[64];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "of a=file\r\n\n", 12), 12);
    close(fd);
    snprintf(entry, sizeof entry, "B=%s", path);
    const char *const list[] = {"WFE_TEST_TOKEN", entry, NULL};
    char **all = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_int_equal(setenv("WFE_TEST_TOKEN", "of=env", 1), 0);
    assert_ok(wfe_env_secrets(list, &all, &err), &err);
    assert_string_equal(all[0], "WFE_TEST_TOKEN=of=env");
    assert_string_equal(all[1], "B=of a=file");
    assert_null(all[2]);
    wfe_strv_free(all);
    unlink(path);
    assert_ok(wfe_env_secrets(NULL, &all, &err), &err);
    assert_null(all[0]);
    wfe_strv_free(all);
}

static void assert_secret_refused(const char *entry, int kind, const char *part)
{
    const char *const list[] = {entry, NULL};
    const char *value = strchr(entry, '=');
    char **all = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_env_secrets(list, &all, &err), kind, &err);
    assert_contains(err.message, part);
    assert_true(err.hint[0]);
    assert_null(all);
    if (value)
        assert_null(strstr(err.message, value + 1));
}

/* Also not that of the mistake to give the value in place of a file. */
static void test_env__shows_no_value_of_a_secret(void **state)
{
    (void)state;
    assert_secret_refused("WFE_TEST_NOT_SET", WFE_E_INVALID, "WFE_TEST_NOT_SET: it is not set");
    assert_secret_refused("TOKEN=hunter2", WFE_E_NOT_FOUND, "--secret TOKEN: its file cannot be");
    assert_secret_refused("TOKEN=/tmp", WFE_E_IO, "--secret TOKEN: its file cannot be");
    assert_secret_refused("a b=hunter2", WFE_E_INVALID, "--secret number 1 is neither");
    assert_secret_refused("=hunter2", WFE_E_INVALID, "--secret number 1 is neither");
    assert_secret_refused("9A=hunter2", WFE_E_INVALID, "--secret number 1 is neither");
    const char *const list[] = {"hunter2", NULL};
    char **all = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_env_secrets(list, &all, &err), WFE_E_INVALID, &err);
    assert_null(strstr(err.message, "hunter2"));
}

static void test_env__bounds_the_file_of_a_secret(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    char **all = NULL;
    const char *const endless[] = {"A=/dev/zero", NULL};
    assert_fails(wfe_env_secrets(endless, &all, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, "--secret A: its file has more than 65536 bytes");
    char path[] = "/tmp/wfe-secret-XXXXXX", entry[64];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "a\0b", 3), 3);
    close(fd);
    snprintf(entry, sizeof entry, "B=%s", path);
    const char *const nul[] = {entry, NULL};
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_env_secrets(nul, &all, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "NUL");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_env__keeps_pairs_as_they_are),
        cmocka_unit_test(test_env__takes_a_value_from_the_environment),
        cmocka_unit_test(test_env__names_a_variable_that_is_not_set),
        cmocka_unit_test(test_env__does_not_show_what_looks_like_a_value),
        cmocka_unit_test(test_env__reads_secrets_from_variables_and_files),
        cmocka_unit_test(test_env__shows_no_value_of_a_secret),
        cmocka_unit_test(test_env__bounds_the_file_of_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
