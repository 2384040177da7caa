/* SPDX-License-Identifier: Apache-2.0
 *
 * See transport.h. The socket's half is here; TLS is a filter between the socket and recv/send.
 */
#include "grpc/transport.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Addresses of one host name that are tried. */
#define ADDRESSES_MAX 8
/* A unix socket's full backlog cannot be polled for: ask again. */
#define BACKLOG_RETRY_MS 10
/* Encrypted bytes moved at a time. */
#define TLS_CHUNK_BYTES 32768

enum state { STATE_RESOLVING, STATE_CONNECTING, STATE_HANDSHAKE, STATE_OPEN };

struct wfe_grpc_transport {
    wfe_loop *loop;
    const wfe_grpc_address *address;
    wfe_grpc_tls_context *tls_context;
    const wfe_grpc_transport_fns *fns;
    void *user;
    enum state state;
    wfe_resolve *resolve;
    struct sockaddr_storage addresses[ADDRESSES_MAX]; /* TCP only */
    size_t n_addresses;
    size_t next_address;
    wfe_timer *retry; /* unix only */
    int fd;           /* -1: none */
    wfe_io *io;
    unsigned watched;          /* events io waits for */
    bool broken;               /* the last event was io's last */
    wfe_grpc_tls_session *tls; /* NULL: plain */
    uint8_t *tls_in;           /* TLS_CHUNK_BYTES */
    wfe_buf tls_out;           /* encrypted, not yet taken by the socket */
};

static void on_io(unsigned events, void *user);

