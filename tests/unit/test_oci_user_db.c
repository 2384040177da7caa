/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/user_db.h"

#include <stdlib.h>

#include "fixtures/wfe_assert.h"
#include "oci/user.h"

static const char passwd_text[] = "root:x:0:0:root:/root:/bin/sh\n"
                                  "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                                  "app:x:1000:1001:App,,,:/home/app:/bin/sh\n"
                                  "twin:x:1000:7:second of its uid:/home/twin:/bin/sh\n"
                                  "1001:x:0:0:a name of digits:/root:/bin/sh\n"
                                  "homeless:x:1002:1002\n";
static const char group_text[] = "root:x:0:\n"
                                 "wheel:x:10:root,app\n"
                                 "video:x:44:app\n"
                                 "app:x:1001:app\n"
                                 "double:x:44:app,app\n"
                                 "apple:x:60:apple\n"
                                 "2000:x:0:\n";

static wfe_oci_user_file file_of(const char *text)
{
    return (wfe_oci_user_file){.text = text, .len = text ? strlen(text) : 0};
}

static wfe_oci_identity resolve_in(const char *text, bool of_image, wfe_oci_user_file passwd,
                                   wfe_oci_user_file group)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_identity identity = {.uid = 7};
    assert_ok(wfe_oci_identity_resolve(text, of_image, &passwd, &group, &identity, &err), &err);
    return identity;
}

static wfe_oci_identity resolve(const char *text)
{
    return resolve_in(text, false, file_of(passwd_text), file_of(group_text));
}

static void assert_ids(wfe_oci_identity identity, uint32_t uid, uint32_t gid, const char *home)
{
    if (!identity.resolved)
        fail_msg("unresolved: %s", identity.reason);
    assert_int_equal(identity.uid, uid);
    assert_int_equal(identity.gid, gid);
    assert_string_equal(identity.reason, "");
    if (home)
        assert_string_equal(identity.home, home);
    else
        assert_null(identity.home);
    wfe_oci_identity_done(&identity);
}

static void assert_unresolved(wfe_oci_identity identity, const char *reason)
{
    if (identity.resolved)
        fail_msg("resolved as %u:%u, wanted: %s", identity.uid, identity.gid, reason);
    assert_int_equal(identity.uid, 65534);
    assert_int_equal(identity.gid, 65534);
    assert_int_equal(identity.n_groups, 0);
    assert_null(identity.home);
    assert_contains(identity.reason, reason);
    wfe_oci_identity_done(&identity);
}

static void test_oci_user_db__names_give_ids_groups_and_home(void **state)
{
    (void)state;
    wfe_oci_identity identity = resolve("app");
    assert_true(identity.resolved);
    assert_int_equal(identity.uid, 1000);
    assert_int_equal(identity.gid, 1001);
    assert_string_equal(identity.home, "/home/app");
    assert_int_equal(identity.n_groups, 2);
    assert_int_equal(identity.groups[0], 10);
    assert_int_equal(identity.groups[1], 44);
    wfe_oci_identity_done(&identity);
    assert_ids(resolve("daemon"), 1, 1, "/usr/sbin");
    assert_ids(resolve("homeless"), 1002, 1002, NULL);
}

static void test_oci_user_db__a_listed_uid_is_its_user(void **state)
{
    (void)state;
    wfe_oci_identity identity = resolve("1000");
    assert_int_equal(identity.gid, 1001);
    assert_string_equal(identity.home, "/home/app");
    assert_int_equal(identity.n_groups, 2);
    wfe_oci_identity_done(&identity);
}

static void test_oci_user_db__an_unlisted_uid_has_group_0(void **state)
{
    (void)state;
    assert_ids(resolve("4242"), 4242, 0, NULL);
    assert_ids(resolve_in("4242", false, file_of(NULL), file_of(NULL)), 4242, 0, NULL);
}

static void test_oci_user_db__a_group_replaces_all_groups_of_the_user(void **state)
{
    (void)state;
    static const char *const texts[] = {"app:video", "app:44", "1000:video", "1000:44"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wfe_oci_identity identity = resolve(texts[i]);
        assert_int_equal(identity.n_groups, 0);
        assert_ids(identity, 1000, 44, "/home/app");
    }
    assert_ids(resolve("4242:999999"), 4242, 999999, NULL);
}

static void test_oci_user_db__digits_are_always_an_id(void **state)
{
    (void)state;
    assert_ids(resolve("1001"), 1001, 0, NULL);
    assert_ids(resolve("app:2000"), 1000, 2000, "/home/app");
}

