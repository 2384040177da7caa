/* SPDX-License-Identifier: Apache-2.0
 *
 * Random graphs against a small reference model: what a step needs has ended before it starts, each
 * step runs exactly as often as it should, and everything ends in the state that the model gives.
 * The number of a case is its seed.
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
#define MAX_STEPS 60
#define CASES 2000

enum outcome { SUCCEEDED, FAILED, SKIPPED_WHEN, SKIPPED_NEEDS };

typedef struct model_step {
    char name[8];
    uint32_t parent;
    bool is_block;
    bool fails;
    bool allowed;
    bool skipped;
    uint32_t retries;
    int hook; /* -1: none; 0: ensure that succeeds; 1: ensure that fails */
    uint32_t needs[4];
    uint32_t n_needs;
    enum outcome outcome;
    bool ran;
    bool hook_failed; /* or that of a child */
} model_step;

static engine_rig rig;
static model_step model[MAX_STEPS];
static uint32_t of_plan[MAX_STEPS]; /* index in the plan */
static uint32_t n_model;
static unsigned seed;

static unsigned pick(unsigned n)
{
    seed = seed * 1103515245U + 12345U;
    return (seed >> 16) % n;
}

/* ---- a graph ---- */

static void add_needs(model_step *step, uint32_t self)
{
    for (uint32_t k = pick(4); k > 0 && step->n_needs < 4; k--) {
        uint32_t other = pick(self ? self : 1);
        if (other < self && model[other].parent == step->parent)
            step->needs[step->n_needs++] = other;
    }
}

static void build(void)
{
    uint32_t block = TOP; /* in the model */
    n_model = 3 + pick(MAX_STEPS - 3);
    for (uint32_t i = 0; i < n_model; i++) {
        model_step *step = &model[i];
        *step = (model_step){.parent = block, .hook = -1};
        snprintf(step->name, sizeof step->name, "s%u", i);
        step->is_block = block == TOP && i + 1 < n_model && pick(6) == 0;
        step->fails = !step->is_block && pick(6) == 0;
        step->allowed = pick(5) == 0;
        step->skipped = pick(8) == 0;
        step->retries = !step->is_block && pick(4) == 0 ? 1 + pick(2) : 0;
        step->hook = pick(4) == 0 ? (int)(pick(4) == 0) : -1;
        add_needs(step, i);
        uint32_t parent = block == TOP ? TOP : of_plan[block];
        char script[32];
        snprintf(script, sizeof script, "%s%s", pick(3) ? "" : "sleep:1 ",
                 step->fails ? "fail" : "ok");
        of_plan[i] = step->is_block ? plan_builder_block(rig.builder, parent, step->name)
                                    : plan_builder_step(rig.builder, parent, step->name, script);
        plan_builder_needs_nothing(rig.builder, of_plan[i]);
        for (uint32_t k = 0; k < step->n_needs; k++)
            plan_builder_need(rig.builder, of_plan[i], of_plan[step->needs[k]]);
        if (step->retries)
            plan_builder_retry(rig.builder, of_plan[i], step->retries, 0);
        if (step->skipped)
            plan_builder_when(rig.builder, of_plan[i], ".inputs.never", WFE_PLAN_EQUALS,
                              json_true());
        plan_builder_at(rig.builder, of_plan[i])->allow_failure = step->allowed;
        if (step->is_block) {
            plan_builder_at(rig.builder, of_plan[i])->max_parallel = pick(4);
            block = i;
        } else if (step->hook >= 0) {
            char name[16];
            snprintf(name, sizeof name, "%s_hook", step->name);
            plan_builder_hook(rig.builder, of_plan[i], WFE_PLAN_ROLE_ENSURE, name,
                              step->hook ? "fail" : "ok");
        }
        if (block != TOP && block != i && pick(3) == 0)
            block = TOP;
    }
}

/* ---- what should become of it ---- */

static bool is_bad(const model_step *step)
{
    if (step->outcome == SKIPPED_NEEDS)
        return true;
    return step->outcome == FAILED && (!step->allowed || step->hook_failed);
}

static void decide(uint32_t index)
{
    model_step *step = &model[index];
    step->outcome = step->skipped ? SKIPPED_WHEN : SUCCEEDED;
    for (uint32_t k = 0; k < step->n_needs; k++)
        if (is_bad(&model[step->needs[k]]))
            step->outcome = SKIPPED_NEEDS;
    step->ran = step->outcome == SUCCEEDED;
    step->hook_failed = step->ran && !step->is_block && step->hook == 1;
    if (step->ran && !step->is_block && (step->fails || step->hook == 1))
        step->outcome = FAILED;
}

