/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/retry.h"

uint64_t wfe_retry_delay_ms(const wfe_plan_retry *retry, uint32_t retries, double random)
{
    double max = (double)WFE_RETRY_MAX_DELAY_MS;
    if (retry->max_interval_ms && (double)retry->max_interval_ms < max)
        max = (double)retry->max_interval_ms;
    double delay = (double)retry->interval_ms;
    double factor = retry->backoff > 1 ? retry->backoff : 1;
    for (uint32_t i = 1; i < retries && factor > 1 && delay < max; i++)
        delay *= factor;
    if (delay > max)
        delay = max;
    delay *= 1 + retry->jitter * (2 * random - 1);
    if (delay < 0)
        delay = 0;
    return delay < (double)WFE_RETRY_MAX_DELAY_MS ? (uint64_t)(delay + 0.5)
                                                  : WFE_RETRY_MAX_DELAY_MS;
}
