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
#include "base/mask.h"
#include "loop/loop.h"
#include "step/outputs.h"

typedef struct wfe_capture wfe_capture;

/* Has the listener dealt for good with all bytes it was given so far, so that it could begin anew
 * behind them; *ret_passed: of the bytes it has passed on itself, how many came before. Asked
 * before the first byte, too: the count need not begin with 0. */
typedef bool (*wfe_capture_settled_fn)(enum wfe_stream stream, uint64_t *ret_passed, void *user);
/* Before the first byte of a stream that another process left: what it has passed on before that
 * byte. */
typedef void (*wfe_capture_found_fn)(enum wfe_stream stream, uint64_t passed, void *user);

typedef struct wfe_capture_options {
    enum wfe_stream stream;
    const char *fifo_path;
    size_t limit_bytes;   /* kept for the result */
    int sink_fd;          /* <= 0: none */
    wfe_outputs *outputs; /* NULL: not searched; borrowed */
    wfe_mask *mask;       /* all of them get the bytes masked; NULL: as they are; borrowed */
    wfe_output_fn listener;
    void *listener_user;
    /* The bytes go through this file, so that a process that is killed loses none of them; with
     * what another one left in it. NULL: they do not. */
    const char *spool_path;
    bool adopt; /* the FIFO was made by another process, and its writer has come */
    wfe_capture_settled_fn settled;
    wfe_capture_found_fn found;
    void *spool_user;
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
/* Bytes seen so far; of one that is masked, those it has passed on. */
uint64_t wfe_capture_bytes(const wfe_capture *capture);
/* The FIFO's reading end; borrowed. */
int wfe_capture_fd(const wfe_capture *capture);
/* Gives the kept bytes away. */
void wfe_capture_take(wfe_capture *capture, wfe_buf *out);

#endif
