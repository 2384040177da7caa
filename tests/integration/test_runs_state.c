/* SPDX-License-Identifier: Apache-2.0
 *
 * What commands do with a state directory that is old, newer, damaged, full, or cannot be used.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "fixtures/run_state.h"
#include "fixtures/wfe_assert.h"
#include "store/sqlite_priv.h"

#define OK_FILE RUN_HEAD("ok") "  steps:\n" RUN_STEP("a", "echo text")

static const char *db_path(void)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/wfe.db", run_state_dir);
    return path;
}

static wfe_buf read_whole(const char *path)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf text = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_read_file(path, (size_t)64 * 1024 * 1024, &text, &err), &err);
    return text;
}

static void run_sql(const char *sql)
{
    wfe_error err = WFE_ERROR_INIT;
    sqlite3 *db = NULL;
    assert_ok(wfe_sqlite_load(&err), &err);
    assert_ok(wfe_fd_make_dirs(run_state_dir, 0700, &err), &err);
    assert_int_equal(wfe_sqlite.sqlite3_open_v2(db_path(), &db,
                                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
                     SQLITE_OK);
    if (wfe_sqlite.sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", wfe_sqlite.sqlite3_errmsg(db));
    wfe_sqlite.sqlite3_close_v2(db);
}

/* Every command refuses it with the message, and not a byte of the folder's database changes. */
static void assert_refused(const char *message, const char *hint)
{
    const char *file = run_state_file("w.yaml", OK_FILE);
    wfe_buf before = read_whole(db_path());
    run_state_expect(125, message, "run", file);
    run_state_expect(125, hint, "run", file);
    run_state_expect(125, message, "runs");
    run_state_expect(125, message, "show", "ok-1");
    run_state_expect(125, message, "logs", "ok-1");
    run_state_expect(125, message, "cancel", "ok-1");
    run_state_expect(125, message, "rerun", "ok-1");
    run_state_expect(125, message, "rm", "ok-1");
    wfe_buf after = read_whole(db_path());
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    wfe_buf_done(&before);
    wfe_buf_done(&after);
    /* What needs no store goes on. */
    run_state_expect(0, "a | text", "run", file, "--no-store");
}

static void test_runs_state__a_database_of_an_older_wfe_opens(void **state)
{
    (void)state;
    wfe_buf sql = read_whole(WFE_SOURCE_DIR "/tests/fixtures/store_v1.sql");
    run_sql(sql.data);
    wfe_buf_done(&sql);
    run_state_expect(0, "build-and-test-1", "runs");
    run_state_expect(0, "interrupted", "runs");
    json_t *run = run_state_json("show", "build-and-test-1");
    assert_string_equal(run_state_text(run, "state"), "succeeded");
    assert_string_equal(run_state_text(run, "outputs.version"), "1.2");
    json_decref(run);
    run_state_expect(0, "build  ", "show", "bbbb-old-2");
    run_state_expect(0, "run ok-1 succeeded", "run", run_state_file("w.yaml", OK_FILE));
    run_state_expect(0, "build-and-test-1", "rm", "build-and-test-1");
}

static void test_runs_state__a_damaged_database_is_refused_and_stays_as_it_is(void **state)
{
    (void)state;
    run_state_expect(0, "", "run", run_state_file("w.yaml", OK_FILE));
    int fd = open(db_path(), O_WRONLY | O_CLOEXEC);
    static const char garbage[3000] = "garbage";
    assert_int_equal(pwrite(fd, garbage, sizeof garbage, 4096), sizeof garbage);
    close(fd);
    assert_refused("wfe.db is damaged or no database", "keep a copy of it");
}

static void test_runs_state__a_text_is_no_database(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_make_dirs(run_state_dir, 0700, &err), &err);
    assert_ok(wfe_fd_write_file(db_path(), "hello, world", 12, 0600, &err), &err);
    assert_refused("wfe.db is damaged or no database", "keep a copy of it");
}

static void test_runs_state__a_database_of_a_newer_wfe_is_refused(void **state)
{
    (void)state;
    run_state_expect(0, "", "run", run_state_file("w.yaml", OK_FILE));
    run_sql("INSERT INTO schema_version VALUES (999, 0, 'wfe 9')");
    assert_refused("made by a newer wfe", "use the newer wfe");
}

static void test_runs_state__a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_write_file(run_state_dir, "", 0, 0600, &err), &err);
    const char *file = run_state_file("w.yaml", OK_FILE);
    run_state_expect(125, "--no-store", "run", file);
    run_state_expect(125, run_state_dir, "run", file);
    run_state_expect(0, "a | text", "run", file, "--no-store");
    assert_int_equal(unlink(run_state_dir), 0);
    run_state_more_env = "WFE_STATE_DIR=relative";
    run_state_expect(125, "must be an absolute path", "runs");
}

