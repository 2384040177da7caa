/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe gc: removes what killed processes left behind.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <wfe/gc.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/exit_code.h"
#include "cli/report.h"

typedef struct gc_options {
    wfe_connection connection;
    bool dry_run;
    bool all;
    bool json;
} gc_options;

static const wfe_option options[] = {
    {"dry-run", 0, WFE_OPTION_FLAG, NULL, "only tell what would be removed",
     offsetof(gc_options, dry_run)},
    {"all", 0, WFE_OPTION_FLAG, NULL, "also what belongs to another boot, machine or pid namespace",
     offsetof(gc_options, all)},
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

static int cmd_gc(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const gc_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_gc_summary summary = {0};
    json_t *items = o->json ? json_array() : NULL;
    wfe_gc_options gc = {
        .size = sizeof gc,
        .dry_run = o->dry_run,
        .all = o->all,
        .found = o->json ? collect_item : print_item,
        .user = items,
    };
    int rc = wfe_connection_open(&o->connection, &client, &error);
    if (!rc)
        rc = wfe_gc_run(client, &gc, &summary, &error);
    wfe_client_free(client);
    if (rc) {
        json_decref(items);
        return wfe_report_flush(wfe_report(&error, o->json));
    }
    int code = summary.failed ? WFE_EXIT_FAILED : WFE_EXIT_OK;
    return wfe_report_flush(o->json ? print_json(o, &summary, items, code)
                                    : print_summary(&summary, code));
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
        "something could not be removed.\n",
    .examples = "  wfe gc --dry-run\n"
                "  wfe gc --namespace ci --json\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(gc_options),
    .run = cmd_gc,
};
