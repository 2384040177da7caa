/* SPDX-License-Identifier: Apache-2.0
 *
 * Removing one thing of the dead. Before each removal the owner is asked for once more: the thing
 * may be gone, and another one of a living owner may have its name by now. The daemon lets a record
 * go while its task still runs and orphans the process then, so the task always comes first.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "containerd/containers.h"
#include "containerd/labels.h"
#include "containerd/leases.h"
#include "containerd/snapshots.h"
#include "containerd/tasks.h"
#include "image/wait.h"
#include "net/netns.h"
#include "step/files.h"
#include "step/gc_priv.h"

/* The kernel needs long for a process that writes back much memory or waits for a disk. */
#define DEATH_MS 20000
/* The last lease's removal waits for containerd's garbage collector. */
#define COLLECT_MS 120000

typedef struct question {
    wfe_image_wait wait;
    bool same_owner;
    const char *owner;
    PbTask__Status status;
} question;

WFE_IMAGE_WAIT_CALLBACK(on_empty, Pb__Empty)
WFE_IMAGE_WAIT_CALLBACK(on_death, PbTasks__WaitResponse)
WFE_IMAGE_WAIT_CALLBACK(on_task_deleted, PbTasks__DeleteResponse)

/* "Already gone" is no failure: true then, and when there was none. */
static bool is_gone(int rc, const wfe_error *problem)
{
    return !rc || problem->grpc_status == WFE_GRPC_NOT_FOUND;
}

static bool is_same(const char *owner, Pb__Pair *const *labels, size_t n_labels)
{
    const char *now = wfe_labels_find(labels, n_labels, WFE_GC_OWNER_LABEL);
    return now && strcmp(now, owner) == 0;
}

/* ---- task ---- */

static void on_task(const PbTasks__GetResponse *reply, const wfe_error *err, void *user)
{
    question *q = user;
    if (reply && reply->process)
        q->status = reply->process->status;
    wfe_image_wait_end(&q->wait, err);
}

/* NOT_FOUND, as a gRPC status, when there is no task. */
static int ask_status(wfe_gc *gc, const char *id, PbTask__Status *ret, wfe_error *err)
{
    PbTasks__GetRequest request = PB_TASKS__GET_REQUEST__INIT;
    request.container_id = id;
    question q = {.wait = {.loop = gc->client->loop}, .status = PB_TASK__STATUS__UNKNOWN};
    int rc = wfe_image_wait_for(
        &q.wait,
        wfe_tasks_get(gc->client->containerd, &request, NULL, on_task, &q, &q.wait.call, err), err);
    if (!rc)
        *ret = q.status;
    return rc;
}

/* A frozen process does not die before it is thawed (cgroup v1). Any failure shows in what
 * follows. */
static void resume_task(wfe_gc *gc, const char *id)
{
    PbTasks__ResumeTaskRequest request = PB_TASKS__RESUME_TASK_REQUEST__INIT;
    request.container_id = id;
    wfe_image_wait wait = {.loop = gc->client->loop};
    (void)wfe_image_wait_for(
        &wait,
        wfe_tasks_resume(gc->client->containerd, &request, NULL, on_empty, &wait, &wait.call, NULL),
        NULL);
}

