/* SPDX-License-Identifier: Apache-2.0
 *
 * A run in which every allocation fails in turn, alone and with all after it: it ends in any case,
 * whole or saying that there is no memory, and leaks nothing.
 */
#include "../integration/failing_malloc.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/context.h"
#include "engine/engine.h"
#include "engine/past.h"
#include "engine/step_type.h"
#include "fixtures/plan_builder.h"

#define TOP WFE_PLAN_NONE
#define LIMIT_S 60

/* ---- a type of step that prints, gives an output, and fails at its first attempt ---- */

struct wfe_attempt {
    const wfe_attempt_fns *fns;
    void *user;
    wfe_timer *timer;
    wfe_strmap outputs;
    bool fails;
    bool cancelled;
};

static void on_timer(void *user)
{
    wfe_attempt *attempt = user;
    wfe_attempt_end end = {.cause = WFE_PLAN_CAUSE_EXIT,
                           .cancelled = attempt->cancelled,
                           .outputs = &attempt->outputs};
    attempt->fns->output(WFE_STDOUT, "line one\nline", 13, attempt->user);
    if (attempt->fails && !attempt->cancelled)
        wfe_error_set(&end.error, WFE_E_CONFLICT, "scripted");
    attempt->fns->ended(&end, attempt->user);
}

static void free_attempt(wfe_attempt *attempt)
{
    wfe_timer_free(attempt->timer);
    wfe_strmap_done(&attempt->outputs);
    free(attempt);
}

static int start(const wfe_attempt_env *env, const wfe_attempt_fns *fns, void *user,
                 wfe_attempt **ret, wfe_error *err)
{
    wfe_attempt *attempt = calloc(1, sizeof *attempt);
    if (!attempt)
        return wfe_error_nomem(err);
    attempt->fns = fns;
    attempt->user = user;
    attempt->fails = env->attempt == 1 && strcmp(env->step->config.shell->run, "fail") == 0;
    int rc = wfe_timer_new(env->context->loop, on_timer, attempt, &attempt->timer, err);
    if (!rc)
        rc = wfe_strmap_set(&attempt->outputs, env->step->name, "value", err);
    if (rc) {
        free_attempt(attempt);
        return rc;
    }
    wfe_timer_start(attempt->timer, 0);
    *ret = attempt;
    return 0;
}

static void cancel(wfe_attempt *attempt, bool kill)
{
    (void)kill;
    attempt->cancelled = true;
}

static const wfe_step_type type = {
    .name = "test", .start = start, .cancel = cancel, .free = free_attempt};
static const wfe_step_type *const types[] = {&type, &type, NULL, NULL};

/* ---- the run ---- */

static wfe_loop *loop;
static plan_builder *builder;
static const wfe_plan *plan;
static char folder[] = "/tmp/wfe-engine-nomem-XXXXXX";

static void on_alarm(int signal_number)
{
    (void)signal_number;
    abort();
}

static void build(void)
{
    builder = plan_builder_new();
    plan_builder_workflow(builder, "main");
    uint32_t a = plan_builder_step(builder, TOP, "a", "fail");
    plan_builder_retry(builder, a, 1, 0);
    plan_builder_hook(builder, a, WFE_PLAN_ROLE_ENSURE, "a_ensure", "ok");
    uint32_t block = plan_builder_block(builder, TOP, "block");
    plan_builder_at(builder, block)->max_parallel = 1;
    plan_builder_step(builder, block, "b", "ok");
    plan_builder_step(builder, block, "c", "ok");
    uint32_t d = plan_builder_step(builder, TOP, "d", "fail");
    plan_builder_at(builder, d)->allow_failure = true;
    plan_builder_at(builder, d)->timeout_ms = 60000;
    uint32_t each = plan_builder_step(builder, TOP, "each", "ok");
    plan_builder_for_each(builder, each, json_pack("[i,i]", 1, 2), NULL);
    plan_builder_call(builder, TOP, "sub", 1);
    plan_builder_hook(builder, TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "ok");
    plan_builder_workflow(builder, "sub");
    plan_builder_step(builder, TOP, "in", "ok");
    plan = plan_builder_finish(builder, NULL);
}

