/* SPDX-License-Identifier: Apache-2.0
 *
 * The opt-outs and limits of the runtime spec; test_oci_spec.c has the rest.
 */
#include "fixtures/wfe_assert.h"
#include "oci/spec.h"
#include "unit/oci_spec_json.h"
#include "unit/own_architecture.h"

static const char *const argv[] = {"/bin/true", NULL};

static wfe_oci_spec plain(void)
{
    return (wfe_oci_spec){
        .argv = argv, .cwd = "/", .uid = 1000, .gid = 1000, .architecture = "amd64"};
}

static bool first_rule_allows(json_t *spec, const char *call)
{
    size_t i;
    json_t *name;
    json_array_foreach(at(spec, "linux/seccomp/syscalls/0/names"), i, name)
    {
        if (strcmp(json_string_value(name), call) == 0)
            return true;
    }
    return false;
}

static void test_oci_spec_options__system_calls_are_filtered_by_the_capabilities(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_json(spec, "linux/seccomp/defaultAction", "\"SCMP_ACT_ERRNO\"");
    assert_false(first_rule_allows(spec, "chroot"));
    json_decref(spec);
    in.uid = 0;
    in.cap_add = WFE_OCI_CAP_BIT(SYS_ADMIN);
    spec = build(&in);
    assert_true(first_rule_allows(spec, "chroot"));
    assert_true(first_rule_allows(spec, "mount"));
    json_decref(spec);
    in.available_caps = WFE_OCI_CAPS_ALL & ~WFE_OCI_CAP_BIT(SYS_ADMIN);
    spec = build(&in);
    assert_false(first_rule_allows(spec, "mount"));
    json_decref(spec);
}

static void test_oci_spec_options__a_process_may_filter_itself_only_as_the_spec_would(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.architecture = OWN_ARCHITECTURE;
    in.seccomp_abis = WFE_OCI_SECCOMP_ABIS_NO_X32;
    in.uid = 1000;
    assert_string_equal(wfe_oci_spec_compiled_filter(&in), "default");
    in.uid = 0;
    assert_string_equal(wfe_oci_spec_compiled_filter(&in), "default+chroot");
    in.cap_drop = WFE_OCI_CAPS_ALL;
    assert_string_equal(wfe_oci_spec_compiled_filter(&in), "default");
    in.cap_drop = 0;
    in.cap_add = WFE_OCI_CAP_BIT(SYS_ADMIN);
    assert_null(wfe_oci_spec_compiled_filter(&in));
    in.cap_add = 0;
    in.allow_new_privileges = true; /* the kernel lets nobody take one up then */
    assert_null(wfe_oci_spec_compiled_filter(&in));
    in.allow_new_privileges = false;
    in.privileged = true;
    assert_null(wfe_oci_spec_compiled_filter(&in));
    in.privileged = false;
    in.seccomp = WFE_OCI_SECCOMP_UNCONFINED;
    assert_null(wfe_oci_spec_compiled_filter(&in));
    in.seccomp = WFE_OCI_SECCOMP_CUSTOM;
    in.seccomp_profile = "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}";
    assert_null(wfe_oci_spec_compiled_filter(&in));
}

