/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of containers whose wfe is killed, and that go on in another one: what runs is waited for,
 * what ended meanwhile is collected, what vanished is a failure, and nothing is left.
 */
#include <glob.h>
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
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "fixtures/run_group.h"

#define HEAD "workflow:\n  id: test\n  version: 1\n  steps:\n"
#define STEP(name, run)                                                                            \
    "    - name: " name "\n      type: containerd\n      config: {image: busybox, run: '" run "'}" \
    "\n"
#define LIMIT_MS 60000

static wfe_command *start_with(const char *const *args)
{
    wfe_command_options options = {
        .args = args, .env = run_group_env(NULL), .directory = run_group_folder};
    return wfe_command_start(&options);
}
#define START(...) start_with((const char *const[]){__VA_ARGS__, NULL})

static void expect(int exit_code, const char *text, const char *const *args)
{
    wfe_command_result result = run_group_run_in(WFE_BUILD_DIR, NULL, args);
    run_group_expect(&result, exit_code, text);
    wfe_command_result_done(&result);
}
#define EXPECT(exit_code, text, ...)                                                               \
    expect((exit_code), (text), (const char *const[]){__VA_ARGS__, NULL})

static void kill_it(wfe_command *run)
{
    wfe_command_result result;
    kill(wfe_command_pid(run), SIGKILL);
    wfe_command_wait(run, &result);
    wfe_command_result_done(&result);
}

/* Begins a run of this name, and kills its wfe when it has printed text. */
static void run_and_kill(const char *name, const char *workflow, const char *text)
{
    wfe_command *run = START("run", run_group_file("workflow.yaml", workflow), "--name", name);
    wfe_command_wait_for(run, text);
    kill_it(run);
}

/* Files in the tests' folder are how containers and tests meet. */
static void wait_for_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", run_group_folder, name);
    for (int waited_ms = 0; access(path, F_OK) < 0; waited_ms += 20) {
        if (waited_ms > LIMIT_MS)
            fail_msg("%s never came", path);
        usleep(20000);
    }
}

static char *log_of(const char *run, const char *step)
{
    const char *const args[] = {"logs", run, step, NULL};
    wfe_command_result result = run_group_run_in(WFE_BUILD_DIR, NULL, args);
    run_group_expect(&result, 0, "");
    char *text = strdup(result.out);
    wfe_command_result_done(&result);
    return text;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

/* ---- one step ---- */

static void test_resume__waits_for_a_container_that_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill("waits",
                 HEAD STEP("a", "echo first; echo \"##wfe[output x=1]\"")
                     STEP("b", "echo begun; sleep 2; echo \"x is $X\"") STEP("c", "echo third"),
                 "b | begun");
    EXPECT(0, "interrupted", "show", "waits");
    EXPECT(0, "c | third", "resume", "waits", "--plain");
    char *log = log_of("waits", "b");
    assert_string_equal(log, "begun\nx is 1\n");
    free(log);
    log = log_of("waits", "a");
    assert_int_equal(count(log, "first"), 1);
    free(log);
    EXPECT(0, "succeeded", "show", "waits");
    EXPECT(0, "nothing to do", "resume", "waits");
    run_group_assert_clean(daemon);
}

static void test_resume__collects_what_ended_meanwhile(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill("meanwhile",
                 HEAD "    - name: b\n      type: containerd\n      config:\n"
                      "        image: busybox\n        volumes: ['.:/work']\n        user: '0'\n"
                      "        run: 'echo begun; sleep 1; echo ended; touch /work/gone; exit 3'\n",
                 "b | begun");
    wait_for_file("gone");
    EXPECT(1, "exited with code 3", "resume", "meanwhile", "--plain");
    char *log = log_of("meanwhile", "b");
    assert_string_equal(log, "begun\nended\n");
    free(log);
    run_group_assert_clean(daemon);
}

static void test_resume__every_number_of_a_counter_is_there_once(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char workflow[] =
        HEAD STEP("n", "i=0; while [ $i -lt 6000 ]; do echo $i; i=$((i+1)); usleep 200; done");
    wfe_command *run = START("run", run_group_file("workflow.yaml", workflow), "--name", "counter");
    wfe_command_wait_for(run, "n | 300");
    kill_it(run);
    for (const char *const *at = (const char *const[]){"n | 900", "n | 2000", "n | 3500", NULL};
         *at; at++) {
        run = START("resume", "counter", "--plain");
        wfe_command_wait_for(run, *at);
        kill_it(run);
    }
    EXPECT(0, "", "resume", "counter", "--plain");
    char *log = log_of("counter", "n");
    char *at = log;
    for (int i = 0; i < 6000; i++) {
        long found = strtol(at, &at, 10);
        if (found != i || *at++ != '\n')
            fail_msg("number %d of the log is %ld", i, found);
    }
    assert_string_equal(at, "");
    free(log);
    run_group_assert_clean(daemon);
}

