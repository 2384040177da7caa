/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

/* A new folder below /tmp, as the test's state. */
static int make_folder(void **state)
{
    char *folder = strdup("/tmp/wfe-fd-XXXXXX");
    if (!folder || !mkdtemp(folder))
        return -1;
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    int rc = wfe_fd_remove_tree(*state, NULL);
    free(*state);
    return rc;
}

static const char *path_in(void **state, const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", (const char *)*state, name);
    return path;
}

static void test_fd__writes_a_file_with_its_mode_and_reads_it_again(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    const char *path = path_in(state, "file");
    wfe_buf buf = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_write_file(path, "a\0b", 3, 0640, &err), &err);
    assert_ok(wfe_fd_read_file(path, 3, &buf, &err), &err);
    assert_int_equal(buf.len, 3);
    assert_memory_equal(buf.data, "a\0b", 4);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    wfe_buf_done(&buf);
}

static void test_fd__replaces_a_file_and_leaves_no_temporary_one(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    const char *path = path_in(state, "file");
    assert_ok(wfe_fd_write_file(path, "longer text", 11, 0600, &err), &err);
    assert_ok(wfe_fd_write_file(path, "new", 3, 0600, &err), &err);
    wfe_buf buf = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_read_file(path, 100, &buf, &err), &err);
    assert_string_equal(buf.data, "new");
    wfe_buf_done(&buf);
    DIR *dir = opendir(*state);
    assert_non_null(dir);
    int entries = 0;
    while (readdir(dir))
        entries++;
    closedir(dir);
    assert_int_equal(entries, 3); /* "." and ".." too */
}

static void test_fd__a_failed_replacement_names_the_path_and_leaves_nothing(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_fd_write_file(path_in(state, "no/file"), "x", 1, 0600, &err), WFE_E_NOT_FOUND,
                 &err);
    assert_contains(err.message, "no/file");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(wfe_fd_make_dirs(path_in(state, "dir"), 0700, &err), &err);
    assert_int_not_equal(wfe_fd_write_file(path_in(state, "dir"), "x", 1, 0600, &err), 0);
    assert_int_equal(rmdir(path_in(state, "dir")), 0);
    assert_int_equal(rmdir(*state), 0); /* empty: the temporary file is gone */
}

static void test_fd__reading_stops_at_the_limit(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    const char *path = path_in(state, "big");
    char bytes[20000] = {0};
    assert_ok(wfe_fd_write_file(path, bytes, sizeof bytes, 0600, &err), &err);
    wfe_buf buf = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_read_file(path, sizeof bytes, &buf, &err), &err);
    assert_int_equal(buf.len, sizeof bytes);
    wfe_buf_done(&buf);
    assert_fails(wfe_fd_read_file(path, sizeof bytes - 1, &buf, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, "19999");
    wfe_buf_done(&buf);
}

static void test_fd__reading_what_is_not_there_is_not_found(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf buf = WFE_BUF_INIT(0);
    assert_fails(wfe_fd_read_file(path_in(state, "none"), 10, &buf, &err), WFE_E_NOT_FOUND, &err);
    assert_int_equal(err.sys_errno, ENOENT);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_fd_read_file(*state, 10, &buf, &err), WFE_E_IO, &err);
    wfe_buf_done(&buf);
}

static void test_fd__writing_to_a_full_pipe_or_a_closed_one_is_an_error(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_ok(wfe_fd_write_all(fds[1], "hello", 5, &err), &err);
    char bytes[6] = {0};
    assert_int_equal(read(fds[0], bytes, 5), 5);
    assert_string_equal(bytes, "hello");
    close(fds[0]);
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    assert_fails(wfe_fd_write_all(fds[1], "x", 1, &err), WFE_E_UNAVAILABLE, &err);
    assert_int_equal(err.sys_errno, EPIPE);
    signal(SIGPIPE, old);
    close(fds[1]);
}

static void test_fd__makes_all_parents_and_accepts_what_is_there(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_make_dirs(path_in(state, "a/b//c/"), 0711, &err), &err);
    assert_ok(wfe_fd_make_dirs(path_in(state, "a/b/c"), 0700, &err), &err);
    struct stat st;
    assert_int_equal(stat(path_in(state, "a/b/c"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0711);
}

static void test_fd__a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_write_file(path_in(state, "file"), "", 0, 0600, &err), &err);
    assert_fails(wfe_fd_make_dirs(path_in(state, "file"), 0700, &err), WFE_E_NOT_FOUND, &err);
    assert_contains(err.message, "/file");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_fd_make_dirs(path_in(state, "file/below"), 0700, &err), WFE_E_NOT_FOUND, &err);
}

