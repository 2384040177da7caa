/* SPDX-License-Identifier: Apache-2.0
 *
 * A container, by src/step: the plan's options, completed by what the run knows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wfe/step.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/strv.h"
#include "engine/context.h"
#include "engine/env.h"
#include "engine/paths.h"
#include "engine/pulling.h"
#include "engine/step_name.h"
#include "step/durable.h"
#include "step/result.h"

/* A kill may come while the step cannot be stopped yet: it is told again until it has ended. */
#define KILL_AGAIN_MS 200
/* Of a step that are told. */
#define WARNINGS_MAX 14

struct wfe_attempt {
    wfe_context *context;
    const wfe_plan_container *container;
    const wfe_attempt_fns *fns;
    void *user;
    wfe_client *client;
    wfe_step *step; /* NULL once it has ended */
    wfe_timer *kill_again;
    wfe_volume *volumes; /* sources owned */
    size_t n_volumes;
    const char **hosts; /* texts borrowed */
    wfe_pulling pulling;
    char id[WFE_ID_CONTAINER_SIZE];
    bool durable;
    char *image; /* with its digest; NULL: as the plan names it */
    int stdin_fd;
    bool cancelled;
    wfe_env_left_out left_out;
};

static void free_attempt(wfe_attempt *attempt)
{
    for (size_t i = 0; i < attempt->n_volumes; i++)
        free((char *)(uintptr_t)attempt->volumes[i].source);
    free(attempt->volumes);
    free(attempt->hosts);
    wfe_pulling_done(&attempt->pulling);
    free(attempt->image);
    wfe_timer_free(attempt->kill_again);
    if (attempt->stdin_fd >= 0)
        close(attempt->stdin_fd);
    free(attempt);
}

/* ---- end ---- */

static void tell_failure(wfe_attempt *attempt, const wfe_error *err)
{
    wfe_attempt_end end = {
        .cause = WFE_PLAN_CAUSE_INFRASTRUCTURE,
        .cancelled = attempt->cancelled,
        .exit_code = -1,
        .error = *err,
    };
    if (strcmp(err->operation, WFE_STEP_OPERATION_EXEC) == 0) {
        end.cause = WFE_PLAN_CAUSE_EXIT;
        end.exit_code = err->kind == WFE_E_NOT_FOUND ? 127 : 126;
    }
    attempt->fns->ended(&end, attempt->user);
}

static void tell_result(wfe_attempt *attempt, const wfe_step_result *result)
{
    const char *warnings[WARNINGS_MAX + 2] = {NULL};
    size_t n_warnings = 0;
    for (char **w = result->warnings; w && *w && n_warnings < WARNINGS_MAX; w++)
        warnings[n_warnings++] = *w;
    if (attempt->left_out.n)
        warnings[n_warnings] = attempt->left_out.text;
    wfe_attempt_end end = {
        .cause = WFE_PLAN_CAUSE_EXIT,
        .cancelled = result->end == WFE_STEP_CANCELLED,
        .exit_code = result->exit_code,
        .outputs = &result->outputs,
        .warnings = warnings,
        .image = attempt->container->options.image,
        .image_digest = result->image_target,
    };
    if (end.cancelled && !attempt->cancelled) { /* whoever did that has failed itself */
        end.cancelled = false;
        end.cause = WFE_PLAN_CAUSE_INFRASTRUCTURE;
        wfe_error_set(&end.error, WFE_E_UNAVAILABLE,
                      "its container was stopped when the wfe that had it failed");
    } else if (result->end == WFE_STEP_TIMED_OUT) {
        end.cause = WFE_PLAN_CAUSE_TIMEOUT;
        wfe_error_set(&end.error, WFE_E_TIMEOUT, "container execution timed out after %llums",
                      (unsigned long long)result->timeout_ms);
    } else if (result->out_of_memory) {
        end.cause = WFE_PLAN_CAUSE_OOM;
        wfe_error_set(&end.error, WFE_E_LIMIT,
                      "container ran out of memory; it exited with code %d", result->exit_code);
        wfe_error_hint(&end.error, "give the step more: memory");
    } else if (result->exit_code) {
        wfe_error_set(&end.error, WFE_E_CONFLICT, "container exited with code %d",
                      result->exit_code);
    }
    attempt->fns->ended(&end, attempt->user);
}

