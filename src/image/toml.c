/* SPDX-License-Identifier: Apache-2.0
 *
 * See toml.h. One pass over the text, which is checked to be UTF-8 without NUL first. Tables that
 * a header or an inline table has closed are kept in a list, since TOML forbids to open them again.
 */
#include "image/toml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/utf8.h"

#define KEY_MAX_BYTES 1024

typedef struct parser {
    const char *start;
    const char *at; /* ends at a NUL */
    json_t *root;   /* owned */
    json_t *table;  /* what key = value lines go to; borrowed from root */
    const json_t *closed[WFE_TOML_MAX_TABLES];
    size_t n_closed;
    unsigned depth;
} parser;

static int fail(const parser *p, int kind, const char *what, wfe_error *err)
{
    unsigned line = 1;
    const char *begin = p->start;
    for (const char *at = p->start; at < p->at; at++) {
        if (*at == '\n') {
            line++;
            begin = at + 1;
        }
    }
    return wfe_error_set(err, kind, "%u:%zu: %s", line, (size_t)(p->at - begin) + 1, what);
}

static int bad(const parser *p, const char *what, wfe_error *err)
{
    return fail(p, WFE_E_INVALID, what, err);
}

/* ---- white space ---- */

static void skip_blanks(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

static bool at_line_end(const parser *p)
{
    return *p->at == '\n' || (*p->at == '\r' && p->at[1] == '\n');
}

static void skip_comment(parser *p)
{
    if (*p->at == '#')
        p->at += strcspn(p->at, "\r\n");
}

static void skip_lines(parser *p)
{
    for (;;) {
        skip_blanks(p);
        skip_comment(p);
        if (!at_line_end(p))
            return;
        p->at += *p->at == '\r' ? 2 : 1;
    }
}

/* Nothing more may be on the line. */
static int end_line(parser *p, wfe_error *err)
{
    skip_blanks(p);
    skip_comment(p);
    return *p->at && !at_line_end(p) ? bad(p, "expected the end of the line", err) : 0;
}

/* ---- texts ---- */

static int add_code_point(const parser *p, wfe_buf *out, unsigned long code, wfe_error *err)
{
    char bytes[4];
    size_t n = 0;
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return bad(p, "this escape is no character that a text can have", err);
    if (code < 0x80) {
        bytes[n++] = (char)code;
    } else if (code < 0x800) {
        bytes[n++] = (char)(0xC0 | code >> 6);
        bytes[n++] = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        bytes[n++] = (char)(0xE0 | code >> 12);
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[n++] = (char)(0x80 | (code & 0x3F));
    } else {
        bytes[n++] = (char)(0xF0 | code >> 18);
        bytes[n++] = (char)(0x80 | (code >> 12 & 0x3F));
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3F));
        bytes[n++] = (char)(0x80 | (code & 0x3F));
    }
    return wfe_buf_append(out, bytes, n, err);
}

/* Behind a backslash. */
static int read_escape(parser *p, wfe_buf *out, wfe_error *err)
{
    static const char letters[] = "btnfr\"\\";
    static const char values[] = "\b\t\n\f\r\"\\";
    const char *found = *p->at ? strchr(letters, *p->at) : NULL;
    if (found) {
        p->at++;
        return wfe_buf_append(out, &values[found - letters], 1, err);
    }
    size_t digits = *p->at == 'u' ? 4 : *p->at == 'U' ? 8 : 0;
    if (!digits)
        return bad(p, "unknown escape in a text; allowed are \\b \\t \\n \\f \\r \\\" \\\\ \\u \\U",
                   err);
    char hex[9] = "";
    for (size_t i = 0; i < digits; i++) {
        char c = p->at[1 + i];
        if (!c || !strchr("0123456789abcdefABCDEF", c))
            return bad(p, "the escape needs 4 (\\u) or 8 (\\U) hexadecimal digits", err);
        hex[i] = c;
    }
    int rc = add_code_point(p, out, strtoul(hex, NULL, 16), err);
    p->at += 1 + digits;
    return rc;
}

/* At a quote; out ends with the text. */
static int read_text(parser *p, wfe_buf *out, wfe_error *err)
{
    const char quote = *p->at;
    if (p->at[1] == quote && p->at[2] == quote)
        return bad(p, "a text of several lines is not supported here", err);
    p->at++;
    while (*p->at != quote) {
        unsigned char c = (unsigned char)*p->at;
        int rc;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return bad(p, "the text is not closed on its line", err);
        if (c == '\\' && quote == '"') {
            p->at++;
            rc = read_escape(p, out, err);
        } else {
            rc = wfe_buf_append(out, p->at, 1, err);
            p->at++;
        }
        if (rc)
            return rc;
    }
    p->at++;
    return wfe_buf_reserve(out, 0, err); /* "" is a text too */
}

