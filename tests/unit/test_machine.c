/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be compared with the machine the tests run on, by other ways than the module's own.
 */
#include "step/machine.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

static void test_machine__knows_nothing_of_a_machine_far_away(void **state)
{
    (void)state;
    wfe_step_machine machine, nothing = {0};
    memset(&machine, 0xff, sizeof machine);
    wfe_step_machine_look(false, true, &machine);
    assert_false(machine.local);
    assert_false(machine.cgroup_v2 || machine.no_swap_accounting || machine.rootless);
    assert_int_equal(machine.max_open_files, 0);
    assert_true(machine.caps == 0);
    assert_int_equal(machine.n_cpus, 0);
    assert_null(machine.apparmor_profile);
    assert_memory_equal(&machine.platform, &nothing.platform, sizeof machine.platform);
}

static bool shell_says_yes(const char *command)
{
    return system(command) == 0;
}

static void test_machine__sees_the_cgroups_of_this_one(void **state)
{
    (void)state;
    wfe_step_machine machine;
    wfe_step_machine_look(true, true, &machine);
    assert_true(machine.local);
    assert_int_equal(machine.cgroup_v2,
                     shell_says_yes("test \"$(stat -f -c %T /sys/fs/cgroup)\" = cgroup2fs"));
    if (machine.cgroup_v2)
        assert_false(machine.no_swap_accounting);
    else
        assert_int_equal(
            machine.no_swap_accounting,
            !shell_says_yes("test -e /sys/fs/cgroup/memory/memory.memsw.usage_in_bytes"));
}

static void test_machine__counts_processors_and_files(void **state)
{
    (void)state;
    wfe_step_machine machine;
    struct rlimit before, lower;
    wfe_step_machine_look(true, true, &machine);
    assert_true(machine.n_cpus >= 1);
    assert_true(machine.rootless);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(machine.max_open_files >= 1 && machine.max_open_files <= before.rlim_max);
    assert_true(machine.max_open_files <= 1048576);
    if (geteuid() != 0)
        return;
    lower = (struct rlimit){.rlim_cur = 256, .rlim_max = 300};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
    wfe_step_machine_look(true, true, &machine);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(machine.max_open_files, 300);
}

static void test_machine__knows_what_capabilities_can_be_given(void **state)
{
    (void)state;
    wfe_step_machine machine;
    char line[128];
    unsigned long long bounding = 0;
    FILE *status = fopen("/proc/self/status", "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status)) {
        if (sscanf(line, "CapBnd: %llx", &bounding) == 1)
            break;
    }
    fclose(status);
    wfe_step_machine_look(true, true, &machine);
    const unsigned long long known = ((unsigned long long)1 << WFE_OCI_CAP_COUNT) - 1;
    assert_true(machine.caps == (bounding & known));
}

static void test_machine__has_no_profile_of_a_name_nobody_loaded(void **state)
{
    (void)state;
    assert_false(wfe_step_machine_has_apparmor("no-such-profile-of-apparmor"));
    assert_false(wfe_step_machine_has_apparmor(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine__knows_nothing_of_a_machine_far_away),
        cmocka_unit_test(test_machine__sees_the_cgroups_of_this_one),
        cmocka_unit_test(test_machine__counts_processors_and_files),
        cmocka_unit_test(test_machine__knows_what_capabilities_can_be_given),
        cmocka_unit_test(test_machine__has_no_profile_of_a_name_nobody_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
