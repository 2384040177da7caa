/* SPDX-License-Identifier: Apache-2.0
 *
 * Pulls that a real containerd does by itself: the same result as the other way, logins, progress,
 * errors, interrupts, and who fetches when nobody says. A containerd older than 2.0 cannot: there
 * the same tests check that it says so, or that wfe fetches instead.
 */
#include "fixtures/wfe_assert.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "containerd/version.h"
#include "fixtures/private_containerd.h"
#include "fixtures/registry_server.h"
#include "fixtures/tls_proxy.h"
#include "fixtures/wfe_command.h"

#define NAME_SIZE 96
#define BY_ITSELF "(fetched by containerd itself)"

static registry_server *registry;
static char scratch[64]; /* a folder below the daemon's */

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0]) {
        registry = registry_server_new();
        snprintf(scratch, sizeof scratch, "%s/scratch", daemon->dir);
        rc = mkdir(scratch, 0700);
    }
    return rc;
}

static int teardown(void **state)
{
    registry_server_free(registry);
    return private_containerd_group_teardown(state);
}

static private_containerd *daemon_with(void **state, const char *shape)
{
    private_containerd *daemon = private_containerd_of(state);
    if (!registry) {
        print_message("skipped: there is no docker-registry\n");
        skip();
    }
    registry_server_need(registry, shape);
    return daemon;
}

static bool can_transfer(const private_containerd *daemon)
{
    wfe_version_number version;
    assert_true(wfe_version_parse(daemon->version, &version));
    return wfe_version_at_least(&version, 2, 0);
}

static char *ctr(private_containerd *daemon, const char *ns, const char *const *args)
{
    char *out = NULL;
    int code = private_containerd_ctr(daemon, ns, args, &out);
    if (code)
        fail_msg("ctr %s %s ended with %d: %s", args[0], args[1], code, out);
    return out;
}

static const char *image_of(const char *host, const char *shape)
{
    static char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s/test/%s:latest", host, shape);
    return name;
}

/* `wfe pull --via VIA` with the options of more, NULL-terminated. */
static wfe_command_result pull(private_containerd *daemon, const char *ns, const char *via,
                               const char *image, const char *const *more)
{
    const char *args[24] = {"pull", "--address", daemon->address, "--namespace", ns, "--via", via};
    wfe_command_result result;
    size_t n = 7;
    for (size_t i = 0; more && more[i]; i++)
        args[n++] = more[i];
    args[n] = image;
    wfe_command_run(&(wfe_command_options){.args = args}, &result);
    return result;
}

static void assert_result(wfe_command_result result, int exit_code, const char *err)
{
    if (result.exit_code != exit_code || !strstr(result.err, err))
        fail_msg("exit code %d (expected %d), stderr '%s' (expected '%s')", result.exit_code,
                 exit_code, result.err, err);
    wfe_command_result_done(&result);
}

/* Where it can be done it ends like this, elsewhere it says why it cannot. */
static bool assert_transfer(private_containerd *daemon, const char *ns, const char *image,
                            const char *const *more, int exit_code, const char *err)
{
    wfe_command_result result = pull(daemon, ns, "transfer", image, more);
    if (can_transfer(daemon)) {
        assert_result(result, exit_code, err);
        return true;
    }
    const char *list[] = {"images", "ls", "-q", NULL};
    char *names = ctr(daemon, ns, list);
    assert_string_equal(names, "");
    free(names);
    assert_contains(result.err, "2.0 or newer is needed");
    assert_contains(result.err, daemon->version);
    assert_contains(result.err, "--via ingest");
    assert_result(result, 125,
                  strncmp(daemon->version, "1.7", 3) ? "has no transfer service" : "hosts.toml");
    return false;
}

static void remove_image(private_containerd *daemon, const char *ns, const char *image)
{
    const char *args[] = {"images", "rm", "--sync", image, NULL};
    free(ctr(daemon, ns, args));
}

/* The record, every blob with its labels, the snapshots. A reference from an index to an index is
 * of a key of the daemon's own beside ours, to the same end. */
