/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry client and a real registry: plain, over TLS with HTTP/2, with a password, with
 * tokens; every byte that comes is checked against its digest.
 */
#include "component/registry_rig.h"

#include <jansson.h>
#include <signal.h>
#include <unistd.h>

#include "fixtures/registry_door.h"
#include "fixtures/registry_server.h"
#include "fixtures/tls_proxy.h"

#define BLOBS_MAX 8

static registry_server *server;
static registry_door door;

static int group_setup(void **state)
{
    (void)state;
    server = registry_server_new();
    if (server)
        registry_server_need(server, "large");
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    registry_server_free(server);
    return 0;
}

static int setup(void **state)
{
    return rig_setup(state);
}

static int teardown(void **state)
{
    int rc = rig_teardown(state);
    registry_door_close(&door);
    return rc;
}

/* A door of the kinds, and a rig that names it. */
static rig *open_door(void **state, unsigned kinds)
{
    rig *r = *state;
    const char *missing = server ? tls_proxy_missing() : "there is no docker-registry";
    if (missing) {
        print_message("skipped: %s\n", missing);
        skip();
    }
    registry_door_open(server, kinds, &door);
    snprintf(r->host, sizeof r->host, "%s", door.host);
    if (kinds & REGISTRY_DOOR_TLS) {
        char text[256];
        snprintf(text, sizeof text, "server = \"https://%s\"\nca = \"%s\"\n", door.host, door.ca);
        rig_write_hosts(r, r->host, text);
    }
    return r;
}

static void write_login(const rig *r, const char *entry)
{
    char text[256];
    snprintf(text, sizeof text, "{\"auths\": {\"%s\": %s}}", r->host, entry);
    rig_write_config(r, text);
}

#define RIGHT_PASSWORD "{\"auth\": \"bWU6aHVudGVyMg==\"}" /* me:hunter2 */
#define WRONG_PASSWORD "{\"username\": \"me\", \"password\": \"old hunter2\"}"

static outcome fetch_tag(rig *r, const char *tag)
{
    return rig_fetch(r, (wfe_registry_request){
                            .kind = WFE_REGISTRY_MANIFEST, .path = "test/large", .name = tag});
}

static void check_digest(const outcome *o, const char *digest)
{
    char found[WFE_DIGEST_SIZE];
    if (o->err.kind) {
        wfe_assert_print(&o->err);
        fail();
    }
    wfe_digest_of(o->data.data, o->data.len, found);
    assert_string_equal(found, digest);
}

/* Config and layers of the manifest, at once, some of them paused in between. */
static void fetch_blobs(rig *r, const outcome *manifest)
{
    static outcome all[BLOBS_MAX];
    json_t *root = json_loadb(manifest->data.data, manifest->data.len, 0, NULL);
    json_t *list = json_array();
    assert_non_null(root);
    json_array_append(list, json_object_get(root, "config"));
    json_array_extend(list, json_object_get(root, "layers"));
    size_t n = json_array_size(list);
    assert_true(n >= 5 && n <= BLOBS_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        all[i] = (outcome){.pause_at_bytes = i % 2 ? 100000 : 0};
        rig_start(
            r, &all[i],
            &(wfe_registry_request){
                .kind = WFE_REGISTRY_BLOB,
                .path = "test/large",
                .name = json_string_value(json_object_get(item, "digest")),
                .expected_bytes = (uint64_t)json_integer_value(json_object_get(item, "size"))});
    }
    for (size_t i = 0; i < n; i += 2)
        rig_wait(r, &all[i]);
    for (size_t i = 0; i < n; i++) {
        if (all[i].fetch)
            wfe_registry_fetch_resume(all[i].fetch);
        rig_wait(r, &all[i]);
        check_digest(&all[i],
                     json_string_value(json_object_get(json_array_get(list, i), "digest")));
        outcome_free(&all[i]);
    }
    json_decref(list);
    json_decref(root);
}

static void fetch_all(rig *r)
{
    outcome head = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_MANIFEST_HEAD,
                                                       .path = "test/large",
                                                       .name = "latest"});
    outcome manifest = fetch_tag(r, "latest");
    check_digest(&manifest, manifest.digest);
    assert_string_equal(head.digest, manifest.digest);
    assert_int_equal(head.total_bytes, manifest.data.len);
    outcome by_digest = fetch_tag(r, manifest.digest);
    check_digest(&by_digest, manifest.digest);
    fetch_blobs(r, &manifest);
    outcome_free(&head);
    outcome_free(&by_digest);
    outcome_free(&manifest);
}

static void test_registry__fetches_over_plain_http(void **state)
{
    rig *r = open_door(state, 0);
    fetch_all(r);
    outcome o = fetch_tag(r, "lates");
    assert_error(&o, WFE_E_NOT_FOUND, "it has 1 tag: latest", "did you mean the tag 'latest'");
    outcome_free(&o);
    o = rig_fetch(r, (wfe_registry_request){
                         .kind = WFE_REGISTRY_MANIFEST, .path = "no/such", .name = "latest"});
    assert_error(&o, WFE_E_NOT_FOUND, "no/such:latest not found", "check the name");
    outcome_free(&o);
    o = rig_fetch(r, (wfe_registry_request){.kind = WFE_REGISTRY_TAGS, .path = "test/large"});
    assert_text(&o, "{\"name\":\"test/large\",\"tags\":[\"latest\"]}\n");
    outcome_free(&o);
}

static void test_registry__fetches_over_tls_with_http_2(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_TLS);
    fetch_all(r);
    assert_true(registry_door_count(door.log, "HTTP/2.0") >= 8);
    assert_int_equal(registry_door_count(door.log, "HTTP/1.1"), 0);
}

