/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/spec.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"
#include "oci/process.h"
#include "oci/user.h"
#include "unit/oci_spec_json.h"

static const char *const echo_argv[] = {"/bin/echo", "hi", NULL};

static wfe_oci_spec plain(void)
{
    return (wfe_oci_spec){.argv = echo_argv, .cwd = "/", .uid = 1000, .gid = 1000};
}

static bool has_text(json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (strcmp(json_string_value(json_array_get(array, i)), text) == 0)
            return true;
    }
    return false;
}

static json_t *namespace_of(json_t *spec, const char *type)
{
    json_t *namespaces = at(spec, "linux/namespaces");
    for (size_t i = 0; i < json_array_size(namespaces); i++) {
        json_t *one = json_array_get(namespaces, i);
        if (strcmp(json_string_value(json_object_get(one, "type")), type) == 0)
            return one;
    }
    return NULL;
}

/* Builds the process of an image without ENTRYPOINT and CMD, and puts it into the spec. */
static json_t *build_process(const wfe_oci_process_options *options, wfe_oci_spec *in)
{
    wfe_oci_image_config image = {.working_dir = NULL};
    wfe_oci_process process = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_oci_process_build(&image, options, &process, &err), &err);
    in->argv = (const char *const *)process.argv;
    in->env = &process.env;
    in->cwd = process.cwd;
    json_t *spec = build(in);
    wfe_oci_process_done(&process);
    return spec;
}

/* ---- the "Spec" cases of WFE's own tests ---- */

static void test_oci_spec__type_url_and_oci_version(void **state)
{
    (void)state;
    assert_string_equal(WFE_OCI_SPEC_TYPE_URL,
                        "types.containerd.io/opencontainers/runtime-spec/1/Spec");
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_json(spec, "ociVersion", "\"1.0.2\"");
    json_decref(spec);
}

static void test_oci_spec__run_gives_sh_c_with_ids_and_the_root_folder(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.uid = in.gid = WFE_OCI_ID_NOBODY;
    json_t *spec = build_process(&(wfe_oci_process_options){.run = "echo hello"}, &in);
    assert_json(spec, "process/args", "[\"/bin/sh\",\"-c\",\"echo hello\"]");
    assert_json(spec, "process/user/uid", "65534");
    assert_json(spec, "process/user/gid", "65534");
    assert_json(spec, "process/cwd", "\"/\"");
    json_decref(spec);
}

static void test_oci_spec__command(void **state)
{
    (void)state;
    static const char *const command[] = {"echo", "hello", "a b", NULL};
    wfe_oci_spec in = plain();
    json_t *spec = build_process(&(wfe_oci_process_options){.command = command}, &in);
    assert_json(spec, "process/args", "[\"echo\",\"hello\",\"a b\"]");
    json_decref(spec);
}

static void test_oci_spec__env(void **state)
{
    (void)state;
    wfe_strmap env = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_strmap_set(&env, "FOO", "bar", &err), &err);
    assert_ok(wfe_strmap_set(&env, "EMPTY", "", &err), &err);
    assert_ok(wfe_strmap_set(&env, "EQ", "a=b \"c\"\n%s", &err), &err);
    wfe_oci_spec in = plain();
    json_t *spec = build_process(&(wfe_oci_process_options){.run = "x", .env = &env}, &in);
    assert_json(spec, "process/env",
                "[\"FOO=bar\",\"EMPTY=\",\"EQ=a=b \\\"c\\\"\\n%s\",\"PATH=" WFE_OCI_DEFAULT_PATH
                "\"]");
    json_decref(spec);
    wfe_strmap_done(&env);
}

static void test_oci_spec__working_dir(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec =
        build_process(&(wfe_oci_process_options){.run = "pwd", .working_dir = "/app"}, &in);
    assert_json(spec, "process/cwd", "\"/app\"");
    json_decref(spec);
}

static void test_oci_spec__user(void **state)
{
    (void)state;
    wfe_oci_user user = wfe_oci_user_parse("1000:2000");
    wfe_oci_spec in = plain();
    in.uid = user.uid;
    in.gid = user.gid;
    json_t *spec = build(&in);
    assert_json(spec, "process/user", "{\"uid\":1000,\"gid\":2000,\"additionalGids\":[2000]}");
    json_decref(spec);
}

