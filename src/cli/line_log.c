/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/line_log.h"

#include <string.h>

void wfe_line_log_done(wfe_line_log *log)
{
    wfe_buf_done(&log->head);
    wfe_buf_done(&log->tail);
}

static int append(wfe_buf *part, char mark, const char *line, size_t len, wfe_error *err)
{
    int rc = wfe_buf_reserve(part, len + 2, err);
    if (!rc)
        rc = wfe_buf_append(part, &mark, 1, err);
    if (!rc)
        rc = wfe_buf_append(part, line, len, err);
    return rc ? rc : wfe_buf_append(part, "\n", 1, err);
}

/* Only when the tail is twice as long as it must be, so that moving it costs little a line. */
static void shorten(wfe_line_log *log)
{
    if (log->tail.len <= 2 * log->tail_bytes)
        return;
    size_t cut = 0;
    while (log->tail.len - cut > log->tail_bytes) {
        const char *newline = memchr(log->tail.data + cut, '\n', log->tail.len - cut);
        cut = (size_t)(newline - log->tail.data) + 1;
        log->cut_lines++;
    }
    log->cut_bytes += cut;
    wfe_buf_consume(&log->tail, cut);
}

int wfe_line_log_add(wfe_line_log *log, char mark, const char *line, size_t len, wfe_error *err)
{
    if (!log->tail.len && !log->cut_lines && log->head.len + len + 2 <= log->head_bytes)
        return append(&log->head, mark, line, len, err);
    int rc = append(&log->tail, mark, line, len, err);
    if (!rc)
        shorten(log);
    return rc;
}

size_t wfe_line_log_bytes(const wfe_line_log *log)
{
    return log->head.len + log->tail.len;
}

bool wfe_line_log_next(const wfe_buf *part, size_t *offset, wfe_log_line *out)
{
    if (*offset >= part->len)
        return false;
    const char *line = part->data + *offset;
    const char *newline = memchr(line, '\n', part->len - *offset);
    *out = (wfe_log_line){.mark = *line, .text = line + 1, .len = (size_t)(newline - line) - 1};
    *offset += (size_t)(newline - line) + 1;
    return true;
}

size_t wfe_line_log_last(const wfe_line_log *log, size_t n)
{
    size_t at = log->tail.len;
    while (n-- && at) {
        const char *newline = at > 1 ? memrchr(log->tail.data, '\n', at - 1) : NULL;
        at = newline ? (size_t)(newline - log->tail.data) + 1 : 0;
    }
    return at;
}
