/* SPDX-License-Identifier: Apache-2.0 */
#include "step/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/duration.h"
#include "fixtures/wfe_assert.h"

static wfe_step_options options(void)
{
    return (wfe_step_options){.size = sizeof(wfe_step_options), .image = "busybox"};
}

static wfe_step_config configure(const wfe_step_options *o)
{
    wfe_step_config config = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_step_config_init(&config, o, true, &err), &err);
    return config;
}

static void assert_refused(const wfe_step_options *o, int kind, const char *part)
{
    static const wfe_step_config nothing;
    wfe_step_config config = {0};
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_step_config_init(&config, o, true, &err), kind, &err);
    assert_contains(err.message, part);
    assert_memory_equal(&config, &nothing, sizeof config);
}

static void test_step_config__has_its_defaults(void **state)
{
    (void)state;
    wfe_step_options o = options();
    wfe_step_config config = configure(&o);
    assert_string_equal(config.image, "busybox");
    assert_null(config.run);
    assert_null(config.command);
    assert_null(config.working_dir);
    assert_string_equal(config.user, "65534:65534");
    assert_string_equal(config.name, "unknown");
    assert_int_equal(config.network, WFE_STEP_NETWORK_NONE);
    assert_true(config.init);
    assert_false(config.strict);
    assert_int_equal(config.timeout_ms, 0);
    assert_int_equal(config.grace_ms, 10000);
    assert_int_equal(config.attempt, 1);
    assert_int_equal(config.output_limit_bytes, 1024 * 1024);
    wfe_step_config_done(&config);
}

static void test_step_config__gives_each_step_a_run_of_its_own(void **state)
{
    (void)state;
    wfe_step_options o = options();
    wfe_step_config one = configure(&o), two = configure(&o);
    assert_int_equal(strlen(one.run_id), 32);
    assert_int_equal(strspn(one.run_id, "0123456789abcdef"), 32);
    assert_string_not_equal(one.run_id, two.run_id);
    wfe_step_config_done(&one);
    wfe_step_config_done(&two);
    o.run_id = "my-run";
    one = configure(&o);
    assert_string_equal(one.run_id, "my-run");
    wfe_step_config_done(&one);
}

static void test_step_config__copies_all_texts(void **state)
{
    (void)state;
    char image[] = "image", word[] = "word", pair[] = "KEY=VALUE", dir[] = "/dir", tmp[] = "/tmp";
    const char *const list[] = {word, NULL};
    const char *const pairs[] = {pair, NULL};
    const char *const dns[] = {"192.0.2.1", NULL};
    const wfe_volume volume = {.source = tmp, .target = dir, .readonly = true};
    wfe_step_options o = options();
    o.image = image;
    o.command = list;
    o.args = list;
    o.env = pairs;
    o.labels = pairs;
    o.working_dir = dir;
    o.volumes = &volume;
    o.n_volumes = 1;
    o.hostname = word;
    o.dns = dns;
    o.name = word;
    wfe_step_config config = configure(&o);
    image[0] = word[0] = pair[0] = dir[1] = tmp[1] = 'X';
    assert_string_equal(config.image, "image");
    assert_string_equal(config.command[0], "word");
    assert_string_equal(config.args[0], "word");
    assert_string_equal(wfe_strmap_get(&config.env, "KEY"), "VALUE");
    assert_string_equal(wfe_strmap_get(&config.labels, "KEY"), "VALUE");
    assert_string_equal(config.working_dir, "/dir");
    assert_string_equal(config.volumes[0].source, "/tmp");
    assert_string_equal(config.volumes[0].target, "/dir");
    assert_true(config.volumes[0].readonly);
    assert_string_equal(config.hostname, "word");
    assert_string_equal(config.dns[0], "192.0.2.1");
    assert_string_equal(config.name, "word");
    wfe_step_config_done(&config);
}