static void test_oci_spec__volumes_with_ro_on_the_read_only_one(void **state)
{
    (void)state;
    static const wfe_oci_bind volumes[] = {
        {.source = "/host/a", .target = "/a"},
        {.source = "/host/b", .target = "/b", .readonly = true},
    };
    wfe_oci_spec in = plain();
    in.volumes = volumes;
    in.n_volumes = 2;
    json_t *spec = build(&in);
    json_t *a = mount_at(spec, "/a");
    json_t *b = mount_at(spec, "/b");
    assert_json(a, "type", "\"bind\"");
    assert_json(a, "source", "\"/host/a\"");
    assert_json(a, "options", "[\"rbind\",\"rprivate\",\"nosuid\",\"nodev\",\"rw\"]");
    assert_json(b, "source", "\"/host/b\"");
    assert_json(b, "options", "[\"rbind\",\"rprivate\",\"nosuid\",\"nodev\",\"ro\"]");
    json_decref(spec);
}

static void test_oci_spec__neither_run_nor_command_runs_what_the_image_says(void **state)
{
    (void)state;
    const char *const cmd[] = {"httpd", "-f", NULL};
    wfe_oci_image_config image = {.cmd = (char **)cmd};
    wfe_oci_process process = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_oci_process_build(&image, &(wfe_oci_process_options){0}, &process, &err), &err);
    wfe_oci_spec in = plain();
    in.argv = (const char *const *)process.argv;
    json_t *spec = build(&in);
    assert_json(spec, "process/args", "[\"httpd\",\"-f\"]");
    json_decref(spec);
    wfe_oci_process_done(&process);
}

/* ---- isolation ---- */

static void test_oci_spec__root_gets_dockers_14_capabilities_in_three_sets(void **state)
{
    (void)state;
    static const char wanted[] =
        "[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\","
        "\"CAP_SETGID\",\"CAP_SETUID\",\"CAP_SETPCAP\",\"CAP_NET_BIND_SERVICE\",\"CAP_NET_RAW\","
        "\"CAP_SYS_CHROOT\",\"CAP_MKNOD\",\"CAP_AUDIT_WRITE\",\"CAP_SETFCAP\"]";
    wfe_oci_spec in = plain();
    in.uid = 0;
    json_t *spec = build(&in);
    json_t *capabilities = at(spec, "process/capabilities");
    assert_json(capabilities, "bounding", wanted);
    assert_json(capabilities, "effective", wanted);
    assert_json(capabilities, "permitted", wanted);
    assert_int_equal(json_array_size(json_object_get(capabilities, "inheritable")), 0);
    assert_int_equal(json_array_size(json_object_get(capabilities, "ambient")), 0);
    json_decref(spec);
}

static void test_oci_spec__other_users_get_no_capabilities_whatever_their_group(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.uid = 1;
    in.gid = 0;
    json_t *spec = build(&in);
    assert_json(spec, "process/capabilities",
                "{\"bounding\":[],\"effective\":[],\"permitted\":[]}");
    json_decref(spec);
}

static void test_oci_spec__new_privileges_rlimits_and_oom_score(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.max_open_files = 1048576;
    json_t *spec = build(&in);
    assert_json(spec, "process/noNewPrivileges", "true");
    assert_json(spec, "process/terminal", "false");
    assert_json(spec, "process/oomScoreAdj", "0");
    assert_json(spec, "process/rlimits",
                "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1048576,\"soft\":1024}]");
    json_decref(spec);
    in.max_open_files = 512;
    spec = build(&in);
    assert_json(spec, "process/rlimits",
                "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":512,\"soft\":512}]");
    json_decref(spec);
    in.max_open_files = 0;
    spec = build(&in);
    assert_null(json_object_get(json_object_get(spec, "process"), "rlimits"));
    json_decref(spec);
}

static void test_oci_spec__additional_groups_hold_the_primary_one_once(void **state)
{
    (void)state;
    static const uint32_t gids[] = {10, 1000, 20};
    wfe_oci_spec in = plain();
    in.additional_gids = gids;
    in.n_additional_gids = 3;
    json_t *spec = build(&in);
    assert_json(spec, "process/user/additionalGids", "[1000,10,20]");
    json_decref(spec);
}

static void test_oci_spec__root_file_system_and_hostname(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_json(spec, "root", "{\"path\":\"rootfs\",\"readonly\":false}");
    assert_null(at(spec, "hostname"));
    json_decref(spec);
    in.readonly_rootfs = true;
    in.hostname = "step-1";
    spec = build(&in);
    assert_json(spec, "root", "{\"path\":\"rootfs\",\"readonly\":true}");
    assert_json(spec, "hostname", "\"step-1\"");
    json_decref(spec);
}

