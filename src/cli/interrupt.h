/* SPDX-License-Identifier: Apache-2.0
 *
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT as events of a loop: of a client's, or of one of our own.
 */
#ifndef WFE_CLI_INTERRUPT_H
#define WFE_CLI_INTERRUPT_H

#include <wfe/client.h>

#include "base/error.h"
#include "loop/loop.h"

typedef struct wfe_interrupt wfe_interrupt;

/* Blocks the signals; on_signal is called from the loop once for each that arrives. */
int wfe_interrupt_new(wfe_client *client, void (*on_signal)(void *user), void *user,
                      wfe_interrupt **ret, wfe_error *err);
int wfe_interrupt_new_on(wfe_loop *loop, void (*on_signal)(void *user), void *user,
                         wfe_interrupt **ret, wfe_error *err);
/* That process passes on what comes to it. A signal may come to both, as Ctrl-C does to all of a
 * terminal: one of each counts as one. */
void wfe_interrupt_forwarded_by(wfe_interrupt *interrupt, pid_t pid);
/* The signals stay blocked: the command is about to end. */
void wfe_interrupt_free(wfe_interrupt *interrupt);

#endif
