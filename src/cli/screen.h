/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a terminal as two parts: lines that stay and scroll away, and below them a few that
 * are drawn anew in each frame. Only sequences that every terminal since the VT100 knows are sent
 * (moving up, erasing, colours, no wrapping), and each frame is one write.
 */
#ifndef WFE_CLI_SCREEN_H
#define WFE_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/out.h"

enum wfe_style {
    WFE_STYLE_NONE,
    WFE_STYLE_BOLD,
    WFE_STYLE_DIM,
    WFE_STYLE_RED,
    WFE_STYLE_GREEN,
    WFE_STYLE_YELLOW,
    WFE_STYLE_CYAN
};

typedef struct wfe_screen wfe_screen;

/* A screen without frames is a stream of plain lines: a file. */
typedef struct wfe_screen_options {
    bool frames;
    bool colour;
    bool ascii; /* symbols are of ASCII */
    /* Borrowed; in front of each line that is not empty, with ": ". Not with frames. NULL: none. */
    const char *owner;
} wfe_screen_options;

/* out is borrowed. */
int wfe_screen_new(wfe_out *out, const wfe_screen_options *options, wfe_screen **ret,
                   wfe_error *err);
void wfe_screen_free(wfe_screen *screen);

bool wfe_screen_is_ascii(const wfe_screen *screen);

/* A line that stays: text in pieces, then its end. Long lines are wrapped by the terminal. */
void wfe_screen_put(wfe_screen *screen, enum wfe_style style, const char *text);
void wfe_screen_printf(wfe_screen *screen, enum wfe_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void wfe_screen_end_line(wfe_screen *screen);
/* The same at once: one piece, one line. */
void wfe_screen_line(wfe_screen *screen, enum wfe_style style, const char *text);
/* Spaces up to this column of the line, counted from 0; at least one. */
void wfe_screen_pad(wfe_screen *screen, size_t column);
/* Bytes of lines that no frame has shown yet. */
size_t wfe_screen_waiting(const wfe_screen *screen);
/* Writes them without a frame. */
void wfe_screen_flush(wfe_screen *screen);

/* A frame: begin, then lines in pieces as above, which are cut at the width, then commit. There
 * should be fewer lines than rows. */
void wfe_screen_begin_frame(wfe_screen *screen, unsigned columns);
/* Columns that are left in the line of a frame. */
size_t wfe_screen_room(const wfe_screen *screen);
void wfe_screen_commit(wfe_screen *screen);
/* NOMEM when something could not be shown. */
int wfe_screen_error(const wfe_screen *screen, wfe_error *err);

#endif
