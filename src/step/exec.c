/* SPDX-License-Identifier: Apache-2.0
 *
 * The process is a copy of the one in the container's record with other arguments (runtime-spec
 * 1.0.2: config.md, "Process"). What was added is removed again, also when it could not be started.
 */
#include "step/exec.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "base/json.h"
#include "base/strv.h"
#include "containerd/containers.h"
#include "containerd/tasks.h"
#include "oci/json.h"

/* After KILL, until the end is not waited for any longer. */
#define KILL_PATIENCE_MS 5000

struct wfe_step_exec {
    wfe_client *client;
    char *container_id;
    char *exec_id;
    char **argv;
    uint64_t timeout_ms;
    wfe_step_exec_fn done;
    void *user;
    wfe_containerd_call *call; /* the one that moves it along */
    wfe_containerd_call *wait_call;
    wfe_containerd_call *kill_call;
    wfe_timer *timer;
    bool added;
    bool killed;
    int exit_code;
    wfe_error failure; /* the first; kind 0: none */
};

void wfe_step_exec_cancel(wfe_step_exec *exec)
{
    if (!exec)
        return;
    wfe_containerd_cancel(exec->call);
    wfe_containerd_cancel(exec->wait_call);
    wfe_containerd_cancel(exec->kill_call);
    wfe_timer_free(exec->timer);
    wfe_strv_free(exec->argv);
    free(exec->container_id);
    free(exec->exec_id);
    free(exec);
}

static void finish(wfe_step_exec *exec)
{
    wfe_step_exec_fn done = exec->done;
    void *user = exec->user;
    int exit_code = exec->exit_code;
    wfe_error failure = exec->failure;
    wfe_step_exec_cancel(exec);
    done(exit_code, &failure, user);
}

static void fail(wfe_step_exec *exec, const wfe_error *err)
{
    wfe_error_copy(&exec->failure, err);
    finish(exec);
}

/* ---- the end ---- */

static void on_deleted(const PbTasks__DeleteResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err; /* it goes with its container */
    wfe_step_exec *exec = user;
    exec->call = NULL;
    finish(exec);
}

static void delete_process(wfe_step_exec *exec)
{
    wfe_error error = WFE_ERROR_INIT;
    PbTasks__DeleteProcessRequest request = PB_TASKS__DELETE_PROCESS_REQUEST__INIT;
    request.container_id = exec->container_id;
    request.exec_id = exec->exec_id;
    wfe_containerd_cancel(exec->wait_call);
    wfe_containerd_cancel(exec->call);
    exec->wait_call = NULL;
    exec->call = NULL;
    wfe_timer_stop(exec->timer);
    if (wfe_tasks_delete_process(exec->client->containerd, &request, NULL, on_deleted, exec,
                                 &exec->call, &error))
        finish(exec);
}

static void on_exit_status(const PbTasks__WaitResponse *reply, const wfe_error *err, void *user)
{
    wfe_step_exec *exec = user;
    exec->wait_call = NULL;
    if (reply)
        exec->exit_code = (int)reply->exit_status;
    if (!exec->killed)
        wfe_error_copy(&exec->failure, err);
    delete_process(exec);
}

static void on_killed(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    (void)err; /* Wait, or the timer, tells */
    wfe_step_exec *exec = user;
    exec->kill_call = NULL;
}

static void on_timer(void *user)
{
    wfe_step_exec *exec = user;
    PbTasks__KillRequest request = PB_TASKS__KILL_REQUEST__INIT;
    request.container_id = exec->container_id;
    request.exec_id = exec->exec_id;
    request.signal = SIGKILL;
    wfe_error_set(&exec->failure, WFE_E_TIMEOUT, "'%s' did not end within %llu ms", exec->argv[0],
                  (unsigned long long)exec->timeout_ms);
    bool again = exec->killed;
    exec->killed = true;
    wfe_timer_start(exec->timer, KILL_PATIENCE_MS);
    if (!exec->added && !again)
        finish(exec);
    else if (again || wfe_tasks_kill(exec->client->containerd, &request, NULL, on_killed, exec,
                                     &exec->kill_call, NULL))
        delete_process(exec);
}

/* ---- the way up ---- */

/* Its exit status stays until it is deleted, so that Wait does not have to come before Start, as it
 * does for a task; and one that waits for a process that could not be started holds up its
 * removal. */
static void on_started(const PbTasks__StartResponse *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step_exec *exec = user;
    wfe_error error = *err;
    PbTasks__WaitRequest wait = PB_TASKS__WAIT_REQUEST__INIT;
    exec->call = NULL;
    wait.container_id = exec->container_id;
    wait.exec_id = exec->exec_id;
    if (!error.kind && !wfe_tasks_wait(exec->client->containerd, &wait, NULL, on_exit_status, exec,
                                       &exec->wait_call, &error))
        return;
    wfe_error_copy(&exec->failure, &error);
    delete_process(exec);
}

