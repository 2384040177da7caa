/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/process.h"

#include "fixtures/wfe_assert.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static wfe_oci_image_config image_of(const char *const *entrypoint, const char *const *cmd)
{
    return (wfe_oci_image_config){.entrypoint = (char **)entrypoint, .cmd = (char **)cmd};
}

static void assert_argv(const wfe_oci_image_config *image, const wfe_oci_process_options *options,
                        const char *const *wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_process process = {0};
    assert_ok(wfe_oci_process_build(image, options, &process, &err), &err);
    size_t n = 0;
    for (; wanted[n]; n++) {
        assert_non_null(process.argv[n]);
        assert_string_equal(process.argv[n], wanted[n]);
    }
    assert_null(process.argv[n]);
    wfe_oci_process_done(&process);
}

static void assert_refused(const wfe_oci_image_config *image,
                           const wfe_oci_process_options *options, const char *part)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_process process = {0};
    assert_fails(wfe_oci_process_build(image, options, &process, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, part);
    assert_null(process.argv);
    assert_null(process.cwd);
    assert_int_equal(process.env.len, 0);
}

/* ---- argv ---- */

static void test_oci_process__run_replaces_entrypoint_and_cmd_with_a_shell(void **state)
{
    (void)state;
    wfe_oci_image_config image = image_of(LIST("/entry"), LIST("cmd"));
    assert_argv(&image, &(wfe_oci_process_options){.run = "make test && echo $X"},
                LIST("/bin/sh", "-c", "make test && echo $X"));
}

static void test_oci_process__shell_picks_another_one(void **state)
{
    (void)state;
    wfe_oci_image_config image = image_of(NULL, NULL);
    assert_argv(&image, &(wfe_oci_process_options){.run = "x", .shell = LIST("bash")},
                LIST("bash", "-c", "x"));
    assert_argv(
        &image,
        &(wfe_oci_process_options){.run = "x", .shell = LIST("bash", "-euo", "pipefail", "-c")},
        LIST("bash", "-euo", "pipefail", "-c", "x"));
}

static void test_oci_process__command_replaces_entrypoint_and_cmd(void **state)
{
    (void)state;
    wfe_oci_image_config image = image_of(LIST("/entry", "a"), LIST("cmd"));
    assert_argv(&image, &(wfe_oci_process_options){.command = LIST("echo", "", "hi")},
                LIST("echo", "", "hi"));
}

static void test_oci_process__args_replace_cmd_and_keep_entrypoint(void **state)
{
    (void)state;
    wfe_oci_image_config image = image_of(LIST("/entry", "a"), LIST("cmd"));
    assert_argv(&image, &(wfe_oci_process_options){.args = LIST("b", "c")},
                LIST("/entry", "a", "b", "c"));
    assert_argv(&image, &(wfe_oci_process_options){.args = (const char *const[]){NULL}},
                LIST("/entry", "a"));
}

static void test_oci_process__args_alone_run_when_there_is_no_entrypoint(void **state)
{
    (void)state;
    wfe_oci_image_config image = image_of(NULL, LIST("cmd"));
    assert_argv(&image, &(wfe_oci_process_options){.args = LIST("ls", "-l")}, LIST("ls", "-l"));
}

static void test_oci_process__none_of_the_three_runs_entrypoint_and_cmd(void **state)
{
    (void)state;
    const wfe_oci_process_options none = {0};
    wfe_oci_image_config image = image_of(LIST("/entry", "a"), LIST("cmd", "b"));
    assert_argv(&image, &none, LIST("/entry", "a", "cmd", "b"));
    image = image_of(NULL, LIST("cmd"));
    assert_argv(&image, &none, LIST("cmd"));
    image = image_of(LIST("/entry"), NULL);
    assert_argv(&image, &none, LIST("/entry"));
}

static void test_oci_process__nothing_to_run_is_an_error(void **state)
{
    (void)state;
    const wfe_oci_process_options none = {0};
    wfe_oci_image_config image = image_of(NULL, NULL);
    assert_refused(&image, &none, "nothing to run");
    image = image_of((const char *const[]){NULL}, (const char *const[]){NULL});
    assert_refused(&image, &none, "nothing to run");
    image = image_of(LIST(""), NULL);
    assert_refused(&image, &none, "first word is empty");
    image = image_of(LIST("/entry"), NULL);
    assert_refused(&image, &(wfe_oci_process_options){.command = (const char *const[]){NULL}},
                   "command is empty");
    assert_refused(&image, &(wfe_oci_process_options){.command = LIST("")}, "command is empty");
}

static void test_oci_process__run_command_and_args_exclude_each_other(void **state)
{
    (void)state;
    wfe_oci_image_config image = image_of(LIST("/entry"), NULL);
    assert_refused(&image, &(wfe_oci_process_options){.run = "x", .command = LIST("y")},
                   "run and command");
    assert_refused(&image, &(wfe_oci_process_options){.run = "x", .args = LIST("y")},
                   "args is given together with run");
    assert_refused(&image, &(wfe_oci_process_options){.command = LIST("x"), .args = LIST("y")},
                   "args is given together with command");
    assert_refused(&image, &(wfe_oci_process_options){.command = LIST("x"), .shell = LIST("y")},
                   "shell is given without run");
    assert_refused(&image,
                   &(wfe_oci_process_options){.run = "x", .shell = (const char *const[]){NULL}},
                   "shell is empty");
}

