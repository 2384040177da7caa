/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step prints, all of it and in any form: much, strange bytes, early and late ends, slow and
 * vanished readers, and the file of $WFE_OUTPUT.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

static wfe_step_options using(void **state, const char *script)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_program(daemon, "use", &options);
    options.run = script;
    return options;
}

/* ---- much ---- */

#define GIB ((uint64_t)1 << 30)
#define GROWTH_KIB 4096

/* Begins a new account of this process's largest memory. */
static void forget_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "5", 1), 1);
    close(fd);
}

static long peak_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "re");
    assert_non_null(f);
    while (kib < 0 && fgets(line, sizeof line, f))
        (void)sscanf(line, "VmHWM: %ld kB", &kib);
    fclose(f);
    assert_true(kib > 0);
    return kib;
}

/* The step's stdout goes to fd; all of it is counted and little memory is needed for it. */
static void assert_streams_through(wfe_step_options *options, int fd, uint64_t bytes)
{
    options->stdout_fd = fd;
    options->output_limit_bytes = 4096;
    wfe_step_result_free(step_run_script(step_client_of_group, "true", 0)); /* first use */
    forget_peak();
    long before = peak_kib();
    wfe_step_result *result = step_run(step_client_of_group, options);
    long grown = peak_kib() - before;
    assert_int_equal(wfe_step_result_exit_code(result), 0);
    assert_int_equal(wfe_step_result_stream_bytes(result, WFE_STDOUT), bytes);
    wfe_step_result_free(result);
#ifndef __SANITIZE_ADDRESS__
    if (grown > GROWTH_KIB)
        fail_msg("memory grew by %ld KiB", grown);
#else
    (void)grown;
#endif
}

static void test_step_streams__a_gibibyte_goes_to_a_file_descriptor(void **state)
{
    wfe_step_options options = using(state, "/programs/use lines 1024");
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_streams_through(&options, fd, GIB);
    close(fd);
}

static void test_step_streams__a_gibibyte_in_one_line_goes_through(void **state)
{
    wfe_step_options options = using(state, "/programs/use zeros 1024");
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_streams_through(&options, fd, GIB);
    close(fd);
}

typedef struct counting {
    int fd;
    useconds_t pause_us; /* after each read */
    uint64_t bytes;
} counting;

static void *count(void *user)
{
    counting *c = user;
    static char block[65536];
    ssize_t n;
    while ((n = read(c->fd, block, sizeof block)) > 0) {
        c->bytes += (uint64_t)n;
        if (c->pause_us)
            usleep(c->pause_us);
    }
    return NULL;
}

/* Runs the step with a pipe and a thread that reads it. */
static uint64_t run_into_pipe(wfe_step_options *options, useconds_t pause_us, uint64_t bytes)
{
    int fds[2];
    pthread_t thread;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    counting c = {.fd = fds[0], .pause_us = pause_us};
    assert_int_equal(pthread_create(&thread, NULL, count, &c), 0);
    assert_streams_through(options, fds[1], bytes);
    close(fds[1]);
    pthread_join(thread, NULL);
    close(fds[0]);
    return c.bytes;
}

static void test_step_streams__a_gibibyte_goes_to_a_pipe(void **state)
{
    wfe_step_options options = using(state, "/programs/use lines 1024");
    assert_int_equal(run_into_pipe(&options, 0, GIB), GIB);
}

static void test_step_streams__a_slow_reader_gets_every_byte(void **state)
{
    wfe_step_options options = using(state, "/programs/use lines 24");
    const uint64_t bytes = (uint64_t)24 << 20;
    assert_int_equal(run_into_pipe(&options, 4000, bytes), bytes);
}

/* ---- any bytes ---- */

