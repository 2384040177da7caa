/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything of the SQLite store that only reads. Each call sees one state of the database, however
 * long it takes and whatever others write meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/shared.h"
#include "store/sqlite_priv.h"

/* Columns in the order of WFE_SQL_RUN_COLUMNS_; big ones only with is_whole. */
static wfe_store_run read_run(sqlite3_stmt *s, bool is_whole)
{
    return (wfe_store_run){
        .key = wfe_sqlite_int(s, 0),
        .id = wfe_sqlite_text(s, 1),
        .name = wfe_sqlite_text(s, 2),
        .workflow = wfe_sqlite_text(s, 3),
        .number = (uint64_t)wfe_sqlite_int(s, 4),
        .state = wfe_sqlite_text(s, 5),
        .is_end = wfe_sqlite_int(s, 6) != 0,
        .owner = wfe_sqlite_text(s, 7),
        .lease = (uint64_t)wfe_sqlite_int(s, 8),
        .lease_until_us = wfe_sqlite_int(s, 9),
        .asked = wfe_sqlite_text(s, 10),
        .hash = wfe_sqlite_text(s, 11),
        .rerun_of = wfe_sqlite_text(s, 12),
        .error = wfe_sqlite_text(s, 13),
        .created_at_us = wfe_sqlite_int(s, 14),
        .ended_at_us = wfe_sqlite_int(s, 15),
        .elapsed_us = (uint64_t)wfe_sqlite_int(s, 16),
        .last_seq = (uint64_t)wfe_sqlite_int(s, 17),
        .inputs = is_whole ? wfe_sqlite_text(s, 18) : NULL,
        .options = is_whole ? wfe_sqlite_text(s, 19) : NULL,
        .outputs = is_whole ? wfe_sqlite_text(s, 20) : NULL,
    };
}

/* ---- one run ---- */

static int find_prefix(wfe_sqlite_store *store, const char *text, wfe_store_run_fn fn, void *user,
                       wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    _cleanup_free_ char *first = NULL;
    if (strlen(text) < WFE_STORE_MIN_PREFIX)
        return wfe_store_no_run(text, err);
    int rc = wfe_sqlite_prepare(store, WFE_SQL_FIND_PREFIX, &stmt, err);
    if (rc)
        return rc;
    /* Twice, since a row is gone when the next one is looked for. */
    for (int pass = 0; pass < 2; pass++) {
        wfe_sqlite_binder binder = {.stmt = stmt};
        wfe_sqlite_bind_text(&binder, text);
        rc = wfe_sqlite_row(store, stmt, "look for a run", err);
        if (rc < 0)
            return rc;
        if (!rc)
            return wfe_store_no_run(text, err);
        wfe_store_run run = read_run(stmt, true);
        if (pass)
            return fn(&run, user);
        first = strdup(run.name);
        if (!first)
            return wfe_error_nomem(err);
        rc = wfe_sqlite_row(store, stmt, "look for a run", err);
        if (rc < 0)
            return rc;
        if (rc)
            return wfe_store_is_ambiguous(text, first, wfe_sqlite_text(stmt, 2), err);
        wfe_sqlite.sqlite3_reset(stmt);
    }
    return 0;
}

int wfe_sqlite_find(wfe_store *fns, const char *text, wfe_store_run_fn fn, void *user,
                    wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_FIND_EXACT, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, text);
    rc = wfe_sqlite_row(store, stmt, "look for a run", err);
    if (rc < 0)
        return rc;
    if (!rc)
        return find_prefix(store, text, fn, user, err);
    wfe_store_run run = read_run(stmt, true);
    return fn(&run, user);
}

/* ---- many ---- */

/* The conditions that apply, and no others: an index that fits one of them is used only so. */
static int filter_sql(const wfe_store_filter *filter, wfe_buf *sql, wfe_error *err)
{
    int rc = wfe_buf_append_str(sql, "SELECT " WFE_SQL_RUN_COLUMNS_ " FROM run", err);
    /* Left alone, SQLite would go through all runs in the order that is asked for. */
    if (!rc && filter->ended_before_us)
        rc = wfe_buf_append_str(sql, " INDEXED BY run_ended", err);
    if (!rc)
        rc = wfe_buf_append_str(sql, " WHERE 1", err);
    if (!rc && filter->workflow)
        rc = wfe_buf_append_str(sql, " AND workflow = ?1", err);
    if (!rc && filter->state)
        rc = wfe_buf_append_str(sql, " AND state = ?2", err);
    if (!rc && filter->open)
        rc = wfe_buf_append_str(sql, " AND is_end = 0", err);
    /* The first key is found in the index of creation times; keys grow with those but for clocks
     * that were set back, which the second condition is for. */
    if (!rc && filter->since_us)
        rc = wfe_buf_append_str(sql,
                                " AND key >= (SELECT min(+key) FROM run WHERE created_at >= ?3)"
                                " AND created_at >= ?3",
                                err);
    if (!rc && filter->ended_before_us)
        rc = wfe_buf_append_str(sql, " AND is_end = 1 AND ended_at < ?4", err);
    if (!rc && filter->before_key)
        rc = wfe_buf_append_str(sql, " AND key < ?5", err);
    if (!rc)
        rc = wfe_buf_append_str(sql, " ORDER BY key DESC LIMIT ?6", err);
    return rc;
}

