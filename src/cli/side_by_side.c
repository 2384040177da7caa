/* SPDX-License-Identifier: Apache-2.0
 *
 * A pipe for each process, and a loop over poll(): libuv's loop does not survive fork(). The
 * standard output is written PIPE_BUF bytes at a time, when poll() says that they fit, so that a
 * reader that is slow or stopped keeps no signal from the processes.
 */
#include "cli/side_by_side.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/exit_code.h"
#include "cli/report.h"

/* A longer line is passed on in parts, and the others wait for its end. */
#define LINE_BYTES ((size_t)1024 * 1024)
/* Above, nothing is read. */
#define QUEUE_BYTES ((size_t)64 * 1024)
#define READ_BYTES ((size_t)64 * 1024)

typedef struct child {
    pid_t pid; /* 0: the place is free */
    int fd;    /* its standard output; -1: at its end */
    size_t index;
    wfe_buf line; /* the beginning of one */
    bool exited;
    int status;
} child;

typedef struct group {
    const wfe_side_by_side_options *options;
    int signals;
    child *children; /* at_once of them */
    size_t at_once;
    size_t n_running;
    size_t next;   /* to begin */
    child *holder; /* its line has begun to be passed on, and not ended */
    wfe_buf queue;
    bool stopping;
    size_t first; /* the lowest index whose code is not 0 */
    int code;
    wfe_error error; /* of the standard output */
} group;

static void take_code(group *g, size_t index, int code)
{
    if (!code || (g->code && g->first < index))
        return;
    g->first = index;
    g->code = code;
}

/* ---- beginning ---- */

/* In the new process. What it inherits of its siblings must not keep their pipes open: a process
 * whose reader is gone must see that. */
static void become(group *g, size_t index, int out)
{
    sigset_t child_ends;
    for (size_t i = 0; i < g->at_once; i++)
        if (g->children[i].pid && g->children[i].fd >= 0)
            close(g->children[i].fd);
    close(g->signals);
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &child_ends, NULL);
    if (dup2(out, STDOUT_FILENO) < 0)
        _exit(WFE_EXIT_FAILED);
    close(out);
    int code = g->options->run(index, g->options->user);
    fflush(stdout);
    _exit(code);
}

static int begin(group *g, child *c, wfe_error *err)
{
    _cleanup_close_ int in = -1;
    _cleanup_close_ int out = -1;
    int fds[2];
    const char *name = g->options->name(g->next, g->options->user);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return wfe_error_set_errno(err, errno, "cannot make a pipe for '%s'", name);
    in = fds[0];
    out = fds[1];
    fcntl(in, F_SETFL, O_NONBLOCK);
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid < 0)
        return wfe_error_set_errno(err, errno, "cannot start a process for '%s'", name);
    if (pid == 0) {
        close(wfe_take_fd(&in));
        become(g, g->next, wfe_take_fd(&out));
    }
    *c = (child){.pid = pid, .fd = wfe_take_fd(&in), .index = g->next, .line = WFE_BUF_INIT(0)};
    g->n_running++;
    return 0;
}

/* When there is no room for one more, the end of another one makes some. */
static void begin_some(group *g)
{
    for (child *c = g->children; c < g->children + g->at_once; c++) {
        while (!c->pid && g->next < g->options->n && !g->stopping) {
            wfe_error error = WFE_ERROR_INIT;
            if (begin(g, c, &error) && g->n_running)
                return;
            if (error.kind) {
                wfe_report_error(&error);
                take_code(g, g->next, WFE_EXIT_FAILED);
            }
            g->next++;
        }
    }
}

/* ---- lines ---- */

static void put(group *g, const void *bytes, size_t len)
{
    if (!g->error.kind)
        wfe_buf_append(&g->queue, bytes, len, &g->error);
}

static void pass_on(group *g, child *c, size_t len)
{
    put(g, c->line.data, len);
    wfe_buf_consume(&c->line, len);
}

/* False when there is nothing to read now. */
static bool read_some(group *g, child *c)
{
    wfe_error error = WFE_ERROR_INIT;
    bool room = !wfe_buf_reserve(&c->line, READ_BYTES, &error);
    if (!room)
        wfe_error_copy(&g->error, &error);
    ssize_t n = room ? read(c->fd, c->line.data + c->line.len, READ_BYTES) : 0;
    if (n < 0 && errno == EINTR)
        return true;
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        close(c->fd);
        c->fd = -1;
        return false;
    }
    c->line.len += (size_t)n;
    const char *newline = memrchr(c->line.data, '\n', c->line.len);
    if (newline) {
        pass_on(g, c, (size_t)(newline - c->line.data) + 1);
        g->holder = NULL;
    }
    if (g->holder == c || c->line.len > LINE_BYTES) {
        pass_on(g, c, c->line.len);
        g->holder = c;
    }
    return true;
}

