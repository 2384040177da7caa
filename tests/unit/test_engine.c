/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of steps, what they see, what a run is made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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

static void assert_before(const char *first, const char *second)
{
    if (!engine_rig_has(&rig, first) || !engine_rig_has(&rig, second) ||
        engine_rig_when(&rig, first) > engine_rig_when(&rig, second))
        fail_msg("'%s' does not come before '%s':\n%s", first, second, rig.log);
}

static void test_engine__runs_a_sequence_in_order(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "out:x=1");
    plan_builder_step(rig.builder, TOP, "b", "see:x out:x=2 sleep:5");
    plan_builder_step(rig.builder, TOP, "c", "see:x");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.log, "run:starting\nrun:running\na:running\na:succeeded\nb:running\n"
                                 "b:succeeded\nc:running\nc:succeeded\nrun:succeeded\n");
    assert_string_equal(rig.seen, "b: x=\"1\"\nc: x=\"2\"\n");
    assert_string_equal(json_string_value(json_object_get(result->data, "x")), "2");
    assert_int_equal(result->n_succeeded, 3);
}

static void test_engine__children_of_a_block_run_at_the_same_time(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_step(rig.builder, block, "a", "sleep:20");
    plan_builder_step(rig.builder, block, "b", "sleep:20");
    plan_builder_step(rig.builder, block, "c", "sleep:20");
    plan_builder_step(rig.builder, TOP, "after", "ok");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(rig.most_running, 3);
    assert_before("block:running", "a:running");
    assert_before("c:running", "a:succeeded");
    assert_before("c:succeeded", "block:succeeded");
    assert_before("block:succeeded", "after:running");
}

static void test_engine__jobs_bounds_what_runs_at_once(void **state)
{
    (void)state;
    rig.options.jobs = 2;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    for (int i = 0; i < 20; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%d", i);
        plan_builder_step(rig.builder, block, name, "sleep:2");
    }
    assert_int_equal(engine_rig_run(&rig, NULL)->n_succeeded, 21);
    assert_int_equal(rig.most_running, 2);
}

static void test_engine__max_parallel_bounds_a_block(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_at(rig.builder, block)->max_parallel = 3;
    for (int i = 0; i < 12; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%d", i);
        plan_builder_step(rig.builder, block, name, i % 3 ? "sleep:2" : "fail sleep:1");
        if (i % 3 == 0)
            plan_builder_at(rig.builder, block + 1 + (uint32_t)i)->allow_failure = true;
    }
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(rig.most_running, 3);
}

static void test_engine__max_parallel_bounds_blocks_and_calls_in_a_block(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_at(rig.builder, block)->max_parallel = 1;
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "in%d", i);
        uint32_t inner = plan_builder_block(rig.builder, block, name);
        snprintf(name, sizeof name, "a%d", i);
        plan_builder_step(rig.builder, inner, name, "sleep:2");
        snprintf(name, sizeof name, "b%d", i);
        plan_builder_step(rig.builder, inner, name, "sleep:2");
    }
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(rig.most_running, 2); /* the two of one inner block */
}

static void test_engine__needs_make_a_graph(void **state)
{
    (void)state;
    uint32_t a = plan_builder_free_step(rig.builder, TOP, "a", "sleep:20 out:a=1");
    uint32_t b = plan_builder_free_step(rig.builder, TOP, "b", "out:b=1");
    uint32_t c = plan_builder_free_step(rig.builder, TOP, "c", "see:a see:b");
    uint32_t d = plan_builder_free_step(rig.builder, TOP, "d", "see:a see:b");
    plan_builder_need(rig.builder, c, a);
    plan_builder_need(rig.builder, c, b);
    plan_builder_need(rig.builder, d, b);
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_before("d:succeeded", "a:succeeded");
    assert_before("a:succeeded", "c:running");
    assert_string_equal(rig.seen, "d: a=-\nd: b=\"1\"\nc: a=\"1\"\nc: b=\"1\"\n");
}

