/* SPDX-License-Identifier: Apache-2.0
 *
 * The way up: image, container record, snapshot, FIFOs, task, start. The container record comes
 * first, because it is what keeps the snapshot from containerd's garbage collector; a snapshot
 * that nothing refers to is gone at the next collection. Wait is sent before Start. Calls that
 * make something are never cancelled: a Create cut short leaves a half-made task behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/owner.h"
#include "containerd/containers.h"
#include "containerd/snapshots.h"
#include "containerd/tasks.h"
#include "oci/spec.h"
#include "step/spec.h"
#include "step/step_priv.h"

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

static void on_wait(const PbTasks__WaitResponse *reply, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    step->wait_call = NULL;
    if (reply) {
        wfe_step_exited(step, (int)reply->exit_status);
        return;
    }
    wfe_error error = *err;
    if (err->grpc_status == WFE_GRPC_NOT_FOUND)
        wfe_error_hint(&error, "containerd was restarted and forgot the container; it may have "
                               "done its work, its exit status is lost");
    wfe_error_prefix(&error, "the exit status of container '%s' is unknown", step->id);
    wfe_step_fail(step, &error);
    if (step->state == WFE_STEP_RUNNING)
        wfe_step_clean_up(step);
    else if (step->state == WFE_STEP_CLEANING)
        wfe_step_clean_up_exited(step);
}

static void on_start(const PbTasks__StartResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->call = NULL;
    if (err->kind) {
        stop_launching(step, err);
        return;
    }
    wfe_step_running(step);
}

static void start(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__WaitRequest wait = PB_TASKS__WAIT_REQUEST__INIT;
    wait.container_id = step->id;
    PbTasks__StartRequest request = PB_TASKS__START_REQUEST__INIT;
    request.container_id = step->id;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_START);
    step->started = true;
    if (wfe_tasks_wait(step->client->containerd, &wait, NULL, on_wait, step, &step->wait_call,
                       &error) ||
        wfe_tasks_start(step->client->containerd, &request, NULL, on_start, step, &step->call,
                        &error))
        stop_launching(step, &error);
}

/* ---- task ---- */

/* Tells a command that cannot be executed from everything else that can go wrong in Create: runc
 * says `exec: "NAME": reason` (runc 1.1: libcontainer/standard_init_linux.go). */
static void explain_exec_failure(wfe_error *err)
{
    const char *exec = strstr(err->message, "exec: \"");
    if (!exec)
        return;
    char name[WFE_ERROR_SUBJECT_SIZE];
    const char *first = exec + strlen("exec: \"");
    const char *end = strchr(first, '"');
    snprintf(name, sizeof name, "%.*s", end ? (int)(end - first) : 0, first);
    bool missing = strstr(exec, "not found in $PATH") || strstr(exec, "no such file");
    bool denied = strstr(exec, "permission denied") || strstr(exec, "exec format error") ||
                  strstr(exec, "is a directory");
    if (!missing && !denied)
        return;
    wfe_error said = *err;
    *err = (wfe_error){.grpc_status = said.grpc_status};
    if (missing)
        wfe_error_set(err, WFE_E_NOT_FOUND, "command '%s' is not in the image", name);
    else
        wfe_error_set(err, WFE_E_DENIED, "command '%s' is in the image and cannot be executed: %s",
                      name,
                      strstr(exec, "format error") ? "it is no program of this machine"
                                                   : "permission denied");
    wfe_error_where(err, WFE_STEP_OPERATION_EXEC, name);
}

static void on_task(const PbTasks__CreateTaskResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    wfe_error error = *err;
    if (error.kind)
        explain_exec_failure(&error);
    if (!launch_is_over(step, &error))
        start(step);
}

static int open_streams(wfe_step *step, char paths[2][PATH_MAX], wfe_error *err);

