/* SPDX-License-Identifier: Apache-2.0
 *
 * Which runs can go on, also when memory runs out while they are looked for.
 */
#include "cli/resume.h"

#include <malloc.h>

#include "base/strv.h"
#include "fixtures/wfe_assert.h"
#include "integration/failing_malloc.h"
#include "store/memory.h"

/* Nobody has them. */
static void make_run(wfe_store *store, const char *id)
{
    wfe_error err = WFE_ERROR_INIT;
    wfe_store_made_run made;
    const wfe_store_new_run run = {.id = id,
                                   .workflow = "main",
                                   .state = "starting",
                                   .hash = "sha256:00",
                                   .definition = "{}",
                                   .definition_len = 2,
                                   .inputs = "{}",
                                   .options = "{}"};
    assert_ok(store->create_run(store, &run, &made, &err), &err);
}

static void test_resume_search__survives_that_memory_runs_out(void **state)
{
    (void)state;
    wfe_error err = WFE_ERROR_INIT;
    wfe_store *store = NULL;
    bool failed = true;
    unsigned long n = 0;
    assert_int_equal(failing_malloc_init(), 0);
    /* What is not set is no NULL by luck; the sanitizers' allocator does so by itself. */
    (void)mallopt(M_PERTURB, 0x5a);
    assert_ok(wfe_store_memory_open(&store, &err), &err);
    make_run(store, "11111111-0000-4000-8000-000000000000");
    make_run(store, "22222222-0000-4000-8000-000000000000");
    while (failed) {
        char **ids = NULL;
        err = (wfe_error)WFE_ERROR_INIT;
        failing_malloc_arm(++n, false);
        int rc = wfe_resume_interrupted(store, &ids, &err);
        failed = failing_malloc_disarm();
        assert_int_equal(rc, failed ? WFE_E_NOMEM : 0);
        assert_int_equal(err.kind, rc);
        assert_int_equal(wfe_strv_length((const char *const *)ids), failed ? 0 : 2);
        if (!failed)
            assert_string_equal(ids[0], "11111111-0000-4000-8000-000000000000");
        wfe_strv_free(ids);
    }
    assert_true(n > 4);
    wfe_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_search__survives_that_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
