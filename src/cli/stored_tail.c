/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stored_tail.h"

#include <string.h>

#include "store/log_reader.h"

/* What ten lines may take. */
#define TAIL_BYTES ((size_t)16 * 1024)

WFE_DEFINE_CLEANUP(wfe_log_reader, wfe_log_reader_free)

static void drop_front(wfe_buf *text, size_t keep)
{
    if (text->len <= keep)
        return;
    memmove(text->data, text->data + text->len - keep, keep);
    text->len = keep;
}

static int read_tail(const wfe_log_reader_options *options, wfe_buf *out)
{
    _cleanup_(wfe_log_reader_free_p) wfe_log_reader *reader = NULL;
    wfe_log_piece piece;
    int rc = wfe_log_reader_new(options, &reader, NULL);
    while (!rc && (rc = wfe_log_reader_next(reader, &piece, NULL)) == 1)
        rc = piece.len ? wfe_buf_append(out, piece.bytes, piece.len, NULL) : 0;
    return rc;
}

/* Where the last lines begin. */
static size_t tail_begins(const wfe_buf *text)
{
    size_t at = text->len;
    unsigned lines = 0;
    if (at && text->data[at - 1] == '\n')
        at--;
    while (at && lines < WFE_STORED_TAIL_LINES) {
        at--;
        lines += text->data[at] == '\n';
    }
    return lines == WFE_STORED_TAIL_LINES ? at + 1 : at;
}

const char *wfe_stored_tail(const wfe_stored *stored, const wfe_stored_run *run,
                            const wfe_stored_failure *failure, wfe_buf *out)
{
    static const struct {
        enum wfe_log_stream stream;
        const char *name;
    } streams[] = {{WFE_LOG_STDERR, "stderr"}, {WFE_LOG_STDOUT, "stdout"}};
    for (size_t i = 0; i < 2; i++) {
        wfe_log_reader_options options = {.state_dir = stored->dir,
                                          .run_id = run->row.id,
                                          .step = failure->log,
                                          .attempt = failure->attempt ? failure->attempt : 1,
                                          .tail_bytes = TAIL_BYTES};
        options.without[streams[1 - i].stream] = true;
        out->len = 0;
        if (read_tail(&options, out) || !out->len)
            continue;
        drop_front(out, TAIL_BYTES);
        drop_front(out, out->len - tail_begins(out));
        return streams[i].name;
    }
    out->len = 0;
    return NULL;
}
