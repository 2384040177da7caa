/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/apparmor.h"

#include "fixtures/wfe_assert.h"

static const char list[] = "/usr/bin/man (enforce)\n"
                           "docker-default-x (enforce)\n"
                           "wfe-default (complain)\n"
                           "nerdctl-default (enforce)\n"
                           "docker-default (enforce)\n"
                           "last one (enforce)";

static void test_oci_apparmor__a_profile_counts_when_it_is_enforced(void **state)
{
    (void)state;
    const size_t len = sizeof list - 1;
    assert_true(wfe_oci_apparmor_is_enforced(list, len, "docker-default"));
    assert_true(wfe_oci_apparmor_is_enforced(list, len, "/usr/bin/man"));
    assert_true(wfe_oci_apparmor_is_enforced(list, len, "last one"));
    assert_false(wfe_oci_apparmor_is_enforced(list, len, "wfe-default"));
    assert_false(wfe_oci_apparmor_is_enforced(list, len, "docker"));
    assert_false(wfe_oci_apparmor_is_enforced(list, len, ""));
    assert_false(wfe_oci_apparmor_is_enforced(list, len - 1, "last one"));
}

static void test_oci_apparmor__the_best_known_profile_is_chosen(void **state)
{
    (void)state;
    static const char complaining[] = "docker-default (complain)\n";
    assert_string_equal(wfe_oci_apparmor_choose(list, sizeof list - 1), "docker-default");
    assert_null(wfe_oci_apparmor_choose(complaining, sizeof complaining - 1));
    assert_null(wfe_oci_apparmor_choose("", 0));
    assert_null(wfe_oci_apparmor_choose(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_apparmor__a_profile_counts_when_it_is_enforced),
        cmocka_unit_test(test_oci_apparmor__the_best_known_profile_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