/* ---- several, and what is between them ---- */

/* Each name is printed at its end; a marker file lets it go on. */
#define GATED(name, extra)                                                                         \
    "    - name: " name "\n      type: containerd\n      needs: []\n" extra                        \
    "      config:\n        image: busybox\n        user: '0'\n        volumes: ['.:/work']\n"     \
    "        run: 'echo begun; until [ -e /work/go ]; do usleep 20000; done; echo " name           \
    "-ended'\n"

static void let_go(bool go)
{
    char path[128];
    snprintf(path, sizeof path, "%s/go", run_group_folder);
    if (go)
        run_group_file("go", "");
    else
        unlink(path);
}

/* A container has what it was given: that it cannot be mounted once more is no matter. */
static void test_resume__adopts_a_step_whose_volume_is_gone_meanwhile(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char path[128], moved[128];
    snprintf(path, sizeof path, "%s/data", run_group_folder);
    snprintf(moved, sizeof moved, "%s/data-moved", run_group_folder);
    assert_int_equal(mkdir(path, 0755), 0);
    let_go(false);
    run_and_kill("volume-gone",
                 HEAD "    - name: a\n      type: containerd\n      config:\n"
                      "        image: busybox\n        volumes: ['.:/work', './data:/data']\n"
                      "        run: 'echo begun; until [ -e /work/go ]; do usleep 20000; done; "
                      "echo a-ended'\n",
                 "a | begun");
    assert_int_equal(rename(path, moved), 0);
    let_go(true);
    EXPECT(0, "a | a-ended", "resume", "volume-gone", "--plain");
    assert_int_equal(rmdir(moved), 0);
    run_group_assert_clean(daemon);
}

static void test_resume__adopts_steps_that_run_side_by_side(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    wfe_command *run =
        START("run",
              run_group_file("workflow.yaml", HEAD GATED("a", "") GATED("b", "") GATED("c", "")
                                                  STEP("d", "echo all")),
              "--name", "parallel", "--jobs", "3");
    wfe_command_wait_for(run, "a | begun");
    wfe_command_wait_for(run, "b | begun");
    wfe_command_wait_for(run, "c | begun");
    kill_it(run);
    run = START("resume", "parallel", "--plain");
    wfe_command_wait_for(run, "c: runs on");
    wfe_command_result result;
    /* A second one is told who has it. */
    EXPECT(2, "", "resume", "parallel");
    let_go(true);
    wfe_command_wait(run, &result);
    run_group_expect(&result, 0, "d | all");
    wfe_command_result_done(&result);
    for (const char *const *at = (const char *const[]){"a", "b", "c", NULL}; *at; at++) {
        char *log = log_of("parallel", *at), wanted[32];
        snprintf(wanted, sizeof wanted, "begun\n%s-ended\n", *at);
        assert_string_equal(log, wanted);
        free(log);
    }
    run_group_assert_clean(daemon);
}

static void test_resume__goes_on_sleeping_before_a_retry(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill("sleeps",
                 HEAD "    - name: a\n      type: containerd\n"
                      "      retry: {max: 2, interval: 3s}\n"
                      "      config:\n        image: busybox\n        user: '0'\n"
                      "        volumes: ['.:/work']\n"
                      "        run: 'echo tried; [ -e /work/tried ] || { touch /work/tried; "
                      "exit 1; }'\n",
                 "attempt 1 failed");
    EXPECT(0, "a: runs, attempt 2", "resume", "sleeps", "--plain");
    char *log = log_of("sleeps", "a");
    assert_string_equal(log, "tried\ntried\n");
    free(log);
    run_group_assert_clean(daemon);
}

