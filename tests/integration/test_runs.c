/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that are recorded, as a user sees them from other processes: lists, logs, cancelling,
 * running again, forgetting. Steps are of the shell, so that no containerd is needed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fixtures/run_state.h"
#include "fixtures/wfe_assert.h"
#include "workflow/plan.h"

static const char build[] = RUN_HEAD(
    "build") "  inputs: {ref: string}\n"
             "  steps:\n" RUN_STEP("compile", "echo built ((ref)); echo \"##wfe[output v=1]\"")
                 RUN_STEP("test", "echo out; echo bad thing >&2; exit 3");

/* ---- looking ---- */

static void test_runs__a_failed_run_says_why(void **state)
{
    (void)state;
    run_state_expect(1, "run build-1 failed", "run", run_state_file("w.yaml", build), "-i",
                     "ref=main");
    run_state_expect(0, "build-1  failed", "runs");
    run_state_expect(0, "bad thing", "show", "build-1");
    run_state_expect(0, "step test failed with exit code 3", "show", "build-1");
    json_t *run = run_state_json("show", "build-1");
    assert_string_equal(run_state_text(run, "state"), "failed");
    assert_string_equal(run_state_text(run, "inputs.ref"), "main");
    assert_string_equal(run_state_text(run, "steps.0.step"), "compile");
    assert_string_equal(run_state_text(run, "steps.0.state"), "succeeded");
    assert_string_equal(run_state_text(run, "steps.1.cause"), "exit");
    assert_int_equal(json_integer_value(wfe_plan_lookup(run, "steps.1.exit_code")), 3);
    assert_string_equal(run_state_text(run, "failure.step"), "test");
    assert_string_equal(run_state_text(run, "failure.stream"), "stderr");
    assert_string_equal(run_state_text(run, "failure.last_lines.0"), "bad thing");
    assert_int_equal(strlen(run_state_text(run, "run_id")), 36);
    /* The id and its beginning name it, too. */
    char beginning[9];
    snprintf(beginning, sizeof beginning, "%s", run_state_text(run, "run_id"));
    run_state_expect(0, "build-1", "show", beginning);
    json_decref(run);
    run_state_expect(2, "there is no run 'build-2'", "show", "build-2");
}

static void test_runs__the_list_is_filtered(void **state)
{
    (void)state;
    const char *file = run_state_file("w.yaml", RUN_HEAD("ok") "  steps:\n" RUN_STEP("a", "true"));
    run_state_expect(0, "no runs", "runs"); /* nothing was ever recorded */
    run_state_expect(0, "", "run", file);
    run_state_expect(0, "", "run", file, "--name", "nightly");
    run_state_expect(1, "", "run", run_state_file("w.yaml", build), "-i", "ref=x");
    run_state_expect(2, "'a b'", "run", run_state_file("w.yaml", build), "--name", "a b");
    json_t *runs = run_state_json("runs");
    assert_int_equal(json_array_size(runs), 3);
    assert_string_equal(run_state_text(json_array_get(runs, 0), "run"), "build-1");
    assert_string_equal(run_state_text(json_array_get(runs, 2), "run"), "ok-1");
    json_decref(runs);
    run_state_expect(0, "nightly\nok-1\n", "runs", "-q", "--workflow", "ok");
    run_state_expect(0, "build-1\n", "runs", "-q", "--state", "failed", "--since", "1h");
    run_state_expect(0, "build-1\n", "runs", "-q", "--limit", "1");
    run_state_expect(2, "--state is 'bad'", "runs", "--state", "bad");
}

/* ---- logs ---- */

static void expect_bytes(const char *stdout_text, const char *stderr_text, const char *const *args)
{
    wfe_command_result result = run_state_run_in(WFE_BUILD_DIR, args);
    assert_string_equal(result.out, stdout_text);
    assert_string_equal(result.err, stderr_text);
    assert_int_equal(result.exit_code, 0);
    wfe_command_result_done(&result);
}

#define EXPECT_BYTES(out, err, ...)                                                                \
    expect_bytes((out), (err), (const char *const[]){"logs", __VA_ARGS__, NULL})

