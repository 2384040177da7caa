/* SPDX-License-Identifier: Apache-2.0
 *
 * Pulling from a real registry into a real containerd: images of every shape, compared file by file
 * with what ctr makes of them; registries that err; pulls that are killed, interrupted, or run
 * twice at once; and what the store holds afterwards.
 */
#include "fixtures/wfe_assert.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fixtures/pull_group.h"

#define NAME_SIZE PULL_GROUP_NAME_SIZE

static void assert_runs(private_containerd *daemon, const char *ns, const char *image,
                        const char *script, const char *wanted)
{
    private_containerd_assert_ctr_runs(daemon, ns, image, script, wanted);
}

/* Mounts the image as both made it and compares every entry. */
static void assert_same_as_ctr(private_containerd *daemon, const char *ns, const char *image)
{
    char theirs[64], a[96], b[96], command[512];
    snprintf(theirs, sizeof theirs, "%s-ctr", ns);
    snprintf(a, sizeof a, "%s/%s", pull_group_scratch, ns);
    snprintf(b, sizeof b, "%s/%s", pull_group_scratch, theirs);
    mkdir(a, 0700);
    mkdir(b, 0700);
    const char *pull[] = {"images", "pull", "--plain-http", image, NULL};
    const char *mount_a[] = {"images", "mount", image, a, NULL};
    const char *mount_b[] = {"images", "mount", image, b, NULL};
    const char *unmount_a[] = {"images", "unmount", "--rm", a, NULL};
    const char *unmount_b[] = {"images", "unmount", "--rm", b, NULL};
    free(pull_group_ctr(daemon, theirs, pull));
    free(pull_group_ctr(daemon, ns, mount_a));
    free(pull_group_ctr(daemon, theirs, mount_b));
    snprintf(command, sizeof command,
             "python3 " WFE_SOURCE_DIR "/tests/fixtures/compare_trees.py %s %s", a, b);
    int differ = system(command);
    free(pull_group_ctr(daemon, ns, unmount_a));
    free(pull_group_ctr(daemon, theirs, unmount_b));
    pull_group_remove_image(daemon, theirs, image);
    if (differ)
        fail_msg("%s is not what ctr makes of it", image);
}

static void check_shape(void **state, const char *shape)
{
    private_containerd *daemon = pull_group_daemon_with(state, shape);
    const char *image = pull_group_image_of(pull_group_registry->host, shape);
    pull_group_pull_ok(daemon, shape, image);
    assert_same_as_ctr(daemon, shape, image);
    assert_runs(daemon, shape, image, "echo hi", "hi\n");
    pull_group_assert_complete(daemon, shape, image);
    pull_group_remove_image(daemon, shape, image);
}

#define SHAPE_TEST(name, shape)                                                                    \
    static void test_pull__takes_##name(void **state)                                              \
    {                                                                                              \
        check_shape(state, shape);                                                                 \
    }
SHAPE_TEST(an_image_of_one_layer, "one")
SHAPE_TEST(an_image_of_thirty_layers, "thirty")
SHAPE_TEST(whiteouts_links_devices_and_attributes, "special")
SHAPE_TEST(the_same_layer_twice, "twice")
SHAPE_TEST(layers_of_zstd, "zstd")
SHAPE_TEST(layers_of_plain_tar, "plain")
SHAPE_TEST(layers_of_all_kinds, "mixed")
SHAPE_TEST(docker_schema_2, "docker")
SHAPE_TEST(docker_schema_2_of_plain_tar, "docker-plain")
SHAPE_TEST(an_index, "index")
SHAPE_TEST(a_docker_list, "docker-list")
SHAPE_TEST(an_index_in_an_index, "nested")
SHAPE_TEST(large_layers, "large")
SHAPE_TEST(layers_in_folders_of_others, "wide")

/* How often word is in the file. */
static size_t count_in(const char *path, const char *word)
{
    wfe_buf text = WFE_BUF_INIT(0);
    size_t n = 0;
    assert_ok(wfe_fd_read_file(path, (size_t)1 << 20, &text, NULL), NULL);
    for (const char *at = text.data; at && (at = strstr(at, word)); at++)
        n++;
    wfe_buf_done(&text);
    return n;
}

