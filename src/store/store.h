/* SPDX-License-Identifier: Apache-2.0
 *
 * Where runs are remembered: a table of functions with one file per back end (sqlite.h, memory.h).
 * It knows runs, steps, outputs and events as texts and numbers, and nothing of how a run moves.
 *
 * A run has one owner at a time and a lease number that grows with each owner. Whoever writes shows
 * the number; a stale one is refused, so that an owner who was taken for dead changes nothing any
 * more. Times that decide something (created, ended, leases) are the database's own.
 *
 * Functions block, on a disk or a network; a store belongs to one thread at a time. They fail with
 * NOMEM, IO (the disk; sys_errno says more), UNAVAILABLE (busy or not reachable; retryable), DENIED
 * (no permission), INVALID (damaged, or an argument) beside what is said below; a function that
 * failed has changed nothing. docs/internals/store.md has the schema.
 */
#ifndef WFE_STORE_STORE_H
#define WFE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Room for a readable name: the workflow's, made fit to type, and a number. */
#define WFE_STORE_NAME_SIZE 96
/* Of one text or value; sqlite and PostgreSQL both take it. */
#define WFE_STORE_VALUE_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* Texts that are JSON are stored as they come. NULL means none, unless said otherwise. */

/* ---- what is written ---- */

typedef struct wfe_store_new_run {
    const char *id;       /* unique: a UUID */
    const char *workflow; /* id of the workflow; names and numbers are counted by it */
    const char *name;     /* letters, digits, '.', '_', '-'; NULL: made of workflow and number */
    const char *state;    /* the first one */
    /* What is run, whole: kept once for each hash. Other bytes with a hash that is known are a
     * CONFLICT. */
    const char *hash;
    const void *definition;
    size_t definition_len;
    const char *inputs;   /* JSON */
    const char *options;  /* JSON: what else it takes to go on with the run */
    const char *rerun_of; /* id of a run */
    const char *owner;    /* base/owner.h; NULL: nobody yet, for claim_next to take */
    uint64_t lease_ms;    /* 0: until the owner is gone */
} wfe_store_new_run;

typedef struct wfe_store_made_run {
    uint64_t number;                /* counts from 1 in each workflow, never used again */
    uint64_t lease;                 /* 0: it has no owner */
    char name[WFE_STORE_NAME_SIZE]; /* "build-and-test-42" */
} wfe_store_made_run;

/* A run enters a state. */
typedef struct wfe_store_run_change {
    const char *state;
    bool is_end;         /* it is over: the owner is let go */
    uint64_t elapsed_us; /* of an end */
    const char *error;   /* JSON */
    const char *outputs; /* JSON; NULL: it has none, not any more either */
} wfe_store_run_change;

/* A step, or a service, enters a state. */
typedef struct wfe_store_step_change {
    const char *path;
    bool is_service;
    const char *parent; /* path of the step it belongs to */
    const char *role;
    const char *state;
    bool is_end;
    bool begins;           /* an attempt begins now */
    uint32_t attempt;      /* 0: none yet */
    const char *container; /* id; NULL: stays as it is */
    int exit_code;         /* -1: none is known */
    const char *cause;     /* of a failure */
    const char *reason;    /* of a skip */
    bool allowed;          /* a failure that fails nothing else */
    const char *error;     /* JSON */
    int64_t wake_at_us;    /* wall clock: when the next attempt is due; 0: it is not */
    uint64_t elapsed_us;   /* of an end */
} wfe_store_step_change;

typedef struct wfe_store_output {
    const char *step;
    const char *name;
    const char *value; /* JSON */
    uint32_t attempt;
} wfe_store_output;

/* One transition, complete: all of it is stored, or nothing. */
typedef struct wfe_store_transition {
    uint64_t seq;      /* one more than the one before it in this run; the first is 1 */
    int64_t at_us;     /* wall clock of the writer */
    const char *kind;  /* of the event */
    const char *event; /* JSON: kept as it is */
    const wfe_store_run_change *run;   /* NULL: the run stays as it is */
    const wfe_store_step_change *step; /* NULL: no step changes */
    const wfe_store_output *outputs;   /* take the place of earlier ones of the same name */
    size_t n_outputs;
    const char *ready_state;  /* what the steps below enter */
    const char *const *ready; /* paths of the steps that became ready by it */
    size_t n_ready;
} wfe_store_transition;

/* ---- what is read ---- */

/* All of it is borrowed during the callback. */
typedef struct wfe_store_run {
    int64_t key; /* grows with every run; pages go by it */
    const char *id;
    const char *name;
    const char *workflow;
    uint64_t number;
    const char *state;
    bool is_end;
    const char *owner; /* NULL: nobody has it */
    uint64_t lease;
    int64_t lease_until_us; /* 0: until the owner is gone */
    const char *asked;      /* what ask wrote */
    const char *hash;
    const char *rerun_of;
    const char *error;     /* JSON */
    int64_t created_at_us; /* the database's clock */
    int64_t ended_at_us;   /* 0: it goes on */
    uint64_t elapsed_us;   /* 0: it goes on */
    uint64_t last_seq;     /* 0: nothing was recorded */
    const char *inputs;    /* JSON; this and the following: only from find */
    const char *options;   /* JSON */
    const char *outputs;   /* JSON */
} wfe_store_run;

typedef struct wfe_store_step {
    const char *path;
    bool is_service;
    const char *parent;
    const char *role;
    const char *state;
    bool is_end;
    uint32_t attempt;
    const char *container;
    const char *owner; /* who recorded it last */
    uint64_t lease;    /* with which number */
    int exit_code;
    const char *cause;
    const char *reason;
    bool allowed;
    const char *error;
    int64_t wake_at_us;
    int64_t ready_at_us; /* wall clocks of the writer; 0: never */
    int64_t begun_at_us; /* the first attempt of this round */
    int64_t ended_at_us;
    uint64_t elapsed_us;
    uint64_t seq; /* of its last transition */
} wfe_store_step;

