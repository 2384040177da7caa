/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "containerd/timestamp.h"

static Pb__Timestamp make(int64_t seconds, int32_t nanos)
{
    Pb__Timestamp timestamp = PB__TIMESTAMP__INIT;
    timestamp.seconds = seconds;
    timestamp.nanos = nanos;
    return timestamp;
}

static void test_containerd_timestamp__reads_microseconds(void **state)
{
    (void)state;
    Pb__Timestamp timestamp = make(1700000000, 123456789);
    int64_t us = 0;
    assert_true(wfe_timestamp_to_us(&timestamp, &us));
    assert_int_equal(us, 1700000000123456);
    timestamp = make(0, 0);
    assert_true(wfe_timestamp_to_us(&timestamp, &us));
    assert_int_equal(us, 0);
    timestamp = make(-1, 999999000);
    assert_true(wfe_timestamp_to_us(&timestamp, &us));
    assert_int_equal(us, -1);
}

static void test_containerd_timestamp__takes_gos_zero_time_as_unset(void **state)
{
    (void)state;
    int64_t us = 42;
    Pb__Timestamp timestamp = make(-62135596800, 0);
    assert_false(wfe_timestamp_to_us(&timestamp, &us));
    assert_false(wfe_timestamp_to_us(NULL, &us));
    assert_int_equal(us, 42);
}

static void test_containerd_timestamp__refuses_what_overflows(void **state)
{
    (void)state;
    int64_t us = 42;
    const Pb__Timestamp bad[] = {make(INT64_MAX, 0), make(INT64_MIN, 0), make(253402300800, 0),
                                 make(0, -1), make(0, 1000000000)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(wfe_timestamp_to_us(&bad[i], &us));
    assert_int_equal(us, 42);
}

static void test_containerd_timestamp__comes_back_the_same(void **state)
{
    (void)state;
    static const int64_t cases[] = {0, 1, -1, 999999, -1000000, -1000001, 1700000000123456};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Pb__Timestamp timestamp = wfe_timestamp_from_us(cases[i]);
        assert_true(timestamp.nanos >= 0 && timestamp.nanos <= 999999999);
        int64_t us = 0;
        assert_true(wfe_timestamp_to_us(&timestamp, &us));
        assert_int_equal(us, cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containerd_timestamp__reads_microseconds),
        cmocka_unit_test(test_containerd_timestamp__takes_gos_zero_time_as_unset),
        cmocka_unit_test(test_containerd_timestamp__refuses_what_overflows),
        cmocka_unit_test(test_containerd_timestamp__comes_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
