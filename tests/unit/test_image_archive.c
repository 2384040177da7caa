/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/archive.h"

static void test_image_archive__joins_paths_within_the_root(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"", "a/b", "a/b"},       {"", "./a//b/.", "a/b"},  {"", "/a", "a"},
        {"x/y", "../a", "a"},     {"x/y/z", "../a", "x/a"}, {"x/y", "a", "x/a"},
        {"x/y", "/a", "a"},       {"x", "a/../b", "b"},     {"a/b/c", "../../d/e", "d/e"},
        {"x/y", "../../a", NULL}, {"", "..", NULL},         {"", ".", NULL},
        {"", "", NULL},           {"", "a/..", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[WFE_IMAGE_ARCHIVE_PATH_SIZE];
        bool fits = wfe_image_archive_join(cases[i][0], cases[i][1], out);
        assert_int_equal(fits, cases[i][2] != NULL);
        if (fits)
            assert_string_equal(out, cases[i][2]);
    }
    char path[2 * WFE_IMAGE_ARCHIVE_PATH_SIZE], out[WFE_IMAGE_ARCHIVE_PATH_SIZE];
    memset(path, 'a', sizeof path);
    path[WFE_IMAGE_ARCHIVE_PATH_SIZE] = '\0';
    assert_false(wfe_image_archive_join("", path, out));
    path[WFE_IMAGE_ARCHIVE_PATH_SIZE - 2] = '\0';
    assert_true(wfe_image_archive_join("", path, out));
}

static char folder[] = "/tmp/wfe-archive-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char script[128];
    snprintf(script, sizeof script, "rm -r %s", folder);
    return system(script);
}

/* Runs a script in the folder and opens the file it makes. */
static int make(const char *script, const char *name)
{
    char text[1024];
    snprintf(text, sizeof text, "set -e; cd %s; %s", folder, script);
    assert_int_equal(system(text), 0);
    snprintf(text, sizeof text, "%s/%s", folder, name);
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void check_entries(int fd)
{
    wfe_image_archive *archive = NULL;
    wfe_image_archive_entry entry;
    wfe_error err = WFE_ERROR_INIT;
    bool end = false;
    char bytes[16];
    size_t len = 0;
    assert_ok(wfe_image_archive_new(fd, "test", &archive, &err), &err);
    assert_ok(wfe_image_archive_next(archive, &entry, &end, &err), &err);
    assert_int_equal(entry.type, WFE_IMAGE_ARCHIVE_FILE);
    assert_string_equal(entry.path, "d/file");
    assert_int_equal(entry.size_bytes, 6);
    assert_ok(wfe_image_archive_read(archive, bytes, 4, &len, &err), &err);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "hell", 4);
    assert_ok(wfe_image_archive_read(archive, bytes, sizeof bytes, &len, &err), &err);
    assert_int_equal(len, 2);
    assert_ok(wfe_image_archive_read(archive, bytes, sizeof bytes, &len, &err), &err);
    assert_int_equal(len, 0);
    assert_ok(wfe_image_archive_next(archive, &entry, &end, &err), &err);
    assert_int_equal(entry.type, WFE_IMAGE_ARCHIVE_LINK);
    assert_string_equal(entry.target, "file");
    assert_ok(wfe_image_archive_next(archive, &entry, &end, &err), &err);
    assert_int_equal(entry.type, WFE_IMAGE_ARCHIVE_LINK);
    assert_string_equal(entry.target, "d/file");
    assert_ok(wfe_image_archive_next(archive, &entry, &end, &err), &err);
    assert_int_equal(entry.type, WFE_IMAGE_ARCHIVE_OTHER);
    assert_false(end);
    assert_ok(wfe_image_archive_next(archive, &entry, &end, &err), &err);
    assert_true(end);
    wfe_image_archive_free(archive);
    close(fd);
}

#define MAKE_TAR                                                                                   \
    "rm -rf d e; mkdir -p d e; echo hello >d/file; ln -s ../file d/soft; ln d/file d/hard;"        \
    "tar -cf a.tar d/file d/soft d/hard e;"

static void test_image_archive__reads_plain_and_compressed_tars(void **state)
{
    (void)state;
    check_entries(make(MAKE_TAR, "a.tar"));
    check_entries(make(MAKE_TAR "gzip -c a.tar >a.gz", "a.gz"));
    check_entries(make(MAKE_TAR "xz -c a.tar >a.xz", "a.xz"));
}

static void test_image_archive__refuses_what_is_none(void **state)
{
    (void)state;
    wfe_image_archive *archive = NULL;
    wfe_error err = WFE_ERROR_INIT;
    int fd = make("echo something else >x", "x");
    assert_fails(wfe_image_archive_new(fd, "x", &archive, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "x is no tar archive");
    assert_null(archive);
    close(fd);
}

static void test_image_archive__notices_a_cut(void **state)
{
    (void)state;
    wfe_image_archive *archive = NULL;
    wfe_image_archive_entry entry;
    wfe_error err = WFE_ERROR_INIT;
    bool end = false;
    char bytes[4096];
    size_t len = 0;
    int fd = make("head -c 100000 /dev/zero >z; tar -cf a.tar z; truncate -s 5000 a.tar", "a.tar");
    assert_ok(wfe_image_archive_new(fd, "a.tar", &archive, &err), &err);
    assert_ok(wfe_image_archive_next(archive, &entry, &end, &err), &err);
    int rc = 0;
    do
        rc = wfe_image_archive_read(archive, bytes, sizeof bytes, &len, &err);
    while (!rc && len);
    assert_fails(rc, WFE_E_INVALID, &err);
    assert_contains(err.message, "damaged after entry 1");
    wfe_image_archive_free(archive);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_archive__joins_paths_within_the_root),
        cmocka_unit_test(test_image_archive__reads_plain_and_compressed_tars),
        cmocka_unit_test(test_image_archive__refuses_what_is_none),
        cmocka_unit_test(test_image_archive__notices_a_cut),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
