/* SPDX-License-Identifier: Apache-2.0
 *
 * The way up: image, container record and snapshot side by side, FIFOs, task, start. A snapshot
 * that nothing refers to is gone at containerd's next garbage collection; a label keeps this one.
 * Wait is sent before Start. Calls that make something are never cancelled: a Create cut short
 * leaves a half-made task behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerd/containers.h"
#include "containerd/snapshots.h"
#include "containerd/tasks.h"
#include "oci/spec.h"
#include "step/ending.h"
#include "step/image.h"
#include "step/labels.h"
#include "step/prepare.h"
#include "step/step_priv.h"

/* A task that is still only created after the daemon came back is started again, so often. */
#define MAX_STARTS 3

static void stop_launching(wfe_step *step, const wfe_error *err)
{
    wfe_step_fail(step, err);
    wfe_step_clean_up(step);
}

/* What every reply of the way up checks first: true when the launch is over. */
static bool launch_is_over(wfe_step *step, const wfe_error *err)
{
    step->call = NULL;
    if (err->kind)
        wfe_step_fail(step, err);
    if (!wfe_step_must_stop(step))
        return false;
    wfe_step_clean_up(step);
    return true;
}

/* ---- start ---- */

static void explain_dead_shim(wfe_error *err)
{
    wfe_error_prefix(err, "the shim of the container has died");
    wfe_error_hint(err, "somebody killed the shim, or the machine ran out of memory; the command "
                        "was killed with it");
}

static void explain_lost_status(const wfe_step *step, wfe_error *err)
{
    if (err->grpc_status == WFE_GRPC_NOT_FOUND)
        wfe_error_hint(err, "containerd was restarted and forgot the container; it may have done "
                            "its work, its exit status is lost");
    if (wfe_step_ending_is_dead_shim(err))
        explain_dead_shim(err);
    wfe_error_prefix(err, "the exit status of container '%s' is unknown", step->id);
}

static void on_wait(const PbTasks__WaitResponse *reply, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    step->wait_call = NULL;
    if (reply) {
        wfe_step_exited(step, (int)reply->exit_status);
        return;
    }
    int exit_code = 0;
    if (err->grpc_status == WFE_GRPC_NOT_FOUND && wfe_step_ending_from_record(step, &exit_code)) {
        wfe_step_exited(step, exit_code);
        return;
    }
    wfe_error error = *err;
    explain_lost_status(step, &error);
    wfe_step_fail(step, &error);
    if (step->state == WFE_STEP_RUNNING)
        wfe_step_clean_up(step);
    else if (step->state == WFE_STEP_CLEANING)
        wfe_step_clean_up_waited(step, err);
}

static void send_start(wfe_step *step);

/* The daemon went away while it was asked to start the task: what has become of it. */
static void on_state(const PbTasks__GetResponse *reply, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    int exit_code = 0;
    step->call = NULL;
    if (reply && reply->process && reply->process->status == PB_TASK__STATUS__CREATED &&
        step->starts_left-- > 0) {
        send_start(step);
        return;
    }
    if (err->grpc_status == WFE_GRPC_NOT_FOUND && wfe_step_ending_from_record(step, &exit_code)) {
        wfe_step_exited(step, exit_code); /* it ran, ended, and was forgotten */
        wfe_step_running(step);
    } else if (err->kind) {
        wfe_error error = *err;
        explain_lost_status(step, &error);
        stop_launching(step, &error);
    } else {
        wfe_step_running(step);
    }
}

static void ask_state(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__GetRequest request = PB_TASKS__GET_REQUEST__INIT;
    request.container_id = step->id;
    if (wfe_tasks_get(step->client->containerd, &request, NULL, on_state, step, &step->call,
                      &error))
        stop_launching(step, &error);
}

