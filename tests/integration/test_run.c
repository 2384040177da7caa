/* SPDX-License-Identifier: Apache-2.0
 *
 * `wfe run` as a user runs it: what it prints in its views, its exit codes, its report.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/fd.h"
#include "engine/event.h"
#include "fixtures/images.h"
#include "fixtures/pty_command.h"
#include "fixtures/registry_door.h"
#include "fixtures/registry_server.h"
#include "fixtures/run_group.h"
#include "fixtures/tls_proxy.h"

#define SECRET "tr0ub4dor&3<x>"

#define STEP(name, run)                                                                            \
    "    - name: " name "\n      type: containerd\n      config: {image: busybox, run: '" run "'}" \
    "\n"
#define HEAD "workflow:\n  id: test\n  version: 1\n"

static const char two_steps[] =
    HEAD "  inputs: {who: string?}\n"
         "  steps:\n" STEP("one", "echo first; echo \"##wfe[output colour=blue]\"")
             STEP("two", "echo \"$COLOUR for ${WHO:-nobody}\"; echo problem >&2");

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

/* ---- variables ---- */

#define WITH_ENV "docker.io/test/with-env:1"
#define WITH_ENV_CONFIG                                                                            \
    "{\"Env\":[\"IMAGE=image\",\"IMAGE_DATA=image\",\"IMAGE_ENV=image\",\"ALL=image\","            \
    "\"IMAGE_OUTPUT=image\",\"PATH=/opt/own:/bin\",\"HOME=/image\",\"TERM=image\"]}"

/* For steps of an image that has variables of its own. */
static wfe_command_result run_with_env(void **state, const char *workflow, const char *inputs)
{
    private_containerd *daemon = private_containerd_of(state);
    images_archive image = {.name = WITH_ENV, .config = WITH_ENV_CONFIG};
    images_need(daemon, &image);
    run_group_file("inputs.json", inputs);
    return run_group_run(NULL, run_group_file("workflow.yaml", workflow), "--input-file",
                         "inputs.json");
}

/* The names say who sets them. */
static void test_run__variables_are_the_image_s_then_data_then_env(void **state)
{
    static const char workflow[] =
        HEAD "  inputs: {image_data: string, data_env: string, all: string, data_output: string}\n"
             "  steps:\n"
             "    - name: first\n"
             "      config:\n"
             "        run: |\n"
             "          echo '##wfe[output image_output=output]'\n"
             "          echo '##wfe[output data_output=output]'\n"
             "          echo '##wfe[output output_env=output]'\n"
             "    - name: second\n"
             "      type: containerd\n"
             "      config:\n"
             "        image: " WITH_ENV "\n"
             "        env: {IMAGE_ENV: env, DATA_ENV: env, ALL: env, OUTPUT_ENV: env}\n"
             "        run: |\n"
             "          echo $IMAGE, $IMAGE_DATA $IMAGE_ENV $DATA_ENV $ALL,"
             " $IMAGE_OUTPUT $DATA_OUTPUT $OUTPUT_ENV\n";
    wfe_command_result result =
        run_with_env(state, workflow,
                     "{\"image_data\": \"data\", \"data_env\": \"data\", \"all\": \"data\", "
                     "\"data_output\": \"data\"}");
    run_group_expect(&result, 0, "second | image, data env env env, output output env\n");
    wfe_command_result_done(&result);
}

#define SHOW_BLOCKED                                                                               \
    "        run: |\n"                                                                             \
    "          echo \"$PATH|$LD_PRELOAD|$LD_LIBRARY_PATH|$DYLD_LIBRARY_PATH|$HOME\"\n"             \
    "          echo \"$SHELL|$USER|$LOGNAME|$TERM\"\n"

