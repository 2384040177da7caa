/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe-init: PID 1 of a step's container. A program of its own, static and without a libc, so that
 * it runs in any image; the library carries it (cmake/init.cmake) and step/init_file.c places it.
 *
 *     wfe-init [-r RECORD] [-o FIFO] [-e FIFO] [-s FILTER] [--] COMMAND [ARG...]
 *
 * It starts COMMAND (found as execvp finds it, without execvp's fall-back to a shell), with default
 * signals, in a process group of its own, as a child; reaps every orphan; and, once COMMAND has
 * ended, writes the exit record (record.h) to RECORD and ends with the same status, 128 + n for
 * signal n. The kernel then kills whatever is left in the PID namespace. When it is not PID 1 it
 * reaps as a subreaper; what the command left behind then goes to the next reaper.
 *
 * Signals: every signal that reaches wfe-init, SIGCHLD excepted, is sent on to the command's whole
 * process group, once and as it is; so `sh -c 'sleep 100; true'` ends on TERM, which the shell
 * alone would put off until its child ends. What a process that made its own group or session
 * gets is only the KILL at the end. SIGKILL and SIGSTOP cannot be sent on: nobody can catch them.
 *
 * Output: with -o and -e the command's stdout and stderr are these FIFOs themselves, which wfe
 * reads, and not the runtime's pipes, from which a shim copies into the same FIFOs: half the way
 * of each byte. A FIFO that cannot be opened, or that nobody reads on this kernel (a virtual
 * machine's), is done without.
 *
 * System calls: with -s wfe-init takes up one of the filters that it carries (compiled when it was
 * built, oci/seccomp.h), before the command is there, and so for itself, the command and all that
 * comes of it. Until then there is no other process in the container that could get in its way. The
 * runtime's own way to the same filter costs a tenth of a container's start. It needs no_new_privs,
 * which the runtime has set.
 *
 * Status 127: COMMAND is not there. 126: it is, and cannot be executed. 125: wfe-init itself
 * failed, or was called wrongly, before COMMAND started. Each says so in one line on stderr, but
 * 126 and 127 only without a record: whoever reads that tells the user.
 *
 * Invariants: no allocation, no libc, and nothing that can fail between the end of the command
 * and the record but the write itself. Options are single letters with one operand, before `--`.
 */
#include "record.h"
#include "syscalls.h"

struct filter {
    const char *name;
    unsigned short length; /* instructions */
    const struct filter_instruction *code;
};

#include "init_filters.h"

#define MESSAGE_SIZE 512
#define NAME_SHOWN 300 /* bytes of a command's name in a message */
#define PATH_SIZE 4096
/* As libc's execvp when the environment has no PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

static const char *const reason_words[WFE_INIT_N_REASONS] = {
#define REASON_WORD_(reason, word, meaning) [WFE_INIT_##reason] = (word),
    WFE_INIT_REASONS(REASON_WORD_)
#undef REASON_WORD_
};

/* How it ended: what the record says. */
struct outcome {
    int reason;
    int status;
    int detail;
};

struct options {
    const char *record;
    const char *fifos[2]; /* for stdout and stderr */
    const char *filter;
    char **command;
};

/* What is not the command's but ours, and stays open while it runs; -1: none. */
struct kept {
    long record;
    long pipes[2]; /* what stdout and stderr were before they became FIFOs */
};

__attribute__((noreturn, used)) void wfe_init_main(char **stack);

/* Compilers call these for plain loops and initialisers, with or without a libc. volatile, or
 * they would find the loop in here and call it as well. */
void *memset(void *bytes, int value, unsigned long len);
void *memcpy(void *to, const void *from, unsigned long len);

void *memset(void *bytes, int value, unsigned long len)
{
    volatile unsigned char *p = bytes;
    while (len--)
        *p++ = (unsigned char)value;
    return bytes;
}

void *memcpy(void *to, const void *from, unsigned long len)
{
    volatile unsigned char *p = to;
    const unsigned char *q = from;
    while (len--)
        *p++ = *q++;
    return to;
}

__attribute__((noreturn)) static void end(int status)
{
    for (;;)
        CALL3(SYS_EXIT_GROUP, status, 0, 0);
}

/* ---- text ---- */

struct line {
    unsigned long len;
    char bytes[MESSAGE_SIZE];
};

static void put_byte(struct line *line, char byte)
{
    if (line->len < sizeof line->bytes)
        line->bytes[line->len++] = byte;
}

static void put_text(struct line *line, const char *text)
{
    while (*text)
        put_byte(line, *text++);
}

/* A name that the step's author chose: cut, and no control character reaches a terminal. */
static void put_name(struct line *line, const char *name)
{
    for (int i = 0; name[i] && i < NAME_SHOWN; i++)
        put_byte(line, (unsigned char)name[i] < 0x20 || name[i] == 0x7F ? '?' : name[i]);
}

static void put_number(struct line *line, unsigned long number)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    while (n)
        put_byte(line, digits[--n]);
}

/* One write, so that lines of others cannot fall between. */
static void say(const char *what, const char *name, const char *why, int error)
{
    struct line line;
    line.len = 0;
    put_text(&line, "wfe-init: ");
    put_text(&line, what);
    put_name(&line, name);
    put_text(&line, why);
    if (error) {
        put_text(&line, " (errno ");
        put_number(&line, (unsigned long)error);
        put_byte(&line, ')');
    }
    put_byte(&line, '\n');
    CALL3(SYS_WRITE, 2, line.bytes, line.len);
}

/* ---- record ---- */

static unsigned long wall_us(void)
{
    struct kernel_time now = {0, 0};
    CALL3(SYS_CLOCK_GETTIME, CLOCK_WALL, &now, 0);
    return (unsigned long)now.seconds * 1000000 + (unsigned long)now.nanoseconds / 1000;
}

/* A write that fails costs only the record: the status still goes to whoever waits. */
static void write_record(long fd, const struct outcome *outcome)
{
    struct line line;
    line.len = 0;
    put_text(&line, WFE_INIT_RECORD_MAGIC);
    put_text(&line, reason_words[outcome->reason]);
    put_byte(&line, ' ');
    put_number(&line, (unsigned long)outcome->status);
    put_byte(&line, ' ');
    put_number(&line, (unsigned long)outcome->detail);
    put_byte(&line, ' ');
    put_number(&line, wall_us());
    while (line.len < WFE_INIT_RECORD_SIZE - 1)
        put_byte(&line, ' ');
    put_byte(&line, '\n');
    long written;
    do
        written = CALL4(SYS_PWRITE64, fd, line.bytes, line.len, 0);
    while (written == -ERRNO_INTR);
    if (written != WFE_INIT_RECORD_SIZE)
        say("cannot write the exit record", "", "", written < 0 ? (int)-written : ERRNO_IO);
}

/* ---- finding and executing the command ---- */

static int exists(const char *path)
{
    return CALL3(SYS_FACCESSAT, AT_CURRENT_FOLDER, path, 0) == 0;
}

static int is_folder(const char *path)
{
    long fd = CALL4(SYS_OPENAT, AT_CURRENT_FOLDER, path,
                    OPEN_PATH | OPEN_DIRECTORY | OPEN_CLOSE_ON_EXEC, 0);
    if (fd >= 0)
        CALL3(SYS_CLOSE, fd, 0, 0);
    return fd >= 0;
}

static struct outcome not_executable(int error)
{
    return (struct outcome){WFE_INIT_NOT_EXECUTABLE, WFE_INIT_STATUS_NOT_EXECUTABLE, error};
}

static struct outcome not_found(int error)
{
    return (struct outcome){WFE_INIT_NOT_FOUND, WFE_INIT_STATUS_NOT_FOUND, error};
}

/* ENOENT for a file that is there is about its interpreter: the `#!` line's, or the loader. */
static struct outcome explain(const char *path, int error)
{
    int absent = error == ERRNO_NOENT || error == ERRNO_NOTDIR || error == ERRNO_NAMETOOLONG;
    if (absent && !(error == ERRNO_NOENT && exists(path)))
        return not_found(error);
    if (error == ERRNO_ACCES && is_folder(path))
        return not_executable(ERRNO_ISDIR);
    return not_executable(error);
}

static const char *path_of(char **environment)
{
    for (; *environment; environment++) {
        const char *e = *environment;
        if (e[0] == 'P' && e[1] == 'A' && e[2] == 'T' && e[3] == 'H' && e[4] == '=')
            return e + 5;
    }
    return DEFAULT_PATH;
}

/* Writes FOLDER/NAME, or NAME alone for an empty folder, which means the current one. */
static int join(char out[PATH_SIZE], const char *folder, unsigned long len, const char *name)
{
    unsigned long n = 0;
    if (len > PATH_SIZE - 2)
        return 0;
    for (; n < len; n++)
        out[n] = folder[n];
    if (len)
        out[n++] = '/';
    while (*name && n < PATH_SIZE - 1)
        out[n++] = *name++;
    out[n] = '\0';
    return !*name;
}

/* execvp goes on to the next folder after these, and gives up after any other. */
static int goes_on_after(int error)
{
    return error == ERRNO_ACCES || error == ERRNO_NOENT || error == ERRNO_STALE ||
           error == ERRNO_NOTDIR || error == ERRNO_NODEV || error == ERRNO_TIMEDOUT;
}

/* A folder of PATH that may not be searched is no file that may not be executed: images with
 * /root/.local/bin in PATH run as other users. */
static struct outcome better(struct outcome so_far, const char *candidate, int error)
{
    if (error == ERRNO_ACCES && !exists(candidate))
        return not_found(ERRNO_ACCES);
    struct outcome why = explain(candidate, error);
    return why.reason == WFE_INIT_NOT_FOUND ? so_far : why;
}

/* Returns only when nothing could be executed, with the reason that helps most: a file that is
 * there says more than a folder where it is not. */
static struct outcome execute(char **argv, char **environment)
{
    static char candidate[PATH_SIZE];
    struct outcome best = not_found(ERRNO_NOENT);
    const char *name = argv[0];
    const char *p = name;
    while (*p && *p != '/')
        p++;
    if (*p || !*name)
        return explain(name, (int)-CALL3(SYS_EXECVE, name, argv, environment));
    for (const char *folder = path_of(environment);; folder++) {
        const char *first = folder;
        while (*folder && *folder != ':')
            folder++;
        if (join(candidate, first, (unsigned long)(folder - first), name)) {
            int error = (int)-CALL3(SYS_EXECVE, candidate, argv, environment);
            if (!goes_on_after(error))
                return explain(candidate, error);
            if (best.reason == WFE_INIT_NOT_FOUND)
                best = better(best, candidate, error);
        }
        if (!*folder)
            return best;
    }
}

static void say_why_not_executed(const char *name, const struct outcome *why)
{
    if (why->reason == WFE_INIT_NOT_FOUND && why->detail == ERRNO_ACCES)
        say("", name, ": command not found (a folder of PATH may not be searched)", 0);
    else if (why->reason == WFE_INIT_NOT_FOUND)
        say("", name, ": command not found", 0);
    else if (why->detail == ERRNO_NOENT)
        say("", name, ": cannot be executed: its interpreter or loader is not there", 0);
    else if (why->detail == ERRNO_ISDIR)
        say("", name, ": cannot be executed: it is a folder", 0);
    else
        say("", name, ": cannot be executed", why->detail);
}

/* ---- signals ---- */

static void set_mask(unsigned long mask)
{
    CALL4(SYS_RT_SIGPROCMASK, SIGMASK_SET, &mask, 0, SIGMASK_BYTES);
}

/* Blocked signals wait for wait_for_signal, and the kernel drops none of them, although PID 1
 * has no handler (signal(7), pid_namespaces(7)). Ignored ones would stay ignored across execve,
 * and an ignored SIGCHLD would take the exit status of the command away. */
static void take_signals(void)
{
    struct kernel_action default_action = {0, 0, 0, 0};
    set_mask(~0UL);
    for (int sig = 1; sig <= SIGNAL_LAST; sig++) {
        if (sig != SIGNAL_KILL && sig != SIGNAL_STOP)
            CALL4(SYS_RT_SIGACTION, sig, &default_action, 0, SIGMASK_BYTES);
    }
}

/* The command by itself when it is not (or not yet, or no longer) in the group named after it. */
static void send_on(long child, int sig)
{
    long group = CALL3(SYS_GETPGID, child, 0, 0);
    CALL3(SYS_KILL, -child, sig, 0);
    if (group != child)
        CALL3(SYS_KILL, child, sig, 0);
}

/* ---- the command's life ---- */

static struct outcome outcome_of(int wait_status, const volatile struct outcome *failed_start)
{
    int sig = wait_status & 0x7F;
    /* First, since a signal (a closed stderr's SIGPIPE) may still end what was never the command.
     */
    if (failed_start->status)
        return *failed_start;
    if (sig)
        return (struct outcome){WFE_INIT_SIGNALLED, WFE_INIT_STATUS_SIGNAL_BASE + sig, sig};
    return (struct outcome){WFE_INIT_EXITED, (wait_status >> 8) & 0xFF, 0};
}

/* Reaps what has ended, the first time waiting for it if asked to. True when the command was among
 * it; its wait status is then stored. */
static int reap(long child, int options, int *wait_status)
{
    for (;;) {
        int status = 0;
        long pid = CALL4(SYS_WAIT4, -1, &status, options, 0);
        if (pid == -ERRNO_INTR)
            continue;
        if (pid == child)
            *wait_status = status;
        if (pid <= 0 || pid == child)
            return pid == child;
    }
}

static int wait_for_child(long child)
{
    unsigned long all = ~0UL;
    int wait_status = 0;
    for (;;) {
        long sig = CALL4(SYS_RT_SIGTIMEDWAIT, &all, 0, 0, SIGMASK_BYTES);
        if (sig == SIGNAL_CHLD) {
            if (reap(child, WAIT_NO_HANG, &wait_status))
                return wait_status;
        } else if (sig > 0) {
            send_on(child, (int)sig);
        } else if (sig != -ERRNO_INTR && sig != -ERRNO_AGAIN) {
            /* A filter that denies this call: no signals then, but still the right status. */
            if (reap(child, 0, &wait_status))
                return wait_status;
            end(WFE_INIT_STATUS_FAILED);
        }
    }
}

/* From FIRST on, but not what is kept. Kernels before 5.9 have no close_range; what the runtime
 * left open then stays open. */
static void close_from(long first, const struct kept *kept)
{
    const long list[] = {kept->record, kept->pipes[0], kept->pipes[1]};
    long next = -1;
    for (int i = 0; i < 3; i++)
        if (list[i] >= first && (next < 0 || list[i] < next))
            next = list[i];
    if (next < 0) {
        CALL3(SYS_CLOSE_RANGE, first, ~0U, 0);
        return;
    }
    if (next > first)
        CALL3(SYS_CLOSE_RANGE, first, next - 1, 0);
    close_from(next + 1, kept);
}

/* stdout and stderr stay open, since images write to /proc/1/fd/1 and 2. stdin does not: whoever
 * feeds the command must see it when the command closes it. */
static void close_all_but(const struct kept *kept)
{
    CALL3(SYS_CLOSE, 0, 0, 0);
    close_from(3, kept);
}

__attribute__((noreturn)) static void
run_child(char **argv, char **environment, volatile struct outcome *failed_start, int has_record)
{
    int own = (int)CALL3(SYS_GETPID, 0, 0, 0);
    CALL3(SYS_SETPGID, 0, 0, 0);
    /* On a terminal, the command is to be what reads it; SIGTTOU is still blocked. */
    CALL3(SYS_IOCTL, 0, IOCTL_SET_FOREGROUND_GROUP, &own);
    set_mask(0);
    struct outcome why = execute(argv, environment);
    *failed_start = why;
    if (!has_record)
        say_why_not_executed(argv[0], &why);
    end(why.status);
}

static struct outcome failed(const char *what, long result)
{
    say(what, "", "", (int)-result);
    return (struct outcome){WFE_INIT_FAILED, WFE_INIT_STATUS_FAILED, (int)-result};
}

static int is_same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* 0, or a negative errno. Without no_new_privs the kernel refuses. */
static long take_filter(const char *name)
{
    for (unsigned long i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (is_same(filters[i].name, name)) {
            struct filter_program program = {filters[i].length, filters[i].code};
            return CALL3(SYS_PRCTL, PRCTL_SET_SECCOMP, PRCTL_SECCOMP_MODE_FILTER, &program);
        }
    }
    return -ERRNO_NOENT;
}

/* How the start failed comes back through shared memory: it needs no file descriptor, which a
 * step's limit may deny, and is gone in the command itself. */
static struct outcome run(const struct options *options, char **environment,
                          const struct kept *kept)
{
    long filtered = options->filter ? take_filter(options->filter) : 0;
    if (filtered < 0)
        return failed("cannot filter system calls", filtered);
    long memory =
        syscall6(SYS_MMAP, 0, sizeof(struct outcome), MAP_READ_WRITE, MAP_SHARED_ANONYMOUS, -1, 0);
    if (memory < 0 && memory > -4096)
        return failed("cannot get memory", memory);
    volatile struct outcome *failed_start = (volatile struct outcome *)memory;
    take_signals();
    CALL3(SYS_PRCTL, PRCTL_SET_CHILD_SUBREAPER, 1, 0);
    long child = syscall6(SYS_CLONE, SIGNAL_CHLD, 0, 0, 0, 0, 0);
    if (child < 0)
        return failed("cannot start a process", child);
    if (child == 0)
        run_child(options->command, environment, failed_start, kept->record >= 0);
    close_all_but(kept);
    return outcome_of(wait_for_child(child), failed_start);
}

/* ---- main ---- */

static int read_options(char **argv, struct options *options)
{
    char **p = argv[0] ? argv + 1 : argv;
    for (; *p && (*p)[0] == '-'; p++) {
        const char *option = *p;
        if (option[1] == '-' && !option[2]) {
            p++;
            break;
        }
        if (!option[1] || option[2] || !p[1])
            return 0;
        if (option[1] == 's')
            options->filter = *++p;
        else if (option[1] == 'r')
            options->record = *++p;
        else if (option[1] == 'o')
            options->fifos[0] = *++p;
        else if (option[1] == 'e')
            options->fifos[1] = *++p;
        else
            return 0;
    }
    options->command = p;
    return *p != 0;
}

/* Before the command runs, so that a wrong permission is seen at the first step and not when the
 * record is needed. Not blocking, should it be something else than a file. */
static long open_record(const char *path)
{
    if (!path)
        return -1;
    long fd = CALL4(SYS_OPENAT, AT_CURRENT_FOLDER, path,
                    OPEN_WRITE_ONLY | OPEN_NONBLOCK | OPEN_CLOSE_ON_EXEC, 0);
    /* Whoever started us with stdin, stdout or stderr closed must not find the record there. */
    if (fd >= 0 && fd < 3)
        fd = CALL3(SYS_FCNTL, fd, FCNTL_DUPLICATE_CLOSE_ON_EXEC, 3);
    if (fd < 0) {
        say("cannot open the exit record ", path, "", (int)-fd);
        end(WFE_INIT_STATUS_FAILED);
    }
    return fd;
}

/* Makes the descriptor the FIFO and returns what it was. That stays open until our own end: a shim
 * that sees its pipe's end lets go of the FIFO, which it holds open for the next reader when wfe
 * is killed. -1: the descriptor is what it was. */
static long become_fifo(int fd, const char *path)
{
    /* Not blocking, or it would wait for a reader. */
    long fifo = !path ? -1
                      : CALL4(SYS_OPENAT, AT_CURRENT_FOLDER, path,
                              OPEN_WRITE_ONLY | OPEN_NONBLOCK | OPEN_CLOSE_ON_EXEC, 0);
    if (fifo < 0)
        return -1;
    long before = -1;
    if (fifo >= 3 && CALL3(SYS_FCNTL, fifo, FCNTL_SET_FLAGS, 0) == 0)
        before = CALL3(SYS_FCNTL, fd, FCNTL_DUPLICATE_CLOSE_ON_EXEC, 3);
    if (before >= 0 && CALL3(SYS_DUP3, fifo, fd, 0) < 0) {
        CALL3(SYS_CLOSE, before, 0, 0);
        before = -1;
    }
    CALL3(SYS_CLOSE, fifo, 0, 0);
    return before >= 0 ? before : -1;
}

void wfe_init_main(char **stack)
{
    char **argv = stack + 1;
    char **environment = argv + *(long *)(void *)stack + 1;
    struct options options = {0, {0, 0}, 0, 0};
    if (!read_options(argv, &options)) {
        say("usage: wfe-init [-r RECORD] [-o FIFO] [-e FIFO] [-s FILTER] [--] COMMAND [ARG...]", "",
            "", 0);
        end(WFE_INIT_STATUS_FAILED);
    }
    struct kept kept = {open_record(options.record), {-1, -1}};
    for (int i = 0; i < 2; i++)
        kept.pipes[i] = become_fifo(i + 1, options.fifos[i]);
    struct outcome outcome = run(&options, environment, &kept);
    if (kept.record >= 0)
        write_record(kept.record, &outcome);
    end(outcome.status);
}
