/* SPDX-License-Identifier: Apache-2.0
 *
 * The OCI runtime spec of one step (runtime-spec 1.0.2: config.md, config-linux.md) as the JSON
 * that containerd hands to the runtime. Pure: it looks at nothing but its input, so every fact
 * about the daemon's machine is a field of wfe_oci_spec. Secure by default; each field that is
 * zero means the stricter choice.
 */
#ifndef WFE_OCI_SPEC_H
#define WFE_OCI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strmap.h"
#include "oci/caps.h"
#include "oci/resources.h"
#include "oci/seccomp.h"
#include "oci/tmpfs.h"

/* The type URL of the Any that carries the spec to containerd. */
#define WFE_OCI_SPEC_TYPE_URL "types.containerd.io/opencontainers/runtime-spec/1/Spec"
#define WFE_OCI_VERSION "1.0.2"
/* Longest spec that is built; argv and env are what makes one long. */
#define WFE_OCI_SPEC_MAX_BYTES ((size_t)8 * 1024 * 1024)

enum wfe_oci_network {
    WFE_OCI_NETWORK_NONE = 0, /* a new network namespace; loopback is all there is */
    WFE_OCI_NETWORK_HOST,     /* the daemon's own */
    WFE_OCI_NETWORK_PATH,     /* an existing namespace: netns_path */
};

/* A bind mount. */
typedef struct wfe_oci_bind {
    const char *source; /* absolute, on the daemon's machine; must exist when the task is made */
    const char *target; /* absolute, in the container; the runtime makes it when absent */
    bool readonly;
    bool before_volumes; /* of wfe's own files: not after the user's mounts, but before them */
} wfe_oci_bind;

/* A device node to be made in the container. */
typedef struct wfe_oci_device {
    char *path; /* absolute, UTF-8 */
    bool is_char;
    unsigned major;
    unsigned minor;
    unsigned mode; /* permissions */
    uint32_t uid;
    uint32_t gid;
} wfe_oci_device;

enum wfe_oci_seccomp {
    WFE_OCI_SECCOMP_DEFAULT = 0, /* wfe's own filter: seccomp.h */
    WFE_OCI_SECCOMP_UNCONFINED,  /* none */
    WFE_OCI_SECCOMP_CUSTOM,      /* seccomp_profile */
    WFE_OCI_SECCOMP_BY_ARGV0,    /* the program of argv[0] takes up one itself */
};

/* Everything is borrowed during wfe_oci_spec_build. Texts must be UTF-8 (the spec is JSON). */
typedef struct wfe_oci_spec {
    const char *const *argv; /* NULL-terminated, at least one */
    const wfe_strmap *env;   /* complete, PATH included; may be NULL */
    const char *cwd;         /* absolute; the runtime makes it when absent */
    uint32_t uid;            /* 0 gets docker's capabilities, all others get none */
    uint32_t gid;
    const uint32_t *additional_gids; /* the primary gid is added by the builder */
    size_t n_additional_gids;
    const char *hostname; /* NULL: unset */

    const wfe_oci_bind *volumes; /* the user's: nosuid and nodev */
    size_t n_volumes;
    const wfe_oci_bind *binds; /* wfe's own files: nosuid and nodev too */
    size_t n_binds;
    const wfe_oci_tmpfs *tmpfs;
    size_t n_tmpfs;
    uint64_t shm_size_bytes; /* of /dev/shm; 0: 64 MiB */
    /* Only mounts are writable then: /dev (not persistent), the volumes and tmpfs given, and a
     * tmpfs each at /tmp, /var/tmp and /run unless something else is mounted there. */
    bool readonly_rootfs;
    wfe_oci_resources resources;
    const wfe_oci_rlimit *rlimits; /* each type once; NOFILE here replaces max_open_files */
    size_t n_rlimits;
    /* Hard limit on open files (RLIMIT_NOFILE), the soft one is at most 1,024; 0: the daemon's.
     * Without CAP_SYS_RESOURCE the daemon cannot raise its own, and Create fails if it must. */
    uint64_t max_open_files;

    /* All capabilities and devices, no filter of system calls, nothing masked or read-only,
     * new privileges and no AppArmor profile. As in docker, a user other than root holds the
     * capabilities in its bounding set only. */
    bool privileged;
    const wfe_oci_device *devices; /* beside the usual ones; who may open them is another matter */
    size_t n_devices;
    wfe_oci_caps cap_add;  /* wfe_oci_caps_parse */
    wfe_oci_caps cap_drop; /* wfe_oci_caps_parse */
    /* What the daemon can give (its own bounding set); 0: not known, taken for all. */
    wfe_oci_caps available_caps;
    bool allow_new_privileges; /* set-user-ID programs (sudo) work */
    enum wfe_oci_seccomp seccomp;
    const char *seccomp_profile; /* JSON text; with WFE_OCI_SECCOMP_CUSTOM only */
    const char *architecture;    /* of the daemon's machine: "amd64"; see seccomp.h for NULL */
    enum wfe_oci_seccomp_abis seccomp_abis; /* of the default filter */
    bool kernel_before_4_8;                 /* the daemon's; see seccomp.h */
    const char *apparmor_profile;           /* must be loaded on the daemon's machine; NULL: none */

    enum wfe_oci_network network;
    const char *netns_path;   /* with WFE_OCI_NETWORK_PATH only */
    bool cgroup_namespace;    /* the daemon's machine has cgroup v2 */
    const char *cgroups_path; /* "/namespace/id" or "slice:prefix:id"; NULL: the runtime's choice */
    /* The daemon runs in a user namespace: with the host's network it owns no network namespace,
     * and a sysfs cannot be mounted then; the daemon's /sys is bound read-only instead. */
    bool rootless;
    /* CPUs of the daemon's machine whose thermal counters are hidden; 0: none (unknown). */
    unsigned n_cpus;
} wfe_oci_spec;

/* The compiled filter (seccomp.h) that a process of this spec could take up by itself, with the
 * same effect as the one that the spec would carry; NULL: there is none, or it may not. */
const char *wfe_oci_spec_compiled_filter(const wfe_oci_spec *in);

/* Builds the spec as compact JSON; free *ret_json with free(). INVALID names the field that is
 * wrong, LIMIT above WFE_OCI_SPEC_MAX_BYTES, NOMEM. */
int wfe_oci_spec_build(const wfe_oci_spec *in, char **ret_json, size_t *ret_len, wfe_error *err);

#endif
