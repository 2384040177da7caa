/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wfe_buf_done(wfe_buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
}

int wfe_buf_reserve(wfe_buf *buf, size_t extra, wfe_error *err)
{
    size_t limit = buf->max_bytes ? buf->max_bytes : SIZE_MAX / 2;
    if (extra > limit || buf->len > limit - extra)
        return wfe_error_set(err, WFE_E_LIMIT, "more than %zu bytes", limit);
    size_t need = buf->len + extra;
    if (buf->data && need <= buf->cap)
        return 0;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap *= 2;
    if (cap > limit)
        cap = limit;
    char *data = realloc(buf->data, cap + 1);
    if (!data)
        return wfe_error_nomem(err);
    buf->data = data;
    buf->cap = cap;
    buf->data[buf->len] = '\0';
    return 0;
}

int wfe_buf_append(wfe_buf *buf, const void *bytes, size_t len, wfe_error *err)
{
    int rc = wfe_buf_reserve(buf, len, err);
    if (rc)
        return rc;
    if (len)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int wfe_buf_append_str(wfe_buf *buf, const char *text, wfe_error *err)
{
    return wfe_buf_append(buf, text, strlen(text), err);
}

/* Most texts fit into what is there; only those that do not are made twice. */
int wfe_buf_printf(wfe_buf *buf, wfe_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    size_t room = buf->data ? buf->cap - buf->len : 0;
    int len =
        vsnprintf(buf->data ? buf->data + buf->len : NULL, buf->data ? room + 1 : 0, format, args);
    va_end(args);
    bool fits = buf->data && len >= 0 && (size_t)len <= room;
    if (buf->data && !fits)
        buf->data[buf->len] = '\0';
    int rc = len < 0 ? wfe_error_set(err, WFE_E_INTERNAL, "cannot format text")
             : fits  ? 0
                     : wfe_buf_reserve(buf, (size_t)len, err);
    if (!rc && !fits)
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    if (!rc)
        buf->len += (size_t)len;
    va_end(again);
    return rc;
}

void wfe_buf_consume(wfe_buf *buf, size_t n)
{
    assert(n <= buf->len);
    if (!n)
        return;
    memmove(buf->data, buf->data + n, buf->len - n);
    buf->len -= n;
    buf->data[buf->len] = '\0';
}

char *wfe_buf_take(wfe_buf *buf, size_t *ret_len)
{
    if (!buf->data && wfe_buf_reserve(buf, 0, NULL))
        return NULL;
    char *data = buf->data;
    if (ret_len)
        *ret_len = buf->len;
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    return data;
}
