/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/user.h"

#include "fixtures/wfe_assert.h"

static void assert_user(const char *text, uint32_t uid, uint32_t gid, bool gid_given)
{
    wfe_oci_user user = wfe_oci_user_parse(text);
    assert_true(user.resolved);
    assert_int_equal(user.uid, uid);
    assert_int_equal(user.gid, gid);
    assert_int_equal(user.gid_given, gid_given);
}

static void assert_nobody(const char *text)
{
    wfe_oci_user user = wfe_oci_user_parse(text);
    if (user.resolved || user.uid != 65534 || user.gid != 65534)
        fail_msg("'%s' gave %u:%u, resolved %d", text, user.uid, user.gid, user.resolved);
}

/* ---- the "User" cases of WFE's own tests ---- */

static void test_oci_user__1000_1000(void **state)
{
    (void)state;
    assert_user("1000:1000", 1000, 1000, true);
}

static void test_oci_user__0_0(void **state)
{
    (void)state;
    assert_user("0:0", 0, 0, true);
}

static void test_oci_user__65534_65534(void **state)
{
    (void)state;
    assert_user("65534:65534", 65534, 65534, true);
}

static void test_oci_user__unparsable_falls_back_to_nobody(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",      "abc",      "root",     "root:root", "abc:def",        "1000:",
        ":1000", ":",        "1000:abc", "abc:1000",  "1000:1000:1000", "1000:1000 ",
        " 1000", "1000 ",    "+1",       "-1",        "-1:-1",          "1:-1",
        "0x0",   "0x10:1",   "1.0",      "1e3",       "1000;0",         "\n0",
        "0\n",   "\xD9\xA0",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_nobody(cases[i]);
}

/* ---- the rest ---- */

static void test_oci_user__no_user_is_the_default_and_no_failure(void **state)
{
    (void)state;
    assert_user(NULL, 65534, 65534, true);
}

static void test_oci_user__a_uid_alone_leaves_the_group_to_the_image(void **state)
{
    (void)state;
    assert_user("1000", 1000, 0, false);
    assert_user("0", 0, 0, false);
    assert_user("0007:0008", 7, 8, true);
}

static void test_oci_user__largest_id_is_taken(void **state)
{
    (void)state;
    assert_user("2147483647:2147483647", 2147483647, 2147483647, true);
}

/* CVE-2024-40635: such ids became root. */
static void test_oci_user__ids_out_of_range_never_wrap_to_root(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "2147483648",
        "4294967295",
        "4294967296",
        "4294967296:0",
        "1:4294967296",
        "18446744073709551616",
        "18446744073709551616:18446744073709551616",
        "99999999999999999999999999999999999999",
        "1:99999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_nobody(cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_user__1000_1000),
        cmocka_unit_test(test_oci_user__0_0),
        cmocka_unit_test(test_oci_user__65534_65534),
        cmocka_unit_test(test_oci_user__unparsable_falls_back_to_nobody),
        cmocka_unit_test(test_oci_user__no_user_is_the_default_and_no_failure),
        cmocka_unit_test(test_oci_user__a_uid_alone_leaves_the_group_to_the_image),
        cmocka_unit_test(test_oci_user__largest_id_is_taken),
        cmocka_unit_test(test_oci_user__ids_out_of_range_never_wrap_to_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
