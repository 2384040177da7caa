/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps on a real containerd, through the library: what a step sees, how it ends, and that nothing
 * is left of it.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_run.h"

static wfe_client *client;

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0]) {
        images_need_busybox(daemon);
        client = step_client(daemon);
    }
    return rc;
}

static int teardown(void **state)
{
    wfe_client_free(client);
    return private_containerd_group_teardown(state);
}

static void test_step__echoes_and_reports_exit_code_zero(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result = step_run_script(client, "echo hi; echo oops >&2", 0);
    step_assert_stream(result, WFE_STDOUT, "hi\n");
    step_assert_stream(result, WFE_STDERR, "oops\n");
    assert_int_equal(wfe_step_result_end(result), WFE_STEP_EXITED);
    assert_int_equal(wfe_step_result_n_warnings(result), 0);
    wfe_step_result_free(result);
}

static void test_step__passes_on_the_exit_code(void **state)
{
    private_containerd_of(state);
    wfe_step_result_free(step_run_script(client, "exit 7", 7));
    wfe_step_result_free(step_run_script(client, "exit 255", 255));
    wfe_step_result_free(step_run_script(client, "sh -c 'kill -9 $$'", 137));
}

static void test_step__runs_a_command_without_a_shell(void **state)
{
    private_containerd_of(state);
    const char *const argv[] = {"printf", "%s|", "a b", "$HOME", "", NULL};
    wfe_step_options options = step_script(NULL);
    options.command = argv;
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "a b|$HOME||");
    wfe_step_result_free(result);
}

static void test_step__takes_a_short_image_name(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("echo short");
    options.image = "busybox";
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "short\n");
    wfe_step_result_free(result);
}

static void test_step__has_env_on_top_of_the_image_s(void **state)
{
    private_containerd_of(state);
    const char *const env[] = {"A=1", "B=two words", "A=3", "EMPTY=", NULL};
    wfe_step_options options = step_script("echo \"$A|$B|$EMPTY|${PATH:+path}\"");
    options.env = env;
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "3|two words||path\n");
    wfe_step_result_free(result);
}

static void test_step__runs_as_nobody_unless_told(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("id -u; id -g");
    options.user = NULL;
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "65534\n65534\n");
    wfe_step_result_free(result);
    options.user = "1000:2000";
    result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "1000\n2000\n");
    wfe_step_result_free(result);
}

static void test_step__never_takes_an_unknown_user_for_root(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("id -u");
    options.user = "4294967296";
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "65534\n");
    assert_int_equal(wfe_step_result_n_warnings(result), 1);
    assert_non_null(strstr(wfe_step_result_warning(result, 0), "4294967296"));
    wfe_step_result_free(result);
}

static void test_step__runs_in_the_working_directory(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("pwd");
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "/\n");
    wfe_step_result_free(result);
    options.working_dir = "/made/for/it";
    result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "/made/for/it\n");
    wfe_step_result_free(result);
}

static void test_step__mounts_volumes(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char dir[128], file[160], text[8] = "";
    snprintf(dir, sizeof dir, "%s/volume", daemon->dir);
    snprintf(file, sizeof file, "%s/made", dir);
    assert_int_equal(mkdir(dir, 0755), 0);
    wfe_volume volumes[] = {
        {.source = dir, .target = "/rw", .readonly = false},
        {.source = dir, .target = "/ro", .readonly = true},
    };
    wfe_step_options options = step_script("echo seen > /rw/made; cat /ro/made; "
                                           "echo x > /ro/no 2>/dev/null || echo readonly");
    options.volumes = volumes;
    options.n_volumes = 2;
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "seen\nreadonly\n");
    wfe_step_result_free(result);
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "seen\n");
}

static void test_step__has_only_loopback_without_a_network(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result = step_run_script(
        client,
        "ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1; ping -c1 -W2 127.0.0.1 "
        ">/dev/null && echo up",
        0);
    step_assert_stream(result, WFE_STDOUT, "lo\n1\nup\n");
    wfe_step_result_free(result);
}

