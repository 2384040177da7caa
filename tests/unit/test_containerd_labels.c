/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "containerd/labels.h"

static void test_containerd_labels__allows_4096_bytes_of_key_and_value(void **state)
{
    (void)state;
    char value[WFE_LABELS_MAX_BYTES + 1];
    memset(value, 'v', sizeof value);
    value[WFE_LABELS_MAX_BYTES - 3] = '\0';
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_labels_check("key", value, &err), &err);
    assert_ok(wfe_labels_check("key", "", &err), &err);
}

static void test_containerd_labels__names_the_key_that_is_too_long(void **state)
{
    (void)state;
    char value[WFE_LABELS_MAX_BYTES + 1];
    memset(value, 'v', sizeof value);
    value[WFE_LABELS_MAX_BYTES - 2] = '\0';
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_labels_check("key", value, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "label 'key': key and value are 4097 bytes, at most 4096");
}

static void test_containerd_labels__refuses_an_empty_key(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_labels_check("", "x", &err), WFE_E_INVALID, &err);
}

static void test_containerd_labels__finds_a_value_by_its_whole_key(void **state)
{
    (void)state;
    Pb__Pair a = PB__PAIR__INIT, b = PB__PAIR__INIT;
    a.key = "wfe.run.x";
    a.value = "1";
    b.key = "wfe.run";
    b.value = "2";
    Pb__Pair *const labels[] = {&a, &b};
    assert_string_equal(wfe_labels_find(labels, 2, "wfe.run"), "2");
    assert_null(wfe_labels_find(labels, 2, "wfe"));
    assert_null(wfe_labels_find(NULL, 0, "wfe.run"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containerd_labels__allows_4096_bytes_of_key_and_value),
        cmocka_unit_test(test_containerd_labels__names_the_key_that_is_too_long),
        cmocka_unit_test(test_containerd_labels__refuses_an_empty_key),
        cmocka_unit_test(test_containerd_labels__finds_a_value_by_its_whole_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
