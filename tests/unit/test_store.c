/* SPDX-License-Identifier: Apache-2.0
 *
 * What every store does, run against each back end.
 */
#include "store/store.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "fixtures/store_rig.h"
#include "fixtures/wfe_assert.h"
#include "store/memory.h"
#include "store/sqlite.h"

typedef int (*open_fn)(const char *folder, wfe_store **ret, wfe_error *err);

typedef struct rig {
    char folder[32];
    wfe_store *store;
    char owner[WFE_OWNER_TEXT_SIZE];
} rig;

static open_fn open_back_end;

static int open_sqlite(const char *folder, wfe_store **ret, wfe_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "%s/wfe.db", folder);
    return wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = path}, ret, err);
}

static int open_memory(const char *folder, wfe_store **ret, wfe_error *err)
{
    (void)folder;
    return wfe_store_memory_open(ret, err);
}

static int set_up(void **state)
{
    static rig r;
    wfe_error err = WFE_ERROR_INIT;
    r = (rig){.folder = "/tmp/wfe-store-XXXXXX"};
    if (!mkdtemp(r.folder))
        return -1;
    if (open_back_end(r.folder, &r.store, &err)) {
        wfe_assert_print(&err);
        return -1;
    }
    rig_live_owner(r.owner);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;
    wfe_store_close(r->store);
    return wfe_fd_remove_tree(r->folder, NULL);
}

/* ---- reading into a copy ---- */

typedef struct run_copy {
    int n;
    int64_t key;
    uint64_t number, lease, last_seq, elapsed_us;
    int64_t created_at_us, ended_at_us, lease_until_us;
    bool is_end;
    char id[64], name[96], workflow[64], state[32], owner[96], asked[32], inputs[64], options[64],
        outputs[64], error[64], rerun_of[64], hash[96];
} run_copy;

static void put(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "(null)");
}

static int copy_run(const wfe_store_run *run, void *user)
{
    run_copy *copy = user;
    *copy = (run_copy){
        .n = copy->n + 1,
        .key = run->key,
        .number = run->number,
        .lease = run->lease,
        .last_seq = run->last_seq,
        .elapsed_us = run->elapsed_us,
        .created_at_us = run->created_at_us,
        .ended_at_us = run->ended_at_us,
        .lease_until_us = run->lease_until_us,
        .is_end = run->is_end,
    };
#define PUT(member) put(copy->member, sizeof copy->member, run->member)
    PUT(id);
    PUT(name);
    PUT(workflow);
    PUT(state);
    PUT(owner);
    PUT(asked);
    PUT(inputs);
    PUT(options);
    PUT(outputs);
    PUT(error);
    PUT(rerun_of);
    PUT(hash);
#undef PUT
    return 0;
}

static run_copy find(wfe_store *store, const char *text)
{
    wfe_error err = WFE_ERROR_INIT;
    run_copy copy = {0};
    assert_ok(store->find(store, text, copy_run, &copy, &err), &err);
    assert_int_equal(copy.n, 1);
    return copy;
}

static int list_name(const wfe_store_run *run, void *user)
{
    return wfe_buf_printf(user, NULL, "%s ", run->name);
}

static void assert_runs(wfe_store *store, wfe_store_filter filter, const char *names)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf list = WFE_BUF_INIT(0);
    assert_ok(wfe_buf_append_str(&list, "", &err), &err);
    assert_ok(store->runs(store, &filter, list_name, &list, &err), &err);
    assert_string_equal(list.data, names);
    wfe_buf_done(&list);
}

static void assert_dump(wfe_store *store, const char *run_id, const char *text)
{
    char *dump = rig_dump(store, run_id);
    assert_string_equal(dump, text);
    free(dump);
}

static void record(wfe_store *store, const char *run_id, uint64_t lease, wfe_store_transition t)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(store->record(store, run_id, lease, &t, 1, &err), &err);
}

static void end_run(wfe_store *store, const char *run_id, uint64_t lease, uint64_t seq,
                    const char *state)
{
    wfe_store_run_change change = {.state = state, .is_end = true, .elapsed_us = 5000};
    record(store, run_id, lease,
           (wfe_store_transition){.seq = seq, .kind = "run", .event = "{}", .run = &change});
}

/* ---- runs ---- */

static void test_store__a_new_run_is_found_by_id_name_and_beginning(void **state)
{
    rig *r = *state;
    int64_t before_us = wfe_clock_wall_us();
    wfe_store_made_run made = rig_make_run(r->store, "6f1d-aaaa", r->owner);
    assert_string_equal(made.name, "build-and-test-1");
    assert_int_equal(made.number, 1);
    assert_int_equal(made.lease, 1);
    run_copy run = find(r->store, "6f1d-aaaa");
    assert_string_equal(run.name, "build-and-test-1");
    assert_string_equal(run.workflow, "build and test");
    assert_string_equal(run.state, "starting");
    assert_string_equal(run.owner, r->owner);
    assert_string_equal(run.hash, RIG_HASH);
    assert_string_equal(run.inputs, "{\"ref\":\"main\"}");
    assert_string_equal(run.options, "{\"jobs\":2}");
    assert_string_equal(run.outputs, "(null)");
    assert_string_equal(run.asked, "(null)");
    assert_false(run.is_end);
    assert_int_equal(run.last_seq, 0);
    assert_true(run.created_at_us >= before_us && run.created_at_us <= wfe_clock_wall_us());
    assert_string_equal(find(r->store, "build-and-test-1").id, "6f1d-aaaa");
    assert_string_equal(find(r->store, "6f1d").id, "6f1d-aaaa");
}

