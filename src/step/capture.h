/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of one stream's bytes: the first limit bytes are kept for the result, stdout is
 * searched for outputs, and all of them go to the caller's descriptor and listener. It pauses its
 * reader while the descriptor takes nothing, so that a slow consumer slows the container and costs
 * no memory.
 */
#ifndef WFE_STEP_CAPTURE_H
#define WFE_STEP_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <wfe/step.h>

#include "base/buf.h"
#include "base/error.h"
#include "loop/loop.h"
#include "step/outputs.h"

typedef struct wfe_capture wfe_capture;

typedef struct wfe_capture_options {
    enum wfe_stream stream;
    const char *fifo_path;
    size_t limit_bytes;   /* kept for the result */
    int sink_fd;          /* <= 0: none */
    wfe_outputs *outputs; /* NULL: not searched; borrowed */
    wfe_output_fn listener;
    void *listener_user;
    /* The stream has ended and everything is delivered, or it failed; once. */
    void (*done)(wfe_capture *capture, const wfe_error *err, void *user);
    void *user;
} wfe_capture_options;

/* Makes the FIFO, opens it, and waits for its writer. */
int wfe_capture_new(wfe_loop *loop, const wfe_capture_options *options, wfe_capture **ret,
                    wfe_error *err);
void wfe_capture_free(wfe_capture *capture);
bool wfe_capture_is_done(const wfe_capture *capture);
/* Is it waiting for the caller's descriptor rather than for the container. */
bool wfe_capture_is_blocked(const wfe_capture *capture);
/* Bytes seen so far. */
uint64_t wfe_capture_bytes(const wfe_capture *capture);
/* Gives the kept bytes away. */
void wfe_capture_take(wfe_capture *capture, wfe_buf *out);

#endif