static void test_step_streams__nul_and_invalid_utf_8_survive(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char bytes[] = "a\0b\377\300\n\360\237\0";
    char path[128], found[64];
    snprintf(path, sizeof path, "%s/bytes", daemon->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    wfe_step_options options = step_script("printf 'a\\0b\\377\\300\\n\\360\\237\\0'");
    options.stdout_fd = fd;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    size_t len = 0;
    const char *kept = wfe_step_result_stream(result, WFE_STDOUT, &len);
    assert_int_equal(len, sizeof bytes - 1);
    assert_memory_equal(kept, bytes, len);
    assert_int_equal(pread(fd, found, sizeof found, 0), sizeof bytes - 1);
    assert_memory_equal(found, bytes, len);
    char *json = wfe_step_result_data_json(result);
    step_assert_has(json, "a\357\277\275b\357\277\275\357\277\275\\n");
    free(json);
    wfe_step_result_free(result);
    close(fd);
    unlink(path);
}

static void test_step_streams__both_streams_come_whole_side_by_side(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("i=0; while [ $i -lt 2000 ]; do echo out $i; "
                                           "echo err $i >&2; i=$((i+1)); done");
    wfe_step_result *result = step_run(step_client_of_group, &options);
    static char out[65536], err[65536];
    size_t n = 0;
    for (int i = 0; i < 2000; i++) {
        snprintf(out + n, sizeof out - n, "out %d\n", i);
        n += (size_t)snprintf(err + n, sizeof err - n, "err %d\n", i);
    }
    step_assert_stream(result, WFE_STDOUT, out);
    step_assert_stream(result, WFE_STDERR, err);
    wfe_step_result_free(result);
}

/* ---- ends ---- */

static void test_step_streams__what_is_written_just_before_the_exit_is_there(void **state)
{
    wfe_step_options options = using(state, "/programs/use lines 1; echo last; exit 0");
    for (int i = 0; i < 5; i++) {
        wfe_step_result *result = step_run(step_client_of_group, &options);
        assert_int_equal(wfe_step_result_stream_bytes(result, WFE_STDOUT), (1 << 20) + 5);
        wfe_step_result_free(result);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A process left behind has the pipes open and would write after the exit: it ends with the
 * container, and nobody waits for it. 8 s is far above a step and below the drain's patience. */
static void assert_ends_at_once(wfe_step_options *options)
{
    uint64_t began = now_ms();
    wfe_step_result *result = step_run(step_client_of_group, options);
    assert_int_equal(wfe_step_result_exit_code(result), 4);
    step_assert_stream(result, WFE_STDOUT, "parent\n");
    assert_int_equal(wfe_step_result_n_warnings(result), 0);
    assert_true(now_ms() - began < 8000);
    wfe_step_result_free(result);
}

static void test_step_streams__a_child_that_keeps_the_pipes_is_not_waited_for(void **state)
{
    wfe_step_options options = using(state, "exec /programs/use leave-a-child");
    assert_ends_at_once(&options);
    options.no_init = true;
    assert_ends_at_once(&options);
}

static void test_step_streams__output_of_the_background_ends_with_the_command(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    step_group_expect(&options, "(sleep 0.3; echo late) & echo now", "now\n");
    step_group_expect(&options, "(sleep 0.3; echo late) & echo now; wait", "now\nlate\n");
}

static void test_step_streams__stdout_may_be_closed_early(void **state)
{
    wfe_step_options options = using(state, "exec /programs/use stderr-only");
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_exit_code(result), 3);
    step_assert_stream(result, WFE_STDOUT, "");
    step_assert_stream(result, WFE_STDERR, "still here\n");
    wfe_step_result_free(result);
    options.no_init = true;
    options.run = "exec 1>&- 2>&-; sleep 0.3; exit 6";
    result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_exit_code(result), 6);
    wfe_step_result_free(result);
}

static void test_step_streams__a_reader_that_goes_stops_the_step(void **state)
{
    wfe_step_options options = using(state, "/programs/use lines 1024");
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    options.stdout_fd = fds[1];
    options.grace_ms = 500;
    close(fds[0]);
    wfe_error error = step_group_failure(&options, WFE_E_UNAVAILABLE);
    step_assert_has(error.message, "stdout");
    assert_int_equal(error.sys_errno, EPIPE);
    close(fds[1]);
}

static void test_step_streams__a_full_disk_behind_stdout_is_said(void **state)
{
    wfe_step_options options = using(state, "/programs/use lines 1");
    options.stdout_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    wfe_error error = step_group_failure(&options, WFE_E_IO);
    assert_int_equal(error.sys_errno, ENOSPC);
    step_assert_has(error.message, "stdout");
    assert_true(error.hint[0] != '\0');
    close(options.stdout_fd);
}

/* The command writes into the very FIFO that is read here: no shim copies between. */
static void test_step_streams__the_command_s_stdout_is_the_fifo(void **state)
{
    private_containerd_of(state);
    static const char *const users[] = {"0:0", NULL, "1000:1000"};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        wfe_step_options options = step_script(NULL);
        options.user = users[i];
        step_group_expect(&options, "readlink /proc/self/fd/1; readlink /proc/self/fd/2 >&2",
                          "/.wfe/stdout\n");
        step_group_expect(&options,
                          "echo a >/dev/stdout; echo b >>/dev/stdout; echo c >/proc/1/fd/1; echo d",
                          "a\nb\nc\nd\n");
        options.no_init = true;
        step_group_expect(&options, "readlink /proc/self/fd/1 | grep -c pipe:", "1\n");
    }
}

