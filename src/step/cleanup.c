/* SPDX-License-Identifier: Apache-2.0
 *
 * The way down, from wherever the step got to: kill, task, then container record and snapshot side
 * by side, then the FIFOs. "Already gone" is success. The daemon lets a record go while its task
 * still runs and orphans the process then, so the task always comes first. What cannot be removed
 * in time keeps its labels and is reported, never waited for without end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "containerd/containers.h"
#include "containerd/snapshots.h"
#include "containerd/tasks.h"
#include "step/ending.h"
#include "step/step_priv.h"

/* The kernel needs long for a process that writes back much memory or waits for a disk. */
#define KILL_PATIENCE_MS 20000
/* All of the clean-up: above the daemon's own longest wait (10 s of draining in Delete). */
#define CLEANUP_PATIENCE_MS 60000
#define METRICS_MS 5000
#define RETRY_MS 200
#define RETRIES_MAX 50
#define LOOKS_MAX 3

/* Memory may be there again the next moment, and nobody else removes what is ours. */
static bool lacks_memory(wfe_step *step, const wfe_error *err)
{
    return err->kind == WFE_E_NOMEM && step->retries++ < RETRIES_MAX;
}

/* The last thing that is done. */
static void remove_files(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    if (!step->is_durable)
        wfe_step_files_remove(&step->files, &error);
    step->only_files_left = lacks_memory(step, &error);
    if (step->only_files_left) {
        wfe_timer_stop(step->patience);
        wfe_timer_start(step->retry, RETRY_MS);
        return;
    }
    if (error.kind)
        wfe_step_result_warn(step->result, "%s", error.message);
    wfe_step_end(step);
}

static void forget_calls(wfe_step *step)
{
    wfe_containerd_call **const calls[] = {&step->wait_call, &step->call, &step->snapshot_call,
                                           &step->life_call};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        wfe_containerd_cancel(*calls[i]);
        *calls[i] = NULL;
    }
}

static void finish(wfe_step *step)
{
    forget_calls(step);
    for (int i = 0; i < 2; i++) {
        if (step->captures[i]) {
            step->result->out[i].bytes = wfe_capture_bytes(step->captures[i]);
            wfe_capture_take(step->captures[i], &step->result->out[i].kept);
            wfe_capture_free(step->captures[i]);
            step->captures[i] = NULL;
        }
    }
    wfe_step_ending_read_output_file(step);
    remove_files(step);
}

/* A removal was answered, or could not be sent: true when the thing is gone. */
static bool is_gone(wfe_step *step, const wfe_error *err)
{
    if (!err->kind || err->grpc_status == WFE_GRPC_NOT_FOUND)
        return true;
    wfe_step_result_warn(step->result, "left behind: %s", err->message);
    wfe_step_log(step, "left behind: ", err);
    return false;
}

void wfe_step_doubt(wfe_step *step, const wfe_error *err)
{
    if (err->kind && (!err->grpc_status || err->grpc_status == WFE_GRPC_UNAVAILABLE ||
                      err->grpc_status == WFE_GRPC_DEADLINE_EXCEEDED))
        step->looks_left = LOOKS_MAX;
}

/* Is this thing gone for good; most failures are told, and not tried again. */
static bool is_done_with(wfe_step *step, const wfe_error *err)
{
    if (lacks_memory(step, err)) {
        step->looks_left += !step->looks_left;
        return false;
    }
    return !is_gone(step, err) || !err->kind || !step->looks_left;
}

static void finish_when_both_are_done(wfe_step *step)
{
    if (step->call || step->snapshot_call)
        return;
    if (step->looks_left && (step->has_view || step->has_container || step->has_snapshot)) {
        step->looks_left--;
        wfe_timer_start(step->retry, RETRY_MS);
        return;
    }
    finish(step);
}

static void on_container_deleted(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->call = NULL;
    step->has_container = !is_done_with(step, err);
    finish_when_both_are_done(step);
}

static void on_snapshot_removed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->snapshot_call = NULL;
    step->has_snapshot = !is_done_with(step, err);
    finish_when_both_are_done(step);
}

