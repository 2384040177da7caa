/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything of the SQLite store that writes about runs: new ones, transitions, removal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/owner.h"
#include "store/shared.h"
#include "store/sqlite_priv.h"

/* ---- a new run ---- */

static int put_definition(wfe_sqlite_store *store, const wfe_store_new_run *run, wfe_error *err)
{
    static const char what[] = "store the definition of a run";
    _cleanup_reset_ sqlite3_stmt *add = NULL;
    _cleanup_reset_ sqlite3_stmt *compare = NULL;
    int added = 0;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_ADD_DEFINITION, &add, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = add};
    wfe_sqlite_bind_text(&binder, run->hash);
    wfe_sqlite_bind_blob(&binder, run->definition, run->definition_len);
    rc = wfe_sqlite_run_bound(store, &binder, &added, what, err);
    if (!rc && !added)
        rc = wfe_sqlite_prepare(store, WFE_SQL_COMPARE_DEFINITION, &compare, err);
    if (rc || added)
        return rc;
    binder = (wfe_sqlite_binder){.stmt = compare};
    wfe_sqlite_bind_text(&binder, run->hash);
    wfe_sqlite_bind_blob(&binder, run->definition, run->definition_len);
    rc = wfe_sqlite_row(store, compare, what, err);
    if (rc == 1)
        return wfe_sqlite_int(compare, 0) ? 0 : wfe_store_hash_is_used(run->hash, err);
    return rc;
}

static int count_up(wfe_sqlite_store *store, const char *stem, int64_t *ret, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_COUNT_UP, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, stem);
    rc = wfe_sqlite_row(store, stmt, "count a run", err);
    if (rc < 0)
        return rc;
    *ret = wfe_sqlite_int(stmt, 0);
    return wfe_sqlite_run(store, stmt, NULL, "count a run", err);
}

/* 1: it is; 0: it is not; else a failure. */
static int name_is_used(wfe_sqlite_store *store, const char *name, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_NAME_IS_USED, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, name);
    return wfe_sqlite_row(store, stmt, "look for a name", err);
}

/* A number, and the name; one that somebody chose for another run is passed over. */
static int choose_name(wfe_sqlite_store *store, const wfe_store_new_run *run,
                       wfe_store_made_run *made, wfe_error *err)
{
    char stem[WFE_STORE_NAME_SIZE];
    int64_t number = 0;
    int used = 1;
    wfe_store_name_stem(run->workflow, stem);
    while (used == 1) {
        int rc = count_up(store, stem, &number, err);
        if (rc)
            return rc;
        made->number = (uint64_t)number;
        if (run->name)
            strcpy(made->name, run->name); /* it was checked */
        else
            wfe_store_name(stem, made->number, made->name);
        used = name_is_used(store, made->name, err);
        if (used == 1 && run->name)
            return wfe_store_name_is_used(run->name, err);
    }
    return used;
}

static int add_run(wfe_sqlite_store *store, const wfe_store_new_run *run,
                   const wfe_store_made_run *made, wfe_error *err)
{
    static const char what[] = "store a run";
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    _cleanup_reset_ sqlite3_stmt *text = NULL;
    int added = 0;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_ADD_RUN, &stmt, err);
    if (!rc)
        rc = wfe_sqlite_prepare(store, WFE_SQL_ADD_RUN_TEXT, &text, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run->id);
    wfe_sqlite_bind_text(&binder, run->workflow);
    wfe_sqlite_bind_text(&binder, run->state);
    wfe_sqlite_bind_text(&binder, run->hash);
    wfe_sqlite_bind_text(&binder, run->rerun_of);
    wfe_sqlite_bind_text(&binder, run->owner);
    wfe_sqlite_bind_int(&binder, (int64_t)run->lease_ms * 1000);
    wfe_sqlite_bind_text(&binder, made->name);
    wfe_sqlite_bind_int(&binder, (int64_t)made->number);
    rc = wfe_sqlite_run_bound(store, &binder, &added, what, err);
    if (rc)
        return rc;
    if (!added)
        return wfe_store_id_is_used(run->id, err);
    binder = (wfe_sqlite_binder){.stmt = text};
    wfe_sqlite_bind_int(&binder, wfe_sqlite.sqlite3_last_insert_rowid(store->db));
    wfe_sqlite_bind_text(&binder, run->inputs);
    wfe_sqlite_bind_text(&binder, run->options);
    return wfe_sqlite_run_bound(store, &binder, NULL, what, err);
}

