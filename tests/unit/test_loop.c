/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

/* A test that would wait for ever fails after this long instead. */
#define GUARD_MS 30000

struct test {
    wfe_loop *loop;
    wfe_timer *guard;
    bool done;
    int calls;
    int exit_code;
    unsigned events;
    int fds[2];
    wfe_io *io;
    wfe_timer *timer;
    wfe_wake *wake;
    wfe_child *child;
};

static void on_guard(void *user)
{
    struct test *test = user;
    test->done = true;
    test->calls = -1000;
}

static int setup(void **state)
{
    struct test *test = calloc(1, sizeof *test);
    if (!test || wfe_loop_new(&test->loop, NULL) ||
        wfe_timer_new(test->loop, on_guard, test, &test->guard, NULL) || pipe(test->fds) < 0)
        return -1;
    wfe_timer_start(test->guard, GUARD_MS);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;
    wfe_io_free(test->io);
    wfe_timer_free(test->timer);
    wfe_wake_free(test->wake);
    wfe_child_free(test->child);
    wfe_timer_free(test->guard);
    wfe_loop_free(test->loop);
    for (int i = 0; i < 2; i++) {
        if (test->fds[i] >= 0)
            close(test->fds[i]);
    }
    free(test);
    return 0;
}

static void run(struct test *test)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_loop_run_until(test->loop, &test->done, &err), &err);
    assert_true(test->calls >= 0);
}

/* ---- file descriptors ---- */

static void on_readable(unsigned events, void *user)
{
    struct test *test = user;
    char byte;
    test->events |= events;
    test->calls++;
    test->done = read(test->fds[0], &byte, 1) <= 0 || byte == '.';
}

static void test_loop__a_readable_fd_calls_back_until_it_was_read(void **state)
{
    struct test *test = *state;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_io_new(test->loop, test->fds[0], on_readable, test, &test->io, &err), &err);
    assert_ok(wfe_io_watch(test->io, WFE_IO_READABLE, &err), &err);
    assert_int_equal(write(test->fds[1], "ab.", 3), 3);
    run(test);
    assert_int_equal(test->calls, 3);
    assert_int_equal(test->events, WFE_IO_READABLE);
}

static void test_loop__a_hangup_shows_as_readable(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_io_new(test->loop, test->fds[0], on_readable, test, &test->io, NULL), NULL);
    assert_ok(wfe_io_watch(test->io, WFE_IO_READABLE, NULL), NULL);
    close(test->fds[1]);
    test->fds[1] = -1;
    run(test);
    assert_true(test->events & WFE_IO_READABLE);
}

static void on_writable(unsigned events, void *user)
{
    struct test *test = user;
    test->events |= events;
    test->done = true;
}

static void test_loop__a_writable_fd_calls_back(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_io_new(test->loop, test->fds[1], on_writable, test, &test->io, NULL), NULL);
    assert_ok(wfe_io_watch(test->io, WFE_IO_WRITABLE, NULL), NULL);
    run(test);
    assert_int_equal(test->events, WFE_IO_WRITABLE);
}

static void test_loop__watching_nothing_stops_the_callbacks(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_io_new(test->loop, test->fds[0], on_readable, test, &test->io, NULL), NULL);
    assert_ok(wfe_io_watch(test->io, WFE_IO_READABLE, NULL), NULL);
    assert_int_equal(write(test->fds[1], "a", 1), 1);
    assert_ok(wfe_io_watch(test->io, 0, NULL), NULL);
    wfe_loop_run_ready(test->loop);
    assert_int_equal(test->calls, 0);
    assert_ok(wfe_io_watch(test->io, WFE_IO_READABLE, NULL), NULL);
    wfe_loop_run_ready(test->loop);
    assert_int_equal(test->calls, 1);
}

static void on_readable_free(unsigned events, void *user)
{
    struct test *test = user;
    (void)events;
    wfe_io_free(test->io);
    test->io = NULL;
    test->calls++;
    test->done = true;
}

static void test_loop__a_handle_may_be_freed_from_its_own_callback(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_io_new(test->loop, test->fds[0], on_readable_free, test, &test->io, NULL), NULL);
    assert_ok(wfe_io_watch(test->io, WFE_IO_READABLE, NULL), NULL);
    assert_int_equal(write(test->fds[1], "a", 1), 1);
    run(test);
    wfe_loop_run_ready(test->loop);
    assert_int_equal(test->calls, 1);
}

