/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a step's stream goes: a file descriptor of the caller, written without ever blocking the
 * loop and without changing flags that other processes see. It holds at most one chunk; while it
 * does, whoever feeds it must stop. The descriptor is borrowed.
 */
#ifndef WFE_STEP_SINK_H
#define WFE_STEP_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "loop/loop.h"

typedef struct wfe_sink wfe_sink;

typedef struct wfe_sink_fns {
    void (*drained)(void *user);                      /* the chunk it held is written */
    void (*failed)(const wfe_error *err, void *user); /* once; it takes no more bytes */
} wfe_sink_fns;

int wfe_sink_new(wfe_loop *loop, int fd, const char *name, const wfe_sink_fns *fns, void *user,
                 wfe_sink **ret, wfe_error *err);
void wfe_sink_free(wfe_sink *sink);
/* Writes what can be written and copies the rest; only when the sink is not blocked. NOMEM, or the
 * error of the write (EPIPE, ENOSPC, ...); failed is not called for those. */
int wfe_sink_write(wfe_sink *sink, const void *bytes, size_t len, wfe_error *err);
/* Is there a rest that the reader has not taken yet. */
bool wfe_sink_is_blocked(const wfe_sink *sink);

#endif
