/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
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

/* strtod of the C locale: the host program may have set another decimal point. glibc's "C" is a
 * static object, so this allocates nothing. */
static double to_double(const char *text)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return strtod(text, NULL);
    double value = strtod_l(text, NULL, c);
    freelocale(c);
    return value;
}

/* The digits behind 0x or 0o, in double since they may be many. */
static double to_double_of_base(const char *digit, int base)
{
    double value = 0;
    for (; *digit; digit++) {
        int d = isdigit((unsigned char)*digit) ? *digit - '0'
                                               : tolower((unsigned char)*digit) - 'a' + 10;
        value = value * base + d;
    }
    return value;
}

static bool is_special(const char *text)
{
    return strpbrk(text, "nN") != NULL; /* .inf and .nan */
}

bool wfe_scalar_number(const char *text, double *ret)
{
    enum wfe_scalar_kind kind = wfe_scalar_plain_kind(text);
    if (kind != WFE_SCALAR_INTEGER && (kind != WFE_SCALAR_REAL || is_special(text)))
        return false;
    double value = text[0] == '0' && text[1] == 'x'   ? to_double_of_base(text + 2, 16)
                   : text[0] == '0' && text[1] == 'o' ? to_double_of_base(text + 2, 8)
                                                      : to_double(text);
    if (!isfinite(value))
        return false;
    *ret = value;
    return true;
}

static json_t *real_json(const char *text)
{
    double value;
    return wfe_scalar_number(text, &value) ? json_real(value) : json_null();
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
