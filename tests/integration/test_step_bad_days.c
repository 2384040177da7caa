/* SPDX-License-Identifier: Apache-2.0
 *
 * Bad days of a step that runs on a real containerd: the daemon goes, hangs or forgets, the shim
 * dies. Each ends in a clear error or a recovery, with nothing left behind and nothing lost.
 */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

/* ---- a daemon that goes away ---- */

typedef struct running {
    wfe_step *step;
    uint64_t bytes; /* of both streams so far */
    bool done;
    wfe_step_result *result;
    wfe_error error;
} running;

static void on_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    (void)stream;
    (void)bytes;
    ((running *)user)->bytes += len;
}

static void on_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    running *r = user;
    r->done = true;
    r->result = result;
    r->error = *err;
}

static void dispatch_for(int ms)
{
    struct pollfd ready = {.fd = wfe_client_fd(step_client_of_group), .events = POLLIN};
    int wanted = wfe_client_timeout_ms(step_client_of_group);
    poll(&ready, 1, wanted >= 0 && wanted < ms ? wanted : ms);
    wfe_client_dispatch(step_client_of_group);
}

/* Starts the step and comes back when it has written something. */
static void start_until_output(running *r, wfe_step_options *options)
{
    wfe_error error = WFE_ERROR_INIT;
    *r = (running){0};
    options->on_output = on_output;
    options->on_output_user = r;
    if (wfe_step_start(step_client_of_group, options, on_done, r, &r->step, &error)) {
        step_print_error(&error);
        fail();
    }
    while (!r->bytes && !r->done)
        dispatch_for(1000);
    if (r->error.kind)
        step_print_error(&r->error);
    assert_false(r->done);
}

static void wait_for_end(running *r)
{
    while (!r->done)
        dispatch_for(1000);
}

static void assert_ended_well(running *r, int exit_code, const char *out)
{
    wait_for_end(r);
    if (r->error.kind)
        step_print_error(&r->error);
    assert_int_equal(r->error.kind, 0);
    assert_int_equal(wfe_step_result_exit_code(r->result), exit_code);
    step_assert_stream(r->result, WFE_STDOUT, out);
    wfe_step_result_free(r->result);
}

#define LIMIT_MS 20000

/* Until the command of the only step has left its exit record; the loop stands still meanwhile. */
static void wait_for_exit_record(const private_containerd *daemon)
{
    char pattern[128], byte = 0;
    snprintf(pattern, sizeof pattern, "%s/*/exit", daemon->io_dir);
    for (int waited_ms = 0; !byte; waited_ms += 20) {
        glob_t found = {0};
        assert_true(waited_ms < LIMIT_MS);
        poll(NULL, 0, 20);
        if (glob(pattern, 0, NULL, &found) == 0) {
            int fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
            if (fd < 0 || read(fd, &byte, 1) != 1)
                byte = 0;
            close(fd);
        }
        globfree(&found);
    }
}

static void test_step_bad_days__the_daemon_restarts_while_the_step_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    running r;
    for (int no_init = 0; no_init < 2; no_init++) {
        wfe_step_options options = step_script("echo one; sleep 3; echo two; exit 6");
        options.no_init = no_init;
        start_until_output(&r, &options);
        private_containerd_restart(daemon);
        assert_ended_well(&r, 6, "one\ntwo\n");
    }
    private_containerd_assert_clean(daemon);
}

static void test_step_bad_days__the_daemon_is_killed_while_the_step_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    running r;
    wfe_step_options options = step_script("echo one; sleep 3; echo two; exit 6");
    start_until_output(&r, &options);
    private_containerd_kill(daemon);
    private_containerd_start(daemon);
    assert_ended_well(&r, 6, "one\ntwo\n");
    private_containerd_assert_clean(daemon);
}

/* containerd 1.7 and newer forget a task that ended while they were down: the exit record tells. */
static void test_step_bad_days__the_step_ends_while_the_daemon_is_down(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    running r;
    static const int codes[] = {6, 0, 143};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char script[96];
        snprintf(script, sizeof script, "echo one; sleep 1; echo two; %s %d",
                 codes[i] > 128 ? "kill -15 $$; exit" : "exit", codes[i]);
        wfe_step_options options = step_script(script);
        start_until_output(&r, &options);
        private_containerd_stop(daemon);
        wait_for_exit_record(daemon);
        private_containerd_start(daemon);
        assert_ended_well(&r, codes[i], "one\ntwo\n");
    }
    private_containerd_assert_clean(daemon);
}