/* Writes containerd's events into the file, from now on. */
static pid_t listen_to_events(private_containerd *daemon, const char *path)
{
    char command[256];
    snprintf(command, sizeof command, "exec ctr -a %s events >%s 2>/dev/null", daemon->address,
             path);
    pid_t listener = fork();
    if (listener == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 100 && (access(path, F_OK) || !count_in(path, "/namespaces/")); i++) {
        char label[32];
        snprintf(label, sizeof label, "wfe.test=%d", i);
        const char *args[] = {"namespaces", "label", "default", label, NULL};
        free(pull_group_ctr(daemon, "default", args));
        usleep(20000);
    }
    return listener;
}

/* The events tell of the snapshots that layers are unpacked in before their turn. */
static void test_pull__unpacks_layers_side_by_side(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "wide");
    const char *image = pull_group_image_of(pull_group_registry->host, "wide");
    char events[96];
    size_t n = 0;
    snprintf(events, sizeof events, "%s/events", pull_group_scratch);
    pid_t listener = listen_to_events(daemon, events);
    pull_group_pull_ok(daemon, "default", image);
    for (int i = 0; i < 100 && !count_in(events, "/images/create"); i++)
        usleep(20000);
    n = count_in(events, "extract-aside-");
    kill(listener, SIGTERM);
    waitpid(listener, NULL, 0);
    pull_group_assert_complete(daemon, "default", image);
    pull_group_remove_image(daemon, "default", image);
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        assert_int_equal(n, 0);
    else
        assert_in_range(n, 2, 1000);
}

static void test_pull__survives_a_garbage_collection(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "nested");
    registry_server_need(pull_group_registry, "one");
    char image[NAME_SIZE];
    snprintf(image, sizeof image, "%s", pull_group_image_of(pull_group_registry->host, "nested"));
    pull_group_pull_ok(daemon, "gc", image);
    pull_group_pull_ok(daemon, "gc", pull_group_image_of(pull_group_registry->host, "one"));
    pull_group_remove_image(daemon, "gc", pull_group_image_of(pull_group_registry->host, "one"));
    assert_runs(daemon, "gc", image, "cat /layers/3", "layer 3\n");
    pull_group_remove_image(daemon, "gc", image);
    pull_group_assert_store(daemon, "gc",
                            "images:\ncontent:\ncontent:\nREF\tSIZE\tAGE\t\nleases:\nsnapshots:\n"
                            "KEY PARENT KIND \n");
}

static void test_pull__by_digest_keeps_the_name_asked_for(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "one");
    const char *image = pull_group_image_of(pull_group_registry->host, "one");
    const char *list[] = {"images", "ls", "-q", NULL};
    wfe_command_result result;
    assert_int_equal(pull_group_pull_with(daemon, "digest", image, NULL, &result), 0);
    char name[NAME_SIZE], by_digest[256], wanted[512];
    snprintf(name, sizeof name, "%s", image);
    const char *digest = strstr(result.out, "sha256:");
    assert_non_null(digest);
    snprintf(by_digest, sizeof by_digest, "%.*s@%.71s", (int)(strlen(name) - strlen(":latest")),
             name, digest);
    wfe_command_result_done(&result);
    pull_group_pull_ok(daemon, "digest", by_digest);
    snprintf(wanted, sizeof wanted, "%s\n%s\n", name, by_digest);
    char *out = pull_group_ctr(daemon, "digest", list);
    assert_string_equal(out, wanted);
    free(out);
}

static void test_pull__fetches_nothing_that_is_there(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "thirty");
    faulty_registry front;
    faulty_registry_start(pull_group_registry, "none", &front);
    const char *image = pull_group_image_of(front.host, "thirty");
    pull_group_pull_ok(daemon, "again", image);
    struct stat first, second;
    assert_int_equal(stat(front.log, &first), 0);
    pull_group_pull_ok(daemon, "again", image);
    assert_int_equal(stat(front.log, &second), 0);
    assert_true(first.st_size > 0);
    assert_int_equal(first.st_size, second.st_size);
    pull_group_remove_image(daemon, "again", image);
    faulty_registry_stop(&front);
}

