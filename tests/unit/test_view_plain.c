/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"
#include "fixtures/captured_out.h"
#include "fixtures/synthetic_run.h"
#include "fixtures/wfe_assert.h"

static void test_view_plain__tells_a_whole_run(void **state)
{
    (void)state;
    captured_out captured;
    synthetic_run run = {0};
    wfe_error err = WFE_ERROR_INIT;
    captured_out_init(&captured);
    assert_ok(wfe_view_plain_new(&synthetic_story_run, captured.out, &run.view, &err), &err);
    synthetic_story(&run);
    wfe_engine_result result = synthetic_story_result();
    assert_ok(run.view->end(run.view, &result, 1, &err), &err);
    const char *text = captured_out_take(&captured, NULL);
    assert_expected("run-plain.txt", text);
    assert_null(strchr(text, '\x1b'));
    assert_null(strchr(text, '\r'));
    run.view->free(run.view);
    captured_out_done(&captured);
}

static void test_view_plain__tells_as_it_happens(void **state)
{
    (void)state;
    captured_out captured;
    synthetic_run run = {0};
    wfe_error err = WFE_ERROR_INIT;
    captured_out_init(&captured);
    assert_ok(wfe_view_plain_new(&synthetic_story_run, captured.out, &run.view, &err), &err);
    synthetic_state(&run, WFE_RUN_STARTING);
    assert_string_equal(captured_out_take(&captured, NULL), "build-and-test: run build-42\n");
    synthetic_step(&run, "a", NULL, WFE_STEP_IS_PENDING);
    assert_string_equal(captured_out_take(&captured, NULL), "");
    synthetic_step(&run, "a", NULL, WFE_STEP_IS_RUNNING);
    synthetic_line(&run, "a", WFE_STDOUT, "\x1b[1mhi\x1b[0m\t!");
    assert_string_equal(captured_out_take(&captured, NULL), "a: runs\na | hi      !\n");
    run.view->free(run.view);
    captured_out_done(&captured);
}

static void test_view_plain__tells_the_beginning_and_the_end_of_a_pull(void **state)
{
    (void)state;
    captured_out captured;
    synthetic_run run = {0};
    wfe_error err = WFE_ERROR_INIT;
    captured_out_init(&captured);
    assert_ok(wfe_view_plain_new(&synthetic_story_run, captured.out, &run.view, &err), &err);
    synthetic_step(&run, "a", NULL, WFE_STEP_IS_RUNNING);
    synthetic_pull(&run, "a", 0, false);
    synthetic_pull(&run, "a", 200000000, false);
    synthetic_pull(&run, "a", 400000000, true);
    assert_string_equal(captured_out_take(&captured, NULL),
                        "a: runs\n"
                        "a: pulling docker.io/library/gcc:14  0 B of 400 MB, 2 of 7 layers\n"
                        "a: pulled docker.io/library/gcc:14, 400 MB\n");
    run.view->free(run.view);
    captured_out_done(&captured);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_plain__tells_a_whole_run),
        cmocka_unit_test(test_view_plain__tells_as_it_happens),
        cmocka_unit_test(test_view_plain__tells_the_beginning_and_the_end_of_a_pull),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
