/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps that outlive their wfe. Everything another process needs to go on with one is in its folder
 * below the I/O folder, written in this order: who owns it, before anything else is made; that its
 * command may have been started, and when; what was read of its streams (spool.h); how it ended,
 * before its task is removed. The folder stays when the step has ended, until the caller has
 * recorded that and lets it go; so at any moment a kill leaves enough to tell what has happened.
 */
#ifndef WFE_STEP_DURABLE_H
#define WFE_STEP_DURABLE_H

#include <wfe/client.h>
#include <wfe/step.h>

#include "base/id.h"
#include "step/capture.h"
#include "step/keeper.h"

/* Borrowed until the step has ended. */
typedef struct wfe_step_durable {
    /* Go on with what wfe_step_find has found, instead of beginning. Its time counts from its own
     * beginning. */
    bool adopt;
    wfe_keeper *keeper; /* NULL: what is unread when the container ends without us is lost */
    wfe_capture_settled_fn settled;
    wfe_capture_found_fn found;
    void *user;
} wfe_step_durable;

/* As wfe_step_start. The step's folder stays until wfe_step_forget. */
int wfe_step_start_durable(wfe_client *client, const wfe_step_options *options,
                           const wfe_step_durable *durable, wfe_step_done_fn done, void *user,
                           wfe_step **ret, wfe_error *err);

enum wfe_step_found {
    WFE_STEP_FOUND_NOTHING, /* its command was never started; there may be parts of it */
    WFE_STEP_FOUND_IT,      /* it runs, or has ended and left how: to be adopted */
    WFE_STEP_FOUND_LOST,    /* its command was started, and nobody knows what became of it */
};

/* What a process that is dead has left of the attempt with this container id. What is to be adopted
 * belongs to this process from then on. Blocks, running the client's loop. CONFLICT: its owner
 * lives. */
int wfe_step_find(wfe_client *client, const char *id, enum wfe_step_found *ret, wfe_error *err);
/* Removes all that dead processes have left of these ids, as `wfe gc` does. Blocks. */
int wfe_step_remove_left_overs(wfe_client *client, const char *const *ids, size_t n,
                               wfe_error *err);
/* The end of the attempt is recorded: removes its folder. One that is not there is fine. */
int wfe_step_forget(wfe_client *client, const char *id, wfe_error *err);

#endif
