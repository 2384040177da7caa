/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of SQL that are used more than once, for WFE_SQLITE_STATEMENT(name, sql). No guard: it
 * is included where that macro is defined. Parameters count in the order in which they are bound.
 * clang-format would break lines in the middle of a clause.
 */
#ifndef WFE_SQLITE_STATEMENT
#define WFE_SQLITE_STATEMENT(name, sql)
#endif
/* clang-format off */

WFE_SQLITE_STATEMENT(BEGIN, "BEGIN IMMEDIATE")
WFE_SQLITE_STATEMENT(COMMIT, "COMMIT")
WFE_SQLITE_STATEMENT(ROLLBACK, "ROLLBACK")

/* ---- a new run ---- */

WFE_SQLITE_STATEMENT(ADD_DEFINITION,
    "INSERT INTO definition (hash, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
WFE_SQLITE_STATEMENT(COMPARE_DEFINITION,
    "SELECT body = ?2 FROM definition WHERE hash = ?1")
WFE_SQLITE_STATEMENT(COUNT_UP,
    "INSERT INTO counter (stem, last) VALUES (?1, 1)"
    " ON CONFLICT (stem) DO UPDATE SET last = last + 1 RETURNING last")
WFE_SQLITE_STATEMENT(NAME_IS_USED, "SELECT 1 FROM run WHERE name = ?1")
WFE_SQLITE_STATEMENT(ADD_RUN,
    "INSERT INTO run (id, workflow, state, hash, rerun_of, owner, lease, lease_until, name, number,"
    " created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6 IS NOT NULL,"
    " CASE WHEN ?7 = 0 THEN 0 ELSE wfe_now() + ?7 END, ?8, ?9, wfe_now()) ON CONFLICT (id) DO NOTHING")
WFE_SQLITE_STATEMENT(ADD_RUN_TEXT,
    "INSERT INTO run_text (run, inputs, options) VALUES (?1, ?2, ?3)")

/* ---- transitions ---- */

WFE_SQLITE_STATEMENT(RUN_TO_RECORD,
    "SELECT key, lease, last_seq, owner FROM run WHERE id = ?1")
WFE_SQLITE_STATEMENT(ADD_EVENT,
    "INSERT INTO event (run, seq, at, recorded_at, kind, step, body)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
WFE_SQLITE_STATEMENT(PUT_STEP,
    "INSERT INTO step (run, path, is_service, seq, first_seq, parent, role, state, is_end, attempt,"
    " container, owner, lease, exit_code, cause, reason, allowed, error, wake_at, ended_at, elapsed,"
    " begun_at)"
    " VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
    " iif(?8, ?19, 0), ?20, iif(?21, ?19, 0))"
    " ON CONFLICT DO UPDATE SET seq = excluded.seq, parent = coalesce(excluded.parent, parent),"
    " role = coalesce(excluded.role, role), state = excluded.state, is_end = excluded.is_end,"
    " attempt = excluded.attempt, container = coalesce(excluded.container, container),"
    " owner = excluded.owner, lease = excluded.lease, exit_code = excluded.exit_code,"
    " cause = excluded.cause, reason = excluded.reason, allowed = excluded.allowed,"
    " error = excluded.error, wake_at = excluded.wake_at,"
    " begun_at = iif(?21 AND (begun_at = 0 OR is_end), ?19, begun_at),"
    " ended_at = excluded.ended_at, elapsed = excluded.elapsed")
WFE_SQLITE_STATEMENT(PUT_READY,
    "INSERT INTO step (run, path, is_service, seq, first_seq, first_place, state, owner, lease,"
    " ready_at) VALUES (?1, ?2, 0, ?3, ?3, ?4, ?5, ?6, ?7, ?8)"
    " ON CONFLICT DO UPDATE SET seq = excluded.seq, state = excluded.state, owner = excluded.owner,"
    " lease = excluded.lease, ready_at = excluded.ready_at, begun_at = iif(is_end, 0, begun_at),"
    " is_end = 0, ended_at = 0, elapsed = 0, exit_code = -1, cause = NULL, reason = NULL,"
    " allowed = 0, error = NULL, wake_at = 0")
WFE_SQLITE_STATEMENT(PUT_OUTPUT,
    "INSERT INTO output (run, step, name, attempt, value) VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT DO UPDATE SET attempt = excluded.attempt, value = excluded.value")
WFE_SQLITE_STATEMENT(RUN_CHANGES,
    "UPDATE run SET state = ?2, is_end = ?3, ended_at = iif(?3, wfe_now(), 0), elapsed = ?4,"
    " error = ?5, owner = iif(?3, NULL, owner), lease_until = iif(?3, 0, lease_until),"
    " asked = iif(?3, NULL, asked) WHERE key = ?1")
WFE_SQLITE_STATEMENT(RUN_OUTPUTS,
    "UPDATE run_text SET outputs = ?2 WHERE run = ?1")
WFE_SQLITE_STATEMENT(RUN_RECORDED,
    "UPDATE run SET last_seq = ?2 WHERE key = ?1")

/* ---- owners ---- */

WFE_SQLITE_STATEMENT(CLAIM,
    "UPDATE run SET owner = ?2, lease = lease + 1,"
    " lease_until = iif(?3 = 0, 0, wfe_now() + ?3)"
    " WHERE id = ?1 AND (?4 OR owner IS NULL OR wfe_owner_is_gone(owner, lease_until))"
    " RETURNING lease")
WFE_SQLITE_STATEMENT(CLAIM_NEXT,
    "UPDATE run SET owner = ?1, lease = lease + 1,"
    " lease_until = iif(?2 = 0, 0, wfe_now() + ?2)"
    " WHERE key = (SELECT key FROM run WHERE is_end = 0"
    " AND (owner IS NULL OR wfe_owner_is_gone(owner, lease_until)) ORDER BY key LIMIT 1)"
    " RETURNING lease, id")
WFE_SQLITE_STATEMENT(WHO_HAS,
    "SELECT name, owner, lease, state, is_end, asked IS NOT NULL FROM run WHERE id = ?1")
WFE_SQLITE_STATEMENT(RENEW,
    "UPDATE run SET lease_until = iif(?3 = 0, 0, wfe_now() + ?3) WHERE id = ?1 AND lease = ?2"
    " AND owner IS NOT NULL")
WFE_SQLITE_STATEMENT(RELEASE,
    "UPDATE run SET owner = NULL, lease_until = 0 WHERE id = ?1 AND lease = ?2")
WFE_SQLITE_STATEMENT(ASK,
    "UPDATE run SET asked = ?2 WHERE id = ?1 AND is_end = 0")

/* ---- the end of a run ---- */

WFE_SQLITE_STATEMENT(REMOVE_RUN,
    "DELETE FROM run WHERE id = ?1"
    " AND (owner IS NULL OR wfe_owner_is_gone(owner, lease_until)) RETURNING key, hash")
WFE_SQLITE_STATEMENT(REMOVE_RUN_TEXT, "DELETE FROM run_text WHERE run = ?1")
WFE_SQLITE_STATEMENT(REMOVE_STEPS, "DELETE FROM step WHERE run = ?1")
WFE_SQLITE_STATEMENT(REMOVE_OUTPUTS, "DELETE FROM output WHERE run = ?1")
WFE_SQLITE_STATEMENT(REMOVE_EVENTS, "DELETE FROM event WHERE run = ?1")
WFE_SQLITE_STATEMENT(REMOVE_DEFINITION,
    "DELETE FROM definition WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM run WHERE hash = ?1)")

/* ---- reading ---- */

#define WFE_SQL_RUN_COLUMNS_                                                                       \
    "run.key, id, name, workflow, number, state, is_end, owner, lease, lease_until, asked, hash,"  \
    " rerun_of, error, created_at, ended_at, elapsed, last_seq"

WFE_SQLITE_STATEMENT(FIND_EXACT,
    "SELECT " WFE_SQL_RUN_COLUMNS_ ", inputs, options, outputs FROM run"
    " JOIN run_text ON run_text.run = run.key WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC")
/* No byte of UTF-8 is greater than that of the last code point. */
WFE_SQLITE_STATEMENT(FIND_PREFIX,
    "SELECT " WFE_SQL_RUN_COLUMNS_ ", inputs, options, outputs FROM run"
    " JOIN run_text ON run_text.run = run.key WHERE id > ?1 AND id < ?1 || char(0x10FFFF)"
    " ORDER BY id LIMIT 2")
WFE_SQLITE_STATEMENT(STEPS,
    "SELECT path, is_service, parent, role, state, is_end, attempt, container, owner, lease,"
    " exit_code, cause, reason, allowed, error, wake_at, ready_at, begun_at, ended_at, elapsed, seq"
    " FROM step WHERE run = (SELECT key FROM run WHERE id = ?1) ORDER BY first_seq, first_place")
WFE_SQLITE_STATEMENT(OUTPUTS,
    "SELECT step, name, attempt, value FROM output"
    " WHERE run = (SELECT key FROM run WHERE id = ?1) AND (?2 IS NULL OR step = ?2)"
    " ORDER BY step, name")
WFE_SQLITE_STATEMENT(EVENTS,
    "SELECT seq, at, recorded_at, kind, step, body FROM event"
    " WHERE run = (SELECT key FROM run WHERE id = ?1) AND seq > ?2 ORDER BY seq LIMIT ?3")
WFE_SQLITE_STATEMENT(DEFINITION, "SELECT body FROM definition WHERE hash = ?1")
/* clang-format on */