static void test_engine__a_step_sees_only_what_it_waited_for(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_step(rig.builder, block, "quick", "out:k=quick");
    plan_builder_step(rig.builder, block, "slow", "sleep:20 out:own=slow");
    uint32_t late = plan_builder_step(rig.builder, block, "late", "see:k see:own see:in");
    plan_builder_need(rig.builder, late, block + 2);
    plan_builder_step(rig.builder, TOP, "after", "see:k see:own");
    engine_rig_run(&rig, json_pack("{ss}", "in", "put"));
    assert_string_equal(rig.seen, "late: k=-\nlate: own=\"slow\"\nlate: in=\"put\"\n"
                                  "after: k=\"quick\"\nafter: own=\"slow\"\n");
}

static void test_engine__the_output_of_the_step_that_ended_last_wins(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_step(rig.builder, block, "slow", "sleep:30 out:k=slow");
    plan_builder_step(rig.builder, block, "quick", "out:k=quick");
    plan_builder_step(rig.builder, TOP, "after", "see:k");
    const wfe_engine_result *result = engine_rig_run(&rig, json_pack("{ss}", "k", "input"));
    assert_string_equal(rig.seen, "after: k=\"slow\"\n");
    assert_string_equal(json_string_value(json_object_get(result->data, "k")), "slow");
}

static void test_engine__declared_outputs_have_their_type(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "out:n=42 out:t=42");
    plan_builder_output(rig.builder, a, "n", WFE_PLAN_INTEGER, "integer");
    plan_builder_step(rig.builder, TOP, "b", "see:n see:t");
    engine_rig_run(&rig, NULL);
    assert_string_equal(rig.seen, "b: n=42\nb: t=\"42\"\n");
}

static void test_engine__a_declared_output_that_is_missing_or_wrong_fails_the_step(void **state)
{
    (void)state;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    uint32_t a = plan_builder_step(rig.builder, block, "a", "out:other=1");
    plan_builder_output(rig.builder, a, "n", WFE_PLAN_INTEGER, "integer");
    uint32_t b = plan_builder_step(rig.builder, block, "b", "sleep:10 out:n=many");
    plan_builder_output(rig.builder, b, "n", WFE_PLAN_INTEGER, "integer");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, "a");
    assert_non_null(strstr(result->error.message, "step 'a': output 'n': is missing"));
    assert_int_equal(result->n_failures, 1);
    assert_string_equal(result->failures[0].step, "b");
    assert_non_null(strstr(result->failures[0].error.message, "output 'n'"));
}

static void test_engine__an_output_of_any_type_is_json(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "out:l=[1,2] out:t=\"x\" out:n=null");
    plan_builder_output(rig.builder, a, "l", WFE_PLAN_ANY, "any");
    plan_builder_output(rig.builder, a, "t", WFE_PLAN_ANY, "any");
    plan_builder_output(rig.builder, a, "n", WFE_PLAN_ANY, "any");
    plan_builder_step(rig.builder, TOP, "b", "see:l see:t see:n");
    uint32_t c = plan_builder_step(rig.builder, TOP, "c", "out:v=[1,2");
    plan_builder_output(rig.builder, c, "v", WFE_PLAN_ANY, "any");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_string_equal(rig.seen, "b: l=[1,2]\nb: t=\"x\"\nb: n=null\n");
    assert_string_equal(result->failed_step, "c");
    assert_non_null(strstr(result->error.message, "output 'v': must be JSON, found '[1,2'"));
}

static void test_engine__when_skips_and_what_needs_it_goes_on(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "ok");
    plan_builder_when(rig.builder, a, ".inputs.go", WFE_PLAN_EQUALS, json_string("yes"));
    uint32_t b = plan_builder_step(rig.builder, TOP, "b", "ok");
    plan_builder_when(rig.builder, b, ".inputs.go", WFE_PLAN_EQUALS, json_string("no"));
    const wfe_engine_result *result = engine_rig_run(&rig, json_pack("{ss}", "go", "no"));
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(engine_rig_end(&rig, "a"), "skipped");
    assert_string_equal(engine_rig_end(&rig, "b"), "succeeded");
    assert_int_equal(engine_rig_starts(&rig, "a"), 0);
    assert_int_equal(result->n_skipped, 1);
}

