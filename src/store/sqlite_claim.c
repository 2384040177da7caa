/* SPDX-License-Identifier: Apache-2.0
 *
 * Owners and wishes in the SQLite store. What changes an owner is one statement each, which looks
 * at the old owner itself: nobody can come between the look and the change.
 */
#include <stdio.h>

#include "store/shared.h"
#include "store/sqlite_priv.h"

int wfe_sqlite_refuse(wfe_sqlite_store *store, const char *run_id, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_WHO_HAS, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run_id);
    rc = wfe_sqlite_row(store, stmt, "look for a run", err);
    if (rc < 0)
        return rc;
    if (!rc)
        return wfe_store_no_run(run_id, err);
    const char *owner = wfe_sqlite_text(stmt, 1);
    return wfe_store_is_taken(wfe_sqlite_text(stmt, 0), owner ? owner : "", err);
}

int wfe_sqlite_claim(wfe_store *fns, const char *run_id, const char *owner, uint64_t lease_ms,
                     bool force, uint64_t *ret_lease, wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int64_t lease = 0;
    int rc = wfe_sqlite_begin(store, "claim a run", err);
    if (rc)
        return rc;
    rc = wfe_sqlite_prepare(store, WFE_SQL_CLAIM, &stmt, err);
    if (!rc) {
        wfe_sqlite_binder binder = {.stmt = stmt};
        wfe_sqlite_bind_text(&binder, run_id);
        wfe_sqlite_bind_text(&binder, owner);
        wfe_sqlite_bind_int(&binder, (int64_t)lease_ms * 1000);
        wfe_sqlite_bind_int(&binder, force);
        rc = wfe_sqlite_row(store, stmt, "claim a run", err);
        if (rc == 1) {
            lease = wfe_sqlite_int(stmt, 0);
            rc = wfe_sqlite_run(store, stmt, NULL, "claim a run", err);
        } else if (!rc) {
            rc = wfe_sqlite_refuse(store, run_id, err);
        }
    }
    rc = wfe_sqlite_end(store, rc, "claim a run", err);
    if (!rc)
        *ret_lease = (uint64_t)lease;
    return rc;
}

static int take_next(wfe_sqlite_store *store, const char *owner, uint64_t lease_ms, char *ret_id,
                     size_t id_size, int64_t *ret_lease, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_CLAIM_NEXT, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, owner);
    wfe_sqlite_bind_int(&binder, (int64_t)lease_ms * 1000);
    rc = wfe_sqlite_row(store, stmt, "claim a run", err);
    if (rc < 0)
        return rc;
    if (!rc)
        return wfe_store_no_claimable(err);
    *ret_lease = wfe_sqlite_int(stmt, 0);
    if (snprintf(ret_id, id_size, "%s", wfe_sqlite_text(stmt, 1)) >= (int)id_size)
        return wfe_error_set(err, WFE_E_LIMIT, "the id of a run is longer than %zu bytes", id_size);
    return wfe_sqlite_run(store, stmt, NULL, "claim a run", err);
}

int wfe_sqlite_claim_next(wfe_store *fns, const char *owner, uint64_t lease_ms, char *ret_id,
                          size_t id_size, uint64_t *ret_lease, wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    int64_t lease = 0;
    int rc = wfe_sqlite_begin(store, "claim a run", err);
    if (rc)
        return rc;
    rc = take_next(store, owner, lease_ms, ret_id, id_size, &lease, err);
    rc = wfe_sqlite_end(store, rc, "claim a run", err);
    if (!rc)
        *ret_lease = (uint64_t)lease;
    return rc;
}

/* Runs one statement about a run in a transaction of its own. */
static int change(wfe_sqlite_store *store, enum wfe_sqlite_statement id, const char *run_id,
                  const int64_t *numbers, size_t n, const char *text, int *ret_changes,
                  wfe_error *err)
{
    static const char what[] = "change a run";
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_begin(store, what, err);
    if (rc)
        return rc;
    rc = wfe_sqlite_prepare(store, id, &stmt, err);
    if (!rc) {
        wfe_sqlite_binder binder = {.stmt = stmt};
        wfe_sqlite_bind_text(&binder, run_id);
        for (size_t i = 0; i < n; i++)
            wfe_sqlite_bind_int(&binder, numbers[i]);
        if (text)
            wfe_sqlite_bind_text(&binder, text);
        rc = wfe_sqlite_run_bound(store, &binder, ret_changes, what, err);
    }
    return wfe_sqlite_end(store, rc, what, err);
}

int wfe_sqlite_renew(wfe_store *fns, const char *run_id, uint64_t lease, uint64_t lease_ms,
                     bool *ret_asked, wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    const int64_t numbers[] = {(int64_t)lease, (int64_t)lease_ms * 1000};
    int changes = 0;
    int rc = change(store, WFE_SQL_RENEW, run_id, numbers, 2, NULL, &changes, err);
    if (!rc)
        rc = wfe_sqlite_prepare(store, WFE_SQL_WHO_HAS, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run_id);
    rc = wfe_sqlite_row(store, stmt, "look for a run", err);
    if (rc < 0)
        return rc;
    if (!rc)
        return wfe_store_no_run(run_id, err);
    if (!changes)
        return wfe_store_is_lost(wfe_sqlite_text(stmt, 0), wfe_sqlite_text(stmt, 1), err);
    if (ret_asked)
        *ret_asked = wfe_sqlite_int(stmt, 5) != 0;
    return 0;
}

int wfe_sqlite_release(wfe_store *fns, const char *run_id, uint64_t lease, wfe_error *err)
{
    const int64_t number = (int64_t)lease;
    return change((wfe_sqlite_store *)fns, WFE_SQL_RELEASE, run_id, &number, 1, NULL, NULL, err);
}

int wfe_sqlite_ask(wfe_store *fns, const char *run_id, const char *what, wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int changes = 0;
    int rc = change(store, WFE_SQL_ASK, run_id, NULL, 0, what, &changes, err);
    if (rc || changes)
        return rc;
    rc = wfe_sqlite_prepare(store, WFE_SQL_WHO_HAS, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run_id);
    rc = wfe_sqlite_row(store, stmt, "look for a run", err);
    if (rc == 1)
        return wfe_store_is_over(wfe_sqlite_text(stmt, 0), wfe_sqlite_text(stmt, 3), err);
    return rc ? rc : wfe_store_no_run(run_id, err);
}
