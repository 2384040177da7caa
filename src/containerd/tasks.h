/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks: processes of containers. Delete of a task returns its exit status as Wait does, and after
 * it Get, Wait and Kill answer NOT_FOUND. Create waits until its FIFOs have a reader; it must not
 * be cancelled.
 */
#ifndef WFE_CONTAINERD_TASKS_H
#define WFE_CONTAINERD_TASKS_H

#include "containerd/rpc.h"
#include "containerd/tasks.pb-c.h"

#define WFE_TASKS_SERVICE "/containerd.services.tasks.v1.Tasks/"
#define WFE_TASKS_UNARY(X)                                                                         \
    X(tasks_create, WFE_TASKS_SERVICE "Create", PbTasks__CreateTaskRequest,                        \
      PbTasks__CreateTaskResponse, pb_tasks__create_task_response, request->container_id,          \
      "create task", WFE_CONTAINERD_TASK_CREATE_MS, WFE_RPC_ONCE)                                  \
    X(tasks_start, WFE_TASKS_SERVICE "Start", PbTasks__StartRequest, PbTasks__StartResponse,       \
      pb_tasks__start_response, request->container_id, "start task", WFE_CONTAINERD_CALL_MS,       \
      WFE_RPC_ONCE)                                                                                \
    X(tasks_delete, WFE_TASKS_SERVICE "Delete", PbTasks__DeleteTaskRequest,                        \
      PbTasks__DeleteResponse, pb_tasks__delete_response, request->container_id, "delete task",    \
      WFE_CONTAINERD_TASK_DELETE_MS, WFE_RPC_REPEATABLE)                                           \
    X(tasks_delete_process, WFE_TASKS_SERVICE "DeleteProcess", PbTasks__DeleteProcessRequest,      \
      PbTasks__DeleteResponse, pb_tasks__delete_response, request->container_id,                   \
      "delete process of task", WFE_CONTAINERD_TASK_DELETE_MS, WFE_RPC_REPEATABLE)                 \
    X(tasks_get, WFE_TASKS_SERVICE "Get", PbTasks__GetRequest, PbTasks__GetResponse,               \
      pb_tasks__get_response, request->container_id, "get task", WFE_CONTAINERD_CALL_MS,           \
      WFE_RPC_REPEATABLE)                                                                          \
    X(tasks_list, WFE_TASKS_SERVICE "List", PbTasks__ListTasksRequest, PbTasks__ListTasksResponse, \
      pb_tasks__list_tasks_response, NULL, "list tasks", WFE_CONTAINERD_CALL_MS,                   \
      WFE_RPC_REPEATABLE)                                                                          \
    X(tasks_kill, WFE_TASKS_SERVICE "Kill", PbTasks__KillRequest, Pb__Empty, pb__empty,            \
      request->container_id, "signal task", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)            \
    X(tasks_exec, WFE_TASKS_SERVICE "Exec", PbTasks__ExecProcessRequest, Pb__Empty, pb__empty,     \
      request->container_id, "add process to task", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)          \
    X(tasks_resize_pty, WFE_TASKS_SERVICE "ResizePty", PbTasks__ResizePtyRequest, Pb__Empty,       \
      pb__empty, request->container_id, "resize terminal of task", WFE_CONTAINERD_CALL_MS,         \
      WFE_RPC_ONCE)                                                                                \
    X(tasks_close_io, WFE_TASKS_SERVICE "CloseIO", PbTasks__CloseIORequest, Pb__Empty, pb__empty,  \
      request->container_id, "close stdin of task", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)          \
    X(tasks_pause, WFE_TASKS_SERVICE "Pause", PbTasks__PauseTaskRequest, Pb__Empty, pb__empty,     \
      request->container_id, "pause task", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                   \
    X(tasks_resume, WFE_TASKS_SERVICE "Resume", PbTasks__ResumeTaskRequest, Pb__Empty, pb__empty,  \
      request->container_id, "resume task", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                  \
    X(tasks_list_pids, WFE_TASKS_SERVICE "ListPids", PbTasks__ListPidsRequest,                     \
      PbTasks__ListPidsResponse, pb_tasks__list_pids_response, request->container_id,              \
      "list processes of task", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                        \
    X(tasks_update, WFE_TASKS_SERVICE "Update", PbTasks__UpdateTaskRequest, Pb__Empty, pb__empty,  \
      request->container_id, "update task", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                  \
    X(tasks_metrics, WFE_TASKS_SERVICE "Metrics", PbTasks__MetricsRequest,                         \
      PbTasks__MetricsResponse, pb_tasks__metrics_response, NULL, "read metrics of tasks",         \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                                  \
    X(tasks_wait, WFE_TASKS_SERVICE "Wait", PbTasks__WaitRequest, PbTasks__WaitResponse,           \
      pb_tasks__wait_response, request->container_id, "wait for task", 0, WFE_RPC_REPEATABLE)

WFE_TASKS_UNARY(WFE_RPC_UNARY_DECLARE)

/* Type URLs of what goes into Any members. */
#define WFE_TASKS_SPEC_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Spec"
#define WFE_TASKS_PROCESS_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Process"
#define WFE_TASKS_RESOURCES_TYPE "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"
#define WFE_TASKS_RUNC_OPTIONS_TYPE "containerd.runc.v1.Options"
#define WFE_TASKS_CGROUPS_V1_TYPE "io.containerd.cgroups.v1.Metrics"
#define WFE_TASKS_CGROUPS_V2_TYPE "io.containerd.cgroups.v2.Metrics"

#endif
