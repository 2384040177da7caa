/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_config.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "fixtures/wfe_assert.h"

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST_A "\"]}"

static wfe_oci_image_config *parse(const char *json)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_image_config *config = NULL;
    assert_ok(wfe_oci_image_config_parse(json, strlen(json), &config, &err), &err);
    return config;
}

static void assert_refused(const char *json, const char *part)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_image_config *config = NULL;
    assert_fails(wfe_oci_image_config_parse(json, strlen(json), &config, &err), WFE_E_INVALID,
                 &err);
    assert_contains(err.message, part);
    assert_null(config);
}

static void test_oci_image_config__reads_every_field(void **state)
{
    (void)state;
    wfe_oci_image_config *config =
        parse("{\"created\":\"2026-01-01T00:00:00Z\",\"architecture\":\"arm64\",\"os\":\"linux\","
              "\"variant\":\"v8\",\"config\":{\"User\":\"1000:1000\",\"WorkingDir\":\"/app\","
              "\"StopSignal\":\"SIGINT\",\"Env\":[\"PATH=/bin\",\"A=b=c\",\"EMPTY=\"],"
              "\"Entrypoint\":[\"/entry\",\"x\"],\"Cmd\":[\"serve\"],\"Labels\":{\"a\":\"b\"}},"
              "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIGEST_A "\",\"" DIGEST_B "\"]},"
              "\"history\":[{}]}");
    assert_string_equal(config->architecture, "arm64");
    assert_string_equal(config->os, "linux");
    assert_string_equal(config->variant, "v8");
    assert_string_equal(config->user, "1000:1000");
    assert_string_equal(config->working_dir, "/app");
    assert_string_equal(config->stop_signal, "SIGINT");
    assert_int_equal(config->env.len, 3);
    assert_string_equal(wfe_strmap_get(&config->env, "A"), "b=c");
    assert_string_equal(wfe_strmap_get(&config->env, "EMPTY"), "");
    assert_string_equal(config->entrypoint[0], "/entry");
    assert_string_equal(config->entrypoint[1], "x");
    assert_null(config->entrypoint[2]);
    assert_string_equal(config->cmd[0], "serve");
    assert_null(config->cmd[1]);
    assert_int_equal(config->n_diff_ids, 2);
    assert_string_equal(config->diff_ids[0], DIGEST_A);
    assert_string_equal(config->diff_ids[1], DIGEST_B);
    assert_null(config->diff_ids[2]);
    wfe_oci_image_config_free(config);
}

static void test_oci_image_config__absent_and_null_are_empty(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{" ROOTFS "}",
        "{\"config\":null,\"os\":null," ROOTFS "}",
        "{\"config\":{}," ROOTFS "}",
        "{\"config\":{\"User\":null,\"Env\":null,\"Entrypoint\":null,\"Cmd\":null}," ROOTFS "}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_oci_image_config *config = parse(cases[i]);
        assert_string_equal(config->architecture, "");
        assert_string_equal(config->os, "");
        assert_string_equal(config->user, "");
        assert_string_equal(config->working_dir, "");
        assert_string_equal(config->stop_signal, "");
        assert_int_equal(config->env.len, 0);
        assert_null(config->entrypoint[0]);
        assert_null(config->cmd[0]);
        wfe_oci_image_config_free(config);
    }
}

static void test_oci_image_config__env_entries_without_a_name_or_value_are_left_out(void **state)
{
    (void)state;
    wfe_oci_image_config *config =
        parse("{\"config\":{\"Env\":[\"NOVALUE\",\"=x\",\"\",\"A=1\",\"A=2\"]}," ROOTFS "}");
    assert_int_equal(config->env.len, 1);
    assert_string_equal(wfe_strmap_get(&config->env, "A"), "2");
    wfe_oci_image_config_free(config);
}

static void test_oci_image_config__refuses_what_is_no_json_object(void **state)
{
    (void)state;
    assert_refused("", "it is no JSON");
    assert_refused("{", "it is no JSON");
    assert_refused("not json", "line 1");
    assert_refused("[]", "it is a list, must be an object");
    assert_refused("{} trailing", "it is no JSON");
    assert_refused("{\"os\":\"\xFF\"," ROOTFS "}", "it is no JSON");
    assert_refused("{\"os\":\"a\\u0000b\"," ROOTFS "}", "it is no JSON");
}

static void test_oci_image_config__names_the_field_of_a_wrong_type(void **state)
{
    (void)state;
    assert_refused("{\"os\":1," ROOTFS "}", "os is a number, must be a text");
    assert_refused("{\"config\":[]," ROOTFS "}", "config is a list, must be an object");
    assert_refused("{\"config\":{\"User\":0}," ROOTFS "}", "config.User is a number");
    assert_refused("{\"config\":{\"Env\":{}}," ROOTFS "}",
                   "config.Env is an object, must be a list");
    assert_refused("{\"config\":{\"Env\":[\"A=1\",true]}," ROOTFS "}",
                   "config.Env[1] is true or false, must be a text");
    assert_refused("{\"config\":{\"Cmd\":\"ls\"}," ROOTFS "}", "config.Cmd is a text");
    assert_refused("{\"config\":{\"Entrypoint\":[null]}," ROOTFS "}",
                   "config.Entrypoint[0] is null, must be a text");
    assert_refused("{\"rootfs\":[]}", "rootfs is a list, must be an object");
    assert_refused("{\"rootfs\":{\"diff_ids\":{}}}", "rootfs.diff_ids is an object");
}

