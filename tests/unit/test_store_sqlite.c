/* SPDX-License-Identifier: Apache-2.0
 *
 * What only the SQLite store has: a file that others made, changed, broke or write to at the same
 * time, and a process that is killed in the middle of a write.
 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dynlib.h"
#include "base/fd.h"
#include "fixtures/store_rig.h"
#include "fixtures/wfe_assert.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_schema.h"

#define FILE_MAX_BYTES ((size_t)64 * 1024 * 1024)

typedef struct rig {
    char folder[32];
    char path[64];
    char owner[WFE_OWNER_TEXT_SIZE];
} rig;

static int set_up(void **state)
{
    static rig r;
    wfe_error err = WFE_ERROR_INIT;
    /* In memory where that can be: there are thousands of syncs. */
    r = (rig){.folder = "/dev/shm/wfe-store-XXXXXX"};
    if (!mkdtemp(r.folder)) {
        r = (rig){.folder = "/tmp/wfe-store-XXXXXX"};
        if (!mkdtemp(r.folder))
            return -1;
    }
    if (wfe_sqlite_load(&err))
        return -1;
    snprintf(r.path, sizeof r.path, "%s/state/wfe.db", r.folder);
    rig_live_owner(r.owner);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    return wfe_fd_remove_tree(((rig *)*state)->folder, NULL);
}

static wfe_store *open_store(const rig *r)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    assert_ok(wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = r->path}, &store, &err),
              &err);
    return store;
}

static wfe_buf read_whole(const char *path)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf bytes = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_read_file(path, FILE_MAX_BYTES, &bytes, &err), &err);
    return bytes;
}

static void write_whole(const char *path, const wfe_buf *bytes)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_write_file(path, bytes->data, bytes->len, 0600, &err), &err);
}

/* Runs SQL in a file, as other programs would. */
static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(
        wfe_sqlite.sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
        SQLITE_OK);
    if (wfe_sqlite.sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", wfe_sqlite.sqlite3_errmsg(db));
    wfe_sqlite.sqlite3_close_v2(db);
}

/* The file is refused, the hint says what to do, and not a byte of it changes. */
static void assert_refused(const rig *r, const char *message, const char *hint)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    wfe_buf before = read_whole(r->path);
    assert_fails(wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = r->path}, &store, &err),
                 WFE_E_INVALID, &err);
    assert_null(store);
    assert_contains(err.message, r->path);
    assert_contains(err.message, message);
    assert_contains(err.hint, hint);
    wfe_buf after = read_whole(r->path);
    assert_int_equal(before.len, after.len);
    if (before.len)
        assert_memory_equal(before.data, after.data, before.len);
    wfe_buf_done(&before);
    wfe_buf_done(&after);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* ---- the file ---- */

