/* SPDX-License-Identifier: Apache-2.0
 *
 * What is recorded of a run, as a table: rounds, attempts, outputs, what clocks do, records that
 * are none, and no memory.
 */
#include "engine/past.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/owner.h"
#include "fixtures/plan_builder.h"
#include "fixtures/wfe_assert.h"
#include "integration/failing_malloc.h"

#define TOP WFE_PLAN_NONE

static plan_builder *builder;
static const wfe_plan *plan;

static int set_up(void **state)
{
    (void)state;
    builder = plan_builder_new();
    plan_builder_workflow(builder, "main");
    plan_builder_step(builder, TOP, "a", "ok");
    uint32_t block = plan_builder_block(builder, TOP, "block");
    plan_builder_retry(builder, block, 3, 0);
    plan_builder_step(builder, block, "b", "ok");
    uint32_t each = plan_builder_step(builder, TOP, "each", "ok");
    plan_builder_for_each(builder, each, json_pack("[i,i]", 1, 2), NULL);
    plan_builder_call(builder, TOP, "call", 1);
    plan_builder_workflow(builder, "callee");
    plan_builder_step(builder, TOP, "a", "ok");
    plan = plan_builder_finish(builder, NULL);
    return failing_malloc_init();
}

static int tear_down(void **state)
{
    (void)state;
    plan_builder_free(builder);
    return 0;
}

static uint64_t seq;

static int add(wfe_past *past, const char *kind, const char *json, wfe_error *err)
{
    const wfe_store_event event = {
        .seq = ++seq, .at_us = (int64_t)seq * 1000000, .kind = kind, .event = json};
    return wfe_past_add_event(past, &event, err);
}

static wfe_past *new_past(void)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_past *past = NULL;
    seq = 0;
    assert_ok(wfe_past_new(plan, &past, &err), &err);
    return past;
}

#define ADD(kind, json) assert_ok(add(past, (kind), (json), &err), &err)
#define STEP(name, state, more) "{\"step\":\"" name "\",\"state\":\"" state "\"" more "}"

static void give(wfe_past *past, const char *step, unsigned attempt, const char *value)
{
    wfe_error err = WFE_ERROR_INIT;
    const wfe_store_output output = {.step = step, .name = "x", .value = value, .attempt = attempt};
    assert_ok(wfe_past_add_output(past, &output, &err), &err);
}

static void test_past__tells_what_counts_of_a_step(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_past *past = new_past();
    ADD("run", "{\"state\":\"starting\"}");
    ADD("run", "{\"state\":\"running\"}");
    ADD("step", STEP("a", "running", ",\"attempt\":1"));
    ADD("retry", "{\"step\":\"a\",\"cause\":\"oom\",\"delay_ms\":70,\"attempt\":1,"
                 "\"error\":{\"kind\":\"limit\",\"message\":\"no room\",\"hint\":\"more\"}}");
    const wfe_past_entry *a = wfe_past_find(past, "a");
    assert_int_equal(a->state, WFE_STEP_IS_SLEEPING);
    assert_int_equal(a->cause, WFE_PLAN_CAUSE_OOM);
    assert_int_equal(a->delay_ms, 70);
    assert_int_equal(a->error->kind, WFE_E_LIMIT);
    assert_string_equal(a->error->hint, "more");
    ADD("step", STEP("a", "running", ",\"attempt\":2"));
    assert_int_equal(a->tries, 2);
    assert_int_equal(a->began.wall_us, 3000000); /* of the round, not of the attempt */
    assert_int_equal(a->attempt_began.wall_us, 5000000);
    ADD("step", STEP("a", "hooks",
                     ",\"attempt\":2,\"outcome\":\"failed\",\"cause\":\"exit\","
                     "\"exit_code\":3"));
    ADD("step", STEP("a", "failed", ",\"attempt\":2,\"cause\":\"inner\",\"exit_code\":3"));
    assert_int_equal(a->outcome, WFE_STEP_IS_FAILED);
    assert_int_equal(a->cause, WFE_PLAN_CAUSE_EXIT);
    assert_int_equal(a->exit_code, 3);
    assert_int_equal(wfe_past_outputs_seq(a), 6);
    give(past, "a", 1, "\"old\"");
    give(past, "a", 2, "\"new\"");
    assert_string_equal(json_string_value(json_object_get(a->outputs, "x")), "new");
    assert_int_equal(past->last_seq, 7);
    wfe_past_free(past);
}

