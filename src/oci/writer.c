/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/writer.h"

#include <string.h>

/* Of 2^64 - 1. */
#define DIGITS_MAX 20

/* Room for len more bytes; NULL when it failed, now or before. */
static char *room(wfe_oci_writer *w, size_t len)
{
    if (!w->rc)
        w->rc = wfe_buf_reserve(w->out, len, NULL);
    return w->rc ? NULL : w->out->data + w->out->len;
}

static void done(wfe_oci_writer *w, const char *end)
{
    w->out->len = (size_t)(end - w->out->data);
    w->out->data[w->out->len] = '\0';
}

static char *copy(char *to, const char *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

static void add(wfe_oci_writer *w, const char *bytes, size_t len)
{
    char *to = room(w, len);
    if (to)
        done(w, copy(to, bytes, len));
}

static void add_key(wfe_oci_writer *w, const char *key)
{
    size_t len = key ? strlen(key) : 0;
    char *to = key ? room(w, len + 3) : NULL;
    if (!to)
        return;
    *to++ = '"';
    to = copy(to, key, len);
    done(w, copy(to, "\":", 2));
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

/* One byte that needs it, in at most six. */
static char *escape(char *to, unsigned char c)
{
    static const char letters[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    static const char hex[] = "0123456789ABCDEF";
    *to++ = '\\';
    for (const char *p = letters; *p; p += 2) {
        if ((unsigned char)*p == c) {
            *to++ = p[1];
            return to;
        }
    }
    to = copy(to, "u00", 3);
    *to++ = hex[c >> 4];
    *to++ = hex[c & 15];
    return to;
}

/* What stands between the quotes. */
static void add_escaped(wfe_oci_writer *w, const char *text)
{
    for (;;) {
        size_t len = 0;
        while (is_plain((unsigned char)text[len]))
            len++;
        char *to = room(w, len + 6);
        if (!to)
            return;
        to = copy(to, text, len);
        text += len;
        if (*text)
            to = escape(to, (unsigned char)*text++);
        done(w, to);
        if (!*text)
            return;
    }
}

/* An end, and the comma behind it. */
static void end(wfe_oci_writer *w, char bracket)
{
    if (!w->rc && w->out->data[w->out->len - 1] == ',')
        w->out->len--;
    add(w, (const char[]){bracket, ','}, 2);
}

void wfe_oci_write_object(wfe_oci_writer *w, const char *key)
{
    add_key(w, key);
    add(w, "{", 1);
}

void wfe_oci_write_object_end(wfe_oci_writer *w)
{
    end(w, '}');
}

void wfe_oci_write_list(wfe_oci_writer *w, const char *key)
{
    add_key(w, key);
    add(w, "[", 1);
}

void wfe_oci_write_list_end(wfe_oci_writer *w)
{
    end(w, ']');
}

void wfe_oci_write_text(wfe_oci_writer *w, const char *key, const char *text)
{
    wfe_oci_write_joined(w, key, text, "", "");
}

void wfe_oci_write_joined(wfe_oci_writer *w, const char *key, const char *a, const char *join,
                          const char *b)
{
    add_key(w, key);
    add(w, "\"", 1);
    add_escaped(w, a);
    if (*join)
        add_escaped(w, join);
    if (*b)
        add_escaped(w, b);
    add(w, "\",", 2);
}

void wfe_oci_write_number(wfe_oci_writer *w, const char *key, uint64_t value)
{
    char digits[DIGITS_MAX + 1];
    char *p = digits + DIGITS_MAX;
    *p = ',';
    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    add_key(w, key);
    add(w, p, (size_t)(digits + sizeof digits - p));
}

void wfe_oci_write_bool(wfe_oci_writer *w, const char *key, bool value)
{
    add_key(w, key);
    if (value)
        add(w, "true,", strlen("true,"));
    else
        add(w, "false,", strlen("false,"));
}

void wfe_oci_write_texts(wfe_oci_writer *w, const char *key, const char *const *list)
{
    wfe_oci_write_list(w, key);
    for (size_t i = 0; list[i]; i++)
        wfe_oci_write_text(w, NULL, list[i]);
    wfe_oci_write_list_end(w);
}

int wfe_oci_write_end(wfe_oci_writer *w)
{
    if (!w->rc && w->out->len && w->out->data[w->out->len - 1] == ',')
        done(w, w->out->data + w->out->len - 1);
    return w->rc;
}
