/* SPDX-License-Identifier: Apache-2.0
 *
 * See mask_forms.h. Each form is written into memory of its greatest length, since what realloc
 * leaves behind could not be cleared.
 */
#include "base/mask_forms.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask.h"

/* Memory for one form that is being written; cleared in any case. */
typedef struct draft {
    uint8_t *bytes;
    size_t len;
    size_t cap;
} draft;

static void draft_done(draft *d)
{
    if (d->bytes)
        explicit_bzero(d->bytes, d->cap);
    free(d->bytes);
}

static int draft_make(draft *d, size_t cap, wfe_error *err)
{
    d->bytes = calloc(cap, 1);
    if (!d->bytes)
        return wfe_error_nomem(err);
    d->cap = cap;
    return 0;
}

static void put(draft *d, uint8_t byte)
{
    d->bytes[d->len++] = byte;
}

static void put_text(draft *d, const char *text)
{
    while (*text)
        put(d, (uint8_t)*text++);
}

static const char hex_lower[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

static int add_form(wfe_mask_forms *forms, const uint8_t *bytes, size_t len, wfe_error *err)
{
    if (len < WFE_MASK_MIN_BYTES)
        return 0;
    if (forms->len == forms->cap) {
        size_t cap = forms->cap ? forms->cap * 2 : 64;
        wfe_mask_form *items = reallocarray(forms->items, cap, sizeof *items);
        if (!items)
            return wfe_error_nomem(err);
        forms->items = items;
        forms->cap = cap;
    }
    uint8_t *copy = malloc(len);
    if (!copy)
        return wfe_error_nomem(err);
    memcpy(copy, bytes, len);
    forms->items[forms->len++] = (wfe_mask_form){.bytes = copy, .len = len};
    return 0;
}

/* ---- hexadecimal ---- */

static int add_hex(wfe_mask_forms *forms, const uint8_t *s, size_t len, const char *digits,
                   wfe_error *err)
{
    _cleanup_(draft_done) draft d = {0};
    int rc = draft_make(&d, len * 2, err);
    for (size_t i = 0; !rc && i < len; i++) {
        put(&d, (uint8_t)digits[s[i] >> 4]);
        put(&d, (uint8_t)digits[s[i] & 15]);
    }
    return rc ? rc : add_form(forms, d.bytes, d.len, err);
}

/* ---- JSON ---- */

enum { JSON_ASCII = 1, JSON_UPPER = 2, JSON_SLASH = 4, JSON_HTML = 8 };

static void put_unicode(draft *d, uint32_t unit, unsigned how)
{
    const char *digits = how & JSON_UPPER ? hex_upper : hex_lower;
    put_text(d, "\\u");
    for (int shift = 12; shift >= 0; shift -= 4)
        put(d, (uint8_t)digits[(unit >> shift) & 15]);
}

/* Bytes of the character that begins here, with its number; 1 for what is no good UTF-8, which is
 * passed as it is. */
static size_t read_character(const uint8_t *s, size_t len, uint32_t *ret)
{
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC2 ? 2 : 1;
    uint32_t code = n == 1 ? s[0] : s[0] & (0x7Fu >> n);
    bool good = n <= len && s[0] <= 0xF4;
    for (size_t i = 1; good && i < n; i++) {
        good = (s[i] & 0xC0) == 0x80;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    *ret = good ? code : s[0];
    return good ? n : 1;
}

static void put_json(draft *d, const uint8_t *s, size_t n, uint32_t code, unsigned how)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *known = code && code < 0x80 ? strchr(plain, (int)code) : NULL;
    if (known) {
        put(d, '\\');
        put(d, (uint8_t)letters[known - plain]);
    } else if (code == '/' && how & JSON_SLASH) {
        put_text(d, "\\/");
    } else if (code < 0x20 || (how & JSON_HTML && (code == '<' || code == '>' || code == '&' ||
                                                   code == 0x2028 || code == 0x2029))) {
        put_unicode(d, code, how);
    } else if (how & JSON_ASCII && n > 1) {
        if (code >= 0x10000)
            put_unicode(d, 0xD800 + ((code - 0x10000) >> 10), how);
        put_unicode(d, code >= 0x10000 ? 0xDC00 + ((code - 0x10000) & 0x3FF) : code, how);
    } else {
        for (size_t i = 0; i < n; i++)
            put(d, s[i]);
    }
}

static int add_json(wfe_mask_forms *forms, const uint8_t *s, size_t len, unsigned how,
                    wfe_error *err)
{
    _cleanup_(draft_done) draft d = {0};
    int rc = draft_make(&d, len * 6, err);
    for (size_t i = 0, n; !rc && i < len; i += n) {
        uint32_t code;
        n = read_character(s + i, len - i, &code);
        put_json(&d, s + i, n, code, how);
    }
    return rc ? rc : add_form(forms, d.bytes, d.len, err);
}

/* ---- URLs ---- */

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* safe: what stays as it is beside letters and digits; a space becomes '+' when '+' is not safe and
 * the first of safe is a space. */
static int add_percent(wfe_mask_forms *forms, const uint8_t *s, size_t len, const char *safe,
                       const char *digits, wfe_error *err)
{
    _cleanup_(draft_done) draft d = {0};
    int rc = draft_make(&d, len * 3, err);
    for (size_t i = 0; !rc && i < len; i++) {
        if (is_alphanumeric(s[i]) || (s[i] && s[i] != ' ' && strchr(safe, s[i]))) {
            put(&d, s[i]);
        } else if (s[i] == ' ' && safe[0] == ' ') {
            put(&d, '+');
        } else {
            put(&d, '%');
            put(&d, (uint8_t)digits[s[i] >> 4]);
            put(&d, (uint8_t)digits[s[i] & 15]);
        }
    }
    return rc ? rc : add_form(forms, d.bytes, d.len, err);
}

/* ---- shells ---- */

/* Each byte of special gets before in front of it, and after behind. */
static int add_shell(wfe_mask_forms *forms, const uint8_t *s, size_t len, const char *special,
                     const char *before, const char *after, wfe_error *err)
{
    _cleanup_(draft_done) draft d = {0};
    int rc = draft_make(&d, len * 5, err);
    for (size_t i = 0; !rc && i < len; i++) {
        bool found = s[i] && strchr(special, s[i]);
        put_text(&d, found ? before : "");
        put(&d, s[i]);
        put_text(&d, found ? after : "");
    }
    return rc ? rc : add_form(forms, d.bytes, d.len, err);
}

/* ---- base64 ---- */

/* Characters of a form's end that are searched for on their own: enough to be no chance. */
#define END_BYTES ((size_t)32)

static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The six bits from bit on (bit may be negative: zeros) of the secret; zeros behind its end. */
static unsigned six_bits(const uint8_t *s, size_t len, long bit)
{
    unsigned value = 0;
    for (long i = bit; i < bit + 6; i++) {
        unsigned set = i >= 0 && (size_t)i / 8 < len ? (s[i / 8] >> (7 - i % 8)) & 1u : 0;
        value = value << 1 | set;
    }
    return value;
}

/* In lines, as tools print it: the whole, and each line. */
static int add_wrapped(wfe_mask_forms *forms, const uint8_t *text, size_t len, size_t columns,
                       wfe_error *err)
{
    if (len <= columns)
        return 0;
    _cleanup_(draft_done) draft d = {0};
    int rc = draft_make(&d, len + len / columns, err);
    for (size_t at = 0, n; !rc && at < len; at += n) {
        n = len - at < columns ? len - at : columns;
        if (at)
            put(&d, '\n');
        for (size_t i = 0; i < n; i++)
            put(&d, text[at + i]);
        rc = add_form(forms, text + at, n, err);
    }
    return rc ? rc : add_form(forms, d.bytes, d.len, err);
}

/* What follows the characters that the secret alone decides: a last one that it shares with the
 * bytes after it, whatever they are, or the padding. The end of the form is enough for these, since
 * matches that overlap are masked together; leaves d with the padding. */
static int add_base64_ends(wfe_mask_forms *forms, draft *d, unsigned last, unsigned known_bits,
                           const char *alphabet, wfe_error *err)
{
    size_t len = d->len, from = len > END_BYTES ? len - END_BYTES : 0;
    int rc = 0;
    for (unsigned rest = 0; !rc && rest < 1u << (6 - known_bits); rest++) {
        d->len = len;
        put(d, (uint8_t)alphabet[last | rest]);
        rc = add_form(forms, d->bytes + from, d->len - from, err);
    }
    d->len = len;
    put(d, (uint8_t)alphabet[last]);
    put_text(d, known_bits == 2 ? "==" : "=");
    return rc ? rc : add_form(forms, d->bytes + from, d->len - from, err);
}

/* As it is found in the base64 of something longer in which skip bytes, modulo 3, are before it. A
 * character that it shares with the byte before it stays: at most four bits of its first byte. */
static int add_base64(wfe_mask_forms *forms, const uint8_t *s, size_t len, unsigned skip,
                      const char *alphabet, wfe_error *err)
{
    _cleanup_(draft_done) draft d = {0};
    int rc = draft_make(&d, len / 3 * 4 + 8, err);
    if (rc)
        return rc;
    long bit = skip == 0 ? 0 : skip == 1 ? 4 : 2; /* the first that begins a character */
    long bits = (long)len * 8;
    for (; bit + 6 <= bits; bit += 6)
        put(&d, (uint8_t)alphabet[six_bits(s, len, bit)]);
    rc = add_form(forms, d.bytes, d.len, err);
    bool lines = skip == 0 && alphabet == base64_standard;
    for (size_t columns = 64; !rc && lines && columns <= 76; columns += 12)
        rc = add_wrapped(forms, d.bytes, d.len, columns, err);
    if (!rc && bit < bits)
        rc = add_base64_ends(forms, &d, six_bits(s, len, bit), (unsigned)(bits - bit), alphabet,
                             err);
    for (size_t columns = 64; !rc && lines && columns <= 76; columns += 12)
        rc = add_wrapped(forms, d.bytes, d.len, columns, err);
    return rc;
}

/* ---- all of them ---- */

static int add_escapes(wfe_mask_forms *forms, const uint8_t *s, size_t len, wfe_error *err)
{
    static const unsigned json[] = {
        0,
        JSON_UPPER,
        JSON_ASCII,
        JSON_SLASH,
        JSON_HTML,
        JSON_ASCII | JSON_UPPER,
        JSON_ASCII | JSON_SLASH,
        JSON_ASCII | JSON_HTML,
    };
    static const char *const safe[] = {"-_.~", "-_.~!*'()", "-_.~/", " *-._", "-_.~!$&'()*+,;=:@/"};
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof json / sizeof *json; i++)
        rc = add_json(forms, s, len, json[i], err);
    for (size_t i = 0; !rc && i < sizeof safe / sizeof *safe; i++) {
        rc = add_percent(forms, s, len, safe[i], hex_upper, err);
        if (!rc)
            rc = add_percent(forms, s, len, safe[i], hex_lower, err);
    }
    if (!rc)
        rc = add_shell(forms, s, len, "'", "'\\", "'", err);
    if (!rc)
        rc = add_shell(forms, s, len, "'", "'\"", "\"'", err);
    return rc ? rc : add_shell(forms, s, len, "\"$`\\", "\\", "", err);
}

