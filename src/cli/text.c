/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define TAB_COLUMNS 8

/* The code point at p of well-formed UTF-8, and its length. */
static uint32_t decode(const char *p, size_t *ret_len)
{
    const unsigned char *u = (const unsigned char *)p;
    if (u[0] < 0x80) {
        *ret_len = 1;
        return u[0];
    }
    if (u[0] < 0xe0) {
        *ret_len = 2;
        return (uint32_t)(u[0] & 0x1f) << 6 | (u[1] & 0x3f);
    }
    if (u[0] < 0xf0) {
        *ret_len = 3;
        return (uint32_t)(u[0] & 0x0f) << 12 | (uint32_t)(u[1] & 0x3f) << 6 | (u[2] & 0x3f);
    }
    *ret_len = 4;
    return (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3f) << 12 |
           (uint32_t)(u[2] & 0x3f) << 6 | (u[3] & 0x3f);
}

/* ---- escape sequences: ECMA-48, 5.3 and 5.4 ---- */

/* Behind the introducer of a control sequence: its end. */
static const char *skip_control_sequence(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p <= 0x3f)
        p++;
    return p < end && (unsigned char)*p >= 0x40 && (unsigned char)*p <= 0x7e ? p + 1 : p;
}

/* Behind the introducer of a control string, whose text is no output: behind its terminator, BEL
 * or ST; one that is not terminated takes the rest of the line. */
static const char *skip_control_string(const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p == '\a')
            return p + 1;
        if (*p == '\x1b' && p + 1 < end && p[1] == '\\')
            return p + 2;
        if (end - p >= 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] == 0x9c)
            return p + 2;
    }
    return end;
}

/* Behind an ESC. */
static const char *skip_escape(const char *p, const char *end)
{
    if (p == end)
        return p;
    if (*p == '[')
        return skip_control_sequence(p + 1, end);
    if (strchr("]PX^_", *p))
        return skip_control_string(p + 1, end);
    while (p < end && *p >= 0x20 && *p <= 0x2f)
        p++;
    return p < end && *p >= 0x30 && *p <= 0x7e ? p + 1 : p;
}

/* The same for the introducers of one character, C1. */
static const char *skip_c1(uint32_t c, const char *p, const char *end)
{
    if (c == 0x9b)
        return skip_control_sequence(p, end);
    bool begins_string = c == 0x90 || c == 0x98 || (c >= 0x9d && c <= 0x9f);
    return begins_string ? skip_control_string(p, end) : p;
}

/* Characters that are no text: controls of direction (which let a line look like another one),
 * joiners of lines and paragraphs, byte order marks. */
static bool is_invisible_control(uint32_t c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb);
}

/* ---- columns ---- */

/* wcwidth(3) of Unicode, whatever the locale of the process is. */
static int width_of(uint32_t c)
{
    static locale_t unicode;
    if (c >= 0x20 && c < 0x7f)
        return 1;
    if (!unicode)
        unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t old = unicode ? uselocale(unicode) : (locale_t)0;
    int width = wcwidth((wchar_t)c);
    if (unicode)
        uselocale(old);
    return width < 0 ? 1 : width;
}

size_t wfe_text_fit(const char *text, size_t len, size_t max_columns, size_t *ret_columns)
{
    size_t at = 0, columns = 0;
    while (at < len) {
        size_t n = 0;
        size_t width = (size_t)width_of(decode(text + at, &n));
        if (columns + width > max_columns)
            break;
        columns += width;
        at += n;
    }
    if (ret_columns)
        *ret_columns = columns;
    return at;
}

size_t wfe_text_columns(const char *text, size_t len)
{
    size_t columns = 0;
    wfe_text_fit(text, len, SIZE_MAX / 2, &columns);
    return columns;
}

/* ---- cleaning ---- */

typedef struct cleaning {
    wfe_buf *out;
    size_t start;    /* of the line in out */
    bool ascii;      /* nothing but ASCII */
    bool overwrites; /* a carriage return came: the next character begins the line anew */
} cleaning;

static int put(cleaning *c, const char *bytes, size_t len, wfe_error *err)
{
    if (c->overwrites && c->out->len > c->start) {
        c->out->len = c->start;
        c->out->data[c->start] = '\0';
    }
    c->overwrites = false;
    return wfe_buf_append(c->out, bytes, len, err);
}

static int put_tab(cleaning *c, wfe_error *err)
{
    size_t columns = c->out->len > c->start && !c->overwrites
                         ? wfe_text_columns(c->out->data + c->start, c->out->len - c->start)
                         : 0;
    return put(c, "        ", TAB_COLUMNS - columns % TAB_COLUMNS, err);
}

/* Takes the character at *p and moves *p behind it and what belongs to it. */
static int take(cleaning *c, const char **p, const char *end, wfe_error *err)
{
    size_t len = 0;
    const char *at = *p;
    uint32_t character = decode(at, &len);
    *p = at + len;
    if (character == 0x1b) {
        *p = skip_escape(*p, end);
        return 0;
    }
    if (character >= 0x80 && character <= 0x9f) {
        *p = skip_c1(character, *p, end);
        return 0;
    }
    if (character == '\t')
        return put_tab(c, err);
    if (character == '\r')
        c->overwrites = true;
    if (character < 0x20 || character == 0x7f || is_invisible_control(character))
        return 0;
    return c->ascii && character >= 0x80 ? put(c, "?", 1, err) : put(c, at, len, err);
}

int wfe_text_clean(const char *bytes, size_t len, bool ascii, wfe_buf *out, wfe_error *err)
{
    _cleanup_free_ char *valid = NULL;
    size_t valid_len = 0;
    int rc = wfe_utf8_clean(bytes, len, &valid, &valid_len, err);
    cleaning c = {.out = out, .start = out->len, .ascii = ascii};
    const char *p = valid;
    while (!rc && p < valid + valid_len)
        rc = take(&c, &p, valid + valid_len, err);
    return rc;
}

const char *wfe_text_elapsed(uint64_t us, char out[WFE_TEXT_ELAPSED_SIZE])
{
    unsigned long long tenths = (us + 50000) / 100000, seconds = (us + 500000) / 1000000;
    if (tenths < 100)
        snprintf(out, WFE_TEXT_ELAPSED_SIZE, "%llu.%llus", tenths / 10, tenths % 10);
    else if (seconds < 60)
        snprintf(out, WFE_TEXT_ELAPSED_SIZE, "%llus", seconds);
    else if (seconds < 3600)
        snprintf(out, WFE_TEXT_ELAPSED_SIZE, "%llum%02llus", seconds / 60, seconds % 60);
    else
        snprintf(out, WFE_TEXT_ELAPSED_SIZE, "%lluh%02llum", seconds / 3600, seconds % 3600 / 60);
    return out;
}

const char *wfe_text_bytes(uint64_t bytes, char out[WFE_TEXT_BYTES_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    snprintf(out, WFE_TEXT_BYTES_SIZE, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value,
             units[unit]);
    return out;
}
