/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a page of HTML into a buffer. Markup is the program's own, everything else goes through
 * wfe_html_text, which escapes it for text and for quoted attributes alike. The first error stays
 * in the page and stops it.
 */
#ifndef WFE_CLI_HTML_H
#define WFE_CLI_HTML_H

#include <stddef.h>

#include "base/buf.h"

typedef struct wfe_html {
    wfe_buf buf;
    wfe_error error;
} wfe_html;

void wfe_html_done(wfe_html *page);
/* Markup, with numbers and words of the program's own in it; never with text of others. */
void wfe_html_put(wfe_html *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text, made clean (cli/text.h) and escaped. */
void wfe_html_text(wfe_html *page, const char *text);
void wfe_html_text_n(wfe_html *page, const char *text, size_t len);
/* Text that may hold newlines, which stay. */
void wfe_html_lines(wfe_html *page, const char *text, size_t len);

#endif
