/* SPDX-License-Identifier: Apache-2.0
 *
 * Labels of images, content, containers, snapshots and leases: containerd's limit on them, and
 * finding one in a reply.
 */
#ifndef WFE_CONTAINERD_LABELS_H
#define WFE_CONTAINERD_LABELS_H

#include <stddef.h>

#include "base/error.h"
#include "wfe/pair.pb-c.h"

/* Longest key and value together (containerd 1.6: labels/validate.go). Leases are not checked by
 * the daemon; wfe treats them alike. */
#define WFE_LABELS_MAX_BYTES 4096

/* INVALID, naming the key, when the daemon would refuse the label. */
int wfe_labels_check(const char *key, const char *value, wfe_error *err);
/* The value of a label in a reply, borrowed from it; NULL when there is none. */
const char *wfe_labels_find(Pb__Pair *const *labels, size_t n_labels, const char *key);

#endif
