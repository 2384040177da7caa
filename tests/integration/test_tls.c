/* SPDX-License-Identifier: Apache-2.0
 *
 * A real containerd behind TLS: its own TCP port serves none of the calls a step needs, so TLS
 * means a proxy in front of its socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wfe/client.h>

#include "base/fd.h"
#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/step_run.h"
#include "fixtures/tls_proxy.h"
#include "fixtures/wfe_assert.h"
#include "fixtures/wfe_command.h"

static char certs[] = "/tmp/wfe-certs-XXXXXX";
static const char *missing;

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (rc || !mkdtemp(certs))
        return -1;
    missing = tls_proxy_missing();
    if (!missing && !tls_proxy_make_certs(certs))
        return -1;
    if (!daemon->skip_reason[0])
        images_need_busybox(daemon);
    return 0;
}

static int teardown(void **state)
{
    wfe_fd_remove_tree(certs, NULL);
    return private_containerd_group_teardown(state);
}

static private_containerd *daemon_of(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    if (missing) {
        print_message("skipped: %s\n", missing);
        skip();
    }
    return daemon;
}

typedef struct connection {
    tls_proxy proxy;
    wfe_client *client;
} connection;

/* It wants a certificate of the clients. */
static tls_proxy start_proxy(const private_containerd *daemon)
{
    char bind[160];
    snprintf(bind, sizeof bind, "alpn h2 ca-file %s/ca.pem verify required", certs);
    return tls_proxy_start(certs, bind, daemon->address);
}

static connection open_connection(const private_containerd *daemon, bool show_certificate)
{
    char address[64], ca[64], cert[64], key[64];
    connection c = {.proxy = start_proxy(daemon)};
    snprintf(address, sizeof address, "https://localhost:%u", c.proxy.port);
    snprintf(ca, sizeof ca, "%s/ca.pem", certs);
    snprintf(cert, sizeof cert, "%s/client.crt", certs);
    snprintf(key, sizeof key, "%s/client.key", certs);
    wfe_client_options options = {
        .size = sizeof options,
        .address = address,
        .io_dir = daemon->io_dir,
        .state_dir = daemon->dir,
        .tls_ca_file = ca,
        .tls_cert_file = show_certificate ? cert : NULL,
        .tls_key_file = show_certificate ? key : NULL,
    };
    wfe_error error = WFE_ERROR_INIT;
    assert_ok(wfe_client_new(&options, &c.client, &error), &error);
    return c;
}

static void close_connection(connection *c)
{
    wfe_client_free(c->client);
    tls_proxy_stop(&c->proxy);
}

static void test_tls__a_step_runs_through_a_proxy_that_wants_a_certificate(void **state)
{
    private_containerd *daemon = daemon_of(state);
    connection c = open_connection(daemon, true);
    wfe_daemon_version version;
    wfe_error error = WFE_ERROR_INIT;
    assert_ok(wfe_client_daemon_version(c.client, &version, &error), &error);
    assert_string_equal(version.version, daemon->version);
    wfe_step_result *result = step_run_script(c.client, "echo over tls; exit 3", 3);
    step_assert_stream(result, WFE_STDOUT, "over tls\n");
    wfe_step_result_free(result);
    close_connection(&c);
    private_containerd_assert_clean(daemon);
}

static void test_tls__a_missing_certificate_is_told_at_once(void **state)
{
    private_containerd *daemon = daemon_of(state);
    connection c = open_connection(daemon, false);
    wfe_step_result *result = NULL;
    wfe_error error = WFE_ERROR_INIT;
    wfe_step_options options = step_script("true");
    assert_int_equal(wfe_step_run(c.client, &options, &result, &error), WFE_E_DENIED);
    assert_null(result);
    close_connection(&c);
    private_containerd_assert_clean(daemon);
}

/* ---- the keys of a workflow's step ---- */

/* `wfe run`, in an environment without a containerd, of a step with these keys of its own; more
 * options end with NULL. */
static wfe_command_result run_step(const private_containerd *daemon, const char *keys,
                                   const char *const *more)
{
    char io_dir[96], state_dir[96], path[64], text[1024];
    snprintf(io_dir, sizeof io_dir, "WFE_IO_DIR=%s", daemon->io_dir);
    snprintf(state_dir, sizeof state_dir, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
    snprintf(path, sizeof path, "%s/workflow.yaml", certs);
    snprintf(text, sizeof text,
             "workflow:\n  id: test\n  version: 1\n"
             "  steps: [{name: s, type: containerd, config: {image: busybox, pull: never, "
             "run: echo over tls, %s}}]\n",
             keys);
    assert_ok(wfe_fd_write_file(path, text, strlen(text), 0600, NULL), NULL);
    const char *args[16] = {"run", path};
    for (size_t n = 2; more && *more && n < 15; n++)
        args[n] = *more++;
    const char *const env[] = {io_dir, state_dir, "CONTAINERD_ADDRESS=/no/such/containerd.sock",
                               NULL};
    const wfe_command_options options = {.args = args, .env = env};
    wfe_command_result result;
    wfe_command_run(&options, &result);
    return result;
}

static void expect_run(wfe_command_result result, int exit_code, const char *text)
{
    if (result.exit_code != exit_code || !strstr(result.out, text))
        fail_msg("exit code %d (expected %d), stdout '%s' (expected '%s' in it), stderr '%s'",
                 result.exit_code, exit_code, result.out, text, result.err);
    wfe_command_result_done(&result);
}

static void test_tls__a_workflow_s_step_has_an_address_and_certificates_of_its_own(void **state)
{
    private_containerd *daemon = daemon_of(state);
    tls_proxy proxy = start_proxy(daemon);
    char keys[512];
    snprintf(keys, sizeof keys,
             "containerd_addr: 'https://localhost:%u', tls: {ca: %s/ca.pem, cert: %s/client.crt, "
             "key: %s/client.key}",
             proxy.port, certs, certs, certs);
    expect_run(run_step(daemon, keys, NULL), 0, "s | over tls\n");
    snprintf(keys, sizeof keys, "containerd_addr: 'https://localhost:%u', tls: {ca: %s/ca.pem}",
             proxy.port, certs);
    expect_run(run_step(daemon, keys, NULL), 125, "the server refused us: ");
    snprintf(keys, sizeof keys,
             "containerd_addr: 'https://localhost:%u', tls: {ca: %s/other.pem, cert: "
             "%s/client.crt, key: %s/client.key}",
             proxy.port, certs, certs, certs);
    expect_run(run_step(daemon, keys, NULL), 125, "certificate is not accepted for 'localhost'");
    tls_proxy_stop(&proxy);
    private_containerd_assert_clean(daemon);
}

static void test_tls__a_step_s_own_socket_needs_none_of_the_run_s_certificates(void **state)
{
    private_containerd *daemon = daemon_of(state);
    char keys[256], ca[64];
    snprintf(keys, sizeof keys, "containerd_addr: '%s'", daemon->address);
    snprintf(ca, sizeof ca, "%s/ca.pem", certs);
    const char *const more[] = {"--address", "https://localhost:1", "--tls-ca", ca, NULL};
    expect_run(run_step(daemon, keys, more), 0, "s | over tls\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls__a_step_runs_through_a_proxy_that_wants_a_certificate),
        cmocka_unit_test(test_tls__a_missing_certificate_is_told_at_once),
        cmocka_unit_test(test_tls__a_workflow_s_step_has_an_address_and_certificates_of_its_own),
        cmocka_unit_test(test_tls__a_step_s_own_socket_needs_none_of_the_run_s_certificates),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
