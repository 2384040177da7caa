/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits of a step: memory, CPU, processes (cgroup v1 and v2 alike: the runtime translates) and
 * rlimits. The parsers take the texts of users; their errors say what was found and is allowed.
 */
#ifndef WFE_OCI_RESOURCES_H
#define WFE_OCI_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "oci/writer.h"

/* Below it the runtime itself does not get to start a command. */
#define WFE_OCI_MEMORY_MIN_BYTES ((uint64_t)6 * 1024 * 1024)
#define WFE_OCI_MEMORY_MAX_BYTES ((uint64_t)1 << 50)
#define WFE_OCI_SHM_MIN_BYTES ((uint64_t)4096)
#define WFE_OCI_SHM_MAX_BYTES ((uint64_t)1 << 50)
#define WFE_OCI_CPU_PERIOD_US 100000
#define WFE_OCI_CPU_MAX 4096
/* The largest pid_max of the kernel. */
#define WFE_OCI_PIDS_MAX 4194304

/* All zero: no limits. */
typedef struct wfe_oci_resources {
    uint64_t memory_bytes; /* RAM, and as much RAM and swap together: no swap; 0: no limit */
    /* The daemon's kernel does not count swap (cgroup v1 without swapaccount): limiting it would
     * make Create fail. Memory is still limited; what is swapped out is not counted. */
    bool no_swap_accounting;
    uint64_t cpu_quota_us; /* of each WFE_OCI_CPU_PERIOD_US; 0: no limit */
    uint32_t pids;         /* processes and threads; 0: no limit */
    bool all_devices;      /* false: none but the runtime's own (null, zero, random, tty, ...) */
} wfe_oci_resources;

/* "512m": WFE_OCI_MEMORY_MIN_BYTES to WFE_OCI_MEMORY_MAX_BYTES. */
int wfe_oci_memory_parse(const char *text, uint64_t *ret_bytes, wfe_error *err);
/* "64m": WFE_OCI_SHM_MIN_BYTES to WFE_OCI_SHM_MAX_BYTES. */
int wfe_oci_shm_size_parse(const char *text, uint64_t *ret_bytes, wfe_error *err);
/* CPUs as "0.5", "2", "1.5": 0.01 to WFE_OCI_CPU_MAX, at most 9 digits after the point. */
int wfe_oci_cpu_parse(const char *text, uint64_t *ret_quota_us, wfe_error *err);
/* 1 to WFE_OCI_PIDS_MAX. */
int wfe_oci_pids_parse(const char *text, uint32_t *ret, wfe_error *err);

/* The "linux.resources" object. */
void wfe_oci_resources_write(wfe_oci_writer *w, const char *key,
                             const wfe_oci_resources *resources);

/* ---- rlimits ---- */

/* Every rlimit of Linux, and the name users write. */
#define WFE_OCI_RLIMITS(X)                                                                         \
    X(AS, "as")                                                                                    \
    X(CORE, "core")                                                                                \
    X(CPU, "cpu")                                                                                  \
    X(DATA, "data")                                                                                \
    X(FSIZE, "fsize")                                                                              \
    X(LOCKS, "locks")                                                                              \
    X(MEMLOCK, "memlock")                                                                          \
    X(MSGQUEUE, "msgqueue")                                                                        \
    X(NICE, "nice")                                                                                \
    X(NOFILE, "nofile")                                                                            \
    X(NPROC, "nproc")                                                                              \
    X(RSS, "rss")                                                                                  \
    X(RTPRIO, "rtprio")                                                                            \
    X(RTTIME, "rttime")                                                                            \
    X(SIGPENDING, "sigpending")                                                                    \
    X(STACK, "stack")

enum wfe_oci_rlimit_type {
#define WFE_OCI_RLIMIT_TYPE_(name, text) WFE_OCI_RLIMIT_##name,
    WFE_OCI_RLIMITS(WFE_OCI_RLIMIT_TYPE_)
#undef WFE_OCI_RLIMIT_TYPE_
        WFE_OCI_RLIMIT_COUNT
};

#define WFE_OCI_RLIMIT_UNLIMITED UINT64_MAX
/* Numbers above it are refused; only "unlimited" is more. */
#define WFE_OCI_RLIMIT_MAX ((uint64_t)INT64_MAX)

/* In the kernel's unit of each limit: bytes, seconds, microseconds (rttime) or a count. */
typedef struct wfe_oci_rlimit {
    enum wfe_oci_rlimit_type type;
    uint64_t soft; /* at most hard */
    uint64_t hard;
} wfe_oci_rlimit;

/* "nofile=1024:4096", "core=0" (both the same), "stack=unlimited", "-1" as unlimited; the name in
 * any case, also as RLIMIT_NOFILE. */
int wfe_oci_rlimit_parse(const char *text, wfe_oci_rlimit *ret, wfe_error *err);
/* "RLIMIT_NOFILE". */
const char *wfe_oci_rlimit_name(enum wfe_oci_rlimit_type type);

#endif
