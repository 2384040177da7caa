/* SPDX-License-Identifier: Apache-2.0
 *
 * The private containerd of an ordinary user: what root has to do for a user (a name, ids in
 * /etc/subuid and /etc/subgid) is done in a mount namespace of this test; the rest is done as that
 * user, by the command.
 */
#include "fixtures/wfe_assert.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#define USER_ID "23456"
#define USER_LINE "wfe-test:x:" USER_ID ":" USER_ID "::/nonexistent:/bin/sh\n"

static char dir[] = "/tmp/wfe-rootless-XXXXXX";
static char *said;
static const char *missing; /* why there is no user's containerd here */

/* Runs a shell command line; gives its exit code, and what it printed in said. */
static int shell(const char *command)
{
    wfe_buf text = WFE_BUF_INIT(1024 * 1024);
    char part[4096];
    size_t n;
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_ok(wfe_buf_append(&text, "", 0, NULL), NULL);
    while ((n = fread(part, 1, sizeof part, pipe)) > 0)
        assert_ok(wfe_buf_append(&text, part, n, NULL), NULL);
    int status = pclose(pipe);
    free(said);
    said = text.data ? text.data : strdup("");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The same as the user, in a clean environment; $W is the command, $D a folder of the user's, $B
 * the option for another containerd than the system's. */
static int as_user(const char *line)
{
    char command[2048];
    const char *binaries = getenv("WFE_TEST_BINARIES");
    snprintf(command, sizeof command,
             "D=%s/home; export D; setpriv --reuid " USER_ID " --regid " USER_ID
             " --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin D=$D HOME=$D W=%s/wfe "
             "ASAN_OPTIONS=\"$ASAN_OPTIONS\" WFE_STATE_DIR=$D/state WFE_IO_DIR=$D/io "
             "B='%s%s' sh -c '%s' 2>&1 </dev/null",
             dir, dir, binaries ? "--binaries " : "", binaries ? binaries : "", line);
    return shell(command);
}

static void expect(const char *line, int exit_code, const char *part)
{
    int code = as_user(line);
    if (code != exit_code || !strstr(said, part))
        fail_msg("%s: exit code %d (expected %d), '%s' in: %s", line, code, exit_code, part, said);
}

/* The file gets one more line, for this process and its children only. */
static int extend(const char *path, const char *line)
{
    char command[512];
    snprintf(
        command, sizeof command,
        "copy=%s/$(basename %s) && { cat %s; printf '%s'; } >$copy && chmod 644 $copy && mount "
        "--bind $copy %s",
        dir, path, path, line, path);
    return shell(command);
}

static int prepare(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        !mkdtemp(dir) || chmod(dir, 0755) < 0 || extend("/etc/passwd", USER_LINE))
        return -1;
    char command[512];
    snprintf(command, sizeof command,
             "mkdir %s/home && chown " USER_ID ":" USER_ID " %s/home && cp '" WFE_BUILD_DIR
             "/wfe' %s/wfe && '" WFE_SOURCE_DIR "/tools/busybox-image.sh' %s/image.tar 2>&1",
             dir, dir, dir, dir);
    return shell(command);
}

static int setup(void **state)
{
    (void)state;
    if (geteuid() != 0)
        missing = "it needs root to make a user";
    else if (shell("command -v rootlesskit newuidmap newgidmap containerd >/dev/null"))
        missing = "rootlesskit, uidmap or containerd is not installed";
    else if (shell("unshare -Ur true 2>/dev/null"))
        missing = "there are no user namespaces here";
    return missing ? 0 : prepare();
}

static int teardown(void **state)
{
    (void)state;
    if (!missing)
        as_user("$W daemon stop --force");
    free(said);
    return missing ? 0 : wfe_fd_remove_tree(dir, NULL);
}

static void need_user(void)
{
    if (!missing)
        return;
    print_message("skipped: %s\n", missing);
    skip();
}

static void test_daemon_rootless__says_what_root_has_to_give(void **state)
{
    (void)state;
    need_user();
    expect("$W daemon start $B", 125, "/etc/subuid has no ids for user wfe-test");
    assert_contains(said, "usermod --add-subuids");
    assert_int_equal(extend("/etc/subuid", "wfe-test:300000:65536\\n"), 0);
    expect("$W daemon start $B", 125, "/etc/subgid has no ids for user wfe-test");
    assert_int_equal(extend("/etc/subgid", USER_ID ":300000:65536\\n"), 0);
}

