/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded runs of containers, and other processes: cancelling, what wfe gc takes of a run whose
 * wfe was killed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/run_group.h"

#define HEAD "workflow:\n  id: test\n  version: 1\n"

static wfe_command *start(const char *name, const char *workflow)
{
    const char *const args[] = {"run", run_group_file("workflow.yaml", workflow), "--name", name,
                                NULL};
    wfe_command_options options = {
        .args = args, .env = run_group_env(NULL), .directory = run_group_folder};
    return wfe_command_start(&options);
}

static void expect(int exit_code, const char *text, const char *const *args)
{
    wfe_command_result result = run_group_run_in(WFE_BUILD_DIR, NULL, args);
    run_group_expect(&result, exit_code, text);
    wfe_command_result_done(&result);
}
#define EXPECT(exit_code, text, ...)                                                               \
    expect((exit_code), (text), (const char *const[]){__VA_ARGS__, NULL})

static const char sleeper[] =
    HEAD "  steps:\n    - name: a\n      type: containerd\n      config:\n"
         "        image: busybox\n        grace: 2s\n"
         "        run: 'trap \"echo stopped; exit 1\" TERM; echo begun; sleep 60 & wait'\n"
         "      ensure: {name: end, config: {run: echo ensured}}\n";

static void test_runs_containers__cancel_stops_a_container_of_another_process(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_command_result result;
    wfe_command *run = start("cancelled", sleeper);
    wfe_command_wait_for(run, "a | begun");
    EXPECT(0, "cancelled: cancelled", "cancel", "cancelled");
    wfe_command_wait(run, &result);
    run_group_expect(&result, 130, "end | ensured");
    run_group_expect(&result, 130, "a | stopped");
    wfe_command_result_done(&result);
    run_group_assert_clean(daemon);
}

static void test_runs_containers__gc_leaves_what_can_be_continued(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_command_result result;
    wfe_command *run = start("killed", sleeper);
    wfe_command_wait_for(run, "a | begun");
    kill(wfe_command_pid(run), SIGKILL);
    wfe_command_wait(run, &result);
    wfe_command_result_done(&result);
    EXPECT(0, "nothing to do", "gc");
    EXPECT(0, "interrupted", "show", "killed");
    EXPECT(0, "would remove  container", "gc", "--interrupted", "--dry-run");
    EXPECT(0, "removed       container", "gc", "--interrupted");
    EXPECT(2, "", "show", "killed");
    run_group_assert_clean(daemon);
}

static void ctr(private_containerd *daemon, const char *const *args)
{
    assert_int_equal(private_containerd_ctr(daemon, "default", args, NULL), 0);
}
#define CTR(...) ctr(daemon, (const char *const[]){__VA_ARGS__, NULL})
#define NAME "docker.io/library/moved:"

/* The name stands for nothing by now: a rerun takes what it stood for. */
static void test_runs_containers__a_rerun_uses_the_same_image(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char workflow[] =
        HEAD "  steps:\n    - name: a\n      type: containerd\n"
             "      config: {image: 'moved:1', pull: never, run: echo ran}\n";
    CTR("images", "tag", "docker.io/library/busybox:latest", NAME "1");
    CTR("images", "tag", "docker.io/library/busybox:latest", NAME "2");
    EXPECT(0, "a | ran", "run", run_group_file("workflow.yaml", workflow), "--name", "before");
    EXPECT(0, "\"images\":{\"moved:1\":\"sha256:", "rerun", "before", "--name", "again", "--json");
    CTR("images", "rm", NAME "1");
    /* Another name of the same repository has the digest. */
    EXPECT(0, "a | ran", "rerun", "again", "--plain");
    EXPECT(125, "", "rerun", "again", "--new-images", "--plain");
    CTR("images", "rm", NAME "2");
    run_group_assert_clean(daemon);
}

static int setup(void **state)
{
    return run_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_containers__cancel_stops_a_container_of_another_process),
        cmocka_unit_test(test_runs_containers__a_rerun_uses_the_same_image),
        cmocka_unit_test(test_runs_containers__gc_leaves_what_can_be_continued),
    };
    return cmocka_run_group_tests_name("runs_containers", tests, setup, run_group_teardown);
}
