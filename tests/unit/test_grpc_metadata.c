/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/metadata.h"

#include "fixtures/wfe_assert.h"

static void assert_timeout(uint64_t ms, const char *wanted)
{
    char text[WFE_GRPC_TIMEOUT_SIZE];
    assert_string_equal(wfe_grpc_timeout_format(ms, text), wanted);
}

static void test_grpc_metadata__timeouts_have_at_most_eight_digits_and_round_up(void **state)
{
    (void)state;
    assert_timeout(1, "1m");
    assert_timeout(5000, "5000m");
    assert_timeout(99999999, "99999999m");
    assert_timeout(100000000, "100000S");
    assert_timeout(100000001, "100001S");
    assert_timeout(UINT64_C(100000000) * 1000, "1666667M");
    assert_timeout(UINT64_C(99999999) * 3600000, "99999999H");
    assert_timeout(UINT64_MAX, "99999999H");
}

static void assert_decoded(const char *from, const char *wanted)
{
    char text[64];
    size_t len = strlen(from);
    assert_true(len < sizeof text);
    memcpy(text, from, len);
    size_t out = wfe_grpc_percent_decode(text, len);
    assert_int_equal(out, strlen(wanted));
    assert_memory_equal(text, wanted, out);
}

static void test_grpc_metadata__messages_are_percent_decoded(void **state)
{
    (void)state;
    assert_decoded("", "");
    assert_decoded("plain text", "plain text");
    assert_decoded("100%25", "100%");
    assert_decoded("caf%C3%A9", "caf\xC3\xA9");
    assert_decoded("%2f%2F", "//");
}

static void test_grpc_metadata__bad_escapes_stay_as_they_are(void **state)
{
    (void)state;
    assert_decoded("%", "%");
    assert_decoded("%4", "%4");
    assert_decoded("%zz", "%zz");
    assert_decoded("%4g1", "%4g1");
    assert_decoded("50% of", "50% of");
    assert_decoded("%%41", "%A");
}

static void assert_pair(const char *key, const char *value, int wanted)
{
    const wfe_grpc_metadata pair = {key, value};
    wfe_error err = WFE_ERROR_INIT;
    wfe_assert_result(wfe_grpc_metadata_check(&pair, 1, &err), wanted, &err, key ? key : "NULL",
                      __FILE__, __LINE__);
}

static void test_grpc_metadata__keys_and_values_are_checked(void **state)
{
    (void)state;
    assert_pair("containerd-namespace", "default", 0);
    assert_pair("a.b_c-1", "", 0);
    assert_pair("x", "printable ~!", 0);
    assert_pair("", "v", WFE_E_INVALID);
    assert_pair(NULL, "v", WFE_E_INVALID);
    assert_pair("Upper", "v", WFE_E_INVALID);
    assert_pair(":path", "v", WFE_E_INVALID);
    assert_pair("a b", "v", WFE_E_INVALID);
    assert_pair("te", "v", WFE_E_INVALID);
    assert_pair("grpc-timeout", "1S", WFE_E_INVALID);
    assert_pair("x", "a\r\nb: c", WFE_E_INVALID);
    assert_pair("x", "caf\xC3\xA9", WFE_E_INVALID);
    assert_pair("x", NULL, WFE_E_INVALID);
}

static void test_grpc_metadata__too_many_pairs_are_refused(void **state)
{
    (void)state;
    wfe_grpc_metadata pairs[WFE_GRPC_METADATA_MAX + 1];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        pairs[i] = (wfe_grpc_metadata){"x", "y"};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_grpc_metadata_check(pairs, WFE_GRPC_METADATA_MAX, &err), &err);
    assert_fails(wfe_grpc_metadata_check(pairs, WFE_GRPC_METADATA_MAX + 1, &err), WFE_E_INVALID,
                 &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grpc_metadata__timeouts_have_at_most_eight_digits_and_round_up),
        cmocka_unit_test(test_grpc_metadata__messages_are_percent_decoded),
        cmocka_unit_test(test_grpc_metadata__bad_escapes_stay_as_they_are),
        cmocka_unit_test(test_grpc_metadata__keys_and_values_are_checked),
        cmocka_unit_test(test_grpc_metadata__too_many_pairs_are_refused),
    };
    return cmocka_run_group_tests_name("grpc_metadata", tests, NULL, NULL);
}
