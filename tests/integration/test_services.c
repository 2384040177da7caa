/* SPDX-License-Identifier: Apache-2.0
 *
 * Services of a run in real containers: ready in each of the ways, seen by steps and by nobody
 * else, told when they fail, and gone in the end.
 */
#include "engine/services.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "containerd/wfe_client.h"
#include "fixtures/images.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"
#include "fixtures/wfe_assert.h"
#include "fixtures/wfe_command.h"
#include "net/netns.h"

#define MAX_SERVICES 8

/* A run's services and what they told. */
typedef struct run {
    wfe_plan plan;
    wfe_plan_workflow workflow;
    wfe_plan_service list[MAX_SERVICES];
    char run_id[40];
    wfe_mask *mask;
    wfe_services *services;
    bool done; /* ready, or failed */
    bool ready;
    bool failed;
    bool stopped;
    unsigned n_ready;
    wfe_error error;
    wfe_error stop_error;
    char states[1024]; /* "web:starting web:running " */
    char lines[8192];
} run;

static wfe_plan_service service(const char *name, const char *script, enum wfe_plan_probe probe)
{
    static const uint16_t ports[] = {8080};
    return (wfe_plan_service){
        .name = name,
        .container = {.options = {.size = sizeof(wfe_step_options),
                                  .image = "busybox",
                                  .run = script,
                                  .grace_ms = 10000}},
        .ports = ports,
        .n_ports = 1,
        .probe = probe,
        .probe_port = 8080,
        .probe_path = "/index.html",
        .probe_pattern = "^ready to (accept|serve)",
        .probe_interval_ms = 100,
        .probe_timeout_ms = 30000,
        .probe_retries = 1000,
    };
}

static void run_init(run *r, const wfe_plan_service *list, uint32_t n)
{
    *r = (run){0};
    for (uint32_t i = 0; i < n; i++)
        r->list[i] = list[i];
    r->workflow.services = r->list;
    r->workflow.n_services = n;
    r->plan.workflows = &r->workflow;
    r->plan.n_workflows = 1;
    r->mask = wfe_mask_new();
    assert_non_null(r->mask);
    assert_ok(wfe_id_random(r->run_id, 32, NULL), NULL);
}

/* ---- listening ---- */

static void on_state(const wfe_plan_service *plan, enum wfe_service_state state,
                     const wfe_error *err, void *user)
{
    run *r = user;
    size_t len = strlen(r->states);
    assert_int_equal(err != NULL, state == WFE_SERVICE_FAILED);
    snprintf(r->states + len, sizeof r->states - len, "%s:%s ", plan->name,
             wfe_service_state_name(state));
}

static void on_line(const wfe_plan_service *plan, enum wfe_stream stream, const char *text,
                    size_t len, bool more, void *user)
{
    run *r = user;
    size_t used = strlen(r->lines);
    assert_false(more);
    snprintf(r->lines + used, sizeof r->lines - used, "%s/%d: %.*s\n", plan->name, (int)stream,
             (int)len, text);
}

static void on_ready(void *user)
{
    run *r = user;
    r->ready = true;
    r->n_ready++;
    r->done = true;
}

static void on_failed(const wfe_error *err, void *user)
{
    run *r = user;
    assert_false(r->failed);
    r->failed = true;
    r->error = *err;
    r->done = true;
}

static void on_stopped(const wfe_error *err, void *user)
{
    run *r = user;
    assert_false(r->stopped);
    r->stopped = true;
    if (err)
        r->stop_error = *err;
}

static const wfe_services_fns fns = {.state = on_state,
                                     .line = on_line,
                                     .ready = on_ready,
                                     .failed = on_failed,
                                     .stopped = on_stopped};

static wfe_client *client_of_runs;

static int find_client(const wfe_plan_container *container, wfe_client **ret, wfe_error *err,
                       void *user)
{
    (void)container;
    (void)err;
    (void)user;
    *ret = client_of_runs;
    return 0;
}

static wfe_services_options options_of(run *r)
{
    client_of_runs = step_client_of_group;
    return (wfe_services_options){.loop = step_client_of_group->loop,
                                  .plan = &r->plan,
                                  .run_id = r->run_id,
                                  .mask = r->mask,
                                  .client = find_client};
}

/* ---- moving along ---- */

