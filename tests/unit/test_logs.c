/* SPDX-License-Identifier: Apache-2.0 */
#include "store/logs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "fixtures/wfe_assert.h"
#include "store/log_name.h"
#include "store/log_reader.h"
#include "store/log_retention.h"

static int make_folder(void **state)
{
    char *folder = strdup("/tmp/wfe-logs-XXXXXX");
    if (!folder || !mkdtemp(folder))
        return -1;
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    int rc = wfe_fd_remove_tree(*state, NULL);
    free(*state);
    return rc;
}

static wfe_logs *open_limited(const char *folder, uint64_t step_max, uint64_t run_max)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = NULL;
    wfe_logs_options options = {
        .state_dir = folder, .run_id = "run", .step_max_bytes = step_max, .run_max_bytes = run_max};
    assert_ok(wfe_logs_open(&options, &logs, &err), &err);
    return logs;
}

static wfe_logs *open_logs(const char *folder)
{
    return open_limited(folder, 0, 0);
}

static void put(wfe_logs *logs, const char *step, unsigned attempt, enum wfe_log_stream stream,
                const char *text)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_logs_write(logs, step, attempt, stream, text, strlen(text), &err), &err);
}

#define OUT(logs, text) put(logs, "a", 1, WFE_LOG_STDOUT, text)
#define ERR(logs, text) put(logs, "a", 1, WFE_LOG_STDERR, text)

static void finish(wfe_logs *logs)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_logs_finish_synced(logs, "a", 1, &err), &err);
    wfe_logs_close(logs);
}

static const char *path_of(const char *folder, const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/runs/run/%s", folder, name);
    return path;
}

static wfe_log_reader *open_reader(wfe_log_reader_options options)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_log_reader *reader = NULL;
    options.run_id = "run";
    if (!options.step)
        options.step = "a";
    if (!options.attempt)
        options.attempt = 1;
    assert_ok(wfe_log_reader_new(&options, &reader, &err), &err);
    return reader;
}

/* Pieces so far as "o:text|e:text|", neighbours of one stream joined; cuts are "o!dropped|". */
static void read_more(wfe_log_reader *reader, wfe_buf *text)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_log_piece piece;
    int rc, last = -1;
    while ((rc = wfe_log_reader_next(reader, &piece, &err)) == 1) {
        char letter = piece.stream == WFE_LOG_STDERR ? 'e' : 'o';
        if (!piece.len)
            assert_ok(
                wfe_buf_printf(text, &err, "%c!%llu|", letter, (unsigned long long)piece.dropped),
                &err);
        else if (last == (int)piece.stream)
            text->len--; /* the bar */
        else
            assert_ok(wfe_buf_printf(text, &err, "%c:", letter), &err);
        if (piece.len) {
            assert_ok(wfe_buf_append(text, piece.bytes, piece.len, &err), &err);
            assert_ok(wfe_buf_append_str(text, "|", &err), &err);
        }
        last = piece.len ? (int)piece.stream : -1;
    }
    assert_ok(rc, &err);
}

static void assert_read(wfe_log_reader_options options, const char *expected)
{
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_log_reader *reader = open_reader(options);
    assert_ok(wfe_buf_append_str(&text, "", NULL), NULL);
    read_more(reader, &text);
    assert_string_equal(text.data, expected);
    wfe_log_reader_free(reader);
    wfe_buf_done(&text);
}

/* ---- writing and reading ---- */

static void test_logs__streams_are_read_in_the_order_in_which_they_were_written(void **state)
{
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "one\n");
    ERR(logs, "two\n");
    OUT(logs, "three ");
    OUT(logs, "four\n");
    ERR(logs, "five\n");
    ERR(logs, "");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state},
                "o:one\n|e:two\n|o:three four\n|e:five\n|");
    assert_read((wfe_log_reader_options){.state_dir = *state, .without = {[WFE_LOG_STDERR] = true}},
                "o:one\nthree four\n|");
    assert_read((wfe_log_reader_options){.state_dir = *state, .without = {[WFE_LOG_STDOUT] = true}},
                "e:two\nfive\n|");
    wfe_buf plain = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_read_file(path_of(*state, "a.1.stdout"), 1000, &plain, NULL), NULL);
    assert_string_equal(plain.data, "one\nthree four\n");
    wfe_buf_done(&plain);
}