static void test_engine__for_each_gives_lists_in_the_order_of_the_items(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "out:v=x");
    plan_builder_for_each(rig.builder, each, json_pack("[s,s,s]", "p", "q", "r"), NULL);
    plan_builder_step(rig.builder, TOP, "after", "see:v");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.seen, "after: v=[\"x\",\"x\",\"x\"]\n");
    assert_string_equal(engine_rig_end(&rig, "each[2]"), "succeeded");
    assert_string_equal(engine_rig_end(&rig, "each"), "succeeded");
}

static void test_engine__for_each_reads_its_list_from_an_output(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "list", "out:targets=[1,2]");
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "ok");
    plan_builder_for_each(rig.builder, each, NULL, ".outputs.targets");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(engine_rig_starts(&rig, "each[0]"), 1);
    assert_int_equal(engine_rig_starts(&rig, "each[1]"), 1);
}

static uint32_t n_items_told;

static void keep_items(engine_rig *r, const wfe_event *event)
{
    (void)r;
    if (event->kind == WFE_EVENT_STEP && event->n_items) {
        assert_string_equal(event->step, "each");
        assert_int_equal(event->step_state, WFE_STEP_IS_RUNNING);
        json_t *json = wfe_event_json(event);
        assert_int_equal(json_integer_value(json_object_get(json, "items")), event->n_items);
        json_decref(json);
        n_items_told += event->n_items;
    }
}

static void test_engine__for_each_tells_how_many_items_it_has(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "ok");
    plan_builder_for_each(rig.builder, each, json_pack("[i,i,i]", 1, 2, 3), NULL);
    n_items_told = 0;
    rig.on_event = keep_items;
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(n_items_told, 3);
}

static void test_engine__for_each_is_skipped_before_its_list_is_looked_for(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "ok");
    plan_builder_for_each(rig.builder, each, NULL, ".outputs.targets");
    plan_builder_when(rig.builder, each, ".outputs.targets", WFE_PLAN_IS_NOT_NULL, NULL);
    plan_builder_step(rig.builder, TOP, "after", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(engine_rig_end(&rig, "each"), "skipped");
    assert_string_equal(engine_rig_end(&rig, "after"), "succeeded");
}

static void test_engine__for_each_of_nothing_succeeds(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "ok");
    plan_builder_for_each(rig.builder, each, json_array(), NULL);
    plan_builder_step(rig.builder, TOP, "after", "ok");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(engine_rig_end(&rig, "after"), "succeeded");
}

static void test_engine__for_each_of_what_is_no_list_fails(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "ok");
    plan_builder_for_each(rig.builder, each, NULL, ".inputs.n");
    const wfe_engine_result *result = engine_rig_run(&rig, json_pack("{si}", "n", 3));
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, "each");
    assert_non_null(strstr(result->error.message, "is no list"));
}

static void test_engine__for_each_has_a_limit_of_items(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "ok");
    plan_builder_for_each(rig.builder, each, json_pack("[i,i,i]", 1, 2, 3), NULL)->max_items = 2;
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_int_equal(result->error.kind, WFE_E_LIMIT);
}

static void test_engine__for_each_is_bounded_by_max_parallel_and_fails_with_an_item(void **state)
{
    (void)state;
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "sleep:3 fail");
    json_t *items = json_array();
    for (int i = 0; i < 9; i++)
        json_array_append_new(items, json_integer(i));
    plan_builder_for_each(rig.builder, each, items, NULL);
    plan_builder_at(rig.builder, each)->max_parallel = 2;
    plan_builder_step(rig.builder, TOP, "after", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_int_equal(rig.most_running, 2);
    assert_string_equal(result->failed_step, "each[0]");
    assert_string_equal(engine_rig_end(&rig, "each"), "failed");
    assert_string_equal(engine_rig_end(&rig, "after"), "skipped");
    assert_int_equal(result->n_failed, 10);
}