/* Without wfe-init the status may be lost; it is never made up. */
static void test_step_bad_days__an_exit_status_that_is_lost_is_an_error(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    running r;
    wfe_step_options options = step_script("echo one; sleep 1; exit 6");
    options.no_init = true;
    start_until_output(&r, &options);
    private_containerd_stop(daemon);
    poll(NULL, 0, 2500); /* nothing tells from outside that it has ended */
    private_containerd_start(daemon);
    wait_for_end(&r);
    if (r.error.kind)
        step_assert_has(r.error.message, "exit status");
    else
        assert_int_equal(wfe_step_result_exit_code(r.result), 6);
    wfe_step_result_free(r.result);
    private_containerd_assert_clean(daemon);
}

static void test_step_bad_days__a_daemon_that_is_back_is_used_again(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script("true");
    private_containerd_stop(daemon);
    wfe_step_result *result = NULL;
    wfe_error error = WFE_ERROR_INIT;
    int rc = wfe_step_run(step_client_of_group, &options, &result, &error);
    assert_true(rc == WFE_E_UNAVAILABLE || rc == WFE_E_NOT_FOUND);
    step_assert_has(error.message, daemon->address);
    private_containerd_start(daemon);
    wfe_step_result_free(step_run_script(step_client_of_group, "exit 3", 3));
}

/* ---- a daemon that hangs ---- */

typedef struct thawing {
    private_containerd *daemon;
    int after_ms;
} thawing;

static void *thaw_later(void *user)
{
    thawing *t = user;
    poll(NULL, 0, t->after_ms);
    kill(t->daemon->pid, SIGCONT);
    return NULL;
}

/* Freezes the daemon and lets a thread thaw it again. */
static pthread_t freeze_for(thawing *t)
{
    pthread_t thread;
    private_containerd_freeze(t->daemon);
    assert_int_equal(pthread_create(&thread, NULL, thaw_later, t), 0);
    return thread;
}

static void test_step_bad_days__a_daemon_that_hangs_at_the_start(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script("true");
    private_containerd_freeze(daemon);
    wfe_step_result *result = NULL;
    wfe_error error = WFE_ERROR_INIT;
    int rc = wfe_step_run(step_client_of_group, &options, &result, &error);
    private_containerd_thaw(daemon);
    assert_int_equal(rc, WFE_E_TIMEOUT);
    step_assert_has(error.message, "answer");
    assert_null(strstr(error.message, "/containerd.services")); /* of no use to the reader */
    step_assert_hint(&error);
    private_containerd_assert_clean(daemon);
}

static void test_step_bad_days__a_daemon_that_hangs_while_the_step_runs(void **state)
{
    thawing t = {.daemon = private_containerd_of(state), .after_ms = 4000};
    running r;
    wfe_step_options options = step_script("echo one; sleep 1; echo two; exit 6");
    start_until_output(&r, &options);
    pthread_t thread = freeze_for(&t);
    assert_ended_well(&r, 6, "one\ntwo\n");
    pthread_join(thread, NULL);
    private_containerd_assert_clean(t.daemon);
}

static void test_step_bad_days__a_timeout_while_the_daemon_hangs(void **state)
{
    thawing t = {.daemon = private_containerd_of(state), .after_ms = 4000};
    running r;
    wfe_step_options options =
        step_script("trap 'exit 9' TERM; echo one; while :; do sleep 0.1; done");
    options.timeout_ms = 2000;
    options.grace_ms = 10000;
    start_until_output(&r, &options);
    pthread_t thread = freeze_for(&t);
    wait_for_end(&r);
    pthread_join(thread, NULL);
    assert_int_equal(r.error.kind, 0);
    assert_int_equal(wfe_step_result_end(r.result), WFE_STEP_TIMED_OUT);
    wfe_step_result_free(r.result);
    private_containerd_assert_clean(t.daemon);
}

typedef struct freezing {
    running run;
    thawing thaw;
    pthread_t thread;
    bool frozen;
} freezing;