static void test_logs__files_are_for_their_owner_only(void **state)
{
    struct stat st;
    mode_t mask = umask(0);
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "x");
    ERR(logs, "x");
    umask(mask);
    static const char *const names[] = {"a.1.stdout", "a.1.stderr", "a.1.index"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(path_of(*state, names[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    assert_int_equal(stat(path_of(*state, ""), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    finish(logs);
}

static void test_logs__a_reader_that_asks_since_a_time_gets_what_came_then(void **state)
{
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "old\n");
    ERR(logs, "old too\n");
    int64_t now_us = wfe_clock_wall_us();
    while (wfe_clock_wall_us() == now_us)
        ;
    now_us = wfe_clock_wall_us();
    OUT(logs, "new\n");
    ERR(logs, "new too\n");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state, .since_us = now_us},
                "o:new\n|e:new too\n|");
    assert_read((wfe_log_reader_options){.state_dir = *state, .since_us = now_us + 60000000}, "");
}

/* One stream alone has an entry for every 10 ms or 64 KiB, so the time of a byte is known so well.
 */
static void test_logs__times_are_known_within_a_step_of_the_index(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = open_logs(*state);
    char *block = malloc(40000);
    assert_non_null(block);
    memset(block, 'x', 40000);
    for (int i = 0; i < 10; i++)
        assert_ok(wfe_logs_write(logs, "a", 1, WFE_LOG_STDOUT, block, 40000, &err), &err);
    finish(logs);
    free(block);
    struct stat st;
    assert_int_equal(stat(path_of(*state, "a.1.index"), &st), 0);
    /* Header 16, path 16, and at least an entry for every 80,000 bytes. */
    assert_true(st.st_size >= 16 + 16 + 5 * 16);
    assert_true(st.st_size <= 16 + 16 + 10 * 16);
    assert_int_equal(st.st_size % 16, 0);
}

static void test_logs__big_writes_come_back_whole(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = open_logs(*state);
    size_t len = 3000000, got = 0;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    assert_ok(wfe_logs_write(logs, "a", 1, WFE_LOG_STDOUT, bytes, len, &err), &err);
    finish(logs);
    wfe_log_reader *reader = open_reader((wfe_log_reader_options){.state_dir = *state});
    wfe_log_piece piece;
    while (wfe_log_reader_next(reader, &piece, &err) == 1) {
        assert_true(got + piece.len <= len);
        assert_memory_equal(piece.bytes, bytes + got, piece.len);
        got += piece.len;
    }
    assert_int_equal(got, len);
    wfe_log_reader_free(reader);
    free(bytes);
}

static void test_logs__an_attempt_without_a_log_is_not_found(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_log_reader *reader = NULL;
    wfe_log_reader_options options = {
        .state_dir = *state, .run_id = "run", .step = "a", .attempt = 2};
    assert_fails(wfe_log_reader_new(&options, &reader, &err), WFE_E_NOT_FOUND, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "x");
    finish(logs);
    assert_fails(wfe_log_reader_new(&options, &reader, &err), WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "attempt 2");
    assert_null(reader);
}

/* ---- names ---- */

static const char *const odd_steps[] = {
    "a",
    "deploy/compile",
    "unit[2]",
    "deploy/unit[12]/x",
    ".hidden",
    "..",
    "../../etc/passwd",
    "a.b.1.stdout",
    "with space",
    "\xc3\xa9t\xc3\xa9",
    "100%",
    "%2F",
    "~",
    "a\nb",
    "-rf",
    "A",
    "a.1",
};

static void test_logs__names_of_steps_are_safe_and_come_back(void **state)
{
    (void)state;
    char names[sizeof odd_steps / sizeof *odd_steps][WFE_LOG_NAME_SIZE];
    for (size_t i = 0; i < sizeof odd_steps / sizeof *odd_steps; i++) {
        wfe_error err = WFE_ERROR_INIT;
        char step[WFE_LOG_NAME_SIZE];
        unsigned attempt = 0;
        wfe_log_name(odd_steps[i], 7, "stdout", names[i]);
        assert_null(strpbrk(names[i], "/[] \n~"));
        assert_true(names[i][0] != '.');
        assert_ok(wfe_log_name_read(names[i], "stdout", step, &attempt, &err), &err);
        assert_string_equal(step, odd_steps[i]);
        assert_int_equal(attempt, 7);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
    assert_string_equal(names[1], "deploy%2Fcompile.7.stdout");
    assert_string_equal(names[2], "unit%5B2%5D.7.stdout");
}

static void test_logs__names_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        ".",
                                        "a",
                                        "a.stdout",
                                        "a.1.stderr",
                                        "a.x.stdout",
                                        ".1.stdout",
                                        "a..stdout",
                                        "a.1stdout",
                                        "a%2.1.stdout",
                                        "a%GG.1.stdout",
                                        "a~.1.stdout",
                                        "a.-1.stdout",
                                        "a.99999999999.stdout",
                                        "a b.1.stdout",
                                        "a%2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        wfe_error err = WFE_ERROR_INIT;
        char step[WFE_LOG_NAME_SIZE] = "untouched";
        unsigned attempt = 5;
        assert_fails(wfe_log_name_read(names[i], "stdout", step, &attempt, &err), WFE_E_INVALID,
                     &err);
        assert_string_equal(step, "untouched");
        assert_int_equal(attempt, 5);
    }
}

static void make_long(char *step, size_t len, char last)
{
    for (size_t i = 0; i < len; i++)
        step[i] = i % 10 == 9 ? '/' : 'x';
    step[len - 1] = last;
    step[len] = '\0';
}

static int expect_steps(const wfe_log_attempt_info *info, void *user)
{
    return wfe_buf_printf(user, NULL, "%s.%u %llu %llu\n", info->step, info->attempt,
                          (unsigned long long)info->bytes[WFE_LOG_STDOUT],
                          (unsigned long long)info->bytes[WFE_LOG_STDERR]);
}

static void test_logs__paths_of_any_length_have_logs_of_their_own(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = open_logs(*state);
    wfe_buf list = WFE_BUF_INIT(0), expected = WFE_BUF_INIT(0);
    static const size_t lengths[] = {200, 226, 230, 231, 500, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (char last = 'a'; last <= 'b'; last++) {
            char step[5001], name[WFE_LOG_NAME_SIZE];
            make_long(step, lengths[i], last);
            wfe_log_name(step, UINT_MAX, "stdout", name);
            assert_true(strlen(name) < WFE_LOG_NAME_SIZE);
            put(logs, step, 1, WFE_LOG_STDOUT, last == 'a' ? "a" : "bb");
            assert_ok(wfe_buf_printf(&expected, &err, "%s.1 %d 0\n", step, last - 'a' + 1), &err);
            int64_t now_us = wfe_clock_wall_us();
            while (wfe_clock_wall_us() == now_us)
                ;
        }
    wfe_logs_close(logs);
    assert_ok(wfe_log_list(*state, "run", expect_steps, &list, &err), &err);
    assert_string_equal(list.data, expected.data);
    wfe_buf_done(&list);
    wfe_buf_done(&expected);
}

static void test_logs__the_list_names_every_attempt_and_what_it_wrote(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf list = WFE_BUF_INIT(0), expected = WFE_BUF_INIT(0);
    assert_ok(wfe_log_list(*state, "run", expect_steps, &list, &err), &err);
    assert_int_equal(list.len, 0);
    wfe_logs *logs = open_logs(*state);
    for (size_t i = 0; i < sizeof odd_steps / sizeof *odd_steps; i++) {
        put(logs, odd_steps[i], 1, WFE_LOG_STDOUT, "123");
        put(logs, odd_steps[i], 1, WFE_LOG_STDERR, "12345");
        assert_ok(wfe_buf_printf(&expected, &err, "%s.1 3 5\n", odd_steps[i]), &err);
        int64_t now_us = wfe_clock_wall_us();
        while (wfe_clock_wall_us() == now_us)
            ;
    }
    wfe_logs_close(logs);
    assert_ok(wfe_log_list(*state, "run", expect_steps, &list, &err), &err);
    assert_string_equal(list.data, expected.data);
    wfe_buf_done(&list);
    wfe_buf_done(&expected);
}

static void test_logs__a_run_s_id_cannot_lead_out_of_the_folder(void **state)
{
    static const char *const ids[] = {"", ".", "..", "../x", "a/b", ".x", "a b"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_logs *logs = NULL;
        wfe_logs_options options = {.state_dir = *state, .run_id = ids[i]};
        assert_fails(wfe_logs_open(&options, &logs, &err), WFE_E_INVALID, &err);
        err = (wfe_error)WFE_ERROR_INIT;
        assert_fails(wfe_log_remove(*state, ids[i], &err), WFE_E_INVALID, &err);
    }
}

/* ---- limits ---- */

static void test_logs__what_is_beyond_a_step_s_limit_is_dropped_and_said(void **state)
{
    wfe_logs *logs = open_limited(*state, 10, 0);
    OUT(logs, "12345678");
    ERR(logs, "abcd");
    OUT(logs, "9");
    ERR(logs, "efgh");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:12345678|e:ab|e!2|o!1|e!6|");
    /* It stays so when another process goes on, and the counts go on. */
    logs = open_limited(*state, 1000, 0);
    OUT(logs, "more");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:12345678|e:ab|e!2|o!1|e!6|o!5|");
}

static void test_logs__what_is_beyond_a_run_s_limit_is_dropped_and_said(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = open_limited(*state, 0, 6);
    put(logs, "a", 1, WFE_LOG_STDOUT, "1234");
    put(logs, "b", 1, WFE_LOG_STDOUT, "1234");
    put(logs, "c", 1, WFE_LOG_STDOUT, "1234");
    wfe_logs_close(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state, .step = "a"}, "o:1234|");
    assert_read((wfe_log_reader_options){.state_dir = *state, .step = "b"}, "o:12|o!2|");
    assert_read((wfe_log_reader_options){.state_dir = *state, .step = "c"}, "o!4|");
    /* What earlier processes wrote counts. */
    logs = open_limited(*state, 0, 8);
    put(logs, "d", 1, WFE_LOG_STDOUT, "1234");
    assert_ok(wfe_logs_finish_synced(logs, "d", 1, &err), &err);
    wfe_logs_close(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state, .step = "d"}, "o:12|o!2|");
}

