/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs whose steps are containers, on a real containerd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "containerd/wfe_client.h"
#include "fixtures/engine_rig.h"
#include "fixtures/images.h"
#include "fixtures/private_containerd.h"

#define TOP WFE_PLAN_NONE

static private_containerd *daemon_of_group;
static engine_rig rig;

static int group_set_up(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0])
        images_need_busybox(daemon);
    return rc;
}

static int make_client(wfe_loop *loop, const wfe_client_options *given, wfe_client **ret,
                       wfe_error *err, void *user)
{
    const private_containerd *daemon = user;
    wfe_client_options options = *given;
    if (!options.address)
        options.address = daemon->address;
    options.io_dir = daemon->io_dir;
    options.state_dir = daemon->dir;
    return wfe_client_new_on(loop, &options, ret, err);
}

static void begin(void **state)
{
    daemon_of_group = private_containerd_of(state);
    engine_rig_init(&rig);
    rig.options.step_types = NULL;
    rig.options.make_client = make_client;
    rig.options.make_client_user = daemon_of_group;
    rig.options.jobs = 8;
}

static void end(void)
{
    engine_rig_done(&rig);
    private_containerd_assert_clean(daemon_of_group);
}

static wfe_step_options script(const char *run)
{
    char *copy = plan_builder_alloc(rig.builder, strlen(run) + 1);
    return (wfe_step_options){.size = sizeof(wfe_step_options),
                              .image = "docker.io/library/busybox:latest",
                              .run = strcpy(copy, run),
                              .user = "0:0",
                              .grace_ms = 2000};
}

static uint32_t container(uint32_t parent, const char *name, const char *run)
{
    wfe_step_options options = script(run);
    return plan_builder_container(rig.builder, parent, name, &options);
}

/* Turns a shell hook into a container. */
static uint32_t hook(uint32_t owner, enum wfe_plan_role role, const char *name, const char *run)
{
    uint32_t step = plan_builder_hook(rig.builder, owner, role, name, "");
    wfe_plan_container *config = plan_builder_alloc(rig.builder, sizeof *config);
    config->options = script(run);
    plan_builder_at(rig.builder, step)->type = WFE_PLAN_STEP_CONTAINERD;
    plan_builder_at(rig.builder, step)->config.container = config;
    return step;
}

static const wfe_engine_result *run_to(enum wfe_run_state state)
{
    const wfe_engine_result *result = engine_rig_run(&rig, NULL);
    if (result->state != state)
        fail_msg("the run %s: %s\n%s\n%s", wfe_run_state_name(result->state), result->error.message,
                 rig.log, rig.output);
    return result;
}

static void wait_for_output(const char *text)
{
    for (int i = 0; !strstr(rig.output, text); i++) {
        if (rig.done || i > 20000)
            fail_msg("'%s' was not printed:\n%s\n%s", text, rig.output, rig.log);
        wfe_loop_run_ready(rig.loop);
        usleep(1000);
    }
}

static void test_engine_containers__pass_outputs_on_whatever_is_in_them(void **state)
{
    begin(state);
    container(TOP, "a",
              "echo '##wfe[output quotes=a \"b\" c=]'\n"
              "printf 'lines<<E\\nöne\\n  two\\nE\\n' >>$WFE_OUTPUT\n"
              "{ printf 'big='; head -c 1048576 /dev/zero | tr '\\0' x; echo; } >>$WFE_OUTPUT");
    container(TOP, "b", "echo \"[$QUOTES] [$LINES] ${#BIG}\"");
    const wfe_engine_result *result = run_to(WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.output, "a: ##wfe[output quotes=a \"b\" c=]\nb: [a \"b\" c=] [öne\n"
                                    "b:   two] 0\n");
    assert_int_equal(json_string_length(json_object_get(result->data, "big")), 1048576);
    end();
}

static void overlap(uint32_t jobs)
{
    rig.options.jobs = jobs;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    container(block, "a",
              "read u _ </proc/uptime; echo \"##wfe[output a0=$u]\"; sleep 1\n"
              "read u _ </proc/uptime; echo \"##wfe[output a1=$u]\"");
    container(block, "b",
              "read u _ </proc/uptime; echo \"##wfe[output b0=$u]\"; sleep 1\n"
              "read u _ </proc/uptime; echo \"##wfe[output b1=$u]\"");
    const json_t *data = run_to(WFE_RUN_SUCCEEDED)->data;
    static const char *const keys[] = {"a0", "a1", "b0", "b1"};
    double t[4];
    for (int i = 0; i < 4; i++)
        t[i] = strtod(json_string_value(json_object_get(data, keys[i])), NULL);
    assert_int_equal(t[0] < t[3] && t[2]<t[1], jobs> 1);
}