static void test_resume__goes_on_in_a_hook(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    wfe_command *run = START(
        "run",
        run_group_file(
            "workflow.yaml",
            HEAD STEP(
                "a",
                "echo ran; exit 4") "      on_failure:\n"
                                    "        name: mend\n        type: containerd\n        "
                                    "config:\n"
                                    "          image: busybox\n          user: \"0\"\n"
                                    "          volumes: [\".:/work\"]\n          run: >-\n"
                                    "            echo hook; until [ -e /work/go ]; do usleep 20000;"
                                    " done; echo mended\n"
                                    "      ensure: {name: last, config: {run: echo lasted}}\n"),
        "--name", "hooks");
    wfe_command_wait_for(run, "mend | hook");
    kill_it(run);
    let_go(true);
    EXPECT(1, "last | lasted", "resume", "hooks", "--plain");
    char *log = log_of("hooks", "mend");
    assert_string_equal(log, "hook\nmended\n");
    free(log);
    log = log_of("hooks", "a");
    assert_string_equal(log, "ran\n");
    free(log);
    run_group_assert_clean(daemon);
}

/* The container with this text in its id, with its task. */
static void make_vanish(private_containerd *daemon, const char *text)
{
    char *ids = NULL, *id = NULL;
    assert_int_equal(private_containerd_ctr(daemon, "default",
                                            (const char *const[]){"tasks", "ls", "-q", NULL}, &ids),
                     0);
    for (char *at = ids, *line; (line = strsep(&at, "\n"));)
        if (strstr(line, text))
            id = line;
    assert_non_null(id);
    /* The shim of the task is killed, and what it ran. */
    private_containerd_ctr(daemon, "default",
                           (const char *const[]){"tasks", "kill", "-s", "KILL", id, NULL}, NULL);
    private_containerd_ctr(daemon, "default", (const char *const[]){"tasks", "rm", "-f", id, NULL},
                           NULL);
    private_containerd_ctr(daemon, "default", (const char *const[]){"containers", "rm", id, NULL},
                           NULL);
    free(ids);
}

static void test_resume__a_container_that_vanished_is_a_failure_that_may_be_retried(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char workflow[] = HEAD
        "    - name: a\n      type: containerd\n"
        "      retry: {max: 1, interval: 10ms, on: [infrastructure]}\n"
        "      config:\n        image: busybox\n        user: '0'\n"
        "        volumes: ['.:/work']\n"
        "        run: 'echo begun; [ -e /work/again ] && exit 0; touch /work/again; sleep 600'\n";
    run_and_kill("vanished", workflow, "a | begun");
    wait_for_file("again");
    make_vanish(daemon, "-a-");
    EXPECT(0, "a: runs, attempt 2", "resume", "vanished", "--plain");
    run_group_assert_clean(daemon);
}

static void test_resume__a_run_that_was_being_cancelled_goes_on_being_cancelled(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_command *run =
        START("run",
              run_group_file("workflow.yaml",
                             HEAD "    - name: a\n      type: containerd\n      config:\n"
                                  "        image: busybox\n        grace: 3s\n"
                                  "        run: 'trap \"echo asked\" TERM; echo begun; while :; do "
                                  "sleep 1; done'\n"
                                  "      ensure: {name: end, config: {run: echo ensured}}\n"
                                  "    - {name: b, config: {run: echo never}}\n"),
              "--name", "cancels");
    wfe_command_wait_for(run, "a | begun");
    kill(wfe_command_pid(run), SIGINT);
    wfe_command_wait_for(run, "a | asked");
    kill_it(run);
    EXPECT(130, "end | ensured", "resume", "cancels", "--plain");
    EXPECT(0, "cancelled", "show", "cancels");
    run_group_assert_clean(daemon);
}

static void test_resume__can_be_cancelled(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill("then-cancelled",
                 HEAD STEP("a", "echo begun; exec sleep 600") "      ensure: {name: end, config: "
                                                              "{run: echo ensured}}\n",
                 "a | begun");
    wfe_command *run = START("resume", "then-cancelled", "--plain");
    wfe_command_wait_for(run, "a: runs on");
    EXPECT(0, "then-cancelled: cancelled", "cancel", "then-cancelled");
    wfe_command_result result;
    wfe_command_wait(run, &result);
    run_group_expect(&result, 130, "end | ensured");
    wfe_command_result_done(&result);
    run_group_assert_clean(daemon);
}

/* Nobody has the run meanwhile. */
static void test_resume__does_what_cancel_has_asked_for(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill(
        "asked",
        HEAD STEP(
            "a",
            "echo begun; exec sleep 600") "      ensure: {name: end, config: {run: echo ensured}}\n"
                                          "    - {name: b, config: {run: echo never}}\n",
        "a | begun");
    EXPECT(0, "asked to stop; the wfe that had it is gone", "cancel", "asked", "--no-wait");
    EXPECT(130, "end | ensured", "resume", "asked", "--plain");
    char *log = log_of("asked", "b");
    assert_string_equal(log, "");
    free(log);
    run_group_assert_clean(daemon);
}

