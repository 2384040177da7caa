/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "image/hosts_toml.h"

static wfe_hosts parse(const char *text)
{
    wfe_hosts hosts = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_hosts_toml_parse(text, strlen(text), "/dir", &hosts, &err), &err);
    return hosts;
}

static void assert_wrong(const char *text, int kind, const char *message)
{
    wfe_hosts hosts = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_hosts_toml_parse(text, strlen(text), "/dir", &hosts, &err), kind, &err);
    assert_null(hosts.items);
    assert_contains(err.message, message);
}

static void test_hosts_toml__has_the_registry_itself_last(void **state)
{
    (void)state;
    wfe_hosts hosts = parse("server = \"https://registry.example\"\n"
                            "[host.\"https://second.example\"]\n  capabilities = [\"pull\"]\n"
                            "[host.\"http://first.example:5000\"]\n"
                            "  capabilities = [\"pull\", \"resolve\", \"push\"]\n");
    assert_int_equal(hosts.n, 3);
    assert_string_equal(hosts.items[0].authority, "second.example");
    assert_true(hosts.items[0].is_https);
    assert_true(hosts.items[0].can_pull);
    assert_false(hosts.items[0].can_resolve);
    assert_string_equal(hosts.items[1].authority, "first.example:5000");
    assert_false(hosts.items[1].is_https);
    assert_true(hosts.items[1].can_resolve);
    assert_string_equal(hosts.items[2].authority, "registry.example");
    assert_true(hosts.items[2].can_pull && hosts.items[2].can_resolve);
    wfe_hosts_done(&hosts);
    hosts = parse("");
    assert_int_equal(hosts.n, 1);
    assert_null(hosts.items[0].authority);
    assert_true(hosts.items[0].can_pull && hosts.items[0].can_resolve);
    wfe_hosts_done(&hosts);
}

