/* SPDX-License-Identifier: Apache-2.0
 *
 * Which hosts a fetch asks: mirrors and the registry of hosts.toml, TLS and proxies. References
 * name "registry.example", which leads to servers of the test only through hosts.toml. The "other"
 * server is a mirror.
 */
#include "component/registry_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixtures/tls_proxy.h"

#define DOMAIN "registry.example"

static void serve_blob(scripted_request *q, void *user)
{
    const rig *r = user;
    if (strstr(scripted_request_path(q), "/blobs/"))
        scripted_answer_range(q, r->blob, sizeof r->blob);
    else
        scripted_answer_text(q, 200, "", "{\"of\": \"the registry\"}");
}

static void serve_mirror(scripted_request *q, void *user)
{
    const rig *r = user;
    if (strstr(scripted_request_path(q), "/blobs/"))
        scripted_answer_range(q, r->blob, sizeof r->blob);
    else
        scripted_answer_text(q, 200, "", "{\"of\": \"the mirror\"}");
}

static void start(rig *r, scripted_registry_fn mirror, const char *of_mirror)
{
    char text[512];
    rig_serve(r, serve_blob);
    rig_serve_other(r, mirror);
    snprintf(text, sizeof text, "server = \"http://%s\"\n[host.\"http://127.0.0.1:%d\"]\n%s\n",
             r->host, atomic_load(&r->other_port), of_mirror);
    rig_write_hosts(r, DOMAIN, text);
}

static outcome fetch(rig *r, wfe_registry_kind kind, const char *name)
{
    return rig_fetch(r, (wfe_registry_request){.kind = kind, .domain = DOMAIN, .name = name});
}

static void test_registry_mirrors__are_asked_first(void **state)
{
    rig *r = *state;
    start(r, serve_mirror, "");
    outcome o = fetch(r, WFE_REGISTRY_MANIFEST, "latest");
    assert_text(&o, "{\"of\": \"the mirror\"}");
    outcome_free(&o);
    o = fetch(r, WFE_REGISTRY_TAGS, NULL);
    assert_text(&o, "{\"of\": \"the mirror\"}");
    outcome_free(&o);
    assert_int_equal(scripted_registry_count(r->server, ""), 0);
    /* A mirror of several registries must know which one is meant. */
    assert_int_equal(
        scripted_registry_count(r->other, "/v2/test/app/manifests/latest?ns=registry.example "), 1);
    assert_int_equal(
        scripted_registry_count(r->other, "/v2/test/app/tags/list?n=1000&ns=registry.example "), 1);
}

static void test_registry_mirrors__are_asked_only_for_what_they_can(void **state)
{
    rig *r = *state;
    start(r, serve_mirror, "capabilities = [\"pull\"]");
    outcome o = fetch(r, WFE_REGISTRY_MANIFEST, "latest");
    assert_text(&o, "{\"of\": \"the registry\"}");
    outcome_free(&o);
    o = fetch(r, WFE_REGISTRY_MANIFEST, r->digest);
    assert_text(&o, "{\"of\": \"the mirror\"}");
    outcome_free(&o);
    o = fetch(r, WFE_REGISTRY_BLOB, r->digest);
    assert_blob_from(&o, r, 0);
    outcome_free(&o);
    assert_int_equal(scripted_registry_count(r->server, ""), 1);
}

static void test_registry_mirrors__without_any_that_may_be_asked_are_an_error(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_blob);
    rig_write_hosts(r, DOMAIN, "server = \"http://127.0.0.1:1\"\ncapabilities = [\"push\"]\n");
    assert_ok(wfe_registry_new(r->loop, &r->options, &r->registry, NULL), NULL);
    const wfe_registry_request request = {
        .kind = WFE_REGISTRY_MANIFEST, .domain = DOMAIN, .path = "a", .name = "latest"};
    const wfe_registry_fetch_fns fns = {.data = outcome_data, .done = outcome_done};
    wfe_registry_fetch *made = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_registry_fetch_start(r->registry, &request, &fns, NULL, &made, &err),
                 WFE_E_INVALID, &err);
    assert_contains(err.message, "hosts.toml names no host");
}