static void test_engine_containers__overlap_in_time_by_their_own_clocks(void **state)
{
    begin(state);
    overlap(2);
    end();
}

static void test_engine_containers__do_not_overlap_with_one_job(void **state)
{
    begin(state);
    overlap(1);
    end();
}

static void test_engine_containers__two_hundred_in_parallel(void **state)
{
    begin(state);
    rig.options.jobs = 20;
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    for (int i = 0; i < 200; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        container(block, name, "echo done");
    }
    assert_int_equal(run_to(WFE_RUN_SUCCEEDED)->n_succeeded, 201);
    end();
}

static void test_engine_containers__two_hundred_in_a_row(void **state)
{
    begin(state);
    container(TOP, "start", "echo '##wfe[output n=0]'");
    for (int i = 0; i < 200; i++) {
        char name[8];
        snprintf(name, sizeof name, "c%d", i);
        container(TOP, name, "echo \"##wfe[output n=$((N + 1))]\"");
    }
    const wfe_engine_result *result = run_to(WFE_RUN_SUCCEEDED);
    assert_string_equal(json_string_value(json_object_get(result->data, "n")), "200");
    end();
}

enum how { SUCCEEDS, FAILS, TIMES_OUT, IS_CANCELLED };

static void test_engine_containers__run_their_hooks_however_they_end(void **state)
{
    static const struct {
        const char *run, *end;
        enum wfe_run_state state;
        bool on_success, on_failure;
    } table[] = {
        [SUCCEEDS] = {"echo up", "succeeded", WFE_RUN_SUCCEEDED, true, false},
        [FAILS] = {"echo up; exit 3", "failed", WFE_RUN_FAILED, false, true},
        [TIMES_OUT] = {"echo up; sleep 600", "failed", WFE_RUN_FAILED, false, true},
        [IS_CANCELLED] = {"echo up; sleep 600", "cancelled", WFE_RUN_CANCELLED, false, false},
    };
    for (int how = SUCCEEDS; how <= IS_CANCELLED; how++) {
        begin(state);
        uint32_t a = container(TOP, "a", table[how].run);
        if (how == TIMES_OUT)
            plan_builder_at(rig.builder, a)->timeout_ms = 1000;
        hook(a, WFE_PLAN_ROLE_ON_SUCCESS, "on_success", "echo on_success");
        hook(a, WFE_PLAN_ROLE_ON_FAILURE, "on_failure", "echo on_failure");
        hook(a, WFE_PLAN_ROLE_ENSURE, "ensure", "echo ensure");
        engine_rig_start(&rig, NULL);
        if (how == IS_CANCELLED) {
            wait_for_output("a: up");
            wfe_engine_run_cancel(rig.run);
        }
        assert_int_equal(engine_rig_wait(&rig)->state, table[how].state);
        assert_string_equal(engine_rig_end(&rig, "a"), table[how].end);
        assert_int_equal(strstr(rig.output, "on_success") != NULL, table[how].on_success);
        assert_int_equal(strstr(rig.output, "on_failure") != NULL, table[how].on_failure);
        assert_non_null(strstr(rig.output, "ensure: ensure"));
        end();
    }
}

/* The moments are turns of the loop after the start: in the image's look-up, the calls that make a
 * container, its running, its removal. */
static void test_engine_containers__cancelled_at_any_moment_leave_nothing(void **state)
{
    static const int milliseconds[] = {0, 5, 15, 30, 60, 90, 130, 200, 300, 500};
    for (size_t i = 0; i < sizeof milliseconds / sizeof *milliseconds; i++) {
        begin(state);
        uint32_t block = plan_builder_block(rig.builder, TOP, "block");
        container(block, "a", "trap 'exit 0' TERM; sleep 600 & wait");
        container(block, "b", "echo quick");
        container(TOP, "c", "sleep 600");
        hook(TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "echo cleaning");
        engine_rig_start(&rig, NULL);
        engine_rig_wait_for(&rig, "run:running");
        for (int ms = 0; ms < milliseconds[i]; ms++) {
            wfe_loop_run_ready(rig.loop);
            usleep(1000);
        }
        wfe_engine_run_cancel(rig.run);
        assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
        assert_non_null(strstr(rig.output, "ensure: cleaning"));
        end();
    }
}

