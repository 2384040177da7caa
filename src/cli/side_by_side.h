/* SPDX-License-Identifier: Apache-2.0
 *
 * Work in processes of their own, a few at once, that print to one standard output: each line comes
 * whole. A signal that asks this process to end is passed on to all of them, and none begins after
 * it.
 */
#ifndef WFE_CLI_SIDE_BY_SIDE_H
#define WFE_CLI_SIDE_BY_SIDE_H

#include <stddef.h>

typedef struct wfe_side_by_side_options {
    size_t n;
    size_t at_once; /* 0: the number of processors, and at least 2 */
    /* In the process of its own, with the signals blocked (see wfe_interrupt_forwarded_by); gives
     * its exit code. */
    int (*run)(size_t index, void *user);
    /* Borrowed; for messages. */
    const char *(*name)(size_t index, void *user);
    void *user;
} wfe_side_by_side_options;

/* Begins them in order and waits for all; the exit code of the first of them that is not 0. One
 * that could not begin is told, and counts as 125; as 130 after a signal. SIGINT, SIGTERM, SIGHUP
 * and SIGQUIT stay blocked: the command is about to end. */
int wfe_side_by_side(const wfe_side_by_side_options *options);

#endif
