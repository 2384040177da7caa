/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytesize.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define SHOWN_BYTES 64

static int refuse(const char *text, const char *what, uint64_t min_bytes, uint64_t max_bytes,
                  wfe_error *err)
{
    char low[WFE_BYTESIZE_TEXT_SIZE];
    char high[WFE_BYTESIZE_TEXT_SIZE];
    size_t shown = wfe_utf8_prefix(text, SHOWN_BYTES);
    return wfe_error_set(err, WFE_E_INVALID,
                         "%s is '%.*s%s', must be a size such as 512m, 1g, 64KiB or 1048576, "
                         "from %s to %s",
                         what, (int)shown, text, text[shown] ? "..." : "",
                         wfe_bytesize_format(min_bytes, low), wfe_bytesize_format(max_bytes, high));
}

/* Not tolower(), which obeys the locale of the program around us. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The power of two a unit stands for; -1 when it is none. */
static int unit_shift(const char *unit)
{
    static const char letters[] = "bkmgt";
    if (!*unit)
        return 0;
    const char *found = strchr(letters, lower(*unit));
    if (!found)
        return -1;
    int shift = 10 * (int)(found - letters);
    const char *rest = unit + 1;
    if (shift && lower(*rest) == 'i')
        rest++;
    else if (!*rest)
        return shift;
    return shift && lower(rest[0]) == 'b' && !rest[1] ? shift : -1;
}

static bool read_all(const char *text, uint64_t *ret_bytes)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    }
    int shift = unit_shift(p);
    if (p == text || shift < 0 || value > UINT64_MAX >> shift)
        return false;
    *ret_bytes = value << shift;
    return true;
}

int wfe_bytesize_parse(const char *text, const char *what, uint64_t min_bytes, uint64_t max_bytes,
                       uint64_t *ret_bytes, wfe_error *err)
{
    uint64_t bytes = 0;
    if (!read_all(text, &bytes) || bytes < min_bytes || bytes > max_bytes)
        return refuse(text, what, min_bytes, max_bytes, err);
    *ret_bytes = bytes;
    return 0;
}

const char *wfe_bytesize_format(uint64_t bytes, char out[WFE_BYTESIZE_TEXT_SIZE])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    while (unit + 1 < sizeof names / sizeof *names && bytes >> (10 * (unit + 1)))
        unit++;
    /* In whole numbers: printf of a double obeys the locale of the program around us. */
    uint64_t whole = bytes >> (10 * unit);
    uint64_t rest = unit ? (bytes >> (10 * (unit - 1))) & 1023 : 0;
    unsigned scale = whole >= 100 ? 1 : whole >= 10 ? 10 : 100;
    uint64_t scaled = whole * scale + (rest * scale + 512) / 1024;
    if (scaled == (uint64_t)1024 * scale && unit + 1 < sizeof names / sizeof *names) {
        scaled = scale;
        unit++;
    }
    unsigned long long left = scaled / scale;
    unsigned fraction = (unsigned)(scaled % scale);
    int digits = scale == 100 ? 2 : 1;
    while (fraction && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    if (fraction)
        snprintf(out, WFE_BYTESIZE_TEXT_SIZE, "%llu.%0*u %s", left, digits, fraction, names[unit]);
    else
        snprintf(out, WFE_BYTESIZE_TEXT_SIZE, "%llu %s", left, names[unit]);
    return out;
}
