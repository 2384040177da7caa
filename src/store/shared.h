/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules that the back ends share, so that they refuse the same things in the same words.
 */
#ifndef WFE_STORE_SHARED_H
#define WFE_STORE_SHARED_H

#include "store/store.h"

/* A shortest beginning of an id that names a run. */
#define WFE_STORE_MIN_PREFIX 4

/* Can a run be taken from its owner: the process has ended, the machine was started again, or it is
 * a process that cannot be seen from here and its lease is over. */
bool wfe_store_owner_is_gone(const char *owner, int64_t lease_until_us);
/* "stem-number". */
void wfe_store_name(const char *stem, uint64_t number, char out[WFE_STORE_NAME_SIZE]);
/* What is wrong with the arguments: INVALID, LIMIT. */
int wfe_store_check_run(const wfe_store_new_run *run, wfe_error *err);
int wfe_store_check_transition(const wfe_store_transition *transition, wfe_error *err);
/* Refusals. */
int wfe_store_no_run(const char *run_id, wfe_error *err);
int wfe_store_no_claimable(wfe_error *err);
int wfe_store_no_definition(const char *hash, wfe_error *err);
int wfe_store_is_taken(const char *run, const char *owner, wfe_error *err);
int wfe_store_is_lost(const char *run, const char *owner, wfe_error *err);
int wfe_store_is_over(const char *run, const char *state, wfe_error *err);
int wfe_store_is_ambiguous(const char *text, const char *one, const char *other, wfe_error *err);
int wfe_store_id_is_used(const char *run_id, wfe_error *err);
int wfe_store_name_is_used(const char *name, wfe_error *err);
int wfe_store_hash_is_used(const char *hash, wfe_error *err);
int wfe_store_has_gap(const char *run, uint64_t last_seq, uint64_t seq, wfe_error *err);

#endif
