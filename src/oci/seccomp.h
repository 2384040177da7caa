/* SPDX-License-Identifier: Apache-2.0
 *
 * System call filters (runtime-spec: config-linux.md, "Seccomp"): wfe's default one, which allows
 * what docker's does, and the check of one that a user brings. The table of the default one is in
 * seccomp_table.h.
 */
#ifndef WFE_OCI_SECCOMP_H
#define WFE_OCI_SECCOMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "oci/caps.h"

#define WFE_OCI_SECCOMP_MAX_BYTES ((size_t)1024 * 1024)
#define WFE_OCI_SECCOMP_MAX_RULES ((size_t)4096)

/* Whose system calls the default filter knows; a program of any other kind is killed at its first
 * one. Each costs the runtime milliseconds at every start of a container. */
enum wfe_oci_seccomp_abis {
    WFE_OCI_SECCOMP_ABIS_ALL = 0, /* as docker: the machine's own and its 32-bit ones */
    WFE_OCI_SECCOMP_ABIS_NO_X32,  /* without x32 on amd64, which hardly a kernel has switched on */
    WFE_OCI_SECCOMP_ABIS_NATIVE,  /* the machine's own only */
};

/* What the default filter depends on. */
typedef struct wfe_oci_seccomp_options {
    /* Of the daemon's machine, as images name it: "amd64", "arm64", ...; NULL or an unknown one:
     * the runtime takes its own, without 32-bit programs. */
    const char *architecture;
    wfe_oci_caps caps; /* the bounding set: some calls are allowed only with the capability */
    enum wfe_oci_seccomp_abis abis;
    /* The daemon's kernel is older than 4.8, where ptrace gets a process past its filter. */
    bool kernel_before_4_8;
} wfe_oci_seccomp_options;

/* Appends the default filter: the text of a "linux.seccomp" object, plain ASCII without spaces.
 * NOMEM, LIMIT of the buffer; out may then end in a part of it. */
int wfe_oci_seccomp_write(const wfe_oci_seccomp_options *options, wfe_buf *out, wfe_error *err);

/* The forms of the default filter that are compiled when wfe is built (tools/compile_filters.c)
 * and that wfe-init carries and takes up at its start (init/wfe-init.c, -s): its name, and the
 * capabilities whose calls it allows. They are for the machine that wfe is built for, a kernel of
 * 4.8 or newer and WFE_OCI_SECCOMP_ABIS_NO_X32. */
#define WFE_OCI_SECCOMP_COMPILED(X)                                                                \
    X("default", 0)                                                                                \
    X("default+chroot", WFE_OCI_CAP_BIT(SYS_CHROOT)) /* root, with docker's capabilities */

/* The name of the compiled filter that allows what the written one would; NULL: there is none. */
const char *wfe_oci_seccomp_compiled(const wfe_oci_seccomp_options *options);

/* A user's filter: the JSON text of an OCI "linux.seccomp" object. INVALID names what is wrong and
 * where ("syscalls[2].action is ..."): unknown keys, actions, operators and architectures, calls
 * without a name, anything that needs an agent outside of the container. LIMIT, NOMEM. ret may be
 * NULL when only the check is wanted; free *ret with json_decref(). */
int wfe_oci_seccomp_parse(const char *text, size_t len, json_t **ret, wfe_error *err);

#endif
