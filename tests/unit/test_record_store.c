/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of the engine, recorded in a store: what is in it afterwards, when the store fails, when the
 * run is taken away, and when the process dies.
 */
#include "engine/record_store.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "engine/record_row.h"
#include "engine/step_name.h"
#include "fixtures/engine_rig.h"
#include "fixtures/store_rig.h"
#include "fixtures/wfe_assert.h"
#include "store/log_reader.h"
#include "store/memory.h"
#include "store/sqlite.h"

#define TOP WFE_PLAN_NONE
#define RUN "0f2c-run"

/* A store that passes on to another one, and does something first at its n-th commit. */
enum trouble { NO_TROUBLE, FAIL, DIE_BEFORE, DIE_AFTER };
typedef struct odd_store {
    wfe_store fns;
    wfe_store *real;
    enum trouble trouble;
    unsigned at;
    unsigned commits;
    unsigned transitions;
} odd_store;

static engine_rig rig;
static char folder[40];
static char path[64];
static char owner[WFE_OWNER_TEXT_SIZE];
static odd_store odd;
static wfe_recorder_asked_fn asked; /* of the next recorder */

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/dev/shm/wfe-record-XXXXXX");
    if (!mkdtemp(folder)) {
        strcpy(folder, "/tmp/wfe-record-XXXXXX");
        if (!mkdtemp(folder))
            return -1;
    }
    snprintf(path, sizeof path, "%s/wfe.db", folder);
    rig_live_owner(owner);
    engine_rig_init(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_rig_done(&rig);
    return wfe_fd_remove_tree(folder, NULL);
}

static wfe_store *open_store(void)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    assert_ok(wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = path}, &store, &err), &err);
    return store;
}

static int odd_record(wfe_store *fns, const char *run_id, uint64_t lease,
                      const wfe_store_transition *transitions, size_t n, wfe_error *err)
{
    odd_store *store = (odd_store *)fns;
    bool now = ++store->commits == store->at;
    store->transitions += (unsigned)n;
    if (now && store->trouble == FAIL)
        return wfe_error_set(err, WFE_E_IO, "the disk is full");
    if (now && store->trouble == DIE_BEFORE)
        raise(SIGKILL);
    int rc = store->real->record(store->real, run_id, lease, transitions, n, err);
    if (now && store->trouble == DIE_AFTER)
        raise(SIGKILL);
    return rc;
}

static int odd_release(wfe_store *fns, const char *run_id, uint64_t lease, wfe_error *err)
{
    odd_store *store = (odd_store *)fns;
    return store->real->release(store->real, run_id, lease, err);
}

static int odd_find(wfe_store *fns, const char *text, wfe_store_run_fn fn, void *user,
                    wfe_error *err)
{
    odd_store *store = (odd_store *)fns;
    return store->real->find(store->real, text, fn, user, err);
}

static void odd_close(wfe_store *fns)
{
    wfe_store_close(((odd_store *)fns)->real);
}

/* The next run of the rig is recorded in the store. last_seq 0: it is made. */
static void record_in(wfe_store *store, wfe_loop *loop, uint64_t lease, uint64_t last_seq)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_logs *logs = NULL;
    if (!lease)
        lease = rig_make_run(store, RUN, owner).lease;
    wfe_logs_options log_options = {.state_dir = folder, .run_id = RUN};
    assert_ok(wfe_logs_open(&log_options, &logs, &err), &err);
    odd = (odd_store){.real = store, .trouble = odd.trouble, .at = odd.at};
    odd.fns = *store;
    odd.fns.record = odd_record;
    odd.fns.release = odd_release;
    odd.fns.find = odd_find;
    odd.fns.close = odd_close;
    wfe_recorder_store_options options = {.loop = loop,
                                          .store = &odd.fns,
                                          .logs = logs,
                                          .run_id = RUN,
                                          .lease = lease,
                                          .last_seq = last_seq,
                                          .on_asked = asked};
    assert_ok(wfe_recorder_store_new(&options, &rig.options.recorder, &err), &err);
    rig.options.run_id = RUN;
}

