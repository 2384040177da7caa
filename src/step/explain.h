/* SPDX-License-Identifier: Apache-2.0
 *
 * What containerd and runc say when a container cannot be made, in words of the step's options.
 * Their texts change between versions: what is not known is passed on as it is.
 */
#ifndef WFE_STEP_EXPLAIN_H
#define WFE_STEP_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wfe_step_explain_input {
    const char *runtime;  /* of the client */
    const char *apparmor; /* profile of the step; NULL: none */
    uint32_t pids;        /* limit of the step; 0: none */
    bool ulimits;         /* the step has some of its own */
    bool own_filter;      /* a seccomp profile of the step's own */
} wfe_step_explain_input;

/* Replaces the error of the task's Create, or of its Start, when its text is a known one, keeping
 * its gRPC status; false when it is not. */
bool wfe_step_explain(const wfe_step_explain_input *in, wfe_error *err);

#endif