static void serve_404(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 404, "", "");
}

static void serve_500(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 500, "", "");
}

static void serve_429(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 429, "Retry-After: 3\r\n", "");
}

static void serve_401(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
}

static void serve_nonsense(scripted_request *q, void *user)
{
    (void)user;
    scripted_sendf(q, "SSH-2.0-OpenSSH_9.2\r\n");
    scripted_close(q, false);
}

static void serve_half(scripted_request *q, void *user)
{
    const rig *r = user;
    if (scripted_request_header(q, "Range")) {
        scripted_close(q, true);
        return;
    }
    scripted_sendf(q, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", sizeof r->blob);
    scripted_send(q, r->blob, 100000);
    scripted_close(q, false);
}

static void test_registry_mirrors__that_fail_are_passed_over(void **state)
{
    rig *r = *state;
    static const struct {
        scripted_registry_fn fn;
        int requests;
    } cases[] = {
        {serve_404, 1}, {serve_500, 3}, {serve_429, 1}, {serve_401, 1}, {serve_nonsense, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(r, cases[i].fn, "");
        outcome o = fetch(r, WFE_REGISTRY_BLOB, r->digest);
        assert_blob_from(&o, r, 0);
        assert_string_equal(o.head_host, r->host);
        assert_int_equal(scripted_registry_count(r->other, ""), cases[i].requests);
        outcome_free(&o);
        wfe_registry_free(r->registry);
        r->registry = NULL;
        scripted_registry_stop(r->server);
        scripted_registry_stop(r->other);
        r->server = r->other = NULL;
    }
}

static void test_registry_mirrors__that_are_not_there_are_passed_over(void **state)
{
    rig *r = *state;
    start(r, serve_mirror, "");
    scripted_registry_stop(r->other);
    r->other = NULL;
    outcome o = fetch(r, WFE_REGISTRY_MANIFEST, "latest");
    assert_text(&o, "{\"of\": \"the registry\"}");
    outcome_free(&o);
}

static void test_registry_mirrors__that_die_halfway_are_continued_by_the_next(void **state)
{
    rig *r = *state;
    start(r, serve_half, "");
    outcome o = fetch(r, WFE_REGISTRY_BLOB, r->digest);
    assert_blob_from(&o, r, 0);
    assert_int_equal(o.heads, 1);
    assert_int_equal(scripted_registry_count(r->server, "range=bytes=100000-"), 1);
    outcome_free(&o);
}

static void test_registry_mirrors__report_what_the_registry_itself_says(void **state)
{
    rig *r = *state;
    start(r, serve_500, "");
    scripted_registry_stop(r->server);
    rig_serve(r, serve_404);
    char text[200];
    snprintf(text, sizeof text, "server = \"http://%s\"\n[host.\"http://127.0.0.1:%d\"]\n", r->host,
             atomic_load(&r->other_port));
    rig_write_hosts(r, DOMAIN, text);
    outcome o = fetch(r, WFE_REGISTRY_MANIFEST, "latest");
    assert_error(&o, WFE_E_NOT_FOUND, r->host, "");
    outcome_free(&o);
}

static void test_registry_mirrors__get_their_path_and_their_headers(void **state)
{
    rig *r = *state;
    start(r, serve_mirror, "");
    char text[512];
    snprintf(text, sizeof text,
             "server = \"http://%s\"\n[host.\"http://127.0.0.1:%d/proxy/hub\"]\n"
             "override_path = true\n[host.\"http://127.0.0.1:%d/proxy/hub\".header]\n"
             "Authorization = \"Fixed value\"\n",
             r->host, atomic_load(&r->other_port), atomic_load(&r->other_port));
    rig_write_hosts(r, DOMAIN, text);
    outcome o = fetch(r, WFE_REGISTRY_MANIFEST, "latest");
    assert_text(&o, "{\"of\": \"the mirror\"}");
    assert_string_equal(
        scripted_registry_line(r->other, 0),
        "GET /proxy/hub/test/app/manifests/latest?ns=registry.example range=- auth=Fixed value");
    outcome_free(&o);
}

/* ---- TLS ---- */

static const char *start_tls(rig *r, tls_proxy *proxy, const char *cert_options)
{
    char socket_path[100], bind[300];
    const char *missing = tls_proxy_missing();
    if (missing) {
        print_message("skipped: %s\n", missing);
        skip();
    }
    assert_true(tls_proxy_make_certs(r->dir));
    snprintf(socket_path, sizeof socket_path, "%s/socket", r->dir);
    r->server = scripted_registry_start(socket_path, serve_blob, r);
    assert_non_null(r->server);
    snprintf(bind, sizeof bind, cert_options, r->dir);
    *proxy = tls_proxy_start(r->dir, bind, socket_path);
    snprintf(r->host, sizeof r->host, "127.0.0.1:%u", proxy->port);
    return r->dir;
}

static outcome fetch_by_tls(rig *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rig_write_hosts(r, DOMAIN, text);
    wfe_registry_free(r->registry);
    r->registry = NULL;
    return fetch(r, WFE_REGISTRY_MANIFEST, "latest");
}

static void test_registry_mirrors__use_the_authority_they_are_given(void **state)
{
    rig *r = *state;
    tls_proxy proxy;
    const char *dir = start_tls(r, &proxy, "");
    outcome o =
        fetch_by_tls(r, "server = \"https://localhost:%u\"\nca = \"%s/ca.pem\"\n", proxy.port, dir);
    assert_text(&o, "{\"of\": \"the registry\"}");
    outcome_free(&o);
    o = fetch_by_tls(r, "server = \"https://%s\"\nskip_verify = true\n", r->host);
    assert_text(&o, "{\"of\": \"the registry\"}");
    outcome_free(&o);
    o = fetch_by_tls(r, "server = \"https://%s\"\nca = \"%s/other.pem\"\n", r->host, dir);
    assert_error(&o, WFE_E_DENIED, "TLS failed", "name that one's certificate as `ca`");
    assert_false(o.err.retryable);
    outcome_free(&o);
    o = fetch_by_tls(r, "server = \"https://%s\"\n", r->host);
    assert_error(&o, WFE_E_DENIED, "certificate", "`ca` in its hosts.toml");
    assert_contains(o.err.message, r->host);
    outcome_free(&o);
    tls_proxy_stop(&proxy);
}

static void test_registry_mirrors__show_a_client_certificate(void **state)
{
    rig *r = *state;
    tls_proxy proxy;
    const char *dir = start_tls(r, &proxy, "verify required ca-file %s/ca.pem");
    outcome o = fetch_by_tls(r,
                             "server = \"https://%s\"\nca = \"%s/ca.pem\"\n"
                             "client = [[\"%s/client.crt\", \"%s/client.key\"]]\n",
                             r->host, dir, dir, dir);
    assert_text(&o, "{\"of\": \"the registry\"}");
    outcome_free(&o);
    o = fetch_by_tls(r, "server = \"https://%s\"\nca = \"%s/ca.pem\"\n", r->host, dir);
    assert_error(&o, WFE_E_DENIED, "certificate required", "`client` in its hosts.toml");
    outcome_free(&o);
    tls_proxy_stop(&proxy);
}

static void test_registry_mirrors__that_speak_plain_http_are_recognised(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_nonsense);
    outcome o = fetch_by_tls(r, "server = \"https://%s\"\n", r->host);
    assert_error(&o, WFE_E_DENIED, "TLS failed", "seems to speak plain HTTP");
    outcome_free(&o);
}

static void serve_downgrade(scripted_request *q, void *user)
{
    rig *r = user;
    char header[100];
    snprintf(header, sizeof header, "Location: http://127.0.0.1:%d/x\r\n",
             atomic_load(&r->other_port));
    scripted_answer_text(q, 307, header, "");
}

static void test_registry_mirrors__are_not_left_from_tls_to_plain_http(void **state)
{
    rig *r = *state;
    tls_proxy proxy;
    char path[100];
    const char *dir = start_tls(r, &proxy, "");
    scripted_registry_stop(r->server);
    snprintf(path, sizeof path, "%s/socket", dir);
    r->server = scripted_registry_start(path, serve_downgrade, r);
    assert_non_null(r->server);
    rig_serve_other(r, serve_mirror);
    outcome o = fetch_by_tls(r, "server = \"https://%s\"\nca = \"%s/ca.pem\"\n", r->host, dir);
    assert_error(&o, WFE_E_PROTOCOL, "from TLS to plain HTTP", "");
    assert_int_equal(scripted_registry_count(r->other, ""), 0);
    outcome_free(&o);
    tls_proxy_stop(&proxy);
}

/* What Go's servers say to plain HTTP on a port of TLS. */
static void serve_wants_tls(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 400, "", "Client sent an HTTP request to an HTTPS server.\n");
}