/* The wish of `wfe cancel` is recorded, and read again: it is one wish, and hooks still run. */
static void test_resume__takes_the_wish_that_was_acted_on_for_the_same_one(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    wfe_command *run = START(
        "run",
        run_group_file("workflow.yaml", HEAD
                       "    - name: a\n      type: containerd\n      config:\n"
                       "        image: busybox\n        grace: 3s\n"
                       "        run: 'trap \"echo asked\" TERM; echo begun; while :; do "
                       "sleep 1; done'\n"
                       "  ensure:\n    name: end\n    type: containerd\n    config:\n"
                       "      image: busybox\n      volumes: ['.:/work']\n"
                       "      run: 'echo ending; until [ -e /work/go ]; do usleep 20000; done; "
                       "echo ensured'\n"),
        "--name", "same-wish");
    wfe_command_wait_for(run, "a | begun");
    EXPECT(0, "asked to stop", "cancel", "same-wish", "--no-wait");
    wfe_command_wait_for(run, "a | asked");
    kill_it(run);
    run = START("resume", "same-wish", "--plain");
    wfe_command_wait_for(run, "end | ending");
    kill_it(run);
    let_go(true);
    EXPECT(130, "end | ensured", "resume", "same-wish", "--plain");
    EXPECT(0, "cancelled", "show", "same-wish");
    run_group_assert_clean(daemon);
}

/* What was printed meanwhile is masked and logged, and the hook has its secret. */
static void test_resume__of_a_run_that_is_to_end_reads_its_secrets(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    run_and_kill(
        "ends-secret",
        "workflow:\n  id: test\n  version: 1\n"
        "  secrets: {TOKEN: {command: [echo, hush-hush]}}\n  steps:\n"
        "    - name: a\n      type: containerd\n      secrets: [TOKEN]\n      config:\n"
        "        image: busybox\n        user: '0'\n        volumes: ['.:/work']\n"
        "        run: 'echo begun; until [ -e /work/go ]; do usleep 20000; done; "
        "echo is $TOKEN; touch /work/told; exec sleep 600'\n"
        "  ensure: {name: end, secrets: [TOKEN], config: {run: 'echo length ${#TOKEN}'}}\n",
        "a | begun");
    let_go(true);
    wait_for_file("told");
    EXPECT(0, "", "cancel", "ends-secret", "--no-wait");
    EXPECT(130, "end | length 9", "resume", "ends-secret", "--plain");
    char *log = log_of("ends-secret", "a");
    assert_string_equal(log, "begun\nis ***\n");
    free(log);
    run_group_assert_clean(daemon);
}

static void test_resume__leaves_a_run_as_it_is_without_containerd(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    run_and_kill("no-daemon", HEAD GATED("a", ""), "a | begun");
    private_containerd_stop(daemon);
    EXPECT(125, "", "resume", "no-daemon", "--plain");
    EXPECT(0, "interrupted", "show", "no-daemon");
    private_containerd_start(daemon);
    let_go(true);
    EXPECT(0, "a | a-ended", "resume", "no-daemon", "--plain");
    run_group_assert_clean(daemon);
}

static void test_resume__is_what_wfe_run_speaks_of(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_command_result result;
    run_and_kill("spoken-of", HEAD STEP("a", "echo begun; sleep 1"), "a | begun");
    result = run_group_text(HEAD "    - {name: b, config: {run: echo other}}\n");
    run_group_expect(&result, 0, "b | other");
    assert_non_null(strstr(result.err, "interrupted: spoken-of; go on with: wfe resume spoken-of"));
    wfe_command_result_done(&result);
    EXPECT(0, "run spoken-of goes on", "resume", "--all");
    run_group_assert_clean(daemon);
}

/* ---- steps on this machine ---- */

/* One that nobody has waited for yet does not. */
static bool runs(const char *pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", atoi(pid));
    FILE *file = fopen(path, "r");
    bool read = file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    if (file)
        fclose(file);
    return read && state != 'Z';
}

