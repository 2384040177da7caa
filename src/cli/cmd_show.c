/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe show: one run, its steps, and why it failed.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/strv.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/run_summary.h"
#include "cli/stored_tail.h"
#include "cli/text.h"

typedef struct show_options {
    bool json;
} show_options;

static const wfe_option options[] = {
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the run as JSON", offsetof(show_options, json)},
};

typedef struct shown {
    wfe_stored stored;
    wfe_stored_run *run;
    wfe_stored_view *view;
    bool ascii;
} shown;

static void print_tail(const shown *s)
{
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(0);
    const char *stream = wfe_stored_tail(&s->stored, s->run, &s->view->failure, &text);
    if (!stream)
        return;
    printf("  the end of its %s:\n", stream);
    for (size_t at = 0; at < text.len;) {
        const char *newline = memchr(text.data + at, '\n', text.len - at);
        size_t len = newline ? (size_t)(newline - text.data) - at : text.len - at;
        wfe_buf line = WFE_BUF_INIT(0);
        wfe_text_clean(text.data + at, len, s->ascii, &line, NULL);
        printf("    %.*s\n", (int)line.len, line.data ? line.data : "");
        wfe_buf_done(&line);
        at += len + 1;
    }
}

/* ---- for people ---- */

static bool is_ascii(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!locale)
        return true;
    bool ascii = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") != 0;
    freelocale(locale);
    return ascii;
}

static void print_inputs(const shown *s)
{
    const char *name;
    json_t *value;
    json_object_foreach(s->run->inputs, name, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        wfe_buf clean = WFE_BUF_INIT(0);
        if (text && !wfe_text_clean(text, strlen(text), s->ascii, &clean, NULL))
            printf("input     %s = %.*s\n", name, clean.len > 200 ? 200 : (int)clean.len,
                   clean.data ? clean.data : "");
        wfe_buf_done(&clean);
        free(text);
    }
    for (size_t i = 0; i < json_array_size(s->run->secret_inputs); i++)
        printf("input     %s is a secret, and not stored\n",
               json_string_value(json_array_get(s->run->secret_inputs, i)));
}

static void print_head(const shown *s)
{
    const wfe_store_run *row = &s->run->row;
    char time[WFE_CLOCK_TEXT_SIZE];
    long pid = wfe_stored_owner_pid(row);
    printf("run       %s\nid        %s\nworkflow  %s\nstate     %s\nstarted   %.19sZ\n", row->name,
           row->id, row->workflow, wfe_stored_state(row),
           wfe_clock_format(row->created_at_us, time));
    if (row->is_end && row->ended_at_us)
        printf("ended     %.19sZ\n", wfe_clock_format(row->ended_at_us, time));
    if (!row->is_end && pid)
        printf("process   %ld\n", pid);
    if (!row->is_end && row->asked)
        printf("asked     %s\n", row->asked);
    if (row->rerun_of)
        printf("rerun of  %s\n", row->rerun_of);
    print_inputs(s);
}

static void print_failure(const shown *s)
{
    const wfe_stored_failure *failure = &s->view->failure;
    const wfe_error *error = &s->view->result.error;
    if (failure->path) {
        printf("\n%s %s failed", failure->is_service ? "service" : "step", failure->path);
        if (failure->exit_code > 0)
            printf(" with exit code %d", failure->exit_code);
        printf(" (%s, attempt %u): %s\n", failure->cause, failure->attempt,
               failure->error.kind ? failure->error.message : "?");
        if (failure->error.hint[0])
            printf("  hint: %s\n", failure->error.hint);
        print_tail(s);
    } else if (error->kind) {
        printf("\nthe run failed: %s\n", error->message);
        if (error->hint[0])
            printf("  hint: %s\n", error->hint);
    }
}

static void print_next(const shown *s)
{
    const wfe_store_run *row = &s->run->row;
    const wfe_stored_failure *failure = &s->view->failure;
    const char *state = wfe_stored_state(row);
    bool failed = row->is_end && strcmp(state, "succeeded") != 0;
    if (failed && failure->path)
        printf("next: wfe logs %s %s   (all of its output)\n", row->name, failure->log);
    if (failed)
        printf("%s wfe resume %s   (what succeeded stays), or wfe rerun %s\n",
               failure->path ? "     " : "next:", row->name, row->name);
    else if (strcmp(state, WFE_STORED_INTERRUPTED) == 0)
        printf("next: wfe resume %s, or wfe cancel %s\n", row->name, row->name);
    else if (!row->is_end)
        printf("next: wfe logs -f %s, or wfe cancel %s\n", row->name, row->name);
}

static int print_steps(const shown *s, wfe_error *err)
{
    const wfe_screen_options plain = {.ascii = s->ascii};
    const wfe_view_run view_run = {
        .workflow = s->run->row.workflow, .name = s->run->row.name, .id = s->run->row.id};
    wfe_engine_result result = s->view->result;
    wfe_out *out = NULL;
    wfe_screen *screen = NULL;
    result.error.kind = 0; /* it is told below, and better */
    fflush(stdout);
    int rc = wfe_out_new(NULL, STDOUT_FILENO, &out, err);
    if (!rc)
        rc = wfe_screen_new(out, &plain, &screen, err);
    if (!rc) {
        wfe_run_summary(screen, s->view->model, &view_run, &result, 0);
        wfe_screen_flush(screen);
        rc = wfe_out_finish(out, err);
    }
    wfe_screen_free(screen);
    wfe_out_free(out);
    return rc;
}

