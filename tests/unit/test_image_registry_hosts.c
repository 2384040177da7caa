/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include <stdlib.h>

#include "base/fd.h"
#include "image/registry_hosts.h"

typedef struct rig {
    char dir[40];
    char roots[2][64];
    const char *list[3];
} rig;

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);
    strcpy(r->dir, "/tmp/wfe-hosts-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    for (int i = 0; i < 2; i++) {
        snprintf(r->roots[i], sizeof r->roots[i], "%s/root%d", r->dir, i);
        r->list[i] = r->roots[i];
    }
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;
    int rc = wfe_fd_remove_tree(r->dir, NULL);
    free(r);
    return rc;
}

static void put(const rig *r, int root, const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", r->roots[root], folder);
    assert_ok(wfe_fd_make_dirs(path, 0700, NULL), NULL);
    snprintf(path, sizeof path, "%s/%s/%s", r->roots[root], folder, name);
    if (name[0])
        assert_ok(wfe_fd_write_file(path, text, strlen(text), 0600, NULL), NULL);
}

static wfe_registry_hosts *load(const rig *r, const char *domain)
{
    wfe_registry_hosts *hosts = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_registry_hosts_load(r->list, domain, NULL, &hosts, &err), &err);
    return hosts;
}

/* The first host that is asked, as a URL. */
static void assert_first(const rig *r, const char *domain, const char *url)
{
    char shown[300];
    wfe_registry_hosts *hosts = load(r, domain);
    snprintf(shown, sizeof shown, "%s://%s%s", hosts->items[0].entry.is_https ? "https" : "http",
             hosts->items[0].entry.authority, hosts->items[0].entry.api_root);
    assert_string_equal(shown, url);
    wfe_registry_hosts_free(hosts);
}

static void test_registry_hosts__assumes_https_but_for_this_machine(void **state)
{
    const rig *r = *state;
    assert_first(r, "docker.io", "https://registry-1.docker.io/v2");
    assert_first(r, "ghcr.io", "https://ghcr.io/v2");
    assert_first(r, "registry.example:5000", "https://registry.example:5000/v2");
    assert_first(r, "localhost", "http://localhost/v2");
    assert_first(r, "localhost:5000", "http://localhost:5000/v2");
    assert_first(r, "127.0.0.1:5000", "http://127.0.0.1:5000/v2");
    assert_first(r, "127.9.9.9", "http://127.9.9.9/v2");
    assert_first(r, "[::1]:5000", "http://[::1]:5000/v2");
    assert_first(r, "localhost:443", "https://localhost:443/v2");
    assert_first(r, "localhost.example:5000", "https://localhost.example:5000/v2");
    assert_first(r, "128.0.0.1:5000", "https://128.0.0.1:5000/v2");
    assert_first(r, "[::2]:5000", "https://[::2]:5000/v2");
}

static void test_registry_hosts__takes_the_first_folder_there_is(void **state)
{
    const rig *r = *state;
    put(r, 1, "a.example", "hosts.toml", "server = \"https://second.root\"");
    assert_first(r, "a.example", "https://second.root/v2");
    put(r, 0, "_default", "hosts.toml", "server = \"https://default.root\"");
    assert_first(r, "a.example", "https://default.root/v2");
    put(r, 0, "a.example", "hosts.toml", "server = \"https://first.root\"");
    assert_first(r, "a.example", "https://first.root/v2");
    put(r, 0, "b.example:5000", "hosts.toml", "server = \"https://colon.form\"");
    assert_first(r, "b.example:5000", "https://colon.form/v2");
    put(r, 0, "b.example_5000_", "hosts.toml", "server = \"https://other.form\"");
    assert_first(r, "b.example:5000", "https://other.form/v2");
    /* A folder without a file says: as always, whatever the others say. */
    put(r, 0, "c.example", "", "");
    put(r, 1, "c.example", "hosts.toml", "server = \"https://hidden\"");
    assert_first(r, "c.example", "https://c.example/v2");
}