static void run_start(run *r)
{
    wfe_error err = WFE_ERROR_INIT;
    const wfe_services_options options = options_of(r);
    assert_ok(wfe_services_start(&options, &fns, r, &r->services, &err), &err);
    assert_string_equal(r->states, "");
}

static void loop_until(const bool *done)
{
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_loop_run_until(step_client_of_group->loop, done, &err), &err);
}

static void loop_for(uint64_t ms)
{
    uint64_t end_us = wfe_clock_monotonic_us() + ms * 1000;
    while (wfe_clock_monotonic_us() < end_us) {
        wfe_loop_run_ready(step_client_of_group->loop);
        usleep(200);
    }
}

static void run_until_ready(run *r)
{
    run_start(r);
    loop_until(&r->done);
    if (r->failed)
        wfe_assert_print(&r->error);
    assert_true(r->ready);
}

/* A failure of one of n services, each of which is stopped then. */
static void run_until_failed(run *r, int kind)
{
    run_start(r);
    loop_until(&r->done);
    if (!r->failed)
        fail_msg("it is ready: %s", r->states);
    assert_fails(r->error.kind, kind, &r->error);
}

static void assert_nothing_left(private_containerd *daemon)
{
    private_containerd_assert_clean(daemon);
    DIR *entries = opendir(daemon->io_dir);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] != '.')
            fail_msg("%s is left in the I/O folder", entry->d_name);
    }
    closedir(entries);
}

static void run_stop(run *r, bool kill)
{
    wfe_services_stop(r->services, kill);
    assert_false(r->stopped);
    loop_until(&r->stopped);
    assert_ok(r->stop_error.kind, &r->stop_error);
    wfe_services_free(r->services);
    wfe_mask_free(r->mask);
    r->services = NULL;
    r->mask = NULL;
}

/* What a step of the run sees: its standard output. */
static const char *step_in(run *r, const char *script)
{
    static char env[8][128];
    static const char *list[9];
    const wfe_strmap *map = wfe_services_env(r->services);
    for (size_t i = 0; i < 8; i++) {
        list[i] = i < map->len ? env[i] : NULL;
        if (i < map->len)
            snprintf(env[i], sizeof env[i], "%s=%s", map->items[i].key, map->items[i].value);
    }
    wfe_step_options o = step_script(script);
    o.network = wfe_services_network(r->services);
    o.extra_hosts = wfe_services_hosts(r->services);
    o.env = list;
    return step_group_out(&o, script);
}

static const char *state_of(const run *r, const char *name)
{
    static char state[32];
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s:", name);
    state[0] = '\0';
    for (const char *p = r->states; (p = strstr(p, prefix)); p++)
        sscanf(p + strlen(prefix), "%31s", state);
    return state;
}

/* ---- readiness ---- */

#define WEB                                                                                        \
    "mkdir /tmp/web; sleep 0.3; echo hello >/tmp/web/index.html; exec httpd -f -p 8080 -h "        \
    "/tmp/web"

static void test_services__are_ready_in_each_of_the_ways(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const exec[] = {
        "sh", "-c",
        "test -e /tmp/made && test $WHO = me && grep -q '^Seccomp:.2' /proc/self/status", NULL};
    static const char *const env[] = {"WHO=me", NULL};
    static const uint16_t port[] = {5432};
    wfe_plan_service list[] = {
        service("web", WEB, WFE_PLAN_PROBE_HTTP),
        service("db", "sleep 0.3; while :; do nc -l -p 5432 </dev/null; done", WFE_PLAN_PROBE_TCP),
        service("queue", "sleep 0.3; touch /tmp/made; sleep 1000", WFE_PLAN_PROBE_EXEC),
        service("log", "echo not ready to serve; sleep 0.3; echo ready to serve >&2; sleep 1000",
                WFE_PLAN_PROBE_LOG),
        service("my-thing", "sleep 1000", WFE_PLAN_PROBE_NONE),
    };
    list[1].probe_port = 5432;
    list[1].ports = port;
    list[2].probe_exec = exec;
    list[2].n_ports = 0;
    list[2].container.options.env = env;
    run r;
    run_init(&r, list, 5);
    assert_true(wfe_services_needed(&r.plan));
    run_until_ready(&r);
    assert_int_equal(r.n_ready, 1);
    for (size_t i = 0; i < 5; i++) {
        char wanted[3][64];
        const char *states[] = {"starting", "running", "ready"}, *at = r.states;
        for (int k = 0; k < 3; k++) {
            snprintf(wanted[k], sizeof wanted[k], "%s:%s ", list[i].name, states[k]);
            at = strstr(at, wanted[k]);
            if (!at)
                fail_msg("'%s' is not where it should be in '%s'", wanted[k], r.states);
        }
    }
    step_assert_has(r.lines, "log/1: not ready to serve\nlog/2: ready to serve\n");
    assert_string_equal(step_in(&r, "wget -qO- http://web:8080/; wget -qO- "
                                    "http://$SVC_WEB_HOST:$SVC_WEB_PORT/; nc -w 5 db 5432 "
                                    "</dev/null && echo db; echo $SVC_DB_PORT; ls /sys/class/net; "
                                    "echo $SVC_MY_THING_HOST ${SVC_QUEUE_PORT-none}"),
                        "hello\nhello\ndb\n5432\nlo\n127.0.0.1 none\n");
    run_stop(&r, false);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(state_of(&r, list[i].name), "stopped");
    assert_false(r.failed);
    assert_nothing_left(daemon);
}