static void test_step__has_the_host_s_network_when_asked(void **state)
{
    private_containerd_of(state);
    char expected[64] = "";
    ssize_t len = readlink("/proc/self/ns/net", expected, sizeof expected - 2);
    assert_true(len > 0);
    strcat(expected, "\n");
    wfe_step_options options = step_script("readlink /proc/self/ns/net");
    options.network = "host";
    wfe_step_result *result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, expected);
    wfe_step_result_free(result);
}

static void test_step__is_isolated_by_default(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result = step_run_script(
        client,
        "grep -E '^(CapInh|CapEff|CapAmb|NoNewPrivs)' /proc/self/status | tr -d '\\t';"
        "cat /proc/kcore 2>/dev/null | head -c 1 | wc -c | tr -d ' ';"
        "echo 1 2>/dev/null > /proc/sys/kernel/sysrq || echo sys-ro;"
        "mount -t tmpfs x /mnt 2>/dev/null || echo no-mount; ls /proc | grep -cE '^[0-9]+$'",
        0);
    const char *out = wfe_step_result_stream(result, WFE_STDOUT, NULL);
    assert_non_null(strstr(out, "CapInh:0000000000000000\n"));
    assert_non_null(strstr(out, "CapEff:00000000a80425fb\n")); /* docker's fourteen */
    assert_non_null(strstr(out, "CapAmb:0000000000000000\n"));
    assert_non_null(strstr(out, "NoNewPrivs:1\n"));
    assert_non_null(strstr(out, "\n0\n"));
    assert_non_null(strstr(out, "sys-ro\n"));
    assert_non_null(strstr(out, "no-mount\n"));
    wfe_step_result_free(result);
    wfe_step_options options = step_script("grep CapEff /proc/self/status | tr -d '\\t'");
    options.user = "1000:1000";
    result = step_run(client, &options);
    step_assert_stream(result, WFE_STDOUT, "CapEff:0000000000000000\n");
    wfe_step_result_free(result);
}

static void test_step__collects_outputs(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result = step_run_script(client,
                                              "echo '##wfe[output version=1.2.3]'\n"
                                              "echo 'noise'\n"
                                              "echo '##wfe[output url=http://x/?a=b]'\n"
                                              "exit 3",
                                              3);
    assert_string_equal(wfe_step_result_output(result, "version"), "1.2.3");
    assert_string_equal(wfe_step_result_output(result, "url"), "http://x/?a=b");
    assert_null(wfe_step_result_output(result, "noise"));
    wfe_step_result_free(result);
}

static void test_step__json_has_wfe_s_keys(void **state)
{
    private_containerd_of(state);
    wfe_step_result *result =
        step_run_script(client, "echo '##wfe[output k=v]'; printf 'a\\000\\377'; exit 5", 5);
    char *text = wfe_step_result_json(result);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "k")), "v");
    assert_int_equal(json_integer_value(json_object_get(json, "test.exit_code")), 5);
    assert_string_equal(json_string_value(json_object_get(json, "test.stdout")),
                        "##wfe[output k=v]\na\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_string_equal(json_string_value(json_object_get(json, "test.stderr")), "");
    json_t *about = json_object_get(json, "wfe");
    assert_string_equal(json_string_value(json_object_get(about, "error")),
                        "container exited with code 5");
    assert_non_null(json_object_get(about, "digest"));
    assert_non_null(json_object_get(json_object_get(about, "phases_ms"), "create"));
    json_decref(json);
    free(text);
    text = wfe_step_result_data_json(result);
    json = json_loads(text, 0, NULL);
    assert_int_equal(json_object_size(json), 4);
    json_decref(json);
    free(text);
    wfe_step_result_free(result);
}

static void test_step__keeps_bytes_up_to_the_limit_and_counts_all(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("head -c 300000 /dev/zero | tr '\\0' x");
    options.output_limit_bytes = 1000;
    wfe_step_result *result = step_run(client, &options);
    size_t len = 0;
    wfe_step_result_stream(result, WFE_STDOUT, &len);
    assert_int_equal(len, 1000);
    assert_int_equal(wfe_step_result_stream_bytes(result, WFE_STDOUT), 300000);
    wfe_step_result_free(result);
}

typedef struct listener_count {
    uint64_t bytes;
} listener_count;

static void count_bytes(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    (void)bytes;
    if (stream == WFE_STDOUT)
        ((listener_count *)user)->bytes += len;
}

