/* SPDX-License-Identifier: Apache-2.0
 *
 * A step from outside: start, timeout, cancel, the end of its streams, its report. The way up is
 * in launch.c, the way down in cleanup.c.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "containerd/tasks.h"
#include "step/ending.h"
#include "step/image.h"
#include "step/secret.h"
#include "step/step_priv.h"

/* After KILL: the kernel may have to write back or wait for a disk first. */
#define KILL_PATIENCE_MS 20000
/* After the exit: how long the streams may stay open without a byte. Processes of the container
 * are gone by then; what keeps a stream open is one outside of its pid namespace. */
#define DRAIN_PATIENCE_MS 10000
/* A call that makes something is not cut short when the step has to stop, but not waited for
 * without end either: the daemon may be hung. */
#define LAUNCH_PATIENCE_MS 45000

/* How often it is looked at how long the files are that a running command can write. */
#define FILES_LOOK_MS 200

/* How often a running step looks whether its daemon is still there, how long it waits for one that
 * is not, and after which time of absence a step that has to stop does not wait for it. */
#define DAEMON_LOOK_MS 5000
#define DAEMON_PATIENCE_MS 120000
#define DAEMON_GONE_MS 3000

void wfe_step_fail(wfe_step *step, const wfe_error *err)
{
    wfe_error_copy(&step->failure, err);
}

void wfe_step_log(const wfe_step *step, const char *what, const wfe_error *err)
{
    wfe_error masked = *err;
    wfe_step_secret_mask_error(step->config.mask, &masked);
    wfe_log_warning(&step->client->log, "%s%s", what, masked.message);
}

bool wfe_step_must_stop(const wfe_step *step)
{
    return step->failure.kind || step->stop_reason;
}

void wfe_step_enter_phase(wfe_step *step, enum wfe_step_phase phase)
{
    uint64_t now = wfe_clock_monotonic_us();
    step->result->phase_us[step->phase] += now - step->phase_began_us;
    step->phase = phase;
    step->phase_began_us = now;
}

/* ---- stopping ---- */

static void on_killed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->kill_call = NULL;
    /* NOT_FOUND: it ended by itself meanwhile. Anything else: the patience runs out and the next
     * stronger measure follows. */
    if (err->kind && err->grpc_status != WFE_GRPC_NOT_FOUND)
        wfe_step_log(step, "", err);
}

void wfe_step_signal(wfe_step *step, int signal_number)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__KillRequest request = PB_TASKS__KILL_REQUEST__INIT;
    request.container_id = step->id;
    request.signal = (uint32_t)signal_number;
    /* Without a cgroup the runtime cannot find all of them; the first one takes the others of its
     * pid namespace with it. */
    request.all = signal_number == SIGKILL && !step->machine.rootless;
    step->signals_sent = signal_number == SIGKILL ? 2 : 1;
    wfe_containerd_cancel(step->kill_call);
    step->kill_call = NULL;
    if (wfe_tasks_kill(step->client->containerd, &request, NULL, on_killed, step, &step->kill_call,
                       &error))
        wfe_step_log(step, "", &error);
}

/* The stop signal (TERM, or the image's) first, KILL when the grace is over or the step is asked
 * again. */
static void stop_running(wfe_step *step)
{
    if (step->signals_sent == 0) {
        wfe_step_signal(step, step->stop_signal);
        wfe_timer_start(step->patience, step->config.grace_ms);
    }
}

static void kill_now(wfe_step *step)
{
    wfe_step_signal(step, SIGKILL);
    wfe_step_be_patient(step, KILL_PATIENCE_MS);
}