static void test_store_sqlite__its_files_are_for_their_owner_only(void **state)
{
    const rig *r = *state;
    char path[96], folder[48];
    mode_t mask = umask(0);
    wfe_store *store = open_store(r);
    rig_make_run(store, "run", r->owner);
    umask(mask);
    snprintf(folder, sizeof folder, "%s/state", r->folder);
    assert_int_equal(mode_of(folder), 0700);
    assert_int_equal(mode_of(r->path), 0600);
    snprintf(path, sizeof path, "%s-wal", r->path);
    assert_int_equal(mode_of(path), 0600);
    snprintf(path, sizeof path, "%s-shm", r->path);
    assert_int_equal(mode_of(path), 0600);
    wfe_store_close(store);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_store_sqlite__a_file_that_must_be_there_is_not_made(void **state)
{
    const rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    wfe_store_sqlite_options options = {.path = r->path, .must_exist = true};
    assert_fails(wfe_store_sqlite_open(&options, &store, &err), WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, r->path);
    assert_int_equal(access(r->path, F_OK), -1);
}

static void test_store_sqlite__what_was_recorded_is_there_after_closing(void **state)
{
    const rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_step_change step;
    wfe_store *store = open_store(r);
    wfe_store_made_run made = rig_make_run(store, "run", r->owner);
    wfe_store_transition t = rig_transition(1, &step, "a", "succeeded");
    assert_ok(store->record(store, "run", made.lease, &t, 1, &err), &err);
    char *before = rig_dump(store, "run");
    wfe_store_close(store);
    store = open_store(r);
    char *after = rig_dump(store, "run");
    assert_string_equal(before, after);
    assert_string_equal(rig_make_run(store, "next", r->owner).name, "build-and-test-2");
    free(before);
    free(after);
    wfe_store_close(store);
}

static int64_t ask_number(const char *path, const char *sql)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_sqlite_store store = {0};
    int64_t number = -1;
    assert_int_equal(wfe_sqlite.sqlite3_open_v2(path, &store.db, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    assert_ok(wfe_sqlite_number(&store, sql, &number, "ask", &err), &err);
    wfe_sqlite.sqlite3_close_v2(store.db);
    return number;
}

static void make_old(const rig *r)
{
    wfe_error err = WFE_ERROR_INIT;
    char folder[48];
    snprintf(folder, sizeof folder, "%s/state", r->folder);
    assert_ok(wfe_fd_make_dirs(folder, 0700, &err), &err);
    wfe_buf sql = read_whole(WFE_SOURCE_DIR "/tests/fixtures/store_v1.sql");
    run_sql(r->path, sql.data);
    wfe_buf_done(&sql);
}

static void test_store_sqlite__a_file_of_an_older_version_is_brought_up_to_date(void **state)
{
    const rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    make_old(r);
    assert_int_equal(ask_number(r->path, "SELECT max(version) FROM schema_version"), 1);
    for (int round = 0; round < 2; round++) {
        wfe_store *store = open_store(r);
        char *dump = rig_dump(store, "build-and-test-1");
        assert_string_equal(dump, "run aaaa-old-1 succeeded 1 1 - " RIG_HASH
                                  " - - 3 {\"ref\":\"main\"} {\"version\":\"1.2\"}\n");
        free(dump);
        dump = rig_dump(store, "bbbb-old-2");
        assert_contains(dump, "run bbbb-old-2 running 0 1 ");
        assert_contains(dump, "step build - step sleeping 0 1 wfe-bbbb-build-1 1 3 exit - 0 "
                              "{\"kind\":\"internal\"} 1769860999000000 500 1000 0 2\n");
        assert_contains(dump, "event 2 2000 retry build {}\n");
        free(dump);
        wfe_store_close(store);
    }
    assert_int_equal(ask_number(r->path, "SELECT max(version) FROM schema_version"),
                     WFE_SQLITE_SCHEMA_VERSION);
    assert_int_equal(ask_number(r->path, "SELECT count(*) FROM schema_version"),
                     WFE_SQLITE_SCHEMA_VERSION);
    /* What the new version brought works on old runs. */
    wfe_store *store = open_store(r);
    uint64_t lease = 0;
    char id[32];
    assert_ok(store->ask(store, "bbbb-old-2", "cancel", &err), &err);
    assert_ok(store->claim_next(store, r->owner, 0, id, sizeof id, &lease, &err), &err);
    assert_string_equal(id, "bbbb-old-2");
    assert_int_equal(lease, 2);
    assert_string_equal(rig_make_run(store, "new", r->owner).name, "build-and-test-3");
    wfe_store_close(store);
}

/* A new file and a migrated one have the same tables, columns and indices. */
static void test_store_sqlite__migrated_and_new_files_have_the_same_schema(void **state)
{
    const rig *r = *state;
    rig other = *r;
    char sql[512];
    snprintf(other.path, sizeof other.path, "%s/new.db", r->folder);
    make_old(r);
    wfe_store_close(open_store(r));
    wfe_store_close(open_store(&other));
    snprintf(sql, sizeof sql, "ATTACH '%s' AS new", other.path);
    wfe_sqlite_store store = {0};
    wfe_error err = WFE_ERROR_INIT;
    int64_t different = -1, all = 0;
    assert_int_equal(wfe_sqlite.sqlite3_open_v2(r->path, &store.db, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    assert_ok(wfe_sqlite_exec(&store, sql, "attach", &err), &err);
    assert_ok(wfe_sqlite_number(&store,
                                "SELECT count(*) FROM (SELECT m.name, p.name, p.type, p.pk FROM "
                                "main.sqlite_schema m, pragma_table_info(m.name, 'main') p EXCEPT "
                                "SELECT m.name, p.name, p.type, p.pk FROM new.sqlite_schema m, "
                                "pragma_table_info(m.name, 'new') p)",
                                &different, "compare", &err),
              &err);
    assert_int_equal(different, 0);
    assert_ok(wfe_sqlite_number(&store,
                                "SELECT count(*) FROM (SELECT type, name FROM main.sqlite_schema "
                                "EXCEPT SELECT type, name FROM new.sqlite_schema)",
                                &different, "compare", &err),
              &err);
    assert_int_equal(different, 0);
    assert_ok(
        wfe_sqlite_number(&store, "SELECT count(*) FROM new.sqlite_schema", &all, "count", &err),
        &err);
    assert_true(all > 15);
    wfe_sqlite.sqlite3_close_v2(store.db);
}

/* ---- refused ---- */

static void test_store_sqlite__a_newer_file_is_refused_and_stays_as_it_is(void **state)
{
    const rig *r = *state;
    wfe_store *store = open_store(r);
    rig_make_run(store, "run", r->owner);
    wfe_store_close(store);
    run_sql(r->path, "INSERT INTO schema_version VALUES (3, 0, 'wfe 9'); CREATE TABLE more (x)");
    assert_refused(r, "newer wfe", "use the newer wfe");
    assert_int_equal(ask_number(r->path, "SELECT count(*) FROM run"), 1);
}

/* The version is in the write-ahead log only: its writer was killed. */
static void test_store_sqlite__a_newer_file_is_refused_by_its_log_too(void **state)
{
    const rig *r = *state;
    char wal[96];
    wfe_store_close(open_store(r));
    pid_t pid = fork();
    if (pid == 0) {
        wfe_store *store = open_store(r);
        wfe_error err = WFE_ERROR_INIT;
        if (wfe_sqlite_exec((wfe_sqlite_store *)store,
                            "INSERT INTO schema_version VALUES (3, 0, 'wfe 9')", "x", &err))
            _exit(1);
        raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    snprintf(wal, sizeof wal, "%s-wal", r->path);
    wfe_buf before = read_whole(wal);
    assert_true(before.len > 0);
    assert_refused(r, "newer wfe", "use the newer wfe");
    wfe_buf after = read_whole(wal);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    wfe_buf_done(&before);
    wfe_buf_done(&after);
}

static void test_store_sqlite__a_database_of_another_program_is_refused(void **state)
{
    const rig *r = *state;
    make_old(r);
    assert_int_equal(unlink(r->path), 0);
    run_sql(r->path, "CREATE TABLE addresses (name TEXT)");
    assert_refused(r, "not of wfe", "another state directory");
}

/* A store with enough in it that its tables have several pages each. */
static wfe_buf make_full(const rig *r)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = open_store(r);
    wfe_store_made_run made = rig_make_run(store, "run", r->owner);
    for (uint64_t seq = 1; seq <= 300; seq++) {
        char path[64];
        wfe_store_step_change step;
        snprintf(path, sizeof path, "step-with-a-long-name-%llu", (unsigned long long)seq);
        wfe_store_transition t = rig_transition(seq, &step, path, "running");
        assert_ok(store->record(store, "run", made.lease, &t, 1, &err), &err);
    }
    wfe_store_close(store);
    return read_whole(r->path);
}

static void test_store_sqlite__damaged_files_are_refused_and_stay_as_they_are(void **state)
{
    const rig *r = *state;
    wfe_buf whole = make_full(r);
    size_t pages = whole.len / 4096;
    assert_true(pages > 20);
    /* No database at all. */
    wfe_buf text = WFE_BUF_INIT(0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(wfe_buf_append_str(&text, "this is not a database\n", NULL), 0);
    write_whole(r->path, &text);
    assert_refused(r, "damaged or no database", "keep a copy");
    wfe_buf_done(&text);
    /* Cut. */
    wfe_buf cut = whole;
    cut.len = pages / 2 * 4096;
    write_whole(r->path, &cut);
    assert_refused(r, "damaged", "keep a copy");
    /* Each page once: overwritten with noise. */
    for (size_t page = 0; page < pages; page++) {
        char old[4096];
        memcpy(old, whole.data + page * 4096, sizeof old);
        memset(whole.data + page * 4096, 0x5a, sizeof old);
        write_whole(r->path, &whole);
        assert_refused(r, "damaged", "keep a copy");
        memcpy(whole.data + page * 4096, old, sizeof old);
    }
    write_whole(r->path, &whole);
    wfe_store_close(open_store(r));
    wfe_buf_done(&whole);
}

static void test_store_sqlite__a_schema_without_a_version_is_refused(void **state)
{
    const rig *r = *state;
    wfe_store_close(open_store(r));
    run_sql(r->path, "DELETE FROM schema_version");
    assert_refused(r, "damaged", "keep a copy");
    run_sql(r->path, "DROP TABLE schema_version");
    assert_refused(r, "not of wfe", "another state directory");
}

static void test_store_sqlite__a_folder_in_its_place_is_refused(void **state)
{
    const rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    assert_ok(wfe_fd_make_dirs(r->path, 0700, &err), &err);
    assert_fails(wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = r->path}, &store, &err),
                 WFE_E_INVALID, &err);
}

/* ---- several processes ---- */

static int status_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Makes runs and records in them; ends with 0 when everything worked. */
static void write_much(const rig *r, int writer)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    char owner[WFE_OWNER_TEXT_SIZE];
    rig_live_owner(owner);
    int rc = wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = r->path}, &store, &err);
    for (int i = 0; !rc && i < 10; i++) {
        char id[32];
        wfe_store_made_run made = {0};
        snprintf(id, sizeof id, "run-%d-%d", writer, i);
        wfe_store_new_run run = {
            .id = id, .workflow = "w", .state = "s", .hash = "h", .owner = owner};
        rc = store->create_run(store, &run, &made, &err);
        for (uint64_t seq = 1; !rc && seq <= 10; seq++) {
            wfe_store_step_change step;
            wfe_store_transition t = rig_transition(seq, &step, "a", "running");
            rc = store->record(store, id, made.lease, &t, 1, &err);
        }
    }
    wfe_store_close(store);
    if (rc)
        wfe_assert_print(&err);
    _exit(rc != 0);
}

