/* SPDX-License-Identifier: Apache-2.0
 *
 * The workflows of examples/workflows, each run as a reader of its first lines would.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "fixtures/images.h"
#include "fixtures/run_group.h"

#define EXAMPLES WFE_SOURCE_DIR "/examples/workflows"
#define RUNS WFE_SOURCE_DIR "/tests/fixtures/workflows/run"

static void assert_has(const wfe_command_result *result, const char *part)
{
    if (!strstr(result->out, part))
        fail_msg("'%s' is not in '%s'", part, result->out);
}

static void assert_has_not(const wfe_command_result *result, const char *part)
{
    if (strstr(result->out, part))
        fail_msg("'%s' is in '%s'", part, result->out);
}

/* A Debian under the names that the examples use. */
static void need_debian(private_containerd *daemon)
{
    static bool is_there;
    char path[PATH_MAX];
    if (is_there)
        return;
    snprintf(path, sizeof path, "%s/debian.tar", daemon->dir);
    images_make_debian("docker.io/library/gcc:14", path);
    images_import_with_ctr(daemon, "default", path);
    unlink(path);
    const char *tag[] = {"images", "tag", "docker.io/library/gcc:14", "docker.io/library/redis:7",
                         NULL};
    assert_int_equal(private_containerd_ctr(daemon, "default", tag, NULL), 0);
    is_there = true;
}

static void test_run_examples__hello(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(NULL, EXAMPLES "/hello.yaml");
    run_group_expect(&result, 0, "greet | Hello world, from Linux\n");
    wfe_command_result_done(&result);
    result = run_group_run(NULL, EXAMPLES "/hello.yaml", "-i", "name=Ada");
    run_group_expect(&result, 0, "greet | Hello Ada, from Linux\n");
    wfe_command_result_done(&result);
}

static void test_run_examples__fan_out(void **state)
{
    private_containerd_of(state);
    wfe_command_result result =
        run_group_run(NULL, EXAMPLES "/fan-out.yaml", "--json", "--jobs", "4");
    run_group_expect(&result, 0, "\"outputs\":{\"checked\":3}");
    assert_has(&result, "checking i386, number 1, of 32 bits");
    assert_has(&result, "\"step\":\"check[2]\",\"state\":\"succeeded\"");
    wfe_command_result_done(&result);
}

static void test_run_examples__service(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(NULL, EXAMPLES "/service.yaml");
    run_group_expect(&result, 0, "output rows = 2\n");
    assert_has(&result, "db | serving 2 rows\n");
    assert_has(&result, "read | shape is square\n");
    assert_has(&result, "test | 2 rows, all as they should be\n");
    wfe_command_result_done(&result);
}

static void test_run_examples__a_service_that_dies_fails_the_run(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(NULL, RUNS "/service-dies.yaml");
    run_group_expect(&result, 1, "service 'web' ended with exit code 3 before the run did");
    assert_has(&result, "going down");
    assert_has(&result, "tidy | tidied up\n");
    assert_has_not(&result, "never: ok");
    wfe_command_result_done(&result);
}

static void test_run_examples__a_service_that_is_never_ready_keeps_steps_from_starting(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(NULL, RUNS "/service-never-ready.yaml");
    run_group_expect(&result, 1, "service 'web' is not ready after 6 failed probes");
    assert_has(&result, "tell | told\n");
    assert_has_not(&result, "this never runs");
    wfe_command_result_done(&result);
}

static void test_run_examples__failing(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(NULL, EXAMPLES "/failing.yaml");
    run_group_expect(&result, 1, "failed first: deploy: container exited with code 1\n");
    assert_has(&result, "flaky: attempt 2 failed: ");
    assert_has(&result, "flaky | this is attempt 3\n");
    assert_has(&result, "flaky: ok after ");
    assert_has(&result, "lint: failed, allowed after ");
    assert_has(&result, "deploy | the server said no\n");
    assert_has(&result, "roll-back | rolled back\n");
    assert_has(&result, "log-out | logged out\n");
    assert_has(&result, "announce: skipped: what it needs did not succeed\n");
    assert_has(&result, "clean | all cleaned up\n");
    assert_has_not(&result, "this never runs");
    wfe_command_result_done(&result);
}