static char *store_of(private_containerd *daemon, const char *ns, const char *image)
{
    char command[1024], *text = calloc(1, 1 << 20);
    snprintf(command, sizeof command,
             "c() { %s%sctr --address %s --namespace %s \"$@\"; };"
             "c images ls name==%s | tail -n +2;"
             "c content ls | tail -n +2 | awk '{ n = split($NF, labels, \",\"); print $1;"
             " for (i = 1; i <= n; i++) if (labels[i] !~ /ref.content.[0-9]/)"
             " print $1, labels[i] }' | sort;"
             "c snapshots ls | sort",
             daemon->binaries_dir ? daemon->binaries_dir : "", daemon->binaries_dir ? "/" : "",
             daemon->address, ns, image);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_true(fread(text, 1, (1 << 20) - 1, pipe) > 0);
    assert_int_equal(pclose(pipe), 0);
    return text;
}

static void check_shape(void **state, const char *shape)
{
    private_containerd *daemon = daemon_with(state, shape);
    const char *image = image_of(registry->host, shape);
    if (!assert_transfer(daemon, shape, image, NULL, 0, BY_ITSELF))
        return;
    char *transferred = store_of(daemon, shape, image);
    private_containerd_assert_ctr_runs(daemon, shape, image, "echo hi", "hi\n");
    remove_image(daemon, shape, image);
    assert_result(pull(daemon, shape, "ingest", image, NULL), 0, "sha256:");
    char *ingested = store_of(daemon, shape, image);
    assert_string_equal(transferred, ingested);
    remove_image(daemon, shape, image);
    free(transferred);
    free(ingested);
    private_containerd_assert_clean(daemon);
}

#define SHAPE_TEST(name, shape)                                                                    \
    static void test_pull_transfer__is_the_same_as_ingest_for_##name(void **state)                 \
    {                                                                                              \
        check_shape(state, shape);                                                                 \
    }
SHAPE_TEST(one_layer, "one")
SHAPE_TEST(thirty_layers, "thirty")
SHAPE_TEST(whiteouts_and_devices, "special")
SHAPE_TEST(zstd, "zstd")
SHAPE_TEST(docker_schema_2, "docker")
SHAPE_TEST(an_index, "index")
SHAPE_TEST(an_index_in_an_index, "nested")

static void test_pull_transfer__tells_of_every_layer(void **state)
{
    private_containerd *daemon = daemon_with(state, "large");
    const char *image = image_of(registry->host, "large");
    const char *json[] = {"--json", NULL};
    if (!can_transfer(daemon)) {
        assert_result(pull(daemon, "told", "transfer", image, json), 125, "");
        return;
    }
    wfe_command_result result = pull(daemon, "told", "transfer", image, json);
    assert_int_equal(result.exit_code, 0);
    assert_contains(result.out, "\"event\":\"resolved\"");
    assert_contains(result.out, "\"via\":\"transfer\"");
    for (int layer = 1; layer <= 5; layer++) {
        char done[64];
        snprintf(done, sizeof done, "\"layer\":%d,\"state\":\"done\",\"layers\":5", layer);
        assert_contains(result.out, done);
    }
    assert_contains(result.out, "\"event\":\"pulled\"");
    wfe_command_result_done(&result);
    remove_image(daemon, "told", image);
}

static void test_pull_transfer__unpacks_what_the_daemon_does_not(void **state)
{
    private_containerd *daemon = daemon_with(state, "thirty");
    const char *image = image_of(registry->host, "thirty");
    const char *more[] = {"--snapshotter", "native", NULL};
    const char *run[] = {"run",     "--rm", "--snapshotter",         "native", image, "x",
                         "/bin/sh", "-c",   "cat /layers/* | wc -l", NULL};
    if (!assert_transfer(daemon, "native", image, more, 0, BY_ITSELF))
        return;
    char *out = ctr(daemon, "native", run);
    assert_string_equal(out, "29\n");
    free(out);
    remove_image(daemon, "native", image);
}

