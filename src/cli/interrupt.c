/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int wfe_interrupt_open(int *ret_fd, wfe_error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot wait for signals");
    *ret_fd = fd;
    return 0;
}

int wfe_interrupt_run(wfe_client *client, int interrupt_fd, const bool *done,
                      void (*on_signal)(void *user), void *user, wfe_error *err)
{
    struct pollfd fds[2] = {
        {.fd = wfe_client_fd(client), .events = POLLIN},
        {.fd = interrupt_fd, .events = POLLIN},
    };
    while (!*done) {
        wfe_client_dispatch(client);
        if (*done)
            break;
        if (poll(fds, 2, wfe_client_timeout_ms(client)) < 0 && errno != EINTR)
            return wfe_error_set_errno(err, errno, "cannot wait for events");
        struct signalfd_siginfo info;
        while (read(interrupt_fd, &info, sizeof info) == (ssize_t)sizeof info)
            on_signal(user);
    }
    return 0;
}
