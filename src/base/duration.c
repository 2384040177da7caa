/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Ten digits of the largest unit stay far below 2^64 ms, so no sum below can overflow. */
#define MAX_DIGITS 10
#define SHOWN_BYTES 64

static const struct unit {
    const char *name;
    uint64_t ms;
} units[] = {
    {"d", 24 * 3600 * 1000}, {"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1},
};
#define N_UNITS (sizeof units / sizeof *units)

/* "1 ms", "90 s": one number in the largest unit that is exact. */
static const char *bound_text(uint64_t ms, char out[WFE_DURATION_TEXT_SIZE])
{
    size_t i = 0;
    while (i + 1 < N_UNITS && (ms == 0 || ms % units[i].ms != 0))
        i++;
    snprintf(out, WFE_DURATION_TEXT_SIZE, "%llu %s", (unsigned long long)(ms / units[i].ms),
             units[i].name);
    return out;
}

static int refuse(const char *text, const char *what, uint64_t min_ms, uint64_t max_ms,
                  wfe_error *err)
{
    char low[WFE_DURATION_TEXT_SIZE];
    char high[WFE_DURATION_TEXT_SIZE];
    size_t shown = wfe_utf8_prefix(text, SHOWN_BYTES);
    return wfe_error_set(err, WFE_E_INVALID,
                         "%s is '%.*s%s', must be a duration such as 500ms, 90s, 5m, 1h30m or 2d, "
                         "from %s to %s",
                         what, (int)shown, text, text[shown] ? "..." : "", bound_text(min_ms, low),
                         bound_text(max_ms, high));
}

/* Reads a number at *p and moves *p behind it. */
static bool read_number(const char **p, uint64_t *ret)
{
    uint64_t value = 0;
    int digits = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (++digits > MAX_DIGITS)
            return false;
        value = value * 10 + (uint64_t)(**p - '0');
    }
    *ret = value;
    return digits > 0;
}

/* Finds the unit at p, from index first on; "ms" is not taken for "m". */
static size_t find_unit(const char *p, size_t first)
{
    size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = first; i < N_UNITS; i++) {
        if (strlen(units[i].name) == len && strncmp(p, units[i].name, len) == 0)
            return i;
    }
    return N_UNITS;
}

static bool read_all(const char *text, uint64_t *ret_ms)
{
    const char *p = text;
    uint64_t total = 0;
    size_t next_unit = 0;
    do {
        uint64_t number = 0;
        if (!read_number(&p, &number))
            return false;
        if (*p == '\0' && next_unit == 0) {
            total = number;
            break;
        }
        size_t unit = find_unit(p, next_unit);
        if (unit == N_UNITS)
            return false;
        total += number * units[unit].ms;
        p += strlen(units[unit].name);
        next_unit = unit + 1;
    } while (*p);
    *ret_ms = total;
    return true;
}

int wfe_duration_parse(const char *text, const char *what, uint64_t min_ms, uint64_t max_ms,
                       uint64_t *ret_ms, wfe_error *err)
{
    uint64_t ms = 0;
    if (!read_all(text, &ms) || ms < min_ms || ms > max_ms)
        return refuse(text, what, min_ms, max_ms, err);
    *ret_ms = ms;
    return 0;
}

const char *wfe_duration_format(uint64_t ms, char out[WFE_DURATION_TEXT_SIZE])
{
    size_t len = 0;
    for (size_t i = 0; i < N_UNITS; i++) {
        uint64_t count = ms / units[i].ms;
        ms %= units[i].ms;
        if (count)
            len += (size_t)snprintf(out + len, WFE_DURATION_TEXT_SIZE - len, "%llu%s",
                                    (unsigned long long)count, units[i].name);
    }
    if (!len)
        snprintf(out, WFE_DURATION_TEXT_SIZE, "0ms");
    return out;
}
