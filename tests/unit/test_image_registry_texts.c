/* SPDX-License-Identifier: Apache-2.0
 *
 * What is sent to token servers, and what is read of their answers and of a registry's.
 */
#include "fixtures/wfe_assert.h"

#include <stdlib.h>
#include <time.h>

#include "image/registry_priv.h"

static void test_registry_token__asks_for_the_scope_of_the_challenge_or_its_own(void **state)
{
    (void)state;
    _cleanup_free_ char *given = NULL, *own = NULL;
    wfe_auth_challenge challenge = {.scope = (char *)(uintptr_t) "repository:a:pull"};
    assert_ok(wfe_registry_scope(&challenge, "a/b", &given, NULL), NULL);
    assert_string_equal(given, "repository:a:pull");
    challenge.scope = NULL;
    assert_ok(wfe_registry_scope(&challenge, "a/b", &own, NULL), NULL);
    assert_string_equal(own, "repository:a/b:pull");
}

static void test_registry_token__escapes_what_goes_into_the_url(void **state)
{
    (void)state;
    _cleanup_free_ char *url = NULL, *more = NULL;
    assert_ok(
        wfe_registry_token_url("https://t/token", "reg & co", "repository:a/b:pull", &url, NULL),
        NULL);
    assert_string_equal(url, "https://t/token?service=reg%20%26%20co&scope=repository%3Aa%2Fb%3A"
                             "pull");
    assert_ok(wfe_registry_token_url("https://t/token?x=1", NULL, "a b", &more, NULL), NULL);
    assert_string_equal(more, "https://t/token?x=1&scope=a&scope=b");
}

static void test_registry_token__writes_forms_for_passwords_and_for_identity_tokens(void **state)
{
    (void)state;
    _cleanup_free_ char *form = NULL, *refresh = NULL;
    const wfe_credential user = {.username = (char *)(uintptr_t) "me",
                                 .password = (char *)(uintptr_t) "p&=\xc3\xa4"};
    assert_ok(wfe_registry_token_form(&user, "reg", "s:x", &form, NULL), NULL);
    assert_string_equal(form, "grant_type=password&client_id=wfe&service=reg&scope=s%3Ax"
                              "&username=me&password=p%26%3D%C3%A4");
    const wfe_credential token = {.identity_token = (char *)(uintptr_t) "a+b"};
    assert_ok(wfe_registry_token_form(&token, NULL, "s", &refresh, NULL), NULL);
    assert_string_equal(refresh,
                        "grant_type=refresh_token&client_id=wfe&scope=s&refresh_token=a%2Bb");
}

static void test_registry_token__encodes_basic(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"me", "secret", "Basic bWU6c2VjcmV0"},
        {"a", "b:c", "Basic YTpiOmM="},
        {"Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        {"\xff", "\xfe", "Basic /zr+"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_free_ char *value = NULL;
        const wfe_credential user = {.username = (char *)(uintptr_t)cases[i][0],
                                     .password = (char *)(uintptr_t)cases[i][1]};
        assert_ok(wfe_registry_basic_value(&user, &value, NULL), NULL);
        assert_string_equal(value, cases[i][2]);
    }
}

static void test_registry_token__reads_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
        uint64_t lives_ms;
    } cases[] = {
        {"{\"token\": \"abc\"}", "Bearer abc", 60000},
        {"{\"access_token\": \"abc\", \"expires_in\": 300}", "Bearer abc", 300000},
        {"{\"token\": \"abc\", \"access_token\": \"def\"}", "Bearer abc", 60000},
        {"{\"token\": \"\", \"access_token\": \"def\"}", "Bearer def", 60000},
        {"{\"token\": \"a\", \"expires_in\": -5}", "Bearer a", 60000},
        {"{\"token\": \"a\", \"expires_in\": 9999999999}", "Bearer a", 86400000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _cleanup_free_ char *value = NULL;
        uint64_t lives_ms = 0;
        wfe_error err = WFE_ERROR_INIT;
        assert_ok(wfe_registry_token_answer(cases[i].text, strlen(cases[i].text), &value, &lives_ms,
                                            &err),
                  &err);
        assert_string_equal(value, cases[i].value);
        assert_int_equal(lives_ms, cases[i].lives_ms);
    }
}