static void test_runs__logs_are_the_bytes_of_a_step_or_lines_of_all(void **state)
{
    (void)state;
    run_state_expect(1, "", "run", run_state_file("w.yaml", build), "-i", "ref=main");
    EXPECT_BYTES("out\n", "bad thing\n", "build-1", "test");
    EXPECT_BYTES("", "bad thing\n", "build-1", "test", "--stderr");
    EXPECT_BYTES("out\n", "", "build-1", "test", "--stdout", "--follow");
    run_state_expect(0, "compile | built main\n", "logs", "build-1");
    run_state_expect(0, "test | bad thing\n", "logs", "build-1", "--since", "1h");
    EXPECT_BYTES("", "", "build-1", "--since", "1ms");
    run_state_expect(0, "\"stream\":\"stderr\"", "logs", "build-1", "--json");
    run_state_expect(2, "has no step 'nope'", "logs", "build-1", "nope");
}

static void test_runs__logs_of_a_block_are_those_of_its_children(void **state)
{
    (void)state;
    const char *file =
        run_state_file("w.yaml", RUN_HEAD("block") "  steps:\n"
                                                   "    - name: both\n      parallel:\n"
                                                   "        - {name: a, config: {run: echo A}}\n"
                                                   "        - {name: b, config: {run: echo B}}\n"
                                                   "    - {name: c, config: {run: echo C}}\n");
    run_state_expect(0, "", "run", file);
    wfe_command_result result = run_state_run("logs", "block-1", "both");
    assert_contains(result.out, "a | A\n");
    assert_contains(result.out, "b | B\n");
    assert_null(strstr(result.out, "C"));
    wfe_command_result_done(&result);
}

/* Every number once and in order, whoever reads and from when on. */
static void test_runs__followers_get_every_line_once_until_the_end(void **state)
{
    (void)state;
    enum { N = 400 };
    const char *file = run_state_file(
        "w.yaml",
        RUN_HEAD("count") "  steps:\n" RUN_STEP(
            "a", "for i in $(seq 400); do echo $i; test $((i % 50)) = 0 && sleep 0.1; done; true")
            RUN_STEP("b", "printf end >&2"));
    wfe_command *run = run_state_start("run", file);
    run_state_wait("count-1", "open");
    wfe_command *all = run_state_start("logs", "-f", "count-1");
    wfe_command *one = run_state_start("logs", "-f", "count-1", "a");
    wfe_command_result result, lines;
    wfe_command_wait(one, &result);
    wfe_command_wait(all, &lines);
    const char *raw = result.out, *prefixed = lines.out;
    for (int i = 1; i <= N; i++) {
        char number[16], line[32];
        int len = snprintf(number, sizeof number, "%d\n", i);
        snprintf(line, sizeof line, "a | %s", number);
        if (strncmp(raw, number, (size_t)len) != 0)
            fail_msg("expected %d at '%.20s'", i, raw);
        raw += len;
        prefixed = strstr(prefixed, line);
        assert_non_null(prefixed);
    }
    assert_string_equal(raw, "");
    assert_contains(lines.out, "b | end\n");
    wfe_command_result_done(&result);
    wfe_command_result_done(&lines);
    wfe_command_wait(run, &result);
    assert_int_equal(result.exit_code, 0);
    wfe_command_result_done(&result);
}

static void test_runs__logs_are_cut_at_their_limits_and_say_so(void **state)
{
    (void)state;
    const char *file = run_state_file(
        "w.yaml",
        RUN_HEAD("big") "  steps:\n" RUN_STEP("a", "head -c 100000 /dev/zero | tr \"\\\\0\" x"));
    run_state_expect(0, "", "run", file, "--max-step-log", "10k");
    wfe_command_result result = run_state_run("logs", "big-1", "a");
    assert_int_equal(result.out_len, 10 * 1024);
    assert_contains(result.err, "89760 bytes of stdout were not kept");
    wfe_command_result_done(&result);
}

/* ---- what is recorded ---- */

