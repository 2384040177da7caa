/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening and closing the SQLite store. Every connection syncs the write-ahead log at each commit
 * (synchronous = FULL): with NORMAL, a commit would survive the end of the process but not that of
 * the machine, and a step whose result was recorded would run again.
 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "store/sqlite_priv.h"

#define BUSY_MS_DEFAULT 10000
/* Between two looks at a lock; SQLite's own handler sleeps up to 100 ms. */
#define BUSY_SLEEP_MAX_MS 8

/* Beyond it the write-ahead log is cut again after a checkpoint. */
#define WAL_KEEP_BYTES "16777216"

static const wfe_store functions = {
    .create_run = wfe_sqlite_create_run,
    .record = wfe_sqlite_record,
    .claim = wfe_sqlite_claim,
    .claim_next = wfe_sqlite_claim_next,
    .renew = wfe_sqlite_renew,
    .release = wfe_sqlite_release,
    .ask = wfe_sqlite_ask,
    .find = wfe_sqlite_find,
    .runs = wfe_sqlite_runs,
    .steps = wfe_sqlite_steps,
    .outputs = wfe_sqlite_outputs,
    .events = wfe_sqlite_events,
    .definition = wfe_sqlite_definition,
    .remove = wfe_sqlite_remove,
    .tidy = wfe_sqlite_tidy,
};

static void close_store(wfe_store *fns)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    if (!store)
        return;
    for (size_t i = 0; i < WFE_SQL_COUNT; i++)
        wfe_sqlite.sqlite3_finalize(store->statements[i]);
    if (store->db)
        wfe_sqlite.sqlite3_close_v2(store->db);
    free(store->path);
    free(store);
}

WFE_DEFINE_CLEANUP(wfe_store, close_store)

/* n: how often it was called for this lock. */
static int on_busy(void *user, int n)
{
    wfe_sqlite_store *store = user;
    uint64_t now_us = wfe_clock_monotonic_us();
    if (n == 0)
        store->busy_since_us = now_us;
    if (now_us - store->busy_since_us >= store->busy_ms * 1000)
        return 0;
    long ms = n < BUSY_SLEEP_MAX_MS ? n + 1 : BUSY_SLEEP_MAX_MS;
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
    return 1;
}

int wfe_sqlite_exec_waiting(wfe_sqlite_store *store, const char *sql, const char *what,
                            wfe_error *err)
{
    for (int n = 0;; n++) {
        int code = wfe_sqlite.sqlite3_exec(store->db, sql, NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return 0;
        if ((code & 0xFF) != SQLITE_BUSY || !on_busy(store, n))
            return wfe_sqlite_fail(store, code, what, err);
    }
}

/* Makes the folder's entry for the new file durable. */
static void sync_folder(const char *folder)
{
    _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

/* The file with mode 0600, which SQLite gives to the files beside it, too. An existing one is never
 * opened here: closing it would drop the locks of other stores of this process. */
static int make_file(const char *path, wfe_error *err)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (!folder)
        return wfe_error_nomem(err);
    int rc = *folder ? wfe_fd_make_dirs(folder, 0700, err) : 0;
    if (rc)
        return rc;
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno != EEXIST)
        return wfe_sqlite_path_error(errno, "make", path, err);
    if (fd >= 0)
        sync_folder(*folder ? folder : "/");
    return 0;
}

static int check_file(const wfe_store_sqlite_options *options, wfe_error *err)
{
    struct stat st;
    if (stat(options->path, &st) == 0) {
        if (S_ISREG(st.st_mode))
            return 0;
        return wfe_error_set(err, WFE_E_INVALID, "%s is no file", options->path);
    }
    if (errno != ENOENT)
        return wfe_sqlite_path_error(errno, "open", options->path, err);
    if (!options->must_exist)
        return make_file(options->path, err);
    return wfe_error_set(err, WFE_E_NOT_FOUND, "there is no %s: nothing has been recorded",
                         options->path);
}

static int connect_file(wfe_sqlite_store *store, wfe_error *err)
{
    int code = wfe_sqlite.sqlite3_open_v2(store->path, &store->db,
                                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!store->db)
        return wfe_error_nomem(err);
    wfe_sqlite.sqlite3_extended_result_codes(store->db, 1);
    if (code != SQLITE_OK)
        return wfe_sqlite_fail(store, code, "open the database", err);
    if (wfe_sqlite.sqlite3_db_readonly(store->db, "main"))
        return wfe_sqlite_fail(store, SQLITE_READONLY, "open the database", err);
    wfe_sqlite.sqlite3_busy_handler(store->db, on_busy, store);
    /* Nothing in the file may run code, and nothing is written to it before it is known. */
    wfe_sqlite.sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    wfe_sqlite.sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    wfe_sqlite.sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    int rc = wfe_sqlite_add_functions(store, err);
    if (!rc)
        rc = wfe_sqlite_exec(store,
                             "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;"
                             "PRAGMA journal_size_limit = " WAL_KEEP_BYTES,
                             "open the database", err);
    return rc;
}

int wfe_store_sqlite_open(const wfe_store_sqlite_options *options, wfe_store **ret, wfe_error *err)
{
    int rc = wfe_sqlite_load(err);
    if (!rc)
        rc = check_file(options, err);
    if (rc)
        return rc;
    wfe_sqlite_store *store = calloc(1, sizeof *store);
    if (!store)
        return wfe_error_nomem(err);
    _cleanup_(close_store_p) wfe_store *fns = &store->fns;
    *fns = functions;
    fns->close = close_store;
    store->busy_ms = options->busy_ms ? options->busy_ms : BUSY_MS_DEFAULT;
    store->path = strdup(options->path);
    if (!store->path)
        return wfe_error_nomem(err);
    rc = connect_file(store, err);
    if (!rc)
        rc = wfe_sqlite_schema_ready(store, options->program ? options->program : "wfe", err);
    if (rc)
        return rc;
    wfe_sqlite.sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, (int *)NULL);
    *ret = wfe_take(fns);
    return 0;
}
