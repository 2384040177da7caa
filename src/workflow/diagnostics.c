/* SPDX-License-Identifier: Apache-2.0 */
#include "workflow/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "workflow/arena.h"

#define MESSAGE_SIZE 768
#define SOURCE_LINE_MAX ((size_t)64 * 1024)

typedef struct item {
    wfe_diagnostic diagnostic; /* first: what the caller sees */
    wfe_plan_pos pos;
    size_t order;
} item;

struct wfe_diagnostics {
    wfe_arena *arena;
    item *items;
    size_t n_items;
    size_t cap;
    size_t n_errors;
    size_t n_dropped;
    bool out_of_memory;
    bool last_kept; /* the one added last is in items */
};

wfe_diagnostics *wfe_diagnostics_new(void)
{
    wfe_diagnostics *list = calloc(1, sizeof *list);
    if (!list)
        return NULL;
    list->arena = wfe_arena_new();
    if (!list->arena) {
        free(list);
        return NULL;
    }
    return list;
}

void wfe_diagnostics_free(wfe_diagnostics *list)
{
    if (!list)
        return;
    wfe_arena_free(list->arena);
    free(list->items);
    free(list);
}

wfe_mark wfe_mark_node(const wfe_node *node)
{
    return (wfe_mark){.pos = node->pos, .length = node->length};
}

wfe_mark wfe_mark_key(const wfe_node_entry *entry)
{
    return (wfe_mark){.pos = entry->pos, .length = entry->length};
}

wfe_mark wfe_mark_pos(wfe_plan_pos pos)
{
    return (wfe_mark){.pos = pos, .length = 1};
}

wfe_mark wfe_mark_nowhere(void)
{
    return (wfe_mark){.pos = WFE_PLAN_POS_NOWHERE, .length = 1};
}

static item *add_item(wfe_diagnostics *list)
{
    if (list->n_items == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        item *grown = realloc(list->items, cap * sizeof *grown);
        if (!grown) {
            list->out_of_memory = true;
            return NULL;
        }
        list->items = grown;
        list->cap = cap;
    }
    item *added = &list->items[list->n_items];
    *added = (item){.order = list->n_items};
    return added;
}

/* One line, whatever was put into it. */
static void flatten(char *text)
{
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    }
}

static char *format_text(wfe_diagnostics *list, const char *format, va_list args)
{
    char text[MESSAGE_SIZE];
    vsnprintf(text, sizeof text, format, args);
    size_t len = wfe_utf8_prefix(text, strlen(text));
    text[len] = '\0';
    flatten(text);
    char *copy = wfe_arena_text(list->arena, text, len);
    if (!copy)
        list->out_of_memory = true;
    return copy;
}

static void diagnose(wfe_diagnostics *list, enum wfe_severity severity, wfe_mark mark,
                     const char *format, va_list args)
{
    list->last_kept = false;
    if (severity == WFE_SEVERITY_ERROR)
        list->n_errors++;
    if (list->n_items >= WFE_DIAGNOSTICS_MAX) {
        list->n_dropped++;
        return;
    }
    item *added = add_item(list);
    char *message = added ? format_text(list, format, args) : NULL;
    if (!message)
        return;
    added->pos = mark.pos;
    added->diagnostic = (wfe_diagnostic){
        .severity = severity,
        .line = mark.pos.line,
        .column = mark.pos.column,
        .length = mark.length ? mark.length : 1,
        .message = message,
    };
    list->n_items++;
    list->last_kept = true;
}

void wfe_diagnose(wfe_diagnostics *list, enum wfe_severity severity, wfe_mark mark,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnose(list, severity, mark, format, args);
    va_end(args);
}

void wfe_diagnose_error(wfe_diagnostics *list, wfe_mark mark, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnose(list, WFE_SEVERITY_ERROR, mark, format, args);
    va_end(args);
}

void wfe_diagnose_warning(wfe_diagnostics *list, wfe_mark mark, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diagnose(list, WFE_SEVERITY_WARNING, mark, format, args);
    va_end(args);
}

void wfe_diagnose_suggest(wfe_diagnostics *list, const char *text, const char *const *words,
                          size_t n_words)
{
    const char *near = list->last_kept ? wfe_nearest(text, words, n_words) : NULL;
    if (!near)
        return;
    char *copy = wfe_arena_text(list->arena, near, strlen(near));
    if (!copy)
        list->out_of_memory = true;
    list->items[list->n_items - 1].diagnostic.suggestion = copy;
}

void wfe_diagnose_hint(wfe_diagnostics *list, const char *format, ...)
{
    if (!list->last_kept)
        return;
    va_list args;
    va_start(args, format);
    list->items[list->n_items - 1].diagnostic.hint = format_text(list, format, args);
    va_end(args);
}

