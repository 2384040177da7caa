/* SPDX-License-Identifier: Apache-2.0
 *
 * Who owns something that outlives a process: pid alone is not enough, since pids are used again;
 * with the start time, the boot id and the pid namespace that the number belongs to it is one
 * process and no other.
 */
#ifndef WFE_BASE_OWNER_H
#define WFE_BASE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define WFE_OWNER_TEXT_SIZE 96

/* This process as "pid:start time:boot id:pid namespace". Parts that cannot be read are 0 and "-".
 */
void wfe_owner_format(char out[WFE_OWNER_TEXT_SIZE]);
/* Another process of this pid namespace; pid 0 is this one. */
void wfe_owner_format_pid(pid_t pid, char out[WFE_OWNER_TEXT_SIZE]);

enum wfe_owner_state {
    WFE_OWNER_ALIVE,
    WFE_OWNER_DEAD,
    WFE_OWNER_ELSEWHERE, /* of another boot, machine or pid namespace: cannot be seen from here */
    WFE_OWNER_UNKNOWN,   /* a text of no known form */
};
/* What has become of the process that text names. */
enum wfe_owner_state wfe_owner_look(const char *text);
/* Is it known to be alive. */
bool wfe_owner_is_alive(const char *text);
/* Is it of another boot than this one: of this machine before it was started again, or of another
 * machine. false for a text of no known form. */
bool wfe_owner_is_of_other_boot(const char *text);

#endif
