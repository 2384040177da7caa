/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/text.h"

/* Lines of a frame whose width is remembered; there are no terminals of more rows. */
#define FRAME_LINES_MAX 512

#define MOVE_TO_COLUMN_1 "\r"
#define ERASE_BELOW "\x1b[J"
#define ERASE_LINE "\x1b[2K"
#define WRAP_OFF "\x1b[?7l"
#define WRAP_ON "\x1b[?7h"

static const char *const styles[] = {
    [WFE_STYLE_NONE] = "",         [WFE_STYLE_BOLD] = "\x1b[1m",   [WFE_STYLE_DIM] = "\x1b[2m",
    [WFE_STYLE_RED] = "\x1b[31m",  [WFE_STYLE_GREEN] = "\x1b[32m", [WFE_STYLE_YELLOW] = "\x1b[33m",
    [WFE_STYLE_CYAN] = "\x1b[36m",
};

struct wfe_screen {
    wfe_out *out;
    wfe_screen_options options;
    wfe_buf kept;  /* lines that stay and wait for a frame */
    wfe_buf frame; /* the lines of the frame that is being made */
    bool in_frame;
    bool in_line;                    /* something of it is there */
    unsigned columns;                /* of the frame that is being made */
    size_t used;                     /* columns of the line so far */
    unsigned drawn[FRAME_LINES_MAX]; /* widths of the lines that the last frame drew */
    size_t n_drawn;
    unsigned next[FRAME_LINES_MAX]; /* the same of the frame being made */
    size_t n_next;
    wfe_error error;
};

int wfe_screen_new(wfe_out *out, const wfe_screen_options *options, wfe_screen **ret,
                   wfe_error *err)
{
    wfe_screen *screen = calloc(1, sizeof *screen);
    if (!screen)
        return wfe_error_nomem(err);
    screen->out = out;
    screen->options = *options;
    *ret = screen;
    return 0;
}

void wfe_screen_free(wfe_screen *screen)
{
    if (!screen)
        return;
    wfe_buf_done(&screen->kept);
    wfe_buf_done(&screen->frame);
    free(screen);
}

static void add(wfe_screen *screen, const char *bytes, size_t len)
{
    wfe_buf *buf = screen->in_frame ? &screen->frame : &screen->kept;
    wfe_buf_append(buf, bytes, len, &screen->error);
}

static void add_text(wfe_screen *screen, const char *text)
{
    add(screen, text, strlen(text));
}

size_t wfe_screen_room(const wfe_screen *screen)
{
    /* The last column stays free: a cursor behind it is in the next line for some terminals. */
    return screen->columns > screen->used + 1 ? screen->columns - screen->used - 1 : 0;
}

bool wfe_screen_is_ascii(const wfe_screen *screen)
{
    return screen->options.ascii;
}

void wfe_screen_put(wfe_screen *screen, enum wfe_style style, const char *text)
{
    size_t columns = 0;
    if (screen->in_frame && !screen->used)
        add_text(screen, ERASE_LINE);
    size_t max = screen->in_frame ? wfe_screen_room(screen) : SIZE_MAX / 2;
    size_t len = wfe_text_fit(text, strlen(text), max, &columns);
    screen->used += columns;
    if (!len)
        return;
    if (screen->options.owner && !screen->in_line) {
        add_text(screen, screen->options.owner);
        add_text(screen, ": ");
    }
    screen->in_line = true;
    bool styled = screen->options.colour && style != WFE_STYLE_NONE;
    if (styled)
        add_text(screen, styles[style]);
    add(screen, text, len);
    if (styled)
        add_text(screen, "\x1b[0m");
}

void wfe_screen_printf(wfe_screen *screen, enum wfe_style style, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        text = NULL;
        wfe_error_nomem(&screen->error);
        return;
    }
    wfe_screen_put(screen, style, text);
}

void wfe_screen_end_line(wfe_screen *screen)
{
    if (screen->in_frame && screen->n_next < FRAME_LINES_MAX)
        screen->next[screen->n_next++] = (unsigned)screen->used;
    screen->used = 0;
    screen->in_line = false;
    add_text(screen, screen->options.frames ? "\r\n" : "\n");
}

void wfe_screen_line(wfe_screen *screen, enum wfe_style style, const char *text)
{
    wfe_screen_put(screen, style, text);
    wfe_screen_end_line(screen);
}

void wfe_screen_pad(wfe_screen *screen, size_t column)
{
    static const char spaces[] = "                                ";
    do {
        size_t n = column > screen->used ? column - screen->used : 1;
        n = n < sizeof spaces - 1 ? n : sizeof spaces - 1;
        wfe_screen_put(screen, WFE_STYLE_NONE, spaces + sizeof spaces - 1 - n);
    } while (screen->used < column && (!screen->in_frame || wfe_screen_room(screen)));
}

size_t wfe_screen_waiting(const wfe_screen *screen)
{
    return screen->kept.len;
}

void wfe_screen_flush(wfe_screen *screen)
{
    if (!screen->error.kind && screen->kept.len)
        wfe_out_write(screen->out, screen->kept.data, screen->kept.len);
    screen->kept.len = 0;
}

/* Rows that the last frame takes now: a terminal that became narrower has wrapped its lines. */
static size_t rows_drawn(const wfe_screen *screen)
{
    size_t rows = 0;
    for (size_t i = 0; i < screen->n_drawn; i++)
        rows += screen->columns && screen->drawn[i] > screen->columns
                    ? (screen->drawn[i] + screen->columns - 1) / screen->columns
                    : 1;
    return rows;
}

void wfe_screen_begin_frame(wfe_screen *screen, unsigned columns)
{
    screen->in_frame = true;
    screen->columns = columns;
    screen->used = 0;
    screen->n_next = 0;
    screen->frame.len = 0;
    size_t rows = rows_drawn(screen);
    add_text(screen, MOVE_TO_COLUMN_1);
    if (rows > 1)
        wfe_buf_printf(&screen->frame, &screen->error, "\x1b[%zuA", rows - 1);
    if (screen->kept.len) {
        add_text(screen, ERASE_BELOW);
        add(screen, screen->kept.data, screen->kept.len);
        screen->kept.len = 0;
    }
    add_text(screen, WRAP_OFF);
}

void wfe_screen_commit(wfe_screen *screen)
{
    /* The cursor stays in the last line, so that a frame as high as the terminal does not scroll.
     */
    if (screen->n_next)
        screen->frame.len -= strlen("\r\n");
    add_text(screen, ERASE_BELOW);
    add_text(screen, WRAP_ON);
    screen->in_frame = false;
    memcpy(screen->drawn, screen->next, screen->n_next * sizeof *screen->next);
    screen->n_drawn = screen->n_next;
    if (!screen->error.kind)
        wfe_out_write(screen->out, screen->frame.data, screen->frame.len);
}

int wfe_screen_error(const wfe_screen *screen, wfe_error *err)
{
    return wfe_error_copy(err, &screen->error);
}
