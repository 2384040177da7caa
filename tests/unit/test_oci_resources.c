/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/resources.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "fixtures/wfe_assert.h"

#define MIB ((uint64_t)1024 * 1024)

/* ---- texts ---- */

static void assert_cpu(const char *text, uint64_t wanted)
{
    wfe_error err = WFE_ERROR_INIT;
    uint64_t quota = 0;
    assert_ok(wfe_oci_cpu_parse(text, &quota, &err), &err);
    assert_int_equal(quota, wanted);
}

static void test_oci_resources__cpus_become_a_quota(void **state)
{
    (void)state;
    assert_cpu("0.5", 50000);
    assert_cpu("2", 200000);
    assert_cpu("1.5", 150000);
    assert_cpu("0.01", 1000);
    assert_cpu(".25", 25000);
    assert_cpu("0.123456789", 12345);
    assert_cpu("4096", 409600000);
    assert_cpu("4096.000", 409600000);
    assert_cpu("0001", 100000);
}

static void test_oci_resources__cpus_out_of_range_or_malformed_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",           "0",    "0.009",
                                        "0.00999999", "4097", "4096.000000001",
                                        "-1",         "+1",   "1,5",
                                        "1.",         ".",    "1.5.0",
                                        "1e3",        "0x1",  " 1",
                                        "1 ",         "nan",  "0.1234567890",
                                        "inf",        "all",  "99999999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wfe_error err = WFE_ERROR_INIT;
        uint64_t quota = 7;
        assert_fails(wfe_oci_cpu_parse(texts[i], &quota, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, "cpu is '");
        assert_contains(err.message, "from 0.01 to 4096");
        assert_int_equal(quota, 7);
    }
}

static void test_oci_resources__memory_and_shm_have_ranges(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t bytes = 0;
    assert_ok(wfe_oci_memory_parse("6m", &bytes, &err), &err);
    assert_int_equal(bytes, 6 * MIB);
    assert_ok(wfe_oci_memory_parse("1g", &bytes, &err), &err);
    assert_int_equal(bytes, 1024 * MIB);
    assert_fails(wfe_oci_memory_parse("6291455", &bytes, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "memory is '6291455'");
    assert_contains(err.message, "from 6 MiB");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_oci_memory_parse("0", &bytes, &err), WFE_E_INVALID, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(wfe_oci_shm_size_parse("4k", &bytes, &err), &err);
    assert_fails(wfe_oci_shm_size_parse("4095", &bytes, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "shm_size is '4095'");
}

static void test_oci_resources__pids_have_a_range(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "-1", "4194305", "1.0", "x", "99999999999999999999"};
    wfe_error err = WFE_ERROR_INIT;
    uint32_t pids = 0;
    assert_ok(wfe_oci_pids_parse("1", &pids, &err), &err);
    assert_int_equal(pids, 1);
    assert_ok(wfe_oci_pids_parse("4194304", &pids, &err), &err);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (wfe_error)WFE_ERROR_INIT;
        assert_fails(wfe_oci_pids_parse(bad[i], &pids, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, "from 1 to 4194304");
    }
    assert_int_equal(pids, 4194304);
}

static void assert_rlimit(const char *text, enum wfe_oci_rlimit_type type, uint64_t soft,
                          uint64_t hard)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_rlimit limit;
    assert_ok(wfe_oci_rlimit_parse(text, &limit, &err), &err);
    assert_int_equal(limit.type, type);
    assert_int_equal(limit.soft, soft);
    assert_int_equal(limit.hard, hard);
}

static void test_oci_resources__ulimits_are_read_as_docker_users_write_them(void **state)
{
    (void)state;
    const uint64_t all = WFE_OCI_RLIMIT_UNLIMITED;
    assert_rlimit("nofile=1024:4096", WFE_OCI_RLIMIT_NOFILE, 1024, 4096);
    assert_rlimit("core=0", WFE_OCI_RLIMIT_CORE, 0, 0);
    assert_rlimit("STACK=8388608:unlimited", WFE_OCI_RLIMIT_STACK, 8388608, all);
    assert_rlimit("RLIMIT_MEMLOCK=-1", WFE_OCI_RLIMIT_MEMLOCK, all, all);
    assert_rlimit("rlimit_as=unlimited:unlimited", WFE_OCI_RLIMIT_AS, all, all);
    assert_rlimit("rttime=9223372036854775807", WFE_OCI_RLIMIT_RTTIME, INT64_MAX, INT64_MAX);
}

