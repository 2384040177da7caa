/* SPDX-License-Identifier: Apache-2.0
 *
 * Hooks: a table of how something ends by which of its hooks run, each cell of it a check, for
 * steps, blocks, for_each and the workflow; and what a failing hook does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/engine_rig.h"

#define TOP WFE_PLAN_NONE

static engine_rig rig;

static int set_up(void **state)
{
    (void)state;
    engine_rig_init(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_rig_done(&rig);
    return 0;
}

static void add_hooks(uint32_t owner)
{
    plan_builder_hook(rig.builder, owner, WFE_PLAN_ROLE_ON_SUCCESS, "on_success", "ok");
    plan_builder_hook(rig.builder, owner, WFE_PLAN_ROLE_ON_FAILURE, "on_failure", "ok");
    plan_builder_hook(rig.builder, owner, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
}

static void assert_hooks(bool on_success, bool on_failure, bool ensure)
{
    if (engine_rig_starts(&rig, "on_success") != on_success ||
        engine_rig_starts(&rig, "on_failure") != on_failure ||
        engine_rig_starts(&rig, "ensure") != ensure)
        fail_msg("other hooks ran than should:\n%s", rig.log);
}

enum how { SUCCEEDS, FAILS, TIMES_OUT, IS_CANCELLED, IS_SKIPPED, N_HOWS };

/* end, script of the work, state of what owns the hooks, of the run, hooks that run */
static const struct row {
    const char *script;
    const char *end;
    enum wfe_run_state run;
    bool on_success, on_failure, ensure;
} table[N_HOWS] = {
    [SUCCEEDS] = {"ok", "succeeded", WFE_RUN_SUCCEEDED, true, false, true},
    [FAILS] = {"fail", "failed", WFE_RUN_FAILED, false, true, true},
    [TIMES_OUT] = {"hang", "failed", WFE_RUN_FAILED, false, true, true},
    [IS_CANCELLED] = {"hang", "cancelled", WFE_RUN_CANCELLED, false, false, true},
    [IS_SKIPPED] = {"ok", "skipped", WFE_RUN_SUCCEEDED, false, false, false},
};

static void set_end(uint32_t step, enum how how)
{
    if (how == TIMES_OUT)
        plan_builder_at(rig.builder, step)->timeout_ms = 10;
    if (how == IS_SKIPPED)
        plan_builder_when(rig.builder, step, ".inputs.go", WFE_PLAN_EQUALS, json_true());
}

static void go(enum how how, const char *owner, const char *running)
{
    engine_rig_start(&rig, NULL);
    if (how == IS_CANCELLED) {
        engine_rig_wait_for(&rig, running);
        wfe_engine_run_cancel(rig.run);
    }
    const wfe_engine_result *result = engine_rig_wait(&rig);
    assert_int_equal(result->state, table[how].run);
    if (owner)
        assert_string_equal(engine_rig_end(&rig, owner), table[how].end);
    assert_hooks(table[how].on_success, table[how].on_failure, table[how].ensure);
    if (how == TIMES_OUT)
        assert_int_equal(result->error.kind, WFE_E_TIMEOUT);
}

static void run_step(enum how how)
{
    uint32_t step = plan_builder_step(rig.builder, TOP, "work", table[how].script);
    set_end(step, how);
    add_hooks(step);
    go(how, "work", "work:running");
}

static void run_block(enum how how)
{
    uint32_t block = plan_builder_block(rig.builder, TOP, "work");
    set_end(block, how);
    plan_builder_step(rig.builder, block, "child", table[how].script);
    plan_builder_step(rig.builder, block, "other", "ok");
    add_hooks(block);
    go(how, "work", "child:running");
}

static void run_for_each(enum how how)
{
    uint32_t step = plan_builder_step(rig.builder, TOP, "work", table[how].script);
    set_end(step, how);
    plan_builder_for_each(rig.builder, step, json_pack("[i,i]", 1, 2), NULL);
    add_hooks(step);
    go(how, "work", "work[0]:running");
}

static void run_call(enum how how)
{
    uint32_t step = plan_builder_call(rig.builder, TOP, "work", 1);
    set_end(step, how);
    add_hooks(step);
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "inner", table[how].script);
    go(how, "work", "work/inner:running");
}

static void run_workflow(enum how how)
{
    plan_builder_step(rig.builder, TOP, "work", table[how].script);
    if (how == TIMES_OUT)
        plan_builder_workflow_at(rig.builder, 0)->timeout_ms = 10;
    add_hooks(TOP);
    go(how, NULL, "work:running");
}

