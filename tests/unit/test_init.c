/* SPDX-License-Identifier: Apache-2.0
 *
 * wfe-init: statuses, finding the command, the exit record.
 */
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "unit/init_rig.h"

static void write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(wfe_fd_write_file(path, text, strlen(text), mode, NULL), NULL);
}

/* ---- statuses ---- */

static void test_init__ends_with_the_status_of_the_command(void **state)
{
    static const int statuses[] = {0, 1, 7, 125, 126, 127, 128, 255};
    rig *r = *state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char script[32];
        snprintf(script, sizeof script, "exit %d", statuses[i]);
        assert_int_equal(run(r, SH(script)), statuses[i]);
        assert_record(r, WFE_INIT_EXITED, statuses[i], 0);
    }
}

static void test_init__ends_with_128_and_the_signal_that_killed_the_command(void **state)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGABRT, SIGKILL, SIGSEGV, SIGPIPE, SIGTERM, 64};
    rig *r = *state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        char script[32];
        snprintf(script, sizeof script, "kill -%d $$", signals[i]);
        assert_int_equal(run(r, SH(script)), 128 + signals[i]);
        assert_record(r, WFE_INIT_SIGNALLED, 128 + signals[i], signals[i]);
    }
}

static void test_init__works_without_a_record(void **state)
{
    rig *r = *state;
    start_argv(r, (const char *const[]){r->program, "/bin/sh", "-c", "exit 5", NULL});
    assert_int_equal(finish(r), 5);
}

static void test_init__refuses_wrong_arguments(void **state)
{
    rig *r = *state;
    const char *const calls[][5] = {
        {r->program, NULL},
        {NULL},
        {r->program, "--", NULL},
        {r->program, "-r", NULL},
        {r->program, "-o", NULL},
        {r->program, "-e", r->out, NULL},
        {r->program, "-r", r->record, "--", NULL},
        {r->program, "-x", "--", "true", NULL},
        {r->program, "-s", NULL},
        {r->program, "-rx", "--", "true", NULL},
        {r->program, "-", "true", NULL},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        start_argv(r, calls[i]);
        assert_int_equal(finish(r), 125);
        assert_file_contains(r->err, "usage: wfe-init");
    }
}

