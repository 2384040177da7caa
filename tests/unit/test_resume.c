/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs that end in the middle, as a kill does, and go on in another engine: whatever the last
 * record was, the end is that of a run that was let alone, each end is recorded once, and what
 * succeeded does not start again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/past.h"
#include "engine/record_row.h"
#include "fixtures/engine_rig.h"
#include "fixtures/wfe_assert.h"
#include "store/memory.h"

#define TOP WFE_PLAN_NONE
#define RUN "0c5dd9d4-0000-4000-8000-000000000001"
#define NEVER UINT64_MAX
#define CASES 24

/* ---- a recorder that stops ---- */

static bool is_cut;

typedef struct cut_recorder {
    wfe_recorder fns;
    wfe_store *store; /* borrowed */
    uint64_t lease;
    uint64_t last; /* the last record that is kept */
    uint64_t put;
    wfe_recorded_fn acknowledged;
    void *user;
} cut_recorder;

static void attach(wfe_recorder *fns, wfe_recorded_fn acknowledged, void *user)
{
    cut_recorder *recorder = (cut_recorder *)fns;
    recorder->acknowledged = acknowledged;
    recorder->user = user;
}

static int put(wfe_recorder *fns, const wfe_record *record, wfe_error *err)
{
    cut_recorder *recorder = (cut_recorder *)fns;
    wfe_record_row *row = NULL;
    if (record->seq > recorder->last) {
        is_cut = true;
        return 0;
    }
    assert_int_equal(wfe_record_row_new(record, RUN, 0, &row, err), 0);
    assert_ok(
        recorder->store->record(recorder->store, RUN, recorder->lease, &row->transition, 1, err),
        err);
    wfe_record_row_free(row);
    recorder->put = record->seq;
    return 0;
}

static int commit(wfe_recorder *fns, wfe_error *err)
{
    cut_recorder *recorder = (cut_recorder *)fns;
    wfe_error none = WFE_ERROR_INIT;
    recorder->acknowledged(recorder->put, &none, recorder->user);
    if (is_cut)
        return wfe_error_set(err, WFE_E_IO, "killed");
    return 0;
}

static void free_recorder(wfe_recorder *fns)
{
    free(fns);
}

/* ---- runs ---- */

static engine_rig rig;
static unsigned seed;
static wfe_store *store;
static uint64_t cut_after;
static json_t *from; /* of a reopened run */
static bool reopens;

static unsigned pick(unsigned n)
{
    seed = seed * 1103515245U + 12345U;
    return (seed >> 16) % n;
}

static void make_store(void)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made;
    assert_ok(wfe_store_memory_open(&store, &err), &err);
    const wfe_store_new_run run = {.id = RUN,
                                   .workflow = "main",
                                   .state = "starting",
                                   .hash = "sha256:00",
                                   .definition = "{}",
                                   .definition_len = 2,
                                   .inputs = "{}",
                                   .options = "{}"};
    assert_ok(store->create_run(store, &run, &made, &err), &err);
}

/* Each run is another owner. */
static void on_plan(engine_rig *r, const wfe_plan *plan)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_past *past = NULL;
    cut_recorder *recorder = calloc(1, sizeof *recorder);
    assert_non_null(recorder);
    recorder->fns =
        (wfe_recorder){.attach = attach, .put = put, .commit = commit, .free = free_recorder};
    recorder->store = store;
    recorder->last = cut_after;
    assert_ok(store->claim(store, RUN, "me", 0, true, &recorder->lease, &err), &err);
    assert_ok(wfe_past_load(store, RUN, plan, &past, &err), &err);
    recorder->put = past->last_seq;
    if (reopens)
        assert_ok(wfe_past_reopen(past, from, &err), &err);
    if (past->last_seq) {
        r->options.past = past;
    } else {
        wfe_past_free(past);
    }
    r->options.recorder = &recorder->fns;
    r->options.run_id = RUN;
}