/* An interrupted run is under way while nobody has it, as its timeouts are; one that is over is
 * not. */
static void test_past__knows_how_long_a_run_was_under_way(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_past *past = new_past();
    ADD("run", "{\"state\":\"starting\"}");
    ADD("run", "{\"state\":\"running\"}");
    ADD("run", "{\"state\":\"running\",\"resumed\":true}");
    assert_int_equal(past->under_way.wall_us, 1000000);
    assert_int_equal(past->time_us, 0);
    ADD("run", "{\"state\":\"suspended\",\"elapsed_ms\":2500}");
    assert_int_equal(past->time_us, 2500000);
    ADD("run", "{\"state\":\"starting\",\"resumed\":true}");
    assert_int_equal(past->under_way.wall_us, 5000000);
    assert_int_equal(past->time_us, 2500000);
    ADD("run", "{\"state\":\"suspended\",\"elapsed_ms\":2600}");
    assert_ok(wfe_past_reopen(past, NULL, &err), &err);
    assert_int_equal(past->under_way.wall_us, 0);
    assert_int_equal(past->time_us, 2600000);
    wfe_past_free(past);
}

static void test_past__a_new_round_makes_what_is_below_void(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_past *past = new_past();
    ADD("run", "{\"state\":\"running\"}");
    ADD("step", STEP("block", "running", ",\"attempt\":1"));
    ADD("step", STEP("b", "running", ",\"attempt\":1,\"owner\":\"block\""));
    ADD("step", STEP("b", "failed", ",\"attempt\":1,\"owner\":\"block\",\"cause\":\"exit\""));
    ADD("retry", "{\"step\":\"block\",\"delay_ms\":1,\"attempt\":1}");
    const wfe_past_entry *b = wfe_past_find(past, "b");
    assert_int_equal(b->state, WFE_STEP_IS_PENDING);
    assert_int_equal(b->attempt, 1);
    assert_int_equal(past->n_old[1], 1);
    give(past, "b", 1, "7");
    assert_null(b->outputs); /* nobody sees it, but the data of the workflow have it */
    assert_int_equal(past->n_old_outputs, 1);
    assert_int_equal(past->old_outputs[0].seq, 4);
    assert_int_equal(json_integer_value(json_object_get(past->old_outputs[0].outputs, "x")), 7);
    wfe_past_free(past);
}

static void test_past__knows_steps_of_the_plan_by_their_paths(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_past *past = new_past();
    ADD("step", STEP("call", "running", ",\"attempt\":1"));
    ADD("step", STEP("call/a", "running", ",\"attempt\":1,\"owner\":\"call\""));
    ADD("step", STEP("each", "running", ",\"attempt\":1"));
    ADD("step", STEP("each[1]", "running", ",\"attempt\":1,\"owner\":\"each\""));
    ADD("step", STEP("gone", "succeeded", ""));
    const wfe_past_entry *in = wfe_past_find(past, "call/a"),
                         *item = wfe_past_find(past, "each[1]");
    assert_int_equal(plan->steps[in->plan_step].workflow, 1);
    assert_int_equal(in->prefix, 5);
    assert_true(item->is_item);
    assert_int_equal(item->plan_step, wfe_past_find(past, "each")->plan_step);
    assert_true(wfe_past_is_composite(past, wfe_past_find(past, "each")));
    assert_false(wfe_past_is_composite(past, item));
    assert_int_equal(wfe_past_find(past, "gone")->plan_step, WFE_PLAN_NONE);
    wfe_past_free(past);
}

static void test_past__clocks_that_jump_do_no_harm(void **state)
{
    (void)state;
    uint64_t boot_us = wfe_clock_boot_us();
    int64_t wall_us = wfe_clock_wall_us();
    const wfe_past_time set_forward = {.wall_us = 1, .boot_us = boot_us};
    const wfe_past_time set_back = {.wall_us = wall_us + 3600 * 1000000LL};
    const wfe_past_time rebooted = {.wall_us = wall_us - 3600 * 1000000LL};
    const wfe_past_time future = {.wall_us = wall_us, .boot_us = boot_us + 3600 * 1000000ULL};
    assert_true(wfe_past_left_ms(&set_forward, 60000) > 1000); /* the other clock counts */
    assert_int_equal(wfe_past_left_ms(&set_back, 60000), 60000);
    assert_int_equal(wfe_past_left_ms(&rebooted, 60000), 0);
    assert_int_equal(wfe_past_left_ms(&future, 60000), 60000);
}

