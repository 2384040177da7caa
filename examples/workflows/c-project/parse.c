/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <ctype.h>
#include <stdlib.h>

#define DEPTH_MAX 100

struct parser {
    const char *at;
    const char *why;
    int depth;
};

static int sum(struct parser *p, long *value);

static int fail(struct parser *p, const char *why)
{
    p->why = why;
    return -1;
}

static char next(struct parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
    return *p->at;
}

static int factor(struct parser *p, long *value)
{
    if (++p->depth > DEPTH_MAX)
        return fail(p, "too deep");
    if (next(p) == '(') {
        p->at++;
        if (sum(p, value))
            return -1;
        if (next(p) != ')')
            return fail(p, "a parenthesis is missing");
        p->at++;
    } else if (next(p) == '-') {
        p->at++;
        if (factor(p, value))
            return -1;
        *value = -*value;
    } else if (isdigit((unsigned char)next(p))) {
        char *end;
        *value = strtol(p->at, &end, 10);
        p->at = end;
    } else {
        return fail(p, "a number is missing");
    }
    p->depth--;
    return 0;
}

static int product(struct parser *p, long *value)
{
    long right;
    if (factor(p, value))
        return -1;
    while (next(p) == '*' || next(p) == '/') {
        char sign = *p->at++;
        if (factor(p, &right))
            return -1;
        if (sign == '/' && right == 0)
            return fail(p, "division by zero");
        *value = sign == '*' ? *value * right : *value / right;
    }
    return 0;
}

static int sum(struct parser *p, long *value)
{
    long right;
    if (product(p, value))
        return -1;
    while (next(p) == '+' || next(p) == '-') {
        char sign = *p->at++;
        if (product(p, &right))
            return -1;
        *value += sign == '+' ? right : -right;
    }
    return 0;
}

int parse_expression(const char *text, long *value, const char **why)
{
    struct parser p = {text, "", 0};
    int rc = sum(&p, value);
    if (!rc && next(&p))
        rc = fail(&p, "there is more behind it");
    *why = p.why;
    return rc;
}
