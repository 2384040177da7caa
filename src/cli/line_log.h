/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of output, bounded: the first bytes and the last ones are kept, what was between them is
 * counted. Each line carries a mark of one character.
 */
#ifndef WFE_CLI_LINE_LOG_H
#define WFE_CLI_LINE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct wfe_line_log {
    size_t head_bytes; /* kept of the beginning, at most */
    size_t tail_bytes; /* kept of the end, at least; at most twice as much */
    /* "MARK LINE NEWLINE", one after the other */
    wfe_buf head;
    wfe_buf tail;
    uint64_t cut_lines; /* between head and tail */
    uint64_t cut_bytes;
} wfe_line_log;

void wfe_line_log_done(wfe_line_log *log);
/* line holds no newline. NOMEM. */
int wfe_line_log_add(wfe_line_log *log, char mark, const char *line, size_t len, wfe_error *err);
/* Bytes in memory. */
size_t wfe_line_log_bytes(const wfe_line_log *log);

/* One line, borrowed until the log changes. */
typedef struct wfe_log_line {
    char mark;
    const char *text; /* not NUL-terminated */
    size_t len;
} wfe_log_line;

/* The line that begins at *offset of part (head or tail), which is moved behind it. False at the
 * end. */
bool wfe_line_log_next(const wfe_buf *part, size_t *offset, wfe_log_line *out);
/* Offset in tail where its last n lines begin. */
size_t wfe_line_log_last(const wfe_line_log *log, size_t n);

#endif
