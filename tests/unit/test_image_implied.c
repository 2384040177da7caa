/* SPDX-License-Identifier: Apache-2.0 */
#include "image/implied.h"

#include "fixtures/wfe_assert.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char root[] = "/tmp/wfe-test-implied.XXXXXX";

static const char *at(const char *path)
{
    static char out[4][256];
    static int next;
    char *one = out[next++ % 4];
    snprintf(one, sizeof out[0], "%s/%s", root, path);
    return one;
}

/* In one call where that is possible: the next one may be a tick of the clock later, and is seen as
 * a change. */
static void folder(const char *path, mode_t mode)
{
    mode_t mask = umask(0);
    assert_int_equal(mkdir(at(path), mode), 0);
    umask(mask);
    if (mode & ~(mode_t)01777)
        assert_int_equal(chmod(at(path), mode), 0);
}

static void file(const char *path)
{
    int fd = open(at(path), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* As an unpacker does for a folder that has an entry of its own, at the end. */
static void describe(const char *path, time_t when)
{
    const struct timespec times[] = {{.tv_sec = when}, {.tv_sec = when}};
    assert_int_equal(utimensat(AT_FDCWD, at(path), times, 0), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static wfe_image_implied *walk(const char *path)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_image_implied *implied = NULL;
    struct stat st;
    bool done = false;
    assert_int_equal(lstat(root, &st), 0);
    assert_ok(wfe_image_implied_new(at(path), &st.st_mtim, &implied, &err), &err);
    while (!done)
        assert_ok(wfe_image_implied_step(implied, &done, &err), &err);
    return implied;
}

/* The time of the root is that of its last change: layers are made below it, so that everything in
 * them is later. */
static void make_layers(void)
{
    folder("low", 0755);
    folder("high", 0755);
    folder("layer", 0755);
}

static void assert_mode(const char *path, mode_t mode)
{
    struct stat st;
    assert_int_equal(lstat(at(path), &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
}

static void test_implied__folders_get_what_the_uppermost_layer_below_has(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    make_layers();
    folder("low/a", 0700);
    folder("low/b", 01777);
    folder("high/a", 0711);
    bool attributes = setxattr(at("high/a"), "user.note", "x", 1, 0) == 0;
    folder("layer/a", 0755);
    file("layer/a/file");
    folder("layer/b", 0755);
    folder("layer/b/new", 0755);
    file("layer/b/new/file");
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("high"), at("low")};
    assert_true(wfe_image_implied_found_files(implied));
    assert_ok(wfe_image_implied_complete(implied, below, 2, &err), &err);
    wfe_image_implied_free(implied);
    assert_mode("layer/a", 0711);
    assert_mode("layer/b", 01777);
    assert_mode("layer/b/new", 0755);
    if (attributes) {
        char value[8];
        assert_int_equal(getxattr(at("layer/a"), "user.note", value, sizeof value), 1);
    }
}

static void test_implied__described_folders_stay_as_they_are(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    make_layers();
    folder("low/a", 0700);
    folder("layer/a", 0755);
    file("layer/a/file");
    describe("layer/a", 1000000000);
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("low")};
    assert_ok(wfe_image_implied_complete(implied, below, 1, &err), &err);
    wfe_image_implied_free(implied);
    assert_mode("layer/a", 0755);
}

/* A described folder with a time that is yet to come cannot be told from an implied one that was
 * marked last. */
static void test_implied__what_is_unclear_is_refused(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    make_layers();
    folder("layer/a", 0755);
    describe("layer/a", 4000000000);
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("low")};
    assert_int_equal(wfe_image_implied_complete(implied, below, 1, &err), WFE_E_UNAVAILABLE);
    wfe_image_implied_free(implied);
}

static void test_implied__a_file_below_in_its_place_gives_nothing(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    make_layers();
    file("high/a");
    folder("low/a", 0700);
    folder("layer/a", 0755);
    file("layer/a/file");
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("high"), at("low")};
    assert_ok(wfe_image_implied_complete(implied, below, 2, &err), &err);
    wfe_image_implied_free(implied);
    assert_mode("layer/a", 0755);
}

/* containerd fails there, or does something else than we would. */
static void test_implied__a_path_through_a_file_below_is_refused(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    make_layers();
    file("high/a");
    folder("layer/a", 0755);
    folder("layer/a/b", 0755);
    file("layer/a/b/file");
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("high")};
    assert_int_equal(wfe_image_implied_complete(implied, below, 1, &err), WFE_E_UNAVAILABLE);
    wfe_image_implied_free(implied);
}

static void test_implied__links_below_lead_nowhere_outside(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    make_layers();
    folder("low/tmp", 0701);
    folder("low/x", 0702);
    assert_int_equal(symlink("/tmp", at("low/a")), 0);
    assert_int_equal(symlink("../../../x", at("low/b")), 0);
    folder("layer/a", 0755);
    file("layer/a/file");
    folder("layer/b", 0755);
    file("layer/b/file");
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("low")};
    assert_ok(wfe_image_implied_complete(implied, below, 1, &err), &err);
    wfe_image_implied_free(implied);
    assert_mode("layer/a", 0701);
    assert_mode("layer/b", 0702);
}