/* What a run comes to, as a text that can be compared. */
typedef struct outcome {
    char *text;
    uint64_t last_seq;
} outcome;

static int count_end(const wfe_store_event *event, void *user)
{
    json_t *json = json_loads(event->event, 0, NULL);
    const char *state = json_string_value(json_object_get(json, "state"));
    const char *step = json_string_value(json_object_get(json, "step"));
    if (step && state &&
        (!strcmp(state, "succeeded") || !strcmp(state, "failed") || !strcmp(state, "skipped") ||
         !strcmp(state, "cancelled"))) {
        json_t *list = json_object_get(user, step);
        if (!list)
            json_object_set_new(user, step, list = json_array());
        json_array_append_new(list, json_string(state));
    }
    json_decref(json);
    return 0;
}

static int take_seq(const wfe_store_run *run, void *user)
{
    *(uint64_t *)user = run->last_seq;
    return 0;
}

/* "succeeded", as `wfe show` has it. */
static int add_row(const wfe_store_step *step, void *user)
{
    return json_object_set_new(user, step->path, json_string(step->state));
}

static json_t *rows(void)
{
    wfe_error err = WFE_ERROR_INIT;
    json_t *found = json_object();
    assert_ok(store->steps(store, RUN, add_row, found, &err), &err);
    return found;
}

static outcome outcome_of(const wfe_engine_result *result)
{
    wfe_error err = WFE_ERROR_INIT;
    outcome o = {0};
    json_t *ends = json_object();
    assert_ok(store->events(store, RUN, 0, 0, count_end, ends, &err), &err);
    assert_ok(store->find(store, RUN, take_seq, &o.last_seq, &err), &err);
    json_t *json =
        json_pack("{ss s[iiii] ss? si ss so so sO?}", "state", wfe_run_state_name(result->state),
                  "counts", (int)result->n_succeeded, (int)result->n_failed, (int)result->n_skipped,
                  (int)result->n_cancelled, "failed", result->failed_step, "failures",
                  (int)result->n_failures, "error", result->error.message, "ends", ends, "rows",
                  rows(), "data", (json_t *)(uintptr_t)result->data);
    assert_non_null(json);
    o.text = json_dumps(json, JSON_SORT_KEYS | JSON_INDENT(1));
    json_decref(json);
    return o;
}

typedef void (*build_fn)(void);

/* Runs until the record, or to the end: NEVER. */
static outcome run(build_fn build, unsigned number, uint64_t last, bool *ret_broken)
{
    seed = number;
    engine_rig_init(&rig);
    rig.rounds = true;
    rig.on_plan = on_plan;
    cut_after = last;
    is_cut = false;
    build();
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    *ret_broken = is_cut;
    /* Also when it was the record of the end that could not be made. */
    assert_int_equal(result->broken, is_cut);
    assert_int_equal(result->interrupted, is_cut && rig.options.durable);
    outcome o = {0};
    if (!*ret_broken)
        o = outcome_of(result);
    return o;
}

static void check_every_cut(build_fn build, unsigned number, unsigned stride)
{
    bool broken = false;
    make_store();
    outcome whole = run(build, number, NEVER, &broken);
    assert_false(broken);
    engine_rig_done(&rig);
    wfe_store_close(store);
    for (uint64_t n = 1 + number % stride; n < whole.last_seq; n += stride) {
        make_store();
        outcome o = {0};
        unsigned kills = 0;
        /* Killed again after some more records, until it gets through. */
        for (uint64_t last = n;; last += 1 + (n + kills) % 7) {
            o = run(build, number, kills < 3 ? last : NEVER, &broken);
            if (!broken)
                break;
            kills++;
            engine_rig_done(&rig);
        }
        if (strcmp(o.text, whole.text) != 0) {
            /* fail_msg cuts long texts. */
            fprintf(stderr, "%s\nmust be\n%s\nthe log:\n%s\n", o.text, whole.text, rig.log);
            fail_msg("case %u, killed after record %u (%u times)", number, (unsigned)n, kills);
        }
        assert_true(rig.most_running <= 64);
        free(o.text);
        engine_rig_done(&rig);
        wfe_store_close(store);
    }
    free(whole.text);
}