/* ---- $WFE_OUTPUT ---- */

static wfe_step_result *run_with_outputs(const char *script, const char *user)
{
    wfe_step_options options = step_script(script);
    options.user = user;
    return step_run(step_client_of_group, &options);
}

static void test_step_streams__the_output_file_gives_outputs(void **state)
{
    private_containerd_of(state);
    static const char *const users[] = {"0:0", NULL, "1000:1000"};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        wfe_step_result *result = run_with_outputs("echo version=1.2 >> $WFE_OUTPUT\n"
                                                   "cat >> $WFE_OUTPUT <<X\n"
                                                   "notes<<END\n"
                                                   "first\n"
                                                   "\n"
                                                   "##wfe[output no=1]\n"
                                                   "END\n"
                                                   "X\n"
                                                   "exit 7",
                                                   users[i]);
        assert_int_equal(wfe_step_result_exit_code(result), 7);
        assert_string_equal(wfe_step_result_output(result, "version"), "1.2");
        assert_string_equal(wfe_step_result_output(result, "notes"), "first\n\n##wfe[output no=1]");
        assert_null(wfe_step_result_output(result, "no"));
        assert_int_equal(wfe_step_result_n_warnings(result), 0);
        wfe_step_result_free(result);
    }
}

static void test_step_streams__the_output_file_stands_over_stdout(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result = run_with_outputs("echo a=file >> $WFE_OUTPUT\n"
                                               "echo '##wfe[output a=out]'\n"
                                               "echo '##wfe[output b=out]'\n",
                                               NULL);
    assert_string_equal(wfe_step_result_output(result, "a"), "file");
    assert_string_equal(wfe_step_result_output(result, "b"), "out");
    char *json = wfe_step_result_data_json(result);
    step_assert_has(json, "\"a\":\"file\"");
    free(json);
    wfe_step_result_free(result);
}

static void test_step_streams__the_output_file_is_read_after_a_timeout(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("echo a=1 >> $WFE_OUTPUT; sleep 60");
    options.timeout_ms = 1000;
    options.grace_ms = 300;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_end(result), WFE_STEP_TIMED_OUT);
    assert_string_equal(wfe_step_result_output(result, "a"), "1");
    wfe_step_result_free(result);
}

static void test_step_streams__wrong_lines_of_the_output_file_are_warnings(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result =
        run_with_outputs("printf 'a=1\\nhello\\nb<<E\\nopen\\n' >> $WFE_OUTPUT", NULL);
    assert_string_equal(wfe_step_result_output(result, "a"), "1");
    assert_null(wfe_step_result_output(result, "b"));
    assert_int_equal(wfe_step_result_n_warnings(result), 2);
    step_assert_has(wfe_step_result_warning(result, 0), "line 2");
    step_assert_has(wfe_step_result_warning(result, 1), "line 3");
    assert_null(strstr(wfe_step_result_warning(result, 0), "hello")); /* it may be a secret */
    wfe_step_result_free(result);
}

static void test_step_streams__strict_makes_errors_of_warnings(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("echo hello >> $WFE_OUTPUT");
    options.strict = true;
    step_assert_has(step_group_failure(&options, WFE_E_CONFLICT).message, "line 1");
    options.run = "echo hello >> $WFE_OUTPUT; exit 3"; /* has failed anyway */
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_exit_code(result), 3);
    assert_int_equal(wfe_step_result_n_warnings(result), 1);
    wfe_step_result_free(result);
    options.run = "echo a=1 >> $WFE_OUTPUT"; /* nothing to warn of */
    result = step_run(step_client_of_group, &options);
    assert_string_equal(wfe_step_result_output(result, "a"), "1");
    wfe_step_result_free(result);
}

static void test_step_streams__an_output_file_over_its_limit_is_an_error(void **state)
{
    private_containerd_of(state);
    wfe_step_options options =
        step_script("(printf k=; head -c 16777214 /dev/zero | tr '\\0' v) > $WFE_OUTPUT");
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(strlen(wfe_step_result_output(result, "k")), 16777214);
    wfe_step_result_free(result);
    options.run = "(printf k=; head -c 16777215 /dev/zero | tr '\\0' v) > $WFE_OUTPUT";
    step_assert_has(step_group_failure(&options, WFE_E_LIMIT).message, "16 MiB");
    options.run = "truncate -s 100G $WFE_OUTPUT";
    step_assert_has(step_group_failure(&options, WFE_E_LIMIT).message, "16 MiB");
}

