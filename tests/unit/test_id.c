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
    assert_container("0123456789ab", "build", 1, "wfe-0123456789ab-build-c5ffdc6b-1");
    assert_container("r", "unit / linux", 12, "wfe-r-unit-linux-4692053a-12");
    assert_container("--r--", "..", 1, "wfe-r-x-af9d9dd9-1");
    assert_container("", "", 0, "wfe-x-x-117697cd-0");
}

static void test_id__a_containers_id_stays_valid_where_its_parts_are_cut(void **state)
{
    (void)state;
    assert_container("0123456789abcdef", "123456789012XYZ", 4294967295U,
                     "wfe-0123456789ab-123456789012-d5f56508-4294967295");
    assert_container("01234567890-x", "12345678901-a", 1, "wfe-01234567890-12345678901-9c1ef873-1");
    assert_container("\xC3\xA4",
                     "b\xC3\xBC"
                     "c",
                     1, "wfe-x-b-c-953e63f0-1");
}

static void test_id__containers_of_names_that_are_cut_to_the_same_differ(void **state)
{
    (void)state;
    char one[WFE_ID_CONTAINER_SIZE], two[WFE_ID_CONTAINER_SIZE];
    wfe_id_container(one, "run", "build-linux-amd64-gcc-12", 1);
    wfe_id_container(two, "run", "build-linux-amd64-gcc-13", 1);
    assert_string_not_equal(one, two);
    wfe_id_container(one, "a", "bc", 1);
    wfe_id_container(two, "ab", "c", 1);
    assert_string_not_equal(one, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id__random_ones_are_hexadecimal_of_the_length_asked_for),
        cmocka_unit_test(test_id__random_ones_differ),
        cmocka_unit_test(test_id__validity_is_containerds_rule),
        cmocka_unit_test(test_id__a_containers_id_follows_from_run_step_and_attempt),
        cmocka_unit_test(test_id__a_containers_id_stays_valid_where_its_parts_are_cut),
        cmocka_unit_test(test_id__containers_of_names_that_are_cut_to_the_same_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
