/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe-init as a process: signals, groups, orphans, descriptors. Most of it as any user, where it
 * is a subreaper; what only PID 1 can show needs root for a PID namespace.
 */
#include <dirent.h>
#include <poll.h>
#include <sched.h>

#include "unit/init_rig.h"

/* Field n (from 3: state) of /proc/PID/stat, -1 when the process is gone. Letters as numbers. */
static long stat_field(pid_t pid, int n)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    read_text(path, text, sizeof text);
    char *p = strrchr(text, ')');
    for (int i = 2; p && i < n; i++)
        p = strchr(p + 1, ' ');
    if (!p)
        return -1;
    return n == 3 ? (long)p[1] : strtol(p, NULL, 10);
}

/* ---- signals ---- */

static void test_init_process__sends_every_signal_on(void **state)
{
    static const struct {
        int number;
        const char *name;
    } signals[] = {{SIGHUP, "HUP"},   {SIGINT, "INT"},   {SIGQUIT, "QUIT"}, {SIGUSR1, "USR1"},
                   {SIGUSR2, "USR2"}, {SIGALRM, "ALRM"}, {SIGPIPE, "PIPE"}, {SIGCONT, "CONT"},
                   {SIGABRT, "ABRT"}, {SIGSYS, "SYS"},   {SIGTERM, "TERM"}, {SIGWINCH, "WINCH"}};
    rig *r = *state;
    start(r, SH("for s in HUP INT QUIT USR1 USR2 ALRM PIPE CONT ABRT SYS TERM WINCH; do "
                "trap \"echo got-$s\" $s; done; trap 'exit 33' URG; echo ready; i=0; "
                "while [ $i -lt 2000 ]; do sleep 0.02; i=$((i + 1)); done"));
    wait_for_text(r->out, "ready");
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "got-%s\n", signals[i].name);
        assert_int_equal(kill(r->pid, signals[i].number), 0);
        wait_for_text(r->out, wanted);
    }
    assert_int_equal(kill(r->pid, SIGURG), 0);
    assert_int_equal(finish(r), 33);
}

static void test_init_process__ends_on_term_a_shell_that_waits_for_a_foreground_child(void **state)
{
    rig *r = *state;
    start(r, SH("trap 'exit 44' TERM; sh -c 'echo $$ ready; exec sleep 60'; exit 1"));
    wait_for_text(r->out, " ready");
    char text[64];
    read_text(r->out, text, sizeof text);
    pid_t foreground = (pid_t)strtol(text, NULL, 10);
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 44);
    assert_record(r, WFE_INIT_EXITED, 44, 0);
    long child_state = stat_field(foreground, 3);
    assert_true(child_state == -1 || child_state == 'Z' || child_state == 'X');
}

static void test_init_process__says_143_for_a_command_that_term_killed(void **state)
{
    rig *r = *state;
    start(r, SH("sh -c 'echo ready; exec sleep 60'; true"));
    wait_for_text(r->out, "ready");
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 143);
    assert_record(r, WFE_INIT_SIGNALLED, 143, SIGTERM);
}

static void spoil_signals(rig *r)
{
    (void)r;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_IGN);
}

static void test_init_process__gives_the_command_default_signals(void **state)
{
    rig *r = *state;
    r->prepare = spoil_signals;
    /* An ignored SIGCHLD would also lose the status. */
    assert_int_equal(run(r, COMMAND("grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status")), 0);
    assert_file_contains(r->out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    assert_int_equal(run(r, SH("exit 9")), 9);
}

static void test_init_process__puts_the_command_into_a_process_group_of_its_own(void **state)
{
    rig *r = *state;
    start(r, SH("echo $$ ready; exec sleep 60"));
    wait_for_text(r->out, " ready");
    char text[64];
    read_text(r->out, text, sizeof text);
    pid_t child = (pid_t)strtol(text, NULL, 10);
    assert_int_equal(getpgid(child), child);
    assert_int_not_equal(getpgid(r->pid), child);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(finish(r), 137);
}

/* ---- orphans and descriptors ---- */

static void test_init_process__adopts_and_reaps_orphans(void **state)
{
    rig *r = *state;
    start(r, SH("(sh -c 'echo $$ orphan; exec sleep 60' & ) ; echo ready; sleep 60 & wait; true"));
    wait_for_text(r->out, " orphan");
    wait_for_text(r->out, "ready");
    char text[256];
    read_text(r->out, text, sizeof text);
    pid_t orphan = (pid_t)strtol(strncmp(text, "ready\n", 6) ? text : text + 6, NULL, 10);
    uint64_t until = wfe_clock_monotonic_us() + LIMIT_US;
    while (stat_field(orphan, 4) != r->pid && wfe_clock_monotonic_us() < until)
        pause_briefly();
    assert_int_equal(stat_field(orphan, 4), r->pid);
    assert_int_equal(kill(orphan, SIGKILL), 0);
    while (stat_field(orphan, 3) != -1 && wfe_clock_monotonic_us() < until)
        pause_briefly();
    assert_int_equal(stat_field(orphan, 3), -1);
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 143);
}

