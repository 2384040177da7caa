/* SPDX-License-Identifier: Apache-2.0
 *
 * The private containerd: starting, stopping, and what both make of the bad days before them.
 */
#include "fixtures/wfe_assert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wfe/daemon.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"

static wfe_daemon_options options_of(const private_containerd *daemon)
{
    return (wfe_daemon_options){.size = sizeof(wfe_daemon_options),
                                .dir = daemon->dir,
                                .binaries_dir = daemon->binaries_dir};
}

static wfe_daemon_status query(const private_containerd *daemon)
{
    wfe_daemon_options options = options_of(daemon);
    wfe_daemon_status status;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_daemon_query(&options, &status, &err), &err);
    return status;
}

static void stop(private_containerd *daemon, bool force)
{
    wfe_daemon_options options = options_of(daemon);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_daemon_stop(&options, force, &err), &err);
    daemon->pid = 0;
}

static char *in_dir(const private_containerd *daemon, const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", daemon->dir, name);
    return path;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool exists(pid_t pid)
{
    return kill(pid, 0) == 0;
}

static void test_daemon__that_runs_is_not_started_again(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = daemon->pid;
    private_containerd_start(daemon);
    assert_int_equal(daemon->pid, pid);
    wfe_daemon_status status = query(daemon);
    assert_true(status.running);
    assert_int_equal(status.pid, pid);
    assert_string_equal(status.version, daemon->version);
    assert_true(status.version[0] >= '1' || status.version[0] == 'v');
}

static void test_daemon__tells_quickly_whether_it_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_daemon_options options = options_of(daemon);
    wfe_daemon_status status;
    wfe_error err = WFE_ERROR_INIT;
    options.quick = true;
    /* Also of a daemon that would not answer. */
    private_containerd_freeze(daemon);
    assert_ok(wfe_daemon_query(&options, &status, &err), &err);
    private_containerd_thaw(daemon);
    assert_true(status.running);
    assert_string_equal(status.socket, daemon->address);
    private_containerd_kill(daemon);
    assert_ok(wfe_daemon_query(&options, &status, &err), &err);
    assert_false(status.running);
    private_containerd_start(daemon);
}

static void test_daemon__keeps_its_data_over_stop_and_start(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    images_need_busybox(daemon);
    stop(daemon, false);
    wfe_daemon_status status = query(daemon);
    assert_false(status.running);
    assert_int_equal(status.pid, 0);
    assert_string_equal(status.socket, daemon->address);
    assert_int_equal(access(daemon->address, F_OK), -1);
    stop(daemon, false); /* again: nothing to do */
    private_containerd_start(daemon);
    const char *list[] = {"images", "ls", "-q", NULL};
    char *out = NULL;
    assert_int_equal(private_containerd_ctr(daemon, "default", list, &out), 0);
    assert_contains(out, IMAGES_BUSYBOX);
    free(out);
}

/* Processes that were started with this daemon's config. */
static int count_daemons(const private_containerd *daemon)
{
    const char *config = in_dir(daemon, "config.toml");
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    int n = 0;
    struct dirent *entry;
    while ((entry = readdir(proc))) {
        char path[300], text[512];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = atoi(entry->d_name) > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        ssize_t len = read(fd, text, sizeof text);
        close(fd);
        n += len > 0 && memmem(text, (size_t)len, config, strlen(config)) != NULL;
    }
    closedir(proc);
    return n;
}

