/* SPDX-License-Identifier: Apache-2.0 */
#include "containerd/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define COMMAND_LINE_MAX 65536

/* Has the whole process ended. State Z in /proc only speaks of its first thread: others may still
 * hold its files open, which for a daemon that was just killed they do for a while. */
static bool has_ended(pid_t pid)
{
    _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return pidfd < 0 || wfe_process_wait(pidfd, 0);
}

bool wfe_process_stat(pid_t pid, uint64_t *ret_start_time, pid_t *ret_parent)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    wfe_buf text = WFE_BUF_INIT(0);
    bool alive = false;
    if (wfe_fd_read_file(path, 8192, &text, NULL) == 0) {
        /* The program's name, in parentheses, may hold anything: go on after its end. */
        const char *rest = strrchr(text.data, ')');
        char state = 0;
        int parent = 0;
        uint64_t start_time = 0;
        if (rest &&
            sscanf(rest + 1,
                   " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                   "%*d %*d %" SCNu64,
                   &state, &parent, &start_time) == 3 &&
            ((state != 'Z' && state != 'X') || !has_ended(pid))) {
            *ret_start_time = start_time;
            if (ret_parent)
                *ret_parent = parent;
            alive = true;
        }
    }
    wfe_buf_done(&text);
    return alive;
}

int wfe_process_open(const wfe_process *process)
{
    int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    uint64_t start = 0;
    /* Checked after opening: from here on the number cannot come to mean another process. */
    if (pidfd >= 0 &&
        (!wfe_process_stat(process->pid, &start, NULL) || start != process->start_time)) {
        close(pidfd);
        return -1;
    }
    return pidfd;
}

bool wfe_process_wait(int pidfd, uint32_t timeout_ms)
{
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};
    int n;
    do
        n = poll(&fd, 1, (int)timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

int wfe_process_signal(int pidfd, int signal, wfe_error *err)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 && errno != ESRCH)
        return wfe_error_set_errno(err, errno, "cannot send signal %d", signal);
    return 0;
}

bool wfe_process_has_option(const char *arguments, size_t len, const char *option,
                            const char *value)
{
    for (const char *p = arguments, *end = arguments + len; p < end; p += strlen(p) + 1) {
        const char *next = p + strlen(p) + 1;
        if (strcmp(p, option) == 0 && next < end && strcmp(next, value) == 0)
            return true;
    }
    return false;
}

int wfe_process_each(wfe_process_fn fn, void *user, wfe_error *err)
{
    DIR *proc = opendir("/proc");
    if (!proc)
        return wfe_error_set_errno(err, errno, "cannot open /proc");
    int rc = 0;
    struct dirent *entry;
    while (!rc && (entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        char path[64];
        snprintf(path, sizeof path, "/proc/%.20s/cmdline", entry->d_name);
        wfe_buf text = WFE_BUF_INIT(0);
        /* One that ended meanwhile cannot be read, a kernel thread has no text: not ours. */
        if (wfe_fd_read_file(path, COMMAND_LINE_MAX, &text, NULL) == 0 && text.len)
            rc = fn((pid_t)atoi(entry->d_name), text.data, text.len, user, err);
        wfe_buf_done(&text);
    }
    closedir(proc);
    return rc;
}
