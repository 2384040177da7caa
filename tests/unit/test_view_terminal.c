/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal view as a person sees it: its bytes go through a terminal in memory.
 */
#include <stdlib.h>

#include "cli/text.h"
#include "cli/view.h"
#include "fixtures/captured_out.h"
#include "fixtures/synthetic_run.h"
#include "fixtures/terminal_model.h"
#include "fixtures/wfe_assert.h"

typedef struct rig {
    synthetic_run run; /* first: the clock's user */
    unsigned columns, rows;
    captured_out captured;
    terminal_model *terminal;
} rig;

static void size_of(unsigned *columns, unsigned *rows, void *user)
{
    const rig *r = user;
    *columns = r->columns;
    *rows = r->rows;
}

static void begin(rig *r, unsigned columns, unsigned rows, bool colour, bool ascii)
{
    wfe_error err = WFE_ERROR_INIT;
    *r = (rig){.columns = columns, .rows = rows};
    captured_out_init(&r->captured);
    r->terminal = terminal_model_new(columns, rows);
    wfe_view_terminal_options options = {
        .colour = colour, .ascii = ascii, .size = size_of, .now_us = synthetic_now_us, .user = r};
    assert_ok(
        wfe_view_terminal_new(&synthetic_story_run, &options, r->captured.out, &r->run.view, &err),
        &err);
}

static void done(rig *r)
{
    r->run.view->free(r->run.view);
    captured_out_done(&r->captured);
    terminal_model_free(r->terminal);
}

/* Draws a frame and gives everything that is on the terminal. */
static const char *see(rig *r)
{
    size_t len = 0;
    r->run.view->tick(r->run.view);
    const char *bytes = captured_out_take(&r->captured, &len);
    terminal_model_feed(r->terminal, bytes, len);
    return terminal_model_text(r->terminal);
}

static const char *see_end(rig *r, const wfe_engine_result *result)
{
    size_t len = 0;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(r->run.view->end(r->run.view, result, 1, &err), &err);
    const char *bytes = captured_out_take(&r->captured, &len);
    terminal_model_feed(r->terminal, bytes, len);
    return terminal_model_text(r->terminal);
}

static void resize(rig *r, unsigned columns, unsigned rows)
{
    r->columns = columns;
    r->rows = rows;
    terminal_model_resize(r->terminal, columns, rows);
}

static void begin_two(rig *r)
{
    synthetic_state(&r->run, WFE_RUN_RUNNING);
    synthetic_step(&r->run, "compile", NULL, WFE_STEP_IS_RUNNING);
    synthetic_step(&r->run, "lint", NULL, WFE_STEP_IS_RUNNING);
}

static void test_view_terminal__has_one_line_for_each_running_step(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    begin_two(&r);
    synthetic_line(&r.run, "compile", WFE_STDOUT, "cc main.c");
    synthetic_line(&r.run, "compile", WFE_STDOUT, "##wfe[output objects=1]"); /* not shown */
    synthetic_pass(&r.run, 1500);
    assert_string_equal(see(&r), "build-and-test  run build-42\n"
                                 "⠋ compile    1.5s  cc main.c\n"
                                 "⠋ lint       1.5s\n"
                                 "  1.5s  0 of 2 done, 2 running\n");
    done(&r);
}

static void test_view_terminal__draws_over_what_it_drew(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    begin_two(&r);
    see(&r);
    synthetic_line(&r.run, "lint", WFE_STDERR, "a long line that is there for one frame only");
    see(&r);
    synthetic_line(&r.run, "lint", WFE_STDERR, "short");
    synthetic_pass(&r.run, 65000);
    assert_string_equal(see(&r), "build-and-test  run build-42\n"
                                 "⠹ compile   1m05s\n"
                                 "⠹ lint      1m05s  short\n"
                                 "  1m05s  0 of 2 done, 2 running\n");
    done(&r);
}

static void test_view_terminal__folds_what_has_ended(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    begin_two(&r);
    see(&r);
    synthetic_pass(&r.run, 2000);
    synthetic_ok(&r.run, "compile", 2000, NULL);
    assert_string_equal(see(&r), "build-and-test  run build-42\n"
                                 "✓ compile  2.0s\n"
                                 "⠙ lint       2.0s\n"
                                 "  2.0s  1 of 2 done, 1 running\n");
    done(&r);
}

