/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/cgroup_list.h"

#include "fixtures/wfe_assert.h"

static void test_cgroup_list__of_v1_tells_what_is_enabled(void **state)
{
    (void)state;
    static const char text[] = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
                               "cpuset\t3\t10\t1\ncpu\t1\t71\t1\nmemory\t0\t1\t0\npids\t5";
    assert_true(wfe_cgroup_list_has(text, false, "cpu"));
    assert_true(wfe_cgroup_list_has(text, false, "cpuset"));
    assert_false(wfe_cgroup_list_has(text, false, "memory")); /* cgroup_disable=memory */
    assert_false(wfe_cgroup_list_has(text, false, "pids"));   /* cut */
    assert_false(wfe_cgroup_list_has(text, false, "cp"));
    assert_false(wfe_cgroup_list_has("", false, "cpu"));
}

static void test_cgroup_list__of_v2_is_of_words(void **state)
{
    (void)state;
    static const char text[] = "cpuset cpu io memory\n";
    assert_true(wfe_cgroup_list_has(text, true, "cpu"));
    assert_true(wfe_cgroup_list_has(text, true, "memory"));
    assert_false(wfe_cgroup_list_has(text, true, "pids"));
    assert_false(wfe_cgroup_list_has(text, true, "mem"));
    assert_false(wfe_cgroup_list_has("", true, "cpu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cgroup_list__of_v1_tells_what_is_enabled),
        cmocka_unit_test(test_cgroup_list__of_v2_is_of_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
