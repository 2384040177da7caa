/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixtures/wfe_assert.h"

static void assert_tcp(const char *text, const char *host, const char *port, bool https,
                       const char *authority)
{
    wfe_grpc_address address = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_grpc_address_parse(text, &address, &err), &err);
    assert_null(address.path);
    assert_string_equal(address.host, host);
    assert_string_equal(address.port, port);
    assert_int_equal(address.https, https);
    assert_string_equal(wfe_grpc_address_authority(&address), authority);
    wfe_grpc_address_done(&address);
}

static void assert_unix(const char *text, const char *path)
{
    wfe_grpc_address address = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_grpc_address_parse(text, &address, &err), &err);
    assert_string_equal(address.path, path);
    assert_string_equal(wfe_grpc_address_text(&address), path);
    assert_string_equal(wfe_grpc_address_authority(&address), "localhost");
    wfe_grpc_address_done(&address);
}

static void test_grpc_address__unix_sockets_have_three_forms(void **state)
{
    (void)state;
    assert_unix("/run/containerd/containerd.sock", "/run/containerd/containerd.sock");
    assert_unix("unix:///run/c.sock", "/run/c.sock");
    assert_unix("unix:/run/c.sock", "/run/c.sock");
    assert_unix("unix:c.sock", "c.sock");
}

static void test_grpc_address__tcp_has_hosts_and_ports(void **state)
{
    (void)state;
    assert_tcp("tcp://example.org:1234", "example.org", "1234", false, "example.org:1234");
    assert_tcp("http://10.0.0.1", "10.0.0.1", "80", false, "10.0.0.1:80");
    assert_tcp("https://example.org", "example.org", "443", true, "example.org:443");
    assert_tcp("https://example.org:8443/", "example.org", "8443", true, "example.org:8443");
    assert_tcp("tcp://[::1]:99", "::1", "99", false, "[::1]:99");
    assert_tcp("https://[fe80::1]", "fe80::1", "443", true, "[fe80::1]:443");
}

static void test_grpc_address__other_forms_are_refused_with_a_hint(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "run/c.sock",   "unix:",        "unix://c.sock",      "tcp://host",
        "tcp://:99",  "tcp://host:0", "tcp://host:x", "tcp://host:65536",   "tcp://host:9x",
        "tcp://",     "tcp://a/b:9",  "tcp://u@h:9",  "tcp://[::1",         "tcp://[::1]9:9",
        "ftp://h:21", "https://h:",   "tcp://h:+9",   "https://h:443/path", "tcp://a b:9",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_grpc_address address = {0};
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_grpc_address_parse(bad[i], &address, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, bad[i]);
        assert_contains(err.hint, "tcp://host:port");
    }
    assert_int_equal(wfe_grpc_address_parse(NULL, NULL, NULL), WFE_E_INVALID);
    wfe_error err = WFE_ERROR_INIT;
    wfe_grpc_address address;
    assert_fails(wfe_grpc_address_parse("https://h:443/path", &address, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "it has a path after its host");
}

static void test_grpc_address__long_socket_paths_go_through_their_folder(void **state)
{
    (void)state;
    char dir[] = "/tmp/wfe-address-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char deep[256];
    snprintf(deep, sizeof deep, "%s/%0120d", dir, 1);
    assert_int_equal(mkdir(deep, 0700), 0);
    char path[300];
    snprintf(path, sizeof path, "%s/c.sock", deep);

    struct sockaddr_un address;
    socklen_t len = 0;
    int fd = -1;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_grpc_address_unix(path, &address, &len, &fd, &err), &err);
    assert_true(fd >= 0);
    assert_contains(address.sun_path, "/proc/self/fd/");
    assert_contains(address.sun_path, "/c.sock");
    close(fd);

    assert_ok(wfe_grpc_address_unix("/run/c.sock", &address, &len, &fd, &err), &err);
    assert_int_equal(fd, -1);
    assert_string_equal(address.sun_path, "/run/c.sock");

    snprintf(path, sizeof path, "/nonexistent/%0120d/c", 1);
    assert_fails(wfe_grpc_address_unix(path, &address, &len, &fd, &err), WFE_E_NOT_FOUND, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%0120d", dir, 1);
    assert_fails(wfe_grpc_address_unix(path, &address, &len, &fd, &err), WFE_E_LIMIT, &err);
    assert_int_equal(rmdir(deep), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grpc_address__unix_sockets_have_three_forms),
        cmocka_unit_test(test_grpc_address__tcp_has_hosts_and_ports),
        cmocka_unit_test(test_grpc_address__other_forms_are_refused_with_a_hint),
        cmocka_unit_test(test_grpc_address__long_socket_paths_go_through_their_folder),
    };
    return cmocka_run_group_tests_name("grpc_address", tests, NULL, NULL);
}
