/* SPDX-License-Identifier: Apache-2.0
 *
 * Failures, retries, timeouts, cancel, what the store and memory can do to a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/run_priv.h"
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

static void assert_ends(const char *const pairs[])
{
    for (size_t i = 0; pairs[i]; i += 2)
        if (strcmp(engine_rig_end(&rig, pairs[i]), pairs[i + 1]) != 0)
            fail_msg("'%s' ended as '%s', not as '%s':\n%s", pairs[i],
                     engine_rig_end(&rig, pairs[i]), pairs[i + 1], rig.log);
}

#define ENDS(...) assert_ends((const char *const[]){__VA_ARGS__, NULL})

static void test_engine_failure__skips_what_needs_the_step_and_finishes_the_rest(void **state)
{
    (void)state;
    uint32_t a = plan_builder_free_step(rig.builder, TOP, "a", "fail");
    plan_builder_free_step(rig.builder, TOP, "slow", "sleep:20");
    uint32_t c = plan_builder_free_step(rig.builder, TOP, "c", "ok");
    uint32_t d = plan_builder_free_step(rig.builder, TOP, "d", "ok");
    plan_builder_step(rig.builder, TOP, "e", "ok");
    plan_builder_need(rig.builder, c, a);
    plan_builder_need(rig.builder, d, a + 1);
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    ENDS("a", "failed", "slow", "succeeded", "c", "skipped", "d", "succeeded", "e", "succeeded");
    assert_string_equal(result->failed_step, "a");
    assert_string_equal(result->error.message, "scripted failure of a");
}

static void test_engine_failure__allowed_is_as_good_as_success_to_others(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "fail out:x=1");
    plan_builder_at(rig.builder, a)->allow_failure = true;
    plan_builder_step(rig.builder, TOP, "b", "see:x");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(result->error.kind, 0);
    ENDS("a", "failed", "b", "succeeded");
    assert_string_equal(rig.seen, "b: x=\"1\"\n");
}

static void test_engine_failure__of_a_child_is_allowed_by_its_block(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_at(rig.builder, block)->allow_failure = true;
    plan_builder_step(rig.builder, block, "a", "fail");
    plan_builder_step(rig.builder, TOP, "b", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(result->error.kind, 0);
    ENDS("a", "failed", "block", "failed", "b", "succeeded");
}

static void test_engine_failure__fail_fast_of_a_block_cancels_the_siblings(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_at(rig.builder, block)->fail_fast = true;
    plan_builder_step(rig.builder, block, "a", "sleep:10 fail");
    uint32_t b = plan_builder_step(rig.builder, block, "b", "hang");
    plan_builder_hook(rig.builder, b, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    plan_builder_free_step(rig.builder, TOP, "c", "sleep:30");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    ENDS("a", "failed", "b", "cancelled", "ensure", "succeeded", "block", "failed", "c",
         "succeeded");
}

static void test_engine_failure__fail_fast_of_the_workflow_cancels_all(void **state)
{
    (void)state;
    plan_builder_workflow_at(rig.builder, 0)->fail_fast = true;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_step(rig.builder, block, "a", "sleep:10 fail");
    plan_builder_step(rig.builder, block, "b", "hang");
    plan_builder_free_step(rig.builder, TOP, "c", "hang");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ON_FAILURE, "on_failure", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, "a");
    ENDS("a", "failed", "b", "cancelled", "block", "failed", "c", "cancelled", "on_failure",
         "succeeded");
}

static void test_engine_failure__fail_fast_of_for_each_cancels_the_other_items(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "sleep:5 fail");
    plan_builder_for_each(rig.builder, each, json_pack("[i,i,i,i]", 1, 2, 3, 4), NULL);
    plan_builder_at(rig.builder, each)->fail_fast = true;
    plan_builder_at(rig.builder, each)->max_parallel = 1;
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    ENDS("each[0]", "failed", "each[1]", "cancelled", "each[3]", "cancelled", "each", "failed");
}

static void test_engine_failure__terminate_ends_the_run_now(void **state)
{
    (void)state;
    uint32_t a = plan_builder_free_step(rig.builder, TOP, "a", "sleep:10 fail");
    plan_builder_at(rig.builder, a)->on_error = WFE_PLAN_ERROR_TERMINATE;
    plan_builder_hook(rig.builder, a, WFE_PLAN_ROLE_ON_FAILURE, "mine", "ok");
    plan_builder_free_step(rig.builder, TOP, "b", "hang");
    plan_builder_step(rig.builder, TOP, "c", "ok");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ON_FAILURE, "on_failure", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    ENDS("a", "failed", "b", "cancelled", "c", "cancelled", "mine", "succeeded", "on_failure",
         "succeeded");
    assert_true(engine_rig_has(&rig, "run:stopping"));
}

static void test_engine_failure__suspend_lets_finish_and_waits(void **state)
{
    (void)state;
    uint32_t a = plan_builder_free_step(rig.builder, TOP, "a", "fail");
    plan_builder_at(rig.builder, a)->on_error = WFE_PLAN_ERROR_SUSPEND;
    uint32_t b = plan_builder_free_step(rig.builder, TOP, "b", "sleep:20");
    plan_builder_step(rig.builder, TOP, "c", "ok");
    (void)b;
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ON_FAILURE, "on_failure", "ok");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUSPENDED);
    assert_string_equal(result->failed_step, "a");
    ENDS("a", "failed", "b", "succeeded", "c", "skipped", "on_failure", "", "ensure", "");
}

static void test_engine_failure__suspend_in_a_call_suspends_the_run(void **state)
{
    (void)state;
    plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_step(rig.builder, TOP, "after", "ok");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    plan_builder_workflow(rig.builder, "sub");
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "fail");
    plan_builder_at(rig.builder, a)->on_error = WFE_PLAN_ERROR_SUSPEND;
    plan_builder_step(rig.builder, TOP, "b", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUSPENDED);
    ENDS("sub/a", "failed", "sub/b", "skipped", "sub", "cancelled", "after", "skipped", "ensure",
         "");
}

static void test_engine_failure__compensate_undoes_newest_first(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "ok");
    plan_builder_hook(rig.builder, a, WFE_PLAN_ROLE_ON_FAILURE, "undo_a", "ok");
    uint32_t b = plan_builder_step(rig.builder, TOP, "b", "ok");
    plan_builder_hook(rig.builder, b, WFE_PLAN_ROLE_ON_FAILURE, "undo_b", "sleep:5");
    uint32_t c = plan_builder_step(rig.builder, TOP, "c", "fail");
    plan_builder_at(rig.builder, c)->on_error = WFE_PLAN_ERROR_COMPENSATE;
    plan_builder_hook(rig.builder, c, WFE_PLAN_ROLE_ON_FAILURE, "undo_c", "ok");
    plan_builder_step(rig.builder, TOP, "d", "ok");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    ENDS("undo_a", "succeeded", "undo_b", "succeeded", "undo_c", "succeeded", "d", "skipped");
    assert_true(engine_rig_when(&rig, "undo_c:succeeded") <
                engine_rig_when(&rig, "undo_b:running"));
    assert_true(engine_rig_when(&rig, "undo_b:succeeded") <
                engine_rig_when(&rig, "undo_a:running"));
    assert_true(engine_rig_when(&rig, "undo_a:succeeded") <
                engine_rig_when(&rig, "ensure:running"));
}

/* ---- retries ---- */

