/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "containerd/version.h"

static void test_containerd_version__reads_the_ways_daemons_write_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned major, minor, patch;
    } cases[] = {
        {"1.6.20~ds1", 1, 6, 20}, {"2.1.9+unknown", 2, 1, 9},
        {"v1.7.27", 1, 7, 27},    {"v2.0.0-rc.1", 2, 0, 0},
        {"1.7", 1, 7, 0},         {"2.2", 2, 2, 0},
        {"2.0.x", 2, 0, 0},       {"1.6.20~ds1-1+deb12u3", 1, 6, 20},
        {"10.20.30", 10, 20, 30}, {"v2.1.0-26-gabc.m", 2, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wfe_version_number version = {0};
        if (!wfe_version_parse(cases[i].text, &version))
            fail_msg("'%s' was not read", cases[i].text);
        assert_int_equal(version.major, cases[i].major);
        assert_int_equal(version.minor, cases[i].minor);
        assert_int_equal(version.patch, cases[i].patch);
    }
}

static void test_containerd_version__refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",      "v",    "1",    "1.",   "x1.2",    ".1.2",          "a.b",
        "vv1.2", "-1.2", " 1.2", "1 .2", "unknown", "99999999999.1", "1.99999999999"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wfe_version_number version = {7, 8, 9};
        if (wfe_version_parse(cases[i], &version))
            fail_msg("'%s' was read as a version", cases[i]);
        assert_int_equal(version.major, 7);
        assert_int_equal(version.patch, 9);
    }
}

static void test_containerd_version__compares_major_then_minor(void **state)
{
    (void)state;
    const wfe_version_number version = {1, 7, 24};
    assert_true(wfe_version_at_least(&version, 1, 7));
    assert_true(wfe_version_at_least(&version, 1, 6));
    assert_true(wfe_version_at_least(&version, 0, 9));
    assert_false(wfe_version_at_least(&version, 1, 8));
    assert_false(wfe_version_at_least(&version, 2, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containerd_version__reads_the_ways_daemons_write_it),
        cmocka_unit_test(test_containerd_version__refuses_what_is_none),
        cmocka_unit_test(test_containerd_version__compares_major_then_minor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