/* ---- plans ---- */

static void build_chain(void)
{
    plan_builder_step(rig.builder, TOP, "a", "out:x=1 out:a=1");
    plan_builder_step(rig.builder, TOP, "b", "fail:1 out:x=2 see:x");
    plan_builder_retry(rig.builder, 1, 2, 0);
    uint32_t c = plan_builder_step(rig.builder, TOP, "c", "see:x out:c=3");
    plan_builder_hook(rig.builder, c, WFE_PLAN_ROLE_ON_SUCCESS, "c_good", "out:x=4");
    plan_builder_hook(rig.builder, c, WFE_PLAN_ROLE_ENSURE, "c_ensure", "see:x");
    plan_builder_step(rig.builder, TOP, "d", "see:x fail");
    plan_builder_step(rig.builder, TOP, "e", "ok");
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ON_FAILURE, "bad", "out:bad=1");
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ENSURE, "all", "fail");
}

static void test_resume__of_a_chain_at_every_record(void **state)
{
    (void)state;
    check_every_cut(build_chain, 1, 1);
}

/* A step of a random kind; what is random about it must not depend on time. */
static void add_leaf(uint32_t parent, const char *name)
{
    char script[96], hook[24];
    unsigned kind = pick(8);
    snprintf(script, sizeof script, "%s%s out:%s=%u%s", pick(3) ? "" : "sleep:1 ",
             kind == 0   ? "fail"
             : kind == 1 ? "fail:1"
                         : "ok",
             name, pick(100), "");
    uint32_t step = plan_builder_step(rig.builder, parent, name, script);
    if (kind == 1 || pick(5) == 0)
        plan_builder_retry(rig.builder, step, 1 + pick(2), 0);
    plan_builder_at(rig.builder, step)->allow_failure = pick(3) == 0;
    if (pick(9) == 0)
        plan_builder_when(rig.builder, step, ".inputs.never", WFE_PLAN_EQUALS, json_true());
    if (pick(3) == 0) {
        snprintf(hook, sizeof hook, "%s_hook", name);
        snprintf(script, sizeof script, "out:%s=1 %s", hook, pick(8) ? "ok" : "fail");
        plan_builder_hook(rig.builder, step,
                          pick(2) ? WFE_PLAN_ROLE_ENSURE : WFE_PLAN_ROLE_ON_FAILURE, hook, script);
    }
}

static void add_each(uint32_t parent, const char *name)
{
    json_t *items = json_array();
    for (unsigned i = pick(4); i > 0; i--)
        json_array_append_new(items, json_integer(i));
    char script[32];
    snprintf(script, sizeof script, "out:%s=1 %s", name, pick(4) ? "ok" : "fail:1");
    uint32_t step = plan_builder_step(rig.builder, parent, name, script);
    if (pick(2))
        plan_builder_retry(rig.builder, step, 1, 0);
    plan_builder_at(rig.builder, step)->max_parallel = pick(3);
    plan_builder_for_each(rig.builder, step, items, NULL);
}

static void add_block(uint32_t parent, const char *name)
{
    uint32_t block = plan_builder_block(rig.builder, parent, name);
    plan_builder_at(rig.builder, block)->allow_failure = pick(3) == 0;
    plan_builder_at(rig.builder, block)->max_parallel = pick(3);
    if (pick(2))
        plan_builder_retry(rig.builder, block, 1, 0);
    for (unsigned i = 0, n = 1 + pick(4); i < n; i++) {
        char child[16];
        snprintf(child, sizeof child, "%s_%u", name, i);
        if (pick(5) == 0)
            add_each(block, child);
        else
            add_leaf(block, child);
    }
}