static void test_engine_failure__is_retried_as_often_as_allowed(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "fail:2 out:x=1");
    plan_builder_retry(rig.builder, a, 2, 1);
    plan_builder_step(rig.builder, TOP, "b", "see:x");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(engine_rig_starts(&rig, "a"), 3);
    assert_true(engine_rig_has(&rig, "a:retry"));
}

static void test_engine_failure__is_final_after_the_last_retry(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "fail");
    plan_builder_retry(rig.builder, a, 3, 1);
    plan_builder_hook(rig.builder, a, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_FAILED);
    assert_int_equal(engine_rig_starts(&rig, "a"), 4);
    assert_int_equal(engine_rig_starts(&rig, "ensure"), 1);
}

static void check_cause(const char *script, uint32_t on, int starts)
{
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", script);
    plan_builder_retry(rig.builder, a, 1, 1)->on = on;
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_FAILED);
    assert_int_equal(engine_rig_starts(&rig, "a"), starts);
}

static void test_engine_failure__is_retried_only_for_the_causes_that_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        uint32_t cause;
    } causes[] = {{"fail", WFE_PLAN_CAUSE_EXIT},
                  {"oom", WFE_PLAN_CAUSE_OOM},
                  {"timeout", WFE_PLAN_CAUSE_TIMEOUT},
                  {"infra", WFE_PLAN_CAUSE_INFRASTRUCTURE},
                  {"wont", WFE_PLAN_CAUSE_INFRASTRUCTURE}};
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        check_cause(causes[i].script, causes[i].cause, 2);
        engine_rig_done(&rig);
        engine_rig_init(&rig);
        check_cause(causes[i].script, WFE_PLAN_CAUSE_ALL & ~causes[i].cause, 1);
        engine_rig_done(&rig);
        engine_rig_init(&rig);
    }
}

