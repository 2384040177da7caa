/* SPDX-License-Identifier: Apache-2.0 */
#include "image/select.h"

#include "fixtures/wfe_assert.h"
#include "image/reference.h"

#define A "aaaa1111"
#define B "aaaa2222"
#define REST "00000000000000000000000000000000000000000000000000000000"

enum { BUSYBOX, BUSYBOX_1, LOCAL, TEAM, N };
static const char *const names[N][2] = {
    [BUSYBOX] = {"docker.io/library/busybox:latest", "sha256:" A REST},
    [BUSYBOX_1] = {"docker.io/library/busybox:1", "sha256:" B REST},
    [LOCAL] = {"localhost:5000/app:2", "sha256:" A REST},
    [TEAM] = {"docker.io/team/tool:latest", "sha256:bbbb3333" REST},
};

static wfe_image_list *make_list(void)
{
    wfe_image_list *list = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_list_new(&list, &err), &err);
    for (size_t i = 0; i < N; i++) {
        PbImages__Image record = PB_IMAGES__IMAGE__INIT;
        Pb__Descriptor target = PB__DESCRIPTOR__INIT;
        record.name = names[i][0];
        target.digest = names[i][1];
        target.size = (int64_t)i + 100;
        record.target = &target;
        assert_ok(wfe_image_list_add(list, &record, &err), &err);
    }
    return list;
}

/* picked: a letter for each of the list, x for one that is picked. */
static void check(const char *ref, const char *wanted)
{
    wfe_image_list *list = make_list();
    bool picked[N] = {false};
    char found[N + 1] = "";
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_select(list, "default", ref, picked, &err), &err);
    for (size_t i = 0; i < N; i++)
        found[i] = picked[i] ? 'x' : '.';
    if (strcmp(found, wanted) != 0)
        fail_msg("'%s' picked %s, wanted %s", ref, found, wanted);
    wfe_image_list_free(list);
}

static void refused(const char *ref, int kind, const char *message, const char *hint)
{
    wfe_image_list *list = make_list();
    bool picked[N] = {false};
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_image_select(list, "default", ref, picked, &err), kind, &err);
    assert_contains(err.message, message);
    assert_contains(err.hint, hint);
    for (size_t i = 0; i < N; i++)
        assert_false(picked[i]);
    wfe_image_list_free(list);
}

static void test_image_select__takes_names_as_containerd_and_docker_have_them(void **state)
{
    (void)state;
    check("docker.io/library/busybox:latest", "x...");
    check("busybox", "x...");
    check("busybox:1", ".x..");
    check("library/busybox:1", ".x..");
    check("localhost:5000/app:2", "..x.");
    check("team/tool", "...x");
}

static void test_image_select__takes_digits_of_a_digest(void **state)
{
    (void)state;
    check("sha256:" A, "x.x.");
    check(A, "x.x.");
    check("aaaa2", ".x..");
    check("sha256:bbbb", "...x");
    check("bbbb3333" REST, "...x");
    refused("aaaa", WFE_E_INVALID, "fit several images", "");
    refused("bbb", WFE_E_NOT_FOUND, "'bbb' not found", "");
    refused("sha256:cccc", WFE_E_NOT_FOUND, "not found", "");
    refused("cccc3333" REST, WFE_E_NOT_FOUND, "not found", "");
}

static void test_image_select__takes_a_name_with_a_digest(void **state)
{
    (void)state;
    check("busybox@sha256:" A REST, "x...");
    check("busybox:1@sha256:" A REST, "x...");
    refused("tool@sha256:" A REST, WFE_E_NOT_FOUND, "not found", "");
}

static void test_image_select__suggests_what_was_meant(void **state)
{
    (void)state;
    refused("bussybox", WFE_E_NOT_FOUND, "(namespace default)", "did you mean busybox?");
    refused("team/tol:latest", WFE_E_NOT_FOUND, "not found", "did you mean team/tool:latest?");
    refused("Busybox", WFE_E_INVALID, "position 1", "");
}

static bool fits(size_t index, const char *pattern)
{
    const wfe_image_info image = {.name = names[index][0], .digest = names[index][1]};
    return wfe_image_fits(&image, pattern);
}

static void test_image_select__a_pattern_of_a_listing_fits_parts_of_names(void **state)
{
    (void)state;
    assert_true(fits(BUSYBOX, "busybox") && fits(BUSYBOX_1, "busybox"));
    assert_true(fits(BUSYBOX_1, "docker.io/library/busybox"));
    assert_true(fits(BUSYBOX, "busybox:latest"));
    assert_false(fits(BUSYBOX_1, "busybox:latest"));
    assert_true(fits(LOCAL, "localhost:5000/app"));
    assert_false(fits(LOCAL, "app") || fits(TEAM, "tool"));
    assert_true(fits(LOCAL, "localhost:5000/*") && fits(TEAM, "team/*") && fits(TEAM, "*tool*"));
    assert_false(fits(BUSYBOX, "busy"));
    assert_true(fits(TEAM, "bbbb3") && fits(TEAM, "sha256:bbbb"));
    assert_false(fits(TEAM, "aaaa") || fits(TEAM, "") || fits(TEAM, "/"));
}

static void test_image_select__shortens_only_what_reads_back(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"docker.io/library/alpine:3", "alpine:3"},
        {"docker.io/team/tool:1", "team/tool:1"},
        {"docker.io/library/a/b:1", "library/a/b:1"},
        {"docker.io/a.b/c:1", "docker.io/a.b/c:1"},
        {"docker.io/localhost/c:1", "docker.io/localhost/c:1"},
        {"docker.io/alone:1", "docker.io/alone:1"},
        {"localhost:5000/app:2", "localhost:5000/app:2"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *shown = wfe_image_reference_shorten(cases[i][0]);
        char full[WFE_IMAGE_REFERENCE_SIZE];
        assert_string_equal(shown, cases[i][1]);
        /* docker.io/alone is read as docker.io/library/alone, so it is no name of docker's. */
        if (i < 7 && i != 5) {
            assert_ok(wfe_image_reference_normalize(shown, full, NULL), NULL);
            assert_string_equal(full, cases[i][0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_select__takes_names_as_containerd_and_docker_have_them),
        cmocka_unit_test(test_image_select__takes_digits_of_a_digest),
        cmocka_unit_test(test_image_select__takes_a_name_with_a_digest),
        cmocka_unit_test(test_image_select__suggests_what_was_meant),
        cmocka_unit_test(test_image_select__a_pattern_of_a_listing_fits_parts_of_names),
        cmocka_unit_test(test_image_select__shortens_only_what_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
