/* SPDX-License-Identifier: Apache-2.0
 *
 * A step's standard input: a descriptor of the caller, copied into the FIFO that the shim reads.
 * It never blocks the loop, holds at most one chunk, and changes no flag that other processes see.
 * The descriptor is borrowed.
 */
#ifndef WFE_STEP_SOURCE_H
#define WFE_STEP_SOURCE_H

#include "base/error.h"
#include "loop/loop.h"

typedef struct wfe_source wfe_source;

/* The descriptor is at its end, or cannot be read (err->kind not 0), and all that came is written;
 * once. The caller then tells the daemon to close its side, since the shim keeps a writer open. */
typedef void (*wfe_source_end_fn)(const wfe_error *err, void *user);

/* Makes the FIFO at path and opens it; nothing is read yet. */
int wfe_source_new(wfe_loop *loop, int fd, const char *fifo_path, wfe_source_end_fn end, void *user,
                   wfe_source **ret, wfe_error *err);
/* Begins to copy: the task runs. */
int wfe_source_start(wfe_source *source, wfe_error *err);
void wfe_source_free(wfe_source *source);

#endif