static void test_store_sqlite__many_processes_write_without_losing_anything(void **state)
{
    const rig *r = *state;
    pid_t pids[4];
    /* Without a file, so that they make it at the same time, too. */
    for (int i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            write_much(r, i);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(status_of(pids[i]), 0);
    assert_int_equal(ask_number(r->path, "SELECT count(DISTINCT name) FROM run"), 40);
    assert_int_equal(ask_number(r->path, "SELECT max(number) FROM run"), 40);
    assert_int_equal(ask_number(r->path, "SELECT count(*) FROM event"), 400);
    assert_int_equal(ask_number(r->path, "SELECT count(*) FROM run WHERE last_seq = 10"), 40);
}

/* Waits for the starting gun, claims, and ends with 0: got it, 1: another has it, 2: wrong. Stays
 * alive until the other one has tried, too. */
static void claim_once(const rig *r, int gun, int told, const int end[2])
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    char owner[WFE_OWNER_TEXT_SIZE], byte = 0;
    uint64_t lease = 0;
    close(end[1]);
    rig_live_owner(owner);
    int rc = wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = r->path}, &store, &err);
    if (rc || read(gun, &byte, 1) != 1)
        _exit(2);
    rc = store->claim(store, "run", owner, 0, false, &lease, &err);
    char result = (char)(!rc ? 0 : rc == WFE_E_CONFLICT && strstr(err.message, "process") ? 1 : 2);
    if (write(told, &result, 1) != 1 || read(end[0], &byte, 1) != 0)
        _exit(2);
    wfe_store_close(store);
    _exit(result);
}