static void test_pull__takes_the_platform_asked_for(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "index");
    wfe_command_result result;
    const char *more[] = {"--platform", "linux/s390x", "--json", NULL};
    const char *none[] = {"--platform", "linux/mips64", NULL};
    const char *wrong[] = {"--platform", "a/b/c/d", NULL};
    const char *image = pull_group_image_of(pull_group_registry->host, "index");
    assert_int_equal(pull_group_pull_with(daemon, "platform", image, more, &result), 0);
    assert_non_null(strstr(result.out, "\"event\":\"pulled\""));
    wfe_command_result_done(&result);
    assert_int_equal(pull_group_pull_with(daemon, "platform", image, none, &result), 125);
    assert_non_null(strstr(result.err, "nothing for linux/mips64"));
    assert_non_null(strstr(result.err, "linux/riscv64"));
    wfe_command_result_done(&result);
    assert_int_equal(pull_group_pull_with(daemon, "platform", image, wrong, &result), 2);
    wfe_command_result_done(&result);
}

static void test_pull__takes_an_older_variant(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "variants");
    wfe_command_result result;
    const char *v4[] = {"--platform", "linux/amd64/v4", NULL};
    const char *v2[] = {"--platform", "linux/amd64/v2", NULL};
    const char *image = pull_group_image_of(pull_group_registry->host, "variants");
    const char *configs[] = {"content", "ls", NULL};
    assert_int_equal(pull_group_pull_with(daemon, "variant2", image, v2, &result), 0);
    wfe_command_result_done(&result);
    assert_int_equal(pull_group_pull_with(daemon, "variant4", image, v4, &result), 0);
    wfe_command_result_done(&result);
    char *a = pull_group_ctr(daemon, "variant2", configs),
         *b = pull_group_ctr(daemon, "variant4", configs);
    assert_string_not_equal(a, b); /* v2's manifest here, v3's there */
    free(a);
    free(b);
}

/* ---- registries and images that err ---- */

/* The pull fails with these words, and leaves the store as it was. */
static void check_refused(void **state, const char *fault, const char *shape, int code,
                          const char *words)
{
    private_containerd *daemon = pull_group_daemon_with(state, shape);
    faulty_registry front;
    wfe_command_result result;
    faulty_registry_start(pull_group_registry, fault, &front);
    char *before = pull_group_store_of(daemon, "refused");
    int found = pull_group_pull_with(daemon, "refused", pull_group_image_of(front.host, shape),
                                     NULL, &result);
    if (found != code || !strstr(result.err, words))
        fail_msg("exit code %d, must be %d; '%s' must say '%s'", found, code, result.err, words);
    wfe_command_result_done(&result);
    pull_group_assert_store(daemon, "refused", before);
    free(before);
    faulty_registry_stop(&front);
}

/* The pull goes well in spite of the fault. */
static void check_recovers(void **state, const char *fault, const char *shape)
{
    private_containerd *daemon = pull_group_daemon_with(state, shape);
    faulty_registry front;
    faulty_registry_start(pull_group_registry, fault, &front);
    const char *image = pull_group_image_of(front.host, shape);
    pull_group_pull_ok(daemon, "recovers", image);
    assert_runs(daemon, "recovers", image, "echo hi", "hi\n");
    pull_group_assert_complete(daemon, "recovers", image);
    pull_group_remove_image(daemon, "recovers", image);
    faulty_registry_stop(&front);
}

#define REFUSED_TEST(name, fault, shape, words)                                                    \
    static void test_pull__##name(void **state)                                                    \
    {                                                                                              \
        check_refused(state, fault, shape, 125, words);                                            \
    }
#define RECOVERS_TEST(name, fault, shape)                                                          \
    static void test_pull__##name(void **state)                                                    \
    {                                                                                              \
        check_recovers(state, fault, shape);                                                       \
    }
