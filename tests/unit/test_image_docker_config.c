/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "image/docker_config.h"

static wfe_docker_config *parse(const char *text)
{
    wfe_docker_config *config = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_docker_config_parse(text, strlen(text), &config, &err), &err);
    return config;
}

static wfe_credential find(const wfe_docker_config *config, const char *host)
{
    wfe_credential found = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_docker_config_find(config, host, &found, &err), &err);
    return found;
}

static void assert_login(const wfe_docker_config *config, const char *host, const char *username,
                         const char *password)
{
    wfe_credential found = find(config, host);
    assert_non_null(found.username);
    assert_non_null(found.password);
    assert_string_equal(found.username, username);
    assert_string_equal(found.password, password);
    wfe_credential_done(&found);
}

static void assert_no_login(const wfe_docker_config *config, const char *host)
{
    wfe_credential found = find(config, host);
    assert_true(wfe_credential_is_empty(&found));
}

static void test_docker_config__decodes_user_and_password(void **state)
{
    (void)state;
    /* me:secret, me:, a:b:c (with a colon in the password), and one without padding */
    wfe_docker_config *config = parse("{\"auths\": {\"a.example\": {\"auth\": \"bWU6c2VjcmV0\"},"
                                      "\"b.example:5000\": {\"auth\": \"bWU6\"},"
                                      "\"c.example\": {\"auth\": \"YTpiOmM=\"},"
                                      "\"d.example\": {\"auth\": \"YTpiOmM\"},"
                                      "\"e.example\": {\"username\": \"u\", \"password\": \"p\"},"
                                      "\"f.example\": {}}, \"HttpHeaders\": {\"X\": \"y\"}}");
    assert_login(config, "a.example", "me", "secret");
    assert_login(config, "b.example:5000", "me", "");
    assert_login(config, "c.example", "a", "b:c");
    assert_login(config, "d.example", "a", "b:c");
    assert_login(config, "e.example", "u", "p");
    assert_no_login(config, "f.example");
    assert_no_login(config, "b.example");
    assert_no_login(config, "b.example:5001");
    wfe_docker_config_free(config);
}

static void test_docker_config__knows_docker_hub_by_all_its_names(void **state)
{
    (void)state;
    static const char *const keys[] = {"https://index.docker.io/v1/", "docker.io",
                                       "index.docker.io", "https://registry-1.docker.io/v2/"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"auths\": {\"%s\": {\"auth\": \"bWU6c2VjcmV0\"}}}", keys[i]);
        wfe_docker_config *config = parse(text);
        assert_login(config, "registry-1.docker.io", "me", "secret");
        assert_login(config, "docker.io", "me", "secret");
        assert_no_login(config, "other.docker.io");
        wfe_docker_config_free(config);
    }
    assert_string_equal(wfe_docker_config_server("registry-1.docker.io"),
                        "https://index.docker.io/v1/");
    assert_string_equal(wfe_docker_config_server("ghcr.io"), "ghcr.io");
}

static void test_docker_config__takes_keys_that_are_urls(void **state)
{
    (void)state;
    wfe_docker_config *config =
        parse("{\"auths\": {\"https://A.example/v1/\": {\"auth\": \"bWU6c2VjcmV0\"},"
              "\"http://b.example:5000\": {\"auth\": \"YTpiOmM=\"},"
              "\"b.example:5000\": {\"auth\": \"bWU6\"}}}");
    assert_login(config, "a.example", "me", "secret");
    /* The host as it is goes before a key that means the same. */
    assert_login(config, "b.example:5000", "me", "");
    wfe_docker_config_free(config);
}

static void test_docker_config__reads_tokens(void **state)
{
    (void)state;
    wfe_docker_config *config =
        parse("{\"auths\": {\"a.example\": {\"auth\": \"\", \"identitytoken\": \"identity\"},"
              "\"b.example\": {\"registrytoken\": \"token\"}}}");
    wfe_credential found = find(config, "a.example");
    assert_string_equal(found.identity_token, "identity");
    assert_null(found.username);
    wfe_credential_done(&found);
    found = find(config, "b.example");
    assert_string_equal(found.registry_token, "token");
    wfe_credential_done(&found);
    wfe_docker_config_free(config);
}

