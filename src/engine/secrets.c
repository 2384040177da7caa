/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "engine/paths.h"
#include "step/capture.h"

typedef struct secret {
    uint32_t workflow;
    const wfe_plan_secret *plan;
    char *value; /* without newlines at its end */
    char *path;  /* the file that holds it; NULL: no step wants one */
} secret;

struct wfe_secrets {
    wfe_context *context;
    const wfe_plan *plan;
    wfe_lookup_fn lookup;
    void *lookup_user;
    wfe_secrets_fn done;
    void *user;
    secret *list;
    uint32_t n;
    uint32_t next; /* to be read */
    wfe_timer *turn;
    /* The command under way. */
    wfe_child *child;
    wfe_capture *capture;
    wfe_timer *deadline;
    bool exited;
    int exit_code;
    wfe_error error;
};

static void clear(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void end_command(wfe_secrets *secrets)
{
    if (secrets->child && !secrets->exited)
        kill(-wfe_child_pid(secrets->child), SIGKILL);
    wfe_child_free(secrets->child);
    wfe_capture_free(secrets->capture);
    secrets->child = NULL;
    secrets->capture = NULL;
}

void wfe_secrets_free(wfe_secrets *secrets)
{
    if (!secrets)
        return;
    end_command(secrets);
    wfe_timer_free(secrets->turn);
    wfe_timer_free(secrets->deadline);
    for (uint32_t i = 0; i < secrets->n; i++) {
        clear(secrets->list[i].value);
        free(secrets->list[i].path);
    }
    free(secrets->list);
    free(secrets);
}

/* ---- values ---- */

static int wrong(wfe_secrets *secrets, const secret *s, wfe_error *err)
{
    char pos[WFE_PLAN_POS_SIZE];
    wfe_error_prefix(err, "%s: secret '%s'", wfe_plan_pos_format(secrets->plan, s->plan->pos, pos),
                     s->plan->name);
    return err->kind;
}

static int keep_file(wfe_secrets *secrets, secret *s, wfe_error *err)
{
    int rc = wfe_context_file(secrets->context, "secret", &s->path, err);
    /* Readable to the step's user, whoever that is; the folder keeps everybody else out. */
    return rc ? rc : wfe_fd_create_file(s->path, s->value, strlen(s->value), 0444, err);
}

static bool is_wanted_as_file(const wfe_secrets *secrets, const secret *s)
{
    const wfe_plan_workflow *workflow = &secrets->plan->workflows[s->workflow];
    for (uint32_t i = 0; i < secrets->plan->n_steps; i++) {
        const wfe_plan_step *step = &secrets->plan->steps[i];
        for (uint32_t k = 0; step->workflow == s->workflow && k < step->n_secrets; k++)
            if (&workflow->secrets[step->secrets[k].secret] == s->plan && step->secrets[k].file)
                return true;
    }
    return false;
}

/* Copies the value, which must not be empty and hold no NUL. */
static int keep(wfe_secrets *secrets, secret *s, const char *bytes, size_t len, wfe_error *err)
{
    while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    if (!len)
        return wfe_error_set(err, WFE_E_INVALID, "it is empty");
    if (memchr(bytes, '\0', len))
        return wfe_error_set(err, WFE_E_INVALID, "it holds a NUL byte");
    int rc = wfe_mask_add(secrets->context->mask, bytes, len, err);
    if (rc)
        return rc;
    s->value = strndup(bytes, len);
    if (!s->value)
        return wfe_error_nomem(err);
    return is_wanted_as_file(secrets, s) ? keep_file(secrets, s, err) : 0;
}

static int read_env(wfe_secrets *secrets, secret *s, wfe_error *err)
{
    const char *value =
        secrets->lookup ? secrets->lookup(s->plan->text, secrets->lookup_user) : NULL;
    if (!value) {
        wfe_error_set(err, WFE_E_NOT_FOUND, "the variable %s is not set", s->plan->text);
        wfe_error_hint(err, "set it in the environment that wfe is started in");
        return WFE_E_NOT_FOUND;
    }
    return keep(secrets, s, value, strlen(value), err);
}

static int read_file(wfe_secrets *secrets, secret *s, wfe_error *err)
{
    _cleanup_free_ char *path = NULL;
    wfe_buf bytes = WFE_BUF_INIT(0);
    int rc = wfe_paths_resolve(secrets->context, s->plan->text, &path, err);
    if (!rc)
        rc = wfe_fd_read_file(path, WFE_SECRET_MAX_BYTES, &bytes, err);
    if (!rc)
        rc = keep(secrets, s, bytes.data ? bytes.data : "", bytes.len, err);
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.len);
    wfe_buf_done(&bytes);
    return rc;
}