static void test_registry_hosts__asks_mirrors_in_order_and_then_the_registry(void **state)
{
    const rig *r = *state;
    put(r, 0, "docker.io", "hosts.toml",
        "[host.\"https://z.example\"]\n[host.\"http://a.example:5000\"]\n");
    wfe_registry_hosts *hosts = load(r, "docker.io");
    assert_int_equal(hosts->n, 3);
    assert_string_equal(hosts->items[0].entry.authority, "z.example");
    assert_false(hosts->items[0].is_upstream);
    assert_string_equal(hosts->items[1].entry.authority, "a.example:5000");
    assert_false(hosts->items[1].may_be_https); /* it was said, not assumed */
    assert_string_equal(hosts->items[2].entry.authority, "registry-1.docker.io");
    assert_true(hosts->items[2].is_upstream);
    wfe_registry_hosts_free(hosts);
}

static void test_registry_hosts__reads_certificates(void **state)
{
    const rig *r = *state;
    put(r, 0, "a.example", "one.crt", "-----BEGIN CERTIFICATE-----\none");
    put(r, 0, "a.example", "two.crt", "-----BEGIN CERTIFICATE-----\ntwo\n");
    put(r, 0, "a.example", "hosts.toml",
        "ca = [\"one.crt\", \"two.crt\"]\nclient = [[\"c\", \"k\"]]\nskip_verify = true\n");
    wfe_registry_hosts *hosts = load(r, "a.example");
    assert_string_equal(hosts->items[0].ca_pem, "-----BEGIN CERTIFICATE-----\none\n"
                                                "-----BEGIN CERTIFICATE-----\ntwo\n\n");
    assert_int_equal(hosts->items[0].tls.ca_len, strlen(hosts->items[0].ca_pem));
    assert_contains(hosts->items[0].tls.cert_file, "/a.example/c");
    assert_contains(hosts->items[0].tls.key_file, "/a.example/k");
    assert_true(hosts->items[0].tls.skip_verify);
    wfe_registry_hosts_free(hosts);
}

static void test_registry_hosts__reads_a_folder_as_docker_has_it(void **state)
{
    const rig *r = *state;
    put(r, 0, "a.example", "ca.crt", "-----BEGIN CERTIFICATE-----\n");
    put(r, 0, "a.example", "me.cert", "x");
    put(r, 0, "a.example", "me.key", "x");
    put(r, 0, "a.example", "notes.txt", "x");
    wfe_registry_hosts *hosts = load(r, "a.example");
    assert_int_equal(hosts->n, 1);
    assert_string_equal(hosts->items[0].entry.authority, "a.example");
    assert_contains(hosts->items[0].ca_pem, "BEGIN CERTIFICATE");
    assert_contains(hosts->items[0].tls.cert_file, "/a.example/me.cert");
    assert_contains(hosts->items[0].tls.key_file, "/a.example/me.key");
    wfe_registry_hosts_free(hosts);
}

static void test_registry_hosts__names_the_file_that_is_wrong(void **state)
{
    const rig *r = *state;
    wfe_registry_hosts *hosts = NULL;
    wfe_error err = WFE_ERROR_INIT;
    put(r, 0, "a.example", "hosts.toml", "server = \"https://a.example\n");
    assert_fails(wfe_registry_hosts_load(r->list, "a.example", NULL, &hosts, &err), WFE_E_INVALID,
                 &err);
    assert_contains(err.message, "/a.example/hosts.toml: 1:");
    /* A certificate that is not there does not make the image one that is not found. */
    put(r, 0, "b.example", "hosts.toml", "ca = \"none.crt\"");
    wfe_error missing = WFE_ERROR_INIT;
    assert_fails(wfe_registry_hosts_load(r->list, "b.example", NULL, &hosts, &missing),
                 WFE_E_INVALID, &missing);
    assert_contains(missing.message, "/b.example/none.crt");
    put(r, 0, "c.example", "hosts.toml", "ca = \"hosts.toml\"");
    wfe_error no_pem = WFE_ERROR_INIT;
    assert_fails(wfe_registry_hosts_load(r->list, "c.example", NULL, &hosts, &no_pem),
                 WFE_E_INVALID, &no_pem);
    assert_contains(no_pem.message, "no certificate");
    assert_null(hosts);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_registry_hosts__assumes_https_but_for_this_machine),
        CASE(test_registry_hosts__takes_the_first_folder_there_is),
        CASE(test_registry_hosts__asks_mirrors_in_order_and_then_the_registry),
        CASE(test_registry_hosts__reads_certificates),
        CASE(test_registry_hosts__reads_a_folder_as_docker_has_it),
        CASE(test_registry_hosts__names_the_file_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
