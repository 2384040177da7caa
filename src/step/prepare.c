/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of users are looked up in the image, through a view of its top snapshot that is mounted by
 * a child and removed again at once. Numbers with a group need none of that and cost nothing.
 */
#include "step/prepare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "containerd/snapshots.h"
#include "oci/stop_signal.h"
#include "step/devices.h"
#include "step/image.h"
#include "step/labels.h"
#include "step/rootfs.h"
#include "step/spec.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define MAX_MOUNTS 16

/* ---- the spec ---- */

static int build_spec(wfe_step *step, wfe_error *err)
{
    const char *const init[] = {step->files.init_target, "-r", WFE_STEP_RECORD_TARGET, "-o",
                                WFE_STEP_STDOUT_TARGET,  "-e", WFE_STEP_STDERR_TARGET, NULL};
    _cleanup_(wfe_step_devices_done) wfe_step_devices devices = {0};
    if (step->config.confinement.privileged && step->machine.local) {
        int rc = wfe_step_devices_find("/dev", &devices, err);
        if (rc)
            return rc;
    }
    wfe_step_spec_input input = {
        .config = &step->config,
        .image = step->image_config,
        .identity = &step->identity,
        .machine = &step->machine,
        .cgroups_path = step->cgroups_path[0] ? step->cgroups_path : NULL,
        .hostname = step->hostname,
        .binds = step->files.binds,
        .n_binds = step->files.n_binds,
        .devices = devices.list,
        .n_devices = devices.n,
        .output_file = WFE_STEP_OUTPUT_TARGET,
        .init = step->config.init ? init : NULL,
        /* Other runtimes may have a kernel of their own, of which nothing is known here. */
        .init_filters =
            !step->config.is_joined && strcmp(step->client->runtime, WFE_RUNTIME_RUNC) == 0,
    };
    return wfe_step_spec_build(&input, &step->spec, &step->spec_len, err);
}

void wfe_step_look_around(wfe_step *step)
{
    const char *namespace_name = wfe_containerd_namespace(step->client->containerd);
    wfe_step_machine_look(wfe_client_is_local(step->client), wfe_client_is_rootless(step->client),
                          &step->machine);
    if (!step->machine.rootless)
        snprintf(step->cgroups_path, sizeof step->cgroups_path, "/%s/%s", namespace_name, step->id);
}

/* A rootless containerd may make no cgroup, so that the runtime would refuse limits. */
static int drop_limits(wfe_step *step, wfe_error *err)
{
    wfe_oci_resources *limits = &step->config.confinement.resources;
    const wfe_oci_resources none = {0};
    if (!step->machine.rootless ||
        (!limits->memory_bytes && !limits->cpu_quota_us && !limits->pids))
        return 0;
    if (step->config.strict)
        return wfe_error_set(err, WFE_E_INVALID,
                             "a rootless containerd cannot hold limits on memory, cpu or pids");
    *limits = none;
    wfe_step_result_warn(step->result, "the limits on memory, cpu and pids do not hold: containerd "
                                       "is rootless and may make no cgroup");
    return 0;
}

static int make_files_and_spec(wfe_step *step, wfe_error *err)
{
    if (step->config.hostname)
        snprintf(step->hostname, sizeof step->hostname, "%s", step->config.hostname);
    else
        snprintf(step->hostname, sizeof step->hostname, "%.12s", step->id + strlen("wfe-"));
    const wfe_step_place place = {
        .io_dir = step->client->io_dir,
        .state_dir = step->client->state_dir,
        .id = step->id,
        .owner = step->owner,
        .hostname = step->hostname,
        .run_id = step->is_durable ? step->config.run_id : NULL,
    };
    int rc = drop_limits(step, err);
    if (!rc)
        rc = wfe_step_files_make(&step->files, &step->config, &place, err);
    return rc ? rc : build_spec(step, err);
}

/* ---- the user ---- */

static const char *user_text(const wfe_step *step)
{
    return step->runs_as_image ? step->image_config->user : step->config.user;
}