static void test_store__a_beginning_of_several_ids_is_refused_with_their_names(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    run_copy copy = {0};
    rig_make_run(r->store, "6f1d-aaaa", r->owner);
    rig_make_run(r->store, "6f1d-bbbb", r->owner);
    assert_fails(r->store->find(r->store, "6f1d", copy_run, &copy, &err), WFE_E_CONFLICT, &err);
    assert_contains(err.message, "build-and-test-1");
    assert_contains(err.message, "build-and-test-2");
    assert_string_equal(find(r->store, "6f1d-b").id, "6f1d-bbbb");
    /* An id that is whole wins over longer ones. */
    rig_make_run(r->store, "6f1d", r->owner);
    assert_string_equal(find(r->store, "6f1d").name, "build-and-test-3");
}

static void test_store__an_unknown_or_too_short_name_finds_nothing(void **state)
{
    rig *r = *state;
    static const char *const texts[] = {"6f1", "",           "7",        "6f1e", "build-and-test",
                                        "%",   "6f1d-aaaa-", "6F1D-AAAA"};
    rig_make_run(r->store, "6f1d-aaaa", r->owner);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wfe_error err = WFE_ERROR_INIT;
        run_copy copy = {0};
        assert_fails(r->store->find(r->store, texts[i], copy_run, &copy, &err), WFE_E_NOT_FOUND,
                     &err);
        assert_contains(err.hint, "wfe runs");
        assert_int_equal(copy.n, 0);
    }
}

static void test_store__names_count_by_workflow_and_numbers_are_not_used_again(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = {0};
    wfe_store_new_run run = {.id = "a", .workflow = "a/b", .state = "s", .hash = "h"};
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_string_equal(made.name, "a-b-1");
    assert_int_equal(made.lease, 0);
    run.id = "b";
    run.workflow = "a-b"; /* the same as a stem: one counter, no name twice */
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_string_equal(made.name, "a-b-2");
    assert_ok(r->store->remove(r->store, "b", &err), &err);
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_string_equal(made.name, "a-b-3");
    run.id = "c";
    run.workflow = "other";
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_string_equal(made.name, "other-1");
}

static void test_store__a_name_that_was_chosen_is_taken_once_and_passed_over(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = {0};
    wfe_store_new_run run = {
        .id = "a", .workflow = "test", .name = "test-2", .state = "s", .hash = "h"};
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_string_equal(made.name, "test-2");
    assert_int_equal(made.number, 1);
    run.id = "b";
    assert_fails(r->store->create_run(r->store, &run, &made, &err), WFE_E_CONFLICT, &err);
    assert_contains(err.message, "'test-2'");
    err = (wfe_error)WFE_ERROR_INIT;
    run.name = NULL;
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_string_equal(made.name, "test-3");
    static const char *const wrong[] = {"", "-x", ".x", "a b", "a/b", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (wfe_error)WFE_ERROR_INIT;
        run.name = wrong[i];
        assert_fails(r->store->create_run(r->store, &run, &made, &err), WFE_E_INVALID, &err);
    }
}

static void test_store__an_id_is_taken_once(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = {0};
    wfe_store_new_run run = {.id = "one", .workflow = "w", .state = "s", .hash = "h"};
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_fails(r->store->create_run(r->store, &run, &made, &err), WFE_E_CONFLICT, &err);
    assert_contains(err.message, "'one'");
    /* The refused one used up no number. */
    run.id = "two";
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_int_equal(made.number, 2);
}

static void test_store__what_is_missing_is_named(void **state)
{
    rig *r = *state;
    wfe_store_made_run made = {0};
    wfe_store_new_run whole = {.id = "i", .workflow = "w", .state = "s", .hash = "h"};
    const char **const members[] = {&whole.id, &whole.workflow, &whole.state, &whole.hash};
    static const char *const words[] = {"id", "workflow", "state", "hash"};
    for (size_t i = 0; i < 4; i++) {
        wfe_error err = WFE_ERROR_INIT;
        const char *value = *members[i];
        *members[i] = NULL;
        assert_fails(r->store->create_run(r->store, &whole, &made, &err), WFE_E_INVALID, &err);
        assert_contains(err.message, words[i]);
        *members[i] = value;
    }
    assert_runs(r->store, (wfe_store_filter){0}, "");
}

