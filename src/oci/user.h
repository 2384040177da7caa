/* SPDX-License-Identifier: Apache-2.0
 *
 * The user of a step, given by number. What is no number (a name, nonsense, an id out of range) is
 * never taken for root: it is "unresolved" and comes with the ids of nobody.
 */
#ifndef WFE_OCI_USER_H
#define WFE_OCI_USER_H

#include <stdbool.h>
#include <stdint.h>

/* Ids above 2^31 - 1 overflowed to root in runtimes before (CVE-2024-40635). */
#define WFE_OCI_ID_MAX 2147483647U
/* nobody:nogroup, the default and the fallback. */
#define WFE_OCI_ID_NOBODY 65534U

typedef struct wfe_oci_user {
    uint32_t uid;
    uint32_t gid;
    bool resolved;  /* false: the text was no "uid" or "uid:gid"; uid and gid are nobody's */
    bool gid_given; /* false after "uid" alone: gid is 0, as docker takes it when the image's
                     * passwd file does not know the uid */
} wfe_oci_user;

/* "uid" or "uid:gid", decimal digits only, each 0 to WFE_OCI_ID_MAX. NULL is the default,
 * 65534:65534, and resolved; "" is not. */
wfe_oci_user wfe_oci_user_parse(const char *text);

#endif