/* ---- commands ---- */

static void command_ended(wfe_secrets *secrets)
{
    secret *s = &secrets->list[secrets->next];
    wfe_buf bytes = WFE_BUF_INIT(0);
    if (!secrets->exited || !wfe_capture_is_done(secrets->capture))
        return;
    wfe_timer_stop(secrets->deadline);
    wfe_capture_take(secrets->capture, &bytes);
    if (!secrets->error.kind && secrets->exit_code)
        wfe_error_set(&secrets->error, WFE_E_CONFLICT, "its command exited with code %d",
                      secrets->exit_code);
    if (!secrets->error.kind && bytes.len > WFE_SECRET_MAX_BYTES)
        wfe_error_set(&secrets->error, WFE_E_LIMIT,
                      "its command printed more than %zu bytes, which is all that is allowed",
                      WFE_SECRET_MAX_BYTES);
    if (!secrets->error.kind)
        keep(secrets, s, bytes.data ? bytes.data : "", bytes.len, &secrets->error);
    if (bytes.data)
        explicit_bzero(bytes.data, bytes.len);
    wfe_buf_done(&bytes);
    if (secrets->error.kind)
        wrong(secrets, s, &secrets->error);
    secrets->next++;
    wfe_timer_start(secrets->turn, 0);
}

static void on_exited(int exit_code, void *user)
{
    wfe_secrets *secrets = user;
    kill(-wfe_child_pid(secrets->child), SIGKILL); /* what it left behind */
    secrets->exited = true;
    secrets->exit_code = exit_code;
    command_ended(secrets);
}

static void on_capture_done(wfe_capture *capture, const wfe_error *err, void *user)
{
    (void)capture;
    wfe_secrets *secrets = user;
    wfe_error_copy(&secrets->error, err);
    command_ended(secrets);
}

static void on_deadline(void *user)
{
    wfe_secrets *secrets = user;
    secret *s = &secrets->list[secrets->next];
    wfe_error_set(&secrets->error, WFE_E_TIMEOUT, "its command took longer than %d s",
                  WFE_SECRET_COMMAND_MS / 1000);
    wrong(secrets, s, &secrets->error);
    end_command(secrets);
    wfe_timer_start(secrets->turn, 0);
}

static int spawn(wfe_secrets *secrets, const secret *s, int out, wfe_error *err)
{
    wfe_spawn_options options = {
        .argv = s->plan->command,
        .envp = (const char *const *)secrets->context->environment,
        .stdin_fd = -1,
        .stdout_fd = out,
        .stderr_fd = -1,
        .new_session = true,
        .working_dir = secrets->context->working_dir,
    };
    secrets->exited = false;
    return wfe_child_spawn(secrets->context->loop, &options, on_exited, secrets, &secrets->child,
                           err);
}

static int start_command(wfe_secrets *secrets, secret *s, wfe_error *err)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_close_ int out = -1;
    end_command(secrets);
    int rc = wfe_context_file(secrets->context, "fifo", &path, err);
    if (rc)
        return rc;
    wfe_capture_options options = {
        .stream = WFE_STDOUT,
        .fifo_path = path,
        .limit_bytes = WFE_SECRET_MAX_BYTES + 1,
        .done = on_capture_done,
        .user = secrets,
    };
    rc = wfe_capture_new(secrets->context->loop, &options, &secrets->capture, err);
    if (!rc && (out = open(path, O_WRONLY | O_CLOEXEC)) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot open the FIFO %s", path);
    unlink(path);
    if (!rc)
        rc = spawn(secrets, s, out, err);
    if (!rc)
        wfe_timer_start(secrets->deadline, WFE_SECRET_COMMAND_MS);
    return rc;
}

/* ---- all of them ---- */

