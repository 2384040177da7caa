/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include "fixtures/wfe_assert.h"

static void test_strmap__keeps_the_order_of_first_insertion_and_the_last_value(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_strmap map = {0};
    assert_ok(wfe_strmap_set(&map, "b", "1", &err), &err);
    assert_ok(wfe_strmap_set(&map, "a", "2", &err), &err);
    assert_ok(wfe_strmap_set(&map, "b", "3", &err), &err);
    assert_int_equal(map.len, 2);
    assert_string_equal(map.items[0].key, "b");
    assert_string_equal(map.items[0].value, "3");
    assert_string_equal(map.items[1].key, "a");
    wfe_strmap_done(&map);
    assert_int_equal(map.len, 0);
    assert_null(map.items);
}

static void test_strmap__copies_what_it_is_given(void **state)
{
    (void)state;
    wfe_strmap map = {0};
    char key[] = "key";
    char value[] = "value";
    assert_ok(wfe_strmap_set(&map, key, value, NULL), NULL);
    key[0] = value[0] = 'X';
    assert_string_equal(wfe_strmap_get(&map, "key"), "value");
    /* Its own value is a valid argument too. */
    assert_ok(wfe_strmap_set(&map, "key", wfe_strmap_get(&map, "key"), NULL), NULL);
    assert_string_equal(wfe_strmap_get(&map, "key"), "value");
    wfe_strmap_done(&map);
}

static void test_strmap__get_of_an_absent_key_is_null(void **state)
{
    (void)state;
    wfe_strmap map = {0};
    assert_null(wfe_strmap_get(&map, "x"));
    assert_ok(wfe_strmap_set(&map, "x", "", NULL), NULL);
    assert_string_equal(wfe_strmap_get(&map, "x"), "");
    assert_null(wfe_strmap_get(&map, "X"));
    wfe_strmap_done(&map);
}

static void test_strmap__a_pair_is_split_at_its_first_equals_sign(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_strmap map = {0};
    assert_ok(wfe_strmap_set_pair(&map, "A=b=c", &err), &err);
    assert_ok(wfe_strmap_set_pair(&map, "E=", &err), &err);
    assert_string_equal(wfe_strmap_get(&map, "A"), "b=c");
    assert_string_equal(wfe_strmap_get(&map, "E"), "");
    assert_fails(wfe_strmap_set_pair(&map, "=x", NULL), WFE_E_INVALID, NULL);
    assert_fails(wfe_strmap_set_pair(&map, "NOVALUE", &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "NOVALUE");
    assert_int_equal(map.len, 2);
    wfe_strmap_done(&map);
}

static void test_strmap__holds_many_entries(void **state)
{
    (void)state;
    wfe_strmap map = {0};
    char key[24];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_ok(wfe_strmap_set(&map, key, key + 3, NULL), NULL);
    }
    assert_int_equal(map.len, 1000);
    assert_string_equal(wfe_strmap_get(&map, "key0"), "0");
    assert_string_equal(wfe_strmap_get(&map, "key999"), "999");
    wfe_strmap_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strmap__keeps_the_order_of_first_insertion_and_the_last_value),
        cmocka_unit_test(test_strmap__copies_what_it_is_given),
        cmocka_unit_test(test_strmap__get_of_an_absent_key_is_null),
        cmocka_unit_test(test_strmap__a_pair_is_split_at_its_first_equals_sign),
        cmocka_unit_test(test_strmap__holds_many_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
