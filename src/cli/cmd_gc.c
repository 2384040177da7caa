/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe gc: removes what killed processes left behind.
 */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <wfe/gc.h>

#include "base/clock.h"
#include "base/strv.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "cli/run_settings.h"
#include "cli/stored.h"
#include "engine/run_gc.h"

typedef struct gc_options {
    wfe_connection connection;
    uint64_t runs_ms;
    uint64_t logs_ms;
    uint64_t logs_bytes;
    bool interrupted;
    bool only_runs;
    bool dry_run;
    bool all;
    bool json;
} gc_options;

static const wfe_option options[] = {
    {"dry-run", 0, WFE_OPTION_FLAG, NULL, "only tell what would be removed",
     offsetof(gc_options, dry_run)},
    {"all", 0, WFE_OPTION_FLAG, NULL, "also what belongs to another boot, machine or pid namespace",
     offsetof(gc_options, all)},
    {"runs-older-than", 0, WFE_OPTION_DURATION, "DURATION",
     "forget runs that ended so long ago, and their logs", offsetof(gc_options, runs_ms)},
    {"logs-older-than", 0, WFE_OPTION_DURATION, "DURATION",
     "remove logs that were written last so long ago", offsetof(gc_options, logs_ms)},
    {"max-logs", 0, WFE_OPTION_BYTES, "SIZE", "remove the oldest logs until all have at most this",
     offsetof(gc_options, logs_bytes)},
    {"interrupted", 0, WFE_OPTION_FLAG, NULL, "forget runs, too, that wfe resume could go on with",
     offsetof(gc_options, interrupted)},
    {"only-runs", 0, WFE_OPTION_FLAG, NULL, "ask no containerd", offsetof(gc_options, only_runs)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print what was found as JSON", offsetof(gc_options, json)},
    WFE_CONNECTION_OPTIONS(gc_options, connection),
};

static const char *const kind_names[] = {
#define KIND_NAME_(name, text) [WFE_GC_##name] = (text),
    WFE_GC_KINDS(KIND_NAME_)
#undef KIND_NAME_
};
static const char *const outcome_names[] = {
#define OUTCOME_NAME_(name, text) [WFE_GC_##name] = (text),
    WFE_GC_OUTCOMES(OUTCOME_NAME_)
#undef OUTCOME_NAME_
};

static void print_item(const wfe_gc_item *item, void *user)
{
    (void)user;
    printf("%-12s  %-9s  %s\n", outcome_names[item->outcome], kind_names[item->kind], item->name);
    if (item->reason[0])
        printf("%-12s  %-9s  -> %s\n", "", "", item->reason);
}

static void collect_item(const wfe_gc_item *item, void *user)
{
    json_array_append_new(user,
                          json_pack("{ss ss ss ss ss ss ss ss}", "kind", kind_names[item->kind],
                                    "outcome", outcome_names[item->outcome], "name", item->name,
                                    "run", item->run, "step", item->step, "attempt", item->attempt,
                                    "owner", item->owner, "reason", item->reason));
}

/* Takes items. */
static int print_json(const gc_options *o, const wfe_gc_summary *summary, json_t *items, int code)
{
    json_t *json = json_pack("{sb sI sI sI sI so}", "dry_run", o->dry_run, "removed",
                             (json_int_t)summary->removed, "left_alone",
                             (json_int_t)summary->left_alone, "failed", (json_int_t)summary->failed,
                             "in_use", (json_int_t)summary->in_use, "items", items);
    _cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text) {
        fprintf(stderr, "wfe: out of memory\n");
        return WFE_EXIT_FAILED;
    }
    puts(text);
    return code;
}

static int print_summary(const wfe_gc_summary *summary, int code)
{
    if (!summary->removed && !summary->left_alone && !summary->failed)
        puts("nothing to do");
    if (summary->failed)
        fprintf(stderr, "wfe: %zu of %zu could not be removed\n", summary->failed,
                summary->failed + summary->removed);
    if (summary->left_alone)
        fprintf(stderr,
                "wfe: left alone: %zu\n"
                "     when no wfe works with this containerd from elsewhere, wfe gc --all "
                "takes them too\n",
                summary->left_alone);
    return code;
}

/* ---- runs ---- */

static const char *const run_kind_names[] = {
#define RUN_KIND_NAME_(name, text) [WFE_RUN_GC_##name] = (text),
    WFE_RUN_GC_KINDS(RUN_KIND_NAME_)
#undef RUN_KIND_NAME_
};

typedef struct gc_state {
    const gc_options *options;
    json_t *items; /* NULL: lines */
    wfe_gc_summary summary;
    wfe_stored stored; /* store NULL: nothing was ever recorded */
    wfe_run_settings settings;
    char tmp_dir[PATH_MAX];
    wfe_run_gc_options runs;
    char **kept;
} gc_state;

