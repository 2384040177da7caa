/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "image/platform.h"

static wfe_image_platform platform(const char *architecture, const char *variant)
{
    wfe_image_platform out;
    wfe_image_platform_set(&out, "linux", architecture, variant);
    return out;
}

static int rank(const char *own, const char *own_variant, const char *other, const char *variant)
{
    wfe_image_platform machine = platform(own, own_variant), image = platform(other, variant);
    return wfe_image_platform_rank(&machine, &image);
}

static void test_image_platform__knows_every_spelling(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"x86_64", "", "linux/amd64"},     {"amd64", "v1", "linux/amd64"},
        {"amd64", "v3", "linux/amd64/v3"}, {"aarch64", "", "linux/arm64"},
        {"arm64", "v8", "linux/arm64"},    {"arm", "", "linux/arm/v7"},
        {"armhf", "", "linux/arm/v7"},     {"armel", "", "linux/arm/v6"},
        {"i686", "", "linux/386"},         {"s390x", "", "linux/s390x"},
        {"", "", "linux/unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
        wfe_image_platform out = platform(cases[i][0], cases[i][1]);
        assert_string_equal(wfe_image_platform_format(&out, text), cases[i][2]);
    }
}

static void test_image_platform__falls_back_from_the_newest_to_the_oldest(void **state)
{
    (void)state;
    assert_int_equal(rank("amd64", "", "amd64", ""), 0);
    assert_int_equal(rank("amd64", "", "amd64", "v2"), -1);
    assert_int_equal(rank("amd64", "v3", "amd64", "v3"), 0);
    assert_true(rank("amd64", "v3", "amd64", "v2") < rank("amd64", "v3", "amd64", ""));
    assert_true(rank("amd64", "v3", "amd64", "") < rank("amd64", "v3", "386", ""));
    assert_true(rank("arm", "v7", "arm", "v7") < rank("arm", "v7", "arm", "v6"));
    assert_int_equal(rank("arm", "v6", "arm", "v7"), -1);
    assert_int_equal(rank("arm64", "", "arm64", ""), 0);
    assert_true(rank("arm64", "", "arm", "v8") >= 0);
    assert_true(rank("arm64", "", "arm", "v8") < rank("arm64", "", "arm", "v7"));
    assert_true(rank("arm64", "", "arm", "v7") < rank("arm64", "", "arm", "v5"));
}

static void test_image_platform__refuses_what_cannot_run(void **state)
{
    (void)state;
    assert_int_equal(rank("amd64", "", "arm64", ""), -1);
    assert_int_equal(rank("arm64", "", "amd64", ""), -1);
    assert_int_equal(rank("386", "", "amd64", ""), -1);
    assert_int_equal(rank("amd64", "", "unknown", ""), -1);
    assert_int_equal(rank("amd64", "", "amd64", "odd"), -1);
    wfe_image_platform machine = platform("amd64", ""), image = machine;
    wfe_image_platform_set(&image, "windows", "amd64", "");
    assert_int_equal(wfe_image_platform_rank(&machine, &image), -1);
}

static void test_image_platform__reads_what_a_user_gives(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"linux/arm64", "linux/arm64"},     {"linux/arm/v6", "linux/arm/v6"},
        {"linux/x86_64", "linux/amd64"},    {"arm64", "linux/arm64"},
        {"windows/amd64", "windows/amd64"},
    };
    static const char *const bad[] = {
        "",          "linux",     "/",
        "linux/",    "/arm64",    "linux/a/b/c",
        "linux/a b", "linux//v7", "linux/a2345678901234567890123456789012",
        "foo",       "amd46"};
    wfe_image_platform out;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[WFE_IMAGE_PLATFORM_TEXT_SIZE];
        wfe_error err = WFE_ERROR_INIT;
        assert_ok(wfe_image_platform_parse(good[i][0], &out, &err), &err);
        assert_string_equal(wfe_image_platform_format(&out, text), good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_image_platform_parse(bad[i], &out, &err), WFE_E_INVALID, &err);
    }
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_image_platform_parse("arm46", &out, &err), WFE_E_INVALID, &err);
    assert_string_equal(err.hint, "did you mean linux/arm64?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_platform__knows_every_spelling),
        cmocka_unit_test(test_image_platform__falls_back_from_the_newest_to_the_oldest),
        cmocka_unit_test(test_image_platform__refuses_what_cannot_run),
        cmocka_unit_test(test_image_platform__reads_what_a_user_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