static void request_stop(wfe_step *step, enum wfe_step_end reason)
{
    if (!step->stop_reason)
        step->stop_reason = reason;
    switch (step->state) {
    case WFE_STEP_RESOLVING:
        if (step->durable.adopt)
            break; /* what runs is stopped when it has been adopted */
        if (!wfe_step_image_stop(step))
            wfe_timer_start(step->patience, 0); /* the end is told from the loop, not from here */
        break;
    case WFE_STEP_LAUNCHING:
        if (step->pull)
            wfe_step_image_stop(step);
        step->launch_looks = LAUNCH_PATIENCE_MS / DAEMON_LOOK_MS;
        wfe_timer_start(step->patience, DAEMON_LOOK_MS);
        break;
    case WFE_STEP_RUNNING:
        stop_running(step);
        break;
    case WFE_STEP_DRAINING:
        wfe_step_clean_up(step);
        break;
    case WFE_STEP_CLEANING:
    case WFE_STEP_ENDED:
        break;
    }
}

static void on_timeout(void *user)
{
    request_stop(user, WFE_STEP_TIMED_OUT);
}

void wfe_step_cancel(wfe_step *step)
{
    bool again = step->stop_reason == WFE_STEP_CANCELLED;
    if (again && step->state == WFE_STEP_RUNNING && step->signals_sent == 1)
        kill_now(step);
    else
        request_stop(step, WFE_STEP_CANCELLED);
}

/* ---- the daemon's absence ---- */

bool wfe_step_daemon_is_gone(const wfe_step *step)
{
    return wfe_grpc_channel_down_ms(step->client->channel) > DAEMON_GONE_MS;
}

/* A daemon that restarts is waited for; one that stays away ends the step, but not the container,
 * which may run on. */
static void look_for_daemon(wfe_step *step)
{
    uint64_t down_ms = wfe_grpc_channel_down_ms(step->client->channel);
    wfe_error error = WFE_ERROR_INIT;
    if (down_ms > DAEMON_PATIENCE_MS) {
        wfe_error_set(&error, WFE_E_UNAVAILABLE,
                      "containerd at %s went away while container '%s' ran and did not come back "
                      "within %d s",
                      step->client->address, step->id, DAEMON_PATIENCE_MS / 1000);
        wfe_error_hint(&error, "start it again, then run wfe gc to remove what is left");
        wfe_step_fail(step, &error);
        wfe_step_clean_up(step);
        return;
    }
    if (down_ms > DAEMON_GONE_MS && !step->told_of_absence) {
        step->told_of_absence = true;
        wfe_log_warning(&step->client->log, "containerd at %s is gone; waiting %d s for it",
                        step->client->address, DAEMON_PATIENCE_MS / 1000);
    }
    wfe_timer_start(step->patience, DAEMON_LOOK_MS);
}

/* ---- running and draining ---- */

/* Without the grace that others get: what it writes in that time is this machine's memory. */
static void on_files_look(void *user)
{
    wfe_step *step = user;
    wfe_error error = WFE_ERROR_INIT;
    if (step->state != WFE_STEP_RUNNING || step->signals_sent == 2)
        return;
    if (wfe_step_files_check(&step->files, &error)) {
        if (!step->stop_reason) /* else it ends as what it was stopped for */
            wfe_step_fail(step, &error);
        kill_now(step);
    } else {
        wfe_timer_start(step->files_look, FILES_LOOK_MS);
    }
}

static uint64_t captured_bytes(const wfe_step *step)
{
    return wfe_capture_bytes(step->captures[0]) + wfe_capture_bytes(step->captures[1]);
}

void wfe_step_stream_ended(wfe_step *step)
{
    if (step->state == WFE_STEP_RUNNING && step->failure.kind)
        stop_running(step);
    if (step->state == WFE_STEP_DRAINING && wfe_capture_is_done(step->captures[0]) &&
        wfe_capture_is_done(step->captures[1]))
        wfe_step_clean_up(step);
}

static void begin_draining(wfe_step *step)
{
    step->state = WFE_STEP_DRAINING;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_DRAIN);
    step->drained_bytes = captured_bytes(step);
    wfe_timer_start(step->patience, DRAIN_PATIENCE_MS);
    wfe_step_stream_ended(step);
}