static void test_registry__finds_out_that_a_local_registry_speaks_tls(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_TLS);
    rig_write_hosts(r, r->host, "");
    outcome o = fetch_tag(r, "latest");
    assert_error(&o, WFE_E_DENIED, "TLS failed: SSL certificate problem", "`ca` in its hosts.toml");
    outcome_free(&o);
    wfe_registry_free(r->registry);
    r->registry = NULL;
    char text[128];
    snprintf(text, sizeof text, "ca = \"%s\"\n", door.ca);
    rig_write_hosts(r, r->host, text);
    o = fetch_tag(r, "latest");
    assert_int_equal(o.err.kind, 0);
    outcome_free(&o);
}

static void test_registry__logs_in_with_a_password(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_BASIC);
    outcome o = fetch_tag(r, "latest");
    assert_error(&o, WFE_E_DENIED, "there are none for it", "docker login 127.0.0.1");
    outcome_free(&o);
    write_login(r, WRONG_PASSWORD);
    o = fetch_tag(r, "latest");
    assert_error(&o, WFE_E_DENIED, "tried with a user name and password", "docker login");
    outcome_free(&o);
    write_login(r, RIGHT_PASSWORD);
    fetch_all(r);
}

static void test_registry__logs_in_with_a_helper_over_tls(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_TLS | REGISTRY_DOOR_BASIC);
    char path[128], folder[4200];
    const char *const script = "#!/bin/sh\nread -r host\necho \"$host\" >>\"${0%/*}/asked\"\n"
                               "echo '{\"Username\": \"me\", \"Secret\": \"hunter2\"}'\n";
    snprintf(path, sizeof path, "%s/docker-credential-test", r->dir);
    assert_ok(wfe_fd_write_file(path, script, strlen(script), 0700, NULL), NULL);
    const char *before = getenv("PATH");
    snprintf(folder, sizeof folder, "%s:%s", r->dir, before ? before : "/usr/bin:/bin");
    setenv("PATH", folder, 1);
    rig_write_config(r, "{\"credsStore\": \"test\"}");
    fetch_all(r);
    snprintf(path, sizeof path, "%s/asked", r->dir);
    /* Asked once, for all of these. */
    assert_int_equal(registry_door_count(path, "\n"), 1);
    assert_int_equal(registry_door_count(path, r->host), 1);
}

static void test_registry__gets_tokens(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_TOKEN);
    outcome o = fetch_tag(r, "latest");
    assert_error(&o, WFE_E_DENIED, "tried anonymously", "docker login 127.0.0.1");
    outcome_free(&o);
    assert_true(registry_door_count(door.tokens, "GET nobody") >= 1);
    wfe_registry_free(r->registry);
    r->registry = NULL;
    write_login(r, WRONG_PASSWORD);
    o = fetch_tag(r, "latest");
    assert_error(&o, WFE_E_DENIED, "incorrect username or password", "docker login");
    outcome_free(&o);
    write_login(r, RIGHT_PASSWORD);
    int before = registry_door_count(door.tokens, "GET me");
    fetch_all(r);
    assert_int_equal(registry_door_count(door.tokens, "GET me"), before + 1);
}

static void test_registry__gets_tokens_for_an_identity_token(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_TOKEN);
    write_login(r, "{\"identitytoken\": \"identity-hunter2\"}");
    fetch_all(r);
    assert_int_equal(registry_door_count(door.tokens, "POST me"), 1);
    assert_int_equal(registry_door_count(door.tokens, "GET"), 0);
}

static void test_registry__takes_no_token_without_tls_for_a_registry_with(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_TOKEN | REGISTRY_DOOR_TLS);
    write_login(r, RIGHT_PASSWORD);
    outcome o = fetch_tag(r, "latest");
    assert_error(&o, WFE_E_DENIED, "without TLS", "");
    assert_int_equal(registry_door_count(door.tokens, ""), 0);
    outcome_free(&o);
}

static void test_registry__goes_on_when_the_registry_is_restarted(void **state)
{
    rig *r = open_door(state, REGISTRY_DOOR_TLS);
    static outcome o;
    outcome manifest = fetch_tag(r, "latest");
    assert_int_equal(manifest.err.kind, 0);
    json_t *root = json_loadb(manifest.data.data, manifest.data.len, 0, NULL);
    const char *digest = json_string_value(
        json_object_get(json_array_get(json_object_get(root, "layers"), 1), "digest"));
    assert_non_null(digest);
    o = (outcome){.pause_at_bytes = 1000000};
    rig_start(
        r, &o,
        &(wfe_registry_request){.kind = WFE_REGISTRY_BLOB, .path = "test/large", .name = digest});
    uint64_t until = wfe_clock_monotonic_us() + RIG_LIMIT_US;
    while (o.pause_at_bytes && !o.done && wfe_clock_monotonic_us() < until)
        wfe_loop_run_ready(r->loop);
    assert_false(o.done);
    registry_door_restart(&door);
    wfe_registry_fetch_resume(o.fetch);
    rig_wait(r, &o);
    check_digest(&o, digest);
    assert_true(registry_door_count(door.log, " 206 ") >= 1);
    outcome_free(&o);
    outcome_free(&manifest);
    json_decref(root);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_registry__fetches_over_plain_http),
        CASE(test_registry__fetches_over_tls_with_http_2),
        CASE(test_registry__finds_out_that_a_local_registry_speaks_tls),
        CASE(test_registry__logs_in_with_a_password),
        CASE(test_registry__logs_in_with_a_helper_over_tls),
        CASE(test_registry__gets_tokens),
        CASE(test_registry__gets_tokens_for_an_identity_token),
        CASE(test_registry__takes_no_token_without_tls_for_a_registry_with),
        CASE(test_registry__goes_on_when_the_registry_is_restarted),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