static void create_task(wfe_step *step, Pb__Mount **mounts, size_t n_mounts)
{
    wfe_error error = WFE_ERROR_INIT;
    char paths[2][PATH_MAX];
    wfe_step_enter_phase(step, WFE_STEP_PHASE_CREATE);
    if (open_streams(step, paths, &error)) {
        stop_launching(step, &error);
        return;
    }
    PbTasks__CreateTaskRequest request = PB_TASKS__CREATE_TASK_REQUEST__INIT;
    request.container_id = step->id;
    request.rootfs = mounts;
    request.n_rootfs = n_mounts;
    request.stdout = paths[0];
    request.stderr = paths[1];
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

/* The step's own folder, seen by nobody else, with a FIFO for each stream in it. */
static int open_streams(wfe_step *step, char paths[2][PATH_MAX], wfe_error *err)
{
    static const char *const names[2] = {"stdout", "stderr"};
    const char *base = step->client->io_dir;
    if (snprintf(step->io_dir, sizeof step->io_dir - 16, "%s/%s", base, step->id) >=
        (int)sizeof step->io_dir - 16)
        return wfe_error_set(err, WFE_E_LIMIT, "the I/O folder's path is too long: %s", base);
    int rc = wfe_fd_make_dirs(base, 0700, err);
    if (rc)
        return rc;
    if (mkdir(step->io_dir, 0700) < 0)
        return wfe_error_set_errno(err, errno, "cannot create folder %s", step->io_dir);
    step->has_io_dir = true;
    for (int i = 0; !rc && i < 2; i++) {
        snprintf(paths[i], PATH_MAX, "%s/%s", step->io_dir, names[i]);
        wfe_capture_options options = {
            .stream = i ? WFE_STDERR : WFE_STDOUT,
            .fifo_path = paths[i],
            .limit_bytes = step->config.output_limit_bytes,
            .sink_fd = i ? step->config.stderr_fd : step->config.stdout_fd,
            .outputs = i ? NULL : &step->outputs,
            .listener = step->config.on_output,
            .listener_user = step->config.on_output_user,
            .done = on_stream_done,
            .user = step,
        };
        rc = wfe_capture_new(step->client->loop, &options, &step->captures[i], err);
    }
    return rc;
}

/* ---- labels ---- */

/* How `wfe gc` and a restarted wfe find what belongs to a step. */
typedef struct step_labels {
    Pb__Pair pairs[4];
    Pb__Pair *list[4];
    char attempt[16];
    char owner[WFE_OWNER_TEXT_SIZE];
} step_labels;

static void fill_labels(const wfe_step *step, step_labels *labels)
{
    snprintf(labels->attempt, sizeof labels->attempt, "%u", step->config.attempt);
    wfe_owner_format(labels->owner);
    const char *rows[4][2] = {
        {"wfe.run", step->config.run_id},
        {"wfe.step", step->config.name},
        {"wfe.attempt", labels->attempt},
        {"wfe.owner", labels->owner},
    };
    for (int i = 0; i < 4; i++) {
        labels->pairs[i] = (Pb__Pair)PB__PAIR__INIT;
        labels->pairs[i].key = rows[i][0];
        labels->pairs[i].value = rows[i][1];
        labels->list[i] = &labels->pairs[i];
    }
}

/* ---- snapshot ---- */

static void on_snapshot(const PbSnapshots__PrepareSnapshotResponse *reply, const wfe_error *err,
                        void *user)
{
    wfe_step *step = user;
    wfe_error error = *err;
    if (err->grpc_status == WFE_GRPC_NOT_FOUND) {
        wfe_error_prefix(&error, "image '%s' is not unpacked for snapshotter '%s'",
                         step->image->name, step->client->snapshotter);
        wfe_error_hint(&error, "import the image again with this snapshotter");
    }
    if (!launch_is_over(step, &error))
        create_task(step, reply->mounts, reply->n_mounts);
}

static void prepare_snapshot(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    step_labels labels;
    fill_labels(step, &labels);
    PbSnapshots__PrepareSnapshotRequest request = PB_SNAPSHOTS__PREPARE_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = step->client->snapshotter;
    request.key = step->id;
    request.parent = step->image->chain_id;
    request.labels = labels.list;
    request.n_labels = 4;
    step->has_snapshot = true;
    if (wfe_snapshots_prepare(step->client->containerd, &request, NULL, on_snapshot, step,
                              &step->call, &error))
        stop_launching(step, &error);
}

/* ---- container record ---- */

static void on_container(const PbContainers__CreateContainerResponse *reply, const wfe_error *err,
                         void *user)
{
    (void)reply;
    wfe_step *step = user;
    wfe_error error = *err;
    if (err->grpc_status == WFE_GRPC_ALREADY_EXISTS) {
        /* Another's, so not ours to remove. */
        step->has_container = false;
        wfe_error_hint(&error, "another wfe runs this attempt of the step, or one that was killed "
                               "left its container behind");
    }
    if (!launch_is_over(step, &error))
        prepare_snapshot(step);
}

static void create_container(wfe_step *step, const char *spec, size_t spec_len)
{
    wfe_error error = WFE_ERROR_INIT;
    step_labels labels;
    fill_labels(step, &labels);
    Pb__Any any = PB__ANY__INIT;
    any.type_url = WFE_OCI_SPEC_TYPE_URL;
    any.value.data = (uint8_t *)(uintptr_t)spec;
    any.value.len = spec_len;
    PbContainers__Container__Runtime runtime = PB_CONTAINERS__CONTAINER__RUNTIME__INIT;
    runtime.name = step->client->runtime;
    PbContainers__Container container = PB_CONTAINERS__CONTAINER__INIT;
    container.id = step->id;
    container.labels = labels.list;
    container.n_labels = 4;
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
        stop_launching(step, &error);
}

/* ---- image ---- */

static int build_spec(wfe_step *step, char **ret_spec, size_t *ret_len, wfe_error *err)
{
    char cgroups_path[2 * WFE_ID_MAX_LENGTH + 4];
    char hostname[16];
    const char *namespace_name = wfe_containerd_namespace(step->client->containerd);
    snprintf(cgroups_path, sizeof cgroups_path, "/%s/%s", namespace_name, step->id);
    snprintf(hostname, sizeof hostname, "%.12s", step->config.run_id);
    wfe_step_spec_host host = {
        .local = wfe_client_is_local(step->client),
        .cgroups_path = cgroups_path,
        .hostname = hostname,
    };
    return wfe_step_spec_build(&step->config, step->image, &host, step->result, ret_spec, ret_len,
                               err);
}

static int note_image(wfe_step *step, const wfe_image *image, wfe_error *err)
{
    step->image = wfe_image_ref(image);
    step->result->image = strdup(image->name);
    step->result->image_digest = strdup(image->manifest_digest);
    return step->result->image && step->result->image_digest ? 0 : wfe_error_nomem(err);
}

static void on_image(const wfe_image *image, const wfe_error *err, void *user)
{
    wfe_step *step = user;
    _cleanup_free_ char *spec = NULL;
    size_t spec_len = 0;
    wfe_error error = *err;
    step->resolve = NULL;
    if (!error.kind && !note_image(step, image, &error))
        build_spec(step, &spec, &spec_len, &error);
    if (launch_is_over(step, &error))
        return;
    step->state = WFE_STEP_LAUNCHING;
    wfe_step_enter_phase(step, WFE_STEP_PHASE_PREPARE);
    create_container(step, spec, spec_len);
}

void wfe_step_launch(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    step->state = WFE_STEP_RESOLVING;
    if (wfe_image_resolve_start(step->client->image_cache, step->config.image, on_image, step,
                                &step->resolve, &error))
        stop_launching(step, &error);
}
