/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dynlib.h"

#include "fixtures/wfe_assert.h"

static void test_dynlib__fills_in_addresses_and_may_be_called_again(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    void *cosine = NULL;
    const wfe_dynlib_symbol symbols[] = {{"cos", &cosine}};
    assert_ok(wfe_dynlib_load("libm.so.6", "libc6", symbols, 1, &err), &err);
    assert_non_null(cosine);
    void *first = cosine;
    assert_ok(wfe_dynlib_load("libm.so.6", "libc6", symbols, 1, &err), &err);
    assert_ptr_equal(cosine, first);
}

static void test_dynlib__names_the_library_that_is_missing_and_the_package(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_dynlib_load("libwfe-no-such.so.9", "libwfe-no-such9", NULL, 0, &err),
                 WFE_E_UNAVAILABLE, &err);
    assert_contains(err.message, "libwfe-no-such.so.9");
    assert_contains(err.hint, "libwfe-no-such9");
}

static void test_dynlib__names_the_function_that_is_missing(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    void *address = NULL;
    const wfe_dynlib_symbol symbols[] = {{"wfe_no_such_function", &address}};
    assert_fails(wfe_dynlib_load("libm.so.6", "libc6", symbols, 1, &err), WFE_E_UNAVAILABLE, &err);
    assert_contains(err.message, "wfe_no_such_function");
    assert_null(address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynlib__fills_in_addresses_and_may_be_called_again),
        cmocka_unit_test(test_dynlib__names_the_library_that_is_missing_and_the_package),
        cmocka_unit_test(test_dynlib__names_the_function_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