static void remove_the_others(wfe_step *step);

static void on_view_removed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->snapshot_call = NULL;
    step->has_view = !is_done_with(step, err);
    remove_the_others(step);
}

/* Only when the launch ended between making the view and removing it. */
static void remove_view(wfe_step *step)
{
    char key[WFE_STEP_VIEW_KEY_SIZE];
    PbSnapshots__RemoveSnapshotRequest remove = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    remove.snapshotter = step->client->snapshotter;
    remove.key = wfe_step_view_key(step, key);
    wfe_error error = WFE_ERROR_INIT;
    if (!wfe_snapshots_remove(step->client->containerd, &remove, NULL, on_view_removed, step,
                              &step->snapshot_call, &error))
        return;
    step->has_view = !is_done_with(step, &error);
    remove_the_others(step);
}

static void remove_the_others(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbSnapshots__RemoveSnapshotRequest remove = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    remove.snapshotter = step->client->snapshotter;
    remove.key = step->id;
    if (step->has_snapshot &&
        wfe_snapshots_remove(step->client->containerd, &remove, NULL, on_snapshot_removed, step,
                             &step->snapshot_call, &error))
        step->has_snapshot = !is_done_with(step, &error);
    error = (wfe_error)WFE_ERROR_INIT;
    PbContainers__DeleteContainerRequest delete = PB_CONTAINERS__DELETE_CONTAINER_REQUEST__INIT;
    delete.id = step->id;
    if (step->has_container &&
        wfe_containers_delete(step->client->containerd, &delete, NULL, on_container_deleted, step,
                              &step->call, &error))
        step->has_container = !is_done_with(step, &error);
    finish_when_both_are_done(step);
}

static void remove_records(wfe_step *step)
{
    if (step->has_view)
        remove_view(step);
    else
        remove_the_others(step);
}

/* The shim died; the daemon has not yet noticed, or is removing what the shim left. */
static bool shim_is_being_buried(wfe_step *step, const wfe_error *err)
{
    return wfe_step_ending_is_dead_shim(err) && step->retries++ < RETRIES_MAX;
}

static void on_task_deleted(const PbTasks__DeleteResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->call = NULL;
    if (shim_is_being_buried(step, err) || lacks_memory(step, err)) {
        wfe_timer_start(step->retry, RETRY_MS);
        return;
    }
    if (is_gone(step, err)) {
        remove_records(step);
        return;
    }
    /* With its record gone the process could not be reached any more: leave all to `wfe gc`. */
    finish(step);
}

static void delete_task(wfe_step *step);
static void kill_first(wfe_step *step);

void wfe_step_retry_removal(void *user)
{
    wfe_step *step = user;
    if (step->only_files_left)
        remove_files(step);
    else if (step->kill_again)
        kill_first(step);
    else
        delete_task(step);
}

static void on_metrics(const PbTasks__MetricsResponse *reply, const wfe_error *err, void *user)
{
    (void)err; /* a result without usage is a result */
    wfe_step *step = user;
    wfe_step_usage usage;
    step->call = NULL;
    for (size_t i = 0; reply && i < reply->n_metrics; i++) {
        const Pb__Any *data = reply->metrics[i]->data;
        if (data &&
            wfe_step_usage_unpack(data->type_url, data->value.data, data->value.len, &usage))
            wfe_step_ending_set_usage(step, &usage);
    }
    delete_task(step);
}

/* Where the cgroup cannot be read from here, the daemon is asked, while it still has the task. A
 * rootless one tells of the cgroup it is itself in. */
static bool ask_for_metrics(wfe_step *step)
{
    char filter[WFE_ID_CONTAINER_SIZE + 8];
    const char *filters = filter;
    if (!step->exited || step->result->usage.known || step->asked_for_metrics ||
        step->machine.rootless)
        return false;
    snprintf(filter, sizeof filter, "id==%s", step->id);
    PbTasks__MetricsRequest request = PB_TASKS__METRICS_REQUEST__INIT;
    request.filters = &filters;
    request.n_filters = 1;
    wfe_containerd_options options = {.deadline_ms = METRICS_MS};
    step->asked_for_metrics = true;
    return !wfe_tasks_metrics(step->client->containerd, &request, &options, on_metrics, step,
                              &step->call, NULL);
}