REFUSED_TEST(refuses_a_flipped_byte, "flip", "large", "has the digest sha256:")
REFUSED_TEST(refuses_a_short_blob, "short", "one", "bytes")
REFUSED_TEST(refuses_a_long_blob, "long", "one", "bytes")
REFUSED_TEST(refuses_a_wrong_size, "none", "wrong-size", "bytes")
REFUSED_TEST(refuses_a_lying_manifest, "lie", "one", "has the digest sha256:")
REFUSED_TEST(refuses_a_lying_diff_id, "none", "wrong-diff-id", "the image's config says")
REFUSED_TEST(reports_401, "status-401", "one", "127.0.0.1")
REFUSED_TEST(reports_404, "status-404", "one", "not found")
REFUSED_TEST(reports_a_layer_that_is_not_there, "blob-404", "large", "layer sha256:")
REFUSED_TEST(reports_a_transfer_that_always_breaks, "cut", "one", "layer sha256:")
REFUSED_TEST(refuses_an_image_for_other_platforms, "none", "foreign", "only for: linux/s390x")
REFUSED_TEST(refuses_what_is_no_container_image, "none", "chart", "helm")
REFUSED_TEST(refuses_layers_of_unknown_types, "none", "strange-layer", "encrypted")
REFUSED_TEST(refuses_schema_1, "type-application/vnd.docker.distribution.manifest.v1+prettyjws",
             "one", "schema 1")
REFUSED_TEST(refuses_manifests_of_unknown_types, "type-text/html", "one", "unknown type text/html")
RECOVERS_TEST(goes_on_where_a_transfer_broke, "drop", "large")
RECOVERS_TEST(waits_when_the_registry_is_busy, "busy", "one")
RECOVERS_TEST(tries_again_when_the_registry_breaks, "broken", "one")
RECOVERS_TEST(follows_redirects_to_another_host, "redirect", "large")
RECOVERS_TEST(asks_without_head, "no-head", "one")

static void test_pull__logs_in_with_a_password_from_a_file(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "one");
    faulty_registry front;
    wfe_command_result result;
    char path[96];
    snprintf(path, sizeof path, "%s/password", pull_group_scratch);
    faulty_registry_start(pull_group_registry, "login", &front);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("secret\n", file);
    fclose(file);
    const char *more[] = {"--registry-user", "me", "--registry-password-file", path, NULL};
    const char *half[] = {"--registry-user", "me", NULL};
    const char *image = pull_group_image_of(front.host, "one");
    assert_int_equal(pull_group_pull_with(daemon, "login", image, NULL, &result), 125);
    wfe_command_result_done(&result);
    assert_int_equal(pull_group_pull_with(daemon, "login", image, half, &result), 2);
    wfe_command_result_done(&result);
    if (pull_group_pull_with(daemon, "login", image, more, &result))
        fail_msg("%s", result.err);
    assert_null(strstr(result.err, "secret"));
    wfe_command_result_done(&result);
    pull_group_remove_image(daemon, "login", image);
    faulty_registry_stop(&front);
}

static void test_pull__reports_a_dead_registry(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, NULL);
    wfe_command_result result;
    faulty_registry front;
    faulty_registry_start(pull_group_registry, "none", &front);
    faulty_registry_stop(&front);
    char *before = pull_group_store_of(daemon, "dead");
    assert_int_equal(
        pull_group_pull_with(daemon, "dead", pull_group_image_of(front.host, "one"), NULL, &result),
        125);
    assert_non_null(strstr(result.err, front.host));
    wfe_command_result_done(&result);
    pull_group_assert_store(daemon, "dead", before);
    free(before);
}

/* ---- pulls that end early, and several at once ---- */

/* Starts a pull with --json and kills it when it tells of that state of that layer. */
static void kill_at(private_containerd *daemon, const char *ns, const char *image, int layer,
                    const char *state_name)
{
    char event[96];
    const char *args[] = {"pull",        "--address", daemon->address, "--json",
                          "--namespace", ns,          image,           NULL};
    snprintf(event, sizeof event, "\"layer\":%d,\"state\":\"%s\"", layer, state_name);
    wfe_command *command = wfe_command_start(&(wfe_command_options){.args = args});
    wfe_command_wait_for(command, event);
    kill(wfe_command_pid(command), SIGKILL);
    wfe_command_result result;
    wfe_command_wait(command, &result);
    wfe_command_result_done(&result);
}

