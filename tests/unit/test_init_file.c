/* SPDX-License-Identifier: Apache-2.0 */
#include "step/init_file.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fd.h"
#include "fixtures/wfe_assert.h"
#include "init/program.h"

static int set_up(void **state)
{
    char *dir = strdup("/tmp/wfe-test-init-file-XXXXXX");
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static int tear_down(void **state)
{
    wfe_fd_remove_tree(*state, NULL);
    free(*state);
    return 0;
}

/* ---- the program ---- */

static void test_init_file__program_is_small_static_and_never_both_writable_and_executable(void **s)
{
    (void)s;
    Elf64_Ehdr header;
    assert_in_range(wfe_init_program_size, sizeof header, 20 * 1024 - 1);
    memcpy(&header, wfe_init_program, sizeof header);
    assert_memory_equal(header.e_ident, ELFMAG, SELFMAG);
    assert_int_equal(header.e_type, ET_EXEC);
    bool stack = false;
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, wfe_init_program + header.e_phoff + (size_t)i * sizeof segment,
               sizeof segment);
        assert_int_not_equal(segment.p_type, PT_INTERP);
        assert_int_not_equal(segment.p_type, PT_DYNAMIC);
        assert_false((segment.p_flags & PF_W) && (segment.p_flags & PF_X));
        stack = stack || segment.p_type == PT_GNU_STACK;
    }
    assert_true(stack);
}

static void test_init_file__program_is_named_after_its_digest(void **state)
{
    (void)state;
    char digest[WFE_DIGEST_SIZE];
    char wanted[64];
    wfe_digest_of(wfe_init_program, wfe_init_program_size, digest);
    snprintf(wanted, sizeof wanted, "wfe-init-%.12s", digest + strlen("sha256:"));
    assert_string_equal(wfe_init_program_name, wanted);
}

static void assert_placed(const char *path)
{
    struct stat st;
    wfe_buf bytes = {0};
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_ok(wfe_fd_read_file(path, 64 * 1024, &bytes, NULL), NULL);
    assert_int_equal(bytes.len, wfe_init_program_size);
    assert_memory_equal(bytes.data, wfe_init_program, bytes.len);
    wfe_buf_done(&bytes);
}

static ino_t inode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_ino;
}

static void test_init_file__is_placed_once_and_used_again(void **state)
{
    char path[PATH_MAX];
    char dir[PATH_MAX];
    snprintf(dir, sizeof dir, "%s/not/there/yet", (const char *)*state);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_init_file_place(dir, path, sizeof path, &err), &err);
    assert_placed(path);
    ino_t first = inode_of(path);
    assert_ok(wfe_init_file_place(dir, path, sizeof path, &err), &err);
    assert_int_equal(inode_of(path), first);
}

static void spoil(const char *path, int how)
{
    char longer[PATH_MAX];
    switch (how) {
    case 0: /* cut */
        assert_int_equal(truncate(path, 100), 0);
        break;
    case 1: /* one byte too many */
        assert_int_equal(truncate(path, (off_t)wfe_init_program_size + 1), 0);
        break;
    case 2: { /* one byte changed */
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "!", 1, (off_t)wfe_init_program_size - 1), 1);
        close(fd);
        break;
    }
    case 3:
        assert_int_equal(chmod(path, 0777), 0);
        break;
    case 4:
        assert_int_equal(chmod(path, 0644), 0);
        break;
    case 5: /* the right bytes behind a symbolic link */
        snprintf(longer, sizeof longer, "%s.other", path);
        assert_int_equal(rename(path, longer), 0);
        assert_int_equal(symlink(longer, path), 0);
        break;
    case 6:
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0755), 0);
        break;
    case 7:
        assert_int_equal(truncate(path, 0), 0);
        break;
    default:
        fail();
    }
}

static void test_init_file__replaces_what_is_not_the_same(void **state)
{
    char path[PATH_MAX];
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_init_file_place(*state, path, sizeof path, &err), &err);
    for (int how = 0; how < 8; how++) {
        spoil(path, how);
        assert_ok(wfe_init_file_place(*state, path, sizeof path, &err), &err);
        assert_placed(path);
    }
    if (geteuid() == 0) {
        ino_t before = inode_of(path);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_ok(wfe_init_file_place(*state, path, sizeof path, &err), &err);
        assert_int_not_equal(inode_of(path), before);
    }
}

