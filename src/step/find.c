/* SPDX-License-Identifier: Apache-2.0
 *
 * What a dead process has left of an attempt, asked before a run goes on. Everything here blocks.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "containerd/containers.h"
#include "containerd/snapshots.h"
#include "containerd/tasks.h"
#include "image/wait.h"
#include "step/durable.h"
#include "step/files.h"
#include "step/gc_priv.h"
#include "step/init_file.h"

typedef struct search {
    wfe_image_wait wait;
    wfe_client *client;
    const char *id;
    char owner[WFE_OWNER_TEXT_SIZE]; /* we */
    char dir[PATH_MAX];
    bool has_folder;
    bool has_task;
    bool has_container;
    char snapshotter[128];
} search;

WFE_IMAGE_WAIT_CALLBACK(on_container_updated, PbContainers__UpdateContainerResponse)
WFE_IMAGE_WAIT_CALLBACK(on_snapshot_updated, PbSnapshots__UpdateSnapshotResponse)

static bool has_file(const search *s, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    return access(path, F_OK) == 0;
}

static bool has_record(const search *s)
{
    char path[PATH_MAX + 32];
    wfe_init_record record;
    snprintf(path, sizeof path, "%s/exit", s->dir);
    return wfe_init_record_read(path, &record, NULL) == 0;
}

static int look_at_folder(search *s, wfe_error *err)
{
    char path[PATH_MAX + 32];
    wfe_buf owner = WFE_BUF_INIT(0);
    if (snprintf(s->dir, sizeof s->dir, "%s/%s", s->client->io_dir, s->id) >= (int)sizeof s->dir)
        return wfe_error_set(err, WFE_E_LIMIT, "the I/O folder's path is too long: %s",
                             s->client->io_dir);
    s->has_folder = access(s->dir, F_OK) == 0;
    snprintf(path, sizeof path, "%s/" WFE_STEP_OWNER_FILE, s->dir);
    int rc = 0;
    if (s->has_folder && !wfe_fd_read_file(path, WFE_OWNER_TEXT_SIZE - 1, &owner, NULL) &&
        owner.len && wfe_owner_is_alive(owner.data) && strcmp(owner.data, s->owner) != 0)
        rc = wfe_error_set(err, WFE_E_CONFLICT,
                           "container '%s' belongs to process %.*s, which is "
                           "alive",
                           s->id, (int)strcspn(owner.data, ":"), owner.data);
    wfe_buf_done(&owner);
    return rc;
}

/* ---- at the daemon ---- */

static void on_task(const PbTasks__GetResponse *reply, const wfe_error *err, void *user)
{
    search *s = user;
    s->has_task = reply && reply->process;
    wfe_image_wait_end(&s->wait, err);
}

static void on_container(const PbContainers__GetContainerResponse *reply, const wfe_error *err,
                         void *user)
{
    search *s = user;
    s->has_container = reply && reply->container;
    if (s->has_container && reply->container->snapshotter)
        snprintf(s->snapshotter, sizeof s->snapshotter, "%s", reply->container->snapshotter);
    wfe_image_wait_end(&s->wait, err);
}

/* "Not found" is an answer. */
static int answered(int rc, const wfe_error *problem, wfe_error *err)
{
    if (!rc || problem->grpc_status == WFE_GRPC_NOT_FOUND)
        return 0;
    return wfe_error_copy(err, problem);
}

static int ask_daemon(search *s, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    wfe_containerd *containerd = s->client->containerd;
    PbTasks__GetRequest task = PB_TASKS__GET_REQUEST__INIT;
    task.container_id = s->id;
    s->wait = (wfe_image_wait){.loop = s->client->loop};
    int rc = wfe_image_wait_for(
        &s->wait, wfe_tasks_get(containerd, &task, NULL, on_task, s, &s->wait.call, &problem),
        &problem);
    rc = answered(rc, &problem, err);
    if (rc)
        return rc;
    problem = (wfe_error)WFE_ERROR_INIT;
    PbContainers__GetContainerRequest container = PB_CONTAINERS__GET_CONTAINER_REQUEST__INIT;
    container.id = s->id;
    s->wait = (wfe_image_wait){.loop = s->client->loop};
    rc = wfe_image_wait_for(
        &s->wait,
        wfe_containers_get(containerd, &container, NULL, on_container, s, &s->wait.call, &problem),
        &problem);
    return answered(rc, &problem, err);
}