static void test_oci_resources__every_rlimit_of_linux_has_its_name(void **state)
{
    (void)state;
    assert_int_equal(WFE_OCI_RLIMIT_COUNT, RLIM_NLIMITS);
    for (unsigned i = 0; i < WFE_OCI_RLIMIT_COUNT; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s=1", wfe_oci_rlimit_name(i));
        assert_rlimit(text, i, 1, 1);
    }
}

static void test_oci_resources__ulimits_that_are_wrong_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"", "NAME=SOFT[:HARD]", ""},
        {"nofile", "NAME=SOFT[:HARD]", ""},
        {"nofiles=1", "ulimit is 'nofiles=1'", "did you mean nofile?"},
        {"xyzzyx=1", "NAME=SOFT[:HARD]", "setrlimit"},
        {"=1", "NAME=SOFT[:HARD]", ""},
        {"nofile=", "must be numbers from 0 to", ""},
        {"nofile=x", "must be numbers from 0 to", ""},
        {"nofile=1:", "must be numbers from 0 to", ""},
        {"nofile=1:2:3", "must be numbers from 0 to", ""},
        {"nofile=-2", "must be numbers from 0 to", ""},
        {"nofile=1024k", "must be numbers from 0 to", ""},
        {"nofile=unlimitedx", "must be numbers from 0 to", ""},
        {"nofile=9223372036854775808", "must be numbers from 0 to", ""},
        {"nofile=18446744073709551616", "must be numbers from 0 to", ""},
        {"nofile=4096:1024", "must not be above its hard one", ""},
        {"nofile=unlimited:1024", "must not be above its hard one", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_oci_rlimit limit = {.soft = 7};
        assert_fails(wfe_oci_rlimit_parse(cases[i].text, &limit, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, cases[i].message);
        assert_contains(err.hint, cases[i].hint);
        assert_int_equal(limit.soft, 7);
    }
}

/* ---- the spec's section ---- */

static void assert_section(const wfe_oci_resources *resources, const char *wanted)
{
    wfe_buf out = WFE_BUF_INIT(0);
    wfe_oci_writer w = {.out = &out};
    wfe_oci_resources_write(&w, NULL, resources);
    assert_int_equal(wfe_oci_write_end(&w), 0);
    assert_string_equal(out.data, wanted);
    wfe_buf_done(&out);
}

#define NO_DEVICES "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]"

static void test_oci_resources__no_limits_still_deny_devices(void **state)
{
    (void)state;
    assert_section(&(wfe_oci_resources){0}, NO_DEVICES "}");
    assert_section(&(wfe_oci_resources){.all_devices = true},
                   "{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]}");
}

/* The same text for cgroup v1 and v2: swap is the sum, which is 0 of swap alone on v2. */
static void test_oci_resources__memory_has_no_extra_swap(void **state)
{
    (void)state;
    wfe_oci_resources in = {.memory_bytes = 64 * MIB};
    assert_section(&in, NO_DEVICES ",\"memory\":{\"limit\":67108864,\"swap\":67108864}}");
    in.no_swap_accounting = true;
    assert_section(&in, NO_DEVICES ",\"memory\":{\"limit\":67108864}}");
}

static void test_oci_resources__cpu_and_pids_are_written(void **state)
{
    (void)state;
    assert_section(&(wfe_oci_resources){.cpu_quota_us = 150000, .pids = 100},
                   NO_DEVICES ",\"cpu\":{\"quota\":150000,\"period\":100000},"
                              "\"pids\":{\"limit\":100}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_resources__cpus_become_a_quota),
        cmocka_unit_test(test_oci_resources__cpus_out_of_range_or_malformed_are_refused),
        cmocka_unit_test(test_oci_resources__memory_and_shm_have_ranges),
        cmocka_unit_test(test_oci_resources__pids_have_a_range),
        cmocka_unit_test(test_oci_resources__ulimits_are_read_as_docker_users_write_them),
        cmocka_unit_test(test_oci_resources__every_rlimit_of_linux_has_its_name),
        cmocka_unit_test(test_oci_resources__ulimits_that_are_wrong_are_refused),
        cmocka_unit_test(test_oci_resources__no_limits_still_deny_devices),
        cmocka_unit_test(test_oci_resources__memory_has_no_extra_swap),
        cmocka_unit_test(test_oci_resources__cpu_and_pids_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