static void test_step__loses_no_byte_of_a_large_output(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const uint64_t expected = (uint64_t)64 * 1024 * 1024;
    char path[128];
    snprintf(path, sizeof path, "%s/large", daemon->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd > 0);
    listener_count count = {0};
    wfe_step_options options = step_script("head -c 67108864 /dev/zero");
    options.stdout_fd = fd;
    options.on_output = count_bytes;
    options.on_output_user = &count;
    wfe_step_result *result = step_run(client, &options);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    close(fd);
    unlink(path);
    assert_int_equal(wfe_step_result_stream_bytes(result, WFE_STDOUT), expected);
    assert_int_equal(st.st_size, expected);
    assert_int_equal(count.bytes, expected);
    wfe_step_result_free(result);
}

static void test_step__stops_at_its_timeout_with_term(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("trap 'echo got-term; exit 9' TERM; echo ready; "
                                           "while :; do sleep 0.1; done");
    options.timeout_ms = 1500;
    wfe_step_result *result = step_run(client, &options);
    assert_int_equal(wfe_step_result_end(result), WFE_STEP_TIMED_OUT);
    assert_int_equal(wfe_step_result_exit_code(result), 9);
    step_assert_stream(result, WFE_STDOUT, "ready\ngot-term\n");
    wfe_step_result_free(result);
}

static void test_step__is_killed_when_it_ignores_term(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("trap '' TERM; echo ready; while :; do sleep 1; done");
    options.timeout_ms = 1000;
    options.grace_ms = 500;
    wfe_step_result *result = step_run(client, &options);
    assert_int_equal(wfe_step_result_end(result), WFE_STEP_TIMED_OUT);
    assert_int_equal(wfe_step_result_exit_code(result), 137);
    step_assert_stream(result, WFE_STDOUT, "ready\n");
    wfe_step_result_free(result);
}

typedef struct cancelling {
    wfe_step *step;
    bool done;
    wfe_step_result *result;
    wfe_error error;
} cancelling;

static void cancel_on_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    (void)stream;
    (void)bytes;
    (void)len;
    cancelling *c = user;
    wfe_step_cancel(c->step);
}

static void on_cancelled(wfe_step_result *result, const wfe_error *err, void *user)
{
    cancelling *c = user;
    c->done = true;
    c->result = result;
    c->error = *err;
}

static void run_to_end(const cancelling *c)
{
    while (!c->done)
        wfe_client_dispatch(client);
}

static void test_step__can_be_cancelled_from_its_own_listener(void **state)
{
    private_containerd_of(state);
    cancelling c = {0};
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_options options =
        step_script("trap 'exit 4' TERM; echo go; while :; do sleep 0.1; done");
    options.on_output = cancel_on_output;
    options.on_output_user = &c;
    assert_int_equal(wfe_step_start(client, &options, on_cancelled, &c, &c.step, &error), 0);
    run_to_end(&c);
    assert_int_equal(c.error.kind, 0);
    assert_int_equal(wfe_step_result_end(c.result), WFE_STEP_CANCELLED);
    assert_int_equal(wfe_step_result_exit_code(c.result), 4);
    wfe_step_result_free(c.result);
}

static void test_step__can_be_cancelled_before_it_began(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    cancelling c = {0};
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_options options = step_script("echo never");
    assert_int_equal(wfe_step_start(client, &options, on_cancelled, &c, &c.step, &error), 0);
    wfe_step_cancel(c.step);
    assert_false(c.done);
    run_to_end(&c);
    assert_int_equal(c.error.kind, 0);
    assert_int_equal(wfe_step_result_end(c.result), WFE_STEP_CANCELLED);
    wfe_step_result_free(c.result);
    private_containerd_assert_clean(daemon);
}

static wfe_error run_expecting_failure(const wfe_step_options *options, int kind)
{
    wfe_step_result *result = NULL;
    wfe_error error = WFE_ERROR_INIT;
    int rc = wfe_step_run(client, options, &result, &error);
    if (rc != kind)
        step_print_error(&error);
    assert_int_equal(rc, kind);
    assert_null(result);
    assert_int_equal(error.kind, kind);
    assert_null(strchr(error.message, '\n'));
    return error;
}

