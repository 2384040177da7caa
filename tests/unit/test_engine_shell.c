/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps that are processes on this host, and secrets.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/engine_rig.h"

#define TOP WFE_PLAN_NONE

static engine_rig rig;
static const char *const environment[] = {"PATH=/usr/bin:/bin", "KEPT=yes", NULL};

static int set_up(void **state)
{
    (void)state;
    engine_rig_init(&rig);
    rig.options.step_types = NULL;
    rig.options.environment = environment;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_rig_done(&rig);
    return 0;
}

static void assert_output(const char *expected)
{
    if (strcmp(rig.output, expected) != 0)
        fail_msg("output:\n%s\nmust be:\n%s\n%s", rig.output, expected, rig.log);
}

static void test_engine_shell__passes_outputs_from_step_to_step(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a",
                      "echo '##wfe[output version=1.2 \"q\" =]'\n"
                      "printf 'notes<<END\\none\\ntwo äö\\nEND\\n' >>$WFE_OUTPUT");
    plan_builder_step(rig.builder, TOP, "b", "echo \"v=$VERSION\"; echo \"n=$NOTES\"; echo $KEPT");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_output("a: ##wfe[output version=1.2 \"q\" =]\nb: v=1.2 \"q\" =\nb: n=one\nb: two äö\n"
                  "b: yes\n");
    assert_string_equal(json_string_value(json_object_get(result->data, "notes")), "one\ntwo äö");
}

static void test_engine_shell__data_are_variables_but_not_dangerous_ones(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "echo \"$REF $N $LIST $PATH\"; env | grep -c odd");
    engine_rig_run(&rig, json_pack("{ss si s[ii] ss ss}", "ref", "main", "n", 3, "list", 1, 2,
                                   "path", "/evil", "odd.name", "x"));
    assert_output("a: main 3 [1,2] /usr/bin:/bin\na: 0\n");
}

static void test_engine_shell__reports_the_exit_code(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "echo oops >&2; exit 7");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->error.message, "Shell command exited with code 7");
    assert_output("a: oops\n");
}

static void test_engine_shell__says_what_cannot_be_started(void **state)
{
    (void)state;
    static const char *const shell[] = {"/no/such/shell", NULL};
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "true");
    plan_builder_shell(rig.builder, a)->shell = shell;
    uint32_t b = plan_builder_free_step(rig.builder, TOP, "b", "true");
    plan_builder_shell(rig.builder, b)->working_dir = "no/such/folder";
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_non_null(strstr(result->error.message,
                           "Failed to spawn shell command: cannot start /no/such/shell"));
    assert_int_equal(result->n_failures, 1);
    assert_non_null(strstr(result->failures[0].error.message, "no/such/folder"));
}

static void test_engine_shell__runs_where_it_is_told_to(void **state)
{
    (void)state;
    char expected[64];
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "pwd");
    (void)a;
    uint32_t b = plan_builder_step(rig.builder, TOP, "b", "pwd");
    plan_builder_shell(rig.builder, b)->working_dir = "/";
    engine_rig_run(&rig, NULL);
    snprintf(expected, sizeof expected, "a: %s\nb: /\n", rig.folder);
    assert_output(expected);
}

static void test_engine_shell__runs_a_file_with_a_shell_of_choice(void **state)
{
    (void)state;
    static const char *const shell[] = {"sh", "-e", NULL};
    char path[64];
    snprintf(path, sizeof path, "%s/script", rig.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("echo first\nfalse\necho second\n", file);
    fclose(file);
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", NULL);
    plan_builder_shell(rig.builder, a)->file = "script";
    plan_builder_shell(rig.builder, a)->shell = shell;
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_FAILED);
    assert_output("a: first\n");
    unlink(path);
}

