/* SPDX-License-Identifier: Apache-2.0
 *
 * How long to wait before another attempt.
 */
#ifndef WFE_ENGINE_RETRY_H
#define WFE_ENGINE_RETRY_H

#include <stdint.h>

#include "workflow/plan.h"

/* Longest wait, whatever the back-off makes of it: 30 days. */
#define WFE_RETRY_MAX_DELAY_MS ((uint64_t)30 * 24 * 3600 * 1000)

/* The wait before attempt number retries + 1 (retries counts from 1). random is anything from 0 to
 * 1: where in the range of the jitter it falls. */
uint64_t wfe_retry_delay_ms(const wfe_plan_retry *retry, uint32_t retries, double random);

#endif