static void test_runs__an_edited_file_changes_nothing_of_what_is_recorded(void **state)
{
    (void)state;
    run_state_file("more.yaml", "workflows:\n  - id: sub\n    version: 1\n    steps:\n"
                                "      - {name: a, config: {run: echo before; pwd}}\n");
    run_state_file(
        "w.yaml",
        "include: [more.yaml]\n" RUN_HEAD(
            "top") "  steps:\n    - {name: sub, type: workflow, config: {workflow: sub}}\n");
    run_state_expect(0, "sub/a | before", "run", "w.yaml");
    run_state_file("w.yaml", "no workflow any more");
    run_state_file("more.yaml", "nothing");
    run_state_expect(0, "sub/a | before", "rerun", "top-1", "--plain");
    json_t *again = run_state_json("show", "top-2");
    json_t *first = run_state_json("show", "top-1");
    assert_string_equal(run_state_text(again, "rerun_of"), run_state_text(first, "run_id"));
    assert_string_equal(run_state_text(again, "definition"), run_state_text(first, "definition"));
    json_decref(again);
    json_decref(first);
    /* In the folder where it ran. */
    EXPECT_BYTES("", "", "top-2", "sub/a", "--stderr");
    run_state_expect(0, run_state_files, "logs", "top-2", "sub/a");
}

static void assert_not_below(const char *text)
{
    char command[256];
    snprintf(command, sizeof command, "grep -rqa '%s' %s", text, run_state_dir);
    if (system(command) == 0)
        fail_msg("'%s' is in the state directory", text);
}

/* The step never runs: what matters is what is stored before. */
static void test_runs__secrets_are_not_stored(void **state)
{
    (void)state;
    run_state_more_env = "TOKEN=correct-horse-battery";
    const char *file = run_state_file(
        "w.yaml",
        RUN_HEAD(
            "secret") "  inputs: {password: string, ref: string}\n"
                      "  secrets: {TOKEN: {env: TOKEN}}\n"
                      "  steps:\n"
                      "    - {name: a, secrets: [TOKEN], config: {run: 'echo $TOKEN; exit 1'}}\n"
                      "    - name: b\n      type: containerd\n      config:\n"
                      "        image: localhost:1/x\n        run: 'true'\n        registry_auth:\n"
                      "          localhost:1: {username: me, password: ((password))}\n");
    run_state_expect(1, "", "run", file, "-i", "password=staple-and-paper", "-i", "ref=main");
    assert_not_below("correct-horse-battery");
    assert_not_below("staple-and-paper");
    json_t *run = run_state_json("show", "secret-1");
    assert_string_equal(run_state_text(run, "secret_inputs.0"), "password");
    assert_string_equal(run_state_text(run, "inputs.ref"), "main");
    json_decref(run);
    run_state_expect(2, "-i password=...", "rerun", "secret-1");
    run_state_expect(2, "input 'password' of the run 'secret-1' must be UTF-8", "rerun", "secret-1",
                     "-i", "password=\xff");
    run_state_expect(1, "run secret-2 failed", "rerun", "secret-1", "-i",
                     "password=staple-and-paper");
    run_state_file("inputs.yaml", "password: staple-and-paper\n");
    run_state_expect(1, "run secret-3 failed", "rerun", "secret-2", "--input-file", "inputs.yaml");
    assert_not_below("staple-and-paper");
}

static void test_runs__without_a_store_nothing_is_left(void **state)
{
    (void)state;
    const char *file = run_state_file("w.yaml", RUN_HEAD("ok") "  steps:\n" RUN_STEP("a", "true"));
    char path[96];
    run_state_expect(0, "succeeded", "run", file, "--no-store");
    snprintf(path, sizeof path, "%s/wfe.db", run_state_dir);
    assert_int_equal(access(path, F_OK), -1);
    /* Nor of a run that could not begin. */
    run_state_expect(2, "/nonexistent", "run", file, "--report", "/nonexistent/r.html");
    run_state_expect(0, "no runs", "runs");
}

/* ---- acting ---- */

