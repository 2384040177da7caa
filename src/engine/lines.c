/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lines.h"

#include <stdlib.h>
#include <string.h>

#include "engine/event.h"

struct wfe_lines {
    wfe_mask_stream *stream;
    wfe_lines_fn fn;
    void *user;
    wfe_buf text; /* masked, not yet given to fn: less than a line between two calls */
};

int wfe_lines_new(wfe_mask *mask, wfe_lines_fn fn, void *user, wfe_lines **ret, wfe_error *err)
{
    wfe_lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return wfe_error_nomem(err);
    lines->fn = fn;
    lines->user = user;
    int rc = wfe_mask_stream_new(mask, &lines->stream, err);
    if (rc) {
        wfe_lines_free(lines);
        return rc;
    }
    *ret = lines;
    return 0;
}

void wfe_lines_free(wfe_lines *lines)
{
    if (!lines)
        return;
    wfe_mask_stream_free(lines->stream);
    wfe_buf_done(&lines->text);
    free(lines);
}

bool wfe_lines_is_idle(const wfe_lines *lines)
{
    return !lines->text.len && wfe_mask_stream_is_idle(lines->stream);
}

static void tell(wfe_lines *lines)
{
    const char *text = lines->text.data;
    size_t left = lines->text.len, used = 0;
    for (;;) {
        size_t most = left - used < WFE_EVENT_LINE_BYTES ? left - used : WFE_EVENT_LINE_BYTES;
        const char *newline = most ? memchr(text + used, '\n', most) : NULL;
        if (!newline && most < WFE_EVENT_LINE_BYTES)
            break;
        size_t len = newline ? (size_t)(newline - text) - used : most;
        lines->fn(text + used, len, !newline, lines->user);
        used += len + (newline != NULL);
    }
    wfe_buf_consume(&lines->text, used);
}

int wfe_lines_feed(wfe_lines *lines, const void *bytes, size_t len, wfe_error *err)
{
    int rc = wfe_mask_stream_feed(lines->stream, bytes, len, &lines->text, err);
    tell(lines);
    return rc;
}

int wfe_lines_finish(wfe_lines *lines, wfe_error *err)
{
    int rc = wfe_mask_stream_finish(lines->stream, &lines->text, err);
    tell(lines);
    if (lines->text.len)
        lines->fn(lines->text.data, lines->text.len, false, lines->user);
    wfe_buf_consume(&lines->text, lines->text.len);
    return rc;
}