static int resolve_identity(wfe_step *step, const wfe_oci_user_file *passwd,
                            const wfe_oci_user_file *group, wfe_error *err)
{
    int rc = wfe_oci_identity_resolve(user_text(step), step->runs_as_image, passwd, group,
                                      &step->identity, err);
    if (rc || step->identity.resolved)
        return rc;
    if (step->config.strict)
        return wfe_error_set(err, WFE_E_INVALID, "%s", step->identity.reason);
    wfe_step_result_warn(step->result, "%s; the step ran as " WFE_STEP_DEFAULT_USER,
                         step->identity.reason);
    return 0;
}

static void go_on(wfe_step *step, wfe_error *err)
{
    if (!err->kind)
        make_files_and_spec(step, err);
    step->prepared(step, err);
}

static void go_on_without_files(wfe_step *step, wfe_error *err)
{
    const wfe_oci_user_file unusable = {.unusable = true};
    if (!err->kind)
        resolve_identity(step, &unusable, &unusable, err);
    go_on(step, err);
}

static wfe_oci_user_file user_file(const wfe_rootfs_want *want)
{
    return (wfe_oci_user_file){
        .text = want->rc ? NULL : want->bytes.data,
        .len = want->rc ? 0 : want->bytes.len,
        .unusable = want->rc && want->rc != WFE_E_NOT_FOUND,
    };
}

static int look_into(wfe_step *step, const wfe_rootfs_mount *mounts, size_t n, wfe_error *err)
{
    wfe_rootfs_want wants[2] = {
        {.path = PASSWD, .max_bytes = WFE_OCI_USER_FILE_MAX_BYTES},
        {.path = GROUP, .max_bytes = WFE_OCI_USER_FILE_MAX_BYTES},
    };
    int rc = wfe_rootfs_read(mounts, n, step->client->io_dir, wants, 2, err);
    if (!rc) {
        wfe_oci_user_file passwd = user_file(&wants[0]), group = user_file(&wants[1]);
        rc = resolve_identity(step, &passwd, &group, err);
    }
    wfe_buf_done(&wants[0].bytes);
    wfe_buf_done(&wants[1].bytes);
    return rc;
}

static void on_view_removed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    step->call = NULL;
    if (!err->kind || err->grpc_status == WFE_GRPC_NOT_FOUND)
        step->has_view = false;
    wfe_error error = step->view_error;
    go_on(step, &error);
}

void wfe_step_explain_snapshot(const wfe_step *step, wfe_error *err)
{
    if (err->grpc_status == WFE_GRPC_NOT_FOUND) {
        wfe_error_prefix(err, "image '%s' is not unpacked for snapshotter '%s'", step->image->name,
                         step->client->snapshotter);
        wfe_error_hint(err, "import the image again with this snapshotter");
    } else if (err->grpc_status == WFE_GRPC_INVALID_ARGUMENT) {
        if (strstr(err->message, "snapshotter not loaded")) {
            *err = (wfe_error){.grpc_status = WFE_GRPC_INVALID_ARGUMENT};
            wfe_error_set(err, WFE_E_INVALID, "containerd has no snapshotter '%s'",
                          step->client->snapshotter);
            wfe_error_where(err, "prepare snapshot", step->client->snapshotter);
        }
        wfe_error_hint(err, "see wfe doctor, or choose another with --snapshotter");
    }
}

static void view_image(wfe_step *step);

static void on_unpacked(wfe_step *step, const wfe_error *err)
{
    wfe_error error = *err;
    if (error.kind || wfe_step_must_stop(step))
        go_on(step, &error);
    else
        view_image(step);
}

static void on_old_view_removed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step *step = user;
    wfe_error problem = *err;
    step->call = NULL;
    if (problem.kind && problem.grpc_status != WFE_GRPC_NOT_FOUND)
        go_on(step, &problem);
    else if (wfe_step_must_stop(step))
        go_on(step, &step->view_error);
    else
        view_image(step);
}

static int remove_view(wfe_step *step, wfe_snapshots_remove_fn fn, wfe_error *err)
{
    PbSnapshots__RemoveSnapshotRequest remove = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    char key[WFE_STEP_VIEW_KEY_SIZE];
    remove.snapshotter = step->client->snapshotter;
    remove.key = wfe_step_view_key(step, key);
    return wfe_snapshots_remove(step->client->containerd, &remove, NULL, fn, step, &step->call,
                                err);
}