static void test_run__data_may_not_set_the_variables_that_env_may(void **state)
{
    static const char workflow[] =
        HEAD "  inputs: {path: string, ld_preload: string, LD_LIBRARY_PATH: string,\n"
             "           dyld_library_path: string, home: string, Shell: string, user: string}\n"
             "  steps:\n"
             "    - name: first\n"
             "      config:\n"
             "        run: |\n"
             "          echo '##wfe[output logname=data]'\n"
             "          echo '##wfe[output term=data]'\n"
             "    - name: data\n"
             "      type: containerd\n"
             "      config:\n"
             "        image: " WITH_ENV "\n" SHOW_BLOCKED "    - name: env\n"
             "      type: containerd\n"
             "      config:\n"
             "        image: " WITH_ENV "\n"
             "        env: {PATH: a, LD_PRELOAD: b, LD_LIBRARY_PATH: c, DYLD_LIBRARY_PATH: d,\n"
             "              HOME: e, SHELL: f, USER: g, LOGNAME: h, TERM: i}\n" SHOW_BLOCKED;
    wfe_command_result result =
        run_with_env(state, workflow,
                     "{\"path\": \"data\", \"ld_preload\": \"data\", \"LD_LIBRARY_PATH\": "
                     "\"data\", \"dyld_library_path\": \"data\", \"home\": \"data\", "
                     "\"Shell\": \"data\", \"user\": \"data\"}");
    run_group_expect(&result, 0, "data | /opt/own:/bin||||/image\ndata | |||image\n");
    assert_has(result.out, "env | a|b|c|d|e\nenv | f|g|h|i\n");
    wfe_command_result_done(&result);
}

/* ---- which containerd ---- */

#define NOWHERE "/no/such/containerd.sock"

/* One step, with this address of its own (NULL: none), in a run whose address is `run_s`. */
static wfe_command_result run_at(const char *run_s, const char *step_s)
{
    char own[192] = "", text[512], address[256];
    if (step_s)
        snprintf(own, sizeof own, ", containerd_addr: '%s'", step_s);
    snprintf(text, sizeof text,
             HEAD "  steps: [{name: s, type: containerd, config: {image: busybox, pull: never, "
                  "run: echo there%s}}]\n",
             own);
    snprintf(address, sizeof address, "CONTAINERD_ADDRESS=%s", run_s);
    const char *const args[] = {"run", run_group_file("workflow.yaml", text), NULL};
    const char *const more[] = {address, NULL};
    const wfe_command_options options = {.args = args, .env = run_group_env(more)};
    wfe_command_result result;
    wfe_command_run(&options, &result);
    return result;
}

static void test_run__a_step_has_an_address_of_its_own(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char uri[192];
    snprintf(uri, sizeof uri, "unix://%s", daemon->address);
    const char *const right[] = {daemon->address, uri};
    for (size_t i = 0; i < 2; i++) {
        wfe_command_result result = run_at(NOWHERE, right[i]);
        run_group_expect(&result, 0, "s | there\n");
        wfe_command_result_done(&result);
    }
    wfe_command_result result = run_at("", daemon->address);
    run_group_expect(&result, 0, "s | there\n");
    wfe_command_result_done(&result);
}

static void test_run__says_where_a_step_s_containerd_is_not(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const char *const wrong[] = {NOWHERE, "unix://" NOWHERE};
    for (size_t i = 0; i < 2; i++) {
        wfe_command_result result = run_at(daemon->address, wrong[i]);
        run_group_expect(&result, 125,
                         "failed first: s: containerd socket not found: " NOWHERE "\n");
        assert_has(result.out, "s: hint: start containerd");
        wfe_command_result_done(&result);
    }
    wfe_command_result result = run_at(NOWHERE, NULL);
    run_group_expect(&result, 125, "failed first: s: containerd socket not found: " NOWHERE "\n");
    wfe_command_result_done(&result);
    result = run_at(daemon->address, "https://127.0.0.1:1");
    run_group_expect(&result, 125, "failed to connect");
    wfe_command_result_done(&result);
}

/* ---- output ---- */

static void test_run__prints_lines_with_the_step_in_front(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_text(two_steps);
    run_group_expect(&result, 0, "one | first\n");
    assert_has(result.out, "one: ok after ");
    assert_has(result.out, "two | blue for nobody\n");
    assert_has(result.out, "two | problem\n");
    assert_null(strchr(result.out, '\x1b'));
    assert_string_equal(result.err, "");
    wfe_command_result_done(&result);
}

