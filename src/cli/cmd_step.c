/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe step: one command in one container.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wfe/step.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/strv.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/env.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/pull_view.h"
#include "cli/registry.h"
#include "cli/report.h"
#include "cli/spelling.h"
#include "cli/volume.h"

#define PROFILE_MAX_BYTES ((size_t)1024 * 1024)

typedef struct step_options {
    wfe_connection connection;
    wfe_registry_config registry;
    const char *pull;
    const char *image;
    const char *run;
    wfe_option_list env;
    wfe_option_list secrets;
    wfe_option_list volumes;
    const char *working_dir;
    const char *user;
    const char *network;
    const char *name;
    uint64_t timeout_ms;
    uint64_t grace_ms;
    uint64_t output_limit_bytes;
    const char *shell;
    const char *memory;
    const char *cpu;
    const char *pids;
    const char *shm_size;
    wfe_option_list ulimits;
    wfe_option_list cap_add;
    wfe_option_list cap_drop;
    wfe_option_list tmpfs;
    wfe_option_list dns;
    wfe_option_list extra_hosts;
    wfe_option_list labels;
    const char *hostname;
    const char *seccomp;
    const char *apparmor;
    bool privileged;
    bool allow_new_privileges;
    bool read_only;
    bool no_init;
    bool strict;
    bool are_args;
    bool use_stdin;
    bool json;
} step_options;