static void test_pull__goes_on_after_sigkill_at_any_point(void **state)
{
    static const char *const states[] = {"fetching", "fetched", "unpacking", "done"};
    private_containerd *daemon = pull_group_daemon_with(state, "large");
    const char *image = pull_group_image_of(pull_group_registry->host, "large");
    for (int point = 0; point < 20; point++) {
        kill_at(daemon, "killed", image, 1 + point / 4, states[point % 4]);
        pull_group_pull_ok(daemon, "killed", image);
        pull_group_assert_complete(daemon, "killed", image);
        if (point == 19)
            assert_same_as_ctr(daemon, "killed", image);
        pull_group_remove_image(daemon, "killed", image);
    }
    char *content = pull_group_store_of(daemon, "killed");
    assert_null(strstr(content, "sha256"));
    free(content);
}

static void test_pull__goes_on_where_it_was_interrupted(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "large");
    faulty_registry front;
    faulty_registry_start(pull_group_registry, "slow", &front);
    const char *image = pull_group_image_of(front.host, "large");
    const char *args[] = {"pull", "--address",   daemon->address, "--json", "--jobs",
                          "1",    "--namespace", "interrupted",   image,    NULL};
    wfe_command *command = wfe_command_start(&(wfe_command_options){.args = args});
    wfe_command_wait_for(command, "\"layer\":3,\"state\":\"fetching\"");
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_result result;
    wfe_command_wait(command, &result);
    assert_int_equal(result.exit_code, 130);
    wfe_command_result_done(&result);
    char log[160];
    snprintf(log, sizeof log, ": >%s", front.log);
    assert_int_equal(system(log), 0);
    pull_group_pull_ok(daemon, "interrupted", image);
    /* The second layer is not asked for again. */
    char command_text[256];
    snprintf(command_text, sizeof command_text,
             "test $(cut -d ' ' -f 2 %s | sort -u | wc -l) -le 3 || { cat %s; false; }", front.log,
             front.log);
    assert_int_equal(system(command_text), 0);
    pull_group_assert_complete(daemon, "interrupted", image);
    pull_group_remove_image(daemon, "interrupted", image);
    faulty_registry_stop(&front);
}

static void test_pull__twice_at_once_fetches_each_layer_once(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "large");
    faulty_registry front;
    faulty_registry_start(pull_group_registry, "slow", &front);
    const char *image = pull_group_image_of(front.host, "large");
    const char *args[] = {"pull",        "-q",      "--address", daemon->address,
                          "--namespace", "at-once", image,       NULL};
    wfe_command *commands[2];
    for (int i = 0; i < 2; i++)
        commands[i] = wfe_command_start(&(wfe_command_options){.args = args});
    for (int i = 0; i < 2; i++) {
        wfe_command_result result;
        wfe_command_wait(commands[i], &result);
        if (result.exit_code)
            fail_msg("pull %d: %s", i, result.err);
        wfe_command_result_done(&result);
    }
    char check[320];
    snprintf(check, sizeof check, "! sort %s | uniq -d | grep .", front.log);
    int repeated = system(check);
    pull_group_assert_complete(daemon, "at-once", image);
    assert_same_as_ctr(daemon, "at-once", image);
    pull_group_remove_image(daemon, "at-once", image);
    faulty_registry_stop(&front);
    assert_int_equal(repeated, 0);
}

/* ---- steps ---- */

static int step_with(private_containerd *daemon, const char *ns, const char *image,
                     const char *policy, const char *snapshotter, wfe_command_result *out)
{
    const char *args[] = {"step",      "--address", daemon->address, "--namespace",
                          ns,          "--pull",    policy,          "--snapshotter",
                          snapshotter, "--image",   image,           "--",
                          "/bin/sh",   "-c",        "echo hi",       NULL};
    wfe_command_run(&(wfe_command_options){.args = args}, out);
    return out->exit_code;
}

static void assert_step(private_containerd *daemon, const char *ns, const char *image,
                        const char *policy, const char *snapshotter)
{
    wfe_command_result result;
    if (step_with(daemon, ns, image, policy, snapshotter, &result))
        fail_msg("pull %s: %s", policy, result.err);
    assert_string_equal(result.out, "hi\n");
    wfe_command_result_done(&result);
}