static int count_fds(pid_t pid)
{
    char path[64];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void use_stdin_and_fd_9(rig *r)
{
    dup2(r->fd, 0);
    dup2(2, 9);
}

static void test_init_process__keeps_only_stdout_stderr_and_the_record_open(void **state)
{
    rig *r = *state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    r->fd = fds[0];
    r->prepare = use_stdin_and_fd_9;
    start(r, SH("exec <&-; echo ready >&9; exec sleep 60"));
    close(fds[0]);
    wait_for_text(r->err, "ready");
    /* Whoever writes to the command's stdin sees that it was closed. */
    struct pollfd writer = {.fd = fds[1], .events = POLLOUT};
    uint64_t until = wfe_clock_monotonic_us() + LIMIT_US;
    do
        assert_true(poll(&writer, 1, 1) >= 0);
    while (!(writer.revents & POLLERR) && wfe_clock_monotonic_us() < until);
    assert_true(writer.revents & POLLERR);
    assert_int_equal(count_fds(r->pid), 3);
    close(fds[1]);
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 143);
}

static void close_standard_fds(rig *r)
{
    (void)r;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
}

static void test_init_process__needs_no_stdin_stdout_or_stderr(void **state)
{
    rig *r = *state;
    r->prepare = close_standard_fds;
    assert_int_equal(run(r, SH("exit 6")), 6);
    assert_record(r, WFE_INIT_EXITED, 6, 0);
    assert_int_equal(run(r, COMMAND("no-such-command")), 127);
    assert_record(r, WFE_INIT_NOT_FOUND, 127, ENOENT);
}

/* ---- the command's streams as FIFOs ---- */

typedef struct fifo_case {
    char path[2][128]; /* for stdout, for stderr */
    int reader[2];
} fifo_case;

static void make_fifos(rig *r, fifo_case *fifos)
{
    for (int i = 0; i < 2; i++) {
        snprintf(fifos->path[i], sizeof fifos->path[i], "%s/fifo-%d", r->dir, i + 1);
        assert_int_equal(mkfifo(fifos->path[i], 0600), 0);
        fifos->reader[i] = open(fifos->path[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        assert_true(fifos->reader[i] >= 0);
    }
}

static void start_with_fifos(rig *r, const fifo_case *fifos, const char *script)
{
    start_argv(r, COMMAND(r->program, "-r", r->record, "-o", fifos->path[0], "-e", fifos->path[1],
                          "--", "/bin/sh", "-c", script));
}

/* What has arrived by now, without waiting for more. */
static void assert_reads(int fd, const char *wanted)
{
    char text[256];
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    assert_string_equal(text, wanted);
}

static void test_init_process__gives_the_command_the_fifos(void **state)
{
    rig *r = *state;
    fifo_case fifos;
    make_fifos(r, &fifos);
    start_with_fifos(r, &fifos, "echo to out; echo to err >&2; exit 5");
    assert_int_equal(finish(r), 5);
    assert_record(r, WFE_INIT_EXITED, 5, 0);
    assert_reads(fifos.reader[0], "to out\n");
    assert_reads(fifos.reader[1], "to err\n");
    char text[64];
    read_text(r->out, text, sizeof text);
    assert_string_equal(text, "");
    read_text(r->err, text, sizeof text);
    assert_string_equal(text, "");
}

/* A full FIFO makes the command wait, as a pipe would, and does not fail its writes. */
static void test_init_process__gives_the_command_fifos_that_block(void **state)
{
    rig *r = *state;
    fifo_case fifos;
    char bytes[4096];
    size_t total = 0;
    make_fifos(r, &fifos);
    start_with_fifos(r, &fifos, "head -c 1000000 /dev/zero");
    uint64_t until = wfe_clock_monotonic_us() + LIMIT_US;
    struct pollfd reader = {.fd = fifos.reader[0], .events = POLLIN};
    while (total < 1000000 && wfe_clock_monotonic_us() < until && poll(&reader, 1, 1000) >= 0) {
        ssize_t n = read(fifos.reader[0], bytes, sizeof bytes);
        total += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(total, 1000000);
    assert_int_equal(finish(r), 0);
}

static void use_pipe_as_stdout(rig *r)
{
    dup2(r->fd, 1);
}

/* The shim holds a FIFO open for as long as the pipe that it copies from has writers. */
static void test_init_process__keeps_the_pipe_open_until_its_end(void **state)
{
    rig *r = *state;
    fifo_case fifos;
    int fds[2];
    make_fifos(r, &fifos);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    r->fd = fds[1];
    r->prepare = use_pipe_as_stdout;
    start_with_fifos(r, &fifos, "echo ready; exec sleep 60");
    close(fds[1]);
    struct pollfd ready = {.fd = fifos.reader[0], .events = POLLIN};
    assert_int_equal(poll(&ready, 1, (int)(LIMIT_US / 1000)), 1);
    struct pollfd pipe_end = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&pipe_end, 1, 100), 0);
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 143);
    assert_int_equal(poll(&pipe_end, 1, (int)(LIMIT_US / 1000)), 1);
    assert_true(pipe_end.revents & POLLHUP);
    close(fds[0]);
}

