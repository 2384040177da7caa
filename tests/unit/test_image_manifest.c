/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include <stdlib.h>

#include "image/manifest.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PART(digest) "\"digest\":\"" digest "\",\"size\":7"
#define CONFIG "\"config\":{" PART(A) "}"
#define LAYERS "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\"," PART(B) "}]"
#define ENTRY(arch, more)                                                                          \
    "{" PART(A) ",\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch "\"" more "}}"

static wfe_image_document *parse(const char *json, const char *media_type)
{
    wfe_image_document *document = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_document_parse(json, strlen(json), media_type, &document, &err), &err);
    return document;
}

static void test_image_manifest__reads_config_and_layers(void **state)
{
    (void)state;
    wfe_image_document *document =
        parse("{\"schemaVersion\":2," CONFIG "," LAYERS "}", WFE_IMAGE_TYPE_OCI_MANIFEST);
    assert_false(document->is_index);
    assert_string_equal(document->config.digest, A);
    assert_string_equal(document->config.media_type, "");
    assert_int_equal(document->n_items, 1);
    assert_string_equal(document->items[0].digest, B);
    assert_int_equal(document->items[0].size_bytes, 7);
    assert_string_equal(document->items[0].media_type, WFE_IMAGE_TYPE_OCI_LAYER);
    wfe_image_document_free(document);
}

static void test_image_manifest__reads_names_and_platforms_of_an_index(void **state)
{
    (void)state;
    wfe_image_document *document = parse(
        "{\"manifests\":[{" PART(
            A) ",\"platform\":{\"os\":\"linux\",\"architecture\":"
               "\"arm64\",\"variant\":\"v8\"},\"annotations\":{\"io.containerd.image.name\":\"n\","
               "\"org.opencontainers.image.ref.name\":\"r\"}}]}",
        "");
    assert_true(document->is_index);
    assert_true(document->items[0].has_platform);
    assert_string_equal(document->items[0].platform.variant, "");
    assert_string_equal(document->items[0].image_name, "n");
    assert_string_equal(document->items[0].ref_name, "r");
    wfe_image_descriptor copy;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_descriptor_copy(&copy, &document->items[0], &err), &err);
    wfe_image_document_free(document);
    assert_string_equal(copy.image_name, "n");
    wfe_image_descriptor_done(&copy);
}

static void test_image_manifest__refuses_documents(void **state)
{
    (void)state;
    static const struct {
        const char *json, *media_type, *says;
        int kind;
    } cases[] = {
        {"", "", "no JSON", WFE_E_PROTOCOL},
        {"{", "", "no JSON", WFE_E_PROTOCOL},
        {"[]", "", "no JSON object", WFE_E_PROTOCOL},
        {"{}", "", "neither", WFE_E_PROTOCOL},
        {"{\"manifests\":[]," CONFIG "}", "", "at once", WFE_E_PROTOCOL},
        {"{\"manifests\":[],\"layers\":[]}", "", "at once", WFE_E_PROTOCOL},
        {"{\"schemaVersion\":1,\"fsLayers\":[]}", "", "schema 1", WFE_E_PROTOCOL},
        {"{\"manifests\":[]}", WFE_IMAGE_TYPE_OCI_MANIFEST, "is an index", WFE_E_PROTOCOL},
        {"{" CONFIG "," LAYERS "}", WFE_IMAGE_TYPE_DOCKER_LIST, "is a manifest", WFE_E_PROTOCOL},
        {"{\"mediaType\":\"" WFE_IMAGE_TYPE_OCI_INDEX "\"," CONFIG "," LAYERS "}", "",
         "is a manifest", WFE_E_PROTOCOL},
        {"{\"mediaType\":\"" WFE_IMAGE_TYPE_OCI_MANIFEST "\"," CONFIG "," LAYERS "}",
         WFE_IMAGE_TYPE_DOCKER_MANIFEST, "was announced as", WFE_E_PROTOCOL},
        {"{" CONFIG "}", "", "layers is no list", WFE_E_PROTOCOL},
        {"{" CONFIG ",\"layers\":[{\"digest\":\"sha256:1\",\"size\":1}]}", "", "entry 1",
         WFE_E_PROTOCOL},
        {"{" CONFIG ",\"layers\":[{\"digest\":\"" B "\",\"size\":-1}]}", "", "size",
         WFE_E_PROTOCOL},
        {"{" CONFIG ",\"layers\":[{\"digest\":\"" B "\",\"size\":\"7\"}]}", "", "size",
         WFE_E_PROTOCOL},
        {"{" CONFIG ",\"layers\":[7]}", "", "no descriptor", WFE_E_PROTOCOL},
        {"{\"manifests\":[],\"manifests\":[]}", "", "no JSON", WFE_E_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_image_document *document = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_image_document_parse(cases[i].json, strlen(cases[i].json),
                                              cases[i].media_type, &document, &err),
                     cases[i].kind, &err);
        assert_contains(err.message, cases[i].says);
        assert_null(document);
    }
}

