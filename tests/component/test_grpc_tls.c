/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS end to end: a haproxy that ends TLS in TCP mode in front of the scripted peer, with
 * certificates made by the openssl command for this run.
 */
#include "base/fd.h"
#include "component/grpc_client.h"
#include "fixtures/tls_proxy.h"

/* Certificates of the group: an authority, a server for localhost, a client, another authority. */
static char certs[] = "/tmp/wfe-tls-XXXXXX";
static const char *skip_reason;

static int group_setup(void **state)
{
    (void)state;
    if (!mkdtemp(certs))
        return -1;
    skip_reason = tls_proxy_missing();
    return skip_reason || tls_proxy_make_certs(certs) ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    return wfe_fd_remove_tree(certs, NULL);
}

static void answer_echo(h2_call *call, void *user)
{
    (void)user;
    size_t len = 0;
    const uint8_t *body = h2_call_body(call, &len);
    const char *scheme = h2_call_header(call, ":scheme");
    h2_call_send_raw(call, body, len);
    h2_call_end(call, scheme && strcmp(scheme, "https") == 0 ? 0 : 3, "scheme is not https");
}

struct tls_case {
    const char *bind;    /* haproxy's side */
    const char *address; /* with %u for the port; NULL: https://localhost:%u */
    const char *ca;      /* file names below certs; NULL: none */
    const char *cert;
    const char *key;
    const char *server_name;
};

static const char *cert_path(const char *name, char out[64])
{
    snprintf(out, 64, "%s/%s", certs, name);
    return name ? out : NULL;
}

static outcome call_through(client *c, const struct tls_case *how)
{
    if (skip_reason) {
        print_message("skipped: %s\n", skip_reason);
        skip();
    }
    char bind[256];
    char ca[64];
    char cert[64];
    char key[64];
    char address[64];
    snprintf(bind, sizeof bind, how->bind, certs);
    client_start_peer(c, (h2_peer_options){.on_request = answer_echo});
    tls_proxy proxy = tls_proxy_start(certs, bind, c->path);
    snprintf(address, sizeof address, how->address ? how->address : "https://localhost:%u",
             proxy.port);
    const wfe_grpc_tls tls = {.ca_file = cert_path(how->ca, ca),
                              .cert_file = cert_path(how->cert, cert),
                              .key_file = cert_path(how->key, key),
                              .server_name = how->server_name};
    client_open(c, (wfe_grpc_channel_options){.address = address, .tls = &tls});
    /* Waiting would not help against any of these errors: they are told at once. */
    outcome o = client_call(c, (wfe_grpc_call_options){.wait_for_ready = true});
    if (!o.err.kind) {
        outcome more[20] = {0};
        for (size_t i = 0; i < 20; i++)
            client_begin_with(c, &more[i], (wfe_grpc_call_options){0});
        for (size_t i = 0; i < 20; i++) {
            client_wait(c, more[i].done);
            assert_ok(more[i].err.kind, &more[i].err);
        }
    }
    tls_proxy_stop(&proxy);
    return o;
}

static void test_grpc_tls__calls_pass_a_proxy_that_offers_h2(void **state)
{
    outcome o = call_through(*state, &(struct tls_case){.bind = "alpn h2", .ca = "ca.pem"});
    assert_ok(o.err.kind, &o.err);
    assert_string_equal(o.reply, "ping");
}

static void test_grpc_tls__tls_1_2_is_enough(void **state)
{
    outcome o = call_through(
        *state, &(struct tls_case){.bind = "alpn h2 ssl-max-ver TLSv1.2", .ca = "ca.pem"});
    assert_ok(o.err.kind, &o.err);
}

static void test_grpc_tls__addresses_are_checked_against_the_certificate(void **state)
{
    outcome o = call_through(
        *state,
        &(struct tls_case){.bind = "alpn h2", .ca = "ca.pem", .address = "tcp://127.0.0.1:%u"});
    assert_ok(o.err.kind, &o.err);
}

static void test_grpc_tls__another_server_name_can_be_asked_for(void **state)
{
    outcome o = call_through(
        *state,
        &(struct tls_case){.bind = "alpn h2", .ca = "ca.pem", .server_name = "containerd.test"});
    assert_ok(o.err.kind, &o.err);
}

static void test_grpc_tls__client_certificates_are_shown(void **state)
{
    outcome o =
        call_through(*state, &(struct tls_case){.bind = "alpn h2 ca-file %s/ca.pem verify required",
                                                .ca = "ca.pem",
                                                .cert = "client.crt",
                                                .key = "client.key"});
    assert_ok(o.err.kind, &o.err);
}

static void test_grpc_tls__a_missing_client_certificate_is_denied(void **state)
{
    static const char *const versions[] = {"TLSv1.3", "TLSv1.2"};
    client *c = *state;
    for (size_t i = 0; i < 2; i++) {
        char bind[128];
        snprintf(bind, sizeof bind, "alpn h2 ca-file %%s/ca.pem verify required ssl-max-ver %s",
                 versions[i]);
        outcome o = call_through(c, &(struct tls_case){.bind = bind, .ca = "ca.pem"});
        assert_failed(&o, WFE_E_DENIED, 0, "failed to connect to containerd at localhost:");
        assert_contains(o.err.message, "the server refused us");
        assert_contains(o.err.hint, "client certificate");
        wfe_grpc_channel_free(c->channel);
        h2_peer_stop(c->peer);
        c->channel = NULL;
        c->peer = NULL;
    }
}

