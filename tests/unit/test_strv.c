/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strv.h"

#include "fixtures/wfe_assert.h"

static void test_strv__copies_deeply(void **state)
{
    (void)state;
    char first[] = "one";
    const char *const list[] = {first, "", "three", NULL};
    char **copy = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_strv_copy(list, &copy, &err), &err);
    first[0] = 'X';
    assert_int_equal(wfe_strv_length((const char *const *)copy), 3);
    assert_string_equal(copy[0], "one");
    assert_string_equal(copy[1], "");
    assert_string_equal(copy[2], "three");
    assert_null(copy[3]);
    wfe_strv_free(copy);
}

static void test_strv__tells_an_empty_list_from_none(void **state)
{
    (void)state;
    const char *const empty[] = {NULL};
    char **copy = NULL;
    assert_ok(wfe_strv_copy(empty, &copy, NULL), NULL);
    assert_non_null(copy);
    assert_null(copy[0]);
    wfe_strv_free(copy);
    assert_ok(wfe_strv_copy(NULL, &copy, NULL), NULL);
    assert_null(copy);
    assert_int_equal(wfe_strv_length(NULL), 0);
    assert_int_equal(wfe_strv_length(empty), 0);
    wfe_strv_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strv__copies_deeply),
        cmocka_unit_test(test_strv__tells_an_empty_list_from_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
