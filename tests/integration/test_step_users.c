/* SPDX-License-Identifier: Apache-2.0
 *
 * Who a step runs as: numbers and names of the image's own files, however these are made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

#define IDS "id -u; id -g; id -G"

static void test_step_users__numbers_are_ids(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    options.user = "1000:2000";
    step_group_expect(&options, IDS, "1000\n2000\n2000\n");
    options.user = "0:0";
    step_group_expect(&options, IDS, "0\n0\n0\n");
    options.user = "65534:65534";
    step_group_expect(&options, IDS, "65534\n65534\n65534\n");
    options.user = "2147483647:2147483647";
    step_group_expect(&options, IDS, "2147483647\n2147483647\n2147483647\n");
}

static void test_step_users__a_number_takes_the_groups_of_its_name(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    options.user = "1000";
    step_group_expect(&options, IDS, "1000\n1000\n1000 2000\n");
    options.user = "4242";
    step_group_expect(&options, IDS, "4242\n0\n0\n");
}

static void test_step_users__a_name_is_looked_up_in_the_image(void **state)
{
    private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    options.user = "app";
    step_group_expect(&options, IDS "; echo $HOME; touch ~/mine 2>/dev/null || echo not mine",
                      "1000\n1000\n1000 2000\n/home/app\nnot mine\n");
    options.user = "app:extra";
    step_group_expect(&options, IDS, "1000\n2000\n2000\n");
    options.user = "app:7";
    step_group_expect(&options, IDS, "1000\n7\n7\n");
    options.user = "1000:extra";
    step_group_expect(&options, IDS, "1000\n2000\n2000\n");
    options.user = "root";
    step_group_expect(&options, IDS, "0\n0\n0\n");
}

/* Runs as nobody, with one warning that names it; with strict it is an error. */
static void assert_unknown(const char *image, const char *user, const char *named)
{
    wfe_step_options options = step_script(IDS);
    options.user = user;
    options.image = image;
    wfe_step_result *result = step_run(step_client_of_group, &options);
    const char *ids = wfe_step_result_stream(result, WFE_STDOUT, NULL);
    if (strcmp(ids, "65534\n65534\n65534\n") != 0)
        fail_msg("user '%s' ran as %s", user, ids);
    assert_int_equal(wfe_step_result_n_warnings(result), 1);
    step_assert_has(wfe_step_result_warning(result, 0), named);
    step_assert_has(wfe_step_result_warning(result, 0), "65534:65534");
    wfe_step_result_free(result);
    options.strict = true;
    wfe_error error = step_group_failure(&options, WFE_E_INVALID);
    step_assert_has(error.message, named);
}

static void test_step_users__what_is_unknown_runs_as_nobody_and_says_so(void **state)
{
    private_containerd_of(state);
    assert_unknown(IMAGES_BUSYBOX, "nosuch", "nosuch");
    assert_unknown(IMAGES_BUSYBOX, "app:nosuch", "nosuch");
    assert_unknown(IMAGES_BUSYBOX, ":", ":");
}

static void test_step_users__ids_that_overflow_are_never_root(void **state)
{
    private_containerd_of(state);
    static const char *const users[] = {"2147483648",           "4294967295",   "4294967296",
                                        "18446744073709551616", "0:4294967296", "4294967296:0"};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        assert_unknown(IMAGES_BUSYBOX, users[i], "2147483647");
    assert_unknown(IMAGES_BUSYBOX, "-1", "-1");
}

#define PASSWD "root:x:0:0::/root:/bin/sh\nlinked:x:777:778::/srv:/bin/sh\n"
#define GROUP "root:x:0:\nlinkers:x:778:\nmore:x:779:linked\n"

static void test_step_users__files_that_are_links_inside_of_the_image_are_read(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const files[] = {"data/passwd=" PASSWD, "data/group=" GROUP, NULL};
    const char *const links[] = {"etc/passwd=/data/passwd", "etc/group=../data/group", NULL};
    images_archive image = {.name = "docker.io/test/inside:1", .files = files, .links = links};
    images_need(daemon, &image);
    wfe_step_options options = step_script(NULL);
    options.image = image.name;
    options.user = "linked";
    step_group_expect(&options, IDS, "777\n778\n778 779\n");
}

