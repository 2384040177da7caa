/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/text.h"

void wfe_html_done(wfe_html *page)
{
    wfe_buf_done(&page->buf);
}

void wfe_html_put(wfe_html *page, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        text = NULL;
        wfe_error_nomem(&page->error);
    } else if (!page->error.kind) {
        wfe_buf_append(&page->buf, text, (size_t)len, &page->error);
    }
}

static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void append_escaped(wfe_html *page, const char *text, size_t len)
{
    size_t from = 0;
    for (size_t i = 0; i <= len && !page->error.kind; i++) {
        const char *escape = i < len ? escape_of(text[i]) : NULL;
        if (i < len && !escape)
            continue;
        wfe_buf_append(&page->buf, text + from, i - from, &page->error);
        if (escape)
            wfe_buf_append_str(&page->buf, escape, &page->error);
        from = i + 1;
    }
}

void wfe_html_text_n(wfe_html *page, const char *text, size_t len)
{
    _cleanup_(wfe_buf_done) wfe_buf clean = WFE_BUF_INIT(0);
    if (page->error.kind || wfe_text_clean(text, len, false, &clean, &page->error))
        return;
    append_escaped(page, clean.data ? clean.data : "", clean.len);
}

void wfe_html_text(wfe_html *page, const char *text)
{
    wfe_html_text_n(page, text, strlen(text));
}

void wfe_html_lines(wfe_html *page, const char *text, size_t len)
{
    for (;;) {
        const char *newline = len ? memchr(text, '\n', len) : NULL;
        size_t n = newline ? (size_t)(newline - text) : len;
        wfe_html_text_n(page, text, n);
        if (!newline)
            return;
        wfe_html_put(page, "\n");
        text += n + 1;
        len -= n + 1;
    }
}