static void forbid_new_privileges(rig *r)
{
    (void)r;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void test_init__takes_up_a_filter_for_itself_and_the_command(void **state)
{
    rig *r = *state;
    r->prepare = forbid_new_privileges;
    start_argv(r, (const char *const[]){r->program, "-s", "default", "--", "/bin/sh", "-c",
                                        "grep ^Seccomp: /proc/self/status /proc/$PPID/status; "
                                        "unshare -m true 2>/dev/null || echo denied",
                                        NULL});
    assert_int_equal(finish(r), 0);
    assert_file_contains(r->out, "/proc/self/status:Seccomp:\t2\n");
    assert_file_contains(r->out, "/status:Seccomp:\t2\ndenied\n");
}

static void test_init__runs_nothing_without_the_filter(void **state)
{
    rig *r = *state;
    start_argv(r, (const char *const[]){r->program, "-r", r->record, "-s", "defaul", "--",
                                        "/bin/sh", "-c", "echo ran", NULL});
    assert_int_equal(finish(r), 125);
    assert_file_contains(r->err, "wfe-init: cannot filter system calls (errno 2)");
    assert_record(r, WFE_INIT_FAILED, 125, ENOENT);
    char text[64];
    read_text(r->out, text, sizeof text);
    assert_string_equal(text, "");
}

static void test_init__runs_nothing_when_the_record_cannot_be_opened(void **state)
{
    rig *r = *state;
    assert_int_equal(unlink(r->record), 0);
    assert_int_equal(run(r, SH("echo ran")), 125);
    assert_file_contains(r->err, "cannot open the exit record");
    char text[64];
    read_text(r->out, text, sizeof text);
    assert_string_equal(text, "");
}

/* ---- finding the command ---- */

/* Only then is the reason told on stderr. */
static int run_without_record(rig *r, const char *command)
{
    char text[64];
    read_text(r->err, text, sizeof text);
    assert_string_equal(text, "");
    const char *const argv[] = {r->program, "--", command, NULL};
    start_argv(r, argv);
    return finish(r);
}

static void test_init__tells_missing_commands_from_those_that_cannot_be_executed(void **state)
{
    static const struct {
        const char *name;
        enum wfe_init_reason reason;
        int detail;
        const char *message;
    } cases[] = {
        {"no-such-command", WFE_INIT_NOT_FOUND, ENOENT, "no-such-command: command not found"},
        {"", WFE_INIT_NOT_FOUND, ENOENT, "command not found"},
        {"./no-such", WFE_INIT_NOT_FOUND, ENOENT, "command not found"},
        {"./plain/x", WFE_INIT_NOT_FOUND, ENOTDIR, "command not found"},
        {"./plain", WFE_INIT_NOT_EXECUTABLE, EACCES, "errno 13"},
        {"./folder", WFE_INIT_NOT_EXECUTABLE, EISDIR, "it is a folder"},
        {"./garbage", WFE_INIT_NOT_EXECUTABLE, ENOEXEC, "errno 8"},
        {"./no-interpreter", WFE_INIT_NOT_EXECUTABLE, ENOENT, "interpreter or loader"},
        {"./loop", WFE_INIT_NOT_EXECUTABLE, ELOOP, "errno 40"},
    };
    rig *r = *state;
    write_file(r->dir, "plain", "text", 0644);
    write_file(r->dir, "garbage", "\x7F garbage", 0755);
    write_file(r->dir, "no-interpreter", "#!/no/such/interpreter\n", 0755);
    char *old = getcwd(NULL, 0);
    assert_int_equal(chdir(r->dir), 0);
    assert_int_equal(mkdir("folder", 0755), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = cases[i].reason == WFE_INIT_NOT_FOUND ? 127 : 126;
        assert_int_equal(run(r, COMMAND(cases[i].name)), status);
        assert_record(r, cases[i].reason, status, cases[i].detail);
        assert_int_equal(run_without_record(r, cases[i].name), status);
        assert_file_contains(r->err, cases[i].message);
    }
    assert_int_equal(chdir(old), 0);
    free(old);
}

static void use_closed_stderr(rig *r)
{
    (void)r;
    int fds[2];
    if (pipe(fds) == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
    }
}

static void test_init__says_not_found_although_nobody_reads_its_stderr(void **state)
{
    rig *r = *state;
    r->prepare = use_closed_stderr;
    assert_int_equal(run(r, COMMAND("no-such-command")), 127);
    assert_record(r, WFE_INIT_NOT_FOUND, 127, ENOENT);
}

/* What execvp of the C library does with the same name, PATH and current folder: the exit status
 * of the program, or 200 + errno. */
static int ask_execvp(const char *path, const char *name)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (path)
            setenv("PATH", path, 1);
        else
            unsetenv("PATH");
        execvp(name, (char *const[]){(char *)(uintptr_t)name, NULL});
        _exit(errno == EACCES ? 126 : 127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void make_search_folders(const char *long_name)
{
    assert_int_equal(mkdir("one", 0755), 0);
    assert_int_equal(mkdir("two", 0755), 0);
    assert_int_equal(mkdir("one/folder", 0755), 0);
    write_file("one", "first", "#!/bin/sh\nexit 11\n", 0755);
    write_file("two", "first", "#!/bin/sh\nexit 12\n", 0755);
    write_file("one", "denied", "#!/bin/sh\nexit 13\n", 0644);
    write_file("two", "denied", "#!/bin/sh\nexit 14\n", 0755);
    write_file("one", "only-denied", "#!/bin/sh\nexit 15\n", 0644);
    write_file("two", "folder", "#!/bin/sh\nexit 16\n", 0755);
    write_file(".", "here", "#!/bin/sh\nexit 17\n", 0755);
    write_file("two", long_name, "#!/bin/sh\nexit 18\n", 0755);
}

static void test_init__searches_path_as_execvp_does(void **state)
{
    static const char *const paths[] = {
        "one:two",
        "two:one",
        "one",
        "two",
        "",
        ":",
        "one:",
        ":one",
        "one::two",
        "nowhere",
        "one/first:two",
        "/",
        "./one:./two",
        NULL,
        "nowhere:two:one",
    };
    rig *r = *state;
    char long_name[201];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const char *const names[] = {"first",   "denied",    "only-denied", "folder",
                                 "here",    "two/first", "one/denied",  "./here",
                                 "missing", long_name,   "true"};
    char *old = getcwd(NULL, 0);
    assert_int_equal(chdir(r->dir), 0);
    make_search_folders(long_name);
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
        char variable[256];
        snprintf(variable, sizeof variable, "PATH=%s", paths[p] ? paths[p] : "");
        const char *const with[] = {"XPATH=/bin", "PATHS=/bin", variable, "PATH=/second/is/ignored",
                                    NULL};
        const char *const without[] = {"XPATH=/nowhere", NULL};
        r->environment = paths[p] ? with : without;
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            int status = run(r, COMMAND(names[n]));
            int wanted = ask_execvp(paths[p], names[n]);
            if (status != wanted)
                fail_msg("PATH=%s %s: %d, execvp: %d", paths[p], names[n], status, wanted);
        }
    }
    assert_int_equal(chdir(old), 0);
    free(old);
}

