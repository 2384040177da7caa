/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps that cannot start on a real containerd: a clear error each, and nothing left behind.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

static void test_step_bad_start__no_socket(void **state)
{
    wfe_client_options options = step_client_options(private_containerd_of(state));
    options.address = "/no/such.sock";
    wfe_error error = step_group_failure_with(&options, NULL, WFE_E_NOT_FOUND);
    /* Nothing is pulled, or said of an image, without a containerd to ask. */
    assert_string_equal(error.message, "containerd socket not found: /no/such.sock");
    step_assert_hint(&error);
    options.address = "unix:///no/such.sock";
    error = step_group_failure_with(&options, NULL, WFE_E_NOT_FOUND);
    step_assert_has(error.message, "containerd socket not found: /no/such.sock");
}

static void test_step_bad_start__nobody_listens(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_client_options options = step_client_options(daemon);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/dead.sock", daemon->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    options.address = name.sun_path;
    wfe_error error = step_group_failure_with(&options, NULL, WFE_E_UNAVAILABLE);
    step_assert_has(error.message, "failed to connect");
    step_assert_has(error.message, name.sun_path);
    step_assert_hint(&error);
    close(fd);
    unlink(name.sun_path);
}

static void test_step_bad_start__a_tcp_port_that_refuses(void **state)
{
    wfe_client_options options = step_client_options(private_containerd_of(state));
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    char address[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, not listening: refused */
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", ntohs(name.sin_port));
    options.address = address;
    wfe_error error = step_group_failure_with(&options, NULL, WFE_E_UNAVAILABLE);
    step_assert_has(error.message, "failed to connect");
    close(fd);
}

static void test_step_bad_start__somebody_accepts_and_never_answers(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_client_options options = step_client_options(daemon);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/mute.sock", daemon->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 4), 0);
    options.address = name.sun_path;
    options.connect_timeout_ms = 1000;
    wfe_error error = step_group_failure_with(&options, NULL, WFE_E_TIMEOUT);
    step_assert_has(error.message, "answer");
    close(fd);
    unlink(name.sun_path);
}

static void test_step_bad_start__a_namespace_that_does_not_exist(void **state)
{
    wfe_client_options options = step_client_options(private_containerd_of(state));
    options.namespace_name = "nosuch";
    wfe_error error = step_group_failure_with(&options, NULL, WFE_E_NOT_FOUND);
    step_assert_has(error.message, "not found");
    step_assert_has(error.message, "nosuch");
    step_assert_hint(&error);
}

static void test_step_bad_start__a_snapshotter_that_is_missing(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_client_options options = step_client_options(daemon);
    options.snapshotter = "nosuch";
    wfe_client *client = step_client_with(&options);
    wfe_step_options step = step_script("true");
    for (int named = 0; named < 2; named++) { /* looked up in a view, which needs one as well */
        wfe_step_result *result = NULL;
        wfe_error error = WFE_ERROR_INIT;
        step.user = named ? "app" : "0:0";
        assert_int_not_equal(wfe_step_run(client, &step, &result, &error), 0);
        assert_string_equal(error.message, "containerd has no snapshotter 'nosuch'");
        step_assert_hint(&error);
    }
    wfe_client_free(client);
    private_containerd_assert_clean(daemon);
}

static void test_step_bad_start__a_runtime_that_is_missing(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_client_options options = step_client_options(daemon);
    options.runtime = "io.containerd.nosuch.v2";
    wfe_client *client = step_client_with(&options);
    wfe_step_options step = step_script("true");
    wfe_step_result *result = NULL;
    wfe_error error = WFE_ERROR_INIT;
    assert_int_equal(wfe_step_run(client, &step, &result, &error), WFE_E_NOT_FOUND);
    step_assert_has(error.message, "runtime 'io.containerd.nosuch.v2'");
    assert_null(strstr(error.message, "shim"));
    step_assert_hint(&error);
    wfe_client_free(client);
    private_containerd_assert_clean(daemon);
}

/* ---- images and commands ---- */

#define FOREIGN "docker.io/test/foreign:1"

/* What only the runtime can tell is told in the step's words. */
static void test_step_bad_start__what_the_runtime_refuses(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const wfe_volume folder = {.source = "/tmp", .target = "/etc/passwd"};
    const char *const ulimits[] = {"nofile=9000000000", NULL};
    wfe_step_options options = step_script("true");
    options.volumes = &folder;
    options.n_volumes = 1;
    wfe_error error = step_group_failure(&options, WFE_E_INVALID);
    assert_string_equal(error.message, "'/tmp' cannot be mounted at '/etc/passwd': one of them is "
                                       "a folder and the other is not");
    options = step_script("true");
    options.apparmor = "no-such-profile";
    error = step_group_failure(&options, WFE_E_NOT_FOUND);
    step_assert_has(error.message, "AppArmor profile 'no-such-profile'");
    step_assert_hint(&error);
    options = step_script("true");
    options.ulimits = ulimits;
    error = step_group_failure(&options, WFE_E_DENIED);
    step_assert_has(error.message, "a ulimit is higher");
    step_assert_hint(&error);
    const wfe_volume null = {.source = "/tmp", .target = "/dev/null"};
    options = step_script("true");
    options.volumes = &null;
    options.n_volumes = 1;
    error = step_group_failure(&options, WFE_E_INVALID);
    step_assert_has(error.message, "at /dev/null in the container is not that device");
    step_assert_hint(&error);
    const char *const no_files[] = {"nofile=0", NULL};
    options = step_script("true");
    options.ulimits = no_files;
    error = step_group_failure(&options, WFE_E_LIMIT);
    step_assert_has(error.message, "under its ulimits the container cannot be started");
    step_assert_hint(&error);
    options = step_script("true");
    options.seccomp = "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}";
    error = step_group_failure(&options, WFE_E_INVALID);
    step_assert_has(error.message, "under the seccomp profile of its own");
    step_assert_hint(&error);
    private_containerd_assert_clean(daemon);
}

static void test_step_bad_start__an_image_of_another_architecture(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char path[96];
    snprintf(path, sizeof path, "%s/foreign.tar", daemon->dir);
    images_archive image = {.name = FOREIGN, .archs = "s390x"};
    images_make(&image, path);
    const char *const args[] = {"images", "import", "--all-platforms", "--no-unpack", path, NULL};
    assert_int_equal(private_containerd_ctr(daemon, "default", args, NULL), 0);
    unlink(path);
    wfe_step_options options = step_script("true");
    options.image = FOREIGN;
    wfe_error error = step_group_failure(&options, WFE_E_NOT_FOUND);
    step_assert_has(error.message, FOREIGN);
    step_assert_has(error.message, "s390x");
}

static void test_step_bad_start__a_command_that_cannot_run_is_named(void **state)
{
    private_containerd_of(state);
    for (int no_init = 0; no_init < 2; no_init++) {
        const char *const missing[] = {"no-such-command", NULL};
        wfe_step_options options = step_script(NULL);
        options.no_init = no_init;
        options.command = missing;
        wfe_error error = step_group_failure(&options, WFE_E_NOT_FOUND);
        assert_string_equal(error.operation, WFE_STEP_OPERATION_EXEC);
        step_assert_has(error.message, "no-such-command");
        const char *const text[] = {"/etc/passwd", NULL};
        options.command = text;
        error = step_group_failure(&options, WFE_E_DENIED);
        assert_string_equal(error.operation, WFE_STEP_OPERATION_EXEC);
        step_assert_has(error.message, "/etc/passwd");
        const char *const shell[] = {"/bin/nosuch-shell", NULL};
        options = step_script("true");
        options.no_init = no_init;
        options.shell = shell;
        error = step_group_failure(&options, WFE_E_NOT_FOUND);
        step_assert_has(error.message, "nosuch-shell");
    }
}

static void test_step_bad_start__a_command_s_own_126_and_127_are_exit_codes(void **state)
{
    private_containerd_of(state);
    wfe_step_result_free(step_run_script(step_client_of_group, "no-such-command", 127));
    wfe_step_result_free(step_run_script(step_client_of_group, "exit 126", 126));
}

static void test_step_bad_start__a_working_directory_that_is_a_file(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    for (int no_init = 0; no_init < 2; no_init++) {
        wfe_step_options options = step_script("true");
        options.no_init = no_init;
        options.working_dir = "/etc/passwd";
        wfe_step_result *result = NULL;
        wfe_error error = WFE_ERROR_INIT;
        assert_int_not_equal(wfe_step_run(step_client_of_group, &options, &result, &error), 0);
        step_assert_has(error.message, "working directory");
        step_assert_has(error.message, "/etc/passwd");
        assert_string_not_equal(error.operation, WFE_STEP_OPERATION_EXEC);
    }
    private_containerd_assert_clean(daemon);
}

/* ---- full disks ---- */

static void test_step_bad_start__full_disks_are_said(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char small[96];
    snprintf(small, sizeof small, "%s/small", daemon->dir);
    assert_int_equal(mkdir(small, 0700), 0);
    static const struct {
        bool io;
        const char *limit;
    } cases[] = {
        {true, "nr_inodes=2"},
        {true, "nr_inodes=4"},
        {true, "nr_inodes=6"},
        {false, "nr_inodes=2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_client_options options = step_client_options(daemon);
        *(cases[i].io ? &options.io_dir : &options.state_dir) = small;
        assert_int_equal(mount("small", small, "tmpfs", 0, cases[i].limit), 0);
        wfe_client *client = step_client_with(&options);
        wfe_step_options step = step_script("true");
        wfe_step_result *result = NULL;
        wfe_error error = WFE_ERROR_INIT;
        int rc = wfe_step_run(client, &step, &result, &error);
        wfe_client_free(client);
        assert_int_equal(umount(small), 0);
        if (!rc)
            fail_msg("the step ran with %s", cases[i].limit);
        if (error.sys_errno != ENOSPC)
            step_print_error(&error);
        assert_int_equal(error.sys_errno, ENOSPC);
        step_assert_has(error.message, small);
    }
    rmdir(small);
    private_containerd_assert_clean(daemon);
}

static void test_step_bad_start__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_bad_start__no_socket),
        cmocka_unit_test(test_step_bad_start__nobody_listens),
        cmocka_unit_test(test_step_bad_start__a_tcp_port_that_refuses),
        cmocka_unit_test(test_step_bad_start__somebody_accepts_and_never_answers),
        cmocka_unit_test(test_step_bad_start__a_namespace_that_does_not_exist),
        cmocka_unit_test(test_step_bad_start__a_snapshotter_that_is_missing),
        cmocka_unit_test(test_step_bad_start__a_runtime_that_is_missing),
        cmocka_unit_test(test_step_bad_start__what_the_runtime_refuses),
        cmocka_unit_test(test_step_bad_start__an_image_of_another_architecture),
        cmocka_unit_test(test_step_bad_start__a_command_that_cannot_run_is_named),
        cmocka_unit_test(test_step_bad_start__a_command_s_own_126_and_127_are_exit_codes),
        cmocka_unit_test(test_step_bad_start__a_working_directory_that_is_a_file),
        cmocka_unit_test(test_step_bad_start__full_disks_are_said),
        cmocka_unit_test(test_step_bad_start__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