/* What is in a database that opens may be damaged, too, and that is no wrong usage. */
static void test_runs_state__a_damaged_record_is_no_wrong_usage(void **state)
{
    (void)state;
    const char *file =
        run_state_file("w.yaml", RUN_HEAD("bad") "  steps:\n" RUN_STEP("a", "exit 1"));
    run_state_expect(1, "run bad-1 failed", "run", file);
    run_state_expect(2, "no step 'x'", "resume", "bad-1", "--from", "x");
    run_sql("CREATE TABLE kept AS SELECT seq, body FROM event; UPDATE event SET body = '{'");
    run_state_expect(125, "of the run cannot be read", "resume", "bad-1");
    run_sql("UPDATE event SET body = (SELECT body FROM kept WHERE kept.seq = event.seq)");
    run_state_expect(1, "run bad-1 failed", "resume", "bad-1");
    run_sql("UPDATE definition SET body = '{}'");
    run_state_expect(125, "has no files", "resume", "bad-1");
    run_state_expect(125, "has no files", "rerun", "bad-1");
    run_sql("UPDATE definition SET body = '{'");
    run_state_expect(125, "definition of the run 'bad-1' cannot be read", "resume", "bad-1");
    run_state_expect(125, "definition of the run 'bad-1' cannot be read", "rerun", "bad-1");
    run_sql("DELETE FROM definition");
    run_state_expect(125, "definition of the run 'bad-1' is not stored", "resume", "bad-1");
    run_state_expect(125, "definition of the run 'bad-1' is not stored", "rerun", "bad-1");
}

/* The log is what fills it; the run ends, says why, and can be looked at. */
static void test_runs_state__a_full_disk_ends_the_run(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_make_dirs(run_state_dir, 0700, &err), &err);
    if (mount("tmpfs", run_state_dir, "tmpfs", 0, "size=1m,mode=0700")) {
        print_message("cannot mount a tmpfs: %s\n", strerror(errno));
        skip();
    }
    const char *file = run_state_file(
        "w.yaml",
        RUN_HEAD("full") "  steps:\n" RUN_STEP("a", "head -c 3000000 /dev/zero; exec sleep 60"));
    wfe_command_result result = run_state_run("run", file);
    wfe_command_result shown = run_state_run("show", "full-1");
    /* With room again it goes on: the step that was killed has failed. */
    assert_int_equal(mount("tmpfs", run_state_dir, "tmpfs", MS_REMOUNT, "size=32m,mode=0700"), 0);
    wfe_command_result resumed = run_state_run("resume", "full-1");
    umount2(run_state_dir, MNT_DETACH);
    assert_int_equal(resumed.exit_code, 125);
    assert_contains(resumed.out, "the wfe that ran it was killed");
    assert_contains(resumed.out, "run full-1 failed");
    wfe_command_result_done(&resumed);
    assert_int_equal(result.exit_code, 125);
    assert_contains(result.out, "No space left on device");
    assert_int_equal(shown.exit_code, 0);
    assert_contains(shown.out, "interrupted");
    wfe_command_result_done(&result);
    wfe_command_result_done(&shown);
}

/* A step that failed before is not what ended the run: it has not ended. */
static void fill_the_disk_beside_a_failed_step(const char *form, const char *failed,
                                               const char *text)
{
    wfe_command_result result;
    char told[96], report[96];
    snprintf(told, sizeof told, "%s/told", run_state_files);
    snprintf(report, sizeof report, "%s/report.html", run_state_files);
    const char *file = run_state_file(
        "w.yaml", RUN_HEAD("full") "  steps:\n    - name: both\n      parallel:\n"
                                   "        - {name: bad, config: {run: 'exit 3'}}\n"
                                   "        - name: big\n          config:\n            run: |\n"
                                   "              while ! test -e told; do sleep 0.02; done\n"
                                   "              head -c 3000000 /dev/zero; exec sleep 60\n");
    wfe_command *run = run_state_start("run", file, form, "--report", report);
    wfe_command_wait_for(run, failed);
    run_state_file("told", "");
    wfe_command_wait(run, &result);
    wfe_command_result shown = run_state_run("show", "full-1");
    umount2(run_state_dir, MNT_DETACH);
    assert_int_equal(result.exit_code, 125);
    assert_contains(result.out, text);
    assert_null(strstr(result.out, "full-1 failed"));
    assert_contains(shown.out, "state     interrupted");
    wfe_buf page = read_whole(report);
    assert_contains(page.data, ">interrupted<");
    assert_contains(page.data, "go on with: wfe resume full-1");
    wfe_buf_done(&page);
    assert_int_equal(unlink(told), 0);
    wfe_command_result_done(&result);
    wfe_command_result_done(&shown);
}

static void test_runs_state__a_full_disk_interrupts_a_run_with_a_failed_step(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"--plain", "bad: failed", "run full-1 interrupted"},
        {"--plain", "bad: failed", "go on with: wfe resume full-1"},
        {"--json", "\"state\":\"failed\"", "\"state\":\"interrupted\""},
    };
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_make_dirs(run_state_dir, 0700, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (mount("tmpfs", run_state_dir, "tmpfs", 0, "size=1m,mode=0700")) {
            print_message("cannot mount a tmpfs: %s\n", strerror(errno));
            skip();
        }
        fill_the_disk_beside_a_failed_step(cases[i][0], cases[i][1], cases[i][2]);
    }
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_runs_state__##name, run_state_setup, run_state_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_database_of_an_older_wfe_opens),
        CASE(a_damaged_database_is_refused_and_stays_as_it_is),
        CASE(a_text_is_no_database),
        CASE(a_database_of_a_newer_wfe_is_refused),
        CASE(a_folder_that_cannot_be_made_is_told),
        CASE(a_damaged_record_is_no_wrong_usage),
        CASE(a_full_disk_ends_the_run),
        CASE(a_full_disk_interrupts_a_run_with_a_failed_step),
    };
    return cmocka_run_group_tests_name("runs_state", tests, NULL, NULL);
}
