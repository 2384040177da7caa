/* SPDX-License-Identifier: Apache-2.0
 *
 * A run: a plan on its way from its inputs to its end, on the caller's loop. It owns its steps,
 * services, folders and clients, and removes all of them on every path before it tells that it has
 * ended. How it moves: docs/internals/engine.md.
 */
#ifndef WFE_ENGINE_ENGINE_H
#define WFE_ENGINE_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/client.h>
#include <wfe/image.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/event.h"
#include "engine/record.h"
#include "loop/loop.h"
#include "workflow/plan.h"

typedef struct wfe_engine_run wfe_engine_run;
struct wfe_step_type;
struct wfe_past;

/* The value of an environment variable, NULL when it is not set. */
typedef const char *(*wfe_lookup_fn)(const char *name, void *user);

/* Makes a client on the loop (wfe_client_new_on). options holds what the step says: address, TLS,
 * runtime and snapshotter, NULL where it leaves the choice to the run; the callee fills in the
 * rest. Called once for each different choice; the run frees the client. */
typedef int (*wfe_client_make_fn)(wfe_loop *loop, const wfe_client_options *options,
                                  wfe_client **ret, wfe_error *err, void *user);

/* Once, from the loop, when the run has ended and everything is removed. Freeing the run in here is
 * allowed. */
typedef void (*wfe_engine_done_fn)(wfe_engine_run *run, void *user);

/* Texts are copied; NULL and zero mean the default. */
typedef struct wfe_engine_options {
    const char *run_id;   /* default: a new random one */
    const char *run_name; /* for people: "build-42"; default: the id */
    uint32_t jobs;        /* steps at once; default: the number of processors; at most 4,096 */
    bool keep_on_failure; /* a failed run leaves its folders, and says where in a warning */
    /* Where shell steps run and what relative sources of volumes are relative to; absolute.
     * Default: the folder the process is in. */
    const char *working_dir;
    /* Of shell steps and of commands that give secrets: "KEY=VALUE"; default: empty. */
    const char *const *environment;
    /* For the run's temporary files, secrets among them: a folder of its own is made in it. Default
     * /run/wfe/runs for root, else /tmp/wfe-<uid>/runs. */
    const char *tmp_dir;
    /* For shared volumes. Default /var/lib/wfe/volumes for root, else /tmp/wfe-<uid>/volumes. */
    const char *volume_dir;
    wfe_lookup_fn lookup; /* for secrets from variables; NULL: none is set */
    void *lookup_user;
    wfe_client_make_fn make_client; /* NULL: wfe_client_new_on with these options */
    void *make_client_user;
    /* How images are pulled that are not there, beside what the plan says; borrowed until the run
     * is freed. NULL: anonymously. */
    const wfe_registry_access *registry;
    /* {"busybox": "sha256:..."}: the digests that names of images of steps stand for; referenced.
     * NULL, and names that are not in it: what they stand for now. */
    json_t *images;
    wfe_recorder *recorder; /* taken on success; default: wfe_recorder_memory_new */
    /* What was recorded of this run, which goes on (engine/past.h); taken on success. Its records
     * are numbered on. A run that is over must have been reopened. NULL: it begins. */
    struct wfe_past *past;
    /* Containers are started so that another process can go on with them should this one be
     * killed: a copy of this process is made for that, which outlives it (step/keeper.h). */
    bool durable;
    wfe_event_fn on_event; /* NULL: nobody listens */
    void *on_event_user;
    wfe_engine_done_fn done;
    void *done_user;
    wfe_log log;
    /* The function tables of the step types, by wfe_plan_step_type; NULL: the built-in ones. */
    const struct wfe_step_type *const *step_types;
} wfe_engine_options;

/* The plan, borrowed until the run is freed, must be complete. INVALID, NOMEM. */
int wfe_engine_run_new(wfe_loop *loop, const wfe_plan *plan, const wfe_engine_options *options,
                       wfe_engine_run **ret, wfe_error *err);
/* Begins; everything else happens in callbacks from the loop. */
int wfe_engine_run_start(wfe_engine_run *run, wfe_error *err);
/* The first time: steps are stopped in good order, ensure hooks run, all is cleaned up. Again: what
 * runs is killed, hooks included, no more hooks start; still cleaned. From any callback. */
void wfe_engine_run_cancel(wfe_engine_run *run);
/* Was it asked to stop, in this process or an earlier one that began it. */
bool wfe_engine_run_is_cancelled(const wfe_engine_run *run);
/* The run must have ended, or never have been started. NULL is accepted. */
void wfe_engine_run_free(wfe_engine_run *run);

const char *wfe_engine_run_id(const wfe_engine_run *run);
const char *wfe_engine_run_name(const wfe_engine_run *run);

/* A failure beside the first one. */
typedef struct wfe_engine_failure {
    const char *step; /* path; NULL: the run itself */
    wfe_error error;
} wfe_engine_failure;

/* How it went; borrowed until the run is freed. */
typedef struct wfe_engine_result {
    enum wfe_run_state state;
    bool timed_out;          /* FAILED: the time of the run was up */
    bool broken;             /* FAILED: it could not be recorded any more; see error */
    bool interrupted;        /* broken, and what was recorded stays: it can go on from there */
    const char *failed_step; /* the first cause; NULL: none, or the run itself */
    wfe_error error;         /* the first cause; kind 0: none */
    /* Failures after the first: of hooks and of other steps, in the order in which they came; at
     * most 64 are kept, n_failures counts all. */
    const wfe_engine_failure *failures;
    uint32_t n_failures;
    /* The data at the end: inputs and outputs, secrets masked; NULL without memory. With declared
     * outputs of the workflow, outputs holds those, of their types; else it is NULL. */
    const json_t *data;
    const json_t *outputs;
    int64_t started_at_us; /* wall clock */
    int64_t finished_at_us;
    uint64_t elapsed_us; /* monotonic */
    /* Steps of all workflows of the run by the state they ended in; items and hooks included. */
    uint32_t n_succeeded;
    uint32_t n_failed;
    uint32_t n_skipped;
    uint32_t n_cancelled;
} wfe_engine_result;

/* NULL before it has ended. */
const wfe_engine_result *wfe_engine_run_result(const wfe_engine_run *run);

#endif
