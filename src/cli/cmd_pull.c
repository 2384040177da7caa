/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe pull: an image from a registry into containerd's store.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <wfe/image.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/pull_view.h"
#include "cli/registry.h"
#include "cli/report.h"

#define JOBS_MAX 32

typedef struct pull_options {
    wfe_connection connection;
    wfe_registry_config registry;
    const char *platform;
    const char *via;
    uint64_t jobs;
    bool quiet;
    bool json;
} pull_options;

static const wfe_option options[] = {
    {"platform", 0, WFE_OPTION_TEXT, "OS/ARCH[/VARIANT]",
     "take the image for this platform (this machine's)", offsetof(pull_options, platform)},
    {"jobs", 'j', WFE_OPTION_NUMBER, "NUMBER", "layers fetched at once, at most 32 (3)",
     offsetof(pull_options, jobs)},
    {"via", 0, WFE_OPTION_TEXT, "auto|ingest|transfer",
     "wfe fetches (ingest), or the daemon does (transfer)", offsetof(pull_options, via)},
    {"quiet", 'q', WFE_OPTION_FLAG, NULL, "print nothing unless it fails",
     offsetof(pull_options, quiet)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print one JSON object a line for each event",
     offsetof(pull_options, json)},
    WFE_REGISTRY_OPTIONS(pull_options, registry),
    WFE_CONNECTION_OPTIONS(pull_options, connection),
};

typedef struct running_pull {
    bool done;
    wfe_image_puller *puller;
    wfe_image_list *list;
    wfe_error error;
} running_pull;

static void on_done(wfe_image_list *list, const wfe_error *err, void *user)
{
    running_pull *running = user;
    running->done = true;
    running->puller = NULL;
    running->list = list;
    running->error = *err;
}

static void on_signal(void *user)
{
    running_pull *running = user;
    if (running->puller)
        wfe_image_pull_cancel(running->puller);
}

static int print_pulled(const pull_options *o, const wfe_image_list *list)
{
    const wfe_image_info *image = wfe_image_list_at(list, 0);
    if (o->json) {
        json_t *event = json_pack("{ss ss ss ss}", "event", "pulled", "name", image->name, "digest",
                                  image->digest, "media_type", image->media_type);
        _cleanup_free_ char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
        json_decref(event);
        if (text)
            puts(text);
    } else if (!o->quiet) {
        printf("pulled %s %s\n", image->name, image->digest);
    }
    return wfe_report_flush(WFE_EXIT_OK);
}

static enum wfe_pull_view_form form_of(const pull_options *o)
{
    if (o->json)
        return WFE_PULL_VIEW_JSON;
    return o->quiet ? WFE_PULL_VIEW_NONE : wfe_pull_view_choose(stderr, WFE_PULL_VIEW_LINES);
}

/* Pulls on an open client; gives the exit code. */
static int run_pull(const pull_options *o, wfe_client *client, wfe_image_pull_options *pull)
{
    running_pull running = {0};
    wfe_interrupt *interrupt = NULL;
    wfe_pull_view *view = NULL;
    int rc = wfe_pull_view_new(form_of(o), o->json ? stdout : stderr, &view, &running.error);
    pull->progress = wfe_pull_view_progress;
    pull->progress_user = view;
    if (!rc)
        rc = wfe_interrupt_new(client, on_signal, &running, &interrupt, &running.error);
    if (!rc)
        rc = wfe_image_pull_start(client, pull, on_done, &running, &running.puller, &running.error);
    if (!rc)
        wfe_client_run(client, &running.done, &running.error);
    wfe_interrupt_free(interrupt);
    wfe_pull_view_free(view);
    int code =
        running.error.kind ? wfe_report(&running.error, o->json) : print_pulled(o, running.list);
    wfe_image_list_free(running.list);
    return code;
}

static int check_usage(const pull_options *o, wfe_error *err)
{
    if (o->jobs > JOBS_MAX)
        return wfe_error_set(err, WFE_E_INVALID, "--jobs is %" PRIu64 ", must be 1 to %d", o->jobs,
                             JOBS_MAX);
    if (o->quiet && o->json)
        return wfe_error_set(err, WFE_E_INVALID, "--quiet and --json contradict each other");
    return 0;
}

static int cmd_pull(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    const pull_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    wfe_registry_setup registry = {0};
    int rc = check_usage(o, &error);
    if (!rc)
        rc = wfe_registry_setup_init(&registry, &o->registry, &error);
    if (!rc)
        rc = wfe_connection_open(&o->connection, &client, &error);
    wfe_image_pull_options pull = {
        .size = sizeof pull,
        .ref = argv[0],
        .platform = o->platform,
        .via = o->via,
        .jobs = (unsigned)o->jobs,
        .registry = &registry.access,
    };
    int code = rc ? wfe_report(&error, o->json) : run_pull(o, client, &pull);
    wfe_client_free(client);
    wfe_registry_setup_done(&registry);
    return code;
}

const wfe_command wfe_cmd_pull = {
    .name = "pull",
    .usage = "[OPTION...] IMAGE",
    .summary = "bring in an image from a registry",
    .details =
        "Fetches what containerd does not have, several layers at once, unpacks each as soon\n"
        "as those below it are unpacked, and makes the image's record at the end. Logins are\n"
        "docker's; mirrors, certificates and plain HTTP are set in hosts.toml files as for\n"
        "containerd itself; registries on this machine may use plain HTTP. An interrupted\n"
        "pull goes on where it stopped. http_proxy, https_proxy, no_proxy, DOCKER_CONFIG and\n"
        "NO_COLOR of the environment are honoured.\n",
    .examples = "  wfe pull alpine\n"
                "  wfe pull --platform linux/arm64 docker.io/library/debian:12\n"
                "  wfe pull --registry-user me --registry-password-file - host/app:1 <token\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(pull_options),
    .min_operands = 1,
    .max_operands = 1,
    .run = cmd_pull,
};
