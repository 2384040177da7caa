/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/host_files.h"

#include "fixtures/wfe_assert.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define LOOPBACK                                                                                   \
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"                            \
    "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

static void test_oci_host_files__hostnames_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "step-1",     "a.b.c",
        "0", "UPPER_case", "a23456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad[] = {
        "",
        "-a",
        "a-",
        "a.-b",
        "a-.b",
        ".a",
        "a.",
        "a..b",
        "a b",
        "a\nb",
        "a/b",
        "\xC3\xA4",
        "a234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_ok(wfe_oci_hostname_check(good[i], NULL), NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_oci_hostname_check(bad[i], &err), WFE_E_INVALID, &err);
        assert_contains(err.message, "at most 63 bytes");
    }
}

static void assert_hosts(const wfe_oci_hosts *hosts, const char *wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(WFE_OCI_HOST_FILE_MAX_BYTES);
    assert_ok(wfe_oci_hosts_build(hosts, &out, &err), &err);
    assert_string_equal(out.data, wanted);
    wfe_buf_done(&out);
}

static void test_oci_host_files__hosts_has_loopback_own_name_and_extra_ones(void **state)
{
    (void)state;
    assert_hosts(&(wfe_oci_hosts){0}, LOOPBACK);
    assert_hosts(&(wfe_oci_hosts){.hostname = "step"}, LOOPBACK "127.0.1.1\tstep\n");
    assert_hosts(&(wfe_oci_hosts){.hostname = "step.example.org", .address = "192.0.2.7"},
                 LOOPBACK "192.0.2.7\tstep.example.org step\n");
    assert_hosts(&(wfe_oci_hosts){.extra_hosts = LIST("db:192.0.2.1", "c=2001:db8::1",
                                                      "e.f:[2001:db8::2]", "g:::1")},
                 LOOPBACK "192.0.2.1\tdb\n2001:db8::1\tc\n2001:db8::2\te.f\n::1\tg\n");
}

static void test_oci_host_files__extra_hosts_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "db",
        "db:",
        ":192.0.2.1",
        "db:192.0.2",
        "db:host",
        "db:[192.0.2.1]",
        "db:[::1",
        "d b:192.0.2.1",
        "db:192.0.2.1\n192.0.2.2 x",
        "db:192.0.2.1 x",
        "db\n1.1.1.1\tx:192.0.2.1",
        "db:999.0.2.1",
        "db:host-gateway",
        "db:00000000000000000000000000000000000000000000000000000000192.0.2.1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_buf out = WFE_BUF_INIT(0);
        assert_fails(wfe_oci_extra_host_check(bad[i], &err), WFE_E_INVALID, &err);
        assert_contains(err.message, "must be NAME:ADDRESS");
        wfe_oci_hosts hosts = {.extra_hosts = LIST(bad[i])};
        assert_int_equal(wfe_oci_hosts_build(&hosts, &out, NULL), WFE_E_INVALID);
        wfe_buf_done(&out);
    }
}

static void test_oci_host_files__hosts_refuses_a_bad_name_or_address(void **state)
{
    (void)state;
    wfe_buf out = WFE_BUF_INIT(0);
    assert_int_equal(wfe_oci_hosts_build(&(wfe_oci_hosts){.hostname = "a\nb"}, &out, NULL),
                     WFE_E_INVALID);
    assert_int_equal(
        wfe_oci_hosts_build(&(wfe_oci_hosts){.hostname = "a", .address = "x"}, &out, NULL),
        WFE_E_INVALID);
    wfe_buf_done(&out);
}

static void test_oci_host_files__hostname_is_one_line(void **state)
{
    (void)state;
    wfe_buf out = WFE_BUF_INIT(0);
    assert_ok(wfe_oci_hostname_build("step", &out, NULL), NULL);
    assert_string_equal(out.data, "step\n");
    assert_int_equal(wfe_oci_hostname_build("a\nb", &out, NULL), WFE_E_INVALID);
    wfe_buf_done(&out);
}

