/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking after a registry while memory runs out at every allocation in turn: it is told, or said
 * that there is no memory, and no copy of a login stays. Nobody listens where it is asked for.
 */
#include "../integration/failing_malloc.h"

#include <wfe/wfe.h>

#include "fixtures/wfe_assert.h"

static void on_finding(const wfe_finding *finding, void *user)
{
    (void)finding;
    ++*(int *)user;
}

/* Gives the number of allocations that failed, and in *ret_left how many blocks were not freed. */
static unsigned long ask(unsigned long fail_at, long *ret_left)
{
    static const wfe_registry_login logins[] = {
        {.username = "somebody", .password = "hunter2"},
        {.host = "127.0.0.1:9", .username = "somebody", .password = "hunter3"},
    };
    const wfe_registry_access access = {.size = sizeof access, .logins = logins, .n_logins = 2};
    const wfe_client_options options = {
        .size = sizeof options, .address = "/no/such.sock", .state_dir = "/no/such"};
    enum wfe_finding_level worst = WFE_FINDING_OK;
    wfe_error err = WFE_ERROR_INIT;
    wfe_client *client = NULL;
    int told = 0;
    long live = failing.live;
    assert_ok(wfe_client_new(&options, &client, &err), &err);
    failing_malloc_arm(fail_at, false);
    int rc = wfe_doctor_registry(client, "127.0.0.1:1", &access, on_finding, &told, &worst, &err);
    unsigned long failed = failing_malloc_disarm();
    wfe_client_free(client);
    if (rc)
        assert_fails(rc, WFE_E_NOMEM, &err);
    assert_int_equal(told, rc ? 0 : 1);
    *ret_left = failing.live - live;
    return failed;
}

static void test_doctor_registry__frees_the_logins_when_memory_runs_out(void **state)
{
    (void)state;
    assert_int_equal(failing_malloc_init(), 0);
    long left = 0;
    unsigned long n = 1;
    ask(0, &left); /* what is made once is made then, and stays */
    for (; ask(n, &left) > 0; n++) {
        /* Libraries keep what they make for their first error; a leak comes again. */
        if (left)
            ask(n, &left);
        if (left)
            fail_msg("allocation %lu failing: %ld blocks leaked", n, left);
    }
    assert_true(n > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doctor_registry__frees_the_logins_when_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
