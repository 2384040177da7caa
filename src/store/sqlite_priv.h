/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the SQLite back end share: the library's functions, loaded at their first use;
 * its errors as ours; statements, prepared once and bound in order.
 */
#ifndef WFE_STORE_SQLITE_PRIV_H
#define WFE_STORE_SQLITE_PRIV_H

#include <sqlite3.h>

#include "base/cleanup.h"
#include "store/sqlite.h"

#define WFE_SQLITE_FUNCTIONS(X)                                                                    \
    X(sqlite3_open_v2)                                                                             \
    X(sqlite3_close_v2)                                                                            \
    X(sqlite3_db_config)                                                                           \
    X(sqlite3_db_readonly)                                                                         \
    X(sqlite3_extended_result_codes)                                                               \
    X(sqlite3_busy_handler)                                                                        \
    X(sqlite3_create_function_v2)                                                                  \
    X(sqlite3_exec)                                                                                \
    X(sqlite3_errmsg)                                                                              \
    X(sqlite3_system_errno)                                                                        \
    X(sqlite3_get_autocommit)                                                                      \
    X(sqlite3_changes)                                                                             \
    X(sqlite3_last_insert_rowid)                                                                   \
    X(sqlite3_prepare_v3)                                                                          \
    X(sqlite3_step)                                                                                \
    X(sqlite3_reset)                                                                               \
    X(sqlite3_clear_bindings)                                                                      \
    X(sqlite3_finalize)                                                                            \
    X(sqlite3_bind_int64)                                                                          \
    X(sqlite3_bind_text64)                                                                         \
    X(sqlite3_bind_blob64)                                                                         \
    X(sqlite3_bind_null)                                                                           \
    X(sqlite3_column_int64)                                                                        \
    X(sqlite3_column_text)                                                                         \
    X(sqlite3_column_blob)                                                                         \
    X(sqlite3_column_bytes)                                                                        \
    X(sqlite3_value_text)                                                                          \
    X(sqlite3_value_int64)                                                                         \
    X(sqlite3_result_int)                                                                          \
    X(sqlite3_result_int64)

extern struct wfe_sqlite_functions {
#define WFE_SQLITE_MEMBER_(name) __typeof__ (&(name))(name);
    WFE_SQLITE_FUNCTIONS(WFE_SQLITE_MEMBER_)
#undef WFE_SQLITE_MEMBER_
} wfe_sqlite;

/* The database file's own mark: "wfe1". */
#define WFE_SQLITE_APPLICATION_ID 0x77666531

/* One for each text of SQL that is used more than once: sqlite_sql.h. */
enum wfe_sqlite_statement {
#define WFE_SQLITE_STATEMENT(name, sql) WFE_SQL_##name,
#include "store/sqlite_sql.h"
#undef WFE_SQLITE_STATEMENT
    WFE_SQL_COUNT
};

typedef struct wfe_sqlite_store {
    wfe_store fns; /* first: it is what others see */
    sqlite3 *db;
    char *path;
    uint64_t busy_ms;
    uint64_t busy_since_us; /* monotonic */
    sqlite3_stmt *statements[WFE_SQL_COUNT];
} wfe_sqlite_store;

/* ---- sqlite_lib.c ---- */

int wfe_sqlite_load(wfe_error *err);
/* Sets err from a result code of SQLite: "cannot WHAT in PATH: ...". Returns its kind. */
int wfe_sqlite_fail(const wfe_sqlite_store *store, int code, const char *what, wfe_error *err);
int wfe_sqlite_damaged(const wfe_sqlite_store *store, const char *what, const char *why,
                       wfe_error *err);
/* "cannot WHAT PATH: ...", and what to do. */
int wfe_sqlite_path_error(int sys_errno, const char *what, const char *path, wfe_error *err);
int wfe_sqlite_exec(wfe_sqlite_store *store, const char *sql, const char *what, wfe_error *err);
/* The first column of the first row; 0 when there is no row, or it is NULL. */
int wfe_sqlite_number(wfe_sqlite_store *store, const char *sql, int64_t *ret, const char *what,
                      wfe_error *err);
/* Waits for other writers; what is read from here on stays true until end. */
int wfe_sqlite_begin(wfe_sqlite_store *store, const char *what, wfe_error *err);
/* Commits when rc is 0, and rolls back when it is not. Returns rc, or the commit's own failure. */
int wfe_sqlite_end(wfe_sqlite_store *store, int rc, const char *what, wfe_error *err);
int wfe_sqlite_prepare(wfe_sqlite_store *store, enum wfe_sqlite_statement id, sqlite3_stmt **ret,
                       wfe_error *err);
/* Runs a statement to its end; *ret_changes (may be NULL): rows changed. */
int wfe_sqlite_run(wfe_sqlite_store *store, sqlite3_stmt *stmt, int *ret_changes, const char *what,
                   wfe_error *err);
