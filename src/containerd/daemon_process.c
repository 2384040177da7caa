/* SPDX-License-Identifier: Apache-2.0
 *
 * The processes of a private containerd. A process is known by its number together with its start
 * time and the boot it belongs to, and is signalled through a pidfd; a number alone proves
 * nothing. A record that is stale or missing (its writer was killed between starting the daemon
 * and writing) is made up for by looking for a process with this daemon's own config file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "containerd/daemon_priv.h"
#include "loop/loop.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 40
/* Linux 5.11; older libc headers do not have it. */
#define CLOSE_RANGE_CLOEXEC_FLAG (1U << 2)

static int read_boot_id(char out[BOOT_ID_SIZE], wfe_error *err)
{
    wfe_buf text = WFE_BUF_INIT(0);
    int rc = wfe_fd_read_file(BOOT_ID_FILE, 256, &text, err);
    if (!rc)
        snprintf(out, BOOT_ID_SIZE, "%.*s", (int)strcspn(text.data, "\n"), text.data);
    wfe_buf_done(&text);
    return rc;
}

int wfe_daemon_process_record(const wfe_daemon_paths *paths, const wfe_process *process,
                              wfe_error *err)
{
    char boot[BOOT_ID_SIZE], text[128];
    int rc = read_boot_id(boot, err);
    if (rc)
        return rc;
    int n = snprintf(text, sizeof text, "%d %" PRIu64 " %s\n", (int)process->pid,
                     process->start_time, boot);
    return wfe_fd_write_file(paths->pid_file, text, (size_t)n, 0644, err);
}

/* The recorded process, when it is that very process that runs. */
static bool find_recorded(const wfe_daemon_paths *paths, wfe_process *out)
{
    wfe_buf text = WFE_BUF_INIT(0);
    char boot[BOOT_ID_SIZE], recorded_boot[BOOT_ID_SIZE];
    int pid = 0;
    uint64_t recorded_start = 0, start = 0;
    bool found =
        wfe_fd_read_file(paths->pid_file, 1024, &text, NULL) == 0 &&
        sscanf(text.data, "%d %" SCNu64 " %39s", &pid, &recorded_start, recorded_boot) == 3 &&
        pid > 0 && read_boot_id(boot, NULL) == 0 && strcmp(boot, recorded_boot) == 0 &&
        wfe_process_stat(pid, &start, NULL) && start == recorded_start;
    wfe_buf_done(&text);
    if (found)
        *out = (wfe_process){.pid = pid, .start_time = start};
    return found;
}

typedef struct daemon_search {
    const wfe_daemon_paths *paths;
    wfe_process *out;
} daemon_search;

static int match_daemon(pid_t pid, const char *arguments, size_t len, void *user, wfe_error *err)
{
    (void)err;
    daemon_search *search = user;
    uint64_t start = 0;
    if (!search->out->pid &&
        wfe_process_has_option(arguments, len, "--config", search->paths->config) &&
        wfe_process_stat(pid, &start, NULL))
        *search->out = (wfe_process){.pid = pid, .start_time = start};
    return 0;
}

int wfe_daemon_process_find(const wfe_daemon_paths *paths, wfe_process *out, wfe_error *err)
{
    *out = (wfe_process){0};
    if (find_recorded(paths, out))
        return 0;
    daemon_search search = {.paths = paths, .out = out};
    return wfe_process_each(match_daemon, &search, err);
}

/* Runs in a new process: only calls that are safe between fork and exec. */
static _Noreturn void become(const char *const *argv, const char *const *envp, int log_fd,
                             int report_fd)
{
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd >= 0 && chdir("/") == 0 && dup2(null_fd, STDIN_FILENO) >= 0 &&
        dup2(log_fd, STDOUT_FILENO) >= 0 && dup2(log_fd, STDERR_FILENO) >= 0) {
        /* Files of the embedding program that lack O_CLOEXEC must not live on in a daemon. */
        syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC_FLAG);
        execve(argv[0], (char *const *)argv, (char *const *)envp);
    }
    int failure = errno;
    ssize_t n = write(report_fd, &failure, sizeof failure);
    _exit(n < 0 ? 126 : 127);
}

static int read_number(int fd, int *ret)
{
    ssize_t n;
    do
        n = read(fd, ret, sizeof *ret);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *ret ? 0 : -1;
}

/* Two forks, so that the daemon is no child of the program that embeds this library. The middle
 * process tells the daemon's number, the daemon itself tells why it could not be executed. */
