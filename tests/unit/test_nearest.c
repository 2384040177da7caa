/* SPDX-License-Identifier: Apache-2.0 */
#include "base/nearest.h"

#include "fixtures/wfe_assert.h"

static const char *const words[] = {"image", "run", "env", "volume", "timeout", "network", "user"};
#define N_WORDS (sizeof words / sizeof *words)

static void test_nearest__finds_what_was_mistyped(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"imgae", "image"},     /* neighbours swapped */
        {"imag", "image"},      /* a letter left out */
        {"immage", "image"},    /* one too many */
        {"inage", "image"},     /* a wrong one */
        {"tmieotu", "timeout"}, /* two swaps */
        {"networks", "network"}, {"rnu", "run"}, {"image", "image"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = wfe_nearest(cases[i][0], words, N_WORDS);
        if (!near || strcmp(near, cases[i][1]) != 0)
            fail_msg("%s gave %s, wanted %s", cases[i][0], near ? near : "none", cases[i][1]);
    }
}

static void test_nearest__suggests_nothing_far_away(void **state)
{
    (void)state;
    static const char *const far[] = {"", "x", "memory", "xyzzy", "im", "timeoutless-thing"};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        const char *near = wfe_nearest(far[i], words, N_WORDS);
        if (near)
            fail_msg("%s gave %s", far[i], near);
    }
    assert_null(wfe_nearest("image", words, 0));
    /* A name of one letter is not another one. */
    static const char *const short_words[] = {"n", "no"};
    assert_null(wfe_nearest("q", short_words, 1));
    assert_ptr_equal(wfe_nearest("o", short_words, 2), short_words[1]);
}

static void test_nearest__prefers_the_closest_then_the_first(void **state)
{
    (void)state;
    static const char *const close[] = {"cats", "cat", "car"};
    assert_ptr_equal(wfe_nearest("cat", close, 3), close[1]);
    static const char *const equal[] = {"bar", "car"};
    assert_ptr_equal(wfe_nearest("far", equal, 2), equal[0]);
}

static void test_nearest__leaves_very_long_words_alone(void **state)
{
    (void)state;
    char longest[65], longer[66];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    memset(longer, 'a', 65);
    longer[65] = '\0';
    const char *const both[] = {longer, longest};
    assert_ptr_equal(wfe_nearest(longest, both, 2), longest);
    assert_null(wfe_nearest(longer, both, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest__finds_what_was_mistyped),
        cmocka_unit_test(test_nearest__suggests_nothing_far_away),
        cmocka_unit_test(test_nearest__prefers_the_closest_then_the_first),
        cmocka_unit_test(test_nearest__leaves_very_long_words_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
