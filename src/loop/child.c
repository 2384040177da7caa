/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes by posix_spawn and pidfd. uv_spawn is not used: it installs a SIGCHLD handler,
 * and a library must not touch the signals of the program that embeds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "loop/loop.h"

extern char **environ;

struct wfe_child {
    pid_t pid;
    int pidfd;
    wfe_io *io;
    wfe_child_fn exited;
    void *user;
};

static void on_pidfd(unsigned events, void *user)
{
    (void)events;
    wfe_child *child = user;
    int status = 0;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    wfe_io_watch(child->io, 0, NULL);
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    child->exited(code, child->user);
}

/* Copies of the descriptors above the three standard ones: the child's dup2 calls run in order,
 * and one of them could otherwise replace what a later one still needs. */
static int lift_fds(const wfe_spawn_options *options, int lifted[3], wfe_error *err)
{
    const int given[3] = {options->stdin_fd, options->stdout_fd, options->stderr_fd};
    for (int i = 0; i < 3; i++) {
        if (given[i] < 0)
            continue;
        lifted[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 3);
        if (lifted[i] < 0)
            return wfe_error_set_errno(err, errno, "cannot use descriptor %d", given[i]);
    }
    return 0;
}

static int add_fds(posix_spawn_file_actions_t *actions, const int lifted[3])
{
    int status = 0;
    for (int i = 0; !status && i < 3; i++) {
        if (lifted[i] >= 0)
            status = posix_spawn_file_actions_adddup2(actions, lifted[i], i);
        else
            status = posix_spawn_file_actions_addopen(actions, i, "/dev/null",
                                                      i ? O_WRONLY : O_RDONLY, 0);
    }
    return status;
}

static int spawn_with(const wfe_spawn_options *options, const int lifted[3], pid_t *ret_pid,
                      wfe_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (options->new_session)
        flags |= POSIX_SPAWN_SETSID;
    int status = posix_spawnattr_setflags(&attributes, flags);
    if (!status)
        status = posix_spawnattr_setsigmask(&attributes, &none);
    if (!status)
        status = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!status)
        status = add_fds(&actions, lifted);
    if (!status && options->working_dir)
        status = posix_spawn_file_actions_addchdir_np(&actions, options->working_dir);
    if (!status)
        status = posix_spawnp(ret_pid, options->argv[0], &actions, &attributes,
                              (char *const *)options->argv,
                              options->envp ? (char *const *)options->envp : environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (status)
        return wfe_error_set_errno(err, status, "cannot start %s", options->argv[0]);
    return 0;
}

static int spawn(const wfe_spawn_options *options, pid_t *ret_pid, wfe_error *err)
{
    int lifted[3] = {-1, -1, -1};
    int rc = lift_fds(options, lifted, err);
    if (!rc)
        rc = spawn_with(options, lifted, ret_pid, err);
    for (int i = 0; i < 3; i++)
        wfe_cleanup_close(&lifted[i]);
    return rc;
}

int wfe_child_spawn(wfe_loop *loop, const wfe_spawn_options *options, wfe_child_fn exited,
                    void *user, wfe_child **ret, wfe_error *err)
{
    wfe_child *child = calloc(1, sizeof *child);
    if (!child)
        return wfe_error_nomem(err);
    child->pidfd = -1;
    child->exited = exited;
    child->user = user;
    int rc = spawn(options, &child->pid, err);
    if (!rc) {
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
        if (child->pidfd < 0)
            rc = wfe_error_set_errno(err, errno, "cannot watch process %d", (int)child->pid);
    }
    if (!rc)
        rc = wfe_io_new(loop, child->pidfd, on_pidfd, child, &child->io, err);
    if (!rc)
        rc = wfe_io_watch(child->io, WFE_IO_READABLE, err);
    if (rc) {
        if (child->pid > 0) {
            kill(child->pid, SIGKILL);
            waitpid(child->pid, NULL, 0);
        }
        wfe_child_free(child);
        return rc;
    }
    *ret = child;
    return 0;
}

pid_t wfe_child_pid(const wfe_child *child)
{
    return child->pid;
}

void wfe_child_free(wfe_child *child)
{
    if (!child)
        return;
    wfe_io_free(child->io);
    if (child->pidfd >= 0)
        close(child->pidfd);
    free(child);
}
