/* SPDX-License-Identifier: Apache-2.0
 *
 * See loop.h. libuv closes handles asynchronously, so each handle here is a heap object whose
 * memory goes in the close callback; callers may free it at any time and forget it.
 */
#include "loop/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "loop/loop_priv.h"

static int error_of_uv(wfe_error *err, int status, const char *what)
{
    return wfe_error_set_errno(err, -status, "%s", what);
}

/* libuv ends the program when one of its own descriptors is 0, 1 or 2, as they would be in a
 * program that was started with those closed: they are taken while the loop opens its own. */
static void hold_low_descriptors(int held[3], bool hold)
{
    for (int fd = 0; fd < 3; fd++) {
        if (hold)
            held[fd] = fcntl(fd, F_GETFD) < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
        else if (held[fd] >= 0)
            close(held[fd]);
    }
}

int wfe_loop_new(wfe_loop **ret, wfe_error *err)
{
    _cleanup_free_ wfe_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return wfe_error_nomem(err);
    int held[3];
    hold_low_descriptors(held, true);
    int status = uv_loop_init(&loop->uv);
    hold_low_descriptors(held, false);
    if (status < 0)
        return error_of_uv(err, status, "cannot make an event loop");
    *ret = wfe_take(loop);
    return 0;
}

void wfe_loop_free(wfe_loop *loop)
{
    if (!loop)
        return;
    int left = uv_run(&loop->uv, UV_RUN_NOWAIT);
    while (uv_loop_close(&loop->uv) == UV_EBUSY && left)
        left = uv_run(&loop->uv, UV_RUN_ONCE);
    free(loop);
}

int wfe_loop_run_until(wfe_loop *loop, const bool *done, wfe_error *err)
{
    while (!*done) {
        if (!uv_run(&loop->uv, UV_RUN_ONCE) && !*done)
            return wfe_error_set(err, WFE_E_INTERNAL,
                                 "the event loop has nothing left to wait for");
    }
    return 0;
}

void wfe_loop_run_ready(wfe_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_NOWAIT);
}

int wfe_loop_fd(const wfe_loop *loop)
{
    return uv_backend_fd(&loop->uv);
}

int wfe_loop_timeout_ms(const wfe_loop *loop)
{
    return uv_backend_timeout(&loop->uv);
}

/* ---- file descriptors ---- */

struct wfe_io {
    uv_poll_t uv;
    wfe_io_fn fn;
    void *user;
};

static void free_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
    wfe_io *io = uv->data;
    unsigned out = 0;
    if (status < 0) /* an error on the fd: let the owner's read or write find out which */
        out = WFE_IO_READABLE | WFE_IO_WRITABLE | WFE_IO_BROKEN;
    if (events & (UV_READABLE | UV_DISCONNECT))
        out |= WFE_IO_READABLE;
    if (events & UV_WRITABLE)
        out |= WFE_IO_WRITABLE;
    io->fn(out, io->user);
}

int wfe_io_new(wfe_loop *loop, int fd, wfe_io_fn fn, void *user, wfe_io **ret, wfe_error *err)
{
    _cleanup_free_ wfe_io *io = calloc(1, sizeof *io);
    if (!io)
        return wfe_error_nomem(err);
    io->fn = fn;
    io->user = user;
    int status = uv_poll_init(&loop->uv, &io->uv, fd);
    if (status < 0)
        return error_of_uv(err, status, "cannot watch a file descriptor");
    io->uv.data = io;
    *ret = wfe_take(io);
    return 0;
}

int wfe_io_watch(wfe_io *io, unsigned events, wfe_error *err)
{
    int mask = 0;
    if (events & WFE_IO_READABLE)
        mask |= UV_READABLE;
    if (events & WFE_IO_WRITABLE)
        mask |= UV_WRITABLE;
    int status = mask ? uv_poll_start(&io->uv, mask, on_poll) : uv_poll_stop(&io->uv);
    if (status < 0)
        return error_of_uv(err, status, "cannot watch a file descriptor");
    return 0;
}

void wfe_io_free(wfe_io *io)
{
    if (!io)
        return;
    uv_poll_stop(&io->uv);
    uv_close((uv_handle_t *)&io->uv, free_closed);
}

/* ---- timers ---- */

struct wfe_timer {
    uv_timer_t uv;
    wfe_timer_fn fn;
    void *user;
};

static void on_timer(uv_timer_t *uv)
{
    wfe_timer *timer = uv->data;
    uv_loop_t *loop = uv->loop;
    timer->fn(timer->user);
    /* UV_RUN_ONCE runs timers that are due and then still waits for an event; without this
     * wfe_loop_run_until would look at its flag only after that. */
    uv_stop(loop);
}

int wfe_timer_new(wfe_loop *loop, wfe_timer_fn fn, void *user, wfe_timer **ret, wfe_error *err)
{
    wfe_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return wfe_error_nomem(err);
    timer->fn = fn;
    timer->user = user;
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    *ret = timer;
    return 0;
}

void wfe_timer_start(wfe_timer *timer, uint64_t delay_ms)
{
    uv_update_time(timer->uv.loop);
    uv_timer_start(&timer->uv, on_timer, delay_ms, 0);
}

void wfe_timer_stop(wfe_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

void wfe_timer_free(wfe_timer *timer)
{
    if (!timer)
        return;
    uv_timer_stop(&timer->uv);
    uv_close((uv_handle_t *)&timer->uv, free_closed);
}

/* ---- wake-up ---- */

struct wfe_wake {
    uv_async_t uv;
    wfe_wake_fn fn;
    void *user;
};

static void on_wake(uv_async_t *uv)
{
    wfe_wake *wake = uv->data;
    wake->fn(wake->user);
}

int wfe_wake_new(wfe_loop *loop, wfe_wake_fn fn, void *user, wfe_wake **ret, wfe_error *err)
{
    _cleanup_free_ wfe_wake *wake = calloc(1, sizeof *wake);
    if (!wake)
        return wfe_error_nomem(err);
    wake->fn = fn;
    wake->user = user;
    int status = uv_async_init(&loop->uv, &wake->uv, on_wake);
    if (status < 0)
        return error_of_uv(err, status, "cannot make a wake-up handle");
    wake->uv.data = wake;
    /* A wake-up alone is no reason for the loop to go on. */
    uv_unref((uv_handle_t *)&wake->uv);
    *ret = wfe_take(wake);
    return 0;
}

void wfe_wake_send(wfe_wake *wake)
{
    uv_async_send(&wake->uv);
}

void wfe_wake_free(wfe_wake *wake)
{
    if (wake)
        uv_close((uv_handle_t *)&wake->uv, free_closed);
}
