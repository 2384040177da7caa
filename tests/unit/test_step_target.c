/* SPDX-License-Identifier: Apache-2.0 */
#include "step/target.h"

#include <limits.h>

#include "fixtures/wfe_assert.h"

static void assert_refused(int rc, int kind, const wfe_error *err, const char *part)
{
    wfe_assert_result(rc, kind, err, part, __FILE__, __LINE__);
    assert_contains(err->message, part);
}

static void test_step_target__takes_what_the_kernel_takes(void **state)
{
    (void)state;
    char path[PATH_MAX + 2];
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_step_target_check("working_dir", "/", &err), &err);
    assert_ok(wfe_step_target_check("working_dir", "/a//b/./c../..d/", &err), &err);
    memset(path, '/', sizeof path);
    path[PATH_MAX - 1] = '\0';
    assert_ok(wfe_step_target_check("working_dir", path, &err), &err);
    memset(path + 1, 'x', NAME_MAX);
    path[NAME_MAX + 1] = '\0';
    assert_ok(wfe_step_target_check("working_dir", path, &err), &err);
}

static void test_step_target__refuses_what_is_too_long(void **state)
{
    (void)state;
    char path[PATH_MAX + 2];
    wfe_error err = WFE_ERROR_INIT;
    memset(path, '/', sizeof path);
    path[PATH_MAX] = '\0';
    assert_refused(wfe_step_target_check("working_dir", path, &err), WFE_E_LIMIT, &err,
                   "has 4096 bytes, at most 4095");
    memset(path + 1, 'x', NAME_MAX + 1);
    path[NAME_MAX + 2] = '\0';
    err = (wfe_error)WFE_ERROR_INIT;
    assert_refused(wfe_step_target_check("tmpfs", path, &err), WFE_E_LIMIT, &err,
                   "has a part of 256 bytes, at most 255");
    assert_true(strlen(err.message) < 200); /* not all of it */
}

static void test_step_target__refuses_what_is_no_place(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "a", "./a", "/..", "/a/../b", "/a/.."};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_step_target_check("tmpfs", paths[i], &err), WFE_E_INVALID, &err);
        assert_contains(err.message, "tmpfs is '");
    }
}

static void test_step_target__keeps_what_a_container_needs(void **state)
{
    (void)state;
    static const char *const covered[] = {"/", "//", "/.", "/dev", "//dev//", "/./dev/.", "/proc"};
    for (size_t i = 0; i < sizeof covered / sizeof *covered; i++) {
        for (int bind = 0; bind < 2; bind++) {
            wfe_error err = WFE_ERROR_INIT;
            const char *source = bind ? "/tmp" : NULL;
            assert_fails(wfe_step_target_check_mount("volume target", covered[i], source, &err),
                         WFE_E_INVALID, &err);
        }
    }
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_step_target_check_mount("tmpfs", "/proc/x", NULL, &err), WFE_E_INVALID, &err);
    assert_contains(err.hint, "another place");
}

static void test_step_target__keeps_what_wfe_needs(void **state)
{
    (void)state;
    static const char *const own[] = {"/.wfe", "//.wfe/", "/./.wfe/init", "/.wfe/output"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_step_target_check_mount("volume target", own[i], "/tmp", &err),
                     WFE_E_INVALID, &err);
        assert_contains(err.message, "wfe's own");
    }
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_step_target_check_mount("volume target", "/.wfe2", "/tmp", &err), &err);
    assert_ok(wfe_step_target_check_mount("volume target", "/a/.wfe", "/tmp", &err), &err);
}

static void test_step_target__allows_places_beside_it(void **state)
{
    (void)state;
    static const char *const free_places[] = {"/dev/x",   "/dev/shm", "/sys",
                                              "/process", "/a/dev",   "/a/proc"};
    wfe_error err = WFE_ERROR_INIT;
    for (size_t i = 0; i < sizeof free_places / sizeof *free_places; i++) {
        assert_ok(wfe_step_target_check_mount("tmpfs", free_places[i], NULL, &err), &err);
        assert_ok(wfe_step_target_check_mount("tmpfs", free_places[i], "/x", &err), &err);
    }
    /* The machine's own, and lxcfs's files: the runtime decides. */
    assert_ok(wfe_step_target_check_mount("volume target", "/proc", "/proc", &err), &err);
    assert_ok(wfe_step_target_check_mount("volume target", "/proc/uptime", "/x/uptime", &err),
              &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_target__takes_what_the_kernel_takes),
        cmocka_unit_test(test_step_target__refuses_what_is_too_long),
        cmocka_unit_test(test_step_target__refuses_what_is_no_place),
        cmocka_unit_test(test_step_target__keeps_what_a_container_needs),
        cmocka_unit_test(test_step_target__keeps_what_wfe_needs),
        cmocka_unit_test(test_step_target__allows_places_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
