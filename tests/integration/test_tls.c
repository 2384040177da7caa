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

static connection open_connection(const private_containerd *daemon, bool show_certificate)
{
    char bind[160], address[64], ca[64], cert[64], key[64];
    connection c = {0};
    snprintf(bind, sizeof bind, "alpn h2 ca-file %s/ca.pem verify required", certs);
    c.proxy = tls_proxy_start(certs, bind, daemon->address);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls__a_step_runs_through_a_proxy_that_wants_a_certificate),
        cmocka_unit_test(test_tls__a_missing_certificate_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