static void test_view_terminal__shows_the_last_20_lines_of_a_failed_step(void **state)
{
    (void)state;
    rig r;
    char line[32];
    begin(&r, 80, 40, false, false);
    begin_two(&r);
    for (int i = 1; i <= 25; i++) {
        snprintf(line, sizeof line, "line %d", i);
        synthetic_line(&r.run, "lint", WFE_STDOUT, line);
    }
    see(&r);
    synthetic_failed(&r.run, "lint", 100, 7, "container exited with code 7", false);
    const char *text = see(&r);
    assert_contains(text, "\n✗ lint  0.1s  failed  container exited with code 7\n  │ line 6\n");
    assert_contains(text, "\n  │ line 25\n⠙ compile");
    assert_contains(text, "1 running, 1 failed\n");
    assert_null(strstr(text, "line 5\n"));
    done(&r);
}

static void test_view_terminal__neutralises_what_steps_print(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    begin_two(&r);
    /* The terminal of this test fails for any sequence that is not wfe's own. */
    synthetic_line(&r.run, "lint", WFE_STDOUT, "\x1b[2J\x1b[H\x1b]0;x\a\x1b[31mred\b\b\x07!");
    synthetic_line(&r.run, "compile", WFE_STDOUT, "10%\r\x1b[K20%");
    const char *text = see(&r);
    assert_contains(text, "  red!\n");
    assert_contains(text, "  20%\n");
    assert_false(terminal_model_is_styled(r.terminal));
    synthetic_failed(&r.run, "lint", 100, 1, "bad \x1b[2J text", false);
    assert_contains(see(&r), "failed  bad  [2J text\n  │ red!\n");
    done(&r);
}

static void test_view_terminal__counts_wide_characters_twice(void **state)
{
    (void)state;
    rig r;
    begin(&r, 40, 24, false, false);
    begin_two(&r);
    synthetic_line(&r.run, "compile", WFE_STDOUT, "日本語日本語日本語日本語日本語日本語");
    const char *text = see(&r);
    assert_contains(text, "  日本語日本語日本語日\n⠋ lint");
    assert_false(terminal_model_take_wrapped(r.terminal));
    done(&r);
}

static void test_view_terminal__leaves_out_what_has_no_row(void **state)
{
    (void)state;
    rig r;
    char name[32];
    begin(&r, 80, 10, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "step-%d", i);
        synthetic_step(&r.run, name, NULL, WFE_STEP_IS_RUNNING);
    }
    const char *text = see(&r);
    assert_contains(text, "⠋ step-7 ");
    assert_null(strstr(text, "step-8 "));
    assert_contains(text, "0 of 200 done, 200 running (192 not shown)\n");
    see(&r);
    text = see(&r);
    assert_string_equal(strstr(text, "build-and-test"), text);
    assert_null(strstr(text + 1, "build-and-test")); /* nothing was drawn twice */
    assert_int_equal(terminal_model_used_rows(r.terminal), 10);
    done(&r);
}

static void test_view_terminal__works_in_a_terminal_of_few_columns_and_rows(void **state)
{
    (void)state;
    for (unsigned columns = 1; columns < 30; columns++) {
        rig r;
        begin(&r, columns, 2, false, false);
        begin_two(&r);
        see(&r);
        terminal_model_take_wrapped(r.terminal);
        synthetic_line(&r.run, "lint", WFE_STDOUT, "日本語 a long line");
        see(&r);
        see(&r);
        assert_false(terminal_model_take_wrapped(r.terminal));
        done(&r);
    }
}

static void test_view_terminal__draws_right_after_the_width_has_changed(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    begin_two(&r);
    synthetic_line(&r.run, "compile", WFE_STDOUT,
                   "a line that fills the eighty columns of this terminal nearly, for sure");
    see(&r);
    resize(&r, 30, 24);
    assert_string_equal(see(&r), "build-and-test  run build-42\n"
                                 "⠙ compile    0.0s  a line tha\n"
                                 "⠙ lint       0.0s\n"
                                 "  0.0s  0 of 2 done, 2 runnin\n");
    resize(&r, 60, 24);
    assert_string_equal(see(&r), "build-and-test  run build-42\n"
                                 "⠹ compile    0.0s  a line that fills the eighty columns of\n"
                                 "⠹ lint       0.0s\n"
                                 "  0.0s  0 of 2 done, 2 running\n");
    done(&r);
}

