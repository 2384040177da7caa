/* SPDX-License-Identifier: Apache-2.0
 *
 * A containerd that stops answering for good, at each stage of a step: the step ends soon after
 * it had to, says so, and wfe gc removes what is left when containerd is back. Each step is run by
 * a process of its own, since wfe gc leaves alone what belongs to a living one.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_run.h"
#include "fixtures/wfe_command.h"
#include "step/step_priv.h"

/* Far below what the patience for a slow disk and the kernel would add up to. */
#define LIMIT_MS 40000

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0])
        images_need_busybox(daemon);
    return rc;
}

static const char *const *environment(const private_containerd *daemon)
{
    static char address[160], io_dir[96], state_dir[96];
    static const char *const env[] = {address, io_dir, state_dir, NULL};
    snprintf(address, sizeof address, "CONTAINERD_ADDRESS=%s", daemon->address);
    snprintf(io_dir, sizeof io_dir, "WFE_IO_DIR=%s", daemon->io_dir);
    snprintf(state_dir, sizeof state_dir, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
    return env;
}

static void run_gc(const private_containerd *daemon)
{
    const char *const args[] = {"gc", NULL};
    const wfe_command_options options = {.args = args, .env = environment(daemon)};
    wfe_command_result result;
    wfe_command_run(&options, &result);
    if (result.exit_code)
        fail_msg("wfe gc ended with %d: %s", result.exit_code, result.err);
    wfe_command_result_done(&result);
}

/* Thaws the daemon; then wfe gc finds all that was left. The daemon first does what it had been
 * asked for while it was frozen, some of it perhaps after the first wfe gc. */
static void collect(private_containerd *daemon)
{
    private_containerd_leftovers left = {.containers = 1};
    private_containerd_thaw(daemon);
    for (int i = 0; i < 50 && (i < 2 || left.containers || left.snapshots || left.tasks); i++) {
        run_gc(daemon);
        poll(NULL, 0, 100);
        private_containerd_count(daemon, &left);
    }
    private_containerd_assert_clean(daemon);
}

static void test_step_hangs__a_running_step_ends_after_its_timeout(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const args[] = {"step",    "-i", "busybox", "--timeout",          "2s",
                                "--grace", "1s", "--run",   "echo up; sleep 300", NULL};
    const wfe_command_options options = {
        .args = args, .env = environment(daemon), .limit_ms = LIMIT_MS};
    wfe_command *command = wfe_command_start(&options);
    wfe_command_wait_for(command, "up");
    private_containerd_freeze(daemon);
    wfe_command_result result;
    wfe_command_wait(command, &result);
    if (result.exit_code != 125 || !strstr(result.err, "has not answered") ||
        !strstr(result.err, "wfe gc"))
        fail_msg("exit code %d, stderr '%s'", result.exit_code, result.err);
    wfe_command_result_done(&result);
    collect(daemon);
}

/* ---- at one state of the step, in a child ---- */

typedef struct running {
    bool done;
    wfe_step_result *result;
    wfe_error error;
} running;

static void on_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    running *r = user;
    r->done = true;
    r->result = result;
    r->error = *err;
}

static void dispatch(wfe_client *client)
{
    struct pollfd ready = {.fd = wfe_client_fd(client), .events = POLLIN};
    int wanted = wfe_client_timeout_ms(client);
    poll(&ready, 1, wanted >= 0 && wanted < 1000 ? wanted : 1000);
    wfe_client_dispatch(client);
}

/* Runs the step and freezes the daemon when the step has come to the state. */
static void run_to(private_containerd *daemon, const wfe_step_options *options,
                   enum wfe_step_state freeze_at, running *r)
{
    wfe_client *client = step_client(daemon);
    wfe_step *step = NULL;
    assert_int_equal(wfe_step_start(client, options, on_done, r, &step, &r->error), 0);
    while (!r->done && step->state != freeze_at)
        dispatch(client);
    assert_false(r->done);
    private_containerd_freeze(daemon);
    while (!r->done)
        dispatch(client);
    wfe_client_free(client);
}

/* What the child found, as its exit status. */
enum { FINE, NO_RESULT, NO_ERROR, WRONG_CODE, NO_WARNING };

static int judge(const running *r, int exit_code)
{
    if (exit_code < 0) /* it must fail */
        return r->error.kind == WFE_E_TIMEOUT && strstr(r->error.message, "has not answered")
                   ? FINE
                   : NO_ERROR;
    if (!r->result)
        return NO_RESULT;
    if (wfe_step_result_exit_code(r->result) != exit_code)
        return WRONG_CODE;
    for (size_t i = 0; i < wfe_step_result_n_warnings(r->result); i++) {
        if (strstr(wfe_step_result_warning(r->result, i), "does not answer"))
            return FINE;
    }
    return NO_WARNING;
}

static void expect_in_child(private_containerd *daemon, const wfe_step_options *options,
                            enum wfe_step_state freeze_at, int exit_code)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        running r = {0};
        alarm(LIMIT_MS / 1000);
        run_to(daemon, options, freeze_at, &r);
        if (r.error.kind)
            step_print_error(&r.error);
        _exit(judge(&r, exit_code));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    collect(daemon);
    assert_int_equal(status, FINE);
}

static void test_step_hangs__a_launch_ends_after_its_timeout(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script("sleep 300");
    options.timeout_ms = 2000;
    options.grace_ms = 1000;
    expect_in_child(daemon, &options, WFE_STEP_LAUNCHING, -1);
}

static void test_step_hangs__a_clean_up_is_left_and_the_result_stays(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script("exit 5");
    expect_in_child(daemon, &options, WFE_STEP_CLEANING, 5);
}

static void test_step_hangs__leave_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_hangs__a_running_step_ends_after_its_timeout),
        cmocka_unit_test(test_step_hangs__a_launch_ends_after_its_timeout),
        cmocka_unit_test(test_step_hangs__a_clean_up_is_left_and_the_result_stays),
        cmocka_unit_test(test_step_hangs__leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