/* What was made in such a folder would have been given its group or its list. */
static void test_implied__folders_that_pass_something_on_are_refused(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    /* Version 2; rwx for the owner, r-x for the group, r-x for others. */
    static const unsigned char list[] = {2,   0,   0, 0, 1,   0,   7,    0,    255,  255,
                                         255, 255, 4, 0, 5,   0,   0xff, 0xff, 0xff, 0xff,
                                         32,  0,   5, 0, 255, 255, 255,  255};
    make_layers();
    folder("low/group", 02775);
    folder("high/list", 0755);
    folder("layer/group", 0755);
    file("layer/group/file");
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("high"), at("low")};
    assert_int_equal(wfe_image_implied_complete(implied, below, 2, &err), WFE_E_UNAVAILABLE);
    assert_contains(err.message, "layer/group");
    wfe_image_implied_free(implied);
    if (setxattr(at("high/list"), "system.posix_acl_default", list, sizeof list, 0) != 0)
        return; /* a file system without lists */
    folder("other", 0755);
    folder("other/list", 0755);
    file("other/list/file");
    implied = walk("other");
    err = (wfe_error)WFE_ERROR_INIT;
    below[0] = at("high");
    below[1] = at("low");
    assert_int_equal(wfe_image_implied_complete(implied, below, 2, &err), WFE_E_UNAVAILABLE);
    assert_contains(err.message, "other/list");
    wfe_image_implied_free(implied);
}

static void test_implied__an_empty_layer_has_no_files(void **state)
{
    (void)state;
    make_layers();
    wfe_image_implied *implied = walk("layer");
    assert_false(wfe_image_implied_found_files(implied));
    wfe_image_implied_free(implied);
    wfe_image_implied_free(NULL);
}

/* fts and scandir hold a whole folder before they give its first entry. */
static void test_implied__a_large_folder_is_walked_in_slices_and_not_held(void **state)
{
    (void)state;
    enum { FILES = 20000, IN_SLICE = 1000 };
    wfe_error err = WFE_ERROR_INIT;
    wfe_image_implied *implied = NULL;
    const struct timespec since = {0};
    bool done = false;
    make_layers();
    folder("layer/many", 0755);
    for (int i = 0; i < FILES; i++) {
        char path[64];
        snprintf(path, sizeof path, "layer/many/file-%d", i);
        assert_int_equal(symlink("x", at(path)), 0);
    }
    assert_ok(wfe_image_implied_new(at("layer"), &since, &implied, &err), &err);
    size_t held = mallinfo2().uordblks, most = held;
    int n = 0;
    for (; !done; n++) {
        assert_ok(wfe_image_implied_step(implied, &done, &err), &err);
        size_t now = mallinfo2().uordblks;
        most = now > most ? now : most;
    }
    assert_true(n >= FILES / IN_SLICE);
    assert_in_range(most - held, 0, 256 * 1024);
    assert_true(wfe_image_implied_found_files(implied));
    wfe_image_implied_free(implied);
}

static int walk_depth(int depth, wfe_error *err)
{
    wfe_image_implied *implied = NULL;
    const struct timespec since = {0};
    char path[256] = "layer";
    bool done = false;
    for (int i = 1; i < depth; i++) {
        strcat(path, "/d");
        (void)mkdir(at(path), 0755);
    }
    assert_ok(wfe_image_implied_new(at("layer"), &since, &implied, err), err);
    int rc = 0;
    while (!rc && !done)
        rc = wfe_image_implied_step(implied, &done, err);
    wfe_image_implied_free(implied);
    return rc;
}

static void test_implied__too_deep_a_layer_is_refused(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    make_layers();
    assert_ok(walk_depth(64, &err), &err);
    assert_fails(walk_depth(65, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, "too deep");
}

/* Back out of a folder the walk goes on where it was. */
static void test_implied__folders_beside_and_below_each_other_are_all_seen(void **state)
{
    (void)state;
    static const char *const paths[] = {"layer/a",   "layer/a/b", "layer/a/c", "layer/a/c/d",
                                        "layer/a/e", "layer/f",   "layer/f/g"};
    static const char *const below_paths[] = {"low/a",   "low/a/b", "low/a/c", "low/a/c/d",
                                              "low/a/e", "low/f",   "low/f/g"};
    enum { N = sizeof paths / sizeof *paths };
    wfe_error err = WFE_ERROR_INIT;
    struct stat st;
    make_layers();
    for (size_t i = 0; i < N; i++)
        folder(below_paths[i], (mode_t)(0711 + i));
    for (size_t i = 0; i < N; i++)
        folder(paths[i], 0755);
    wfe_image_implied *implied = walk("layer");
    const char *below[] = {at("low")};
    assert_ok(wfe_image_implied_complete(implied, below, 1, &err), &err);
    wfe_image_implied_free(implied);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(stat(at(paths[i]), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0711 + i);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_implied__##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(folders_get_what_the_uppermost_layer_below_has),
        TEST(described_folders_stay_as_they_are),
        TEST(what_is_unclear_is_refused),
        TEST(a_file_below_in_its_place_gives_nothing),
        TEST(a_path_through_a_file_below_is_refused),
        TEST(links_below_lead_nowhere_outside),
        TEST(folders_that_pass_something_on_are_refused),
        TEST(an_empty_layer_has_no_files),
        TEST(a_large_folder_is_walked_in_slices_and_not_held),
        TEST(too_deep_a_layer_is_refused),
        TEST(folders_beside_and_below_each_other_are_all_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