static void close_socket(wfe_grpc_transport *t)
{
    wfe_io_free(t->io);
    t->io = NULL;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

void wfe_grpc_transport_free(wfe_grpc_transport *t)
{
    if (!t)
        return;
    wfe_resolve_cancel(t->resolve);
    wfe_timer_free(t->retry);
    close_socket(t);
    wfe_grpc_tls_session_free(t->tls);
    free(t->tls_in);
    wfe_buf_done(&t->tls_out);
    free(t);
}

static int watch(wfe_grpc_transport *t, unsigned events, wfe_error *err)
{
    if (t->watched == events)
        return 0;
    t->watched = events;
    return wfe_io_watch(t->io, events, err);
}

/* ---- connecting ---- */

/* connect(2) refuses what is no socket as if nobody listened there. */
static int not_a_socket(const char *path, wfe_error *err)
{
    struct stat st;
    if (stat(path, &st) < 0 || S_ISSOCK(st.st_mode))
        return 0;
    wfe_error_set(err, WFE_E_INVALID, "%s is %s, must be the socket of a containerd", path,
                  S_ISDIR(st.st_mode)   ? "a folder"
                  : S_ISREG(st.st_mode) ? "a plain file"
                                        : "no socket");
    wfe_error_hint(err, "it is usually /run/containerd/containerd.sock");
    return WFE_E_INVALID;
}

static int connect_error(const wfe_grpc_transport *t, int sys_errno, wfe_error *err)
{
    const char *where = wfe_grpc_address_text(t->address);
    if (t->address->path && not_a_socket(t->address->path, err))
        return WFE_E_INVALID;
    if (t->address->path && (sys_errno == ENOENT || sys_errno == ENOTDIR)) {
        wfe_error_set(err, WFE_E_NOT_FOUND, "containerd socket not found: %s", where);
        if (err)
            err->sys_errno = sys_errno;
        wfe_error_hint(err, "start containerd, start a private one with 'wfe daemon start', or "
                            "name its socket with --address");
        return WFE_E_NOT_FOUND;
    }
    int rc = wfe_error_set_errno(err, sys_errno, "failed to connect to containerd at %s", where);
    if (sys_errno == EACCES || sys_errno == EPERM)
        wfe_error_hint(err, "the socket belongs to root: run as root (sudo), or give the address "
                            "of a rootless containerd");
    else if (sys_errno == ECONNREFUSED)
        wfe_error_hint(err, "nothing listens there: start containerd, or name its socket with "
                            "--address");
    return rc;
}

static int step_handshake(wfe_grpc_transport *t, wfe_error *err);

static int after_connect(wfe_grpc_transport *t, wfe_error *err)
{
    if (!t->address->path) {
        const int on = 1;
        const unsigned int lost_ms = 60000; /* a peer that vanished; no pings of our own */
        setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(t->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(t->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost_ms, sizeof lost_ms);
    }
    int rc = watch(t, WFE_IO_READABLE, err);
    if (rc || !t->tls_context) {
        t->state = STATE_OPEN;
        return rc;
    }
    t->state = STATE_HANDSHAKE;
    t->tls_in = malloc(TLS_CHUNK_BYTES);
    if (!t->tls_in)
        return wfe_error_nomem(err);
    rc = wfe_grpc_tls_session_new(t->tls_context, &t->tls, err);
    return rc ? rc : step_handshake(t, err);
}

/* Connects the socket to one address: 0, or an errno; EINPROGRESS is not a failure. */
static int connect_fd(wfe_grpc_transport *t, const struct sockaddr *to, socklen_t len)
{
    t->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd < 0)
        return errno;
    int code;
    do {
        code = connect(t->fd, to, len) == 0 ? 0 : errno;
    } while (code == EINTR);
    return code;
}

static int connect_unix(wfe_grpc_transport *t, wfe_error *err, int *ret_errno)
{
    struct sockaddr_un to;
    socklen_t len;
    _cleanup_close_ int dir = -1;
    wfe_error why = WFE_ERROR_INIT;
    int rc = wfe_grpc_address_unix(t->address->path, &to, &len, &dir, &why);
    if (rc && why.sys_errno)
        return connect_error(t, why.sys_errno, err);
    if (rc)
        return wfe_error_copy(err, &why);
    *ret_errno = connect_fd(t, (const struct sockaddr *)&to, len);
    return 0;
}

static socklen_t address_length(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

/* Tries the addresses left until one connects or is on its way. */
static int connect_next(wfe_grpc_transport *t, wfe_error *err)
{
    int code = ECONNREFUSED;
    do {
        close_socket(t);
        if (t->address->path) {
            int rc = connect_unix(t, err, &code);
            if (rc)
                return rc;
        } else if (t->next_address < t->n_addresses) {
            const struct sockaddr_storage *to = &t->addresses[t->next_address++];
            code = connect_fd(t, (const struct sockaddr *)to, address_length(to));
        }
    } while (code && code != EINPROGRESS && t->next_address < t->n_addresses);
    if (code == EAGAIN && t->retry) {
        close_socket(t);
        wfe_timer_start(t->retry, BACKLOG_RETRY_MS);
        return 0;
    }
    if (code && code != EINPROGRESS)
        return connect_error(t, code, err);
    t->watched = 0;
    int rc = wfe_io_new(t->loop, t->fd, on_io, t, &t->io, err);
    if (rc)
        return rc;
    return code ? watch(t, WFE_IO_WRITABLE, err) : after_connect(t, err);
}

static void tell(wfe_grpc_transport *t, int rc, const wfe_error *err)
{
    if (rc)
        t->fns->failed(err, t->user);
    else if (t->state == STATE_OPEN)
        t->fns->opened(t->user);
}

static void on_retry(void *user)
{
    wfe_grpc_transport *t = user;
    wfe_error err = WFE_ERROR_INIT;
    int rc = connect_next(t, &err);
    tell(t, rc, &err);
}

static void finish_connect(wfe_grpc_transport *t)
{
    wfe_error err = WFE_ERROR_INIT;
    int code = 0;
    socklen_t len = sizeof code;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &code, &len))
        code = errno;
    int rc = 0;
    if (!code)
        rc = after_connect(t, &err);
    else if (t->next_address < t->n_addresses)
        rc = connect_next(t, &err);
    else
        rc = connect_error(t, code, &err);
    tell(t, rc, &err);
}

/* ---- finding the addresses of a TCP host ---- */