static void test_fd__removes_a_tree_but_not_what_its_links_point_to(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_make_dirs(path_in(state, "tree/x/y"), 0700, &err), &err);
    assert_ok(wfe_fd_write_file(path_in(state, "tree/x/file"), "1", 1, 0000, &err), &err);
    assert_ok(wfe_fd_make_dirs(path_in(state, "kept"), 0700, &err), &err);
    assert_ok(wfe_fd_write_file(path_in(state, "kept/file"), "1", 1, 0600, &err), &err);
    char kept[PATH_MAX];
    snprintf(kept, sizeof kept, "%s", path_in(state, "kept"));
    assert_int_equal(symlink(kept, path_in(state, "tree/x/link")), 0);
    assert_ok(wfe_fd_remove_tree(path_in(state, "tree"), &err), &err);
    assert_int_equal(access(path_in(state, "tree"), F_OK), -1);
    assert_int_equal(access(path_in(state, "kept/file"), F_OK), 0);
    assert_ok(wfe_fd_remove_tree(path_in(state, "tree"), &err), &err);
}

/* Deeper than a path may be long, and than levels are open at once. */
static void test_fd__removes_a_tree_of_any_depth(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    assert_ok(wfe_fd_make_dirs(path_in(state, "deep"), 0700, &err), &err);
    int at = open(path_in(state, "deep"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(mkdirat(at, name, 0700), 0);
        int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int file = openat(next, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(next >= 0 && file >= 0);
        close(file);
        close(at);
        at = next;
    }
    close(at);
    assert_ok(wfe_fd_remove_tree(path_in(state, "deep"), &err), &err);
    assert_int_equal(access(path_in(state, "deep"), F_OK), -1);
}

static void test_fd__removes_a_file_or_a_link_as_a_tree(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_make_dirs(path_in(state, "kept"), 0700, &err), &err);
    assert_int_equal(symlink("kept", path_in(state, "link")), 0);
    assert_ok(wfe_fd_write_file(path_in(state, "file"), "1", 1, 0600, &err), &err);
    assert_ok(wfe_fd_remove_tree(path_in(state, "link"), &err), &err);
    assert_ok(wfe_fd_remove_tree(path_in(state, "file"), &err), &err);
    assert_int_equal(access(path_in(state, "link"), F_OK), -1);
    assert_int_equal(access(path_in(state, "file"), F_OK), -1);
    assert_int_equal(access(path_in(state, "kept"), F_OK), 0);
}

/* A bind mount has the file system of what it is in. */
static void test_fd__a_tree_with_a_mount_in_it_is_an_error(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    char from[PATH_MAX], to[PATH_MAX];
    if (geteuid() != 0) {
        print_message("skipped: needs root for mounts\n");
        skip();
    }
    assert_ok(wfe_fd_make_dirs(path_in(state, "from"), 0700, &err), &err);
    assert_ok(wfe_fd_write_file(path_in(state, "from/file"), "1", 1, 0600, &err), &err);
    assert_ok(wfe_fd_make_dirs(path_in(state, "mounted/to"), 0700, &err), &err);
    snprintf(from, sizeof from, "%s", path_in(state, "from"));
    snprintf(to, sizeof to, "%s", path_in(state, "mounted/to"));
    assert_int_equal(mount(from, to, NULL, MS_BIND, NULL), 0);
    int rc = wfe_fd_remove_tree(path_in(state, "mounted"), &err);
    assert_int_equal(umount2(to, MNT_DETACH), 0);
    assert_true(rc != 0);
    assert_int_equal(err.sys_errno, EBUSY);
    assert_int_equal(access(path_in(state, "from/file"), F_OK), 0);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(wfe_fd_remove_tree(path_in(state, "mounted"), &err), &err);
}

/* As a step does that is still there: a folder is a link to another from one moment to the next. */
static void test_fd__a_tree_that_changes_leads_nowhere_else(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    char kept[PATH_MAX], name[32];
    assert_ok(wfe_fd_make_dirs(path_in(state, "kept"), 0700, &err), &err);
    snprintf(kept, sizeof kept, "%s", path_in(state, "kept"));
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "kept/%d", i);
        assert_ok(wfe_fd_write_file(path_in(state, name), "1", 1, 0600, &err), &err);
    }
    for (int round = 0; round < 100; round++) {
        assert_ok(wfe_fd_make_dirs(path_in(state, "tree/d"), 0700, &err), &err);
        for (int i = 0; i < 50; i++) {
            snprintf(name, sizeof name, "tree/d/%d", i);
            assert_ok(wfe_fd_write_file(path_in(state, name), "1", 1, 0600, &err), &err);
        }
        assert_int_equal(symlink(kept, path_in(state, "tree/link")), 0);
        int tree = open(path_in(state, "tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        pid_t pid = fork();
        if (pid == 0) {
            while (renameat2(tree, "d", tree, "link", RENAME_EXCHANGE) == 0)
                ;
            _exit(0);
        }
        (void)wfe_fd_remove_tree(path_in(state, "tree"), NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(tree);
        assert_ok(wfe_fd_remove_tree(path_in(state, "tree"), &err), &err);
    }
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "kept/%d", i);
        assert_int_equal(access(path_in(state, name), F_OK), 0);
    }
}

