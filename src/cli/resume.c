/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/owner.h"
#include "base/strv.h"
#include "base/utf8.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/run_driver.h"
#include "engine/given_inputs.h"
#include "workflow/load.h"

/* Names in the reminder. */
#define NAMES_SHOWN 3

/* ---- one run ---- */

/* What it takes to go on. */
typedef struct resumption {
    const wfe_resume_options *options;
    wfe_stored stored;
    wfe_stored_run *run;
    wfe_plan *plan;
    wfe_past *past;
    wfe_run_handle handle;
    bool claimed;
    bool is_usage; /* what fails does so because of how the command was used */
    bool nothing_to_do;
} resumption;

static bool is_wanted_state(const resumption *r)
{
    return strcmp(r->run->row.state, wfe_run_state_name(WFE_RUN_SUCCEEDED)) != 0 ||
           (r->options->from && r->options->from[0]);
}

static int claim(resumption *r, wfe_error *err)
{
    const wfe_store_run *row = &r->run->row;
    int rc = wfe_run_store_claim(r->stored.store, row, &r->handle, err);
    if (rc == WFE_E_CONFLICT) {
        long pid = wfe_stored_owner_pid(row);
        if (pid)
            wfe_error_hint(err, "process %ld has it: wait for it, or end it: wfe cancel %s", pid,
                           row->name);
        else
            wfe_error_hint(err, "wait for it, or end it: wfe cancel %s", row->name);
    }
    r->claimed = !rc;
    return rc;
}

static int add_from(resumption *r, json_t *list, const char *step, wfe_error *err)
{
    if (!wfe_utf8_is_valid(step, strlen(step))) {
        r->is_usage = true;
        return wfe_error_set(err, WFE_E_INVALID,
                             "--from must be UTF-8 text, as names of steps are: found '%s'", step);
    }
    return json_array_append_new(list, json_string(step)) ? wfe_error_nomem(err) : 0;
}

/* The row may have changed until it was ours. */
static int load_past(resumption *r, wfe_error *err)
{
    json_t *from = NULL;
    wfe_stored_run_free(r->run);
    r->run = NULL;
    int rc = wfe_stored_run_load(r->stored.store, r->handle.id, &r->run, err);
    if (!rc)
        rc = wfe_stored_run_images(r->stored.store, r->run, err);
    if (!rc)
        rc = wfe_past_load(r->stored.store, r->handle.id, r->plan, &r->past, err);
    bool has_from = r->options->from && r->options->from[0];
    if (rc)
        return rc;
    if (!r->run->row.is_end && has_from) {
        wfe_error_set(err, WFE_E_INVALID,
                      "run '%s' was interrupted: it goes on where it was, and --from is for a run "
                      "that is over",
                      r->run->row.name);
        wfe_error_hint(err, "wfe resume %s   first", r->run->row.name);
        r->is_usage = true;
        return WFE_E_INVALID;
    }
    if (!r->run->row.is_end)
        return 0;
    r->nothing_to_do = !is_wanted_state(r);
    if (r->nothing_to_do)
        return 0;
    if (has_from && !(from = json_array()))
        return wfe_error_nomem(err);
    for (size_t i = 0; !rc && has_from && r->options->from[i]; i++)
        rc = add_from(r, from, r->options->from[i], err);
    if (!rc) {
        rc = wfe_past_reopen(r->past, from, err);
        r->is_usage = rc && has_from;
    }
    json_decref(from);
    return rc;
}

static void let_go(resumption *r)
{
    if (r->claimed && r->stored.store)
        r->stored.store->release(r->stored.store, r->handle.id, r->handle.lease, NULL);
}