static void test_engine_containers__are_killed_by_a_second_cancel(void **state)
{
    begin(state);
    container(TOP, "a", "trap '' TERM; echo up; sleep 600");
    hook(TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "echo cleaning");
    engine_rig_start(&rig, NULL);
    wait_for_output("a: up");
    wfe_engine_run_cancel(rig.run);
    wfe_engine_run_cancel(rig.run);
    assert_int_equal(engine_rig_wait(&rig)->state, WFE_RUN_CANCELLED);
    assert_null(strstr(rig.output, "cleaning"));
    end();
}

static void test_engine_containers__share_a_volume_that_is_gone_afterwards(void **state)
{
    begin(state);
    plan_builder_workflow_at(rig.builder, 0)->shared_volume_path = "/workspace";
    container(TOP, "a", "echo kept >/workspace/file");
    uint32_t b = container(TOP, "b", "cat /workspace/file");
    ((wfe_plan_container *)(uintptr_t)plan_builder_at(rig.builder, b)->config.container)
        ->options.user = "65534:65534";
    run_to(WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.output, "b: kept\n");
    end();
}

static const char *lookup(const char *name, void *user)
{
    (void)name;
    (void)user;
    return "a-very-secret-word";
}

static void test_engine_containers__are_given_secrets_as_variables_and_files(void **state)
{
    begin(state);
    wfe_plan_secret *secret = plan_builder_alloc(rig.builder, sizeof *secret);
    wfe_plan_secret_use *use = plan_builder_alloc(rig.builder, sizeof *use);
    *secret = (wfe_plan_secret){.name = "A", .source = WFE_PLAN_SECRET_ENV, .text = "X"};
    *use = (wfe_plan_secret_use){.env = "WORD", .file = "/run/secrets/word"};
    plan_builder_workflow_at(rig.builder, 0)->secrets = secret;
    plan_builder_workflow_at(rig.builder, 0)->n_secrets = 1;
    rig.options.lookup = lookup;
    uint32_t a = container(TOP, "a",
                           "test \"$WORD\" = \"$(cat /run/secrets/word)\" && echo same\n"
                           "echo ${#WORD}; cat /run/secrets/word; echo\n"
                           "grep ' /run/secrets/word ' /proc/mounts | cut -d' ' -f3");
    plan_builder_at(rig.builder, a)->secrets = use;
    plan_builder_at(rig.builder, a)->n_secrets = 1;
    run_to(WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.output, "a: same\na: 18\na: ***\na: tmpfs\n");
    end();
}

static void test_engine_containers__say_how_they_failed(void **state)
{
    begin(state);
    wfe_step_options options = script("true");
    options.image = "docker.io/library/not-there:1";
    uint32_t block = plan_builder_block(rig.builder, TOP, "block");
    plan_builder_container(rig.builder, block, "image", &options);
    static const char *const command[] = {"no-such-command", NULL};
    options = script("true");
    options.run = NULL;
    options.command = command;
    plan_builder_container(rig.builder, block, "command", &options);
    container(block, "code", "exit 9");
    const wfe_engine_result *result = run_to(WFE_RUN_FAILED);
    assert_int_equal(result->n_failures, 2);
    assert_string_equal(engine_rig_end(&rig, "image"), "failed");
    end();
}

static void test_engine_containers__retry_what_the_image_lacks(void **state)
{
    begin(state);
    wfe_step_options options = script("true");
    options.image = "docker.io/library/not-there:1";
    uint32_t a = plan_builder_container(rig.builder, TOP, "a", &options);
    plan_builder_retry(rig.builder, a, 2, 1)->on = WFE_PLAN_CAUSE_INFRASTRUCTURE;
    run_to(WFE_RUN_FAILED);
    assert_true(engine_rig_has(&rig, "a:retry"));
    end();
}

static void test_engine_containers__read_what_stdin_says(void **state)
{
    begin(state);
    uint32_t a = container(TOP, "a", "cat; echo end");
    ((wfe_plan_container *)(uintptr_t)plan_builder_at(rig.builder, a)->config.container)
        ->stdin_text = "from the file\n";
    run_to(WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.output, "a: from the file\na: end\n");
    end();
}