static void test_logs__more_attempts_write_at_once_than_files_may_be_open(void **state)
{
    wfe_logs *logs = open_logs(*state);
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    char step[16], expected[64];
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 400; i++) {
            snprintf(step, sizeof step, "s%d", i);
            put(logs, step, 1, WFE_LOG_STDOUT, "out ");
            put(logs, step, 1, WFE_LOG_STDERR, "err ");
        }
    for (int i = 0; i < 400; i += 57) {
        snprintf(step, sizeof step, "s%d", i);
        snprintf(expected, sizeof expected, "o:out |e:err |o:out |e:err |o:out |e:err |");
        assert_read((wfe_log_reader_options){.state_dir = *state, .step = step}, expected);
    }
    wfe_logs_close(logs);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- a crash ---- */

/* A writer in another process, which is killed when it has written. */
static void write_and_die(const char *folder, const char *text)
{
    pid_t pid = fork();
    if (pid == 0) {
        wfe_logs *logs = open_logs(folder);
        OUT(logs, text);
        ERR(logs, "!");
        raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_logs__another_process_goes_on_at_the_right_byte(void **state)
{
    write_and_die(*state, "one ");
    write_and_die(*state, "two ");
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "three");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:one |e:!|o:two |e:!|o:three|");
}

static void cut_file(const char *path, off_t by)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size >= by);
    assert_int_equal(truncate(path, st.st_size - by), 0);
}

