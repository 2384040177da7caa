/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of containers. The daemon lets a record go while its task still runs: delete the task
 * first.
 */
#ifndef WFE_CONTAINERD_CONTAINERS_H
#define WFE_CONTAINERD_CONTAINERS_H

#include "containerd/containers.pb-c.h"
#include "containerd/rpc.h"

#define WFE_CONTAINERS_SERVICE "/containerd.services.containers.v1.Containers/"
#define WFE_CONTAINERS_UNARY(X)                                                                    \
    X(containers_get, WFE_CONTAINERS_SERVICE "Get", PbContainers__GetContainerRequest,             \
      PbContainers__GetContainerResponse, pb_containers__get_container_response, request->id,      \
      "get container", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                 \
    X(containers_list, WFE_CONTAINERS_SERVICE "List", PbContainers__ListContainersRequest,         \
      PbContainers__ListContainersResponse, pb_containers__list_containers_response, NULL,         \
      "list containers", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                               \
    X(containers_create, WFE_CONTAINERS_SERVICE "Create", PbContainers__CreateContainerRequest,    \
      PbContainers__CreateContainerResponse, pb_containers__create_container_response,             \
      request->container ? request->container->id : NULL, "create container",                      \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                                                        \
    X(containers_update, WFE_CONTAINERS_SERVICE "Update", PbContainers__UpdateContainerRequest,    \
      PbContainers__UpdateContainerResponse, pb_containers__update_container_response,             \
      request->container ? request->container->id : NULL, "update container",                      \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                                                        \
    X(containers_delete, WFE_CONTAINERS_SERVICE "Delete", PbContainers__DeleteContainerRequest,    \
      Pb__Empty, pb__empty, request->id, "delete container", WFE_CONTAINERD_CALL_MS,               \
      WFE_RPC_REPEATABLE)
#define WFE_CONTAINERS_STREAMS(X)                                                                  \
    X(containers_list_stream, WFE_CONTAINERS_SERVICE "ListStream",                                 \
      PbContainers__ListContainersRequest, PbContainers__ListContainerMessage,                     \
      pb_containers__list_container_message, NULL, "list containers", WFE_CONTAINERD_CALL_MS,      \
      WFE_RPC_REPEATABLE)

WFE_CONTAINERS_UNARY(WFE_RPC_UNARY_DECLARE)
WFE_CONTAINERS_STREAMS(WFE_RPC_STREAM_DECLARE)

#endif