static void become_nobody(rig *r)
{
    (void)r;
    if ((geteuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534))) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _exit(97);
}

static void test_init__does_not_take_a_closed_folder_of_path_for_a_denied_command(void **state)
{
    rig *r = *state;
    char *old = getcwd(NULL, 0);
    assert_int_equal(chdir(r->dir), 0);
    assert_int_equal(mkdir("closed", 0), 0);
    assert_int_equal(mkdir("open", 0755), 0);
    write_file("open", "there", "#!/bin/sh\nexit 11\n", 0755);
    write_file("open", "denied", "text", 0644);
    r->prepare = become_nobody;
    r->environment = (const char *const[]){"PATH=closed:open", NULL};
    assert_int_equal(run(r, COMMAND("there")), 11);
    assert_int_equal(run(r, COMMAND("missing")), 127);
    assert_record(r, WFE_INIT_NOT_FOUND, 127, EACCES);
    assert_int_equal(run_without_record(r, "missing"), 127);
    assert_file_contains(r->err, "missing: command not found (a folder of PATH");
    assert_int_equal(run(r, COMMAND("denied")), 126);
    assert_record(r, WFE_INIT_NOT_EXECUTABLE, 126, EACCES);
    assert_int_equal(run(r, COMMAND("closed/command")), 126);
    assert_record(r, WFE_INIT_NOT_EXECUTABLE, 126, EACCES);
    assert_int_equal(chdir(old), 0);
    free(old);
}

static void test_init__passes_two_megabytes_of_arguments(void **state)
{
    enum { N = 17, LENGTH = 120 * 1000 };
    rig *r = *state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_STACK, &old), 0);
    struct rlimit large = {.rlim_cur = (rlim_t)32 * 1024 * 1024, .rlim_max = old.rlim_max};
    if (setrlimit(RLIMIT_STACK, &large) < 0)
        skip();
    char *text = malloc(LENGTH + 1);
    assert_non_null(text);
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    const char *command[4 + N + 1] = {"/bin/sh", "-c", "echo $# ${#1} ${#17}", "sh"};
    for (int i = 0; i < N; i++)
        command[4 + i] = text;
    int status = run(r, command);
    free(text);
    assert_int_equal(setrlimit(RLIMIT_STACK, &old), 0);
    assert_int_equal(status, 0);
    assert_file_contains(r->out, "17 120000 120000\n");
}

static void test_init__passes_empty_arguments(void **state)
{
    rig *r = *state;
    assert_int_equal(run(r, COMMAND("/bin/sh", "-c", "echo \"$#[$1][$2]\"", "sh", "", "")), 0);
    assert_file_contains(r->out, "2[][]\n");
}

/* ---- the record on bad days ---- */

static void test_init__leaves_a_whole_record_or_none_when_killed(void **state)
{
    rig *r = *state;
    unsigned seed = (unsigned)wfe_clock_monotonic_us();
    int whole = 0;
    print_message("seed %u\n", seed);
    for (int i = 0; i < 50; i++) {
        int rc = 0;
        wfe_init_record record = {0};
        assert_int_equal(unlink(r->record), 0);
        assert_ok(wfe_init_record_create(r->record, NULL), NULL);
        uint64_t until = wfe_clock_monotonic_us() + (uint64_t)rand_r(&seed) % 4000;
        start(r, SH("exit 3"));
        do {
            rc = wfe_init_record_read(r->record, &record, NULL);
            assert_true(rc == 0 || rc == WFE_E_NOT_FOUND);
        } while (wfe_clock_monotonic_us() < until);
        kill(r->pid, SIGKILL);
        assert_int_equal(waitpid(r->pid, NULL, 0), r->pid);
        r->pid = 0;
        rc = wfe_init_record_read(r->record, &record, NULL);
        assert_true(rc == 0 || rc == WFE_E_NOT_FOUND);
        whole += rc == 0;
        assert_int_equal(record.exit_status, rc == 0 ? 3 : 0);
    }
    print_message("%d of 50 whole, the others absent\n", whole);
}