static int tell_nothing(const resumption *r)
{
    if (r->options->json)
        return wfe_stored_print_json(wfe_stored_run_json(&r->run->row));
    printf("%s has succeeded, there is nothing to do; a part of it runs again with --from STEP\n",
           r->run->row.name);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int drive(resumption *r)
{
    const wfe_resume_options *o = r->options;
    if (o->jobs)
        r->run->settings.jobs = o->jobs;
    const wfe_run_driver_options driver = {
        .settings = &r->run->settings,
        .verbose = o->verbose,
        .json = o->json,
        .plain = o->plain,
        .is_one_of_many = o->is_one_of_many,
        .report = o->report,
        .stored = &r->handle,
        .past = wfe_take(r->past),
        .asked = r->run->row.is_end ? NULL : r->run->row.asked,
    };
    wfe_stored_close(&r->stored);
    return wfe_run_drive(r->plan, &driver);
}

int wfe_resume_check_inputs(const wfe_stored_run *run, const wfe_plan *plan, const char *input_file,
                            const char *const *inputs, wfe_error *err)
{
    json_t *file = NULL;
    int rc = input_file ? wfe_plan_read_inputs(input_file, &file, err) : 0;
    if (!rc)
        rc = wfe_given_inputs_check(run, plan, file, inputs, err);
    json_decref(file);
    return rc;
}

static int check_inputs(const resumption *r, wfe_error *err)
{
    const wfe_resume_options *o = r->options;
    if (o->is_one_of_many) /* some are for this run and some for others */
        return 0;
    return wfe_resume_check_inputs(r->run, r->plan, o->input_file, o->inputs, err);
}

int wfe_resume(const char *text, const wfe_resume_options *options)
{
    resumption r = {.options = options};
    wfe_error error = WFE_ERROR_INIT;
    int code = WFE_EXIT_OK;
    int rc = wfe_stored_open_run(&r.stored, text, &r.run, &error);
    if (!rc && wfe_stored_run_plan(r.stored.store, r.run, options->input_file, options->inputs,
                                   &r.plan, &error)) {
        rc = error.kind;
        code = wfe_stored_report_plan(&error, options->json);
    } else if (!rc && check_inputs(&r, &error)) {
        rc = error.kind;
        code = wfe_report_usage(&error, options->json);
    } else if (!rc) {
        rc = claim(&r, &error);
        if (!rc)
            rc = load_past(&r, &error);
    }
    if (rc && !code)
        code = r.is_usage ? wfe_report_usage(&error, options->json)
                          : wfe_stored_report(&error, options->json);
    if (rc || r.nothing_to_do)
        let_go(&r);
    if (!rc)
        code = r.nothing_to_do ? tell_nothing(&r) : drive(&r);
    wfe_past_free(r.past);
    wfe_stored_close(&r.stored);
    wfe_stored_run_free(r.run);
    wfe_plan_free(r.plan);
    return code;
}

/* ---- which ones ---- */

typedef struct search {
    char **ids;
    char **names;
    size_t n;
} search;

static bool is_interrupted(const wfe_store_run *row)
{
    return strcmp(wfe_stored_state(row), WFE_STORED_INTERRUPTED) == 0;
}

static void search_done(search *s)
{
    wfe_strv_free(s->ids);
    wfe_strv_free(s->names);
}

/* Appends a copy to the list, which ends with NULL at any time. */
static int append(char ***list, size_t n, const char *text)
{
    char **longer = realloc(*list, (n + 2) * sizeof *longer);
    if (!longer)
        return WFE_E_NOMEM;
    *list = longer;
    longer[n] = strdup(text);
    longer[n + 1] = NULL;
    return longer[n] ? 0 : WFE_E_NOMEM;
}

static int on_candidate(const wfe_store_run *row, void *user)
{
    search *s = user;
    if (!is_interrupted(row) && strcmp(row->state, wfe_run_state_name(WFE_RUN_SUSPENDED)) != 0)
        return 0;
    int rc = append(&s->ids, s->n, row->id);
    s->n += !rc;
    return rc;
}

/* Both are paths from the folder that the two have in common. */
static bool is_same_file(const char *one, const char *other)
{
    struct stat a, b;
    return strcmp(one, other) == 0 || (stat(one, &a) == 0 && stat(other, &b) == 0 &&
                                       a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static int has_origin(wfe_store *store, const char *id, const wfe_resume_origin *origin, bool *ret,
                      wfe_error *err)
{
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = NULL;
    _cleanup_free_ char *file = NULL;
    int rc = wfe_stored_run_load(store, id, &run, err);
    *ret = false;
    if (rc || !run->settings.working_dir ||
        strcmp(run->settings.working_dir, origin->working_dir) != 0)
        return rc;
    rc = wfe_stored_run_file(store, run, &file, err);
    *ret = !rc && is_same_file(file, origin->file);
    return rc;
}

int wfe_resume_newest(wfe_store *store, const wfe_resume_origin *origin, char **ret, wfe_error *err)
{
    search s = {0};
    const wfe_store_filter filter = {.workflow = origin->workflow};
    int rc = store->runs(store, &filter, on_candidate, &s, err);
    if (rc == WFE_E_NOMEM)
        wfe_error_nomem(err);
    for (size_t i = 0; !rc && i < s.n; i++) {
        bool found = false;
        rc = has_origin(store, s.ids[i], origin, &found, err);
        if (!found)
            continue;
        *ret = strdup(s.ids[i]);
        rc = *ret ? 0 : wfe_error_nomem(err);
        break;
    }
    search_done(&s);
    return rc;
}

static int on_run(const wfe_store_run *row, void *user)
{
    search *s = user;
    if (!is_interrupted(row))
        return 0;
    int rc = append(&s->ids, s->n, row->id);
    if (!rc)
        rc = append(&s->names, s->n, row->name);
    s->n += !rc;
    return rc;
}

static int find_all(wfe_store *store, search *s, wfe_error *err)
{
    const wfe_store_filter filter = {.open = true};
    int rc = store->runs(store, &filter, on_run, s, err);
    return rc == WFE_E_NOMEM ? wfe_error_nomem(err) : rc;
}

int wfe_resume_interrupted(wfe_store *store, char ***ret, wfe_error *err)
{
    search s = {0};
    int rc = find_all(store, &s, err);
    for (size_t i = 0; !rc && i < s.n / 2; i++) { /* newest first */
        char *id = s.ids[i];
        s.ids[i] = s.ids[s.n - 1 - i];
        s.ids[s.n - 1 - i] = id;
    }
    if (!rc && !s.ids && !(s.ids = calloc(1, sizeof *s.ids)))
        rc = wfe_error_nomem(err);
    if (!rc)
        *ret = wfe_take(s.ids);
    search_done(&s);
    return rc;
}

/* What is wrong with the store is told by whoever needs it. */
void wfe_resume_remind(void)
{
    wfe_stored stored = {.store = NULL};
    search s = {0};
    if (!wfe_stored_open(&stored, NULL) && !find_all(stored.store, &s, NULL) && s.n) {
        fprintf(stderr, "wfe: interrupted:");
        for (size_t i = 0; i < s.n && i < NAMES_SHOWN; i++)
            fprintf(stderr, "%s %s", i ? "," : "", s.names[i]);
        if (s.n > NAMES_SHOWN)
            fprintf(stderr, " and %zu more", s.n - NAMES_SHOWN);
        fprintf(stderr, "; go on with: wfe resume %s\n", s.n == 1 ? s.names[0] : "--all");
    }
    search_done(&s);
    wfe_stored_close(&stored);
}