static int compare(const void *left, const void *right)
{
    const item *a = left, *b = right;
    if (a->pos.file != b->pos.file)
        return a->pos.file < b->pos.file ? -1 : 1;
    if (a->pos.line != b->pos.line)
        return a->pos.line < b->pos.line ? -1 : 1;
    if (a->pos.column != b->pos.column)
        return a->pos.column < b->pos.column ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Diagnostics are sorted, so the search for a line goes on where the last one ended. */
typedef struct line_cursor {
    uint32_t file;
    uint32_t line;
    size_t offset;
    const char *text; /* the line, once it was copied */
    uint32_t text_line;
} line_cursor;

static void seek_line(line_cursor *cursor, const wfe_plan_file *file, wfe_plan_pos pos)
{
    if (cursor->file != pos.file)
        *cursor = (line_cursor){.file = pos.file, .line = 1};
    while (cursor->line < pos.line) {
        const char *end = memchr(file->text + cursor->offset, '\n', file->len - cursor->offset);
        if (!end)
            break;
        cursor->offset = (size_t)(end - file->text) + 1;
        cursor->line++;
    }
}

static int add_source(wfe_diagnostics *list, item *one, const wfe_plan_file *file,
                      line_cursor *cursor)
{
    one->diagnostic.file = wfe_arena_text(list->arena, file->path, strlen(file->path));
    if (!one->diagnostic.file)
        return WFE_E_NOMEM;
    if (!one->pos.line)
        return 0;
    seek_line(cursor, file, one->pos);
    one->diagnostic.source_line = cursor->text;
    if (cursor->text && cursor->text_line == cursor->line)
        return 0;
    const char *start = file->text + cursor->offset;
    const char *end = memchr(start, '\n', file->len - cursor->offset);
    size_t len = end ? (size_t)(end - start) : file->len - cursor->offset;
    if (len && start[len - 1] == '\r')
        len--;
    if (len > SOURCE_LINE_MAX)
        len = SOURCE_LINE_MAX;
    while (len && len == SOURCE_LINE_MAX && ((unsigned char)start[len] & 0xc0) == 0x80)
        len--;
    cursor->text = one->diagnostic.source_line = wfe_arena_text(list->arena, start, len);
    cursor->text_line = cursor->line;
    return cursor->text ? 0 : WFE_E_NOMEM;
}

/* What was found beyond the most that is kept, in the place of the last one. */
static void tell_dropped(wfe_diagnostics *list)
{
    char text[MESSAGE_SIZE];
    if (!list->n_dropped)
        return;
    snprintf(text, sizeof text, "and %zu more, which are not shown: correct these first",
             list->n_dropped + 1);
    list->n_dropped = 0;
    item *last = &list->items[list->n_items - 1];
    *last = (item){.pos = wfe_mark_nowhere().pos};
    last->diagnostic.severity = list->n_errors ? WFE_SEVERITY_ERROR : WFE_SEVERITY_WARNING;
    last->diagnostic.length = 1;
    last->diagnostic.message = wfe_arena_text(list->arena, text, strlen(text));
    if (!last->diagnostic.message)
        list->out_of_memory = true;
}

int wfe_diagnostics_finish(wfe_diagnostics *list, const wfe_plan_file *files, size_t n_files,
                           wfe_error *err)
{
    line_cursor cursor = {.file = UINT32_MAX};
    if (list->n_items)
        qsort(list->items, list->n_items, sizeof *list->items, compare);
    for (size_t i = 0; i < list->n_items && !list->out_of_memory; i++) {
        item *one = &list->items[i];
        if (one->pos.file < n_files && add_source(list, one, &files[one->pos.file], &cursor))
            list->out_of_memory = true;
    }
    tell_dropped(list);
    return list->out_of_memory ? wfe_error_nomem(err) : 0;
}

int wfe_diagnostics_to_error(const wfe_diagnostics *list, wfe_error *err)
{
    for (size_t i = 0; i < list->n_items; i++) {
        const wfe_diagnostic *d = &list->items[i].diagnostic;
        if (d->severity != WFE_SEVERITY_ERROR)
            continue;
        if (d->file && d->line)
            wfe_error_set(err, WFE_E_INVALID, "%s (%s:%u:%u)", d->message, d->file, d->line,
                          d->column);
        else
            wfe_error_set(err, WFE_E_INVALID, "%s", d->message);
        if (d->suggestion)
            wfe_error_hint(err, "did you mean '%s'?", d->suggestion);
        else if (d->hint)
            wfe_error_hint(err, "%s", d->hint);
        return WFE_E_INVALID;
    }
    return wfe_error_set(err, WFE_E_INVALID, "the workflow is not valid");
}

size_t wfe_diagnostics_length(const wfe_diagnostics *list)
{
    return list ? list->n_items : 0;
}

size_t wfe_diagnostics_errors(const wfe_diagnostics *list)
{
    return list ? list->n_errors : 0;
}

const wfe_diagnostic *wfe_diagnostics_at(const wfe_diagnostics *list, size_t index)
{
    return list && index < list->n_items ? &list->items[index].diagnostic : NULL;
}