static void test_store_sqlite__of_two_that_claim_at_once_one_wins(void **state)
{
    const rig *r = *state;
    char dead[WFE_OWNER_TEXT_SIZE];
    rig_dead_owner(dead);
    wfe_store *store = open_store(r);
    rig_make_run(store, "run", dead);
    wfe_store_close(store);
    for (int round = 0; round < 20; round++) {
        int gun[2], told[2], end[2], results[2];
        pid_t pids[2];
        char bytes[2];
        assert_int_equal(pipe(gun), 0);
        assert_int_equal(pipe(told), 0);
        assert_int_equal(pipe(end), 0);
        for (int i = 0; i < 2; i++) {
            pids[i] = fork();
            if (pids[i] == 0)
                claim_once(r, gun[0], told[1], end);
        }
        assert_int_equal(write(gun[1], "xx", 2), 2);
        for (int i = 0; i < 2; i++)
            assert_int_equal(read(told[0], &bytes[i], 1), 1);
        close(end[1]);
        for (int i = 0; i < 2; i++)
            results[i] = status_of(pids[i]);
        assert_int_equal(results[0] + results[1], 1); /* both are dead now: the next round */
        for (int i = 0; i < 2; i++) {
            close(gun[i]);
            close(told[i]);
        }
        close(end[0]);
    }
    assert_int_equal(ask_number(r->path, "SELECT lease FROM run"), 21);
}

