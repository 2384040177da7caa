/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits hold, are told in words when they are reached, and what a step used is in its result.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include <wfe/doctor.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

static wfe_step_options using(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_program(daemon, "use", &options);
    return options;
}

/* "wfe"."error" of the result's JSON; free it. */
static char *error_of(const wfe_step_result *result)
{
    char *text = wfe_step_result_json(result);
    json_t *json = json_loads(text, 0, NULL);
    const char *error = json_string_value(json_object_get(json_object_get(json, "wfe"), "error"));
    char *copy = strdup(error ? error : "");
    json_decref(json);
    free(text);
    return copy;
}

/* ---- memory ---- */

static void test_step_limits__running_out_of_memory_is_said_with_the_limit(void **state)
{
    wfe_step_options options = using(state);
    options.memory = "16m";
    options.run = "exec /programs/use memory 64";
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_true(wfe_step_result_out_of_memory(result));
    assert_int_equal(wfe_step_result_end(result), WFE_STEP_EXITED);
    assert_int_equal(wfe_step_result_exit_code(result), 137);
    char *error = error_of(result);
    assert_string_equal(error,
                        "container ran out of memory: its limit is 16 MiB; it exited with code "
                        "137");
    free(error);
    wfe_step_result_free(result);
}

static void test_step_limits__running_out_of_memory_without_init_is_said_too(void **state)
{
    wfe_step_options options = using(state);
    options.memory = "16m";
    options.no_init = true;
    options.run = "exec /programs/use memory 64";
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_true(wfe_step_result_out_of_memory(result));
    wfe_step_result_free(result);
}

static void test_step_limits__a_kill_that_the_command_got_over_is_a_warning(void **state)
{
    wfe_step_options options = using(state);
    options.memory = "16m";
    options.run = "/programs/use memory 64 || echo killed";
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_false(wfe_step_result_out_of_memory(result));
    assert_int_equal(wfe_step_result_exit_code(result), 0);
    step_assert_stream(result, WFE_STDOUT, "killed\n");
    assert_int_equal(wfe_step_result_n_warnings(result), 1);
    step_assert_has(wfe_step_result_warning(result, 0), "memory limit");
    wfe_step_result_free(result);
    options.strict = true;
    step_assert_has(step_group_failure(&options, WFE_E_CONFLICT).message, "memory limit");
}

static void test_step_limits__a_kill_by_itself_is_not_out_of_memory(void **state)
{
    wfe_step_options options = using(state);
    options.memory = "64m";
    options.run = "kill -9 $$";
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_exit_code(result), 137);
    assert_false(wfe_step_result_out_of_memory(result));
    char *error = error_of(result);
    assert_string_equal(error, "container exited with code 137");
    free(error);
    wfe_step_result_free(result);
}

static void test_step_limits__what_fits_into_the_memory_limit_runs(void **state)
{
    wfe_step_options options = using(state);
    options.memory = "64m";
    step_group_expect(&options, "/programs/use memory 32", "32 MiB\n");
}

static void test_step_limits__memory_and_time_used_are_in_the_result(void **state)
{
    wfe_step_options options = using(state);
    options.run = "/programs/use memory 40; /programs/use cpu 400";
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_in_range(wfe_step_result_peak_memory_bytes(result), 40U << 20, 80U << 20);
    assert_in_range(wfe_step_result_cpu_time_us(result), 400000, 4000000);
    wfe_step_result_free(result);
}

static void note_rootless(const wfe_finding *finding, void *user)
{
    if (strstr(finding->text, "rootless"))
        *(bool *)user = true;
}

/* [grpc] uid in containerd's configuration does so to the socket of a daemon of root. */
static void test_step_limits__hold_with_a_socket_that_was_given_to_a_user(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = using(state);
    wfe_client_options client_options = step_client_options(daemon);
    assert_int_equal(chown(daemon->address, 1000, 1000), 0);
    wfe_client *client = step_client_with(&client_options);
    options.memory = "16m";
    options.run = "exec /programs/use memory 64";
    wfe_step_result *result = step_run(client, &options);
    size_t n_warnings = wfe_step_result_n_warnings(result);
    bool out_of_memory = wfe_step_result_out_of_memory(result), rootless = false;
    enum wfe_finding_level worst;
    int rc = wfe_doctor_run(client, NULL, note_rootless, &rootless, &worst, NULL);
    wfe_step_result_free(result);
    wfe_client_free(client);
    assert_int_equal(chown(daemon->address, 0, 0), 0);
    assert_true(out_of_memory);
    assert_int_equal(n_warnings, 0);
    assert_int_equal(rc, 0);
    assert_false(rootless);
}

/* ---- processors and processes ---- */

