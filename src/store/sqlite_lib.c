/* SPDX-License-Identifier: Apache-2.0
 *
 * libsqlite3 as the other files use it. Every result code becomes one of our errors here.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/dynlib.h"
#include "base/owner.h"
#include "store/shared.h"
#include "store/sqlite_priv.h"

struct wfe_sqlite_functions wfe_sqlite;

int wfe_sqlite_load(wfe_error *err)
{
    static const wfe_dynlib_symbol symbols[] = {
#define SQLITE_SYMBOL(name) {#name, (void **)&wfe_sqlite.name},
        WFE_SQLITE_FUNCTIONS(SQLITE_SYMBOL)
#undef SQLITE_SYMBOL
    };
    if (wfe_sqlite.sqlite3_result_int64)
        return 0;
    return wfe_dynlib_load("libsqlite3.so.0", "libsqlite3-0", symbols,
                           sizeof symbols / sizeof *symbols, err);
}

/* ---- errors ---- */

static int fail_io(const wfe_sqlite_store *store, int code, const char *what, wfe_error *err)
{
    int cause = wfe_sqlite.sqlite3_system_errno(store->db);
    if ((code & 0xFF) == SQLITE_FULL || cause == ENOSPC || cause == EDQUOT) {
        wfe_error_set_errno(err, cause ? cause : ENOSPC, "cannot %s in %s", what, store->path);
        wfe_error_hint(err,
                       "make room on the file system of %s: `wfe gc` removes old runs and "
                       "their logs; nothing that was recorded is lost",
                       store->path);
        return err ? err->kind : WFE_E_IO;
    }
    if (cause == EACCES || cause == EPERM || cause == EROFS)
        return wfe_sqlite_path_error(cause, "write to", store->path, err);
    if (cause)
        return wfe_error_set_errno(err, cause, "cannot %s in %s", what, store->path);
    return wfe_error_set(err, WFE_E_IO, "cannot %s in %s: %s", what, store->path,
                         wfe_sqlite.sqlite3_errmsg(store->db));
}

int wfe_sqlite_damaged(const wfe_sqlite_store *store, const char *what, const char *why,
                       wfe_error *err)
{
    wfe_error_set(err, WFE_E_INVALID, "cannot %s: %s is damaged or no database: %s", what,
                  store->path, why);
    wfe_error_hint(err,
                   "keep a copy of it and of the files beside it; what can be read comes out with "
                   "`sqlite3 FILE .recover | sqlite3 NEW`; or move them away, and wfe begins anew "
                   "without the old runs");
    return WFE_E_INVALID;
}

int wfe_sqlite_path_error(int sys_errno, const char *what, const char *path, wfe_error *err)
{
    int kind = wfe_error_set_errno(err, sys_errno, "cannot %s %s", what, path);
    if (kind == WFE_E_DENIED)
        wfe_error_hint(err, "the file and its folder must be writable for this user, on a file "
                            "system that is not read-only; another state directory can be given "
                            "in WFE_STATE_DIR");
    return kind;
}

