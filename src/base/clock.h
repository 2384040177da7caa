/* SPDX-License-Identifier: Apache-2.0
 *
 * The two clocks: monotonic for what elapses, wall for what people and other machines read.
 */
#ifndef WFE_BASE_CLOCK_H
#define WFE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t wfe_clock_monotonic_us(void);
/* Microseconds of CLOCK_BOOTTIME: goes on while the machine sleeps, and no one can set it. Two
 * processes of one boot see the same. */
uint64_t wfe_clock_boot_us(void);
/* Microseconds since 1970-01-01 UTC. */
int64_t wfe_clock_wall_us(void);

/* Room for wfe_clock_format. */
#define WFE_CLOCK_TEXT_SIZE 32
/* RFC 3339 in UTC with microseconds: 2026-01-31T12:00:00.000000Z. Returns out. */
const char *wfe_clock_format(int64_t wall_us, char out[WFE_CLOCK_TEXT_SIZE]);

#endif