static int kill_task(wfe_gc *gc, const char *id, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbTasks__KillRequest request = PB_TASKS__KILL_REQUEST__INIT;
    request.container_id = id;
    request.signal = SIGKILL;
    request.all = !wfe_client_is_rootless(gc->client); /* as in wfe_step_signal */
    wfe_image_wait wait = {.loop = gc->client->loop};
    int rc = wfe_image_wait_for(&wait,
                                wfe_tasks_kill(gc->client->containerd, &request, NULL, on_empty,
                                               &wait, &wait.call, &problem),
                                &problem);
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

static int await_death(wfe_gc *gc, const char *id, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbTasks__WaitRequest request = PB_TASKS__WAIT_REQUEST__INIT;
    request.container_id = id;
    const wfe_containerd_options options = {.deadline_ms = DEATH_MS};
    wfe_image_wait wait = {.loop = gc->client->loop};
    int rc = wfe_image_wait_for(&wait,
                                wfe_tasks_wait(gc->client->containerd, &request, &options, on_death,
                                               &wait, &wait.call, &problem),
                                &problem);
    if (rc == WFE_E_TIMEOUT)
        return wfe_error_set(err, rc, "container '%s' did not end %d s after KILL", id,
                             DEATH_MS / 1000);
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

static int delete_task(wfe_gc *gc, const char *id, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbTasks__DeleteTaskRequest request = PB_TASKS__DELETE_TASK_REQUEST__INIT;
    request.container_id = id;
    wfe_image_wait wait = {.loop = gc->client->loop};
    int rc = wfe_image_wait_for(&wait,
                                wfe_tasks_delete(gc->client->containerd, &request, NULL,
                                                 on_task_deleted, &wait, &wait.call, &problem),
                                &problem);
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

/* Also one that the daemon says is not there, or cannot be asked for since its shim died: the
 * daemon may know of a shim without a task in it, and forgets that as well. */
static int end_task(wfe_gc *gc, const char *id, wfe_error *err)
{
    PbTask__Status status;
    int rc = ask_status(gc, id, &status, NULL);
    bool runs = !rc && status != PB_TASK__STATUS__STOPPED;
    rc = 0;
    if (runs && (status == PB_TASK__STATUS__PAUSED || status == PB_TASK__STATUS__PAUSING))
        resume_task(gc, id);
    if (runs)
        rc = kill_task(gc, id, err);
    if (runs && !rc)
        rc = await_death(gc, id, err);
    return rc ? rc : delete_task(gc, id, err);
}

/* ---- container ---- */

static void on_container(const PbContainers__GetContainerResponse *reply, const wfe_error *err,
                         void *user)
{
    question *q = user;
    if (reply && reply->container)
        q->same_owner = is_same(q->owner, reply->container->labels, reply->container->n_labels);
    wfe_image_wait_end(&q->wait, err);
}

static int check_container(wfe_gc *gc, const wfe_gc_thing *thing, bool *ret_same, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbContainers__GetContainerRequest request = PB_CONTAINERS__GET_CONTAINER_REQUEST__INIT;
    request.id = thing->name;
    question q = {.wait = {.loop = gc->client->loop}, .owner = thing->owner};
    int rc = wfe_image_wait_for(&q.wait,
                                wfe_containers_get(gc->client->containerd, &request, NULL,
                                                   on_container, &q, &q.wait.call, &problem),
                                &problem);
    *ret_same = q.same_owner;
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

static int delete_record(wfe_gc *gc, const char *id, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbContainers__DeleteContainerRequest request = PB_CONTAINERS__DELETE_CONTAINER_REQUEST__INIT;
    request.id = id;
    wfe_image_wait wait = {.loop = gc->client->loop};
    int rc = wfe_image_wait_for(&wait,
                                wfe_containers_delete(gc->client->containerd, &request, NULL,
                                                      on_empty, &wait, &wait.call, &problem),
                                &problem);
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

static int remove_container(wfe_gc *gc, const wfe_gc_thing *thing, bool *ret_found, wfe_error *err)
{
    int rc = check_container(gc, thing, ret_found, err);
    if (rc || !*ret_found)
        return rc;
    rc = end_task(gc, thing->name, err);
    if (!rc)
        rc = wfe_gc_clean_machine(gc, thing->name, err);
    return rc ? rc : delete_record(gc, thing->name, err);
}

/* ---- snapshot, folder, lease ---- */

static void on_snapshot(const PbSnapshots__StatSnapshotResponse *reply, const wfe_error *err,
                        void *user)
{
    question *q = user;
    if (reply && reply->info)
        q->same_owner = is_same(q->owner, reply->info->labels, reply->info->n_labels);
    wfe_image_wait_end(&q->wait, err);
}

static int check_snapshot(wfe_gc *gc, const wfe_gc_thing *thing, bool *ret_same, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbSnapshots__StatSnapshotRequest request = PB_SNAPSHOTS__STAT_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = thing->snapshotter;
    request.key = thing->name;
    question q = {.wait = {.loop = gc->client->loop}, .owner = thing->owner};
    int rc = wfe_image_wait_for(&q.wait,
                                wfe_snapshots_stat(gc->client->containerd, &request, NULL,
                                                   on_snapshot, &q, &q.wait.call, &problem),
                                &problem);
    *ret_same = q.same_owner;
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

static int remove_snapshot(wfe_gc *gc, const wfe_gc_thing *thing, bool *ret_found, wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    int rc = check_snapshot(gc, thing, ret_found, err);
    if (rc || !*ret_found)
        return rc;
    PbSnapshots__RemoveSnapshotRequest request = PB_SNAPSHOTS__REMOVE_SNAPSHOT_REQUEST__INIT;
    request.snapshotter = thing->snapshotter;
    request.key = thing->name;
    wfe_image_wait wait = {.loop = gc->client->loop};
    rc = wfe_image_wait_for(&wait,
                            wfe_snapshots_remove(gc->client->containerd, &request, NULL, on_empty,
                                                 &wait, &wait.call, &problem),
                            &problem);
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

/* The folder loses its name first: it keeps its owner's while it is taken apart. */
static int remove_folder_of(wfe_gc *gc, const char *name, const char *owner, wfe_error *err)
{
    char path[PATH_MAX + NAME_MAX], hidden[PATH_MAX + NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", gc->client->io_dir, name);
    snprintf(hidden, sizeof hidden, "%s/.%s" WFE_STEP_HIDDEN_MARK "%s", gc->client->io_dir, owner,
             name);
    bool renamed = *name != '.' && !strchr(owner, '/') && rename(path, hidden) == 0;
    return wfe_fd_remove_tree(renamed ? hidden : path, err);
}

/* The record may never have been made, or be gone, and a runtime still have something. */
static int remove_folder(wfe_gc *gc, const wfe_gc_thing *thing, bool *ret_found, wfe_error *err)
{
    char owner[WFE_OWNER_TEXT_SIZE];
    wfe_error problem = WFE_ERROR_INIT;
    int rc = wfe_gc_clean_machine(gc, wfe_gc_folder_id(thing->name), err);
    if (rc)
        return rc;
    rc = wfe_gc_read_folder_owner(gc, thing->name, owner, &problem);
    if (rc == WFE_E_NOT_FOUND || (!rc && strcmp(owner, thing->owner) != 0))
        return 0;
    if (rc && !gc->options.all)
        return wfe_error_copy(err, &problem);
    *ret_found = true;
    return remove_folder_of(gc, thing->name, owner, err);
}

static int remove_lease(wfe_gc *gc, const wfe_gc_thing *thing, bool last, bool *ret_found,
                        wfe_error *err)
{
    wfe_error problem = WFE_ERROR_INIT;
    PbLeases__DeleteRequest request = PB_LEASES__DELETE_REQUEST__INIT;
    request.id = thing->name;
    request.sync = last;
    const wfe_containerd_options options = {.deadline_ms = last ? COLLECT_MS : 0};
    wfe_image_wait wait = {.loop = gc->client->loop};
    int rc = wfe_image_wait_for(&wait,
                                wfe_leases_delete(gc->client->containerd, &request, &options,
                                                  on_empty, &wait, &wait.call, &problem),
                                &problem);
    *ret_found = !rc;
    return is_gone(rc, &problem) ? 0 : wfe_error_copy(err, &problem);
}

static int remove_network(wfe_gc *gc, const wfe_gc_thing *thing, bool *ret_found, wfe_error *err)
{
    char path[PATH_MAX + 2 * NAME_MAX];
    snprintf(path, sizeof path, "%s/" WFE_NETNS_FOLDER "/%s", gc->client->io_dir, thing->name);
    *ret_found = access(path, F_OK) == 0;
    return *ret_found ? wfe_netns_remove(path, err) : 0;
}

int wfe_gc_remove(wfe_gc *gc, const wfe_gc_thing *thing, bool last_lease, bool *ret_found,
                  wfe_error *err)
{
    *ret_found = false;
    switch (thing->kind) {
    case WFE_GC_CONTAINER:
        return remove_container(gc, thing, ret_found, err);
    case WFE_GC_SNAPSHOT:
        return remove_snapshot(gc, thing, ret_found, err);
    case WFE_GC_FOLDER:
        return remove_folder(gc, thing, ret_found, err);
    case WFE_GC_LEASE:
        return remove_lease(gc, thing, last_lease, ret_found, err);
    case WFE_GC_NETWORK:
        return remove_network(gc, thing, ret_found, err);
    }
    return wfe_error_set(err, WFE_E_INTERNAL, "there is no kind of thing %d", (int)thing->kind);
}
