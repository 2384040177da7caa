/* SPDX-License-Identifier: Apache-2.0
 *
 * The standard output of a command that has a loop to keep going: what a slow reader does not take
 * at once is queued and written when it can be. Above WFE_OUT_QUEUE_BYTES writing waits, and all
 * else with it, since a run cannot be told to be silent. A reader that went away is told once, at
 * the end; what is written after it is dropped.
 */
#ifndef WFE_CLI_OUT_H
#define WFE_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "loop/loop.h"

#define WFE_OUT_QUEUE_BYTES ((size_t)8 * 1024 * 1024)

typedef struct wfe_out wfe_out;

/* fd is borrowed. Without a loop nothing is queued: writing waits. NOMEM, IO. */
int wfe_out_new(wfe_loop *loop, int fd, wfe_out **ret, wfe_error *err);
/* What is queued is lost. NULL is accepted. */
void wfe_out_free(wfe_out *out);
void wfe_out_write(wfe_out *out, const void *bytes, size_t len);
/* Nothing is queued: the reader keeps up. */
bool wfe_out_is_clear(const wfe_out *out);
/* Waits until everything is written; the first error there was: UNAVAILABLE for a reader that went
 * away, IO, NOMEM. */
int wfe_out_finish(wfe_out *out, wfe_error *err);

#endif