static void test_engine_shell__parallel_steps_overlap_and_one_job_does_not(void **state)
{
    (void)state;
    for (uint32_t jobs = 1; jobs <= 2; jobs++) {
        rig.options.jobs = jobs;
        uint32_t block = plan_builder_block(rig.builder, TOP, "block");
        plan_builder_step(rig.builder, block, "a",
                          "echo \"##wfe[output a0=$(date +%s%N)]\"; sleep 0.2\n"
                          "echo \"##wfe[output a1=$(date +%s%N)]\"");
        plan_builder_step(rig.builder, block, "b",
                          "echo \"##wfe[output b0=$(date +%s%N)]\"; sleep 0.2\n"
                          "echo \"##wfe[output b1=$(date +%s%N)]\"");
        const json_t *data = engine_rig_run(&rig, NULL)->data;
        long long t[4];
        const char *const keys[] = {"a0", "a1", "b0", "b1"};
        for (int i = 0; i < 4; i++)
            t[i] = atoll(json_string_value(json_object_get(data, keys[i])));
        bool overlap = t[0] < t[3] && t[2] < t[1];
        assert_int_equal(overlap, jobs == 2);
        engine_rig_done(&rig);
        set_up(NULL);
    }
    plan_builder_step(rig.builder, TOP, "a", "true");
    engine_rig_run(&rig, NULL);
}

/* The pid that a step printed as an output. */
static pid_t pid_of(const char *key)
{
    const json_t *data = wfe_engine_run_result(rig.run)->data;
    const char *text = json_string_value(json_object_get(data, key));
    return text ? (pid_t)atoi(text) : 0;
}

static void assert_gone(pid_t pid)
{
    assert_true(pid > 1);
    for (int i = 0; i < 2000; i++) {
        char path[64], stat[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY);
        if (fd < 0)
            return;
        if (read(fd, stat, sizeof stat - 1) < 0)
            stat[0] = '\0';
        close(fd);
        const char *after = strrchr(stat, ')');
        if (!after || after[2] == 'Z') /* only its parent has yet to notice */
            return;
        usleep(1000);
    }
    fail_msg("process %d is still there", (int)pid);
}

static void test_engine_shell__takes_along_the_processes_it_leaves(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "sleep 600 & echo \"##wfe[output child=$!]\"");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_gone(pid_of("child"));
}

static void test_engine_shell__a_timeout_ends_all_of_its_processes(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(
        rig.builder, TOP, "a",
        "trap '' TERM; sleep 600 & echo \"##wfe[output child=$!]\"; wait; wait; sleep 600");
    plan_builder_shell(rig.builder, a)->timeout_ms = 200;
    plan_builder_shell(rig.builder, a)->grace_ms = 50;
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->error.message, "Shell command timed out after 200ms");
    assert_gone(pid_of("child"));
}

static void wait_for_output(const char *text)
{
    for (int i = 0; !strstr(rig.output, text); i++) {
        if (i > 20000)
            fail_msg("'%s' was not printed in 20 s:\n%s", text, rig.output);
        wfe_loop_run_ready(rig.loop);
        usleep(1000);
    }
}

static void test_engine_shell__cancel_is_term_and_a_kill_comes_at_once(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a",
                                   "trap 'echo term; exit 0' TERM; echo up; sleep 600 & wait");
    plan_builder_hook(rig.builder, a, WFE_PLAN_ROLE_ENSURE, "ensure",
                      "trap '' TERM; echo cleaning; sleep 600");
    engine_rig_start(&rig, NULL);
    wait_for_output("a: up");
    wfe_engine_run_cancel(rig.run);
    wait_for_output("ensure: cleaning");
    wfe_engine_run_cancel(rig.run);
    assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
    assert_non_null(strstr(rig.output, "a: term"));
    assert_string_equal(engine_rig_end(&rig, "a"), "cancelled");
    assert_string_equal(engine_rig_end(&rig, "ensure"), "cancelled");
}

static void test_engine_shell__a_megabyte_is_an_output_and_not_a_variable(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a",
                      "{ printf 'big='; head -c 1048576 /dev/zero | tr '\\0' x; echo; } "
                      ">$WFE_OUTPUT");
    plan_builder_step(rig.builder, TOP, "b", "echo ${#BIG}");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(json_string_length(json_object_get(result->data, "big")), 1048576);
    assert_output("b: 0\n");
    assert_non_null(strstr(rig.log, "warning:too long for variables, and left out: BIG"));
}