static void test_store_sqlite__a_file_that_stays_busy_is_an_error_to_try_again(void **state)
{
    const rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *busy = open_store(r), *store = NULL;
    wfe_store_made_run made = rig_make_run(busy, "run", r->owner);
    wfe_store_sqlite_options options = {.path = r->path, .busy_ms = 30};
    assert_ok(wfe_store_sqlite_open(&options, &store, &err), &err);
    assert_ok(wfe_sqlite_begin((wfe_sqlite_store *)busy, "wait", &err), &err);
    wfe_store_step_change step;
    wfe_store_transition t = rig_transition(1, &step, "a", "running");
    assert_fails(store->record(store, "run", made.lease, &t, 1, &err), WFE_E_UNAVAILABLE, &err);
    assert_true(err.retryable);
    assert_contains(err.message, "30 ms");
    /* Reading goes on all the same. */
    err = (wfe_error)WFE_ERROR_INIT;
    free(rig_dump(store, "run"));
    assert_ok(wfe_sqlite_end((wfe_sqlite_store *)busy, 0, "wait", &err), &err);
    assert_ok(store->record(store, "run", made.lease, &t, 1, &err), &err);
    wfe_store_close(store);
    wfe_store_close(busy);
}

/* ---- writes that fail, and a process that dies in the middle of one ---- */

enum trouble { KILL_BEFORE, KILL_TORN, KILL_AFTER, NO_SPACE };

static struct {
    enum trouble trouble;
    long at; /* the write it happens at; 0: never */
    long count;
    ssize_t (*pwrite64)(int fd, const void *bytes, size_t len, off_t offset);
} fault;

static ssize_t faulty_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    bool now = fault.at && ++fault.count >= fault.at;
    if (now && fault.trouble == NO_SPACE) {
        errno = ENOSPC;
        return -1;
    }
    if (now && fault.trouble == KILL_TORN && fault.pwrite64(fd, bytes, len / 2, offset) < 0)
        _exit(3);
    if (now && fault.trouble == KILL_AFTER && fault.pwrite64(fd, bytes, len, offset) < 0)
        _exit(3);
    if (now)
        raise(SIGKILL);
    return fault.pwrite64(fd, bytes, len, offset);
}

/* Every write of SQLite comes through ours from now on. */
static void watch_writes(void)
{
    static const char *const names[] = {"pwrite", "pwrite64"};
    static sqlite3_vfs *(*find)(const char *name);
    static const wfe_dynlib_symbol symbols[] = {{"sqlite3_vfs_find", (void **)&find}};
    assert_int_equal(wfe_dynlib_load("libsqlite3.so.0", "libsqlite3-0", symbols, 1, NULL), 0);
    sqlite3_vfs *vfs = find(NULL);
    fault.pwrite64 = pwrite;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr)faulty_pwrite),
                         SQLITE_OK);
}

#define STORY_LENGTH 12