static void test_logs__an_index_torn_at_any_byte_loses_no_byte_of_a_stream(void **state)
{
    struct stat st;
    wfe_logs *logs = open_logs(*state);
    for (int i = 0; i < 4; i++) {
        OUT(logs, "out ");
        ERR(logs, "err ");
    }
    finish(logs);
    assert_int_equal(stat(path_of(*state, "a.1.index"), &st), 0);
    for (off_t size = st.st_size; size >= 0; size--) {
        assert_int_equal(truncate(path_of(*state, "a.1.index"), size), 0);
        assert_read(
            (wfe_log_reader_options){.state_dir = *state, .without = {[WFE_LOG_STDERR] = true}},
            "o:out out out out |");
        assert_read(
            (wfe_log_reader_options){.state_dir = *state, .without = {[WFE_LOG_STDOUT] = true}},
            "e:err err err err |");
    }
    /* And without one at all; the list finds it by the names of the streams. */
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf list = WFE_BUF_INIT(0);
    assert_int_equal(unlink(path_of(*state, "a.1.index")), 0);
    assert_read((wfe_log_reader_options){.state_dir = *state},
                "o:out out out out |e:err err err err |");
    assert_ok(wfe_log_list(*state, "run", expect_steps, &list, &err), &err);
    assert_string_equal(list.data, "a.1 16 16\n");
    wfe_buf_done(&list);
}

