/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes of this machine that are not our children: found by their arguments, known by their
 * number together with their start time, waited for and signalled through a pidfd; a number alone
 * proves nothing.
 */
#ifndef WFE_CONTAINERD_PROCESS_H
#define WFE_CONTAINERD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* A process that is known to be the one meant, whatever becomes of its number. */
typedef struct wfe_process {
    pid_t pid;           /* 0: none */
    uint64_t start_time; /* clock ticks after boot (proc(5), /proc/PID/stat, field 22) */
} wfe_process;

/* A pidfd of the process; -1 when it is gone. */
int wfe_process_open(const wfe_process *process);
/* Has the process of this pidfd ended, waiting at most timeout_ms for it. */
bool wfe_process_wait(int pidfd, uint32_t timeout_ms);
/* Sends the signal through a pidfd. */
int wfe_process_signal(int pidfd, int signal, wfe_error *err);
/* One pass over /proc: fn gets each process that has a command line, its arguments separated by
 * NULs (len counts the last one). */
typedef int (*wfe_process_fn)(pid_t pid, const char *arguments, size_t len, void *user,
                              wfe_error *err);
int wfe_process_each(wfe_process_fn fn, void *user, wfe_error *err);
/* Do the arguments hold option, followed by value. */
bool wfe_process_has_option(const char *arguments, size_t len, const char *option,
                            const char *value);
/* False for a zombie and for a process that does not exist. parent may be NULL. */
bool wfe_process_stat(pid_t pid, uint64_t *ret_start_time, pid_t *ret_parent);

#endif
