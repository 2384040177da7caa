/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pull_view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/text.h"

#define REDRAW_US 100000U
#define JSON_BYTES_US 1000000U
#define ROWS_DEFAULT 24U
#define COLUMNS_DEFAULT 80U
#define LINE_SIZE 256
#define NAME_DIGITS 12

/* What is remembered of a layer between two callbacks. */
typedef struct view_layer {
    int state;              /* told last; 0: none */
    uint64_t first_bytes;   /* there when it was first seen fetching */
    uint64_t began_us;      /* then */
    uint64_t told_bytes_us; /* JSON: when bytes were told last */
} view_layer;

struct wfe_pull_view {
    enum wfe_pull_view_form form;
    FILE *out;
    bool colour;
    bool told_begin;
    bool told_resolved;
    unsigned drawn; /* lines on the terminal */
    uint64_t drawn_us;
    view_layer *layers;
    size_t n_layers;
};

enum wfe_pull_view_form wfe_pull_view_choose(FILE *out, enum wfe_pull_view_form other)
{
    const char *term = getenv("TERM");
    bool drawable = isatty(fileno(out)) && term && *term && strcmp(term, "dumb") != 0;
    return drawable ? WFE_PULL_VIEW_TERMINAL : other;
}

int wfe_pull_view_new(enum wfe_pull_view_form form, FILE *out, wfe_pull_view **ret, wfe_error *err)
{
    const char *no_color = getenv("NO_COLOR");
    wfe_pull_view *view = calloc(1, sizeof *view);
    if (!view)
        return wfe_error_nomem(err);
    view->form = form;
    view->out = out;
    view->colour = !no_color || !*no_color;
    *ret = view;
    return 0;
}

void wfe_pull_view_free(wfe_pull_view *view)
{
    if (!view)
        return;
    free(view->layers);
    free(view);
}

/* ---- texts ---- */

/* The first digits of a digest. */
static const char *short_digest(const char *digest)
{
    const char *colon = strchr(digest, ':');
    return colon ? colon + 1 : digest;
}

static bool by_daemon(const wfe_image_pull_progress *progress)
{
    return strcmp(progress->via, "transfer") == 0;
}

static bool is_over(const wfe_image_pull_layer *layer)
{
    return layer->state >= WFE_IMAGE_PULL_DONE;
}

/* ---- what is remembered ---- */

/* False when memory ran out: then nothing is shown. */
static bool remember(wfe_pull_view *view, const wfe_image_pull_progress *progress)
{
    if (progress->n_layers > view->n_layers) {
        view_layer *layers = calloc(progress->n_layers, sizeof *layers);
        if (!layers)
            return false;
        free(view->layers);
        view->layers = layers;
        view->n_layers = progress->n_layers;
    }
    if (progress->changed >= progress->n_layers)
        return true;
    view_layer *seen = &view->layers[progress->changed];
    const wfe_image_pull_layer *layer = &progress->layers[progress->changed];
    if (layer->state == WFE_IMAGE_PULL_FETCHING && !seen->began_us) {
        seen->began_us = wfe_clock_monotonic_us();
        seen->first_bytes = layer->have_bytes;
    }
    return true;
}

static uint64_t rate_of(const view_layer *seen, uint64_t have_bytes, uint64_t now_us)
{
    if (!seen->began_us || now_us - seen->began_us < REDRAW_US || have_bytes < seen->first_bytes)
        return 0;
    return (have_bytes - seen->first_bytes) * 1000000 / (now_us - seen->began_us);
}

/* ---- on a terminal ---- */

typedef struct screen {
    unsigned rows;
    unsigned columns;
} screen;