static void build_story(void)
{
    plan_builder_step(rig.builder, TOP, "a", "out:version=1.2 say:hello");
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "b%d", i);
        uint32_t step = plan_builder_step(rig.builder, block, name, "say:try fail:1 out:n=1");
        plan_builder_retry(rig.builder, step, 1, 1);
    }
    uint32_t each = plan_builder_step(rig.builder, TOP, "each", "say:item");
    plan_builder_for_each(rig.builder, each, json_pack("[i, i]", 1, 2), NULL);
    uint32_t c = plan_builder_step(rig.builder, TOP, "c", "ok");
    plan_builder_hook(rig.builder, c, WFE_PLAN_ROLE_ENSURE, "ensure", "say:hook");
    plan_builder_call(rig.builder, TOP, "sub", 1);
    plan_builder_workflow(rig.builder, "sub");
    plan_builder_step(rig.builder, TOP, "in", "say:inside out:deep=yes");
}

/* ---- what is stored ---- */

static int find_run(const wfe_store_run *run, void *user)
{
    *(wfe_store_run *)user = (wfe_store_run){.is_end = run->is_end,
                                             .last_seq = run->last_seq,
                                             .lease = run->lease,
                                             .elapsed_us = run->elapsed_us};
    return 0;
}

static wfe_store_run look_at_run(wfe_store *store)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_run run = {0};
    assert_ok(store->find(store, RUN, find_run, &run, &err), &err);
    return run;
}

static void assert_in(const char *text, const char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_contains(text, lines[i]);
}

#define ASSERT_IN(text, ...)                                                                       \
    assert_in((text), (const char *const[]){__VA_ARGS__},                                          \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void assert_log(const char *step, unsigned attempt, const char *expected)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_log_reader *reader = NULL;
    wfe_log_piece piece = {0};
    wfe_log_reader_options options = {
        .state_dir = folder, .run_id = RUN, .step = step, .attempt = attempt};
    assert_ok(wfe_log_reader_new(&options, &reader, &err), &err);
    assert_int_equal(wfe_log_reader_next(reader, &piece, &err), 1);
    assert_int_equal(piece.len, strlen(expected));
    assert_memory_equal(piece.bytes, expected, piece.len);
    assert_int_equal(wfe_log_reader_next(reader, &piece, &err), 0);
    wfe_log_reader_free(reader);
}

static void assert_story_is_stored(void)
{
    wfe_store *store = open_store();
    char *dump = rig_dump(store, RUN);
    ASSERT_IN(dump, "run " RUN " succeeded 1 1 - ", "\nstep a - step succeeded 1 1 - 1 0 - - 0 - ",
              "\nstep block - step succeeded 1 ", "\nstep b0 block step succeeded 1 2 - 1 0 ",
              "\nstep b3 block step succeeded 1 2 - 1 0 ", "\nstep each - step succeeded 1 ",
              "\nstep each[0] each step succeeded 1 1 ", "\nstep each[1] each step succeeded 1 1 ",
              "\nstep ensure c ensure succeeded 1 1 ", "\nstep sub - step succeeded 1 ",
              "\nstep sub/in sub step succeeded 1 1 ", "\noutput a version 1 \"1.2\"\n",
              "\noutput b2 n 2 \"1\"\n", "\noutput sub/in deep 1 \"yes\"\n", " retry b1 {",
              "\"event\":\"run\",\"seq\":1,");
    /* In the order in which they were first heard of; rows of outputs hold the outputs. */
    assert_true(strstr(dump, "\nstep a ") < strstr(dump, "\nstep block "));
    assert_true(strstr(dump, "\nstep block ") < strstr(dump, "\nstep sub "));
    assert_null(strstr(dump, "\"outputs\""));
    free(dump);
    wfe_store_run run = look_at_run(store);
    assert_true(run.last_seq > 30);
    assert_true(run.elapsed_us > 0);
    assert_log("a", 1, "hello\n");
    assert_log("b2", 1, "try\n");
    assert_log("b2", 2, "try\n");
    assert_log("each[1]", 1, "item\n");
    assert_log("sub/in", 1, "inside\n");
    wfe_store_close(store);
}

static void test_record_store__a_run_is_there_when_it_has_ended(void **state)
{
    (void)state;
    odd.trouble = NO_TROUBLE;
    record_in(open_store(), rig.loop, 0, 0);
    build_story();
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    /* Transitions of one turn are one commit, at the least. */
    assert_true(odd.commits < odd.transitions);
    engine_rig_done(&rig);
    engine_rig_init(&rig);
    assert_story_is_stored();
    plan_builder_step(rig.builder, TOP, "a", "ok");
    rig.options.recorder = NULL;
    engine_rig_run(&rig, NULL);
}

