/* SPDX-License-Identifier: Apache-2.0
 *
 * One wfe-init in a folder of its own, for the tests of the program: started with a command, its
 * streams in files, ended within a limit. A test's first argument may name another program than
 * the one in the library, as one made by another compiler.
 */
#ifndef WFE_TESTS_INIT_RIG_H
#define WFE_TESTS_INIT_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "fixtures/wfe_assert.h"
#include "step/init_file.h"

#define LIMIT_US ((uint64_t)30 * 1000 * 1000)
#define SH(script) ((const char *const[]){"/bin/sh", "-c", (script), NULL})
#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})

extern char **environ;
static const char *program_under_test;

typedef struct rig {
    char dir[64];
    char program[PATH_MAX];
    char record[128];
    char out[128];
    char err[128];
    pid_t pid;
    int namespaces;                 /* CLONE_NEW*: what the process gets of its own */
    const char *const *environment; /* NULL: ours */
    void (*prepare)(struct rig *);  /* runs in the child, before exec */
    int fd;                         /* for prepare */
} rig;

/* ---- rig ---- */

static inline int set_up(void **state)
{
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    /* Ours may have folders that another user cannot search. */
    assert_int_equal(setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1), 0);
    strcpy(r->dir, "/tmp/wfe-test-init-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    /* Cases run as another user. */
    assert_int_equal(chmod(r->dir, 0755), 0);
    if (program_under_test)
        snprintf(r->program, sizeof r->program, "%s", program_under_test);
    else
        assert_ok(wfe_init_file_place(r->dir, r->program, sizeof r->program, NULL), NULL);
    snprintf(r->record, sizeof r->record, "%s/exit", r->dir);
    snprintf(r->out, sizeof r->out, "%s/out", r->dir);
    snprintf(r->err, sizeof r->err, "%s/err", r->dir);
    assert_ok(wfe_init_record_create(r->record, NULL), NULL);
    *state = r;
    return 0;
}

static inline int tear_down(void **state)
{
    rig *r = *state;
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    wfe_fd_remove_tree(r->dir, NULL);
    free(r);
    return 0;
}

static inline void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
}

static inline void run_child(rig *r, const char *const *argv)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    int out = open(r->out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    int err = open(r->err, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(99);
    close(out);
    close(err);
    if (r->prepare)
        r->prepare(r);
    execve(r->program, (char **)(uintptr_t)argv,
           r->environment ? (char **)(uintptr_t)r->environment : environ);
    _exit(98);
}

static inline void start_argv(rig *r, const char *const *argv)
{
    r->pid = (pid_t)syscall(SYS_clone, SIGCHLD | r->namespaces, 0, 0, 0, 0);
    assert_true(r->pid >= 0);
    if (r->pid == 0)
        run_child(r, argv);
}

static inline void start(rig *r, const char *const *command)
{
    size_t n = 0;
    while (command[n])
        n++;
    const char **argv = calloc(n + 5, sizeof *argv);
    assert_non_null(argv);
    const char *head[4] = {r->program, "-r", r->record, "--"};
    memcpy(argv, head, sizeof head);
    memcpy(argv + 4, command, n * sizeof *argv);
    start_argv(r, argv);
    free((void *)(uintptr_t)argv);
}

/* The exit status; a process that does not end is killed and fails the case. */
static inline int finish(rig *r)
{
    int status = 0;
    pid_t pid = 0;
    uint64_t until = wfe_clock_monotonic_us() + LIMIT_US;
    while ((pid = waitpid(r->pid, &status, WNOHANG)) == 0 && wfe_clock_monotonic_us() < until)
        pause_briefly();
    if (pid != r->pid)
        fail_msg("wfe-init did not end");
    r->pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline int run(rig *r, const char *const *command)
{
    start(r, command);
    return finish(r);
}

static inline void read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
    out[n < 0 ? 0 : n] = '\0';
    if (fd >= 0)
        close(fd);
}

static inline void assert_file_contains(const char *path, const char *part)
{
    char text[8192];
    read_text(path, text, sizeof text);
    assert_contains(text, part);
}

static inline void wait_for_text(const char *path, const char *part)
{
    char text[8192] = "";
    uint64_t until = wfe_clock_monotonic_us() + LIMIT_US;
    while (!strstr(text, part) && wfe_clock_monotonic_us() < until) {
        pause_briefly();
        read_text(path, text, sizeof text);
    }
    assert_contains(text, part);
}

static inline void assert_record(rig *r, enum wfe_init_reason reason, int status, int detail)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_init_record record = {0};
    assert_ok(wfe_init_record_read(r->record, &record, &err), &err);
    assert_int_equal(record.reason, reason);
    assert_int_equal(record.exit_status, status);
    assert_int_equal(reason == WFE_INIT_SIGNALLED ? record.signal : record.sys_errno, detail);
    int64_t age_us = wfe_clock_wall_us() - record.ended_at_us;
    assert_in_range(age_us + 60 * 1000 * 1000, 0, 1000 * 1000 * 1000);
}

static inline void skip_unless_root(const char *why)
{
    if (geteuid() == 0)
        return;
    print_message("skipped: needs root for %s\n", why);
    skip();
}

#endif
