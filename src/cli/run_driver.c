/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_driver.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/report.h"
#include "cli/run_settings.h"
#include "cli/view.h"

#define VIEWS_MAX 2

extern char **environ;

typedef struct driver {
    const wfe_plan *plan;
    const wfe_run_driver_options *options;
    wfe_connection connection;
    wfe_registry_config registry_config;
    wfe_registry_setup registry;
    char state_dir[PATH_MAX];
    wfe_past *past;         /* until the run has it */
    wfe_store *store;       /* until the recorder has it */
    wfe_run_handle handle;  /* of a run that is stored */
    wfe_recorder *recorder; /* until the run has it */
    bool store_failed;
    bool made; /* the run was stored by this command, and must not be left half-made */
    wfe_loop *loop;
    wfe_out *out;
    wfe_interrupt *interrupt;
    wfe_timer *timer;
    wfe_engine_run *run;
    wfe_view *views[VIEWS_MAX];
    size_t n_views;
    unsigned n_signals;
    bool kill_asked; /* by `wfe cancel` */
    bool service_failed;
    enum wfe_plan_cause first_cause; /* of the step that failed the run */
    bool has_first_cause;
    bool started;
    bool done;
    wfe_error error;
} driver;

/* ---- views ---- */

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

static bool is_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* Does the user's locale have no Unicode. */
static bool is_ascii(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!locale)
        return true;
    bool ascii = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") != 0;
    freelocale(locale);
    return ascii;
}

static void terminal_size(unsigned *columns, unsigned *rows, void *user)
{
    (void)user;
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
        return;
    *columns = size.ws_col;
    *rows = size.ws_row;
}

static uint64_t monotonic_us(void *user)
{
    (void)user;
    return wfe_clock_monotonic_us();
}

static int add_main_view(driver *d, const wfe_view_run *run, wfe_error *err)
{
    wfe_view_terminal_options terminal = {.colour = !is_set("NO_COLOR"),
                                          .ascii = is_ascii(),
                                          .size = terminal_size,
                                          .now_us = monotonic_us};
    wfe_view **view = &d->views[d->n_views];
    int rc = 0;
    if (d->options->json)
        rc = wfe_view_json_new(run, d->out, view, err);
    else if (!d->options->plain && is_terminal())
        rc = wfe_view_terminal_new(run, &terminal, d->out, view, err);
    else
        rc = wfe_view_plain_new(run, d->out, view, err);
    d->n_views += !rc;
    return rc;
}

static int add_report(driver *d, const wfe_view_run *run, wfe_error *err)
{
    if (!d->options->report)
        return 0;
    int rc = wfe_view_report_new(run, d->options->report, &d->views[d->n_views], err);
    d->n_views += !rc;
    return rc;
}

static void tell_plan(driver *d, wfe_view *view)
{
    const wfe_plan_workflow *workflow = &d->plan->workflows[d->plan->main];
    for (uint32_t i = 0; i < d->plan->n_steps; i++) {
        const wfe_plan_step *step = &d->plan->steps[i];
        const char *parent =
            step->parent == WFE_PLAN_NONE ? NULL : d->plan->steps[step->parent].name;
        const wfe_event event = {.kind = WFE_EVENT_STEP,
                                 .at_us = wfe_clock_wall_us(),
                                 .step = step->name,
                                 .owner = parent,
                                 .plan_step = step,
                                 .step_state = WFE_STEP_IS_PENDING,
                                 .exit_code = -1};
        if (&d->plan->workflows[step->workflow] == workflow && step->role == WFE_PLAN_ROLE_STEP)
            view->event(view, &event);
    }
}

