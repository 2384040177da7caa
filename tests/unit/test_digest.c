/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include "fixtures/wfe_assert.h"

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* FIPS 180-4, appendix B. */
static void test_digest__of_known_bytes(void **state)
{
    (void)state;
    char digest[WFE_DIGEST_SIZE];
    wfe_digest_of("abc", 3, digest);
    assert_string_equal(digest, ABC);
    wfe_digest_of("", 0, digest);
    assert_string_equal(digest, EMPTY);
    wfe_digest_of(NULL, 0, digest);
    assert_string_equal(digest, EMPTY);
}

static void test_digest__in_pieces_is_the_same(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    char digest[WFE_DIGEST_SIZE];
    wfe_digest *pieces = NULL;
    assert_ok(wfe_digest_new(&pieces, &err), &err);
    wfe_digest_update(pieces, "a", 1);
    wfe_digest_update(pieces, "", 0);
    wfe_digest_update(pieces, "bc", 2);
    wfe_digest_finish(pieces, digest);
    wfe_digest_free(pieces);
    assert_string_equal(digest, ABC);
}

static void test_digest__freed_unfinished_leaks_nothing_and_null_is_fine(void **state)
{
    (void)state;
    wfe_digest *unfinished = NULL;
    assert_ok(wfe_digest_new(&unfinished, NULL), NULL);
    wfe_digest_free(unfinished);
    wfe_digest_free(NULL);
}

static void test_digest__only_sha256_in_lower_case_is_valid(void **state)
{
    (void)state;
    static const char *const invalid[] = {
        "",
        "sha256:",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256:../../../../../../../../../../../../../../../../../etc/passwd/////",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85g",
    };
    assert_true(wfe_digest_is_valid(EMPTY));
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        if (wfe_digest_is_valid(invalid[i]))
            fail_msg("'%s' is accepted", invalid[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest__of_known_bytes),
        cmocka_unit_test(test_digest__in_pieces_is_the_same),
        cmocka_unit_test(test_digest__freed_unfinished_leaks_nothing_and_null_is_fine),
        cmocka_unit_test(test_digest__only_sha256_in_lower_case_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
