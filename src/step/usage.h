/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step used, read from its cgroup after its exit and before the runtime removes it.
 */
#ifndef WFE_STEP_USAGE_H
#define WFE_STEP_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wfe_step_usage {
    bool known;
    uint64_t peak_memory_bytes; /* 0: not known (cgroup v2 before Linux 5.19) */
    uint64_t cpu_time_us;       /* user and system, of all its processes */
    uint64_t oom_kills;         /* processes the kernel killed at the memory limit */
} wfe_step_usage;

/* Reads the cgroup of this path ("/namespace/id", as in the spec) below root (/sys/fs/cgroup), v2
 * or v1. known stays false when it is not there, or where the daemon manages cgroups by systemd. */
void wfe_step_usage_read(const char *root, bool cgroup_v2, const char *cgroups_path,
                         wfe_step_usage *out);

/* From a reply of Tasks.Metrics: the Any's type URL and value. False for one of no known type. */
bool wfe_step_usage_unpack(const char *type_url, const void *bytes, size_t len,
                           wfe_step_usage *out);

#endif