static void test_engine_failure__a_step_that_waits_for_its_retry_holds_no_slot(void **state)
{
    (void)state;
    rig.options.jobs = 1;
    uint32_t a = plan_builder_free_step(rig.builder, TOP, "a", "fail:1");
    plan_builder_retry(rig.builder, a, 1, 60);
    plan_builder_free_step(rig.builder, TOP, "b", "ok");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_true(engine_rig_when(&rig, "b:succeeded") < engine_rig_when(&rig, "a:succeeded"));
}

static void test_engine_failure__a_block_is_tried_again_as_a_whole(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_retry(rig.builder, block, 1, 1);
    plan_builder_step(rig.builder, block, "good", "out:x=1");
    plan_builder_step(rig.builder, block, "bad", "fail:1 out:y=1");
    plan_builder_step(rig.builder, TOP, "after", "see:x see:y");
    rig.options.on_event = NULL; /* its children end twice, which the rig takes for a mistake */
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(result->error.kind, 0);
    assert_int_equal(engine_rig_starts(&rig, "good"), 2);
    assert_int_equal(engine_rig_starts(&rig, "bad"), 2);
    assert_string_equal(rig.seen, "after: x=\"1\"\nafter: y=\"1\"\n");
}

static void test_engine_failure__a_call_is_tried_again_as_a_whole(void **state)
{
    (void)state;
    uint32_t call = plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_retry(rig.builder, call, 2, 1);
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "bad", "fail");
    rig.options.on_event = NULL;
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_int_equal(engine_rig_starts(&rig, "sub/bad"), 3);
    assert_string_equal(result->failed_step, "sub/bad");
    assert_int_equal(result->n_failures, 0);
    assert_non_null(strstr(result->error.message, "scripted failure"));
}

static void test_engine_failure__that_is_not_worth_a_retry_is_told_once(void **state)
{
    (void)state;
    uint32_t call = plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_retry(rig.builder, call, 2, 1)->on = WFE_PLAN_CAUSE_OOM;
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "bad", "fail");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_int_equal(engine_rig_starts(&rig, "sub/bad"), 1);
    assert_string_equal(result->failed_step, "sub");
    assert_int_equal(result->n_failures, 0);
    assert_non_null(strstr(result->error.message, "scripted failure of sub/bad"));
}

static void test_engine_failure__cancel_ends_a_wait_for_a_retry(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "fail");
    plan_builder_retry(rig.builder, a, 1, 3600 * 1000);
    plan_builder_hook(rig.builder, a, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    engine_rig_start(&rig, NULL);
    engine_rig_wait_for(&rig, "a:retry");
    wfe_engine_run_cancel(rig.run);
    assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
    ENDS("a", "cancelled", "ensure", "succeeded");
}

/* ---- timeouts ---- */

static void test_engine_failure__a_timeout_counts_all_attempts_and_waits(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "fail");
    plan_builder_retry(rig.builder, a, 1000, 5);
    plan_builder_at(rig.builder, a)->timeout_ms = 40;
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_int_equal(result->error.kind, WFE_E_TIMEOUT);
    assert_false(result->timed_out);
    assert_true(engine_rig_starts(&rig, "a") < 100);
}