/* One transition of a small story. */
static int tell_story(wfe_store *store, uint64_t lease, uint64_t seq, wfe_error *err)
{
    static const char *const ready[] = {"next", "other"};
    wfe_store_step_change step;
    wfe_store_output output = {.step = "a", .name = "n", .value = "[1,2,3]", .attempt = 1};
    wfe_store_transition t = rig_transition(seq, &step, "a", seq % 3 ? "running" : "succeeded");
    wfe_store_run_change end = {.state = "succeeded", .is_end = true};
    if (seq % 3 == 0) {
        t.outputs = &output;
        t.n_outputs = 1;
        t.ready = ready;
        t.n_ready = 2;
        t.ready_state = "ready";
    }
    if (seq == STORY_LENGTH)
        t.run = &end;
    return store->record(store, "run", lease, &t, 1, err);
}

/* Tells the story in a process that dies at its n-th write. Gives the last transition that was
 * acknowledged, -1 for none, and whether the process lived. */
static bool tell_until_killed(const rig *r, enum trouble trouble, long at, int *ret_acknowledged)
{
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        wfe_error err = WFE_ERROR_INIT;
        fault.trouble = trouble;
        fault.at = at;
        wfe_store *store = open_store(r);
        char byte = 0;
        uint64_t lease = rig_make_run(store, "run", r->owner).lease;
        for (uint64_t seq = 1; write(told[1], &byte, 1) == 1 && seq <= STORY_LENGTH; seq++) {
            if (tell_story(store, lease, seq, &err))
                _exit(1);
            byte = (char)seq;
        }
        wfe_store_close(store);
        _exit(0);
    }
    close(told[1]);
    char byte = -1;
    *ret_acknowledged = -1;
    while (read(told[0], &byte, 1) == 1)
        *ret_acknowledged = byte;
    close(told[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return !WIFSIGNALED(status);
}

static int last_seq_of(const wfe_store_run *run, void *user)
{
    *(int *)user = (int)run->last_seq;
    return 0;
}

/* Everything up to a transition is there and nothing after it: whatever was acknowledged, and at
 * most the one that was under way. */
static void check_story(const rig *r, int acknowledged, char *const *stories)
{
    wfe_error err = WFE_ERROR_INIT;
    int last_seq = -1;
    wfe_store *store = open_store(r);
    int rc = store->find(store, "run", last_seq_of, &last_seq, &err);
    if (rc == WFE_E_NOT_FOUND) {
        assert_int_equal(acknowledged, -1);
    } else {
        assert_ok(rc, &err);
        assert_true(last_seq == acknowledged || last_seq == acknowledged + 1);
        char *dump = rig_dump(store, "run");
        assert_string_equal(dump, stories[last_seq]);
        free(dump);
    }
    wfe_store_close(store);
    assert_int_equal(ask_number(r->path, "SELECT count(*) FROM pragma_integrity_check WHERE 1 AND "
                                         "integrity_check <> 'ok'"),
                     0);
}

static void kill_at_every_write(const rig *r, enum trouble trouble, char *const *stories)
{
    bool lived = false;
    long n = 0;
    for (; !lived; n++) {
        wfe_error err = WFE_ERROR_INIT;
        int acknowledged = -1;
        lived = tell_until_killed(r, trouble, n + 1, &acknowledged);
        check_story(r, acknowledged, stories);
        char folder[48];
        snprintf(folder, sizeof folder, "%s/state", r->folder);
        assert_ok(wfe_fd_remove_tree(folder, &err), &err);
    }
    print_message("killed at %ld writes\n", n - 1);
    assert_true(n > 4 * STORY_LENGTH);
}

static void test_store_sqlite__a_process_killed_at_any_write_loses_nothing(void **state)
{
    const rig *r = *state;
    char *stories[STORY_LENGTH + 1];
    char folder[48];
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = open_store(r);
    uint64_t lease = rig_make_run(store, "run", r->owner).lease;
    for (uint64_t seq = 0; seq <= STORY_LENGTH; seq++) {
        if (seq)
            assert_ok(tell_story(store, lease, seq, &err), &err);
        stories[seq] = rig_dump(store, "run");
    }
    wfe_store_close(store);
    snprintf(folder, sizeof folder, "%s/state", r->folder);
    assert_ok(wfe_fd_remove_tree(folder, &err), &err);
    kill_at_every_write(r, KILL_BEFORE, stories);
    kill_at_every_write(r, KILL_TORN, stories);
    kill_at_every_write(r, KILL_AFTER, stories);
    for (size_t i = 0; i <= STORY_LENGTH; i++)
        free(stories[i]);
}

static void test_store_sqlite__a_full_disk_is_said_and_loses_nothing(void **state)
{
    const rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = open_store(r);
    uint64_t lease = rig_make_run(store, "run", r->owner).lease;
    assert_ok(tell_story(store, lease, 1, &err), &err);
    char *before = rig_dump(store, "run");
    for (long at = 1; at <= 3; at++) {
        err = (wfe_error)WFE_ERROR_INIT;
        fault.trouble = NO_SPACE;
        fault.count = 0;
        fault.at = at;
        int rc = tell_story(store, lease, 2, &err);
        fault.at = 0;
        assert_int_equal(rc, WFE_E_IO);
        assert_int_equal(err.sys_errno, ENOSPC);
        assert_contains(err.message, r->path);
        assert_contains(err.hint, "wfe gc");
        char *after = rig_dump(store, "run");
        assert_string_equal(before, after);
        free(after);
    }
    /* There is room again. */
    err = (wfe_error)WFE_ERROR_INIT;
    for (uint64_t seq = 2; seq <= STORY_LENGTH; seq++)
        assert_ok(tell_story(store, lease, seq, &err), &err);
    free(before);
    wfe_store_close(store);
    store = open_store(r);
    char *dump = rig_dump(store, "run");
    assert_contains(dump, "run run succeeded 1 ");
    free(dump);
    wfe_store_close(store);
}

/* As a user who may read but not write. */
static void open_as_nobody(const rig *r, int expected)
{
    pid_t pid = fork();
    if (pid == 0) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_store *store = NULL;
        if (setgid(65534) || setuid(65534))
            _exit(3);
        int rc = wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = r->path}, &store, &err);
        if (rc != expected || !strstr(err.message, r->path))
            wfe_assert_print(&err);
        wfe_store_close(store);
        _exit(rc != expected || !strstr(err.message, r->path) || !err.hint[0]);
    }
    assert_int_equal(status_of(pid), 0);
}