/* Whatever a crash left of the index, writing goes on and both streams stay whole. */
static void test_logs__writing_goes_on_behind_a_torn_index(void **state)
{
    struct stat st;
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "one ");
    ERR(logs, "two ");
    finish(logs);
    assert_int_equal(stat(path_of(*state, "a.1.index"), &st), 0);
    wfe_buf out = WFE_BUF_INIT(0);
    assert_ok(wfe_buf_append_str(&out, "o:one ", NULL), NULL);
    for (off_t size = st.st_size; size >= 0; size -= 5) {
        assert_int_equal(truncate(path_of(*state, "a.1.index"), size), 0);
        logs = open_logs(*state);
        OUT(logs, "more ");
        finish(logs);
        assert_ok(wfe_buf_append_str(&out, "more ", NULL), NULL);
        char expected[512];
        snprintf(expected, sizeof expected, "%s|", out.data);
        assert_read(
            (wfe_log_reader_options){.state_dir = *state, .without = {[WFE_LOG_STDERR] = true}},
            expected);
    }
    wfe_buf_done(&out);
}

/* The machine lost its power: the index knows of bytes that never reached the disk, or ends in
 * zeros. */
static void test_logs__an_index_ahead_of_its_streams_is_set_right(void **state)
{
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "one ");
    ERR(logs, "two ");
    OUT(logs, "three ");
    finish(logs);
    cut_file(path_of(*state, "a.1.stdout"), 8); /* "on" is left */
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:on|e:two |");
    logs = open_logs(*state);
    OUT(logs, "four");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:on|e:two |o:four|");
    struct stat st;
    assert_int_equal(stat(path_of(*state, "a.1.index"), &st), 0);
    assert_int_equal(truncate(path_of(*state, "a.1.index"), st.st_size + 4096), 0);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:on|e:two |o:four|");
    logs = open_logs(*state);
    ERR(logs, "five");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:on|e:two |o:four|e:five|");
}

static void test_logs__an_index_of_something_else_is_begun_anew(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = open_logs(*state);
    OUT(logs, "one ");
    finish(logs);
    assert_ok(wfe_fd_write_file(path_of(*state, "a.1.index"), "not an index of a log at all", 28,
                                0600, &err),
              &err);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:one |");
    logs = open_logs(*state);
    OUT(logs, "two");
    finish(logs);
    assert_read((wfe_log_reader_options){.state_dir = *state}, "o:one two|");
}

/* A counter is printed while the writer is killed again and again: every number is there once. */
static void test_logs__a_writer_killed_at_any_moment_keeps_what_it_wrote(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    unsigned next = 0;
    for (int round = 0; round < 20; round++) {
        int told[2];
        assert_int_equal(pipe(told), 0);
        pid_t pid = fork();
        if (pid == 0) {
            wfe_logs *logs = open_logs(*state);
            for (unsigned i = next;; i++) {
                char line[16];
                snprintf(line, sizeof line, "%u\n", i);
                put(logs, "a", 1, i % 3 ? WFE_LOG_STDOUT : WFE_LOG_STDERR, line);
                if (write(told[1], &i, sizeof i) != sizeof i)
                    _exit(1);
            }
        }
        close(told[1]);
        unsigned seen = 0, number = 0;
        while (seen < 20 + (unsigned)round && read(told[0], &number, sizeof number) > 0)
            seen++;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(told[0], &number, sizeof number) > 0)
            ;
        close(told[0]);
        /* The one that was under way is there, or not. */
        wfe_log_reader *reader = open_reader((wfe_log_reader_options){.state_dir = *state});
        wfe_buf text = WFE_BUF_INIT(0);
        wfe_log_piece piece;
        while (wfe_log_reader_next(reader, &piece, &err) == 1)
            assert_ok(wfe_buf_append(&text, piece.bytes, piece.len, &err), &err);
        wfe_log_reader_free(reader);
        unsigned expected = 0;
        for (char *p = text.data; *p; expected++) {
            char *end = NULL;
            assert_int_equal(strtoul(p, &end, 10), expected);
            assert_int_equal(*end, '\n');
            p = end + 1;
        }
        assert_true(expected == number + 1 || expected == number + 2);
        next = expected;
        wfe_buf_done(&text);
    }
    assert_true(next > 400);
}