static void test_oci_user_db__no_user_is_nobody_without_a_warning(void **state)
{
    (void)state;
    assert_ids(resolve(NULL), 65534, 65534, NULL);
}

static void test_oci_user_db__what_is_not_there_is_nobody_with_a_reason(void **state)
{
    (void)state;
    assert_unresolved(resolve("ghost"), "user 'ghost' is not in the image's /etc/passwd");
    assert_unresolved(resolve("app:ghost"), "group 'ghost' is not in the image's /etc/group");
    assert_unresolved(resolve("0:ghost"), "group 'ghost'");
    assert_unresolved(resolve("ap"), "user 'ap'");
    assert_unresolved(resolve("App"), "user 'App'");
    assert_unresolved(resolve_in("root", false, file_of(NULL), file_of(NULL)), "user 'root'");
    assert_unresolved(resolve("-1"), "user '-1'");
    assert_unresolved(resolve("+0"), "user '+0'");
    assert_unresolved(resolve(" 0"), "user ' 0'");
}

static void test_oci_user_db__wrong_forms_are_nobody(void **state)
{
    (void)state;
    static const char *const texts[] = {"", ":", ":0", ":root", "root:", "0:", "0:0:0", "a:b:c"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_unresolved(resolve(texts[i]), "none of the forms");
}

static void test_oci_user_db__an_image_without_user_is_root(void **state)
{
    (void)state;
    wfe_oci_user_file passwd = file_of(passwd_text), group = file_of(group_text);
    wfe_oci_identity identity = resolve_in("", true, passwd, group);
    assert_int_equal(identity.n_groups, 1);
    assert_int_equal(identity.groups[0], 10);
    assert_ids(identity, 0, 0, "/root");
    assert_ids(resolve_in("", true, file_of(NULL), file_of(NULL)), 0, 0, NULL);
    assert_ids(resolve_in(":video", true, passwd, group), 0, 44, "/root");
    assert_unresolved(resolve_in(":", true, passwd, group), "none of the forms");
    assert_unresolved(resolve_in("ghost", true, passwd, group), "user 'ghost'");
}

/* CVE-2024-40635: such ids became root. */
static void test_oci_user_db__ids_out_of_range_never_become_root(void **state)
{
    (void)state;
    static const char *const texts[] = {"2147483648",           "4294967296",
                                        "4294967296:0",         "0:4294967296",
                                        "18446744073709551616", "99999999999999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_unresolved(resolve(texts[i]), "above 2147483647");
    assert_ids(resolve("2147483647:2147483647"), 2147483647, 2147483647, NULL);
}

/* A reader that takes a bad number for 0 makes root of each of these. */
static void test_oci_user_db__malformed_lines_are_skipped(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "bad",           "bad:x",         "bad:x:5",        "bad:x::5:::",
        "bad:x:5::::",   "bad:x:-1:5:::", "bad:x:5x:5:::",  "bad:x:4294967296:5:::",
        "bad:x:5:-0:::", "bad:x: 0:5:::", "#bad:x:5:5:::",  "+bad:x:5:5:::",
        " bad:x:5:5:::", "bad :x:5:5:::", "bad:x:0x0:0:::", "bad:x:5:2147483648:::",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\ngood:x:5:6::/good:\n", lines[i]);
        wfe_oci_user_file passwd = file_of(text);
        assert_unresolved(resolve_in("bad", false, passwd, file_of(NULL)), "user 'bad'");
        assert_ids(resolve_in("good", false, passwd, file_of(NULL)), 5, 6, "/good");
    }
    wfe_oci_user_file group = file_of("g\ng:x\ng:x:\ng:x:-1:\n:x:3:\ng:x:99999999999:\nh:x:8:\n");
    assert_unresolved(resolve_in("1:g", false, file_of(NULL), group), "group 'g'");
    assert_ids(resolve_in("1:h", false, file_of(NULL), group), 1, 8, NULL);
}

static void test_oci_user_db__nul_bytes_and_missing_last_newline(void **state)
{
    (void)state;
    static const char text[] = "bad\0:x:0:0:::\nbad:x:0:0::/\0home:\nlast:x:5:6::/l:/bin/sh";
    wfe_oci_user_file passwd = {.text = text, .len = sizeof text - 1};
    assert_unresolved(resolve_in("bad", false, passwd, file_of(NULL)), "user 'bad'");
    assert_ids(resolve_in("last", false, passwd, file_of(NULL)), 5, 6, "/l");
}

static void test_oci_user_db__a_home_that_is_no_path_is_left_out(void **state)
{
    (void)state;
    wfe_oci_user_file passwd = file_of("a:x:1:1::relative:\nb:x:2:2::/\xFF:\nc:x:3:3:::\n");
    assert_ids(resolve_in("a", false, passwd, file_of(NULL)), 1, 1, NULL);
    assert_ids(resolve_in("b", false, passwd, file_of(NULL)), 2, 2, NULL);
    assert_ids(resolve_in("c", false, passwd, file_of(NULL)), 3, 3, NULL);
}

static void test_oci_user_db__lines_and_files_have_limits(void **state)
{
    (void)state;
    size_t size = WFE_OCI_USER_FILE_MAX_BYTES + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, "long:x:0:0:", 11);
    text[WFE_OCI_USER_LINE_MAX_BYTES + 1] = '\n';
    memcpy(text + WFE_OCI_USER_LINE_MAX_BYTES + 2, "app:x:5:6::/h:\n", 15);
    wfe_oci_user_file passwd = {.text = text, .len = size - 1};
    assert_unresolved(resolve_in("long", false, passwd, file_of(NULL)), "user 'long'");
    assert_ids(resolve_in("app", false, passwd, file_of(NULL)), 5, 6, "/h");
    passwd.len = size;
    assert_unresolved(resolve_in("app", false, passwd, file_of(NULL)), "cannot be used");
    assert_unresolved(resolve_in("5", false, passwd, file_of(NULL)), "cannot be used");
    assert_ids(resolve_in("5:6", false, passwd, file_of(NULL)), 5, 6, NULL);
    wfe_oci_user_file group = {.text = text, .len = size};
    assert_unresolved(resolve_in("app", false, file_of(passwd_text), group), "/etc/group");
    assert_ids(resolve_in("4242", false, file_of(passwd_text), group), 4242, 0, NULL);
    free(text);
}