static void test_image_manifest__has_limits(void **state)
{
    (void)state;
    wfe_image_document *document = NULL;
    wfe_error err = WFE_ERROR_INIT;
    char *text = calloc(1, WFE_IMAGE_DOCUMENT_MAX_BYTES + 1);
    assert_non_null(text);
    assert_fails(
        wfe_image_document_parse(text, WFE_IMAGE_DOCUMENT_MAX_BYTES + 1, "", &document, &err),
        WFE_E_LIMIT, &err);
    char *p = text + sprintf(text, "{\"manifests\":[{}");
    for (size_t i = 0; i < WFE_IMAGE_DOCUMENT_MAX_ITEMS; i++)
        p += sprintf(p, ",{}");
    strcpy(p, "]}");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_image_document_parse(text, strlen(text), "", &document, &err), WFE_E_LIMIT,
                 &err);
    free(text);
}

static void test_image_manifest__orders_entries_by_platform(void **state)
{
    (void)state;
    wfe_image_document *index = parse(
        "{\"manifests\":[" ENTRY("386", "") ",{" PART(B) "}," ENTRY("arm64", "") "," ENTRY(
            "amd64",
            ",\"variant\":\"v2\"") "," ENTRY("amd64",
                                             "") ",{" PART(A) ","
                                                              "\"platform\":{\"os\":\"unknown\","
                                                              "\"architecture\":\"unknown\"}},"
                                                              "{" PART(A) ","
                                                                          "\"annotations\":{\"vnd."
                                                                          "docker.reference.type\":"
                                                                          "\"attestation-"
                                                                          "manifest\"}}," ENTRY(
                                                                              "amd64", "") "]}",
        "");
    wfe_image_platform machine;
    size_t order[8];
    wfe_image_platform_set(&machine, "linux", "amd64", "");
    assert_int_equal(wfe_image_document_order(index, &machine, order), 4);
    const size_t plain[] = {4, 7, 0, 1};
    assert_memory_equal(order, plain, sizeof plain);
    wfe_image_platform_set(&machine, "linux", "amd64", "v3");
    assert_int_equal(wfe_image_document_order(index, &machine, order), 5);
    const size_t newer[] = {3, 4, 7, 0, 1};
    assert_memory_equal(order, newer, sizeof newer);
    wfe_buf text = WFE_BUF_INIT(0);
    wfe_image_document_platforms(index, &text);
    assert_string_equal(text.data,
                        "linux/386, linux/arm64, linux/amd64/v2, linux/amd64, linux/amd64");
    wfe_buf_done(&text);
    wfe_image_document_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_manifest__reads_config_and_layers),
        cmocka_unit_test(test_image_manifest__reads_names_and_platforms_of_an_index),
        cmocka_unit_test(test_image_manifest__refuses_documents),
        cmocka_unit_test(test_image_manifest__has_limits),
        cmocka_unit_test(test_image_manifest__orders_entries_by_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
