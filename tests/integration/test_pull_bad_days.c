/* SPDX-License-Identifier: Apache-2.0
 *
 * Pulls on bad days of the machine: a disk that is full, a containerd that dies. Each ends in one
 * line that says so, and the next pull works.
 */
#include "fixtures/wfe_assert.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixtures/pull_group.h"

/* Puts a small file system over one of the folders of the daemon, which is started anew on it. */
static void make_small(private_containerd *daemon, const char *folder, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/root/%s", daemon->dir, folder);
    private_containerd_stop(daemon);
    if (access(path, F_OK) != 0)
        assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mount("small", path, "tmpfs", 0, "size=12m,mode=0700"), 0);
    private_containerd_start(daemon);
}

static void make_large_again(private_containerd *daemon, const char *path)
{
    private_containerd_stop(daemon);
    int rc = umount(path);
    private_containerd_start(daemon);
    assert_int_equal(rc, 0);
}

static void assert_says_the_disk_is_full(const wfe_command_result *result)
{
    assert_int_equal(result->exit_code, 125);
    if (!strstr(result->err, "no space left on device") &&
        !strstr(result->err, "No space left on device"))
        fail_msg("not said: %s", result->err);
}

static void check_full(void **state, const char *folder)
{
    private_containerd *daemon = pull_group_daemon_with(state, "large");
    const char *image = pull_group_image_of(pull_group_registry->host, "large");
    wfe_command_result result;
    char path[PATH_MAX];
    make_small(daemon, folder, path);
    char *before = pull_group_store_of(daemon, "full");
    pull_group_pull_with(daemon, "full", image, NULL, &result);
    char *after = pull_group_store_of(daemon, "full");
    make_large_again(daemon, path);
    assert_says_the_disk_is_full(&result);
    wfe_command_result_done(&result);
    assert_string_equal(after, before);
    free(before);
    free(after);
    pull_group_pull_ok(daemon, "full-no-more", image);
    pull_group_assert_complete(daemon, "full-no-more", image);
    pull_group_remove_image(daemon, "full-no-more", image);
}

static void test_pull_bad_days__no_room_for_content(void **state)
{
    check_full(state, "io.containerd.content.v1.content");
}

static void test_pull_bad_days__no_room_for_snapshots(void **state)
{
    check_full(state, "io.containerd.snapshotter.v1.overlayfs/snapshots");
}

/* The state of a layer at which the daemon dies; the next pull goes on from what is there. */
static void check_dead(void **state, int layer, const char *name)
{
    private_containerd *daemon = pull_group_daemon_with(state, "large");
    const char *image = pull_group_image_of(pull_group_registry->host, "large");
    const char *args[] = {"pull",        "--address", daemon->address, "--json",
                          "--namespace", "dead",      image,           NULL};
    char event[96];
    wfe_command_result result;
    snprintf(event, sizeof event, "\"layer\":%d,\"state\":\"%s\"", layer, name);
    wfe_command *command = wfe_command_start(&(wfe_command_options){.args = args});
    wfe_command_wait_for(command, event);
    private_containerd_kill(daemon);
    wfe_command_wait(command, &result);
    private_containerd_start(daemon);
    /* It may have been done before the daemon was. */
    if (result.exit_code != 0) {
        assert_int_equal(result.exit_code, 125);
        assert_non_null(strstr(result.out, "\"message\":"));
        assert_non_null(strstr(result.out, daemon->address));
    }
    wfe_command_result_done(&result);
    pull_group_pull_ok(daemon, "dead", image);
    pull_group_assert_complete(daemon, "dead", image);
    pull_group_remove_image(daemon, "dead", image);
}

static void test_pull_bad_days__the_daemon_dies_while_layers_come(void **state)
{
    check_dead(state, 2, "fetching");
}

static void test_pull_bad_days__the_daemon_dies_while_layers_are_unpacked(void **state)
{
    check_dead(state, 3, "unpacking");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pull_bad_days__no_room_for_content),
        cmocka_unit_test(test_pull_bad_days__no_room_for_snapshots),
        cmocka_unit_test(test_pull_bad_days__the_daemon_dies_while_layers_come),
        cmocka_unit_test(test_pull_bad_days__the_daemon_dies_while_layers_are_unpacked),
    };
    return cmocka_run_group_tests(tests, pull_group_setup, pull_group_teardown);
}