static const char sleeper[] =
    RUN_HEAD("sleep") "  ensure: {name: end, config: {run: 'echo ensured; exec sleep ((end))'}}\n"
                      "  inputs: {end: integer}\n"
                      "  steps:\n" RUN_STEP("a", "exec sleep 60");

static void test_runs__cancel_ends_a_run_of_another_process(void **state)
{
    (void)state;
    wfe_command_result result;
    wfe_command *run = run_state_start("run", run_state_file("w.yaml", sleeper), "-i", "end=0");
    run_state_wait("sleep-1", "running");
    run_state_expect(2, "under way", "rm", "sleep-1");
    run_state_expect(0, "sleep-1: cancelled", "cancel", "sleep-1");
    wfe_command_wait(run, &result);
    assert_int_equal(result.exit_code, 130);
    assert_contains(result.out, "end | ensured");
    wfe_command_result_done(&result);
    run_state_expect(2, "is over: cancelled", "cancel", "sleep-1");
    run_state_expect(0, "sleep-1", "rm", "sleep-1");
    run_state_expect(2, "there is no run", "show", "sleep-1");
}

static void test_runs__cancel_kills_hooks_that_take_too_long(void **state)
{
    (void)state;
    wfe_command_result result;
    wfe_command *run = run_state_start("run", run_state_file("w.yaml", sleeper), "-i", "end=60");
    run_state_wait("sleep-1", "running");
    json_t *ended = run_state_json("cancel", "sleep-1", "--kill-after", "300ms");
    assert_string_equal(run_state_text(ended, "state"), "cancelled");
    json_decref(ended);
    wfe_command_wait(run, &result);
    assert_int_equal(result.exit_code, 130);
    wfe_command_result_done(&result);
}

static void test_runs__a_run_whose_wfe_was_killed_is_interrupted(void **state)
{
    (void)state;
    wfe_command_result result;
    wfe_command *run = run_state_start(
        "run",
        run_state_file("w.yaml", RUN_HEAD("die") "  steps:\n" RUN_STEP("a", "kill -9 $PPID")));
    wfe_command_wait(run, &result);
    assert_int_equal(result.exit_code, 128 + SIGKILL);
    wfe_command_result_done(&result);
    run_state_wait("die-1", "interrupted");
    run_state_expect(0, "wfe resume die-1", "show", "die-1");
    run_state_expect(2, "can be continued", "rm", "die-1");
    run_state_expect(0, "die-1", "rm", "--force", "die-1");
    run_state_expect(0, "no runs", "runs");
}

/* ---- what gc takes ---- */

static void kill_a_run(const char *name)
{
    wfe_command_result result;
    const char *file = run_state_file(
        "w.yaml", RUN_HEAD("die") "  steps:\n" RUN_STEP("a", "echo text; exec sleep 3"));
    wfe_command *run = run_state_start("run", file, "--name", name);
    wfe_command_wait_for(run, "a | text");
    kill(wfe_command_pid(run), SIGKILL);
    wfe_command_wait(run, &result);
    assert_int_equal(result.exit_code, 128 + SIGKILL);
    wfe_command_result_done(&result);
}

static void test_runs__resume_says_what_it_cannot_do(void **state)
{
    (void)state;
    run_state_expect(2, "needs the name or the id of a run", "resume");
    run_state_expect(2, "--all takes no RUN", "resume", "--all", "some");
    run_state_expect(2, "either --json or --plain", "resume", "x", "--json", "--plain");
    run_state_expect(2, "", "resume", "nothing");
    run_state_expect(0, "", "resume", "--all");
    const char *file =
        run_state_file("w.yaml", RUN_HEAD("done") "  steps:\n" RUN_STEP("a", "true"));
    run_state_expect(0, "run done-1 succeeded", "run", file, "--resume");
    run_state_expect(0, "nothing to do", "resume", "done-1");
    run_state_expect(0, "\"state\":\"succeeded\"", "resume", "done-1", "--json");
    run_state_expect(2, "no step 'b'", "resume", "done-1", "--from", "b");
    run_state_expect(2, "--from must be UTF-8 text", "resume", "done-1", "--from", "\xff");
    run_state_expect(0, "a: ok", "resume", "done-1", "--from", "a", "--plain");
    run_state_expect(2, "--resume cannot be given", "run", file, "--resume", "--no-store");
}

