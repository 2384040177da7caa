/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipes and terminals are opened again through /proc/self/fd: O_NONBLOCK belongs to the open file
 * description, which the shell and other programs share with us. Everything else is written as it
 * is: files do not block, and what cannot be opened again may.
 */
#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

struct wfe_out {
    int fd;
    int own_fd; /* our own description of it; -1: none */
    wfe_io *io; /* NULL: never waited for in the loop */
    wfe_buf queue;
    wfe_error error; /* the first one; nothing is written after it */
};

static int open_again(int fd)
{
    char path[32];
    struct stat st;
    if (fstat(fd, &st) < 0 || !(S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd))))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void fail(wfe_out *out)
{
    wfe_error_set_errno(&out->error, errno, "cannot write the standard output");
    wfe_buf_done(&out->queue);
    if (out->io)
        wfe_io_watch(out->io, 0, NULL);
}

/* Writes what goes; the number of bytes. */
static size_t write_some(wfe_out *out, const char *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(out->fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0) {
            fail(out);
            break;
        }
        done += (size_t)n;
    }
    return done;
}

static void write_queue(wfe_out *out)
{
    size_t done = write_some(out, out->queue.data, out->queue.len);
    if (out->error.kind)
        return;
    wfe_buf_consume(&out->queue, done);
    if (out->io)
        wfe_io_watch(out->io, out->queue.len ? WFE_IO_WRITABLE : 0, NULL);
}

static void on_writable(unsigned events, void *user)
{
    (void)events;
    write_queue(user);
}

/* Until at most max bytes are queued. */
static void wait_until(wfe_out *out, size_t max)
{
    while (out->queue.len > max && !out->error.kind) {
        struct pollfd wait = {.fd = out->fd, .events = POLLOUT};
        if (poll(&wait, 1, -1) < 0 && errno != EINTR)
            fail(out);
        else
            write_queue(out);
    }
}

int wfe_out_new(wfe_loop *loop, int fd, wfe_out **ret, wfe_error *err)
{
    wfe_out *out = calloc(1, sizeof *out);
    if (!out)
        return wfe_error_nomem(err);
    *out = (wfe_out){.fd = fd, .own_fd = loop ? open_again(fd) : -1};
    int rc = 0;
    if (out->own_fd >= 0) {
        out->fd = out->own_fd;
        rc = wfe_io_new(loop, out->own_fd, on_writable, out, &out->io, err);
    }
    if (rc) {
        wfe_out_free(out);
        return rc;
    }
    *ret = out;
    return 0;
}

void wfe_out_free(wfe_out *out)
{
    if (!out)
        return;
    wfe_io_free(out->io);
    if (out->own_fd >= 0)
        close(out->own_fd);
    wfe_buf_done(&out->queue);
    free(out);
}

void wfe_out_write(wfe_out *out, const void *bytes, size_t len)
{
    if (out->error.kind)
        return;
    size_t done = out->queue.len ? 0 : write_some(out, bytes, len);
    if (done == len || out->error.kind)
        return;
    if (wfe_buf_append(&out->queue, (const char *)bytes + done, len - done, &out->error))
        return;
    if (out->io)
        wfe_io_watch(out->io, WFE_IO_WRITABLE, NULL);
    wait_until(out, out->io ? WFE_OUT_QUEUE_BYTES : 0);
}

bool wfe_out_is_clear(const wfe_out *out)
{
    return !out->queue.len;
}

int wfe_out_finish(wfe_out *out, wfe_error *err)
{
    wait_until(out, 0);
    return wfe_error_copy(err, &out->error);
}
