/* SPDX-License-Identifier: Apache-2.0
 *
 * What a run tells while it runs: one struct for everything, so that a terminal view, a JSON
 * stream, a report and a log are all listeners of the same kind. Nothing is told before the record
 * it belongs to is durable (engine/record.h), and no text in it holds a secret.
 */
#ifndef WFE_ENGINE_EVENT_H
#define WFE_ENGINE_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/error.h>
#include <wfe/step.h>

#include "workflow/plan.h"

/* Grows when a member of the JSON form changes its meaning or goes; new members and kinds do not
 * count. */
#define WFE_EVENT_VERSION 1

/* kind, name, when */
#define WFE_EVENT_KINDS(X)                                                                         \
    X(RUN, "run", "the run entered run_state")                                                     \
    X(STEP, "step", "a step, a hook or an item of for_each entered step_state")                    \
    X(RETRY, "retry", "an attempt failed and the next one begins after delay_ms")                  \
    X(OUTPUT, "output", "a line of a stream")                                                      \
    X(SERVICE, "service", "a service entered service_state")                                       \
    X(WARNING, "warning", "something to know that fails nothing")                                  \
    X(PULL, "pull", "the image of a step or a service is fetched")

enum wfe_event_kind {
#define WFE_EVENT_KIND_ENUM_(kind, name, when) WFE_EVENT_##kind,
    WFE_EVENT_KINDS(WFE_EVENT_KIND_ENUM_)
#undef WFE_EVENT_KIND_ENUM_
};

/* state, name, is an end, meaning */
#define WFE_RUN_STATES(X)                                                                          \
    X(STARTING, "starting", false, "secrets, folders, network and services are being made")        \
    X(RUNNING, "running", false, "steps run")                                                      \
    X(STOPPING, "stopping", false, "nothing new starts but hooks: cancelled, failed or suspended") \
    X(SUCCEEDED, "succeeded", true, "every step that had to has succeeded")                        \
    X(FAILED, "failed", true, "a step, a hook or a service failed, or the time was up")            \
    X(CANCELLED, "cancelled", true, "it was asked to stop")                                        \
    X(SUSPENDED, "suspended", true, "a failed step asked to wait for wfe resume")

enum wfe_run_state {
#define WFE_RUN_STATE_ENUM_(state, name, is_end, meaning) WFE_RUN_##state,
    WFE_RUN_STATES(WFE_RUN_STATE_ENUM_)
#undef WFE_RUN_STATE_ENUM_
};

#define WFE_STEP_STATES(X)                                                                         \
    X(PENDING, "pending", false, "what it needs has not ended")                                    \
    X(READY, "ready", false, "waits for a free slot")                                              \
    X(RUNNING, "running", false, "an attempt, a block's children or a called workflow runs")       \
    X(SLEEPING, "sleeping", false, "waits for its next attempt, holding no slot")                  \
    X(HOOKS, "hooks", false, "its own work is done; its hooks run")                                \
    X(SUCCEEDED, "succeeded", true, "its last attempt succeeded")                                  \
    X(FAILED, "failed", true, "its last attempt failed; cause says how")                           \
    X(SKIPPED, "skipped", true, "it never ran; skip_reason says why")                              \
    X(CANCELLED, "cancelled", true, "it was stopped, or the run was before its turn")

enum wfe_step_run_state {
#define WFE_STEP_STATE_ENUM_(state, name, is_end, meaning) WFE_STEP_IS_##state,
    WFE_STEP_STATES(WFE_STEP_STATE_ENUM_)
#undef WFE_STEP_STATE_ENUM_
};

/* Why a step was skipped. */
enum wfe_skip_reason {
    WFE_SKIP_NONE,
    WFE_SKIP_WHEN,   /* its condition was false: what needs it goes on */
    WFE_SKIP_NEEDS,  /* something it needs failed, or was skipped for that */
    WFE_SKIP_ENDING, /* the run was ending: terminated, suspended, compensating */
};

/* What ends a run, or keeps it from starting, from outside of its steps: who goes on with the run
 * has to do the same. */
enum wfe_stop_reason {
    WFE_STOP_BY_STEPS,  /* none of these: what the steps say is enough */
    WFE_STOP_CANCELLED, /* it was asked to stop */
    WFE_STOP_KILLED,    /* ... at once */
    WFE_STOP_TIMEOUT,   /* its time was up */
    WFE_STOP_SERVICE,   /* a service failed while steps ran */
    WFE_STOP_SETUP,     /* secrets, folders or services could not be had: no step starts */
};

#define WFE_SERVICE_STATES(X)                                                                      \
    X(STARTING, "starting", false, "its container is being made")                                  \
    X(RUNNING, "running", false, "it runs and is not ready yet")                                   \
    X(READY, "ready", false, "its probe succeeded")                                                \
    X(STOPPED, "stopped", true, "the run stopped it")                                              \
    X(FAILED, "failed", true, "it could not start, was never ready, or ended early")

