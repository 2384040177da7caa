/* SPDX-License-Identifier: Apache-2.0
 *
 * A process on this host, in a session of its own. Its end takes the processes with it that it left
 * in its process group, as a container's end does. Its streams are FIFOs in the run's folder, read
 * by what reads those of containers.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "engine/context.h"
#include "engine/env.h"
#include "engine/paths.h"
#include "engine/shell_orphans.h"
#include "step/capture.h"
#include "step/output_file.h"
#include "step/outputs.h"

/* After the exit: how long a process that escaped may keep the streams open without a byte. */
#define DRAIN_PATIENCE_MS 2000
#define DEFAULT_GRACE_MS 10000
#define MAX_WARNINGS 4

struct wfe_attempt {
    const wfe_plan_shell *shell;
    wfe_context *context;
    const wfe_attempt_fns *fns;
    void *user;
    wfe_child *child;
    pid_t group; /* 0: gone, or never there */
    wfe_capture *captures[2];
    wfe_outputs outputs;
    char *output_path;
    char *note_path; /* for whoever finds what we left; NULL: there is none */
    wfe_timer *timeout;
    wfe_timer *patience; /* grace after TERM; then the drain */
    uint64_t drained_bytes;
    int exit_code;
    bool exited;
    bool timed_out;
    bool cancelled;
    bool told;
    wfe_error failure;
    char *warnings[MAX_WARNINGS + 1];
};

static void warn(wfe_attempt *attempt, const char *text)
{
    for (int i = 0; i < MAX_WARNINGS; i++) {
        if (attempt->warnings[i])
            continue;
        attempt->warnings[i] = strdup(text);
        return;
    }
}

static void signal_group(wfe_attempt *attempt, int number)
{
    if (attempt->group > 0)
        kill(-attempt->group, number);
}

static void free_attempt(wfe_attempt *attempt)
{
    signal_group(attempt, SIGKILL);
    wfe_child_free(attempt->child);
    wfe_capture_free(attempt->captures[0]);
    wfe_capture_free(attempt->captures[1]);
    wfe_outputs_done(&attempt->outputs);
    wfe_timer_free(attempt->timeout);
    wfe_timer_free(attempt->patience);
    if (attempt->output_path)
        unlink(attempt->output_path);
    if (attempt->note_path) /* nobody has taken it: it did not begin */
        unlink(attempt->note_path);
    free(attempt->output_path);
    free(attempt->note_path);
    for (int i = 0; i < MAX_WARNINGS; i++)
        free(attempt->warnings[i]);
    free(attempt);
}

/* ---- end ---- */

static void read_outputs(wfe_attempt *attempt)
{
    wfe_output_file_report report = {0};
    wfe_outputs_finish(&attempt->outputs, &attempt->failure);
    wfe_output_file_read(attempt->output_path, &attempt->outputs, &report, &attempt->failure);
    if (report.n_bad_lines)
        warn(attempt, "$WFE_OUTPUT: a line is neither key=value nor key<<WORD; it was left out");
    if (report.open_block_line)
        warn(attempt, "$WFE_OUTPUT: a block of lines has no last line; it was left out");
}

static void tell(wfe_attempt *attempt)
{
    if (attempt->told)
        return;
    attempt->told = true;
    read_outputs(attempt);
    wfe_attempt_end end = {
        .cause = WFE_PLAN_CAUSE_EXIT,
        .cancelled = attempt->cancelled && !attempt->timed_out,
        .exit_code = attempt->exit_code,
        .error = attempt->failure,
        .outputs = &attempt->outputs.map,
        .warnings = (const char *const *)attempt->warnings,
    };
    if (end.error.kind) {
        end.cause = WFE_PLAN_CAUSE_INFRASTRUCTURE;
    } else if (attempt->timed_out) {
        end.cause = WFE_PLAN_CAUSE_TIMEOUT;
        wfe_error_set(&end.error, WFE_E_TIMEOUT, "Shell command timed out after %llums",
                      (unsigned long long)attempt->shell->timeout_ms);
    } else if (attempt->exit_code) {
        wfe_error_set(&end.error, WFE_E_CONFLICT, "Shell command exited with code %d",
                      attempt->exit_code);
    }
    attempt->fns->ended(&end, attempt->user);
}

static uint64_t captured_bytes(const wfe_attempt *attempt)
{
    return wfe_capture_bytes(attempt->captures[0]) + wfe_capture_bytes(attempt->captures[1]);
}

static void look_at_end(wfe_attempt *attempt)
{
    if (attempt->exited && wfe_capture_is_done(attempt->captures[0]) &&
        wfe_capture_is_done(attempt->captures[1]))
        tell(attempt);
}