static void test_store_sqlite__a_file_that_cannot_be_written_is_said(void **state)
{
    const rig *r = *state;
    char folder[48];
    if (geteuid() != 0)
        skip();
    wfe_store_close(open_store(r));
    snprintf(folder, sizeof folder, "%s/state", r->folder);
    assert_int_equal(chmod(r->folder, 0755) | chmod(folder, 0755) | chmod(r->path, 0444), 0);
    open_as_nobody(r, WFE_E_DENIED);
    assert_int_equal(chmod(r->path, 0600), 0);
    open_as_nobody(r, WFE_E_DENIED);
    assert_int_equal(chmod(folder, 0700), 0);
    open_as_nobody(r, WFE_E_DENIED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_store_sqlite__##name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(its_files_are_for_their_owner_only),
        CASE(a_file_that_must_be_there_is_not_made),
        CASE(what_was_recorded_is_there_after_closing),
        CASE(a_file_of_an_older_version_is_brought_up_to_date),
        CASE(migrated_and_new_files_have_the_same_schema),
        CASE(a_newer_file_is_refused_and_stays_as_it_is),
        CASE(a_newer_file_is_refused_by_its_log_too),
        CASE(a_database_of_another_program_is_refused),
        CASE(damaged_files_are_refused_and_stay_as_they_are),
        CASE(a_schema_without_a_version_is_refused),
        CASE(a_folder_in_its_place_is_refused),
        CASE(many_processes_write_without_losing_anything),
        CASE(of_two_that_claim_at_once_one_wins),
        CASE(a_file_that_stays_busy_is_an_error_to_try_again),
        CASE(a_process_killed_at_any_write_loses_nothing),
        CASE(a_full_disk_is_said_and_loses_nothing),
        CASE(a_file_that_cannot_be_written_is_said),
    };
    watch_writes();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
