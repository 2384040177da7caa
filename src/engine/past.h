/* SPDX-License-Identifier: Apache-2.0
 *
 * What is recorded of a run that another process began: for each step where it got to, made of the
 * records in their order. The engine goes through the plan as it always does and asks here, at each
 * step, whether what would happen now has happened already.
 *
 * Only what still counts is here: a block, a call or an attempt that began again made what was
 * below it void. Attempts are counted on all the same, so that no container and no log gets the
 * name of an earlier one.
 */
#ifndef WFE_ENGINE_PAST_H
#define WFE_ENGINE_PAST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "engine/event.h"
#include "store/store.h"
#include "workflow/plan.h"

/* A moment, in a way that lets another process say how long ago it was. */
typedef struct wfe_past_time {
    int64_t wall_us;
    uint64_t boot_us; /* 0: not of this boot, only the wall clock is left */
} wfe_past_time;

/* Never negative, whatever the clocks did. */
uint64_t wfe_past_elapsed_us(const wfe_past_time *since);
/* What is left of a time that began then: 0 to whole_ms. */
uint64_t wfe_past_left_ms(const wfe_past_time *since, uint64_t whole_ms);

/* What became of the container of an attempt that was running: found out before the run goes on. */
enum wfe_past_found {
    WFE_PAST_NOT_LOOKED_AT,
    WFE_PAST_FOUND_NOTHING, /* its command was never started */
    WFE_PAST_FOUND_IT,      /* it can be adopted */
    WFE_PAST_FOUND_LOST,    /* it was started, and nobody knows how it ended */
};

typedef struct wfe_past_entry wfe_past_entry;
struct wfe_past_entry {
    char *path;
    wfe_past_entry *parent; /* of the block, for_each, call or step it belongs to; NULL: the run */
    wfe_past_entry *first_child;
    wfe_past_entry *next_sibling;
    wfe_past_entry *next; /* in the order in which they were first heard of */
    uint32_t plan_step;   /* WFE_PLAN_NONE: the plan does not know it */
    uint32_t prefix;      /* bytes of the path in front of the names of its workflow */
    bool is_item;
    bool is_hook;
    bool reopened;      /* it begins again, and what is below it stays */
    uint32_t attempt;   /* the last one that was recorded, of all rounds */
    uint32_t used;      /* greatest number that this process has given an attempt; 0: none */
    uint32_t tries;     /* in this round; 0: it did not begin */
    uint64_t begin_seq; /* of the record of its last attempt's start; 0: there is none */
    uint64_t retry_seq; /* that attempt failed, and there will be another one */
    uint64_t hooks_seq; /* its own work has ended, and hooks follow */
    uint64_t end_seq;
    enum wfe_step_run_state state;   /* PENDING: nothing of this round counts */
    enum wfe_step_run_state outcome; /* of its own work, with hooks_seq or end_seq */
    enum wfe_skip_reason skip;
    enum wfe_plan_cause cause;
    enum wfe_past_found found;
    bool allowed;
    int exit_code;
    uint64_t delay_ms;
    uint64_t elapsed_us;
    int64_t at_us;       /* of its last record */
    wfe_past_time began; /* this round */
    wfe_past_time attempt_began;
    wfe_past_time sleeping; /* since then */
    json_t *outputs;        /* NULL: none */
    wfe_error *error;       /* NULL: none */
    unsigned mark;          /* past_reopen.c */
};

/* Something that happened to the run from outside of its steps. */
typedef struct wfe_past_stop {
    uint64_t seq;
    enum wfe_stop_reason reason;
    wfe_error error;
} wfe_past_stop;

typedef struct wfe_past_service {
    char *name;
    enum wfe_service_state state;
    enum wfe_past_found found;
} wfe_past_service;

/* Outputs of a step of an earlier round of the block it is in: nobody sees them any more, but the
 * data of its workflow hold them. */
typedef struct wfe_past_output {
    const wfe_past_entry *step;
    uint32_t attempt;
    uint64_t seq;
    json_t *outputs;
} wfe_past_output;

typedef struct wfe_past {
    const wfe_plan *plan;
    enum wfe_run_state state;
    uint64_t last_seq;       /* 0: there are no records */
    int64_t began_at_us;     /* the first record */
    uint64_t time_us;        /* under way until its last end, added up; 0: it never ended */
    wfe_past_time under_way; /* since then, nobody having it counts, too; all 0: it is over */
    wfe_past_time running;   /* when its steps began; all 0: they did not */
    bool same_boot;          /* the process that wrote last was of this boot */
    wfe_past_entry *first;
    wfe_past_entry *last;
    wfe_past_stop *stops;
    size_t n_stops;
    wfe_past_service *services;
    size_t n_services;
    wfe_past_output *old_outputs;
    size_t n_old_outputs;
    uint32_t n_old[4]; /* ends of rounds that do not count: succeeded, failed, skipped, cancelled */
    json_t *again;     /* paths of the steps that run again after an end; NULL: none */
    json_t *from;      /* what was asked for then; NULL: nothing */
    json_t *by_path;   /* the entries' addresses */
    json_t **by_name;  /* for each workflow: indices of steps; NULL: not made yet */
} wfe_past;

/* The plan is borrowed. NOMEM. */
int wfe_past_new(const wfe_plan *plan, wfe_past **ret, wfe_error *err);
/* NULL is accepted. */
void wfe_past_free(wfe_past *past);
WFE_DEFINE_CLEANUP(wfe_past, wfe_past_free)

/* The next record, as it is stored. INVALID: it is none. NOMEM. */
int wfe_past_add_event(wfe_past *past, const wfe_store_event *event, wfe_error *err);
/* After all records: an output, as it is stored. */
int wfe_past_add_output(wfe_past *past, const wfe_store_output *output, wfe_error *err);
/* All of it from a store. */
int wfe_past_load(wfe_store *store, const char *run_id, const wfe_plan *plan, wfe_past **ret,
                  wfe_error *err);

/* Of a run that is over: what succeeded stays; what failed, was stopped or did not start is to run
 * again, and so are the steps named in from (paths; NULL: none) and all that needs one of these.
 * The names are in past->again then. NOT_FOUND: there is no such step; INVALID: it is a hook. */
int wfe_past_reopen(wfe_past *past, const json_t *from, wfe_error *err);

/* NULL: nothing was heard of it. */
wfe_past_entry *wfe_past_find(const wfe_past *past, const char *path);
/* Its own work has ended, or it never began. */
static inline bool wfe_past_is_settled(const wfe_past_entry *entry)
{
    return entry->hooks_seq || entry->end_seq;
}
/* Is it a block, a for_each or a call: something that others are in. */
bool wfe_past_is_composite(const wfe_past *past, const wfe_past_entry *entry);
/* The number of the record its outputs came with. */
static inline uint64_t wfe_past_outputs_seq(const wfe_past_entry *entry)
{
    return entry->hooks_seq ? entry->hooks_seq : entry->end_seq;
}

/* This attempt has begun: the next one of the path has a greater number, also when everything else
 * about it is forgotten. NOMEM. */
int wfe_past_note_attempt(wfe_past *past, const char *path, uint32_t attempt, wfe_error *err);
/* Nothing of the entry counts any more but its attempts. */
void wfe_past_clear(wfe_past_entry *entry);
/* What is below the entry does not count any more. NULL is accepted. */
void wfe_past_void_below(wfe_past *past, wfe_past_entry *entry);

#endif