static void test_oci_spec__system_mounts_are_complete_and_hardened(void **state)
{
    (void)state;
    static const char wanted[] =
        "[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
        "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
        "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
        "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
        "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\","
        "\"gid=5\"]},"
        "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
        "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
        "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
        "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
        "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
        "\"options\":[\"ro\",\"nosuid\",\"noexec\",\"nodev\"]}]";
    wfe_oci_spec in = plain();
    in.resources.pids = 100;
    in.cgroup_namespace = true;
    json_t *spec = build(&in);
    assert_json(spec, "mounts", wanted);
    json_decref(spec);
}

static void test_oci_spec__cgroups_are_mounted_only_where_there_is_something_to_read(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_int_equal(json_array_size(at(spec, "mounts")), 6);
    json_decref(spec);
    in.cgroup_namespace = true;
    spec = build(&in);
    assert_int_equal(json_array_size(at(spec, "mounts")), 7);
    json_decref(spec);
    in.cgroup_namespace = false;
    in.resources.memory_bytes = WFE_OCI_MEMORY_MIN_BYTES;
    spec = build(&in);
    assert_int_equal(json_array_size(at(spec, "mounts")), 7);
    json_decref(spec);
}

static void test_oci_spec__binds_come_after_volumes_or_before_them(void **state)
{
    (void)state;
    static const wfe_oci_bind volume = {.source = "/v", .target = "/same"};
    static const wfe_oci_bind binds[] = {
        {.source = "/hosts", .target = "/same"},
        {.source = "/init", .target = "/.own", .readonly = true, .before_volumes = true}};
    static const char *const wanted[] = {"\"/init\"", "\"tmpfs\"", "\"/v\"", "\"/hosts\""};
    const wfe_oci_tmpfs tmpfs = {.target = (char[]){"/a"}};
    wfe_oci_spec in = plain();
    in.volumes = &volume;
    in.n_volumes = 1;
    in.tmpfs = &tmpfs;
    in.n_tmpfs = 1;
    in.binds = binds;
    in.n_binds = 2;
    json_t *spec = build(&in);
    json_t *mounts = at(spec, "mounts");
    size_t n = json_array_size(mounts);
    assert_true(n > 4);
    for (size_t i = 0; i < 4; i++)
        assert_json(json_array_get(mounts, n - 4 + i), "source", wanted[i]);
    json_decref(spec);
}

static void test_oci_spec__no_network_means_a_network_namespace_of_its_own(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_json(spec, "linux/namespaces",
                "[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"
                "{\"type\":\"network\"}]");
    json_decref(spec);
}

static void test_oci_spec__host_network_has_no_network_namespace(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.network = WFE_OCI_NETWORK_HOST;
    json_t *spec = build(&in);
    assert_null(namespace_of(spec, "network"));
    assert_non_null(namespace_of(spec, "pid"));
    assert_json(mount_at(spec, "/sys"), "type", "\"sysfs\"");
    json_decref(spec);
}

static void test_oci_spec__rootless_host_network_binds_sys_read_only(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.rootless = true;
    json_t *spec = build(&in);
    assert_json(mount_at(spec, "/sys"), "type", "\"sysfs\"");
    json_decref(spec);
    in.network = WFE_OCI_NETWORK_HOST;
    spec = build(&in);
    assert_json(mount_at(spec, "/sys"), "type", "\"bind\"");
    assert_json(mount_at(spec, "/sys"), "source", "\"/sys\"");
    assert_json(mount_at(spec, "/sys"), "options",
                "[\"rbind\",\"nosuid\",\"noexec\",\"nodev\",\"ro\"]");
    json_decref(spec);
}

static void test_oci_spec__a_network_by_path_joins_that_namespace(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.network = WFE_OCI_NETWORK_PATH;
    in.netns_path = "/run/netns/x";
    json_t *spec = build(&in);
    assert_json(namespace_of(spec, "network"), "path", "\"/run/netns/x\"");
    json_decref(spec);
}

static void test_oci_spec__cgroup_namespace_and_path_only_when_asked_for(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_null(namespace_of(spec, "cgroup"));
    assert_null(at(spec, "linux/cgroupsPath"));
    json_decref(spec);
    in.cgroup_namespace = true;
    in.cgroups_path = "/default/wfe-1";
    spec = build(&in);
    assert_non_null(namespace_of(spec, "cgroup"));
    assert_json(spec, "linux/cgroupsPath", "\"/default/wfe-1\"");
    json_decref(spec);
}