static void test_store__a_definition_is_kept_once_by_its_hash(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = {0};
    char *bytes = NULL;
    size_t len = 0;
    wfe_store_new_run run = {.id = "a",
                             .workflow = "w",
                             .state = "s",
                             .hash = "h",
                             .definition = "x\0y",
                             .definition_len = 3};
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    run.id = "b";
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_ok(r->store->definition(r->store, "h", &bytes, &len, &err), &err);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "x\0y", 4);
    free(bytes);
    run.id = "c";
    run.definition = "x\0z";
    assert_fails(r->store->create_run(r->store, &run, &made, &err), WFE_E_CONFLICT, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    /* It lives as long as a run has it. */
    assert_ok(r->store->remove(r->store, "a", &err), &err);
    assert_ok(r->store->definition(r->store, "h", &bytes, &len, &err), &err);
    free(bytes);
    assert_ok(r->store->remove(r->store, "b", &err), &err);
    assert_fails(r->store->definition(r->store, "h", &bytes, &len, &err), WFE_E_NOT_FOUND, &err);
}

/* ---- transitions ---- */

static void test_store__a_transition_is_a_step_its_outputs_what_is_ready_and_the_event(void **state)
{
    rig *r = *state;
    static const char *const ready[] = {"test[0]", "test[1]"};
    static const wfe_store_output outputs[] = {
        {.step = "build", .name = "version", .value = "\"1.2\"", .attempt = 1},
        {.step = "build", .name = "files", .value = "[1,2]", .attempt = 1},
    };
    wfe_store_step_change step;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    record(r->store, "run", made.lease, rig_transition(1, &step, "build", "running"));
    wfe_store_transition t = rig_transition(2, &step, "build", "succeeded");
    t.event = "{\"event\":\"step\"}";
    t.outputs = outputs;
    t.n_outputs = 2;
    t.ready = ready;
    t.n_ready = 2;
    t.ready_state = "ready";
    record(r->store, "run", made.lease, t);
    assert_dump(r->store, "run",
                "run run starting 0 1 - " RIG_HASH " - - 2 {\"ref\":\"main\"} -\n"
                "step build - - succeeded 1 1 - 1 0 - - 0 - 0 0 1000 2000 2\n"
                "step test[0] - - ready 0 0 - 1 -1 - - 0 - 0 2000 0 0 2\n"
                "step test[1] - - ready 0 0 - 1 -1 - - 0 - 0 2000 0 0 2\n"
                "output build files 1 [1,2]\n"
                "output build version 1 \"1.2\"\n"
                "event 1 1000 step build {}\n"
                "event 2 2000 step build {\"event\":\"step\"}\n");
}

static void test_store__a_step_keeps_what_a_later_transition_does_not_tell(void **state)
{
    rig *r = *state;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    wfe_store_step_change step;
    wfe_store_transition t = rig_transition(1, &step, "a", "running");
    step.parent = "block";
    step.role = "ensure";
    step.container = "wfe-run-a-1";
    record(r->store, "run", made.lease, t);
    t = rig_transition(2, &step, "a", "sleeping");
    step.wake_at_us = 99;
    step.cause = "exit";
    step.error = "{\"kind\":\"x\"}";
    step.exit_code = 3;
    record(r->store, "run", made.lease, t);
    t = rig_transition(3, &step, "a", "running");
    step.attempt = 2;
    step.container = "wfe-run-a-2";
    record(r->store, "run", made.lease, t);
    t = rig_transition(4, &step, "a", "failed");
    step.attempt = 2;
    step.allowed = true;
    step.cause = "timeout";
    record(r->store, "run", made.lease, t);
    assert_dump(r->store, "run",
                "run run starting 0 1 - " RIG_HASH " - - 4 {\"ref\":\"main\"} -\n"
                "step a block ensure failed 1 2 wfe-run-a-2 1 1 timeout - 1 - 0 0 1000 4000 4\n"
                "event 1 1000 step a {}\nevent 2 2000 step a {}\n"
                "event 3 3000 step a {}\nevent 4 4000 step a {}\n");
}

static void test_store__a_step_that_becomes_ready_again_begins_anew(void **state)
{
    rig *r = *state;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    static const char *const again[] = {"a"};
    wfe_store_step_change step;
    record(r->store, "run", made.lease, rig_transition(1, &step, "a", "running"));
    wfe_store_transition t = rig_transition(2, &step, "a", "failed");
    step.cause = "exit";
    record(r->store, "run", made.lease, t);
    record(r->store, "run", made.lease,
           (wfe_store_transition){.seq = 3,
                                  .at_us = 3000,
                                  .kind = "retry",
                                  .event = "{}",
                                  .ready = again,
                                  .n_ready = 1,
                                  .ready_state = "ready"});
    assert_dump(r->store, "run",
                "run run starting 0 1 - " RIG_HASH " - - 3 {\"ref\":\"main\"} -\n"
                "step a - - ready 0 1 - 1 -1 - - 0 - 0 3000 0 0 3\n"
                "event 1 1000 step a {}\nevent 2 2000 step a {}\nevent 3 3000 retry - {}\n");
    record(r->store, "run", made.lease, rig_transition(4, &step, "a", "running"));
    char *dump = rig_dump(r->store, "run");
    assert_contains(dump, "step a - - running 0 1 - 1 -1 - - 0 - 0 3000 4000 0 4\n");
    free(dump);
}