static void test_docker_config__names_the_helper_of_a_host(void **state)
{
    (void)state;
    wfe_docker_config *config =
        parse("{\"credHelpers\": {\"a.example\": \"ecr-login\", \"b.example\": \"\","
              "\"docker.io\": \"hub\"}, \"credsStore\": \"pass\"}");
    assert_string_equal(wfe_docker_config_helper(config, "a.example"), "ecr-login");
    assert_string_equal(wfe_docker_config_helper(config, "b.example"), "pass");
    assert_string_equal(wfe_docker_config_helper(config, "c.example"), "pass");
    assert_string_equal(wfe_docker_config_helper(config, "registry-1.docker.io"), "hub");
    wfe_docker_config_free(config);
    config = parse("{}");
    assert_null(wfe_docker_config_helper(config, "a.example"));
    assert_no_login(config, "a.example");
    wfe_docker_config_free(config);
}

static void test_docker_config__tells_no_value_when_something_is_wrong(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"auths\": {\"a\": {\"auth\": \"SECRET",
        "{\"auths\": SECRET}",
        "\"SECRET\"",
        "{\"auths\": \"SECRET\"}",
        "{\"credHelpers\": [\"SECRET\"]}",
        "{\"credHelpers\": {\"a\": 1}}",
        "{\"credsStore\": {\"SECRET\": 1}}",
        "",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_docker_config *config = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_docker_config_parse(bad[i], strlen(bad[i]), &config, &err), WFE_E_INVALID,
                     &err);
        assert_null(config);
        assert_null(strstr(err.message, "SECRET"));
    }
}

static void test_docker_config__judges_an_entry_only_for_its_own_host(void **state)
{
    (void)state;
    /* no base64; no colon; an empty user; a NUL inside; numbers; no object */
    wfe_docker_config *config = parse("{\"auths\": {\"good\": {\"auth\": \"bWU6c2VjcmV0\"},"
                                      "\"bad0\": {\"auth\": \"SECRET!\"},"
                                      "\"bad1\": {\"auth\": \"U0VDUkVU\"},"
                                      "\"bad2\": {\"auth\": \"OlNFQ1JFVA==\"},"
                                      "\"bad3\": {\"auth\": \"bWU6AHg=\"},"
                                      "\"bad4\": {\"auth\": 7},"
                                      "\"bad5\": {\"identitytoken\": true},"
                                      "\"bad6\": \"SECRET\", \"none\": null}}");
    assert_login(config, "good", "me", "secret");
    assert_no_login(config, "none");
    for (int i = 0; i < 7; i++) {
        char host[8];
        wfe_credential found = {0};
        wfe_error err = WFE_ERROR_INIT;
        snprintf(host, sizeof host, "bad%d", i);
        assert_fails(wfe_docker_config_find(config, host, &found, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, host);
        assert_null(strstr(err.message, "SECRET"));
        assert_true(wfe_credential_is_empty(&found));
    }
    wfe_docker_config_free(config);
}

static void test_docker_config__reads_what_a_helper_answers(void **state)
{
    (void)state;
    wfe_credential found = {0};
    wfe_error err = WFE_ERROR_INIT;
    const char *text = "{\"ServerURL\": \"a\", \"Username\": \"me\", \"Secret\": \"secret\"}";
    assert_ok(wfe_docker_config_parse_answer(text, strlen(text), &found, &err), &err);
    assert_string_equal(found.username, "me");
    assert_string_equal(found.password, "secret");
    wfe_credential_done(&found);
    text = "{\"Username\": \"<token>\", \"Secret\": \"identity\"}";
    assert_ok(wfe_docker_config_parse_answer(text, strlen(text), &found, &err), &err);
    assert_null(found.username);
    assert_null(found.password);
    assert_string_equal(found.identity_token, "identity");
    wfe_credential_done(&found);
    static const char *const bad[] = {"", "SECRET", "[]", "{\"Username\": \"me\"}",
                                      "{\"Username\": 1, \"Secret\": \"SECRET\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_error why = WFE_ERROR_INIT;
        assert_fails(wfe_docker_config_parse_answer(bad[i], strlen(bad[i]), &found, &why),
                     WFE_E_INVALID, &why);
        assert_null(strstr(why.message, "SECRET"));
        assert_true(wfe_credential_is_empty(&found));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_docker_config__decodes_user_and_password),
        cmocka_unit_test(test_docker_config__knows_docker_hub_by_all_its_names),
        cmocka_unit_test(test_docker_config__takes_keys_that_are_urls),
        cmocka_unit_test(test_docker_config__reads_tokens),
        cmocka_unit_test(test_docker_config__names_the_helper_of_a_host),
        cmocka_unit_test(test_docker_config__tells_no_value_when_something_is_wrong),
        cmocka_unit_test(test_docker_config__judges_an_entry_only_for_its_own_host),
        cmocka_unit_test(test_docker_config__reads_what_a_helper_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
