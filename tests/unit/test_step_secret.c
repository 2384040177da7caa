/* SPDX-License-Identifier: Apache-2.0 */
#include "step/secret.h"

#include <stdlib.h>
#include <string.h>

#include "fixtures/wfe_assert.h"

static wfe_mask *mask_of(const char *const *list, wfe_strmap *env)
{
    wfe_mask *mask = NULL;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_step_secret_read(list, env, &mask, &err), &err);
    return mask;
}

static void test_step_secret__are_variables_with_a_mask(void **state)
{
    (void)state;
    const char *const list[] = {"A=hunter2", "B=x=y=z", NULL}, *const empty[] = {NULL};
    wfe_strmap env = {0};
    wfe_mask *mask = mask_of(list, &env);
    assert_string_equal(wfe_strmap_get(&env, "A"), "hunter2");
    assert_string_equal(wfe_strmap_get(&env, "B"), "x=y=z");
    assert_false(wfe_mask_is_empty(mask));
    wfe_mask_free(mask);
    wfe_strmap_done(&env);
    assert_null(mask_of(NULL, &env));
    assert_null(mask_of(empty, &env));
}

static void test_step_secret__are_refused_without_being_shown(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        const char *part;
    } cases[] = {{"hunter2", "secret number 1 is not KEY=VALUE"},
                 {"=hunter2", "secret number 1 is not KEY=VALUE"},
                 {"A=abc", "secret 'A': a secret of 3 bytes cannot be masked"},
                 {"A=", "secret 'A': "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const list[] = {cases[i].entry, NULL};
        wfe_strmap env = {0};
        wfe_mask *mask = NULL;
        wfe_error err = WFE_ERROR_INIT;
        assert_fails(wfe_step_secret_read(list, &env, &mask, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, cases[i].part);
        assert_null(strstr(err.message, "hunter2"));
        wfe_mask_free(mask);
        wfe_strmap_done(&env);
    }
}

static void test_step_secret__are_masked_in_texts_and_errors(void **state)
{
    (void)state;
    const char *const list[] = {"A=hunter2", NULL};
    wfe_strmap env = {0};
    wfe_mask *mask = mask_of(list, &env);
    char *text = strdup("is hunter2 or aHVudGVyMg==");
    assert_int_equal(wfe_step_secret_mask_text(mask, &text), 0);
    assert_string_equal(text, "is *** or ***");
    assert_int_equal(wfe_step_secret_mask_text(NULL, &text), 0);
    assert_string_equal(text, "is *** or ***");
    free(text);
    wfe_error err = WFE_ERROR_INIT;
    wfe_error_set(&err, WFE_E_NOT_FOUND, "command 'hunter2' is not there");
    wfe_error_hint(&err, "where is hunter2");
    wfe_error_where(&err, "run", "hunter2");
    wfe_step_secret_mask_error(mask, &err);
    assert_string_equal(err.message, "command '***' is not there");
    assert_string_equal(err.hint, "where is ***");
    assert_string_equal(err.subject, "***");
    assert_int_equal(err.kind, WFE_E_NOT_FOUND);
    wfe_mask_free(mask);
    wfe_strmap_done(&env);
}

/* What begins a secret at the end of a text that was cut is one whose rest is missing. */
static void test_step_secret__that_a_text_s_end_has_cut_are_masked(void **state)
{
    (void)state;
    const char *const list[] = {"A=hunter2", NULL};
    wfe_strmap env = {0};
    wfe_mask *mask = mask_of(list, &env);
    char whole[64] = "the end is hunt", cut[16] = "the end is hunt";
    wfe_step_secret_mask_array(mask, whole, sizeof whole);
    assert_string_equal(whole, "the end is hunt");
    wfe_step_secret_mask_array(mask, cut, sizeof cut);
    assert_string_equal(cut, "the end is ***");
    char grows[9] = "hunter2x", tiny[3] = "hu";
    wfe_step_secret_mask_array(mask, grows, sizeof grows);
    assert_string_equal(grows, "***x");
    wfe_step_secret_mask_array(mask, tiny, sizeof tiny);
    assert_string_equal(tiny, "**");
    wfe_mask_free(mask);
    wfe_strmap_done(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_secret__are_variables_with_a_mask),
        cmocka_unit_test(test_step_secret__are_refused_without_being_shown),
        cmocka_unit_test(test_step_secret__are_masked_in_texts_and_errors),
        cmocka_unit_test(test_step_secret__that_a_text_s_end_has_cut_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
