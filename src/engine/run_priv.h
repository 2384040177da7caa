/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a run, shared by the files that move it along. A run has frames: one for its
 * workflow and one for each workflow that a step calls. A frame has nodes: one for each step, block
 * and hook of the workflow, and for each item of a for_each. Everything that happens to a node is a
 * function of node.c; what several nodes share (slots, records, the end) is in the other files.
 *
 *   run.c      end of a run, cancel, the turn
 *   run_setup.c  its beginning: folders, secrets, services
 *   frame.c    a workflow under way: its steps, compensation, hooks, outputs
 *   node.c     a node's way from pending to its end
 *   begin.c    how a block, a for_each, a call and an attempt begin
 *   hooks.c    what runs when a node's own work is done
 *   stop.c     stopping a part of the tree; what a failure does to what is around it
 *   exec.c     an attempt under way: streams, masking, lines, its end
 *   data.c     texts that a step gave to values of the data
 *   journal.c  records, and what waits for them
 *   replay.c   what another process has recorded of the run happens again, without being done
 *   look_back.c  what that process has left in containerd
 */
#ifndef WFE_ENGINE_RUN_PRIV_H
#define WFE_ENGINE_RUN_PRIV_H

#include "engine/context.h"
#include "engine/engine.h"
#include "engine/graph.h"
#include "engine/past.h"
#include "engine/scope.h"
#include "engine/step_type.h"
#include "net/netns.h"

typedef struct wfe_run_node wfe_run_node;
typedef struct wfe_frame wfe_frame;
typedef struct wfe_exec wfe_exec;

#define WFE_ENGINE_MAX_JOBS 4096U
/* Calls within calls. */
#define WFE_ENGINE_MAX_DEPTH 64
#define WFE_ENGINE_OUTPUT_MAX_BYTES ((size_t)1024 * 1024)
#define WFE_ENGINE_DATA_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define WFE_ENGINE_MAX_FAILURES 64U
/* Records that are not acknowledged yet, before no more steps are started. */
#define WFE_ENGINE_MAX_UNRECORDED 4096U

typedef struct wfe_run_node_queue {
    wfe_run_node *first;
    wfe_run_node *last;
} wfe_run_node_queue;

void wfe_run_node_queue_push(wfe_run_node_queue *queue, wfe_run_node *node);
wfe_run_node *wfe_run_node_queue_pop(wfe_run_node_queue *queue);

/* What only some nodes have; made when the first of it is needed. */
typedef struct wfe_run_node_more wfe_run_node_more;
struct wfe_run_node_more {
    wfe_run_node_more *next_dead;
    wfe_timer *timeout;  /* of the step as a whole */
    wfe_timer *sleep;    /* until the next attempt */
    wfe_exec *exec;      /* the attempt under way */
    wfe_exec *dead_exec; /* the last one, that ended; freed before the next one starts */
    wfe_frame *callee;   /* the called workflow under way */
    wfe_error *error;    /* why it failed */
    /* for_each: one node for each item, and the list. */
    wfe_run_node *items;
    json_t *list;
    uint32_t n_items;
    uint32_t n_items_skipped;
    wfe_plan_item *item; /* of an item: its copy of the step */
};