/* ---- keys ---- */

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static int read_key(parser *p, char **ret, wfe_error *err)
{
    wfe_buf key = WFE_BUF_INIT(KEY_MAX_BYTES);
    int rc = 0;
    if (*p->at == '"' || *p->at == '\'') {
        rc = read_text(p, &key, err);
    } else {
        const char *begin = p->at;
        while (is_bare(*p->at))
            p->at++;
        rc = p->at == begin ? bad(p, "expected a key", err)
                            : wfe_buf_append(&key, begin, (size_t)(p->at - begin), err);
    }
    if (!rc)
        *ret = wfe_buf_take(&key, NULL);
    wfe_buf_done(&key);
    if (!rc && !*ret)
        return wfe_error_nomem(err);
    skip_blanks(p);
    return rc;
}

static bool is_closed(const parser *p, const json_t *table)
{
    for (size_t i = 0; i < p->n_closed; i++) {
        if (p->closed[i] == table)
            return true;
    }
    return false;
}

static int close_table(parser *p, const json_t *table, wfe_error *err)
{
    if (p->n_closed == WFE_TOML_MAX_TABLES)
        return fail(p, WFE_E_LIMIT, "too many tables", err);
    p->closed[p->n_closed++] = table;
    return 0;
}

/* The table of that name in another one; made when it is not there. */
static int enter_table(parser *p, json_t **table, const char *key, wfe_error *err)
{
    json_t *found = json_object_get(*table, key);
    if (!found) {
        found = json_object();
        if (!found || json_object_set_new(*table, key, found) != 0)
            return wfe_error_nomem(err);
    }
    if (!json_is_object(found))
        return bad(p, "this key has a value already, it is no table", err);
    *table = found;
    return 0;
}

/* a.b."c": enters all but the last key, and gives that. */
static int read_path(parser *p, json_t **table, bool may_be_closed, char **ret_last, wfe_error *err)
{
    unsigned depth = 0;
    _cleanup_free_ char *key = NULL;
    int rc = read_key(p, &key, err);
    while (!rc && *p->at == '.') {
        if (++depth > WFE_TOML_MAX_DEPTH)
            return fail(p, WFE_E_LIMIT, "too many parts in a key", err);
        rc = enter_table(p, table, key, err);
        if (!rc && !may_be_closed && is_closed(p, *table))
            rc = bad(p, "this table was defined before", err);
        if (rc)
            return rc;
        free(wfe_take(key));
        p->at++;
        skip_blanks(p);
        rc = read_key(p, &key, err);
    }
    if (!rc)
        *ret_last = wfe_take(key);
    return rc;
}

/* ---- values ---- */

static int read_value(parser *p, json_t **ret, wfe_error *err);

static int read_text_value(parser *p, json_t **ret, wfe_error *err)
{
    wfe_buf text = WFE_BUF_INIT(WFE_TOML_MAX_BYTES);
    int rc = read_text(p, &text, err);
    if (!rc && !(*ret = json_stringn(text.data, text.len)))
        rc = wfe_error_nomem(err);
    wfe_buf_done(&text);
    return rc;
}

static bool ends_value(char c)
{
    return !c || strchr(" \t\r\n#,]}", c);
}

static int read_number(parser *p, json_t **ret, wfe_error *err)
{
    char digits[24];
    size_t n = 0;
    const char *at = p->at;
    if (*at == '+' || *at == '-')
        digits[n++] = *at++;
    const char *first = at;
    while (((*at >= '0' && *at <= '9') || (*at == '_' && at > first && at[-1] != '_')) &&
           n < sizeof digits - 1) {
        if (*at != '_')
            digits[n++] = *at;
        at++;
    }
    digits[n] = '\0';
    if (at == first || at[-1] == '_' || !ends_value(*at) || (*first == '0' && at - first > 1))
        return bad(p, "expected a text in quotes, true, false, a whole number, [ or {", err);
    errno = 0;
    long long number = strtoll(digits, NULL, 10);
    if (errno)
        return bad(p, "the number is too large", err);
    p->at = at;
    *ret = json_integer(number);
    return *ret ? 0 : wfe_error_nomem(err);
}

static int read_array_items(parser *p, json_t *array, wfe_error *err)
{
    for (;;) {
        skip_lines(p);
        if (*p->at == ']')
            return 0;
        json_t *item = NULL;
        int rc = read_value(p, &item, err);
        if (rc)
            return rc;
        if (json_array_append_new(array, item) != 0)
            return wfe_error_nomem(err);
        skip_lines(p);
        if (*p->at == ',')
            p->at++;
        else if (*p->at != ']')
            return bad(p, "expected ',' or ']'", err);
    }
}