static void test_loop__an_fd_that_is_none_is_an_error(void **state)
{
    struct test *test = *state;
    wfe_error err = WFE_ERROR_INIT;
    int closed = dup(test->fds[0]);
    close(closed);
    assert_fails(wfe_io_new(test->loop, closed, on_readable, test, &test->io, &err), WFE_E_IO,
                 &err);
    assert_int_equal(err.sys_errno, EBADF);
    assert_null(test->io);
}

/* ---- timers ---- */

static void on_timer(void *user)
{
    struct test *test = user;
    test->calls++;
    test->done = true;
}

static void test_loop__a_timer_fires_once_per_start(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_timer_new(test->loop, on_timer, test, &test->timer, NULL), NULL);
    wfe_timer_start(test->timer, 1);
    run(test);
    wfe_loop_run_ready(test->loop);
    assert_int_equal(test->calls, 1);
    test->done = false;
    wfe_timer_start(test->timer, 0);
    run(test);
    assert_int_equal(test->calls, 2);
}

static void test_loop__starting_a_timer_again_replaces_its_delay(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_timer_new(test->loop, on_timer, test, &test->timer, NULL), NULL);
    wfe_timer_start(test->timer, (uint64_t)10 * GUARD_MS);
    wfe_timer_start(test->timer, 0);
    run(test);
    assert_int_equal(test->calls, 1);
}

static void test_loop__a_stopped_timer_does_not_fire(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_timer_new(test->loop, on_timer, test, &test->timer, NULL), NULL);
    wfe_timer_start(test->timer, 0);
    wfe_timer_stop(test->timer);
    wfe_loop_run_ready(test->loop);
    assert_int_equal(test->calls, 0);
}

static void on_timer_free(void *user)
{
    struct test *test = user;
    wfe_timer_free(test->timer);
    test->timer = NULL;
    test->calls++;
    test->done = true;
}

static void test_loop__a_timer_may_be_freed_from_its_own_callback(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_timer_new(test->loop, on_timer_free, test, &test->timer, NULL), NULL);
    wfe_timer_start(test->timer, 0);
    run(test);
    assert_int_equal(test->calls, 1);
}

/* ---- wake-up ---- */

static void on_wake(void *user)
{
    struct test *test = user;
    test->calls++;
    test->done = true;
}

static void *send_from_thread(void *user)
{
    wfe_wake_send(user);
    return NULL;
}

static void test_loop__a_wake_from_another_thread_calls_back_in_the_loop(void **state)
{
    struct test *test = *state;
    pthread_t thread;
    assert_ok(wfe_wake_new(test->loop, on_wake, test, &test->wake, NULL), NULL);
    assert_int_equal(pthread_create(&thread, NULL, send_from_thread, test->wake), 0);
    run(test);
    pthread_join(thread, NULL);
    assert_int_equal(test->calls, 1);
}

static void test_loop__several_wakes_become_at_least_one_call(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_wake_new(test->loop, on_wake, test, &test->wake, NULL), NULL);
    for (int i = 0; i < 100; i++)
        wfe_wake_send(test->wake);
    run(test);
    assert_in_range(test->calls, 1, 100);
}

/* ---- the loop ---- */

static void test_loop__nothing_left_to_wait_for_is_an_error(void **state)
{
    struct test *test = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_timer_stop(test->guard);
    /* A wake-up alone is no reason to wait: nobody may ever send it. */
    assert_ok(wfe_wake_new(test->loop, on_wake, test, &test->wake, NULL), NULL);
    assert_fails(wfe_loop_run_until(test->loop, &test->done, &err), WFE_E_INTERNAL, &err);
}

static void test_loop__done_at_the_start_runs_nothing(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_timer_new(test->loop, on_timer, test, &test->timer, NULL), NULL);
    wfe_timer_start(test->timer, 0);
    test->done = true;
    run(test);
    assert_int_equal(test->calls, 0);
}