static int print_page(const shown *s, wfe_error *err)
{
    print_head(s);
    int rc = print_steps(s, err);
    if (rc)
        return wfe_report_error(err);
    if (!s->run->row.is_end || s->view->result.state != WFE_RUN_SUCCEEDED) {
        print_failure(s);
        print_next(s);
    }
    return wfe_report_flush(WFE_EXIT_OK);
}

/* ---- for programs ---- */

static json_t *failure_json(const shown *s)
{
    const wfe_stored_failure *failure = &s->view->failure;
    _cleanup_(wfe_buf_done) wfe_buf text = WFE_BUF_INIT(0);
    _cleanup_(wfe_buf_done) wfe_buf clean = WFE_BUF_INIT(0);
    if (!failure->path)
        return json_null();
    const char *stream = wfe_stored_tail(&s->stored, s->run, failure, &text);
    json_t *lines = json_array();
    for (size_t at = 0; lines && at < text.len;) {
        const char *newline = memchr(text.data + at, '\n', text.len - at);
        size_t len = newline ? (size_t)(newline - text.data) - at : text.len - at;
        clean.len = 0;
        wfe_text_clean(text.data + at, len, false, &clean, NULL);
        json_array_append_new(lines, json_stringn(clean.data ? clean.data : "", clean.len));
        at += len + 1;
    }
    json_t *exit_code = failure->exit_code >= 0 ? json_integer(failure->exit_code) : json_null();
    return json_pack("{ss sb sI so ss so ss? so}", "step", failure->path, "service",
                     (int)failure->is_service, "attempt", (json_int_t)failure->attempt, "exit_code",
                     exit_code, "cause", failure->cause, "error",
                     failure->error.kind ? wfe_event_error_json(&failure->error) : json_null(),
                     "stream", stream, "last_lines", lines);
}

static int add_output(const wfe_store_output *output, void *user)
{
    json_t *all = user, *of_step = json_object_get(all, output->step);
    if (!of_step) {
        of_step = json_object();
        json_object_set_new(all, output->step, of_step);
    }
    return json_object_set_new(of_step, output->name, wfe_stored_text_json(output->value))
               ? WFE_E_NOMEM
               : 0;
}

/* An attempt that failed and was tried again. */
static int add_retry(const wfe_store_event *event, void *user)
{
    if (strcmp(event->kind, "retry") != 0)
        return 0;
    return json_array_append_new(user, wfe_stored_text_json(event->event)) ? WFE_E_NOMEM : 0;
}

static int print_json(shown *s, wfe_error *err)
{
    wfe_store *store = s->stored.store;
    json_t *json = wfe_stored_run_json(&s->run->row), *outputs = json_object();
    json_t *retries = json_array();
    int rc = json && outputs && retries ? 0 : WFE_E_NOMEM;
    if (!rc)
        rc = store->outputs(store, s->run->row.id, NULL, add_output, outputs, err);
    if (!rc)
        rc = store->events(store, s->run->row.id, 0, 0, add_retry, retries, err);
    if (!rc && (json_object_set(json, "inputs", s->run->inputs) ||
                json_object_set_new(json, "secret_inputs",
                                    s->run->secret_inputs ? json_incref(s->run->secret_inputs)
                                                          : json_array()) ||
                json_object_set_new(json, "settings", wfe_stored_text_json(s->run->row.options)) ||
                json_object_set_new(json, "outputs", wfe_stored_text_json(s->run->row.outputs)) ||
                json_object_set_new(json, "definition", json_string(s->run->row.hash)) ||
                json_object_set(json, "steps", s->view->steps) ||
                json_object_set(json, "step_outputs", outputs) ||
                json_object_set(json, "retries", retries) ||
                json_object_set_new(json, "failure", failure_json(s))))
        rc = WFE_E_NOMEM;
    json_decref(outputs);
    json_decref(retries);
    if (!rc)
        return wfe_stored_print_json(json);
    json_decref(json);
    if (!err->kind)
        wfe_error_nomem(err);
    return wfe_stored_report(err, true);
}

static int cmd_show(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const show_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    shown s = {.ascii = is_ascii()};
    if (argc < 1) {
        wfe_error_set(&error, WFE_E_INVALID, "wfe show needs the name or the id of a run");
        wfe_error_hint(&error, "`wfe runs` lists them");
        return wfe_report_usage(&error, o->json);
    }
    int rc = wfe_stored_open_run(&s.stored, argv[0], &s.run, &error);
    if (!rc)
        rc = wfe_stored_view_new(&s.stored, s.run, o->json, s.ascii, &s.view, &error);
    int code = rc        ? wfe_stored_report(&error, o->json)
               : o->json ? print_json(&s, &error)
                         : print_page(&s, &error);
    wfe_stored_view_free(s.view);
    wfe_stored_run_free(s.run);
    wfe_stored_close(&s.stored);
    return code;
}

const wfe_command wfe_cmd_show = {
    .name = "show",
    .usage = "[OPTION...] RUN",
    .summary = "show a run: its steps, and why it failed",
    .details = "RUN is a name, an id, or the beginning of an id. For a run that failed the last\n"
               "lines tell which step did, why, what it printed last, and what to do next.\n",
    .examples = "  wfe show build-and-test-42\n"
                "  wfe show 6f1d --json\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(show_options),
    .max_operands = 1,
    .run = cmd_show,
};