static void test_init_file__is_placed_by_many_at_once(void **state)
{
    enum { N = 8 };
    pid_t pids[N];
    for (int i = 0; i < N; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            char path[PATH_MAX];
            for (int round = 0; round < 20; round++) {
                if (wfe_init_file_place(*state, path, sizeof path, NULL))
                    _exit(1);
                if (i == 0 && unlink(path) < 0)
                    _exit(2);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < N; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    char path[PATH_MAX];
    assert_ok(wfe_init_file_place(*state, path, sizeof path, NULL), NULL);
    assert_placed(path);
    /* No temporary file is left. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(*state), 0);
    assert_int_equal(mkdir(*state, 0700), 0);
}

static void test_init_file__refuses_paths_that_do_not_fit(void **state)
{
    char path[40] = "untouched";
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_init_file_place(*state, path, sizeof path, &err), WFE_E_LIMIT, &err);
    assert_string_equal(path, "untouched");
    assert_contains(err.message, *state);
}

static void test_init_file__passes_on_why_it_cannot_write(void **state)
{
    char path[PATH_MAX];
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s/file", (const char *)*state);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_write_file(file, "", 0, 0600, &err), &err);
    assert_fails(wfe_init_file_place(file, path, sizeof path, &err), WFE_E_NOT_FOUND, &err);
    assert_string_equal(err.operation, "place wfe-init");
}

static void test_init_file__refuses_a_noexec_file_system(void **state)
{
    if (geteuid() != 0) {
        print_message("skipped: needs root to mount\n");
        skip();
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char path[PATH_MAX];
        wfe_error err = WFE_ERROR_INIT;
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", *state, "tmpfs", MS_NOEXEC, "size=64k") < 0)
            _exit(1);
        int rc = wfe_init_file_place(*state, path, sizeof path, &err);
        bool right = rc == WFE_E_INVALID && strstr(err.message, "noexec") &&
                     strstr(err.hint, "init: false") && rmdir(*state) < 0;
        _exit(right ? 0 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* ---- the record ---- */

static void pad(const char *text, char out[WFE_INIT_RECORD_SIZE])
{
    memset(out, ' ', WFE_INIT_RECORD_SIZE);
    memcpy(out, text, strlen(text));
    out[WFE_INIT_RECORD_SIZE - 1] = '\n';
}

static void test_init_record__is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        wfe_init_record wanted;
    } cases[] = {
        {"wfe-init 1 exited 7 0 1769860800123456", {WFE_INIT_EXITED, 7, 0, 0, 1769860800123456}},
        {"wfe-init 1 exited 255 0 0", {WFE_INIT_EXITED, 255, 0, 0, 0}},
        {"wfe-init 1 signalled 137 9 5", {WFE_INIT_SIGNALLED, 137, 9, 0, 5}},
        {"wfe-init 1 not-found 127 2 5", {WFE_INIT_NOT_FOUND, 127, 0, 2, 5}},
        {"wfe-init 1 not-executable 126 13 5", {WFE_INIT_NOT_EXECUTABLE, 126, 0, 13, 5}},
        {"wfe-init 1 failed 125 11 9223372036854775807", {WFE_INIT_FAILED, 125, 0, 11, INT64_MAX}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[WFE_INIT_RECORD_SIZE];
        wfe_init_record record = {0};
        wfe_error err = WFE_ERROR_INIT;
        pad(cases[i].text, bytes);
        assert_ok(wfe_init_record_parse(bytes, sizeof bytes, "r", &record, &err), &err);
        assert_int_equal(record.reason, cases[i].wanted.reason);
        assert_int_equal(record.exit_status, cases[i].wanted.exit_status);
        assert_int_equal(record.signal, cases[i].wanted.signal);
        assert_int_equal(record.sys_errno, cases[i].wanted.sys_errno);
        assert_true(record.ended_at_us == cases[i].wanted.ended_at_us);
    }
}

static void test_init_record__that_is_garbage_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "wfe-init 2 exited 7 0 1",
        "wfe-init 1 vanished 7 0 1",
        "wfe-init 1 exited 256 0 1",
        "wfe-init 1 exited -1 0 1",
        "wfe-init 1 exited  7 0 1",
        "wfe-init 1 exited 7 1 1",
        "wfe-init 1 exited 7 0 9223372036854775808",
        "wfe-init 1 exited 7 0 99999999999999999999999999999999999",
        "wfe-init 1 exited 7 0",
        "wfe-init 1 exited 7 0 1 x",
        "wfe-init 1 exited 7 0 1\n",
        "wfe-init 1 exited7 0 1",
        "wfe-init 1 signalled 137 8 1",
        "wfe-init 1 signalled 128 0 1",
        "wfe-init 1 not-found 126 2 1",
        "wfe-init 1 not-executable 127 2 1",
        "wfe-init 1 failed 0 2 1",
        "rm -rf /",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char bytes[WFE_INIT_RECORD_SIZE + 1] = "";
        wfe_init_record record = {.exit_status = 77};
        wfe_error err = WFE_ERROR_INIT;
        pad(texts[i], bytes);
        if (wfe_init_record_parse(bytes, WFE_INIT_RECORD_SIZE, "r", &record, &err) !=
            WFE_E_PROTOCOL)
            fail_msg("'%s' was taken for a record", texts[i]);
        assert_int_equal(record.exit_status, 77);
    }
    char bytes[WFE_INIT_RECORD_SIZE + 1];
    wfe_init_record record = {0};
    wfe_error longer = WFE_ERROR_INIT;
    wfe_error no_newline = WFE_ERROR_INIT;
    pad("wfe-init 1 exited 7 0 1", bytes);
    bytes[WFE_INIT_RECORD_SIZE] = '\n';
    assert_fails(wfe_init_record_parse(bytes, sizeof bytes, "r", &record, &longer), WFE_E_PROTOCOL,
                 &longer);
    bytes[WFE_INIT_RECORD_SIZE - 1] = ' ';
    assert_fails(wfe_init_record_parse(bytes, WFE_INIT_RECORD_SIZE, "r", &record, &no_newline),
                 WFE_E_PROTOCOL, &no_newline);
}