static int read_pair(parser *p, json_t *table, wfe_error *err)
{
    _cleanup_free_ char *key = NULL;
    json_t *value = NULL;
    int rc = read_path(p, &table, false, &key, err);
    if (rc)
        return rc;
    if (*p->at != '=')
        return bad(p, "expected '=' after the key", err);
    if (json_object_get(table, key))
        return bad(p, "this key has a value already", err);
    p->at++;
    skip_blanks(p);
    rc = read_value(p, &value, err);
    if (!rc && json_object_set_new(table, key, value) != 0)
        rc = wfe_error_nomem(err);
    return rc;
}

static int read_inline_pairs(parser *p, json_t *table, wfe_error *err)
{
    skip_blanks(p);
    if (*p->at == '}')
        return 0;
    for (;;) {
        int rc = read_pair(p, table, err);
        if (rc)
            return rc;
        skip_blanks(p);
        if (*p->at == '}')
            return 0;
        if (*p->at != ',')
            return bad(p, "expected ',' or '}'", err);
        p->at++;
        skip_blanks(p);
    }
}

static int read_nested(parser *p, json_t **ret, wfe_error *err)
{
    bool is_array = *p->at == '[';
    if (++p->depth > WFE_TOML_MAX_DEPTH)
        return fail(p, WFE_E_LIMIT, "values are nested too deep", err);
    json_t *value = is_array ? json_array() : json_object();
    if (!value)
        return wfe_error_nomem(err);
    p->at++;
    int rc = is_array ? read_array_items(p, value, err) : read_inline_pairs(p, value, err);
    if (!rc && !is_array)
        rc = close_table(p, value, err);
    if (rc) {
        json_decref(value);
        return rc;
    }
    p->at++;
    p->depth--;
    *ret = value;
    return 0;
}

static bool take_word(parser *p, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(p->at, word, len) != 0 || !ends_value(p->at[len]))
        return false;
    p->at += len;
    return true;
}

static int read_value(parser *p, json_t **ret, wfe_error *err)
{
    if (*p->at == '"' || *p->at == '\'')
        return read_text_value(p, ret, err);
    if (*p->at == '[' || *p->at == '{')
        return read_nested(p, ret, err);
    if (take_word(p, "true"))
        *ret = json_true();
    else if (take_word(p, "false"))
        *ret = json_false();
    else
        return read_number(p, ret, err);
    return 0;
}

/* ---- lines ---- */

static int read_table_header(parser *p, wfe_error *err)
{
    _cleanup_free_ char *key = NULL;
    if (p->at[1] == '[')
        return bad(p, "an array of tables is not supported here", err);
    p->at++;
    skip_blanks(p);
    p->table = p->root;
    int rc = read_path(p, &p->table, true, &key, err);
    if (!rc)
        rc = enter_table(p, &p->table, key, err);
    if (!rc && is_closed(p, p->table))
        rc = bad(p, "this table was defined before", err);
    if (!rc && *p->at != ']')
        rc = bad(p, "expected ']'", err);
    if (rc)
        return rc;
    p->at++;
    rc = close_table(p, p->table, err);
    return rc ? rc : end_line(p, err);
}

static int read_document(parser *p, wfe_error *err)
{
    skip_lines(p);
    while (*p->at) {
        int rc;
        if (*p->at == '[') {
            rc = read_table_header(p, err);
        } else {
            rc = read_pair(p, p->table, err);
            if (!rc)
                rc = end_line(p, err);
        }
        if (rc)
            return rc;
        skip_lines(p);
    }
    return 0;
}

int wfe_toml_parse(const char *text, size_t len, json_t **ret, wfe_error *err)
{
    if (len > WFE_TOML_MAX_BYTES)
        return wfe_error_set(err, WFE_E_LIMIT, "it is longer than %zu bytes", WFE_TOML_MAX_BYTES);
    if (memchr(text, '\0', len) || !wfe_utf8_is_valid(text, len))
        return wfe_error_set(err, WFE_E_INVALID, "it is no UTF-8 text");
    _cleanup_free_ char *copy = strndup(text, len);
    if (!copy)
        return wfe_error_nomem(err);
    parser p = {.start = copy, .at = copy, .root = json_object()};
    if (!p.root)
        return wfe_error_nomem(err);
    p.table = p.root;
    int rc = read_document(&p, err);
    if (rc) {
        json_decref(p.root);
        return rc;
    }
    *ret = p.root;
    return 0;
}