static void test_run__takes_inputs_from_options_and_files(void **state)
{
    private_containerd_of(state);
    const char *file = run_group_file("workflow.yaml", two_steps);
    wfe_command_result result = run_group_run(NULL, file, "-i", "who=me");
    run_group_expect(&result, 0, "two | blue for me\n");
    wfe_command_result_done(&result);
    run_group_file("inputs.yaml", "who: you\n");
    file = run_group_file("workflow.yaml", two_steps);
    result = run_group_run(NULL, file, "--input-file", "inputs.yaml");
    run_group_expect(&result, 0, "two | blue for you\n");
    wfe_command_result_done(&result);
    run_group_file("inputs.json", "{\"who\": \"them\"}");
    file = run_group_file("workflow.yaml", two_steps);
    result = run_group_run(NULL, file, "--input-file", "inputs.json");
    run_group_expect(&result, 0, "two | blue for them\n");
    wfe_command_result_done(&result);
}

static void test_run__runs_the_workflow_that_is_named(void **state)
{
    private_containerd_of(state);
    const char *file = run_group_file(
        "workflow.yaml",
        "workflows:\n  - {id: a, version: 1, steps: [{name: s, config: {run: echo from a}}]}\n"
        "  - {id: b, version: 1, steps: [{name: s, config: {run: echo from b}}]}\n");
    wfe_command_result result = run_group_run(NULL, file);
    run_group_expect(&result, 0, "s | from a\n");
    wfe_command_result_done(&result);
    result = run_group_run(NULL, file, "b", "--name", "night-7");
    run_group_expect(&result, 0, "s | from b\n");
    assert_has(result.out, "run night-7 succeeded after ");
    wfe_command_result_done(&result);
}

/* Every line is one object whose members the documentation names. */
static void assert_events(const char *text)
{
    wfe_buf documentation = WFE_BUF_INIT(0);
    assert_int_equal(wfe_fd_read_file(WFE_SOURCE_DIR "/docs/run-events.md", (size_t)1024 * 1024,
                                      &documentation, NULL),
                     0);
    json_int_t seq = 0;
    for (const char *newline; (newline = strchr(text, '\n')); text = newline + 1) {
        json_t *event = json_loadb(text, (size_t)(newline - text), 0, NULL);
        if (!event)
            fail_msg("no JSON: '%.*s'", (int)(newline - text), text);
        const char *key, *kind = json_string_value(json_object_get(event, "event"));
        json_t *value;
        char quoted[64];
        json_object_foreach(event, key, value)
        {
            snprintf(quoted, sizeof quoted, "`%s`", key);
            assert_has(documentation.data, quoted);
        }
        assert_int_equal(json_integer_value(json_object_get(event, "version")), WFE_EVENT_VERSION);
        assert_non_null(kind);
        if (strcmp(kind, "result") != 0) {
            assert_true(json_integer_value(json_object_get(event, "seq")) >= seq);
            seq = json_integer_value(json_object_get(event, "seq"));
        } else {
            assert_string_equal(newline, "\n"); /* the last line */
        }
        json_decref(event);
    }
    assert_string_equal(text, "");
    wfe_buf_done(&documentation);
}

static void test_run__prints_events_as_json(void **state)
{
    private_containerd_of(state);
    wfe_command_result result =
        run_group_run(NULL, run_group_file("workflow.yaml", two_steps), "--json");
    run_group_expect(&result, 0, "\"event\":\"result\"");
    assert_events(result.out);
    assert_has(result.out, "\"line\":\"blue for nobody\"");
    assert_has(result.out, "\"outputs\":{\"colour\":\"blue\"");
    assert_string_equal(result.err, "");
    wfe_command_result_done(&result);
}

static void test_run__keeps_secrets_out_of_every_view(void **state)
{
    private_containerd_of(state);
    const char *file = run_group_file(
        "workflow.yaml",
        HEAD "  secrets: {TOKEN: {file: token}}\n  steps:\n"
             "    - name: leaks\n      type: containerd\n      secrets: [TOKEN]\n      config:\n"
             "        image: busybox\n        run: |\n"
             "          echo \"it is $TOKEN\"; echo \"$TOKEN\" >&2; printf %s \"$TOKEN\" | base64\n"
             "          echo \"##wfe[output stolen=$TOKEN]\"\n"
             "          exit 1\n");
    char path[256];
    snprintf(path, sizeof path, "%s", file);
    run_group_file("token", SECRET "\n");
    static const char *const views[] = {"--plain", "--json"};
    for (size_t i = 0; i < 2; i++) {
        wfe_command_result result = run_group_run(NULL, path, views[i], "--report", "run.html");
        run_group_expect(&result, 1, "it is ");
        char *report = run_group_read("run.html");
        assert_has(report, "it is ");
        const char *const texts[] = {result.out, result.err, report};
        for (size_t n = 0; n < 3; n++) {
            assert_null(strstr(texts[n], "tr0ub4dor"));
            assert_null(strstr(texts[n], "dHIwdWI0ZG9y")); /* the same in base64 */
        }
        free(report);
        wfe_command_result_done(&result);
    }
}

