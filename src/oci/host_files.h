/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of /etc/hosts, /etc/hostname and /etc/resolv.conf of a step. Pure: what the machine's
 * own files say is given as bytes. Everything that goes into a text is checked, since a newline in
 * a name would add a line of its own.
 */
#ifndef WFE_OCI_HOST_FILES_H
#define WFE_OCI_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define WFE_OCI_HOSTNAME_MAX 63
#define WFE_OCI_HOST_FILE_MAX_BYTES ((size_t)1024 * 1024)
/* What glibc reads at most (MAXNS). */
#define WFE_OCI_DNS_MAX 3

/* Labels of letters, digits, '-' and '_' with dots between them, at most WFE_OCI_HOSTNAME_MAX
 * bytes in all, no '-' at the ends of a label. INVALID. */
int wfe_oci_hostname_check(const char *hostname, wfe_error *err);
/* "name:address" or "name=address" (an IPv6 address may stand in brackets). INVALID. */
int wfe_oci_extra_host_check(const char *text, wfe_error *err);
/* An IPv4 or IPv6 address. INVALID. */
int wfe_oci_dns_check(const char *server, wfe_error *err);

/* Everything is borrowed during the call; lists are NULL-terminated or NULL. */
typedef struct wfe_oci_hosts {
    const char *hostname;           /* NULL: no line for it */
    const char *address;            /* of hostname; NULL: 127.0.1.1, loopback is all there is */
    const char *const *extra_hosts; /* "name:address" */
} wfe_oci_hosts;

/* Each appends to out, whose max_bytes bounds it. INVALID, LIMIT, NOMEM. */
int wfe_oci_hosts_build(const wfe_oci_hosts *hosts, wfe_buf *out, wfe_error *err);
int wfe_oci_hostname_build(const char *hostname, wfe_buf *out, wfe_error *err);

typedef struct wfe_oci_resolv {
    const char *const *servers; /* replace the machine's */
    const char *machine_text;   /* the machine's own file; may be NULL */
    size_t machine_len;
    /* The step has a network namespace of its own: servers on the machine's loopback cannot be
     * reached from there, nor those that are given an interface, and are left out. */
    bool own_network;
} wfe_oci_resolv;

/* The machine's search and options lines are kept. When no server is left, there is none in the
 * text, and glibc asks 127.0.0.1. */
int wfe_oci_resolv_conf_build(const wfe_oci_resolv *resolv, wfe_buf *out, wfe_error *err);

#endif
