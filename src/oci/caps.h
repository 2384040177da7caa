/* SPDX-License-Identifier: Apache-2.0
 *
 * Capabilities of Linux (capabilities(7)) as sets of bits, and what a step gets of them.
 */
#ifndef WFE_OCI_CAPS_H
#define WFE_OCI_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Every capability up to Linux 6.x: name, number. */
#define WFE_OCI_CAPABILITIES(X)                                                                    \
    X(CHOWN, 0)                                                                                    \
    X(DAC_OVERRIDE, 1)                                                                             \
    X(DAC_READ_SEARCH, 2)                                                                          \
    X(FOWNER, 3)                                                                                   \
    X(FSETID, 4)                                                                                   \
    X(KILL, 5)                                                                                     \
    X(SETGID, 6)                                                                                   \
    X(SETUID, 7)                                                                                   \
    X(SETPCAP, 8)                                                                                  \
    X(LINUX_IMMUTABLE, 9)                                                                          \
    X(NET_BIND_SERVICE, 10)                                                                        \
    X(NET_BROADCAST, 11)                                                                           \
    X(NET_ADMIN, 12)                                                                               \
    X(NET_RAW, 13)                                                                                 \
    X(IPC_LOCK, 14)                                                                                \
    X(IPC_OWNER, 15)                                                                               \
    X(SYS_MODULE, 16)                                                                              \
    X(SYS_RAWIO, 17)                                                                               \
    X(SYS_CHROOT, 18)                                                                              \
    X(SYS_PTRACE, 19)                                                                              \
    X(SYS_PACCT, 20)                                                                               \
    X(SYS_ADMIN, 21)                                                                               \
    X(SYS_BOOT, 22)                                                                                \
    X(SYS_NICE, 23)                                                                                \
    X(SYS_RESOURCE, 24)                                                                            \
    X(SYS_TIME, 25)                                                                                \
    X(SYS_TTY_CONFIG, 26)                                                                          \
    X(MKNOD, 27)                                                                                   \
    X(LEASE, 28)                                                                                   \
    X(AUDIT_WRITE, 29)                                                                             \
    X(AUDIT_CONTROL, 30)                                                                           \
    X(SETFCAP, 31)                                                                                 \
    X(MAC_OVERRIDE, 32)                                                                            \
    X(MAC_ADMIN, 33)                                                                               \
    X(SYSLOG, 34)                                                                                  \
    X(WAKE_ALARM, 35)                                                                              \
    X(BLOCK_SUSPEND, 36)                                                                           \
    X(AUDIT_READ, 37)                                                                              \
    X(PERFMON, 38)                                                                                 \
    X(BPF, 39)                                                                                     \
    X(CHECKPOINT_RESTORE, 40)

/* A set: bit n stands for capability number n. */
typedef uint64_t wfe_oci_caps;

enum {
#define WFE_OCI_CAP_NUMBER_(name, number) WFE_OCI_CAP_##name = (number),
    WFE_OCI_CAPABILITIES(WFE_OCI_CAP_NUMBER_)
#undef WFE_OCI_CAP_NUMBER_
        WFE_OCI_CAP_COUNT
};

#define WFE_OCI_CAP_BIT(name) ((wfe_oci_caps)1 << WFE_OCI_CAP_##name)
#define WFE_OCI_CAPS_ALL (((wfe_oci_caps)1 << WFE_OCI_CAP_COUNT) - 1)
/* What docker and containerd leave root. */
#define WFE_OCI_CAPS_ROOT                                                                          \
    (WFE_OCI_CAP_BIT(CHOWN) | WFE_OCI_CAP_BIT(DAC_OVERRIDE) | WFE_OCI_CAP_BIT(FSETID) |            \
     WFE_OCI_CAP_BIT(FOWNER) | WFE_OCI_CAP_BIT(MKNOD) | WFE_OCI_CAP_BIT(NET_RAW) |                 \
     WFE_OCI_CAP_BIT(SETGID) | WFE_OCI_CAP_BIT(SETUID) | WFE_OCI_CAP_BIT(SETFCAP) |                \
     WFE_OCI_CAP_BIT(SETPCAP) | WFE_OCI_CAP_BIT(NET_BIND_SERVICE) | WFE_OCI_CAP_BIT(SYS_CHROOT) |  \
     WFE_OCI_CAP_BIT(KILL) | WFE_OCI_CAP_BIT(AUDIT_WRITE))

/* "CAP_NET_ADMIN" of a number below WFE_OCI_CAP_COUNT. */
const char *wfe_oci_cap_name(unsigned number);

/* Reads a NULL-terminated list (NULL: empty) of names, with or without "CAP_", in any case, "ALL"
 * among them. INVALID names the bad entry, what (cap_add or cap_drop), and the nearest name. */
int wfe_oci_caps_parse(const char *const *names, const char *what, wfe_oci_caps *ret,
                       wfe_error *err);

/* The sets of a process. */
typedef struct wfe_oci_cap_sets {
    wfe_oci_caps bounding; /* also its effective and permitted ones */
    /* Also its inheritable ones. Only what is added by name for a user that is not root, who
     * would lose it at exec otherwise; an image's own file capabilities never count here
     * (CVE-2022-24769). */
    wfe_oci_caps ambient;
} wfe_oci_cap_sets;

/* What uid gets: root docker's set, any other user none; then drop is taken away and add put on
 * top (both as docker does: dropping ALL leaves what is added, adding ALL gives all but what is
 * dropped). privileged: all. Nothing outside available (0: not known) is given, since the runtime
 * fails when the daemon itself lacks a capability. */
wfe_oci_cap_sets wfe_oci_caps_choose(uint32_t uid, bool privileged, wfe_oci_caps add,
                                     wfe_oci_caps drop, wfe_oci_caps available);

#endif