int wfe_sqlite_fail(const wfe_sqlite_store *store, int code, const char *what, wfe_error *err)
{
    switch (code & 0xFF) {
    case SQLITE_NOMEM:
        return wfe_error_nomem(err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        wfe_error_set(err, WFE_E_UNAVAILABLE, "cannot %s: another process kept %s busy for %llu ms",
                      what, store->path, (unsigned long long)store->busy_ms);
        wfe_error_hint(err, "try again; `fuser %s` names the processes that have it open",
                       store->path);
        if (err)
            err->retryable = true;
        return WFE_E_UNAVAILABLE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return wfe_sqlite_damaged(store, what, wfe_sqlite.sqlite3_errmsg(store->db), err);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return wfe_sqlite_path_error(EACCES, "write to", store->path, err);
    case SQLITE_TOOBIG:
        return wfe_error_set(err, WFE_E_LIMIT, "cannot %s in %s: a value is too long", what,
                             store->path);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return fail_io(store, code, what, err);
    default:
        return wfe_error_set(err, WFE_E_INTERNAL, "cannot %s in %s: %s (SQLite error %d)", what,
                             store->path, wfe_sqlite.sqlite3_errmsg(store->db), code);
    }
}

/* ---- statements ---- */

int wfe_sqlite_exec(wfe_sqlite_store *store, const char *sql, const char *what, wfe_error *err)
{
    int code = wfe_sqlite.sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : wfe_sqlite_fail(store, code, what, err);
}

int wfe_sqlite_number(wfe_sqlite_store *store, const char *sql, int64_t *ret, const char *what,
                      wfe_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = wfe_sqlite.sqlite3_prepare_v3(store->db, sql, -1, 0, &stmt, NULL);
    if (code == SQLITE_OK)
        code = wfe_sqlite.sqlite3_step(stmt);
    int64_t value = code == SQLITE_ROW ? wfe_sqlite_int(stmt, 0) : 0;
    int rc =
        code == SQLITE_ROW || code == SQLITE_DONE ? 0 : wfe_sqlite_fail(store, code, what, err);
    wfe_sqlite.sqlite3_finalize(stmt);
    if (!rc)
        *ret = value;
    return rc;
}

int wfe_sqlite_prepare(wfe_sqlite_store *store, enum wfe_sqlite_statement id, sqlite3_stmt **ret,
                       wfe_error *err)
{
    static const char *const texts[] = {
#define WFE_SQLITE_STATEMENT(name, sql) sql,
#include "store/sqlite_sql.h"
#undef WFE_SQLITE_STATEMENT
    };
    if (!store->statements[id]) {
        int code = wfe_sqlite.sqlite3_prepare_v3(
            store->db, texts[id], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[id], NULL);
        if (code != SQLITE_OK)
            return wfe_sqlite_fail(store, code, "prepare a statement", err);
    }
    *ret = store->statements[id];
    return 0;
}

int wfe_sqlite_row(wfe_sqlite_store *store, sqlite3_stmt *stmt, const char *what, wfe_error *err)
{
    int code = wfe_sqlite.sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : wfe_sqlite_fail(store, code, what, err);
}

int wfe_sqlite_run(wfe_sqlite_store *store, sqlite3_stmt *stmt, int *ret_changes, const char *what,
                   wfe_error *err)
{
    int rc;
    while ((rc = wfe_sqlite_row(store, stmt, what, err)) == 1)
        ;
    if (!rc && ret_changes)
        *ret_changes = wfe_sqlite.sqlite3_changes(store->db);
    wfe_sqlite.sqlite3_reset(stmt);
    return rc;
}

static void roll_back(wfe_sqlite_store *store)
{
    sqlite3_stmt *stmt = store->statements[WFE_SQL_ROLLBACK];
    /* Some failures have rolled back already. */
    if (stmt && !wfe_sqlite.sqlite3_get_autocommit(store->db)) {
        wfe_sqlite.sqlite3_step(stmt);
        wfe_sqlite.sqlite3_reset(stmt);
    }
}

/* The end is prepared before the beginning: without memory there would be no way back. */
int wfe_sqlite_begin(wfe_sqlite_store *store, const char *what, wfe_error *err)
{
    static const enum wfe_sqlite_statement ids[] = {WFE_SQL_ROLLBACK, WFE_SQL_COMMIT,
                                                    WFE_SQL_BEGIN};
    sqlite3_stmt *stmt = NULL;
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof ids / sizeof *ids; i++)
        rc = wfe_sqlite_prepare(store, ids[i], &stmt, err);
    if (rc)
        return rc;
    roll_back(store);
    return wfe_sqlite_run(store, stmt, NULL, what, err);
}

int wfe_sqlite_end(wfe_sqlite_store *store, int rc, const char *what, wfe_error *err)
{
    if (!rc)
        rc = wfe_sqlite_run(store, store->statements[WFE_SQL_COMMIT], NULL, what, err);
    if (rc)
        roll_back(store);
    return rc;
}

/* ---- parameters ---- */

static void note(wfe_sqlite_binder *binder, int code)
{
    if (binder->code == SQLITE_OK)
        binder->code = code;
}

void wfe_sqlite_bind_text(wfe_sqlite_binder *binder, const char *text)
{
    int index = ++binder->index;
    note(binder, text ? wfe_sqlite.sqlite3_bind_text64(binder->stmt, index, text, strlen(text),
                                                       SQLITE_STATIC, SQLITE_UTF8)
                      : wfe_sqlite.sqlite3_bind_null(binder->stmt, index));
}

void wfe_sqlite_bind_int(wfe_sqlite_binder *binder, int64_t value)
{
    note(binder, wfe_sqlite.sqlite3_bind_int64(binder->stmt, ++binder->index, value));
}

void wfe_sqlite_bind_blob(wfe_sqlite_binder *binder, const void *bytes, size_t len)
{
    note(binder, wfe_sqlite.sqlite3_bind_blob64(binder->stmt, ++binder->index, bytes ? bytes : "",
                                                len, SQLITE_STATIC));
}

int wfe_sqlite_run_bound(wfe_sqlite_store *store, const wfe_sqlite_binder *binder, int *ret_changes,
                         const char *what, wfe_error *err)
{
    if (binder->code != SQLITE_OK)
        return wfe_sqlite_fail(store, binder->code, what, err);
    return wfe_sqlite_run(store, binder->stmt, ret_changes, what, err);
}

/* ---- what SQL may call ---- */

/* The database's own time is this machine's. */
static void sql_now(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    (void)values;
    wfe_sqlite.sqlite3_result_int64(context, wfe_clock_wall_us());
}

static void sql_owner_is_gone(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    const char *owner = (const char *)wfe_sqlite.sqlite3_value_text(values[0]);
    int64_t lease_until_us = wfe_sqlite.sqlite3_value_int64(values[1]);
    wfe_sqlite.sqlite3_result_int(context,
                                  !owner || wfe_store_owner_is_gone(owner, lease_until_us));
}

int wfe_sqlite_add_functions(wfe_sqlite_store *store, wfe_error *err)
{
    int code = wfe_sqlite.sqlite3_create_function_v2(
        store->db, "wfe_now", 0, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, sql_now, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = wfe_sqlite.sqlite3_create_function_v2(store->db, "wfe_owner_is_gone", 2,
                                                     SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL,
                                                     sql_owner_is_gone, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : wfe_sqlite_fail(store, code, "add functions", err);
}