static int add_views(driver *d, wfe_error *err)
{
    const wfe_plan_workflow *workflow = &d->plan->workflows[d->plan->main];
    wfe_view_run run = {.workflow = workflow->name ? workflow->name : workflow->id,
                        .description = workflow->description,
                        .name = wfe_engine_run_name(d->run),
                        .id = wfe_engine_run_id(d->run),
                        .file = d->plan->n_files ? d->plan->files[0].path : NULL,
                        .is_one_of_many = d->options->is_one_of_many};
    int rc = add_report(d, &run, err);
    if (!rc)
        rc = add_main_view(d, &run, err);
    for (size_t i = 0; !rc && i < d->n_views; i++) {
        if (d->views[i]->wants_plan)
            tell_plan(d, d->views[i]);
    }
    return rc;
}

/* To the view, which may be drawing where it would be printed. */
static void note(driver *d, const char *text)
{
    for (size_t i = 0; i < d->n_views; i++) {
        if (d->views[i]->note) {
            d->views[i]->note(d->views[i], text);
            return;
        }
    }
    if (d->options->is_one_of_many)
        fprintf(stderr, "wfe: %s: %s\n", wfe_engine_run_name(d->run), text);
    else
        fprintf(stderr, "wfe: %s\n", text);
}

/* ---- what happens ---- */

static void on_log(int level, const char *text, void *user)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char line[1200];
    snprintf(line, sizeof line, "%s: %s", names[level < 0 || level > 3 ? 3 : level], text);
    note(user, line);
}

/* The causes of the failures are not in the result; the exit code depends on the first one. */
static void watch_causes(driver *d, const wfe_event *event)
{
    if (event->kind == WFE_EVENT_SERVICE && event->service_state == WFE_SERVICE_FAILED)
        d->service_failed = true;
    if (event->kind != WFE_EVENT_STEP || event->step_state != WFE_STEP_IS_FAILED ||
        event->allowed || !event->cause || d->has_first_cause)
        return;
    d->has_first_cause = true;
    d->first_cause = event->cause;
}

static void on_event(const wfe_event *event, void *user)
{
    driver *d = user;
    watch_causes(d, event);
    for (size_t i = 0; i < d->n_views; i++)
        d->views[i]->event(d->views[i], event);
}

static void on_tick(void *user)
{
    driver *d = user;
    for (size_t i = 0; i < d->n_views; i++) {
        if (d->views[i]->tick)
            d->views[i]->tick(d->views[i]);
    }
    wfe_timer_start(d->timer, WFE_VIEW_TICK_MS);
}

static void on_signal(void *user)
{
    driver *d = user;
    if (d->done)
        return;
    d->n_signals++;
    bool stops = wfe_engine_run_is_cancelled(d->run);
    if (!stops)
        note(d, "interrupted: stopping; hooks still run; once more to kill at once");
    else if (d->n_signals <= 2)
        note(d, "interrupted again: killing what runs");
    wfe_engine_run_cancel(d->run);
}

/* From `wfe cancel` in another process; "kill" comes when "cancel" was not enough. */
static void on_asked(const char *what, void *user)
{
    driver *d = user;
    bool kill = strcmp(what, "kill") == 0;
    if (d->done || d->kill_asked || (!kill && strcmp(what, "cancel") != 0))
        return;
    d->kill_asked = kill;
    /* A wish may be older than this process, which then knows of it by the record. */
    bool stops = wfe_engine_run_is_cancelled(d->run);
    if (!stops)
        note(d, "`wfe cancel`: stopping; hooks still run");
    if (kill)
        note(d, "`wfe cancel`: killing what runs");
    if (!stops)
        wfe_engine_run_cancel(d->run);
    if (kill)
        wfe_engine_run_cancel(d->run);
}

static void on_done(wfe_engine_run *run, void *user)
{
    (void)run;
    driver *d = user;
    d->done = true;
}

static const char *look_up(const char *name, void *user)
{
    (void)user;
    return getenv(name);
}

static int make_client(wfe_loop *loop, const wfe_client_options *options, wfe_client **ret,
                       wfe_error *err, void *user)
{
    driver *d = user;
    wfe_client_options own = *options;
    own.io_dir = d->options->settings->io_dir;
    own.log = on_log;
    own.log_user = d;
    own.log_level = d->options->verbose ? WFE_LOG_DEBUG : WFE_LOG_WARNING;
    return wfe_connection_open_on(&d->connection, loop, &own, ret, err);
}