/* A step that can be gone on with is ours alone: what has its name is what containerd made for a
 * process that was killed while it asked, after others had looked for what it left. */
static bool is_left_over(wfe_step *step, const wfe_error *err)
{
    if (err->grpc_status != WFE_GRPC_ALREADY_EXISTS || !step->is_durable || step->viewed_again)
        return false;
    step->viewed_again = true;
    return true;
}

static void on_view(const PbSnapshots__ViewSnapshotResponse *reply, const wfe_error *err,
                    void *user)
{
    wfe_step *step = user;
    wfe_rootfs_mount mounts[MAX_MOUNTS];
    step->call = NULL;
    if (wfe_step_image_may_unpack(step, err)) {
        step->has_view = false;
        wfe_step_image_unpack(step, on_unpacked);
        return;
    }
    wfe_error error = WFE_ERROR_INIT;
    if (is_left_over(step, err)) {
        if (remove_view(step, on_old_view_removed, &error))
            go_on(step, &error);
        return;
    }
    step->view_error = *err;
    wfe_step_explain_snapshot(step, &step->view_error);
    wfe_step_doubt(step, err);
    if (err->grpc_status == WFE_GRPC_INVALID_ARGUMENT)
        step->has_view = false; /* there is no such snapshotter */
    if (step->looks_left) {     /* the clean-up removes it */
        go_on(step, &step->view_error);
        return;
    }
    for (size_t i = 0; reply && i < reply->n_mounts && i < MAX_MOUNTS; i++) {
        mounts[i] = (wfe_rootfs_mount){
            .type = reply->mounts[i]->type,
            .source = reply->mounts[i]->source,
            .options = (const char *const *)reply->mounts[i]->options,
            .n_options = reply->mounts[i]->n_options,
        };
    }
    if (reply)
        look_into(step, mounts, reply->n_mounts < MAX_MOUNTS ? reply->n_mounts : MAX_MOUNTS,
                  &step->view_error);
    if (remove_view(step, on_view_removed, &error))
        go_on(step, &error);
}

/* A view of the image; a gc.root label keeps it until it is removed. */
static void view_image(wfe_step *step)
{
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_labels labels;
    char key[WFE_STEP_VIEW_KEY_SIZE];
    wfe_step_labels_fill(&labels, step);
    wfe_step_labels_add(&labels, "containerd.io/gc.root", "wfe");
    PbSnapshots__ViewSnapshotRequest request = PB_SNAPSHOTS__VIEW_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = step->client->snapshotter;
    request.key = wfe_step_view_key(step, key);
    request.parent = step->image->chain_id;
    request.labels = labels.list;
    request.n_labels = labels.n;
    step->has_view = true;
    step->state = WFE_STEP_LAUNCHING;
    if (wfe_fd_make_dirs(step->client->io_dir, 0700, &error) ||
        wfe_snapshots_view(step->client->containerd, &request, NULL, on_view, step, &step->call,
                           &error))
        go_on(step, &error);
}

const char *wfe_step_view_key(const wfe_step *step, char out[WFE_STEP_VIEW_KEY_SIZE])
{
    snprintf(out, WFE_STEP_VIEW_KEY_SIZE, "%s-users", step->id);
    return out;
}

void wfe_step_prepare(wfe_step *step, void (*ready)(wfe_step *step, const wfe_error *err))
{
    wfe_error error = WFE_ERROR_INIT;
    step->prepared = ready;
    step->runs_as_image = strcmp(step->config.user, "image") == 0;
    wfe_step_look_around(step);
    step->image_config = step->image->config;
    if (wfe_oci_stop_signal_parse(step->image_config->stop_signal, &step->stop_signal, NULL))
        step->stop_signal = WFE_STEP_DEFAULT_STOP_SIGNAL;
    if (wfe_oci_identity_needs_files(user_text(step)) && step->machine.local)
        view_image(step);
    else
        go_on_without_files(step, &error);
}
