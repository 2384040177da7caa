/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/caps.h"

#include <linux/capability.h>

#include "fixtures/wfe_assert.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static wfe_oci_caps parse(const char *const *list)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_caps caps = 0;
    assert_ok(wfe_oci_caps_parse(list, "cap_add", &caps, &err), &err);
    return caps;
}

static void test_oci_caps__names_and_numbers_are_the_kernels(void **state)
{
    (void)state;
    assert_int_equal(WFE_OCI_CAP_CHOWN, CAP_CHOWN);
    assert_int_equal(WFE_OCI_CAP_SYS_ADMIN, CAP_SYS_ADMIN);
    assert_int_equal(WFE_OCI_CAP_SETFCAP, CAP_SETFCAP);
    assert_int_equal(WFE_OCI_CAP_SYSLOG, CAP_SYSLOG);
    assert_int_equal(WFE_OCI_CAP_CHECKPOINT_RESTORE, CAP_CHECKPOINT_RESTORE);
    assert_int_equal(WFE_OCI_CAP_COUNT, 41);
    for (unsigned i = 0; i < WFE_OCI_CAP_COUNT; i++) {
        assert_int_equal(strncmp(wfe_oci_cap_name(i), "CAP_", 4), 0);
        assert_int_equal(parse(LIST(wfe_oci_cap_name(i))), (wfe_oci_caps)1 << i);
    }
}

static void test_oci_caps__names_are_read_with_and_without_prefix_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(parse(LIST("NET_ADMIN")), WFE_OCI_CAP_BIT(NET_ADMIN));
    assert_int_equal(parse(LIST("CAP_NET_ADMIN")), WFE_OCI_CAP_BIT(NET_ADMIN));
    assert_int_equal(parse(LIST("cap_net_Admin", "bpf")),
                     WFE_OCI_CAP_BIT(NET_ADMIN) | WFE_OCI_CAP_BIT(BPF));
    assert_int_equal(parse(LIST("all")), WFE_OCI_CAPS_ALL);
    assert_int_equal(parse(LIST("CHOWN", "ALL", "BPF")), WFE_OCI_CAPS_ALL);
    assert_int_equal(parse(NULL), 0);
    assert_int_equal(parse((const char *const[]){NULL}), 0);
}

static void assert_refused(const char *name, const char *hint)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_caps caps = 7;
    assert_fails(wfe_oci_caps_parse(LIST("CHOWN", name), "cap_drop", &caps, &err), WFE_E_INVALID,
                 &err);
    assert_int_equal(caps, 7);
    assert_contains(err.message, "cap_drop has '");
    if (hint)
        assert_contains(err.hint, hint);
    else
        assert_string_equal(err.hint, "");
}

static void test_oci_caps__an_unknown_name_is_refused_with_the_nearest_one(void **state)
{
    (void)state;
    assert_refused("NET_ADMN", "did you mean NET_ADMIN?");
    assert_refused("cap_sys_chrot", "did you mean SYS_CHROOT?");
    assert_refused("", "");
    assert_refused("CAP_", "");
    assert_refused("CAP_ALL", "");
    assert_refused("CAP_CAP_CHOWN", "");
    assert_refused("CHOWN ", "did you mean CHOWN?");
    assert_refused("NOPE", NULL); /* what all names begin with makes none of them near */
    assert_refused("CAP_NOPE", NULL);
    assert_refused("CHOWN_______________________________________________________________________"
                   "________________________________________________________________",
                   "");
}

static void assert_sets(wfe_oci_cap_sets sets, wfe_oci_caps bounding, wfe_oci_caps ambient)
{
    assert_int_equal(sets.bounding, bounding);
    assert_int_equal(sets.ambient, ambient);
}

static void test_oci_caps__root_gets_dockers_and_others_get_none(void **state)
{
    (void)state;
    assert_sets(wfe_oci_caps_choose(0, false, 0, 0, 0), WFE_OCI_CAPS_ROOT, 0);
    assert_sets(wfe_oci_caps_choose(1, false, 0, 0, 0), 0, 0);
}

static void test_oci_caps__add_and_drop_work_as_in_docker(void **state)
{
    (void)state;
    const wfe_oci_caps all = WFE_OCI_CAPS_ALL, chown = WFE_OCI_CAP_BIT(CHOWN),
                       admin = WFE_OCI_CAP_BIT(SYS_ADMIN);
    assert_sets(wfe_oci_caps_choose(0, false, admin, 0, 0), WFE_OCI_CAPS_ROOT | admin, 0);
    assert_sets(wfe_oci_caps_choose(0, false, 0, chown, 0), WFE_OCI_CAPS_ROOT & ~chown, 0);
    assert_sets(wfe_oci_caps_choose(0, false, 0, all, 0), 0, 0);
    assert_sets(wfe_oci_caps_choose(0, false, chown, all, 0), chown, 0);
    assert_sets(wfe_oci_caps_choose(0, false, all, 0, 0), all, 0);
    assert_sets(wfe_oci_caps_choose(0, false, all, admin, 0), all & ~admin, 0);
}

/* Without the ambient set the kernel takes them at exec. */
static void test_oci_caps__what_is_added_for_another_user_is_ambient(void **state)
{
    (void)state;
    const wfe_oci_caps bind = WFE_OCI_CAP_BIT(NET_BIND_SERVICE);
    assert_sets(wfe_oci_caps_choose(1000, false, bind, 0, 0), bind, bind);
    assert_sets(wfe_oci_caps_choose(1000, false, bind, WFE_OCI_CAPS_ALL, 0), bind, bind);
}

static void test_oci_caps__privileged_gives_all_but_never_ambient(void **state)
{
    (void)state;
    assert_sets(wfe_oci_caps_choose(0, true, 0, 0, 0), WFE_OCI_CAPS_ALL, 0);
    assert_sets(wfe_oci_caps_choose(1000, true, 0, 0, 0), WFE_OCI_CAPS_ALL, 0);
}

static void test_oci_caps__nothing_is_given_that_the_daemon_lacks(void **state)
{
    (void)state;
    const wfe_oci_caps lacks = WFE_OCI_CAPS_ALL & ~WFE_OCI_CAP_BIT(SYS_RESOURCE);
    assert_sets(wfe_oci_caps_choose(0, true, 0, 0, lacks), lacks, 0);
    assert_sets(wfe_oci_caps_choose(1, false, WFE_OCI_CAP_BIT(SYS_RESOURCE), 0, lacks), 0, 0);
    assert_sets(wfe_oci_caps_choose(0, true, 0, 0, UINT64_MAX), WFE_OCI_CAPS_ALL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_caps__names_and_numbers_are_the_kernels),
        cmocka_unit_test(test_oci_caps__names_are_read_with_and_without_prefix_in_any_case),
        cmocka_unit_test(test_oci_caps__an_unknown_name_is_refused_with_the_nearest_one),
        cmocka_unit_test(test_oci_caps__root_gets_dockers_and_others_get_none),
        cmocka_unit_test(test_oci_caps__add_and_drop_work_as_in_docker),
        cmocka_unit_test(test_oci_caps__what_is_added_for_another_user_is_ambient),
        cmocka_unit_test(test_oci_caps__privileged_gives_all_but_never_ambient),
        cmocka_unit_test(test_oci_caps__nothing_is_given_that_the_daemon_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