/* One function for each cell row: who owns the hooks by how it ends. */
#define ROW(owner, name, how)                                                                      \
    static void test_engine_hooks__of_a_##owner##_that_##name(void **state)                        \
    {                                                                                              \
        (void)state;                                                                               \
        run_##owner(how);                                                                          \
    }
#define ROWS(owner)                                                                                \
    ROW(owner, succeeds, SUCCEEDS)                                                                 \
    ROW(owner, fails, FAILS)                                                                       \
    ROW(owner, times_out, TIMES_OUT)                                                               \
    ROW(owner, is_cancelled, IS_CANCELLED)
ROWS(step)
ROW(step, is_skipped, IS_SKIPPED)
ROWS(block)
ROW(block, is_skipped, IS_SKIPPED)
ROWS(for_each)
ROW(for_each, is_skipped, IS_SKIPPED)
ROWS(call)
ROW(call, is_skipped, IS_SKIPPED)
ROWS(workflow)

static void test_engine_hooks__what_needs_a_step_waits_for_its_hooks(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "out:x=1");
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ON_SUCCESS, "hook",
                      "see:x sleep:20 out:y=2");
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ENSURE, "ensure", "see:y");
    plan_builder_step(rig.builder, TOP, "b", "see:x see:y");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.log, "run:starting\nrun:running\na:running\na:hooks\nhook:running\n"
                                 "hook:succeeded\nensure:running\nensure:succeeded\na:succeeded\n"
                                 "b:running\nb:succeeded\nrun:succeeded\n");
    assert_string_equal(rig.seen, "hook: x=\"1\"\nensure: y=\"2\"\nb: x=\"1\"\nb: y=\"2\"\n");
}

static void test_engine_hooks__see_what_a_failed_step_gave(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "out:why=because fail");
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ON_FAILURE, "hook", "see:why");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "last", "see:why");
    engine_rig_run(&rig, NULL);
    assert_string_equal(rig.seen, "hook: why=\"because\"\nlast: why=\"because\"\n");
}

/* role of the hook, script of the step: the run fails in any case, the step's failure comes first
 */
static void failing_hook(enum wfe_plan_role role, const char *script)
{
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", script);
    plan_builder_hook(rig.builder, step, role, "hook", "fail");
    plan_builder_step(rig.builder, TOP, "b", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    bool step_fails = strcmp(script, "fail") == 0;
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, step_fails ? "a" : "hook");
    assert_int_equal(result->n_failures, step_fails ? 1 : 0);
    if (step_fails)
        assert_string_equal(result->failures[0].step, "hook");
    assert_string_equal(engine_rig_end(&rig, "a"), "failed");
    assert_string_equal(engine_rig_end(&rig, "b"), "skipped");
}

static void test_engine_hooks__a_failing_on_success_fails_the_run(void **state)
{
    (void)state;
    failing_hook(WFE_PLAN_ROLE_ON_SUCCESS, "ok");
}

static void test_engine_hooks__a_failing_on_failure_stands_beside_the_first_cause(void **state)
{
    (void)state;
    failing_hook(WFE_PLAN_ROLE_ON_FAILURE, "fail");
}

static void test_engine_hooks__a_failing_ensure_fails_the_run(void **state)
{
    (void)state;
    failing_hook(WFE_PLAN_ROLE_ENSURE, "ok");
}

static void test_engine_hooks__a_failing_ensure_stands_beside_the_first_cause(void **state)
{
    (void)state;
    failing_hook(WFE_PLAN_ROLE_ENSURE, "fail");
}

static void test_engine_hooks__a_failing_hook_of_an_allowed_step_fails_the_run(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "fail");
    plan_builder_at(rig.builder, step)->allow_failure = true;
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ON_FAILURE, "hook", "fail");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, "hook");
}

static void test_engine_hooks__a_hook_may_be_allowed_to_fail(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "ok");
    uint32_t hook = plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ENSURE, "hook", "fail");
    plan_builder_at(rig.builder, hook)->allow_failure = true;
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
}

static void test_engine_hooks__a_failing_hook_of_the_workflow_fails_the_run(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "ok");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ON_SUCCESS, "on_success", "fail");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ON_FAILURE, "on_failure", "ok");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, "on_success");
    assert_hooks(true, false, true);
}