static void test_daemon__starts_once_when_started_at_the_same_time(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    stop(daemon, false);
    pid_t starters[4];
    for (size_t i = 0; i < 4; i++) {
        starters[i] = fork();
        assert_true(starters[i] >= 0);
        if (starters[i] == 0) {
            wfe_daemon_options options = options_of(daemon);
            _exit(wfe_daemon_start(&options, NULL, NULL) ? 1 : 0);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        int status = 0;
        assert_int_equal(waitpid(starters[i], &status, 0), starters[i]);
        assert_int_equal(status, 0);
    }
    private_containerd_start(daemon);
    assert_int_equal(count_daemons(daemon), 1);
}

static void test_daemon__is_found_without_its_record(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = daemon->pid;
    assert_int_equal(unlink(in_dir(daemon, "containerd.pid")), 0);
    assert_int_equal(query(daemon).pid, pid);
    private_containerd_start(daemon);
    assert_int_equal(daemon->pid, pid);
    assert_int_equal(access(in_dir(daemon, "containerd.pid"), F_OK), 0);
}

/* The record names this very test, which must survive. */
static void test_daemon__does_not_take_another_process_for_itself(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char text[128];
    private_containerd_kill(daemon);
    snprintf(text, sizeof text, "%d 1 no-boot-of-this-machine\n", (int)getpid());
    write_text(in_dir(daemon, "containerd.pid"), text);
    assert_false(query(daemon).running);
    stop(daemon, true);
    write_text(in_dir(daemon, "containerd.pid"), "nonsense");
    assert_false(query(daemon).running);
    private_containerd_start(daemon);
    assert_int_not_equal(daemon->pid, getpid());
}

static void test_daemon__starts_after_a_kill(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    pid_t pid = daemon->pid;
    private_containerd_kill(daemon);
    assert_false(query(daemon).running);
    private_containerd_start(daemon);
    assert_int_not_equal(daemon->pid, pid);
    assert_true(query(daemon).running);
}

static void run_sleeper(private_containerd *daemon, const char *id)
{
    images_need_busybox(daemon);
    const char *args[] = {"run", "-d", "--null-io", IMAGES_BUSYBOX, id, "sleep", "1000", NULL};
    assert_int_equal(private_containerd_ctr(daemon, "default", args, NULL), 0);
}

static void assert_refuses_to_stop(private_containerd *daemon, const char *id)
{
    wfe_daemon_options options = options_of(daemon);
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_daemon_stop(&options, false, &err), WFE_E_CONFLICT, &err);
    assert_contains(err.message, id);
    assert_true(err.hint[0] != 0);
}

/* The socket of the container's shim, which is outside of the daemon's folder. */
static void find_shim_socket(const private_containerd *daemon, const char *id, char *out,
                             size_t size)
{
    char script[256];
    snprintf(script, sizeof script,
             "grep -ohE '/run/containerd/s/[0-9a-f]+' %s/state/*/default/%s/address "
             "%s/state/*/default/%s/bootstrap.json 2>/dev/null | head -n 1",
             daemon->dir, id, daemon->dir, id);
    FILE *found = popen(script, "re");
    assert_non_null(found);
    assert_non_null(fgets(out, (int)size, found));
    pclose(found);
    out[strcspn(out, "\n")] = '\0';
}

static void test_daemon__stops_with_running_containers_only_by_force(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    private_containerd_leftovers left;
    char shim_socket[160];
    run_sleeper(daemon, "sleeper");
    find_shim_socket(daemon, "sleeper", shim_socket, sizeof shim_socket);
    assert_int_equal(access(shim_socket, F_OK), 0);
    private_containerd_count(daemon, &left);
    assert_int_equal(left.shims, 1);
    assert_int_equal(left.mounts, 1);
    assert_refuses_to_stop(daemon, "sleeper");
    assert_true(query(daemon).running);
    private_containerd_kill(daemon);
    assert_refuses_to_stop(daemon, "sleeper");
    /* Its containers outlive the daemon, and are found again by the next one. */
    private_containerd_start(daemon);
    private_containerd_count(daemon, &left);
    assert_int_equal(left.tasks, 1);
    stop(daemon, true);
    assert_int_equal(access(shim_socket, F_OK), -1);
    assert_int_equal(access("/run/containerd/runc/default/sleeper", F_OK), -1);
    private_containerd_start(daemon);
    private_containerd_count(daemon, &left);
    assert_int_equal(left.containers, 1); /* the record is data and stays */
    assert_int_equal(left.tasks + left.shims + left.mounts, 0);
    const char *drop[] = {"containers", "rm", "sleeper", NULL};
    assert_int_equal(private_containerd_ctr(daemon, "default", drop, NULL), 0);
    private_containerd_assert_clean(daemon);
}

static void test_daemon__leaves_the_shims_of_another_daemon_alone(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char reason[256];
    private_containerd *other = private_containerd_new(reason, sizeof reason);
    assert_non_null(other);
    run_sleeper(daemon, "mine");
    run_sleeper(other, "other");
    stop(other, true);
    private_containerd_leftovers left;
    private_containerd_count(daemon, &left);
    assert_int_equal(left.tasks, 1);
    assert_int_equal(left.shims, 1);
    private_containerd_free(other);
    const char *end[] = {"tasks", "rm", "--force", "mine", NULL};
    const char *drop[] = {"containers", "rm", "mine", NULL};
    assert_int_equal(private_containerd_ctr(daemon, "default", end, NULL), 0);
    assert_int_equal(private_containerd_ctr(daemon, "default", drop, NULL), 0);
    private_containerd_assert_clean(daemon);
}