static void test_pull__of_a_step_goes_by_its_policy(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "one");
    faulty_registry front;
    wfe_command_result result;
    faulty_registry_start(pull_group_registry, "none", &front);
    char image[NAME_SIZE];
    snprintf(image, sizeof image, "%s", pull_group_image_of(front.host, "one"));
    assert_int_equal(step_with(daemon, "policy", image, "never", "overlayfs", &result), 125);
    assert_non_null(strstr(result.err, "not found"));
    wfe_command_result_done(&result);
    assert_step(daemon, "policy", image, "if-not-present", "overlayfs");
    assert_step(daemon, "policy", image, "always", "overlayfs");
    faulty_registry_stop(&front);
    assert_step(daemon, "policy", image, "never", "overlayfs");
    assert_step(daemon, "policy", image, "if-not-present", "overlayfs");
    assert_int_equal(step_with(daemon, "policy", image, "always", "overlayfs", &result), 125);
    wfe_command_result_done(&result);
    assert_int_equal(step_with(daemon, "policy", image, "sometimes", "overlayfs", &result), 2);
    wfe_command_result_done(&result);
}

static void test_pull__of_a_step_unpacks_for_another_snapshotter(void **state)
{
    private_containerd *daemon = pull_group_daemon_with(state, "twice");
    const char *image = pull_group_image_of(pull_group_registry->host, "twice");
    pull_group_pull_ok(daemon, "native", image);
    assert_step(daemon, "native", image, "never", "native");
    assert_step(daemon, "native", image, "if-not-present", "native");
}

int main(void)
{
#define TEST(name) cmocka_unit_test(test_pull__##name)
    const struct CMUnitTest tests[] = {
        TEST(takes_an_image_of_one_layer),
        TEST(takes_an_image_of_thirty_layers),
        TEST(takes_whiteouts_links_devices_and_attributes),
        TEST(takes_the_same_layer_twice),
        TEST(takes_layers_of_zstd),
        TEST(takes_layers_of_plain_tar),
        TEST(takes_layers_of_all_kinds),
        TEST(takes_docker_schema_2),
        TEST(takes_docker_schema_2_of_plain_tar),
        TEST(takes_an_index),
        TEST(takes_a_docker_list),
        TEST(takes_an_index_in_an_index),
        TEST(takes_large_layers),
        TEST(takes_layers_in_folders_of_others),
        TEST(unpacks_layers_side_by_side),
        TEST(survives_a_garbage_collection),
        TEST(by_digest_keeps_the_name_asked_for),
        TEST(fetches_nothing_that_is_there),
        TEST(takes_the_platform_asked_for),
        TEST(takes_an_older_variant),
        TEST(refuses_a_flipped_byte),
        TEST(refuses_a_short_blob),
        TEST(refuses_a_long_blob),
        TEST(refuses_a_wrong_size),
        TEST(refuses_a_lying_manifest),
        TEST(refuses_a_lying_diff_id),
        TEST(reports_401),
        TEST(reports_404),
        TEST(reports_a_layer_that_is_not_there),
        TEST(reports_a_transfer_that_always_breaks),
        TEST(refuses_an_image_for_other_platforms),
        TEST(refuses_what_is_no_container_image),
        TEST(refuses_layers_of_unknown_types),
        TEST(refuses_schema_1),
        TEST(refuses_manifests_of_unknown_types),
        TEST(goes_on_where_a_transfer_broke),
        TEST(waits_when_the_registry_is_busy),
        TEST(tries_again_when_the_registry_breaks),
        TEST(follows_redirects_to_another_host),
        TEST(asks_without_head),
        TEST(logs_in_with_a_password_from_a_file),
        TEST(reports_a_dead_registry),
        TEST(goes_on_after_sigkill_at_any_point),
        TEST(goes_on_where_it_was_interrupted),
        TEST(twice_at_once_fetches_each_layer_once),
        TEST(of_a_step_goes_by_its_policy),
        TEST(of_a_step_unpacks_for_another_snapshotter),
    };
    return cmocka_run_group_tests(tests, pull_group_setup, pull_group_teardown);
}
