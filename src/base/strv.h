/* SPDX-License-Identifier: Apache-2.0
 *
 * NULL-terminated arrays of texts: argument vectors and environments.
 */
#ifndef WFE_BASE_STRV_H
#define WFE_BASE_STRV_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Frees the array and its texts; NULL is accepted. */
void wfe_strv_free(char **list);
/* A deep copy; a NULL list gives NULL. */
int wfe_strv_copy(const char *const *list, char ***ret, wfe_error *err);
size_t wfe_strv_length(const char *const *list);

WFE_DEFINE_CLEANUP(char *, wfe_strv_free)

#endif