static void test_grpc_tls__an_unknown_authority_is_denied(void **state)
{
    outcome o = call_through(*state, &(struct tls_case){.bind = "alpn h2", .ca = "other.pem"});
    assert_failed(&o, WFE_E_DENIED, 0, "the server's certificate is not accepted for 'localhost'");
    assert_contains(o.err.message, "unable to get local issuer certificate");
    assert_contains(o.err.hint, "CA file");
}

static void test_grpc_tls__a_wrong_name_is_denied(void **state)
{
    outcome o = call_through(
        *state,
        &(struct tls_case){.bind = "alpn h2", .ca = "ca.pem", .server_name = "elsewhere.test"});
    assert_failed(&o, WFE_E_DENIED, 0, "is not accepted for 'elsewhere.test'");
    assert_contains(o.err.message, "hostname mismatch");
}

static void test_grpc_tls__a_proxy_without_h2_is_told(void **state)
{
    static const char *const binds[] = {"no-tls-tickets", "alpn http/1.1"};
    client *c = *state;
    for (size_t i = 0; i < 2; i++) {
        outcome o = call_through(c, &(struct tls_case){.bind = binds[i], .ca = "ca.pem"});
        assert_failed(&o, WFE_E_PROTOCOL, 0, "ALPN h2 was not agreed on");
        assert_contains(o.err.hint, "ALPN h2");
        wfe_grpc_channel_free(c->channel);
        h2_peer_stop(c->peer);
        c->channel = NULL;
        c->peer = NULL;
    }
}

static void test_grpc_tls__a_server_without_tls_is_told(void **state)
{
    client *c = *state;
    c->peer = h2_peer_start(&(h2_peer_options){.on_request = answer_echo});
    assert_non_null(c->peer);
    char address[64];
    snprintf(address, sizeof address, "https://127.0.0.1:%u", (unsigned)h2_peer_port(c->peer));
    client_open(c, (wfe_grpc_channel_options){.address = address, .connect_timeout_ms = 5000});
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_true(o.err.kind == WFE_E_PROTOCOL || o.err.kind == WFE_E_UNAVAILABLE);
    assert_contains(o.err.message, "failed to connect to containerd at 127.0.0.1:");
    if (o.err.kind == WFE_E_PROTOCOL)
        assert_contains(o.err.hint, "does not speak TLS");
}

static void test_grpc_tls__a_server_silent_in_the_handshake_is_a_timeout(void **state)
{
    client *c = *state;
    c->peer = h2_peer_start(&(h2_peer_options){.mode = H2_PEER_SILENT});
    assert_non_null(c->peer);
    char address[64];
    snprintf(address, sizeof address, "https://127.0.0.1:%u", (unsigned)h2_peer_port(c->peer));
    client_open(c, (wfe_grpc_channel_options){.address = address, .connect_timeout_ms = 300});
    outcome o = client_call(c, (wfe_grpc_call_options){0});
    assert_failed(&o, WFE_E_TIMEOUT, 0, "within 300 ms (TLS handshake)");
}

static void test_grpc_tls__bad_files_are_told_when_the_channel_is_made(void **state)
{
    client *c = *state;
    const wfe_grpc_tls ca = {.ca_file = "/nonexistent/ca.pem"};
    const wfe_grpc_tls half = {.cert_file = "/nonexistent/c.pem"};
    const wfe_grpc_tls cert = {.cert_file = "/nonexistent/c.pem", .key_file = "/nonexistent/k"};
    const wfe_grpc_channel_options bad[] = {
        {.address = "https://localhost:1", .tls = &ca},
        {.address = "https://localhost:1", .tls = &half},
        {.address = "https://localhost:1", .tls = &cert},
        {.address = "http://localhost:1", .tls = &ca},
        {.address = "/run/c.sock", .tls = &ca},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_grpc_channel *channel = NULL;
        assert_fails(wfe_grpc_channel_new(c->loop, &bad[i], &channel, &err), WFE_E_INVALID, &err);
        assert_null(channel);
        if (i == 0)
            assert_contains(err.message, "'/nonexistent/ca.pem': No such file");
    }
}

static void test_grpc_tls__a_file_that_is_no_certificate_is_told(void **state)
{
    client *c = *state;
    const wfe_grpc_tls tls = {.ca_file = "/etc/os-release"};
    const wfe_grpc_channel_options options = {.address = "https://localhost:1", .tls = &tls};
    wfe_error err = WFE_ERROR_INIT;
    wfe_grpc_channel *channel = NULL;
    assert_fails(wfe_grpc_channel_new(c->loop, &options, &channel, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "cannot use the CA certificates in '/etc/os-release'");
    assert_contains(err.hint, "PEM");
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_grpc_tls__##name, client_setup, client_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(calls_pass_a_proxy_that_offers_h2),
        CASE(tls_1_2_is_enough),
        CASE(addresses_are_checked_against_the_certificate),
        CASE(another_server_name_can_be_asked_for),
        CASE(client_certificates_are_shown),
        CASE(a_missing_client_certificate_is_denied),
        CASE(an_unknown_authority_is_denied),
        CASE(a_wrong_name_is_denied),
        CASE(a_proxy_without_h2_is_told),
        CASE(a_server_without_tls_is_told),
        CASE(a_server_silent_in_the_handshake_is_a_timeout),
        CASE(bad_files_are_told_when_the_channel_is_made),
        CASE(a_file_that_is_no_certificate_is_told),
    };
    return cmocka_run_group_tests_name("grpc_tls", tests, group_setup, group_teardown);
}