static void on_stream_done(wfe_capture *capture, const wfe_error *err, void *user)
{
    (void)capture;
    wfe_attempt *attempt = user;
    if (err->kind) {
        wfe_error_copy(&attempt->failure, err);
        signal_group(attempt, SIGKILL);
    }
    look_at_end(attempt);
}

static void on_exited(int exit_code, void *user)
{
    wfe_attempt *attempt = user;
    attempt->exit_code = exit_code;
    attempt->exited = true;
    wfe_timer_stop(attempt->timeout);
    signal_group(attempt, SIGKILL);
    attempt->group = 0;
    attempt->drained_bytes = captured_bytes(attempt);
    wfe_timer_start(attempt->patience, DRAIN_PATIENCE_MS);
    look_at_end(attempt);
}

/* ---- stop ---- */

static void on_patience(void *user)
{
    wfe_attempt *attempt = user;
    if (!attempt->exited) {
        signal_group(attempt, SIGKILL);
        return;
    }
    uint64_t bytes = captured_bytes(attempt);
    if (bytes != attempt->drained_bytes) {
        attempt->drained_bytes = bytes;
        wfe_timer_start(attempt->patience, DRAIN_PATIENCE_MS);
        return;
    }
    warn(attempt, "the command ended, but a process it left behind keeps its output open; the rest "
                  "of it was dropped");
    tell(attempt);
}

static void stop(wfe_attempt *attempt)
{
    uint64_t grace = attempt->shell->grace_ms ? attempt->shell->grace_ms : DEFAULT_GRACE_MS;
    if (attempt->exited)
        return;
    signal_group(attempt, SIGTERM);
    wfe_timer_start(attempt->patience, grace);
}

static void on_timeout(void *user)
{
    wfe_attempt *attempt = user;
    attempt->timed_out = true;
    stop(attempt);
}

static void cancel(wfe_attempt *attempt, bool kill_now)
{
    bool again = attempt->cancelled;
    attempt->cancelled = true;
    if (kill_now)
        signal_group(attempt, SIGKILL);
    else if (!again && !attempt->timed_out)
        stop(attempt);
}

/* ---- start ---- */

/* A stream's FIFO, open at both ends, without a name. */
static int open_stream(wfe_attempt *attempt, int which, int *ret_fd, wfe_error *err)
{
    _cleanup_free_ char *path = NULL;
    int rc = wfe_context_file(attempt->context, "fifo", &path, err);
    if (rc)
        return rc;
    wfe_capture_options options = {
        .stream = which ? WFE_STDERR : WFE_STDOUT,
        .fifo_path = path,
        .outputs = which ? NULL : &attempt->outputs,
        .listener = attempt->fns->output,
        .listener_user = attempt->user,
        .done = on_stream_done,
        .user = attempt,
    };
    rc = wfe_capture_new(attempt->context->loop, &options, &attempt->captures[which], err);
    if (!rc) {
        *ret_fd = open(path, O_WRONLY | O_CLOEXEC);
        if (*ret_fd < 0)
            rc = wfe_error_set_errno(err, errno, "cannot open the FIFO %s", path);
    }
    unlink(path);
    return rc;
}

/* SHELL... -c RUN, or SHELL... FILE. Borrows the texts. */
static const char **make_argv(const wfe_plan_shell *shell, const char *file)
{
    static const char *const plain[] = {"sh", NULL};
    const char *const *front = shell->shell ? shell->shell : plain;
    size_t n = wfe_strv_length(front);
    const char **argv = calloc(n + 3, sizeof *argv);
    if (!argv)
        return NULL;
    memcpy(argv, front, n * sizeof *argv);
    if (!shell->file)
        argv[n++] = "-c";
    argv[n] = shell->file ? file : shell->run;
    return argv;
}

static int check_folder(const char *path, wfe_error *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return wfe_error_set_errno(err, errno, "working_dir '%s' cannot be used", path);
    if (!S_ISDIR(st.st_mode))
        return wfe_error_set(err, WFE_E_INVALID, "working_dir '%s' is no folder", path);
    return 0;
}