static void test_resume__kills_what_a_shell_step_left(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char workflow[] =
        HEAD "    - name: a\n      retry: {max: 1, interval: 10ms, on: [infrastructure]}\n"
             "      config:\n        run: 'echo begun; [ -e shell-again ] && exit 0; "
             "touch shell-again; sleep 600 & echo $! > shell-pid; setsid sleep 600'\n";
    run_and_kill("shell", workflow, "a | begun");
    wait_for_file("shell-pid");
    char *pid = run_group_read("shell-pid");
    assert_true(runs(pid));
    EXPECT(0, "a: runs, attempt 2", "resume", "shell", "--plain");
    assert_false(runs(pid));
    free(pid);
    run_and_kill("shell-fails", HEAD "    - {name: a, config: {run: 'echo begun; sleep 600'}}\n",
                 "a | begun");
    EXPECT(125, "the wfe that ran it was killed", "resume", "shell-fails", "--plain");
    run_group_assert_clean(daemon);
}

/* As when wfe is killed between the record of the start and the start: nothing runs, and nothing
 * says that anything ever did. */
static void undo_start_of_shell(private_containerd *daemon, const char *pid_file)
{
    char pattern[160];
    glob_t notes;
    char *pid = run_group_read(pid_file);
    kill((pid_t)atoi(pid), SIGKILL);
    free(pid);
    snprintf(pattern, sizeof pattern, "%s/runs/*/*.shell", daemon->io_dir);
    assert_int_equal(glob(pattern, 0, NULL, &notes), 0);
    assert_int_equal(notes.gl_pathc, 1);
    unlink(notes.gl_pathv[0]);
    globfree(&notes);
}

static void test_resume__of_a_cancelled_run_starts_no_shell_step(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run_and_kill("not-noted",
                 HEAD "    - name: a\n      config: {run: 'echo $$ > not-noted; echo begun; "
                      "exec sleep 600'}\n      ensure: {name: end, config: {run: echo ensured}}\n",
                 "a | begun");
    undo_start_of_shell(daemon, "not-noted");
    EXPECT(0, "", "cancel", "not-noted", "--no-wait");
    EXPECT(130, "end | ensured", "resume", "not-noted", "--plain");
    EXPECT(0, "\"attempt\":1,\"container\":null,\"exit_code\":null", "show", "not-noted", "--json");
    run_group_assert_clean(daemon);
}

/* ---- services ---- */

#define SERVICE(script)                                                                            \
    "workflow:\n  id: test\n  version: 1\n  services:\n    db:\n      image: busybox\n"            \
    "      command: [sh, -c, '" script "']\n      readiness: {log: serving}\n  steps:\n"

static void test_resume__adopts_services_and_their_network(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    wfe_command *run = START(
        "run",
        run_group_file("workflow.yaml",
                       SERVICE("echo serving; while :; do echo from-$HOSTNAME-$$ | nc -l -p 5000; "
                               "done") GATED("a", "")
                           STEP("b", "nc 127.0.0.1 5000 </dev/null | grep from-")),
        "--name", "services");
    wfe_command_wait_for(run, "a | begun");
    kill_it(run);
    let_go(true);
    wfe_command_result result;
    run = START("resume", "services", "--plain");
    wfe_command_wait(run, &result);
    run_group_expect(&result, 0, "b | from-");
    run_group_expect(&result, 0, "db: (service) ready already");
    wfe_command_result_done(&result);
    char *log = log_of("services", "service:db");
    assert_int_equal(count(log, "serving"), 1);
    free(log);
    run_group_assert_clean(daemon);
}

static void wait_for_task(private_containerd *daemon, const char *state)
{
    const char *const args[] = {"tasks", "ls", NULL};
    for (int waited_ms = 0;; waited_ms += 100) {
        char *list = NULL;
        assert_int_equal(private_containerd_ctr(daemon, "default", args, &list), 0);
        bool found = strstr(list, state) != NULL;
        free(list);
        if (found)
            return;
        if (waited_ms > LIMIT_MS)
            fail_msg("no task is %s", state);
        usleep(100000);
    }
}

static void test_resume__a_service_that_died_meanwhile_fails_the_run(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    wfe_command *run = START(
        "run",
        run_group_file("workflow.yaml", SERVICE("echo serving; sleep 4; exit 3") GATED("a", "")),
        "--name", "dead-service");
    wfe_command_wait_for(run, "a | begun");
    kill_it(run);
    wait_for_task(daemon, "STOPPED");
    EXPECT(1, "service 'db' ended with exit code 3", "resume", "dead-service", "--plain");
    run_group_assert_clean(daemon);
}

/* ---- runs that are over ---- */

