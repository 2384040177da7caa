/* SPDX-License-Identifier: Apache-2.0
 *
 * The scripts that decide whether a change passes: they must see what is wrong.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "fixtures/wfe_assert.h"

/* A folder with tools/ of this repository, as the test's state. */
static int make_folder(void **state)
{
    char *folder = strdup("/tmp/wfe-tools-XXXXXX");
    char command[256];
    if (!folder || !mkdtemp(folder))
        return -1;
    *state = folder;
    snprintf(command, sizeof command, "cp -r '%s/tools' %s/tools && mkdir -p %s/include/wfe",
             WFE_SOURCE_DIR, folder, folder);
    return system(command);
}

static int remove_folder(void **state)
{
    int rc = wfe_fd_remove_tree(*state, NULL);
    free(*state);
    return rc;
}

static void add_file(void **state, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", (const char *)*state, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(wfe_fd_make_dirs(path, 0700, NULL), NULL);
    *slash = '/';
    assert_ok(wfe_fd_write_file(path, text, strlen(text), 0600, NULL), NULL);
}

/* Runs a shell command in the folder; what it printed, and its exit code in *ret_code. */
static const char *run(void **state, const char *command, int *ret_code)
{
    static char said[4096];
    char line[512];
    snprintf(line, sizeof line, "cd %s && %s 2>&1", (const char *)*state, command);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    int status = pclose(pipe);
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return said;
}

/* ---- totals.sh ---- */

static void assert_totals(void **state, const char *log, const char *wanted)
{
    int code = 0;
    add_file(state, "log", log);
    assert_string_equal(run(state, "tools/totals.sh log", &code), wanted);
    assert_int_equal(code, 0);
}

#define ONE_PASSED "1: [ RUN      ] test_a\n1: [       OK ] test_a\n"
#define PROGRAM_PASSED "1/1 Test #1: unit/test_x .....   Passed    0.01 sec\n"
#define PROGRAM_FAILED "1/1 Test #1: unit/test_x .....***Failed    0.01 sec\n"

static void test_tools__totals_count_cases_of_programs_that_ran_at_once(void **state)
{
    assert_totals(state,
                  "1: [ RUN      ] test_a\n2: [ RUN      ] test_a\n2: [       OK ] test_a\n"
                  "1: text without end[       OK ] test_a\n1: [ RUN      ] test_b\n"
                  "1: [       OK ] test_b\n1: [==========] 2 test(s) run.\n"
                  "1: [  PASSED  ] 2 test(s).\n"
                  "1/2 Test #1: unit/test_x .....   Passed    0.01 sec\n"
                  "2/2 Test #2: unit/test_y .....   Passed    0.01 sec\n",
                  "3 passed, 0 failed\n");
}

static void test_tools__totals_count_a_failure_once_though_it_is_listed_twice(void **state)
{
    assert_totals(state,
                  ONE_PASSED "1: [ RUN      ] test_b\n1: [  ERROR   ] --- 1 != 2\n"
                             "1: [  FAILED  ] test_b\n1: [  FAILED  ] 1 test(s), listed below:\n"
                             "1: [  FAILED  ] test_b\n1: \n1:  1 FAILED TEST(S)\n" PROGRAM_FAILED,
                  "1 passed, 1 failed\n");
}

static void test_tools__totals_count_skips_and_list_them(void **state)
{
    int code = 0;
    assert_totals(state,
                  ONE_PASSED "1: [ RUN      ] test_b\n1: [  SKIPPED ] test_b\n"
                             "1: [  SKIPPED ] 1 test(s), listed below:\n"
                             "1: [  SKIPPED ] test_b\n" PROGRAM_PASSED,
                  "1 passed, 0 failed, 1 skipped\n");
    assert_string_equal(run(state, "tools/totals.sh --skipped log", &code),
                        "unit/test_x: test_b\n");
}

static void test_tools__totals_count_a_case_that_crashed_as_failed(void **state)
{
    assert_totals(state, ONE_PASSED "1: [ RUN      ] test_b\n" PROGRAM_FAILED,
                  "1 passed, 1 failed\n");
}

static void test_tools__totals_count_a_program_that_failed_after_its_cases(void **state)
{
    assert_totals(state,
                  ONE_PASSED "1: ERROR: LeakSanitizer: detected memory leaks\n" PROGRAM_FAILED,
                  "1 passed, 1 failed\n");
}

