/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a step's stream goes: files, pipes that nobody reads, sockets, readers that go away.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop.h"
#include "step/sink.h"

typedef struct watcher {
    bool drained;
    bool failed;
    wfe_error error;
} watcher;

static void on_drained(void *user)
{
    ((watcher *)user)->drained = true;
}

static void on_failed(const wfe_error *err, void *user)
{
    ((watcher *)user)->failed = true;
    ((watcher *)user)->error = *err;
}

static const wfe_sink_fns fns = {.drained = on_drained, .failed = on_failed};

static wfe_sink *open_sink(wfe_loop *loop, int fd, watcher *w)
{
    wfe_sink *sink = NULL;
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_sink_new(loop, fd, "stdout", &fns, w, &sink, &error))
        fail_msg("%s", error.message);
    return sink;
}

static wfe_loop *open_loop(void)
{
    wfe_loop *loop = NULL;
    assert_int_equal(wfe_loop_new(&loop, NULL), 0);
    return loop;
}

static void test_sink__writes_a_file_at_its_own_offset(void **state)
{
    (void)state;
    char path[] = "/tmp/wfe-sink-XXXXXX", text[16] = "";
    int fd = mkostemp(path, O_CLOEXEC);
    unlink(path);
    assert_int_equal(write(fd, "before ", 7), 7);
    wfe_loop *loop = open_loop();
    watcher w = {0};
    wfe_sink *sink = open_sink(loop, fd, &w);
    assert_int_equal(wfe_sink_write(sink, "after", 5, NULL), 0);
    assert_false(wfe_sink_is_blocked(sink));
    wfe_sink_free(sink);
    wfe_loop_free(loop);
    assert_int_equal(pread(fd, text, 15, 0), 12);
    assert_string_equal(text, "before after");
    close(fd);
}

/* Writes more than the pipe holds, reads it back slowly, and checks every byte. */
static void check_slow_reader(int write_fd, int read_fd)
{
    const size_t len = (size_t)1 << 20;
    char *bytes = malloc(len), *back = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31 >> 3);
    wfe_loop *loop = open_loop();
    watcher w = {0};
    wfe_sink *sink = open_sink(loop, write_fd, &w);
    assert_int_equal(wfe_sink_write(sink, bytes, len, NULL), 0);
    assert_true(wfe_sink_is_blocked(sink));
    size_t got = 0;
    while (got < len) {
        ssize_t n = recv(read_fd, back + got, len - got < 5000 ? len - got : 5000, MSG_DONTWAIT);
        if (n < 0 && errno == ENOTSOCK)
            n = read(read_fd, back + got, len - got < 5000 ? len - got : 5000);
        if (n > 0)
            got += (size_t)n;
        wfe_loop_run_ready(loop);
    }
    while (!w.drained)
        wfe_loop_run_ready(loop);
    assert_false(wfe_sink_is_blocked(sink));
    assert_false(w.failed);
    assert_memory_equal(bytes, back, len);
    wfe_sink_free(sink);
    wfe_loop_free(loop);
    free(bytes);
    free(back);
}

static void test_sink__holds_the_rest_until_a_slow_reader_takes_it(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    check_slow_reader(fds[1], fds[0]);
    /* The descriptor we were given is as blocking as before. */
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    check_slow_reader(fds[1], fds[0]);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    close(fds[0]);
    close(fds[1]);
}

static void test_sink__reports_a_reader_that_is_gone_without_a_signal(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    wfe_loop *loop = open_loop();
    watcher w = {0};
    wfe_error error = WFE_ERROR_INIT;
    wfe_sink *sink = open_sink(loop, fds[1], &w);
    close(fds[0]);
    signal(SIGPIPE, SIG_DFL); /* it would end this test */
    assert_int_equal(wfe_sink_write(sink, "x", 1, &error), WFE_E_UNAVAILABLE);
    assert_int_equal(error.sys_errno, EPIPE);
    assert_non_null(strstr(error.message, "stdout"));
    wfe_sink_free(sink);
    wfe_loop_free(loop);
    close(fds[1]);
}

static void test_sink__reports_a_reader_that_goes_away_while_it_waits(void **state)
{
    (void)state;
    static char bytes[1 << 20];
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    wfe_loop *loop = open_loop();
    watcher w = {0};
    wfe_sink *sink = open_sink(loop, fds[1], &w);
    assert_int_equal(wfe_sink_write(sink, bytes, sizeof bytes, NULL), 0);
    assert_true(wfe_sink_is_blocked(sink));
    close(fds[0]);
    while (!w.failed)
        wfe_loop_run_ready(loop);
    assert_int_equal(w.error.sys_errno, EPIPE);
    assert_false(w.drained);
    wfe_sink_free(sink);
    wfe_loop_free(loop);
    close(fds[1]);
}

static void test_sink__reports_a_full_device_with_advice(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        skip();
    wfe_loop *loop = open_loop();
    watcher w = {0};
    wfe_error error = WFE_ERROR_INIT;
    wfe_sink *sink = open_sink(loop, fd, &w);
    assert_int_equal(wfe_sink_write(sink, "x", 1, &error), WFE_E_IO);
    assert_int_equal(error.sys_errno, ENOSPC);
    assert_true(error.hint[0] != '\0');
    wfe_sink_free(sink);
    wfe_loop_free(loop);
    close(fd);
}

static void test_sink__refuses_a_descriptor_that_is_not_open(void **state)
{
    (void)state;
    wfe_loop *loop = open_loop();
    wfe_sink *sink = NULL;
    wfe_error error = WFE_ERROR_INIT;
    assert_int_not_equal(wfe_sink_new(loop, 999, "stderr", &fns, NULL, &sink, &error), 0);
    assert_non_null(strstr(error.message, "999"));
    assert_null(sink);
    wfe_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sink__writes_a_file_at_its_own_offset),
        cmocka_unit_test(test_sink__holds_the_rest_until_a_slow_reader_takes_it),
        cmocka_unit_test(test_sink__reports_a_reader_that_is_gone_without_a_signal),
        cmocka_unit_test(test_sink__reports_a_reader_that_goes_away_while_it_waits),
        cmocka_unit_test(test_sink__reports_a_full_device_with_advice),
        cmocka_unit_test(test_sink__refuses_a_descriptor_that_is_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