static void test_engine_containers__take_relative_volumes_from_the_working_folder(void **state)
{
    begin(state);
    char path[64];
    snprintf(path, sizeof path, "%s/input", rig.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("hello\n", file);
    fclose(file);
    static const wfe_volume volumes[] = {{.source = ".", .target = "/here"},
                                         {.source = "./input", .target = "/one", .readonly = true}};
    wfe_step_options options = script("cat /here/input /one");
    options.volumes = volumes;
    options.n_volumes = 2;
    plan_builder_container(rig.builder, TOP, "a", &options);
    run_to(WFE_RUN_SUCCEEDED);
    assert_string_equal(rig.output, "a: hello\na: hello\n");
    unlink(path);
    end();
}

static void add_service(const char *run)
{
    static const uint16_t ports[] = {8080};
    wfe_plan_service *service = plan_builder_alloc(rig.builder, sizeof *service);
    *service = (wfe_plan_service){.name = "web",
                                  .container = {.options = script(run)},
                                  .ports = ports,
                                  .n_ports = 1,
                                  .probe = WFE_PLAN_PROBE_TCP,
                                  .probe_port = 8080,
                                  .probe_interval_ms = 50,
                                  .probe_timeout_ms = 5000,
                                  .probe_retries = 100};
    plan_builder_workflow_at(rig.builder, 0)->services = service;
    plan_builder_workflow_at(rig.builder, 0)->n_services = 1;
}

static void test_engine_containers__reach_the_services_of_the_run(void **state)
{
    begin(state);
    add_service("mkdir /www; echo page >/www/index.html; exec httpd -f -p 8080 -h /www");
    container(TOP, "a", "wget -qO- http://web:8080/; echo $SVC_WEB_HOST:$SVC_WEB_PORT");
    wfe_step_options options = script("wget -T 2 -qO- http://127.0.0.1:8080/ || echo alone");
    options.network = "none";
    plan_builder_container(rig.builder, TOP, "b", &options);
    hook(TOP, WFE_PLAN_ROLE_ENSURE, "last", "wget -qO- http://web:8080/");
    run_to(WFE_RUN_SUCCEEDED);
    assert_non_null(strstr(rig.output, "a: page\na: 127.0.0.1:8080\n"));
    assert_non_null(strstr(rig.output, "b: alone\n"));
    assert_non_null(strstr(rig.output, "last: page\n"));
    assert_true(engine_rig_when(&rig, "service web:ready") < engine_rig_when(&rig, "a:running"));
    assert_true(engine_rig_when(&rig, "last:succeeded") <
                engine_rig_when(&rig, "service web:stopped"));
    end();
}

static void test_engine_containers__are_stopped_when_a_service_dies(void **state)
{
    begin(state);
    add_service("httpd -f -p 8080 & sleep 3; echo last words; exit 4");
    container(TOP, "a", "sleep 600");
    hook(TOP, WFE_PLAN_ROLE_ENSURE, "ensure", "echo cleaning");
    const wfe_engine_result *result = run_to(WFE_RUN_FAILED);
    assert_non_null(strstr(result->error.message, "web"));
    assert_string_equal(engine_rig_end(&rig, "a"), "cancelled");
    assert_non_null(strstr(rig.output, "ensure: cleaning"));
    end();
}

static void test_engine_containers__do_not_start_without_their_services(void **state)
{
    begin(state);
    add_service("echo cannot; exit 1");
    container(TOP, "a", "echo up");
    run_to(WFE_RUN_FAILED);
    assert_string_equal(engine_rig_end(&rig, "a"), "skipped");
    end();
}

#define CASE(name) cmocka_unit_test(test_engine_containers__##name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(pass_outputs_on_whatever_is_in_them),
        CASE(overlap_in_time_by_their_own_clocks),
        CASE(do_not_overlap_with_one_job),
        CASE(two_hundred_in_parallel),
        CASE(two_hundred_in_a_row),
        CASE(run_their_hooks_however_they_end),
        CASE(cancelled_at_any_moment_leave_nothing),
        CASE(are_killed_by_a_second_cancel),
        CASE(share_a_volume_that_is_gone_afterwards),
        CASE(are_given_secrets_as_variables_and_files),
        CASE(say_how_they_failed),
        CASE(retry_what_the_image_lacks),
        CASE(read_what_stdin_says),
        CASE(reach_the_services_of_the_run),
        CASE(are_stopped_when_a_service_dies),
        CASE(do_not_start_without_their_services),
        CASE(take_relative_volumes_from_the_working_folder),
    };
    return cmocka_run_group_tests(tests, group_set_up, private_containerd_group_teardown);
}
