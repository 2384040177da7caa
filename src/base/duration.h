/* SPDX-License-Identifier: Apache-2.0
 *
 * Durations as people write them: 500ms, 90s, 5m, 1h30m, 2d; a bare number is milliseconds.
 */
#ifndef WFE_BASE_DURATION_H
#define WFE_BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Longest duration wfe accepts anywhere: 30 days. */
#define WFE_DURATION_MAX_MS ((uint64_t)30 * 24 * 3600 * 1000)

/* Parses the whole of text: units in falling order (d, h, m, s, ms), each at most once, each a
 * whole number of at most 10 digits. INVALID for anything else and for results outside
 * [min_ms, max_ms]; the message names what, the text found and the range allowed. */
int wfe_duration_parse(const char *text, const char *what, uint64_t min_ms, uint64_t max_ms,
                       uint64_t *ret_ms, wfe_error *err);

#define WFE_DURATION_TEXT_SIZE 48
/* The shortest exact text: 90000 becomes "1m30s". Returns out. */
const char *wfe_duration_format(uint64_t ms, char out[WFE_DURATION_TEXT_SIZE]);

#endif
