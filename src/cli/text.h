/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of unknown origin made fit for a terminal or a page, and measured in terminal columns. What
 * a step prints may hold escape sequences that move the cursor, set the window's title or turn the
 * direction of reading: none of them gets through.
 */
#ifndef WFE_CLI_TEXT_H
#define WFE_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends one line as plain text: UTF-8, no control characters, no escape sequences, no controls
 * of direction; a tab becomes spaces. Of a line that was written over with carriage returns the
 * last text is kept. ascii: other characters become '?'. NOMEM, LIMIT. */
int wfe_text_clean(const char *bytes, size_t len, bool ascii, wfe_buf *out, wfe_error *err);

/* Columns of a terminal that clean text takes. */
size_t wfe_text_columns(const char *text, size_t len);
/* Bytes of the longest beginning of clean text that takes at most max_columns, which go to
 * *ret_columns (may be NULL). Marks that belong to the last character are part of it. */
size_t wfe_text_fit(const char *text, size_t len, size_t max_columns, size_t *ret_columns);

#define WFE_TEXT_ELAPSED_SIZE 24
/* A span of time for people: "0.3s", "42s", "3m05s", "1h02m". Returns out. */
const char *wfe_text_elapsed(uint64_t us, char out[WFE_TEXT_ELAPSED_SIZE]);
#define WFE_TEXT_BYTES_SIZE 16
/* "12.3 MB". Returns out. */
const char *wfe_text_bytes(uint64_t bytes, char out[WFE_TEXT_BYTES_SIZE]);

#endif
