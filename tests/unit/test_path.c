/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "fixtures/wfe_assert.h"

static void test_path__names_one_place_in_many_ways(void **state)
{
    (void)state;
    assert_true(wfe_path_is_same("/a/b", "//a/./b/"));
    assert_true(wfe_path_is_same("/", "/./"));
    assert_false(wfe_path_is_same("/a/b", "/a"));
    assert_false(wfe_path_is_same("/a", "/a/b"));
    assert_false(wfe_path_is_same("/ab", "/a/b"));
    assert_false(wfe_path_is_same("/a/.b", "/a/b"));
    assert_false(wfe_path_is_same("/a/..", "/"));
}

static void test_path__is_as_deep_as_it_has_parts(void **state)
{
    (void)state;
    assert_int_equal(wfe_path_depth(""), 0);
    assert_int_equal(wfe_path_depth("//./"), 0);
    assert_int_equal(wfe_path_depth("/a"), 1);
    assert_int_equal(wfe_path_depth("/a/.//b/."), 2);
    assert_int_equal(wfe_path_depth("/.a/..b/c."), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path__names_one_place_in_many_ways),
        cmocka_unit_test(test_path__is_as_deep_as_it_has_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
