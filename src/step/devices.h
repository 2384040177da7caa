/* SPDX-License-Identifier: Apache-2.0
 *
 * The device nodes below /dev of this machine, which a privileged step gets as well, as in docker.
 */
#ifndef WFE_STEP_DEVICES_H
#define WFE_STEP_DEVICES_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "oci/spec.h"

#define WFE_STEP_DEVICES_MAX 16384

typedef struct wfe_step_devices {
    wfe_oci_device *list; /* paths owned */
    size_t n;
    size_t room;
} wfe_step_devices;

/* Fills *out, an all-zero struct, from the folder, for instance "/dev"; the nodes are placed below
 * /dev. What a container has of its own is left out: its terminals, shared memory and message
 * queues, and the console. Links are not followed, nor other file systems entered. LIMIT, NOMEM;
 * *out has to be done with in each case. */
int wfe_step_devices_find(const char *folder, wfe_step_devices *out, wfe_error *err);
void wfe_step_devices_done(wfe_step_devices *devices);

#endif