static void test_step_config__takes_one_way_to_name_the_command(void **state)
{
    (void)state;
    const char *const list[] = {"x", NULL};
    wfe_step_options o = options();
    o.run = "x";
    o.command = list;
    assert_refused(&o, WFE_E_INVALID, "both run and command");
    o = options();
    o.run = "x";
    o.args = list;
    assert_refused(&o, WFE_E_INVALID, "both run and args");
    o = options();
    o.shell = list;
    assert_refused(&o, WFE_E_INVALID, "a shell and no run");
    o.run = "x";
    wfe_step_config config = configure(&o);
    assert_string_equal(config.shell[0], "x");
    wfe_step_config_done(&config);
}

static void test_step_config__needs_an_image(void **state)
{
    (void)state;
    wfe_step_options o = options();
    o.image = NULL;
    assert_refused(&o, WFE_E_INVALID, "no image");
    o.image = "";
    assert_refused(&o, WFE_E_INVALID, "no image");
    o = options();
    o.size = 0;
    assert_refused(&o, WFE_E_INVALID, "wfe_step_options");
}

/* A program built with an older, shorter struct. */
static void test_step_config__reads_no_further_than_the_caller_s_struct(void **state)
{
    (void)state;
    struct {
        size_t size;
        const char *image;
        const char *run;
    } *old = malloc(sizeof *old);
    assert_non_null(old);
    *old = (__typeof__(*old)){.size = sizeof *old, .image = "busybox", .run = "true"};
    wfe_step_config config = configure((const wfe_step_options *)(const void *)old);
    free(old);
    assert_string_equal(config.run, "true");
    assert_int_equal(config.grace_ms, 10000);
    wfe_step_config_done(&config);
}

static void test_step_config__last_value_of_a_variable_wins(void **state)
{
    (void)state;
    const char *const env[] = {"A=1", "B=", "A=x=y", NULL};
    wfe_step_options o = options();
    o.env = env;
    wfe_step_config config = configure(&o);
    assert_int_equal(config.env.len, 2);
    assert_string_equal(wfe_strmap_get(&config.env, "A"), "x=y");
    assert_string_equal(wfe_strmap_get(&config.env, "B"), "");
    wfe_step_config_done(&config);
}

