/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "image/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX64

static void test_image_reference__normalises_as_docker_does(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"alpine", "docker.io/library/alpine:latest"},
        {"alpine:3.20", "docker.io/library/alpine:3.20"},
        {"user/app", "docker.io/user/app:latest"},
        {"docker.io/alpine", "docker.io/library/alpine:latest"},
        {"index.docker.io/alpine", "docker.io/library/alpine:latest"},
        {"docker.io/library/busybox:latest", "docker.io/library/busybox:latest"},
        {"localhost/app", "localhost/app:latest"},
        {"localhost:5000/app", "localhost:5000/app:latest"},
        {"localhost:5000", "docker.io/library/localhost:5000"},
        {"host:5000/team/app:tag", "host:5000/team/app:tag"},
        {"ghcr.io/o/r:v1.2-rc_3", "ghcr.io/o/r:v1.2-rc_3"},
        {"Registry/app", "Registry/app:latest"},
        {"[::1]:5000/app", "[::1]:5000/app:latest"},
        {"a__b/c-d--e.f_g", "docker.io/a__b/c-d--e.f_g:latest"},
        {"app@" SHA256, "docker.io/library/app@" SHA256},
        {"app:1@" SHA256, "docker.io/library/app:1@" SHA256},
        {"r.example/a/b/c/d:t", "r.example/a/b/c/d:t"},
        {"0/1:2", "docker.io/0/1:2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        char out[WFE_IMAGE_REFERENCE_SIZE];
        assert_ok(wfe_image_reference_normalize(cases[i][0], out, &err), &err);
        assert_string_equal(out, cases[i][1]);
    }
}

static void test_image_reference__names_the_position_of_the_bad_character(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "empty"},
        {"Alpine", "'A' at position 1,"},
        {"alpine latest", "' ' at position 7,"},
        {"user/App", "'A' at position 6,"},
        {"app:", "ends at position 5,"},
        {"app:-x", "'-' at position 5,"},
        {"app:a b", "' ' at position 6,"},
        {"app:a:b", "':' at position 4,"},
        {"a..b", "'.' at position 3,"},
        {"a___b", "'_' at position 4,"},
        {"a-", "ends at position 3,"},
        {"-a", "'-' at position 1,"},
        {"a//b", "'/' at position 3,"},
        {"a/", "ends at position 3,"},
        {"/a", "'/' at position 1,"},
        {"host:5x/app", "'x' at position 7,"},
        {"host:/app", "'/' at position 6,"},
        {"ho_st.x/app", "'_' at position 3,"},
        {"app@", "ends at position 5,"},
        {"app@md5:00", "'m' at position 5,"},
        {"app@sha256:xyz", "'x' at position 12,"},
        {"app@sha256:00", "2 hexadecimal digits, must be 64"},
        {"app:@" SHA256, "'@' at position 5,"},
        {"@" SHA256, "'@' at position 1,"},
        {HEX64, "image ID"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        char out[WFE_IMAGE_REFERENCE_SIZE] = "untouched";
        assert_fails(wfe_image_reference_normalize(cases[i][0], out, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, cases[i][1]);
        assert_string_equal(out, "untouched");
    }
}

static void test_image_reference__refuses_what_is_too_long(void **state)
{
    (void)state;
    char text[1024];
    char out[WFE_IMAGE_REFERENCE_SIZE];
    wfe_error err = WFE_ERROR_INIT;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_fails(wfe_image_reference_normalize(text, out, &err), WFE_E_INVALID, &err);
    text[250] = '\0'; /* with docker.io/library/ it is longer than 255 */
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_image_reference_normalize(text, out, &err), WFE_E_INVALID, &err);
    memcpy(text, "app:", 4);
    text[4 + 128] = '\0';
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(wfe_image_reference_normalize(text, out, &err), &err);
    text[4 + 128] = 'a';
    text[4 + 129] = '\0';
    assert_fails(wfe_image_reference_normalize(text, out, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "at most 128");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_reference__normalises_as_docker_does),
        cmocka_unit_test(test_image_reference__names_the_position_of_the_bad_character),
        cmocka_unit_test(test_image_reference__refuses_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
