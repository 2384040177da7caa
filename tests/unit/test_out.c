/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

#define BYTES ((size_t)1024 * 1024)

static void test_out__queues_what_a_slow_reader_does_not_take(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_loop *loop = NULL;
    wfe_out *out = NULL;
    int fds[2];
    char *bytes = malloc(BYTES), *got = malloc(BYTES);
    assert_true(bytes && got);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 7 + i / 1000);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_ok(wfe_loop_new(&loop, &err), &err);
    assert_ok(wfe_out_new(loop, fds[1], &out, &err), &err);
    wfe_out_write(out, bytes, BYTES / 2); /* does not wait, although nobody reads */
    wfe_out_write(out, bytes + BYTES / 2, BYTES / 2);
    assert_false(wfe_out_is_clear(out));
    /* Others of this pipe still find it as they left it. */
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    size_t len = 0;
    while (len < BYTES) {
        ssize_t n = read(fds[0], got + len, BYTES - len);
        assert_true(n > 0);
        len += (size_t)n;
        while (len < BYTES && !wfe_out_is_clear(out) && n > 0) {
            wfe_loop_run_ready(loop);
            n = 0;
        }
    }
    assert_memory_equal(bytes, got, BYTES);
    assert_true(wfe_out_is_clear(out));
    assert_ok(wfe_out_finish(out, &err), &err);
    wfe_out_free(out);
    wfe_loop_free(loop);
    close(fds[0]);
    close(fds[1]);
    free(bytes);
    free(got);
}

static void test_out__tells_of_a_reader_that_went_away_at_the_end(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_loop *loop = NULL;
    wfe_out *out = NULL;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_ok(wfe_loop_new(&loop, &err), &err);
    assert_ok(wfe_out_new(loop, fds[1], &out, &err), &err);
    close(fds[0]);
    wfe_out_write(out, "x", 1);
    wfe_out_write(out, "x", 1);
    assert_fails(wfe_out_finish(out, &err), WFE_E_UNAVAILABLE, &err);
    assert_contains(err.message, "cannot write the standard output");
    wfe_out_free(out);
    wfe_loop_free(loop);
    close(fds[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the command does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out__queues_what_a_slow_reader_does_not_take),
        cmocka_unit_test(test_out__tells_of_a_reader_that_went_away_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
