/* SPDX-License-Identifier: Apache-2.0
 *
 * The cases of WFE's own list of tests that need a daemon, or that one is missing, each under its
 * name there; those of outputs, output data, users and specs are in tests/unit.
 */
#include "fixtures/wfe_assert.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

static wfe_error failure_at(private_containerd *daemon, const char *address, int kind)
{
    wfe_client_options options = step_client_options(daemon);
    options.address = address;
    return step_group_failure_with(&options, NULL, kind);
}

/* ---- connect ---- */

static void test_wfe_cases__connect_missing_path(void **state)
{
    wfe_error err = failure_at(private_containerd_of(state), "/tmp/nonexistent-wfe-containerd.sock",
                               WFE_E_NOT_FOUND);
    assert_string_equal(err.message,
                        "containerd socket not found: /tmp/nonexistent-wfe-containerd.sock");
}

static void test_wfe_cases__connect_missing_path_with_unix_scheme(void **state)
{
    wfe_error err = failure_at(private_containerd_of(state),
                               "unix:///tmp/nonexistent-wfe-containerd.sock", WFE_E_NOT_FOUND);
    assert_string_equal(err.message,
                        "containerd socket not found: /tmp/nonexistent-wfe-containerd.sock");
}

static void test_wfe_cases__connect_refused_tcp_says_failed_to_connect(void **state)
{
    wfe_error err =
        failure_at(private_containerd_of(state), "http://127.0.0.1:1", WFE_E_UNAVAILABLE);
    assert_contains(err.message, "failed to connect to containerd at ");
}

/* ---- FIFOs ---- */

typedef struct fifo_look {
    const char *io_dir;
    int n_fifos; /* in folders of nobody but the owner */
    bool all_are;
} fifo_look;

/* While the command runs. */
static void look_for_fifos(void *user)
{
    fifo_look *look = user;
    static const char *const names[] = {"stdout", "stderr"};
    DIR *entries = opendir(look->io_dir);
    struct dirent *entry;
    look->all_are = true;
    while (entries && (entry = readdir(entries))) {
        char path[PATH_MAX];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", look->io_dir, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &st) < 0 || (st.st_mode & 07777) != 0700)
            continue;
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/%s/%s", look->io_dir, entry->d_name, names[i]);
            if (stat(path, &st) < 0)
                continue;
            look->n_fifos++;
            /* The step's user writes to them, from inside. */
            look->all_are &= S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0622;
        }
    }
    if (entries)
        closedir(entries);
}

static void test_wfe_cases__fifos_are_made_and_removed(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    fifo_look during = {.io_dir = daemon->io_dir}, after = {.io_dir = daemon->io_dir};
    /* on_started does not come for a command that has ended by then. */
    wfe_step_options options = step_script("echo hi; sleep 0.5");
    options.on_started = look_for_fifos;
    options.on_started_user = &during;
    wfe_step_result_free(step_run(step_client_of_group, &options));
    assert_int_equal(during.n_fifos, 2);
    assert_true(during.all_are);
    look_for_fifos(&after);
    assert_int_equal(after.n_fifos, 0);
}

static void test_wfe_cases__fifos_at_a_bad_path_are_an_error(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_client_options options = step_client_options(daemon);
    options.io_dir = "/proc/nonexistent/fifos";
    wfe_client *client = step_client_with(&options);
    wfe_step_options step = step_script("true");
    wfe_step_result *result = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_int_not_equal(wfe_step_run(client, &step, &result, &err), 0);
    assert_contains(err.message, "/proc/nonexistent");
    wfe_client_free(client);
    private_containerd_assert_clean(daemon);
}

/* ---- a live daemon ---- */

static void test_wfe_cases__live_version_and_revision_are_not_empty(void **state)
{
    private_containerd_of(state);
    wfe_daemon_version version;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_client_daemon_version(step_client_of_group, &version, &err), &err);
    assert_true(version.version[0] != '\0');
    /* Some packages of Debian are built without one, and say so. */
    assert_true(version.revision[0] || strstr(version.version, "+unknown"));
}

static void test_wfe_cases__live_image_that_is_not_there_says_not_found(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("true");
    options.image = "docker.io/library/nonexistent-wfe-image:latest";
    options.pull = "never";
    wfe_error err = step_group_failure(&options, WFE_E_NOT_FOUND);
    assert_contains(err.message, "not found");
    assert_contains(err.message, options.image);
}

/* No registry is asked: this one's name does not even exist. */
static void test_wfe_cases__live_pull_never_asks_no_registry(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script("true");
    options.image = "registry.invalid/nothing:1";
    options.pull = "never";
    wfe_error err = step_group_failure(&options, WFE_E_NOT_FOUND);
    assert_null(strstr(err.message, "pull"));
    options.image = IMAGES_BUSYBOX;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_exit_code(result), 0);
    wfe_step_result_free(result);
}

static void test_wfe_cases__live_echo(void **state)
{
    private_containerd_of(state);
    const char *const command[] = {"echo", "hello from containerd", NULL};
    wfe_step_options options = step_script(NULL);
    options.command = command;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    step_assert_stream(result, WFE_STDOUT, "hello from containerd\n");
    wfe_step_result_free(result);
}

static void check_volume(private_containerd *daemon, const char *network)
{
    char dir[PATH_MAX], file[PATH_MAX + 16];
    snprintf(dir, sizeof dir, "%s/volume", daemon->dir);
    snprintf(file, sizeof file, "%s/in", dir);
    mkdir(dir, 0755);
    FILE *in = fopen(file, "we");
    assert_non_null(in);
    assert_true(fputs("from the host\n", in) >= 0);
    assert_int_equal(fclose(in), 0);
    const wfe_volume volume = {.source = dir, .target = "/mnt/volume"};
    wfe_step_options options = step_script(NULL);
    options.volumes = &volume;
    options.n_volumes = 1;
    options.network = network;
    step_group_expect(&options,
                      "cat /mnt/volume/in; echo back >/mnt/volume/out; ls /sys/class/net | grep -x "
                      "lo",
                      "from the host\nlo\n");
    snprintf(file, sizeof file, "%s/out", dir);
    assert_int_equal(unlink(file), 0); /* what the container wrote is here */
}

static void test_wfe_cases__live_volume_mount(void **state)
{
    check_volume(private_containerd_of(state), NULL);
}

static void test_wfe_cases__live_volume_and_network(void **state)
{
    check_volume(private_containerd_of(state), "host");
}

static void test_wfe_cases__leave_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wfe_cases__connect_missing_path),
        cmocka_unit_test(test_wfe_cases__connect_missing_path_with_unix_scheme),
        cmocka_unit_test(test_wfe_cases__connect_refused_tcp_says_failed_to_connect),
        cmocka_unit_test(test_wfe_cases__fifos_are_made_and_removed),
        cmocka_unit_test(test_wfe_cases__fifos_at_a_bad_path_are_an_error),
        cmocka_unit_test(test_wfe_cases__live_version_and_revision_are_not_empty),
        cmocka_unit_test(test_wfe_cases__live_image_that_is_not_there_says_not_found),
        cmocka_unit_test(test_wfe_cases__live_pull_never_asks_no_registry),
        cmocka_unit_test(test_wfe_cases__live_echo),
        cmocka_unit_test(test_wfe_cases__live_volume_mount),
        cmocka_unit_test(test_wfe_cases__live_volume_and_network),
        cmocka_unit_test(test_wfe_cases__leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
