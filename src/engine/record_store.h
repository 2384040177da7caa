/* SPDX-License-Identifier: Apache-2.0
 *
 * The durable recorder: transitions become rows of a store, streams become log files. The store is
 * used by a thread of its own, so that a slow disk never holds up the loop: while one commit waits
 * for the disk, what comes meanwhile gathers for the next one.
 */
#ifndef WFE_ENGINE_RECORD_STORE_H
#define WFE_ENGINE_RECORD_STORE_H

#include "engine/record.h"
#include "loop/loop.h"
#include "store/logs.h"
#include "store/store.h"

/* Somebody has asked for something with store->ask: "cancel". From the loop; once for each wish. */
typedef void (*wfe_recorder_asked_fn)(const char *what, void *user);

/* How often the run is looked at for a wish. */
#define WFE_RECORDER_ASKED_MS 200

typedef struct wfe_recorder_store_options {
    /* Where acknowledgements come from. NULL: there is no thread; commit blocks until everything is
     * durable, and acknowledges before it returns. */
    wfe_loop *loop;
    wfe_store *store;   /* taken on success; nobody else uses it from then on */
    wfe_logs *logs;     /* the same; NULL: streams are not kept */
    const char *run_id; /* copied; the run is in the store, and its lease is ours */
    uint64_t lease;
    uint64_t last_seq; /* of the run in the store: the first record is stored as the next one */
    /* Needs a loop, which has something to wait for then as long as the recorder is there. NULL:
     * nobody listens. */
    wfe_recorder_asked_fn on_asked;
    void *on_asked_user;
} wfe_recorder_store_options;

/* NOMEM, LIMIT (no thread can be made). */
int wfe_recorder_store_new(const wfe_recorder_store_options *options, wfe_recorder **ret,
                           wfe_error *err);

#endif