static void test_run__writes_a_report(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(NULL, run_group_file("workflow.yaml", two_steps),
                                              "--report", "run.html", "--name", "night-8");
    run_group_expect(&result, 0, "run night-8 succeeded");
    char *report = run_group_read("run.html");
    assert_has(report, "<!doctype html>");
    assert_has(report, "<dd>night-8</dd>");
    assert_has(report, "blue for nobody\n");
    assert_has(report, "<span class=\"e\">problem</span>");
    assert_has(report, "<th scope=\"row\">colour</th><td><code>blue</code>");
    free(report);
    wfe_command_result_done(&result);
}

/* ---- exit codes ---- */

static void expect_failure(const char *workflow, int exit_code, const char *out)
{
    wfe_command_result result = run_group_text(workflow);
    run_group_expect(&result, exit_code, out);
    wfe_command_result_done(&result);
}

static void test_run__tells_failures_by_its_exit_code(void **state)
{
    private_containerd_of(state);
    expect_failure(HEAD "  steps:\n" STEP("bad", "echo oh; exit 7"), 1,
                   "failed first: bad: container exited with code 7\n");
    expect_failure(HEAD "  timeout: 300ms\n  steps:\n" STEP("slow", "exec sleep 60"), 124,
                   "(time is up)");
    expect_failure(HEAD "  steps: [{name: s, type: containerd, config: {image: no/such:image, "
                        "pull: never, run: echo}}]\n",
                   125, "failed first: s: ");
    expect_failure(HEAD "  secrets: {A: {env: NOT_SET_ANYWHERE}}\n"
                        "  steps: [{name: s, secrets: [A], config: {run: echo}}]\n",
                   125,
                   "the variable NOT_SET_ANYWHERE is not set\n"
                   "  hint: set it in the environment that wfe is started in\n");
    /* The step itself, not every block it is in. */
    expect_failure(HEAD "  steps:\n    - {name: out, parallel: [{name: mid, parallel: [{name: in, "
                        "config: {run: exit 3}}]}]}\n",
                   1, "  failed  'in': Shell command exited with code 3\n    ✗ mid");
}

static void test_run__refuses_wrong_files_and_usage(void **state)
{
    private_containerd_of(state);
    static const char wrong[] =
        HEAD "  steps:\n    - {name: a, typ: shell, config: {run: echo}}\n    - {name: a}\n";
    wfe_command_result result = run_group_text(wrong);
    assert_int_equal(result.exit_code, 2);
    assert_string_equal(result.out, "");
    assert_has(result.err, "workflow.yaml:5:");
    assert_has(result.err, "typ");
    assert_has(result.err, "nothing was run\n");
    wfe_command_result_done(&result);
    result = run_group_run(NULL, run_group_file("workflow.yaml", wrong), "--json");
    assert_int_equal(result.exit_code, 2);
    json_t *json = json_loads(result.out, 0, NULL);
    assert_non_null(json);
    assert_true(json_array_size(json_object_get(json, "diagnostics")) >= 2);
    json_decref(json);
    wfe_command_result_done(&result);

    static const struct {
        const char *args[6];
        const char *text;
    } uses[] = {
        {{"run"}, "wfe run needs a workflow file"},
        {{"run", "no-such.yaml"}, "no-such.yaml"},
        {{"run", "workflow.yaml", "--jobs", "0"}, "--jobs"},
        {{"run", "workflow.yaml", "--jobs", "5000"}, "must be 1 to 4096"},
        {{"run", "workflow.yaml", "--json", "--plain"}, "either --json or --plain"},
        {{"run", "workflow.yaml", "--graph", "ascy"}, "did you mean ascii?"},
        {{"run", "ok.yaml", "-i", "whom=me"}, "whom"},
        {{"run", "ok.yaml", "no-such-workflow"}, "no-such-workflow"},
        {{"run", "ok.yaml", "--input-file", "no-such.json"}, "no-such.json"},
    };
    run_group_file("ok.yaml", two_steps);
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        result = run_group_run_in(WFE_BUILD_DIR, NULL, uses[i].args);
        if (result.exit_code != 2 ||
            !(strstr(result.err, uses[i].text) || strstr(result.out, uses[i].text)))
            fail_msg("case %zu: exit code %d, stdout '%s', stderr '%s', expected 2 and '%s'", i,
                     result.exit_code, result.out, result.err, uses[i].text);
        wfe_command_result_done(&result);
    }
}

