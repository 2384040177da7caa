/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include "fixtures/wfe_assert.h"

static void test_id__random_ones_are_hexadecimal_of_the_length_asked_for(void **state)
{
    (void)state;
    static const size_t lengths[] = {2, 12, 32, 64};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        wfe_error err = WFE_ERROR_INIT;
        char id[66];
        memset(id, '!', sizeof id);
        assert_ok(wfe_id_random(id, lengths[i], &err), &err);
        assert_int_equal(strlen(id), lengths[i]);
        assert_int_equal(strspn(id, "0123456789abcdef"), lengths[i]);
        assert_int_equal(id[lengths[i] + 1], '!');
    }
}

static void test_id__random_ones_differ(void **state)
{
    (void)state;
    char a[33];
    char b[33];
    assert_ok(wfe_id_random(a, 32, NULL), NULL);
    assert_ok(wfe_id_random(b, 32, NULL), NULL);
    assert_string_not_equal(a, b);
}

static void test_id__validity_is_containerds_rule(void **state)
{
    (void)state;
    static const char *const valid[] = {"a", "0", "default", "k8s.io", "a-b_c.d", "A1", "moby"};
    static const char *const invalid[] = {"",    "-",   ".a", "a.",  "a..b",     "a--b", "a._b",
                                          "a b", "a/b", "..", "a\n", "\xC3\xA4", "a:b"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        if (!wfe_id_is_valid(valid[i]))
            fail_msg("'%s' is refused", valid[i]);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        if (wfe_id_is_valid(invalid[i]))
            fail_msg("'%s' is accepted", invalid[i]);
    }
    char text[WFE_ID_MAX_LENGTH + 2];
    memset(text, 'a', sizeof text);
    text[WFE_ID_MAX_LENGTH + 1] = '\0';
    assert_false(wfe_id_is_valid(text));
    text[WFE_ID_MAX_LENGTH] = '\0';
    assert_true(wfe_id_is_valid(text));
}

static void assert_container(const char *run, const char *step, unsigned attempt,
                             const char *wanted)
{
    char id[WFE_ID_CONTAINER_SIZE];
    wfe_id_container(id, run, step, attempt);
    assert_string_equal(id, wanted);
    if (!wfe_id_is_valid(id))
        fail_msg("'%s' is no id to containerd", id);
}

static void test_id__a_containers_id_follows_from_run_step_and_attempt(void **state)
{
    (void)state;
    assert_container("0123456789ab", "build", 1, "wfe-0123456789ab-build-1");
    assert_container("r", "unit tests / linux", 12, "wfe-r-unit-tests-linux-12");
    assert_container("--r--", "..", 1, "wfe-r-x-1");
    assert_container("", "", 0, "wfe-x-x-0");
}

static void test_id__a_containers_id_stays_valid_where_its_parts_are_cut(void **state)
{
    (void)state;
    assert_container("0123456789abcdef", "12345678901234567890XYZ", 4294967295U,
                     "wfe-0123456789ab-12345678901234567890-4294967295");
    assert_container("01234567890-x", "1234567890123456789-a", 1,
                     "wfe-01234567890-1234567890123456789-1");
    assert_container("\xC3\xA4",
                     "b\xC3\xBC"
                     "c",
                     1, "wfe-x-b-c-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id__random_ones_are_hexadecimal_of_the_length_asked_for),
        cmocka_unit_test(test_id__random_ones_differ),
        cmocka_unit_test(test_id__validity_is_containerds_rule),
        cmocka_unit_test(test_id__a_containers_id_follows_from_run_step_and_attempt),
        cmocka_unit_test(test_id__a_containers_id_stays_valid_where_its_parts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