struct wfe_run_node {
    wfe_frame *frame;
    const wfe_plan_step *step;
    const char *path;
    wfe_run_node *next;  /* in the one queue it is in */
    wfe_run_node *owner; /* of an item: the for_each; of a child: the block; of a hook: its step */
    wfe_run_node *next_undo; /* frame->undo */
    wfe_run_node_more *more;
    wfe_scope *before; /* what it sees; NULL once nobody needs it */
    json_t *outputs;   /* what it gave; NULL: nothing */
    uint64_t outputs_seq;
    wfe_past_entry
        *past; /* what was recorded of it by another process; NULL: nothing that counts */
    wfe_run_node_queue waiting; /* children or items that max_parallel keeps waiting */
    uint64_t began_us;          /* monotonic; 0: never */
    uint64_t start_seq;         /* the record that lets its attempt start */
    uint32_t index;             /* in the plan */
    uint32_t item;              /* WFE_PLAN_NONE: it is none */
    uint32_t unmet;             /* needs and blocks that keep it from being due */
    uint32_t n_consumers;       /* that still want before and outputs */
    uint32_t open;              /* children or items that have not ended */
    uint32_t running;           /* of these: that count for max_parallel */
    uint32_t attempt;           /* never starts anew, so that containers have names of their own */
    uint32_t tries;             /* attempts of this round */
    int exit_code;
    unsigned char state;   /* enum wfe_step_run_state */
    unsigned char outcome; /* of its own work, while hooks run */
    unsigned char skip;    /* enum wfe_skip_reason */
    unsigned char cause;   /* of a failure */
    unsigned char inner;   /* cause of the first failure inside of it */
    unsigned char hook;    /* role of the hook under way or done; 0: none yet */
    bool in_hook : 1;      /* it is a hook, or inside of one */
    bool bad_need : 1;     /* something it needs has failed */
    bool child_failed : 1; /* and was not allowed to */
    bool inner_told : 1;   /* a failure in it is the run's already */
    bool hook_failed : 1;  /* and was not allowed to */
    bool stop : 1;         /* its own work has to end */
    bool timed_out : 1;    /* ... because its time is up */
    bool limited : 1;      /* it counts in owner->running */
    bool has_slot : 1;
    bool started : 1; /* its attempt's start was let go */
    bool outputs_told : 1;
    bool looked : 1; /* for what was recorded of it */
    bool adopt : 1;  /* its attempt was begun by another process */
};

enum wfe_frame_phase {
    WFE_FRAME_RUNNING,
    WFE_FRAME_COMPENSATING,
    WFE_FRAME_HOOKS,
    WFE_FRAME_ENDED,
};

struct wfe_frame {
    wfe_engine_run *run;
    wfe_run_node *caller; /* NULL: the run's own */
    const wfe_plan_workflow *workflow;
    const wfe_graph *graph;
    wfe_run_node *nodes; /* workflow->n_steps, in the order of the plan */
    char *paths;         /* all of them; NULL: they are the steps' names */
    wfe_scope *first;    /* the inputs */
    wfe_scope *all;      /* inputs and all outputs so far */
    json_t *outputs;     /* declared ones, at the end */
    wfe_timer *timeout;
    wfe_run_node *undo;  /* succeeded steps with on_failure, newest first */
    wfe_run_node *hook;  /* the compensation or hook under way */
    wfe_error *error;    /* why it failed first */
    uint32_t open;       /* top steps that have not ended */
    unsigned char inner; /* cause of its first failure */
    enum wfe_frame_phase phase;
    enum wfe_run_state outcome; /* once its steps have ended */
    unsigned char hook_role;    /* of the hook under way or done; 0: none yet */
    bool ending : 1;            /* no more steps start */
    bool failed : 1;
    bool hook_failed : 1; /* and was not allowed to */
    bool stopped : 1;
    bool timed_out : 1;
    bool compensate : 1;
    bool cut : 1;     /* steps did not start because the run was ending */
    bool in_hook : 1; /* the caller is */
};

typedef struct wfe_effect wfe_effect; /* an event that waits for its record */

/* Left of an attempt until its end is durable. */
typedef struct wfe_leftover_item wfe_leftover_item;
struct wfe_leftover_item {
    wfe_leftover_item *next;
    uint64_t seq; /* of the record */
    wfe_leftover left;
};

typedef struct wfe_journal {
    wfe_recorder *recorder;
    uint64_t seq;          /* of the last record */
    uint64_t acknowledged; /* up to here */
    uint64_t committed;    /* asked to be */
    uint64_t told;         /* the record of the last event that was told */
    wfe_effect *first;
    wfe_effect *last;
    wfe_run_node_queue starts;     /* attempts that wait for their record */
    wfe_leftover_item *first_left; /* in the order of their records */
    wfe_leftover_item *last_left;
    json_t *images;     /* digests that were recorded, by names */
    json_t *new_images; /* for the next record; NULL: none */
} wfe_journal;

