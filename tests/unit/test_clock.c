/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

#include "fixtures/wfe_assert.h"

static void test_clock__monotonic_never_goes_back(void **state)
{
    (void)state;
    uint64_t last = wfe_clock_monotonic_us();
    assert_true(last > 0);
    for (int i = 0; i < 10000; i++) {
        uint64_t now = wfe_clock_monotonic_us();
        assert_true(now >= last);
        last = now;
    }
}

static void test_clock__wall_lies_between_two_readings_of_the_libc(void **state)
{
    (void)state;
    time_t before = time(NULL);
    int64_t now = wfe_clock_wall_us();
    time_t after = time(NULL);
    /* time() may lag behind clock_gettime() by a tick. */
    assert_true(now / 1000000 >= before && now / 1000000 <= after + 1);
}

static void test_clock__formats_in_utc_with_microseconds(void **state)
{
    (void)state;
    char text[WFE_CLOCK_TEXT_SIZE];
    assert_string_equal(wfe_clock_format(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(wfe_clock_format(1769860800000001, text), "2026-01-31T12:00:00.000001Z");
    assert_string_equal(wfe_clock_format(951782399999999, text), "2000-02-28T23:59:59.999999Z");
    assert_string_equal(wfe_clock_format(951782400000000, text), "2000-02-29T00:00:00.000000Z");
}

static void test_clock__formats_times_before_1970(void **state)
{
    (void)state;
    char text[WFE_CLOCK_TEXT_SIZE];
    assert_string_equal(wfe_clock_format(-1, text), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(wfe_clock_format(-1000000, text), "1969-12-31T23:59:59.000000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__monotonic_never_goes_back),
        cmocka_unit_test(test_clock__wall_lies_between_two_readings_of_the_libc),
        cmocka_unit_test(test_clock__formats_in_utc_with_microseconds),
        cmocka_unit_test(test_clock__formats_times_before_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