static void test_oci_spec_options__seccomp_can_be_off_or_the_users_own(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.seccomp = WFE_OCI_SECCOMP_UNCONFINED;
    json_t *spec = build(&in);
    assert_null(at(spec, "linux/seccomp"));
    json_decref(spec);
    in.seccomp = WFE_OCI_SECCOMP_BY_ARGV0;
    spec = build(&in);
    assert_null(at(spec, "linux/seccomp"));
    json_decref(spec);
    in.seccomp = WFE_OCI_SECCOMP_CUSTOM;
    in.seccomp_profile = "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}";
    spec = build(&in);
    assert_json(spec, "linux/seccomp", "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
    json_decref(spec);
    assert_valid_by_schema(&in);
}

static void assert_refused(const wfe_oci_spec *in, const char *part)
{
    wfe_error err = WFE_ERROR_INIT;
    char *text = NULL;
    size_t len = 7;
    assert_fails(wfe_oci_spec_build(in, &text, &len, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, part);
    assert_null(text);
}

static void test_oci_spec_options__a_bad_profile_is_refused(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.seccomp = WFE_OCI_SECCOMP_CUSTOM;
    assert_refused(&in, "seccomp profile: it is missing");
    in.seccomp_profile = "{}";
    assert_refused(&in, "seccomp profile: defaultAction is missing");
}

static void test_oci_spec_options__privileged_lifts_everything(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.uid = 0;
    in.privileged = true;
    in.apparmor_profile = "docker-default";
    json_t *spec = build(&in);
    assert_int_equal(json_array_size(at(spec, "process/capabilities/bounding")), 41);
    assert_null(at(spec, "process/capabilities/ambient"));
    assert_null(at(spec, "linux/seccomp"));
    assert_null(at(spec, "linux/maskedPaths"));
    assert_null(at(spec, "linux/readonlyPaths"));
    assert_null(at(spec, "process/apparmorProfile"));
    assert_json(spec, "process/noNewPrivileges", "false");
    assert_json(spec, "linux/resources/devices", "[{\"allow\":true,\"access\":\"rwm\"}]");
    assert_json(mount_at(spec, "/sys"), "options", "[\"nosuid\",\"noexec\",\"nodev\"]");
    assert_json(mount_at(spec, "/sys/fs/cgroup"), "options", "[\"nosuid\",\"noexec\",\"nodev\"]");
    json_decref(spec);
    assert_valid_by_schema(&in);
}

static void test_oci_spec_options__devices_are_listed(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    char fuse[] = "/dev/fuse", disk[] = "/dev/sd\"a";
    const wfe_oci_device devices[] = {
        {.path = fuse, .is_char = true, .major = 10, .minor = 229, .mode = 0666},
        {.path = disk, .major = 8, .minor = 0, .mode = 0660, .gid = 6},
    };
    json_t *spec = build(&in);
    assert_null(at(spec, "linux/devices"));
    json_decref(spec);
    in.devices = devices;
    in.n_devices = 2;
    spec = build(&in);
    assert_json(spec, "linux/devices",
                "[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,"
                "\"fileMode\":438,\"uid\":0,\"gid\":0},"
                "{\"path\":\"/dev/sd\\\"a\",\"type\":\"b\",\"major\":8,\"minor\":0,"
                "\"fileMode\":432,\"uid\":0,\"gid\":6}]");
    json_decref(spec);
    assert_valid_by_schema(&in);
}

static void test_oci_spec_options__an_added_capability_of_a_user_is_in_all_sets(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.cap_add = WFE_OCI_CAP_BIT(NET_BIND_SERVICE);
    json_t *spec = build(&in);
    assert_json(spec, "process/capabilities",
                "{\"bounding\":[\"CAP_NET_BIND_SERVICE\"],\"effective\":[\"CAP_NET_BIND_SERVICE\"],"
                "\"permitted\":[\"CAP_NET_BIND_SERVICE\"],\"inheritable\":["
                "\"CAP_NET_BIND_SERVICE\"],\"ambient\":[\"CAP_NET_BIND_SERVICE\"]}");
    json_decref(spec);
    assert_valid_by_schema(&in);
}

static void test_oci_spec_options__new_privileges_and_apparmor_by_name(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_json(spec, "process/noNewPrivileges", "true");
    assert_null(at(spec, "process/apparmorProfile"));
    json_decref(spec);
    in.allow_new_privileges = true;
    in.apparmor_profile = "docker-default";
    spec = build(&in);
    assert_json(spec, "process/noNewPrivileges", "false");
    assert_json(spec, "process/apparmorProfile", "\"docker-default\"");
    json_decref(spec);
    assert_valid_by_schema(&in);
}

static void test_oci_spec_options__limits_are_in_the_spec(void **state)
{
    (void)state;
    static const wfe_oci_rlimit rlimits[] = {
        {WFE_OCI_RLIMIT_CORE, WFE_OCI_RLIMIT_UNLIMITED, WFE_OCI_RLIMIT_UNLIMITED},
        {WFE_OCI_RLIMIT_STACK, 1, WFE_OCI_RLIMIT_UNLIMITED},
    };
    wfe_oci_spec in = plain();
    in.resources =
        (wfe_oci_resources){.memory_bytes = 64 << 20, .cpu_quota_us = 50000, .pids = 100};
    in.shm_size_bytes = 1 << 20;
    in.max_open_files = 4096;
    in.rlimits = rlimits;
    in.n_rlimits = 2;
    /* Looked at as text: the numbers of "unlimited" are too large for the parser here. */
    wfe_error err = WFE_ERROR_INIT;
    char *text = NULL;
    size_t len = 0;
    assert_ok(wfe_oci_spec_build(&in, &text, &len, &err), &err);
    assert_contains(
        text, "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":"
              "18446744073709551615},{\"type\":\"RLIMIT_STACK\",\"hard\":18446744073709551615,"
              "\"soft\":1},{\"type\":\"RLIMIT_NOFILE\",\"hard\":4096,\"soft\":1024}]");
    assert_contains(text, "\"memory\":{\"limit\":67108864,\"swap\":67108864},\"cpu\":{\"quota\":"
                          "50000,\"period\":100000},\"pids\":{\"limit\":100}");
    assert_contains(text, "\"mode=1777\",\"size=1048576\"]");
    free(text);
    assert_valid_by_schema(&in);
}

static void test_oci_spec_options__a_text_like_the_mark_of_unlimited_stays(void **state)
{
    (void)state;
    static const char *const tricky[] = {"/x", "\":-9223372036854775808",
                                         "{\"hard\":-9223372036854775808}", NULL};
    wfe_oci_spec in = plain();
    in.argv = tricky;
    json_t *spec = build(&in);
    assert_json(spec, "process/args",
                "[\"/x\",\"\\\":-9223372036854775808\",\"{\\\"hard\\\":-9223372036854775808}\"]");
    json_decref(spec);
}

static void test_oci_spec_options__an_own_nofile_replaces_the_default(void **state)
{
    (void)state;
    static const wfe_oci_rlimit nofile = {WFE_OCI_RLIMIT_NOFILE, 10, 20};
    wfe_oci_spec in = plain();
    in.max_open_files = 4096;
    in.rlimits = &nofile;
    in.n_rlimits = 1;
    json_t *spec = build(&in);
    assert_json(spec, "process/rlimits", "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":20,\"soft\":10}]");
    json_decref(spec);
}

static void test_oci_spec_options__limits_out_of_range_are_refused(void **state)
{
    (void)state;
    wfe_oci_rlimit rlimits[2] = {{WFE_OCI_RLIMIT_CORE, 2, 1}};
    wfe_oci_spec in = plain();
    in.rlimits = rlimits;
    in.n_rlimits = 1;
    assert_refused(&in, "ulimit 1 is out of range");
    rlimits[0] = (wfe_oci_rlimit){WFE_OCI_RLIMIT_COUNT, 1, 1};
    assert_refused(&in, "ulimit 1 is out of range");
    rlimits[0] = (wfe_oci_rlimit){WFE_OCI_RLIMIT_CORE, 1, WFE_OCI_RLIMIT_MAX + 1};
    assert_refused(&in, "ulimit 1 is out of range");
    rlimits[0] = rlimits[1] = (wfe_oci_rlimit){WFE_OCI_RLIMIT_CORE, 1, 1};
    in.n_rlimits = 2;
    assert_refused(&in, "RLIMIT_CORE is given more than once");
    in = plain();
    in.resources.memory_bytes = 1;
    assert_refused(&in, "memory is 1 bytes");
    in = plain();
    in.resources.cpu_quota_us = 999;
    assert_refused(&in, "cpu is 999 us");
    in = plain();
    in.resources.pids = WFE_OCI_PIDS_MAX + 1;
    assert_refused(&in, "pids is 4194305");
    in = plain();
    in.shm_size_bytes = UINT64_MAX;
    assert_refused(&in, "shm_size is");
}

static void test_oci_spec_options__tmpfs_mounts_have_their_options(void **state)
{
    (void)state;
    const wfe_oci_tmpfs tmpfs[] = {
        {.target = (char[]){"/a"}},
        {.target = (char[]){"/b"},
         .size_bytes = 4096,
         .inodes = 9,
         .mode = 0700,
         .uid = 5,
         .gid = 6,
         .readonly = true,
         .allow_exec = true,
         .allow_suid = true,
         .allow_dev = true},
    };
    wfe_oci_spec in = plain();
    in.tmpfs = tmpfs;
    in.n_tmpfs = 2;
    json_t *spec = build(&in);
    assert_json(mount_at(spec, "/a"), "type", "\"tmpfs\"");
    assert_json(mount_at(spec, "/a"), "options",
                "[\"nosuid\",\"noexec\",\"nodev\",\"rw\",\"mode=1777\"]");
    assert_json(mount_at(spec, "/b"), "options",
                "[\"suid\",\"exec\",\"dev\",\"ro\",\"mode=700\",\"size=4096\",\"nr_inodes=9\","
                "\"uid=5\",\"gid=6\"]");
    json_decref(spec);
    assert_valid_by_schema(&in);
}

static void test_oci_spec_options__mounts_go_from_the_root_down(void **state)
{
    (void)state;
    const wfe_oci_tmpfs tmpfs[] = {{.target = (char[]){"/work/src/out"}},
                                   {.target = (char[]){"/./././work"}}};
    static const wfe_oci_bind volumes[] = {{.source = "/s", .target = "//work//src/"},
                                           {.source = "/t", .target = "/data"}};
    static const char *const wanted[] = {"/./././work", "/data", "//work//src/", "/work/src/out"};
    wfe_oci_spec in = plain();
    in.tmpfs = tmpfs;
    in.n_tmpfs = 2;
    in.volumes = volumes;
    in.n_volumes = 2;
    json_t *spec = build(&in);
    json_t *mounts = at(spec, "mounts");
    assert_true(json_array_size(mounts) > 4);
    for (size_t i = 0; i < 4; i++) {
        json_t *mount = json_array_get(mounts, json_array_size(mounts) - 4 + i);
        assert_string_equal(json_string_value(json_object_get(mount, "destination")), wanted[i]);
    }
    json_decref(spec);
}

static void test_oci_spec_options__a_read_only_root_keeps_scratch_space(void **state)
{
    (void)state;
    static const wfe_oci_bind volume = {.source = "/cache", .target = "/./var/tmp/"};
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_null(mount_at(spec, "/tmp"));
    json_decref(spec);
    in.readonly_rootfs = true;
    in.volumes = &volume;
    in.n_volumes = 1;
    spec = build(&in);
    assert_json(mount_at(spec, "/tmp"), "options",
                "[\"nosuid\",\"exec\",\"nodev\",\"rw\",\"mode=1777\"]");
    assert_json(mount_at(spec, "/run"), "options",
                "[\"nosuid\",\"noexec\",\"nodev\",\"rw\",\"mode=755\"]");
    assert_null(mount_at(spec, "/var/tmp"));
    assert_non_null(mount_at(spec, "/./var/tmp/"));
    json_decref(spec);
    assert_valid_by_schema(&in);
}

static void test_oci_spec_options__refuses_bad_tmpfs_targets(void **state)
{
    (void)state;
    wfe_oci_tmpfs tmpfs = {.target = (char[]){"tmp"}};
    wfe_oci_spec in = plain();
    in.tmpfs = &tmpfs;
    in.n_tmpfs = 1;
    assert_refused(&in, "tmpfs target is 'tmp'");
    tmpfs.target = (char[]){"//"};
    assert_refused(&in, "root of the container");
    tmpfs.target = NULL;
    assert_refused(&in, "tmpfs target is ''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_spec_options__system_calls_are_filtered_by_the_capabilities),
        cmocka_unit_test(test_oci_spec_options__a_process_may_filter_itself_only_as_the_spec_would),
        cmocka_unit_test(test_oci_spec_options__seccomp_can_be_off_or_the_users_own),
        cmocka_unit_test(test_oci_spec_options__a_bad_profile_is_refused),
        cmocka_unit_test(test_oci_spec_options__privileged_lifts_everything),
        cmocka_unit_test(test_oci_spec_options__devices_are_listed),
        cmocka_unit_test(test_oci_spec_options__an_added_capability_of_a_user_is_in_all_sets),
        cmocka_unit_test(test_oci_spec_options__new_privileges_and_apparmor_by_name),
        cmocka_unit_test(test_oci_spec_options__limits_are_in_the_spec),
        cmocka_unit_test(test_oci_spec_options__a_text_like_the_mark_of_unlimited_stays),
        cmocka_unit_test(test_oci_spec_options__an_own_nofile_replaces_the_default),
        cmocka_unit_test(test_oci_spec_options__limits_out_of_range_are_refused),
        cmocka_unit_test(test_oci_spec_options__tmpfs_mounts_have_their_options),
        cmocka_unit_test(test_oci_spec_options__mounts_go_from_the_root_down),
        cmocka_unit_test(test_oci_spec_options__a_read_only_root_keeps_scratch_space),
        cmocka_unit_test(test_oci_spec_options__refuses_bad_tmpfs_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