static void on_start(const PbTasks__StartResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->call = NULL;
    wfe_error error = *err;
    /* The task was there a moment ago: containerd removes it when its shim has died. */
    if (err->grpc_status == WFE_GRPC_NOT_FOUND || wfe_step_ending_is_dead_shim(err))
        explain_dead_shim(&error);
    /* An earlier Start may have been on its way, and have been carried out by now: that of a daemon
     * that was asked again, or, when the step was adopted, that of its earlier owner. */
    bool may_have_started = step->durable.adopt || step->starts_left < MAX_STARTS;
    if (err->kind && !wfe_step_ending_is_dead_shim(err) &&
        (err->kind == WFE_E_UNAVAILABLE || may_have_started))
        ask_state(step);
    else if (err->kind) {
        wfe_step_ending_explain_start(step, &error);
        stop_launching(step, &error);
    } else
        wfe_step_running(step);
}

static void send_start(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__StartRequest request = PB_TASKS__START_REQUEST__INIT;
    request.container_id = step->id;
    if (wfe_tasks_start(step->client->containerd, &request, NULL, on_start, step, &step->call,
                        &error))
        stop_launching(step, &error);
}

static void start(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__WaitRequest wait = PB_TASKS__WAIT_REQUEST__INIT;
    wait.container_id = step->id;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_START);
    if (wfe_step_note_start(step, &error)) {
        stop_launching(step, &error);
        return;
    }
    step->started = true;
    step->starts_left = MAX_STARTS;
    if (wfe_tasks_wait(step->client->containerd, &wait, NULL, on_wait, step, &step->wait_call,
                       &error))
        stop_launching(step, &error);
    else
        send_start(step);
}

void wfe_step_rejoin(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__WaitRequest wait = PB_TASKS__WAIT_REQUEST__INIT;
    wait.container_id = step->id;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_START);
    step->started = true;
    step->starts_left = MAX_STARTS;
    if (wfe_tasks_wait(step->client->containerd, &wait, NULL, on_wait, step, &step->wait_call,
                       &error))
        stop_launching(step, &error);
    else
        ask_state(step);
}

/* ---- task ---- */

static void on_task(const PbTasks__CreateTaskResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    wfe_error error = *err;
    if (error.kind)
        wfe_step_ending_explain_create(step, &error);
    step->task_made = !error.kind;
    if (!launch_is_over(step, &error))
        start(step);
}

static void create_task(wfe_step *step, Pb__Mount **mounts, size_t n_mounts)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_CREATE);
    if (wfe_step_open_streams(step, &error)) {
        stop_launching(step, &error);
        return;
    }
    PbTasks__CreateTaskRequest request = PB_TASKS__CREATE_TASK_REQUEST__INIT;
    request.container_id = step->id;
    request.rootfs = mounts;
    request.n_rootfs = n_mounts;
    if (step->source)
        request.stdin = step->files.stdin_fifo;
    request.stdout = step->files.stdout_fifo;
    request.stderr = step->files.stderr_fifo;
    step->has_task = true;
    if (wfe_tasks_create(step->client->containerd, &request, NULL, on_task, step, &step->call,
                         &error))
        stop_launching(step, &error);
}

/* ---- streams ---- */

static void on_stream_done(wfe_capture *capture, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    wfe_error error = *err;
    if (!error.kind && capture == step->captures[0])
        wfe_outputs_finish(&step->outputs, &error);
    if (error.kind)
        wfe_step_fail(step, &error);
    wfe_step_stream_ended(step);
}

static void on_stdin_closed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->close_call = NULL;
    /* Else the command has ended meanwhile, or will be stopped with the step. */
    if (!err->kind)
        wfe_step_note_stdin(step);
}

/* Everything is written; the shim keeps a writer of its own open until it is told. */
static void on_stdin_end(const wfe_error *err, void *user)
{
    wfe_step *step = user;
    PbTasks__CloseIORequest request = PB_TASKS__CLOSE_IOREQUEST__INIT;
    request.container_id = step->id;
    request.stdin = true;
    wfe_source_free(step->source);
    step->source = NULL;
    if (err->kind) {
        wfe_step_fail(step, err);
        wfe_step_stream_ended(step);
    }
    (void)wfe_tasks_close_io(step->client->containerd, &request, NULL, on_stdin_closed, step,
                             &step->close_call, NULL);
}