static void test_services__of_two_runs_never_meet(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    run runs[2];
    for (int i = 0; i < 2; i++) {
        const wfe_plan_service web = service(
            "web",
            i ? "mkdir /tmp/w; echo one >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"
              : "mkdir /tmp/w; echo zero >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w",
            WFE_PLAN_PROBE_HTTP);
        run_init(&runs[i], &web, 1);
        run_until_ready(&runs[i]);
    }
    assert_string_equal(step_in(&runs[0], "wget -qO- http://web:8080/"), "zero\n");
    assert_string_equal(step_in(&runs[1], "wget -qO- http://web:8080/"), "one\n");
    run_stop(&runs[0], false);
    assert_string_equal(step_in(&runs[1], "wget -qO- http://web:8080/"), "one\n");
    run_stop(&runs[1], false);
    assert_nothing_left(daemon);
}

static void test_services__logs_are_masked(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const wfe_plan_service list[] = {
        service("log",
                "printf hunt; sleep 0.2; echo er22; echo aHVudGVyMjI=; echo ready to serve; "
                "sleep 1000",
                WFE_PLAN_PROBE_LOG)};
    run r;
    run_init(&r, list, 1);
    assert_ok(wfe_mask_add(r.mask, "hunter22", 8, NULL), NULL);
    run_until_ready(&r);
    assert_string_equal(r.lines, "log/1: ***\nlog/1: ***\nlog/1: ready to serve\n");
    run_stop(&r, false);
    assert_nothing_left(daemon);
}

/* ---- failures ---- */

static void test_services__tell_of_one_that_dies_early(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const wfe_plan_service list[] = {
        service("web", WEB, WFE_PLAN_PROBE_HTTP),
        service("db", "echo first; echo the secret is hunter22; echo no space left >&2; exit 3",
                WFE_PLAN_PROBE_TCP)};
    run r;
    run_init(&r, list, 2);
    assert_ok(wfe_mask_add(r.mask, "hunter22", 8, NULL), NULL);
    run_until_failed(&r, WFE_E_UNAVAILABLE);
    step_assert_has(r.error.message, "service 'db' ended with exit code 3 before it was ready");
    step_assert_has(r.error.message, "the secret is ***");
    step_assert_has(r.error.message, "no space left");
    assert_false(r.ready);
    run_stop(&r, false);
    assert_string_equal(state_of(&r, "db"), "failed");
    assert_string_equal(state_of(&r, "web"), "stopped");
    assert_nothing_left(daemon);
}

static void test_services__tell_of_one_that_dies_while_steps_run(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const wfe_plan_service list[] = {
        service("db", "echo up; sleep 1; echo gone", WFE_PLAN_PROBE_NONE)};
    run r;
    run_init(&r, list, 1);
    run_until_ready(&r);
    loop_until(&r.failed);
    step_assert_has(r.error.message, "service 'db' ended with exit code 0 before the run did");
    step_assert_has(r.error.message, "up | gone");
    run_stop(&r, false);
    assert_nothing_left(daemon);
}