static const wfe_option options[] = {
    {"image", 'i', WFE_OPTION_TEXT, "IMAGE", "image to run (required)",
     offsetof(step_options, image)},
    {"pull", 0, WFE_OPTION_TEXT, "always|if-not-present|never",
     "whether the image is pulled (if-not-present)", offsetof(step_options, pull)},
    {"run", 'r', WFE_OPTION_TEXT, "SCRIPT", "run this with /bin/sh -c",
     offsetof(step_options, run)},
    {"args", 0, WFE_OPTION_FLAG, NULL,
     "the words after -- are arguments for the image's ENTRYPOINT, in place of CMD only",
     offsetof(step_options, are_args)},
    {"env", 'e', WFE_OPTION_LIST, "KEY[=VALUE]",
     "set an environment variable; KEY alone: to wfe's own value (repeatable)",
     offsetof(step_options, env)},
    {"secret", 0, WFE_OPTION_LIST, "KEY[=FILE]",
     "a variable that is shown nowhere: wfe's own, or what the file holds (repeatable)",
     offsetof(step_options, secrets)},
    {"volume", 'v', WFE_OPTION_LIST, "SRC:DST[:ro]", "mount a file or folder (repeatable)",
     offsetof(step_options, volumes)},
    {"workdir", 'w', WFE_OPTION_TEXT, "PATH", "working directory (the image's, else /)",
     offsetof(step_options, working_dir)},
    {"user", 'u', WFE_OPTION_TEXT, "USER[:GROUP]",
     "numbers or names of the image, or 'image' (65534:65534)", offsetof(step_options, user)},
    {"strict", 0, WFE_OPTION_FLAG, NULL, "warnings are errors", offsetof(step_options, strict)},
    {"shell", 0, WFE_OPTION_TEXT, "SHELL", "shell for --run (/bin/sh)",
     offsetof(step_options, shell)},
    {"network", 0, WFE_OPTION_TEXT, "none|host|ns:PATH",
     "only loopback (none), the host's network, or a network namespace",
     offsetof(step_options, network)},
    {"timeout", 't', WFE_OPTION_DURATION, "DURATION", "stop the step after this time (none)",
     offsetof(step_options, timeout_ms)},
    {"grace", 0, WFE_OPTION_DURATION, "DURATION", "time between TERM and KILL (10s)",
     offsetof(step_options, grace_ms)},
    {"memory", 'm', WFE_OPTION_TEXT, "SIZE", "memory limit: 512m, 1g (none)",
     offsetof(step_options, memory)},
    {"cpu", 0, WFE_OPTION_TEXT, "NUMBER", "processors: 0.5, 2 (all)", offsetof(step_options, cpu)},
    {"pids", 0, WFE_OPTION_TEXT, "NUMBER", "processes and threads at most (no limit)",
     offsetof(step_options, pids)},
    {"shm-size", 0, WFE_OPTION_TEXT, "SIZE", "size of /dev/shm (64m)",
     offsetof(step_options, shm_size)},
    {"ulimit", 0, WFE_OPTION_LIST, "NAME=SOFT[:HARD]", "a resource limit (repeatable)",
     offsetof(step_options, ulimits)},
    {"read-only", 0, WFE_OPTION_FLAG, NULL, "read-only root file system, /tmp in memory",
     offsetof(step_options, read_only)},
    {"tmpfs", 0, WFE_OPTION_LIST, "DIR[:OPTIONS]", "a file system in memory (repeatable)",
     offsetof(step_options, tmpfs)},
    {"hostname", 0, WFE_OPTION_TEXT, "NAME", "name of the container as a host",
     offsetof(step_options, hostname)},
    {"add-host", 0, WFE_OPTION_LIST, "NAME:ADDRESS", "a line for /etc/hosts (repeatable)",
     offsetof(step_options, extra_hosts)},
    {"dns", 0, WFE_OPTION_LIST, "ADDRESS", "a DNS server (repeatable)",
     offsetof(step_options, dns)},
    {"cap-add", 0, WFE_OPTION_LIST, "NAME", "give a capability (repeatable)",
     offsetof(step_options, cap_add)},
    {"cap-drop", 0, WFE_OPTION_LIST, "NAME", "take a capability away, or ALL (repeatable)",
     offsetof(step_options, cap_drop)},
    {"privileged", 0, WFE_OPTION_FLAG, NULL, "no confinement at all",
     offsetof(step_options, privileged)},
    {"allow-new-privileges", 0, WFE_OPTION_FLAG, NULL, "let sudo and the like work",
     offsetof(step_options, allow_new_privileges)},
    {"seccomp", 0, WFE_OPTION_TEXT, "default|unconfined|FILE", "filter of system calls, as JSON",
     offsetof(step_options, seccomp)},
    {"apparmor", 0, WFE_OPTION_TEXT, "unconfined|PROFILE", "a loaded profile of AppArmor",
     offsetof(step_options, apparmor)},
    {"label", 0, WFE_OPTION_LIST, "KEY=VALUE", "a label for the container (repeatable)",
     offsetof(step_options, labels)},
    {"no-init", 0, WFE_OPTION_FLAG, NULL, "the command itself is process 1",
     offsetof(step_options, no_init)},
    {"name", 0, WFE_OPTION_TEXT, "NAME", "name of the step in its result (unknown)",
     offsetof(step_options, name)},
    {"output-limit", 0, WFE_OPTION_BYTES, "SIZE", "bytes of each stream kept for --json (1m)",
     offsetof(step_options, output_limit_bytes)},
    {"stdin", 0, WFE_OPTION_FLAG, NULL, "pass the standard input on to the command",
     offsetof(step_options, use_stdin)},
    {"json", 0, WFE_OPTION_FLAG, NULL, "print the result as JSON instead of the streams",
     offsetof(step_options, json)},
    {"runtime", 0, WFE_OPTION_TEXT, "NAME", "containerd runtime (io.containerd.runc.v2)",
     offsetof(step_options, connection.runtime)},
    WFE_REGISTRY_OPTIONS(step_options, registry),
    WFE_CONNECTION_OPTIONS(step_options, connection),
};

typedef struct running_step {
    bool done;
    wfe_step *step;
    wfe_step_result *result;
    wfe_error error;
} running_step;

static void on_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    running_step *running = user;
    running->done = true;
    running->step = NULL;
    running->result = result;
    running->error = *err;
}

static void on_signal(void *user)
{
    running_step *running = user;
    if (running->step)
        wfe_step_cancel(running->step);
}

static int exit_code_of(const wfe_step_result *result)
{
    switch (wfe_step_result_end(result)) {
    case WFE_STEP_TIMED_OUT:
        return WFE_EXIT_TIMEOUT;
    case WFE_STEP_CANCELLED:
        return WFE_EXIT_INTERRUPTED;
    case WFE_STEP_EXITED:
        break;
    }
    return wfe_step_result_exit_code(result);
}