struct wfe_secrets;
struct wfe_services;

/* Something recorded that is to happen again, in the order of the records. */
typedef struct wfe_replay_item {
    uint64_t seq;
    wfe_run_node *node;        /* NULL: */
    const wfe_past_stop *stop; /* ... of the run */
} wfe_replay_item;

typedef struct wfe_replay {
    wfe_replay_item *heap;
    size_t n;
    size_t cap;
    bool under_way;          /* what was not recorded waits for what was */
    unsigned n_cancels;      /* asked for meanwhile */
    bool in_stop;            /* a stop of the run happens again: it has its record */
    wfe_run_node_queue held; /* those that wait */
} wfe_replay;

struct wfe_engine_run {
    wfe_loop *loop;
    const wfe_plan *plan;
    wfe_context context;
    char *name;
    char *tmp_dir;
    char *volume_dir;
    wfe_lookup_fn lookup;
    void *lookup_user;
    wfe_event_fn on_event;
    void *on_event_user;
    wfe_engine_done_fn done;
    void *done_user;
    const wfe_step_type *const *types;
    bool keep_on_failure;

    wfe_journal journal;
    wfe_past *past; /* never NULL; without entries when nothing was recorded before */
    wfe_replay replay;
    wfe_timer *turn;
    wfe_run_node_queue due;         /* nothing keeps them any longer */
    wfe_run_node_queue ready;       /* wait for a slot */
    wfe_run_node_queue ready_hooks; /* the same, and go first */
    wfe_graph *graphs;              /* by workflow; dependent NULL: not made yet */
    wfe_frame *main;
    wfe_run_node_more *dead; /* of nodes that have ended; freed by the next turn */
    struct wfe_secrets *secrets;
    struct wfe_services *services; /* NULL: none, or stopped */
    wfe_netns *netns;              /* of another process, until the services have it; NULL: none */
    uint32_t jobs;
    uint32_t slots_used;
    uint32_t random; /* state of the jitter's generator */
    enum wfe_run_state state;
    void (*phase_next)(wfe_engine_run *run); /* for the next turn; NULL: nothing */
    bool goes_on; /* another process has begun it, with or without a record */
    bool started;
    bool set_up; /* secrets and services are there, or will not be */
    bool turn_due;
    bool in_turn;
    bool closed; /* everything is removed; the result is there */
    bool told;
    bool kill_spread;
    bool look_at_ready; /* something in the ready queues has to stop */
    bool secrets_read;
    bool cancelled; /* asked once */
    bool killed;    /* asked twice, or broken */
    bool suspended;
    bool broken; /* it cannot be recorded, or remembered, any more: broken_error */
    wfe_error broken_error;
    wfe_error setup_error;
    wfe_error service_error;  /* a service was found dead: fails the run when its steps are there */
    const char **ready_paths; /* of the record being made */
    uint32_t n_ready_paths;
    uint32_t cap_ready_paths;

    wfe_engine_result result;
    json_t *result_data; /* of the result: masked */
    char *failed_step;
    wfe_engine_failure *failures;
    uint64_t began_us;
};

/* ---- run.c ---- */

/* Something is to be done before the loop waits again. */
void wfe_run_turn_soon(wfe_engine_run *run);
/* Memory or the store failed: everything is killed and cleaned up, nothing more recorded. */
void wfe_run_break(wfe_engine_run *run, const wfe_error *err);
/* A failure that was not allowed: the first is the run's, the others stand beside it. */
void wfe_run_note_failure(wfe_engine_run *run, const char *path, const wfe_error *err);
/* Nothing new starts but hooks. What comes from outside of the steps has a record of its own, also
 * when the run was stopping already; err: why, may be NULL. */
