/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of a step's options that confines it: limits, capabilities, filters, mounts of memory,
 * in the forms src/oci takes. Parsed and checked once, when the step is started.
 */
#ifndef WFE_STEP_CONFINE_H
#define WFE_STEP_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wfe/step.h>

#include "base/error.h"
#include "oci/caps.h"
#include "oci/resources.h"
#include "oci/spec.h"
#include "oci/tmpfs.h"

#define WFE_STEP_MAX_TMPFS 64

typedef struct wfe_step_confinement {
    wfe_oci_resources resources;
    uint64_t shm_size_bytes;
    wfe_oci_rlimit *rlimits; /* owned */
    size_t n_rlimits;
    wfe_oci_caps cap_add;
    wfe_oci_caps cap_drop;
    bool privileged;
    bool allow_new_privileges;
    enum wfe_oci_seccomp seccomp;
    char *seccomp_profile; /* owned; with WFE_OCI_SECCOMP_CUSTOM */
    char *apparmor;        /* owned; NULL: the first that fits, "unconfined": none */
    bool readonly_rootfs;
    wfe_oci_tmpfs *tmpfs; /* owned */
    size_t n_tmpfs;
} wfe_step_confinement;

/* INVALID names the option and what is allowed, LIMIT, NOMEM. */
int wfe_step_confinement_init(wfe_step_confinement *confinement, const wfe_step_options *options,
                              wfe_error *err);
/* Accepts an all-zero struct. */
void wfe_step_confinement_done(wfe_step_confinement *confinement);

#endif