static int own_container(search *s, Pb__Pair **labels, Pb__FieldMask *mask, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbContainers__Container container = PB_CONTAINERS__CONTAINER__INIT;
    PbContainers__UpdateContainerRequest request = PB_CONTAINERS__UPDATE_CONTAINER_REQUEST__INIT;
    container.id = s->id;
    container.labels = labels;
    container.n_labels = 1;
    request.container = &container;
    request.update_mask = mask;
    s->wait = (wfe_image_wait){.loop = s->client->loop};
    int rc = wfe_image_wait_for(&s->wait,
                                wfe_containers_update(s->client->containerd, &request, NULL,
                                                      on_container_updated, &s->wait, &s->wait.call,
                                                      &problem),
                                &problem);
    return answered(rc, &problem, err);
}

static int own_snapshot(search *s, Pb__Pair **labels, Pb__FieldMask *mask, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbSnapshots__Info info = PB_SNAPSHOTS__INFO__INIT;
    PbSnapshots__UpdateSnapshotRequest request = PB_SNAPSHOTS__UPDATE_SNAPSHOT_REQUEST__INIT;
    info.name = s->id;
    info.labels = labels;
    info.n_labels = 1;
    request.snapshotter = s->snapshotter;
    request.info = &info;
    request.update_mask = mask;
    s->wait = (wfe_image_wait){.loop = s->client->loop};
    int rc = wfe_image_wait_for(&s->wait,
                                wfe_snapshots_update(s->client->containerd, &request, NULL,
                                                     on_snapshot_updated, &s->wait, &s->wait.call,
                                                     &problem),
                                &problem);
    return answered(rc, &problem, err);
}

/* So that nobody takes them for left behind. The folder comes last: as long as it names the dead
 * one, all of this is done again. */
static int own(search *s, wfe_error *err)
{
    Pb__Pair label = PB__PAIR__INIT;
    Pb__Pair *labels[] = {&label};
    char path[] = "labels." WFE_GC_OWNER_LABEL;
    char *paths[] = {path};
    _cleanup_(wfe_step_files_done) wfe_step_files files = {0};
    Pb__FieldMask mask = PB__FIELD_MASK__INIT;
    label.key = WFE_GC_OWNER_LABEL;
    label.value = s->owner;
    mask.paths = (void *)paths;
    mask.n_paths = 1;
    const wfe_step_place place = {.io_dir = s->client->io_dir, .id = s->id, .owner = s->owner};
    int rc = s->has_container ? own_container(s, labels, &mask, err) : 0;
    if (!rc && s->has_container)
        rc = own_snapshot(s, labels, &mask, err);
    return rc ? rc : wfe_step_files_adopt(&files, &place, err);
}

static enum wfe_step_found judge(const search *s)
{
    if (!s->has_folder)
        return s->has_task || s->has_container ? WFE_STEP_FOUND_LOST : WFE_STEP_FOUND_NOTHING;
    if (has_file(s, WFE_STEP_ENDED_FILE))
        return WFE_STEP_FOUND_IT;
    if (!has_file(s, WFE_STEP_STARTED_FILE))
        return WFE_STEP_FOUND_NOTHING;
    return s->has_task || has_record(s) ? WFE_STEP_FOUND_IT : WFE_STEP_FOUND_LOST;
}

int wfe_step_find(wfe_client *client, const char *id, enum wfe_step_found *ret, wfe_error *err)
{
    search s = {.client = client, .id = id};
    wfe_owner_format(s.owner);
    int rc = look_at_folder(&s, err);
    if (!rc)
        rc = ask_daemon(&s, err);
    if (rc)
        return rc;
    enum wfe_step_found found = judge(&s);
    if (found == WFE_STEP_FOUND_IT)
        rc = own(&s, err);
    if (!rc)
        *ret = found;
    return rc;
}

int wfe_step_forget(wfe_client *client, const char *id, wfe_error *err)
{
    _cleanup_(wfe_step_files_done) wfe_step_files files = {0};
    char owner[WFE_OWNER_TEXT_SIZE];
    wfe_owner_format(owner);
    const wfe_step_place place = {.io_dir = client->io_dir, .id = id, .owner = owner};
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_step_files_adopt(&files, &place, &problem);
    if (rc == WFE_E_NOT_FOUND)
        return 0;
    return rc ? wfe_error_copy(err, &problem) : wfe_step_files_remove(&files, err);
}
