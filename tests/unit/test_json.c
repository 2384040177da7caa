/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "fixtures/wfe_assert.h"

static void test_json__reads_values(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,2,3]} and more";
    json_t *value = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_json_load(text, 13, 0, &value, &err), &err);
    assert_int_equal(json_array_size(json_object_get(value, "a")), 3);
    json_decref(value);
}

static void test_json__says_where_it_is_wrong(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "{} x", "{\"a\":\xff}", "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *value = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(
            wfe_json_load(texts[i], strlen(texts[i]), JSON_REJECT_DUPLICATES, &value, &err),
            WFE_E_INVALID, &err);
        assert_contains(err.message, "it is no JSON: ");
        assert_contains(err.message, "line 1");
        assert_null(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__reads_values),
        cmocka_unit_test(test_json__says_where_it_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