/* Reads until one takes time; that one goes on with another turn. */
static void on_turn(void *user)
{
    wfe_secrets *secrets = user;
    end_command(secrets);
    while (secrets->next < secrets->n && !secrets->error.kind) {
        secret *s = &secrets->list[secrets->next];
        int rc = 0;
        switch (s->plan->source) {
        case WFE_PLAN_SECRET_ENV:
            rc = read_env(secrets, s, &secrets->error);
            break;
        case WFE_PLAN_SECRET_FILE:
            rc = read_file(secrets, s, &secrets->error);
            break;
        case WFE_PLAN_SECRET_COMMAND:
            rc = start_command(secrets, s, &secrets->error);
            if (!rc)
                return;
            break;
        }
        if (rc)
            wrong(secrets, s, &secrets->error);
        else
            secrets->next++;
    }
    secrets->done(&secrets->error, secrets->user);
}

/* Marks the workflow and those it calls, in which no circles are. */
static void mark_reached(const wfe_plan *plan, uint32_t workflow, bool *reached)
{
    if (reached[workflow])
        return;
    reached[workflow] = true;
    for (uint32_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].workflow == workflow && plan->steps[i].type == WFE_PLAN_STEP_WORKFLOW &&
            plan->steps[i].config.call)
            mark_reached(plan, plan->steps[i].config.call->workflow, reached);
}

static int list_secrets(wfe_secrets *secrets, wfe_error *err)
{
    const wfe_plan *plan = secrets->plan;
    uint32_t n = 0;
    _cleanup_free_ bool *reached = calloc(plan->n_workflows, sizeof *reached);
    if (!reached)
        return wfe_error_nomem(err);
    mark_reached(plan, plan->main, reached);
    for (uint32_t i = 0; i < plan->n_workflows; i++)
        n += reached[i] ? plan->workflows[i].n_secrets : 0;
    secrets->list = calloc(n ? n : 1, sizeof *secrets->list);
    if (!secrets->list)
        return wfe_error_nomem(err);
    for (uint32_t i = 0; i < plan->n_workflows; i++)
        for (uint32_t k = 0; reached[i] && k < plan->workflows[i].n_secrets; k++)
            secrets->list[secrets->n++] =
                (secret){.workflow = i, .plan = &plan->workflows[i].secrets[k]};
    return 0;
}

int wfe_secrets_new(wfe_context *context, const wfe_plan *plan, wfe_lookup_fn lookup,
                    void *lookup_user, wfe_secrets_fn done, void *user, wfe_secrets **ret,
                    wfe_error *err)
{
    wfe_secrets *secrets = calloc(1, sizeof *secrets);
    if (!secrets)
        return wfe_error_nomem(err);
    *secrets = (wfe_secrets){.context = context,
                             .plan = plan,
                             .lookup = lookup,
                             .lookup_user = lookup_user,
                             .done = done,
                             .user = user};
    int rc = list_secrets(secrets, err);
    if (!rc)
        rc = wfe_timer_new(context->loop, on_turn, secrets, &secrets->turn, err);
    if (!rc)
        rc = wfe_timer_new(context->loop, on_deadline, secrets, &secrets->deadline, err);
    if (rc) {
        wfe_secrets_free(secrets);
        return rc;
    }
    wfe_timer_start(secrets->turn, 0);
    *ret = secrets;
    return 0;
}

static const secret *find(const wfe_secrets *secrets, const wfe_plan_step *step, uint32_t index)
{
    const wfe_plan_secret *wanted =
        &secrets->plan->workflows[step->workflow].secrets[step->secrets[index].secret];
    for (uint32_t i = 0; i < secrets->n; i++)
        if (secrets->list[i].plan == wanted)
            return &secrets->list[i];
    return NULL;
}

int wfe_secrets_of_step(const wfe_secrets *secrets, const wfe_plan_step *step,
                        wfe_attempt_secret **ret, wfe_error *err)
{
    _cleanup_free_ wfe_attempt_secret *list = calloc(step->n_secrets, sizeof *list);
    if (!list)
        return wfe_error_nomem(err);
    for (uint32_t i = 0; i < step->n_secrets; i++) {
        const secret *s = secrets ? find(secrets, step, i) : NULL;
        if (!s || !s->value)
            return wfe_error_set(err, WFE_E_NOT_FOUND,
                                 "step '%s': a secret that it needs could not be read", step->name);
        list[i] = (wfe_attempt_secret){
            .env = step->secrets[i].env,
            .file = step->secrets[i].file,
            .value = s->value,
            .source = s->path,
        };
    }
    *ret = wfe_take(list);
    return 0;
}