/* ---- the run ---- */

static bool has_tick(const driver *d)
{
    for (size_t i = 0; i < d->n_views; i++) {
        if (d->views[i]->tick)
            return true;
    }
    return false;
}

/* The run in the store, and what records it there. */
static int keep_run(driver *d, wfe_error *err)
{
    const wfe_run_driver_options *o = d->options;
    const wfe_run_store_new new_run = {
        .plan = d->plan, .settings = o->settings, .name = o->name, .rerun_of = o->rerun_of};
    const wfe_run_store_recorder_options recorder = {
        .loop = d->loop,
        .state_dir = d->state_dir,
        .log_step_max_bytes = o->settings->log_step_max_bytes,
        .log_run_max_bytes = o->settings->log_run_max_bytes,
        .on_asked = on_asked,
        .on_asked_user = d,
    };
    int rc = wfe_run_store_open(d->state_dir, false, &d->store, err);
    if (!rc && o->stored)
        d->handle = *o->stored;
    else if (!rc)
        rc = wfe_run_store_create(d->store, &new_run, &d->handle, err);
    d->made = !rc && !o->stored;
    if (!rc)
        rc = wfe_run_store_recorder(d->store, &d->handle, &recorder, &d->recorder, err);
    if (!rc)
        d->store = NULL; /* the recorder's */
    /* What is wrong with the state directory is no wrong usage. */
    d->store_failed = rc != 0;
    if (rc && rc != WFE_E_NOMEM && !d->handle.id[0])
        wfe_error_hint(err,
                       "the run would be recorded in %s: give another folder in "
                       "WFE_STATE_DIR, or run with --no-store",
                       d->state_dir);
    return rc;
}

static int make_run(driver *d, wfe_error *err)
{
    const wfe_run_settings *settings = d->options->settings;
    bool stored = !d->options->no_store;
    int rc = stored ? keep_run(d, err) : 0;
    if (rc)
        return rc;
    const wfe_engine_options options = {
        .run_id = stored ? d->handle.id : NULL,
        .run_name = stored ? d->handle.name : d->options->name,
        .jobs = settings->jobs,
        .keep_on_failure = settings->keep_on_failure,
        .working_dir = settings->working_dir,
        .environment = (const char *const *)environ,
        .tmp_dir = settings->tmp_dir,
        .volume_dir = settings->volume_dir,
        .lookup = look_up,
        .make_client = make_client,
        .make_client_user = d,
        .registry = &d->registry.access,
        .recorder = d->recorder,
        .past = d->past,
        .durable = stored,
        .images = settings->images,
        .on_event = on_event,
        .on_event_user = d,
        .done = on_done,
        .done_user = d,
        .log = {.fn = on_log,
                .user = d,
                .level = d->options->verbose ? WFE_LOG_DEBUG : WFE_LOG_WARNING},
    };
    rc = wfe_engine_run_new(d->loop, d->plan, &options, &d->run, err);
    if (!rc) {
        d->recorder = NULL; /* the run's */
        d->past = NULL;
    }
    return rc;
}

static int start(driver *d, wfe_error *err)
{
    wfe_run_settings_connection(d->options->settings, &d->connection);
    wfe_run_settings_registry(d->options->settings, &d->registry_config);
    int rc = wfe_connection_state_dir(d->state_dir, sizeof d->state_dir, err);
    if (!rc)
        rc = wfe_loop_new(&d->loop, err);
    if (!rc)
        rc = wfe_registry_setup_init(&d->registry, &d->registry_config, err);
    if (!rc)
        rc = wfe_out_new(d->loop, STDOUT_FILENO, &d->out, err);
    if (!rc)
        rc = wfe_interrupt_new_on(d->loop, on_signal, d, &d->interrupt, err);
    if (!rc && d->options->is_one_of_many)
        wfe_interrupt_forwarded_by(d->interrupt, getppid());
    if (!rc)
        rc = wfe_timer_new(d->loop, on_tick, d, &d->timer, err);
    if (!rc)
        rc = make_run(d, err);
    if (!rc)
        rc = add_views(d, err);
    if (!rc && has_tick(d))
        wfe_timer_start(d->timer, WFE_VIEW_TICK_MS);
    if (!rc)
        rc = wfe_engine_run_start(d->run, err);
    d->started = !rc;
    if (!rc && d->options->asked)
        on_asked(d->options->asked, d);
    return rc;
}

