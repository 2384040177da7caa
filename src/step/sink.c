/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipes and terminals are opened again through /proc/self/fd: O_NONBLOCK belongs to the open file
 * description, which a shell or a parent shares with us, so setting it on the descriptor we were
 * given would break them. Sockets take MSG_DONTWAIT instead. Regular files never block for long
 * and are written as they are: a second description would have an offset of its own.
 */
#include "step/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

struct wfe_sink {
    int fd;     /* what is written to */
    int own_fd; /* our own description of it, -1 when there is none */
    bool is_socket;
    const char *name; /* "stdout", for messages; static */
    wfe_io *io;       /* NULL for files, which are never waited for */
    wfe_buf rest;     /* accepted, not yet written */
    wfe_sink_fns fns;
    void *user;
};

static int open_again(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* write(2), but a reader that went away is EPIPE and no SIGPIPE: the signal is held back in this
 * thread for the call and taken off again if the call caused it. */
static ssize_t write_without_sigpipe(int fd, const void *bytes, size_t len)
{
    sigset_t pipe_set, old, pending;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
    ssize_t n = write(fd, bytes, len);
    int saved = errno;
    if (n < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE)) {
        struct timespec now = {0};
        while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return n;
}

/* Writes as much as goes; returns the bytes written or -1. */
static ssize_t write_some(wfe_sink *sink, const char *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = sink->is_socket
                        ? send(sink->fd, bytes + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL)
                        : write_without_sigpipe(sink->fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static int write_error(const wfe_sink *sink, wfe_error *err)
{
    int saved = errno;
    wfe_error_set_errno(err, saved, "cannot write the step's %s", sink->name);
    if (saved == ENOSPC || saved == EDQUOT)
        wfe_error_hint(err, "free space where %s goes", sink->name);
    return err ? err->kind : WFE_E_IO;
}

static void on_writable(unsigned events, void *user)
{
    (void)events;
    wfe_sink *sink = user;
    ssize_t n = write_some(sink, sink->rest.data, sink->rest.len);
    if (n < 0) {
        wfe_error error = WFE_ERROR_INIT;
        write_error(sink, &error);
        wfe_buf_done(&sink->rest);
        wfe_io_watch(sink->io, 0, NULL);
        sink->fns.failed(&error, sink->user);
        return;
    }
    wfe_buf_consume(&sink->rest, (size_t)n);
    if (sink->rest.len)
        return;
    wfe_io_watch(sink->io, 0, NULL);
    sink->fns.drained(sink->user);
}

static int prepare_fd(wfe_loop *loop, wfe_sink *sink, wfe_error *err)
{
    struct stat st;
    if (fstat(sink->fd, &st) < 0)
        return wfe_error_set_errno(err, errno, "the descriptor %d for %s", sink->fd, sink->name);
    sink->is_socket = S_ISSOCK(st.st_mode);
    if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(sink->fd)))
        sink->own_fd = open_again(sink->fd);
    if (sink->own_fd >= 0)
        sink->fd = sink->own_fd;
    else if (sink->is_socket)
        sink->own_fd = fcntl(sink->fd, F_DUPFD_CLOEXEC, 0);
    if (sink->own_fd < 0)
        return 0; /* a file, or a terminal of another user: written as it is */
    /* The loop makes what it watches non-blocking; a duplicated socket shares that flag with the
     * caller's descriptor, which has to keep its own. */
    int flags = fcntl(sink->own_fd, F_GETFL);
    int rc = wfe_io_new(loop, sink->own_fd, on_writable, sink, &sink->io, err);
    if (!rc && sink->is_socket && flags >= 0)
        fcntl(sink->own_fd, F_SETFL, flags);
    return rc;
}

int wfe_sink_new(wfe_loop *loop, int fd, const char *name, const wfe_sink_fns *fns, void *user,
                 wfe_sink **ret, wfe_error *err)
{
    wfe_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return wfe_error_nomem(err);
    *sink = (wfe_sink){.fd = fd, .own_fd = -1, .name = name, .fns = *fns, .user = user};
    int rc = prepare_fd(loop, sink, err);
    if (rc) {
        wfe_sink_free(sink);
        return rc;
    }
    *ret = sink;
    return 0;
}

void wfe_sink_free(wfe_sink *sink)
{
    if (!sink)
        return;
    wfe_io_free(sink->io);
    if (sink->own_fd >= 0)
        close(sink->own_fd);
    wfe_buf_done(&sink->rest);
    free(sink);
}

int wfe_sink_write(wfe_sink *sink, const void *bytes, size_t len, wfe_error *err)
{
    ssize_t n = write_some(sink, bytes, len);
    if (n < 0)
        return write_error(sink, err);
    if ((size_t)n == len)
        return 0;
    if (!sink->io)
        return wfe_error_set(err, WFE_E_IO, "cannot write the step's %s: it does not take all",
                             sink->name);
    int rc = wfe_buf_append(&sink->rest, (const char *)bytes + n, len - (size_t)n, err);
    if (!rc)
        rc = wfe_io_watch(sink->io, WFE_IO_WRITABLE, err);
    return rc;
}

bool wfe_sink_is_blocked(const wfe_sink *sink)
{
    return sink->rest.len > 0;
}
