/* SPDX-License-Identifier: Apache-2.0
 *
 * Which AppArmor profile a step gets. Naming one that the kernel has not loaded makes Create fail,
 * so the choice is made from the kernel's own list.
 */
#ifndef WFE_OCI_APPARMOR_H
#define WFE_OCI_APPARMOR_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the profile is listed as enforced. text: the bytes of the file
 * /sys/kernel/security/apparmor/profiles of the daemon's machine, lines "name (mode)". */
bool wfe_oci_apparmor_is_enforced(const char *text, size_t len, const char *profile);

/* The first of the profiles known to fit containers that is enforced (static text), or NULL. */
const char *wfe_oci_apparmor_choose(const char *text, size_t len);

#endif