static void test_engine_shell__long_lines_come_in_pieces(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "head -c 40000 /dev/zero | tr '\\0' x; echo; echo y");
    engine_rig_run(&rig, NULL);
    /* The rig's own lines are cut; their number and the last one tell. */
    assert_non_null(strstr(rig.output, "a: y\n"));
    int lines = 0;
    for (const char *p = rig.output; (p = strstr(p, "a: ")); p++)
        lines++;
    assert_int_equal(lines, 4);
}

/* ---- secrets ---- */

static const char *lookup(const char *name, void *user)
{
    (void)user;
    return strcmp(name, "CI_TOKEN") == 0 ? "s3cret-token-value" : NULL;
}

static void add_secrets(const wfe_plan_secret *secrets, uint32_t n)
{
    wfe_plan_secret *copy = plan_builder_alloc(rig.builder, n * sizeof *copy);
    memcpy(copy, secrets, n * sizeof *copy);
    plan_builder_workflow_at(rig.builder, 0)->secrets = copy;
    plan_builder_workflow_at(rig.builder, 0)->n_secrets = n;
    rig.options.lookup = lookup;
}

static void use_secret(uint32_t step, uint32_t secret, const char *env)
{
    wfe_plan_secret_use *use = plan_builder_alloc(rig.builder, sizeof *use);
    *use = (wfe_plan_secret_use){.secret = secret, .env = env};
    plan_builder_at(rig.builder, step)->secrets = use;
    plan_builder_at(rig.builder, step)->n_secrets = 1;
}

static void test_engine_shell__secrets_are_given_and_masked_everywhere(void **state)
{
    (void)state;
    static const char *const command[] = {"sh", "-c", "echo from-a-command", NULL};
    char path[64];
    snprintf(path, sizeof path, "%s/token", rig.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("from-a-file\n", file);
    fclose(file);
    const wfe_plan_secret secrets[] = {
        {.name = "A", .source = WFE_PLAN_SECRET_ENV, .text = "CI_TOKEN"},
        {.name = "B", .source = WFE_PLAN_SECRET_FILE, .text = "token"},
        {.name = "C", .source = WFE_PLAN_SECRET_COMMAND, .command = command}};
    uint32_t a = plan_builder_step(
        rig.builder, TOP, "a",
        "echo ${#TOKEN} $TOKEN; printf s3cret-; sleep 0.05; printf 'token-val'; sleep 0.05\n"
        "echo ue; printf %s $TOKEN | base64; echo \"##wfe[output leak=<$TOKEN>]\"");
    uint32_t b = plan_builder_step(rig.builder, TOP, "b", "echo ${#TOKEN} $TOKEN $LEAK");
    uint32_t c = plan_builder_step(rig.builder, TOP, "c", "echo ${#TOKEN} $TOKEN ${#KEPT}");
    use_secret(a, 0, "TOKEN");
    use_secret(b, 1, "TOKEN");
    use_secret(c, 2, "TOKEN");
    add_secrets(secrets, 3);
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_output("a: 18 ***\na: ***\na: ***\na: ##wfe[output leak=<***>]\nb: 11 *** <***>\n"
                  "c: 14 *** 3\n");
    assert_string_equal(json_string_value(json_object_get(result->data, "leak")), "<***>");
    unlink(path);
}

static void check_bad_secret(const wfe_plan_secret *secret, const char *message)
{
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "true");
    use_secret(a, 0, "TOKEN");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "true");
    add_secrets(secret, 1);
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    if (!strstr(result->error.message, message))
        fail_msg("'%s' does not say '%s'", result->error.message, message);
    assert_string_equal(engine_rig_end(&rig, "a"), "skipped");
    assert_string_equal(engine_rig_end(&rig, "ensure"), "succeeded");
    engine_rig_done(&rig);
    set_up(NULL);
}

