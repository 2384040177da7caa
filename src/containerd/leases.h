/* SPDX-License-Identifier: Apache-2.0
 *
 * Leases. What is made under a lease (wfe_containerd_options.lease) is safe from the garbage
 * collector until the lease is deleted or expires.
 */
#ifndef WFE_CONTAINERD_LEASES_H
#define WFE_CONTAINERD_LEASES_H

#include "containerd/leases.pb-c.h"
#include "containerd/rpc.h"

#define WFE_LEASES_SERVICE "/containerd.services.leases.v1.Leases/"
#define WFE_LEASES_UNARY(X)                                                                        \
    X(leases_create, WFE_LEASES_SERVICE "Create", PbLeases__CreateRequest,                         \
      PbLeases__CreateResponse, pb_leases__create_response, request->id, "create lease",           \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)                                                        \
    X(leases_delete, WFE_LEASES_SERVICE "Delete", PbLeases__DeleteRequest, Pb__Empty, pb__empty,   \
      request->id, "delete lease", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                     \
    X(leases_list, WFE_LEASES_SERVICE "List", PbLeases__ListRequest, PbLeases__ListResponse,       \
      pb_leases__list_response, NULL, "list leases", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)   \
    X(leases_add_resource, WFE_LEASES_SERVICE "AddResource", PbLeases__AddResourceRequest,         \
      Pb__Empty, pb__empty, request->id, "add to lease", WFE_CONTAINERD_CALL_MS, WFE_RPC_ONCE)     \
    X(leases_delete_resource, WFE_LEASES_SERVICE "DeleteResource",                                 \
      PbLeases__DeleteResourceRequest, Pb__Empty, pb__empty, request->id, "remove from lease",     \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)                                                  \
    X(leases_list_resources, WFE_LEASES_SERVICE "ListResources", PbLeases__ListResourcesRequest,   \
      PbLeases__ListResourcesResponse, pb_leases__list_resources_response, request->id,            \
      "list resources of lease", WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE)

WFE_LEASES_UNARY(WFE_RPC_UNARY_DECLARE)

/* Label of a lease: RFC 3339 time after which it is collected. containerd ignores a value it cannot
 * read, and keeps the lease for ever. */
#define WFE_LEASES_EXPIRE_LABEL "containerd.io/gc.expire"

#endif