static screen screen_of(const wfe_pull_view *view)
{
    struct winsize size = {0};
    if (ioctl(fileno(view->out), TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
        return (screen){ROWS_DEFAULT, COLUMNS_DEFAULT};
    return (screen){size.ws_row, size.ws_col};
}

static const char *colour_of(const wfe_pull_view *view, enum wfe_image_pull_state state)
{
    if (!view->colour)
        return "";
    switch (state) {
    case WFE_IMAGE_PULL_DONE:
    case WFE_IMAGE_PULL_PRESENT:
        return "\033[32m";
    case WFE_IMAGE_PULL_FETCHING:
    case WFE_IMAGE_PULL_UNPACKING:
        return "\033[36m";
    case WFE_IMAGE_PULL_WAITING:
    case WFE_IMAGE_PULL_FETCHED:
        break;
    }
    return "\033[2m";
}

/* One line, cut to the terminal's width. */
static void draw_line(wfe_pull_view *view, const screen *s, const char *colour, const char *text)
{
    int width = (int)(s->columns > 1 ? s->columns - 1 : 1);
    fprintf(view->out, "%s%.*s%s\033[K\n", colour, width, text, *colour ? "\033[0m" : "");
    view->drawn++;
}

static void draw_layer(wfe_pull_view *view, const screen *s,
                       const wfe_image_pull_progress *progress, size_t i, uint64_t now_us)
{
    const wfe_image_pull_layer *layer = &progress->layers[i];
    char line[LINE_SIZE], have[16], size[16], rate[16];
    uint64_t speed = layer->state == WFE_IMAGE_PULL_FETCHING
                         ? rate_of(&view->layers[i], layer->have_bytes, now_us)
                         : 0;
    snprintf(line, sizeof line, "%.*s  %8s / %-8s  %-9s  %s%s", NAME_DIGITS,
             short_digest(layer->digest),
             layer->state == WFE_IMAGE_PULL_PRESENT ? "-" : wfe_text_bytes(layer->have_bytes, have),
             wfe_text_bytes(layer->size_bytes, size), wfe_image_pull_state_name(layer->state),
             speed ? wfe_text_bytes(speed, rate) : "", speed ? "/s" : "");
    draw_line(view, s, colour_of(view, layer->state), line);
}

static void draw_total(wfe_pull_view *view, const screen *s,
                       const wfe_image_pull_progress *progress, uint64_t now_us)
{
    uint64_t have_bytes = 0, size_bytes = 0, speed = 0;
    size_t over = 0;
    char line[LINE_SIZE], have[16], size[16], rate[16];
    for (size_t i = 0; i < progress->n_layers; i++) {
        const wfe_image_pull_layer *layer = &progress->layers[i];
        over += is_over(layer);
        if (layer->state == WFE_IMAGE_PULL_PRESENT)
            continue;
        have_bytes += layer->have_bytes;
        size_bytes += layer->size_bytes;
        if (layer->state == WFE_IMAGE_PULL_FETCHING)
            speed += rate_of(&view->layers[i], layer->have_bytes, now_us);
    }
    snprintf(line, sizeof line, "total         %8s / %-8s  %zu/%zu done  %s%s",
             wfe_text_bytes(have_bytes, have), wfe_text_bytes(size_bytes, size), over,
             progress->n_layers, speed ? wfe_text_bytes(speed, rate) : "", speed ? "/s" : "");
    draw_line(view, s, "", line);
}

static void wipe(wfe_pull_view *view)
{
    if (view->drawn)
        fprintf(view->out, "\033[%uA\r\033[J", view->drawn);
    view->drawn = 0;
}

/* On a screen that is too small for all, those that are over or wait are left out first. */
static bool is_shown(const wfe_image_pull_layer *layer, bool all)
{
    return all || layer->state == WFE_IMAGE_PULL_FETCHING ||
           layer->state == WFE_IMAGE_PULL_UNPACKING;
}

static void draw(wfe_pull_view *view, const wfe_image_pull_progress *progress)
{
    uint64_t now_us = wfe_clock_monotonic_us();
    bool bytes_only =
        progress->changed < progress->n_layers &&
        view->layers[progress->changed].state == (int)progress->layers[progress->changed].state;
    if (progress->changed < progress->n_layers)
        view->layers[progress->changed].state = (int)progress->layers[progress->changed].state;
    if (bytes_only && now_us - view->drawn_us < REDRAW_US)
        return;
    view->drawn_us = now_us;
    const screen s = screen_of(view);
    char line[LINE_SIZE];
    /* Over the old lines, so that nothing flickers; fewer lines than before leave none behind. */
    if (view->drawn)
        fprintf(view->out, "\033[%uA\r", view->drawn);
    view->drawn = 0;
    snprintf(line, sizeof line, "%.200s%s", progress->name,
             !progress->digest     ? ": resolving"
             : by_daemon(progress) ? " (fetched by containerd itself)"
                                   : "");
    draw_line(view, &s, "", line);
    bool all = progress->n_layers + 4 <= s.rows;
    for (size_t i = 0; i < progress->n_layers && view->drawn + 3 < s.rows; i++) {
        if (is_shown(&progress->layers[i], all))
            draw_layer(view, &s, progress, i, now_us);
    }
    if (progress->n_layers)
        draw_total(view, &s, progress, now_us);
    fputs("\033[J", view->out);
    fflush(view->out);
}

/* ---- in lines ---- */

static void print_lines(wfe_pull_view *view, const wfe_image_pull_progress *progress)
{
    char size[16];
    if (progress->digest && !view->told_resolved) {
        view->told_resolved = true;
        fprintf(view->out, "%s: %s%s\n", progress->name, progress->digest,
                by_daemon(progress) ? " (fetched by containerd itself)" : "");
    }
    if (progress->changed < progress->n_layers) {
        const wfe_image_pull_layer *layer = &progress->layers[progress->changed];
        if (view->layers[progress->changed].state == (int)layer->state)
            return;
        view->layers[progress->changed].state = (int)layer->state;
        fprintf(view->out, "layer %zu/%zu %.*s: %s (%s)\n", progress->changed + 1,
                progress->n_layers, NAME_DIGITS, short_digest(layer->digest),
                wfe_image_pull_state_name(layer->state), wfe_text_bytes(layer->size_bytes, size));
    }
    fflush(view->out);
}

/* ---- as JSON ---- */

static void print_json(wfe_pull_view *view, json_t *event)
{
    _cleanup_free_ char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    json_decref(event);
    if (text)
        fprintf(view->out, "%s\n", text);
    fflush(view->out);
}

static void print_events(wfe_pull_view *view, const wfe_image_pull_progress *progress)
{
    if (progress->digest && !view->told_resolved) {
        view->told_resolved = true;
        print_json(view, json_pack("{ss ss ss ss}", "event", "resolved", "name", progress->name,
                                   "digest", progress->digest, "via", progress->via));
    }
    if (progress->changed >= progress->n_layers)
        return;
    view_layer *seen = &view->layers[progress->changed];
    const wfe_image_pull_layer *layer = &progress->layers[progress->changed];
    uint64_t now_us = wfe_clock_monotonic_us();
    if (seen->state == (int)layer->state && now_us - seen->told_bytes_us < JSON_BYTES_US)
        return;
    seen->state = (int)layer->state;
    seen->told_bytes_us = now_us;
    print_json(view, json_pack("{ss sI ss sI ss sI sI}", "event", "layer", "layer",
                               (json_int_t)progress->changed + 1, "state",
                               wfe_image_pull_state_name(layer->state), "layers",
                               (json_int_t)progress->n_layers, "digest", layer->digest,
                               "have_bytes", (json_int_t)layer->have_bytes, "size_bytes",
                               (json_int_t)layer->size_bytes));
}

/* ---- all forms ---- */

void wfe_pull_view_progress(const wfe_image_pull_progress *progress, void *user)
{
    wfe_pull_view *view = user;
    if (progress->over) {
        wipe(view);
        fflush(view->out);
        return;
    }
    if (!remember(view, progress))
        return;
    switch (view->form) {
    case WFE_PULL_VIEW_NONE:
        break;
    case WFE_PULL_VIEW_TERMINAL:
        draw(view, progress);
        break;
    case WFE_PULL_VIEW_LINES:
        print_lines(view, progress);
        break;
    case WFE_PULL_VIEW_BRIEF:
        if (!view->told_begin)
            fprintf(view->out, "wfe: pulling %s\n", progress->name);
        view->told_begin = true;
        break;
    case WFE_PULL_VIEW_JSON:
        print_events(view, progress);
        break;
    }
}