static void test_services__tell_of_one_that_is_never_ready(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const exec[] = {"sh", "-c", "exit 7", NULL};
    static const char *const absent[] = {"there-is-no-such", NULL};
    static const char *const hangs[] = {"sleep", "1000", NULL};
    wfe_plan_service list[] = {
        service("tcp", "sleep 1000", WFE_PLAN_PROBE_TCP),
        service("http", WEB, WFE_PLAN_PROBE_HTTP),
        service("exec", "sleep 1000", WFE_PLAN_PROBE_EXEC),
        service("absent", "sleep 1000", WFE_PLAN_PROBE_EXEC),
        service("hangs", "sleep 1000", WFE_PLAN_PROBE_EXEC),
        service("log", "echo almost ready to serve; sleep 1000", WFE_PLAN_PROBE_LOG),
    };
    static const char *const wanted[] = {"cannot connect to port 8080",
                                         "with 404",
                                         "exit code 7",
                                         "there-is-no-such",
                                         "within",
                                         "no line"};
    list[1].probe_path = "/missing";
    list[2].probe_exec = exec;
    list[3].probe_exec = absent;
    list[4].probe_exec = hangs;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        bool by_time = i >= 4;
        list[i].probe_interval_ms = by_time ? 100 : 50;
        list[i].probe_retries = by_time ? 100000 : 8;
        list[i].probe_timeout_ms = by_time ? 1000 : 60000;
        run r;
        run_init(&r, &list[i], 1);
        run_until_failed(&r, WFE_E_TIMEOUT);
        step_assert_has(r.error.message, "is not ready after ");
        step_assert_has(r.error.message, by_time ? "1000 ms" : "9 failed probes");
        if (i != 4) /* that one is still under way then */
            step_assert_has(r.error.message, wanted[i]);
        run_stop(&r, i % 2);
        assert_string_equal(state_of(&r, list[i].name), "failed");
        assert_nothing_left(daemon);
    }
}

static void test_services__tell_of_one_that_cannot_start(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_plan_service list[] = {service("a", "sleep 1000", WFE_PLAN_PROBE_NONE),
                               service("b", "sleep 1000", WFE_PLAN_PROBE_NONE)};
    run r;
    list[1].container.options.image = "there-is-no-such-image";
    list[1].container.pull = WFE_PLAN_PULL_NEVER;
    run_init(&r, list, 2);
    run_until_failed(&r, WFE_E_NOT_FOUND);
    step_assert_has(r.error.message, "service 'b'");
    run_stop(&r, false);
    list[1].container.options.image = "busybox";
    list[1].container.options.memory = "little";
    run_init(&r, list, 2);
    run_until_failed(&r, WFE_E_INVALID);
    step_assert_has(r.error.message, "service 'b'");
    assert_string_equal(state_of(&r, "b"), "failed");
    run_stop(&r, false);
    list[1].container.options.memory = NULL;
    list[1].probe = WFE_PLAN_PROBE_LOG;
    list[1].probe_pattern = "(";
    run_init(&r, list, 2);
    run_until_failed(&r, WFE_E_INVALID);
    step_assert_has(r.error.message, "regular expression");
    run_stop(&r, false);
    assert_nothing_left(daemon);
}

static void test_services__are_refused_before_anything_starts(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_error err = WFE_ERROR_INIT;
    const wfe_plan_service list[] = {service("db", "sleep 1000", WFE_PLAN_PROBE_NONE),
                                     service("db", "sleep 1000", WFE_PLAN_PROBE_NONE)};
    run r;
    run_init(&r, list, 2);
    wfe_services_options options = options_of(&r);
    assert_fails(wfe_services_start(&options, &fns, &r, &r.services, &err), WFE_E_INVALID, &err);
    step_assert_has(err.message, "'db'");
    r.workflow.n_services = 1;
    wfe_client_options far = step_client_options(daemon);
    far.address = "tcp://127.0.0.1:1";
    client_of_runs = step_client_with(&far);
    err = (wfe_error)WFE_ERROR_INIT;
    assert_fails(wfe_services_start(&options, &fns, &r, &r.services, &err), WFE_E_INVALID, &err);
    step_assert_has(err.message, "tcp://127.0.0.1:1");
    step_assert_hint(&err);
    wfe_client_free(client_of_runs);
    r.workflow.n_services = 0;
    assert_false(wfe_services_needed(&r.plan));
    wfe_mask_free(r.mask);
    assert_nothing_left(daemon);
}