int wfe_sqlite_create_run(wfe_store *fns, const wfe_store_new_run *run, wfe_store_made_run *ret,
                          wfe_error *err)
{
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    wfe_store_made_run made = {.lease = run->owner ? 1 : 0};
    int rc = wfe_store_check_run(run, err);
    if (!rc)
        rc = wfe_sqlite_begin(store, "store a run", err);
    if (rc)
        return rc;
    rc = put_definition(store, run, err);
    if (!rc)
        rc = choose_name(store, run, &made, err);
    if (!rc)
        rc = add_run(store, run, &made, err);
    rc = wfe_sqlite_end(store, rc, "store a run", err);
    if (!rc)
        *ret = made;
    return rc;
}

/* ---- transitions ---- */

/* What all transitions of one call share. */
typedef struct recording {
    wfe_sqlite_store *store;
    int64_t run; /* key */
    int64_t lease;
    uint64_t last_seq;
    int64_t now_us;
    char owner[WFE_OWNER_TEXT_SIZE];
} recording;

static const char recording_what[] = "record a run";

static int begin_recording(recording *r, const char *run_id, uint64_t lease, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(r->store, WFE_SQL_RUN_TO_RECORD, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run_id);
    rc = wfe_sqlite_row(r->store, stmt, recording_what, err);
    if (rc < 0)
        return rc;
    if (!rc)
        return wfe_store_no_run(run_id, err);
    r->run = wfe_sqlite_int(stmt, 0);
    r->lease = wfe_sqlite_int(stmt, 1);
    r->last_seq = (uint64_t)wfe_sqlite_int(stmt, 2);
    const char *owner = wfe_sqlite_text(stmt, 3);
    if ((uint64_t)r->lease != lease)
        return wfe_store_is_lost(run_id, owner, err);
    snprintf(r->owner, sizeof r->owner, "%s", owner ? owner : "");
    r->now_us = wfe_clock_wall_us();
    return 0;
}

