/* SPDX-License-Identifier: Apache-2.0 */
#include "step/confine.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"

static wfe_step_options options(void)
{
    return (wfe_step_options){.size = sizeof(wfe_step_options), .image = "busybox"};
}

static wfe_step_confinement confine(const wfe_step_options *o)
{
    wfe_step_confinement c;
    wfe_error err = WFE_ERROR_INIT;
    memset(&c, 0xff, sizeof c);
    assert_ok(wfe_step_confinement_init(&c, o, &err), &err);
    return c;
}

/* It fails with this in the message and leaves nothing to free. */
static void assert_refused(const wfe_step_options *o, int kind, const char *part)
{
    static const wfe_step_confinement nothing;
    wfe_step_confinement c;
    wfe_error err = WFE_ERROR_INIT;
    memset(&c, 0xff, sizeof c);
    assert_fails(wfe_step_confinement_init(&c, o, &err), kind, &err);
    assert_contains(err.message, part);
    assert_null(c.rlimits);
    assert_null(c.tmpfs);
    assert_null(c.seccomp_profile);
    assert_null(c.apparmor);
    assert_int_equal(c.n_tmpfs, nothing.n_tmpfs);
    wfe_step_confinement_done(&c);
}

static void test_confine__limits_nothing_and_confines_by_default(void **state)
{
    (void)state;
    wfe_step_options o = options();
    wfe_step_confinement c = confine(&o);
    assert_true(c.resources.memory_bytes == 0 && c.resources.cpu_quota_us == 0);
    assert_int_equal(c.resources.pids, 0);
    assert_int_equal(c.shm_size_bytes, 0);
    assert_int_equal(c.n_rlimits, 0);
    assert_int_equal(c.n_tmpfs, 0);
    assert_false(c.privileged || c.allow_new_privileges || c.readonly_rootfs);
    assert_int_equal(c.seccomp, WFE_OCI_SECCOMP_DEFAULT);
    assert_null(c.apparmor);
    assert_true(c.cap_add == 0 && c.cap_drop == 0);
    wfe_step_confinement_done(&c);
}

static void test_confine__reads_limits(void **state)
{
    (void)state;
    wfe_step_options o = options();
    o.memory = "512m";
    o.cpu = "1.5";
    o.pids = "100";
    o.shm_size = "128m";
    wfe_step_confinement c = confine(&o);
    assert_int_equal(c.resources.memory_bytes, 512 * 1024 * 1024);
    assert_int_equal(c.resources.cpu_quota_us, 150000);
    assert_int_equal(c.shm_size_bytes, 128 * 1024 * 1024);
    assert_int_equal(c.resources.pids, 101); /* with wfe-init */
    wfe_step_confinement_done(&c);
    o.no_init = true;
    c = confine(&o);
    assert_int_equal(c.resources.pids, 100);
    wfe_step_confinement_done(&c);
}

/* The kernel refuses a pids.max above the largest number of processes. */
static void test_confine__adds_no_process_beyond_the_kernel_s_maximum(void **state)
{
    (void)state;
    wfe_step_options o = options();
    o.pids = "4194304";
    wfe_step_confinement c = confine(&o);
    assert_int_equal(c.resources.pids, WFE_OCI_PIDS_MAX);
    wfe_step_confinement_done(&c);
}

static void test_confine__names_a_limit_that_is_wrong(void **state)
{
    (void)state;
    wfe_step_options o = options();
    o.memory = "1k";
    assert_refused(&o, WFE_E_INVALID, "memory");
    o = options();
    o.cpu = "none";
    assert_refused(&o, WFE_E_INVALID, "cpu");
    o = options();
    o.pids = "0";
    assert_refused(&o, WFE_E_INVALID, "pids");
    o = options();
    o.shm_size = "-1";
    assert_refused(&o, WFE_E_INVALID, "shm");
}

static void test_confine__takes_each_ulimit_once(void **state)
{
    (void)state;
    const char *const good[] = {"nofile=1024:4096", "core=0", NULL};
    const char *const twice[] = {"core=0", "RLIMIT_CORE=1", NULL};
    const char *const bad[] = {"core=0", "nosuch=1", NULL};
    wfe_step_options o = options();
    o.ulimits = good;
    wfe_step_confinement c = confine(&o);
    assert_int_equal(c.n_rlimits, 2);
    assert_int_equal(c.rlimits[0].type, WFE_OCI_RLIMIT_NOFILE);
    assert_int_equal(c.rlimits[0].soft, 1024);
    assert_int_equal(c.rlimits[0].hard, 4096);
    assert_int_equal(c.rlimits[1].type, WFE_OCI_RLIMIT_CORE);
    wfe_step_confinement_done(&c);
    o.ulimits = twice;
    assert_refused(&o, WFE_E_INVALID, "twice");
    o.ulimits = bad;
    assert_refused(&o, WFE_E_INVALID, "nosuch");
}

static void test_confine__takes_every_ulimit_there_is_and_not_one_more(void **state)
{
    (void)state;
    char texts[WFE_OCI_RLIMIT_COUNT + 1][64];
    const char *list[WFE_OCI_RLIMIT_COUNT + 2] = {NULL};
    for (int i = 0; i < WFE_OCI_RLIMIT_COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "%s=1", wfe_oci_rlimit_name(i));
        list[i] = texts[i];
    }
    wfe_step_options o = options();
    o.ulimits = list;
    wfe_step_confinement c = confine(&o);
    assert_int_equal(c.n_rlimits, WFE_OCI_RLIMIT_COUNT);
    wfe_step_confinement_done(&c);
    list[WFE_OCI_RLIMIT_COUNT] = "nofile=5";
    assert_refused(&o, WFE_E_INVALID, "nofile=5");
}

