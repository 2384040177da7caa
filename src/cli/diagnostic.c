/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diagnostic.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/text.h"

#define LINE_COLUMNS_MAX 160

/* Escape sequences of a terminal that takes them, "" elsewhere. */
typedef struct colours {
    const char *strong;
    const char *error;
    const char *warning;
    const char *mark;
    const char *end;
} colours;

static colours colours_of(FILE *out)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool plain = (no_color && *no_color) || !term || !*term || strcmp(term, "dumb") == 0;
    if (plain || !isatty(fileno(out)))
        return (colours){"", "", "", "", ""};
    return (colours){"\033[1m", "\033[1;31m", "\033[1;35m", "\033[32m", "\033[0m"};
}

static void put_clean(const char *text, size_t len, FILE *out)
{
    _cleanup_(wfe_buf_done) wfe_buf clean = WFE_BUF_INIT(0);
    if (!wfe_text_clean(text, len, false, &clean, NULL) && clean.data)
        fputs(clean.data, out);
}

/* Bytes of the first n characters. */
static size_t bytes_of(const char *text, unsigned n)
{
    const char *p = text;
    for (; *p && (n || ((unsigned char)*p & 0xc0) == 0x80); p++)
        n -= n && ((unsigned char)p[1] & 0xc0) != 0x80;
    return (size_t)(p - text);
}

/* A line may have 64 KiB, and each of a thousand diagnostics its own: only what is near the mark is
 * looked at. */
#define WINDOW_BYTES ((size_t)4096)

typedef struct window {
    const char *text;
    size_t len;
    size_t at;  /* of the mark */
    size_t end; /* of the mark, at most len */
    bool cut;   /* there is more of the line in front of it */
} window;

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static window window_of(const wfe_diagnostic *d)
{
    size_t len = strlen(d->source_line), at = bytes_of(d->source_line, d->column - 1);
    size_t from = at > WINDOW_BYTES ? at - WINDOW_BYTES : 0;
    size_t to = len - at > WINDOW_BYTES ? at + WINDOW_BYTES : len;
    while (from < at && is_inside_character(d->source_line[from]))
        from++;
    while (to < len && is_inside_character(d->source_line[to]))
        to++;
    size_t end = at + bytes_of(d->source_line + at, d->length);
    return (window){.text = d->source_line + from,
                    .len = to - from,
                    .at = at - from,
                    .end = (end < to ? end : to) - from,
                    .cut = from > 0};
}

/* Bytes of clean text in front of the part that is shown of it: none, unless what is meant, at
 * column left, is too far to the right. */
static size_t skip_of(const wfe_buf *line, size_t left, size_t width)
{
    size_t end = left + (width < LINE_COLUMNS_MAX / 2 ? width : LINE_COLUMNS_MAX / 2);
    if (end <= LINE_COLUMNS_MAX)
        return 0;
    return wfe_text_fit(line->data, line->len, left - LINE_COLUMNS_MAX / 2, NULL);
}

/* The line, or the part of it that is meant, and below a mark of as many columns. */
static void put_line(const wfe_diagnostic *d, FILE *out)
{
    _cleanup_(wfe_buf_done) wfe_buf line = WFE_BUF_INIT(0), before = WFE_BUF_INIT(0);
    const window w = window_of(d);
    if (wfe_text_clean(w.text, w.len, false, &line, NULL) ||
        wfe_text_clean(w.text, w.at, false, &before, NULL))
        return;
    const char *text = line.data ? line.data : "";
    size_t left = wfe_text_columns(before.data ? before.data : "", before.len);
    size_t width = wfe_text_columns(w.text + w.at, w.end - w.at);
    size_t skip = line.data ? skip_of(&line, left, width) : 0;
    const char *dots = skip || w.cut ? "... " : "";
    left -= wfe_text_columns(text, skip) - strlen(dots);
    size_t shown = wfe_text_fit(text + skip, line.len - skip, LINE_COLUMNS_MAX, NULL);
    fprintf(out, "%5u | %s%.*s%s\n", d->line, dots, (int)shown, text + skip,
            skip + shown < line.len ? " ..." : "");
    const colours c = colours_of(out);
    fprintf(out, "      | %*s%s", (int)left, "", c.mark);
    for (size_t i = 0; i < (width ? width : 1) && left + i < LINE_COLUMNS_MAX; i++)
        fputc('^', out);
    fprintf(out, "%s\n", c.end);
}

void wfe_diagnostic_print(const wfe_diagnostic *d, FILE *out)
{
    const colours c = colours_of(out);
    bool error = d->severity == WFE_SEVERITY_ERROR;
    fputs(c.strong, out);
    if (d->file)
        put_clean(d->file, strlen(d->file), out);
    if (d->file && d->line)
        fprintf(out, ":%u:%u", d->line, d->column);
    fprintf(out, "%s%s%s%s:%s ", d->file ? ": " : "", c.end, error ? c.error : c.warning,
            error ? "error" : "warning", c.end);
    put_clean(d->message, strlen(d->message), out);
    fputc('\n', out);
    if (d->source_line && d->line && d->column)
        put_line(d, out);
    if (d->suggestion) {
        fprintf(out, "        did you mean ");
        put_clean(d->suggestion, strlen(d->suggestion), out);
        fprintf(out, "?\n");
    }
    if (d->hint) {
        fprintf(out, "        ");
        put_clean(d->hint, strlen(d->hint), out);
        fputc('\n', out);
    }
}

static json_t *text_json(const char *text)
{
    _cleanup_free_ char *clean = NULL;
    size_t len = 0;
    if (!text)
        return json_null();
    return wfe_utf8_clean(text, strlen(text), &clean, &len, NULL)
               ? NULL
               : json_stringn_nocheck(clean, len);
}

json_t *wfe_diagnostic_json(const wfe_diagnostic *d)
{
    return json_pack("{ss so si si si so so so}", "severity",
                     d->severity == WFE_SEVERITY_ERROR ? "error" : "warning", "file",
                     text_json(d->file), "line", (int)d->line, "column", (int)d->column, "length",
                     (int)d->length, "message", text_json(d->message), "suggestion",
                     text_json(d->suggestion), "hint", text_json(d->hint));
}

static size_t length_of(const wfe_diagnostics *found)
{
    return found ? wfe_diagnostics_length(found) : 0;
}

void wfe_diagnostics_print(const wfe_diagnostics *found, FILE *out)
{
    for (size_t i = 0; i < length_of(found); i++)
        wfe_diagnostic_print(wfe_diagnostics_at(found, i), out);
}

static void report_json(const wfe_diagnostics *found, const wfe_error *error)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < length_of(found); i++)
        json_array_append_new(list, wfe_diagnostic_json(wfe_diagnostics_at(found, i)));
    json_t *object =
        json_pack("{s{ss so so} so}", "error", "kind", wfe_error_kind_name(error->kind), "message",
                  text_json(error->message), "hint", text_json(error->hint), "diagnostics", list);
    _cleanup_free_ char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    puts(text ? text : "{\"error\": {\"kind\": \"no memory\"}}");
}

void wfe_diagnostics_report(const wfe_diagnostics *found, const wfe_error *error, bool json)
{
    if (json) {
        report_json(found, error);
        return;
    }
    wfe_diagnostics_print(found, stderr);
    size_t errors = wfe_diagnostics_errors(found);
    fprintf(stderr, "wfe: %zu error%s; nothing was run\n", errors, errors == 1 ? "" : "s");
}