static void test_daemon__that_hangs_is_killed_at_the_timeout(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_daemon_options options = options_of(daemon);
    wfe_error err = WFE_ERROR_INIT;
    pid_t pid = daemon->pid;
    private_containerd_freeze(daemon);
    options.start_timeout_ms = 300;
    assert_fails(wfe_daemon_start(&options, NULL, &err), WFE_E_TIMEOUT, &err);
    assert_true(exists(pid)); /* it was not this call's to stop */
    options.stop_timeout_ms = 300;
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(wfe_daemon_stop(&options, false, &err), &err);
    daemon->pid = 0;
    assert_false(query(daemon).running);
    private_containerd_start(daemon);
}

static void test_daemon__reports_why_containerd_ended(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_daemon_options options = options_of(daemon);
    wfe_error err = WFE_ERROR_INIT;
    stop(daemon, false);
    /* Where it keeps its data is no folder. */
    char aside[160];
    snprintf(aside, sizeof aside, "%s/aside", daemon->dir);
    assert_int_equal(rename(in_dir(daemon, "root"), aside), 0);
    write_text(in_dir(daemon, "root"), "");
    assert_fails(wfe_daemon_start(&options, NULL, &err), WFE_E_UNAVAILABLE, &err);
    assert_contains(err.message, "not a directory");
    assert_contains(err.hint, "containerd.log");
    assert_int_equal(unlink(in_dir(daemon, "root")), 0);
    assert_int_equal(rename(aside, in_dir(daemon, "root")), 0);
    private_containerd_start(daemon);
}

/* In a mount namespace of its own, where every containerd is covered by /dev/null. */
static int start_without_programs(const private_containerd *daemon)
{
    static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        return 100;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/containerd", folders[i]);
        if (mount("/dev/null", path, NULL, MS_BIND, NULL) && errno != ENOENT)
            return 101;
    }
    wfe_daemon_options options = {.size = sizeof options, .dir = daemon->dir};
    wfe_error err = WFE_ERROR_INIT;
    int rc = wfe_daemon_start(&options, NULL, &err);
    return rc == WFE_E_NOT_FOUND && strstr(err.message, "containerd") && strstr(err.hint, "install")
               ? 0
               : 102;
}

static void test_daemon__names_the_missing_program(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    stop(daemon, false);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(start_without_programs(daemon));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 0);
    private_containerd_start(daemon);
}

static void test_daemon__refuses_folders(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char long_path[128], open_dir[160];
    memset(long_path, 'a', sizeof long_path);
    long_path[0] = '/';
    long_path[WFE_DAEMON_DIR_MAX + 1] = '\0';
    snprintf(open_dir, sizeof open_dir, "%s/open", daemon->dir);
    assert_int_equal(mkdir(open_dir, 0755), 0);
    assert_int_equal(chmod(open_dir, 0777), 0);
    const struct {
        const char *dir;
        int kind;
    } cases[] = {{NULL, WFE_E_INVALID},        {"", WFE_E_INVALID},
                 {"relative", WFE_E_INVALID},  {"/tmp/a\"b", WFE_E_INVALID},
                 {"/tmp/a\nb", WFE_E_INVALID}, {long_path, WFE_E_INVALID},
                 {open_dir, WFE_E_DENIED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const wfe_daemon_options options = {.size = sizeof options, .dir = cases[i].dir};
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_daemon_start(&options, NULL, &err), cases[i].kind, &err);
    }
    const wfe_daemon_options absent = {.size = sizeof absent, .dir = "/tmp/wfe-no-such-folder"};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_daemon_stop(&absent, false, &err), &err);
    assert_int_equal(access(absent.dir, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon__that_runs_is_not_started_again),
        cmocka_unit_test(test_daemon__tells_quickly_whether_it_runs),
        cmocka_unit_test(test_daemon__keeps_its_data_over_stop_and_start),
        cmocka_unit_test(test_daemon__starts_once_when_started_at_the_same_time),
        cmocka_unit_test(test_daemon__is_found_without_its_record),
        cmocka_unit_test(test_daemon__does_not_take_another_process_for_itself),
        cmocka_unit_test(test_daemon__starts_after_a_kill),
        cmocka_unit_test(test_daemon__stops_with_running_containers_only_by_force),
        cmocka_unit_test(test_daemon__leaves_the_shims_of_another_daemon_alone),
        cmocka_unit_test(test_daemon__that_hangs_is_killed_at_the_timeout),
        cmocka_unit_test(test_daemon__reports_why_containerd_ended),
        cmocka_unit_test(test_daemon__names_the_missing_program),
        cmocka_unit_test(test_daemon__refuses_folders),
    };
    return cmocka_run_group_tests(tests, private_containerd_group_setup,
                                  private_containerd_group_teardown);
}