typedef struct wfe_store_event {
    uint64_t seq;
    int64_t at_us;          /* the writer's clock */
    int64_t recorded_at_us; /* the database's */
    const char *kind;
    const char *step;
    const char *event;
} wfe_store_event;

/* 0: go on. Else reading stops, and the reader returns this value: 1, or a WFE_E_*. A callback does
 * not use the store. */
typedef int (*wfe_store_run_fn)(const wfe_store_run *run, void *user);
typedef int (*wfe_store_step_fn)(const wfe_store_step *step, void *user);
typedef int (*wfe_store_output_fn)(const wfe_store_output *output, void *user);
typedef int (*wfe_store_event_fn)(const wfe_store_event *event, void *user);

typedef struct wfe_store_filter {
    const char *workflow;    /* NULL: all */
    const char *state;       /* NULL: all */
    bool open;               /* only those that are not over */
    int64_t since_us;        /* created then or later; 0: all */
    int64_t ended_before_us; /* only those that were over then; 0: all */
    int64_t before_key;      /* the next page: key of the last run of this one; 0: the first */
    uint32_t limit;          /* 0: all */
} wfe_store_filter;

/* ---- the table ---- */

typedef struct wfe_store wfe_store;
struct wfe_store {
    /* Waits until it is durable. CONFLICT: the id or the name is taken. INVALID, LIMIT: such a name
     * cannot be. */
    int (*create_run)(wfe_store *store, const wfe_store_new_run *run, wfe_store_made_run *ret,
                      wfe_error *err);
    /* Stores n transitions of a run in one piece and waits until they are durable. Those that are
     * stored already are skipped, so that a call whose result was lost can be made again.
     * NOT_FOUND: no such run. CONFLICT: lease is not the run's any more; the message says who has
     * it. INVALID: seq leaves a gap. */
    int (*record)(wfe_store *store, const char *run_id, uint64_t lease,
                  const wfe_store_transition *transitions, size_t n, wfe_error *err);

    /* Makes owner the owner of a run that nobody has, or whose owner is gone, in one statement: of
     * two at once one gets it. A run that is over can be claimed, too. force: even from an owner
     * who seems to be there. NOT_FOUND. CONFLICT: somebody has it; the message says who. */
    int (*claim)(wfe_store *store, const char *run_id, const char *owner, uint64_t lease_ms,
                 bool force, uint64_t *ret_lease, wfe_error *err);
    /* The same for the oldest run that is not over and can be claimed. NOT_FOUND: there is none.
     * The id's size is that of ret_id. */
    int (*claim_next)(wfe_store *store, const char *owner, uint64_t lease_ms, char *ret_id,
                      size_t id_size, uint64_t *ret_lease, wfe_error *err);
    /* Keeps a lease from ending for lease_ms more; *ret_asked (may be NULL): has somebody asked for
     * something. NOT_FOUND; CONFLICT: it is not the run's any more. */
    int (*renew)(wfe_store *store, const char *run_id, uint64_t lease, uint64_t lease_ms,
                 bool *ret_asked, wfe_error *err);
    /* Lets the run go. The lease not being the run's any more is fine. */
    int (*release)(wfe_store *store, const char *run_id, uint64_t lease, wfe_error *err);
    /* Leaves a wish for the owner of a run, "cancel", in the place of an earlier one. NOT_FOUND;
     * CONFLICT: the run is over. */
    int (*ask)(wfe_store *store, const char *run_id, const char *what, wfe_error *err);

    /* The run with this id or name, or the only one whose id begins so (four characters or more).
     * NOT_FOUND; CONFLICT: several do. */
    int (*find)(wfe_store *store, const char *text, wfe_store_run_fn fn, void *user,
                wfe_error *err);
    /* Newest first. */
    int (*runs)(wfe_store *store, const wfe_store_filter *filter, wfe_store_run_fn fn, void *user,
                wfe_error *err);
    /* In the order in which they were first heard of. A run that does not exist has none; the same
     * below. */
    int (*steps)(wfe_store *store, const char *run_id, wfe_store_step_fn fn, void *user,
                 wfe_error *err);
    /* step NULL: of all. In the order of steps, then of names. */
    int (*outputs)(wfe_store *store, const char *run_id, const char *step, wfe_store_output_fn fn,
                   void *user, wfe_error *err);
    /* Those after seq, in order. limit 0: all. */
    int (*events)(wfe_store *store, const char *run_id, uint64_t after_seq, uint32_t limit,
                  wfe_store_event_fn fn, void *user, wfe_error *err);
    /* What was given to create_run; free with free(). NOT_FOUND. */
    int (*definition)(wfe_store *store, const char *hash, char **ret, size_t *ret_len,
                      wfe_error *err);

    /* Forgets a run, and its definition when no other one has it. NOT_FOUND. CONFLICT: it has
     * an owner that is there, be it that an ended run is about to go on. */
    int (*remove)(wfe_store *store, const char *run_id, wfe_error *err);
    /* Gives space back that removed runs have left. */
    int (*tidy)(wfe_store *store, wfe_error *err);
    void (*close)(wfe_store *store);
};

/* NULL is accepted. */
void wfe_store_close(wfe_store *store);
/* Can this be the name of a run. INVALID, LIMIT. */
int wfe_store_check_name(const char *name, wfe_error *err);
/* The part of a run's name in front of its number: workflow with everything but letters, digits,
 * '.', '_' and '-' as a '-', cut; "run" if nothing is left. */
void wfe_store_name_stem(const char *workflow, char out[WFE_STORE_NAME_SIZE]);

#endif
