/* SPDX-License-Identifier: Apache-2.0
 *
 * The result of a step while it is being filled in; the public functions of wfe_step_result read
 * it. It owns everything in it and knows nothing of containerd.
 */
#ifndef WFE_STEP_RESULT_H
#define WFE_STEP_RESULT_H

#include <stdint.h>

#include <wfe/step.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/strmap.h"
#include "step/usage.h"

/* The phases a step goes through, in order; each lasts from its start to the next one's. */
#define WFE_STEP_PHASES(X)                                                                         \
    X(RESOLVE, "resolve") /* image record, manifest, config */                                     \
    X(PREPARE, "prepare") /* container record, snapshot */                                         \
    X(CREATE, "create")   /* task: shim and runtime */                                             \
    X(START, "start")     /* the command's first instruction */                                    \
    X(RUN, "run")         /* until its exit status is known */                                     \
    X(DRAIN, "drain")     /* until the end of both streams */                                      \
    X(CLEANUP, "cleanup") /* until everything is removed */

enum wfe_step_phase {
#define WFE_STEP_PHASE_ENUM_(name, text) WFE_STEP_PHASE_##name,
    WFE_STEP_PHASES(WFE_STEP_PHASE_ENUM_)
#undef WFE_STEP_PHASE_ENUM_
        WFE_STEP_N_PHASES
};

typedef struct wfe_step_output {
    wfe_buf kept;   /* the first bytes of the stream */
    uint64_t bytes; /* all it had */
} wfe_step_output;

struct wfe_step_result {
    char *step; /* the step's name */
    char *run_id;
    char *container_id;
    char *image;        /* name of the record that was used */
    char *image_digest; /* of the manifest that ran */
    char *image_target; /* of what the name stood for: an index, or that manifest */
    unsigned attempt;
    enum wfe_step_end end;
    int exit_code;
    uint64_t timeout_ms;         /* that passed, when end is TIMED_OUT */
    bool out_of_memory;          /* the kernel killed at the memory limit, and the command failed */
    uint64_t memory_limit_bytes; /* 0: none */
    wfe_step_usage usage;
    wfe_step_output out[2]; /* stdout, stderr */
    wfe_strmap outputs;
    char **warnings; /* NULL-terminated */
    size_t n_warnings;
    int64_t started_at_us;                /* wall clock: when the step began */
    int64_t finished_at_us;               /* wall clock: when all was cleaned up */
    uint64_t phase_us[WFE_STEP_N_PHASES]; /* 0: not reached */
};

int wfe_step_result_new(wfe_step_result **ret, wfe_error *err);
/* Adds a text to the warnings; a warning that cannot be stored is lost (no memory). */
void wfe_step_result_warn(wfe_step_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