static void test_run_examples__pipeline(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(NULL, EXAMPLES "/pipeline.yaml", "-i", "branch=main");
    run_group_expect(&result, 0, "publish | publishing app-1.0.0-main.tar\n");
    assert_has(&result, "lint | linting version 1.0.0-main\n");
    assert_has(&result, "unit | testing\n");
    assert_has(&result, "tell-success | packed as app-1.0.0-main.tar\n");
    assert_has(&result, "tidy | tidying up\n");
    assert_has_not(&result, "publishing failed");
    wfe_command_result_done(&result);
    result = run_group_run(NULL, EXAMPLES "/pipeline.yaml", "-i", "branch=next");
    run_group_expect(&result, 0, "publish: skipped: its condition is false\n");
    wfe_command_result_done(&result);
    result = run_group_run(NULL, EXAMPLES "/pipeline.yaml");
    run_group_expect(&result, 2, "");
    assert_non_null(strstr(result.err, "branch"));
    wfe_command_result_done(&result);
}

static void test_run_examples__demo(void **state)
{
    private_containerd_of(state);
    wfe_command_result result =
        run_group_run(NULL, EXAMPLES "/demo.yaml", "-i", "channel=stable", "--report", "demo.html");
    run_group_expect(&result, 0, "publish | publishing 3 packages of 2.4.0-stable, digest ");
    assert_has(&result, "build[2] | compiling docs for riscv64\n");
    assert_has(&result, "signature: attempt 1 failed: ");
    assert_has(&result, "nightly: skipped: its condition is false\n");
    assert_has(&result, "clean | the folder is empty again\n");
    wfe_command_result_done(&result);
}

/* In a copy: the example keeps what it compiled beside itself. */
static void test_run_examples__c_project(void **state)
{
    need_debian(private_containerd_of(state));
    char folder[PATH_MAX], command[2 * PATH_MAX];
    snprintf(folder, sizeof folder, "%s/c-project", run_group_folder);
    snprintf(command, sizeof command, "cp -r %s/c-project %s && rm -rf %s/cache", EXAMPLES, folder,
             folder);
    assert_int_equal(system(command), 0);
    wfe_command_result result = run_group_run(folder, "workflow.yaml", "--json");
    run_group_expect(&result, 0, "\"outputs\":{\"compiled\":2,\"tests\":6}");
    wfe_command_result_done(&result);
    result = run_group_run(folder, "workflow.yaml", "--json");
    run_group_expect(&result, 0, "\"outputs\":{\"compiled\":0,\"tests\":6}");
    assert_has(&result, "parse.c is in the cache");
    wfe_command_result_done(&result);
    snprintf(command, sizeof command, "sed -i \"s/'1 + 2' 3/'1 + 2' 4/\" %s/test.sh", folder);
    assert_int_equal(system(command), 0);
    result = run_group_run(folder, "workflow.yaml");
    run_group_expect(&result, 1, "test | not ok 1 - '1 + 2' gave '3', expected '4'\n");
    wfe_command_result_done(&result);
}

static void test_run_examples__database(void **state)
{
    need_debian(private_containerd_of(state));
    wfe_command_result result = run_group_run(NULL, EXAMPLES "/database.yaml");
    run_group_expect(&result, 0, "db: (service) ready\n");
    assert_has(&result, "write | OK\n");
    assert_has(&result, "read | 42\n");
    assert_has(&result, "test: skipped: its condition is false\n");
    assert_has(&result, "db: (service) stopped\n");
    wfe_command_result_done(&result);
}

static void test_run_examples__leave_nothing_behind(void **state)
{
    run_group_assert_clean(private_containerd_of(state));
}

static int setup(void **state)
{
    return run_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_examples__hello),
        cmocka_unit_test(test_run_examples__fan_out),
        cmocka_unit_test(test_run_examples__service),
        cmocka_unit_test(test_run_examples__a_service_that_dies_fails_the_run),
        cmocka_unit_test(
            test_run_examples__a_service_that_is_never_ready_keeps_steps_from_starting),
        cmocka_unit_test(test_run_examples__failing),
        cmocka_unit_test(test_run_examples__pipeline),
        cmocka_unit_test(test_run_examples__demo),
        cmocka_unit_test(test_run_examples__c_project),
        cmocka_unit_test(test_run_examples__database),
        cmocka_unit_test(test_run_examples__leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, run_group_teardown);
}