/* The next row: 1; no more: 0; else a failure. */
int wfe_sqlite_row(wfe_sqlite_store *store, sqlite3_stmt *stmt, const char *what, wfe_error *err);
int wfe_sqlite_add_functions(wfe_sqlite_store *store, wfe_error *err);

/* Resets a prepared statement when it goes out of scope. */
static inline void wfe_sqlite_resetp(sqlite3_stmt **stmt)
{
    if (!*stmt)
        return;
    wfe_sqlite.sqlite3_reset(*stmt);
    wfe_sqlite.sqlite3_clear_bindings(*stmt);
}
#define _cleanup_reset_ _cleanup_(wfe_sqlite_resetp)

/* Parameters in their order; texts are borrowed until the statement is reset. Only a lack of memory
 * or a wrong number can make binding fail, and stepping reports that. */
typedef struct wfe_sqlite_binder {
    sqlite3_stmt *stmt;
    int index;
    int code; /* the first failure */
} wfe_sqlite_binder;

void wfe_sqlite_bind_text(wfe_sqlite_binder *binder, const char *text);
void wfe_sqlite_bind_int(wfe_sqlite_binder *binder, int64_t value);
void wfe_sqlite_bind_blob(wfe_sqlite_binder *binder, const void *bytes, size_t len);
/* As wfe_sqlite_run, when all of it could be bound. */
int wfe_sqlite_run_bound(wfe_sqlite_store *store, const wfe_sqlite_binder *binder, int *ret_changes,
                         const char *what, wfe_error *err);

/* NULL for SQL's. */
static inline const char *wfe_sqlite_text(sqlite3_stmt *stmt, int column)
{
    return (const char *)wfe_sqlite.sqlite3_column_text(stmt, column);
}
static inline int64_t wfe_sqlite_int(sqlite3_stmt *stmt, int column)
{
    return wfe_sqlite.sqlite3_column_int64(stmt, column);
}

/* ---- sqlite.c ---- */

/* For what SQLite itself does not wait for. */
int wfe_sqlite_exec_waiting(wfe_sqlite_store *store, const char *sql, const char *what,
                            wfe_error *err);

/* ---- sqlite_schema.c ---- */

/* Refuses what is damaged, newer or not ours, without a write; else makes or migrates it. */
int wfe_sqlite_schema_ready(wfe_sqlite_store *store, const char *program, wfe_error *err);

/* ---- sqlite_claim.c ---- */

/* Why a run cannot be had: NOT_FOUND, or CONFLICT with who has it. */
int wfe_sqlite_refuse(wfe_sqlite_store *store, const char *run_id, wfe_error *err);

/* ---- sqlite_record.c, sqlite_claim.c, sqlite_read.c: the functions of the table ---- */

int wfe_sqlite_create_run(wfe_store *fns, const wfe_store_new_run *run, wfe_store_made_run *ret,
                          wfe_error *err);
int wfe_sqlite_record(wfe_store *fns, const char *run_id, uint64_t lease,
                      const wfe_store_transition *transitions, size_t n, wfe_error *err);
int wfe_sqlite_remove(wfe_store *fns, const char *run_id, wfe_error *err);
int wfe_sqlite_tidy(wfe_store *fns, wfe_error *err);

int wfe_sqlite_claim(wfe_store *fns, const char *run_id, const char *owner, uint64_t lease_ms,
                     bool force, uint64_t *ret_lease, wfe_error *err);
int wfe_sqlite_claim_next(wfe_store *fns, const char *owner, uint64_t lease_ms, char *ret_id,
                          size_t id_size, uint64_t *ret_lease, wfe_error *err);
int wfe_sqlite_renew(wfe_store *fns, const char *run_id, uint64_t lease, uint64_t lease_ms,
                     bool *ret_asked, wfe_error *err);
int wfe_sqlite_release(wfe_store *fns, const char *run_id, uint64_t lease, wfe_error *err);
int wfe_sqlite_ask(wfe_store *fns, const char *run_id, const char *what, wfe_error *err);

int wfe_sqlite_find(wfe_store *fns, const char *text, wfe_store_run_fn fn, void *user,
                    wfe_error *err);
int wfe_sqlite_runs(wfe_store *fns, const wfe_store_filter *filter, wfe_store_run_fn fn, void *user,
                    wfe_error *err);
int wfe_sqlite_steps(wfe_store *fns, const char *run_id, wfe_store_step_fn fn, void *user,
                     wfe_error *err);
int wfe_sqlite_outputs(wfe_store *fns, const char *run_id, const char *step, wfe_store_output_fn fn,
                       void *user, wfe_error *err);
int wfe_sqlite_events(wfe_store *fns, const char *run_id, uint64_t after_seq, uint32_t limit,
                      wfe_store_event_fn fn, void *user, wfe_error *err);
int wfe_sqlite_definition(wfe_store *fns, const char *hash, char **ret, size_t *ret_len,
                          wfe_error *err);

#endif
