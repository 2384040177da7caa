/* SPDX-License-Identifier: Apache-2.0 */
#include "net/job.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Where the copy writes its answer; what is above is closed in it. */
#define ANSWER_FD 3

/* So that a write of it to a pipe is whole or not at all. */
_Static_assert(sizeof(wfe_error) <= PIPE_BUF, "an answer fits PIPE_BUF");

struct wfe_net_job {
    pid_t pid;
    int answer_fd;
    wfe_io *io;
    wfe_timer *timer;
    uint64_t timeout_ms;
    wfe_net_job_done_fn done;
    void *user;
};

/* Ends the copy, which after an answer has nothing left to do but that. */
static void reap(wfe_net_job *job)
{
    if (job->pid <= 0)
        return;
    kill(job->pid, SIGKILL);
    while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    job->pid = 0;
}

void wfe_net_job_cancel(wfe_net_job *job)
{
    if (!job)
        return;
    reap(job);
    wfe_io_free(job->io);
    wfe_timer_free(job->timer);
    wfe_cleanup_close(&job->answer_fd);
    free(job);
}

static void finish(wfe_net_job *job, const wfe_error *err)
{
    wfe_net_job_done_fn done = job->done;
    void *user = job->user;
    wfe_net_job_cancel(job);
    done(err, user);
}

static void on_answer(unsigned events, void *user)
{
    (void)events;
    wfe_net_job *job = user;
    wfe_error answer = WFE_ERROR_INIT;
    ssize_t n = read(job->answer_fd, &answer, sizeof answer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof answer) {
        answer = (wfe_error)WFE_ERROR_INIT;
        wfe_error_set(&answer, WFE_E_IO, "process %d died before it answered", (int)job->pid);
    }
    finish(job, &answer);
}

static void on_timeout(void *user)
{
    wfe_net_job *job = user;
    wfe_error error = WFE_ERROR_INIT;
    wfe_error_set(&error, WFE_E_TIMEOUT, "no answer in %llu ms",
                  (unsigned long long)job->timeout_ms);
    finish(job, &error);
}

/* A descriptor of a FIFO or a pipe that stayed open here would keep its other end from seeing that
 * we have closed it. */
static _Noreturn void run_copy(int answer_fd, wfe_net_job_fn fn, const void *task)
{
    wfe_error answer = WFE_ERROR_INIT;
    if (answer_fd == ANSWER_FD)
        fcntl(answer_fd, F_SETFD, 0);
    else if (dup2(answer_fd, ANSWER_FD) < 0)
        _exit(1);
    syscall(SYS_close_range, ANSWER_FD + 1, ~0U, 0);
    int rc = fn(task, &answer);
    if (rc && !answer.kind)
        wfe_error_set(&answer, rc, "it failed");
    _exit(write(ANSWER_FD, &answer, sizeof answer) != (ssize_t)sizeof answer);
}

/* Signals are blocked before, since a handler of this process must not run in its copy: the wake-up
 * it writes to is shared. */
static pid_t fork_copy(int answer_fd, wfe_net_job_fn fn, const void *task)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        run_copy(answer_fd, fn, task);
    int fork_errno = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = fork_errno;
    return pid;
}

int wfe_net_job_start(wfe_loop *loop, wfe_net_job_fn fn, const void *task, uint64_t timeout_ms,
                      wfe_net_job_done_fn done, void *user, wfe_net_job **ret, wfe_error *err)
{
    int fds[2];
    wfe_net_job *job = calloc(1, sizeof *job);
    if (!job)
        return wfe_error_nomem(err);
    *job = (wfe_net_job){.answer_fd = -1, .timeout_ms = timeout_ms, .done = done, .user = user};
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        free(job);
        return wfe_error_set_errno(err, errno, "cannot make a pipe");
    }
    job->answer_fd = fds[0];
    int rc = wfe_timer_new(loop, on_timeout, job, &job->timer, err);
    if (!rc)
        rc = wfe_io_new(loop, job->answer_fd, on_answer, job, &job->io, err);
    if (!rc)
        rc = wfe_io_watch(job->io, WFE_IO_READABLE, err);
    if (!rc) {
        job->pid = fork_copy(fds[1], fn, task);
        if (job->pid < 0)
            rc = wfe_error_set_errno(err, errno, "cannot make a process");
    }
    close(fds[1]);
    if (rc) {
        wfe_net_job_cancel(job);
        return rc;
    }
    wfe_timer_start(job->timer, timeout_ms);
    *ret = job;
    return 0;
}