static void on_added(const Pb__Empty *reply, const wfe_error *err, void *user)
{
    (void)reply;
    wfe_step_exec *exec = user;
    wfe_error error = WFE_ERROR_INIT;
    exec->call = NULL;
    exec->added = true;
    if (err->kind) {
        fail(exec, err);
        return;
    }
    PbTasks__StartRequest start = PB_TASKS__START_REQUEST__INIT;
    start.container_id = exec->container_id;
    start.exec_id = exec->exec_id;
    if (wfe_tasks_start(exec->client->containerd, &start, NULL, on_started, exec, &exec->call,
                        &error)) {
        wfe_error_copy(&exec->failure, &error);
        delete_process(exec);
    }
}

/* The process of the container with our arguments; free with free(). */
static int build_process(const wfe_step_exec *exec, const Pb__Any *spec, char **ret, wfe_error *err)
{
    _cleanup_(wfe_oci_json_decref_p) json_t *root = NULL;
    int rc =
        spec ? wfe_json_load(spec->value.data, spec->value.len, 0, &root, err)
             : wfe_error_set(err, WFE_E_PROTOCOL, "container '%s' has no spec", exec->container_id);
    if (rc)
        return rc;
    json_t *process = json_object_get(root, "process");
    if (!json_is_object(process))
        return wfe_error_set(err, WFE_E_PROTOCOL, "the spec of container '%s' has no process",
                             exec->container_id);
    json_object_del(process, "terminal");
    if (!wfe_oci_json_put(process, "args", wfe_oci_json_strings((const char *const *)exec->argv)) ||
        !(*ret = json_dumps(process, JSON_COMPACT)))
        return wfe_error_nomem(err);
    return 0;
}

static void on_container(const PbContainers__GetContainerResponse *reply, const wfe_error *err,
                         void *user)
{
    wfe_step_exec *exec = user;
    wfe_error error = *err;
    _cleanup_free_ char *process = NULL;
    exec->call = NULL;
    if (!error.kind)
        build_process(exec, reply->container ? reply->container->spec : NULL, &process, &error);
    if (error.kind) {
        fail(exec, &error);
        return;
    }
    Pb__Any any = PB__ANY__INIT;
    any.type_url = WFE_TASKS_PROCESS_TYPE;
    any.value.data = (uint8_t *)process;
    any.value.len = strlen(process);
    PbTasks__ExecProcessRequest request = PB_TASKS__EXEC_PROCESS_REQUEST__INIT;
    request.container_id = exec->container_id;
    request.exec_id = exec->exec_id;
    request.spec = &any;
    if (wfe_tasks_exec(exec->client->containerd, &request, NULL, on_added, exec, &exec->call,
                       &error))
        fail(exec, &error);
}

static int copy_options(wfe_step_exec *exec, const wfe_step_exec_options *o, wfe_error *err)
{
    if (!o->argv || !o->argv[0])
        return wfe_error_set(err, WFE_E_INVALID, "there is no command to run in the container");
    if (!wfe_id_is_valid(o->exec_id))
        return wfe_error_set(err, WFE_E_INVALID, "'%s' is no id of a process", o->exec_id);
    exec->timeout_ms = o->timeout_ms;
    exec->container_id = strdup(o->container_id);
    exec->exec_id = strdup(o->exec_id);
    if (!exec->container_id || !exec->exec_id)
        return wfe_error_nomem(err);
    return wfe_strv_copy(o->argv, &exec->argv, err);
}

int wfe_step_exec_start(wfe_client *client, const wfe_step_exec_options *options,
                        wfe_step_exec_fn done, void *user, wfe_step_exec **ret, wfe_error *err)
{
    wfe_step_exec *exec = calloc(1, sizeof *exec);
    if (!exec)
        return wfe_error_nomem(err);
    exec->client = client;
    exec->done = done;
    exec->user = user;
    int rc = copy_options(exec, options, err);
    if (!rc)
        rc = wfe_timer_new(client->loop, on_timer, exec, &exec->timer, err);
    if (!rc) {
        PbContainers__GetContainerRequest request = PB_CONTAINERS__GET_CONTAINER_REQUEST__INIT;
        request.id = exec->container_id;
        rc = wfe_containers_get(client->containerd, &request, NULL, on_container, exec, &exec->call,
                                err);
    }
    if (rc) {
        wfe_step_exec_cancel(exec);
        return rc;
    }
    wfe_timer_start(exec->timer, exec->timeout_ms);
    *ret = exec;
    return 0;
}
