/* SPDX-License-Identifier: Apache-2.0
 *
 * A step whose wfe is killed, and the next one that goes on with it: every byte once, the real exit
 * status, nothing left. The first wfe is a copy of the test program that runs the step and appends
 * what it prints to a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/id.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"
#include "step/durable.h"

#define LIMIT_MS 60000
#define RUN "adoption"

static int setup(void **state)
{
    return step_group_setup(state);
}

/* ---- whoever runs a step ---- */

typedef struct runner {
    wfe_client *client;
    wfe_keeper *keeper;
    wfe_step *step;
    int log; /* stdout, as a file */
    uint64_t passed;
    uint64_t skip; /* bytes that the log has already */
    bool done;
    wfe_step_result *result;
    wfe_error error;
} runner;

static void on_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    runner *r = user;
    if (stream != WFE_STDOUT)
        return;
    r->passed += len;
    size_t skipped = len < r->skip ? len : (size_t)r->skip;
    r->skip -= skipped;
    assert_int_equal(wfe_fd_write_all(r->log, (const char *)bytes + skipped, len - skipped, NULL),
                     0);
}

static bool on_settled(enum wfe_stream stream, uint64_t *ret_passed, void *user)
{
    *ret_passed = stream == WFE_STDOUT ? ((runner *)user)->passed : 0;
    return true;
}

static void on_found(enum wfe_stream stream, uint64_t passed, void *user)
{
    runner *r = user;
    struct stat st;
    if (stream != WFE_STDOUT)
        return;
    assert_int_equal(fstat(r->log, &st), 0);
    r->passed = passed;
    assert_true((uint64_t)st.st_size >= passed);
    r->skip = (uint64_t)st.st_size - passed;
}

static void on_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    runner *r = user;
    r->done = true;
    r->result = result;
    r->error = *err;
}

static void log_path(const private_containerd *daemon, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s.log", daemon->dir, name);
}

static void begin(const private_containerd *daemon, runner *r, const char *name, const char *script,
                  bool adopt)
{
    char path[128];
    wfe_error error = WFE_ERROR_INIT;
    wfe_client_options client = step_client_options(daemon);
    log_path(daemon, name, path);
    *r = (runner){.client = step_client_with(&client)};
    r->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(r->log >= 0);
    assert_int_equal(wfe_keeper_new(&r->keeper, &error), 0);
    wfe_step_options options = {.size = sizeof options,
                                .image = "busybox",
                                .run = script,
                                .run_id = RUN,
                                .name = name,
                                .on_output = on_output,
                                .on_output_user = r};
    const wfe_step_durable durable = {
        .adopt = adopt, .keeper = r->keeper, .settled = on_settled, .found = on_found, .user = r};
    if (wfe_step_start_durable(r->client, &options, &durable, on_done, r, &r->step, &error))
        fail_msg("%s", error.message);
}

static void finish(runner *r)
{
    while (!r->done) {
        struct pollfd ready = {.fd = wfe_client_fd(r->client), .events = POLLIN};
        int wanted = wfe_client_timeout_ms(r->client);
        poll(&ready, 1, wanted >= 0 && wanted < 1000 ? wanted : 1000);
        wfe_client_dispatch(r->client);
    }
}

static void end(runner *r, const char *name)
{
    char id[WFE_ID_CONTAINER_SIZE];
    wfe_error error = WFE_ERROR_INIT;
    wfe_id_container(id, RUN, name, 1);
    if (wfe_step_forget(r->client, id, &error))
        fail_msg("%s", error.message);
    wfe_step_result_free(r->result);
    wfe_keeper_free(r->keeper);
    wfe_client_free(r->client);
    close(r->log);
}

/* ---- the one that is killed ---- */

static pid_t begin_elsewhere(const private_containerd *daemon, const char *name, const char *script)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid)
        return pid;
    runner r;
    begin(daemon, &r, name, script, false);
    finish(&r);
    pause();
    _exit(0);
}

static void kill_it(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void wait_for_log(const private_containerd *daemon, const char *name, off_t bytes)
{
    char path[128];
    struct stat st;
    log_path(daemon, name, path);
    for (int waited_ms = 0;; waited_ms += 2) {
        if (stat(path, &st) == 0 && st.st_size >= bytes)
            return;
        assert_true(waited_ms < LIMIT_MS);
        poll(NULL, 0, 2);
    }
}

static bool has_file(const private_containerd *daemon, const char *pattern)
{
    char whole[192];
    glob_t found = {0};
    snprintf(whole, sizeof whole, "%s/%s", daemon->io_dir, pattern);
    bool there = glob(whole, 0, NULL, &found) == 0;
    globfree(&found);
    return there;
}

static void wait_for_record(const private_containerd *daemon)
{
    char whole[192], byte = 0;
    snprintf(whole, sizeof whole, "%s/*/exit", daemon->io_dir);
    for (int waited_ms = 0; !byte; waited_ms += 5) {
        glob_t found = {0};
        assert_true(waited_ms < LIMIT_MS);
        poll(NULL, 0, 5);
        int fd =
            glob(whole, 0, NULL, &found) == 0 ? open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0 || read(fd, &byte, 1) != 1)
            byte = 0;
        if (fd >= 0)
            close(fd);
        globfree(&found);
    }
}

