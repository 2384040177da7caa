/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_follow.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Between two looks at the store. */
#define LOOK_MS 200

typedef struct source source;
struct source {
    source *next;
    char *step;
    unsigned attempt;
    wfe_log_reader *reader; /* NULL: not opened yet, or done with */
    wfe_log_printer printer;
    bool is_over; /* nothing more comes */
    bool is_done; /* and all of it was printed */
};

typedef struct follower {
    const wfe_log_follow_options *options;
    source *first, *last;
    void *by_name;  /* of tsearch(3) */
    void *children; /* the same: paths that are in the step, by what was recorded */
    bool run_is_over;
    bool told_interrupted; /* or it need not be */
    bool has_step;
    wfe_error *err;
} follower;

static int by_name(const void *a, const void *b)
{
    const source *one = a, *other = b;
    if (one->attempt != other->attempt)
        return one->attempt < other->attempt ? -1 : 1;
    return strcmp(one->step, other->step);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void keep(void *node)
{
    (void)node;
}

static void free_sources(follower *f)
{
    tdestroy(f->by_name, keep);
    tdestroy(f->children, free);
    while (f->first) {
        source *s = f->first;
        f->first = s->next;
        wfe_log_reader_free(s->reader);
        wfe_log_printer_done(&s->printer);
        free(s->step);
        free(s);
    }
}

/* ---- which logs ---- */

/* Is it the step, or in it: "deploy" is that of "deploy/compile" and "deploy[2]", too, and a block
 * that of its children. */
static bool is_wanted(const follower *f, const char *step)
{
    const char *wanted = f->options->step;
    size_t len = wanted ? strlen(wanted) : 0;
    if (!wanted ||
        (strncmp(step, wanted, len) == 0 && (!step[len] || step[len] == '/' || step[len] == '[')))
        return true;
    return tfind(step, &f->children, by_text) != NULL;
}

/* Children are told of after what they are in. */
static int note_child(follower *f, const wfe_store_step *row)
{
    bool is_child = row->parent && row->role && strcmp(row->role, "step") == 0;
    if (!is_child || is_wanted(f, row->path) || !is_wanted(f, row->parent))
        return 0;
    char *path = strdup(row->path);
    if (path && tsearch(path, &f->children, by_text))
        return 0;
    free(path);
    return wfe_error_nomem(f->err);
}

static source *find_source(const follower *f, const char *step, unsigned attempt)
{
    const source probe = {.step = (char *)(uintptr_t)step, .attempt = attempt};
    void *found = tfind(&probe, &f->by_name, by_name);
    return found ? *(source **)found : NULL;
}

static int add_source(const wfe_log_attempt_info *info, void *user)
{
    follower *f = user;
    const wfe_log_follow_options *o = f->options;
    if ((o->attempt && info->attempt != o->attempt) || !is_wanted(f, info->step) ||
        find_source(f, info->step, info->attempt))
        return 0;
    source *s = calloc(1, sizeof *s);
    if (!s || !(s->step = strdup(info->step))) {
        free(s);
        return wfe_error_nomem(f->err);
    }
    s->attempt = info->attempt;
    if (!tsearch(s, &f->by_name, by_name)) {
        free(s->step);
        free(s);
        return wfe_error_nomem(f->err);
    }
    wfe_log_printer_init(&s->printer, &o->printer, s->step, s->attempt);
    if (f->last)
        f->last->next = s;
    else
        f->first = s;
    f->last = s;
    return 0;
}

/* ---- reading ---- */

/* One that is being made is listed before it can be opened: s->reader stays NULL. */
static int open_source(follower *f, source *s)
{
    wfe_error problem = WFE_ERROR_INIT;
    wfe_log_reader_options options = {.state_dir = f->options->stored->dir,
                                      .run_id = f->options->run->row.id,
                                      .step = s->step,
                                      .attempt = s->attempt,
                                      .since_us = f->options->since_us};
    memcpy(options.without, f->options->without, sizeof options.without);
    int rc = wfe_log_reader_new(&options, &s->reader, &problem);
    if (rc == WFE_E_NOT_FOUND && f->options->follow)
        return 0;
    return rc ? wfe_error_copy(f->err, &problem) : 0;
}

/* Prints what there is. A source that is over is closed: thousands of steps need few files. */
static int drain(follower *f, source *s)
{
    wfe_log_piece piece;
    int rc = s->reader ? 0 : open_source(f, s);
    if (rc)
        return rc;
    while (s->reader && (rc = wfe_log_reader_next(s->reader, &piece, f->err)) == 1) {
        rc = wfe_log_printer_put(&s->printer, &piece, f->err);
        if (rc)
            return rc;
    }
    if (rc || !s->is_over)
        return rc;
    wfe_log_reader_free(s->reader);
    s->reader = NULL;
    s->is_done = true;
    return wfe_log_printer_end(&s->printer, f->err);
}

static int list_sources(follower *f)
{
    return wfe_log_list(f->options->stored->dir, f->options->run->row.id, add_source, f, f->err);
}

static int drain_all(follower *f)
{
    int rc = 0;
    for (source *s = f->first; !rc && s; s = s->next) {
        if (!s->is_done)
            rc = drain(f, s);
    }
    if (fflush(stdout) || ferror(stdout))
        return rc ? rc : wfe_error_set(f->err, WFE_E_IO, "cannot write the standard output");
    return rc;
}

/* ---- what has ended ---- */

static int look_at_step(const wfe_store_step *row, void *user)
{
    follower *f = user;
    bool goes_on = strcmp(row->state, wfe_step_state_name(WFE_STEP_IS_RUNNING)) == 0;
    /* Of a service nothing is known before the end of the run. */
    for (uint32_t attempt = row->is_service ? 0 : row->attempt; attempt; attempt--) {
        source *s = find_source(f, row->path, attempt);
        if (s && s->is_over)
            break;
        if (s)
            s->is_over = attempt < row->attempt || !goes_on;
    }
    f->has_step |= is_wanted(f, row->path);
    return f->options->step ? note_child(f, row) : 0;
}

static int look_at_run(const wfe_store_run *row, void *user)
{
    follower *f = user;
    f->run_is_over = row->is_end;
    if (!row->is_end && !f->told_interrupted &&
        strcmp(wfe_stored_state(row), WFE_STORED_INTERRUPTED) == 0) {
        f->told_interrupted = true;
        fprintf(stderr, "wfe: the wfe that had the run %s is gone; waiting for `wfe resume %s`\n",
                row->name, row->name);
    }
    return 0;
}

/* Seen before the logs are read. */
static int look(follower *f)
{
    wfe_store *store = f->options->stored->store;
    const char *id = f->options->run->row.id;
    int rc = store->find(store, id, look_at_run, f, f->err);
    if (!rc)
        rc = store->steps(store, id, look_at_step, f, f->err);
    for (source *s = f->first; s && f->run_is_over; s = s->next)
        s->is_over = true;
    return rc;
}

static int follow(follower *f)
{
    wfe_log_watch *watch = NULL;
    uint64_t looked_at_us = 0;
    int rc = wfe_log_watch_new(f->options->stored->dir, f->options->run->row.id, &watch, f->err);
    while (!rc) {
        bool look_now = wfe_clock_monotonic_us() - looked_at_us >= LOOK_MS * 1000;
        if (look_now) {
            looked_at_us = wfe_clock_monotonic_us();
            rc = look(f);
            if (!rc)
                rc = list_sources(f);
        }
        bool is_last = look_now && f->run_is_over;
        if (!rc)
            rc = drain_all(f);
        if (!rc && is_last) {
            /* Those that were found just now are over, too. */
            for (source *s = f->first; s; s = s->next)
                s->is_over = true;
            rc = drain_all(f);
            break;
        }
        if (!rc)
            wfe_log_watch_wait(watch, LOOK_MS);
    }
    wfe_log_watch_free(watch);
    return rc;
}

/* ---- all of it ---- */

static int read_once(follower *f)
{
    int rc = look(f);
    if (!rc)
        rc = list_sources(f);
    for (source *s = f->first; s; s = s->next)
        s->is_over = true;
    return rc ? rc : drain_all(f);
}

/* A step that printed nothing has no log, and that is fine; one that is not there is not. */
static int check_step(follower *f)
{
    const wfe_store_run *run = &f->options->run->row;
    if (!f->options->step || f->first || f->has_step)
        return 0;
    wfe_error_set(f->err, WFE_E_NOT_FOUND, "the run %s has no step '%s'", run->name,
                  f->options->step);
    wfe_error_hint(f->err, "`wfe show %s` lists its steps", run->name);
    return WFE_E_NOT_FOUND;
}

int wfe_log_follow(const wfe_log_follow_options *options, wfe_error *err)
{
    follower f = {.options = options, .told_interrupted = !options->follow, .err = err};
    int rc = 0;
    if (options->follow && !options->run->row.is_end)
        rc = follow(&f);
    else
        rc = read_once(&f);
    if (!rc)
        rc = check_step(&f);
    free_sources(&f);
    return rc;
}