static void test_fd__a_new_file_gets_its_mode_whatever_the_umask(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf text = WFE_BUF_INIT(0);
    struct stat st;
    mode_t before = umask(077);
    int rc = wfe_fd_create_file(path_in(state, "new"), "abc", 3, 0666, &err);
    umask(before);
    assert_ok(rc, &err);
    assert_int_equal(stat(path_in(state, "new"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0666);
    assert_ok(wfe_fd_read_file(path_in(state, "new"), 10, &text, &err), &err);
    assert_string_equal(text.data, "abc");
    wfe_buf_done(&text);
}

static void test_fd__a_new_file_takes_no_others_place(void **state)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf text = WFE_BUF_INIT(0);
    assert_ok(wfe_fd_create_file(path_in(state, "one"), "1", 1, 0600, &err), &err);
    assert_fails(wfe_fd_create_file(path_in(state, "one"), "2", 1, 0600, &err), WFE_E_CONFLICT,
                 &err);
    assert_contains(err.message, "/one");
    assert_int_equal(symlink("dangling", path_in(state, "link")), 0);
    assert_fails(wfe_fd_create_file(path_in(state, "link"), "2", 1, 0600, NULL), WFE_E_CONFLICT,
                 NULL);
    assert_ok(wfe_fd_read_file(path_in(state, "one"), 10, &text, NULL), NULL);
    assert_string_equal(text.data, "1");
    wfe_buf_done(&text);
}

static void test_fd__too_long_paths_are_refused(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    char path[PATH_MAX + 10];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_fails(wfe_fd_make_dirs(path, 0700, &err), WFE_E_LIMIT, &err);
    assert_fails(wfe_fd_write_file(path, "", 0, 0600, NULL), WFE_E_LIMIT, NULL);
}

static void test_fd__a_folder_that_others_can_change_is_not_safe(void **state)
{
    (void)state;
    char dir[] = "/tmp/wfe-fd-XXXXXX", inner[64];
    wfe_error err = WFE_ERROR_INIT;
    assert_non_null(mkdtemp(dir));
    snprintf(inner, sizeof inner, "%s/io", dir);
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_ok(wfe_fd_check_dir_is_safe(inner, &err), &err);
    assert_int_equal(chmod(inner, 01777), 0); /* as /tmp */
    assert_ok(wfe_fd_check_dir_is_safe(inner, &err), &err);
    static const mode_t open_modes[] = {0777, 0770, 0702};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(chmod(inner, open_modes[i]), 0);
        err = (wfe_error)WFE_ERROR_INIT;
        assert_fails(wfe_fd_check_dir_is_safe(inner, &err), WFE_E_DENIED, &err);
        assert_contains(err.message, "others may write to folder");
        assert_contains(err.hint, "folder of your own");
    }
    assert_int_equal(chmod(inner, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(inner, 1, 1), 0);
        err = (wfe_error)WFE_ERROR_INIT;
        assert_fails(wfe_fd_check_dir_is_safe(inner, &err), WFE_E_DENIED, &err);
        assert_contains(err.message, "belongs to user 1");
    }
    assert_int_equal(rmdir(inner), 0);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_fd_check_dir_is_safe(inner, &err), WFE_E_NOT_FOUND, &err);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fd__writes_a_file_with_its_mode_and_reads_it_again,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__replaces_a_file_and_leaves_no_temporary_one,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_fd__a_failed_replacement_names_the_path_and_leaves_nothing, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__reading_stops_at_the_limit, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__reading_what_is_not_there_is_not_found,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__writing_to_a_full_pipe_or_a_closed_one_is_an_error,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__makes_all_parents_and_accepts_what_is_there,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__a_file_in_the_way_of_a_folder_is_an_error,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__removes_a_tree_but_not_what_its_links_point_to,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__removes_a_tree_of_any_depth, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__removes_a_file_or_a_link_as_a_tree, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__a_tree_with_a_mount_in_it_is_an_error, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__a_tree_that_changes_leads_nowhere_else,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__a_new_file_gets_its_mode_whatever_the_umask,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__a_new_file_takes_no_others_place, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_fd__too_long_paths_are_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test(test_fd__a_folder_that_others_can_change_is_not_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