static void test_engine__a_call_has_data_of_its_own(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "before", "out:x=outer");
    uint32_t call = plan_builder_call(rig.builder, TOP, "deploy", 1);
    wfe_plan_argument *argument = plan_builder_alloc(rig.builder, sizeof *argument);
    *argument = (wfe_plan_argument){.name = "given", .path = ".outputs.x"};
    wfe_plan_call *config = plan_builder_alloc(rig.builder, sizeof *config);
    *config = (wfe_plan_call){.workflow = 1, .arguments = argument, .n_arguments = 1};
    plan_builder_at(rig.builder, call)->config.call = config;
    plan_builder_step(rig.builder, TOP, "after", "see:x see:y see:given");
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "one", "see:x see:given out:y=inner");
    plan_builder_step(rig.builder, TOP, "two", "see:y");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.seen, "deploy/one: x=-\ndeploy/one: given=\"outer\"\n"
                                  "deploy/two: y=\"inner\"\nafter: x=\"outer\"\n"
                                  "after: y=\"inner\"\nafter: given=-\n");
    assert_before("deploy:running", "deploy/one:running");
    assert_before("deploy/two:succeeded", "deploy:succeeded");
}

static void test_engine__a_call_without_arguments_gets_all_data(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "before", "out:x=outer");
    plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "one", "see:x see:in");
    assert_int_equal(engine_rig_run(&rig, json_pack("{si}", "in", 1))->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.seen, "sub/one: x=\"outer\"\nsub/one: in=1\n");
}

static void test_engine__a_call_whose_step_fails_has_failed(void **state)
{
    (void)state;
    plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_step(rig.builder, TOP, "after", "ok");
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "one", "fail");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, "sub/one");
    assert_int_equal(result->n_failures, 0);
    assert_string_equal(engine_rig_end(&rig, "sub"), "failed");
    assert_string_equal(engine_rig_end(&rig, "after"), "skipped");
}

static void test_engine__for_each_calls_a_workflow_once_for_each_item(void **state)
{
    (void)state;
    uint32_t call = plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_for_each(rig.builder, call, json_pack("[i,i]", 1, 2), NULL);
    plan_builder_step(rig.builder, TOP, "after", "see:v");
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "one", "out:v=y");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.seen, "after: v=[\"y\",\"y\"]\n");
    assert_string_equal(engine_rig_end(&rig, "sub[1]/one"), "succeeded");
}

static void test_engine__gives_lines_of_output(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "say:one say:two");
    engine_rig_run(&rig, NULL);
    assert_string_equal(rig.output, "a: one\na: two\n");
}

static void test_engine__an_output_that_is_too_long_fails_the_step(void **state)
{
    (void)state;
    size_t len = 1024 * 1024;
    char *script = malloc(len + 16);
    assert_non_null(script);
    memset(script, 'x', len + 15);
    memcpy(script, "out:k=", 6);
    script[len + 6 + 1] = '\0'; /* one byte too many */
    plan_builder_step(rig.builder, TOP, "a", script);
    free(script);
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_int_equal(result->error.kind, WFE_E_LIMIT);
}

static void test_engine__data_have_a_limit(void **state)
{
    (void)state;
    size_t len = 1024 * 1024;
    char *script = malloc(len + 8);
    assert_non_null(script);
    memset(script, 'x', len);
    for (int i = 0; i < 17; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%02d", i);
        memcpy(script, "out:", 4);
        memcpy(script + 4, name, 3);
        script[7] = '=';
        script[len] = '\0';
        plan_builder_step(rig.builder, TOP, name, script);
    }
    free(script);
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_string_equal(result->failed_step, "s16");
    assert_int_equal(result->error.kind, WFE_E_LIMIT);
}

static void test_engine__a_block_in_a_block_adds_its_outputs(void **state)
{
    (void)state;
    uint32_t outer = plan_builder_block(rig.builder, TOP, "outer");
    uint32_t inner = plan_builder_block(rig.builder, outer, "inner");
    plan_builder_step(rig.builder, inner, "a", "out:a=1");
    plan_builder_step(rig.builder, inner, "b", "out:b=2");
    uint32_t next = plan_builder_step(rig.builder, outer, "next", "see:a see:b out:c=3");
    plan_builder_need(rig.builder, next, inner);
    plan_builder_step(rig.builder, TOP, "after", "see:a see:b see:c");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.seen, "next: a=\"1\"\nnext: b=\"2\"\nafter: a=\"1\"\nafter: b=\"2\"\n"
                                  "after: c=\"3\"\n");
}