static bool cgroup_v2(void)
{
    return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

static void test_step_limits__processors_are_a_quota(void **state)
{
    wfe_step_options options = using(state);
    options.cpu = "0.5";
    if (cgroup_v2())
        step_group_expect(&options, "cat /sys/fs/cgroup/cpu.max", "50000 100000\n");
    else
        step_group_expect(&options,
                          "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us "
                          "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
                          "50000\n100000\n");
}

static void test_step_limits__processors_are_held_back(void **state)
{
    wfe_step_options options = using(state);
    options.cpu = "0.2";
    step_group_expect(&options, "/programs/use cpu 100", "100 ms\n");
    const char *count = cgroup_v2() ? "grep nr_throttled /sys/fs/cgroup/cpu.stat"
                                    : "grep nr_throttled /sys/fs/cgroup/cpu/cpu.stat";
    char script[160];
    snprintf(script, sizeof script, "/programs/use cpu 100 >/dev/null; %s", count);
    const char *out = step_group_out(&options, script);
    assert_true(atoi(out + strlen("nr_throttled ")) > 0);
}

static void test_step_limits__a_fork_bomb_stops_at_the_limit(void **state)
{
    wfe_step_options options = using(state);
    const char *const argv[] = {"/programs/use", "processes", NULL};
    options.pids = "10";
    options.command = argv;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    step_assert_stream(result, WFE_STDOUT, "9 forks, then EAGAIN\n");
    wfe_step_result_free(result);
}

/* ---- files ---- */

static void test_step_limits__shared_memory_has_the_size_asked_for(void **state)
{
    wfe_step_options options = using(state);
    const char *script = "df -k /dev/shm | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2";
    step_group_expect(&options, script, "65536\n");
    options.shm_size = "8m";
    step_group_expect(&options, script, "8192\n");
    step_group_expect(&options,
                      "head -c 9m /dev/zero >/dev/shm/f 2>/dev/null; stat -c %s /dev/shm/f",
                      "8388608\n");
}

static void test_step_limits__ulimits_hold(void **state)
{
    wfe_step_options options = using(state);
    const char *const ulimits[] = {"nofile=123:456", "core=0", "fsize=1048576", NULL};
    options.ulimits = ulimits;
    step_group_expect(&options, "ulimit -n; ulimit -Hn; ulimit -c", "123\n456\n0\n");
    step_group_expect(&options, "head -c 2m /dev/zero >/tmp/f 2>/dev/null; stat -c %s /tmp/f",
                      "1048576\n");
}

static void test_step_limits__open_files_are_sane_without_one(void **state)
{
    wfe_step_options options = using(state);
    int n = atoi(step_group_out(&options, "ulimit -n"));
    assert_in_range(n, 1024, 1048576);
}

static void test_step_limits__tmpfs_takes_its_options(void **state)
{
    wfe_step_options options = using(state);
    const char *const tmpfs[] = {"/work:size=4m,mode=750,uid=1000,gid=2000,exec", "/plain", NULL};
    options.tmpfs = tmpfs;
    step_group_expect(&options,
                      "stat -c '%a %u %g' /work; df -k /work | tail -n 1 | tr -s ' ' | "
                      "cut -d ' ' -f 2; cp /bin/busybox /work/echo && /work/echo runs",
                      "750 1000 2000\n4096\nruns\n");
    step_group_expect(&options,
                      "stat -c %a /plain; cp /bin/busybox /plain/echo; /plain/echo 2>/dev/null || "
                      "echo noexec; grep -c ' /plain tmpfs rw,nosuid,nodev,noexec' "
                      "/proc/self/mounts",
                      "1777\nnoexec\n1\n");
}

static void test_step_limits__a_read_only_root_leaves_scratch_folders(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    char source[96];
    snprintf(source, sizeof source, "%s/data", daemon->dir);
    assert_int_equal(mkdir(source, 0777), 0);
    wfe_volume volume = {.source = source, .target = "/data"};
    options.volumes = &volume;
    options.n_volumes = 1;
    options.read_only = true;
    step_group_expect(&options,
                      "for d in / /etc /root /home/app /data /tmp /var/tmp /run /dev/shm; do "
                      "touch $d/f 2>/dev/null && echo $d; done; echo k=v >> $WFE_OUTPUT && "
                      "echo output",
                      "/data\n/tmp\n/var/tmp\n/run\n/dev/shm\noutput\n");
}

static void test_step_limits__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_limits__running_out_of_memory_is_said_with_the_limit),
        cmocka_unit_test(test_step_limits__running_out_of_memory_without_init_is_said_too),
        cmocka_unit_test(test_step_limits__a_kill_that_the_command_got_over_is_a_warning),
        cmocka_unit_test(test_step_limits__a_kill_by_itself_is_not_out_of_memory),
        cmocka_unit_test(test_step_limits__what_fits_into_the_memory_limit_runs),
        cmocka_unit_test(test_step_limits__memory_and_time_used_are_in_the_result),
        cmocka_unit_test(test_step_limits__hold_with_a_socket_that_was_given_to_a_user),
        cmocka_unit_test(test_step_limits__processors_are_a_quota),
        cmocka_unit_test(test_step_limits__processors_are_held_back),
        cmocka_unit_test(test_step_limits__a_fork_bomb_stops_at_the_limit),
        cmocka_unit_test(test_step_limits__shared_memory_has_the_size_asked_for),
        cmocka_unit_test(test_step_limits__ulimits_hold),
        cmocka_unit_test(test_step_limits__open_files_are_sane_without_one),
        cmocka_unit_test(test_step_limits__tmpfs_takes_its_options),
        cmocka_unit_test(test_step_limits__a_read_only_root_leaves_scratch_folders),
        cmocka_unit_test(test_step_limits__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