static void test_loop__a_host_can_poll_the_loops_fd(void **state)
{
    struct test *test = *state;
    assert_ok(wfe_io_new(test->loop, test->fds[0], on_readable, test, &test->io, NULL), NULL);
    assert_ok(wfe_io_watch(test->io, WFE_IO_READABLE, NULL), NULL);
    /* libuv hands its fds to the kernel when it is run: the host dispatches before it polls. */
    wfe_loop_run_ready(test->loop);
    int timeout_ms = wfe_loop_timeout_ms(test->loop);
    assert_in_range(timeout_ms, 1, GUARD_MS);
    struct pollfd pollfd = {.fd = wfe_loop_fd(test->loop), .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, 0), 0);
    assert_int_equal(write(test->fds[1], ".", 1), 1);
    assert_int_equal(poll(&pollfd, 1, GUARD_MS), 1);
    wfe_loop_run_ready(test->loop);
    assert_int_equal(test->calls, 1);
    wfe_timer_stop(test->guard);
    assert_int_equal(wfe_loop_timeout_ms(test->loop), -1);
}

static void test_loop__free_accepts_null_everywhere(void **state)
{
    (void)state;
    wfe_io_free(NULL);
    wfe_timer_free(NULL);
    wfe_wake_free(NULL);
    wfe_child_free(NULL);
    wfe_resolve_cancel(NULL);
    wfe_loop_free(NULL);
}

/* ---- children ---- */

static void on_exit_code(int exit_code, void *user)
{
    struct test *test = user;
    test->exit_code = exit_code;
    test->calls++;
    test->done = true;
}

static void spawn(struct test *test, const char *script, const char *const *envp)
{
    wfe_error err = WFE_ERROR_INIT;
    const char *const argv[] = {"sh", "-c", script, NULL};
    const wfe_spawn_options options = {
        .argv = argv, .envp = envp, .stdin_fd = -1, .stdout_fd = test->fds[1], .stderr_fd = -1};
    assert_ok(wfe_child_spawn(test->loop, &options, on_exit_code, test, &test->child, &err), &err);
}

/* Runs a script to its end and gives what it printed; at most a pipe full. */
static const char *output_of(struct test *test, const char *script, const char *const *envp)
{
    static char text[4096];
    spawn(test, script, envp);
    run(test);
    close(test->fds[1]);
    test->fds[1] = -1;
    ssize_t len = read(test->fds[0], text, sizeof text - 1);
    assert_true(len >= 0);
    text[len] = '\0';
    return text;
}