static void test_pull_transfer__takes_the_platform_asked_for(void **state)
{
    private_containerd *daemon = daemon_with(state, "index");
    const char *image = image_of(registry->host, "index");
    const char *some[] = {"--platform", "linux/s390x", NULL};
    const char *none[] = {"--platform", "linux/mips64", NULL};
    if (!assert_transfer(daemon, "platform", image, some, 0, BY_ITSELF))
        return;
    wfe_command_result result;
    const char *args[] = {"image",         "ls",          "--json",   "--address",
                          daemon->address, "--namespace", "platform", NULL};
    wfe_command_run(&(wfe_command_options){.args = args}, &result);
    assert_contains(result.out, "\"platforms\":[\"linux/s390x\"]");
    wfe_command_result_done(&result);
    remove_image(daemon, "platform", image);
    assert_transfer(daemon, "platform", image, none, 125, "failed to pull");
}

static void test_pull_transfer__gives_the_daemon_our_login(void **state)
{
    private_containerd *daemon = daemon_with(state, "one");
    faulty_registry front;
    char path[96], wrong[96];
    snprintf(path, sizeof path, "%s/password", scratch);
    snprintf(wrong, sizeof wrong, "%s/wrong", scratch);
    assert_ok(wfe_fd_write_file(path, "secret\n", 7, 0600, NULL), NULL);
    assert_ok(wfe_fd_write_file(wrong, "guess\n", 6, 0600, NULL), NULL);
    const char *more[] = {"--registry-user", "me", "--registry-password-file", path, "-V", NULL};
    const char *bad[] = {"--registry-user", "me", "--registry-password-file", wrong, NULL};
    faulty_registry_start(registry, "login", &front);
    const char *image = image_of(front.host, "one");
    if (assert_transfer(daemon, "login", image, NULL, 125, "authorization failed")) {
        assert_transfer(daemon, "login", image, bad, 125, "401 Unauthorized");
        const char *json[] = {"--json", NULL};
        wfe_command_result denied = pull(daemon, "login", "transfer", image, json);
        assert_contains(denied.out, "\"kind\":\"denied\"");
        wfe_command_result_done(&denied);
        wfe_command_result result = pull(daemon, "login", "transfer", image, more);
        assert_null(strstr(result.err, "secret"));
        assert_result(result, 0, BY_ITSELF);
        remove_image(daemon, "login", image);
    }
    faulty_registry_stop(&front);
}

static void test_pull_transfer__says_what_went_wrong(void **state)
{
    private_containerd *daemon = daemon_with(state, "one");
    faulty_registry front;
    const char *json[] = {"--json", NULL};
    if (assert_transfer(daemon, "wrong", image_of(registry->host, "nosuch"), NULL, 125,
                        "not found")) {
        wfe_command_result result =
            pull(daemon, "wrong", "transfer", image_of(registry->host, "nosuch"), json);
        assert_contains(result.out, "\"kind\":\"not found\"");
        wfe_command_result_done(&result);
    }
    faulty_registry_start(registry, "flip", &front);
    assert_transfer(daemon, "wrong", image_of(front.host, "one"), NULL, 125, "failed to pull");
    faulty_registry_stop(&front);
    assert_transfer(daemon, "wrong", image_of(front.host, "one"), NULL, 125, front.host);
    assert_result(pull(daemon, "wrong", "pigeon", "busybox", NULL), 2, "ingest or transfer");
    const char *list[] = {"images", "ls", "-q", NULL};
    char *names = ctr(daemon, "wrong", list);
    assert_string_equal(names, "");
    free(names);
}