/* ---- stopping ---- */

static void test_services__can_be_stopped_at_any_moment(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const exec[] = {"false", NULL};
    wfe_plan_service list[] = {service("a", "sleep 1000", WFE_PLAN_PROBE_TCP),
                               service("b", "sleep 1000", WFE_PLAN_PROBE_EXEC)};
    list[1].probe_exec = exec;
    list[1].probe_interval_ms = 10;
    for (uint64_t i = 0; i < 14; i++) {
        run r;
        run_init(&r, list, 2);
        run_start(&r);
        loop_for(i * 35);
        run_stop(&r, i % 3 == 2);
        assert_false(r.failed);
        assert_false(r.ready);
    }
    assert_nothing_left(daemon);
}

static void test_services__that_ignore_term_are_killed(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_plan_service list[] = {
        service("stubborn", "trap '' TERM; echo ready to serve; while :; do sleep 1; done",
                WFE_PLAN_PROBE_LOG)};
    run r;
    list[0].container.options.grace_ms = 300;
    run_init(&r, list, 1);
    run_until_ready(&r);
    run_stop(&r, false);
    list[0].container.options.grace_ms = 1000000;
    run_init(&r, list, 1);
    run_until_ready(&r);
    wfe_services_stop(r.services, false);
    loop_for(50);
    run_stop(&r, true);
    assert_nothing_left(daemon);
}

/* ---- wfe gc ---- */

static void gc(const private_containerd *daemon, const char *option, wfe_command_result *result)
{
    char address[160], io_dir[96], state_dir[96];
    snprintf(address, sizeof address, "CONTAINERD_ADDRESS=%s", daemon->address);
    snprintf(io_dir, sizeof io_dir, "WFE_IO_DIR=%s", daemon->io_dir);
    snprintf(state_dir, sizeof state_dir, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
    const char *const env[] = {address, io_dir, state_dir, NULL};
    const char *const args[] = {"gc", option, NULL};
    const wfe_command_options options = {.args = args, .env = env};
    wfe_command_run(&options, result);
    if (result->exit_code)
        fail_msg("wfe gc ended with %d: %s", result->exit_code, result->err);
}

/* In a process of its own that is killed once its services are ready. */
static void leave_behind(const private_containerd *daemon)
{
    int fds[2];
    char byte = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        wfe_client_options options = step_client_options(daemon);
        wfe_client *client = NULL;
        const wfe_plan_service list[] = {service("web", WEB, WFE_PLAN_PROBE_HTTP)};
        run r;
        run_init(&r, list, 1);
        wfe_services_options of_run = options_of(&r);
        if (wfe_client_new(&options, &client, NULL))
            _exit(1);
        client_of_runs = client;
        of_run.loop = client->loop;
        if (wfe_services_start(&of_run, &fns, &r, &r.services, NULL) ||
            wfe_loop_run_until(client->loop, &r.done, NULL) || !r.ready ||
            write(fds[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[0]);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_services__of_a_killed_run_are_removed_by_gc(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    wfe_command_result result;
    leave_behind(daemon);
    gc(daemon, "--dry-run", &result);
    step_assert_has(result.out, "would remove  container");
    step_assert_has(result.out, "would remove  network");
    wfe_command_result_done(&result);
    gc(daemon, NULL, &result);
    step_assert_has(result.out, "removed       network");
    wfe_command_result_done(&result);
    assert_nothing_left(daemon);
}

static int setup(void **state)
{
    return step_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services__are_ready_in_each_of_the_ways),
        cmocka_unit_test(test_services__of_two_runs_never_meet),
        cmocka_unit_test(test_services__logs_are_masked),
        cmocka_unit_test(test_services__tell_of_one_that_dies_early),
        cmocka_unit_test(test_services__tell_of_one_that_dies_while_steps_run),
        cmocka_unit_test(test_services__tell_of_one_that_is_never_ready),
        cmocka_unit_test(test_services__tell_of_one_that_cannot_start),
        cmocka_unit_test(test_services__are_refused_before_anything_starts),
        cmocka_unit_test(test_services__can_be_stopped_at_any_moment),
        cmocka_unit_test(test_services__that_ignore_term_are_killed),
        cmocka_unit_test(test_services__of_a_killed_run_are_removed_by_gc),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
