/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes in bytes as people write them: 512m, 1g, 64KiB, 1048576. Units are powers of 1024, as
 * docker and nerdctl read them.
 */
#ifndef WFE_BASE_BYTESIZE_H
#define WFE_BASE_BYTESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Parses the whole of text: a whole number, then nothing or one of b, k, m, g, t, each also as
 * kb/kib (any case). INVALID for anything else and for results outside [min_bytes, max_bytes];
 * the message names what, the text found and the range allowed. */
int wfe_bytesize_parse(const char *text, const char *what, uint64_t min_bytes, uint64_t max_bytes,
                       uint64_t *ret_bytes, wfe_error *err);

#define WFE_BYTESIZE_TEXT_SIZE 32
/* "512 MiB", "1.5 GiB", "17 B": rounded to three digits, 1000 to 1023 of a unit to four. Returns
 * out. */
const char *wfe_bytesize_format(uint64_t bytes, char out[WFE_BYTESIZE_TEXT_SIZE]);

#endif
