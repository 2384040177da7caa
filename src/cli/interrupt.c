/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct wfe_interrupt {
    int fd;
    wfe_watch *watch; /* one of these two */
    wfe_io *io;
    void (*on_signal)(void *user);
    void *user;
    pid_t forwarder;      /* 0: none */
    unsigned n_forwarded; /* signals that came from it */
    unsigned n_direct;
    unsigned n_told;
};

static void on_readable(int fd, void *user)
{
    wfe_interrupt *interrupt = user;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        bool forwarded = interrupt->forwarder && info.ssi_pid == (uint32_t)interrupt->forwarder;
        unsigned *n = forwarded ? &interrupt->n_forwarded : &interrupt->n_direct;
        if (++*n <= interrupt->n_told)
            continue;
        interrupt->n_told = *n;
        interrupt->on_signal(interrupt->user);
    }
}

static void on_io(unsigned events, void *user)
{
    (void)events;
    wfe_interrupt *interrupt = user;
    on_readable(interrupt->fd, interrupt);
}

static int open_signals(wfe_interrupt *interrupt, wfe_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    interrupt->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (interrupt->fd < 0)
        return wfe_error_set_errno(err, errno, "cannot wait for signals");
    return 0;
}

static int new_interrupt(void (*on_signal)(void *user), void *user, wfe_interrupt **ret,
                         wfe_error *err)
{
    wfe_interrupt *interrupt = calloc(1, sizeof *interrupt);
    if (!interrupt)
        return wfe_error_nomem(err);
    *interrupt = (wfe_interrupt){.fd = -1, .on_signal = on_signal, .user = user};
    int rc = open_signals(interrupt, err);
    if (rc) {
        wfe_interrupt_free(interrupt);
        return rc;
    }
    *ret = interrupt;
    return 0;
}

int wfe_interrupt_new(wfe_client *client, void (*on_signal)(void *user), void *user,
                      wfe_interrupt **ret, wfe_error *err)
{
    wfe_interrupt *interrupt = NULL;
    int rc = new_interrupt(on_signal, user, &interrupt, err);
    if (!rc)
        rc =
            wfe_client_watch(client, interrupt->fd, on_readable, interrupt, &interrupt->watch, err);
    if (rc) {
        wfe_interrupt_free(interrupt);
        return rc;
    }
    *ret = interrupt;
    return 0;
}

int wfe_interrupt_new_on(wfe_loop *loop, void (*on_signal)(void *user), void *user,
                         wfe_interrupt **ret, wfe_error *err)
{
    wfe_interrupt *interrupt = NULL;
    int rc = new_interrupt(on_signal, user, &interrupt, err);
    if (!rc)
        rc = wfe_io_new(loop, interrupt->fd, on_io, interrupt, &interrupt->io, err);
    if (!rc)
        rc = wfe_io_watch(interrupt->io, WFE_IO_READABLE, err);
    if (rc) {
        wfe_interrupt_free(interrupt);
        return rc;
    }
    *ret = interrupt;
    return 0;
}

void wfe_interrupt_forwarded_by(wfe_interrupt *interrupt, pid_t pid)
{
    interrupt->forwarder = pid;
}

void wfe_interrupt_free(wfe_interrupt *interrupt)
{
    if (!interrupt)
        return;
    wfe_watch_free(interrupt->watch);
    wfe_io_free(interrupt->io);
    if (interrupt->fd >= 0)
        close(interrupt->fd);
    free(interrupt);
}