/* What was recorded is told again, and is no new record. */
static void test_runs__resume_tells_what_was_recorded(void **state)
{
    (void)state;
    static const char workflow[] = RUN_HEAD("again") "  steps:\n" RUN_STEP("a", "echo one")
        RUN_STEP("b", "echo begun; test -e mended");
    const char *file = run_state_file("again.yaml", workflow);
    run_state_expect(1, "run again-1 failed", "run", file);
    run_state_file("mended", "");
    run_state_expect(0, "\"recorded\":true", "resume", "again-1", "--json");
    run_state_expect(0, "a: ok already", "resume", "again-1", "--from", "b", "--plain");
    json_t *show = run_state_json("show", "again-1");
    assert_string_equal(run_state_text(show, "state"), "succeeded");
    json_decref(show);
    run_state_expect(0, "one", "logs", "again-1", "a");
}

#define AGAIN(commands)                                                                            \
    RUN_HEAD("again")                                                                              \
    "  ensure: {name: end, config: {run: 'echo ensured'}}\n  steps:\n"                             \
    "    - name: a\n      retry: {max: 1, interval: 10ms, on: [infrastructure]}\n"                 \
    "      config:\n        run: 'test -e again || { touch again; kill -9 $PPID; }; " commands     \
    "'\n"

static void interrupt_runs(const char *text, size_t n)
{
    char again[96];
    const char *file = run_state_file("again.yaml", text);
    snprintf(again, sizeof again, "%s/again", run_state_files);
    for (size_t i = 0; i < n; i++) {
        run_state_expect(128 + SIGKILL, "", "run", file);
        assert_int_equal(unlink(again), 0);
    }
    run_state_file("again", "");
}

/* Of systemd, or of a shell, which know nothing of the processes below. */
static void test_runs__resume_all_passes_a_signal_on(void **state)
{
    (void)state;
    wfe_command_result result;
    interrupt_runs(AGAIN("echo text; exec sleep 60"), 2);
    wfe_command *all = run_state_start("resume", "--all");
    wfe_command_wait_for(all, "again-1: a | text");
    wfe_command_wait_for(all, "again-2: a | text");
    kill(wfe_command_pid(all), SIGTERM);
    wfe_command_wait(all, &result);
    assert_int_equal(result.exit_code, 130);
    assert_contains(result.out, "again-1: end | ensured");
    assert_contains(result.out, "run again-2 cancelled");
    wfe_command_result_done(&result);
    run_state_expect(0, "", "resume", "--all");
}

#define TORN_BYTES 9000
#define TORN_LINES 300

/* A reader that is slow fills the pipe that all of them write to. */
static void test_runs__resume_all_tears_no_line(void **state)
{
    (void)state;
    char command[512];
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf text = WFE_BUF_INIT(0);
    for (size_t i = 0; i < TORN_LINES; i++)
        assert_ok(wfe_buf_printf(&text, &err, "%0*d\n", TORN_BYTES, 0), &err);
    run_state_file("lines", text.data);
    text.len = 0;
    interrupt_runs(AGAIN("cat lines"), 2);
    snprintf(command, sizeof command,
             "cd %s && WFE_STATE_DIR=%s %s/wfe resume --all --json | { sleep 1; cat; } > all.json",
             run_state_files, run_state_dir, WFE_BUILD_DIR);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "%s/all.json", run_state_files);
    assert_ok(wfe_fd_read_file(command, (size_t)64 * 1024 * 1024, &text, &err), &err);
    size_t n = 0;
    for (char *at = text.data, *line; (line = strsep(&at, "\n")) && *line;) {
        json_t *json = json_loads(line, 0, NULL);
        const char *said = json_string_value(json_object_get(json, "line"));
        assert_non_null(json);
        n += said && strlen(said) == TORN_BYTES;
        json_decref(json);
    }
    assert_int_equal(n, 2 * TORN_LINES);
    wfe_buf_done(&text);
}

