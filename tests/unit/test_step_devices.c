/* SPDX-License-Identifier: Apache-2.0 */
#include "step/devices.h"

#include <sys/stat.h>

#include "fixtures/wfe_assert.h"

static const wfe_oci_device *find(const wfe_step_devices *devices, const char *path)
{
    for (size_t i = 0; i < devices->n; i++) {
        if (strcmp(devices->list[i].path, path) == 0)
            return &devices->list[i];
    }
    return NULL;
}

static void test_step_devices__finds_the_machine_s(void **state)
{
    (void)state;
    wfe_step_devices devices = {0};
    wfe_error err = WFE_ERROR_INIT;
    struct stat st;
    assert_ok(wfe_step_devices_find("/dev", &devices, &err), &err);
    assert_int_equal(stat("/dev/null", &st), 0);
    const wfe_oci_device *null = find(&devices, "/dev/null");
    assert_non_null(null);
    assert_true(null->is_char);
    assert_int_equal(null->major, 1);
    assert_int_equal(null->minor, 3);
    assert_int_equal(null->mode, st.st_mode & 07777);
    wfe_step_devices_done(&devices);
    wfe_step_devices_done(&devices);
}

static void test_step_devices__leaves_out_what_a_container_has_of_its_own(void **state)
{
    (void)state;
    wfe_step_devices devices = {0};
    assert_ok(wfe_step_devices_find("/dev", &devices, NULL), NULL);
    assert_null(find(&devices, "/dev/ptmx"));
    assert_null(find(&devices, "/dev/console"));
    for (size_t i = 0; i < devices.n; i++)
        assert_int_not_equal(strncmp(devices.list[i].path, "/dev/pts/", 9), 0);
    wfe_step_devices_done(&devices);
}

static void test_step_devices__takes_neither_files_nor_links(void **state)
{
    (void)state;
    char dir[] = "/tmp/wfe-devices-XXXXXX", file[64], link[64];
    wfe_step_devices devices = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/file", dir);
    snprintf(link, sizeof link, "%s/link", dir);
    assert_int_equal(mkfifo(file, 0600), 0);
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_ok(wfe_step_devices_find(dir, &devices, NULL), NULL);
    assert_int_equal(devices.n, 0);
    unlink(file);
    unlink(link);
    rmdir(dir);
    wfe_step_devices_done(&devices);
    assert_ok(wfe_step_devices_find("/no/such/folder", &devices, NULL), NULL);
    assert_int_equal(devices.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_devices__finds_the_machine_s),
        cmocka_unit_test(test_step_devices__leaves_out_what_a_container_has_of_its_own),
        cmocka_unit_test(test_step_devices__takes_neither_files_nor_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