static void test_daemon_rootless__starts_below_the_state_folder(void **state)
{
    (void)state;
    need_user();
    expect("$W daemon start $B", 0, "running: containerd ");
    expect("$W daemon status", 0, "running: containerd ");
    expect("$W daemon start $B", 0, "running: containerd "); /* again */
    expect("test -S $D/state/daemon/containerd.sock && $W image import $D/../image.tar", 0,
           "imported docker.io/library/busybox:latest");
    expect("$W doctor --offline", 0, "containerd answers at");
    assert_contains(said, "warning  cgroups      containerd is rootless");
}

static void test_daemon_rootless__runs_steps(void **state)
{
    (void)state;
    need_user();
    expect("$W step --image busybox -- id -u", 0, "65534\n");
    expect("$W step --image busybox --user app -- id", 0, "groups=1000(app),2000(extra)");
    expect("$W step --image busybox -u 0 -v $D:/d --run \"echo x >/d/made; id -u\"", 0, "0\n");
    expect("stat -c %u $D/made", 0, USER_ID "\n"); /* its root is the user */
    expect("$W step --image busybox -- ls /sys/class/net", 0, "lo\n");
    assert_string_equal(said, "lo\n");
    expect("$W step --image busybox --network host -- ls /sys/class/net", 0, "lo\n");
    expect("$W step --image busybox --run \"exit 7\"", 7, "");
    expect("$W step --image busybox -- nosuch", 127, "command");
}

static void test_daemon_rootless__tells_that_limits_do_not_hold(void **state)
{
    (void)state;
    need_user();
    expect("$W step --image busybox --memory 64m -- echo ran", 0, "ran\nwfe: warning: the limits");
    expect("$W step --image busybox --strict --pids 50 -- echo ran", 2, "cannot hold limits");
    expect("$W step --json --image busybox -- true", 0, "\"out_of_memory\":false}}\n");
}

static void test_daemon_rootless__a_step_that_ignores_term_is_killed(void **state)
{
    (void)state;
    need_user();
    expect("$W step --image busybox --timeout 300ms --grace 200ms "
           "--run \"trap : TERM; while :; do sleep 1; done\"",
           124, "timed out");
    expect("$W gc", 0, "");
    expect("ls $D/io", 0, "");
    assert_string_equal(said, "");
}

static void test_daemon_rootless__stops_with_all_that_runs_only_by_force(void **state)
{
    (void)state;
    need_user();
    expect("{ $W step --image busybox --run \"echo up; sleep 600\" >$D/out 2>&1 & }; "
           "n=0; until grep -q up $D/out || test $n = 300; do sleep 0.1; n=$((n+1)); done; "
           "$W daemon stop; code=$?; kill $!; wait $!; exit $code",
           125, "1 container of the daemon");
    assert_contains(said, "wfe-"); /* it is named */
    expect("$W daemon stop --force", 0, "stopped");
    expect("$W daemon status", 0, "not running");
    char command[128]; /* the brackets keep the shell's own words from matching */
    snprintf(command, sizeof command, "cat /proc/[0-9]*/cmdline 2>/dev/null | grep -ac '[t]mp/%s/'",
             dir + strlen("/tmp/"));
    shell(command);
    assert_string_equal(said, "0\n");
    expect("test ! -e $D/state/daemon/state && test ! -e $D/state/daemon/rootlesskit", 0, "");
}

static void test_daemon_rootless__starts_after_a_kill(void **state)
{
    (void)state;
    need_user();
    expect("$W daemon start $B", 0, "running");
    expect("kill -9 $($W daemon status --json | sed \"s/.*pid.:\\([0-9]*\\).*/\\1/\")", 0, "");
    expect("n=0; while $W daemon status | grep -q ^running && test $n -lt 300; do sleep 0.1; "
           "n=$((n+1)); done; $W daemon start $B",
           0, "running");
    expect("$W step --image busybox -- echo again", 0, "again\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon_rootless__says_what_root_has_to_give),
        cmocka_unit_test(test_daemon_rootless__starts_below_the_state_folder),
        cmocka_unit_test(test_daemon_rootless__runs_steps),
        cmocka_unit_test(test_daemon_rootless__tells_that_limits_do_not_hold),
        cmocka_unit_test(test_daemon_rootless__a_step_that_ignores_term_is_killed),
        cmocka_unit_test(test_daemon_rootless__stops_with_all_that_runs_only_by_force),
        cmocka_unit_test(test_daemon_rootless__starts_after_a_kill),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