static void leave_fds_open(rig *r)
{
    (void)r;
    for (int fd = 20; fd < 30; fd += 3)
        dup2(2, fd);
}

static void test_init_process__closes_what_is_neither_fifo_nor_kept(void **state)
{
    rig *r = *state;
    fifo_case fifos;
    make_fifos(r, &fifos);
    r->prepare = leave_fds_open;
    start_with_fifos(r, &fifos, "echo ready; exec sleep 60");
    struct pollfd ready = {.fd = fifos.reader[0], .events = POLLIN};
    assert_int_equal(poll(&ready, 1, (int)(LIMIT_US / 1000)), 1);
    uint64_t until = wfe_clock_monotonic_us() + LIMIT_US;
    /* stdout, stderr, what they were, and the record. */
    while (count_fds(r->pid) != 5 && wfe_clock_monotonic_us() < until)
        pause_briefly();
    assert_int_equal(count_fds(r->pid), 5);
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 143);
}

/* As on a kernel of its own, where the FIFO is no way to anybody. */
static void test_init_process__does_without_a_fifo_that_nobody_reads(void **state)
{
    rig *r = *state;
    fifo_case fifos;
    make_fifos(r, &fifos);
    close(fifos.reader[0]);
    assert_int_equal(unlink(fifos.path[1]), 0);
    start_with_fifos(r, &fifos, "echo to out; echo to err >&2");
    assert_int_equal(finish(r), 0);
    assert_file_contains(r->out, "to out\n");
    assert_file_contains(r->err, "to err\n");
}

static void allow_four_fds(rig *r)
{
    (void)r;
    /* Whoever runs the tests may have left some open. */
    syscall(SYS_close_range, 3, ~0U, 0);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){4, 4});
}

static void test_init_process__does_without_fifos_when_it_has_no_descriptor_left(void **state)
{
    rig *r = *state;
    fifo_case fifos;
    make_fifos(r, &fifos);
    r->prepare = allow_four_fds;
    start_with_fifos(r, &fifos, "echo to out; exit 3");
    assert_int_equal(finish(r), 3);
    assert_record(r, WFE_INIT_EXITED, 3, 0);
    assert_file_contains(r->out, "to out\n");
}

/* ---- PID 1 ---- */

static void test_init_process__as_pid_1_takes_everything_along_when_the_command_ends(void **state)
{
    skip_unless_root("a PID namespace");
    rig *r = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFD, FD_CLOEXEC), 0);
    r->namespaces = CLONE_NEWPID;
    assert_int_equal(run(r, SH("test $$ != 1 || exit 99; setsid sleep 60 & (sleep 60 &); exit 4")),
                     4);
    assert_record(r, WFE_INIT_EXITED, 4, 0);
    /* Both had the pipe's other end. */
    close(fds[1]);
    struct pollfd reader = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&reader, 1, (int)(LIMIT_US / 1000)), 1);
    char byte;
    assert_int_equal(read(fds[0], &byte, 1), 0);
    close(fds[0]);
}

static void test_init_process__as_pid_1_hears_signals_from_outside_and_inside(void **state)
{
    skip_unless_root("a PID namespace");
    rig *r = *state;
    r->namespaces = CLONE_NEWPID;
    start(r, SH("sh -c 'echo ready; exec sleep 60'; true"));
    wait_for_text(r->out, "ready");
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 143);
    assert_int_equal(run(r, SH("kill -TERM 1; sleep 60; exit 1")), 143);
    assert_record(r, WFE_INIT_SIGNALLED, 143, SIGTERM);
}

int main(int argc, char **argv)
{
    program_under_test = argc > 1 ? argv[1] : NULL;
#define CASE(name) cmocka_unit_test_setup_teardown(test_init_process__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(sends_every_signal_on),
        CASE(ends_on_term_a_shell_that_waits_for_a_foreground_child),
        CASE(says_143_for_a_command_that_term_killed),
        CASE(gives_the_command_default_signals),
        CASE(puts_the_command_into_a_process_group_of_its_own),
        CASE(adopts_and_reaps_orphans),
        CASE(keeps_only_stdout_stderr_and_the_record_open),
        CASE(needs_no_stdin_stdout_or_stderr),
        CASE(gives_the_command_the_fifos),
        CASE(gives_the_command_fifos_that_block),
        CASE(keeps_the_pipe_open_until_its_end),
        CASE(closes_what_is_neither_fifo_nor_kept),
        CASE(does_without_a_fifo_that_nobody_reads),
        CASE(does_without_fifos_when_it_has_no_descriptor_left),
        CASE(as_pid_1_takes_everything_along_when_the_command_ends),
        CASE(as_pid_1_hears_signals_from_outside_and_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