/* ---- following ---- */

static void test_logs__a_follower_sees_what_another_process_writes(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_log_watch *watch = NULL;
    assert_ok(wfe_log_watch_new(*state, "run", &watch, &err), &err);
    wfe_log_watch_wait(watch, 1); /* there is no folder yet */
    pid_t pid = fork();
    if (pid == 0) {
        wfe_logs *logs = open_logs(*state);
        for (int i = 0; i < 50; i++) {
            char line[32];
            snprintf(line, sizeof line, "line %d\n", i);
            put(logs, "a", 1, i % 2 ? WFE_LOG_STDERR : WFE_LOG_STDOUT, line);
            if (i % 10 == 9)
                usleep(3000);
        }
        wfe_logs_close(logs);
        _exit(0);
    }
    wfe_log_reader_options options = {
        .state_dir = *state, .run_id = "run", .step = "a", .attempt = 1};
    wfe_log_reader *reader = NULL;
    wfe_buf text = WFE_BUF_INIT(0), expected = WFE_BUF_INIT(0);
    for (int i = 0; i < 50; i++)
        assert_ok(wfe_buf_printf(&expected, &err, "%c:line %d\n|", i % 2 ? 'e' : 'o', i), &err);
    for (int waits = 0; text.len < expected.len && waits < 10000; waits++) {
        if (!reader && wfe_log_reader_new(&options, &reader, NULL) == WFE_E_NOT_FOUND)
            reader = NULL;
        if (reader)
            read_more(reader, &text);
        if (text.len < expected.len)
            wfe_log_watch_wait(watch, 1000);
    }
    assert_string_equal(text.data, expected.data);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    wfe_log_reader_free(reader);
    wfe_log_watch_free(watch);
    wfe_buf_done(&text);
    wfe_buf_done(&expected);
}

/* Without waiting: each look falls somewhere between two writes. */
static void test_logs__a_follower_keeps_the_order_of_the_streams(void **state)
{
    const unsigned lines = 20000;
    wfe_error err = WFE_ERROR_INIT;
    wfe_log_reader *reader = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        wfe_logs *logs = open_logs(*state);
        for (unsigned i = 0; i < lines; i++) {
            char line[32];
            snprintf(line, sizeof line, "%u\n", i);
            put(logs, "a", 1, i % 2 ? WFE_LOG_STDERR : WFE_LOG_STDOUT, line);
        }
        wfe_logs_close(logs);
        _exit(0);
    }
    const wfe_log_reader_options options = {
        .state_dir = *state, .run_id = "run", .step = "a", .attempt = 1};
    while (wfe_log_reader_new(&options, &reader, NULL) == WFE_E_NOT_FOUND)
        ;
    assert_non_null(reader);
    wfe_buf wanted = WFE_BUF_INIT(0);
    for (unsigned i = 0; i < lines; i++)
        assert_ok(wfe_buf_printf(&wanted, &err, "%u\n", i), &err);
    size_t given = 0;
    for (uint64_t until = wfe_clock_monotonic_us() + 60 * 1000000; given < wanted.len;) {
        wfe_log_piece piece = {.len = 0};
        int rc = wfe_log_reader_next(reader, &piece, &err);
        assert_true(rc >= 0 && wfe_clock_monotonic_us() < until);
        assert_in_range(piece.len, 0, wanted.len - given);
        if (piece.len)
            assert_memory_equal(piece.bytes, wanted.data + given, piece.len);
        given += piece.len;
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    wfe_log_reader_free(reader);
    wfe_buf_done(&wanted);
}