/* Half of the steps need the one before them, the others nothing. */
static void add_steps(unsigned n, const char *prefix, uint32_t callee)
{
    for (unsigned i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s%u", prefix, i);
        switch (pick(7)) {
        case 0:
        case 1:
            add_block(TOP, name);
            break;
        case 2:
            add_each(TOP, name);
            break;
        case 3:
            if (callee != WFE_PLAN_NONE) {
                uint32_t call = plan_builder_call(rig.builder, TOP, name, callee);
                if (pick(2))
                    plan_builder_retry(rig.builder, call, 1, 0);
                plan_builder_at(rig.builder, call)->allow_failure = pick(2);
                break;
            }
            add_leaf(TOP, name);
            break;
        default:
            add_leaf(TOP, name);
        }
    }
}

static void build_random(void)
{
    add_steps(3 + pick(8), "s", 1);
    if (pick(2))
        plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ENSURE, "ensure", "out:e=1");
    if (pick(2))
        plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ON_FAILURE, "bad", "out:b=1");
    plan_builder_workflow(rig.builder, "callee");
    add_steps(1 + pick(4), "c", WFE_PLAN_NONE);
    rig.options.jobs = 1 + pick(4);
}

static void test_resume__of_random_plans_at_every_record(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= CASES; number++)
        check_every_cut(build_random, number, 3);
}

/* What fails stops others, in ways that depend on order. */
static void build_failing(void)
{
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_at(rig.builder, block)->fail_fast = true;
    plan_builder_at(rig.builder, block)->allow_failure = true;
    uint32_t a = plan_builder_free_step(rig.builder, block, "a", "sleep:5 fail");
    plan_builder_hook(rig.builder, a, WFE_PLAN_ROLE_ON_FAILURE, "a_mend", "out:mend=1");
    uint32_t b = plan_builder_free_step(rig.builder, block, "b", "hang");
    plan_builder_hook(rig.builder, b, WFE_PLAN_ROLE_ENSURE, "b_ensure", "out:ensured=1");
    uint32_t c = plan_builder_step(rig.builder, TOP, "c", "out:c=1");
    plan_builder_hook(rig.builder, c, WFE_PLAN_ROLE_ON_FAILURE, "c_undo", "out:undone=c");
    uint32_t d = plan_builder_step(rig.builder, TOP, "d", "out:d=1");
    plan_builder_hook(rig.builder, d, WFE_PLAN_ROLE_ON_FAILURE, "d_undo", "out:undone=d");
    uint32_t slow = plan_builder_step(rig.builder, TOP, "slow", "hang");
    plan_builder_at(rig.builder, slow)->timeout_ms = 20;
    plan_builder_at(rig.builder, slow)->allow_failure = true;
    uint32_t e = plan_builder_step(rig.builder, TOP, "e", "fail");
    plan_builder_at(rig.builder, e)->on_error = WFE_PLAN_ERROR_COMPENSATE;
    plan_builder_step(rig.builder, TOP, "f", "ok");
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ENSURE, "last", "ok");
}

static void build_suspending(void)
{
    plan_builder_step(rig.builder, TOP, "a", "out:a=1");
    uint32_t b = plan_builder_free_step(rig.builder, TOP, "b", "sleep:2 fail");
    plan_builder_at(rig.builder, b)->on_error = WFE_PLAN_ERROR_SUSPEND;
    plan_builder_free_step(rig.builder, TOP, "c", "sleep:10 out:c=1");
    plan_builder_call(rig.builder, TOP, "call", 1);
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ENSURE, "last", "ok");
    plan_builder_workflow(rig.builder, "callee");
    plan_builder_step(rig.builder, TOP, "x", "ok");
}

