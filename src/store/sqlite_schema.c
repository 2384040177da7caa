/* SPDX-License-Identifier: Apache-2.0
 *
 * What the database file must look like, and how it gets there. Until a file is known to be ours,
 * whole and not newer than this program, nothing is written to it, not even by a checkpoint.
 */
#include "store/sqlite_schema.h"

#include <stdio.h>

#include "store/sqlite_priv.h"

/* Checked whole when it is opened; a larger one only in its header and schema, since reading it all
 * would take longer than most commands. */
#define CHECK_MAX_BYTES ((int64_t)4 * 1024 * 1024)

/* Times are microseconds since 1970; 0 is never. Big texts are apart from what lists read. Tables
 * by run have the run first in their key, so that all of a run lies together. */
static const char version_1[] =
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL,"
    " program TEXT NOT NULL);"
    "CREATE TABLE definition (hash TEXT NOT NULL UNIQUE, body BLOB NOT NULL);"
    "CREATE TABLE counter (stem TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE run (key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL UNIQUE, workflow TEXT NOT NULL, number INTEGER NOT NULL,"
    " state TEXT NOT NULL, is_end INTEGER NOT NULL DEFAULT 0, owner TEXT,"
    " lease INTEGER NOT NULL DEFAULT 0, lease_until INTEGER NOT NULL DEFAULT 0,"
    " hash TEXT NOT NULL, error TEXT, created_at INTEGER NOT NULL,"
    " ended_at INTEGER NOT NULL DEFAULT 0, elapsed INTEGER NOT NULL DEFAULT 0,"
    " last_seq INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX run_state ON run (state);"
    "CREATE INDEX run_workflow ON run (workflow);"
    "CREATE INDEX run_workflow_state ON run (workflow, state);"
    "CREATE INDEX run_created ON run (created_at);"
    "CREATE INDEX run_open ON run (key) WHERE is_end = 0;"
    "CREATE INDEX run_hash ON run (hash);"
    "CREATE TABLE run_text (run INTEGER PRIMARY KEY, inputs TEXT, options TEXT, outputs TEXT);"
    "CREATE TABLE step (run INTEGER NOT NULL, path TEXT NOT NULL, is_service INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, first_seq INTEGER NOT NULL, first_place INTEGER NOT NULL DEFAULT 0,"
    " parent TEXT, role TEXT, state TEXT NOT NULL, is_end INTEGER NOT NULL DEFAULT 0,"
    " attempt INTEGER NOT NULL DEFAULT 0, container TEXT, owner TEXT,"
    " lease INTEGER NOT NULL DEFAULT 0, exit_code INTEGER NOT NULL DEFAULT -1, cause TEXT,"
    " reason TEXT, allowed INTEGER NOT NULL DEFAULT 0, error TEXT,"
    " wake_at INTEGER NOT NULL DEFAULT 0, ready_at INTEGER NOT NULL DEFAULT 0,"
    " begun_at INTEGER NOT NULL DEFAULT 0, ended_at INTEGER NOT NULL DEFAULT 0,"
    " elapsed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, path, is_service)) WITHOUT ROWID;"
    "CREATE TABLE output (run INTEGER NOT NULL, step TEXT NOT NULL, name TEXT NOT NULL,"
    " attempt INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, step, name)) WITHOUT ROWID;"
    "CREATE TABLE event (run INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,"
    " recorded_at INTEGER NOT NULL, kind TEXT NOT NULL, step TEXT, body TEXT NOT NULL,"
    " PRIMARY KEY (run, seq)) WITHOUT ROWID;";

/* Runs that repeat another one, wishes of other processes, and the removal of old runs. */
static const char version_2[] = "ALTER TABLE run ADD COLUMN rerun_of TEXT;"
                                "ALTER TABLE run ADD COLUMN asked TEXT;"
                                "CREATE INDEX run_ended ON run (ended_at) WHERE is_end = 1;";

const char *const wfe_sqlite_migrations[WFE_SQLITE_SCHEMA_VERSION] = {version_1, version_2};

/* ---- looking ---- */

static int refuse_foreign(const wfe_sqlite_store *store, wfe_error *err)
{
    wfe_error_set(err, WFE_E_INVALID, "%s is a database, but not of wfe", store->path);
    wfe_error_hint(err, "nothing in it was changed; give another state directory in WFE_STATE_DIR, "
                        "or move the file away");
    return WFE_E_INVALID;
}

static int refuse_newer(const wfe_sqlite_store *store, int64_t version, wfe_error *err)
{
    wfe_error_set(
        err, WFE_E_INVALID,
        "%s has schema version %lld, made by a newer wfe; this one knows versions up to %d",
        store->path, (long long)version, WFE_SQLITE_SCHEMA_VERSION);
    wfe_error_hint(err, "nothing in it was changed; use the newer wfe, or give another state "
                        "directory in WFE_STATE_DIR");
    return WFE_E_INVALID;
}

