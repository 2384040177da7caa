/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/status.h"

#include <nghttp2/nghttp2.h>

const char *wfe_grpc_status_name(int status)
{
    switch (status) {
#define STATUS_NAME(name, code, kind)                                                              \
    case code:                                                                                     \
        return #name;
        WFE_GRPC_STATUSES(STATUS_NAME)
#undef STATUS_NAME
    default:
        return "UNKNOWN";
    }
}

int wfe_grpc_status_error_kind(int status)
{
    switch (status) {
#define STATUS_KIND(name, code, kind)                                                              \
    case code:                                                                                     \
        return kind;
        WFE_GRPC_STATUSES(STATUS_KIND)
#undef STATUS_KIND
    default:
        return WFE_E_INTERNAL;
    }
}

int wfe_grpc_status_from_http(int http_status)
{
    switch (http_status) {
    case 400:
        return WFE_GRPC_INTERNAL;
    case 401:
        return WFE_GRPC_UNAUTHENTICATED;
    case 403:
        return WFE_GRPC_PERMISSION_DENIED;
    case 404:
        return WFE_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return WFE_GRPC_UNAVAILABLE;
    default:
        return WFE_GRPC_UNKNOWN;
    }
}

int wfe_grpc_status_from_h2(uint32_t h2_error)
{
    switch (h2_error) {
    case NGHTTP2_NO_ERROR:
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_INTERNAL_ERROR:
    case NGHTTP2_SETTINGS_TIMEOUT:
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_COMPRESSION_ERROR:
    case NGHTTP2_CONNECT_ERROR:
    case NGHTTP2_HTTP_1_1_REQUIRED:
        return WFE_GRPC_INTERNAL;
    case NGHTTP2_REFUSED_STREAM:
        return WFE_GRPC_UNAVAILABLE;
    case NGHTTP2_CANCEL:
        return WFE_GRPC_CANCELLED;
    case NGHTTP2_ENHANCE_YOUR_CALM:
    case NGHTTP2_FLOW_CONTROL_ERROR:
        return WFE_GRPC_RESOURCE_EXHAUSTED;
    case NGHTTP2_INADEQUATE_SECURITY:
        return WFE_GRPC_PERMISSION_DENIED;
    default:
        return WFE_GRPC_UNKNOWN;
    }
}
