/* SPDX-License-Identifier: Apache-2.0
 *
 * The process that holds FIFOs open for the next wfe, and lets them go when their folder goes.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "fixtures/wfe_assert.h"
#include "step/keeper.h"

#define LIMIT_MS 30000

typedef struct rig {
    char dir[64];
    char folder[80];
    wfe_keeper *keeper;
    int pidfd;
} rig;

static int open_fifo(const rig *r, const char *name, int flags)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Before that, a folder that goes is simply not there. */
static void wait_until_it_watches(const rig *r)
{
    char path[64], text[512];
    for (int waited_ms = 0; waited_ms < LIMIT_MS; waited_ms++) {
        for (int fd = 3; fd < 6; fd++) {
            snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)wfe_keeper_pid(r->keeper), fd);
            int info = open(path, O_RDONLY | O_CLOEXEC);
            ssize_t n = info < 0 ? 0 : read(info, text, sizeof text - 1);
            text[n < 0 ? 0 : n] = '\0';
            if (info >= 0)
                close(info);
            if (strstr(text, "inotify wd:"))
                return;
        }
        poll(NULL, 0, 1);
    }
    fail_msg("the keeper watches nothing");
}

/* A keeper with a folder of two FIFOs, of which nobody else has one open any more; "kept" waits in
 * stdout. Its wfe is gone. */
static int set_up(void **state)
{
    static const char *const names[] = {"stdout", "stderr"};
    rig *r = calloc(1, sizeof *r);
    wfe_error err = WFE_ERROR_INIT;
    int fds[2];
    char path[96];
    assert_non_null(r);
    strcpy(r->dir, "/tmp/wfe-test-keeper-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->folder, sizeof r->folder, "%s/step", r->dir);
    assert_int_equal(mkdir(r->folder, 0700), 0);
    assert_ok(wfe_keeper_new(&r->keeper, &err), &err);
    r->pidfd = (int)syscall(SYS_pidfd_open, wfe_keeper_pid(r->keeper), 0);
    assert_true(r->pidfd >= 0);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", r->folder, names[i]);
        assert_int_equal(mkfifo(path, 0600), 0);
        fds[i] = open_fifo(r, names[i], O_RDONLY);
    }
    assert_ok(wfe_keeper_add(r->keeper, r->folder, fds, &err), &err);
    int writer = open_fifo(r, "stdout", O_WRONLY);
    assert_int_equal(write(writer, "kept", 4), 4);
    close(writer);
    close(fds[0]);
    close(fds[1]);
    wait_until_it_watches(r);
    wfe_keeper_free(r->keeper);
    *state = r;
    return 0;
}

static bool ends_within(const rig *r, int limit_ms)
{
    struct pollfd end = {.fd = r->pidfd, .events = POLLIN};
    return poll(&end, 1, limit_ms) == 1;
}

static int tear_down(void **state)
{
    rig *r = *state;
    wfe_fd_remove_tree(r->dir, NULL);
    assert_true(ends_within(r, LIMIT_MS));
    close(r->pidfd);
    free(r);
    return 0;
}

static void test_keeper__keeps_what_waits_in_a_fifo(void **state)
{
    rig *r = *state;
    char text[8] = "";
    assert_false(ends_within(r, 200));
    int reader = open_fifo(r, "stdout", O_RDONLY);
    assert_int_equal(read(reader, text, sizeof text - 1), 4);
    assert_string_equal(text, "kept");
    close(reader);
}

static void test_keeper__ends_when_the_folder_has_lost_its_name(void **state)
{
    rig *r = *state;
    char hidden[96];
    snprintf(hidden, sizeof hidden, "%s/.hidden", r->dir);
    assert_int_equal(rename(r->folder, hidden), 0);
    assert_true(ends_within(r, LIMIT_MS));
}

static void test_keeper__ends_when_the_folder_is_removed_with_its_name(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_remove_tree(r->folder, &err), &err);
    assert_true(ends_within(r, LIMIT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keeper__keeps_what_waits_in_a_fifo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keeper__ends_when_the_folder_has_lost_its_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_keeper__ends_when_the_folder_is_removed_with_its_name,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