static void test_oci_image_config__refuses_an_image_without_layers(void **state)
{
    (void)state;
    assert_refused("{}", "rootfs.diff_ids is empty");
    assert_refused("{\"rootfs\":{}}", "rootfs.diff_ids is empty");
    assert_refused("{\"rootfs\":{\"diff_ids\":[]}}", "rootfs.diff_ids is empty");
}

static void test_oci_image_config__refuses_diff_ids_that_are_no_digests(void **state)
{
    (void)state;
    assert_refused("{\"rootfs\":{\"diff_ids\":[\"" DIGEST_A "\",\"../../etc\"]}}",
                   "rootfs.diff_ids[1] is '../../etc', must be a sha256 digest");
    assert_refused("{\"rootfs\":{\"diff_ids\":[\"sha256:AAAA\"]}}", "rootfs.diff_ids[0]");
    assert_refused("{\"rootfs\":{\"diff_ids\":[\"\"]}}", "rootfs.diff_ids[0] is ''");
}

static void test_oci_image_config__refuses_too_many_bytes_entries_and_levels(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_oci_image_config *config = NULL;
    char *big = malloc(WFE_OCI_IMAGE_CONFIG_MAX_BYTES + 1);
    assert_non_null(big);
    memset(big, ' ', WFE_OCI_IMAGE_CONFIG_MAX_BYTES + 1);
    assert_fails(wfe_oci_image_config_parse(big, WFE_OCI_IMAGE_CONFIG_MAX_BYTES + 1, &config, &err),
                 WFE_E_LIMIT, &err);
    assert_contains(err.message, "at most 4 MiB");

    memset(big, '[', 100000);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_oci_image_config_parse(big, 100000, &config, &err), WFE_E_INVALID, &err);
    free(big);

    wfe_buf list = WFE_BUF_INIT(0);
    assert_ok(wfe_buf_append_str(&list, "{\"config\":{\"Cmd\":[\"x\"", NULL), NULL);
    for (size_t i = 0; i < WFE_OCI_IMAGE_CONFIG_MAX_ITEMS; i++)
        assert_ok(wfe_buf_append_str(&list, ",\"x\"", NULL), NULL);
    assert_ok(wfe_buf_append_str(&list, "]}," ROOTFS "}", NULL), NULL);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_oci_image_config_parse(list.data, list.len, &config, &err), WFE_E_LIMIT, &err);
    assert_contains(err.message, "config.Cmd has 4097 entries, at most 4096");
    assert_null(config);
    wfe_buf_done(&list);
}

static size_t allocations_left;

static void *failing_malloc(size_t size)
{
    if (!allocations_left)
        return NULL;
    allocations_left--;
    return malloc(size);
}

/* Every allocation of the JSON library fails once; nothing may leak. Its scanner reports some of
 * them as bad syntax (jansson 2.14: load.c), so INVALID is accepted beside NOMEM. */
static void test_oci_image_config__survives_each_allocation_that_fails(void **state)
{
    (void)state;
    static const char json[] =
        "{\"os\":\"linux\",\"config\":{\"Cmd\":[\"x\"],\"Env\":[\"A=1\"]}," ROOTFS "}";
    int rc = WFE_E_NOMEM;
    size_t n = 0;
    for (; rc && n < 10000; n++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_oci_image_config *config = NULL;
        json_set_alloc_funcs(failing_malloc, free);
        allocations_left = n;
        rc = wfe_oci_image_config_parse(json, sizeof json - 1, &config, &err);
        json_set_alloc_funcs(malloc, free);
        assert_int_equal(err.kind, rc);
        assert_true(!rc || rc == WFE_E_NOMEM || rc == WFE_E_INVALID);
        assert_int_equal(config == NULL, rc != 0);
        wfe_oci_image_config_free(config);
    }
    assert_int_equal(rc, 0);
    assert_true(n > 10);
}

static void test_oci_image_config__free_accepts_null(void **state)
{
    (void)state;
    wfe_oci_image_config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oci_image_config__reads_every_field),
        cmocka_unit_test(test_oci_image_config__absent_and_null_are_empty),
        cmocka_unit_test(test_oci_image_config__env_entries_without_a_name_or_value_are_left_out),
        cmocka_unit_test(test_oci_image_config__refuses_what_is_no_json_object),
        cmocka_unit_test(test_oci_image_config__names_the_field_of_a_wrong_type),
        cmocka_unit_test(test_oci_image_config__refuses_an_image_without_layers),
        cmocka_unit_test(test_oci_image_config__refuses_diff_ids_that_are_no_digests),
        cmocka_unit_test(test_oci_image_config__refuses_too_many_bytes_entries_and_levels),
        cmocka_unit_test(test_oci_image_config__survives_each_allocation_that_fails),
        cmocka_unit_test(test_oci_image_config__free_accepts_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