static void test_registry_mirrors__on_this_machine_may_turn_out_to_speak_tls(void **state)
{
    rig *r = *state;
    rig_serve(r, serve_wants_tls);
    outcome o = rig_fetch_tag(r);
    /* The same port does not really speak TLS here: what matters is that it was tried. */
    assert_error(&o, WFE_E_DENIED, "TLS failed", "");
    outcome_free(&o);
}

/* ---- proxies ---- */

static void serve_proxy(scripted_request *q, void *user)
{
    (void)user;
    scripted_answer_text(q, 200, "", "{\"of\": \"the proxy\"}");
}

static void test_registry_mirrors__are_asked_through_a_proxy(void **state)
{
    rig *r = *state;
    char proxy[64];
    rig_serve_other(r, serve_proxy);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", atomic_load(&r->other_port));
    r->options.http_proxy = proxy;
    rig_write_hosts(r, DOMAIN, "server = \"http://" DOMAIN ":5000\"\n");
    outcome o = fetch(r, WFE_REGISTRY_MANIFEST, "latest");
    assert_text(&o, "{\"of\": \"the proxy\"}");
    assert_contains(scripted_registry_line(r->other, 0), "GET http://registry.example:5000/v2/");
    outcome_free(&o);
    /* This machine itself is always reached directly. */
    rig_serve(r, serve_blob);
    o = rig_fetch_tag(r);
    assert_text(&o, "{\"of\": \"the registry\"}");
    outcome_free(&o);
}