static void test_run__finds_out_before_that_a_report_cannot_be_written(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run_group_run(
        NULL,
        run_group_file("workflow.yaml", HEAD "  steps: [{name: s, config: {run: 'echo "
                                             "ran >>ran'}}]\n"),
        "--report", "no/such/folder/run.html");
    assert_int_equal(result.exit_code, 2);
    assert_has(result.err, "no/such/folder/run.html");
    char *ran = run_group_read("ran");
    assert_string_equal(ran, "");
    free(ran);
    wfe_command_result_done(&result);
}

static void test_run__tells_of_the_images_it_pulls(void **state)
{
    private_containerd_of(state);
    registry_server *registry = registry_server_new();
    if (!registry) {
        print_message("no docker-registry here\n");
        skip();
    }
    char text[1024], line[256];
    registry_server_need(registry, "one");
    registry_server_need(registry, "plain");
    snprintf(text, sizeof text,
             HEAD "  services: {web: {image: '%s/test/plain', run: sleep 60}}\n"
                  "  steps: [{name: s, type: containerd, config: {image: '%s/test/one', run: "
                  "echo there}}]\n",
             registry->host, registry->host);
    wfe_command_result result = run_group_text(text);
    run_group_expect(&result, 0, "s | there\n");
    snprintf(line, sizeof line, "\ns: pulling %s/test/one:latest", registry->host);
    assert_has(result.out, line);
    snprintf(line, sizeof line, "\ns: pulled %s/test/one:latest, ", registry->host);
    assert_has(result.out, line);
    snprintf(line, sizeof line, "\nweb: pulled %s/test/plain:latest, ", registry->host);
    assert_has(result.out, line);
    wfe_command_result_done(&result);
    registry_server_free(registry);
}

/* ---- a registry that wants a password ---- */

/* One step of an image behind the door, with this registry_auth (NULL: none). */
static void expect_login(const registry_door *door, const char *auth, int exit_code,
                         const char *out, const char *hint)
{
    char more[192] = "", text[768];
    if (auth)
        snprintf(more, sizeof more, "        registry_auth: %s\n", auth);
    snprintf(text, sizeof text,
             HEAD "  steps:\n    - name: s\n      type: containerd\n      config:\n"
                  "        image: '%s/test/one'\n        run: echo there\n%s",
             door->host, more);
    wfe_command_result result = run_group_text(text);
    run_group_expect(&result, exit_code, out);
    assert_has(result.out, hint);
    assert_null(strstr(result.out, "hunter"));
    assert_null(strstr(result.err, "hunter"));
    wfe_command_result_done(&result);
}

static void log_in_at(void **state, unsigned kinds, const char *anonymous, const char *wrong)
{
    private_containerd_of(state);
    registry_server *registry = registry_server_new();
    const char *missing = registry ? tls_proxy_missing() : "there is no docker-registry";
    if (missing) {
        registry_server_free(registry);
        print_message("skipped: %s\n", missing);
        skip();
    }
    registry_door door;
    char auth[128];
    registry_server_need(registry, "one");
    registry_door_open(registry, kinds, &door);
    expect_login(&door, NULL, 125, anonymous, "s: hint: ");
    expect_login(&door, "{'127.0.0.1:1': {username: me, password: hunter2}}", 125, anonymous,
                 "s: hint: ");
    snprintf(auth, sizeof auth, "{'%s': {username: me, password: hunter3}}", door.host);
    expect_login(&door, auth, 125, wrong, "s: hint: ");
    snprintf(auth, sizeof auth, "{'%s': {username: me, password: hunter2}}", door.host);
    expect_login(&door, auth, 0, "s | there\n", "s: pulled ");
    registry_door_close(&door);
    registry_server_free(registry);
}