/* They would fill this machine's memory until the command ends, which these never do. */
static void
test_step_streams__a_file_of_the_machine_s_memory_is_not_written_without_end(void **state)
{
    wfe_step_options options = using(state, "trap '' TERM; while :; do yes; done >> $WFE_OUTPUT");
    wfe_error error = step_group_failure(&options, WFE_E_LIMIT);
    step_assert_has(error.message, "the step wrote more than 16 MiB to its $WFE_OUTPUT file");
    options = using(state, "/programs/use hold 64 $WFE_OUTPUT");
    error = step_group_failure(&options, WFE_E_LIMIT);
    step_assert_has(error.message, "the step wrote more than 16 MiB to its $WFE_OUTPUT file");
    options.user = "0:0";
    options.run = "yes >> /etc/hosts";
    error = step_group_failure(&options, WFE_E_LIMIT);
    step_assert_has(error.message, "the step wrote more than 16 MiB to /etc/hosts");
    options.run = "yes >> /.wfe/exit";
    error = step_group_failure(&options, WFE_E_LIMIT);
    step_assert_has(error.message, "the step wrote more than 16 MiB to /.wfe/exit");
}

/* It is a mount point in the container: what is put in its place is not what is read. */
static void test_step_streams__the_output_file_cannot_be_replaced(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result =
        run_with_outputs("rm -f $WFE_OUTPUT 2>/dev/null; ln -s /etc/passwd /tmp/l; "
                         "mv /tmp/l $WFE_OUTPUT 2>/dev/null; mv /.wfe /x 2>/dev/null; "
                         "mkdir -p /.wfe; echo a=1 >> $WFE_OUTPUT",
                         "0:0");
    assert_true(wfe_step_result_exit_code(result) == 0 || wfe_step_result_exit_code(result) == 1);
    assert_null(wfe_step_result_output(result, "root:x:0:0:root:/root:/bin/sh"));
    assert_int_equal(wfe_step_result_n_warnings(result), 0);
    wfe_step_result_free(result);
}

static void test_step_streams__the_output_file_is_the_step_s_own(void **state)
{
    private_containerd_of(state);
    const char *const env[] = {"WFE_OUTPUT=/dev/null", NULL};
    wfe_step_options options = step_script("echo a=1 >> $WFE_OUTPUT");
    options.env = env;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_string_equal(wfe_step_result_output(result, "a"), "1");
    wfe_step_result_free(result);
    result = run_with_outputs("cat $WFE_OUTPUT", "0:0");
    step_assert_stream(result, WFE_STDOUT, "");
    assert_null(wfe_step_result_output(result, "a"));
    wfe_step_result_free(result);
}

static void test_step_streams__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_streams__a_gibibyte_goes_to_a_file_descriptor),
        cmocka_unit_test(test_step_streams__a_gibibyte_in_one_line_goes_through),
        cmocka_unit_test(test_step_streams__a_gibibyte_goes_to_a_pipe),
        cmocka_unit_test(test_step_streams__a_slow_reader_gets_every_byte),
        cmocka_unit_test(test_step_streams__nul_and_invalid_utf_8_survive),
        cmocka_unit_test(test_step_streams__both_streams_come_whole_side_by_side),
        cmocka_unit_test(test_step_streams__what_is_written_just_before_the_exit_is_there),
        cmocka_unit_test(test_step_streams__a_child_that_keeps_the_pipes_is_not_waited_for),
        cmocka_unit_test(test_step_streams__output_of_the_background_ends_with_the_command),
        cmocka_unit_test(test_step_streams__stdout_may_be_closed_early),
        cmocka_unit_test(test_step_streams__a_reader_that_goes_stops_the_step),
        cmocka_unit_test(test_step_streams__a_full_disk_behind_stdout_is_said),
        cmocka_unit_test(test_step_streams__the_command_s_stdout_is_the_fifo),
        cmocka_unit_test(test_step_streams__the_output_file_gives_outputs),
        cmocka_unit_test(test_step_streams__the_output_file_stands_over_stdout),
        cmocka_unit_test(test_step_streams__the_output_file_is_read_after_a_timeout),
        cmocka_unit_test(test_step_streams__wrong_lines_of_the_output_file_are_warnings),
        cmocka_unit_test(test_step_streams__strict_makes_errors_of_warnings),
        cmocka_unit_test(test_step_streams__an_output_file_over_its_limit_is_an_error),
        cmocka_unit_test(
            test_step_streams__a_file_of_the_machine_s_memory_is_not_written_without_end),
        cmocka_unit_test(test_step_streams__the_output_file_cannot_be_replaced),
        cmocka_unit_test(test_step_streams__the_output_file_is_the_step_s_own),
        cmocka_unit_test(test_step_streams__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
