/* SPDX-License-Identifier: Apache-2.0
 *
 * gRPC status codes (grpc: doc/statuscodes.md) and how HTTP status, HTTP/2 error codes and wfe's
 * own error kinds map to them (grpc: doc/PROTOCOL-HTTP2.md, doc/http-grpc-status-mapping.md).
 */
#ifndef WFE_GRPC_STATUS_H
#define WFE_GRPC_STATUS_H

#include <stdint.h>

#include "base/error.h"

/* name, code, error kind */
#define WFE_GRPC_STATUSES(X)                                                                       \
    X(OK, 0, WFE_OK)                                                                               \
    X(CANCELLED, 1, WFE_E_CANCELLED)                                                               \
    X(UNKNOWN, 2, WFE_E_INTERNAL)                                                                  \
    X(INVALID_ARGUMENT, 3, WFE_E_INVALID)                                                          \
    X(DEADLINE_EXCEEDED, 4, WFE_E_TIMEOUT)                                                         \
    X(NOT_FOUND, 5, WFE_E_NOT_FOUND)                                                               \
    X(ALREADY_EXISTS, 6, WFE_E_CONFLICT)                                                           \
    X(PERMISSION_DENIED, 7, WFE_E_DENIED)                                                          \
    X(RESOURCE_EXHAUSTED, 8, WFE_E_LIMIT)                                                          \
    X(FAILED_PRECONDITION, 9, WFE_E_CONFLICT)                                                      \
    X(ABORTED, 10, WFE_E_CONFLICT)                                                                 \
    X(OUT_OF_RANGE, 11, WFE_E_INVALID)                                                             \
    X(UNIMPLEMENTED, 12, WFE_E_UNAVAILABLE)                                                        \
    X(INTERNAL, 13, WFE_E_INTERNAL)                                                                \
    X(UNAVAILABLE, 14, WFE_E_UNAVAILABLE)                                                          \
    X(DATA_LOSS, 15, WFE_E_IO)                                                                     \
    X(UNAUTHENTICATED, 16, WFE_E_DENIED)

enum wfe_grpc_status {
#define WFE_GRPC_STATUS_ENUM_(name, code, kind) WFE_GRPC_##name = (code),
    WFE_GRPC_STATUSES(WFE_GRPC_STATUS_ENUM_)
#undef WFE_GRPC_STATUS_ENUM_
};

/* "NOT_FOUND"; "UNKNOWN" for any number that is no status. Static. */
const char *wfe_grpc_status_name(int status);
int wfe_grpc_status_error_kind(int status);
/* For a reply with no grpc-status in it. */
int wfe_grpc_status_from_http(int http_status);
/* For a stream ended by RST_STREAM with this error code. */
int wfe_grpc_status_from_h2(uint32_t h2_error);

#endif
