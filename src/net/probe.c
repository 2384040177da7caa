/* SPDX-License-Identifier: Apache-2.0
 *
 * The child's sockets block: the job's deadline kills it.
 */
#include "net/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* "HTTP/1.1 200" */
#define STATUS_BYTES 12

/* ---- in the child ---- */

static int enter(const char *path, wfe_error *err)
{
    if (!path)
        return 0;
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
        return wfe_error_set_errno(err, errno, "cannot enter the network namespace %s", path);
    return 0;
}

static int connect_to(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, address, len) == 0)
        return fd;
    int connect_errno = errno;
    close(fd);
    errno = connect_errno;
    return -1;
}

static int connect_to_port(uint16_t port, int *ret_fd, wfe_error *err)
{
    const struct sockaddr_in v4 = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = connect_to((const struct sockaddr *)&v4, sizeof v4);
    int v4_errno = errno;
    if (fd < 0)
        fd = connect_to((const struct sockaddr *)&v6, sizeof v6);
    if (fd < 0)
        return wfe_error_set_errno(err, v4_errno, "cannot connect to port %u", port);
    *ret_fd = fd;
    return 0;
}

static int send_all(int fd, const char *text, size_t len, wfe_error *err)
{
    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot send a request");
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_status(int fd, int *ret_status, wfe_error *err)
{
    char line[STATUS_BYTES + 1] = "";
    size_t len = 0;
    while (len < STATUS_BYTES) {
        ssize_t n = recv(fd, line + len, STATUS_BYTES - len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return wfe_error_set_errno(err, errno, "cannot read the answer");
        if (n == 0)
            break;
        len += (size_t)n;
    }
    if (sscanf(line, "HTTP/%*1[12].%*1[0-9] %3d", ret_status) != 1)
        return wfe_error_set(err, WFE_E_PROTOCOL, "what answers does not speak HTTP");
    return 0;
}

static int get(int fd, const wfe_net_probe *probe, wfe_error *err)
{
    char request[WFE_NET_PROBE_PATH_MAX + 256];
    int status = 0;
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: localhost:%u\r\nUser-Agent: wfe\r\n"
                       "Accept: */*\r\nConnection: close\r\n\r\n",
                       probe->http_path, probe->port);
    int rc = send_all(fd, request, (size_t)len, err);
    if (!rc)
        rc = read_status(fd, &status, err);
    if (!rc && (status < 200 || status > 399)) {
        rc = wfe_error_set(err, WFE_E_PROTOCOL, "GET %s was answered with %d, must be 200 to 399",
                           probe->http_path, status);
        err->http_status = status;
    }
    return rc;
}

static int run_probe(const void *task, wfe_error *err)
{
    const wfe_net_probe *probe = task;
    _cleanup_close_ int fd = -1;
    int rc = enter(probe->netns, err);
    if (!rc)
        rc = connect_to_port(probe->port, &fd, err);
    if (!rc && probe->http_path)
        rc = get(fd, probe, err);
    return rc;
}

/* ---- in the parent ---- */

static int check_path(const char *path, wfe_error *err)
{
    size_t len = strlen(path);
    bool good = path[0] == '/' && len <= WFE_NET_PROBE_PATH_MAX;
    for (size_t i = 0; good && i < len; i++)
        good = path[i] > 0x20 && path[i] < 0x7F;
    if (!good)
        return wfe_error_set(err, WFE_E_INVALID,
                             "the path to get is '%s', must begin with / and have at most %d "
                             "visible ASCII characters",
                             path, WFE_NET_PROBE_PATH_MAX);
    return 0;
}

int wfe_net_probe_start(wfe_loop *loop, const wfe_net_probe *probe, wfe_net_job_done_fn done,
                        void *user, wfe_net_job **ret, wfe_error *err)
{
    int rc = probe->http_path ? check_path(probe->http_path, err) : 0;
    if (!rc && !probe->port)
        rc = wfe_error_set(err, WFE_E_INVALID, "the port is 0, must be 1 to 65535");
    return rc ? rc
              : wfe_net_job_start(loop, run_probe, probe, probe->timeout_ms, done, user, ret, err);
}
