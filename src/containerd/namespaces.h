/* SPDX-License-Identifier: Apache-2.0
 *
 * Namespaces of containerd. A namespace comes into being with its first use; Create is needed only
 * to give it labels. These calls send the client's namespace too: without one, containerd 1.6 makes
 * or deletes the namespace and then fails to publish the event of it.
 */
#ifndef WFE_CONTAINERD_NAMESPACES_H
#define WFE_CONTAINERD_NAMESPACES_H

#include "containerd/namespaces.pb-c.h"
#include "containerd/rpc.h"

#define WFE_NAMESPACES_SERVICE "/containerd.services.namespaces.v1.Namespaces/"
#define WFE_NAMESPACES_UNARY(X)                                                                    \
    X(namespaces_get, WFE_NAMESPACES_SERVICE "Get", PbNamespaces__GetNamespaceRequest,             \
      PbNamespaces__GetNamespaceResponse, pb_namespaces__get_namespace_response, request->name,    \
      "get namespace", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                 \
    X(namespaces_list, WFE_NAMESPACES_SERVICE "List", PbNamespaces__ListNamespacesRequest,         \
      PbNamespaces__ListNamespacesResponse, pb_namespaces__list_namespaces_response, NULL,         \
      "list namespaces", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                               \
    X(namespaces_create, WFE_NAMESPACES_SERVICE "Create", PbNamespaces__CreateNamespaceRequest,    \
      PbNamespaces__CreateNamespaceResponse, pb_namespaces__create_namespace_response,             \
      request->namespace_ ? request->namespace_->name : NULL, "create namespace",                  \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                                                        \
    X(namespaces_update, WFE_NAMESPACES_SERVICE "Update", PbNamespaces__UpdateNamespaceRequest,    \
      PbNamespaces__UpdateNamespaceResponse, pb_namespaces__update_namespace_response,             \
      request->namespace_ ? request->namespace_->name : NULL, "update namespace",                  \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                                                        \
    X(namespaces_delete, WFE_NAMESPACES_SERVICE "Delete", PbNamespaces__DeleteNamespaceRequest,    \
      Pb__Empty, pb__empty, request->name, "delete namespace", WFE_CONTAINERD_CALL_MS,             \
      WFE_RPC_REPEATABLE)

WFE_NAMESPACES_UNARY(WFE_RPC_UNARY_DECLARE)

#endif