static void build_terminating(void)
{
    plan_builder_free_step(rig.builder, TOP, "a", "out:a=1");
    uint32_t b = plan_builder_free_step(rig.builder, TOP, "b", "hang");
    plan_builder_hook(rig.builder, b, WFE_PLAN_ROLE_ENSURE, "b_ensure", "out:ensured=1");
    uint32_t c = plan_builder_free_step(rig.builder, TOP, "c", "sleep:5 fail");
    plan_builder_at(rig.builder, c)->on_error = WFE_PLAN_ERROR_TERMINATE;
    plan_builder_step(rig.builder, TOP, "d", "ok");
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ON_FAILURE, "bad", "ok");
}

static void build_timed(void)
{
    plan_builder_free_step(rig.builder, TOP, "a", "out:a=1");
    uint32_t b = plan_builder_step(rig.builder, TOP, "b", "hang");
    plan_builder_hook(rig.builder, b, WFE_PLAN_ROLE_ENSURE, "b_ensure", "sleep:5 out:ensured=1");
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ON_FAILURE, "bad", "ok");
    plan_builder_workflow_at(rig.builder, 0)->timeout_ms = 600;
}

static void test_resume__of_failures_that_stop_others_at_every_record(void **state)
{
    (void)state;
    check_every_cut(build_failing, 1, 1);
    check_every_cut(build_suspending, 1, 1);
    check_every_cut(build_terminating, 1, 1);
    check_every_cut(build_timed, 1, 1);
}

/* ---- cancelled ---- */

static void on_event_cancel(engine_rig *r, const wfe_event *event)
{
    if (event->kind == WFE_EVENT_STEP && strcmp(event->step, "b") == 0 &&
        event->step_state == WFE_STEP_IS_RUNNING && !event->recorded)
        wfe_engine_run_cancel(r->run);
}

static void build_cancelled(void)
{
    plan_builder_step(rig.builder, TOP, "a", "out:a=1");
    uint32_t b = plan_builder_step(rig.builder, TOP, "b", "hang");
    plan_builder_hook(rig.builder, b, WFE_PLAN_ROLE_ON_FAILURE, "b_mend", "ok");
    plan_builder_hook(rig.builder, b, WFE_PLAN_ROLE_ENSURE, "b_ensure", "sleep:2 out:ensured=1");
    plan_builder_step(rig.builder, TOP, "c", "ok");
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ENSURE, "last", "out:l=1");
    rig.on_event = on_event_cancel;
}

/* It was cancelled by the process that was killed, and nobody asks again: b's start is recorded
 * before that, and the wish is the record after it. */
static void test_resume__of_a_cancelled_run_goes_on_cancelling(void **state)
{
    (void)state;
    make_store();
    bool broken = false;
    outcome whole = run(build_cancelled, 1, NEVER, &broken);
    assert_int_equal(wfe_engine_run_result(rig.run)->state, WFE_RUN_CANCELLED);
    engine_rig_done(&rig);
    wfe_store_close(store);
    /* starting, running, a running, a succeeded, b running, stopping */
    for (uint64_t n = 6; n < whole.last_seq; n++) {
        make_store();
        run(build_cancelled, 1, n, &broken);
        assert_true(broken);
        engine_rig_done(&rig);
        outcome o = run(build_cancelled, 1, NEVER, &broken);
        assert_false(broken);
        assert_string_equal(o.text, whole.text);
        free(o.text);
        engine_rig_done(&rig);
        wfe_store_close(store);
    }
    free(whole.text);
}

/* ---- runs that are over ---- */

static void set_up_reopened(build_fn build)
{
    bool broken = false;
    make_store();
    reopens = false;
    free(run(build, 1, NEVER, &broken).text);
    assert_false(broken);
    engine_rig_done(&rig);
    reopens = true;
}

/* What starts when it goes on, and how it ends. */
static void check_reopened(build_fn build, const char *step, const char *starts, const char *state)
{
    bool broken = false;
    char *text;
    from = step ? json_pack("[s]", step) : NULL;
    free(run(build, 1, NEVER, &broken).text);
    text = json_dumps(rig.starts, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, starts);
    assert_string_equal(wfe_run_state_name(wfe_engine_run_result(rig.run)->state), state);
    free(text);
    json_decref(from);
    from = NULL;
    engine_rig_done(&rig);
}

