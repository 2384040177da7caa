/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of gRPC servers as people write them.
 */
#ifndef WFE_GRPC_ADDRESS_H
#define WFE_GRPC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

#define WFE_GRPC_HOST_SIZE 256

typedef struct wfe_grpc_address {
    char *path;                    /* owned; unix socket; NULL: TCP */
    char host[WFE_GRPC_HOST_SIZE]; /* without the brackets of an IPv6 address */
    char port[8];
    bool https;
    char text[WFE_GRPC_HOST_SIZE + 16]; /* for messages about TCP: host:port */
} wfe_grpc_address;

/* /path, unix:///path, unix:path, tcp://host:port, http://host[:port], https://host[:port].
 * INVALID, naming the forms. */
int wfe_grpc_address_parse(const char *text, wfe_grpc_address *ret, wfe_error *err);
void wfe_grpc_address_done(wfe_grpc_address *address);
/* The path or host:port, for messages. Borrowed. */
const char *wfe_grpc_address_text(const wfe_grpc_address *address);
/* What goes into :authority. A socket's path is no authority: proxies reject it. */
const char *wfe_grpc_address_authority(const wfe_grpc_address *address);

/* Makes the address of a unix socket. sun_path holds 107 bytes; a longer path goes through its
 * folder's descriptor, stored in *ret_dir_fd (-1: not needed), which the caller closes after
 * connect(). Errors as of open, LIMIT for a file name that is too long by itself. */
int wfe_grpc_address_unix(const char *path, struct sockaddr_un *ret, socklen_t *ret_len,
                          int *ret_dir_fd, wfe_error *err);

#endif
