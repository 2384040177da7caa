/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the store in memory. Rows are the structs that readers get, with texts of their
 * own. Steps and outputs are found by a hash of their keys.
 */
#ifndef WFE_STORE_MEMORY_PRIV_H
#define WFE_STORE_MEMORY_PRIV_H

#include "store/memory.h"
#include "store/shared.h"

/* The first member of what is in a table. */
typedef struct wfe_memory_entry wfe_memory_entry;
struct wfe_memory_entry {
    wfe_memory_entry *next; /* in its bucket */
    uint64_t hash;
};

typedef struct wfe_memory_table {
    wfe_memory_entry **buckets;
    size_t n_buckets; /* a power of two */
    size_t n;
} wfe_memory_table;

typedef struct wfe_memory_step {
    wfe_memory_entry entry;
    wfe_store_step row;
} wfe_memory_step;

typedef struct wfe_memory_output {
    wfe_memory_entry entry;
    wfe_store_output row;
} wfe_memory_output;

typedef struct wfe_memory_run {
    wfe_store_run row;
    wfe_memory_table step_table;
    wfe_memory_table output_table;
    wfe_memory_step **steps; /* in the order in which they came */
    wfe_memory_output **outputs;
    wfe_store_event *events;
    size_t n_steps, cap_steps;
    size_t n_outputs, cap_outputs;
    size_t n_events, cap_events;
} wfe_memory_run;

typedef struct wfe_memory_definition {
    char *hash;
    char *bytes;
    size_t len;
} wfe_memory_definition;

typedef struct wfe_memory_counter {
    char *stem;
    uint64_t last;
} wfe_memory_counter;

typedef struct wfe_memory_store {
    wfe_store fns;         /* first: it is what others see */
    wfe_memory_run **runs; /* by key */
    wfe_memory_definition *definitions;
    wfe_memory_counter *counters;
    int64_t last_key;
    size_t n_runs, cap_runs;
    size_t n_definitions, cap_definitions;
    size_t n_counters, cap_counters;
} wfe_memory_store;

/* Room for n more elements of size bytes; the array may move. NOMEM. */
int wfe_memory_reserve(void **array, size_t *cap, size_t len, size_t n, size_t size,
                       wfe_error *err);
/* A copy, NULL of NULL. NOMEM. */
int wfe_memory_copy(const char *text, const char **ret, wfe_error *err);
void wfe_memory_drop(const char *text);
/* NULL: there is none with this id. */
wfe_memory_run *wfe_memory_find(const wfe_memory_store *store, const char *run_id);
void wfe_memory_step_free(wfe_memory_step *step);
void wfe_memory_output_free(wfe_memory_output *output);
void wfe_memory_event_done(wfe_store_event *event);
void wfe_memory_run_free(wfe_memory_run *run);

/* ---- memory_record.c ---- */

int wfe_memory_record(wfe_store *fns, const char *run_id, uint64_t lease,
                      const wfe_store_transition *transitions, size_t n, wfe_error *err);

/* ---- memory_read.c ---- */

int wfe_memory_find_run(wfe_store *fns, const char *text, wfe_store_run_fn fn, void *user,
                        wfe_error *err);
int wfe_memory_runs(wfe_store *fns, const wfe_store_filter *filter, wfe_store_run_fn fn, void *user,
                    wfe_error *err);
int wfe_memory_steps(wfe_store *fns, const char *run_id, wfe_store_step_fn fn, void *user,
                     wfe_error *err);
int wfe_memory_outputs(wfe_store *fns, const char *run_id, const char *step, wfe_store_output_fn fn,
                       void *user, wfe_error *err);
int wfe_memory_events(wfe_store *fns, const char *run_id, uint64_t after_seq, uint32_t limit,
                      wfe_store_event_fn fn, void *user, wfe_error *err);
int wfe_memory_definition_read(wfe_store *fns, const char *hash, char **ret, size_t *ret_len,
                               wfe_error *err);

#endif