static void test_step__names_an_image_that_is_not_there(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("true");
    options.image = "no/such:image";
    wfe_error error = run_expecting_failure(&options, WFE_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "no/such:image"));
    assert_non_null(strstr(error.message, "not found"));
    assert_true(error.hint[0] != '\0');
}

static void test_step__names_a_command_that_is_not_in_the_image(void **state)
{
    private_containerd_of(state);
    const char *const argv[] = {"no-such-command", NULL};
    wfe_step_options options = step_script(NULL);
    options.command = argv;
    wfe_error error = run_expecting_failure(&options, WFE_E_NOT_FOUND);
    assert_string_equal(error.operation, WFE_STEP_OPERATION_EXEC);
    assert_non_null(strstr(error.message, "no-such-command"));
    const char *const text_file[] = {"/etc/passwd", NULL};
    options.command = text_file;
    error = run_expecting_failure(&options, WFE_E_DENIED);
    assert_string_equal(error.operation, WFE_STEP_OPERATION_EXEC);
    assert_non_null(strstr(error.message, "/etc/passwd"));
}

static void test_step__names_a_volume_source_that_is_missing(void **state)
{
    private_containerd_of(state);
    wfe_volume volume = {.source = "/no/such/folder", .target = "/x"};
    wfe_step_options options = step_script("true");
    options.volumes = &volume;
    options.n_volumes = 1;
    wfe_error error = run_expecting_failure(&options, WFE_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "/no/such/folder"));
}

static void test_step__refuses_a_second_one_with_the_same_run_and_attempt(void **state)
{
    private_containerd_of(state);
    cancelling first = {0};
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_options options =
        step_script("trap 'exit 0' TERM; echo go; while :; do sleep 0.1; done");
    options.run_id = "same-run";
    listener_count count = {0};
    options.on_output = count_bytes;
    options.on_output_user = &count;
    assert_int_equal(wfe_step_start(client, &options, on_cancelled, &first, &first.step, &error),
                     0);
    while (!count.bytes && !first.done)
        wfe_client_dispatch(client);
    options.on_output = NULL;
    run_expecting_failure(&options, WFE_E_CONFLICT);
    assert_false(first.done); /* the first goes on */
    wfe_step_cancel(first.step);
    run_to_end(&first);
    assert_int_equal(first.error.kind, 0);
    wfe_step_result_free(first.result);
}

static void test_step__fails_when_its_output_cannot_be_written(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    close(fds[0]); /* the reader is gone */
    wfe_step_options options = step_script("while :; do echo data; sleep 0.05; done");
    options.stdout_fd = fds[1];
    options.grace_ms = 200;
    wfe_step_result *result = NULL;
    wfe_error error = WFE_ERROR_INIT;
    assert_int_not_equal(wfe_step_run(client, &options, &result, &error), 0);
    assert_non_null(strstr(error.message, "stdout"));
    close(fds[1]);
    private_containerd_assert_clean(daemon);
}

static void test_step__survives_a_restart_of_the_daemon(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    cancelling c = {0};
    listener_count count = {0};
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_options options = step_script("echo one; sleep 4; echo two; exit 6");
    options.on_output = count_bytes;
    options.on_output_user = &count;
    assert_int_equal(wfe_step_start(client, &options, on_cancelled, &c, &c.step, &error), 0);
    while (!count.bytes && !c.done)
        wfe_client_dispatch(client);
    private_containerd_restart(daemon);
    run_to_end(&c);
    if (c.error.kind)
        step_print_error(&c.error);
    assert_int_equal(c.error.kind, 0);
    assert_int_equal(wfe_step_result_exit_code(c.result), 6);
    step_assert_stream(c.result, WFE_STDOUT, "one\ntwo\n");
    wfe_step_result_free(c.result);
}

/* From its first byte on, when Start may not have been answered yet, to its end. (A daemon that is
 * stopped while it makes a task can leave a shim behind that no call of its API reaches.) */
