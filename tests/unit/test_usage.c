/* SPDX-License-Identifier: Apache-2.0 */
#include "step/usage.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroups/v1.pb-c.h"
#include "cgroups/v2.pb-c.h"
#include "containerd/tasks.h"
#include "fixtures/wfe_assert.h"

#define CGROUP "/default/wfe-1"

/* A folder that stands for /sys/fs/cgroup, as the test's state. */
static int make_root(void **state)
{
    char *root = strdup("/tmp/wfe-usage-XXXXXX");
    *state = root;
    return root && mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    int rc = wfe_fd_remove_tree(*state, NULL);
    free(*state);
    return rc;
}

static void put(void **state, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", (const char *)*state, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(wfe_fd_make_dirs(path, 0700, NULL), NULL);
    *slash = '/';
    assert_ok(wfe_fd_write_file(path, text, strlen(text), 0600, NULL), NULL);
}

static void put_v1(void **state)
{
    put(state, "/memory" CGROUP "/memory.max_usage_in_bytes", "7340032\n");
    put(state, "/memory" CGROUP "/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    put(state, "/cpuacct" CGROUP "/cpuacct.usage", "1234567890\n");
}

static void put_v2(void **state)
{
    put(state, CGROUP "/cpu.stat", "usage_usec 98765\nuser_usec 90000\nsystem_usec 8765\n");
    put(state, CGROUP "/memory.events", "low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\n");
    put(state, CGROUP "/memory.peak", "8388608\n");
}

static void assert_unknown(const wfe_step_usage *usage)
{
    assert_false(usage->known);
    assert_int_equal(usage->peak_memory_bytes, 0);
    assert_int_equal(usage->cpu_time_us, 0);
    assert_int_equal(usage->oom_kills, 0);
}

static void test_usage__reads_cgroup_v1(void **state)
{
    wfe_step_usage usage;
    put_v1(state);
    wfe_step_usage_read(*state, false, CGROUP, &usage);
    assert_true(usage.known);
    assert_int_equal(usage.peak_memory_bytes, 7340032);
    assert_int_equal(usage.cpu_time_us, 1234567);
    assert_int_equal(usage.oom_kills, 3);
}

static void test_usage__reads_cgroup_v2(void **state)
{
    wfe_step_usage usage;
    put_v2(state);
    wfe_step_usage_read(*state, true, CGROUP, &usage);
    assert_true(usage.known);
    assert_int_equal(usage.peak_memory_bytes, 8388608);
    assert_int_equal(usage.cpu_time_us, 98765);
    assert_int_equal(usage.oom_kills, 1);
}

/* memory.peak came with Linux 5.19. */
static void test_usage__does_without_the_peak_of_old_kernels(void **state)
{
    wfe_step_usage usage;
    char path[256];
    put_v2(state);
    snprintf(path, sizeof path, "%s" CGROUP "/memory.peak", (const char *)*state);
    assert_int_equal(unlink(path), 0);
    wfe_step_usage_read(*state, true, CGROUP, &usage);
    assert_true(usage.known);
    assert_int_equal(usage.peak_memory_bytes, 0);
    assert_int_equal(usage.oom_kills, 1);
}

static void test_usage__is_unknown_without_a_cgroup(void **state)
{
    wfe_step_usage usage;
    memset(&usage, 0xff, sizeof usage);
    wfe_step_usage_read(*state, false, CGROUP, &usage);
    assert_unknown(&usage);
    memset(&usage, 0xff, sizeof usage);
    wfe_step_usage_read(*state, true, CGROUP, &usage);
    assert_unknown(&usage);
}

/* Half of the truth would look like "no processes were killed". */
static void test_usage__is_unknown_when_a_part_is_missing_or_odd(void **state)
{
    wfe_step_usage usage;
    put_v1(state);
    put(state, "/memory" CGROUP "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
    wfe_step_usage_read(*state, false, CGROUP, &usage);
    assert_unknown(&usage);
    put_v1(state);
    put(state, "/cpuacct" CGROUP "/cpuacct.usage", "");
    wfe_step_usage_read(*state, false, CGROUP, &usage);
    assert_unknown(&usage);
    put_v2(state);
    put(state, CGROUP "/memory.events", "low 0\noom_kill_disable 5\noom_killed 6\n");
    wfe_step_usage_read(*state, true, CGROUP, &usage);
    assert_unknown(&usage);
    put(state, CGROUP "/memory.events", "oom_kill many\n");
    wfe_step_usage_read(*state, true, CGROUP, &usage);
    assert_unknown(&usage);
}

static bool unpack(const char *type, const ProtobufCMessage *message, wfe_step_usage *out)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    protobuf_c_message_pack(message, bytes);
    bool known = wfe_step_usage_unpack(type, bytes, len, out);
    free(bytes);
    return known;
}

static void test_usage__unpacks_the_metrics_of_cgroup_v1(void **state)
{
    (void)state;
    PbCgroups1__Metrics metrics = PB_CGROUPS1__METRICS__INIT;
    PbCgroups1__MemoryStat memory = PB_CGROUPS1__MEMORY_STAT__INIT;
    PbCgroups1__MemoryEntry entry = PB_CGROUPS1__MEMORY_ENTRY__INIT;
    PbCgroups1__CPUStat cpu = PB_CGROUPS1__CPUSTAT__INIT;
    PbCgroups1__CPUUsage cpu_usage = PB_CGROUPS1__CPUUSAGE__INIT;
    PbCgroups1__MemoryOomControl oom = PB_CGROUPS1__MEMORY_OOM_CONTROL__INIT;
    wfe_step_usage usage = {0};
    entry.max = 5000;
    memory.usage = &entry;
    cpu_usage.total = 7000999;
    cpu.usage = &cpu_usage;
    oom.oom_kill = 2;
    metrics.memory = &memory;
    metrics.cpu = &cpu;
    metrics.memory_oom_control = &oom;
    assert_true(unpack(WFE_TASKS_CGROUPS_V1_TYPE, &metrics.base, &usage));
    assert_true(usage.known);
    assert_int_equal(usage.peak_memory_bytes, 5000);
    assert_int_equal(usage.cpu_time_us, 7000);
    assert_int_equal(usage.oom_kills, 2);
}

static void test_usage__unpacks_the_metrics_of_cgroup_v2(void **state)
{
    (void)state;
    PbCgroups2__Metrics metrics = PB_CGROUPS2__METRICS__INIT;
    PbCgroups2__MemoryStat memory = PB_CGROUPS2__MEMORY_STAT__INIT;
    PbCgroups2__CPUStat cpu = PB_CGROUPS2__CPUSTAT__INIT;
    PbCgroups2__MemoryEvents events = PB_CGROUPS2__MEMORY_EVENTS__INIT;
    wfe_step_usage usage = {0};
    memory.max_usage = 6000;
    cpu.usage_usec = 42;
    events.oom_kill = 1;
    metrics.memory = &memory;
    metrics.cpu = &cpu;
    metrics.memory_events = &events;
    assert_true(unpack(WFE_TASKS_CGROUPS_V2_TYPE, &metrics.base, &usage));
    assert_true(usage.known);
    assert_int_equal(usage.peak_memory_bytes, 6000);
    assert_int_equal(usage.cpu_time_us, 42);
    assert_int_equal(usage.oom_kills, 1);
}

static void test_usage__takes_metrics_with_nothing_in_them(void **state)
{
    (void)state;
    PbCgroups1__Metrics v1 = PB_CGROUPS1__METRICS__INIT;
    PbCgroups1__MemoryStat memory = PB_CGROUPS1__MEMORY_STAT__INIT;
    PbCgroups1__CPUStat cpu = PB_CGROUPS1__CPUSTAT__INIT;
    PbCgroups2__Metrics v2 = PB_CGROUPS2__METRICS__INIT;
    wfe_step_usage usage = {0};
    assert_true(unpack(WFE_TASKS_CGROUPS_V1_TYPE, &v1.base, &usage));
    v1.memory = &memory;
    v1.cpu = &cpu;
    assert_true(unpack(WFE_TASKS_CGROUPS_V1_TYPE, &v1.base, &usage));
    assert_true(unpack(WFE_TASKS_CGROUPS_V2_TYPE, &v2.base, &usage));
    assert_int_equal(usage.oom_kills, 0);
}

static void test_usage__leaves_its_output_alone_for_what_it_does_not_know(void **state)
{
    (void)state;
    static const uint8_t broken[] = {0x1a, 0x7f, 0x01};
    wfe_step_usage usage = {.oom_kills = 9};
    assert_false(wfe_step_usage_unpack("some.other.Metrics", "", 0, &usage));
    assert_false(wfe_step_usage_unpack("", "", 0, &usage));
    assert_false(wfe_step_usage_unpack(WFE_TASKS_CGROUPS_V1_TYPE, broken, sizeof broken, &usage));
    assert_false(wfe_step_usage_unpack(WFE_TASKS_CGROUPS_V2_TYPE, broken, sizeof broken, &usage));
    assert_int_equal(usage.oom_kills, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_usage__reads_cgroup_v1, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_usage__reads_cgroup_v2, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_usage__does_without_the_peak_of_old_kernels, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(test_usage__is_unknown_without_a_cgroup, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(test_usage__is_unknown_when_a_part_is_missing_or_odd,
                                        make_root, remove_root),
        cmocka_unit_test(test_usage__unpacks_the_metrics_of_cgroup_v1),
        cmocka_unit_test(test_usage__unpacks_the_metrics_of_cgroup_v2),
        cmocka_unit_test(test_usage__takes_metrics_with_nothing_in_them),
        cmocka_unit_test(test_usage__leaves_its_output_alone_for_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