static void test_engine__declared_outputs_of_the_workflow_are_the_result(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "out:n=7 out:m=8");
    wfe_plan_field *field = plan_builder_alloc(rig.builder, sizeof *field);
    *field = (wfe_plan_field){.name = "n", .type = {.kind = WFE_PLAN_INTEGER, .text = "integer"}};
    plan_builder_workflow_at(rig.builder, 0)->outputs = field;
    plan_builder_workflow_at(rig.builder, 0)->n_outputs = 1;
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_SUCCEEDED);
    assert_int_equal(json_object_size(result->outputs), 1);
    assert_int_equal(json_integer_value(json_object_get(result->outputs, "n")), 7);
}

static void test_engine__a_declared_output_of_a_skipped_step_says_what_to_do(void **state)
{
    (void)state;
    uint32_t a = plan_builder_step(rig.builder, TOP, "a", "out:n=7");
    plan_builder_when(rig.builder, a, ".inputs.go", WFE_PLAN_IS_NOT_NULL, NULL);
    wfe_plan_field *field = plan_builder_alloc(rig.builder, sizeof *field);
    *field = (wfe_plan_field){.name = "n", .type = {.kind = WFE_PLAN_INTEGER, .text = "integer"}};
    plan_builder_workflow_at(rig.builder, 0)->outputs = field;
    plan_builder_workflow_at(rig.builder, 0)->n_outputs = 1;
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_non_null(strstr(result->error.message, "no step gave it"));
    assert_string_equal(result->error.hint, "if it may be missing, its type is integer?");
}

static void test_engine__a_plan_without_its_inputs_is_refused(void **state)
{
    (void)state;
    wfe_error error = WFE_ERROR_INIT;
    plan_builder_step(rig.builder, TOP, "a", "ok");
    wfe_plan plan = *plan_builder_finish(rig.builder, NULL);
    plan.complete = false;
    assert_int_equal(wfe_engine_run_new(rig.loop, &plan, &rig.options, &rig.run, &error),
                     WFE_E_INVALID);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_engine__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(runs_a_sequence_in_order),
        CASE(children_of_a_block_run_at_the_same_time),
        CASE(jobs_bounds_what_runs_at_once),
        CASE(max_parallel_bounds_a_block),
        CASE(max_parallel_bounds_blocks_and_calls_in_a_block),
        CASE(needs_make_a_graph),
        CASE(a_step_sees_only_what_it_waited_for),
        CASE(the_output_of_the_step_that_ended_last_wins),
        CASE(declared_outputs_have_their_type),
        CASE(a_declared_output_that_is_missing_or_wrong_fails_the_step),
        CASE(an_output_of_any_type_is_json),
        CASE(when_skips_and_what_needs_it_goes_on),
        CASE(for_each_gives_lists_in_the_order_of_the_items),
        CASE(for_each_reads_its_list_from_an_output),
        CASE(for_each_tells_how_many_items_it_has),
        CASE(for_each_is_skipped_before_its_list_is_looked_for),
        CASE(for_each_of_nothing_succeeds),
        CASE(for_each_of_what_is_no_list_fails),
        CASE(for_each_has_a_limit_of_items),
        CASE(for_each_is_bounded_by_max_parallel_and_fails_with_an_item),
        CASE(a_call_has_data_of_its_own),
        CASE(a_call_without_arguments_gets_all_data),
        CASE(a_call_whose_step_fails_has_failed),
        CASE(for_each_calls_a_workflow_once_for_each_item),
        CASE(gives_lines_of_output),
        CASE(an_output_that_is_too_long_fails_the_step),
        CASE(data_have_a_limit),
        CASE(a_block_in_a_block_adds_its_outputs),
        CASE(declared_outputs_of_the_workflow_are_the_result),
        CASE(a_declared_output_of_a_skipped_step_says_what_to_do),
        CASE(a_plan_without_its_inputs_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