void wfe_step_running(wfe_step *step)
{
    step->state = WFE_STEP_RUNNING;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_RUN);
    wfe_timer_start(step->files_look, FILES_LOOK_MS);
    if (step->exited)
        begin_draining(step);
    else if (!step->wait_call)
        wfe_step_clean_up(step); /* Wait failed while Start was under way */
    else if (wfe_step_must_stop(step))
        stop_running(step);
    else {
        wfe_timer_start(step->patience, DAEMON_LOOK_MS);
        if (step->source)
            wfe_source_start(step->source, NULL);
        if (step->config.on_started)
            step->config.on_started(step->config.on_started_user);
    }
}

void wfe_step_exited(wfe_step *step, int exit_code)
{
    step->exited = true;
    step->result->exit_code = exit_code;
    wfe_step_ending_read(step);
    if (step->state == WFE_STEP_RUNNING)
        begin_draining(step);
    else if (step->state == WFE_STEP_CLEANING)
        wfe_step_clean_up_exited(step);
}

static void check_drain(wfe_step *step)
{
    uint64_t bytes = captured_bytes(step);
    bool blocked =
        wfe_capture_is_blocked(step->captures[0]) || wfe_capture_is_blocked(step->captures[1]);
    if (blocked || bytes != step->drained_bytes) {
        step->drained_bytes = bytes;
        wfe_timer_start(step->patience, DRAIN_PATIENCE_MS);
        return;
    }
    wfe_step_result_warn(step->result,
                         "the command ended, but a process it left behind kept its output open; "
                         "after %d s without a byte the rest was dropped",
                         DRAIN_PATIENCE_MS / 1000);
    wfe_step_clean_up(step);
}

/* The step has to stop, and a call that makes something is still unanswered. */
static void give_up_launching(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    if (!wfe_step_daemon_is_gone(step) && step->launch_looks-- > 0) {
        wfe_step_ask_for_life(step);
        wfe_timer_start(step->patience, DAEMON_LOOK_MS);
        return;
    }
    if (!wfe_step_daemon_is_gone(step)) {
        wfe_error_set(&error, WFE_E_TIMEOUT, "containerd did not answer for %d s",
                      LAUNCH_PATIENCE_MS / 1000);
        wfe_step_fail(step, &error);
    }
    wfe_containerd_cancel(step->call);
    wfe_containerd_cancel(step->snapshot_call);
    step->call = NULL;
    step->snapshot_call = NULL;
    wfe_step_clean_up(step);
}

static void on_patience(void *user)
{
    wfe_step *step = user;
    wfe_error error = WFE_ERROR_INIT;
    switch (step->state) {
    case WFE_STEP_RESOLVING:
        if (step->durable.adopt)
            wfe_step_adopt(step);
        else if (wfe_step_must_stop(step))
            wfe_step_clean_up(step);
        else
            wfe_step_launch(step);
        break;
    case WFE_STEP_LAUNCHING:
        give_up_launching(step);
        break;
    case WFE_STEP_RUNNING:
        if (step->signals_sent == 0) {
            look_for_daemon(step);
            break;
        }
        if (wfe_step_daemon_is_gone(step)) {
            wfe_step_clean_up(step);
            break;
        }
        if (step->signals_sent < 2) {
            kill_now(step);
            break;
        }
        if (wfe_step_asks_for_life(step))
            break;
        wfe_error_set(&error, WFE_E_TIMEOUT, "container '%s' did not end %d s after KILL", step->id,
                      KILL_PATIENCE_MS / 1000);
        wfe_step_fail(step, &error);
        wfe_step_clean_up(step);
        break;
    case WFE_STEP_DRAINING:
        check_drain(step);
        break;
    case WFE_STEP_CLEANING:
        if (!wfe_step_asks_for_life(step))
            wfe_step_abandon(step);
        break;
    case WFE_STEP_ENDED:
        break;
    }
}

/* ---- beginning and end ---- */