static void test_run__a_step_logs_in_with_its_registry_auth(void **state)
{
    log_in_at(state, REGISTRY_DOOR_BASIC, "there are none for it",
              "tried with a user name and password");
}

static void test_run__a_step_gets_a_token_with_its_registry_auth(void **state)
{
    log_in_at(state, REGISTRY_DOOR_TOKEN, "tried anonymously", "incorrect username or password");
}

static void test_run__keeps_the_shared_volume_of_a_failed_run_when_asked(void **state)
{
    private_containerd_of(state);
    static const char workflow[] =
        HEAD "  shared_volume: {}\n"
             "  steps:\n" STEP("s", "echo what was made >/workspace/made; exit 3");
    const char *path = run_group_file("workflow.yaml", workflow);
    wfe_command_result result = run_group_run(NULL, path, "--plain", "--keep-on-failure");
    run_group_expect(&result, 1, "warning: kept: /");
    char folder[512], file[600];
    assert_int_equal(sscanf(strstr(result.out, "kept: "), "kept: %500s", folder), 1);
    snprintf(file, sizeof file, "%s/made", folder);
    wfe_error err = WFE_ERROR_INIT;
    wfe_buf made = WFE_BUF_INIT(0);
    assert_int_equal(wfe_fd_read_file(file, 100, &made, &err), 0);
    assert_string_equal(made.data, "what was made\n");
    wfe_buf_done(&made);
    assert_int_equal(wfe_fd_remove_tree(folder, &err), 0);
    wfe_command_result_done(&result);
}

static void test_run__tells_what_would_run(void **state)
{
    private_containerd_of(state);
    static const char workflow[] = HEAD
        "  inputs: {ref: string}\n  steps:\n"
        "    - {name: a, config: {run: 'echo ran >>ran'}, outputs: [{name: x, type: integer}]}\n"
        "    - {name: b, when: {field: .inputs.ref, equals: main}, config: {run: echo}}\n"
        "    - {name: c, needs: [a], when: {field: .outputs.x, gt: 1}, config: {run: echo},\n"
        "       ensure: {name: e, config: {run: echo}}}\n";
    wfe_command_result result = run_group_run(NULL, run_group_file("workflow.yaml", workflow), "-i",
                                              "ref=next", "--dry-run");
    run_group_expect(&result, 0, "   1  a, shell: echo ran >>ran\n");
    assert_has(result.out, "   2  b, shell: echo\n        after a\n"
                           "        when .inputs.ref equals \"main\": false: skipped\n");
    assert_has(result.out, "   2  c, shell: echo\n        after a\n"
                           "        when .outputs.x > 1: known when it runs\n"
                           "        ensure: e, shell: echo\n");
    wfe_command_result_done(&result);
    result = run_group_run(NULL, run_group_file("workflow.yaml", workflow), "-i", "ref=main",
                           "--dry-run", "--json");
    json_t *json = json_loads(result.out, 0, NULL);
    assert_non_null(json);
    const json_t *b = json_array_get(json_object_get(json, "steps"), 1);
    assert_string_equal(json_string_value(json_object_get(b, "step")), "b");
    assert_true(json_is_true(json_object_get(b, "runs")));
    json_decref(json);
    wfe_command_result_done(&result);
    result = run_group_run(NULL, run_group_file("workflow.yaml", workflow), "--graph", "dot");
    run_group_expect(&result, 0, "digraph");
    wfe_command_result_done(&result);
    char *ran = run_group_read("ran");
    assert_string_equal(ran, "");
    free(ran);
}

static void test_run__says_when_its_output_cannot_be_written(void **state)
{
    private_containerd_of(state);
    const char *file = run_group_file("workflow.yaml", two_steps);
    char command[1024];
    snprintf(command, sizeof command, "%s/wfe run %s >/dev/full", WFE_BUILD_DIR, file);
    const char *const *env = run_group_env(NULL);
    for (; *env; env++)
        putenv((char *)(uintptr_t)*env);
    int status = system(command);
    assert_int_equal(WEXITSTATUS(status), 125);
}

