/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a run writes down every transition before it acts on it. A record is complete in itself:
 * the state a step entered, its outputs, the steps that it made ready. The engine puts records in
 * order, commits at the end of its turn, and does nothing that is seen outside (start a process,
 * tell a listener, end) before the commit that holds the record is acknowledged; so a store may
 * group all records of a turn, and of many turns, into one transaction.
 *
 * Implementations: wfe_recorder_memory_new here; a durable one is a struct of the same functions.
 */
#ifndef WFE_ENGINE_RECORD_H
#define WFE_ENGINE_RECORD_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/event.h"

/* Everything is borrowed during put. */
typedef struct wfe_record {
    uint64_t seq;           /* without gaps; from 1, or from where another process stopped */
    const wfe_event *event; /* the transition: kind RUN, STEP, RETRY or SERVICE; outputs included */
    const char *const *ready; /* paths of the steps that became ready by it */
    uint32_t n_ready;
    int64_t wake_at_us; /* RETRY: wall clock when the next attempt is due; else 0 */
} wfe_record;

/* Everything up to seq is durable; or it never will be (err->kind not 0): the run ends then with
 * everything cleaned up and nothing more recorded. */
typedef void (*wfe_recorded_fn)(uint64_t seq, const wfe_error *err, void *user);

typedef struct wfe_recorder wfe_recorder;
struct wfe_recorder {
    /* Called once, before the first put. acknowledged may be called from within commit, or later
     * from the loop. */
    void (*attach)(wfe_recorder *recorder, wfe_recorded_fn acknowledged, void *user);
    /* Takes a copy of the record. An error counts as one that was acknowledged. */
    int (*put)(wfe_recorder *recorder, const wfe_record *record, wfe_error *err);
    /* Makes durable what was put. */
    int (*commit)(wfe_recorder *recorder, wfe_error *err);
    /* Bytes of an attempt's stream, secrets masked, before anybody is told of them. NULL: none are
     * wanted. */
    int (*log)(wfe_recorder *recorder, const char *step, unsigned attempt, enum wfe_stream stream,
               const void *bytes, size_t len, wfe_error *err);
    /* How many bytes of the stream are kept, of all processes. NULL: none are. */
    int (*log_size)(wfe_recorder *recorder, const char *step, unsigned attempt,
                    enum wfe_stream stream, uint64_t *ret, wfe_error *err);
    void (*free)(wfe_recorder *recorder);
};

/* Keeps nothing and acknowledges at once: a run that needs no memory of itself. */
int wfe_recorder_memory_new(wfe_recorder **ret, wfe_error *err);

#endif