/* The machine has such a file and the image does not: it must not be seen. */
static void test_step_users__links_out_of_the_image_do_not_leave_it(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char path[96], up[160], whole[160];
    snprintf(path, sizeof path, "%s/passwd", daemon->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("outside:x:0:0::/:/bin/sh\n", file);
    fclose(file);
    snprintf(up, sizeof up, "etc/passwd=../../../../../../../..%s", path);
    snprintf(whole, sizeof whole, "etc/passwd=%s", path);
    const char *const links[] = {up, NULL};
    images_archive image = {.name = "docker.io/test/up:1", .links = links};
    images_need(daemon, &image);
    assert_unknown(image.name, "outside", "outside");
    const char *const absolute[] = {whole, NULL};
    image = (images_archive){.name = "docker.io/test/absolute:1", .links = absolute};
    images_need(daemon, &image);
    assert_unknown(image.name, "outside", "outside");
}

static void test_step_users__empty_files_and_loops_know_nobody(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const files[] = {"etc/passwd=", "etc/group=", NULL};
    images_archive image = {.name = "docker.io/test/empty:1", .files = files};
    images_need(daemon, &image);
    assert_unknown(image.name, "app", "app");
    wfe_step_options options = step_script(NULL);
    options.image = image.name;
    options.user = "12:34";
    step_group_expect(&options, IDS, "12\n34\n34\n");
    const char *const loop[] = {"etc/passwd=group", "etc/group=passwd", NULL};
    image = (images_archive){.name = "docker.io/test/loop:1", .links = loop};
    images_need(daemon, &image);
    assert_unknown(image.name, "app", "app");
}

static void image_user(private_containerd *daemon, const char *name, const char *user)
{
    char config[128];
    snprintf(config, sizeof config, "{\"User\":\"%s\",\"Cmd\":[\"sh\"]}", user);
    images_archive image = {.name = name, .config = config};
    images_need(daemon, &image);
}

static void test_step_users__the_image_s_user_is_taken_when_asked(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_step_options options = step_script(NULL);
    options.user = "image"; /* busybox has none: root */
    step_group_expect(&options, IDS, "0\n0\n0\n");
    image_user(daemon, "docker.io/test/user-name:1", "app");
    options.image = "docker.io/test/user-name:1";
    step_group_expect(&options, IDS, "1000\n1000\n1000 2000\n");
    options.user = NULL;
    step_group_expect(&options, IDS, "65534\n65534\n65534\n");
    image_user(daemon, "docker.io/test/user-group:1", "app:extra");
    options.image = "docker.io/test/user-group:1";
    options.user = "image";
    step_group_expect(&options, IDS, "1000\n2000\n2000\n");
}

static void test_step_users__an_unknown_user_of_the_image_is_nobody(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    image_user(daemon, "docker.io/test/user-unknown:1", "nosuch");
    assert_unknown("docker.io/test/user-unknown:1", "image", "nosuch");
}

static void test_step_users__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_users__numbers_are_ids),
        cmocka_unit_test(test_step_users__a_number_takes_the_groups_of_its_name),
        cmocka_unit_test(test_step_users__a_name_is_looked_up_in_the_image),
        cmocka_unit_test(test_step_users__what_is_unknown_runs_as_nobody_and_says_so),
        cmocka_unit_test(test_step_users__ids_that_overflow_are_never_root),
        cmocka_unit_test(test_step_users__files_that_are_links_inside_of_the_image_are_read),
        cmocka_unit_test(test_step_users__links_out_of_the_image_do_not_leave_it),
        cmocka_unit_test(test_step_users__empty_files_and_loops_know_nobody),
        cmocka_unit_test(test_step_users__the_image_s_user_is_taken_when_asked),
        cmocka_unit_test(test_step_users__an_unknown_user_of_the_image_is_nobody),
        cmocka_unit_test(test_step_users__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