static void destroy(wfe_step *step)
{
    wfe_image_resolve_cancel(step->resolve);
    wfe_containerd_cancel(step->call);
    wfe_containerd_cancel(step->kill_call);
    wfe_containerd_cancel(step->wait_call);
    wfe_containerd_cancel(step->snapshot_call);
    wfe_containerd_cancel(step->close_call);
    wfe_containerd_cancel(step->life_call);
    wfe_source_free(step->source);
    wfe_timer_free(step->timeout);
    wfe_timer_free(step->patience);
    wfe_timer_free(step->retry);
    wfe_timer_free(step->files_look);
    wfe_capture_free(step->captures[0]);
    wfe_capture_free(step->captures[1]);
    wfe_outputs_done(&step->outputs);
    wfe_image_unref(step->image);
    wfe_oci_identity_done(&step->identity);
    wfe_step_files_done(&step->files);
    free(step->spec);
    wfe_snapshots_free_prepared(step->snapshot);
    wfe_step_result_free(step->result);
    wfe_step_config_done(&step->config);
    free(step);
}

static void hide_secrets(wfe_step *step)
{
    wfe_mask *mask = step->config.mask;
    wfe_strmap *outputs = &step->outputs.map; /* of stdout, and of a file that nobody captures */
    wfe_error nomem = WFE_ERROR_INIT;
    int rc = 0;
    for (size_t i = 0; i < step->result->n_warnings; i++)
        (void)wfe_step_secret_mask_text(mask, &step->result->warnings[i]);
    for (size_t i = 0; i < outputs->len; i++) {
        rc |= wfe_step_secret_mask_text(mask, &outputs->items[i].key);
        rc |= wfe_step_secret_mask_text(mask, &outputs->items[i].value);
    }
    if (rc) {
        wfe_error_nomem(&nomem);
        wfe_step_fail(step, &nomem);
    }
    wfe_step_secret_mask_error(mask, &step->failure);
}

/* A step that ended well but for its warnings. One that did not end well needs no other reason not
 * to be taken for a success, and its exit code tells more. */
static void be_strict(wfe_step *step)
{
    const wfe_step_result *result = step->result;
    wfe_error error = WFE_ERROR_INIT;
    if (!step->config.strict || !result->n_warnings || step->stop_reason || result->exit_code)
        return;
    wfe_error_set(&error, WFE_E_CONFLICT, "strict allows no warning: %s", result->warnings[0]);
    wfe_error_where(&error, "end step", step->config.name);
    for (size_t i = 1; i < result->n_warnings; i++)
        wfe_log_warning(&step->client->log, "%s", result->warnings[i]);
    wfe_step_fail(step, &error); /* unless it has failed already */
}

void wfe_step_end(wfe_step *step)
{
    wfe_step_result *result = step->result;
    step->state = WFE_STEP_ENDED;
    hide_secrets(step);
    wfe_step_enter_phase(step, WFE_STEP_PHASE_CLEANUP);
    result->finished_at_us = wfe_clock_wall_us();
    result->end = step->stop_reason ? step->stop_reason : WFE_STEP_EXITED;
    result->timeout_ms = step->config.timeout_ms;
    result->outputs = step->outputs.map;
    step->outputs.map = (wfe_strmap){0};
    if (!step->failure.kind && step->stop_reason && !step->exited)
        result->exit_code = 128 + SIGKILL; /* stopped before its command ran */
    be_strict(step);
    wfe_step_done_fn done = step->done;
    void *user = step->user;
    wfe_error failure = step->failure;
    if (!failure.kind)
        step->result = NULL;
    destroy(step);
    done(failure.kind ? NULL : result, &failure, user);
}

static int fill_result(wfe_step *step, wfe_error *err)
{
    int rc = wfe_step_result_new(&step->result, err);
    if (rc)
        return rc;
    wfe_step_result *result = step->result;
    result->step = strdup(step->config.name);
    result->run_id = strdup(step->config.run_id);
    result->container_id = strdup(step->id);
    result->attempt = step->config.attempt;
    result->started_at_us = wfe_clock_wall_us();
    if (!result->step || !result->run_id || !result->container_id)
        return wfe_error_nomem(err);
    return 0;
}