static void test_view_terminal__uses_colour_only_when_it_may(void **state)
{
    (void)state;
    for (int colour = 0; colour < 2; colour++) {
        rig r;
        begin(&r, 80, 24, colour, false);
        synthetic_story(&r.run);
        see(&r);
        assert_int_equal(terminal_model_is_styled(r.terminal), colour);
        done(&r);
    }
}

static void test_view_terminal__can_do_without_unicode(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, true);
    synthetic_story(&r.run);
    wfe_engine_result result = synthetic_story_result();
    for (const char *p = see_end(&r, &result); *p; p++)
        assert_true((unsigned char)*p < 0x80);
    done(&r);
}

static void test_view_terminal__says_when_the_next_attempt_comes(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    synthetic_step(&r.run, "flaky", NULL, WFE_STEP_IS_RUNNING);
    synthetic_retry(&r.run, "flaky", 1, 5000, "container exited with code 1");
    synthetic_pass(&r.run, 2000);
    assert_string_equal(
        see(&r), "build-and-test  run build-42\n"
                 "↻ flaky  attempt 1 failed: container exited with code 1; the next in 5.0s\n"
                 "↻ flaky      2.0s  attempt 2 in 3.0s\n"
                 "  2.0s  0 of 1 done, 1 running\n");
    done(&r);
}

static void test_view_terminal__shows_how_far_a_pull_is(void **state)
{
    (void)state;
    rig r;
    begin(&r, 100, 24, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    synthetic_step(&r.run, "build", NULL, WFE_STEP_IS_RUNNING);
    synthetic_pull(&r.run, "build", 12300000, false);
    synthetic_pass(&r.run, 2000);
    assert_string_equal(see(&r), "build-and-test  run build-42\n"
                                 "⠋ build      2.0s  pulling docker.io/library/gcc:14  12.3 MB of "
                                 "400 MB, 2 of 7 layers\n"
                                 "  2.0s  0 of 1 done, 1 running\n");
    synthetic_pull(&r.run, "build", 400000000, true);
    synthetic_line(&r.run, "build", WFE_STDOUT, "cc main.c");
    assert_string_equal(see(&r), "build-and-test  run build-42\n"
                                 "⠙ build      2.0s  cc main.c\n"
                                 "  2.0s  0 of 1 done, 1 running\n");
    done(&r);
}

static void test_view_terminal__shows_how_far_a_group_is(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    synthetic_step(&r.run, "unit", NULL, WFE_STEP_IS_RUNNING);
    synthetic_step(&r.run, "unit[0]", "unit", WFE_STEP_IS_RUNNING);
    synthetic_step(&r.run, "unit[1]", "unit", WFE_STEP_IS_RUNNING);
    synthetic_ok(&r.run, "unit[0]", 0, NULL);
    assert_contains(see(&r), "⠋ unit        0.0s  1 of 2 done\n"
                             "⠋   unit[1]   0.0s\n");
    done(&r);
}

static void test_view_terminal__says_which_step_a_warning_is_about(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    synthetic_step(&r.run, "unit", NULL, WFE_STEP_IS_RUNNING);
    synthetic_step_warning(&r.run, "unit", "too long");
    synthetic_warning(&r.run, "of the run");
    assert_contains(see(&r), "! unit  too long\n! of the run\n");
    done(&r);
}

/* Items that wait for a slot are not told of, but known in number. */
static void test_view_terminal__counts_the_items_that_have_not_begun(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    synthetic_step(&r.run, "unit", NULL, WFE_STEP_IS_PENDING);
    synthetic_for_each(&r.run, "unit", 40);
    synthetic_step(&r.run, "unit[0]", "unit", WFE_STEP_IS_RUNNING);
    synthetic_step(&r.run, "unit[1]", "unit", WFE_STEP_IS_RUNNING);
    synthetic_ok(&r.run, "unit[0]", 0, NULL);
    synthetic_hook(&r.run, "tidy", "unit", WFE_PLAN_ROLE_ENSURE, WFE_STEP_IS_SUCCEEDED, 0);
    const char *seen = see(&r);
    assert_contains(seen, "⠋ unit        0.0s  2 of 41 done\n"
                          "⠋   unit[1]   0.0s\n");
    assert_contains(seen, "2 of 42 done, 1 running");
    done(&r);
}

static void test_view_terminal__tells_a_whole_run(void **state)
{
    (void)state;
    rig r;
    begin(&r, 80, 24, true, false);
    synthetic_story(&r.run);
    wfe_engine_result result = synthetic_story_result();
    assert_expected("run-terminal.txt", see_end(&r, &result));
    done(&r);
}

static void test_view_terminal__shows_the_slowest_and_the_failed_of_many(void **state)
{
    (void)state;
    rig r;
    char name[32];
    begin(&r, 80, 24, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "step-%u", i);
        synthetic_step(&r.run, name, NULL, WFE_STEP_IS_RUNNING);
        if (i == 321)
            synthetic_failed(&r.run, name, 1, 1, "container exited with code 1", false);
        else
            synthetic_ok(&r.run, name, i == 123 ? 9000 : 1, NULL);
    }
    see(&r);
    wfe_engine_result result = synthetic_story_result();
    const char *table = strstr(see_end(&r, &result), "\n\n");
    assert_non_null(table);
    assert_contains(table, "  ✓ step-123    9.0s  ok\n");
    assert_contains(table, "  ✗ step-321    0.0s  failed  container exited with code 1\n");
    assert_contains(table, "  and 489 more steps\n");
    done(&r);
}