static void test_resume__of_a_suspended_run_keeps_what_succeeded(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char workflow[] =
        HEAD "    - {name: a, config: {run: 'echo ran >> a.txt; echo \"##wfe[output v=7]\"'}}\n"
             "    - name: b\n      error_behavior: {type: suspend}\n"
             "      config: {run: 'echo v is $V; test -e mended'}\n"
             "    - {name: c, config: {run: 'echo after $V'}}\n";
    char file[128]; /* the other one is static */
    snprintf(file, sizeof file, "%s", run_group_file("workflow.yaml", workflow));
    EXPECT(1, "suspended", "run", file, "--name", "waiting", "--plain");
    EXPECT(1, "suspended", "resume", "waiting", "--plain");
    run_group_file("mended", "");
    EXPECT(0, "c | after 7", "run", file, "--resume", "--plain");
    EXPECT(0, "succeeded", "show", "waiting");
    EXPECT(0, "3 ok", "show", "waiting");
    char *ran = run_group_read("a.txt");
    assert_string_equal(ran, "ran\n");
    free(ran);
    EXPECT(0, "c | after 7", "resume", "waiting", "--from", "b", "--plain");
    EXPECT(0, "a: ok already", "resume", "waiting", "--from", "c", "--plain");
    EXPECT(2, "", "resume", "waiting", "--from", "x");
    ran = run_group_read("a.txt");
    assert_string_equal(ran, "ran\n");
    free(ran);
    EXPECT(0, "", "resume", "waiting", "--from", "a", "--plain");
    ran = run_group_read("a.txt");
    assert_string_equal(ran, "ran\nran\n");
    free(ran);
    run_group_assert_clean(daemon);
}

/* Services are adopted also by a run that only stops. */
static void test_resume__of_a_cancelled_run_stops_its_services(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    wfe_command *run = START(
        "run", run_group_file("workflow.yaml", SERVICE("echo serving; sleep 600") GATED("a", "")),
        "--name", "stops-services");
    wfe_command_wait_for(run, "a | begun");
    kill_it(run);
    EXPECT(0, "", "cancel", "stops-services", "--no-wait");
    EXPECT(130, "cancelled", "resume", "stops-services", "--plain");
    run_group_assert_clean(daemon);
}

/* Its second life goes on with the log of the first one, and is taken over in the middle. */
static void test_resume__of_a_service_that_began_anew_keeps_its_whole_log(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    wfe_command *run = START(
        "run",
        run_group_file(
            "workflow.yaml",
            SERVICE(
                "echo serving; i=0; while :; do echo line-$i; i=$((i+1)); "
                "usleep 50000; done") "    - name: a\n      type: containerd\n"
                                      "      config:\n        image: busybox\n        user: '0'\n"
                                      "        volumes: ['.:/work']\n"
                                      "        run: '[ -e /work/second-life ] || { sleep 1; exit "
                                      "1; }; "
                                      "until [ -e /work/go ]; do usleep 20000; done'\n"),
        "--name", "two-lives", "--plain");
    wfe_command_result result;
    wfe_command_wait(run, &result);
    run_group_expect(&result, 1, "db | line-9");
    wfe_command_result_done(&result);
    run_group_file("second-life", "");
    run = START("resume", "two-lives", "--plain");
    wfe_command_wait_for(run, "db | line-5");
    kill_it(run);
    run = START("resume", "two-lives", "--plain");
    wfe_command_wait_for(run, "db | line-50");
    let_go(true);
    wfe_command_wait(run, &result);
    run_group_expect(&result, 0, "db: (service) ready already");
    wfe_command_result_done(&result);
    char *log = log_of("two-lives", "service:db"), *at = log, *line;
    for (int lives = 0, n = 0; (line = strsep(&at, "\n")) && *line;) {
        if (strcmp(line, "serving") == 0) {
            assert_true(++lives <= 2);
            n = 0;
        } else if (strncmp(line, "line-", 5) != 0 || atoi(line + 5) != n++) {
            fail_msg("line %d of life %d is %s", n, lives, line);
        }
    }
    free(log);
    run_group_assert_clean(daemon);
}

/* The one after it in the workflow is taken over all the same, to be stopped. */
static void test_resume__a_service_that_vanished_leaves_no_other_one(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    run_and_kill("vanished-service",
                 "workflow:\n  id: test\n  version: 1\n  services:\n"
                 "    db: {image: busybox, command: [sleep, '600'], grace: 1s}\n"
                 "    web: {image: busybox, command: [sleep, '600'], grace: 1s}\n"
                 "  steps:\n" GATED("a", ""),
                 "a | begun");
    make_vanish(daemon, "-db-");
    EXPECT(1, "is gone", "resume", "vanished-service", "--plain");
    run_group_assert_clean(daemon);
}

