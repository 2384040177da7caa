/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "image/www_authenticate.h"

static wfe_auth_challenges read_header(const char *header)
{
    wfe_auth_challenges challenges = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_auth_challenges_add(&challenges, header, &err), &err);
    return challenges;
}

static void test_www_authenticate__reads_the_challenge_of_a_token_server(void **state)
{
    (void)state;
    wfe_auth_challenges all = read_header("Bearer realm=\"https://auth.example/token\",service="
                                          "\"registry.example\",scope=\"repository:a/b:pull,push\""
                                          ",error=\"invalid_token\"");
    const wfe_auth_challenge *best = wfe_auth_challenges_best(&all);
    assert_non_null(best);
    assert_int_equal(best->scheme, WFE_AUTH_BEARER);
    assert_string_equal(best->realm, "https://auth.example/token");
    assert_string_equal(best->service, "registry.example");
    assert_string_equal(best->scope, "repository:a/b:pull,push");
    assert_string_equal(best->error, "invalid_token");
    wfe_auth_challenges_done(&all);
}

static void test_www_authenticate__takes_names_in_any_case_and_blanks_anywhere(void **state)
{
    (void)state;
    wfe_auth_challenges all =
        read_header(" , \tbEaReR  REALM = \"a b\\\"c\" ,\tService=plain , unknown=\"x, y=z\", ");
    assert_int_equal(all.n, 1);
    assert_int_equal(all.items[0].scheme, WFE_AUTH_BEARER);
    assert_string_equal(all.items[0].realm, "a b\"c");
    assert_string_equal(all.items[0].service, "plain");
    assert_null(all.items[0].scope);
    wfe_auth_challenges_done(&all);
}

static void test_www_authenticate__parts_several_challenges_of_one_header(void **state)
{
    (void)state;
    wfe_auth_challenges all =
        read_header("Basic realm=\"one\", Negotiate, NTLM TlRMTVNTUAAB==, Bearer realm=\"two\"");
    assert_int_equal(all.n, 4);
    assert_int_equal(all.items[0].scheme, WFE_AUTH_BASIC);
    assert_string_equal(all.items[0].realm, "one");
    assert_int_equal(all.items[1].scheme, WFE_AUTH_OTHER);
    assert_int_equal(all.items[2].scheme, WFE_AUTH_OTHER);
    assert_string_equal(wfe_auth_challenges_best(&all)->realm, "two");
    wfe_auth_challenges_done(&all);
}

static void test_www_authenticate__collects_several_headers(void **state)
{
    (void)state;
    wfe_auth_challenges all = read_header("Bearer realm=\"token\"");
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_auth_challenges_add(&all, "Basic realm=\"password\"", &err), &err);
    assert_int_equal(all.n, 2);
    assert_string_equal(wfe_auth_challenges_best(&all)->realm, "token");
    wfe_auth_challenges_done(&all);
}

static void test_www_authenticate__has_nothing_to_answer_to_unknown_schemes(void **state)
{
    (void)state;
    wfe_auth_challenges all = read_header("Digest realm=\"x\", nonce=\"y\"");
    assert_null(wfe_auth_challenges_best(&all));
    wfe_auth_challenges_done(&all);
}

static void test_www_authenticate__names_the_position_of_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *header, *position;
    } cases[] = {
        {"=", "position 1"},
        {"Bearer realm=\"open", "position 19"},
        {"Bearer realm=\"a\" service=\"b\"", "position 18"},
        {"Bearer a=\"1\", realm=", "position 21"},
        {"Bearer a=\"1\", realm=,", "position 21"},
        {"Bearer (", "position 8"},
        {"Bearer\"", "position 7"},
        {"Bearer realm=\"a\nb\"", "position 16"},
        {"Bearer realm=\"a\\", "position 17"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_auth_challenges all = {0};
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_auth_challenges_add(&all, cases[i].header, &err), WFE_E_PROTOCOL, &err);
        assert_contains(err.message, cases[i].position);
        wfe_auth_challenges_done(&all);
    }
}

static void test_www_authenticate__bounds_the_header_and_the_challenges(void **state)
{
    (void)state;
    static char header[WFE_AUTH_HEADER_MAX_BYTES + 2];
    wfe_auth_challenges all = {0};
    wfe_error err = WFE_ERROR_INIT;
    memset(header, 'a', sizeof header - 1);
    assert_fails(wfe_auth_challenges_add(&all, header, &err), WFE_E_LIMIT, &err);
    wfe_auth_challenges_done(&all);
    wfe_error many = WFE_ERROR_INIT;
    assert_fails(wfe_auth_challenges_add(&all, "a,a,a,a,a,a,a,a,a", &many), WFE_E_LIMIT, &many);
    wfe_auth_challenges_done(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_www_authenticate__reads_the_challenge_of_a_token_server),
        cmocka_unit_test(test_www_authenticate__takes_names_in_any_case_and_blanks_anywhere),
        cmocka_unit_test(test_www_authenticate__parts_several_challenges_of_one_header),
        cmocka_unit_test(test_www_authenticate__collects_several_headers),
        cmocka_unit_test(test_www_authenticate__has_nothing_to_answer_to_unknown_schemes),
        cmocka_unit_test(test_www_authenticate__names_the_position_of_what_is_wrong),
        cmocka_unit_test(test_www_authenticate__bounds_the_header_and_the_challenges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