static void assert_resolv(wfe_oci_resolv resolv, const char *machine, const char *wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(0);
    resolv.machine_text = machine;
    resolv.machine_len = machine ? strlen(machine) : 0;
    assert_ok(wfe_oci_resolv_conf_build(&resolv, &out, &err), &err);
    assert_string_equal(out.data ? out.data : "", wanted);
    wfe_buf_done(&out);
}

static const char machine_text[] = "# a comment\n; another\n"
                                   "nameserver 127.0.0.53\n"
                                   "nameserver  192.0.2.1 # trailing\r\n"
                                   "  nameserver\t2001:db8::1\n"
                                   "nameserver ::1\n"
                                   "nameserver fe80::1%eth0\n"
                                   "nameserver fe80::2\n"
                                   "nameserver ::ffff:127.0.0.1\n"
                                   "nameserver nonsense\n"
                                   "nameservers 192.0.2.9\n"
                                   "nameserver\n"
                                   "unknown 192.0.2.8\n"
                                   "search example.org example.net\n"
                                   "options edns0 trust-ad";

static void test_oci_host_files__resolv_conf_keeps_what_can_be_reached(void **state)
{
    (void)state;
    assert_resolv((wfe_oci_resolv){.own_network = true}, machine_text,
                  "nameserver 192.0.2.1\nnameserver 2001:db8::1\n"
                  "search example.org example.net\noptions edns0 trust-ad\n");
    assert_resolv((wfe_oci_resolv){0}, machine_text,
                  "nameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n"
                  "nameserver ::1\nnameserver fe80::2\nnameserver ::ffff:127.0.0.1\n"
                  "search example.org example.net\noptions edns0 trust-ad\n");
    assert_resolv((wfe_oci_resolv){.own_network = true}, "nameserver 127.0.0.1\n", "");
    assert_resolv((wfe_oci_resolv){0}, NULL, "");
}

static void test_oci_host_files__resolv_conf_takes_given_servers_instead(void **state)
{
    (void)state;
    assert_resolv((wfe_oci_resolv){.servers = LIST("192.0.2.3", "2001:db8::3")}, machine_text,
                  "nameserver 192.0.2.3\nnameserver 2001:db8::3\n"
                  "search example.org example.net\noptions edns0 trust-ad\n");
}

static void test_oci_host_files__resolv_conf_refuses_bad_servers(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf out = WFE_BUF_INIT(0);
    wfe_oci_resolv resolv = {.servers = LIST("192.0.2.3\nsearch evil")};
    assert_fails(wfe_oci_resolv_conf_build(&resolv, &out, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "dns is '192.0.2.3 search evil'");
    err = (wfe_error)WFE_ERROR_INIT;
    resolv.servers = LIST("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4");
    assert_fails(wfe_oci_resolv_conf_build(&resolv, &out, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "more than 3 servers");
    err = (wfe_error)WFE_ERROR_INIT;
    resolv = (wfe_oci_resolv){.machine_text = "", .machine_len = WFE_OCI_HOST_FILE_MAX_BYTES + 1};
    assert_fails(wfe_oci_resolv_conf_build(&resolv, &out, &err), WFE_E_LIMIT, &err);
    wfe_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_host_files__hostnames_are_checked),
        cmocka_unit_test(test_oci_host_files__hosts_has_loopback_own_name_and_extra_ones),
        cmocka_unit_test(test_oci_host_files__extra_hosts_are_checked),
        cmocka_unit_test(test_oci_host_files__hosts_refuses_a_bad_name_or_address),
        cmocka_unit_test(test_oci_host_files__hostname_is_one_line),
        cmocka_unit_test(test_oci_host_files__resolv_conf_keeps_what_can_be_reached),
        cmocka_unit_test(test_oci_host_files__resolv_conf_takes_given_servers_instead),
        cmocka_unit_test(test_oci_host_files__resolv_conf_refuses_bad_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