/* Whoever looks at just the moment when the log begins. */
static void test_logs__a_reader_of_a_log_that_begins_has_its_index(void **state)
{
    const unsigned attempts = 400;
    pid_t pid = fork();
    if (pid == 0) {
        wfe_logs *logs = open_logs(*state);
        for (unsigned i = 1; i <= attempts; i++)
            put(logs, "a", i, WFE_LOG_STDOUT, "line\n");
        wfe_logs_close(logs);
        _exit(0);
    }
    for (unsigned i = 1; i <= attempts; i++) {
        const wfe_log_reader_options options = {
            .state_dir = *state, .run_id = "run", .step = "a", .attempt = i};
        wfe_log_reader *reader = NULL;
        wfe_log_piece piece = {.len = 0};
        wfe_error err = WFE_ERROR_INIT;
        while (wfe_log_reader_new(&options, &reader, &err) == WFE_E_NOT_FOUND)
            err = (wfe_error)WFE_ERROR_INIT;
        int rc = err.kind ? -1 : 0;
        while (!rc)
            rc = wfe_log_reader_next(reader, &piece, &err);
        assert_int_equal(rc, 1);
        assert_true(piece.at_us > 0); /* which only the index tells */
        wfe_log_reader_free(reader);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_logs__a_reader_at_the_end_goes_on_when_more_comes(void **state)
{
    wfe_logs *logs = open_logs(*state);
    wfe_buf text = WFE_BUF_INIT(0);
    OUT(logs, "one ");
    wfe_log_reader *reader = open_reader((wfe_log_reader_options){.state_dir = *state});
    read_more(reader, &text);
    assert_string_equal(text.data, "o:one |");
    read_more(reader, &text);
    assert_string_equal(text.data, "o:one |");
    OUT(logs, "two ");
    read_more(reader, &text);
    ERR(logs, "three ");
    OUT(logs, "four ");
    read_more(reader, &text);
    assert_string_equal(text.data, "o:one |o:two |e:three |o:four |");
    wfe_log_reader_free(reader);
    finish(logs);
    wfe_buf_done(&text);
}

/* ---- troubles ---- */

static void test_logs__a_full_disk_is_said_and_the_log_stays_readable(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        /* A limit of file sizes stands for the disk: the write ends in the middle. */
        wfe_error err = WFE_ERROR_INIT;
        wfe_logs *logs = open_logs(*state);
        struct rlimit small = {.rlim_cur = 100, .rlim_max = 100};
        signal(SIGXFSZ, SIG_IGN);
        OUT(logs, "first\n");
        if (setrlimit(RLIMIT_FSIZE, &small))
            _exit(2);
        char block[200];
        memset(block, 'x', sizeof block);
        int rc = wfe_logs_write(logs, "a", 1, WFE_LOG_STDOUT, block, sizeof block, &err);
        wfe_logs_close(logs);
        _exit(rc == WFE_E_IO && err.sys_errno == EFBIG && strstr(err.message, *state) ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    char expected[128];
    memset(expected, 'x', sizeof expected);
    memcpy(expected, "o:first\n", 8);
    strcpy(expected + 2 + 100, "|");
    assert_read((wfe_log_reader_options){.state_dir = *state}, expected);
}

static void test_logs__a_link_in_the_place_of_a_file_is_not_followed(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = open_logs(*state);
    char other[64];
    snprintf(other, sizeof other, "%s/other", (const char *)*state);
    assert_ok(wfe_fd_write_file(other, "", 0, 0600, &err), &err);
    assert_int_equal(symlink(other, path_of(*state, "a.1.stdout")), 0);
    assert_true(wfe_logs_write(logs, "a", 1, WFE_LOG_STDOUT, "x", 1, &err) < 0);
    wfe_logs_close(logs);
    struct stat st;
    assert_int_equal(stat(other, &st), 0);
    assert_int_equal(st.st_size, 0);
}

/* ---- retention ---- */

static void make_run(const char *folder, const char *run_id, size_t bytes, int hours_ago)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = NULL;
    char path[PATH_MAX];
    wfe_logs_options options = {.state_dir = folder, .run_id = run_id};
    assert_ok(wfe_logs_open(&options, &logs, &err), &err);
    char *block = calloc(1, bytes);
    assert_non_null(block);
    assert_ok(wfe_logs_write(logs, "a", 1, WFE_LOG_STDOUT, block, bytes, &err), &err);
    free(block);
    wfe_logs_close(logs);
    struct timespec when[2];
    clock_gettime(CLOCK_REALTIME, &when[0]);
    when[0].tv_sec -= (time_t)hours_ago * 3600;
    when[1] = when[0];
    static const char *const names[] = {"a.1.stdout", "a.1.index", "."};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/runs/%s/%s", folder, run_id, names[i]);
        assert_int_equal(utimensat(AT_FDCWD, path, when, 0), 0);
    }
}

static const char *path_in_runs(const char *folder, const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/runs/%s", folder, name);
    return path;
}

static void note_removed(const wfe_log_run_info *run, void *user)
{
    assert_int_equal(wfe_buf_printf(user, NULL, "%s ", run->run_id), 0);
}

static bool keep_open(const char *run_id, void *user)
{
    (void)user;
    return strcmp(run_id, "open") == 0;
}

static void assert_retained(wfe_log_retention rules, const char *removed)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf text = WFE_BUF_INIT(0);
    rules.removed = note_removed;
    rules.keep = keep_open;
    rules.user = &text;
    assert_ok(wfe_buf_append_str(&text, "", NULL), NULL);
    assert_ok(wfe_log_retain(&rules, &err), &err);
    assert_string_equal(text.data, removed);
    wfe_buf_done(&text);
}