/* ---- a terminal ---- */

static void test_run__draws_on_a_terminal(void **state)
{
    private_containerd_of(state);
    char workflow[1024];
    snprintf(workflow, sizeof workflow,
             HEAD "  steps:\n    - name: wait\n      type: containerd\n      config:\n"
                  "        image: busybox\n        volumes: ['%s:/go']\n"
                  "        run: 'echo waiting; until [ -e /go/go ]; do sleep 0.1; done'\n"
                  "    - name: last\n      type: containerd\n"
                  "      config: {image: busybox, run: 'echo bad; exit 3'}\n",
             run_group_folder);
    const char *const args[] = {"run", run_group_file("workflow.yaml", workflow), NULL};
    pty_command *command = pty_command_start(args, run_group_env(NULL), 60, 20);
    pty_command_wait_for(command, "  waiting\n");
    pty_command_wait_for(command, "0 of 2 done, 1 running");
    pty_command_resize(command, 40, 10);
    run_group_file("go", "");
    assert_int_equal(pty_command_wait(command), 1);
    const char *text = terminal_model_text(pty_command_terminal(command));
    assert_has(text, "\n✓ wait  ");
    assert_has(text, "  │ bad\n");
    assert_has(text, "failed first: last: ");
    assert_null(strstr(text, " running")); /* the live lines are gone */
    assert_true(terminal_model_is_styled(pty_command_terminal(command)));
    pty_command_free(command);
}

static void test_run__draws_without_colour_when_asked(void **state)
{
    private_containerd_of(state);
    const char *const args[] = {"run", run_group_file("workflow.yaml", two_steps), NULL};
    const char *const more[] = {"NO_COLOR=1", "LANG=C", "LC_ALL=C", NULL};
    pty_command *command = pty_command_start(args, run_group_env(more), 80, 24);
    assert_int_equal(pty_command_wait(command), 0);
    assert_false(terminal_model_is_styled(pty_command_terminal(command)));
    const char *text = terminal_model_text(pty_command_terminal(command));
    assert_has(text, "+ one  ");
    for (const char *p = text; *p; p++)
        assert_true((unsigned char)*p < 0x80);
    pty_command_free(command);
}

static void test_run__leaves_nothing_behind(void **state)
{
    run_group_assert_clean(private_containerd_of(state));
}

static int setup(void **state)
{
    return run_group_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__variables_are_the_image_s_then_data_then_env),
        cmocka_unit_test(test_run__data_may_not_set_the_variables_that_env_may),
        cmocka_unit_test(test_run__a_step_has_an_address_of_its_own),
        cmocka_unit_test(test_run__says_where_a_step_s_containerd_is_not),
        cmocka_unit_test(test_run__prints_lines_with_the_step_in_front),
        cmocka_unit_test(test_run__takes_inputs_from_options_and_files),
        cmocka_unit_test(test_run__runs_the_workflow_that_is_named),
        cmocka_unit_test(test_run__prints_events_as_json),
        cmocka_unit_test(test_run__keeps_secrets_out_of_every_view),
        cmocka_unit_test(test_run__writes_a_report),
        cmocka_unit_test(test_run__tells_failures_by_its_exit_code),
        cmocka_unit_test(test_run__refuses_wrong_files_and_usage),
        cmocka_unit_test(test_run__finds_out_before_that_a_report_cannot_be_written),
        cmocka_unit_test(test_run__tells_of_the_images_it_pulls),
        cmocka_unit_test(test_run__a_step_logs_in_with_its_registry_auth),
        cmocka_unit_test(test_run__a_step_gets_a_token_with_its_registry_auth),
        cmocka_unit_test(test_run__keeps_the_shared_volume_of_a_failed_run_when_asked),
        cmocka_unit_test(test_run__tells_what_would_run),
        cmocka_unit_test(test_run__says_when_its_output_cannot_be_written),
        cmocka_unit_test(test_run__draws_on_a_terminal),
        cmocka_unit_test(test_run__draws_without_colour_when_asked),
        cmocka_unit_test(test_run__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, run_group_teardown);
}