/* Nothing but them was left: the run is at its end before they are taken over. */
static void test_resume__of_a_cancelled_run_that_was_at_its_end_stops_its_services(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_command *run =
        START("run",
              run_group_file("workflow.yaml",
                             "workflow:\n  id: test\n  version: 1\n  services:\n    db:\n"
                             "      image: busybox\n      grace: 1s\n      readiness: {log: "
                             "serving}\n      command: [sh, -c, 'trap \"echo asked\" TERM; echo "
                             "serving; while :; do sleep 1; done']\n"
                             "  steps:\n    - {name: a, config: {run: echo ran}}\n"),
              "--name", "ending-services", "--plain");
    wfe_command_wait_for(run, "db | asked");
    kill_it(run);
    EXPECT(0, "", "cancel", "ending-services", "--no-wait");
    EXPECT(0, "a: ok already", "resume", "ending-services", "--plain");
    run_group_assert_clean(daemon);
    EXPECT(0, "stopped", "show", "ending-services");
}

static void test_resume__all_takes_every_interrupted_run(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    let_go(false);
    run_and_kill("one", HEAD GATED("a", ""), "a | begun");
    run_and_kill("two", HEAD GATED("b", ""), "b | begun");
    let_go(true);
    EXPECT(0, "one: a | a-ended", "resume", "--all");
    EXPECT(0, "succeeded", "show", "one");
    EXPECT(0, "succeeded", "show", "two");
    EXPECT(0, "", "resume", "--all");
    run_group_assert_clean(daemon);
}

/* Their lines come in any order, and each says whose it is. */
static void test_resume__all_tells_which_run_an_event_is_of(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    int n_outputs = 0;
    let_go(false);
    run_and_kill("first", HEAD GATED("a", ""), "a | begun");
    run_and_kill("second", HEAD GATED("b", ""), "b | begun");
    let_go(true);
    const char *const args[] = {"resume", "--all", "--json", NULL};
    wfe_command_result result = run_group_run_in(WFE_BUILD_DIR, NULL, args);
    run_group_expect(&result, 0, "");
    for (char *at = result.out, *line; (line = strsep(&at, "\n")) && *line;) {
        json_t *json = json_loads(line, 0, NULL);
        const char *run = json_string_value(json_object_get(json, "run"));
        const char *step = json_string_value(json_object_get(json, "step"));
        assert_non_null(run);
        if (step)
            assert_string_equal(run, strcmp(step, "a") == 0 ? "first" : "second");
        n_outputs += step && json_object_get(json, "line");
        json_decref(json);
    }
    assert_int_equal(n_outputs, 2);
    wfe_command_result_done(&result);
    run_group_assert_clean(daemon);
}

/* ---- at any moment ---- */

static const char everything[] =
    "workflow:\n  id: test\n  version: 1\n  shared_volume: {mount_path: /shared}\n"
    "  services:\n    db:\n      image: busybox\n"
    "      command: [sh, -c, 'echo serving; while :; do echo alive | nc -l -p 5000; done']\n"
    "      readiness: {log: serving}\n"
    "  ensure: {name: at-end, type: containerd, config: {image: busybox, run: echo over}}\n"
    "  steps:\n" STEP("one", "echo 1; echo \"##wfe[output one=1]\"; echo 1 >> /shared/one") STEP(
        "two",
        "seq 1 500; nc 127.0.0.1 5000 < /dev/null") "      ensure: {name: two-ensure, type: "
                                                    "containerd, config: {image: busybox, run: "
                                                    "echo two}}\n"
                                                    "    - name: wide\n      parallel:\n"
                                                    "        - {name: w1, type: containerd, "
                                                    "config: {image: busybox, run: 'seq 1 300'}}\n"
                                                    "        - {name: w2, type: containerd, "
                                                    "config: {image: busybox, run: 'echo $ONE; seq "
                                                    "1 300 >&2'}}\n"
                                                    "        - {name: w3, type: containerd, "
                                                    "config: {image: busybox, run: 'usleep 300000; "
                                                    "echo w3'}}\n"
                                                    "    - name: again\n      type: containerd\n   "
                                                    "   retry: {max: 2, interval: 300ms}\n"
                                                    "      config: {image: busybox, run: 'test -e "
                                                    "/shared/again || { touch /shared/again; exit "
                                                    "1; }'}\n" STEP(
                                                        "last", "wc -l < /shared/one; echo last");

