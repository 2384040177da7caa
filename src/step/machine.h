/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step's spec depends on at the machine it runs on, looked up on this machine, which is the
 * daemon's when it is reached through a unix socket. For a daemon far away everything is unknown.
 */
#ifndef WFE_STEP_MACHINE_H
#define WFE_STEP_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "image/platform.h"
#include "oci/caps.h"

typedef struct wfe_step_machine {
    bool local; /* false: all that follows is unknown */
    bool cgroup_v2;
    bool no_swap_accounting; /* cgroup v1 without swapaccount */
    bool rootless;           /* the daemon is an ordinary user's */
    uint64_t max_open_files; /* hard limit a step may have; 0 unknown */
    wfe_oci_caps caps;       /* what the daemon can give; 0 unknown */
    unsigned n_cpus;
    wfe_image_platform platform;
    const char *apparmor_profile; /* static; NULL: none is loaded that fits containers */
} wfe_step_machine;

/* rootless: known from the daemon's socket. */
void wfe_step_machine_look(bool local, bool rootless, wfe_step_machine *out);
/* Is this AppArmor profile loaded here. */
bool wfe_step_machine_has_apparmor(const char *profile);

#endif
