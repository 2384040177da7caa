/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop: file descriptors, timers, children, wake-up. The only module that names libuv.
 * One thread owns a loop and everything on it; only wfe_wake_send may be called from another
 * thread. Callbacks run from wfe_loop_run and may free any handle, their own included. No handle
 * may outlive its loop.
 */
#ifndef WFE_LOOP_LOOP_H
#define WFE_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

typedef struct wfe_loop wfe_loop;
int wfe_loop_new(wfe_loop **ret, wfe_error *err);
/* All handles must have been freed. */
void wfe_loop_free(wfe_loop *loop);
/* Runs callbacks until *done is true. INTERNAL when nothing is left that could make it true. */
int wfe_loop_run_until(wfe_loop *loop, const bool *done, wfe_error *err);
/* Runs the callbacks that are due now, without waiting. */
void wfe_loop_run_ready(wfe_loop *loop);
/* For a host's own loop: poll this fd for reading, and wait at most timeout ms (-1: for ever);
 * then call wfe_loop_run_ready. */
int wfe_loop_fd(const wfe_loop *loop);
int wfe_loop_timeout_ms(const wfe_loop *loop);

/* A file descriptor, borrowed until the handle is freed. events are those that happened; an error
 * or hang-up shows as readable (and writable, when that was asked for); broken besides says that
 * the descriptor is not watched any longer, so that its owner reads to the end now or never. */
enum wfe_io_event { WFE_IO_READABLE = 1, WFE_IO_WRITABLE = 2, WFE_IO_BROKEN = 4 };
typedef struct wfe_io wfe_io;
typedef void (*wfe_io_fn)(unsigned events, void *user);
int wfe_io_new(wfe_loop *loop, int fd, wfe_io_fn fn, void *user, wfe_io **ret, wfe_error *err);
/* Waits for events from now on; 0 stops. */
int wfe_io_watch(wfe_io *io, unsigned events, wfe_error *err);
void wfe_io_free(wfe_io *io);

/* A timer that fires once per start. */
typedef struct wfe_timer wfe_timer;
typedef void (*wfe_timer_fn)(void *user);
int wfe_timer_new(wfe_loop *loop, wfe_timer_fn fn, void *user, wfe_timer **ret, wfe_error *err);
/* Fires once, after delay_ms; starting again replaces the earlier delay. */
void wfe_timer_start(wfe_timer *timer, uint64_t delay_ms);
void wfe_timer_stop(wfe_timer *timer);
void wfe_timer_free(wfe_timer *timer);

/* A wake-up from any thread or a signal handler; several sends may become one call. */
typedef struct wfe_wake wfe_wake;
typedef void (*wfe_wake_fn)(void *user);
int wfe_wake_new(wfe_loop *loop, wfe_wake_fn fn, void *user, wfe_wake **ret, wfe_error *err);
void wfe_wake_send(wfe_wake *wake);
void wfe_wake_free(wfe_wake *wake);

/* The addresses of a host name, looked up by the system's resolver in a thread of its own. fn runs
 * once, with a list borrowed during the call or with NULL and an error (NOT_FOUND for a name that
 * does not exist, UNAVAILABLE), and the handle is gone when it returns. */
struct addrinfo;
typedef struct wfe_resolve wfe_resolve;
typedef void (*wfe_resolve_fn)(const struct addrinfo *addresses, const wfe_error *err, void *user);
/* host and port (a number) are copied. */
int wfe_resolve_start(wfe_loop *loop, const char *host, const char *port, wfe_resolve_fn fn,
                      void *user, wfe_resolve **ret, wfe_error *err);
/* fn will not run. NULL is accepted. */
void wfe_resolve_cancel(wfe_resolve *resolve);

/* A child process that exists already and is a child of this process (made by wfe_spawn). exited
 * is called once, with exit code 0..255 or 128 + signal. No signal handler is installed: the
 * child's end is seen through a pidfd. */
typedef struct wfe_child wfe_child;
typedef void (*wfe_child_fn)(int exit_code, void *user);
typedef struct wfe_spawn_options {
    const char *const *argv; /* argv[0] is looked up in PATH when it has no slash */
    const char *const *envp; /* NULL: the environment of this process */
    int stdin_fd;            /* -1: /dev/null; borrowed during the call */
    int stdout_fd;
    int stderr_fd;
    bool new_session;        /* setsid(): it survives the terminal and this process */
    const char *working_dir; /* NULL: this process's */
} wfe_spawn_options;
int wfe_child_spawn(wfe_loop *loop, const wfe_spawn_options *options, wfe_child_fn exited,
                    void *user, wfe_child **ret, wfe_error *err);
pid_t wfe_child_pid(const wfe_child *child);
/* Does not kill: a child still running is left alone (and reaped by nobody). */
void wfe_child_free(wfe_child *child);

#endif
