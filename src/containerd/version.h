/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's version: the call, and the reading of the many ways it is written.
 */
#ifndef WFE_CONTAINERD_VERSION_H
#define WFE_CONTAINERD_VERSION_H

#include <stdbool.h>

#include "containerd/rpc.h"
#include "containerd/version.pb-c.h"

#define WFE_VERSION_SERVICE "/containerd.services.version.v1.Version/"
#define WFE_VERSION_UNARY(X)                                                                       \
    X(version_get, WFE_VERSION_SERVICE "Version", Pb__Empty, PbVersion__VersionResponse,           \
      pb_version__version_response, NULL, "ask containerd for its version",                        \
      WFE_CONTAINERD_CALL_MS, WFE_RPC_REPEATABLE | WFE_RPC_NO_NAMESPACE)

WFE_VERSION_UNARY(WFE_RPC_UNARY_DECLARE)

typedef struct wfe_version_number {
    unsigned major;
    unsigned minor;
    unsigned patch; /* 0 when not given */
} wfe_version_number;

/* Reads "1.6.20~ds1", "2.1.9+unknown", "v1.7", ...: an optional 'v', major '.' minor, optionally
 * '.' patch; what follows is ignored. False, with *ret untouched, for anything else. */
bool wfe_version_parse(const char *text, wfe_version_number *ret);
/* Is it this one or a newer one. */
bool wfe_version_at_least(const wfe_version_number *version, unsigned major, unsigned minor);

#endif