static void on_run_item(const wfe_run_gc_item *item, void *user)
{
    gc_state *g = user;
    const char *outcome = item->error       ? outcome_names[WFE_GC_FAILED]
                          : g->runs.dry_run ? outcome_names[WFE_GC_WOULD_REMOVE]
                                            : outcome_names[WFE_GC_REMOVED];
    if (item->error)
        g->summary.failed++;
    else
        g->summary.removed++;
    if (g->items) {
        json_array_append_new(g->items,
                              json_pack("{ss ss ss ss ss ss ss ss}", "kind",
                                        run_kind_names[item->kind], "outcome", outcome, "name",
                                        item->name, "run", item->run, "step", "", "attempt", "",
                                        "owner", "", "reason", item->error ? item->reason : ""));
        return;
    }
    printf("%-12s  %-9s  %s\n", outcome, run_kind_names[item->kind], item->name);
    if (item->error)
        printf("%-12s  %-9s  -> %s\n", "", "", item->reason);
}

static int64_t before(uint64_t ms)
{
    return ms ? wfe_clock_wall_us() - (int64_t)ms * 1000 : 0;
}

static int prepare_runs(gc_state *g, wfe_error *err)
{
    const gc_options *o = g->options;
    int rc = wfe_stored_open(&g->stored, err);
    if (rc == WFE_E_NOT_FOUND) {
        *err = (wfe_error)WFE_ERROR_INIT;
        rc = 0;
    }
    if (!rc)
        rc = wfe_run_settings_here(&o->connection, &(wfe_registry_config){0}, &g->settings, err);
    if (rc)
        return rc;
    g->runs = (wfe_run_gc_options){
        .state_dir = g->stored.dir,
        .store = g->stored.store,
        .tmp_dir = wfe_run_settings_tmp_dir(&g->settings, g->tmp_dir),
        .volume_dir = g->settings.volume_dir,
        .runs_before_us = before(o->runs_ms),
        .logs_before_us = before(o->logs_ms),
        .logs_max_bytes = o->logs_bytes,
        .interrupted = o->interrupted,
        .dry_run = o->dry_run,
        .found = on_run_item,
        .user = g,
    };
    return wfe_run_gc_kept(&g->runs, &g->kept, err);
}

static void gc_done(gc_state *g)
{
    wfe_strv_free(g->kept);
    wfe_run_settings_done(&g->settings);
    wfe_stored_close(&g->stored);
    json_decref(g->items);
}

/* Runs first: what is not remembered any longer has no right to containers. */
static int collect(gc_state *g, wfe_error *err)
{
    const gc_options *o = g->options;
    wfe_client *client = NULL;
    wfe_gc_summary summary = {0};
    int rc = prepare_runs(g, err);
    if (!rc)
        rc = wfe_run_gc(&g->runs, &g->kept, err);
    if (rc || o->only_runs)
        return rc;
    const wfe_gc_options gc = {
        .size = sizeof gc,
        .dry_run = o->dry_run,
        .all = o->all,
        .found = o->json ? collect_item : print_item,
        .user = g->items,
        .keep_runs = (const char *const *)g->kept,
    };
    rc = wfe_connection_open(&o->connection, &client, err);
    if (!rc)
        rc = wfe_gc_run(client, &gc, &summary, err);
    wfe_client_free(client);
    g->summary.removed += summary.removed;
    g->summary.left_alone += summary.left_alone;
    g->summary.failed += summary.failed;
    g->summary.in_use += summary.in_use;
    return rc;
}

static int cmd_gc(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const gc_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    _cleanup_(gc_done) gc_state g = {.options = o, .items = o->json ? json_array() : NULL};
    if (collect(&g, &error))
        return wfe_report_flush(wfe_stored_report(&error, o->json));
    int code = g.summary.failed ? WFE_EXIT_FAILED : WFE_EXIT_OK;
    return wfe_report_flush(o->json ? print_json(o, &g.summary, wfe_take(g.items), code)
                                    : print_summary(&g.summary, code));
}

const wfe_command wfe_cmd_gc = {
    .name = "gc",
    .usage = "[OPTION...]",
    .summary = "remove what killed processes left behind",
    .details =
        "Looks through the containerd namespace and the I/O folder for containers,\n"
        "snapshots, leases and folders of wfe processes that are dead, and removes them.\n"
        "What belongs to a living process is not touched. Whether the owner is alive cannot\n"
        "be known when it is of an earlier boot, another machine or another pid namespace:\n"
        "such things are told and left alone, unless --all is given. Exits with 125 when\n"
        "something could not be removed.\n"
        "Nothing of a run is touched that wfe resume can go on with, unless --interrupted is\n"
        "given. Folders of other dead runs and logs without a run are removed; runs and\n"
        "their logs are kept for ever, unless an age or a size is given.\n",
    .examples = "  wfe gc --dry-run\n"
                "  wfe gc --runs-older-than 30d --max-logs 10g\n"
                "  wfe gc --namespace ci --json\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(gc_options),
    .run = cmd_gc,
};