static void add_address(wfe_grpc_transport *t, const struct sockaddr *address, socklen_t len)
{
    if (t->n_addresses == ADDRESSES_MAX || len > sizeof *t->addresses)
        return;
    memcpy(&t->addresses[t->n_addresses++], address, len);
}

static bool add_literal(wfe_grpc_transport *t, const char *host)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, t->address->port, &hints, &found))
        return false;
    add_address(t, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static void on_resolved(const struct addrinfo *found, const wfe_error *why, void *user)
{
    wfe_grpc_transport *t = user;
    t->resolve = NULL;
    wfe_error err = WFE_ERROR_INIT;
    int rc = found ? 0 : wfe_error_copy(&err, why);
    wfe_error_prefix(&err, "failed to connect to containerd at %s",
                     wfe_grpc_address_text(t->address));
    for (const struct addrinfo *a = found; a; a = a->ai_next)
        add_address(t, a->ai_addr, a->ai_addrlen);
    if (!rc) {
        t->state = STATE_CONNECTING;
        rc = connect_next(t, &err);
    }
    tell(t, rc, &err);
}

static int open_tcp(wfe_grpc_transport *t, wfe_error *err)
{
    const char *host = t->address->host;
    if (strcmp(host, "localhost") == 0) {
        add_literal(t, "127.0.0.1");
        add_literal(t, "::1");
    } else if (!add_literal(t, host)) {
        t->state = STATE_RESOLVING;
        return wfe_resolve_start(t->loop, host, t->address->port, on_resolved, t, &t->resolve, err);
    }
    return connect_next(t, err);
}

int wfe_grpc_transport_open(wfe_loop *loop, const wfe_grpc_address *address,
                            wfe_grpc_tls_context *tls, const wfe_grpc_transport_fns *fns,
                            void *user, wfe_grpc_transport **ret, wfe_error *err)
{
    wfe_grpc_transport *t = calloc(1, sizeof *t);
    if (!t)
        return wfe_error_nomem(err);
    t->loop = loop;
    t->address = address;
    t->tls_context = tls;
    t->fns = fns;
    t->user = user;
    t->fd = -1;
    t->state = STATE_CONNECTING;
    int rc = 0;
    if (address->path)
        rc = wfe_timer_new(loop, on_retry, t, &t->retry, err);
    if (!rc)
        rc = address->path ? connect_next(t, err) : open_tcp(t, err);
    if (rc) {
        wfe_grpc_transport_free(t);
        return rc;
    }
    *ret = t;
    return 0;
}

bool wfe_grpc_transport_is_open(const wfe_grpc_transport *t)
{
    return t->state == STATE_OPEN;
}

const char *wfe_grpc_transport_stage(const wfe_grpc_transport *t)
{
    static const char *const names[] = {"name lookup", "connecting", "TLS handshake", "open"};
    return names[t->state];
}

/* ---- bytes ---- */

static int socket_error(int sys_errno, wfe_error *err)
{
    if (err)
        err->sys_errno = sys_errno;
    return wfe_error_set(err, WFE_E_UNAVAILABLE, "%s", strerror(sys_errno));
}

static int socket_recv(wfe_grpc_transport *t, uint8_t *buf, size_t cap, size_t *ret, wfe_error *err)
{
    ssize_t n;
    do {
        n = recv(t->fd, buf, cap, 0);
    } while (n < 0 && errno == EINTR);
    *ret = n > 0 ? (size_t)n : 0;
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
        return 0;
    if (n == 0)
        return wfe_error_set(err, WFE_E_UNAVAILABLE, "the peer closed the connection");
    return socket_error(errno, err);
}

static int socket_send(wfe_grpc_transport *t, const void *bytes, size_t len, size_t *ret,
                       wfe_error *err)
{
    ssize_t n;
    do {
        n = send(t->fd, bytes, len, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    *ret = n > 0 ? (size_t)n : 0;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        return socket_error(errno, err);
    bool blocked = *ret < len;
    return watch(t, blocked ? WFE_IO_READABLE | WFE_IO_WRITABLE : WFE_IO_READABLE, err);
}

/* Sends what TLS made. */
static int flush_tls(wfe_grpc_transport *t, wfe_error *err)
{
    int rc = wfe_grpc_tls_drain(t->tls, &t->tls_out, err);
    if (rc || !t->tls_out.len)
        return rc;
    size_t n = 0;
    rc = socket_send(t, t->tls_out.data, t->tls_out.len, &n, err);
    wfe_buf_consume(&t->tls_out, n);
    return rc;
}

/* Moves bytes from the socket into TLS; *ret_len 0: none there. */
static int fill_tls(wfe_grpc_transport *t, size_t *ret_len, wfe_error *err)
{
    int rc = socket_recv(t, t->tls_in, TLS_CHUNK_BYTES, ret_len, err);
    return rc || !*ret_len ? rc : wfe_grpc_tls_feed(t->tls, t->tls_in, *ret_len, err);
}

static int step_handshake(wfe_grpc_transport *t, wfe_error *err)
{
    wfe_error closed = WFE_ERROR_INIT;
    size_t n = 0;
    bool done = false;
    int rc;
    do {
        rc = wfe_grpc_tls_handshake(t->tls, &done, err);
        if (rc) { /* let the peer know why: the alert is in the buffer */
            flush_tls(t, NULL);
            break;
        }
        rc = flush_tls(t, err);
        if (done || rc)
            break;
        rc = fill_tls(t, &n, &closed);
        if (rc)
            wfe_error_set(err, WFE_E_UNAVAILABLE, "the TLS handshake was cut short: %s",
                          closed.message);
    } while (!rc && n);
    if (rc)
        wfe_error_prefix(err, "failed to connect to containerd at %s",
                         wfe_grpc_address_text(t->address));
    else if (done)
        t->state = STATE_OPEN;
    return rc;
}

int wfe_grpc_transport_recv(wfe_grpc_transport *t, uint8_t *buf, size_t cap, size_t *ret_len,
                            wfe_error *err)
{
    assert(t->state == STATE_OPEN);
    if (!t->tls)
        return socket_recv(t, buf, cap, ret_len, err);
    for (;;) {
        int rc = wfe_grpc_tls_read(t->tls, buf, cap, ret_len, err);
        if (rc || *ret_len)
            return rc;
        size_t n = 0;
        rc = fill_tls(t, &n, err);
        if (rc || !n)
            return rc;
    }
}

bool wfe_grpc_transport_tells_all(const wfe_grpc_transport *t)
{
    return !t->tls && !t->broken;
}

int wfe_grpc_transport_send(wfe_grpc_transport *t, const uint8_t *bytes, size_t len,
                            size_t *ret_taken, wfe_error *err)
{
    assert(t->state == STATE_OPEN);
    if (!t->tls)
        return socket_send(t, bytes, len, ret_taken, err);
    *ret_taken = 0;
    int rc = flush_tls(t, err);
    if (rc || t->tls_out.len)
        return rc;
    rc = wfe_grpc_tls_write(t->tls, bytes, len, err);
    if (!rc)
        *ret_taken = len;
    return rc ? rc : flush_tls(t, err);
}

/* Every call of an owner's function is the last thing done: it may free the transport. */
static void on_io(unsigned events, void *user)
{
    wfe_grpc_transport *t = user;
    t->broken = events & WFE_IO_BROKEN;
    if (t->state == STATE_CONNECTING) {
        finish_connect(t);
        return;
    }
    wfe_error err = WFE_ERROR_INIT;
    int rc = 0;
    if (t->state == STATE_HANDSHAKE) {
        rc = step_handshake(t, &err);
        tell(t, rc, &err);
        return;
    }
    if (events & WFE_IO_WRITABLE) {
        rc = t->tls ? flush_tls(t, &err) : watch(t, WFE_IO_READABLE, &err);
        if (rc)
            t->fns->failed(&err, t->user);
        else if (events & WFE_IO_READABLE)
            t->fns->readable(t->user); /* flushes as well */
        else
            t->fns->writable(t->user);
        return;
    }
    t->fns->readable(t->user);
}