static void test_oci_spec__devices_are_denied_but_the_runtimes_own(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    json_t *spec = build(&in);
    assert_json(spec, "linux/resources/devices", "[{\"allow\":false,\"access\":\"rwm\"}]");
    json_decref(spec);
}

static void test_oci_spec__paths_of_the_machine_are_masked_or_read_only(void **state)
{
    (void)state;
    static const char *const masked[] = {
        "/proc/acpi",
        "/proc/asound",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
        "/sys/devices/system/cpu/cpu0/thermal_throttle",
        "/sys/devices/system/cpu/cpu1/thermal_throttle",
    };
    wfe_oci_spec in = plain();
    in.n_cpus = 2;
    json_t *spec = build(&in);
    json_t *found = at(spec, "linux/maskedPaths");
    for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
        if (!has_text(found, masked[i]))
            fail_msg("%s is not masked", masked[i]);
    }
    assert_int_equal(json_array_size(found), sizeof masked / sizeof *masked);
    assert_json(spec, "linux/readonlyPaths",
                "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]");
    json_decref(spec);
}

/* ---- wrong input ---- */

static void assert_refused(const wfe_oci_spec *in, int kind, const char *part)
{
    wfe_error err = WFE_ERROR_INIT;
    char *text = NULL;
    size_t len = 7;
    assert_fails(wfe_oci_spec_build(in, &text, &len, &err), kind, &err);
    assert_contains(err.message, part);
    assert_null(text);
    assert_int_equal(len, 7);
}

static void test_oci_spec__refuses_an_empty_command_and_a_relative_folder(void **state)
{
    (void)state;
    static const char *const empty[] = {NULL};
    static const char *const blank[] = {"", NULL};
    wfe_oci_spec in = plain();
    in.argv = empty;
    assert_refused(&in, WFE_E_INVALID, "command");
    in.argv = blank;
    assert_refused(&in, WFE_E_INVALID, "command");
    in = plain();
    in.cwd = "app";
    assert_refused(&in, WFE_E_INVALID, "working_dir is 'app'");
}

static void test_oci_spec__refuses_bad_volumes(void **state)
{
    (void)state;
    wfe_oci_bind volume = {.source = "data", .target = "/data"};
    wfe_oci_spec in = plain();
    in.volumes = &volume;
    in.n_volumes = 1;
    assert_refused(&in, WFE_E_INVALID, "volume source is 'data'");
    volume = (wfe_oci_bind){.source = "/data", .target = "data"};
    assert_refused(&in, WFE_E_INVALID, "volume target is 'data'");
    volume.target = "//";
    assert_refused(&in, WFE_E_INVALID, "root of the container");
    volume.target = "/\xFF";
    assert_refused(&in, WFE_E_INVALID, "UTF-8");
}

static void test_oci_spec__refuses_text_that_json_cannot_carry(void **state)
{
    (void)state;
    static const char *const argv[] = {"/bin/echo", "\xFF", NULL};
    wfe_oci_spec in = plain();
    in.argv = argv;
    assert_refused(&in, WFE_E_INVALID, "argument 1 is not UTF-8");
    wfe_strmap env = {0};
    assert_ok(wfe_strmap_set(&env, "LATIN1", "\xE4", NULL), NULL);
    in = plain();
    in.env = &env;
    assert_refused(&in, WFE_E_INVALID, "variable LATIN1 is not UTF-8");
    wfe_strmap_done(&env);
}

static void test_oci_spec__refuses_ids_out_of_range(void **state)
{
    (void)state;
    static const uint32_t gids[] = {1, WFE_OCI_ID_MAX + 1};
    wfe_oci_spec in = plain();
    in.uid = WFE_OCI_ID_MAX + 1;
    assert_refused(&in, WFE_E_INVALID, "above 2147483647");
    in = plain();
    in.gid = UINT32_MAX;
    assert_refused(&in, WFE_E_INVALID, "above 2147483647");
    in = plain();
    in.additional_gids = gids;
    in.n_additional_gids = 2;
    assert_refused(&in, WFE_E_INVALID, "above 2147483647");
}

static void test_oci_spec__refuses_a_network_by_path_without_a_path(void **state)
{
    (void)state;
    wfe_oci_spec in = plain();
    in.network = WFE_OCI_NETWORK_PATH;
    assert_refused(&in, WFE_E_INVALID, "network namespace");
}