static void test_registry_token__refuses_answers_without_showing_them(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "SECRET",
                                      "{}",
                                      "{\"token\": 1}",
                                      "[\"SECRET\"]",
                                      "{\"token\": \"SECRET\\r\\nX: y\"}",
                                      "{\"token\": \"SECRET\", ",
                                      "{\"token\": \"SECRET \"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *value = NULL;
        uint64_t lives_ms = 0;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_registry_token_answer(bad[i], strlen(bad[i]), &value, &lives_ms, &err),
                     WFE_E_PROTOCOL, &err);
        assert_null(value);
        assert_null(strstr(err.message, "SECRET"));
    }
}

static void test_registry_token__fetches_tokens_over_tls_unless_the_registry_has_none(void **state)
{
    (void)state;
    static const struct {
        const char *realm;
        bool host_is_https;
        int kind;
    } cases[] = {
        {"https://auth.example/token", true, 0},
        {"https://auth.example/token", false, 0},
        {"http://127.0.0.1:5001/token", false, 0},
        {"http://auth.example/token", true, WFE_E_DENIED},
        {"", true, WFE_E_PROTOCOL},
        {NULL, true, WFE_E_PROTOCOL},
        {"file:///etc/passwd", true, WFE_E_PROTOCOL},
        {"https://user@auth.example/", true, WFE_E_PROTOCOL},
        {"/token", true, WFE_E_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        int rc = wfe_registry_check_realm(cases[i].realm, cases[i].host_is_https, &err);
        wfe_assert_result(rc, cases[i].kind, &err, cases[i].realm, __FILE__, __LINE__);
    }
}

static void test_registry_response__reads_ranges_and_sizes(void **state)
{
    (void)state;
    uint64_t first = 9, last = 9, size = 9;
    int64_t total = 9;
    assert_true(wfe_registry_parse_content_range("bytes 10-99/100", &first, &last, &total));
    assert_true(first == 10 && last == 99 && total == 100);
    assert_true(wfe_registry_parse_content_range("Bytes 0-0/*", &first, &last, &total));
    assert_true(first == 0 && last == 0 && total == -1);
    static const char *const bad[] = {"",
                                      "bytes",
                                      "bytes 1-",
                                      "bytes 5-4/10",
                                      "bytes 0-10/10",
                                      "bytes */10",
                                      "bytes -1-2/10",
                                      "bytes 0-1/1x",
                                      "bytes 0-99999999999999999999/*",
                                      "lines 0-1/2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(wfe_registry_parse_content_range(bad[i], &first, &last, &total));
    assert_false(wfe_registry_parse_content_range(NULL, &first, &last, &total));
    assert_true(wfe_registry_parse_size("0", &size) && size == 0);
    assert_true(wfe_registry_parse_size("123456789012", &size) && size == 123456789012);
    assert_false(wfe_registry_parse_size("-1", &size) || wfe_registry_parse_size("", &size) ||
                 wfe_registry_parse_size("1 ", &size) || wfe_registry_parse_size(NULL, &size) ||
                 wfe_registry_parse_size("9223372036854775808", &size));
}

static void test_registry_response__reads_retry_after_in_both_forms(void **state)
{
    (void)state;
    char date[64];
    time_t then = time(NULL) + 100;
    struct tm parts;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &parts));
    uint32_t wait_ms = wfe_registry_retry_after_ms(date);
    assert_true(wait_ms > 50000 && wait_ms <= 100000);
    assert_int_equal(wfe_registry_retry_after_ms("7"), 7000);
    assert_int_equal(wfe_registry_retry_after_ms("99999999999"), UINT32_MAX);
    assert_int_equal(wfe_registry_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
    assert_int_equal(wfe_registry_retry_after_ms("soon"), 0);
    assert_int_equal(wfe_registry_retry_after_ms("-5"), 0);
    assert_int_equal(wfe_registry_retry_after_ms(NULL), 0);
}

static void test_registry_response__shows_what_the_registry_says(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"errors\": [{\"code\": \"DENIED\", \"message\": \"no\\nway\"}]}", "DENIED: no way"},
        {"{\"errors\": [{\"code\": \"DENIED\"}]}", "DENIED"},
        {"{\"errors\": [{\"message\": \"only\"}]}", "only"},
        {"{\"error\": \"x\", \"error_description\": \"of a token server\"}", "of a token server"},
        {"{\"details\": \"incorrect\"}", "incorrect"},
        {"{\"errors\": []}", ""},
        {"{\"errors\": 7}", ""},
        {"<html>", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[64];
        wfe_registry_error_text(cases[i][0], strlen(cases[i][0]), out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
    /* Cut at a whole character. */
    char out[8];
    const char *text = "{\"errors\": [{\"message\": \"äääää\"}]}";
    wfe_registry_error_text(text, strlen(text), out, sizeof out);
    assert_string_equal(out, "äää");
    wfe_registry_error_text(NULL, 0, out, sizeof out);
    assert_string_equal(out, "");
}

static void test_registry_response__tells_the_tags_there_are(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    const char *list = "{\"name\": \"a\", \"tags\": [\"1.0\", \"latest\", 5, \"bad\\ntag\"]}";
    wfe_error_set(&err, WFE_E_NOT_FOUND, "no tag lates");
    wfe_registry_add_tags(&err, "lates", list, strlen(list));
    assert_string_equal(err.message, "no tag lates; it has 2 tags: 1.0, latest");
    assert_contains(err.hint, "'latest'");
    wfe_error many = WFE_ERROR_INIT;
    char text[1024] = "{\"tags\": [\"t0\"";
    for (int i = 1; i < 30; i++)
        snprintf(text + strlen(text), 16, ", \"t%d\"", i);
    strcat(text, "]}");
    wfe_error_set(&many, WFE_E_NOT_FOUND, "no tag");
    wfe_registry_add_tags(&many, "something-else", text, strlen(text));
    assert_contains(many.message, "it has 30 tags: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, ...");
    assert_string_equal(many.hint, "");
    wfe_error none = WFE_ERROR_INIT;
    wfe_error_set(&none, WFE_E_NOT_FOUND, "no tag");
    wfe_registry_add_tags(&none, "x", "{\"tags\": null}", 14);
    wfe_registry_add_tags(&none, "x", NULL, 0);
    wfe_registry_add_tags(&none, "x", "nonsense", 8);
    assert_string_equal(none.message, "no tag");
}

static void test_http_url__reads_what_requests_need(void **state)
{
    (void)state;
    wfe_http_url url, other;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_http_url_parse("HTTPS://User@Reg.example:8443/a/b?q=1", &url, &err), &err);
    assert_true(url.is_https && url.has_login && url.has_query);
    assert_int_equal(url.port, 8443);
    assert_string_equal(url.path, "/a/b");
    assert_ok(wfe_http_url_parse("http://[::1]", &url, &err), &err);
    assert_string_equal(url.host, "[::1]");
    assert_int_equal(url.port, 80);
    assert_string_equal(url.path, "/");
    assert_ok(wfe_http_url_parse("https://a.example", &url, &err), &err);
    assert_ok(wfe_http_url_parse("https://A.example:443/x", &other, &err), &err);
    assert_true(wfe_http_url_same_origin(&url, &other));
    assert_ok(wfe_http_url_parse("http://a.example:443/", &other, &err), &err);
    assert_false(wfe_http_url_same_origin(&url, &other));
    assert_ok(wfe_http_url_parse("https://a.example:444/", &other, &err), &err);
    assert_false(wfe_http_url_same_origin(&url, &other));
    static const char *const bad[] = {
        "", "a", "/a", "ftp://a/", "https://", "http://a b/", "https://a:99999/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_error why = WFE_ERROR_INIT;
        assert_fails(wfe_http_url_parse(bad[i], &url, &why), WFE_E_INVALID, &why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry_token__asks_for_the_scope_of_the_challenge_or_its_own),
        cmocka_unit_test(test_registry_token__escapes_what_goes_into_the_url),
        cmocka_unit_test(test_registry_token__writes_forms_for_passwords_and_for_identity_tokens),
        cmocka_unit_test(test_registry_token__encodes_basic),
        cmocka_unit_test(test_registry_token__reads_answers),
        cmocka_unit_test(test_registry_token__refuses_answers_without_showing_them),
        cmocka_unit_test(test_registry_token__fetches_tokens_over_tls_unless_the_registry_has_none),
        cmocka_unit_test(test_registry_response__reads_ranges_and_sizes),
        cmocka_unit_test(test_registry_response__reads_retry_after_in_both_forms),
        cmocka_unit_test(test_registry_response__shows_what_the_registry_says),
        cmocka_unit_test(test_registry_response__tells_the_tags_there_are),
        cmocka_unit_test(test_http_url__reads_what_requests_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
