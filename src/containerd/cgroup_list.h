/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's lists of cgroup controllers: /proc/cgroups (v1: a line each, with whether it is
 * enabled) and cgroup.controllers (v2: words).
 */
#ifndef WFE_CONTAINERD_CGROUP_LIST_H
#define WFE_CONTAINERD_CGROUP_LIST_H

#include <stdbool.h>

/* Is the controller in the list's text, and enabled. */
bool wfe_cgroup_list_has(const char *text, bool v2, const char *name);

#endif
