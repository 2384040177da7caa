/* SPDX-License-Identifier: Apache-2.0
 *
 * Identifiers: random ones, and the rule containerd has for namespaces and container ids.
 */
#ifndef WFE_BASE_ID_H
#define WFE_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Longest identifier containerd takes (containerd 1.6: identifiers/validate.go). */
#define WFE_ID_MAX_LENGTH 76

/* Writes digits lower-case hexadecimal digits from the kernel's random source and a NUL; out has
 * digits + 1 bytes, digits is even and at most 64. INTERNAL when the kernel has none to give. */
int wfe_id_random(char *out, size_t digits, wfe_error *err);

/* Is text an identifier to containerd: 1 to 76 characters, alphanumeric words joined by single
 * '.', '_' or '-'. */
bool wfe_id_is_valid(const char *text);

/* Room for wfe_id_container. */
#define WFE_ID_CONTAINER_SIZE 64
/* The container id of one attempt of a step: "wfe-<run>-<step>-<hash>-<attempt>". The run and the
 * step are there as words of letters and digits, cut to 12 characters each; the hash of both whole
 * names keeps ids apart. The same run, step and attempt always give the same id, so that a
 * restarted wfe finds its own containers. At most 48 characters: the shim makes socket paths of
 * it. */
void wfe_id_container(char out[WFE_ID_CONTAINER_SIZE], const char *run, const char *step,
                      unsigned attempt);

#endif