static void bind_filter(sqlite3_stmt *stmt, const wfe_store_filter *filter)
{
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, filter->workflow);
    wfe_sqlite_bind_text(&binder, filter->state);
    wfe_sqlite_bind_int(&binder, filter->since_us);
    wfe_sqlite_bind_int(&binder, filter->ended_before_us);
    wfe_sqlite_bind_int(&binder, filter->before_key);
    wfe_sqlite_bind_int(&binder, filter->limit ? (int64_t)filter->limit : -1);
}

int wfe_sqlite_runs(wfe_store *fns, const wfe_store_filter *filter, wfe_store_run_fn fn, void *user,
                    wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    wfe_buf sql = WFE_BUF_INIT(0);
    sqlite3_stmt *stmt = NULL;
    int rc = filter_sql(filter, &sql, err);
    int code =
        rc ? SQLITE_OK : wfe_sqlite.sqlite3_prepare_v3(store->db, sql.data, -1, 0, &stmt, NULL);
    wfe_buf_done(&sql);
    if (!rc && code != SQLITE_OK)
        rc = wfe_sqlite_fail(store, code, "list runs", err);
    if (rc)
        return rc;
    bind_filter(stmt, filter);
    while ((rc = wfe_sqlite_row(store, stmt, "list runs", err)) == 1) {
        wfe_store_run run = read_run(stmt, false);
        rc = fn(&run, user);
        if (rc)
            break;
    }
    wfe_sqlite.sqlite3_finalize(stmt);
    return rc;
}

int wfe_sqlite_steps(wfe_store *fns, const char *run_id, wfe_store_step_fn fn, void *user,
                     wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *s = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_STEPS, &s, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = s};
    wfe_sqlite_bind_text(&binder, run_id);
    while ((rc = wfe_sqlite_row(store, s, "read the steps of a run", err)) == 1) {
        wfe_store_step step = {
            .path = wfe_sqlite_text(s, 0),
            .is_service = wfe_sqlite_int(s, 1) != 0,
            .parent = wfe_sqlite_text(s, 2),
            .role = wfe_sqlite_text(s, 3),
            .state = wfe_sqlite_text(s, 4),
            .is_end = wfe_sqlite_int(s, 5) != 0,
            .attempt = (uint32_t)wfe_sqlite_int(s, 6),
            .container = wfe_sqlite_text(s, 7),
            .owner = wfe_sqlite_text(s, 8),
            .lease = (uint64_t)wfe_sqlite_int(s, 9),
            .exit_code = (int)wfe_sqlite_int(s, 10),
            .cause = wfe_sqlite_text(s, 11),
            .reason = wfe_sqlite_text(s, 12),
            .allowed = wfe_sqlite_int(s, 13) != 0,
            .error = wfe_sqlite_text(s, 14),
            .wake_at_us = wfe_sqlite_int(s, 15),
            .ready_at_us = wfe_sqlite_int(s, 16),
            .begun_at_us = wfe_sqlite_int(s, 17),
            .ended_at_us = wfe_sqlite_int(s, 18),
            .elapsed_us = (uint64_t)wfe_sqlite_int(s, 19),
            .seq = (uint64_t)wfe_sqlite_int(s, 20),
        };
        rc = fn(&step, user);
        if (rc)
            return rc;
    }
    return rc;
}

int wfe_sqlite_outputs(wfe_store *fns, const char *run_id, const char *step, wfe_store_output_fn fn,
                       void *user, wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_OUTPUTS, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run_id);
    wfe_sqlite_bind_text(&binder, step);
    while ((rc = wfe_sqlite_row(store, stmt, "read the outputs of a run", err)) == 1) {
        wfe_store_output output = {
            .step = wfe_sqlite_text(stmt, 0),
            .name = wfe_sqlite_text(stmt, 1),
            .attempt = (uint32_t)wfe_sqlite_int(stmt, 2),
            .value = wfe_sqlite_text(stmt, 3),
        };
        rc = fn(&output, user);
        if (rc)
            return rc;
    }
    return rc;
}

int wfe_sqlite_events(wfe_store *fns, const char *run_id, uint64_t after_seq, uint32_t limit,
                      wfe_store_event_fn fn, void *user, wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_EVENTS, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run_id);
    wfe_sqlite_bind_int(&binder, (int64_t)after_seq);
    wfe_sqlite_bind_int(&binder, limit ? (int64_t)limit : -1);
    while ((rc = wfe_sqlite_row(store, stmt, "read the events of a run", err)) == 1) {
        wfe_store_event event = {
            .seq = (uint64_t)wfe_sqlite_int(stmt, 0),
            .at_us = wfe_sqlite_int(stmt, 1),
            .recorded_at_us = wfe_sqlite_int(stmt, 2),
            .kind = wfe_sqlite_text(stmt, 3),
            .step = wfe_sqlite_text(stmt, 4),
            .event = wfe_sqlite_text(stmt, 5),
        };
        rc = fn(&event, user);
        if (rc)
            return rc;
    }
    return rc;
}

int wfe_sqlite_definition(wfe_store *fns, const char *hash, char **ret, size_t *ret_len,
                          wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_DEFINITION, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, hash);
    rc = wfe_sqlite_row(store, stmt, "read a definition", err);
    if (rc < 0)
        return rc;
    if (!rc)
        return wfe_store_no_definition(hash, err);
    const void *bytes = wfe_sqlite.sqlite3_column_blob(stmt, 0);
    size_t len = (size_t)wfe_sqlite.sqlite3_column_bytes(stmt, 0);
    char *copy = malloc(len + 1);
    if (!copy)
        return wfe_error_nomem(err);
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    *ret = copy;
    *ret_len = len;
    return 0;
}