static void test_hosts_toml__builds_the_root_of_the_api(void **state)
{
    (void)state;
    static const struct {
        const char *server, *authority, *root;
    } cases[] = {
        {"server = \"https://a.example\"", "a.example", "/v2"},
        {"server = \"a.example:443\"", "a.example", "/v2"},
        {"server = \"https://a.example/\"", "a.example", "/v2"},
        {"server = \"https://a.example/v2\"", "a.example", "/v2"},
        {"server = \"https://a.example/v2/\"", "a.example", "/v2"},
        {"server = \"https://a.example:8443/x\"", "a.example:8443", "/x/v2"},
        {"server = \"https://a.example/x/v2\"", "a.example", "/x/v2"},
        {"server = \"https://a.example/x\"\noverride_path = true", "a.example", "/x"},
        {"server = \"https://a.example\"\noverride_path = true", "a.example", ""},
        {"server = \"http://[::1]:5000\"", "[::1]:5000", "/v2"},
        {"server = \"http://a.example:80\"", "a.example", "/v2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_hosts hosts = parse(cases[i].server);
        assert_string_equal(hosts.items[0].authority, cases[i].authority);
        assert_string_equal(hosts.items[0].api_root, cases[i].root);
        wfe_hosts_done(&hosts);
    }
}

static void test_hosts_toml__finds_certificates_below_its_folder(void **state)
{
    (void)state;
    wfe_hosts hosts = parse("ca = \"own.crt\"\nskip_verify = true\n"
                            "[host.\"https://a\"]\nca = [\"/etc/a.crt\", \"sub/b.crt\"]\n"
                            "client = [[\"c.crt\", \"/c.key\"], [\"both.pem\", \"\"]]\n"
                            "[host.\"https://b\"]\nclient = \"one.pem\"\n"
                            "[host.\"https://c\"]\nclient = [\"one.pem\", \"two.pem\"]\n");
    assert_string_equal(hosts.items[3].ca_files[0], "/dir/own.crt");
    assert_null(hosts.items[3].ca_files[1]);
    assert_true(hosts.items[3].skip_verify);
    assert_false(hosts.items[0].skip_verify);
    assert_string_equal(hosts.items[0].ca_files[0], "/etc/a.crt");
    assert_string_equal(hosts.items[0].ca_files[1], "/dir/sub/b.crt");
    assert_int_equal(hosts.items[0].n_clients, 2);
    assert_string_equal(hosts.items[0].clients[0].cert_file, "/dir/c.crt");
    assert_string_equal(hosts.items[0].clients[0].key_file, "/c.key");
    assert_string_equal(hosts.items[0].clients[1].cert_file, "/dir/both.pem");
    assert_null(hosts.items[0].clients[1].key_file);
    assert_int_equal(hosts.items[1].n_clients, 1);
    assert_null(hosts.items[1].clients[0].key_file);
    assert_int_equal(hosts.items[2].n_clients, 2);
    wfe_hosts_done(&hosts);
}

static void test_hosts_toml__reads_headers_and_times(void **state)
{
    (void)state;
    wfe_hosts hosts = parse("[host.\"https://a\"]\ndial_timeout = \"1s500ms\"\n"
                            "[host.\"https://a\".header]\nx-one = \"1\"\n"
                            "X-Many = [\"a b\", \"c\"]\n");
    assert_int_equal(hosts.items[0].connect_timeout_ms, 1500);
    assert_string_equal(hosts.items[0].headers[0], "x-one: 1");
    assert_string_equal(hosts.items[0].headers[1], "X-Many: a b");
    assert_string_equal(hosts.items[0].headers[2], "X-Many: c");
    assert_null(hosts.items[0].headers[3]);
    assert_null(hosts.items[1].headers);
    wfe_hosts_done(&hosts);
}

static void test_hosts_toml__ignores_keys_it_does_not_know(void **state)
{
    (void)state;
    wfe_hosts hosts = parse("future = 1\n[other]\nx = 2\n[host.\"https://a\"]\nnew = [1]\n");
    assert_int_equal(hosts.n, 2);
    wfe_hosts_done(&hosts);
}

static void test_hosts_toml__names_the_key_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"server = 1", "'server' must be a text"},
        {"server = \"ftp://a\"", "address of the registry itself"},
        {"server = \"https://user:pw@a\"", "may have no user"},
        {"server = \"https://a/?x=1\"", "may have no user, query"},
        {"server = \"https://\"", "address of the registry itself"},
        {"host = \"a\"", "'host' must be a table"},
        {"[host]\na = 1", "host \"a\" must be a table"},
        {"[host.\"https://a\"]\ncapabilities = 1", "'capabilities' of host \"https://a\""},
        {"[host.\"https://a\"]\ncapabilities = [\"fly\"]", "may hold only"},
        {"ca = [1]", "'ca' of the registry itself"},
        {"client = [[\"a\", \"b\", \"c\"]]", "'client' of the registry itself"},
        {"client = 1", "'client' of the registry itself"},
        {"skip_verify = \"yes\"", "'skip_verify' of the registry itself must be true or false"},
        {"override_path = 1", "'override_path'"},
        {"dial_timeout = 5", "'dial_timeout'"},
        {"dial_timeout = \"5h\"", "'dial_timeout'"},
        {"header = \"x\"", "'header' of the registry itself must be a table"},
        {"[header]\nx = [1]", "'header' of the registry itself"},
        {"[header]\nx = \"a\\nb\"", "no header can have"},
        {"[header]\n\"a b\" = \"c\"", "no header can have"},
        {"x", "1:2: expected '='"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_wrong(cases[i].text, WFE_E_INVALID, cases[i].message);
}

static void test_hosts_toml__bounds_hosts_and_headers(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i <= WFE_HOSTS_MAX_ENTRIES; i++)
        snprintf(text + strlen(text), 32, "[host.\"https://h%d\"]\n", i);
    assert_wrong(text, WFE_E_LIMIT, "more than 32 hosts");
    strcpy(text, "[header]\n");
    for (int i = 0; i <= WFE_HOSTS_MAX_HEADERS; i++)
        snprintf(text + strlen(text), 32, "h%d = \"x\"\n", i);
    assert_wrong(text, WFE_E_LIMIT, "more than 32 headers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_toml__has_the_registry_itself_last),
        cmocka_unit_test(test_hosts_toml__builds_the_root_of_the_api),
        cmocka_unit_test(test_hosts_toml__finds_certificates_below_its_folder),
        cmocka_unit_test(test_hosts_toml__reads_headers_and_times),
        cmocka_unit_test(test_hosts_toml__ignores_keys_it_does_not_know),
        cmocka_unit_test(test_hosts_toml__names_the_key_that_is_wrong),
        cmocka_unit_test(test_hosts_toml__bounds_hosts_and_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