static void test_tools__totals_count_programs_without_cases_as_one(void **state)
{
    assert_totals(state,
                  "1/3 Test #1: unit/test_x .....   Passed    0.01 sec\n"
                  "2/3 Test #2: unit/test_y .....***Timeout 600.00 sec\n"
                  "3/3 Test #3: unit/test_z .....***Skipped   0.00 sec\n",
                  "1 passed, 1 failed, 1 skipped\n");
}

/* ---- check-layers.sh ---- */

static void assert_layers(void **state, const char *file, const char *text, const char *wanted)
{
    int code = 0;
    add_file(state, file, text);
    const char *said = run(state, "tools/check-layers.sh", &code);
    assert_contains(said, wanted);
    assert_int_equal(code, strcmp(wanted, "layers: ok") != 0);
    add_file(state, file, "");
}

static void test_tools__layers_accept_what_the_table_allows(void **state)
{
    assert_layers(state, "src/loop/a.c",
                  "#include <uv.h>\n#include <wfe/error.h>\n#include \"base/error.h\"\n"
                  "/* exit(1) in a comment */\nvoid f(void) { snprintf(0, 0, \"\"); }\n",
                  "layers: ok");
    assert_layers(state, "src/containerd/a.h", "#include \"containerd/images.pb-c.h\"\n",
                  "layers: ok");
    assert_layers(state, "src/cli/main.c", "int main(void) { printf(\"%s\", getenv(\"A\")); }\n",
                  "layers: ok");
    assert_layers(state, "include/wfe/a.h", "#include <stdint.h>\n#include <wfe/error.h>\n",
                  "layers: ok");
}

static void test_tools__layers_name_the_line_and_the_rule_of_an_offence(void **state)
{
    assert_layers(state, "src/oci/a.c", "\n#include \"step/step.h\"\n",
                  "src/oci/a.c:2: src/oci may not use src/step; it may use: base");
    assert_layers(state, "src/base/a.c", "#include \"loop/loop.h\"\n",
                  "src/base/a.c:1: src/base may not use src/loop; it may use: nothing of src/");
    assert_layers(state, "src/cli/a.c", "# include \"step/step.h\"\n", "src/cli/a.c:1:");
    assert_layers(state, "src/oci/a.c", "#include \"spec.h\"\n", "does not name its folder");
    assert_layers(state, "src/image/a.c", "#include \"containerd/images.pb-c.h\"\n",
                  "may not use generated code");
    assert_layers(state, "src/utils/a.c", "\n", "src/utils is not in the table");
    assert_layers(state, "include/wfe/a.h", "#include <uv.h>\n", "a public header includes uv.h");
}

static void test_tools__layers_keep_each_library_in_its_module(void **state)
{
    assert_layers(state, "src/grpc/a.c", "#include <uv.h>\n", "<uv.h> may only be included by");
    assert_layers(state, "src/loop/a.c", "#include <nghttp2/nghttp2.h>\n", "src/loop/a.c:1:");
    assert_layers(state, "src/grpc/a.c", "#include <openssl/ssl.h>\n", "src/grpc/a.c:1:");
}

static void
test_tools__layers_forbid_the_library_to_print_exit_or_read_the_environment(void **state)
{
    static const char *const calls[] = {"exit(1);",          "printf(\"x\");",
                                        "getenv(\"HOME\");", "fputs(\"x\", stderr);",
                                        "perror(\"x\");",    "puts(\"x\");"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char text[64];
        snprintf(text, sizeof text, "void f(void) { %s }\n", calls[i]);
        assert_layers(state, "src/base/a.c", text, "src/base/a.c:1: the library may not print");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tools__totals_count_cases_of_programs_that_ran_at_once,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_tools__totals_count_a_failure_once_though_it_is_listed_twice, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_tools__totals_count_skips_and_list_them, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_tools__totals_count_a_case_that_crashed_as_failed,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_tools__totals_count_a_program_that_failed_after_its_cases, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_tools__totals_count_programs_without_cases_as_one,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_tools__layers_accept_what_the_table_allows,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_tools__layers_name_the_line_and_the_rule_of_an_offence,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_tools__layers_keep_each_library_in_its_module,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_tools__layers_forbid_the_library_to_print_exit_or_read_the_environment,
            make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