static void test_confine__reads_tmpfs_mounts(void **state)
{
    (void)state;
    const char *const good[] = {"/work:size=64m,exec", "/tmp", NULL};
    const char *const bad[] = {"/work", "relative", NULL};
    wfe_step_options o = options();
    o.tmpfs = good;
    wfe_step_confinement c = confine(&o);
    assert_int_equal(c.n_tmpfs, 2);
    assert_string_equal(c.tmpfs[0].target, "/work");
    assert_int_equal(c.tmpfs[0].size_bytes, 64 * 1024 * 1024);
    assert_true(c.tmpfs[0].allow_exec);
    assert_string_equal(c.tmpfs[1].target, "/tmp");
    wfe_step_confinement_done(&c);
    o.tmpfs = bad;
    assert_refused(&o, WFE_E_INVALID, "relative");
}

static void test_confine__limits_the_number_of_tmpfs_mounts(void **state)
{
    (void)state;
    const char *list[WFE_STEP_MAX_TMPFS + 2] = {NULL};
    wfe_step_options o = options();
    o.tmpfs = list;
    for (int i = 0; i < WFE_STEP_MAX_TMPFS; i++)
        list[i] = "/work";
    wfe_step_confinement c = confine(&o);
    assert_int_equal(c.n_tmpfs, WFE_STEP_MAX_TMPFS);
    wfe_step_confinement_done(&c);
    list[WFE_STEP_MAX_TMPFS] = "/work";
    assert_refused(&o, WFE_E_LIMIT, "65 tmpfs mounts, at most 64");
}

static void test_confine__reads_capabilities(void **state)
{
    (void)state;
    const char *const add[] = {"NET_ADMIN", "CAP_CHOWN", NULL};
    const char *const all[] = {"ALL", NULL};
    const char *const bad[] = {"NET_ADMINN", NULL};
    wfe_step_options o = options();
    o.cap_add = add;
    o.cap_drop = all;
    wfe_step_confinement c = confine(&o);
    assert_true(c.cap_add == (((wfe_oci_caps)1 << 12) | 1));
    assert_true((c.cap_drop & 1) && (c.cap_drop >> (WFE_OCI_CAP_COUNT - 1) & 1));
    wfe_step_confinement_done(&c);
    o.cap_add = bad;
    assert_refused(&o, WFE_E_INVALID, "cap_add");
    o.cap_add = NULL;
    o.cap_drop = bad;
    assert_refused(&o, WFE_E_INVALID, "cap_drop");
}

static void test_confine__tells_the_forms_of_seccomp_apart(void **state)
{
    (void)state;
    const char *profile = " \n{\"defaultAction\":\"SCMP_ACT_ALLOW\"}";
    wfe_step_options o = options();
    o.seccomp = "default";
    wfe_step_confinement c = confine(&o);
    assert_int_equal(c.seccomp, WFE_OCI_SECCOMP_DEFAULT);
    wfe_step_confinement_done(&c);
    o.seccomp = "unconfined";
    c = confine(&o);
    assert_int_equal(c.seccomp, WFE_OCI_SECCOMP_UNCONFINED);
    assert_null(c.seccomp_profile);
    wfe_step_confinement_done(&c);
    o.seccomp = profile;
    c = confine(&o);
    assert_int_equal(c.seccomp, WFE_OCI_SECCOMP_CUSTOM);
    assert_string_equal(c.seccomp_profile, profile);
    assert_ptr_not_equal(c.seccomp_profile, profile);
    wfe_step_confinement_done(&c);
}

/* An empty text is no way to switch the filter off. */
static void test_confine__refuses_what_is_no_profile(void **state)
{
    (void)state;
    static const char *const texts[] = {"",  "  ", "none", "Unconfined", "/etc/profile.json",
                                        "{", "{}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wfe_step_options o = options();
        o.seccomp = texts[i];
        assert_refused(&o, WFE_E_INVALID, "seccomp");
    }
}

static void test_confine__copies_flags_and_profile(void **state)
{
    (void)state;
    char profile[] = "my-profile";
    wfe_step_options o = options();
    o.privileged = o.allow_new_privileges = o.read_only = true;
    o.apparmor = profile;
    wfe_step_confinement c = confine(&o);
    profile[0] = 'X';
    assert_true(c.privileged && c.allow_new_privileges && c.readonly_rootfs);
    assert_string_equal(c.apparmor, "my-profile");
    wfe_step_confinement_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confine__limits_nothing_and_confines_by_default),
        cmocka_unit_test(test_confine__reads_limits),
        cmocka_unit_test(test_confine__adds_no_process_beyond_the_kernel_s_maximum),
        cmocka_unit_test(test_confine__names_a_limit_that_is_wrong),
        cmocka_unit_test(test_confine__takes_each_ulimit_once),
        cmocka_unit_test(test_confine__takes_every_ulimit_there_is_and_not_one_more),
        cmocka_unit_test(test_confine__reads_tmpfs_mounts),
        cmocka_unit_test(test_confine__limits_the_number_of_tmpfs_mounts),
        cmocka_unit_test(test_confine__reads_capabilities),
        cmocka_unit_test(test_confine__tells_the_forms_of_seccomp_apart),
        cmocka_unit_test(test_confine__refuses_what_is_no_profile),
        cmocka_unit_test(test_confine__copies_flags_and_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
