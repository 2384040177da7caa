/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

uint64_t wfe_clock_monotonic_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000U + (uint64_t)ts.tv_nsec / 1000U;
}

uint64_t wfe_clock_boot_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000U + (uint64_t)ts.tv_nsec / 1000U;
}

int64_t wfe_clock_wall_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

const char *wfe_clock_format(int64_t wall_us, char out[WFE_CLOCK_TEXT_SIZE])
{
    int64_t seconds = wall_us / 1000000;
    int64_t micros = wall_us % 1000000;
    if (micros < 0) {
        micros += 1000000;
        seconds--;
    }
    time_t when = (time_t)seconds;
    struct tm tm;
    char day[24];
    gmtime_r(&when, &tm);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, WFE_CLOCK_TEXT_SIZE, "%s.%06dZ", day, (int)micros);
    return out;
}
