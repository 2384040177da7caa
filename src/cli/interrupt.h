/* SPDX-License-Identifier: Apache-2.0
 *
 * SIGINT, SIGTERM and SIGHUP as a descriptor beside the client's loop.
 */
#ifndef WFE_CLI_INTERRUPT_H
#define WFE_CLI_INTERRUPT_H

#include <stdbool.h>

#include <wfe/client.h>

#include "base/error.h"

/* Blocks the signals and gives a descriptor that tells of them; close it when done. */
int wfe_interrupt_open(int *ret_fd, wfe_error *err);
/* Runs the client until *done; calls on_signal once for each of the signals. */
int wfe_interrupt_run(wfe_client *client, int interrupt_fd, const bool *done,
                      void (*on_signal)(void *user), void *user, wfe_error *err);

#endif