static int add_piece(wfe_mask_forms *forms, const uint8_t *s, size_t len, wfe_error *err)
{
    if (len < WFE_MASK_MIN_BYTES)
        return 0;
    int rc = add_form(forms, s, len, err);
    if (!rc)
        rc = add_hex(forms, s, len, hex_lower, err);
    if (!rc)
        rc = add_hex(forms, s, len, hex_upper, err);
    for (unsigned skip = 0; !rc && skip < 3; skip++) {
        rc = add_base64(forms, s, len, skip, base64_standard, err);
        if (!rc)
            rc = add_base64(forms, s, len, skip, base64_url, err);
    }
    return rc ? rc : add_escapes(forms, s, len, err);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

int wfe_mask_forms_add(wfe_mask_forms *forms, const uint8_t *secret, size_t len, wfe_error *err)
{
    int rc = add_piece(forms, secret, len, err);
    if (!memchr(secret, '\n', len))
        return rc;
    for (size_t at = 0; !rc && at < len;) {
        const uint8_t *newline = memchr(secret + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - secret) : len;
        size_t next = end + 1;
        while (at < end && is_blank(secret[at]))
            at++;
        while (at < end && is_blank(secret[end - 1]))
            end--;
        rc = add_piece(forms, secret + at, end - at, err);
        at = next;
    }
    return rc;
}

static int compare(const void *a, const void *b)
{
    const wfe_mask_form *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void form_done(wfe_mask_form *form)
{
    explicit_bzero(form->bytes, form->len);
    free(form->bytes);
}

void wfe_mask_forms_sort(wfe_mask_forms *forms)
{
    if (!forms->len)
        return;
    qsort(forms->items, forms->len, sizeof *forms->items, compare);
    size_t kept = 1;
    for (size_t i = 1; i < forms->len; i++) {
        if (compare(&forms->items[kept - 1], &forms->items[i]) == 0)
            form_done(&forms->items[i]);
        else
            forms->items[kept++] = forms->items[i];
    }
    forms->len = kept;
}

void wfe_mask_forms_done(wfe_mask_forms *forms)
{
    for (size_t i = 0; i < forms->len; i++)
        form_done(&forms->items[i]);
    free(forms->items);
    *forms = (wfe_mask_forms){0};
}