#define SUSPENDS(id)                                                                               \
    RUN_HEAD(id)                                                                                   \
    "  inputs: {ref: string, n: integer}\n  steps:\n"                                              \
    "    - name: a\n      error_behavior: {type: suspend}\n"                                       \
    "      config: {run: 'echo ((ref)) in $PWD; test -e mended'}\n"

/* Two projects whose workflows have one id: neither goes on with the other's run. */
static void test_runs__run_resume_goes_on_with_a_run_of_its_file_and_folder(void **state)
{
    (void)state;
    char folder[96], one[192], other[192];
    snprintf(folder, sizeof folder, "%s/sub", run_state_files);
    assert_int_equal(mkdir(folder, 0755), 0);
    snprintf(one, sizeof one, "%s", run_state_file("ci.yaml", SUSPENDS("ci")));
    snprintf(other, sizeof other, "%s", run_state_file("sub/ci.yaml", SUSPENDS("ci")));
    run_state_expect(1, "run ci-1 suspended", "run", one, "-i", "ref=main", "-i", "n=1");
    run_state_expect(1, "run ci-2 suspended", "run", other, "--resume", "-i", "ref=main", "-i",
                     "n=1");
    run_state_directory = folder; /* the first file, elsewhere */
    run_state_expect(1, "run ci-3 suspended", "run", one, "--resume", "-i", "ref=main", "-i",
                     "n=1");
    run_state_directory = NULL;
    run_state_file("mended", "");
    run_state_expect(0, "run ci-1 succeeded", "run", "./sub/../ci.yaml", "--resume", "-i",
                     "ref=main", "-i", "n=1");
    run_state_expect(0, "run ci-2 succeeded", "run", "sub/ci.yaml", "--resume", "-i", "ref=main",
                     "-i", "n=1");
}

static void test_runs__inputs_that_differ_from_those_of_a_run_are_refused(void **state)
{
    (void)state;
    char file[192];
    snprintf(file, sizeof file, "%s", run_state_file("ci.yaml", SUSPENDS("ci")));
    run_state_expect(1, "run ci-1 suspended", "run", file, "-i", "ref=main", "-i", "n=1");
    run_state_expect(2, "input 'ref' is \"next\", but the run 'ci-1' was begun with \"main\"",
                     "run", file, "--resume", "-i", "ref=next", "-i", "n=1");
    run_state_expect(2, "begin a new run", "resume", "ci-1", "-i", "n=2");
    run_state_expect(2, "input 'n' is 2, but the run 'ci-1' was begun with 1", "rerun", "ci-1",
                     "-i", "n=2");
    run_state_expect(2, "was begun without an input 'x'", "resume", "ci-1", "-i", "x=2");
    run_state_expect(2, "NAME=VALUE", "resume", "ci-1", "-i", "ref");
    run_state_file("inputs.yaml", "ref: next\nn: 1\n");
    run_state_expect(2, "input 'ref' is \"next\"", "run", file, "--resume", "--input-file",
                     "inputs.yaml");
    /* The last of what is given counts. */
    run_state_expect(1, "run ci-1 suspended", "run", file, "--resume", "--input-file",
                     "inputs.yaml", "-i", "ref=x", "-i", "ref=main");
    run_state_expect(0, "suspended", "show", "ci-1");
}

/* What is only named in texts is no input of the workflow, and belongs to the run all the same. */
static void test_runs__values_that_are_not_declared_are_remembered(void **state)
{
    (void)state;
    const char *file =
        run_state_file("w.yaml", RUN_HEAD("named") "  inputs: {who: string}\n  steps:\n" RUN_STEP(
                                     "a", "echo ((tag)) $WHO ${TAG-unset}; exit 3"));
    run_state_expect(1, "a | v2 me unset", "run", file, "-i", "who=me", "-i", "tag=v2");
    run_state_expect(1, "a | v2 me unset", "rerun", "named-1");
    run_state_expect(1, "a | v2 me unset", "resume", "named-1");
}

