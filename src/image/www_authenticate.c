/* SPDX-License-Identifier: Apache-2.0
 *
 * See www_authenticate.h. A list of challenges and the parameters of one challenge are both parted
 * by commas; a word is a scheme when neither '=' nor its value follow it.
 */
#include "image/www_authenticate.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

typedef struct reader {
    const char *start;
    const char *at;
} reader;

static int bad(const reader *r, const char *expected, wfe_error *err)
{
    return wfe_error_set(err, WFE_E_PROTOCOL,
                         "WWW-Authenticate header: expected %s at position %zu", expected,
                         (size_t)(r->at - r->start) + 1);
}

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_length(const char *at)
{
    size_t n = 0;
    while (is_token_char(at[n]))
        n++;
    return n;
}

static void skip_blanks(reader *r)
{
    while (*r->at == ' ' || *r->at == '\t')
        r->at++;
}

/* Empty elements of a list are allowed. */
static void skip_commas(reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == ',')
        r->at++;
}

static int read_quoted(reader *r, char **ret, wfe_error *err)
{
    _cleanup_free_ char *value = malloc(strlen(r->at));
    size_t n = 0;
    if (!value)
        return wfe_error_nomem(err);
    for (r->at++; *r->at != '"'; r->at++) {
        if (*r->at == '\\' && r->at[1])
            r->at++;
        if (!*r->at || ((unsigned char)*r->at < 0x20 && *r->at != '\t') || *r->at == 0x7f)
            return bad(r, "'\"' at the end of a text", err);
        value[n++] = *r->at;
    }
    r->at++;
    value[n] = '\0';
    *ret = wfe_take(value);
    return 0;
}

static int read_value(reader *r, char **ret, wfe_error *err)
{
    if (*r->at == '"')
        return read_quoted(r, ret, err);
    /* Beyond the standard, a URL without quotes is taken as well. */
    size_t n = strcspn(r->at, " \t,\"");
    if (!n)
        return bad(r, "a value", err);
    *ret = strndup(r->at, n);
    if (!*ret)
        return wfe_error_nomem(err);
    r->at += n;
    return 0;
}

static char **member(wfe_auth_challenge *challenge, const char *name, size_t len)
{
    static const char names[][8] = {"realm", "service", "scope", "error"};
    char **const members[] = {&challenge->realm, &challenge->service, &challenge->scope,
                              &challenge->error};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0)
            return members[i];
    }
    return NULL;
}

/* At "name = value"; false, with nothing read, when it is something else. */
static bool at_parameter(const reader *r)
{
    const char *at = r->at + token_length(r->at);
    while (*at == ' ' || *at == '\t')
        at++;
    return at > r->at && *at == '=';
}

static int read_parameter(reader *r, wfe_auth_challenge *challenge, wfe_error *err)
{
    const char *name = r->at;
    size_t len = token_length(name);
    _cleanup_free_ char *value = NULL;
    r->at += len;
    skip_blanks(r);
    r->at++; /* '=' */
    skip_blanks(r);
    int rc = read_value(r, &value, err);
    if (rc)
        return rc;
    char **to = member(challenge, name, len);
    if (to && !*to) /* the first one counts */
        *to = wfe_take(value);
    skip_blanks(r);
    return *r->at && *r->at != ',' ? bad(r, "','", err) : 0;
}

/* "Negotiate TlRMTVNTUAAB==": one text instead of parameters, of no use to us. */
static bool skip_token68(reader *r)
{
    const char *at = r->at;
    while (isalnum((unsigned char)*at) || (*at && strchr("-._~+/", *at)))
        at++;
    if (at == r->at)
        return false;
    while (*at == '=')
        at++;
    while (*at == ' ' || *at == '\t')
        at++;
    if (*at && *at != ',')
        return false;
    r->at = at;
    return true;
}

static void challenge_done(wfe_auth_challenge *challenge)
{
    free(challenge->realm);
    free(challenge->service);
    free(challenge->scope);
    free(challenge->error);
}

static int read_challenge(reader *r, wfe_auth_challenge *challenge, wfe_error *err)
{
    size_t len = token_length(r->at);
    if (!len)
        return bad(r, "the name of a scheme", err);
    if (len == 5 && strncasecmp(r->at, "basic", len) == 0)
        challenge->scheme = WFE_AUTH_BASIC;
    if (len == 6 && strncasecmp(r->at, "bearer", len) == 0)
        challenge->scheme = WFE_AUTH_BEARER;
    r->at += len;
    if (*r->at && *r->at != ' ' && *r->at != '\t' && *r->at != ',')
        return bad(r, "a blank after the name of a scheme", err);
    skip_blanks(r);
    /* "name=" alone is both; as a parameter it would have no value. */
    if (!at_parameter(r)) {
        if (*r->at && *r->at != ',' && !skip_token68(r))
            return bad(r, "a parameter", err);
        return 0;
    }
    if (skip_token68(r))
        return 0;
    do {
        int rc = read_parameter(r, challenge, err);
        if (rc)
            return rc;
        skip_commas(r);
    } while (at_parameter(r));
    return 0;
}

int wfe_auth_challenges_add(wfe_auth_challenges *challenges, const char *header, wfe_error *err)
{
    reader r = {.start = header, .at = header};
    if (strnlen(header, WFE_AUTH_HEADER_MAX_BYTES + 1) > WFE_AUTH_HEADER_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "WWW-Authenticate header: longer than %d bytes",
                             WFE_AUTH_HEADER_MAX_BYTES);
    skip_commas(&r);
    while (*r.at) {
        if (challenges->n == WFE_AUTH_MAX_CHALLENGES)
            return wfe_error_set(err, WFE_E_LIMIT, "WWW-Authenticate header: more than %d schemes",
                                 WFE_AUTH_MAX_CHALLENGES);
        wfe_auth_challenge challenge = {0};
        int rc = read_challenge(&r, &challenge, err);
        if (rc) {
            challenge_done(&challenge);
            return rc;
        }
        challenges->items[challenges->n++] = challenge;
        skip_commas(&r);
    }
    return 0;
}

void wfe_auth_challenges_done(wfe_auth_challenges *challenges)
{
    for (size_t i = 0; i < challenges->n; i++)
        challenge_done(&challenges->items[i]);
    *challenges = (wfe_auth_challenges){0};
}

const wfe_auth_challenge *wfe_auth_challenges_best(const wfe_auth_challenges *challenges)
{
    const wfe_auth_challenge *best = NULL;
    for (size_t i = 0; i < challenges->n; i++) {
        const wfe_auth_challenge *item = &challenges->items[i];
        if (item->scheme != WFE_AUTH_OTHER && (!best || item->scheme > best->scheme))
            best = item;
    }
    return best;
}