static void test_engine_shell__a_secret_that_cannot_be_read_fails_the_run(void **state)
{
    (void)state;
    static const char *const bad_command[] = {"sh", "-c", "exit 3", NULL};
    static const char *const no_command[] = {"/no/such/command", NULL};
    static const char *const long_command[] = {"sh", "-c", "head -c 70000 /dev/zero | tr '\\0' x",
                                               NULL};
    check_bad_secret(
        &(wfe_plan_secret){.name = "A", .source = WFE_PLAN_SECRET_ENV, .text = "NOT_SET"},
        "secret 'A': the variable NOT_SET is not set");
    check_bad_secret(
        &(wfe_plan_secret){.name = "A", .source = WFE_PLAN_SECRET_FILE, .text = "/no/such"},
        "/no/such");
    check_bad_secret(
        &(wfe_plan_secret){.name = "A", .source = WFE_PLAN_SECRET_COMMAND, .command = bad_command},
        "exited with code 3");
    check_bad_secret(
        &(wfe_plan_secret){.name = "A", .source = WFE_PLAN_SECRET_COMMAND, .command = no_command},
        "cannot start");
    check_bad_secret(
        &(wfe_plan_secret){.name = "A", .source = WFE_PLAN_SECRET_COMMAND, .command = long_command},
        "more than 65536 bytes");
    plan_builder_step(rig.builder, TOP, "a", "true");
    engine_rig_run(&rig, NULL);
}

static void test_engine_shell__a_run_that_is_cancelled_while_a_secret_is_read_ends(void **state)
{
    (void)state;
    static const char *const command[] = {"sleep", "600", NULL};
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "true");
    use_secret(a, 0, "TOKEN");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "true");
    add_secrets(
        &(wfe_plan_secret){.name = "A", .source = WFE_PLAN_SECRET_COMMAND, .command = command}, 1);
    engine_rig_start(&rig, NULL);
    engine_rig_wait_for(&rig, "run:starting");
    for (int i = 0; i < 20; i++)
        wfe_loop_run_ready(rig.loop);
    wfe_engine_run_cancel(rig.run);
    assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
    assert_string_equal(engine_rig_end(&rig, "ensure"), "succeeded");
}

static void test_engine_shell__a_run_that_is_cancelled_before_it_begins_runs_ensure(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "true");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "echo clean");
    engine_rig_start(&rig, NULL);
    wfe_engine_run_cancel(rig.run);
    assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
    assert_string_equal(engine_rig_end(&rig, "a"), "cancelled");
    assert_output("ensure: clean\n");
}

static void test_engine_shell__two_hundred_at_once_and_two_hundred_in_a_row(void **state)
{
    (void)state;
    rig.options.jobs = 200;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    for (int i = 0; i < 200; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        plan_builder_step(rig.builder, block, name, "read -r _ </proc/uptime");
    }
    for (int i = 0; i < 200; i++) {
        char name[8], script[64];
        snprintf(name, sizeof name, "c%d", i);
        snprintf(script, sizeof script, "echo \"##wfe[output n=$((N + 1))]\"");
        plan_builder_step(rig.builder, TOP, name, script);
    }
    const wfe_engine_result *result = engine_rig_run(&rig, json_pack("{si}", "n", 0));
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(result->n_succeeded, 401);
    assert_string_equal(json_string_value(json_object_get(result->data, "n")), "200");
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_engine_shell__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(passes_outputs_from_step_to_step),
        CASE(data_are_variables_but_not_dangerous_ones),
        CASE(reports_the_exit_code),
        CASE(says_what_cannot_be_started),
        CASE(runs_where_it_is_told_to),
        CASE(runs_a_file_with_a_shell_of_choice),
        CASE(parallel_steps_overlap_and_one_job_does_not),
        CASE(takes_along_the_processes_it_leaves),
        CASE(a_timeout_ends_all_of_its_processes),
        CASE(cancel_is_term_and_a_kill_comes_at_once),
        CASE(a_megabyte_is_an_output_and_not_a_variable),
        CASE(long_lines_come_in_pieces),
        CASE(secrets_are_given_and_masked_everywhere),
        CASE(a_secret_that_cannot_be_read_fails_the_run),
        CASE(a_run_that_is_cancelled_while_a_secret_is_read_ends),
        CASE(a_run_that_is_cancelled_before_it_begins_runs_ensure),
        CASE(two_hundred_at_once_and_two_hundred_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