static void test_engine_hooks__have_retry_when_and_timeout_of_their_own(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "ok");
    uint32_t hook =
        plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ON_SUCCESS, "again", "fail:2");
    plan_builder_retry(rig.builder, hook, 2, 1);
    uint32_t ensure = plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ENSURE, "late", "hang");
    plan_builder_at(rig.builder, ensure)->timeout_ms = 10;
    uint32_t other = plan_builder_step(rig.builder, TOP, "b", "ok");
    plan_builder_needs_nothing(rig.builder, other);
    uint32_t skipped = plan_builder_hook(rig.builder, other, WFE_PLAN_ROLE_ENSURE, "skipped", "ok");
    plan_builder_when(rig.builder, skipped, ".inputs.go", WFE_PLAN_EQUALS, json_true());
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(engine_rig_starts(&rig, "again"), 3);
    assert_string_equal(engine_rig_end(&rig, "late"), "failed");
    assert_string_equal(engine_rig_end(&rig, "skipped"), "skipped");
    assert_string_equal(engine_rig_end(&rig, "b"), "succeeded");
    assert_string_equal(result->failed_step, "late");
    assert_int_equal(result->error.kind, WFE_E_TIMEOUT);
}

static void test_engine_hooks__a_kill_starts_no_more_hooks(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "hang");
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ENSURE, "ensure", "deaf");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "last", "ok");
    engine_rig_start(&rig, NULL);
    engine_rig_wait_for(&rig, "a:running");
    wfe_engine_run_cancel(rig.run);
    engine_rig_wait_for(&rig, "ensure:running");
    wfe_engine_run_cancel(rig.run);
    const wfe_engine_result *result = engine_rig_wait(&rig);
    assert_int_equal(result->state, WFE_RUN_CANCELLED);
    assert_string_equal(engine_rig_end(&rig, "ensure"), "cancelled");
    assert_int_equal(engine_rig_starts(&rig, "last"), 0);
}

static void test_engine_hooks__cancel_cuts_on_failure_and_runs_ensure(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "fail");
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ON_FAILURE, "on_failure", "hang");
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ENSURE, "ensure", "sleep:10");
    engine_rig_start(&rig, NULL);
    engine_rig_wait_for(&rig, "on_failure:running");
    wfe_engine_run_cancel(rig.run);
    const wfe_engine_result *result = engine_rig_wait(&rig);
    assert_int_equal(result->state, WFE_RUN_CANCELLED);
    assert_string_equal(engine_rig_end(&rig, "on_failure"), "cancelled");
    assert_string_equal(engine_rig_end(&rig, "ensure"), "succeeded");
    assert_string_equal(engine_rig_end(&rig, "a"), "failed");
}

static void test_engine_hooks__cancel_leaves_a_running_ensure_alone(void **state)
{
    (void)state;
    uint32_t step = plan_builder_step(rig.builder, TOP, "a", "ok");
    plan_builder_hook(rig.builder, step, WFE_PLAN_ROLE_ENSURE, "ensure", "sleep:30");
    plan_builder_step(rig.builder, TOP, "b", "ok");
    engine_rig_start(&rig, NULL);
    engine_rig_wait_for(&rig, "ensure:running");
    wfe_engine_run_cancel(rig.run);
    const wfe_engine_result *result = engine_rig_wait(&rig);
    assert_int_equal(result->state, WFE_RUN_CANCELLED);
    assert_string_equal(engine_rig_end(&rig, "ensure"), "succeeded");
    assert_string_equal(engine_rig_end(&rig, "b"), "cancelled");
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_engine_hooks__##name, set_up, tear_down)
#define CASES(owner)                                                                               \
    CASE(of_a_##owner##_that_succeeds), CASE(of_a_##owner##_that_fails),                           \
        CASE(of_a_##owner##_that_times_out), CASE(of_a_##owner##_that_is_cancelled)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(step),
        CASE(of_a_step_that_is_skipped),
        CASES(block),
        CASE(of_a_block_that_is_skipped),
        CASES(for_each),
        CASE(of_a_for_each_that_is_skipped),
        CASES(call),
        CASE(of_a_call_that_is_skipped),
        CASES(workflow),
        CASE(what_needs_a_step_waits_for_its_hooks),
        CASE(see_what_a_failed_step_gave),
        CASE(a_failing_on_success_fails_the_run),
        CASE(a_failing_on_failure_stands_beside_the_first_cause),
        CASE(a_failing_ensure_fails_the_run),
        CASE(a_failing_ensure_stands_beside_the_first_cause),
        CASE(a_failing_hook_of_an_allowed_step_fails_the_run),
        CASE(a_hook_may_be_allowed_to_fail),
        CASE(a_failing_hook_of_the_workflow_fails_the_run),
        CASE(have_retry_when_and_timeout_of_their_own),
        CASE(a_kill_starts_no_more_hooks),
        CASE(cancel_cuts_on_failure_and_runs_ensure),
        CASE(cancel_leaves_a_running_ensure_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