static int fork_twice(const char *const *argv, const char *const *envp, int log_fd, pid_t *ret_pid,
                      wfe_error *err)
{
    int number[2], failure[2];
    if (pipe2(number, O_CLOEXEC) < 0)
        return wfe_error_set_errno(err, errno, "cannot make a pipe");
    _cleanup_close_ int number_from = number[0];
    _cleanup_close_ int number_to = number[1];
    if (pipe2(failure, O_CLOEXEC) < 0)
        return wfe_error_set_errno(err, errno, "cannot make a pipe");
    _cleanup_close_ int failure_from = failure[0];
    _cleanup_close_ int failure_to = failure[1];
    pid_t middle = fork();
    if (middle < 0)
        return wfe_error_set_errno(err, errno, "cannot start a process");
    if (middle == 0) {
        setsid();
        pid_t pid = fork();
        if (pid == 0)
            become(argv, envp, log_fd, failure_to);
        _exit(pid > 0 && write(number_to, &pid, sizeof pid) == sizeof pid ? 0 : 1);
    }
    close(wfe_take_fd(&number_to));
    close(wfe_take_fd(&failure_to));
    while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
        ;
    int pid = 0, reason = 0;
    if (read_number(number_from, &pid) < 0)
        return wfe_error_set(err, WFE_E_IO, "cannot start a second process");
    if (read_number(failure_from, &reason) == 0)
        return wfe_error_set_errno(err, reason, "cannot execute %s", argv[0]);
    *ret_pid = pid;
    return 0;
}

/* The daemon's whole environment: what the starter has set for itself must not change it. */
typedef struct daemon_environment {
    char path[sizeof((wfe_daemon_paths *)0)->programs + 8];
    char temporary[WFE_DAEMON_PATH_SIZE + 8];
    const char *list[4];
} daemon_environment;

static void fill_environment(const wfe_daemon_paths *paths, daemon_environment *out)
{
    snprintf(out->path, sizeof out->path, "PATH=%s", paths->programs);
    snprintf(out->temporary, sizeof out->temporary, "TMPDIR=%s", paths->temporary);
    out->list[0] = out->path;
    out->list[1] = out->temporary;
    out->list[2] = "LANG=C.UTF-8";
    out->list[3] = NULL;
}

static int open_log(const wfe_daemon_paths *paths, int *ret_fd, wfe_error *err)
{
    int fd = open(paths->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return wfe_error_set_errno(err, errno, "cannot open %s", paths->log);
    *ret_fd = fd;
    return 0;
}

int wfe_daemon_process_spawn(const wfe_daemon_paths *paths, const char *const *argv,
                             wfe_process *out, wfe_error *err)
{
    daemon_environment environment;
    fill_environment(paths, &environment);
    _cleanup_close_ int log_fd = -1;
    pid_t pid = 0;
    int rc = open_log(paths, &log_fd, err);
    if (!rc)
        rc = fork_twice(argv, environment.list, log_fd, &pid, err);
    if (rc)
        return rc;
    *out = (wfe_process){.pid = pid};
    /* One that has ended already keeps start time 0, which no process of ours has. */
    wfe_process_stat(pid, &out->start_time, NULL);
    return 0;
}

typedef struct program_run {
    bool done;
    bool timed_out;
    int exit_code;
} program_run;

static void program_exited(int exit_code, void *user)
{
    program_run *run = user;
    run->exit_code = exit_code;
    run->done = true;
}

static void program_took_too_long(void *user)
{
    program_run *run = user;
    run->timed_out = true;
    run->done = true;
}

static void end_program(wfe_child *child)
{
    if (child && wfe_child_pid(child) > 0) {
        kill(wfe_child_pid(child), SIGKILL);
        waitpid(wfe_child_pid(child), NULL, 0);
    }
}

int wfe_daemon_process_run(const wfe_daemon_paths *paths, const char *const *argv,
                           uint32_t timeout_ms, int *ret_exit_code, wfe_error *err)
{
    daemon_environment environment;
    fill_environment(paths, &environment);
    _cleanup_close_ int log_fd = -1;
    wfe_loop *loop = NULL;
    wfe_child *child = NULL;
    wfe_timer *timer = NULL;
    program_run run = {0};
    int rc = open_log(paths, &log_fd, err);
    if (!rc)
        rc = wfe_loop_new(&loop, err);
    if (!rc)
        rc = wfe_timer_new(loop, program_took_too_long, &run, &timer, err);
    const wfe_spawn_options options = {.argv = argv,
                                       .envp = environment.list,
                                       .stdin_fd = -1,
                                       .stdout_fd = log_fd,
                                       .stderr_fd = log_fd};
    if (!rc)
        rc = wfe_child_spawn(loop, &options, program_exited, &run, &child, err);
    if (!rc) {
        wfe_timer_start(timer, timeout_ms);
        rc = wfe_loop_run_until(loop, &run.done, err);
    }
    if (rc || run.timed_out)
        end_program(child);
    if (!rc && run.timed_out)
        rc = wfe_error_set(err, WFE_E_TIMEOUT, "%s did not end within %u ms", argv[0],
                           (unsigned)timeout_ms);
    if (!rc)
        *ret_exit_code = run.exit_code;
    wfe_child_free(child);
    wfe_timer_free(timer);
    wfe_loop_free(loop);
    return rc;
}