/* A name in the step's folder. */
static void name_spool(const wfe_step *step, int which, char out[PATH_MAX + 32])
{
    snprintf(out, PATH_MAX + 32, "%s/%s.spool", step->files.dir, which ? "stderr" : "stdout");
}

/* Also when this process is killed at once, what the command writes can be read. */
static int keep_streams(wfe_step *step, wfe_error *err)
{
    const int fds[2] = {wfe_capture_fd(step->captures[0]), wfe_capture_fd(step->captures[1])};
    if (!step->is_durable || !step->durable.keeper)
        return 0;
    return wfe_keeper_add(step->durable.keeper, step->files.dir, fds, err);
}

int wfe_step_open_streams(wfe_step *step, wfe_error *err)
{
    char spool[PATH_MAX + 32];
    int rc = 0;
    if (step->config.has_stdin && !step->durable.adopt)
        rc = wfe_source_new(step->client->loop, step->config.stdin_fd, step->files.stdin_fifo,
                            on_stdin_end, step, &step->source, err);
    for (int i = 0; !rc && i < 2; i++) {
        wfe_capture_options options = {
            .stream = i ? WFE_STDERR : WFE_STDOUT,
            .fifo_path = i ? step->files.stderr_fifo : step->files.stdout_fifo,
            .limit_bytes = step->config.output_limit_bytes,
            .sink_fd = i ? step->config.stderr_fd : step->config.stdout_fd,
            .outputs = i ? NULL : &step->outputs,
            .mask = step->config.mask,
            .listener = step->config.on_output,
            .listener_user = step->config.on_output_user,
            .spool_path = step->is_durable ? spool : NULL,
            .adopt = step->durable.adopt,
            .settled = step->durable.settled,
            .found = step->durable.found,
            .spool_user = step->durable.user,
            .done = on_stream_done,
            .user = step,
        };
        name_spool(step, i, spool);
        rc = wfe_capture_new(step->client->loop, &options, &step->captures[i], err);
    }
    return rc ? rc : keep_streams(step, err);
}

/* ---- container record and snapshot, side by side ---- */

/* Both calls have been answered, or could not be sent. */
static void go_on_when_both_are_made(wfe_step *step)
{
    wfe_error none = WFE_ERROR_INIT;
    if (step->call || step->snapshot_call || step->pull || launch_is_over(step, &none))
        return;
    create_task(step, step->snapshot->mounts, step->snapshot->n_mounts);
}

/* What another wfe has made under this name is not ours to remove. */
static void explain_conflict(wfe_error *err)
{
    wfe_error_hint(err, "another wfe runs this attempt of the step, or one that was killed left "
                        "its container behind");
}

static void prepare_snapshot(wfe_step *step);

static void on_unpacked(wfe_step *step, const wfe_error *err)
{
    if (err->kind)
        wfe_step_fail(step, err);
    else if (!wfe_step_must_stop(step))
        prepare_snapshot(step);
    go_on_when_both_are_made(step);
}

static void on_snapshot(const PbSnapshots__PrepareSnapshotResponse *reply, const wfe_error *err,
                        void *user)
{
    wfe_step *step = user;
    wfe_error error = *err;
    step->snapshot_call = NULL;
    if (wfe_step_image_may_unpack(step, err)) {
        step->has_snapshot = false;
        wfe_step_image_unpack(step, on_unpacked);
        return;
    }
    wfe_step_doubt(step, err);
    wfe_step_explain_snapshot(step, &error);
    if (err->grpc_status == WFE_GRPC_ALREADY_EXISTS)
        explain_conflict(&error);
    if (err->grpc_status == WFE_GRPC_ALREADY_EXISTS ||
        err->grpc_status == WFE_GRPC_INVALID_ARGUMENT)
        step->has_snapshot = false; /* another's, or there is no such snapshotter */
    if (reply)
        step->snapshot = wfe_snapshots_copy_prepared(reply, &error);
    if (error.kind)
        wfe_step_fail(step, &error);
    go_on_when_both_are_made(step);
}