static void on_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    wfe_attempt *attempt = user;
    attempt->step = NULL;
    wfe_timer_stop(attempt->kill_again);
    if (result)
        tell_result(attempt, result);
    else
        tell_failure(attempt, err);
    wfe_step_result_free(result);
}

static void on_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    wfe_attempt *attempt = user;
    attempt->fns->output(stream, bytes, len, attempt->user);
}

static bool on_settled(enum wfe_stream stream, uint64_t *ret_passed, void *user)
{
    wfe_attempt *attempt = user;
    return attempt->fns->settled(stream, ret_passed, attempt->user);
}

static void on_found(enum wfe_stream stream, uint64_t passed, void *user)
{
    wfe_attempt *attempt = user;
    attempt->fns->found(stream, passed, attempt->user);
}

static void on_pull(const wfe_image_pull_progress *progress, void *user)
{
    wfe_attempt *attempt = user;
    wfe_event event = {0};
    if (wfe_pulling_tell(&attempt->pulling, progress, &event))
        attempt->fns->pull(&event, attempt->user);
}

static void on_kill_again(void *user)
{
    wfe_attempt *attempt = user;
    wfe_step_cancel(attempt->step);
    wfe_timer_start(attempt->kill_again, KILL_AGAIN_MS);
}

static void cancel(wfe_attempt *attempt, bool kill)
{
    if (!attempt->step)
        return;
    if (!attempt->cancelled)
        wfe_step_cancel(attempt->step);
    attempt->cancelled = true;
    if (kill)
        wfe_timer_start(attempt->kill_again, 0);
}

/* ---- start ---- */

static int add_volume(wfe_attempt *attempt, const char *source, const char *target, bool readonly,
                      wfe_error *err)
{
    char *path = NULL;
    int rc = wfe_paths_resolve(attempt->context, source, &path, err);
    if (!rc)
        attempt->volumes[attempt->n_volumes++] =
            (wfe_volume){.source = path, .target = target, .readonly = readonly};
    return rc;
}

static int make_volumes(wfe_attempt *attempt, const wfe_attempt_env *env, wfe_error *err)
{
    const wfe_step_options *plan = &attempt->container->options;
    const wfe_context *context = attempt->context;
    attempt->volumes = calloc(plan->n_volumes + env->n_secrets + 1, sizeof *attempt->volumes);
    int rc = attempt->volumes ? 0 : wfe_error_nomem(err);
    if (!rc && context->shared_dir)
        rc = add_volume(attempt, context->shared_dir, context->shared_target, false, err);
    for (size_t i = 0; !rc && i < plan->n_volumes; i++)
        rc = add_volume(attempt, plan->volumes[i].source, plan->volumes[i].target,
                        plan->volumes[i].readonly, err);
    for (uint32_t i = 0; !rc && i < env->n_secrets; i++)
        if (env->secrets[i].file)
            rc = add_volume(attempt, env->secrets[i].source, env->secrets[i].file, true, err);
    return rc;
}

static int make_stdin(wfe_attempt *attempt, wfe_error *err)
{
    const char *text = attempt->container->stdin_text;
    if (!text)
        return 0;
    attempt->stdin_fd = memfd_create("wfe-stdin", MFD_CLOEXEC);
    if (attempt->stdin_fd < 0)
        return wfe_error_set_errno(err, errno, "cannot make a file for stdin");
    int rc = wfe_fd_write_all(attempt->stdin_fd, text, strlen(text), err);
    if (!rc && lseek(attempt->stdin_fd, 0, SEEK_SET) < 0)
        rc = wfe_error_set_errno(err, errno, "cannot read stdin from its beginning");
    return rc;
}

/* A step that names no network shares that of the services, and knows them by name. */
static int join_network(wfe_attempt *attempt, wfe_step_options *options, wfe_error *err)
{
    const wfe_context *context = attempt->context;
    const char *const *own = options->extra_hosts;
    if (options->network || !context->network)
        return 0;
    options->network = context->network;
    size_t n_own = wfe_strv_length(own), n = wfe_strv_length(context->hosts);
    attempt->hosts = calloc(n_own + n + 1, sizeof *attempt->hosts);
    if (!attempt->hosts)
        return wfe_error_nomem(err);
    memcpy(attempt->hosts, context->hosts, n * sizeof *attempt->hosts);
    for (size_t i = 0; i < n_own; i++)
        attempt->hosts[n + i] = own[i];
    options->extra_hosts = attempt->hosts;
    return 0;
}

