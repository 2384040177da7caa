/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe daemon start|stop|status: the private containerd below the state folder.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <wfe/daemon.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/exit_code.h"
#include "cli/report.h"

typedef struct daemon_options {
    const char *binaries;
    bool force;
    bool json;
} daemon_options;

static const wfe_option start_options[] = {
    {"binaries", 0, WFE_OPTION_TEXT, "DIR", "use the containerd, shim and runc of this folder",
     offsetof(daemon_options, binaries)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print its state as JSON", offsetof(daemon_options, json)},
};
static const wfe_option stop_options[] = {
    {"force", 'f', WFE_OPTION_FLAG, NULL, "stop it although containers of it run",
     offsetof(daemon_options, force)},
};
static const wfe_option status_options[] = {
    {"json", 0, WFE_OPTION_FLAG, NULL, "print its state as JSON", offsetof(daemon_options, json)},
};

static int fill(const daemon_options *o, char *dir, size_t size, wfe_daemon_options *out,
                wfe_error *err)
{
    int rc = wfe_connection_daemon_dir(dir, size, err);
    *out = (wfe_daemon_options){.size = sizeof *out, .dir = dir, .binaries_dir = o->binaries};
    return rc;
}

static int print_json(const wfe_daemon_status *status)
{
    json_t *json =
        json_pack("{sb si ss ss ss}", "running", (int)status->running, "pid", (int)status->pid,
                  "address", status->socket, "version", status->version, "log", status->log);
    _cleanup_free_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text) {
        fprintf(stderr, "wfe: out of memory\n");
        return WFE_EXIT_FAILED;
    }
    puts(text);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int print_status(const daemon_options *o, const wfe_daemon_status *status)
{
    if (o->json)
        return print_json(status);
    if (status->running)
        printf("running: containerd %s, pid %d\naddress: %s\nlog: %s\n",
               status->version[0] ? status->version : "(it does not answer)", (int)status->pid,
               status->socket, status->log);
    else
        printf("not running; start it with: wfe daemon start\n");
    return wfe_report_flush(WFE_EXIT_OK);
}

static int cmd_start(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const daemon_options *o = target;
    char dir[WFE_DAEMON_DIR_MAX + 1];
    wfe_daemon_options options;
    wfe_daemon_status status;
    wfe_error error = WFE_ERROR_INIT;
    if (fill(o, dir, sizeof dir, &options, &error) || wfe_daemon_start(&options, &status, &error))
        return wfe_report(&error, o->json);
    if (o->binaries && status.was_running)
        fprintf(stderr, "wfe: it runs already, so --binaries is ignored\n"
                        "     stop it first to start it from another folder: wfe daemon stop\n");
    return print_status(o, &status);
}

static int cmd_stop(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const daemon_options *o = target;
    char dir[WFE_DAEMON_DIR_MAX + 1];
    wfe_daemon_options options;
    wfe_error error = WFE_ERROR_INIT;
    if (fill(o, dir, sizeof dir, &options, &error) || wfe_daemon_stop(&options, o->force, &error))
        return wfe_report_error(&error);
    printf("stopped\n");
    return wfe_report_flush(WFE_EXIT_OK);
}

static int cmd_status(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    (void)argc;
    (void)argv;
    const daemon_options *o = target;
    char dir[WFE_DAEMON_DIR_MAX + 1];
    wfe_daemon_options options;
    wfe_daemon_status status;
    wfe_error error = WFE_ERROR_INIT;
    if (fill(o, dir, sizeof dir, &options, &error) || wfe_daemon_query(&options, &status, &error))
        return wfe_report(&error, o->json);
    return print_status(o, &status);
}

const wfe_command wfe_cmd_daemon_start = {
    .name = "daemon start",
    .usage = "[OPTION...]",
    .summary = "start a private containerd",
    .details =
        "Everything of it is below the state folder: WFE_STATE_DIR, else XDG_STATE_HOME/wfe,\n"
        "else /var/lib/wfe. It runs until `wfe daemon stop`. Other commands find it by\n"
        "themselves. A user other than root needs rootlesskit, newuidmap, and ids in /etc/subuid\n"
        "and /etc/subgid; limits on memory, cpu and pids do not hold then.\n",
    .examples = "  wfe daemon start\n",
    .options = start_options,
    .n_options = sizeof start_options / sizeof *start_options,
    .struct_size = sizeof(daemon_options),
    .run = cmd_start,
};

const wfe_command wfe_cmd_daemon_stop = {
    .name = "daemon stop",
    .usage = "[--force]",
    .summary = "stop the private containerd",
    .details = "Its images and other data stay.\n",
    .examples = "  wfe daemon stop\n",
    .options = stop_options,
    .n_options = sizeof stop_options / sizeof *stop_options,
    .struct_size = sizeof(daemon_options),
    .run = cmd_stop,
};

const wfe_command wfe_cmd_daemon_status = {
    .name = "daemon status",
    .usage = "[--json]",
    .summary = "tell whether the private containerd runs",
    .examples = "  wfe daemon status --json\n",
    .options = status_options,
    .n_options = sizeof status_options / sizeof *status_options,
    .struct_size = sizeof(daemon_options),
    .run = cmd_status,
};