static void test_record_store__without_a_loop_a_commit_is_durable_when_it_returns(void **state)
{
    (void)state;
    odd.trouble = NO_TROUBLE;
    record_in(open_store(), NULL, 0, 0);
    build_story();
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    engine_rig_done(&rig);
    engine_rig_init(&rig);
    assert_story_is_stored();
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
}

static void test_record_store__a_failed_run_says_why(void **state)
{
    (void)state;
    odd.trouble = NO_TROUBLE;
    record_in(open_store(), rig.loop, 0, 0);
    plan_builder_step(rig.builder, TOP, "a", "oom");
    plan_builder_step(rig.builder, TOP, "b", "ok");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_FAILED);
    engine_rig_done(&rig);
    engine_rig_init(&rig);
    wfe_store *store = open_store();
    char *dump = rig_dump(store, RUN);
    ASSERT_IN(dump, "run " RUN " failed 1 1 - ", "\nstep a - step failed 1 1 - 1 ",
              " oom - 0 {\"kind\":", "scripted failure of a",
              "\nstep b - step skipped 1 0 - 1 -1 - needs ");
    free(dump);
    wfe_store_close(store);
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
}

static void test_record_store__a_second_run_of_the_same_goes_on_with_the_numbers(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    uint64_t lease = 0;
    odd.trouble = NO_TROUBLE;
    record_in(open_store(), rig.loop, 0, 0);
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
    engine_rig_done(&rig);
    engine_rig_init(&rig);
    wfe_store *store = open_store();
    uint64_t last_seq = look_at_run(store).last_seq;
    assert_ok(store->claim(store, RUN, owner, 0, false, &lease, &err), &err);
    record_in(store, rig.loop, lease, last_seq);
    plan_builder_step(rig.builder, TOP, "b", "ok");
    assert_int_equal(engine_rig_run(&rig, NULL)->state, WFE_RUN_SUCCEEDED);
    engine_rig_done(&rig);
    engine_rig_init(&rig);
    store = open_store();
    char *dump = rig_dump(store, RUN), number[64];
    snprintf(number, sizeof number, "\"event\":\"run\",\"seq\":%llu,",
             (unsigned long long)last_seq + 1);
    ASSERT_IN(dump, "run " RUN " succeeded 1 2 - ", "\nstep a ", "\nstep b ", number);
    free(dump);
    wfe_store_close(store);
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
}

/* ---- wishes ---- */

static void on_asked(const char *what, void *user)
{
    (void)user;
    assert_string_equal(what, "cancel");
    wfe_engine_run_cancel(rig.run);
}

static void test_record_store__a_wish_of_another_process_reaches_the_run(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    asked = on_asked;
    record_in(open_store(), rig.loop, 0, 0);
    asked = NULL;
    plan_builder_step(rig.builder, TOP, "a", "hang");
    engine_rig_start(&rig, NULL);
    engine_rig_wait_for(&rig, "a:running");
    wfe_store *other = open_store();
    assert_ok(other->ask(other, RUN, "cancel", &err), &err);
    assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
    wfe_store_close(other);
}

/* ---- trouble ---- */

static void test_record_store__a_store_that_fails_at_any_commit_ends_the_run(void **state)
{
    (void)state;
    bool failed = true;
    unsigned n = 0;
    while (failed) {
        wfe_store *store = NULL;
        assert_int_equal(wfe_store_memory_open(&store, NULL), 0);
        odd.trouble = FAIL;
        odd.at = ++n;
        record_in(store, rig.loop, 0, 0);
        build_story();
        const wfe_engine_result *result = engine_rig_run(&rig, NULL);
        failed = result->state != WFE_RUN_SUCCEEDED;
        if (failed)
            assert_string_equal(result->error.message, "the disk is full");
        /* Nothing was stored after it. */
        assert_true(odd.commits <= odd.at || !failed);
        engine_rig_done(&rig);
        engine_rig_init(&rig);
    }
    assert_true(n > 6); /* each step waits for the one before it */
    odd = (odd_store){0};
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
}

static void take_run_away(engine_rig *from, const wfe_event *event)
{
    wfe_error err = WFE_ERROR_INIT;
    uint64_t lease = 0;
    if (event->kind != WFE_EVENT_STEP || strcmp(event->step, "a") != 0 ||
        event->step_state != WFE_STEP_IS_RUNNING)
        return;
    from->on_event = NULL;
    wfe_store *store = open_store();
    assert_ok(store->claim(store, RUN, "worker-7", 0, true, &lease, &err), &err);
    wfe_store_close(store);
}