static void test_step_config__never_repeats_a_bad_variable(void **state)
{
    (void)state;
    const char *const env[] = {"A=1", "s3cret-without-a-name", NULL};
    wfe_step_options o = options();
    wfe_step_config config = {0};
    wfe_error err = WFE_ERROR_INIT;
    o.env = env;
    assert_fails(wfe_step_config_init(&config, &o, true, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "entry 2");
    assert_null(strstr(err.message, "s3cret"));
    assert_null(strstr(err.hint, "s3cret"));
    assert_null(strstr(err.subject, "s3cret"));
}

static void test_step_config__keeps_its_own_labels_to_itself(void **state)
{
    (void)state;
    const char *const own[] = {"wfe.run=x", NULL};
    const char *const near[] = {"wfe=1", "wfecompany=2", "my.wfe.run=3", NULL};
    const char *const odd[] = {"novalue", NULL};
    wfe_step_options o = options();
    o.labels = own;
    assert_refused(&o, WFE_E_INVALID, "wfe's own");
    o.labels = odd;
    assert_refused(&o, WFE_E_INVALID, "novalue");
    o.labels = near;
    wfe_step_config config = configure(&o);
    assert_int_equal(config.labels.len, 3);
    wfe_step_config_done(&config);
}

static void test_step_config__limits_the_number_of_labels(void **state)
{
    (void)state;
    char texts[WFE_STEP_MAX_LABELS + 1][16];
    const char *list[WFE_STEP_MAX_LABELS + 2] = {NULL};
    wfe_step_options o = options();
    for (int i = 0; i <= WFE_STEP_MAX_LABELS; i++) {
        snprintf(texts[i], sizeof texts[i], "k%d=v", i);
        list[i] = texts[i];
    }
    o.labels = list;
    assert_refused(&o, WFE_E_LIMIT, "65 labels, at most 64");
    list[WFE_STEP_MAX_LABELS] = NULL;
    wfe_step_config config = configure(&o);
    assert_int_equal(config.labels.len, WFE_STEP_MAX_LABELS);
    wfe_step_config_done(&config);
}

static void test_step_config__checks_volumes(void **state)
{
    (void)state;
    static const struct {
        wfe_volume volume;
        int kind;
        const char *part;
    } cases[] = {
        {{.source = NULL, .target = "/x"}, WFE_E_INVALID, "source"},
        {{.source = "rel", .target = "/x"}, WFE_E_INVALID, "'rel'"},
        {{.source = "/tmp", .target = NULL}, WFE_E_INVALID, "target"},
        {{.source = "/tmp", .target = "rel"}, WFE_E_INVALID, "'rel'"},
        {{.source = "/tmp", .target = "/"}, WFE_E_INVALID, "other than /"},
        {{.source = "/no/such/folder", .target = "/x"}, WFE_E_NOT_FOUND, "/no/such/folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_step_options o = options();
        o.volumes = &cases[i].volume;
        o.n_volumes = 1;
        assert_refused(&o, cases[i].kind, cases[i].part);
    }
}

static void test_step_config__mounts_one_thing_at_a_place(void **state)
{
    (void)state;
    const wfe_volume volumes[] = {{.source = "/tmp", .target = "/a"},
                                  {.source = "/usr", .target = "/a/"}};
    static const char *const tmpfs[] = {"/b", "/c", NULL}, *const same[] = {"/b", "//b", NULL},
                             *const over[] = {"/a", NULL};
    wfe_step_options o = options();
    o.volumes = volumes;
    o.n_volumes = 2;
    assert_refused(&o, WFE_E_INVALID, "'/a/' is mounted at twice");
    o.n_volumes = 1;
    o.tmpfs = over;
    assert_refused(&o, WFE_E_INVALID, "'/a' is mounted at twice");
    o.tmpfs = same;
    assert_refused(&o, WFE_E_INVALID, "'//b' is mounted at twice");
    o.tmpfs = tmpfs;
    wfe_step_config config = configure(&o);
    wfe_step_config_done(&config);
}

static void test_step_config__cannot_look_at_volumes_of_a_machine_far_away(void **state)
{
    (void)state;
    const wfe_volume volume = {.source = "/no/such/folder", .target = "/x"};
    wfe_step_options o = options();
    wfe_step_config config = {0};
    wfe_error err = WFE_ERROR_INIT;
    o.volumes = &volume;
    o.n_volumes = 1;
    assert_ok(wfe_step_config_init(&config, &o, false, &err), &err);
    assert_int_equal(config.n_volumes, 1);
    wfe_step_config_done(&config);
}

static void test_step_config__limits_the_number_of_volumes(void **state)
{
    (void)state;
    wfe_volume volumes[WFE_STEP_MAX_VOLUMES + 1];
    char targets[WFE_STEP_MAX_VOLUMES + 1][16];
    wfe_step_options o = options();
    for (int i = 0; i <= WFE_STEP_MAX_VOLUMES; i++) {
        snprintf(targets[i], sizeof targets[i], "/x%d", i);
        volumes[i] = (wfe_volume){.source = "/tmp", .target = targets[i]};
    }
    o.volumes = volumes;
    o.n_volumes = WFE_STEP_MAX_VOLUMES + 1;
    assert_refused(&o, WFE_E_LIMIT, "257 volumes, at most 256");
    o.n_volumes--;
    wfe_step_config config = configure(&o);
    assert_int_equal(config.n_volumes, WFE_STEP_MAX_VOLUMES);
    wfe_step_config_done(&config);
}

static void test_step_config__knows_its_networks(void **state)
{
    (void)state;
    wfe_step_options o = options();
    o.network = "host";
    wfe_step_config config = configure(&o);
    assert_int_equal(config.network, WFE_STEP_NETWORK_HOST);
    wfe_step_config_done(&config);
    o.network = "ns:/proc/self/ns/net";
    config = configure(&o);
    assert_int_equal(config.network, WFE_STEP_NETWORK_PATH);
    assert_string_equal(config.netns_path, "/proc/self/ns/net");
    wfe_step_config_done(&config);
    o.network = "ns:self/ns/net";
    assert_refused(&o, WFE_E_INVALID, "absolute path");
    o.network = "ns:/proc/self/ns/there-is-no-such";
    assert_refused(&o, WFE_E_NOT_FOUND, "there-is-no-such");
    static const char *const bad[] = {"", "None", "bridge", "container:x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.network = bad[i];
        assert_refused(&o, WFE_E_INVALID, "none, host or ns:");
    }
}

static void test_step_config__checks_hosts(void **state)
{
    (void)state;
    const char *const four[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", NULL};
    const char *const bad_dns[] = {"dns.example", NULL};
    const char *const bad_host[] = {"name-without-address", NULL};
    wfe_step_options o = options();
    o.hostname = "-bad";
    assert_refused(&o, WFE_E_INVALID, "-bad");
    o = options();
    o.dns = four;
    assert_refused(&o, WFE_E_LIMIT, "4 DNS servers, at most 3");
    o.dns = bad_dns;
    assert_refused(&o, WFE_E_INVALID, "dns.example");
    o = options();
    o.extra_hosts = bad_host;
    assert_refused(&o, WFE_E_INVALID, "name-without-address");
}

static void test_step_config__keeps_numbers_in_their_bounds(void **state)
{
    (void)state;
    wfe_step_options o = options();
    o.timeout_ms = WFE_DURATION_MAX_MS;
    o.grace_ms = WFE_DURATION_MAX_MS;
    o.output_limit_bytes = WFE_STEP_MAX_OUTPUT_BYTES;
    wfe_step_config config = configure(&o);
    assert_int_equal(config.timeout_ms, WFE_DURATION_MAX_MS);
    wfe_step_config_done(&config);
    o.timeout_ms++;
    assert_refused(&o, WFE_E_INVALID, "timeout");
    o = options();
    o.grace_ms = WFE_DURATION_MAX_MS + 1;
    assert_refused(&o, WFE_E_INVALID, "grace");
    o = options();
    o.output_limit_bytes = WFE_STEP_MAX_OUTPUT_BYTES + 1;
    assert_refused(&o, WFE_E_INVALID, "output limit");
}

static void test_step_config__limits_names(void **state)
{
    (void)state;
    char name[130];
    memset(name, 'n', sizeof name);
    name[128] = '\0';
    wfe_step_options o = options();
    o.name = o.run_id = name;
    wfe_step_config config = configure(&o);
    wfe_step_config_done(&config);
    name[128] = 'n';
    name[129] = '\0';
    o.run_id = NULL;
    assert_refused(&o, WFE_E_INVALID, "longer than 128 bytes");
    o.name = NULL;
    o.run_id = name;
    assert_refused(&o, WFE_E_INVALID, "1 to 128 bytes");
    o.run_id = "";
    assert_refused(&o, WFE_E_INVALID, "1 to 128 bytes");
    o = options();
    o.working_dir = "rel";
    assert_refused(&o, WFE_E_INVALID, "'rel'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_config__has_its_defaults),
        cmocka_unit_test(test_step_config__gives_each_step_a_run_of_its_own),
        cmocka_unit_test(test_step_config__copies_all_texts),
        cmocka_unit_test(test_step_config__takes_one_way_to_name_the_command),
        cmocka_unit_test(test_step_config__needs_an_image),
        cmocka_unit_test(test_step_config__reads_no_further_than_the_caller_s_struct),
        cmocka_unit_test(test_step_config__last_value_of_a_variable_wins),
        cmocka_unit_test(test_step_config__never_repeats_a_bad_variable),
        cmocka_unit_test(test_step_config__keeps_its_own_labels_to_itself),
        cmocka_unit_test(test_step_config__limits_the_number_of_labels),
        cmocka_unit_test(test_step_config__checks_volumes),
        cmocka_unit_test(test_step_config__mounts_one_thing_at_a_place),
        cmocka_unit_test(test_step_config__cannot_look_at_volumes_of_a_machine_far_away),
        cmocka_unit_test(test_step_config__limits_the_number_of_volumes),
        cmocka_unit_test(test_step_config__knows_its_networks),
        cmocka_unit_test(test_step_config__checks_hosts),
        cmocka_unit_test(test_step_config__keeps_numbers_in_their_bounds),
        cmocka_unit_test(test_step_config__limits_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