static int spawn(wfe_attempt *attempt, char **env, const int fds[2], wfe_error *err)
{
    const wfe_plan_shell *shell = attempt->shell;
    _cleanup_free_ char *folder = NULL;
    _cleanup_free_ char *file = NULL;
    _cleanup_free_ const char **argv = NULL;
    int rc = wfe_paths_resolve(attempt->context, shell->working_dir ? shell->working_dir : ".",
                               &folder, err);
    if (!rc)
        rc = check_folder(folder, err);
    if (!rc && shell->file)
        rc = wfe_paths_resolve(attempt->context, shell->file, &file, err);
    if (!rc && !(argv = make_argv(shell, file)))
        rc = wfe_error_nomem(err);
    if (rc)
        return rc;
    wfe_spawn_options options = {
        .argv = argv,
        .envp = (const char *const *)env,
        .stdin_fd = -1,
        .stdout_fd = fds[0],
        .stderr_fd = fds[1],
        .new_session = true,
        .working_dir = folder,
    };
    rc =
        wfe_child_spawn(attempt->context->loop, &options, on_exited, attempt, &attempt->child, err);
    if (rc)
        wfe_error_prefix(err, "Failed to spawn shell command");
    else
        attempt->group = wfe_child_pid(attempt->child);
    return rc;
}

static int make_env(wfe_attempt *attempt, const wfe_attempt_env *env, char ***ret, wfe_error *err)
{
    _cleanup_(wfe_strv_free_p) char **own = NULL;
    wfe_env_left_out left_out = {0};
    wfe_buf entry = WFE_BUF_INIT(0);
    int rc = wfe_context_file(attempt->context, "output", &attempt->output_path, err);
    if (!rc)
        rc = wfe_output_file_create(attempt->output_path, err);
    if (!rc)
        rc = wfe_buf_printf(&entry, err, "WFE_OUTPUT=%s", attempt->output_path);
    if (!rc)
        rc = wfe_env_build(env, (const char *const *)attempt->context->environment,
                           attempt->shell->env, &own, &left_out, err);
    if (!rc)
        rc = wfe_env_append(&own, wfe_buf_take(&entry, NULL), err);
    wfe_buf_done(&entry);
    if (rc)
        return rc;
    if (left_out.n)
        warn(attempt, left_out.text);
    *ret = wfe_take(own);
    return 0;
}

static int check_secrets(const wfe_attempt_env *env, wfe_error *err)
{
    for (uint32_t i = 0; i < env->n_secrets; i++)
        if (env->secrets[i].file)
            return wfe_error_set(err, WFE_E_INVALID,
                                 "step '%s': a secret as a file is for containers; a shell step "
                                 "takes it in a variable (env)",
                                 env->path);
    return 0;
}

static int launch(wfe_attempt *attempt, const wfe_attempt_env *env, wfe_error *err)
{
    _cleanup_(wfe_strv_free_p) char **variables = NULL;
    _cleanup_close_ int out = -1, errors = -1;
    wfe_loop *loop = attempt->context->loop;
    int rc = check_secrets(env, err);
    if (!rc)
        rc = make_env(attempt, env, &variables, err);
    if (!rc && attempt->context->durable)
        rc = wfe_shell_note(attempt->context, env->path, env->attempt, attempt->output_path,
                            &attempt->note_path, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_timeout, attempt, &attempt->timeout, err);
    if (!rc)
        rc = wfe_timer_new(loop, on_patience, attempt, &attempt->patience, err);
    if (!rc)
        rc = open_stream(attempt, 0, &out, err);
    if (!rc)
        rc = open_stream(attempt, 1, &errors, err);
    const int fds[2] = {out, errors};
    if (!rc)
        rc = spawn(attempt, variables, fds, err);
    return rc;
}

static int start(const wfe_attempt_env *env, const wfe_attempt_fns *fns, void *user,
                 wfe_attempt **ret, wfe_error *err)
{
    if (env->adopt && wfe_shell_kill_orphans(env->context, env->path, env->attempt)) {
        return wfe_error_set(err, WFE_E_UNAVAILABLE,
                             "its process was killed: the wfe that ran it was killed, and nobody "
                             "knows what it would have come to");
    }
    if (env->adopt && env->stops)
        return wfe_error_set(err, WFE_E_CANCELLED, "it was stopped before it began");
    wfe_attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt)
        return wfe_error_nomem(err);
    attempt->shell = env->step->config.shell;
    attempt->context = env->context;
    attempt->fns = fns;
    attempt->user = user;
    wfe_outputs_init(&attempt->outputs);
    int rc = launch(attempt, env, err);
    if (rc) {
        free_attempt(attempt);
        return rc;
    }
    if (attempt->shell->timeout_ms)
        wfe_timer_start(attempt->timeout, attempt->shell->timeout_ms);
    *ret = attempt;
    return 0;
}

static bool leaves(wfe_attempt *attempt, wfe_leftover *ret)
{
    *ret = (wfe_leftover){.path = attempt->note_path};
    attempt->note_path = NULL;
    return ret->path != NULL;
}

const wfe_step_type wfe_step_type_shell = {.name = "shell",
                                           .start = start,
                                           .cancel = cancel,
                                           .free = free_attempt,
                                           .leaves = leaves,
                                           .adopts = true};
