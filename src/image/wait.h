/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for one containerd call, for those functions of this folder that block (import, ls):
 * they start a call, run the loop until its callback has come, and read on.
 */
#ifndef WFE_IMAGE_WAIT_H
#define WFE_IMAGE_WAIT_H

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "containerd/client.h"
#include "loop/loop.h"

/* Options for calls that only ask: a daemon that is not there is told at once. */
static const wfe_containerd_options wfe_image_ask __attribute__((unused)) = {.fail_fast = true};

typedef struct wfe_image_wait {
    wfe_loop *loop;
    wfe_containerd_call *call; /* to be cancelled when the loop fails; NULL: none */
    bool done;
    wfe_error error; /* how the call ended */
} wfe_image_wait;

static inline void wfe_image_wait_end(wfe_image_wait *wait, const wfe_error *err)
{
    wait->call = NULL;
    wait->error = *err;
    wait->done = true;
}

/* rc is what starting the call gave. Gives how the call ended. */
static inline int wfe_image_wait_for(wfe_image_wait *wait, int rc, wfe_error *err)
{
    if (rc)
        return rc;
    rc = wfe_loop_run_until(wait->loop, &wait->done, err);
    if (rc) {
        wfe_containerd_cancel(wait->call);
        wait->call = NULL;
        return rc;
    }
    return wait->error.kind ? wfe_error_copy(err, &wait->error) : 0;
}

/* A callback that only keeps how its call ended; user is the wfe_image_wait. */
#define WFE_IMAGE_WAIT_CALLBACK(name, Reply)                                                       \
    static void name(const Reply *reply, const wfe_error *err, void *user)                         \
    {                                                                                              \
        (void)reply;                                                                               \
        wfe_image_wait_end(user, err);                                                             \
    }

#endif
