/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of containers whose wfe is killed, and that go on in another one: what runs is waited for,
 * what ended meanwhile is collected, what vanished is a failure, and nothing is left.
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

#define HEAD "workflow:\n  id: test\n  version: 1\n  steps:\n"
#define STEP(name, run)                                                                            \
    "    - name: " name "\n      type: containerd\n      config: {image: busybox, run: '" run "'}" \
                                                                                              "\n"
#define LIMIT_MS 60000

static wfe_command *start_with(const char *const *args)
{
    wfe_command_options options = {
        .args = args, .env = run_group_env(NULL), .directory = run_group_folder};
    return wfe_command_start(&options);
}
#define START(...) start_with((const char *const[]){__VA_ARGS__, NULL})

static void expect(int exit_code, const char *text, const char *const *args)
{
    wfe_command_result result = run_group_run_in(WFE_BUILD_DIR, NULL, args);
    run_group_expect(&result, exit_code, text);
    wfe_command_result_done(&result);
}
#define EXPECT(exit_code, text, ...)                                                               \
    expect((exit_code), (text), (const char *const[]){__VA_ARGS__, NULL})

static void kill_it(wfe_command *run)
{
    wfe_command_result result;
    kill(wfe_command_pid(run), SIGKILL);
    wfe_command_wait(run, &result);
    wfe_command_result_done(&result);
}

/* Begins a run of this name, and kills its wfe when it has printed text. */
static void run_and_kill(const char *name, const char *workflow, const char *text)
{
    wfe_command *run = START("run", run_group_file("workflow.yaml", workflow), "--name", name);
    wfe_command_wait_for(run, text);
    kill_it(run);
}

/* Files in the tests' folder are how containers and tests meet. */
static void wait_for_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", run_group_folder, name);
    for (int waited_ms = 0; access(path, F_OK) < 0; waited_ms += 20) {
        if (waited_ms > LIMIT_MS)
            fail_msg("%s never came", path);
        usleep(20000);
    }
}

static char *log_of(const char *run, const char *step)
{
    const char *const args[] = {"logs", run, step, NULL};
    wfe_command_result result = run_group_run_in(WFE_BUILD_DIR, NULL, args);
    run_group_expect(&result, 0, "");
    char *text = strdup(result.out);
    wfe_command_result_done(&result);
    return text;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

/* ---- one step ---- */

static void test_resume__waits_for_a_container_that_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill("waits",
                 HEAD STEP("a", "echo first; echo \"##wfe[output x=1]\"")
                     STEP("b", "echo begun; sleep 2; echo \"x is $X\"") STEP("c", "echo third"),
                 "b | begun");
    EXPECT(0, "interrupted", "show", "waits");
    EXPECT(0, "c | third", "resume", "waits", "--plain");
    char *log = log_of("waits", "b");
    assert_string_equal(log, "begun\nx is 1\n");
    free(log);
    log = log_of("waits", "a");
    assert_int_equal(count(log, "first"), 1);
    free(log);
    EXPECT(0, "succeeded", "show", "waits");
    EXPECT(0, "nothing to do", "resume", "waits");
    run_group_assert_clean(daemon);
}

static void test_resume__collects_what_ended_meanwhile(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill("meanwhile",
                 HEAD "    - name: b\n      type: containerd\n      config:\n"
                      "        image: busybox\n        volumes: ['.:/work']\n        user: '0'\n"
                      "        run: 'echo begun; sleep 1; echo ended; touch /work/gone; exit 3'\n",
                 "b | begun");
    wait_for_file("gone");
    EXPECT(1, "exited with code 3", "resume", "meanwhile", "--plain");
    char *log = log_of("meanwhile", "b");
    assert_string_equal(log, "begun\nended\n");
    free(log);
    run_group_assert_clean(daemon);
}

static void test_resume__every_number_of_a_counter_is_there_once(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char workflow[] =
        HEAD STEP("n", "i=0; while [ $i -lt 6000 ]; do echo $i; i=$((i+1)); usleep 200; done");
    wfe_command *run = START("run", run_group_file("workflow.yaml", workflow), "--name", "counter");
    wfe_command_wait_for(run, "n | 300");
    kill_it(run);
    for (const char *const *at = (const char *const[]){"n | 900", "n | 2000", "n | 3500", NULL};
         *at; at++) {
        run = START("resume", "counter", "--plain");
        wfe_command_wait_for(run, *at);
        kill_it(run);
    }
    EXPECT(0, "", "resume", "counter", "--plain");
    char *log = log_of("counter", "n");
    char *at = log;
    for (int i = 0; i < 6000; i++) {
        long found = strtol(at, &at, 10);
        if (found != i || *at++ != '\n')
            fail_msg("number %d of the log is %ld", i, found);
    }
    assert_string_equal(at, "");
    free(log);
    run_group_assert_clean(daemon);
}

static int setup(void **state)
{
    return run_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume__waits_for_a_container_that_runs),
        cmocka_unit_test(test_resume__collects_what_ended_meanwhile),
        cmocka_unit_test(test_resume__every_number_of_a_counter_is_there_once),
    };
    return cmocka_run_group_tests_name("resume", tests, setup, run_group_teardown);
}