static void test_oci_spec__refuses_to_grow_above_its_limit(void **state)
{
    (void)state;
    char *big = malloc(WFE_OCI_SPEC_MAX_BYTES + 1);
    assert_non_null(big);
    memset(big, 'x', WFE_OCI_SPEC_MAX_BYTES);
    big[WFE_OCI_SPEC_MAX_BYTES] = '\0';
    const char *const argv[] = {big, NULL};
    wfe_oci_spec in = plain();
    in.argv = argv;
    assert_refused(&in, WFE_E_LIMIT, "longer than 8 MiB");
    free(big);
}

/* ---- the schema ---- */

static void test_oci_spec__fits_the_json_schema_of_the_runtime_spec(void **state)
{
    (void)state;
    static const wfe_oci_bind volume = {.source = "/v", .target = "/w", .readonly = true};
    static const uint32_t gids[] = {10, 20};
    wfe_strmap env = {0};
    assert_ok(wfe_strmap_set(&env, "PATH", WFE_OCI_DEFAULT_PATH, NULL), NULL);
    wfe_oci_spec in = plain();
    assert_valid_by_schema(&in);
    in.uid = 0;
    in.env = &env;
    in.additional_gids = gids;
    in.n_additional_gids = 2;
    in.hostname = "step";
    in.volumes = in.binds = &volume;
    in.n_volumes = in.n_binds = 1;
    in.readonly_rootfs = true;
    in.network = WFE_OCI_NETWORK_PATH;
    in.netns_path = "/run/netns/x";
    in.cgroup_namespace = true;
    in.cgroups_path = "/default/x";
    in.n_cpus = 2;
    assert_valid_by_schema(&in);
    in.network = WFE_OCI_NETWORK_HOST;
    in.rootless = true;
    assert_valid_by_schema(&in);
    wfe_strmap_done(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_spec__type_url_and_oci_version),
        cmocka_unit_test(test_oci_spec__run_gives_sh_c_with_ids_and_the_root_folder),
        cmocka_unit_test(test_oci_spec__command),
        cmocka_unit_test(test_oci_spec__env),
        cmocka_unit_test(test_oci_spec__working_dir),
        cmocka_unit_test(test_oci_spec__user),
        cmocka_unit_test(test_oci_spec__volumes_with_ro_on_the_read_only_one),
        cmocka_unit_test(test_oci_spec__neither_run_nor_command_runs_what_the_image_says),
        cmocka_unit_test(test_oci_spec__root_gets_dockers_14_capabilities_in_three_sets),
        cmocka_unit_test(test_oci_spec__other_users_get_no_capabilities_whatever_their_group),
        cmocka_unit_test(test_oci_spec__new_privileges_rlimits_and_oom_score),
        cmocka_unit_test(test_oci_spec__additional_groups_hold_the_primary_one_once),
        cmocka_unit_test(test_oci_spec__root_file_system_and_hostname),
        cmocka_unit_test(test_oci_spec__system_mounts_are_complete_and_hardened),
        cmocka_unit_test(test_oci_spec__cgroups_are_mounted_only_where_there_is_something_to_read),
        cmocka_unit_test(test_oci_spec__binds_come_after_volumes_or_before_them),
        cmocka_unit_test(test_oci_spec__no_network_means_a_network_namespace_of_its_own),
        cmocka_unit_test(test_oci_spec__host_network_has_no_network_namespace),
        cmocka_unit_test(test_oci_spec__rootless_host_network_binds_sys_read_only),
        cmocka_unit_test(test_oci_spec__a_network_by_path_joins_that_namespace),
        cmocka_unit_test(test_oci_spec__cgroup_namespace_and_path_only_when_asked_for),
        cmocka_unit_test(test_oci_spec__devices_are_denied_but_the_runtimes_own),
        cmocka_unit_test(test_oci_spec__paths_of_the_machine_are_masked_or_read_only),
        cmocka_unit_test(test_oci_spec__refuses_an_empty_command_and_a_relative_folder),
        cmocka_unit_test(test_oci_spec__refuses_bad_volumes),
        cmocka_unit_test(test_oci_spec__refuses_text_that_json_cannot_carry),
        cmocka_unit_test(test_oci_spec__refuses_ids_out_of_range),
        cmocka_unit_test(test_oci_spec__refuses_a_network_by_path_without_a_path),
        cmocka_unit_test(test_oci_spec__refuses_to_grow_above_its_limit),
        cmocka_unit_test(test_oci_spec__fits_the_json_schema_of_the_runtime_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