void wfe_run_stopping(wfe_engine_run *run, enum wfe_stop_reason reason, const wfe_error *err);
/* The main frame has ended. */
void wfe_run_steps_ended(wfe_engine_run *run);
void wfe_run_services_stopped(wfe_engine_run *run);
void wfe_run_warn(wfe_engine_run *run, const wfe_run_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The step's type, NULL for blocks and calls. */
const wfe_step_type *wfe_run_type(const wfe_engine_run *run, const wfe_plan_step *step);
/* 0 to 1. */
double wfe_run_random(wfe_engine_run *run);

/* Enters the state, with a record. */
void wfe_run_enter(wfe_engine_run *run, enum wfe_run_state state, const wfe_error *err);

/* ---- run_setup.c ---- */

/* The first phase. */
void wfe_run_set_up(wfe_engine_run *run);
/* Secrets and services are there: the steps are next; or they will not be. */
void wfe_run_is_set_up(wfe_engine_run *run, const wfe_error *err);
/* Why no step started in another process; NULL: it did not come to that. */
const wfe_error *wfe_run_setup_failure(const wfe_engine_run *run);
void wfe_run_cancel_set_up(wfe_engine_run *run);

/* ---- journal.c ---- */

void wfe_journal_attach(wfe_engine_run *run, wfe_recorder *recorder);
/* A path that the next record lists as made ready; one of which more is recorded stays as it is. */
void wfe_journal_ready(wfe_engine_run *run, const char *path);
void wfe_journal_put(wfe_engine_run *run, wfe_event *event, int64_t wake_at_us);
/* The name of an image stood for this digest: the next record tells so, the first time. */
int wfe_journal_image(wfe_engine_run *run, const char *name, const char *digest, wfe_error *err);
/* A record about a node in its present state. */
void wfe_journal_node(wfe_run_node *node);
/* The attempt failed with err; the next one comes after the delay. */
void wfe_journal_retry(wfe_run_node *node, uint64_t delay_ms, enum wfe_plan_cause cause,
                       const wfe_error *err);
void wfe_journal_run(wfe_engine_run *run, const wfe_error *err);
/* The same for a run that stops from outside of its steps. */
void wfe_journal_stop(wfe_engine_run *run, enum wfe_stop_reason reason, const wfe_error *err);
/* Another process goes on with the run. */
void wfe_journal_resume(wfe_engine_run *run);
/* Something is left of an attempt until the last record is durable; its path is taken. */
void wfe_journal_leave(wfe_engine_run *run, const wfe_leftover *left);
/* What another process has recorded is told once more, in order, but not recorded again. */
void wfe_journal_tell_again(wfe_engine_run *run, wfe_event *event);
/* Tells the listener of the node's state, which was recorded by another process. */
void wfe_journal_tell_recorded(wfe_run_node *node, enum wfe_step_run_state state);
/* The attempt of node starts when the last record is durable. */
void wfe_journal_start(wfe_run_node *node);
/* Commits; lets go what is durable. */
void wfe_journal_turn(wfe_engine_run *run);
bool wfe_journal_is_idle(const wfe_engine_run *run);
/* Too much is waiting for its record. */
bool wfe_journal_is_full(const wfe_engine_run *run);
/* Tells the listener of something that has no record. */
void wfe_journal_tell(wfe_engine_run *run, wfe_event *event);
void wfe_journal_done(wfe_engine_run *run);
const char *wfe_run_node_owner_path(const wfe_run_node *node);

/* ---- frame.c ---- */

/* inputs are the callee's; path is the prefix of its steps' paths, NULL for the run's own. */
int wfe_frame_new(wfe_engine_run *run, uint32_t workflow, wfe_run_node *caller,
                  const json_t *inputs, wfe_frame **ret, wfe_error *err);
void wfe_frame_free(wfe_frame *frame);
/* Something it needs has failed: its steps are stopped, its hooks run as after any failure. */
void wfe_frame_fail(wfe_frame *frame, const wfe_error *err);
/* The steps that need nothing become due, and are listed for the next record, which the caller
 * makes; then come the other ones. */
void wfe_frame_start(wfe_frame *frame);
/* After that: ends it at once when it has no steps. */
void wfe_frame_started(wfe_frame *frame);
/* A top step has ended. */
void wfe_frame_step_ended(wfe_frame *frame, const wfe_run_node *node, const wfe_error *err);
/* A hook of the workflow, or one that compensates, has ended. */
void wfe_frame_hook_ended(wfe_frame *frame, wfe_run_node *hook);
wfe_run_node *wfe_frame_node(const wfe_frame *frame, uint32_t index);
/* Nothing new starts in it: the frame, or one around it, is ending. */
bool wfe_frame_is_ending(const wfe_frame *frame);
/* Its time is up. */
void wfe_frame_time_out(wfe_frame *frame);

/* ---- node.c ---- */

void wfe_run_node_init(wfe_run_node *node, wfe_frame *frame, uint32_t index, const char *path);
void wfe_run_node_done(wfe_run_node *node);
/* As it was before it ever ran, for another round of the block around it. */
void wfe_run_node_reset(wfe_run_node *node);
wfe_run_node_more *
wfe_run_node_more_of(wfe_run_node *node); /* NULL without memory; the run is broken then */
/* Nothing keeps it from starting. */
void wfe_run_node_due(wfe_run_node *node);
/* From the turn: skips it, lets it wait for a place, or begins. */
void wfe_run_node_resolve(wfe_run_node *node);
/* One thing less keeps it. */
void wfe_run_node_unblock(wfe_run_node *node);
/* It needs a place among its siblings and a slot. */
void wfe_run_node_get_ready(wfe_run_node *node);
void wfe_run_node_leave_place(wfe_run_node *node);
/* It counts among its siblings that run. */
void wfe_run_node_take_place(wfe_run_node *node);
/* Sleeps until its next attempt, which is due in ms. */
void wfe_run_node_sleep(wfe_run_node *node, uint64_t ms);
/* Its own work is over, for good or until the next try. */
void wfe_run_node_work_ended(wfe_run_node *node, enum wfe_step_run_state outcome,
                             enum wfe_plan_cause cause, const wfe_error *err);
/* Hooks are done, too. */
void wfe_run_node_end(wfe_run_node *node);
/* Does what needs it have to be skipped. */
bool wfe_run_node_is_bad(const wfe_run_node *node);
/* The children or items have all ended. */
void wfe_run_node_inner_ended(wfe_run_node *node);
bool wfe_run_node_is_leaf(const wfe_run_node *node);
bool wfe_run_node_has_ended(const wfe_run_node *node);
/* It failed and that was not allowed. */
bool wfe_run_node_has_failed(const wfe_run_node *node);
/* Nothing forbids that it starts. */
bool wfe_run_node_may_run(const wfe_run_node *node);
/* Its error; false without memory, when the run is broken. */
bool wfe_run_node_keep_error(wfe_run_node *node, const wfe_error *err);
/* Its own work was stopped, by its timeout or by others. */
void wfe_run_node_stopped(wfe_run_node *node);
void wfe_run_free_dead(wfe_engine_run *run);

/* ---- replay.c ---- */

/* Was a record of the node's present state made by another process. */
bool wfe_replay_is_recorded(const wfe_run_node *node);
/* Was the attempt that it is in begun by another process. */
bool wfe_replay_is_begun(const wfe_run_node *node);
/* Of the node's own work: what was recorded of its end; NULL: nothing. */
const wfe_past_entry *wfe_replay_settled(const wfe_run_node *node);
/* A node becomes due for the first time: true when the past decides what happens, and when. */
bool wfe_replay_takes(wfe_run_node *node);
/* The steps are there: what was recorded of the run itself joins in. */
void wfe_replay_begin(wfe_engine_run *run);
/* Lets the next thing happen again; false: there is nothing left. */
bool wfe_replay_step(wfe_engine_run *run);
/* The attempt's number is used, for good. */
void wfe_replay_note_attempt(wfe_run_node *node);
/* Of the step as a whole, or of the attempt. */
uint64_t wfe_replay_step_left_ms(const wfe_run_node *node, uint64_t whole_ms);
uint64_t wfe_replay_attempt_left_ms(const wfe_run_node *node, uint64_t whole_ms);
void wfe_replay_done(wfe_engine_run *run);

/* ---- look_back.c ---- */

/* What became of the containers that another process had running; removes what is left of the
 * others. Blocks, running the loop. */
int wfe_look_back(wfe_engine_run *run, wfe_error *err);

/* ---- begin.c ---- */

void wfe_run_node_begin(wfe_run_node *node);
/* What is below it, without a new attempt. */
void wfe_run_node_begin_inner(wfe_run_node *node);
/* The clock of the whole step. */
void wfe_run_node_start_timeout(wfe_run_node *node, uint64_t ms);
void wfe_run_node_start_attempt(wfe_run_node *node);
void wfe_run_node_frame_ended(wfe_run_node *node, wfe_frame *callee);
int wfe_run_node_evaluate_when(wfe_run_node *node, bool *ret, wfe_error *err);
/* An item's copy of the step, if it has none yet. */
int wfe_run_node_make_item(wfe_run_node *node, wfe_error *err);
/* Takes a slot and records the start of an attempt. */
void wfe_run_node_take_slot(wfe_run_node *node);

/* ---- hooks.c ---- */

/* Begins the first hook that applies, or ends the node. */
void wfe_run_node_run_hooks(wfe_run_node *node);
void wfe_run_node_hook_ended(wfe_run_node *node, wfe_run_node *hook);
/* The index of the hook of this role. */
uint32_t wfe_hook_index(const wfe_plan_hooks *hooks, unsigned char role);
void wfe_hook_start(wfe_frame *frame, uint32_t index, wfe_scope *sees);

/* ---- stop.c ---- */

/* Stops what the node does; ensure hooks run all the same. */
void wfe_run_node_stop(wfe_run_node *node);
/* Stops all steps of the frame. */
void wfe_frame_stop(wfe_frame *frame);
void wfe_run_node_timed_out(void *node);
/* The node failed for good: fail_fast around it, the run's first cause, error_behavior. */
void wfe_run_node_spread_failure(wfe_run_node *node, const wfe_error *err);
/* Kills everything. */
void wfe_run_kill(wfe_engine_run *run);
/* Those in the queues of the ready that may not start do not wait for a slot. */
void wfe_run_look_at_ready(wfe_engine_run *run);

/* ---- exec.c ---- */

/* Starts the attempt; its end comes to wfe_run_node_attempt_ended. stops: it is to be cancelled,
 * and is begun only for what another process has left of it. */
int wfe_exec_start(wfe_run_node *node, bool stops, wfe_exec **ret, wfe_error *err);
void wfe_exec_cancel(wfe_exec *exec, bool kill);
void wfe_exec_free(wfe_exec *exec);
void wfe_run_node_attempt_ended(wfe_run_node *node, const wfe_attempt_end *end);

/* ---- data.c ---- */

/* What a step gave, as values: declared ones of their types. INVALID with what is missing or wrong,
 * LIMIT for one that is too long; *ret holds what is right in either case. NULL: nothing. */
int wfe_data_values(wfe_run_node *node, const wfe_strmap *texts, json_t **ret, wfe_error *err);
/* The node's outputs become part of the data. LIMIT, NOMEM. */
int wfe_data_take(wfe_run_node *node, wfe_error *err);
/* The workflow's declared outputs from the data. */
int wfe_data_declared(const wfe_engine_run *run, const wfe_frame *frame, json_t **ret,
                      wfe_error *err);
/* The value with secrets masked in its texts: an input may be the password of a registry. Another
 * reference to it when there is nothing to mask; NULL without memory. */
json_t *wfe_data_masked(wfe_mask *mask, const json_t *value);
/* One list for each key that an item gave, null for those that did not. */
int wfe_data_of_items(const wfe_run_node *node, json_t **ret, wfe_error *err);

#endif