static void test_pull_transfer__stops_when_interrupted(void **state)
{
    private_containerd *daemon = daemon_with(state, "large");
    faulty_registry front;
    faulty_registry_start(registry, "slow", &front);
    const char *image = image_of(front.host, "large");
    const char *args[] = {"pull",        "--via",   "transfer", "--address", daemon->address,
                          "--namespace", "stopped", image,      NULL};
    if (!can_transfer(daemon)) {
        assert_transfer(daemon, "stopped", image, NULL, 125, "");
        faulty_registry_stop(&front);
        return;
    }
    wfe_command_result result;
    wfe_command *command = wfe_command_start(&(wfe_command_options){.args = args});
    wfe_command_wait_for(command, BY_ITSELF);
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_wait(command, &result);
    assert_result(result, 130, "cancelled");
    const char *list[] = {"images", "ls", "-q", NULL};
    char *names = ctr(daemon, "stopped", list);
    assert_string_equal(names, "");
    free(names);
    faulty_registry_stop(&front);
    /* And again, from the registry itself. */
    private_containerd_assert_clean(daemon);
    assert_transfer(daemon, "stopped", image_of(registry->host, "large"), NULL, 0, BY_ITSELF);
    remove_image(daemon, "stopped", image_of(registry->host, "large"));
}

/* ---- who fetches when nobody says ---- */

static void test_pull_transfer__is_left_alone_for_a_daemon_of_this_machine(void **state)
{
    private_containerd *daemon = daemon_with(state, "one");
    const char *image = image_of(registry->host, "one");
    wfe_command_result result = pull(daemon, "auto", "auto", image, NULL);
    assert_null(strstr(result.err, BY_ITSELF));
    assert_result(result, 0, "");
    remove_image(daemon, "auto", image);
}

static void test_pull_transfer__is_chosen_for_a_daemon_far_away_that_can(void **state)
{
    private_containerd *daemon = daemon_with(state, "one");
    const char *image = image_of(registry->host, "one");
    char certs[96], address[64], ca[128];
    if (tls_proxy_missing()) {
        print_message("skipped: %s\n", tls_proxy_missing());
        skip();
    }
    snprintf(certs, sizeof certs, "%s/certs", scratch);
    assert_int_equal(mkdir(certs, 0700), 0);
    assert_true(tls_proxy_make_certs(certs));
    tls_proxy proxy = tls_proxy_start(certs, "alpn h2", daemon->address);
    snprintf(address, sizeof address, "https://127.0.0.1:%u", proxy.port);
    snprintf(ca, sizeof ca, "%s/ca.pem", certs);
    const char *args[] = {"pull", "--address",   address, "--tls-ca", ca,
                          "-V",   "--namespace", "far",   image,      NULL};
    wfe_command_result result;
    wfe_command_run(&(wfe_command_options){.args = args}, &result);
    bool by_itself = strstr(result.err, BY_ITSELF) != NULL;
    assert_int_equal(by_itself, can_transfer(daemon));
    assert_result(result, 0, by_itself ? "fetches" : "wfe fetches");
    remove_image(daemon, "far", image);
    tls_proxy_stop(&proxy);
}

static void test_pull_transfer__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pull_transfer__is_the_same_as_ingest_for_one_layer),
        cmocka_unit_test(test_pull_transfer__is_the_same_as_ingest_for_thirty_layers),
        cmocka_unit_test(test_pull_transfer__is_the_same_as_ingest_for_whiteouts_and_devices),
        cmocka_unit_test(test_pull_transfer__is_the_same_as_ingest_for_zstd),
        cmocka_unit_test(test_pull_transfer__is_the_same_as_ingest_for_docker_schema_2),
        cmocka_unit_test(test_pull_transfer__is_the_same_as_ingest_for_an_index),
        cmocka_unit_test(test_pull_transfer__is_the_same_as_ingest_for_an_index_in_an_index),
        cmocka_unit_test(test_pull_transfer__tells_of_every_layer),
        cmocka_unit_test(test_pull_transfer__unpacks_what_the_daemon_does_not),
        cmocka_unit_test(test_pull_transfer__takes_the_platform_asked_for),
        cmocka_unit_test(test_pull_transfer__gives_the_daemon_our_login),
        cmocka_unit_test(test_pull_transfer__says_what_went_wrong),
        cmocka_unit_test(test_pull_transfer__stops_when_interrupted),
        cmocka_unit_test(test_pull_transfer__is_left_alone_for_a_daemon_of_this_machine),
        cmocka_unit_test(test_pull_transfer__is_chosen_for_a_daemon_far_away_that_can),
        cmocka_unit_test(test_pull_transfer__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
