/* SPDX-License-Identifier: Apache-2.0
 *
 * Options structs that grow: each begins with its own size, as the caller was compiled.
 */
#ifndef WFE_BASE_SIZED_H
#define WFE_BASE_SIZED_H

#include <stddef.h>

#include "base/error.h"

/* Copies the options at given, a struct of which `size_t size` is the first member, to out of
 * out_size bytes. Members that a caller of an older header does not have are zero in out; those
 * that only a newer one has must be zero. INVALID, with the struct's name in the message. */
int wfe_sized_copy(const void *given, const char *name, void *out, size_t out_size, wfe_error *err);

#endif
