/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores, logs and the recorder when memory runs out at any allocation: it is said, nothing is half
 * done, and nothing is left.
 */
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/record_store.h"
#include "fixtures/store_rig.h"
#include "fixtures/wfe_assert.h"
#include "integration/failing_malloc.h"
#include "store/log_reader.h"
#include "store/memory.h"
#include "store/sqlite.h"

static char folder[40];
static char db_path[64];
static char owner[WFE_OWNER_TEXT_SIZE];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/dev/shm/wfe-nomem-XXXXXX");
    if (!mkdtemp(folder)) {
        strcpy(folder, "/tmp/wfe-nomem-XXXXXX");
        if (!mkdtemp(folder))
            return -1;
    }
    snprintf(db_path, sizeof db_path, "%s/wfe.db", folder);
    rig_live_owner(owner);
    return failing_malloc_init();
}

static int tear_down(void **state)
{
    (void)state;
    return wfe_fd_remove_tree(folder, NULL);
}

/* Something to do with a new state in folder; 0, or how it failed. */
typedef int (*story_fn)(wfe_error *err);

/* Tells the story with each allocation failing once, until none fails any more. */
static void tell_without_memory(story_fn story, void (*check)(int rc))
{
    unsigned long failed = 1, n = 0;
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(story(&err), &err); /* what libraries keep for good */
    while (failed) {
        assert_int_equal(wfe_fd_remove_tree(folder, NULL), 0);
        long live = failing.live;
        err = (wfe_error)WFE_ERROR_INIT;
        failing_malloc_arm(++n, false);
        int rc = story(&err);
        failed = failing_malloc_disarm();
        if (rc && rc != WFE_E_NOMEM)
            wfe_assert_print(&err);
        assert_true(!rc || rc == WFE_E_NOMEM);
        assert_int_equal(err.kind, rc);
        assert_int_equal(failing.live, live);
        if (check)
            check(rc);
    }
    print_message("%lu allocations\n", n - 1);
    assert_true(n > 10);
}

static int count_run(const wfe_store_run *run, void *user)
{
    *(int64_t *)user += run->key;
    return 0;
}

static int count_output(const wfe_store_output *output, void *user)
{
    *(int64_t *)user += output->attempt;
    return 0;
}

static int use_store(wfe_store *store, wfe_error *err)
{
    wfe_store_made_run made = {0};
    wfe_store_step_change steps[2];
    static const char *const ready[] = {"b", "c"};
    wfe_store_output output = {.step = "a", .name = "n", .value = "1", .attempt = 1};
    wfe_store_run_change end = {.state = "succeeded", .is_end = true, .outputs = "{}"};
    wfe_store_transition all[] = {rig_transition(1, &steps[0], "a", "running"),
                                  rig_transition(2, &steps[1], "a", "succeeded")};
    wfe_store_new_run run = {.id = "run",
                             .workflow = "w",
                             .state = "s",
                             .hash = "h",
                             .definition = "d",
                             .definition_len = 1,
                             .owner = owner};
    int64_t sum = 0;
    uint64_t lease = 0;
    char *bytes = NULL;
    size_t len = 0;
    all[1].outputs = &output;
    all[1].n_outputs = 1;
    all[1].ready = ready;
    all[1].n_ready = 2;
    all[1].ready_state = "ready";
    all[1].run = &end;
    int rc = store->create_run(store, &run, &made, err);
    if (!rc)
        rc = store->ask(store, "run", "cancel", err);
    if (!rc)
        rc = store->record(store, "run", made.lease, all, 2, err);
    if (!rc)
        rc = store->claim(store, "run", owner, 0, false, &lease, err);
    if (!rc)
        rc = store->find(store, "w-1", count_run, &sum, err);
    if (!rc)
        rc = store->runs(store, &(wfe_store_filter){.state = "succeeded"}, count_run, &sum, err);
    if (!rc)
        rc = store->outputs(store, "run", NULL, count_output, &sum, err);
    if (!rc)
        rc = store->definition(store, "h", &bytes, &len, err);
    if (!rc)
        free(bytes);
    if (!rc)
        rc = store->release(store, "run", lease, err);
    if (!rc)
        rc = store->remove(store, "run", err);
    return rc;
}

static int use_memory(wfe_error *err)
{
    wfe_store *store = NULL;
    int rc = wfe_store_memory_open(&store, err);
    if (!rc)
        rc = use_store(store, err);
    wfe_store_close(store);
    return rc;
}

static int use_sqlite(wfe_error *err)
{
    wfe_store *store = NULL;
    int rc = wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = db_path}, &store, err);
    if (!rc)
        rc = use_store(store, err);
    wfe_store_close(store);
    return rc;
}

/* Whatever failed, the file opens and holds the whole run, or what was before it. */
static void check_file(int rc)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    (void)rc;
    assert_ok(wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = db_path}, &store, &err),
              &err);
    int64_t sum = 0;
    assert_ok(store->runs(store, &(wfe_store_filter){0}, count_run, &sum, &err), &err);
    assert_true(sum == 0 || sum == 1);
    wfe_store_close(store);
}

static void test_store_nomem__of_memory(void **state)
{
    (void)state;
    tell_without_memory(use_memory, NULL);
}

static void test_store_nomem__of_sqlite(void **state)
{
    (void)state;
    tell_without_memory(use_sqlite, check_file);
}