static void test_runs__gc_takes_old_runs_and_logs_without_a_run(void **state)
{
    (void)state;
    char folder[160], log[192];
    wfe_error err = WFE_ERROR_INIT;
    run_state_expect(
        0, "", "run",
        run_state_file("w.yaml", RUN_HEAD("ok") "  steps:\n" RUN_STEP("a", "echo text")));
    snprintf(folder, sizeof folder, "%s/runs/nobody", run_state_dir);
    snprintf(log, sizeof log, "%s/a.1.stdout", folder);
    assert_ok(wfe_fd_make_dirs(folder, 0700, &err), &err);
    assert_ok(wfe_fd_write_file(log, "x", 1, 0600, &err), &err);
    run_state_expect(0, "would remove  log        nobody", "gc", "--only-runs", "--dry-run");
    assert_int_equal(access(log, F_OK), 0);
    run_state_expect(0, "removed       log        nobody", "gc", "--only-runs");
    assert_int_equal(access(folder, F_OK), -1);
    /* The run stays, until it is told how old is too old. */
    run_state_expect(0, "nothing to do", "gc", "--only-runs", "--runs-older-than", "1h");
    run_state_expect(0, "a | text", "logs", "ok-1");
    run_state_expect(0, "removed       log ", "gc", "--only-runs", "--max-logs", "1b");
    run_state_expect(0, "ok-1", "runs");
    EXPECT_BYTES("", "", "ok-1");
    run_state_expect(0, "removed       run        ok-1", "gc", "--only-runs", "--runs-older-than",
                     "1ms");
    run_state_expect(0, "no runs", "runs");
}

static void test_runs__gc_takes_what_can_be_continued_only_when_told(void **state)
{
    (void)state;
    char folder[160];
    kill_a_run("first");
    json_t *run = run_state_json("show", "first");
    snprintf(folder, sizeof folder, "%s/io/runs/%s", run_state_files,
             run_state_text(run, "run_id"));
    memmove(strstr(folder, "/files"), strstr(folder, "/io"), strlen(strstr(folder, "/io")) + 1);
    json_decref(run);
    assert_int_equal(access(folder, F_OK), 0);
    run_state_expect(0, "nothing to do", "gc", "--only-runs", "--runs-older-than", "1ms",
                     "--max-logs", "1b");
    run_state_expect(0, "a | text", "logs", "first");
    assert_int_equal(access(folder, F_OK), 0);
    run_state_expect(0, "would remove  run        first", "gc", "--only-runs", "--interrupted",
                     "--dry-run");
    run_state_expect(0, "removed       run        first", "gc", "--only-runs", "--interrupted");
    assert_int_equal(access(folder, F_OK), -1);
    run_state_expect(0, "no runs", "runs");
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_runs__##name, run_state_setup, run_state_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_failed_run_says_why),
        CASE(the_list_is_filtered),
        CASE(logs_are_the_bytes_of_a_step_or_lines_of_all),
        CASE(logs_of_a_block_are_those_of_its_children),
        CASE(followers_get_every_line_once_until_the_end),
        CASE(logs_are_cut_at_their_limits_and_say_so),
        CASE(an_edited_file_changes_nothing_of_what_is_recorded),
        CASE(secrets_are_not_stored),
        CASE(without_a_store_nothing_is_left),
        CASE(cancel_ends_a_run_of_another_process),
        CASE(cancel_kills_hooks_that_take_too_long),
        CASE(a_run_whose_wfe_was_killed_is_interrupted),
        CASE(resume_says_what_it_cannot_do),
        CASE(resume_tells_what_was_recorded),
        CASE(run_resume_goes_on_with_a_run_of_its_file_and_folder),
        CASE(inputs_that_differ_from_those_of_a_run_are_refused),
        CASE(values_that_are_not_declared_are_remembered),
        CASE(resume_all_passes_a_signal_on),
        CASE(resume_all_tears_no_line),
        CASE(gc_takes_old_runs_and_logs_without_a_run),
        CASE(gc_takes_what_can_be_continued_only_when_told),
    };
    return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
