/* SPDX-License-Identifier: Apache-2.0
 *
 * A run in a state directory, made of a plan and brought back: its definition, inputs, settings and
 * images; what is secret; and all of it when memory runs out.
 */
#include "engine/run_store.h"

#include <unistd.h>

#include "base/fd.h"
#include "base/strv.h"
#include "engine/run_gc.h"
#include "fixtures/wfe_assert.h"
#include "integration/failing_malloc.h"
#include "workflow/load.h"

static char folder[40];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/dev/shm/wfe-runst-XXXXXX");
    if (!mkdtemp(folder)) {
        strcpy(folder, "/tmp/wfe-runst-XXXXXX");
        if (!mkdtemp(folder))
            return -1;
    }
    return failing_malloc_init();
}

static int tear_down(void **state)
{
    (void)state;
    return wfe_fd_remove_tree(folder, NULL);
}

static const char workflow[] =
    "workflow:\n  id: build\n  version: 1\n  inputs: {password: string, n: integer}\n"
    "  steps:\n    - name: a\n      type: containerd\n      config:\n        image: x\n"
    "        run: 'echo ((n))'\n        registry_auth:\n"
    "          localhost:1: {username: me, password: ((password))}\n";

static int load(wfe_plan **ret, wfe_error *err)
{
    static const char *const inputs[] = {"password=very-secret", "n=3", NULL};
    const wfe_plan_load_options options = {
        .text = workflow, .text_len = sizeof workflow - 1, .input_texts = inputs};
    return wfe_plan_load(&options, ret, NULL, err);
}

static int make_settings(wfe_run_settings *settings, wfe_error *err)
{
    static const char *const dirs[] = {"/etc/one", "/etc/two", NULL};
    int rc = wfe_strv_copy(dirs, &settings->hosts_dirs, err);
    settings->working_dir = strdup("/work");
    settings->namespace_name = strdup("ci");
    settings->jobs = 7;
    settings->keep_on_failure = true;
    settings->log_step_max_bytes = 1000;
    settings->images = json_pack("{ss}", "x", "sha256:aa");
    if (!settings->working_dir || !settings->namespace_name || !settings->images)
        return wfe_error_nomem(err);
    return rc;
}

/* Makes a run of the plan in the store. */
static int make_run(wfe_store *store, const wfe_plan *plan, wfe_run_handle *handle, wfe_error *err)
{
    _cleanup_(wfe_run_settings_done) wfe_run_settings settings = {0};
    int rc = make_settings(&settings, err);
    const wfe_run_store_new run = {.plan = plan, .settings = &settings};
    return rc ? rc : wfe_run_store_create(store, &run, handle, err);
}

static void test_run_store__brings_back_what_was_stored(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    wfe_run_handle handle;
    wfe_stored_run *run = NULL;
    wfe_plan *plan = NULL;
    assert_ok(wfe_run_store_open(folder, false, &store, &err), &err);
    assert_ok(load(&plan, &err), &err);
    assert_ok(make_run(store, plan, &handle, &err), &err);
    wfe_plan_free(plan);
    plan = NULL;
    assert_string_equal(handle.name, "build-1");
    assert_int_equal(handle.id[14], '4');
    wfe_store_close(store);

    assert_ok(wfe_run_store_open(folder, true, &store, &err), &err);
    assert_ok(wfe_stored_run_load(store, "build-1", &run, &err), &err);
    assert_string_equal(run->row.id, handle.id);
    assert_string_equal(run->settings.working_dir, "/work");
    assert_string_equal(run->settings.namespace_name, "ci");
    assert_null(run->settings.address);
    assert_string_equal(run->settings.hosts_dirs[1], "/etc/two");
    assert_null(run->settings.hosts_dirs[2]);
    assert_int_equal(run->settings.jobs, 7);
    assert_true(run->settings.keep_on_failure);
    assert_int_equal(run->settings.log_step_max_bytes, 1000);
    assert_ok(wfe_stored_run_images(store, run, &err), &err);
    assert_string_equal(json_string_value(json_object_get(run->settings.images, "x")), "sha256:aa");
    /* The secret input is not there, and has to be given again. */
    assert_null(json_object_get(run->inputs, "password"));
    assert_fails(wfe_stored_run_plan(store, run, NULL, NULL, &plan, &err), WFE_E_INVALID, &err);
    assert_contains(err.hint, "-i password=");
    err = (wfe_error)WFE_ERROR_INIT;
    static const char *const again[] = {"password=other", NULL};
    assert_ok(wfe_stored_run_plan(store, run, NULL, again, &plan, &err), &err);
    assert_int_equal(json_integer_value(json_object_get(plan->inputs, "n")), 3);
    assert_string_equal(plan->steps[0].config.container->registry_auth[0].password, "other");
    wfe_plan_free(plan);
    wfe_stored_run_free(run);
    wfe_store_close(store);
}

