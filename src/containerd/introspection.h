/* SPDX-License-Identifier: Apache-2.0
 *
 * What the daemon is made of. A plugin whose init_err is set did not start; plugin types were
 * renamed in 2.x, so look for snapshotters by id.
 */
#ifndef WFE_CONTAINERD_INTROSPECTION_H
#define WFE_CONTAINERD_INTROSPECTION_H

#include "containerd/introspection.pb-c.h"
#include "containerd/rpc.h"

#define WFE_INTROSPECTION_SERVICE "/containerd.services.introspection.v1.Introspection/"
#define WFE_INTROSPECTION_UNARY(X)                                                                 \
    X(introspection_plugins, WFE_INTROSPECTION_SERVICE "Plugins", PbIntrospection__PluginsRequest, \
      PbIntrospection__PluginsResponse, pb_introspection__plugins_response, NULL,                  \
      "list plugins of containerd", WFE_CONTAINERD_CALL_MS,                                        \
      WFE_RPC_REPEATABLE | WFE_RPC_NO_NAMESPACE)                                                   \
    X(introspection_server, WFE_INTROSPECTION_SERVICE "Server", Pb__Empty,                         \
      PbIntrospection__ServerResponse, pb_introspection__server_response, NULL,                    \
      "ask containerd who it is", WFE_CONTAINERD_CALL_MS,                                          \
      WFE_RPC_REPEATABLE | WFE_RPC_NO_NAMESPACE)                                                   \
    X(introspection_plugin_info, WFE_INTROSPECTION_SERVICE "PluginInfo",                           \
      PbIntrospection__PluginInfoRequest, PbIntrospection__PluginInfoResponse,                     \
      pb_introspection__plugin_info_response, request->id, "inspect plugin",                       \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE | WFE_RPC_NO_NAMESPACE | WFE_RPC_NEWER)

WFE_INTROSPECTION_UNARY(WFE_RPC_UNARY_DECLARE)

#endif
