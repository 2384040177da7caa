/* SPDX-License-Identifier: Apache-2.0
 *
 * Who owns something that outlives a process: pid alone is not enough, since pids are used again;
 * with the start time and the boot id it is one process and no other.
 */
#ifndef WFE_BASE_OWNER_H
#define WFE_BASE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define WFE_OWNER_TEXT_SIZE 96

/* This process as "pid:start time:boot id". Parts that cannot be read are 0 and "-". */
void wfe_owner_format(char out[WFE_OWNER_TEXT_SIZE]);
/* Another process; pid 0 is this one. */
void wfe_owner_format_pid(pid_t pid, char out[WFE_OWNER_TEXT_SIZE]);
/* Does the process still run that text names. A text of no known form names none. */
bool wfe_owner_is_alive(const char *text);

#endif