static void tear_down_reopened(void)
{
    reopens = false;
    wfe_store_close(store);
}

/* The first attempt fails, whatever the round; the next one is a new round's. */
static void build_twice(void)
{
    plan_builder_step(rig.builder, TOP, "a", "out:a=1");
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_free_step(rig.builder, block, "b", "out:b=1");
    uint32_t c = plan_builder_free_step(rig.builder, block, "c", "fail:1");
    plan_builder_hook(rig.builder, c, WFE_PLAN_ROLE_ENSURE, "c_ensure", "ok");
    uint32_t d = plan_builder_step(rig.builder, TOP, "d", "see:b");
    plan_builder_hook(rig.builder, d, WFE_PLAN_ROLE_ON_SUCCESS, "d_good", "ok");
    plan_builder_call(rig.builder, TOP, "call", 1);
    plan_builder_hook(rig.builder, WFE_PLAN_NONE, WFE_PLAN_ROLE_ENSURE, "last", "ok");
    plan_builder_workflow(rig.builder, "callee");
    uint32_t x = plan_builder_step(rig.builder, TOP, "x", "ok");
    plan_builder_for_each(rig.builder, x, json_pack("[i,i]", 1, 2), NULL);
    plan_builder_step(rig.builder, TOP, "y", "fail:1");
}

static void test_resume__what_failed_runs_again_after_an_end(void **state)
{
    (void)state;
    set_up_reopened(build_twice);
    check_reopened(build_twice, NULL,
                   "{\"c\":1,\"c_ensure\":1,\"call/x[0]\":1,\"call/x[1]\":1,\"call/y\":1,"
                   "\"d\":1,\"d_good\":1,\"last\":1}",
                   "failed");
    check_reopened(build_twice, NULL, "{\"call/y\":1,\"last\":1}", "succeeded");
    tear_down_reopened();
}

