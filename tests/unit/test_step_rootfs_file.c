/* SPDX-License-Identifier: Apache-2.0 */
#include "step/rootfs_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "fixtures/wfe_assert.h"

static char folder[] = "/tmp/wfe-rootfs-XXXXXX";
static int root = -1;

static void make_file(const char *path, const char *text)
{
    int fd = openat(root, path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_ok(wfe_fd_write_all(fd, text, strlen(text), NULL), NULL);
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || mkdirat(root, "etc", 0755) || mkdirat(root, "real", 0755))
        return -1;
    make_file("etc/passwd", "the image's own\n");
    make_file("real/group", "found\n");
    make_file("etc/empty", "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(root);
    return wfe_fd_remove_tree(folder, NULL);
}

static void assert_text(const char *path, const char *wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(0);
    assert_ok(wfe_rootfs_file_read(root, path, 100, &out, &err), &err);
    assert_string_equal(out.data ? out.data : "", wanted);
    wfe_buf_done(&out);
}

static void assert_refused(const char *path, size_t max, int kind, const char *message)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(0);
    assert_ok(wfe_buf_append_str(&out, "before", &err), &err);
    assert_fails(wfe_rootfs_file_read(root, path, max, &out, &err), kind, &err);
    assert_contains(err.message, message);
    assert_string_equal(out.data, "before");
    wfe_buf_done(&out);
}

static void test_step_rootfs_file__reads_files_with_or_without_a_leading_slash(void **state)
{
    (void)state;
    assert_text("/etc/passwd", "the image's own\n");
    assert_text("etc/passwd", "the image's own\n");
    assert_text("/etc/empty", "");
    assert_text("/../../etc/passwd", "the image's own\n");
}

static void test_step_rootfs_file__links_never_leave_the_root(void **state)
{
    (void)state;
    assert_int_equal(symlinkat("/etc/hostname", root, "absolute"), 0);
    assert_int_equal(symlinkat("../../../../../../etc/hostname", root, "etc/relative"), 0);
    assert_int_equal(symlinkat("/etc", root, "folder"), 0);
    assert_int_equal(symlinkat("/proc/self/root/etc/passwd", root, "magic"), 0);
    assert_int_equal(access("/etc/hostname", F_OK), 0);
    assert_refused("/absolute", 100, WFE_E_NOT_FOUND, "/absolute");
    assert_refused("/etc/relative", 100, WFE_E_NOT_FOUND, "/etc/relative");
    assert_refused("/magic", 100, WFE_E_NOT_FOUND, "/magic");
    assert_text("/folder/passwd", "the image's own\n");
}

static void test_step_rootfs_file__links_inside_of_the_root_are_followed(void **state)
{
    (void)state;
    assert_int_equal(symlinkat("/real/group", root, "etc/group"), 0);
    assert_int_equal(symlinkat("../real/group", root, "etc/group2"), 0);
    assert_text("/etc/group", "found\n");
    assert_text("/etc/group2", "found\n");
    assert_int_equal(symlinkat("loop", root, "loop"), 0);
    wfe_buf out = WFE_BUF_INIT(0);
    assert_int_not_equal(wfe_rootfs_file_read(root, "/loop", 100, &out, NULL), 0);
    wfe_buf_done(&out);
}

/* Opening a FIFO for reading would hang until somebody writes. */
static void test_step_rootfs_file__only_regular_files_are_opened(void **state)
{
    (void)state;
    assert_int_equal(mkfifoat(root, "etc/fifo", 0644), 0);
    assert_int_equal(symlinkat("fifo", root, "etc/to-fifo"), 0);
    assert_refused("/etc/fifo", 100, WFE_E_INVALID, "no regular file");
    assert_refused("/etc/to-fifo", 100, WFE_E_INVALID, "no regular file");
    assert_refused("/etc", 100, WFE_E_INVALID, "no regular file");
}

static void test_step_rootfs_file__missing_and_large_files_are_told_apart(void **state)
{
    (void)state;
    assert_refused("/etc/shadow", 100, WFE_E_NOT_FOUND, "/etc/shadow");
    assert_refused("/etc/passwd/x", 100, WFE_E_NOT_FOUND, "/etc/passwd/x");
    assert_refused("/etc/passwd", 15, WFE_E_LIMIT, "at most 15 bytes");
    wfe_buf out = WFE_BUF_INIT(16);
    assert_ok(wfe_rootfs_file_read(root, "/etc/passwd", 16, &out, NULL), NULL);
    assert_int_equal(out.len, 16);
    wfe_buf_done(&out);
    int fd = openat(root, "etc/big", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    close(fd);
    assert_refused("/etc/big", (1 << 20) - 1, WFE_E_LIMIT, "too large");
}

int main(void)
{
    /* An old kernel gives ENOSYS here and EINVAL for what is wrong on purpose otherwise. */
    if (syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS) {
        print_message("SKIP: the kernel has no openat2\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_rootfs_file__reads_files_with_or_without_a_leading_slash),
        cmocka_unit_test(test_step_rootfs_file__links_never_leave_the_root),
        cmocka_unit_test(test_step_rootfs_file__links_inside_of_the_root_are_followed),
        cmocka_unit_test(test_step_rootfs_file__only_regular_files_are_opened),
        cmocka_unit_test(test_step_rootfs_file__missing_and_large_files_are_told_apart),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