static void tell_end(const step_options *o, const wfe_step_result *result)
{
    for (size_t i = 0; i < wfe_step_result_n_warnings(result); i++)
        fprintf(stderr, "wfe: warning: %s\n", wfe_step_result_warning(result, i));
    if (wfe_step_result_end(result) == WFE_STEP_TIMED_OUT)
        fprintf(stderr, "wfe: container execution timed out after %llums\n",
                (unsigned long long)o->timeout_ms);
    else if (wfe_step_result_end(result) == WFE_STEP_CANCELLED)
        fprintf(stderr, "wfe: interrupted; the container was stopped and removed\n");
    else if (wfe_step_result_out_of_memory(result))
        fprintf(stderr, "wfe: the container ran out of memory: its limit is %s\n", o->memory);
}

static int print_json(const wfe_step_result *result)
{
    _cleanup_free_ char *json = wfe_step_result_json(result);
    if (!json) {
        fprintf(stderr, "wfe: out of memory\n");
        return WFE_EXIT_FAILED;
    }
    puts(json);
    return wfe_report_flush(exit_code_of(result));
}

static int finish(const step_options *o, running_step *running)
{
    if (running->error.kind)
        return wfe_report(&running->error, o->json);
    int code = exit_code_of(running->result);
    if (o->json)
        code = print_json(running->result);
    else
        tell_end(o, running->result);
    wfe_step_result_free(running->result);
    return code;
}

/* Runs the step on an open client; gives the exit code. */
static int run_step(const step_options *o, wfe_client *client, const wfe_step_options *step)
{
    running_step running = {0};
    wfe_interrupt *interrupt = NULL;
    bool refused = false;
    int rc = wfe_interrupt_new(client, on_signal, &running, &interrupt, &running.error);
    if (!rc) {
        rc = wfe_step_start(client, step, on_done, &running, &running.step, &running.error);
        refused = rc != 0; /* nothing has been asked of containerd yet */
    }
    if (!rc)
        wfe_client_run(client, &running.done, &running.error);
    wfe_interrupt_free(interrupt);
    if (!refused)
        return finish(o, &running);
    wfe_spelling_of_command(&running.error);
    return wfe_report_usage(&running.error, o->json);
}

static int parse_volumes(const step_options *o, wfe_volume **ret, size_t *ret_n, wfe_error *err)
{
    *ret = calloc(o->volumes.len + 1, sizeof **ret);
    if (!*ret)
        return wfe_error_nomem(err);
    for (size_t i = 0; i < o->volumes.len; i++) {
        int rc = wfe_volume_parse(o->volumes.items[i], &(*ret)[i], err);
        if (rc)
            return rc;
        ++*ret_n;
    }
    return 0;
}

static int check_usage(const step_options *o, int argc, wfe_error *err)
{
    if (!o->image) {
        wfe_error_set(err, WFE_E_INVALID, "wfe step needs --image IMAGE");
        wfe_error_hint(err, "for example: wfe step --image busybox -- echo hi");
        return WFE_E_INVALID;
    }
    if (o->run && argc)
        return wfe_error_set(err, WFE_E_INVALID,
                             "wfe step takes either --run SCRIPT or a command after --, not both");
    if (o->are_args && !argc)
        return wfe_error_set(err, WFE_E_INVALID, "--args needs words after --");
    return 0;
}

/* --seccomp names a file unless it is one of the two words. */
static int read_profile(const step_options *o, wfe_buf *out, wfe_error *err)
{
    if (!o->seccomp || strcmp(o->seccomp, "default") == 0 || strcmp(o->seccomp, "unconfined") == 0)
        return 0;
    int rc = wfe_fd_read_file(o->seccomp, PROFILE_MAX_BYTES, out, err);
    if (!rc && (!out->len || strlen(out->data) != out->len ||
                out->data[strspn(out->data, " \t\r\n")] != '{'))
        rc = wfe_error_set(err, WFE_E_INVALID, "%s is no profile as JSON", o->seccomp);
    wfe_error_prefix(err, "--seccomp");
    return rc;
}