static void test_engine_failure__the_time_of_the_run_ends_it(void **state)
{
    (void)state;
    plan_builder_workflow_at(rig.builder, 0)->timeout_ms = 20;
    plan_builder_step(rig.builder, TOP, "a", "hang");
    plan_builder_step(rig.builder, TOP, "b", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_true(result->timed_out);
    assert_null(result->failed_step);
    assert_int_equal(result->error.kind, WFE_E_TIMEOUT);
    ENDS("a", "cancelled", "b", "cancelled");
}

static void test_engine_failure__the_time_of_a_called_workflow_fails_the_call(void **state)
{
    (void)state;
    uint32_t call = plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_at(rig.builder, call)->allow_failure = true;
    plan_builder_step(rig.builder, TOP, "after", "ok");
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_workflow_at(rig.builder, 1)->timeout_ms = 10;
    plan_builder_step(rig.builder, TOP, "a", "hang");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    ENDS("sub/a", "cancelled", "sub", "failed", "after", "succeeded");
}

/* ---- cancel ---- */

static void test_engine_failure__cancel_at_any_moment_runs_ensure(void **state)
{
    (void)state;
    static const char *const moments[] = {
        "run:starting", "run:running", "a:running",       "a:succeeded",    "block:running",
        "b:running",    "c:running",   "each[1]:running", "sub/in:running", "d:running"};
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        plan_builder_step(rig.builder, TOP, "a", "sleep:2");
        uint32_t block = plan_builder_block(rig.builder, TOP, "block");
        plan_builder_step(rig.builder, block, "b", "sleep:5");
        plan_builder_step(rig.builder, block, "c", "sleep:9");
        uint32_t each = plan_builder_step(rig.builder, TOP, "each", "sleep:3");
        plan_builder_for_each(rig.builder, each, json_pack("[i,i]", 1, 2), NULL);
        plan_builder_call(rig.builder, TOP, "sub", 1);
        plan_builder_step(rig.builder, TOP, "d", "hang");
        plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "sleep:3");
        plan_builder_workflow(rig.builder, "sub");
        plan_builder_step(rig.builder, TOP, "in", "sleep:5");
        engine_rig_start(&rig, NULL);
        engine_rig_wait_for(&rig, moments[i]);
        wfe_engine_run_cancel(rig.run);
        const wfe_engine_result *result = engine_rig_wait(&rig);
        assert_int_equal(result->state, WFE_RUN_CANCELLED);
        assert_int_equal(result->error.kind, 0);
        ENDS("ensure", "succeeded", "d", "cancelled");
        engine_rig_done(&rig);
        engine_rig_init(&rig);
    }
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
}

static void cancel_at_event(engine_rig *r, const wfe_event *event)
{
    if (event->kind == WFE_EVENT_STEP)
        wfe_engine_run_cancel(r->run);
}

static void test_engine_failure__cancel_may_come_from_a_listener(void **state)
{
    (void)state;
    rig.on_event = cancel_at_event; /* the second event is a kill */
    plan_builder_step(rig.builder, TOP, "a", "hang");
    plan_builder_hook(rig.builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "hang");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_CANCELLED);
}

static void test_engine_failure__a_kill_reaches_what_does_not_listen(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_step(rig.builder, block, "a", "deaf");
    plan_builder_step(rig.builder, block, "b", "deaf");
    plan_builder_call(rig.builder, block, "sub", 1);
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "in", "deaf");
    engine_rig_start(&rig, NULL);
    engine_rig_wait_for(&rig, "sub/in:running");
    wfe_engine_run_cancel(rig.run);
    wfe_engine_run_cancel(rig.run);
    assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
    ENDS("a", "cancelled", "b", "cancelled", "sub/in", "cancelled", "block", "cancelled");
}

/* ---- the store ---- */

/* Acknowledges late, from the loop; fails at the n-th record when told to. */
typedef struct slow_recorder {
    wfe_recorder fns;
    wfe_recorded_fn acknowledged;
    void *user;
    wfe_timer *timer;
    uint64_t put, fail_at;
} slow_recorder;

static void slow_attach(wfe_recorder *recorder, wfe_recorded_fn acknowledged, void *user)
{
    slow_recorder *slow = (slow_recorder *)recorder;
    slow->acknowledged = acknowledged;
    slow->user = user;
}

static int slow_put(wfe_recorder *recorder, const wfe_record *record, wfe_error *err)
{
    slow_recorder *slow = (slow_recorder *)recorder;
    (void)err;
    assert_int_equal(record->seq, slow->put + 1);
    slow->put = record->seq;
    if (record->event->kind == WFE_EVENT_STEP &&
        record->event->step_state == WFE_STEP_IS_RUNNING) /* not begun before it is recorded */
        assert_int_equal(engine_rig_starts(&rig, record->event->step), record->event->attempt - 1);
    return 0;
}

static void slow_tick(void *user)
{
    slow_recorder *slow = user;
    wfe_error error = WFE_ERROR_INIT;
    if (slow->fail_at && slow->put >= slow->fail_at)
        wfe_error_set(&error, WFE_E_IO, "the disk is full");
    slow->acknowledged(slow->put, &error, slow->user);
    /* What belongs to no record may be told at any time, also before what was just recorded. */
    wfe_event line = {.kind = WFE_EVENT_WARNING, .text = "x", .text_len = 1};
    wfe_journal_tell(slow->user, &line);
}