static void test_past__a_boot_time_counts_within_its_boot(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    char owner[WFE_OWNER_TEXT_SIZE], run[256];
    wfe_owner_format(owner);
    wfe_past *past = new_past();
    ADD("run", "{\"state\":\"running\",\"by\":\"1:1:an-earlier-boot:1\",\"boot_us\":5}");
    ADD("step", STEP("a", "running", ",\"attempt\":1,\"boot_us\":7"));
    assert_int_equal(wfe_past_find(past, "a")->began.boot_us, 0);
    snprintf(run, sizeof run,
             "{\"state\":\"running\",\"resumed\":true,\"by\":\"%s\",\"boot_us\":5}", owner);
    ADD("run", run);
    ADD("step", STEP("call", "running", ",\"attempt\":1,\"boot_us\":7"));
    assert_int_equal(wfe_past_find(past, "call")->began.boot_us, 7);
    wfe_past_free(past);
}

static void test_past__what_is_no_record_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *json;
    } cases[] = {
        {"step", "{"},
        {"step", "{\"state\":\"running\"}"},
        {"step", "{\"step\":\"a\",\"state\":\"flying\"}"},
        {"run", "{\"state\":\"flying\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_past *past = new_past();
        assert_fails(add(past, cases[i].kind, cases[i].json, &err), WFE_E_INVALID, &err);
        wfe_past_free(past);
    }
}

/* ---- without memory ---- */

static int tell_story(wfe_error *err)
{
    static const char *const records[][2] = {
        {"run", "{\"state\":\"running\"}"},
        {"service", "{\"service\":\"db\",\"state\":\"ready\"}"},
        {"step", STEP("block", "running", ",\"attempt\":1")},
        {"step", STEP("b", "running", ",\"attempt\":1,\"owner\":\"block\"")},
        {"step", STEP("b", "failed",
                      ",\"attempt\":1,\"owner\":\"block\",\"cause\":\"exit\","
                      "\"error\":{\"kind\":\"limit\",\"message\":\"m\"}")},
        {"retry", "{\"step\":\"block\",\"delay_ms\":1,\"attempt\":1}"},
        {"step", STEP("block", "cancelled", ",\"attempt\":1")},
        {"run", "{\"state\":\"stopping\",\"reason\":\"timeout\"}"},
        {"run", "{\"state\":\"failed\"}"},
        {"run", "{\"state\":\"starting\",\"resumed\":true,\"from\":[\"block\"]}"},
    };
    _cleanup_(wfe_past_free_p) wfe_past *past = NULL;
    const wfe_store_output output = {.step = "b", .name = "x", .value = "1", .attempt = 1};
    seq = 0;
    int rc = wfe_past_new(plan, &past, err);
    for (size_t i = 0; !rc && i < sizeof records / sizeof *records; i++)
        rc = add(past, records[i][0], records[i][1], err);
    if (!rc)
        rc = wfe_past_add_output(past, &output, err);
    if (!rc)
        assert_non_null(past->again);
    return rc;
}

static void test_past__memory_that_runs_out_is_said_and_nothing_is_left(void **state)
{
    (void)state;
    unsigned long failed = 1, n = 0;
    wfe_error err = WFE_ERROR_INIT;
    failing_malloc_spares[0] = "libjansson";
    assert_ok(tell_story(&err), &err);
    while (failed && n < 1000) {
        err = (wfe_error)WFE_ERROR_INIT;
        failing_malloc_arm(++n, false);
        int rc = tell_story(&err);
        failed = failing_malloc_disarm();
        assert_true(!failed || rc == WFE_E_NOMEM);
        assert_int_equal(err.kind, rc);
    }
    failing_malloc_spares[0] = NULL;
    assert_true(n > 5 && !failed);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_past__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tells_what_counts_of_a_step),
        CASE(knows_how_long_a_run_was_under_way),
        CASE(a_new_round_makes_what_is_below_void),
        CASE(knows_steps_of_the_plan_by_their_paths),
        CASE(clocks_that_jump_do_no_harm),
        CASE(a_boot_time_counts_within_its_boot),
        CASE(what_is_no_record_is_refused),
        CASE(memory_that_runs_out_is_said_and_nothing_is_left),
    };
    return cmocka_run_group_tests_name("past", tests, NULL, NULL);
}