static enum wfe_step_found find_it(const private_containerd *daemon, const char *name)
{
    char id[WFE_ID_CONTAINER_SIZE];
    wfe_error error = WFE_ERROR_INIT;
    enum wfe_step_found found = WFE_STEP_FOUND_NOTHING;
    wfe_client_options options = step_client_options(daemon);
    wfe_client *client = step_client_with(&options);
    wfe_id_container(id, RUN, name, 1);
    if (wfe_step_find(client, id, &found, &error))
        fail_msg("%s", error.message);
    wfe_client_free(client);
    return found;
}

/* ---- what has to be there in the end ---- */

static void assert_counted(const private_containerd *daemon, const char *name, int to)
{
    char path[128];
    wfe_buf text = WFE_BUF_INIT(0);
    log_path(daemon, name, path);
    assert_int_equal(wfe_fd_read_file(path, (size_t)64 * 1024 * 1024, &text, NULL), 0);
    char *at = text.data;
    for (int i = 1; i <= to; i++) {
        char *next = NULL;
        long found = strtol(at, &next, 10);
        if (found != i || *next != '\n')
            fail_msg("expected %d, found '%.20s'", i, at);
        at = next + 1;
    }
    if (*at && strncmp(at, "##wfe", 5) != 0)
        fail_msg("after %d comes '%.40s'", to, at);
    wfe_buf_done(&text);
}

static void adopt_and_expect(private_containerd *daemon, const char *name, int exit_code,
                             const char *output)
{
    runner r;
    assert_int_equal(find_it(daemon, name), WFE_STEP_FOUND_IT);
    begin(daemon, &r, name, "exit 99", true);
    finish(&r);
    if (r.error.kind)
        fail_msg("%s", r.error.message);
    assert_int_equal(wfe_step_result_exit_code(r.result), exit_code);
    if (output)
        assert_string_equal(wfe_step_result_output(r.result, "k"), output);
    end(&r, name);
    private_containerd_assert_clean(daemon);
}

#define COUNT(n)                                                                                   \
    "i=0; echo '##wfe[output k=early]' >&2; while [ $i -lt " #n " ]; do i=$((i+1)); echo $i; "     \
    "done; echo '##wfe[output k=v]'; exit 7"
#define COUNT_SLOWLY(n)                                                                            \
    "i=0; while [ $i -lt " #n " ]; do i=$((i+1)); echo $i; usleep 1000; done; "                    \
    "echo '##wfe[output k=v]'; exit 7"

/* ---- tests ---- */

static void test_adoption__a_running_step_is_gone_on_with(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = begin_elsewhere(daemon, "runs", COUNT_SLOWLY(1500));
    wait_for_log(daemon, "runs", 100);
    kill_it(pid);
    adopt_and_expect(daemon, "runs", 7, "v");
    assert_counted(daemon, "runs", 1500);
}

static void test_adoption__wfe_after_wfe_may_be_killed(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = begin_elsewhere(daemon, "again", COUNT_SLOWLY(3000));
    for (int i = 1; i <= 8; i++) {
        wait_for_log(daemon, "again", 800 * i);
        kill_it(pid);
        assert_int_equal(find_it(daemon, "again"), WFE_STEP_FOUND_IT);
        pid = fork();
        if (!pid) {
            runner r;
            begin(daemon, &r, "again", "exit 99", true);
            finish(&r);
            pause();
        }
    }
    kill_it(pid);
    adopt_and_expect(daemon, "again", 7, "v");
    assert_counted(daemon, "again", 3000);
}

/* Much output, so that the kill falls anywhere between the FIFO and the log. */
static void test_adoption__no_byte_is_lost_or_twice_under_load(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "load%d", i);
        pid_t pid = begin_elsewhere(daemon, name, COUNT(400000));
        wait_for_log(daemon, name, 1 + i * 700001);
        kill_it(pid);
        adopt_and_expect(daemon, name, 7, "v");
        assert_counted(daemon, name, 400000);
    }
}

static void test_adoption__a_step_that_ended_alone_has_left_everything(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = begin_elsewhere(daemon, "ended", COUNT_SLOWLY(300));
    wait_for_log(daemon, "ended", 20);
    kill_it(pid);
    wait_for_record(daemon);
    adopt_and_expect(daemon, "ended", 7, "v");
    assert_counted(daemon, "ended", 300);
}

static void test_adoption__a_step_that_the_daemon_forgot_has_left_everything(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = begin_elsewhere(daemon, "forgotten", COUNT_SLOWLY(300));
    wait_for_log(daemon, "forgotten", 20);
    kill_it(pid);
    private_containerd_stop(daemon);
    wait_for_record(daemon);
    private_containerd_start(daemon);
    adopt_and_expect(daemon, "forgotten", 7, "v");
    assert_counted(daemon, "forgotten", 300);
}

