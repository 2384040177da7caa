/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine knows of a type of step: a table of functions. A type runs one attempt, tells of
 * its output while it runs, and of its end once; retries, timeouts of the whole step, outputs,
 * hooks and masking are the engine's. Adding a type is one file with such a table and its row in
 * step_types.c.
 */
#ifndef WFE_ENGINE_STEP_TYPE_H
#define WFE_ENGINE_STEP_TYPE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/id.h"
#include "base/strmap.h"
#include "engine/engine.h"
#include "engine/past.h"

struct wfe_context;
typedef struct wfe_context wfe_context; /* what attempts of one run share: engine/context.h */
typedef struct wfe_attempt wfe_attempt; /* one under way; each type has its own */

/* A secret as a step gets it; the value is already known to the masker. */
typedef struct wfe_attempt_secret {
    const char *env;  /* variable; NULL: not */
    const char *file; /* path in the container; NULL: not */
    const char *value;
    const char *source; /* the file on this machine that holds the value; NULL without file */
} wfe_attempt_secret;

/* What an attempt is given; borrowed until it has ended, but for data: borrowed during start. */
typedef struct wfe_attempt_env {
    wfe_context *context;
    const wfe_plan_step *step;
    const char *path; /* names the step in the run: "deploy/unit[2]" */
    unsigned attempt; /* counts from 1 */
    /* What the step sees: inputs and outputs of what it waited for. */
    const json_t *data;
    const wfe_attempt_secret *secrets;
    uint32_t n_secrets;
    /* Another process has begun this attempt and died; found is what is left of its container. */
    bool adopt;
    enum wfe_past_found found;
    bool stops; /* cancel follows: with adopt what is there is dealt with, and nothing is started */
} wfe_attempt_env;

/* What another process would need if this one died before the attempt's end is recorded. */
typedef struct wfe_leftover {
    wfe_client *client; /* NULL: it is a file */
    char id[WFE_ID_CONTAINER_SIZE];
    char *path; /* owned */
} wfe_leftover;

/* How an attempt ended. error.kind is 0 when it succeeded; cause is set when it is not. */
typedef struct wfe_attempt_end {
    enum wfe_plan_cause cause;
    bool cancelled; /* it ended because it was asked to */
    int exit_code;  /* -1: none is known */
    wfe_error error;
    /* Texts as the step gave them, also of a failed one; borrowed during the call. NULL: none. */
    const wfe_strmap *outputs;
    const char *const *warnings; /* NULL-terminated; NULL: none */
    /* The image as the plan names it, and the digest it stood for; NULL: none, or not known. */
    const char *image;
    const char *image_digest;
} wfe_attempt_end;

typedef struct wfe_attempt_fns {
    /* Bytes of a stream as they come, not masked. */
    void (*output)(enum wfe_stream stream, const void *bytes, size_t len, void *user);
    /* Its image comes: an event of kind PULL without the step. */
    void (*pull)(const wfe_event *event, void *user);
    /* As wfe_capture_settled_fn and wfe_capture_found_fn. */
    bool (*settled)(enum wfe_stream stream, uint64_t *ret_passed, void *user);
    void (*found)(enum wfe_stream stream, uint64_t passed, void *user);
    /* Once, and never from within start or cancel. The engine frees the attempt afterwards. */
    void (*ended)(const wfe_attempt_end *end, void *user);
} wfe_attempt_fns;

typedef struct wfe_step_type {
    const char *name; /* "shell" */
    /* Begins an attempt. On failure nothing has begun and ended is not called; the error counts as
     * cause INFRASTRUCTURE, and is retried as such, unless its kind is INVALID. */
    int (*start)(const wfe_attempt_env *env, const wfe_attempt_fns *fns, void *user,
                 wfe_attempt **ret, wfe_error *err);
    /* Asks it to end in good order; kill: at once. ended still tells. May come twice. */
    void (*cancel)(wfe_attempt *attempt, bool kill);
    /* After its end. */
    void (*free)(wfe_attempt *attempt);
    /* At its end: true when something is left that is to go once the end is recorded. NULL: there
     * never is. */
    bool (*leaves)(wfe_attempt *attempt, wfe_leftover *ret);
    /* It has a meaning for env.adopt. The others begin such an attempt anew. */
    bool adopts;
} wfe_step_type;

extern const wfe_step_type wfe_step_type_containerd;
extern const wfe_step_type wfe_step_type_shell;
/* Does nothing, successfully, in the loop's next turn: for tests and measurements. */
extern const wfe_step_type wfe_step_type_noop;

/* The built-in ones, by wfe_plan_step_type. Blocks and called workflows have none: they are part of
 * the engine. */
extern const wfe_step_type *const wfe_step_types[];

#endif