/* ---- env ---- */

static void test_oci_process__env_lies_over_the_images_and_keeps_its_order(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_image_config image = image_of(LIST("x"), NULL);
    wfe_strmap env = {0};
    assert_ok(wfe_strmap_set(&image.env, "PATH", "/image/bin", &err), &err);
    assert_ok(wfe_strmap_set(&image.env, "A", "image", &err), &err);
    assert_ok(wfe_strmap_set(&env, "B", "step", &err), &err);
    assert_ok(wfe_strmap_set(&env, "A", "step", &err), &err);
    wfe_oci_process process = {0};
    assert_ok(
        wfe_oci_process_build(&image, &(wfe_oci_process_options){.env = &env}, &process, &err),
        &err);
    assert_int_equal(process.env.len, 3);
    assert_string_equal(process.env.items[0].key, "PATH");
    assert_string_equal(process.env.items[0].value, "/image/bin");
    assert_string_equal(process.env.items[1].key, "A");
    assert_string_equal(process.env.items[1].value, "step");
    assert_string_equal(process.env.items[2].key, "B");
    assert_string_equal(wfe_strmap_get(&image.env, "A"), "image");
    wfe_oci_process_done(&process);
    wfe_strmap_done(&image.env);
    wfe_strmap_done(&env);
}

static void test_oci_process__path_has_a_default_that_env_may_replace(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_image_config image = image_of(LIST("x"), NULL);
    wfe_oci_process process = {0};
    assert_ok(wfe_oci_process_build(&image, &(wfe_oci_process_options){0}, &process, &err), &err);
    assert_string_equal(wfe_strmap_get(&process.env, "PATH"), WFE_OCI_DEFAULT_PATH);
    wfe_oci_process_done(&process);
    wfe_strmap env = {0};
    assert_ok(wfe_strmap_set(&env, "PATH", "/step/bin", &err), &err);
    assert_ok(
        wfe_oci_process_build(&image, &(wfe_oci_process_options){.env = &env}, &process, &err),
        &err);
    assert_string_equal(wfe_strmap_get(&process.env, "PATH"), "/step/bin");
    assert_int_equal(process.env.len, 1);
    wfe_oci_process_done(&process);
    wfe_strmap_done(&env);
}

/* ---- working folder ---- */

static void assert_cwd(const char *of_image, const char *of_step, const char *wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_image_config image = image_of(LIST("x"), NULL);
    image.working_dir = (char *)of_image;
    wfe_oci_process process = {0};
    assert_ok(wfe_oci_process_build(&image, &(wfe_oci_process_options){.working_dir = of_step},
                                    &process, &err),
              &err);
    assert_string_equal(process.cwd, wanted);
    wfe_oci_process_done(&process);
}

static void test_oci_process__working_dir_is_the_steps_then_the_images_then_root(void **state)
{
    (void)state;
    assert_cwd("/image", "/step", "/step");
    assert_cwd("/image", NULL, "/image");
    assert_cwd("", NULL, "/");
    assert_cwd(NULL, NULL, "/");
    assert_cwd("relative", NULL, "/relative");
}

static void test_oci_process__a_relative_working_dir_of_the_step_is_an_error(void **state)
{
    (void)state;
    wfe_oci_image_config image = image_of(LIST("x"), NULL);
    assert_refused(&image, &(wfe_oci_process_options){.working_dir = "src"},
                   "working_dir is 'src', must be an absolute path");
    assert_refused(&image, &(wfe_oci_process_options){.working_dir = ""}, "working_dir is ''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_process__run_replaces_entrypoint_and_cmd_with_a_shell),
        cmocka_unit_test(test_oci_process__shell_picks_another_one),
        cmocka_unit_test(test_oci_process__command_replaces_entrypoint_and_cmd),
        cmocka_unit_test(test_oci_process__args_replace_cmd_and_keep_entrypoint),
        cmocka_unit_test(test_oci_process__args_alone_run_when_there_is_no_entrypoint),
        cmocka_unit_test(test_oci_process__none_of_the_three_runs_entrypoint_and_cmd),
        cmocka_unit_test(test_oci_process__nothing_to_run_is_an_error),
        cmocka_unit_test(test_oci_process__run_command_and_args_exclude_each_other),
        cmocka_unit_test(test_oci_process__env_lies_over_the_images_and_keeps_its_order),
        cmocka_unit_test(test_oci_process__path_has_a_default_that_env_may_replace),
        cmocka_unit_test(test_oci_process__working_dir_is_the_steps_then_the_images_then_root),
        cmocka_unit_test(test_oci_process__a_relative_working_dir_of_the_step_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