static int set_up(void **state)
{
    (void)state;
    signal(SIGALRM, on_alarm);
    build();
    return failing_malloc_init() || !mkdtemp(folder) || wfe_loop_new(&loop, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    wfe_loop_free(loop);
    plan_builder_free(builder);
    return rmdir(folder);
}

static unsigned events;

static void on_event(const wfe_event *event, void *user)
{
    (void)event;
    (void)user;
    events++;
}

static void on_done(wfe_engine_run *run, void *user)
{
    (void)run;
    *(bool *)user = true;
}

/* What another process has recorded: the first step with its hook, and half of the
 * block. */
static wfe_past *past;

static void make_past(void)
{
    static const char *const records[][2] = {
        {"run", "{\"state\":\"starting\"}"},
        {"run", "{\"state\":\"running\"}"},
        {"step", "{\"step\":\"a\",\"state\":\"running\",\"attempt\":1}"},
        {"retry", "{\"step\":\"a\",\"attempt\":1,\"delay_ms\":0}"},
        {"step", "{\"step\":\"a\",\"state\":\"running\",\"attempt\":2}"},
        {"step", "{\"step\":\"a\",\"state\":\"hooks\",\"outcome\":\"succeeded\",\"attempt\":2}"},
        {"step", "{\"step\":\"a_ensure\",\"owner\":\"a\",\"state\":\"running\",\"attempt\":1}"},
        {"step", "{\"step\":\"a_ensure\",\"owner\":\"a\",\"state\":\"succeeded\",\"attempt\":1}"},
        {"step", "{\"step\":\"a\",\"state\":\"succeeded\",\"attempt\":2}"},
        {"step", "{\"step\":\"block\",\"state\":\"running\",\"attempt\":1}"},
        {"step", "{\"step\":\"b\",\"owner\":\"block\",\"state\":\"running\",\"attempt\":1}"},
        {"step", "{\"step\":\"b\",\"owner\":\"block\",\"state\":\"succeeded\",\"attempt\":1}"},
        {"step", "{\"step\":\"c\",\"owner\":\"block\",\"state\":\"running\",\"attempt\":1}"},
    };
    static const wfe_store_output outputs[] = {{"a", "a", "\"value\"", 2},
                                               {"a_ensure", "a_ensure", "\"value\"", 1},
                                               {"b", "b", "\"value\"", 1}};
    wfe_error error = WFE_ERROR_INIT;
    assert_int_equal(wfe_past_new(plan, &past, &error), 0);
    for (unsigned i = 0; i < sizeof records / sizeof *records; i++) {
        const wfe_store_event event = {
            .seq = i + 1, .at_us = i + 1, .kind = records[i][0], .event = records[i][1]};
        assert_int_equal(wfe_past_add_event(past, &event, &error), 0);
    }
    for (unsigned i = 0; i < sizeof outputs / sizeof *outputs; i++)
        assert_int_equal(wfe_past_add_output(past, &outputs[i], &error), 0);
}

static bool resumes;

static int run_once(wfe_error *err)
{
    bool done = false;
    wfe_engine_run *run = NULL;
    const wfe_engine_options options = {.jobs = 2,
                                        .tmp_dir = folder,
                                        .volume_dir = folder,
                                        .working_dir = folder,
                                        .on_event = on_event,
                                        .done = on_done,
                                        .done_user = &done,
                                        .past = past,
                                        .step_types = types};
    int rc = wfe_engine_run_new(loop, plan, &options, &run, err);
    if (!rc)
        past = NULL; /* the run's */
    if (!rc)
        rc = wfe_engine_run_start(run, err);
    if (!rc)
        rc = wfe_loop_run_until(loop, &done, err);
    if (!rc) {
        const wfe_engine_result *result = wfe_engine_run_result(run);
        assert_non_null(result);
        if (result->state == WFE_RUN_SUCCEEDED)
            assert_int_equal(json_object_size(result->data), 8);
        else
            rc = wfe_error_copy(err, &result->error);
    }
    wfe_engine_run_free(run);
    wfe_loop_run_ready(loop);
    return rc;
}

/* False when it never came to the n-th allocation. */
static bool attempt_run(unsigned long n, bool for_good)
{
    wfe_error error = WFE_ERROR_INIT;
    long live = failing.live;
    if (resumes)
        make_past();
    alarm(LIMIT_S);
    failing_malloc_arm(n, for_good);
    int rc = run_once(&error);
    unsigned long failed = failing_malloc_disarm();
    alarm(0);
    wfe_past_free(past);
    past = NULL;
    if (rc && (rc != WFE_E_NOMEM || !failed))
        fail_msg("allocation %lu: %d %s", n, rc, error.message);
    if (failing.live != live)
        fail_msg("allocation %lu: %ld blocks leaked", n, failing.live - live);
    return failed > 0;
}

static void try_every(bool for_good)
{
    unsigned long n = 1;
    assert_false(attempt_run(0, false)); /* what is made once */
    while (attempt_run(n, for_good))
        n++;
    assert_true(n > 100);
    assert_true(events > 0);
    print_message("%lu allocations\n", n - 1);
}

static void test_engine_nomem__each_allocation_may_fail(void **state)
{
    (void)state;
    try_every(false);
}

static void test_engine_nomem__all_allocations_may_fail_from_any_moment(void **state)
{
    (void)state;
    try_every(true);
}

static void test_engine_nomem__each_allocation_of_a_run_that_goes_on_may_fail(void **state)
{
    (void)state;
    resumes = true;
    try_every(false);
    try_every(true);
    resumes = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_nomem__each_allocation_may_fail),
        cmocka_unit_test(test_engine_nomem__all_allocations_may_fail_from_any_moment),
        cmocka_unit_test(test_engine_nomem__each_allocation_of_a_run_that_goes_on_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