/* A transition that fails changes nothing of what was there. */
static void test_store_nomem__a_transition_is_whole_or_not_there(void **state)
{
    (void)state;
    for (int sqlite = 0; sqlite <= 1; sqlite++) {
        wfe_error err = WFE_ERROR_INIT;
        wfe_store *store = NULL;
        if (sqlite)
            assert_ok(
                wfe_store_sqlite_open(&(wfe_store_sqlite_options){.path = db_path}, &store, &err),
                &err);
        else
            assert_ok(wfe_store_memory_open(&store, &err), &err);
        uint64_t lease = rig_make_run(store, "run", owner).lease;
        char *before = rig_dump(store, "run");
        wfe_store_step_change step;
        wfe_store_output output = {.step = "a", .name = "n", .value = "1", .attempt = 1};
        wfe_store_transition t = rig_transition(1, &step, "a", "succeeded");
        t.outputs = &output;
        t.n_outputs = 1;
        int rc = WFE_E_NOMEM;
        for (unsigned long n = 1; rc; n++) {
            err = (wfe_error)WFE_ERROR_INIT;
            failing_malloc_arm(n, true);
            rc = store->record(store, "run", lease, &t, 1, &err);
            failing_malloc_disarm();
            if (!rc)
                break;
            assert_fails(rc, WFE_E_NOMEM, &err);
            char *after = rig_dump(store, "run");
            assert_string_equal(before, after);
            free(after);
        }
        char *after = rig_dump(store, "run");
        assert_contains(after, "output a n 1 1");
        free(after);
        free(before);
        wfe_store_close(store);
    }
}

static int list_attempt(const wfe_log_attempt_info *info, void *user)
{
    *(uint64_t *)user += info->bytes[WFE_LOG_STDOUT];
    return 0;
}

static int use_logs(wfe_error *err)
{
    wfe_logs *logs = NULL;
    wfe_log_reader *reader = NULL;
    wfe_log_piece piece;
    uint64_t sum = 0;
    wfe_logs_options options = {.state_dir = folder, .run_id = "run"};
    wfe_log_reader_options read = {
        .state_dir = folder, .run_id = "run", .step = "x/a[1]", .attempt = 1};
    int rc = wfe_logs_open(&options, &logs, err);
    for (int i = 0; !rc && i < 3; i++)
        rc = wfe_logs_write(logs, "x/a[1]", 1, (enum wfe_log_stream)(i % 2), "text", 4, err);
    if (!rc)
        rc = wfe_logs_finish_synced(logs, "x/a[1]", 1, err);
    if (!rc)
        rc = wfe_log_list(folder, "run", list_attempt, &sum, err);
    if (!rc)
        rc = wfe_log_reader_new(&read, &reader, err);
    while (!rc) {
        rc = wfe_log_reader_next(reader, &piece, err);
        if (rc != 1)
            break;
        rc = 0;
    }
    wfe_log_reader_free(reader);
    wfe_logs_close(logs);
    return rc;
}

static void test_store_nomem__of_logs(void **state)
{
    (void)state;
    tell_without_memory(use_logs, NULL);
}

static void on_acknowledged(uint64_t seq, const wfe_error *err, void *user)
{
    (void)err;
    *(uint64_t *)user = seq;
}

/* Without a thread, since memory fails for this one only. */
static int use_recorder(wfe_error *err)
{
    wfe_store *store = NULL;
    wfe_logs *logs = NULL;
    wfe_recorder *recorder = NULL;
    wfe_store_made_run made = {0};
    uint64_t seq = 0;
    wfe_store_new_run run = {
        .id = "run", .workflow = "w", .state = "s", .hash = "h", .owner = owner};
    wfe_event event = {.kind = WFE_EVENT_STEP,
                       .step = "a",
                       .owner = "block",
                       .step_state = WFE_STEP_IS_FAILED,
                       .attempt = 1,
                       .at_us = 5,
                       .cause = WFE_PLAN_CAUSE_EXIT};
    wfe_error why = WFE_ERROR_INIT;
    wfe_error_set(&why, WFE_E_CONFLICT, "it failed");
    event.error = &why;
    static const char *const ready[] = {"b"};
    wfe_record record = {.seq = 1, .event = &event, .ready = ready, .n_ready = 1};
    json_t *outputs = json_pack("{ss}", "n", "1");
    event.outputs = outputs;
    int rc = outputs ? wfe_store_memory_open(&store, err) : wfe_error_nomem(err);
    if (!rc)
        rc = store->create_run(store, &run, &made, err);
    wfe_logs_options log_options = {.state_dir = folder, .run_id = "run"};
    if (!rc)
        rc = wfe_logs_open(&log_options, &logs, err);
    wfe_recorder_store_options options = {
        .store = store, .logs = logs, .run_id = "run", .lease = made.lease};
    if (!rc)
        rc = wfe_recorder_store_new(&options, &recorder, err);
    if (rc) {
        wfe_logs_close(logs);
        wfe_store_close(store);
        json_decref(outputs);
        return rc;
    }
    recorder->attach(recorder, on_acknowledged, &seq);
    rc = recorder->log(recorder, "a", 1, WFE_STDOUT, "x", 1, err);
    if (!rc)
        rc = recorder->put(recorder, &record, err);
    if (!rc)
        rc = recorder->commit(recorder, err);
    if (!rc)
        assert_int_equal(seq, 1);
    recorder->free(recorder);
    json_decref(outputs);
    return rc;
}

static void test_store_nomem__of_the_recorder(void **state)
{
    (void)state;
    tell_without_memory(use_recorder, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_store_nomem__##name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(of_memory), CASE(of_sqlite),       CASE(a_transition_is_whole_or_not_there),
        CASE(of_logs),   CASE(of_the_recorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
