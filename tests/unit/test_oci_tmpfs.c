/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/tmpfs.h"

#include "fixtures/wfe_assert.h"

static wfe_oci_tmpfs parse(const char *text)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_tmpfs tmpfs = {.target = NULL};
    assert_ok(wfe_oci_tmpfs_parse(text, &tmpfs, &err), &err);
    return tmpfs;
}

static void test_oci_tmpfs__a_path_alone_has_dockers_defaults(void **state)
{
    (void)state;
    wfe_oci_tmpfs tmpfs = parse("/tmp");
    assert_string_equal(tmpfs.target, "/tmp");
    assert_int_equal(tmpfs.size_bytes, 0);
    assert_int_equal(tmpfs.mode, 0);
    assert_false(tmpfs.readonly || tmpfs.allow_exec || tmpfs.allow_suid || tmpfs.allow_dev);
    wfe_oci_tmpfs_done(&tmpfs);
    assert_null(tmpfs.target);
}

static void test_oci_tmpfs__options_are_read(void **state)
{
    (void)state;
    wfe_oci_tmpfs tmpfs =
        parse("/a b:size=64m,mode=1777,uid=5,gid=6,nr_inodes=100,ro,exec,suid,dev");
    assert_string_equal(tmpfs.target, "/a b");
    assert_int_equal(tmpfs.size_bytes, 64 * 1024 * 1024);
    assert_int_equal(tmpfs.mode, 01777);
    assert_int_equal(tmpfs.uid, 5);
    assert_int_equal(tmpfs.gid, 6);
    assert_int_equal(tmpfs.inodes, 100);
    assert_true(tmpfs.readonly && tmpfs.allow_exec && tmpfs.allow_suid && tmpfs.allow_dev);
    wfe_oci_tmpfs_done(&tmpfs);
    tmpfs = parse("/t:ro,rw,exec,noexec,dev,nodev,suid,nosuid");
    assert_false(tmpfs.readonly || tmpfs.allow_exec || tmpfs.allow_suid || tmpfs.allow_dev);
    wfe_oci_tmpfs_done(&tmpfs);
}

static void test_oci_tmpfs__what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"", "must be an absolute path other than /", ""},
        {"tmp", "must be an absolute path other than /", ""},
        {"/", "must be an absolute path other than /", ""},
        {"//:size=1m", "must be an absolute path other than /", ""},
        {":size=1m", "must be an absolute path other than /", ""},
        {"/t:", "no option of tmpfs", ""},
        {"/t:ro,", "no option of tmpfs", ""},
        {"/t:siz=1m", "has 'siz=1m'", "did you mean size?"},
        {"/t:size", "which needs a value", ""},
        {"/t:ro=1", "which takes no value", ""},
        {"/t:size=0", "has 'size=0'", ""},
        {"/t:size=50%", "has 'size=50%'", ""},
        {"/t:mode=888", "octal mode", ""},
        {"/t:mode=17777", "octal mode", ""},
        {"/t:mode=0", "octal mode", ""},
        {"/t:uid=2147483648", "has 'uid=2147483648'", ""},
        {"/t:gid=-1", "has 'gid=-1'", ""},
        {"/t:nr_inodes=0", "has 'nr_inodes=0'", ""},
        {"/t:mpol=bind", "has 'mpol=bind'", ""},
        {"/t:size=00000000000000000000000000000000000000000000000000000000000000000001m",
         "no option of tmpfs", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_oci_tmpfs tmpfs = {.target = NULL};
        assert_fails(wfe_oci_tmpfs_parse(cases[i].text, &tmpfs, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, cases[i].message);
        assert_contains(err.hint, cases[i].hint);
        assert_null(tmpfs.target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_tmpfs__a_path_alone_has_dockers_defaults),
        cmocka_unit_test(test_oci_tmpfs__options_are_read),
        cmocka_unit_test(test_oci_tmpfs__what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
