/* SPDX-License-Identifier: Apache-2.0
 *
 * What gRPC writes into header fields: call metadata, the timeout, the percent-encoded message.
 */
#ifndef WFE_GRPC_METADATA_H
#define WFE_GRPC_METADATA_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct wfe_grpc_metadata {
    const char *key; /* lower case, [a-z0-9_.-] */
    const char *value;
} wfe_grpc_metadata;

/* Most metadata pairs a call may have. */
#define WFE_GRPC_METADATA_MAX 32

/* INVALID for more than WFE_GRPC_METADATA_MAX pairs, an empty key, a key with other characters or
 * one that gRPC or HTTP/2 keeps for itself, and for a value that is not printable ASCII. */
int wfe_grpc_metadata_check(const wfe_grpc_metadata *metadata, size_t n, wfe_error *err);

/* Room for wfe_grpc_timeout_format. */
#define WFE_GRPC_TIMEOUT_SIZE 16
/* The value of grpc-timeout: at most eight digits and a unit, rounded up. Returns out. */
const char *wfe_grpc_timeout_format(uint64_t timeout_ms, char out[WFE_GRPC_TIMEOUT_SIZE]);

/* Decodes the value of grpc-message in place and returns its new length: "%2f" becomes "/", a bad
 * escape stays as it is. The result can be any bytes. */
size_t wfe_grpc_percent_decode(char *text, size_t len);

#endif