static int need_resolver(wfe_client *client, wfe_error *err)
{
    if (client->image_cache)
        return 0;
    wfe_image_resolver *resolver = NULL;
    int rc = wfe_image_resolver_new(client->containerd, &resolver, err);
    if (rc)
        return rc;
    client->image_cache = resolver;
    client->image_cache_free = (void (*)(void *))wfe_image_resolver_free;
    return 0;
}

static int prepare(wfe_step *step, wfe_error *err)
{
    wfe_client *client = step->client;
    wfe_owner_format(step->owner);
    wfe_id_container(step->id, step->config.run_id, step->config.name, step->config.attempt);
    int rc = fill_result(step, err);
    if (!rc)
        rc = need_resolver(client, err);
    if (!rc)
        rc = wfe_timer_new(client->loop, on_timeout, step, &step->timeout, err);
    if (!rc)
        rc = wfe_timer_new(client->loop, on_patience, step, &step->patience, err);
    if (!rc)
        rc = wfe_timer_new(client->loop, wfe_step_retry_removal, step, &step->retry, err);
    if (!rc)
        rc = wfe_timer_new(client->loop, on_files_look, step, &step->files_look, err);
    return rc;
}

int wfe_step_start(wfe_client *client, const wfe_step_options *options, wfe_step_done_fn done,
                   void *user, wfe_step **ret, wfe_error *err)
{
    return wfe_step_start_durable(client, options, NULL, done, user, ret, err);
}

int wfe_step_start_durable(wfe_client *client, const wfe_step_options *options,
                           const wfe_step_durable *durable, wfe_step_done_fn done, void *user,
                           wfe_step **ret, wfe_error *err)
{
    wfe_step *step = calloc(1, sizeof *step);
    if (!step)
        return wfe_error_nomem(err);
    step->client = client;
    step->done = done;
    step->user = user;
    step->is_durable = durable != NULL;
    if (durable)
        step->durable = *durable;
    wfe_outputs_init(&step->outputs);
    /* One that is adopted has been given all that it needs of this machine. */
    bool looks = wfe_client_is_local(client) && !(durable && durable->adopt);
    int rc = wfe_step_config_init(&step->config, options, looks, err);
    /* What is kept of a durable step's streams is what the command wrote; its owner masks. */
    if (!rc && durable && step->config.mask)
        rc = wfe_error_set(err, WFE_E_INVALID, "a durable step cannot have secret_env");
    if (!rc)
        rc = prepare(step, err);
    if (rc) {
        destroy(step);
        return rc;
    }
    step->phase = WFE_STEP_PHASE_RESOLVE;
    step->phase_began_us = wfe_clock_monotonic_us();
    if (step->config.timeout_ms)
        wfe_timer_start(step->timeout, step->config.timeout_ms);
    /* The launch begins in the loop's next turn: done must never be called from here. */
    step->state = WFE_STEP_RESOLVING;
    wfe_timer_start(step->patience, 0);
    *ret = step;
    return 0;
}

typedef struct blocking_run {
    bool done;
    wfe_step_result *result;
    wfe_error error;
} blocking_run;

static void on_blocking_done(wfe_step_result *result, const wfe_error *err, void *user)
{
    blocking_run *run = user;
    run->done = true;
    run->result = result;
    run->error = *err;
}

int wfe_step_run(wfe_client *client, const wfe_step_options *options, wfe_step_result **ret,
                 wfe_error *err)
{
    blocking_run run = {0};
    wfe_step *step = NULL;
    int rc = wfe_step_start(client, options, on_blocking_done, &run, &step, err);
    if (!rc)
        rc = wfe_loop_run_until(client->loop, &run.done, err);
    if (!rc && run.error.kind)
        rc = wfe_error_copy(err, &run.error);
    if (!rc)
        *ret = run.result;
    return rc;
}