static void test_loop__a_child_reports_its_exit_code_once(void **state)
{
    struct test *test = *state;
    spawn(test, "exit 7", NULL);
    assert_true(wfe_child_pid(test->child) > 1);
    run(test);
    assert_int_equal(test->exit_code, 7);
    wfe_loop_run_ready(test->loop);
    assert_int_equal(test->calls, 1);
    /* It was reaped. */
    assert_int_equal(waitpid(wfe_child_pid(test->child), NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_loop__a_child_ended_by_a_signal_reports_128_and_its_number(void **state)
{
    struct test *test = *state;
    spawn(test, "kill -KILL $$", NULL);
    run(test);
    assert_int_equal(test->exit_code, 128 + SIGKILL);
}

static void test_loop__a_child_gets_its_streams_and_environment(void **state)
{
    struct test *test = *state;
    static const char *const envp[] = {"WFE_TEST=value", NULL};
    assert_string_equal(output_of(test, "read -r x; echo \"$WFE_TEST:$HOME:$x\"; echo e >&2", envp),
                        "value::\n");
    assert_int_equal(test->exit_code, 0);
}

static void test_loop__a_child_may_get_our_own_stdout_as_its_stderr(void **state)
{
    struct test *test = *state;
    wfe_error err = WFE_ERROR_INIT;
    int fds[2];
    char text[16] = "";
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c", "echo out; echo err >&2", NULL};
    const wfe_spawn_options options = {
        .argv = argv, .stdin_fd = -1, .stdout_fd = test->fds[1], .stderr_fd = STDOUT_FILENO};
    int saved = dup(STDOUT_FILENO);
    dup2(fds[1], STDOUT_FILENO);
    int rc = wfe_child_spawn(test->loop, &options, on_exit_code, test, &test->child, &err);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_ok(rc, &err);
    run(test);
    assert_int_equal(read(fds[0], text, sizeof text - 1), 4);
    assert_string_equal(text, "err\n");
    close(fds[0]);
    close(fds[1]);
}

static void test_loop__a_child_has_no_signal_blocked_or_ignored(void **state)
{
    struct test *test = *state;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    void (*old_pipe)(int) = signal(SIGPIPE, SIG_IGN);
    const char *text =
        output_of(test,
                  "while read -r k v; do case $k in SigBlk:|SigIgn:) echo $v;; esac; done "
                  "</proc/self/status",
                  NULL);
    signal(SIGPIPE, old_pipe);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    unsigned long long blocked = 1, ignored = 1;
    assert_int_equal(sscanf(text, "%llx %llx", &blocked, &ignored), 2);
    assert_int_equal(blocked, 0);
    /* Signals 32 and 33 are the libc's own; it ignores them in a spawned child. */
    assert_int_equal(ignored & 0x7FFFFFFF, 0);
}

static void test_loop__no_signal_handler_is_installed_for_children(void **state)
{
    struct test *test = *state;
    struct sigaction before, after;
    sigaction(SIGCHLD, NULL, &before);
    spawn(test, ":", NULL);
    run(test);
    sigaction(SIGCHLD, NULL, &after);
    assert_ptr_equal(before.sa_handler, after.sa_handler);
    assert_int_equal(before.sa_flags, after.sa_flags);
}

static void test_loop__a_new_session_leaves_that_of_this_process(void **state)
{
    struct test *test = *state;
    const char *const argv[] = {"sleep", "1000", NULL};
    const wfe_spawn_options options = {
        .argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .new_session = true};
    assert_ok(wfe_child_spawn(test->loop, &options, on_exit_code, test, &test->child, NULL), NULL);
    pid_t pid = wfe_child_pid(test->child);
    /* posix_spawn returns once the child has called exec, and so after setsid(). */
    assert_int_equal(getsid(pid), pid);
    kill(pid, SIGTERM);
    run(test);
    assert_int_equal(test->exit_code, 128 + SIGTERM);
}

static void test_loop__a_program_that_does_not_exist_is_named(void **state)
{
    struct test *test = *state;
    wfe_error err = WFE_ERROR_INIT;
    const char *const argv[] = {"/no/such/program", NULL};
    const wfe_spawn_options options = {
        .argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    assert_fails(wfe_child_spawn(test->loop, &options, on_exit_code, test, &test->child, &err),
                 WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "/no/such/program");
    assert_null(test->child);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- names ---- */

static void on_resolved(const struct addrinfo *addresses, const wfe_error *err, void *user)
{
    struct test *test = user;
    test->exit_code = err->kind;
    test->calls += addresses ? 1 : 100;
    test->done = true;
}

static void test_loop__a_numeric_address_resolves_without_a_network(void **state)
{
    struct test *test = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_resolve *resolve = NULL;
    assert_ok(wfe_resolve_start(test->loop, "127.0.0.1", "80", on_resolved, test, &resolve, &err),
              &err);
    run(test);
    assert_int_equal(test->calls, 1);
    assert_int_equal(test->exit_code, 0);
}

static void test_loop__a_cancelled_lookup_does_not_call_back(void **state)
{
    struct test *test = *state;
    wfe_resolve *resolve = NULL;
    assert_ok(wfe_resolve_start(test->loop, "127.0.0.1", "80", on_resolved, test, &resolve, NULL),
              NULL);
    wfe_resolve_cancel(resolve);
    assert_ok(wfe_timer_new(test->loop, on_timer, test, &test->timer, NULL), NULL);
    /* Ends when the loop has nothing left: the lookup is gone, and on_resolved never ran. */
    wfe_timer_stop(test->guard);
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_loop_run_until(test->loop, &test->done, &err), WFE_E_INTERNAL, &err);
    assert_int_equal(test->calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loop__a_readable_fd_calls_back_until_it_was_read,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_hangup_shows_as_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_writable_fd_calls_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__watching_nothing_stops_the_callbacks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_handle_may_be_freed_from_its_own_callback,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__an_fd_that_is_none_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_timer_fires_once_per_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__starting_a_timer_again_replaces_its_delay, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_stopped_timer_does_not_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_timer_may_be_freed_from_its_own_callback,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_loop__a_wake_from_another_thread_calls_back_in_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__several_wakes_become_at_least_one_call, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__nothing_left_to_wait_for_is_an_error, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__done_at_the_start_runs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_host_can_poll_the_loops_fd, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__free_accepts_null_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_child_reports_its_exit_code_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_loop__a_child_ended_by_a_signal_reports_128_and_its_number, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_child_gets_its_streams_and_environment, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_child_may_get_our_own_stdout_as_its_stderr,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_child_has_no_signal_blocked_or_ignored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__no_signal_handler_is_installed_for_children,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_new_session_leaves_that_of_this_process, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_program_that_does_not_exist_is_named, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_numeric_address_resolves_without_a_network,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop__a_cancelled_lookup_does_not_call_back, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
