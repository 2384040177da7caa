/* SPDX-License-Identifier: Apache-2.0
 *
 * A record as a transition of the store, with copies of everything: it waits for its commit while
 * the run goes on.
 */
#ifndef WFE_ENGINE_RECORD_ROW_H
#define WFE_ENGINE_RECORD_ROW_H

#include "base/cleanup.h"
#include "base/id.h"
#include "engine/record.h"
#include "store/store.h"

typedef struct wfe_record_row wfe_record_row;
struct wfe_record_row {
    wfe_record_row *next;
    uint64_t seq; /* the engine's number */
    wfe_store_transition transition;
    wfe_store_step_change step;
    wfe_store_run_change run;
    int sync_fds[2]; /* synced and closed before the transition is stored; -1: none */
    char container[WFE_ID_CONTAINER_SIZE];
    void **owned;
    size_t n_owned, cap_owned;
};

/* seq_base is added to the record's number. NOMEM. */
int wfe_record_row_new(const wfe_record *record, const char *run_id, uint64_t seq_base,
                       wfe_record_row **ret, wfe_error *err);
/* Closes what was to be synced. NULL is accepted. */
void wfe_record_row_free(wfe_record_row *row);

WFE_DEFINE_CLEANUP(wfe_record_row, wfe_record_row_free)

#endif
