/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "workflow/node.h"

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static const char *digits(const char *text, const char *allowed)
{
    return text + strspn(text, allowed);
}

#define DECIMAL "0123456789"
/* Longer numbers are of no use; a real has 17 digits that matter. */
#define MAX_NUMBER_BYTES 512

/* [-+]? [0-9]+ | 0o [0-7]+ | 0x [0-9a-fA-F]+ */
static bool is_integer(const char *text)
{
    if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x'))
        return text[2] && !*digits(text + 2, text[1] == 'o' ? "01234567" : DECIMAL "abcdefABCDEF");
    text += *text == '-' || *text == '+';
    return *text && !*digits(text, DECIMAL);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_real(const char *text)
{
    text += *text == '-' || *text == '+';
    const char *end = digits(text, DECIMAL);
    bool whole = end > text;
    if (*end == '.') {
        const char *fraction = end + 1;
        end = digits(fraction, DECIMAL);
        if (!whole && end == fraction)
            return false;
    } else if (!whole) {
        return false;
    }
    if (*end == 'e' || *end == 'E') {
        end++;
        end += *end == '-' || *end == '+';
        return *end && !*digits(end, DECIMAL);
    }
    return !*end;
}

enum wfe_scalar_kind wfe_scalar_plain_kind(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    static const char *const specials[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                           "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                           ".NaN",  ".NAN",  NULL};
    /* The first letter rules out most texts at once. */
    if (*text && !strchr("~nNtTfF.+-" DECIMAL, *text))
        return WFE_SCALAR_TEXT;
    if (is_one_of(text, nulls))
        return WFE_SCALAR_NULL;
    if (is_one_of(text, bools))
        return WFE_SCALAR_BOOL;
    if (is_integer(text))
        return WFE_SCALAR_INTEGER;
    return is_real(text) || is_one_of(text, specials) ? WFE_SCALAR_REAL : WFE_SCALAR_TEXT;
}

enum wfe_scalar_kind wfe_scalar_kind(const char *text, unsigned flags)
{
    return flags & WFE_NODE_QUOTED ? WFE_SCALAR_TEXT : wfe_scalar_plain_kind(text);
}

/* The host program may have set a locale with another decimal point, which strtod would want; so
 * jansson reads the number, after it was brought into JSON's form. */
static json_t *real_json(const char *text)
{
    char number[MAX_NUMBER_BYTES];
    size_t len = 0;
    bool minus = *text == '-';
    text += *text == '-' || *text == '+';
    if (strpbrk(text, "nNiIxo") || strlen(text) > sizeof number - 8)
        return json_null();
    if (minus)
        number[len++] = '-';
    while (text[0] == '0' && isdigit((unsigned char)text[1]))
        text++;
    if (*text == '.')
        number[len++] = '0';
    for (; *text; text++) {
        number[len++] = *text;
        if (*text == '.' && !isdigit((unsigned char)text[1]))
            number[len++] = '0';
    }
    if (!memchr(number, '.', len) && !memchr(number, 'e', len) && !memchr(number, 'E', len)) {
        memcpy(number + len, ".0", 2);
        len += 2;
    }
    json_t *value = json_loadb(number, len, JSON_DECODE_ANY, NULL);
    return value ? value : json_null();
}

static json_t *integer_json(const char *text)
{
    int base = 10;
    const char *number = text;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
        base = text[1] == 'x' ? 16 : 8;
        number = text + 2;
    }
    errno = 0;
    long long value = strtoll(number, NULL, base);
    return errno ? real_json(text) : json_integer(value);
}

json_t *wfe_scalar_json(const char *text, size_t len, unsigned flags)
{
    switch (wfe_scalar_kind(text, flags)) {
    case WFE_SCALAR_NULL:
        return json_null();
    case WFE_SCALAR_BOOL:
        return json_boolean(text[0] == 't' || text[0] == 'T');
    case WFE_SCALAR_INTEGER:
        return integer_json(text);
    case WFE_SCALAR_REAL:
        return real_json(text);
    case WFE_SCALAR_TEXT:
        break;
    }
    return json_stringn(text, len);
}