static int slow_commit(wfe_recorder *recorder, wfe_error *err)
{
    (void)err;
    wfe_timer_start(((slow_recorder *)recorder)->timer, 2);
    return 0;
}

static void slow_free(wfe_recorder *recorder)
{
    wfe_timer_free(((slow_recorder *)recorder)->timer);
}

static slow_recorder slow;

static void use_slow_recorder(uint64_t fail_at)
{
    slow = (slow_recorder){
        .fns = {.attach = slow_attach, .put = slow_put, .commit = slow_commit, .free = slow_free},
        .fail_at = fail_at};
    assert_int_equal(wfe_timer_new(rig.loop, slow_tick, &slow, &slow.timer, NULL), 0);
    rig.options.recorder = &slow.fns;
}

static void build_ten_steps(void)
{
    plan_builder_step(rig.builder, TOP, "a", "out:x=1");
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "b%d", i);
        uint32_t step = plan_builder_step(rig.builder, block, name, "fail:1");
        plan_builder_retry(rig.builder, step, 1, 1);
    }
    uint32_t c = plan_builder_step(rig.builder, TOP, "c", "ok");
    plan_builder_hook(rig.builder, c, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "in", "ok");
}

static void test_engine_failure__nothing_starts_before_its_record_is_durable(void **state)
{
    (void)state;
    use_slow_recorder(0);
    build_ten_steps();
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(engine_rig_starts(&rig, "b3"), 2);
}

static uint64_t last_seq;

static void check_seq(engine_rig *r, const wfe_event *event)
{
    (void)r;
    assert_true(event->seq >= last_seq);
    last_seq = event->seq;
}

static void test_engine_failure__events_are_told_in_the_order_of_their_records(void **state)
{
    (void)state;
    use_slow_recorder(0);
    build_ten_steps();
    last_seq = 0;
    rig.on_event = check_seq;
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(last_seq, slow.put);
}

static void test_engine_failure__of_the_store_at_any_record_ends_the_run_cleanly(void **state)
{
    (void)state;
    uint64_t records = 0;
    for (uint64_t n = 1; !records || n <= records; n++) {
        use_slow_recorder(n);
        build_ten_steps();
        const wfe_engine_result *result = engine_rig_run(&rig, NULL);
        if (n == 1)
            records = 40; /* more than there are: the rest succeeds */
        if (result->state != WFE_RUN_SUCCEEDED) {
            assert_int_equal(result->state, WFE_RUN_FAILED);
            assert_string_equal(result->error.message, "the disk is full");
        }
        engine_rig_done(&rig);
        engine_rig_init(&rig);
    }
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_engine_failure__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(skips_what_needs_the_step_and_finishes_the_rest),
        CASE(allowed_is_as_good_as_success_to_others),
        CASE(of_a_child_is_allowed_by_its_block),
        CASE(fail_fast_of_a_block_cancels_the_siblings),
        CASE(fail_fast_of_the_workflow_cancels_all),
        CASE(fail_fast_of_for_each_cancels_the_other_items),
        CASE(terminate_ends_the_run_now),
        CASE(suspend_lets_finish_and_waits),
        CASE(suspend_in_a_call_suspends_the_run),
        CASE(compensate_undoes_newest_first),
        CASE(is_retried_as_often_as_allowed),
        CASE(is_final_after_the_last_retry),
        CASE(is_retried_only_for_the_causes_that_are_named),
        CASE(a_step_that_waits_for_its_retry_holds_no_slot),
        CASE(a_block_is_tried_again_as_a_whole),
        CASE(a_call_is_tried_again_as_a_whole),
        CASE(that_is_not_worth_a_retry_is_told_once),
        CASE(cancel_ends_a_wait_for_a_retry),
        CASE(a_timeout_counts_all_attempts_and_waits),
        CASE(the_time_of_the_run_ends_it),
        CASE(the_time_of_a_called_workflow_fails_the_call),
        CASE(cancel_at_any_moment_runs_ensure),
        CASE(cancel_may_come_from_a_listener),
        CASE(a_kill_reaches_what_does_not_listen),
        CASE(nothing_starts_before_its_record_is_durable),
        CASE(events_are_told_in_the_order_of_their_records),
        CASE(of_the_store_at_any_record_ends_the_run_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