static void test_init_record__with_any_byte_missing_is_none(void **state)
{
    (void)state;
    char whole[WFE_INIT_RECORD_SIZE];
    wfe_init_record record = {0};
    pad("wfe-init 1 exited 7 0 1769860800123456", whole);
    for (size_t i = 0; i < sizeof whole; i++) {
        char bytes[WFE_INIT_RECORD_SIZE];
        memcpy(bytes, whole, sizeof bytes);
        bytes[i] = '\0';
        assert_int_equal(wfe_init_record_parse(bytes, sizeof bytes, "r", &record, NULL),
                         WFE_E_NOT_FOUND);
        assert_int_equal(wfe_init_record_parse(whole, i, "r", &record, NULL), WFE_E_NOT_FOUND);
    }
}

static void test_init_record__is_made_for_every_user_and_only_once(void **state)
{
    char path[PATH_MAX];
    struct stat st;
    wfe_init_record record = {0};
    wfe_error err = WFE_ERROR_INIT;
    snprintf(path, sizeof path, "%s/exit", (const char *)*state);
    mode_t mask = umask(077);
    assert_ok(wfe_init_record_create(path, &err), &err);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0666);
    assert_int_equal(st.st_size, WFE_INIT_RECORD_SIZE);
    assert_int_equal(wfe_init_record_read(path, &record, NULL), WFE_E_NOT_FOUND);
    assert_fails(wfe_init_record_create(path, &err), WFE_E_CONFLICT, &err);
}

static void
test_init_record__that_is_no_file_is_not_found_or_an_error_and_never_blocks(void **state)
{
    char path[PATH_MAX];
    wfe_init_record record = {0};
    snprintf(path, sizeof path, "%s/exit", (const char *)*state);
    assert_int_equal(wfe_init_record_read(path, &record, NULL), WFE_E_NOT_FOUND);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(wfe_init_record_read(path, &record, NULL), WFE_E_NOT_FOUND);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(wfe_init_record_read(path, &record, NULL), WFE_E_IO);
}

int main(void)
{
#define FILE_CASE(name) cmocka_unit_test_setup_teardown(test_init_file__##name, set_up, tear_down)
#define RECORD_CASE(name)                                                                          \
    cmocka_unit_test_setup_teardown(test_init_record__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FILE_CASE(program_is_small_static_and_never_both_writable_and_executable),
        FILE_CASE(program_is_named_after_its_digest),
        FILE_CASE(is_placed_once_and_used_again),
        FILE_CASE(replaces_what_is_not_the_same),
        FILE_CASE(is_placed_by_many_at_once),
        FILE_CASE(refuses_paths_that_do_not_fit),
        FILE_CASE(passes_on_why_it_cannot_write),
        FILE_CASE(refuses_a_noexec_file_system),
        RECORD_CASE(is_read),
        RECORD_CASE(that_is_garbage_is_refused),
        RECORD_CASE(with_any_byte_missing_is_none),
        RECORD_CASE(is_made_for_every_user_and_only_once),
        RECORD_CASE(that_is_no_file_is_not_found_or_an_error_and_never_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
