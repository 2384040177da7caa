/* SPDX-License-Identifier: Apache-2.0
 *
 * When a service is ready, or given up, by what its probes and its output say; without a container.
 */
#include <stdlib.h>

#include "engine/service_priv.h"
#include "fixtures/wfe_assert.h"

#define MAX_STATES 8

typedef struct told {
    enum wfe_service_state states[MAX_STATES];
    size_t n;
    bool failed;
    wfe_error error;
} told;

static void on_state(wfe_service *service, enum wfe_service_state state, const wfe_error *err,
                     void *user)
{
    (void)service;
    told *t = user;
    assert_true(t->n < MAX_STATES);
    t->states[t->n++] = state;
    if (err) {
        t->failed = true;
        t->error = *err;
    }
}

typedef struct rig {
    wfe_client client;
    wfe_plan_service plan;
    wfe_service *service;
    told told;
} rig;

static void rig_open(rig *r, enum wfe_plan_probe probe, const char *pattern)
{
    wfe_error err = WFE_ERROR_INIT;
    *r = (rig){
        .plan = {.name = "db",
                 .probe = probe,
                 .probe_pattern = pattern,
                 .probe_interval_ms = 10,
                 .probe_timeout_ms = 60000,
                 .probe_retries = 2},
    };
    assert_ok(wfe_loop_new(&r->client.loop, &err), &err);
    r->service = calloc(1, sizeof *r->service);
    assert_non_null(r->service);
    r->service->options = (wfe_service_options){.plan = &r->plan, .client = &r->client};
    r->service->fns.state = on_state;
    r->service->user = &r->told;
    r->service->state = WFE_SERVICE_STARTING;
    assert_ok(wfe_service_probe_init(r->service, &err), &err);
}

static void rig_close(rig *r)
{
    wfe_service_probe_done(r->service);
    free(r->service);
    wfe_loop_free(r->client.loop);
}

/* As service.c does when its command has been started. */
static void begin(rig *r)
{
    wfe_service_enter(r->service, WFE_SERVICE_RUNNING, NULL);
    wfe_service_probe_begin(r->service);
}

static void line(rig *r, const char *text)
{
    wfe_service_probe_line(r->service, text, strlen(text));
}

static bool is_ready(const rig *r)
{
    return r->service->state == WFE_SERVICE_READY;
}

static void test_service_probe__none_is_ready_when_it_runs(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, WFE_PLAN_PROBE_NONE, NULL);
    begin(&r);
    assert_true(is_ready(&r));
    rig_close(&r);
}

static void test_service_probe__log_waits_for_a_line_that_matches(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, WFE_PLAN_PROBE_LOG, "^ready (to|for) .*[0-9]$");
    begin(&r);
    line(&r, "not ready to serve 1");
    line(&r, "ready to serve");
    line(&r, "");
    assert_false(is_ready(&r));
    line(&r, "ready for port 5432");
    assert_true(is_ready(&r));
    line(&r, "ready for port 5432");
    assert_int_equal(r.told.n, 2);
    rig_close(&r);
}

/* A command may print before containerd has answered that it was started. */
static void test_service_probe__log_counts_a_line_that_comes_too_early(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, WFE_PLAN_PROBE_LOG, "ready");
    line(&r, "ready");
    assert_int_equal(r.told.n, 0);
    begin(&r);
    assert_int_equal(r.told.n, 2);
    assert_int_equal(r.told.states[0], WFE_SERVICE_RUNNING);
    assert_int_equal(r.told.states[1], WFE_SERVICE_READY);
    rig_close(&r);
}

static void test_service_probe__log_looks_at_the_beginning_of_a_long_line_only(void **state)
{
    (void)state;
    rig r;
    char text[16384];
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof text - 5, "ready", 5);
    rig_open(&r, WFE_PLAN_PROBE_LOG, "ready");
    begin(&r);
    wfe_service_probe_line(r.service, text, sizeof text);
    assert_false(is_ready(&r));
    memcpy(text, "\0ready", 6);
    wfe_service_probe_line(r.service, text, sizeof text);
    assert_true(is_ready(&r));
    rig_close(&r);
}

static void test_service_probe__log_says_what_did_not_come(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, WFE_PLAN_PROBE_LOG, "ready");
    r.plan.probe_timeout_ms = 20;
    begin(&r);
    assert_ok(wfe_loop_run_until(r.client.loop, &r.told.failed, NULL), NULL);
    assert_int_equal(r.told.error.kind, WFE_E_TIMEOUT);
    assert_contains(r.told.error.message, "'db' is not ready after 20 ms");
    assert_contains(r.told.error.message, "matches 'ready'");
    rig_close(&r);
}

static void test_service_probe__is_given_up_after_its_retries(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, WFE_PLAN_PROBE_TCP, NULL);
    r.plan.probe_port = 1; /* nobody listens there */
    begin(&r);
    assert_ok(wfe_loop_run_until(r.client.loop, &r.told.failed, NULL), NULL);
    assert_int_equal(r.told.error.kind, WFE_E_TIMEOUT);
    assert_contains(r.told.error.message, "after 3 failed probes: cannot connect to port 1");
    rig_close(&r);
}

static void test_service_probe__refuses_a_pattern_that_is_none(void **state)
{
    (void)state;
    rig r;
    wfe_error err = WFE_ERROR_INIT;
    rig_open(&r, WFE_PLAN_PROBE_NONE, "(");
    wfe_service_probe_done(r.service);
    r.plan.probe = WFE_PLAN_PROBE_LOG;
    assert_fails(wfe_service_probe_init(r.service, &err), WFE_E_INVALID, &err);
    assert_contains(err.message, "'('");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_probe__none_is_ready_when_it_runs),
        cmocka_unit_test(test_service_probe__log_waits_for_a_line_that_matches),
        cmocka_unit_test(test_service_probe__log_counts_a_line_that_comes_too_early),
        cmocka_unit_test(test_service_probe__log_looks_at_the_beginning_of_a_long_line_only),
        cmocka_unit_test(test_service_probe__log_says_what_did_not_come),
        cmocka_unit_test(test_service_probe__is_given_up_after_its_retries),
        cmocka_unit_test(test_service_probe__refuses_a_pattern_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
