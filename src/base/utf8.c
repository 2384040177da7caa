/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
#define REPLACEMENT_LEN (sizeof replacement - 1)

/* Looks at the character that starts at p (len >= 1). Returns its bytes when it is well-formed;
 * else 0, with *ret_bad as the bytes that one replacement stands for. */
static size_t char_len(const uint8_t *p, size_t len, size_t *ret_bad)
{
    uint8_t lead = p[0];
    *ret_bad = 1;
    if (lead < 0x80)
        return lead ? 1 : 0;
    size_t need = lead >= 0xC2 && lead <= 0xDF   ? 2
                  : lead >= 0xE0 && lead <= 0xEF ? 3
                  : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                 : 0;
    if (!need)
        return 0;
    /* The second byte excludes overlong forms, surrogates and what is above U+10FFFF. */
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (size_t i = 1; i < need; i++) {
        if (i >= len || p[i] < low || p[i] > high) {
            *ret_bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return need;
}

bool wfe_utf8_is_valid(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len;) {
        size_t bad = 0;
        size_t n = char_len(p + i, len - i, &bad);
        if (!n)
            return false;
        i += n;
    }
    return true;
}

size_t wfe_utf8_prefix(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len <= max)
        return len;
    len = max;
    while (len && ((uint8_t)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* Writes the cleaned text to out, or only counts when out is NULL. */
static size_t clean_into(char *out, const uint8_t *p, size_t len)
{
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        size_t bad = 0;
        size_t n = char_len(p + i, len - i, &bad);
        size_t add = n ? n : REPLACEMENT_LEN;
        if (out)
            memcpy(out + used, n ? (const void *)(p + i) : replacement, add);
        used += add;
        i += n ? n : bad;
    }
    return used;
}

int wfe_utf8_clean(const void *bytes, size_t len, char **ret, size_t *ret_len, wfe_error *err)
{
    if (len > SIZE_MAX / REPLACEMENT_LEN - 1)
        return wfe_error_nomem(err);
    size_t clean_len = clean_into(NULL, bytes, len);
    char *out = malloc(clean_len + 1);
    if (!out)
        return wfe_error_nomem(err);
    clean_into(out, bytes, len);
    out[clean_len] = '\0';
    *ret = out;
    if (ret_len)
        *ret_len = clean_len;
    return 0;
}