static void test_init__keeps_the_status_when_the_record_cannot_be_written(void **state)
{
    rig *r = *state;
    start_argv(r, (const char *const[]){r->program, "-r", "/dev/full", "--", "/bin/sh", "-c",
                                        "exit 8", NULL});
    assert_int_equal(finish(r), 8);
    assert_file_contains(r->err, "cannot write the exit record (errno 28)");
}

static void mount_full_disk(rig *r)
{
    static const char zeros[4096];
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", r->dir, "tmpfs", 0, "size=64k") < 0 ||
        wfe_init_file_place(r->dir, r->program, sizeof r->program, NULL) ||
        wfe_init_record_create(r->record, NULL))
        _exit(97);
    int fd = open(r->out, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, zeros, sizeof zeros) > 0)
        continue;
    if (errno != ENOSPC)
        _exit(96);
}

static void test_init__writes_the_record_on_a_full_disk(void **state)
{
    skip_unless_root("a file system of its own");
    rig *r = *state;
    r->namespaces = CLONE_NEWNS;
    r->prepare = mount_full_disk;
    start(r, SH("echo ready >&2; cat /dev/null; exec sleep 60"));
    wait_for_text(r->err, "ready");
    /* The folder as the process sees it. */
    char record[256];
    snprintf(record, sizeof record, "/proc/%d/root%s", r->pid, r->record);
    int fd = open(record, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(kill(r->pid, SIGTERM), 0);
    assert_int_equal(finish(r), 143);
    char bytes[WFE_INIT_RECORD_SIZE];
    wfe_init_record parsed = {0};
    assert_int_equal(read(fd, bytes, sizeof bytes), WFE_INIT_RECORD_SIZE);
    close(fd);
    assert_ok(wfe_init_record_parse(bytes, sizeof bytes, "record", &parsed, NULL), NULL);
    assert_int_equal(parsed.signal, SIGTERM);
}

static void allow_no_process(rig *r)
{
    (void)r;
    struct rlimit none = {0, 0};
    if (geteuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
        _exit(97);
    if (setrlimit(RLIMIT_NPROC, &none) < 0)
        _exit(96);
}

static void test_init__says_when_no_process_can_be_started(void **state)
{
    rig *r = *state;
    r->prepare = allow_no_process;
    assert_int_equal(run(r, SH("exit 0")), 125);
    assert_record(r, WFE_INIT_FAILED, 125, EAGAIN);
    assert_file_contains(r->err, "cannot start a process (errno 11)");
}

static void test_init__works_for_a_user_without_any_privilege(void **state)
{
    skip_unless_root("being somebody else");
    rig *r = *state;
    r->prepare = become_nobody;
    assert_int_equal(run(r, SH("test $(id -u) = 65534 && exit 21")), 21);
    assert_record(r, WFE_INIT_EXITED, 21, 0);
}

int main(int argc, char **argv)
{
    program_under_test = argc > 1 ? argv[1] : NULL;
#define CASE(name) cmocka_unit_test_setup_teardown(test_init__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(ends_with_the_status_of_the_command),
        CASE(ends_with_128_and_the_signal_that_killed_the_command),
        CASE(works_without_a_record),
        CASE(refuses_wrong_arguments),
        CASE(takes_up_a_filter_for_itself_and_the_command),
        CASE(runs_nothing_without_the_filter),
        CASE(runs_nothing_when_the_record_cannot_be_opened),
        CASE(tells_missing_commands_from_those_that_cannot_be_executed),
        CASE(says_not_found_although_nobody_reads_its_stderr),
        CASE(searches_path_as_execvp_does),
        CASE(does_not_take_a_closed_folder_of_path_for_a_denied_command),
        CASE(passes_two_megabytes_of_arguments),
        CASE(passes_empty_arguments),
        CASE(leaves_a_whole_record_or_none_when_killed),
        CASE(keeps_the_status_when_the_record_cannot_be_written),
        CASE(writes_the_record_on_a_full_disk),
        CASE(says_when_no_process_can_be_started),
        CASE(works_for_a_user_without_any_privilege),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