/* Children come after their block and before what needs it. */
static void decide_all(void)
{
    for (uint32_t i = 0; i < n_model; i++) {
        if (model[i].parent != TOP)
            continue;
        decide(i);
        for (uint32_t k = i + 1; model[i].is_block && model[i].ran && k < n_model; k++) {
            if (model[k].parent != i)
                continue;
            decide(k);
            model[i].hook_failed = model[i].hook_failed || model[k].hook_failed;
            if (model[k].outcome == FAILED && is_bad(&model[k]))
                model[i].outcome = FAILED;
        }
    }
}

static const char *expected(const model_step *step)
{
    static const char *const names[] = {"succeeded", "failed", "skipped", "skipped"};
    if (step->parent != TOP && !model[step->parent].ran)
        return ""; /* its block never began */
    return names[step->outcome];
}

static void check_order(const model_step *step)
{
    char running[24], ended[32];
    snprintf(running, sizeof running, "%s:running", step->name);
    for (uint32_t k = 0; k < step->n_needs; k++) {
        const model_step *need = &model[step->needs[k]];
        snprintf(ended, sizeof ended, "%s:%s", need->name, expected(need));
        if (engine_rig_when(&rig, ended) < 0 ||
            engine_rig_when(&rig, ended) > engine_rig_when(&rig, running))
            fail_msg("%s started before %s ended\n%s", step->name, need->name, rig.log);
    }
}

static void check(unsigned number, const wfe_engine_result *result)
{
    bool fails = false;
    for (uint32_t i = 0; i < n_model; i++) {
        const model_step *step = &model[i];
        bool began = *expected(step) && step->ran;
        int starts = !step->is_block && began ? 1 + (step->fails ? (int)step->retries : 0) : 0;
        if (strcmp(engine_rig_end(&rig, step->name), expected(step)) != 0)
            fail_msg("case %u: %s ended as '%s', must be '%s'\n%s", number, step->name,
                     engine_rig_end(&rig, step->name), expected(step), rig.log);
        if (engine_rig_starts(&rig, step->name) != starts)
            fail_msg("case %u: %s started %d times, must be %d\n%s", number, step->name,
                     engine_rig_starts(&rig, step->name), starts, rig.log);
        if (began)
            check_order(step);
        fails = fails || (step->parent == TOP && step->outcome == FAILED && is_bad(step));
    }
    if (result->state != (fails ? WFE_RUN_FAILED : WFE_RUN_SUCCEEDED))
        fail_msg("case %u: the run %s\n%s", number, wfe_run_state_name(result->state), rig.log);
    assert_int_equal(result->error.kind != 0, fails);
    assert_true(rig.most_running <= rig.options.jobs);
}

static void test_engine_random__graphs_end_as_the_model_says(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= CASES; number++) {
        seed = number;
        engine_rig_init(&rig);
        build();
        decide_all();
        rig.options.jobs = 1 + pick(8);
        check(number, engine_rig_run(&rig, NULL));
        engine_rig_done(&rig);
    }
}

/* Cancelled at a random moment, every step that began and has an ensure hook runs it. */
static void test_engine_random__cancelled_graphs_run_their_ensure_hooks(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= CASES / 10; number++) {
        seed = number;
        engine_rig_init(&rig);
        build();
        decide_all();
        engine_rig_start(&rig, NULL);
        for (unsigned i = pick(12); i > 0 && !rig.done; i--)
            wfe_loop_run_ready(rig.loop);
        wfe_engine_run_cancel(rig.run);
        engine_rig_wait(&rig);
        for (uint32_t i = 0; i < n_model; i++) {
            char hook[16];
            snprintf(hook, sizeof hook, "%s_hook", model[i].name);
            if (model[i].hook < 0 || model[i].is_block)
                continue;
            bool began = engine_rig_starts(&rig, model[i].name) > 0;
            if (began && engine_rig_starts(&rig, hook) != 1)
                fail_msg("case %u: %s ran without its ensure hook\n%s", number, model[i].name,
                         rig.log);
        }
        engine_rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_random__graphs_end_as_the_model_says),
        cmocka_unit_test(test_engine_random__cancelled_graphs_run_their_ensure_hooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