static void test_logs__old_and_big_logs_are_removed_oldest_first(void **state)
{
    int64_t hour_us = (int64_t)3600 * 1000000, now_us = wfe_clock_wall_us();
    assert_retained((wfe_log_retention){.state_dir = *state, .before_us = now_us}, "");
    make_run(*state, "open", 1000, 9);
    make_run(*state, "third", 1000, 4);
    make_run(*state, "first", 1000, 8);
    make_run(*state, "second", 1000, 6);
    make_run(*state, "fourth", 1000, 1);
    assert_retained((wfe_log_retention){.state_dir = *state,
                                        .before_us = now_us - 5 * hour_us,
                                        .dry_run = true},
                    "first second ");
    assert_retained((wfe_log_retention){.state_dir = *state, .before_us = now_us - 7 * hour_us},
                    "first ");
    assert_retained((wfe_log_retention){.state_dir = *state, .max_bytes = 1000000}, "");
    /* Each has 1,000 bytes and an index of 48. */
    assert_retained((wfe_log_retention){.state_dir = *state, .max_bytes = 3200}, "second ");
    assert_retained((wfe_log_retention){.state_dir = *state, .max_bytes = 1}, "third fourth ");
    assert_int_equal(access(path_in_runs(*state, "open/a.1.stdout"), F_OK), 0);
    assert_int_equal(access(path_in_runs(*state, "third"), F_OK), -1);
}

static void test_logs__the_logs_of_a_run_are_removed(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    make_run(*state, "one", 10, 0);
    make_run(*state, "two", 10, 0);
    assert_ok(wfe_log_remove(*state, "one", &err), &err);
    assert_ok(wfe_log_remove(*state, "one", &err), &err);
    assert_int_equal(access(path_in_runs(*state, "one"), F_OK), -1);
    assert_int_equal(access(path_in_runs(*state, "two/a.1.stdout"), F_OK), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_logs__##name, make_folder, remove_folder)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(streams_are_read_in_the_order_in_which_they_were_written),
        CASE(files_are_for_their_owner_only),
        CASE(a_reader_that_asks_since_a_time_gets_what_came_then),
        CASE(times_are_known_within_a_step_of_the_index),
        CASE(big_writes_come_back_whole),
        CASE(an_attempt_without_a_log_is_not_found),
        CASE(names_of_steps_are_safe_and_come_back),
        CASE(names_that_are_none_are_refused),
        CASE(paths_of_any_length_have_logs_of_their_own),
        CASE(the_list_names_every_attempt_and_what_it_wrote),
        CASE(a_run_s_id_cannot_lead_out_of_the_folder),
        CASE(what_is_beyond_a_step_s_limit_is_dropped_and_said),
        CASE(what_is_beyond_a_run_s_limit_is_dropped_and_said),
        CASE(more_attempts_write_at_once_than_files_may_be_open),
        CASE(another_process_goes_on_at_the_right_byte),
        CASE(an_index_torn_at_any_byte_loses_no_byte_of_a_stream),
        CASE(writing_goes_on_behind_a_torn_index),
        CASE(an_index_ahead_of_its_streams_is_set_right),
        CASE(an_index_of_something_else_is_begun_anew),
        CASE(a_writer_killed_at_any_moment_keeps_what_it_wrote),
        CASE(a_follower_sees_what_another_process_writes),
        CASE(a_follower_keeps_the_order_of_the_streams),
        CASE(a_reader_of_a_log_that_begins_has_its_index),
        CASE(a_reader_at_the_end_goes_on_when_more_comes),
        CASE(a_full_disk_is_said_and_the_log_stays_readable),
        CASE(a_link_in_the_place_of_a_file_is_not_followed),
        CASE(old_and_big_logs_are_removed_oldest_first),
        CASE(the_logs_of_a_run_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
