/* SPDX-License-Identifier: Apache-2.0
 *
 * The way down, from wherever the step got to: kill, task, then container record and snapshot side
 * by side, then the FIFOs. "Already gone" is success. The daemon lets a record go while its task
 * still runs and orphans the process then, so the task always comes first. What cannot be removed
 * in time keeps its labels and is reported, never waited for without end.
 */
#include <signal.h>
#include <stdlib.h>

#include "base/fd.h"
#include "containerd/containers.h"
#include "containerd/snapshots.h"
#include "containerd/tasks.h"
#include "step/step_priv.h"

/* The kernel needs long for a process that writes back much memory or waits for a disk. */
#define KILL_PATIENCE_MS 20000
/* All of the clean-up: above the daemon's own longest wait (10 s of draining in Delete). */
#define CLEANUP_PATIENCE_MS 60000

static void finish(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    for (int i = 0; i < 2; i++) {
        if (step->captures[i]) {
            step->result->out[i].bytes = wfe_capture_bytes(step->captures[i]);
            wfe_capture_take(step->captures[i], &step->result->out[i].kept);
            wfe_capture_free(step->captures[i]);
            step->captures[i] = NULL;
        }
    }
    if (step->has_io_dir && wfe_fd_remove_tree(step->io_dir, &error))
        wfe_step_result_warn(step->result, "%s", error.message);
    wfe_step_end(step);
}

/* A removal was answered, or could not be sent: true when the thing is gone. */
static bool is_gone(wfe_step *step, const wfe_error *err)
{
    if (!err->kind || err->grpc_status == WFE_GRPC_NOT_FOUND)
        return true;
    wfe_step_result_warn(step->result, "left behind: %s", err->message);
    wfe_log_warning(&step->client->log, "left behind: %s", err->message);
    return false;
}

static void finish_when_both_are_done(wfe_step *step)
{
    if (!step->call && !step->snapshot_call)
        finish(step);
}

static void on_container_deleted(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->call = NULL;
    is_gone(step, err);
    finish_when_both_are_done(step);
}

static void on_snapshot_removed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->snapshot_call = NULL;
    is_gone(step, err);
    finish_when_both_are_done(step);
}

static void remove_records(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbSnapshots__RemoveSnapshotRequest remove = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    remove.snapshotter = step->client->snapshotter;
    remove.key = step->id;
    if (step->has_snapshot &&
        wfe_snapshots_remove(step->client->containerd, &remove, NULL, on_snapshot_removed, step,
                             &step->snapshot_call, &error))
        is_gone(step, &error);
    error = (wfe_error)WFE_ERROR_INIT;
    PbContainers__DeleteContainerRequest delete = PB_CONTAINERS__DELETE_CONTAINER_REQUEST__INIT;
    delete.id = step->id;
    if (step->has_container &&
        wfe_containers_delete(step->client->containerd, &delete, NULL, on_container_deleted, step,
                              &step->call, &error))
        is_gone(step, &error);
    finish_when_both_are_done(step);
}

static void on_task_deleted(const PbTasks__DeleteResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->call = NULL;
    if (is_gone(step, err)) {
        remove_records(step);
        return;
    }
    /* With its record gone the process could not be reached any more: leave all to `wfe gc`. */
    finish(step);
}

static void delete_task(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__DeleteTaskRequest request = PB_TASKS__DELETE_TASK_REQUEST__INIT;
    request.container_id = step->id;
    if (!step->has_task) {
        remove_records(step);
        return;
    }
    if (wfe_tasks_delete(step->client->containerd, &request, NULL, on_task_deleted, step,
                         &step->call, &error)) {
        is_gone(step, &error);
        finish(step);
    }
}

void wfe_step_clean_up_exited(wfe_step *step)
{
    wfe_timer_start(step->patience, CLEANUP_PATIENCE_MS);
    if (!step->call)
        delete_task(step);
}

static void on_death(const PbTasks__WaitResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err; /* whatever it says, the task is deleted next, and that tells */
    wfe_step *step = user;
    step->wait_call = NULL;
    wfe_step_clean_up_exited(step);
}

/* Kills the command and goes on when it has ended. */
static void kill_first(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_timer_start(step->patience, KILL_PATIENCE_MS);
    wfe_step_signal(step, SIGKILL);
    if (step->wait_call)
        return; /* its callback goes on */
    PbTasks__WaitRequest request = PB_TASKS__WAIT_REQUEST__INIT;
    request.container_id = step->id;
    wfe_containerd_options options = {.deadline_ms = KILL_PATIENCE_MS};
    if (wfe_tasks_wait(step->client->containerd, &request, &options, on_death, step,
                       &step->wait_call, &error))
        delete_task(step);
}

void wfe_step_clean_up(wfe_step *step)
{
    step->state = WFE_STEP_CLEANING;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_CLEANUP);
    wfe_timer_stop(step->timeout);
    wfe_timer_start(step->patience, CLEANUP_PATIENCE_MS);
    if (step->started && !step->exited)
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
    wfe_containerd_cancel(step->call);
    wfe_containerd_cancel(step->snapshot_call);
    step->call = NULL;
    step->snapshot_call = NULL;
    wfe_step_result_warn(step->result, "left behind: the clean-up of container '%s' took too long",
                         step->id);
    wfe_log_warning(&step->client->log, "left behind: the clean-up of container '%s' took too long",
                    step->id);
    finish(step);
}