static int exit_code_of(const driver *d, const wfe_engine_result *result)
{
    if (result->broken)
        return WFE_EXIT_FAILED;
    switch (result->state) {
    case WFE_RUN_SUCCEEDED:
        return WFE_EXIT_OK;
    case WFE_RUN_CANCELLED:
        return WFE_EXIT_INTERRUPTED;
    default:
        break;
    }
    if (d->n_signals)
        return WFE_EXIT_INTERRUPTED;
    if (result->timed_out)
        return WFE_EXIT_TIMEOUT;
    if (d->has_first_cause)
        return d->first_cause == WFE_PLAN_CAUSE_INFRASTRUCTURE ? WFE_EXIT_FAILED
                                                               : WFE_EXIT_RUN_FAILED;
    /* No step failed: a service, a secret, a folder, the network. */
    return result->state == WFE_RUN_FAILED && !result->failed_step && !d->service_failed
               ? WFE_EXIT_FAILED
               : WFE_EXIT_RUN_FAILED;
}

/* Every view tells its end; the first that could not fails the command. */
static int end_views(driver *d, const wfe_engine_result *result, wfe_error *err)
{
    int code = exit_code_of(d, result);
    for (size_t i = 0; i < d->n_views; i++)
        d->views[i]->end(d->views[i], result, code, err);
    wfe_out_finish(d->out, err);
    return code;
}

/* A run that never began, since something else failed before, leaves no trace. */
static void forget_half_made(driver *d)
{
    if (d->made && !d->started && !d->store)
        wfe_run_store_open(d->state_dir, true, &d->store, NULL);
    if (d->made && !d->started && d->store)
        wfe_run_store_remove(d->store, d->state_dir, d->handle.id, NULL);
    else if (!d->started && d->store && d->options->stored)
        d->store->release(d->store, d->options->stored->id, d->options->stored->lease, NULL);
    wfe_store_close(d->store);
}

static void done(driver *d)
{
    /* A loop that failed under the run: what it holds cannot be freed, and the process ends. */
    if (d->started && !d->done)
        return;
    for (size_t i = 0; i < d->n_views; i++)
        d->views[i]->free(d->views[i]);
    wfe_engine_run_free(d->run);
    if (d->recorder)
        d->recorder->free(d->recorder);
    forget_half_made(d);
    wfe_past_free(d->past);
    wfe_registry_setup_done(&d->registry);
    wfe_timer_free(d->timer);
    wfe_interrupt_free(d->interrupt);
    wfe_out_free(d->out);
    wfe_loop_free(d->loop);
}

int wfe_run_drive(const wfe_plan *plan, const wfe_run_driver_options *options)
{
    driver d = {.plan = plan, .options = options, .past = options->past};
    wfe_error error = WFE_ERROR_INIT;
    int code = WFE_EXIT_FAILED;
    int rc = start(&d, &error);
    if (!rc)
        rc = wfe_loop_run_until(d.loop, &d.done, &error);
    const wfe_engine_result *result = d.done ? wfe_engine_run_result(d.run) : NULL;
    if (result)
        code = end_views(&d, result, &error);
    if (error.kind && result) {
        wfe_report_error(&error); /* of a view: behind what it could tell */
        code = code ? code : WFE_EXIT_FAILED;
    } else if (error.kind) {
        code = wfe_report(&error, options->json);
        code = d.store_failed && code == WFE_EXIT_USAGE ? WFE_EXIT_FAILED : code;
    }
    done(&d);
    return code;
}