/* The schema's version; 0 for an empty file. */
static int read_version(wfe_sqlite_store *store, int64_t *ret, wfe_error *err)
{
    int64_t objects = 0, application = 0, ours = 0, version = 0;
    int rc = wfe_sqlite_number(store, "SELECT count(*) FROM sqlite_schema", &objects, "open", err);
    if (!rc)
        rc = wfe_sqlite_number(store, "PRAGMA application_id", &application, "open", err);
    if (rc)
        return rc;
    if (!objects && !application) {
        *ret = 0;
        return 0;
    }
    if (application != WFE_SQLITE_APPLICATION_ID)
        return refuse_foreign(store, err);
    rc =
        wfe_sqlite_number(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'",
                          &ours, "open", err);
    if (!rc && !ours)
        return refuse_foreign(store, err);
    if (!rc)
        rc = wfe_sqlite_number(store, "SELECT max(version) FROM schema_version", &version, "open",
                               err);
    if (!rc && version < 1)
        return wfe_sqlite_fail(store, SQLITE_CORRUPT, "open", err);
    if (!rc && version > WFE_SQLITE_SCHEMA_VERSION)
        return refuse_newer(store, version, err);
    if (!rc)
        *ret = version;
    return rc;
}

/* SQLite tells of damage where it stumbles over it, which may be after a write elsewhere. */
static int check_whole(wfe_sqlite_store *store, wfe_error *err)
{
    int64_t pages = 0, page_size = 0, bad = 0;
    int rc = wfe_sqlite_number(store, "PRAGMA page_count", &pages, "open", err);
    if (!rc)
        rc = wfe_sqlite_number(store, "PRAGMA page_size", &page_size, "open", err);
    if (rc || pages * page_size > CHECK_MAX_BYTES)
        return rc;
    rc = wfe_sqlite_number(store,
                           "SELECT count(*) FROM pragma_quick_check(1) WHERE quick_check <> 'ok'",
                           &bad, "open", err);
    if (!rc && bad)
        return wfe_sqlite_damaged(store, "open", "its pages do not fit together", err);
    return rc;
}

/* ---- making ---- */

static int migrate(wfe_sqlite_store *store, int64_t version, const char *program, wfe_error *err)
{
    int rc = 0;
    while (!rc && version < WFE_SQLITE_SCHEMA_VERSION) {
        sqlite3_stmt *stmt = NULL;
        rc = wfe_sqlite_exec(store, wfe_sqlite_migrations[version], "update the schema", err);
        if (rc)
            break;
        int code = wfe_sqlite.sqlite3_prepare_v3(
            store->db, "INSERT INTO schema_version VALUES (?1, wfe_now(), ?2)", -1, 0, &stmt, NULL);
        if (code != SQLITE_OK) {
            rc = wfe_sqlite_fail(store, code, "update the schema", err);
            break;
        }
        wfe_sqlite_binder binder = {.stmt = stmt};
        wfe_sqlite_bind_int(&binder, ++version);
        wfe_sqlite_bind_text(&binder, program);
        rc = wfe_sqlite_run_bound(store, &binder, NULL, "update the schema", err);
        wfe_sqlite.sqlite3_finalize(stmt);
    }
    return rc;
}

/* Another process may do the same at the same time: the version is looked at again inside. */
static int make(wfe_sqlite_store *store, const char *program, wfe_error *err)
{
    int64_t version = 0;
    int rc = wfe_sqlite_begin(store, "update the schema", err);
    if (rc)
        return rc;
    rc = read_version(store, &version, err);
    if (!rc && !version) {
        char mark[64];
        snprintf(mark, sizeof mark, "PRAGMA application_id = %d", WFE_SQLITE_APPLICATION_ID);
        rc = wfe_sqlite_exec(store, mark, "make the database", err);
    }
    if (!rc)
        rc = migrate(store, version, program, err);
    return wfe_sqlite_end(store, rc, "update the schema", err);
}

/* SQLite does not wait for other processes when it changes to the write-ahead log, and a file of
 * another journal mode must not get a commit. */
static int use_wal(wfe_sqlite_store *store, wfe_error *err)
{
    int64_t is_wal = 0;
    int rc = wfe_sqlite_number(store, "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
                               &is_wal, "open", err);
    if (rc || is_wal)
        return rc;
    rc = wfe_sqlite_exec_waiting(store, "PRAGMA journal_mode = WAL", "change the journal of", err);
    if (!rc)
        rc = wfe_sqlite_number(store, "SELECT journal_mode = 'wal' FROM pragma_journal_mode",
                               &is_wal, "open", err);
    if (!rc && !is_wal) {
        wfe_error_set(err, WFE_E_INVALID, "%s cannot have a write-ahead log", store->path);
        wfe_error_hint(err, "the state directory must be on a local file system; give another one "
                            "in WFE_STATE_DIR");
        return WFE_E_INVALID;
    }
    return rc;
}

int wfe_sqlite_schema_ready(wfe_sqlite_store *store, const char *program, wfe_error *err)
{
    int64_t version = 0;
    int rc = read_version(store, &version, err);
    if (!rc && version)
        rc = check_whole(store, err);
    /* Must come before the first table; lets tidy give space back. */
    if (!rc && !version)
        rc = wfe_sqlite_exec(store, "PRAGMA auto_vacuum = INCREMENTAL", "make the database", err);
    if (!rc)
        rc = use_wal(store, err);
    if (!rc && version < WFE_SQLITE_SCHEMA_VERSION)
        rc = make(store, program, err);
    return rc;
}