static void test_oci_user_db__more_groups_than_linux_takes_are_refused(void **state)
{
    (void)state;
    const size_t n = WFE_OCI_USER_MAX_GROUPS + 2;
    char *text = calloc(n, 16);
    assert_non_null(text);
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, 16, "g::%zu:u\n", i + 5);
    wfe_oci_user_file group = {.text = text, .len = len};
    assert_unresolved(resolve_in("u", false, file_of("u:x:1:1:::\n"), group), "groups, at most");
    free(text);
}

static void test_oci_user_db__a_text_in_a_reason_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof text);
    for (size_t i = 1; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    text[sizeof text - 1] = '\0';
    wfe_oci_identity identity = resolve(text);
    assert_true(strlen(identity.reason) < 130);
    assert_contains(identity.reason, "\xC3\xA4' is not");
    wfe_oci_identity_done(&identity);
}

static void test_oci_user_db__only_two_numbers_need_no_files(void **state)
{
    (void)state;
    assert_false(wfe_oci_identity_needs_files(NULL));
    assert_false(wfe_oci_identity_needs_files("0:0"));
    assert_true(wfe_oci_identity_needs_files("0"));
    assert_true(wfe_oci_identity_needs_files("0:root"));
    assert_true(wfe_oci_identity_needs_files("root:0"));
    assert_true(wfe_oci_identity_needs_files(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_user_db__names_give_ids_groups_and_home),
        cmocka_unit_test(test_oci_user_db__a_listed_uid_is_its_user),
        cmocka_unit_test(test_oci_user_db__an_unlisted_uid_has_group_0),
        cmocka_unit_test(test_oci_user_db__a_group_replaces_all_groups_of_the_user),
        cmocka_unit_test(test_oci_user_db__digits_are_always_an_id),
        cmocka_unit_test(test_oci_user_db__no_user_is_nobody_without_a_warning),
        cmocka_unit_test(test_oci_user_db__what_is_not_there_is_nobody_with_a_reason),
        cmocka_unit_test(test_oci_user_db__wrong_forms_are_nobody),
        cmocka_unit_test(test_oci_user_db__an_image_without_user_is_root),
        cmocka_unit_test(test_oci_user_db__ids_out_of_range_never_become_root),
        cmocka_unit_test(test_oci_user_db__malformed_lines_are_skipped),
        cmocka_unit_test(test_oci_user_db__nul_bytes_and_missing_last_newline),
        cmocka_unit_test(test_oci_user_db__a_home_that_is_no_path_is_left_out),
        cmocka_unit_test(test_oci_user_db__lines_and_files_have_limits),
        cmocka_unit_test(test_oci_user_db__more_groups_than_linux_takes_are_refused),
        cmocka_unit_test(test_oci_user_db__a_text_in_a_reason_is_cut_at_a_character),
        cmocka_unit_test(test_oci_user_db__only_two_numbers_need_no_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