/* So that another process can go on with it, when there may be one. */
static int start_step(wfe_attempt *attempt, const wfe_attempt_env *env,
                      const wfe_step_options *options, wfe_error *err)
{
    const wfe_step_durable durable = {
        .adopt = env->adopt && env->found == WFE_PAST_FOUND_IT,
        .keeper = attempt->context->keeper,
        .settled = on_settled,
        .found = on_found,
        .user = attempt,
    };
    attempt->durable = durable.adopt || durable.keeper;
    return wfe_step_start_durable(attempt->client, options, attempt->durable ? &durable : NULL,
                                  on_done, attempt, &attempt->step, err);
}

static int launch(wfe_attempt *attempt, const wfe_attempt_env *env, wfe_error *err)
{
    _cleanup_(wfe_strv_free_p) char **variables = NULL;
    char name[WFE_ENGINE_STEP_NAME_SIZE];
    wfe_client *client = NULL;
    wfe_engine_step_name(env->path, name);
    int rc = wfe_context_client(attempt->context, attempt->container, &client, err);
    if (!rc)
        rc = wfe_env_build(env, NULL, attempt->container->options.env, &variables,
                           &attempt->left_out, err);
    if (!rc)
        rc = make_volumes(attempt, env, err);
    if (!rc)
        rc = make_stdin(attempt, err);
    if (!rc)
        rc = wfe_timer_new(attempt->context->loop, on_kill_again, attempt, &attempt->kill_again,
                           err);
    if (rc)
        return rc;
    wfe_step_options options = attempt->container->options;
    options.size = sizeof options;
    options.name = name;
    options.run_id = attempt->context->run_id;
    options.attempt = env->attempt;
    options.env = (const char *const *)variables;
    options.volumes = attempt->volumes;
    options.n_volumes = attempt->n_volumes;
    rc = wfe_context_image(attempt->context, options.image, &attempt->image, err);
    if (attempt->image)
        options.image = attempt->image;
    if (!rc)
        rc = join_network(attempt, &options, err);
    if (!rc)
        rc = wfe_pulling_init(&attempt->pulling, attempt->context->registry, attempt->container,
                              &options, err);
    if (rc)
        return rc;
    options.has_stdin = attempt->stdin_fd >= 0;
    options.stdin_fd = attempt->stdin_fd;
    options.on_output = on_output;
    options.on_output_user = attempt;
    options.on_pull = on_pull;
    options.on_pull_user = attempt;
    attempt->client = client;
    wfe_id_container(attempt->id, options.run_id, name, env->attempt);
    return start_step(attempt, env, &options, err);
}

static int check_found(const wfe_attempt_env *env, wfe_error *err)
{
    if (!env->adopt || env->found != WFE_PAST_FOUND_LOST)
        return 0;
    return wfe_error_set(err, WFE_E_UNAVAILABLE,
                         "its container is gone, and nobody saw how it ended: wfe was killed while "
                         "it ran");
}

static bool leaves(wfe_attempt *attempt, wfe_leftover *ret)
{
    *ret = (wfe_leftover){.client = attempt->client};
    memcpy(ret->id, attempt->id, sizeof ret->id);
    return attempt->durable;
}

static int start(const wfe_attempt_env *env, const wfe_attempt_fns *fns, void *user,
                 wfe_attempt **ret, wfe_error *err)
{
    int found = check_found(env, err);
    if (found)
        return found;
    wfe_attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt)
        return wfe_error_nomem(err);
    attempt->context = env->context;
    attempt->container = env->step->config.container;
    attempt->fns = fns;
    attempt->user = user;
    attempt->stdin_fd = -1;
    int rc = launch(attempt, env, err);
    if (rc) {
        free_attempt(attempt);
        return rc;
    }
    *ret = attempt;
    return 0;
}

const wfe_step_type wfe_step_type_containerd = {.name = "containerd",
                                                .start = start,
                                                .cancel = cancel,
                                                .free = free_attempt,
                                                .leaves = leaves,
                                                .adopts = true};