/* Nothing refers to the snapshot until the container record is there, so a gc.root label keeps it
 * from the garbage collector meanwhile; `wfe gc` knows it by its other labels. */
static void prepare_snapshot(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_labels labels;
    wfe_step_labels_fill(&labels, step);
    wfe_step_labels_add(&labels, "containerd.io/gc.root", "wfe");
    PbSnapshots__PrepareSnapshotRequest request = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = step->client->snapshotter;
    request.key = step->id;
    request.parent = step->image->chain_id;
    request.labels = labels.list;
    request.n_labels = labels.n;
    step->has_snapshot = true;
    if (wfe_snapshots_prepare(step->client->containerd, &request, NULL, on_snapshot, step,
                              &step->snapshot_call, &error))
        wfe_step_fail(step, &error);
}

static void on_container(const PbContainers__CreateContainerResponse *reply, const wfe_error *err,
                         void *user)
{
    (void)reply;
    wfe_step *step = user;
    wfe_error error = *err;
    step->call = NULL;
    wfe_step_doubt(step, err);
    if (err->grpc_status == WFE_GRPC_ALREADY_EXISTS) {
        step->has_container = false;
        explain_conflict(&error);
    }
    if (error.kind)
        wfe_step_fail(step, &error);
    go_on_when_both_are_made(step);
}

static void create_container(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_labels labels;
    wfe_step_labels_fill(&labels, step);
    wfe_step_labels_add_config(&labels, &step->config);
    Pb__Any any = PB__ANY__INIT;
    any.type_url = WFE_OCI_SPEC_TYPE_URL;
    any.value.data = (uint8_t *)step->spec;
    any.value.len = step->spec_len;
    PbContainers__Container__Runtime runtime = PB_CONTAINERS__CONTAINER__RUNTIME__INIT;
    runtime.name = step->client->runtime;
    PbContainers__Container container = PB_CONTAINERS__CONTAINER__INIT;
    container.id = step->id;
    container.labels = labels.list;
    container.n_labels = labels.n;
    container.image = step->image->name;
    container.runtime = &runtime;
    container.spec = &any;
    container.snapshotter = step->client->snapshotter;
    container.snapshot_key = step->id;
    PbContainers__CreateContainerRequest request = PB_CONTAINERS__CREATE_CONTAINER_REQUEST__INIT;
    request.container = &container;
    step->has_container = true;
    if (wfe_containers_create(step->client->containerd, &request, NULL, on_container, step,
                              &step->call, &error))
        wfe_step_fail(step, &error);
}

/* ---- image ---- */

static int note_image(wfe_step *step, wfe_error *err)
{
    step->result->image = strdup(step->image->name);
    step->result->image_digest = strdup(step->image->manifest_digest);
    step->result->image_target = strdup(step->image->target_digest);
    return step->result->image && step->result->image_digest && step->result->image_target
               ? 0
               : wfe_error_nomem(err);
}

static void on_prepared(wfe_step *step, const wfe_error *err)
{
    if (launch_is_over(step, err))
        return;
    step->state = WFE_STEP_LAUNCHING;
    create_container(step);
    prepare_snapshot(step);
    go_on_when_both_are_made(step); /* only when neither could be sent */
}

static void on_image(wfe_step *step, const wfe_error *err)
{
    wfe_error error = *err;
    if (!error.kind && step->image)
        note_image(step, &error);
    if (launch_is_over(step, &error))
        return;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_PREPARE);
    wfe_step_prepare(step, on_prepared);
}

void wfe_step_launch(wfe_step *step)
{
    step->state = WFE_STEP_RESOLVING;
    wfe_step_image_find(step, on_image);
}
