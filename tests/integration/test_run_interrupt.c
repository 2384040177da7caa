/* SPDX-License-Identifier: Apache-2.0
 *
 * Ctrl-C during `wfe run`: at each of its moments hooks run, nothing is left, and the exit code
 * tells.
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

#include "fixtures/pty_command.h"
#include "fixtures/run_group.h"

#define HEAD "workflow:\n  id: test\n  version: 1\n"

/* Steps that follow each other quickly, two at a time, with hooks on every level, beside a
 * service. */
static const char workflow[] =
    HEAD "  shared_volume: {mount_path: /shared}\n"
         "  services: {idle: {image: busybox, run: 'exec sleep 600', grace: 2s}}\n"
         "  ensure: {name: at-end, config: {run: 'echo run >>ensured'}}\n"
         "  steps:\n"
         "    - name: a\n      type: containerd\n"
         "      config: {image: busybox, run: 'echo a; sleep 0.2', grace: 2s}\n"
         "      ensure: {name: a-end, config: {run: 'echo a >>ensured'}}\n"
         "    - parallel:\n"
         "        - name: b\n          type: containerd\n"
         "          config: {image: busybox, run: 'echo b; sleep 0.3', grace: 2s}\n"
         "        - name: c\n          config: {run: 'echo c; sleep 0.3'}\n"
         "      name: both\n"
         "      ensure: {name: both-end, config: {run: 'echo both >>ensured'}}\n"
         "    - name: d\n      for_each: [1, 2]\n      type: containerd\n"
         "      config: {image: busybox, run: 'echo d((item)); sleep 0.2', grace: 2s}\n"
         "    - name: e\n      config: {run: 'echo e; sleep 60'}\n";

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

/* One run, interrupted when the event with this number has come. */
static void interrupt_at(private_containerd *daemon, const char *file, int moment)
{
    char path[256], seq[32];
    snprintf(path, sizeof path, "%s/ensured", run_group_folder);
    unlink(path);
    const char *const args[] = {"run", file, "--json", "--jobs", "2", NULL};
    wfe_command_options options = {
        .args = args, .env = run_group_env(NULL), .directory = run_group_folder};
    wfe_command *command = wfe_command_start(&options);
    snprintf(seq, sizeof seq, "\"seq\":%d,", moment);
    wfe_command_wait_for(command, seq);
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_result result;
    wfe_command_wait(command, &result);
    char *ensured = run_group_read("ensured");
    bool a_began = strstr(result.out, "\"step\":\"a\",\"state\":\"running\"");
    bool both_began = strstr(result.out, "\"step\":\"both\",\"state\":\"running\"");
    if (result.exit_code != 130 || count(ensured, "run\n") != 1 ||
        count(ensured, "a\n") != a_began || count(ensured, "both\n") != both_began ||
        !strstr(result.out, "\"event\":\"result\"") || !strstr(result.out, "\"cancelled\""))
        fail_msg("at event %d: exit code %d, ensured '%s', stdout '%s', stderr '%s'", moment,
                 result.exit_code, ensured, result.out, result.err);
    free(ensured);
    wfe_command_result_done(&result);
    run_group_assert_clean(daemon);
}

static void test_run_interrupt__runs_hooks_and_cleans_up_at_every_moment(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char file[256];
    snprintf(file, sizeof file, "%s", run_group_file("workflow.yaml", workflow));
    static const int moments[] = {1, 2, 3, 4, 6, 8, 10, 12, 14, 16};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        interrupt_at(daemon, file, moments[i]);
}

static void test_run_interrupt__kills_at_once_the_second_time(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char stubborn[] =
        HEAD "  steps:\n    - name: a\n      type: containerd\n      config:\n"
             "        image: busybox\n        grace: 10m\n"
             "        run: |\n          trap 'echo not-yet' TERM\n          echo begun\n"
             "          while :; do sleep 1; done\n"
             "      ensure: {name: e, config: {run: 'sleep 600'}}\n";
    const char *const args[] = {"run", run_group_file("workflow.yaml", stubborn), NULL};
    wfe_command_options options = {
        .args = args, .env = run_group_env(NULL), .directory = run_group_folder};
    wfe_command *command = wfe_command_start(&options);
    wfe_command_wait_for(command, "a | begun");
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_wait_for(command, "a | not-yet");
    wfe_command_wait_for(command, "interrupted: ");
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_result result;
    wfe_command_wait(command, &result);
    run_group_expect(&result, 130, "a: cancelled");
    assert_non_null(strstr(result.err, "interrupted again: "));
    wfe_command_result_done(&result);
    run_group_assert_clean(daemon);
}

static void test_run_interrupt__works_from_the_keyboard(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char text[] =
        HEAD "  steps:\n    - name: a\n      type: containerd\n"
             "      config: {image: busybox, run: 'echo begun; exec sleep 600'}\n"
             "      ensure: {name: tidy, type: containerd, config: {image: busybox, run: echo}}\n"
             "    - {name: b, config: {run: echo}}\n";
    const char *const args[] = {"run", run_group_file("workflow.yaml", text), NULL};
    pty_command *command = pty_command_start(args, run_group_env(NULL), 80, 24);
    pty_command_wait_for(command, "begun\n");
    pty_command_type(command, "\x03");
    assert_int_equal(pty_command_wait(command), 130);
    const char *screen = terminal_model_text(pty_command_terminal(command));
    if (!strstr(screen, "! interrupted: stopping") || !strstr(screen, "■ a  ") ||
        !strstr(screen, "✓ tidy (ensure)  ") || !strstr(screen, " cancelled after "))
        fail_msg("on the terminal is:\n%s", screen);
    pty_command_free(command);
    run_group_assert_clean(daemon);
}

static int setup(void **state)
{
    return run_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_interrupt__runs_hooks_and_cleans_up_at_every_moment),
        cmocka_unit_test(test_run_interrupt__kills_at_once_the_second_time),
        cmocka_unit_test(test_run_interrupt__works_from_the_keyboard),
    };
    return cmocka_run_group_tests(tests, setup, run_group_teardown);
}