static void test_record_store__a_run_that_was_taken_away_stops(void **state)
{
    (void)state;
    odd.trouble = NO_TROUBLE;
    record_in(open_store(), rig.loop, 0, 0);
    rig.on_event = take_run_away;
    plan_builder_step(rig.builder, TOP, "a", "sleep:1");
    plan_builder_step(rig.builder, TOP, "b", "ok");
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    assert_int_equal(result->state, WFE_RUN_FAILED);
    assert_int_equal(result->error.kind, WFE_E_CONFLICT);
    assert_contains(result->error.message, "worker-7");
    assert_int_equal(engine_rig_starts(&rig, "b"), 0);
}

/* The run of a process that dies at its n-th commit; false: it lived to the end. */
static bool run_until_killed(enum trouble trouble, unsigned n)
{
    int told[2];
    char left[sizeof rig.folder] = "";
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        rig_live_owner(owner);
        engine_rig_init(&rig);
        if (write(told[1], rig.folder, sizeof rig.folder) != sizeof rig.folder)
            _exit(1);
        odd.trouble = trouble;
        odd.at = n;
        record_in(open_store(), rig.loop, 0, 0);
        build_story();
        bool ok = engine_rig_run(&rig, NULL)->state == WFE_RUN_SUCCEEDED;
        engine_rig_done(&rig);
        _exit(!ok);
    }
    int status = 0;
    assert_int_equal(read(told[0], left, sizeof left), sizeof left);
    close(told[0]);
    close(told[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(wfe_fd_remove_tree(left, NULL), 0);
    if (WIFSIGNALED(status))
        return true;
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

typedef struct check {
    wfe_store *store;
    uint64_t seq;
    json_t *states; /* path: the last state an event told of */
    json_t *ends;   /* path: how often its success was recorded */
} check;

static int check_event(const wfe_store_event *event, void *user)
{
    check *c = user;
    json_t *json = json_loads(event->event, 0, NULL);
    assert_int_equal(event->seq, ++c->seq);
    assert_int_equal(json_integer_value(json_object_get(json, "seq")), event->seq);
    const char *state = json_string_value(json_object_get(json, "state"));
    if (event->step && state) {
        json_object_set_new(c->states, event->step, json_string(state));
        json_int_t n = json_integer_value(json_object_get(c->ends, event->step));
        if (strcmp(state, "succeeded") == 0)
            json_object_set_new(c->ends, event->step, json_integer(n + 1));
    }
    json_decref(json);
    return 0;
}

/* A row is what the last event about it says, or is ready. */
static int check_step(const wfe_store_step *step, void *user)
{
    check *c = user;
    const char *state = json_string_value(json_object_get(c->states, step->path));
    if (strcmp(step->state, "ready") != 0 && strcmp(step->state, "sleeping") != 0)
        assert_string_equal(step->state, state ? state : "(no event)");
    assert_true(json_integer_value(json_object_get(c->ends, step->path)) <= 1);
    assert_true(step->seq <= c->seq);
    return 0;
}

static void check_after_death(void)
{
    wfe_error err = WFE_ERROR_INIT;
    uint64_t lease = 0;
    char id[32];
    check c = {.store = open_store(), .states = json_object(), .ends = json_object()};
    assert_ok(c.store->events(c.store, RUN, 0, 0, check_event, &c, &err), &err);
    assert_ok(c.store->steps(c.store, RUN, check_step, &c, &err), &err);
    wfe_store_run run = look_at_run(c.store);
    assert_int_equal(run.last_seq, c.seq);
    if (!run.is_end) {
        assert_ok(c.store->claim_next(c.store, "next", 0, id, sizeof id, &lease, &err), &err);
        assert_string_equal(id, RUN);
        assert_int_equal(lease, 2);
    }
    json_decref(c.states);
    json_decref(c.ends);
    wfe_store_close(c.store);
}

static void test_record_store__a_run_killed_at_any_commit_is_whole_and_can_be_taken(void **state)
{
    (void)state;
    plan_builder_step(rig.builder, TOP, "a", "ok");
    engine_rig_run(&rig, NULL);
    for (enum trouble trouble = DIE_BEFORE; trouble <= DIE_AFTER; trouble++) {
        bool killed = true;
        unsigned n = 0;
        while (killed) {
            killed = run_until_killed(trouble, ++n);
            check_after_death();
            wfe_error err = WFE_ERROR_INIT;
            assert_ok(wfe_fd_remove_tree(folder, &err), &err);
        }
        print_message("killed at %u commits\n", n - 1);
        assert_true(n > 6); /* each step waits for the one before it */
    }
    odd = (odd_store){0};
}

/* ---- rows ---- */

static wfe_record_row *make_row(wfe_event event)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_record_row *row = NULL;
    wfe_record record = {.seq = 3, .event = &event, .wake_at_us = 77};
    event.at_us = 5;
    assert_ok(wfe_record_row_new(&record, RUN, 10, &row, &err), &err);
    assert_int_equal(row->seq, 3);
    assert_int_equal(row->transition.seq, 13);
    return row;
}

static void test_record_store__a_container_step_s_row_has_the_id_of_its_container(void **state)
{
    (void)state;
    char name[WFE_ENGINE_STEP_NAME_SIZE], id[WFE_ID_CONTAINER_SIZE], longest[300];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    static const wfe_plan_step container = {.type = WFE_PLAN_STEP_CONTAINERD};
    static const wfe_plan_step shell = {.type = WFE_PLAN_STEP_SHELL};
    wfe_event event = {.kind = WFE_EVENT_STEP,
                       .step = longest,
                       .plan_step = &container,
                       .step_state = WFE_STEP_IS_RUNNING,
                       .attempt = 2,
                       .exit_code = -1};
    wfe_record_row *row = make_row(event);
    wfe_engine_step_name(longest, name);
    assert_int_equal(strlen(name), WFE_ENGINE_STEP_NAME_SIZE - 1);
    wfe_id_container(id, RUN, name, 2);
    assert_string_equal(row->step.container, id);
    assert_true(row->step.begins);
    wfe_record_row_free(row);
    event.plan_step = &shell;
    row = make_row(event);
    assert_null(row->step.container);
    wfe_record_row_free(row);
}

static void test_record_store__a_service_is_a_row_of_its_own(void **state)
{
    (void)state;
    wfe_error error = WFE_ERROR_INIT;
    wfe_error_set(&error, WFE_E_TIMEOUT, "it was never ready");
    wfe_record_row *row = make_row((wfe_event){.kind = WFE_EVENT_SERVICE,
                                               .service = "db",
                                               .service_state = WFE_SERVICE_FAILED,
                                               .exit_code = -1,
                                               .error = &error});
    assert_true(row->step.is_service);
    assert_true(row->step.is_end);
    assert_string_equal(row->step.path, "db");
    char id[WFE_ID_CONTAINER_SIZE];
    wfe_id_container(id, RUN, "service:db", 1);
    assert_string_equal(row->step.container, id);
    assert_string_equal(row->step.state, "failed");
    assert_string_equal(row->step.error,
                        "{\"kind\":\"timeout\",\"message\":\"it was never ready\"}");
    wfe_record_row_free(row);
}

static void test_record_store__a_retry_s_row_sleeps_until_its_time(void **state)
{
    (void)state;
    wfe_record_row *row = make_row((wfe_event){.kind = WFE_EVENT_RETRY,
                                               .step = "a",
                                               .step_state = WFE_STEP_IS_SLEEPING,
                                               .cause = WFE_PLAN_CAUSE_TIMEOUT,
                                               .attempt = 1,
                                               .exit_code = -1});
    assert_string_equal(row->step.state, "sleeping");
    assert_string_equal(row->step.cause, "timeout");
    assert_int_equal(row->step.wake_at_us, 77);
    assert_false(row->step.is_end);
    wfe_record_row_free(row);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_record_store__##name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_run_is_there_when_it_has_ended),
        CASE(without_a_loop_a_commit_is_durable_when_it_returns),
        CASE(a_failed_run_says_why),
        CASE(a_wish_of_another_process_reaches_the_run),
        CASE(a_second_run_of_the_same_goes_on_with_the_numbers),
        CASE(a_store_that_fails_at_any_commit_ends_the_run),
        CASE(a_run_that_was_taken_away_stops),
        CASE(a_run_killed_at_any_commit_is_whole_and_can_be_taken),
        cmocka_unit_test(test_record_store__a_container_step_s_row_has_the_id_of_its_container),
        cmocka_unit_test(test_record_store__a_service_is_a_row_of_its_own),
        cmocka_unit_test(test_record_store__a_retry_s_row_sleeps_until_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