static void test_registry_mirrors__do_not_go_by_the_environment(void **state)
{
    rig *r = *state;
    char proxy[64];
    rig_serve_other(r, serve_proxy);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", atomic_load(&r->other_port));
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    rig_write_hosts(r, DOMAIN, "server = \"http://nothing.invalid:5000\"\n");
    r->options.retries = 1;
    outcome o = fetch(r, WFE_REGISTRY_MANIFEST, "latest");
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_int_equal(scripted_registry_count(r->other, ""), 0);
    assert_error(&o, WFE_E_UNAVAILABLE, "unknown host", "check the name of the registry");
    outcome_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_CASE(test_registry_mirrors__are_asked_first),
        RIG_CASE(test_registry_mirrors__are_asked_only_for_what_they_can),
        RIG_CASE(test_registry_mirrors__without_any_that_may_be_asked_are_an_error),
        RIG_CASE(test_registry_mirrors__that_fail_are_passed_over),
        RIG_CASE(test_registry_mirrors__that_are_not_there_are_passed_over),
        RIG_CASE(test_registry_mirrors__that_die_halfway_are_continued_by_the_next),
        RIG_CASE(test_registry_mirrors__report_what_the_registry_itself_says),
        RIG_CASE(test_registry_mirrors__get_their_path_and_their_headers),
        RIG_CASE(test_registry_mirrors__use_the_authority_they_are_given),
        RIG_CASE(test_registry_mirrors__show_a_client_certificate),
        RIG_CASE(test_registry_mirrors__that_speak_plain_http_are_recognised),
        RIG_CASE(test_registry_mirrors__are_not_left_from_tls_to_plain_http),
        RIG_CASE(test_registry_mirrors__on_this_machine_may_turn_out_to_speak_tls),
        RIG_CASE(test_registry_mirrors__are_asked_through_a_proxy),
        RIG_CASE(test_registry_mirrors__do_not_go_by_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
