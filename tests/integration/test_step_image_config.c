/* SPDX-License-Identifier: Apache-2.0
 *
 * What the image says about its process, and what run, shell, command and args put in its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

#define CONFIGURED "docker.io/test/configured:1"
#define BARE "docker.io/test/bare:1"

static wfe_step_options configured(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    images_archive image = {
        .name = CONFIGURED,
        .config = "{\"Env\":[\"A=image\",\"B=image\",\"PATH=/opt/own:/bin\",\"broken\"],"
                  "\"Entrypoint\":[\"/bin/echo\",\"entry\"],\"Cmd\":[\"one\",\"two words\"],"
                  "\"WorkingDir\":\"/work/made\",\"User\":\"1000:2000\","
                  "\"StopSignal\":\"SIGUSR1\"}",
    };
    images_need(daemon, &image);
    wfe_step_options options = step_script(NULL);
    options.image = CONFIGURED;
    return options;
}

static void expect(wfe_step_options *options, const char *out)
{
    step_group_expect(options, options->run, out);
}

static void test_step_image_config__entrypoint_and_cmd_run_by_default(void **state)
{
    wfe_step_options options = configured(state);
    expect(&options, "entry one two words\n");
}

static void test_step_image_config__args_replace_cmd_only(void **state)
{
    wfe_step_options options = configured(state);
    const char *const args[] = {"mine", "$A", NULL};
    options.args = args;
    expect(&options, "entry mine $A\n");
}

static void test_step_image_config__command_replaces_both(void **state)
{
    wfe_step_options options = configured(state);
    const char *const command[] = {"printf", "%s|", "x", "", NULL};
    options.command = command;
    expect(&options, "x||");
}

static void test_step_image_config__run_replaces_both_with_a_shell(void **state)
{
    wfe_step_options options = configured(state);
    options.run = "echo $0; echo $A";
    expect(&options, "/bin/sh\nimage\n");
}

static void test_step_image_config__shell_is_another_one(void **state)
{
    wfe_step_options options = configured(state);
    const char *const shell[] = {"busybox", "sh", "-eu", "-c", NULL};
    options.shell = shell;
    options.run = "echo $-; false; echo no";
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_exit_code(result), 1);
    assert_null(strstr(wfe_step_result_stream(result, WFE_STDOUT, NULL), "no"));
    step_assert_has(wfe_step_result_stream(result, WFE_STDOUT, NULL), "e");
    wfe_step_result_free(result);
    const char *const word[] = {"ash", NULL};
    options.shell = word;
    options.run = "echo $0 runs";
    expect(&options, "ash runs\n");
}

static void test_step_image_config__args_are_the_command_without_an_entrypoint(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    const char *const args[] = {"echo", "args", NULL};
    options.args = args;
    expect(&options, "args\n");
}

static void test_step_image_config__env_is_under_the_step_s(void **state)
{
    wfe_step_options options = configured(state);
    const char *const env[] = {"A=step", "C=step", NULL};
    options.env = env;
    options.run = "echo $A $B $C $PATH";
    expect(&options, "step image step /opt/own:/bin\n");
    options.run = "env | grep broken; echo end";
    expect(&options, "end\n");
}

static void test_step_image_config__path_is_there_without_any_config(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    images_archive image = {.name = BARE, .config = "{}"};
    images_need(daemon, &image);
    wfe_step_options options = step_script("echo $PATH; pwd");
    options.image = BARE;
    expect(&options, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/\n");
}

static void test_step_image_config__nothing_to_run_is_an_error(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    images_archive image = {.name = BARE, .config = "{}"};
    images_need(daemon, &image);
    wfe_step_options options = step_script(NULL);
    options.image = BARE;
    wfe_error error = step_group_failure(&options, WFE_E_INVALID);
    step_assert_has(error.message, "run");
}

static void test_step_image_config__contradictions_are_errors(void **state)
{
    private_containerd_of(state);
    const char *const words[] = {"echo", NULL};
    wfe_step_options options = step_script("true");
    options.command = words;
    step_assert_has(step_group_failure(&options, WFE_E_INVALID).message, "both run and command");
    options.command = NULL;
    options.args = words;
    step_assert_has(step_group_failure(&options, WFE_E_INVALID).message, "both run and args");
    options = step_script(NULL);
    options.shell = words;
    step_assert_has(step_group_failure(&options, WFE_E_INVALID).message, "shell");
    options = step_script(NULL);
    options.command = words;
    options.args = words;
    step_assert_has(step_group_failure(&options, WFE_E_INVALID).message, "args");
}

static void test_step_image_config__working_dir_is_made_and_can_be_replaced(void **state)
{
    wfe_step_options options = configured(state);
    options.run = "pwd";
    expect(&options, "/work/made\n");
    options.working_dir = "/tmp";
    expect(&options, "/tmp\n");
}

static void test_step_image_config__user_is_taken_only_when_asked(void **state)
{
    wfe_step_options options = configured(state);
    options.run = "id -u; id -g";
    options.user = NULL;
    expect(&options, "65534\n65534\n");
    options.user = "image";
    expect(&options, "1000\n2000\n");
}

static void test_step_image_config__stop_signal_comes_first(void **state)
{
    wfe_step_options options = configured(state);
    options.run = "trap 'echo usr1; exit 5' USR1; trap 'exit 6' TERM; "
                  "echo ready; while :; do sleep 0.05; done";
    options.timeout_ms = 1000;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_end(result), WFE_STEP_TIMED_OUT);
    assert_int_equal(wfe_step_result_exit_code(result), 5);
    step_assert_stream(result, WFE_STDOUT, "ready\nusr1\n");
    wfe_step_result_free(result);
}

static void test_step_image_config__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_image_config__entrypoint_and_cmd_run_by_default),
        cmocka_unit_test(test_step_image_config__args_replace_cmd_only),
        cmocka_unit_test(test_step_image_config__command_replaces_both),
        cmocka_unit_test(test_step_image_config__run_replaces_both_with_a_shell),
        cmocka_unit_test(test_step_image_config__shell_is_another_one),
        cmocka_unit_test(test_step_image_config__args_are_the_command_without_an_entrypoint),
        cmocka_unit_test(test_step_image_config__env_is_under_the_step_s),
        cmocka_unit_test(test_step_image_config__path_is_there_without_any_config),
        cmocka_unit_test(test_step_image_config__nothing_to_run_is_an_error),
        cmocka_unit_test(test_step_image_config__contradictions_are_errors),
        cmocka_unit_test(test_step_image_config__working_dir_is_made_and_can_be_replaced),
        cmocka_unit_test(test_step_image_config__user_is_taken_only_when_asked),
        cmocka_unit_test(test_step_image_config__stop_signal_comes_first),
        cmocka_unit_test(test_step_image_config__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