static void test_view_terminal__shows_the_steps_of_the_file_beside_many_items(void **state)
{
    (void)state;
    rig r;
    char name[32];
    begin(&r, 80, 24, false, false);
    synthetic_state(&r.run, WFE_RUN_RUNNING);
    synthetic_step(&r.run, "quick", NULL, WFE_STEP_IS_RUNNING);
    synthetic_ok(&r.run, "quick", 1, NULL);
    synthetic_for_each(&r.run, "unit", 100);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "unit[%u]", i);
        synthetic_step(&r.run, name, "unit", WFE_STEP_IS_RUNNING);
        synthetic_ok(&r.run, name, 100, NULL);
    }
    synthetic_ok(&r.run, "unit", 200, NULL);
    synthetic_skipped(&r.run, "last", WFE_SKIP_WHEN);
    see(&r);
    wfe_engine_result result = synthetic_story_result();
    const char *table = strstr(see_end(&r, &result), "\n\n");
    assert_non_null(table);
    assert_contains(table, "  ✓ quick        0.0s  ok\n  ✓ unit         0.2s  ok\n");
    assert_contains(table, "  − last               skipped  its condition is false\n");
    assert_contains(table, "  and 91 more steps\n");
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_terminal__has_one_line_for_each_running_step),
        cmocka_unit_test(test_view_terminal__shows_how_far_a_pull_is),
        cmocka_unit_test(test_view_terminal__draws_over_what_it_drew),
        cmocka_unit_test(test_view_terminal__folds_what_has_ended),
        cmocka_unit_test(test_view_terminal__shows_the_last_20_lines_of_a_failed_step),
        cmocka_unit_test(test_view_terminal__neutralises_what_steps_print),
        cmocka_unit_test(test_view_terminal__counts_wide_characters_twice),
        cmocka_unit_test(test_view_terminal__leaves_out_what_has_no_row),
        cmocka_unit_test(test_view_terminal__works_in_a_terminal_of_few_columns_and_rows),
        cmocka_unit_test(test_view_terminal__draws_right_after_the_width_has_changed),
        cmocka_unit_test(test_view_terminal__uses_colour_only_when_it_may),
        cmocka_unit_test(test_view_terminal__can_do_without_unicode),
        cmocka_unit_test(test_view_terminal__says_when_the_next_attempt_comes),
        cmocka_unit_test(test_view_terminal__shows_how_far_a_group_is),
        cmocka_unit_test(test_view_terminal__says_which_step_a_warning_is_about),
        cmocka_unit_test(test_view_terminal__counts_the_items_that_have_not_begun),
        cmocka_unit_test(test_view_terminal__tells_a_whole_run),
        cmocka_unit_test(test_view_terminal__shows_the_slowest_and_the_failed_of_many),
        cmocka_unit_test(test_view_terminal__shows_the_steps_of_the_file_beside_many_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
