/* SPDX-License-Identifier: Apache-2.0
 *
 * The copy is made by fork alone, perhaps of a process with threads, so it calls nothing but the
 * kernel and allocates nothing. A descriptor in a message is open while the message waits in the
 * socket: nothing needs to be answered.
 */
#include "step/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Steps at once; one more is not kept. */
#define ITEMS_MAX 4096
#define SOCKET_FD 3
/* A folder that is removed with its own name tells it by the end of a FIFO in it: those that are
 * held keep its inode, so that IN_DELETE_SELF would wait for us. */
#define WATCH_EVENTS (IN_MOVE_SELF | IN_DELETE | IN_ONLYDIR)

struct wfe_keeper {
    int fd;
    pid_t pid;
};

/* ---- in the copy ---- */

typedef struct kept {
    int watch; /* of its folder; 0: free */
    int fds[2];
} kept;

static void let_go(kept *items, int *n, int watch)
{
    for (int i = 0; i < *n; i++) {
        if (items[i].watch != watch)
            continue;
        close(items[i].fds[0]);
        close(items[i].fds[1]);
        items[i] = items[--*n];
        return;
    }
}

static bool is_end_of_fifo(const struct inotify_event *event)
{
    return (event->mask & IN_DELETE) && event->len &&
           (strcmp(event->name, "stdout") == 0 || strcmp(event->name, "stderr") == 0);
}

static void read_watches(int inotify, kept *items, int *n)
{
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t len = read(inotify, bytes, sizeof bytes);
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const void *)(bytes + at);
        if ((event->mask & (IN_MOVE_SELF | IN_IGNORED)) || is_end_of_fifo(event)) {
            let_go(items, n, event->wd);
            inotify_rm_watch(inotify, event->wd);
        }
        at += (ssize_t)(sizeof *event + event->len);
    }
}

/* One message; false at the end of the process that sends them. */
static bool take_message(int inotify, kept *items, int *n)
{
    char path[PATH_MAX];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec text = {.iov_base = path, .iov_len = sizeof path - 1};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *head = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (len <= 0 || !head || head->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return len > 0 || (len < 0 && errno == EINTR);
    kept item = {0};
    path[len] = '\0';
    memcpy(item.fds, CMSG_DATA(head), sizeof item.fds);
    /* A folder that is gone by now needs nobody. */
    item.watch = *n < ITEMS_MAX ? inotify_add_watch(inotify, path, WATCH_EVENTS) : -1;
    if (item.watch > 0) {
        items[(*n)++] = item;
    } else {
        close(item.fds[0]);
        close(item.fds[1]);
    }
    return true;
}

static _Noreturn void keep(int socket)
{
    static kept items[ITEMS_MAX];
    int n = 0;
    bool sender_lives = true;
    struct rlimit files;
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    dup2(socket, SOCKET_FD);
    syscall(SYS_close_range, SOCKET_FD + 1, ~0U, 0);
    setsid();
    (void)!chdir("/");
    prctl(PR_SET_NAME, "wfe-keeper");
    prctl(PR_SET_DUMPABLE, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (inotify < 0)
        _exit(1);
    while (sender_lives || n) {
        struct pollfd ready[2] = {{.fd = inotify, .events = POLLIN},
                                  {.fd = sender_lives ? SOCKET_FD : -1, .events = POLLIN}};
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            break;
        if (ready[0].revents)
            read_watches(inotify, items, &n);
        if (ready[1].revents)
            sender_lives = take_message(inotify, items, &n);
    }
    _exit(0);
}

/* ---- outside ---- */

/* A child of a child: nobody has to wait for it. Every signal stays blocked in it: what ends its
 * wfe (Ctrl-C, TERM to all) must not end it. */
static pid_t fork_copy(int ours, int theirs, int answer[2])
{
    sigset_t all, before;
    pid_t pid = -1;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t child = fork();
    if (child == 0) {
        pid = fork();
        if (pid == 0) {
            close(ours);
            keep(theirs);
        }
        _exit(write(answer[1], &pid, sizeof pid) != (ssize_t)sizeof pid);
    }
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(answer[1]);
    if (child > 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        if (read(answer[0], &pid, sizeof pid) != (ssize_t)sizeof pid)
            pid = -1;
        saved = EAGAIN;
    }
    close(answer[0]);
    errno = saved;
    return pid;
}

int wfe_keeper_new(wfe_keeper **ret, wfe_error *err)
{
    int fds[2], answer[2];
    wfe_keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        return wfe_error_nomem(err);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        free(keeper);
        return wfe_error_set_errno(err, errno, "cannot make a socket");
    }
    if (pipe2(answer, O_CLOEXEC) < 0) {
        int saved = errno;
        close(fds[0]);
        close(fds[1]);
        free(keeper);
        return wfe_error_set_errno(err, saved, "cannot make a pipe");
    }
    keeper->fd = fds[0];
    keeper->pid = fork_copy(fds[0], fds[1], answer);
    int saved = errno;
    close(fds[1]);
    if (keeper->pid <= 0) {
        wfe_keeper_free(keeper);
        return wfe_error_set_errno(err, saved, "cannot make the process that holds FIFOs open");
    }
    *ret = keeper;
    return 0;
}

int wfe_keeper_add(wfe_keeper *keeper, const char *folder, const int fds[2], wfe_error *err)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec text = {.iov_base = (char *)(uintptr_t)folder, .iov_len = strlen(folder)};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(head), fds, 2 * sizeof(int));
    /* It never waits: the copy does nothing but take messages. */
    if (sendmsg(keeper->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return wfe_error_set_errno(err, errno, "cannot hand over the FIFOs of %s", folder);
    return 0;
}

void wfe_keeper_free(wfe_keeper *keeper)
{
    if (!keeper)
        return;
    wfe_cleanup_close(&keeper->fd);
    free(keeper);
}

pid_t wfe_keeper_pid(const wfe_keeper *keeper)
{
    return keeper->pid;
}