static void write_some(group *g)
{
    size_t len = g->queue.len < PIPE_BUF ? g->queue.len : PIPE_BUF;
    ssize_t n = write(STDOUT_FILENO, g->queue.data, len);
    if (n >= 0)
        wfe_buf_consume(&g->queue, (size_t)n);
    else if (errno != EINTR && errno != EAGAIN)
        wfe_error_set_errno(&g->error, errno, "cannot write the standard output");
    if (g->error.kind)
        wfe_buf_done(&g->queue);
}

/* ---- ends ---- */

static void finish(group *g, child *c)
{
    while (c->fd >= 0 && read_some(g, c))
        continue;
    if (c->fd >= 0)
        close(c->fd); /* somebody it has left behind holds it, and is not waited for */
    bool is_open = c->line.len || g->holder == c;
    pass_on(g, c, c->line.len);
    if (is_open)
        put(g, "\n", 1);
    g->holder = NULL;
    take_code(g, c->index, WIFEXITED(c->status) ? WEXITSTATUS(c->status) : WFE_EXIT_FAILED);
    wfe_buf_done(&c->line);
    *c = (child){.fd = -1};
    g->n_running--;
}

static void finish_some(group *g)
{
    for (size_t i = 0; i < g->at_once; i++) {
        child *c = &g->children[i];
        if (c->pid && !c->exited)
            c->exited = waitpid(c->pid, &c->status, WNOHANG) == c->pid;
        if (c->pid && c->exited && (!g->holder || g->holder == c))
            finish(g, c);
    }
}

static void on_signals(group *g)
{
    struct signalfd_siginfo info;
    while (read(g->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        g->stopping = true;
        for (size_t i = 0; i < g->at_once; i++)
            if (g->children[i].pid && !g->children[i].exited)
                kill(g->children[i].pid, (int)info.ssi_signo);
    }
}

/* ---- all of them ---- */

static int set_up(group *g, wfe_error *err)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    sigset_t set;
    g->at_once = g->options->at_once;
    if (!g->at_once)
        g->at_once = processors > 2 ? (size_t)processors : 2;
    if (g->at_once > g->options->n)
        g->at_once = g->options->n;
    g->children = calloc(g->at_once + 1, sizeof *g->children);
    if (!g->children)
        return wfe_error_nomem(err);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    g->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return g->signals < 0 ? wfe_error_set_errno(err, errno, "cannot wait for signals") : 0;
}

/* What there is to wait for: signals, room in the standard output, bytes of the processes. */
static void wait_for_some(group *g, struct pollfd *fds)
{
    bool reads = g->queue.len < QUEUE_BYTES;
    fds[0] = (struct pollfd){.fd = g->signals, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = g->queue.len ? STDOUT_FILENO : -1, .events = POLLOUT};
    for (size_t i = 0; i < g->at_once; i++) {
        const child *c = &g->children[i];
        bool turn = c->pid && reads && (!g->holder || g->holder == c);
        fds[i + 2] = (struct pollfd){.fd = turn ? c->fd : -1, .events = POLLIN};
    }
    if (poll(fds, g->at_once + 2, -1) < 0)
        return; /* EINTR; everything is asked again */
    if (fds[1].revents)
        write_some(g);
    for (size_t i = 0; i < g->at_once; i++) {
        child *c = &g->children[i];
        if (fds[i + 2].revents && (!g->holder || g->holder == c))
            read_some(g, c);
    }
    if (fds[0].revents)
        on_signals(g);
}

static void tell_what_never_began(group *g)
{
    for (; g->next < g->options->n; g->next++) {
        fprintf(stderr, "wfe: %s stays interrupted: it was not begun\n",
                g->options->name(g->next, g->options->user));
        take_code(g, g->next, WFE_EXIT_INTERRUPTED);
    }
}

int wfe_side_by_side(const wfe_side_by_side_options *options)
{
    group g = {.options = options, .signals = -1, .queue = WFE_BUF_INIT(0)};
    wfe_error error = WFE_ERROR_INIT;
    _cleanup_free_ struct pollfd *fds = NULL;
    int rc = set_up(&g, &error);
    if (!rc && !(fds = calloc(g.at_once + 2, sizeof *fds)))
        rc = wfe_error_nomem(&error);
    if (rc) {
        g.code = wfe_report_error(&error);
    } else {
        begin_some(&g);
        while (g.n_running || g.queue.len) {
            wait_for_some(&g, fds);
            finish_some(&g);
            begin_some(&g);
        }
        tell_what_never_began(&g);
    }
    if (g.error.kind) {
        wfe_report_error(&g.error);
        g.code = g.code ? g.code : WFE_EXIT_FAILED;
    }
    wfe_buf_done(&g.queue);
    free(g.children);
    if (g.signals >= 0)
        close(g.signals);
    return g.code;
}
