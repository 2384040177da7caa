/* SPDX-License-Identifier: Apache-2.0
 *
 * See error.h. Owns the mapping from errno to an error kind and the rules of the message texts:
 * one line, no control characters, cut at a UTF-8 boundary.
 */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *wfe_error_kind_name(int kind)
{
    switch (kind) {
    case WFE_OK:
        return "ok";
#define WFE_ERROR_KIND_NAME_(kind, value, name, meaning)                                           \
    case value:                                                                                    \
        return name;
        WFE_ERROR_KINDS(WFE_ERROR_KIND_NAME_)
#undef WFE_ERROR_KIND_NAME_
    default:
        return "unknown";
    }
}

/* Drops a multi-byte character that the buffer's end cut in two. */
static void trim_partial_utf8(char *text)
{
    size_t len = strlen(text);
    size_t back = 0;
    while (back < len && back < 4 && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back >= len || back == 4)
        return;
    unsigned char lead = (unsigned char)text[len - 1 - back];
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (need > back)
        text[len - 1 - back] = '\0';
}

static void make_one_line(char *text)
{
    trim_partial_utf8(text);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = ' ';
    }
}

int wfe_error_setv(wfe_error *err, int kind, const char *format, va_list args)
{
    if (!err || err->kind)
        return kind;
    err->kind = kind;
    vsnprintf(err->message, sizeof err->message, format, args);
    make_one_line(err->message);
    return kind;
}

int wfe_error_set(wfe_error *err, int kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    wfe_error_setv(err, kind, format, args);
    va_end(args);
    return kind;
}

static int kind_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
        return WFE_E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return WFE_E_DENIED;
    case ENOMEM:
        return WFE_E_NOMEM;
    case EEXIST:
    case EBUSY:
        return WFE_E_CONFLICT;
    case EMFILE:
    case ENFILE:
    case ENAMETOOLONG:
        return WFE_E_LIMIT;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ENETUNREACH:
    case EHOSTUNREACH:
        return WFE_E_UNAVAILABLE;
    case ETIMEDOUT:
        return WFE_E_TIMEOUT;
    default:
        return WFE_E_IO;
    }
}

int wfe_error_set_errno(wfe_error *err, int sys_errno, const char *format, ...)
{
    int kind = kind_of_errno(sys_errno);
    if (!err || err->kind)
        return kind;
    va_list args;
    va_start(args, format);
    wfe_error_setv(err, kind, format, args);
    va_end(args);
    err->sys_errno = sys_errno;
    size_t len = strlen(err->message);
    snprintf(err->message + len, sizeof err->message - len, ": %s", strerror(sys_errno));
    return kind;
}

int wfe_error_nomem(wfe_error *err)
{
    return wfe_error_set(err, WFE_E_NOMEM, "out of memory");
}

void wfe_error_prefix(wfe_error *err, const char *format, ...)
{
    if (!err || !err->kind)
        return;
    char text[WFE_ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0)
        return;
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, ": %.*s", (int)sizeof text, err->message);
    memcpy(err->message, text, sizeof err->message);
    make_one_line(err->message);
}

void wfe_error_hint(wfe_error *err, const char *format, ...)
{
    if (!err || !err->kind || err->hint[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, format, args);
    va_end(args);
    make_one_line(err->hint);
}

void wfe_error_where(wfe_error *err, const char *operation, const char *subject)
{
    if (!err || !err->kind)
        return;
    if (operation && !err->operation[0])
        snprintf(err->operation, sizeof err->operation, "%s", operation);
    if (subject && !err->subject[0])
        snprintf(err->subject, sizeof err->subject, "%s", subject);
    trim_partial_utf8(err->operation);
    trim_partial_utf8(err->subject);
}

int wfe_error_copy(wfe_error *err, const wfe_error *from)
{
    if (err && !err->kind)
        *err = *from;
    return from->kind;
}