static int cmd_step(const wfe_command *command, void *target, int argc, char **argv)
{
    (void)command;
    const step_options *o = target;
    wfe_error error = WFE_ERROR_INIT;
    wfe_volume *volumes = NULL;
    size_t n_volumes = 0;
    wfe_client *client = NULL;
    wfe_registry_setup registry = {0};
    wfe_pull_view *view = NULL;
    _cleanup_(wfe_buf_done) wfe_buf profile = WFE_BUF_INIT(2 * PROFILE_MAX_BYTES);
    _cleanup_(wfe_strv_free_p) char **env = NULL, **secrets = NULL;
    const char *const shell[] = {o->shell, NULL};
    argv[argc] = NULL;
    int rc = check_usage(o, argc, &error);
    if (!rc)
        rc = read_profile(o, &profile, &error);
    if (!rc)
        rc = wfe_env_complete(o->env.items, &env, &error);
    if (!rc)
        rc = wfe_env_secrets(o->secrets.items, &secrets, &error);
    if (!rc)
        rc = parse_volumes(o, &volumes, &n_volumes, &error);
    if (!rc)
        rc = wfe_registry_setup_init(&registry, &o->registry, &error);
    bool refused = rc != 0;
    if (!rc)
        rc = wfe_pull_view_new(wfe_pull_view_choose(stderr, WFE_PULL_VIEW_BRIEF), stderr, &view,
                               &error);
    if (!rc)
        rc = wfe_connection_open(&o->connection, &client, &error);
    wfe_step_options step = {
        .size = sizeof step,
        .image = o->image,
        .pull = o->pull,
        .registry = &registry.access,
        .on_pull = wfe_pull_view_progress,
        .on_pull_user = view,
        .run = o->run,
        .command = argc && !o->are_args ? (const char *const *)argv : NULL,
        .args = argc && o->are_args ? (const char *const *)argv : NULL,
        .shell = shell[0] ? shell : NULL,
        .strict = o->strict,
        .memory = o->memory,
        .cpu = o->cpu,
        .pids = o->pids,
        .shm_size = o->shm_size,
        .ulimits = o->ulimits.items,
        .cap_add = o->cap_add.items,
        .cap_drop = o->cap_drop.items,
        .privileged = o->privileged,
        .allow_new_privileges = o->allow_new_privileges,
        .seccomp = profile.data ? profile.data : o->seccomp,
        .apparmor = o->apparmor,
        .read_only = o->read_only,
        .tmpfs = o->tmpfs.items,
        .hostname = o->hostname,
        .dns = o->dns.items,
        .extra_hosts = o->extra_hosts.items,
        .labels = o->labels.items,
        .no_init = o->no_init,
        .env = (const char *const *)env,
        .secret_env = (const char *const *)secrets,
        .volumes = volumes,
        .n_volumes = n_volumes,
        .working_dir = o->working_dir,
        .user = o->user,
        .network = o->network,
        .timeout_ms = o->timeout_ms,
        .grace_ms = o->grace_ms,
        .name = o->name,
        .output_limit_bytes = o->output_limit_bytes,
        .has_stdin = o->use_stdin,
        .stdin_fd = STDIN_FILENO,
        .stdout_fd = o->json ? -1 : STDOUT_FILENO,
        .stderr_fd = o->json ? -1 : STDERR_FILENO,
    };
    wfe_spelling_of_command(&error);
    int code = refused ? wfe_report_usage(&error, o->json)
               : rc    ? wfe_report(&error, o->json)
                       : run_step(o, client, &step);
    wfe_pull_view_free(view);
    wfe_report_leave(code);
    wfe_client_free(client);
    wfe_registry_setup_done(&registry);
    for (size_t i = 0; i < n_volumes; i++)
        wfe_volume_done(&volumes[i]);
    free(volumes);
    return code;
}

const wfe_command wfe_cmd_step = {
    .name = "step",
    .usage = "[OPTION...] --image IMAGE [--run SCRIPT | [--] COMMAND [ARG...]]",
    .summary = "run one command in one container",
    .details =
        "Streams the command's stdout and stderr to its own and exits with the command's\n"
        "exit code. Other codes: 2 wrong usage, 124 timeout, 125 wfe or containerd failed,\n"
        "126 the command cannot be executed, 127 it is not in the image, 130 interrupted.\n"
        "The first word that is no option begins the command: options of wfe go before it.\n",
    .examples =
        "  wfe step --image busybox -- echo hi\n"
        "  wfe step --image busybox --run 'ls -l /src' -v .:/src:ro -w /src -u 1000\n"
        "  wfe step --image busybox --timeout 5m --network host --json -- nslookup localhost\n",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .struct_size = sizeof(step_options),
    .max_operands = -1,
    .stops_at_operand = true,
    .run = cmd_step,
};
