/* SPDX-License-Identifier: Apache-2.0
 *
 * One output stream of a step: the FIFO that the shim writes to, read as it comes. The FIFO is
 * opened for reading before the task is created, because the shim's open blocks until there is a
 * reader (containerd 1.6: pkg/process/io.go). Memory is bounded by one read buffer.
 */
#ifndef WFE_STEP_STREAM_H
#define WFE_STEP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"
#include "step/spool.h"

typedef struct wfe_stream_reader wfe_stream_reader;

typedef struct wfe_stream_fns {
    /* Bytes as they came; may call wfe_stream_reader_pause. */
    void (*bytes)(const void *bytes, size_t len, void *user);
    /* Every writer has closed its end, or reading failed (err->kind not 0). Once. */
    void (*end)(const wfe_error *err, void *user);
} wfe_stream_fns;

/* Makes the FIFO at path (mode 0600) and opens it. The path must not exist. */
int wfe_stream_reader_new(wfe_loop *loop, const char *path, const wfe_stream_fns *fns, void *user,
                          wfe_stream_reader **ret, wfe_error *err);
/* The same through a spool (borrowed), at a path where there may be a FIFO already: begins with
 * what another process left in the spool. Whoever opens a FIFO that was there knows that its writer
 * has come, so that an empty one without a writer is at its end. */
int wfe_stream_reader_new_spooled(wfe_loop *loop, const char *path, wfe_spool *spool,
                                  const wfe_stream_fns *fns, void *user, wfe_stream_reader **ret,
                                  wfe_error *err);
/* For whoever holds the FIFO open beside it. */
int wfe_stream_reader_fd(const wfe_stream_reader *reader);
/* Closes it; the FIFO itself stays for whoever owns its folder. */
void wfe_stream_reader_free(wfe_stream_reader *reader);
void wfe_stream_reader_pause(wfe_stream_reader *reader);
void wfe_stream_reader_resume(wfe_stream_reader *reader);
bool wfe_stream_reader_is_paused(const wfe_stream_reader *reader);

#endif