static void test_step__restarts_of_the_daemon_at_any_moment_lose_no_result(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    for (unsigned delay_ms = 0; delay_ms <= 480; delay_ms += 40) {
        cancelling c = {0};
        listener_count count = {0};
        wfe_error error = WFE_ERROR_INIT;
        wfe_step_options options = step_script("echo one; sleep 0.4; echo two; exit 6");
        options.on_output = count_bytes;
        options.on_output_user = &count;
        assert_int_equal(wfe_step_start(client, &options, on_cancelled, &c, &c.step, &error), 0);
        while (!count.bytes && !c.done)
            wfe_client_dispatch(client);
        uint64_t until = wfe_clock_monotonic_us() + (uint64_t)delay_ms * 1000;
        while (wfe_clock_monotonic_us() < until && !c.done)
            wfe_client_dispatch(client);
        private_containerd_restart(daemon);
        run_to_end(&c);
        if (c.error.kind)
            step_print_error(&c.error);
        assert_int_equal(c.error.kind, 0);
        assert_int_equal(wfe_step_result_exit_code(c.result), 6);
        step_assert_stream(c.result, WFE_STDOUT, "one\ntwo\n");
        wfe_step_result_free(c.result);
        private_containerd_assert_clean(daemon);
    }
}

/* Resident memory of this process in KiB. */
static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void test_step__leaves_nothing_after_five_hundred(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const int warm_up = 20, n = 500;
    for (int i = 0; i < warm_up; i++)
        wfe_step_result_free(step_run_script(client, "echo warm; exit 3", 3));
    long before = resident_kib();
    int descriptors = open_descriptors();
    for (int i = 0; i < n; i++)
        wfe_step_result_free(step_run_script(client, "echo run; echo err >&2; exit 3", 3));
    long grown = resident_kib() - before;
    assert_int_equal(open_descriptors(), descriptors);
    private_containerd_assert_clean(daemon);
#ifndef __SANITIZE_ADDRESS__
    /* The allocator may keep a few pages more; a leak of 1 KiB a step would be 500. */
    if (grown > 256)
        fail_msg("memory grew by %ld KiB over %d steps", grown, n);
#else
    (void)grown;
#endif
}

static void test_step__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step__echoes_and_reports_exit_code_zero),
        cmocka_unit_test(test_step__passes_on_the_exit_code),
        cmocka_unit_test(test_step__runs_a_command_without_a_shell),
        cmocka_unit_test(test_step__takes_a_short_image_name),
        cmocka_unit_test(test_step__has_env_on_top_of_the_image_s),
        cmocka_unit_test(test_step__runs_as_nobody_unless_told),
        cmocka_unit_test(test_step__never_takes_an_unknown_user_for_root),
        cmocka_unit_test(test_step__runs_in_the_working_directory),
        cmocka_unit_test(test_step__mounts_volumes),
        cmocka_unit_test(test_step__has_only_loopback_without_a_network),
        cmocka_unit_test(test_step__has_the_host_s_network_when_asked),
        cmocka_unit_test(test_step__is_isolated_by_default),
        cmocka_unit_test(test_step__collects_outputs),
        cmocka_unit_test(test_step__json_has_wfe_s_keys),
        cmocka_unit_test(test_step__keeps_bytes_up_to_the_limit_and_counts_all),
        cmocka_unit_test(test_step__loses_no_byte_of_a_large_output),
        cmocka_unit_test(test_step__stops_at_its_timeout_with_term),
        cmocka_unit_test(test_step__is_killed_when_it_ignores_term),
        cmocka_unit_test(test_step__can_be_cancelled_from_its_own_listener),
        cmocka_unit_test(test_step__can_be_cancelled_before_it_began),
        cmocka_unit_test(test_step__names_an_image_that_is_not_there),
        cmocka_unit_test(test_step__names_a_command_that_is_not_in_the_image),
        cmocka_unit_test(test_step__names_a_volume_source_that_is_missing),
        cmocka_unit_test(test_step__refuses_a_second_one_with_the_same_run_and_attempt),
        cmocka_unit_test(test_step__fails_when_its_output_cannot_be_written),
        cmocka_unit_test(test_step__survives_a_restart_of_the_daemon),
        cmocka_unit_test(test_step__restarts_of_the_daemon_at_any_moment_lose_no_result),
        cmocka_unit_test(test_step__leaves_nothing_behind),
        cmocka_unit_test(test_step__leaves_nothing_after_five_hundred),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