static void delete_task(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    if (ask_for_metrics(step))
        return;
    PbTasks__DeleteTaskRequest request = PB_TASKS__DELETE_TASK_REQUEST__INIT;
    request.container_id = step->id;
    if (!step->has_task) {
        remove_records(step);
        return;
    }
    if (wfe_tasks_delete(step->client->containerd, &request, NULL, on_task_deleted, step,
                         &step->call, &error))
        on_task_deleted(NULL, &error, step);
}

void wfe_step_clean_up_exited(wfe_step *step)
{
    wfe_step_be_patient(step, CLEANUP_PATIENCE_MS);
    if (!step->call)
        delete_task(step);
}

void wfe_step_clean_up_waited(wfe_step *step, const wfe_error *err)
{
    step->kill_again = lacks_memory(step, err);
    if (step->kill_again)
        wfe_timer_start(step->retry, RETRY_MS);
    else /* whatever it says, the task is deleted next, and that tells */
        wfe_step_clean_up_exited(step);
}

static void on_death(const PbTasks__WaitResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->wait_call = NULL;
    wfe_step_clean_up_waited(step, err);
}

/* Kills the command and goes on when it has ended. */
static void kill_first(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_be_patient(step, KILL_PATIENCE_MS);
    step->kill_again = false;
    wfe_step_signal(step, SIGKILL);
    if (step->wait_call)
        return; /* its callback goes on */
    PbTasks__WaitRequest request = PB_TASKS__WAIT_REQUEST__INIT;
    request.container_id = step->id;
    wfe_containerd_options options = {.deadline_ms = KILL_PATIENCE_MS};
    if (wfe_tasks_wait(step->client->containerd, &request, &options, on_death, step,
                       &step->wait_call, &error))
        on_death(NULL, &error, step);
}

void wfe_step_leave_behind(wfe_step *step, const char *why)
{
    step->state = WFE_STEP_CLEANING;
    wfe_timer_stop(step->timeout);
    wfe_timer_stop(step->retry);
    wfe_step_result_warn(step->result,
                         "left behind: container '%s', since containerd %s; when it is back, run "
                         "wfe gc",
                         step->id, why);
    wfe_log_warning(&step->client->log,
                    "left behind: container '%s', since containerd %s; when it is back, run wfe gc",
                    step->id, why);
    finish(step);
}

void wfe_step_clean_up(wfe_step *step)
{
    step->state = WFE_STEP_CLEANING;
    wfe_source_free(step->source);
    step->source = NULL;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_CLEANUP);
    wfe_timer_stop(step->timeout);
    wfe_step_be_patient(step, CLEANUP_PATIENCE_MS);
    wfe_step_note_end(step, NULL); /* without it the step is lost when we are killed now */
    /* Without a daemon nothing can be removed; waiting would only keep the user waiting. */
    if (wfe_step_daemon_is_gone(step) && (step->has_container || step->has_snapshot))
        wfe_step_leave_behind(step, "is gone");
    /* Also a task that was only created: its Delete takes two seconds when it still lives. */
    else if ((step->started || step->task_made) && !step->exited)
        kill_first(step);
    else
        delete_task(step);
}

void wfe_step_abandon(wfe_step *step)
{
    bool waits_for_death = step->wait_call && !step->call;
    wfe_containerd_cancel(step->wait_call);
    step->wait_call = NULL;
    if (waits_for_death) {
        wfe_step_clean_up_exited(step);
        return;
    }
    wfe_timer_stop(step->retry);
    wfe_step_result_warn(step->result, "left behind: the clean-up of container '%s' took too long",
                         step->id);
    wfe_log_warning(&step->client->log, "left behind: the clean-up of container '%s' took too long",
                    step->id);
    finish(step);
}