static void test_store__a_service_may_have_the_name_of_a_step(void **state)
{
    rig *r = *state;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    wfe_store_step_change step, service;
    wfe_store_transition both[] = {rig_transition(1, &step, "db", "running"),
                                   rig_transition(2, &service, "db", "ready")};
    service.is_service = true;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(r->store->record(r->store, "run", made.lease, both, 2, &err), &err);
    char *dump = rig_dump(r->store, "run");
    assert_contains(dump, "step db - - running");
    assert_contains(dump, "step service:db - - ready");
    free(dump);
}

static void test_store__a_later_output_takes_the_place_of_one_of_the_same_name(void **state)
{
    rig *r = *state;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    wfe_store_step_change step;
    for (uint32_t i = 1; i <= 2; i++) {
        wfe_store_output output = {
            .step = "a", .name = "v", .value = i == 1 ? "1" : "22", .attempt = i};
        wfe_store_transition t = rig_transition(i, &step, "a", "succeeded");
        t.outputs = &output;
        t.n_outputs = 1;
        record(r->store, "run", made.lease, t);
    }
    char *dump = rig_dump(r->store, "run");
    assert_contains(dump, "output a v 2 22\n");
    assert_null(strstr(dump, "output a v 1"));
    free(dump);
}

static void test_store__the_end_of_a_run_lets_its_owner_go(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    assert_ok(r->store->ask(r->store, "run", "cancel", &err), &err);
    wfe_store_run_change change = {.state = "failed",
                                   .is_end = true,
                                   .elapsed_us = 7,
                                   .error = "{\"kind\":\"io\"}",
                                   .outputs = "{\"a\":1}"};
    record(r->store, "run", made.lease,
           (wfe_store_transition){.seq = 1, .kind = "run", .event = "{}", .run = &change});
    run_copy run = find(r->store, "run");
    assert_string_equal(run.state, "failed");
    assert_true(run.is_end);
    assert_string_equal(run.owner, "(null)");
    assert_string_equal(run.asked, "(null)");
    assert_string_equal(run.error, "{\"kind\":\"io\"}");
    assert_string_equal(run.outputs, "{\"a\":1}");
    assert_int_equal(run.elapsed_us, 7);
    assert_true(run.ended_at_us >= run.created_at_us);
    assert_int_equal(run.lease, 1);
    /* It may go on: resume. */
    uint64_t lease = 0;
    assert_ok(r->store->claim(r->store, "run", r->owner, 0, false, &lease, &err), &err);
    assert_int_equal(lease, 2);
    assert_fails(r->store->remove(r->store, "run", &err), WFE_E_CONFLICT, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    change = (wfe_store_run_change){.state = "running"};
    record(r->store, "run", lease,
           (wfe_store_transition){.seq = 2, .kind = "run", .event = "{}", .run = &change});
    run = find(r->store, "run");
    assert_false(run.is_end);
    assert_int_equal(run.ended_at_us, 0);
    assert_string_equal(run.error, "(null)");
    assert_string_equal(run.outputs, "(null)");
    assert_string_equal(run.owner, r->owner);
}

static void test_store__transitions_come_together_or_not_at_all(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    wfe_store_step_change steps[3];
    wfe_store_transition all[3];
    all[0] = rig_transition(1, &steps[0], "a", "running");
    all[1] = rig_transition(2, &steps[1], "b", "running");
    all[2] = rig_transition(4, &steps[2], "c", "running"); /* 3 is missing */
    assert_fails(r->store->record(r->store, "run", made.lease, all, 3, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "4");
    static const char empty[] = "run run starting 0 1 - " RIG_HASH " - - 0 {\"ref\":\"main\"} -\n";
    assert_dump(r->store, "run", empty);
    err = (wfe_error)WFE_ERROR_INIT;
    all[2] = rig_transition(3, &steps[2], "c", "running");
    all[2].event = NULL;
    assert_fails(r->store->record(r->store, "run", made.lease, all, 3, &err), WFE_E_INVALID, &err);
    assert_dump(r->store, "run", empty);
    err = (wfe_error)WFE_ERROR_INIT;
    all[2].event = "{}";
    assert_ok(r->store->record(r->store, "run", made.lease, all, 3, &err), &err);
    assert_int_equal(find(r->store, "run").last_seq, 3);
}

static void test_store__what_is_recorded_is_not_recorded_again(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    wfe_store_step_change steps[3];
    wfe_store_transition all[3];
    all[0] = rig_transition(1, &steps[0], "a", "running");
    all[1] = rig_transition(2, &steps[1], "a", "succeeded");
    assert_ok(r->store->record(r->store, "run", made.lease, all, 2, &err), &err);
    /* The answer was lost: the same again, and one more. */
    steps[1].exit_code = 77;
    all[2] = rig_transition(3, &steps[2], "b", "running");
    assert_ok(r->store->record(r->store, "run", made.lease, all, 3, &err), &err);
    char *dump = rig_dump(r->store, "run");
    assert_contains(dump, "step a - - succeeded 1 1 - 1 0 ");
    assert_contains(dump, "event 3 3000 step b {}\n");
    assert_null(strstr(dump, "77"));
    free(dump);
}

static void test_store__nothing_is_recorded_of_an_unknown_run(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_step_change step;
    wfe_store_transition t = rig_transition(1, &step, "a", "running");
    assert_fails(r->store->record(r->store, "none", 1, &t, 1, &err), WFE_E_NOT_FOUND, &err);
}

/* ---- owners ---- */

static void test_store__a_run_of_a_living_owner_cannot_be_claimed(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    char pid[32];
    uint64_t lease = 77;
    rig_make_run(r->store, "run", r->owner);
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_fails(r->store->claim(r->store, "run", "other", 0, false, &lease, &err), WFE_E_CONFLICT,
                 &err);
    assert_contains(err.message, pid);
    assert_contains(err.message, "build-and-test-1");
    assert_int_equal(lease, 77);
    assert_string_equal(find(r->store, "run").owner, r->owner);
    /* But by force. */
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(r->store->claim(r->store, "run", "other", 0, true, &lease, &err), &err);
    assert_int_equal(lease, 2);
}

static void test_store__a_run_of_a_dead_owner_is_claimed_once(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    char dead[WFE_OWNER_TEXT_SIZE];
    uint64_t lease = 0, other = 0;
    rig_dead_owner(dead);
    rig_make_run(r->store, "run", dead);
    assert_ok(r->store->claim(r->store, "run", r->owner, 0, false, &lease, &err), &err);
    assert_int_equal(lease, 2);
    assert_fails(r->store->claim(r->store, "run", "second", 0, false, &other, &err), WFE_E_CONFLICT,
                 &err);
    assert_int_equal(other, 0);
    assert_string_equal(find(r->store, "run").owner, r->owner);
}

static void test_store__an_owner_of_an_earlier_boot_is_gone(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t lease = 0;
    rig_make_run(r->store, "run", "1:5:00000000-0000-0000-0000-000000000000:4026531836");
    assert_ok(r->store->claim(r->store, "run", r->owner, 0, false, &lease, &err), &err);
}

static void test_store__an_owner_who_cannot_be_seen_is_gone_when_its_lease_is_over(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t lease = 0;
    wfe_store_made_run made = {0};
    wfe_store_new_run run = {.id = "run",
                             .workflow = "w",
                             .state = "s",
                             .hash = "h",
                             .owner = "worker-7",
                             .lease_ms = 600000};
    assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
    assert_fails(r->store->claim(r->store, "run", r->owner, 0, false, &lease, &err), WFE_E_CONFLICT,
                 &err);
    assert_contains(err.message, "worker-7");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(r->store->renew(r->store, "run", 1, 1, NULL, &err), &err);
    int64_t until_us = find(r->store, "run").lease_until_us;
    while (wfe_clock_wall_us() <= until_us)
        usleep(200);
    assert_ok(r->store->claim(r->store, "run", r->owner, 0, false, &lease, &err), &err);
    assert_int_equal(lease, 2);
    assert_int_equal(find(r->store, "run").lease_until_us, 0);
}

static void test_store__who_lost_a_run_can_change_nothing_any_more(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t lease = 0;
    wfe_store_step_change step;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    record(r->store, "run", made.lease, rig_transition(1, &step, "a", "running"));
    assert_ok(r->store->claim(r->store, "run", "worker-7", 0, true, &lease, &err), &err);
    wfe_store_transition t = rig_transition(2, &step, "a", "succeeded");
    assert_fails(r->store->record(r->store, "run", made.lease, &t, 1, &err), WFE_E_CONFLICT, &err);
    assert_contains(err.message, "worker-7");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(r->store->renew(r->store, "run", made.lease, 0, NULL, &err), WFE_E_CONFLICT, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(r->store->release(r->store, "run", made.lease, &err), &err);
    assert_string_equal(find(r->store, "run").owner, "worker-7");
    assert_int_equal(find(r->store, "run").last_seq, 1);
    /* The new owner goes on with the next number. */
    record(r->store, "run", lease, t);
    char *dump = rig_dump(r->store, "run");
    assert_contains(dump, "step a - - succeeded 1 1 - 2 0 ");
    free(dump);
}

static void test_store__a_released_run_can_be_claimed(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t lease = 0;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    assert_ok(r->store->release(r->store, "run", made.lease, &err), &err);
    assert_string_equal(find(r->store, "run").owner, "(null)");
    assert_fails(r->store->renew(r->store, "run", made.lease, 0, NULL, &err), WFE_E_CONFLICT, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(r->store->claim(r->store, "run", "x", 0, false, &lease, &err), &err);
    assert_int_equal(lease, 2);
    assert_fails(r->store->claim(r->store, "none", "x", 0, false, &lease, &err), WFE_E_NOT_FOUND,
                 &err);
}

static void test_store__claim_next_takes_the_oldest_open_run_that_nobody_has(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    char dead[WFE_OWNER_TEXT_SIZE], id[16];
    uint64_t lease = 0;
    rig_dead_owner(dead);
    rig_make_run(r->store, "mine", r->owner);
    uint64_t over = rig_make_run(r->store, "over", dead).lease;
    end_run(r->store, "over", over, 1, "succeeded");
    rig_make_run(r->store, "lost", dead);
    rig_make_run(r->store, "waits", NULL);
    assert_ok(r->store->claim_next(r->store, r->owner, 0, id, sizeof id, &lease, &err), &err);
    assert_string_equal(id, "lost");
    assert_int_equal(lease, 2);
    assert_ok(r->store->claim_next(r->store, r->owner, 0, id, sizeof id, &lease, &err), &err);
    assert_string_equal(id, "waits");
    assert_int_equal(lease, 1);
    assert_fails(r->store->claim_next(r->store, r->owner, 0, id, sizeof id, &lease, &err),
                 WFE_E_NOT_FOUND, &err);
    assert_string_equal(id, "waits");
}

static void test_store__a_wish_is_seen_by_the_owner(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    bool asked = true;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    assert_ok(r->store->renew(r->store, "run", made.lease, 0, &asked, &err), &err);
    assert_false(asked);
    assert_ok(r->store->ask(r->store, "run", "suspend", &err), &err);
    assert_ok(r->store->ask(r->store, "run", "cancel", &err), &err);
    assert_ok(r->store->renew(r->store, "run", made.lease, 0, &asked, &err), &err);
    assert_true(asked);
    assert_string_equal(find(r->store, "run").asked, "cancel");
    end_run(r->store, "run", made.lease, 1, "cancelled");
    assert_fails(r->store->ask(r->store, "run", "cancel", &err), WFE_E_CONFLICT, &err);
    assert_contains(err.message, "cancelled");
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(r->store->ask(r->store, "none", "cancel", &err), WFE_E_NOT_FOUND, &err);
}

/* ---- lists ---- */

/* Times that follow are later than all before. */
static void pass_a_microsecond(void)
{
    int64_t now_us = wfe_clock_wall_us();
    while (wfe_clock_wall_us() == now_us)
        ;
}

static void make_list(rig *r)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made = {0};
    for (int i = 0; i < 6; i++) {
        char id[8];
        snprintf(id, sizeof id, "run%d", i);
        wfe_store_new_run run = {.id = id,
                                 .workflow = i % 2 ? "odd" : "even",
                                 .state = "running",
                                 .hash = "h",
                                 .owner = r->owner};
        assert_ok(r->store->create_run(r->store, &run, &made, &err), &err);
        if (i < 4)
            end_run(r->store, id, made.lease, 1, i < 2 ? "succeeded" : "failed");
        pass_a_microsecond();
    }
}

static void test_store__runs_are_listed_newest_first_and_filtered(void **state)
{
    rig *r = *state;
    make_list(r);
    assert_runs(r->store, (wfe_store_filter){0}, "odd-3 even-3 odd-2 even-2 odd-1 even-1 ");
    assert_runs(r->store, (wfe_store_filter){.workflow = "odd"}, "odd-3 odd-2 odd-1 ");
    assert_runs(r->store, (wfe_store_filter){.state = "failed"}, "odd-2 even-2 ");
    assert_runs(r->store, (wfe_store_filter){.state = "failed", .workflow = "odd"}, "odd-2 ");
    assert_runs(r->store, (wfe_store_filter){.open = true}, "odd-3 even-3 ");
    assert_runs(r->store, (wfe_store_filter){.state = "none"}, "");
    assert_runs(r->store, (wfe_store_filter){.limit = 2}, "odd-3 even-3 ");
}

static void test_store__runs_are_filtered_by_their_times(void **state)
{
    rig *r = *state;
    make_list(r);
    int64_t since_us = find(r->store, "run4").created_at_us;
    int64_t now_us = wfe_clock_wall_us() + 1;
    assert_runs(r->store, (wfe_store_filter){.since_us = since_us}, "odd-3 even-3 ");
    assert_runs(r->store, (wfe_store_filter){.since_us = now_us + 1000000}, "");
    assert_runs(r->store, (wfe_store_filter){.since_us = since_us, .workflow = "odd"}, "odd-3 ");
    assert_runs(r->store, (wfe_store_filter){.ended_before_us = now_us},
                "odd-2 even-2 odd-1 even-1 ");
    assert_runs(r->store, (wfe_store_filter){.ended_before_us = find(r->store, "run2").ended_at_us},
                "odd-1 even-1 ");
}

static void test_store__pages_go_by_key_and_miss_nothing_when_runs_come(void **state)
{
    rig *r = *state;
    make_list(r);
    wfe_store_filter filter = {.limit = 4};
    assert_runs(r->store, filter, "odd-3 even-3 odd-2 even-2 ");
    filter.before_key = find(r->store, "even-2").key;
    rig_make_run(r->store, "new", r->owner);
    assert_runs(r->store, filter, "odd-1 even-1 ");
    filter.before_key = find(r->store, "even-1").key;
    assert_runs(r->store, filter, "");
}

static int stop_at_second(const wfe_store_run *run, void *user)
{
    (void)run;
    return ++*(int *)user == 2 ? 1 : 0;
}

static void test_store__a_reader_that_has_enough_stops_the_reading(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    int n = 0;
    make_list(r);
    assert_int_equal(r->store->runs(r->store, &(wfe_store_filter){0}, stop_at_second, &n, &err), 1);
    assert_int_equal(n, 2);
    assert_int_equal(err.kind, 0);
}

static int count_event(const wfe_store_event *event, void *user)
{
    return wfe_buf_printf(user, NULL, "%llu ", (unsigned long long)event->seq);
}

static void test_store__events_are_read_from_where_one_was(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf seen = WFE_BUF_INIT(0);
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    wfe_store_step_change step;
    for (uint64_t seq = 1; seq <= 5; seq++)
        record(r->store, "run", made.lease, rig_transition(seq, &step, "a", "running"));
    assert_ok(r->store->events(r->store, "run", 2, 2, count_event, &seen, &err), &err);
    assert_string_equal(seen.data, "3 4 ");
    assert_ok(r->store->events(r->store, "run", 4, 0, count_event, &seen, &err), &err);
    assert_string_equal(seen.data, "3 4 5 ");
    assert_ok(r->store->events(r->store, "run", 5, 0, count_event, &seen, &err), &err);
    assert_ok(r->store->events(r->store, "none", 0, 0, count_event, &seen, &err), &err);
    assert_string_equal(seen.data, "3 4 5 ");
    wfe_buf_done(&seen);
}

static int list_output(const wfe_store_output *output, void *user)
{
    return wfe_buf_printf(user, NULL, "%s.%s ", output->step, output->name);
}

static void test_store__outputs_are_read_of_one_step_or_of_all(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf seen = WFE_BUF_INIT(0);
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    static const wfe_store_output outputs[] = {{.step = "b", .name = "y", .value = "1"},
                                               {.step = "a", .name = "z", .value = "2"},
                                               {.step = "b", .name = "x", .value = "3"}};
    record(r->store, "run", made.lease,
           (wfe_store_transition){
               .seq = 1, .kind = "step", .event = "{}", .outputs = outputs, .n_outputs = 3});
    assert_ok(r->store->outputs(r->store, "run", NULL, list_output, &seen, &err), &err);
    assert_string_equal(seen.data, "a.z b.x b.y ");
    wfe_buf_consume(&seen, seen.len);
    assert_ok(r->store->outputs(r->store, "run", "b", list_output, &seen, &err), &err);
    assert_string_equal(seen.data, "b.x b.y ");
    wfe_buf_done(&seen);
}

static void test_store__texts_come_back_as_they_were(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    static const char *const paths[] = {"a'b\"c", "\xc3\xa9t\xc3\xa9/unit[2]", "\n\t",
                                        "x; DROP TABLE run"};
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    size_t big = (size_t)3 * 1024 * 1024;
    char *value = malloc(big + 1);
    assert_non_null(value);
    memset(value, 'v', big);
    value[big] = '\0';
    for (uint64_t i = 0; i < 4; i++) {
        wfe_store_step_change step;
        wfe_store_output output = {.step = paths[i], .name = "n", .value = value};
        wfe_store_transition t = rig_transition(i + 1, &step, paths[i], "succeeded");
        t.outputs = &output;
        t.n_outputs = i == 3;
        record(r->store, "run", made.lease, t);
    }
    char *dump = rig_dump(r->store, "run");
    for (size_t i = 0; i < 4; i++)
        assert_contains(dump, paths[i]);
    assert_contains(dump, value);
    free(dump);
    free(value);
    wfe_buf seen = WFE_BUF_INIT(0);
    assert_ok(r->store->outputs(r->store, "run", paths[3], list_output, &seen, &err), &err);
    assert_string_equal(seen.data, "x; DROP TABLE run.n ");
    wfe_buf_done(&seen);
}

/* ---- removal ---- */

static void test_store__a_removed_run_leaves_nothing(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf seen = WFE_BUF_INIT(0);
    run_copy copy = {0};
    wfe_store_step_change step;
    wfe_store_made_run made = rig_make_run(r->store, "run", r->owner);
    wfe_store_made_run other = rig_make_run(r->store, "other", r->owner);
    record(r->store, "run", made.lease, rig_transition(1, &step, "a", "succeeded"));
    record(r->store, "other", other.lease, rig_transition(1, &step, "a", "succeeded"));
    assert_fails(r->store->remove(r->store, "run", &err), WFE_E_CONFLICT, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    end_run(r->store, "run", made.lease, 2, "succeeded");
    assert_ok(r->store->remove(r->store, "run", &err), &err);
    assert_ok(r->store->events(r->store, "run", 0, 0, count_event, &seen, &err), &err);
    assert_int_equal(seen.len, 0);
    assert_fails(r->store->remove(r->store, "run", &err), WFE_E_NOT_FOUND, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(r->store->find(r->store, "run", copy_run, &copy, &err), WFE_E_NOT_FOUND, &err);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(r->store->tidy(r->store, &err), &err);
    char *dump = rig_dump(r->store, "other");
    assert_contains(dump, "step a");
    free(dump);
    wfe_buf_done(&seen);
}

static void test_store__an_open_run_of_a_dead_owner_can_be_removed(void **state)
{
    rig *r = *state;
    wfe_error err = WFE_ERROR_INIT;
    char dead[WFE_OWNER_TEXT_SIZE];
    rig_dead_owner(dead);
    rig_make_run(r->store, "run", dead);
    assert_ok(r->store->remove(r->store, "run", &err), &err);
    assert_runs(r->store, (wfe_store_filter){0}, "");
}

static void test_store__stems_are_fit_to_type(void **state)
{
    (void)state;
    static const struct {
        const char *workflow, *stem;
    } cases[] = {
        {"build", "build"},
        {"build and test", "build-and-test"},
        {"--rm -rf /", "rm-rf"},
        {"..", "run"},
        {"", "run"},
        {"\xc3\xa9t\xc3\xa9", "t"},
        {"a//b", "a-b"},
        {"a.b_c-d", "a.b_c-d"},
        {"../../etc/passwd", "etc-passwd"},
    };
    char stem[WFE_STORE_NAME_SIZE], longest[300];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_store_name_stem(cases[i].workflow, stem);
        assert_string_equal(stem, cases[i].stem);
    }
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    wfe_store_name_stem(longest, stem);
    assert_true(strlen(stem) + 21 < WFE_STORE_NAME_SIZE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_store__##name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    CASE(a_new_run_is_found_by_id_name_and_beginning),
    CASE(a_beginning_of_several_ids_is_refused_with_their_names),
    CASE(an_unknown_or_too_short_name_finds_nothing),
    CASE(names_count_by_workflow_and_numbers_are_not_used_again),
    CASE(a_name_that_was_chosen_is_taken_once_and_passed_over),
    CASE(an_id_is_taken_once),
    CASE(what_is_missing_is_named),
    CASE(a_definition_is_kept_once_by_its_hash),
    CASE(a_transition_is_a_step_its_outputs_what_is_ready_and_the_event),
    CASE(a_step_keeps_what_a_later_transition_does_not_tell),
    CASE(a_step_that_becomes_ready_again_begins_anew),
    CASE(a_service_may_have_the_name_of_a_step),
    CASE(a_later_output_takes_the_place_of_one_of_the_same_name),
    CASE(the_end_of_a_run_lets_its_owner_go),
    CASE(transitions_come_together_or_not_at_all),
    CASE(what_is_recorded_is_not_recorded_again),
    CASE(nothing_is_recorded_of_an_unknown_run),
    CASE(a_run_of_a_living_owner_cannot_be_claimed),
    CASE(a_run_of_a_dead_owner_is_claimed_once),
    CASE(an_owner_of_an_earlier_boot_is_gone),
    CASE(an_owner_who_cannot_be_seen_is_gone_when_its_lease_is_over),
    CASE(who_lost_a_run_can_change_nothing_any_more),
    CASE(a_released_run_can_be_claimed),
    CASE(claim_next_takes_the_oldest_open_run_that_nobody_has),
    CASE(a_wish_is_seen_by_the_owner),
    CASE(runs_are_listed_newest_first_and_filtered),
    CASE(runs_are_filtered_by_their_times),
    CASE(pages_go_by_key_and_miss_nothing_when_runs_come),
    CASE(a_reader_that_has_enough_stops_the_reading),
    CASE(events_are_read_from_where_one_was),
    CASE(outputs_are_read_of_one_step_or_of_all),
    CASE(texts_come_back_as_they_were),
    CASE(a_removed_run_leaves_nothing),
    CASE(an_open_run_of_a_dead_owner_can_be_removed),
    cmocka_unit_test(test_store__stems_are_fit_to_type),
};

int main(void)
{
    open_back_end = open_sqlite;
    int failed = cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
    open_back_end = open_memory;
    return failed + cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