static void test_run_store__an_empty_folder_has_no_runs(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    char path[64];
    assert_fails(wfe_run_store_open(folder, true, &store, &err), WFE_E_NOT_FOUND, &err);
    snprintf(path, sizeof path, "%s/wfe.db", folder);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_run_store__a_removed_run_takes_its_logs_along(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    wfe_run_handle handle;
    wfe_plan *plan = NULL;
    char path[128];
    assert_ok(wfe_run_store_open(folder, false, &store, &err), &err);
    assert_ok(load(&plan, &err), &err);
    assert_ok(make_run(store, plan, &handle, &err), &err);
    wfe_plan_free(plan);
    snprintf(path, sizeof path, "%s/runs/%s", folder, handle.id);
    assert_ok(wfe_fd_make_dirs(path, 0700, &err), &err);
    assert_fails(wfe_run_store_remove(store, folder, handle.id, &err), WFE_E_CONFLICT, &err);
    assert_int_equal(access(path, F_OK), 0);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_ok(store->release(store, handle.id, handle.lease, &err), &err);
    assert_ok(wfe_run_store_remove(store, folder, handle.id, &err), &err);
    assert_int_equal(access(path, F_OK), -1);
    wfe_store_close(store);
}

/* Somebody goes on with a run between the look at which are garbage and their end. */
static void test_run_store__garbage_is_not_what_somebody_has_by_now(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    wfe_run_handle handle, again;
    wfe_plan *plan = NULL;
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = NULL;
    _cleanup_(wfe_strv_free_p) char **kept = NULL;
    assert_ok(wfe_run_store_open(folder, false, &store, &err), &err);
    assert_ok(load(&plan, &err), &err);
    assert_ok(make_run(store, plan, &handle, &err), &err);
    wfe_plan_free(plan);
    assert_ok(store->release(store, handle.id, handle.lease, &err), &err);
    assert_ok(wfe_stored_run_load(store, handle.id, &run, &err), &err);
    const wfe_run_gc_options options = {.state_dir = folder,
                                        .store = store,
                                        .tmp_dir = "/nonexistent",
                                        .volume_dir = "/nonexistent",
                                        .interrupted = true};
    assert_ok(wfe_run_gc_kept(&options, &kept, &err), &err);
    for (char **id = kept; *id; id++)
        assert_string_not_equal(*id, handle.id);
    assert_ok(wfe_run_store_claim(store, &run->row, &again, &err), &err);
    assert_ok(wfe_run_gc(&options, &kept, &err), &err);
    bool is_kept = false;
    for (char **id = kept; *id; id++)
        is_kept = is_kept || strcmp(*id, handle.id) == 0;
    assert_true(is_kept);
    assert_ok(store->release(store, again.id, again.lease, &err), &err);
    assert_ok(wfe_run_store_remove(store, folder, handle.id, &err), &err);
    wfe_store_close(store);
}

/* ---- without memory ---- */

static int collect_garbage(wfe_store *store, wfe_error *err)
{
    _cleanup_(wfe_strv_free_p) char **kept = NULL;
    const wfe_run_gc_options options = {.state_dir = folder,
                                        .store = store,
                                        .tmp_dir = "/nonexistent",
                                        .volume_dir = "/nonexistent",
                                        .interrupted = true,
                                        .runs_before_us = 1};
    int rc = wfe_run_gc_kept(&options, &kept, err);
    return rc ? rc : wfe_run_gc(&options, &kept, err);
}

/* Without reading YAML and opening SQLite, which have tests of this kind for themselves. */
static int tell_story(wfe_store *store, const wfe_plan *plan, wfe_run_handle *handle,
                      wfe_error *err)
{
    _cleanup_(wfe_stored_run_free_p) wfe_stored_run *run = NULL;
    int rc = make_run(store, plan, handle, err);
    if (!rc)
        rc = wfe_stored_run_load(store, handle->id, &run, err);
    if (!rc)
        rc = wfe_stored_run_images(store, run, err);
    if (!rc)
        rc = store->release(store, handle->id, handle->lease, err);
    if (!rc)
        rc = collect_garbage(store, err);
    return rc;
}

/* What would be left is found by the sanitizer: the store's own cache grows. */
static void test_run_store__memory_that_runs_out_is_said_and_nothing_is_left(void **state)
{
    (void)state;
    unsigned long failed = 1, n = 0;
    wfe_error err = WFE_ERROR_INIT;
    wfe_plan *plan = NULL;
    wfe_store *store = NULL;
    wfe_run_handle handle = {.lease = 0};
    /* Libraries that abort or keep something for good when they have no memory. */
    failing_malloc_spares[0] = "libjansson";
    failing_malloc_spares[1] = "libsqlite3";
    assert_ok(load(&plan, &err), &err);
    assert_ok(wfe_run_store_open(folder, false, &store, &err), &err);
    assert_ok(tell_story(store, plan, &handle, &err), &err); /* what libraries keep for good */
    while (failed && n < 1000) {
        handle = (wfe_run_handle){.lease = 0};
        err = (wfe_error)WFE_ERROR_INIT;
        failing_malloc_arm(++n, false);
        int rc = tell_story(store, plan, &handle, &err);
        failed = failing_malloc_disarm();
        /* The next one begins with no runs, too. */
        if (handle.lease && !store->release(store, handle.id, handle.lease, NULL))
            store->remove(store, handle.id, NULL);
        if (rc && rc != WFE_E_NOMEM)
            wfe_assert_print(&err);
        assert_true(!rc || rc == WFE_E_NOMEM);
        assert_int_equal(err.kind, rc);
    }
    print_message("%lu allocations\n", n - 1);
    assert_true(n > 10 && !failed);
    wfe_store_close(store);
    wfe_plan_free(plan);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_run_store__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(brings_back_what_was_stored),
        CASE(an_empty_folder_has_no_runs),
        CASE(a_removed_run_takes_its_logs_along),
        CASE(garbage_is_not_what_somebody_has_by_now),
        CASE(memory_that_runs_out_is_said_and_nothing_is_left),
    };
    return cmocka_run_group_tests_name("run_store", tests, NULL, NULL);
}
