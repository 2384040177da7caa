/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of unknown origin as text that JSON can carry. What is no well-formed UTF-8 (Unicode 15,
 * table 3-7), and NUL, becomes U+FFFD, one for each maximal part of a broken character.
 */
#ifndef WFE_BASE_UTF8_H
#define WFE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Well-formed UTF-8 without NUL. */
bool wfe_utf8_is_valid(const void *bytes, size_t len);
/* A cleaned copy, NUL-terminated (free with free()); ret_len may be NULL. At most three times as
 * long as the input. NOMEM. */
int wfe_utf8_clean(const void *bytes, size_t len, char **ret, size_t *ret_len, wfe_error *err);

/* Bytes of the longest beginning of text that is at most max bytes and cuts no character in two:
 * for showing a piece of a long text in a message. */
size_t wfe_utf8_prefix(const char *text, size_t max);

#endif
