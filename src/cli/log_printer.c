/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_printer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "cli/text.h"

/* A longer line is printed in pieces. */
#define LINE_MAX_BYTES ((size_t)64 * 1024)

void wfe_log_printer_init(wfe_log_printer *printer, const wfe_log_printer_options *options,
                          const char *step, unsigned attempt)
{
    *printer = (wfe_log_printer){.options = options, .step = step, .attempt = attempt};
    for (int i = 0; i < WFE_LOG_STREAMS; i++)
        printer->partial[i] = (wfe_buf)WFE_BUF_INIT(0);
}

void wfe_log_printer_done(wfe_log_printer *printer)
{
    for (int i = 0; i < WFE_LOG_STREAMS; i++)
        wfe_buf_done(&printer->partial[i]);
}

/* ---- a line ---- */

static int print_plain(const wfe_log_printer *printer, const char *line, size_t len, int64_t at_us,
                       wfe_error *err)
{
    char time[WFE_CLOCK_TEXT_SIZE];
    _cleanup_(wfe_buf_done) wfe_buf clean = WFE_BUF_INIT(0);
    int rc = 0;
    if (printer->options->is_terminal)
        rc = wfe_text_clean(line, len, false, &clean, err);
    if (rc)
        return rc;
    if (printer->options->times)
        printf("%s ", at_us ? wfe_clock_format(at_us, time) : "-");
    printf("%s | ", printer->step);
    if (printer->options->is_terminal)
        fwrite(clean.data ? clean.data : "", 1, clean.len, stdout);
    else
        fwrite(line, 1, len, stdout);
    putchar('\n');
    return 0;
}

static int print_json(const wfe_log_printer *printer, enum wfe_log_stream stream, const char *line,
                      size_t len, int64_t at_us, wfe_error *err)
{
    char time[WFE_CLOCK_TEXT_SIZE];
    _cleanup_free_ char *clean = NULL;
    size_t clean_len = 0;
    int rc = wfe_utf8_clean(line, len, &clean, &clean_len, err);
    if (rc)
        return rc;
    json_t *json = json_pack("{ss sI ss ss? so}", "step", printer->step, "attempt",
                             (json_int_t)printer->attempt, "stream",
                             stream == WFE_LOG_STDERR ? "stderr" : "stdout", "time",
                             at_us ? wfe_clock_format(at_us, time) : NULL, "line",
                             json_stringn_nocheck(clean, clean_len));
    _cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return wfe_error_nomem(err);
    puts(text);
    return 0;
}

static int print_line(const wfe_log_printer *printer, enum wfe_log_stream stream, const char *line,
                      size_t len, int64_t at_us, wfe_error *err)
{
    if (printer->options->form == WFE_LOG_FORM_JSON)
        return print_json(printer, stream, line, len, at_us, err);
    return print_plain(printer, line, len, at_us, err);
}

/* ---- pieces ---- */

static int tell_cut(const wfe_log_printer *printer, const wfe_log_piece *piece)
{
    fprintf(stderr, "wfe: %s, attempt %u: %llu bytes of %s were not kept (limit of the log)\n",
            printer->step, printer->attempt, (unsigned long long)piece->dropped,
            piece->stream == WFE_LOG_STDERR ? "stderr" : "stdout");
    return 0;
}

static int put_lines(wfe_log_printer *printer, const wfe_log_piece *piece, wfe_error *err)
{
    wfe_buf *partial = &printer->partial[piece->stream];
    const char *at = piece->bytes, *end = piece->bytes + piece->len;
    int rc = 0;
    while (!rc && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        if (!partial->len)
            printer->at_us[piece->stream] = piece->at_us;
        if (!partial->len && newline) {
            rc = print_line(printer, piece->stream, at, len, piece->at_us, err);
        } else {
            rc = wfe_buf_append(partial, at, len, err);
            if (!rc && (newline || partial->len > LINE_MAX_BYTES)) {
                rc = print_line(printer, piece->stream, partial->data ? partial->data : "",
                                partial->len, printer->at_us[piece->stream], err);
                partial->len = 0;
            }
        }
        at += len + (newline != NULL);
    }
    return rc;
}

int wfe_log_printer_put(wfe_log_printer *printer, const wfe_log_piece *piece, wfe_error *err)
{
    if (!piece->len)
        return tell_cut(printer, piece);
    if (printer->options->form != WFE_LOG_FORM_RAW)
        return put_lines(printer, piece, err);
    /* In the order in which they came, also where both go to one terminal. */
    FILE *out = piece->stream == WFE_LOG_STDERR ? stderr : stdout;
    fflush(out == stderr ? stdout : stderr);
    fwrite(piece->bytes, 1, piece->len, out);
    return 0;
}

int wfe_log_printer_end(wfe_log_printer *printer, wfe_error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < WFE_LOG_STREAMS; i++) {
        if (!printer->partial[i].len)
            continue;
        rc = print_line(printer, (enum wfe_log_stream)i, printer->partial[i].data,
                        printer->partial[i].len, printer->at_us[i], err);
        printer->partial[i].len = 0;
    }
    return rc;
}