enum wfe_service_state {
#define WFE_SERVICE_STATE_ENUM_(state, name, is_end, meaning) WFE_SERVICE_##state,
    WFE_SERVICE_STATES(WFE_SERVICE_STATE_ENUM_)
#undef WFE_SERVICE_STATE_ENUM_
};

const char *wfe_event_kind_name(enum wfe_event_kind kind);
const char *wfe_run_state_name(enum wfe_run_state state);
bool wfe_run_state_is_end(enum wfe_run_state state);
const char *wfe_step_state_name(enum wfe_step_run_state state);
bool wfe_step_state_is_end(enum wfe_step_run_state state);
const char *wfe_service_state_name(enum wfe_service_state state);
/* "cancelled", "killed", "timeout", "service", "setup"; NULL for WFE_STOP_BY_STEPS. */
const char *wfe_stop_reason_name(enum wfe_stop_reason reason);
/* "when", "needs", "ending"; NULL for WFE_SKIP_NONE. */
const char *wfe_skip_reason_name(enum wfe_skip_reason reason);
/* "exit", "timeout", "oom", "infrastructure", "output"; "inner" for 0. */
const char *wfe_cause_name(enum wfe_plan_cause cause);
/* "step", "on_success", "on_failure", "ensure". */
const char *wfe_role_name(enum wfe_plan_role role);

/* Everything is borrowed during the call. Members that do not belong to the kind are zero. */
typedef struct wfe_event {
    enum wfe_event_kind kind;
    uint64_t seq;  /* of the record it belongs to; grows, and is repeated by events of no record */
    int64_t at_us; /* wall clock */

    /* A state that was entered before another process went on with the run: told again, with the
     * number and the time of its record. */
    bool recorded;
    bool goes_on; /* RUNNING, recorded: the attempt runs on, or is found to be lost */

    /* RUN */
    enum wfe_run_state run_state;
    enum wfe_stop_reason stop_reason; /* of STOPPING */
    bool resumed;       /* another process goes on with it; or it goes on after an end */
    const json_t *from; /* then: the steps that were asked for; NULL: none */

    /* STEP, RETRY, OUTPUT, WARNING (NULL: the run's own). The path is the step's name, behind those
     * of the calls it is in, with the index of an item: "deploy/compile", "unit[2]". */
    const char *step;
    const char *owner; /* path of the step a hook belongs to, of the block of a child, of the
                        * for_each of an item, of the call of a step; NULL: the run */
    const wfe_plan_step *plan_step;
    enum wfe_step_run_state step_state;
    enum wfe_step_run_state outcome; /* of HOOKS: how its own work ended */
    enum wfe_skip_reason skip_reason;
    enum wfe_plan_cause cause; /* of FAILED, RETRY and HOOKS; 0: a child or hook failed */
    unsigned attempt;          /* counts from 1; 0: none began */
    uint32_t n_items;          /* RUNNING of a for_each: of its list; else 0 */
    int exit_code;             /* -1: none is known */
    bool allowed;              /* FAILED, but allow_failure is set here or around it */
    uint64_t delay_ms;         /* RETRY: until the next attempt */
    uint64_t elapsed_us;       /* of an end: since it began; monotonic */
    const json_t *outputs;     /* of an end: what it adds to the data; NULL: nothing */
    const json_t *images;      /* names of images and digests, learned with it; NULL: none */
    /* FAILED, RETRY, and what fails a RUN or SERVICE; NULL: none. */
    const wfe_error *error;

    /* OUTPUT: a line without its newline, at most WFE_EVENT_LINE_BYTES; a longer one comes in
     * pieces, and all but the last have more set. Bytes as they came, secrets masked.
     * WARNING: the text. */
    enum wfe_stream stream;
    const char *text;
    size_t text_len;
    bool more;

    /* SERVICE, and OUTPUT of a service (step is NULL then). */
    const char *service;
    enum wfe_service_state service_state;

    /* PULL, of a step or a service: at its beginning, about twice a second, at its end. */
    const char *image; /* in full */
    uint64_t have_bytes;
    uint64_t size_bytes; /* 0: not known yet */
    uint32_t n_layers;   /* 0: not known yet */
    uint32_t n_layers_done;
    bool over; /* it has ended, well or not */
} wfe_event;

#define WFE_EVENT_LINE_BYTES ((size_t)16 * 1024)

typedef void (*wfe_event_fn)(const wfe_event *event, void *user);

/* The event as one JSON object ("version", "event", "seq", "time", ...): docs/internals/engine.md
 * lists the members. New reference; NULL without memory. */
json_t *wfe_event_json(const wfe_event *event);
/* The form errors have in there. The same. */
json_t *wfe_event_error_json(const wfe_error *error);

#endif
