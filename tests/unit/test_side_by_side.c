/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/side_by_side.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "fixtures/wfe_assert.h"

static int gate[2]; /* what one process tells another */

static const char *name(size_t index, void *user)
{
    (void)user;
    return index ? "second" : "first";
}

/* What it prints, stderr behind stdout's lines, and its exit code; in a process of its own, since
 * signals stay blocked. while_it_runs may send it some. */
static int run(const wfe_side_by_side_options *options, void (*while_it_runs)(pid_t pid),
               wfe_buf *text, void (*before)(void))
{
    wfe_error err = WFE_ERROR_INIT;
    char bytes[4096];
    int out[2], status = 0;
    assert_int_equal(pipe(gate), 0);
    assert_int_equal(pipe(out), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        close(out[1]);
        if (before)
            before();
        _exit(wfe_side_by_side(options));
    }
    close(out[1]);
    if (while_it_runs)
        while_it_runs(pid);
    for (ssize_t n; (n = read(out[0], bytes, sizeof bytes)) > 0;)
        assert_ok(wfe_buf_append(text, bytes, (size_t)n, &err), &err);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    close(out[0]);
    close(gate[0]);
    close(gate[1]);
    return WEXITSTATUS(status);
}

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(99);
}

static void wait_at_gate(void)
{
    char byte;
    if (read(gate[0], &byte, 1) != 1)
        _exit(99);
}

static void open_gate(void)
{
    if (write(gate[1], "x", 1) != 1)
        _exit(99);
}

/* The first one's line is half written when the second one writes its own. */
static int say_halves(size_t index, void *user)
{
    (void)user;
    if (index) {
        wait_at_gate();
        say("bbbb\n");
        return 4;
    }
    say("aa");
    open_gate();
    usleep(100000); /* time to go wrong in */
    say("aa\naa");
    return 3;
}

static void test_side_by_side__lines_come_whole(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    const wfe_side_by_side_options options = {.n = 2, .run = say_halves, .name = name};
    assert_int_equal(run(&options, NULL, &text, NULL), 3);
    if (strcmp(text.data, "bbbb\naaaa\naa\n") != 0 && strcmp(text.data, "aaaa\nbbbb\naa\n") != 0 &&
        strcmp(text.data, "aaaa\naa\nbbbb\n") != 0)
        fail_msg("'%s'", text.data);
    wfe_buf_done(&text);
}

#define LONG ((size_t)3 * 1024 * 1024)

static int say_much(size_t index, void *user)
{
    (void)user;
    char *line = malloc(LONG + 1);
    if (!line)
        return 99;
    memset(line, index ? 'b' : 'a', LONG);
    line[LONG] = '\n';
    int rc = wfe_fd_write_all(STDOUT_FILENO, line, LONG + 1, NULL);
    free(line);
    return rc ? 99 : 0;
}

static void test_side_by_side__a_line_of_any_length_comes_whole(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    const wfe_side_by_side_options options = {.n = 4, .at_once = 3, .run = say_much, .name = name};
    assert_int_equal(run(&options, NULL, &text, NULL), 0);
    assert_int_equal(text.len, 4 * (LONG + 1));
    for (size_t i = 0; i < 4; i++) {
        const char *line = text.data + i * (LONG + 1);
        assert_int_equal(line[LONG], '\n');
        for (size_t k = 1; k < LONG; k++)
            if (line[k] != line[0])
                fail_msg("line %zu has '%c' at %zu", i, line[k], k);
    }
    wfe_buf_done(&text);
}

/* Ends by a signal only; signals are blocked. */
static int wait_for_signal(size_t index, void *user)
{
    (void)user;
    (void)index;
    sigset_t set;
    int number = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    open_gate();
    sigwait(&set, &number);
    say("ended\n");
    return 7;
}

static void send_when_two_wait(pid_t pid)
{
    wait_at_gate();
    wait_at_gate();
    kill(pid, SIGTERM);
}

static void test_side_by_side__a_signal_is_passed_on_and_no_more_begin(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    const wfe_side_by_side_options options = {
        .n = 3, .at_once = 2, .run = wait_for_signal, .name = name};
    assert_int_equal(run(&options, send_when_two_wait, &text, NULL), 7);
    assert_contains(text.data, "ended\nended\n");
    assert_contains(text.data, "second stays interrupted: it was not begun");
    wfe_buf_done(&text);
}

/* The signals need one, a pipe two, and there are two. */
static void leave_no_descriptor(void)
{
    struct rlimit limit = {.rlim_cur = 7, .rlim_max = 7};
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    if (setrlimit(RLIMIT_NOFILE, &limit) || dup(1) < 0 || dup(1) < 0)
        _exit(99);
}

static void test_side_by_side__what_cannot_begin_is_told(void **state)
{
    (void)state;
    wfe_buf text = WFE_BUF_INIT(0);
    const wfe_side_by_side_options options = {.n = 2, .run = say_much, .name = name};
    assert_int_equal(run(&options, NULL, &text, leave_no_descriptor), 125);
    assert_contains(text.data, "cannot make a pipe for 'first'");
    assert_contains(text.data, "cannot make a pipe for 'second'");
    wfe_buf_done(&text);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the command does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_side_by_side__lines_come_whole),
        cmocka_unit_test(test_side_by_side__a_line_of_any_length_comes_whole),
        cmocka_unit_test(test_side_by_side__a_signal_is_passed_on_and_no_more_begin),
        cmocka_unit_test(test_side_by_side__what_cannot_begin_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