static void check_rows(const char *expected)
{
    json_t *found = rows();
    char *text = json_dumps(found, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(found);
}

/* Of a step, and of children of a block, a for_each and a call that begin again. */
static void test_resume__what_is_stored_of_what_stays_stays(void **state)
{
    (void)state;
    set_up_reopened(build_twice);
    check_reopened(build_twice, NULL,
                   "{\"c\":1,\"c_ensure\":1,\"call/x[0]\":1,\"call/x[1]\":1,\"call/y\":1,"
                   "\"d\":1,\"d_good\":1,\"last\":1}",
                   "failed");
    check_rows("{\"a\":\"succeeded\",\"b\":\"succeeded\",\"block\":\"succeeded\","
               "\"c\":\"succeeded\",\"c_ensure\":\"succeeded\",\"call\":\"failed\","
               "\"call/x\":\"succeeded\",\"call/x[0]\":\"succeeded\","
               "\"call/x[1]\":\"succeeded\",\"call/y\":\"failed\",\"d\":\"succeeded\","
               "\"d_good\":\"succeeded\",\"last\":\"succeeded\"}");
    /* Of for_each one item runs again. */
    check_reopened(build_twice, "call/x[1]", "{\"call/x[1]\":1,\"call/y\":1,\"last\":1}",
                   "succeeded");
    check_rows("{\"a\":\"succeeded\",\"b\":\"succeeded\",\"block\":\"succeeded\","
               "\"c\":\"succeeded\",\"c_ensure\":\"succeeded\",\"call\":\"succeeded\","
               "\"call/x\":\"succeeded\",\"call/x[0]\":\"succeeded\","
               "\"call/x[1]\":\"succeeded\",\"call/y\":\"succeeded\","
               "\"d\":\"succeeded\",\"d_good\":\"succeeded\",\"last\":\"succeeded\"}");
    tear_down_reopened();
}

static void test_resume__from_a_step_on(void **state)
{
    (void)state;
    set_up_reopened(build_twice);
    check_reopened(build_twice, NULL,
                   "{\"c\":1,\"c_ensure\":1,\"call/x[0]\":1,\"call/x[1]\":1,\"call/y\":1,"
                   "\"d\":1,\"d_good\":1,\"last\":1}",
                   "failed");
    check_reopened(build_twice, "d",
                   "{\"call/x[0]\":1,\"call/x[1]\":1,\"call/y\":1,\"d\":1,\"d_good\":1,"
                   "\"last\":1}",
                   "succeeded");
    check_reopened(build_twice, "call/y", "{\"call/y\":1,\"last\":1}", "succeeded");
    check_reopened(build_twice, "call/x[1]", "{\"call/x[1]\":1,\"call/y\":1,\"last\":1}",
                   "succeeded");
    check_reopened(build_twice, "b",
                   "{\"b\":1,\"call/x[0]\":1,\"call/x[1]\":1,\"call/y\":1,\"d\":1,"
                   "\"d_good\":1,\"last\":1}",
                   "succeeded");
    check_reopened(build_twice, NULL, "{\"last\":1}", "succeeded");
    tear_down_reopened();
}

static void test_resume__from_what_is_no_step_is_refused(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    set_up_reopened(build_twice);
    reopens = false;
    engine_rig_init(&rig);
    build_twice();
    const wfe_plan *plan = plan_builder_finish(rig.builder, NULL);
    static const struct {
        const char *step;
        int kind;
    } cases[] = {{"nothing", WFE_E_NOT_FOUND}, {"c_ensure", WFE_E_INVALID}};
    for (size_t i = 0; i < 2; i++) {
        wfe_past *past = NULL;
        json_t *list = json_pack("[s]", cases[i].step);
        assert_ok(wfe_past_load(store, RUN, plan, &past, &err), &err);
        assert_fails(wfe_past_reopen(past, list, &err), cases[i].kind, &err);
        err = (wfe_error)WFE_ERROR_INIT;
        json_decref(list);
        wfe_past_free(past);
    }
    engine_rig_done(&rig);
    tear_down_reopened();
}

/* Killed while it goes on after an end: what was to run again still is, and nothing else. */
static void test_resume__of_a_reopened_run_at_every_record(void **state)
{
    (void)state;
    bool broken = false;
    set_up_reopened(build_twice);
    outcome whole = run(build_twice, 1, NEVER, &broken);
    engine_rig_done(&rig);
    tear_down_reopened();
    set_up_reopened(build_twice);
    uint64_t first = 0;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(store->find(store, RUN, take_seq, &first, &err), &err);
    tear_down_reopened();
    assert_true(whole.last_seq > first + 5);
    for (uint64_t n = first + 1; n < whole.last_seq; n++) {
        set_up_reopened(build_twice);
        run(build_twice, 1, n, &broken);
        assert_true(broken);
        engine_rig_done(&rig);
        reopens = false; /* its record says so */
        outcome o = run(build_twice, 1, NEVER, &broken);
        assert_string_equal(o.text, whole.text);
        free(o.text);
        engine_rig_done(&rig);
        tear_down_reopened();
    }
    free(whole.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume__of_a_chain_at_every_record),
        cmocka_unit_test(test_resume__of_random_plans_at_every_record),
        cmocka_unit_test(test_resume__of_failures_that_stop_others_at_every_record),
        cmocka_unit_test(test_resume__of_a_cancelled_run_goes_on_cancelling),
        cmocka_unit_test(test_resume__what_failed_runs_again_after_an_end),
        cmocka_unit_test(test_resume__what_is_stored_of_what_stays_stays),
        cmocka_unit_test(test_resume__from_a_step_on),
        cmocka_unit_test(test_resume__from_what_is_no_step_is_refused),
        cmocka_unit_test(test_resume__of_a_reopened_run_at_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