static unsigned points(void)
{
    const char *text = getenv("WFE_TEST_KILLS"); /* for a longer look */
    return text ? (unsigned)atoi(text) : 8;
}

static void check_everything(const char *name)
{
    char wanted[2048] = "", *log;
    for (int i = 1; i <= 300; i++)
        sprintf(wanted + strlen(wanted), "%d\n", i);
    log = log_of(name, "w1");
    assert_string_equal(log, wanted);
    free(log);
    log = log_of(name, "w3");
    assert_string_equal(log, "w3\n");
    free(log);
    log = log_of(name, "last");
    assert_string_equal(log, "1\nlast\n");
    free(log);
    log = log_of(name, "two-ensure");
    assert_string_equal(log, "two\n");
    free(log);
}

static void test_resume__after_a_kill_at_any_moment(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char file[128], name[32];
    snprintf(file, sizeof file, "%s", run_group_file("workflow.yaml", everything));
    for (unsigned i = 0; i < points(); i++) {
        snprintf(name, sizeof name, "any-%u", i);
        wfe_command *run = START("run", file, "--name", name, "--plain", "--jobs", "3");
        wfe_command_wait_for(run, "test: run");
        for (int kills = 0; kills < 3; kills++) {
            usleep(1000 * ((i * 137 + (unsigned)kills * 311) % 1100));
            kill_it(run);
            run = START("resume", name, "--plain");
            wfe_command_wait_for(run, name);
        }
        wfe_command_result result;
        wfe_command_wait(run, &result);
        if (result.exit_code != 0)
            fail_msg("killed at point %u: %d\n%s%s", i, result.exit_code, result.out, result.err);
        wfe_command_result_done(&result);
        check_everything(name);
        run_group_assert_clean(daemon);
    }
}

static int setup(void **state)
{
    return run_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume__waits_for_a_container_that_runs),
        cmocka_unit_test(test_resume__collects_what_ended_meanwhile),
        cmocka_unit_test(test_resume__every_number_of_a_counter_is_there_once),
        cmocka_unit_test(test_resume__adopts_a_step_whose_volume_is_gone_meanwhile),
        cmocka_unit_test(test_resume__adopts_steps_that_run_side_by_side),
        cmocka_unit_test(test_resume__goes_on_sleeping_before_a_retry),
        cmocka_unit_test(test_resume__goes_on_in_a_hook),
        cmocka_unit_test(test_resume__a_container_that_vanished_is_a_failure_that_may_be_retried),
        cmocka_unit_test(test_resume__a_run_that_was_being_cancelled_goes_on_being_cancelled),
        cmocka_unit_test(test_resume__can_be_cancelled),
        cmocka_unit_test(test_resume__does_what_cancel_has_asked_for),
        cmocka_unit_test(test_resume__takes_the_wish_that_was_acted_on_for_the_same_one),
        cmocka_unit_test(test_resume__of_a_run_that_is_to_end_reads_its_secrets),
        cmocka_unit_test(test_resume__leaves_a_run_as_it_is_without_containerd),
        cmocka_unit_test(test_resume__is_what_wfe_run_speaks_of),
        cmocka_unit_test(test_resume__kills_what_a_shell_step_left),
        cmocka_unit_test(test_resume__of_a_cancelled_run_starts_no_shell_step),
        cmocka_unit_test(test_resume__adopts_services_and_their_network),
        cmocka_unit_test(test_resume__a_service_that_died_meanwhile_fails_the_run),
        cmocka_unit_test(test_resume__of_a_service_that_began_anew_keeps_its_whole_log),
        cmocka_unit_test(test_resume__a_service_that_vanished_leaves_no_other_one),
        cmocka_unit_test(test_resume__of_a_suspended_run_keeps_what_succeeded),
        cmocka_unit_test(test_resume__of_a_cancelled_run_stops_its_services),
        cmocka_unit_test(test_resume__of_a_cancelled_run_that_was_at_its_end_stops_its_services),
        cmocka_unit_test(test_resume__all_takes_every_interrupted_run),
        cmocka_unit_test(test_resume__all_tells_which_run_an_event_is_of),
        cmocka_unit_test(test_resume__after_a_kill_at_any_moment),
    };
    return cmocka_run_group_tests_name("resume", tests, setup, run_group_teardown);
}