/* At the last byte, before the exit is known: what follows is the clean-up. */
static void freeze_at_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    freezing *f = user;
    on_output(stream, bytes, len, &f->run);
    if (!f->frozen) {
        f->thread = freeze_for(&f->thaw);
        f->frozen = true;
    }
}

static void test_step_bad_days__a_daemon_that_hangs_at_the_clean_up(void **state)
{
    freezing f = {.thaw = {.daemon = private_containerd_of(state), .after_ms = 3000}};
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_options options = step_script("echo bye; exit 5");
    options.on_output = freeze_at_output;
    options.on_output_user = &f;
    assert_int_equal(
        wfe_step_start(step_client_of_group, &options, on_done, &f.run, &f.run.step, &error), 0);
    assert_ended_well(&f.run, 5, "bye\n");
    assert_true(f.frozen);
    pthread_join(f.thread, NULL);
    private_containerd_assert_clean(f.thaw.daemon);
}

/* ---- a shim that dies ---- */

/* The shim's process of the only container. */
static pid_t find_shim(const private_containerd *daemon)
{
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    pid_t found = 0;
    struct dirent *entry;
    while ((entry = readdir(proc))) {
        char path[300], text[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = atoi(entry->d_name) > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text);
        if (fd >= 0)
            close(fd);
        if (len > 0 && atoi(entry->d_name) != daemon->pid &&
            memmem(text, (size_t)len, "containerd-shim", 15) &&
            memmem(text, (size_t)len, daemon->address, strlen(daemon->address)))
            found = atoi(entry->d_name);
    }
    closedir(proc);
    assert_true(found > 0);
    return found;
}

static void test_step_bad_days__a_shim_that_is_killed_is_no_exit_code(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    running r;
    wfe_step_options options = step_script("echo one; sleep 100");
    start_until_output(&r, &options);
    assert_int_equal(kill(find_shim(daemon), SIGKILL), 0);
    wait_for_end(&r);
    if (!r.error.kind)
        fail_msg("it has an exit code: %d", wfe_step_result_exit_code(r.result));
    step_assert_has(r.error.message, "shim");
    private_containerd_assert_clean(daemon);
}

/* ---- the same run twice ---- */

static void test_step_bad_days__the_same_attempt_by_another_client_is_refused(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_client_options client_options = step_client_options(daemon);
    running r;
    wfe_step_options options = step_script("echo one; sleep 2; echo two; exit 6");
    options.run_id = "the-same-run";
    start_until_output(&r, &options);
    wfe_step_options second = step_script("echo second");
    second.run_id = "the-same-run";
    wfe_error error = step_group_failure_with(&client_options, &second, WFE_E_CONFLICT);
    step_assert_hint(&error);
    char other_io[96];
    snprintf(other_io, sizeof other_io, "%s/io-2", daemon->dir);
    client_options.io_dir = other_io; /* the daemon tells as well, not only the folder */
    error = step_group_failure_with(&client_options, &second, WFE_E_CONFLICT);
    step_assert_hint(&error);
    assert_ended_well(&r, 6, "one\ntwo\n");
    second.attempt = 2;
    second.run = "exit 0";
    wfe_step_result_free(step_run(step_client_of_group, &second));
    private_containerd_assert_clean(daemon);
}

static void test_step_bad_days__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_bad_days__the_daemon_restarts_while_the_step_runs),
        cmocka_unit_test(test_step_bad_days__the_daemon_is_killed_while_the_step_runs),
        cmocka_unit_test(test_step_bad_days__the_step_ends_while_the_daemon_is_down),
        cmocka_unit_test(test_step_bad_days__an_exit_status_that_is_lost_is_an_error),
        cmocka_unit_test(test_step_bad_days__a_daemon_that_is_back_is_used_again),
        cmocka_unit_test(test_step_bad_days__a_daemon_that_hangs_at_the_start),
        cmocka_unit_test(test_step_bad_days__a_daemon_that_hangs_while_the_step_runs),
        cmocka_unit_test(test_step_bad_days__a_timeout_while_the_daemon_hangs),
        cmocka_unit_test(test_step_bad_days__a_daemon_that_hangs_at_the_clean_up),
        cmocka_unit_test(test_step_bad_days__a_shim_that_is_killed_is_no_exit_code),
        cmocka_unit_test(test_step_bad_days__the_same_attempt_by_another_client_is_refused),
        cmocka_unit_test(test_step_bad_days__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
