/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures/wfe_assert.h"

#include "image/chain.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void chain(size_t n, char out[WFE_DIGEST_SIZE])
{
    char a[] = A, b[] = B, c[] = C;
    char *diff_ids[] = {a, b, c};
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_image_chain_of(diff_ids, n, out, &err), &err);
}

static void test_image_chain__of_one_layer_is_its_diff_id(void **state)
{
    (void)state;
    char out[WFE_DIGEST_SIZE];
    chain(1, out);
    assert_string_equal(out, A);
    chain(0, out);
    assert_string_equal(out, "");
}

/* Expected values: printf '%s %s' A B | sha256sum, and so on. */
static void test_image_chain__hashes_parent_and_layer(void **state)
{
    (void)state;
    char out[WFE_DIGEST_SIZE];
    chain(2, out);
    assert_string_equal(out,
                        "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c");
    chain(3, out);
    assert_string_equal(out,
                        "sha256:c1377126441fb2f5ec2c21ae2a60255331d639e830f0ee1b40a36e52d4c40588");
}

static void test_image_chain__refuses_what_is_no_digest(void **state)
{
    (void)state;
    char out[WFE_DIGEST_SIZE] = "untouched";
    wfe_error err = WFE_ERROR_INIT;
    assert_fails(wfe_image_chain_add("", "sha256:12", out, &err), WFE_E_INVALID, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_image_chain_add("x", A, out, &err), WFE_E_INVALID, &err);
    assert_string_equal(out, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_chain__of_one_layer_is_its_diff_id),
        cmocka_unit_test(test_image_chain__hashes_parent_and_layer),
        cmocka_unit_test(test_image_chain__refuses_what_is_no_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