static void test_adoption__a_step_runs_on_over_a_restart_of_the_daemon(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = begin_elsewhere(daemon, "restart", COUNT_SLOWLY(1500));
    wait_for_log(daemon, "restart", 20);
    kill_it(pid);
    private_containerd_restart(daemon);
    adopt_and_expect(daemon, "restart", 7, "v");
    assert_counted(daemon, "restart", 1500);
}

static void test_adoption__an_end_that_was_not_told_is_found_again(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = begin_elsewhere(daemon, "untold", COUNT(2000));
    for (int waited_ms = 0; !has_file(daemon, "*/ended"); waited_ms += 5) {
        assert_true(waited_ms < LIMIT_MS);
        poll(NULL, 0, 5);
    }
    kill_it(pid);
    adopt_and_expect(daemon, "untold", 7, "v");
    assert_counted(daemon, "untold", 2000);
}

static void test_adoption__the_time_of_a_step_goes_on(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    runner r;
    pid_t pid = begin_elsewhere(daemon, "timed", "echo 1; sleep 600");
    wait_for_log(daemon, "timed", 2);
    kill_it(pid);
    assert_int_equal(find_it(daemon, "timed"), WFE_STEP_FOUND_IT);
    /* It has run for some milliseconds at least. */
    begin(daemon, &r, "timed", "exit 99", true);
    wfe_step_cancel(r.step);
    finish(&r);
    assert_int_equal(r.error.kind, 0);
    assert_int_equal(wfe_step_result_end(r.result), WFE_STEP_CANCELLED);
    end(&r, "timed");
    private_containerd_assert_clean(daemon);
}

static void test_adoption__what_vanished_without_a_trace_is_lost(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char id[WFE_ID_CONTAINER_SIZE];
    wfe_id_container(id, RUN, "lost", 1);
    pid_t pid = begin_elsewhere(daemon, "lost", "echo 1; sleep 600");
    wait_for_log(daemon, "lost", 2);
    kill_it(pid);
    /* By somebody else, and with the task also what wfe-init would have told. */
    assert_int_equal(private_containerd_ctr(daemon, "default",
                                            (const char *const[]){"task", "rm", "-f", id, NULL},
                                            NULL),
                     0);
    char record[192];
    snprintf(record, sizeof record, "%s/%s/exit", daemon->io_dir, id);
    assert_int_equal(truncate(record, 0), 0);
    assert_int_equal(find_it(daemon, "lost"), WFE_STEP_FOUND_LOST);
    wfe_error error = WFE_ERROR_INIT;
    wfe_client_options options = step_client_options(daemon);
    wfe_client *client = step_client_with(&options);
    if (wfe_step_remove_left_overs(client, (const char *const[]){id}, 1, &error))
        fail_msg("%s", error.message);
    wfe_client_free(client);
    private_containerd_assert_clean(daemon);
}

static void test_adoption__what_never_began_is_nothing(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    assert_int_equal(find_it(daemon, "never"), WFE_STEP_FOUND_NOTHING);
}

static void test_adoption__the_step_of_a_living_process_is_left_to_it(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char id[WFE_ID_CONTAINER_SIZE];
    wfe_error error = WFE_ERROR_INIT;
    enum wfe_step_found found;
    wfe_client_options options = step_client_options(daemon);
    wfe_client *client = step_client_with(&options);
    wfe_id_container(id, RUN, "living", 1);
    pid_t pid = begin_elsewhere(daemon, "living", "echo 1; sleep 600");
    wait_for_log(daemon, "living", 2);
    assert_int_equal(wfe_step_find(client, id, &found, &error), WFE_E_CONFLICT);
    kill_it(pid);
    error = (wfe_error)WFE_ERROR_INIT;
    if (wfe_step_remove_left_overs(client, (const char *const[]){id}, 1, &error))
        fail_msg("%s", error.message);
    wfe_client_free(client);
    private_containerd_assert_clean(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adoption__a_running_step_is_gone_on_with),
        cmocka_unit_test(test_adoption__wfe_after_wfe_may_be_killed),
        cmocka_unit_test(test_adoption__no_byte_is_lost_or_twice_under_load),
        cmocka_unit_test(test_adoption__a_step_that_ended_alone_has_left_everything),
        cmocka_unit_test(test_adoption__a_step_that_the_daemon_forgot_has_left_everything),
        cmocka_unit_test(test_adoption__a_step_runs_on_over_a_restart_of_the_daemon),
        cmocka_unit_test(test_adoption__an_end_that_was_not_told_is_found_again),
        cmocka_unit_test(test_adoption__the_time_of_a_step_goes_on),
        cmocka_unit_test(test_adoption__what_vanished_without_a_trace_is_lost),
        cmocka_unit_test(test_adoption__what_never_began_is_nothing),
        cmocka_unit_test(test_adoption__the_step_of_a_living_process_is_left_to_it),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