static int put_step(recording *r, const wfe_store_transition *t, wfe_error *err)
{
    const wfe_store_step_change *step = t->step;
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(r->store, WFE_SQL_PUT_STEP, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_int(&binder, r->run);
    wfe_sqlite_bind_text(&binder, step->path);
    wfe_sqlite_bind_int(&binder, step->is_service);
    wfe_sqlite_bind_int(&binder, (int64_t)t->seq);
    wfe_sqlite_bind_text(&binder, step->parent);
    wfe_sqlite_bind_text(&binder, step->role);
    wfe_sqlite_bind_text(&binder, step->state);
    wfe_sqlite_bind_int(&binder, step->is_end);
    wfe_sqlite_bind_int(&binder, step->attempt);
    wfe_sqlite_bind_text(&binder, step->container);
    wfe_sqlite_bind_text(&binder, r->owner);
    wfe_sqlite_bind_int(&binder, r->lease);
    wfe_sqlite_bind_int(&binder, step->exit_code);
    wfe_sqlite_bind_text(&binder, step->cause);
    wfe_sqlite_bind_text(&binder, step->reason);
    wfe_sqlite_bind_int(&binder, step->allowed);
    wfe_sqlite_bind_text(&binder, step->error);
    wfe_sqlite_bind_int(&binder, step->wake_at_us);
    wfe_sqlite_bind_int(&binder, t->at_us);
    wfe_sqlite_bind_int(&binder, (int64_t)step->elapsed_us);
    wfe_sqlite_bind_int(&binder, step->begins);
    return wfe_sqlite_run_bound(r->store, &binder, NULL, recording_what, err);
}

static int put_ready(recording *r, const wfe_store_transition *t, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(r->store, WFE_SQL_PUT_READY, &stmt, err);
    for (size_t i = 0; !rc && i < t->n_ready; i++) {
        wfe_sqlite_binder binder = {.stmt = stmt};
        wfe_sqlite_bind_int(&binder, r->run);
        wfe_sqlite_bind_text(&binder, t->ready[i]);
        wfe_sqlite_bind_int(&binder, (int64_t)t->seq);
        wfe_sqlite_bind_int(&binder, (int64_t)i + 1);
        wfe_sqlite_bind_text(&binder, t->ready_state);
        wfe_sqlite_bind_text(&binder, r->owner);
        wfe_sqlite_bind_int(&binder, r->lease);
        wfe_sqlite_bind_int(&binder, t->at_us);
        rc = wfe_sqlite_run_bound(r->store, &binder, NULL, recording_what, err);
    }
    return rc;
}

static int put_outputs(recording *r, const wfe_store_transition *t, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(r->store, WFE_SQL_PUT_OUTPUT, &stmt, err);
    for (size_t i = 0; !rc && i < t->n_outputs; i++) {
        wfe_sqlite_binder binder = {.stmt = stmt};
        wfe_sqlite_bind_int(&binder, r->run);
        wfe_sqlite_bind_text(&binder, t->outputs[i].step);
        wfe_sqlite_bind_text(&binder, t->outputs[i].name);
        wfe_sqlite_bind_int(&binder, t->outputs[i].attempt);
        wfe_sqlite_bind_text(&binder, t->outputs[i].value);
        rc = wfe_sqlite_run_bound(r->store, &binder, NULL, recording_what, err);
    }
    return rc;
}

static int put_event(recording *r, const wfe_store_transition *t, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(r->store, WFE_SQL_ADD_EVENT, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_int(&binder, r->run);
    wfe_sqlite_bind_int(&binder, (int64_t)t->seq);
    wfe_sqlite_bind_int(&binder, t->at_us);
    wfe_sqlite_bind_int(&binder, r->now_us);
    wfe_sqlite_bind_text(&binder, t->kind);
    wfe_sqlite_bind_text(&binder, t->step ? t->step->path : NULL);
    wfe_sqlite_bind_text(&binder, t->event);
    return wfe_sqlite_run_bound(r->store, &binder, NULL, recording_what, err);
}

static int put_run(recording *r, const wfe_store_run_change *run, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    _cleanup_reset_ sqlite3_stmt *text = NULL;
    int rc = wfe_sqlite_prepare(r->store, WFE_SQL_RUN_CHANGES, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_int(&binder, r->run);
    wfe_sqlite_bind_text(&binder, run->state);
    wfe_sqlite_bind_int(&binder, run->is_end);
    wfe_sqlite_bind_int(&binder, (int64_t)run->elapsed_us);
    wfe_sqlite_bind_text(&binder, run->error);
    rc = wfe_sqlite_run_bound(r->store, &binder, NULL, recording_what, err);
    if (rc)
        return rc;
    rc = wfe_sqlite_prepare(r->store, WFE_SQL_RUN_OUTPUTS, &text, err);
    if (rc)
        return rc;
    binder = (wfe_sqlite_binder){.stmt = text};
    wfe_sqlite_bind_int(&binder, r->run);
    wfe_sqlite_bind_text(&binder, run->outputs);
    return wfe_sqlite_run_bound(r->store, &binder, NULL, recording_what, err);
}

static int put_transition(recording *r, const char *run_id, const wfe_store_transition *t,
                          wfe_error *err)
{
    if (t->seq <= r->last_seq)
        return 0;
    if (t->seq != r->last_seq + 1)
        return wfe_store_has_gap(run_id, r->last_seq, t->seq, err);
    int rc = wfe_store_check_transition(t, err);
    if (!rc)
        rc = put_event(r, t, err);
    if (!rc && t->step)
        rc = put_step(r, t, err);
    if (!rc && t->n_ready)
        rc = put_ready(r, t, err);
    if (!rc && t->n_outputs)
        rc = put_outputs(r, t, err);
    if (!rc && t->run)
        rc = put_run(r, t->run, err);
    if (!rc)
        r->last_seq = t->seq;
    return rc;
}

static int end_recording(recording *r, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(r->store, WFE_SQL_RUN_RECORDED, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_int(&binder, r->run);
    wfe_sqlite_bind_int(&binder, (int64_t)r->last_seq);
    return wfe_sqlite_run_bound(r->store, &binder, NULL, recording_what, err);
}

int wfe_sqlite_record(wfe_store *fns, const char *run_id, uint64_t lease,
                      const wfe_store_transition *transitions, size_t n, wfe_error *err)
{
    recording r = {.store = (wfe_sqlite_store *)fns};
    int rc = wfe_sqlite_begin(r.store, recording_what, err);
    if (rc)
        return rc;
    rc = begin_recording(&r, run_id, lease, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = put_transition(&r, run_id, &transitions[i], err);
    if (!rc)
        rc = end_recording(&r, err);
    return wfe_sqlite_end(r.store, rc, recording_what, err);
}

/* ---- removal ---- */

static int remove_of(wfe_sqlite_store *store, enum wfe_sqlite_statement id, int64_t key,
                     wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, id, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_int(&binder, key);
    return wfe_sqlite_run_bound(store, &binder, NULL, "remove a run", err);
}

static int remove_definition(wfe_sqlite_store *store, const char *hash, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_REMOVE_DEFINITION, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, hash);
    return wfe_sqlite_run_bound(store, &binder, NULL, "remove a run", err);
}

/* Removes the run itself; *ret_hash: free with free(). */
static int remove_run(wfe_sqlite_store *store, const char *run_id, int64_t *ret_key,
                      char **ret_hash, wfe_error *err)
{
    _cleanup_reset_ sqlite3_stmt *stmt = NULL;
    int rc = wfe_sqlite_prepare(store, WFE_SQL_REMOVE_RUN, &stmt, err);
    if (rc)
        return rc;
    wfe_sqlite_binder binder = {.stmt = stmt};
    wfe_sqlite_bind_text(&binder, run_id);
    rc = wfe_sqlite_row(store, stmt, "remove a run", err);
    if (rc < 0)
        return rc;
    if (!rc)
        return wfe_sqlite_refuse(store, run_id, err);
    *ret_key = wfe_sqlite_int(stmt, 0);
    *ret_hash = strdup(wfe_sqlite_text(stmt, 1));
    if (!*ret_hash)
        return wfe_error_nomem(err);
    return wfe_sqlite_run(store, stmt, NULL, "remove a run", err);
}

int wfe_sqlite_remove(wfe_store *fns, const char *run_id, wfe_error *err)
{
    static const enum wfe_sqlite_statement parts[] = {WFE_SQL_REMOVE_RUN_TEXT, WFE_SQL_REMOVE_STEPS,
                                                      WFE_SQL_REMOVE_OUTPUTS,
                                                      WFE_SQL_REMOVE_EVENTS};
    wfe_sqlite_store *store = (wfe_sqlite_store *)fns;
    _cleanup_free_ char *hash = NULL;
    int64_t key = 0;
    int rc = wfe_sqlite_begin(store, "remove a run", err);
    if (rc)
        return rc;
    rc = remove_run(store, run_id, &key, &hash, err);
    for (size_t i = 0; !rc && i < sizeof parts / sizeof *parts; i++)
        rc = remove_of(store, parts[i], key, err);
    if (!rc)
        rc = remove_definition(store, hash, err);
    return wfe_sqlite_end(store, rc, "remove a run", err);
}

int wfe_sqlite_tidy(wfe_store *fns, wfe_error *err)
{
    return wfe_sqlite_exec((wfe_sqlite_store *)fns,
                           "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)", "tidy up",
                           err);
}
