/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int bad_address(const char *text, const char *why, wfe_error *err)
{
    wfe_error_set(err, WFE_E_INVALID, "bad address '%s': %s", text, why);
    wfe_error_hint(err, "an address is /path, unix:///path, tcp://host:port, http://host:port or "
                        "https://host:port");
    return WFE_E_INVALID;
}

static int parse_path(const char *text, const char *path, wfe_grpc_address *ret, wfe_error *err)
{
    if (!*path)
        return bad_address(text, "it has no path", err);
    ret->path = strdup(path);
    return ret->path ? 0 : wfe_error_nomem(err);
}

static int parse_port(const char *text, const char *port, wfe_grpc_address *ret, wfe_error *err)
{
    char *end = NULL;
    long n = *port >= '0' && *port <= '9' ? strtol(port, &end, 10) : 0;
    if (n < 1 || n > 65535 || *end)
        return bad_address(text, "its port must be 1 to 65535", err);
    snprintf(ret->port, sizeof ret->port, "%ld", n);
    return 0;
}

static int parse_host(const char *text, const char *rest, const char *default_port,
                      wfe_grpc_address *ret, wfe_error *err)
{
    char host[WFE_GRPC_HOST_SIZE + 16];
    size_t len = strlen(rest);
    if (len && rest[len - 1] == '/')
        len--;
    if (memchr(rest, '/', len))
        return bad_address(text, "it has a path after its host", err);
    if (len >= sizeof host)
        return bad_address(text, "it is too long", err);
    memcpy(host, rest, len);
    host[len] = '\0';
    char *name = host;
    char *port = NULL;
    if (*host == '[') {
        name++;
        char *close = strchr(name, ']');
        if (!close || (close[1] && close[1] != ':'))
            return bad_address(text, "its host is no [IPv6 address]", err);
        *close = '\0';
        port = close[1] ? close + 2 : NULL;
    } else {
        port = strchr(host, ':');
        if (port)
            *port++ = '\0';
    }
    if (!*name || strlen(name) >= sizeof ret->host || strpbrk(name, "/@?# \t"))
        return bad_address(text, "its host is not valid", err);
    if (!port && !default_port)
        return bad_address(text, "it has no port", err);
    int rc = parse_port(text, port ? port : default_port, ret, err);
    if (rc)
        return rc;
    snprintf(ret->host, sizeof ret->host, "%s", name);
    bool brackets = strchr(name, ':') != NULL;
    snprintf(ret->text, sizeof ret->text, "%s%s%s:%s", brackets ? "[" : "", ret->host,
             brackets ? "]" : "", ret->port);
    return 0;
}

static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

int wfe_grpc_address_parse(const char *text, wfe_grpc_address *ret, wfe_error *err)
{
    wfe_grpc_address address = {0};
    const char *rest = NULL;
    int rc = 0;
    if (!text)
        text = "";
    if (*text == '/') {
        rc = parse_path(text, text, &address, err);
    } else if ((rest = after(text, "unix://"))) {
        rc = *rest == '/' ? parse_path(text, rest, &address, err)
                          : bad_address(text, "its path must be absolute", err);
    } else if ((rest = after(text, "unix:"))) {
        rc = parse_path(text, rest, &address, err);
    } else if ((rest = after(text, "tcp://"))) {
        rc = parse_host(text, rest, NULL, &address, err);
    } else if ((rest = after(text, "http://"))) {
        rc = parse_host(text, rest, "80", &address, err);
    } else if ((rest = after(text, "https://"))) {
        address.https = true;
        rc = parse_host(text, rest, "443", &address, err);
    } else {
        rc = bad_address(text, "it has none of the known forms", err);
    }
    if (!rc)
        *ret = address;
    return rc;
}

void wfe_grpc_address_done(wfe_grpc_address *address)
{
    free(address->path);
    address->path = NULL;
}

const char *wfe_grpc_address_text(const wfe_grpc_address *address)
{
    return address->path ? address->path : address->text;
}

const char *wfe_grpc_address_authority(const wfe_grpc_address *address)
{
    return address->path ? "localhost" : address->text;
}

int wfe_grpc_address_unix(const char *path, struct sockaddr_un *ret, socklen_t *ret_len,
                          int *ret_dir_fd, wfe_error *err)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    *ret_dir_fd = -1;
    int len = snprintf(ret->sun_path, sizeof ret->sun_path, "%s", path);
    if (len >= (int)sizeof ret->sun_path) {
        _cleanup_free_ char *dir = strdup(path);
        if (!dir)
            return wfe_error_nomem(err);
        char *slash = strrchr(dir, '/');
        if (!slash)
            return wfe_error_set(err, WFE_E_LIMIT, "the socket name '%s' is too long", path);
        *slash = '\0';
        _cleanup_close_ int fd = open(*dir ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return wfe_error_set_errno(err, errno, "cannot open the folder of the socket %s", path);
        len = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", fd, slash + 1);
        if (len >= (int)sizeof ret->sun_path)
            return wfe_error_set(err, WFE_E_LIMIT,
                                 "the file name of the socket %s is too long for a socket", path);
        *ret_dir_fd = wfe_take_fd(&fd);
    }
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
    return 0;
}
