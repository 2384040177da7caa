/* SPDX-License-Identifier: Apache-2.0
 *
 * The command as a user runs it: what it prints, its exit codes, and what it says when something
 * is wrong.
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
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/commands.h"
#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/scripted_registry.h"
#include "fixtures/wfe_command.h"

#define MAX_ARGS 32

static char address_env[160];
static char io_env[96];
static char state_env[96];

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0]) {
        images_need_busybox(daemon);
        snprintf(address_env, sizeof address_env, "CONTAINERD_ADDRESS=%s", daemon->address);
        snprintf(io_env, sizeof io_env, "WFE_IO_DIR=%s", daemon->io_dir);
        snprintf(state_env, sizeof state_env, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
    }
    return rc;
}

/* Runs `wfe args...` (a NULL ends them) against the group's daemon. */
static wfe_command_result run(const char *first, ...)
{
    const char *args[MAX_ARGS] = {first};
    const char *const env[] = {address_env, io_env, state_env, NULL};
    size_t n = 1;
    va_list list;
    va_start(list, first);
    while (n < MAX_ARGS - 1 && (args[n] = va_arg(list, const char *)))
        n++;
    va_end(list);
    wfe_command_options options = {.args = args, .env = env};
    wfe_command_result result;
    wfe_command_run(&options, &result);
    return result;
}

static void assert_result(const wfe_command_result *result, int exit_code, const char *out)
{
    if (result->exit_code != exit_code || (out && strcmp(result->out, out) != 0))
        fail_msg("exit code %d (expected %d), stdout '%s' (expected '%s'), stderr '%s'",
                 result->exit_code, exit_code, result->out, out ? out : "anything", result->err);
}

/* Nothing on stdout, the code, and one line on stderr that holds text (a hint may follow). */
static void assert_fails(wfe_command_result result, int exit_code, const char *text)
{
    assert_result(&result, exit_code, "");
    if (strncmp(result.err, "wfe: ", 5) != 0 || !strstr(result.err, text))
        fail_msg("stderr is '%s', expected one that begins with 'wfe: ' and has '%s'", result.err,
                 text);
    size_t lines = 0;
    for (const char *p = result.err; *p; p++)
        lines += *p == '\n';
    assert_in_range(lines, 1, 2);
    wfe_command_result_done(&result);
}

static void test_cli__prints_what_the_step_prints(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run("step", "--image", IMAGES_BUSYBOX, "--", "echo", "hi", NULL);
    assert_result(&result, 0, "hi\n");
    assert_string_equal(result.err, "");
    wfe_command_result_done(&result);
    result = run("step", "-i", "busybox", "-r", "echo out; echo err >&2", NULL);
    assert_result(&result, 0, "out\n");
    assert_string_equal(result.err, "err\n");
    wfe_command_result_done(&result);
}

static void test_cli__exits_with_the_step_s_code(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run("step", "--image=busybox", "--run=exit 7", NULL);
    assert_result(&result, 7, "");
    wfe_command_result_done(&result);
}

static void test_cli__prints_the_result_as_json(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run("step", "--json", "--name", "build", "--image", "busybox",
                                    "--run", "echo '##wfe[output v=1]'; exit 7", NULL);
    json_t *json = json_loads(result.out, 0, NULL);
    if (!json)
        fail_msg("no JSON: '%s' '%s'", result.out, result.err);
    assert_int_equal(result.exit_code, 7);
    assert_string_equal(json_string_value(json_object_get(json, "v")), "1");
    assert_int_equal(json_integer_value(json_object_get(json, "build.exit_code")), 7);
    json_decref(json);
    wfe_command_result_done(&result);
}

static void test_cli__keeps_the_entrypoint_when_the_words_are_its_arguments(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const images_archive entry = {.name = "docker.io/test/entry:1",
                                  .config =
                                      "{\"Entrypoint\":[\"echo\",\"entry\"],\"Cmd\":[\"cmd\"],"
                                      "\"Env\":[\"PATH=/bin\"]}"};
    images_need(daemon, &entry);
    wfe_command_result result = run("step", "-i", "test/entry:1", NULL);
    assert_result(&result, 0, "entry cmd\n");
    wfe_command_result_done(&result);
    result = run("step", "-i", "test/entry:1", "--args", "--", "-n", "mine", NULL);
    assert_result(&result, 0, "entry -n mine\n");
    wfe_command_result_done(&result);
    result = run("step", "-i", "test/entry:1", "--", "echo", "alone", NULL);
    assert_result(&result, 0, "alone\n");
    wfe_command_result_done(&result);
    assert_fails(run("step", "-i", "test/entry:1", "--args", NULL), 2, "--args needs words");
    result = run("image", "rm", "test/entry:1", NULL);
    assert_int_equal(result.exit_code, 0);
    wfe_command_result_done(&result);
}

static void test_cli__passes_its_standard_input_on(void **state)
{
    private_containerd_of(state);
    const size_t len = 300000; /* more than the FIFOs hold */
    char *text = malloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    const char *const args[] = {"step", "--stdin", "-i", "busybox", "--", "wc", "-c", NULL};
    const char *const env[] = {address_env, io_env, state_env, NULL};
    wfe_command_options options = {.args = args, .env = env, .stdin_text = text};
    wfe_command_result result;
    wfe_command_run(&options, &result);
    assert_result(&result, 0, "300000\n");
    wfe_command_result_done(&result);
    free(text);
    options.stdin_text = NULL; /* /dev/null */
    wfe_command_run(&options, &result);
    assert_result(&result, 0, "0\n");
    wfe_command_result_done(&result);
    int fd = open("/etc/os-release", O_RDONLY | O_CLOEXEC); /* a file */
    const char *const cat[] = {"step", "--stdin", "-i", "busybox", "--", "head", "-c", "4", NULL};
    options.args = cat;
    options.stdin_fd = fd;
    wfe_command_run(&options, &result);
    assert_result(&result, 0, "PRET");
    wfe_command_result_done(&result);
    close(fd);
}

static void test_cli__shows_only_loopback_without_a_network(void **state)
{
    private_containerd_of(state);
    wfe_command_result result =
        run("step", "--image", "busybox", "--network", "none", "--", "ls", "/sys/class/net", NULL);
    assert_result(&result, 0, "lo\n");
    wfe_command_result_done(&result);
}

static void test_cli__says_when_there_is_no_daemon(void **state)
{
    private_containerd_of(state);
    assert_fails(
        run("step", "--address", "/no/such.sock", "--image", "busybox", "--", "true", NULL), 125,
        "containerd socket not found: /no/such.sock");
}

static void test_cli__says_when_nobody_listens(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/dead.sock", daemon->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_fails(run("step", "--address", name.sun_path, "--image", "busybox", "--", "true", NULL),
                 125, "failed to connect to containerd");
    close(fd);
}

static void test_cli__says_what_an_address_is_that_is_no_socket(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    assert_fails(run("image", "ls", "-a", daemon->dir, NULL), 2, "is a folder, must be the socket");
    assert_fails(run("image", "ls", "-a", daemon->log, NULL), 2, "is a plain file, must be");
    assert_fails(run("image", "ls", "-a", "/dev/null", NULL), 2, "is no socket, must be");
}

static void test_cli__finds_the_command_that_was_meant(void **state)
{
    private_containerd_of(state);
    assert_fails(run("imag", "ls", NULL), 2, "did you mean wfe image ls?");
    assert_fails(run("imag", NULL), 2, "did you mean wfe image?");
    assert_fails(run("image", "lst", NULL), 2, "did you mean wfe image ls?");
    assert_fails(run("stpe", "--image", "x", NULL), 2, "did you mean wfe step?");
    assert_fails(run("helo", "me", NULL), 2, "there is no command 'helo'");
    wfe_command_result result = run("image", "quux", NULL);
    assert_int_equal(result.exit_code, 2);
    assert_non_null(strstr(result.err, "'image' needs one of these commands"));
    wfe_command_result_done(&result);
}

static void test_cli__helps(void **state)
{
    private_containerd_of(state);
    static const char *const cases[][4] = {
        {"help", NULL, NULL, "Commands:\n"},
        {"--help", NULL, NULL, "WFE_IO_DIR"},
        {"help", "step", NULL, "Usage: wfe step "},
        {"help", "image", "ls", "Usage: wfe image ls "},
        {"help", "image", NULL, "Commands of wfe image:\n  wfe image ls "},
        {"step", "--help", NULL, "WFE_IO_DIR"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wfe_command_result result = run(cases[i][0], cases[i][1], cases[i][2], NULL);
        assert_result(&result, 0, NULL);
        if (!strstr(result.out, cases[i][3]))
            fail_msg("%s does not have '%s'", result.out, cases[i][3]);
        wfe_command_result_done(&result);
    }
    assert_fails(run("help", "sted", NULL), 2, "did you mean wfe step?");
}

static void test_cli__says_when_the_daemon_never_answers(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    private_containerd_freeze(daemon);
    wfe_command_result result = run("step", "--image", "busybox", "--", "true", NULL);
    private_containerd_thaw(daemon);
    assert_fails(result, 125, "did not answer");
    private_containerd_assert_clean(daemon);
}

static void test_cli__names_an_unknown_image(void **state)
{
    private_containerd_of(state);
    assert_fails(run("step", "--pull", "never", "--image", "no/such:1", "--", "true", NULL), 125,
                 "no/such:1");
}

static void test_cli__refuses_wrong_usage(void **state)
{
    private_containerd_of(state);
    assert_fails(run("step", "--imgae", "busybox", NULL), 2, "--imgae");
    assert_fails(run("step", "--", "true", NULL), 2, "--image");
    assert_fails(run("step", "--image", NULL), 2, "--image");
    assert_fails(run("step", "--json=yes", "--image", "busybox", NULL), 2, "--json");
    assert_fails(run("step", "--image", "busybox", "--timeout", "soon", "--", "true", NULL), 2,
                 "soon");
    assert_fails(run("step", "--image", "busybox", "--timeout", "0s", "--", "true", NULL), 2, "0s");
    assert_fails(run("step", "--image", "busybox", "--output-limit", "12q", "--", "true", NULL), 2,
                 "12q");
    assert_fails(run("step", "--image", "busybox", "--network", "lan", "--", "true", NULL), 2,
                 "network is 'lan', must be none, host or ns:");
    assert_fails(run("step", "--image", "busybox", "-v", "/tmp", "--", "true", NULL), 2, "/tmp");
    assert_fails(run("step", "--image", "busybox", "-w", "rel", "--", "true", NULL), 2, "rel");
    assert_fails(run("step", "--image", "busybox", "-e", "=x", "--", "true", NULL), 2, "KEY=VALUE");
    assert_fails(run("step", "--image", "busybox", "--run", "x", "--", "y", NULL), 2, "--run");
    assert_fails(run("step", "--image", "Upper/Case", "--", "true", NULL), 2, "Upper/Case");
    assert_fails(run("stpe", NULL), 2, "stpe");
    assert_fails(run("step", "--namespace", "a/b", "--image", "busybox", "--", "true", NULL), 2,
                 "a/b");
}

static void test_cli__suggests_what_was_meant(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run("step", "--imgae", "busybox", NULL);
    assert_non_null(strstr(result.err, "--image"));
    wfe_command_result_done(&result);
    result = run("vresion", NULL);
    assert_non_null(strstr(result.err, "wfe version"));
    wfe_command_result_done(&result);
}

/* One of each kind, in the command's spelling. */
static void test_cli__names_options_as_they_are_given(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    char path[160];
    assert_fails(run("step", "-i", "busybox", "--cap-add", "NOPE", "true", NULL), 2,
                 "--cap-add has 'NOPE'");
    assert_fails(run("step", "-i", "busybox", "--add-host", "x", "true", NULL), 2, "--add-host is");
    assert_fails(run("step", "-i", "busybox", "-v", "./a:b:/x", "true", NULL), 2,
                 "a path that has a colon");
    assert_fails(run("step", "-i", "busybox", "-v", "/tmp:/dev:ro", "true", NULL), 2,
                 "--volume: target is '/dev', which a container needs");
    assert_fails(run("step", "-i", "busybox", "--seccomp", "/no/such", "true", NULL), 2,
                 "--seccomp: cannot open '/no/such'");
    assert_fails(run("step", "-i", "busybox", "--seccomp", "", "true", NULL), 2, "cannot open ''");
    snprintf(path, sizeof path, "%s/garbage", daemon->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite("\x01\xff\0{}", 1, 5, file), 5);
    assert_int_equal(fclose(file), 0);
    assert_fails(run("step", "-i", "busybox", "--seccomp", path, "true", NULL), 2,
                 "garbage is no profile as JSON");
}

static void test_cli__names_a_missing_volume(void **state)
{
    private_containerd_of(state);
    assert_fails(run("step", "--image", "busybox", "-v", "/no/such:/x", "--", "true", NULL), 2,
                 "--volume: source '/no/such' cannot be used");
}

static void test_cli__tells_a_missing_command_from_one_that_cannot_run(void **state)
{
    private_containerd_of(state);
    assert_fails(run("step", "--image", "busybox", "--", "no-such-command", NULL), 127,
                 "no-such-command");
    assert_fails(run("step", "--image", "busybox", "--", "/etc/passwd", NULL), 126, "/etc/passwd");
}

static void test_cli__exits_with_124_at_the_timeout(void **state)
{
    private_containerd_of(state);
    assert_fails(run("step", "--image", "busybox", "--timeout", "1s", "--grace", "200ms", "--",
                     "sleep", "100", NULL),
                 124, "timed out");
}

static void test_cli__stops_the_step_when_interrupted(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const args[] = {"step",
                                "--image",
                                "busybox",
                                "--run",
                                "trap 'echo bye; exit 0' INT TERM; echo ready; "
                                "while :; do sleep 0.1; done",
                                NULL};
    const char *const env[] = {address_env, io_env, NULL};
    wfe_command_options options = {.args = args, .env = env};
    wfe_command *command = wfe_command_start(&options);
    wfe_command_wait_for(command, "ready");
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_result result;
    wfe_command_wait(command, &result);
    assert_result(&result, 130, "ready\nbye\n");
    wfe_command_result_done(&result);
    private_containerd_assert_clean(daemon);
}

static void test_cli__reports_errors_as_json_too(void **state)
{
    private_containerd_of(state);
    wfe_command_result result =
        run("step", "--json", "--pull", "never", "--image", "no/such:1", "--", "true", NULL);
    assert_int_equal(result.exit_code, 125);
    json_t *json = json_loads(result.out, 0, NULL);
    assert_non_null(json);
    json_t *error = json_object_get(json, "error");
    assert_string_equal(json_string_value(json_object_get(error, "kind")), "not found");
    json_decref(json);
    wfe_command_result_done(&result);
    result = run("step", "--json", "--image", "busybox", "-v", "/tmp/\xFF:/x", "--", "true", NULL);
    json = json_loads(result.out, 0, NULL);
    assert_non_null(json);
    json_decref(json);
    wfe_command_result_done(&result);
}

/* Through a shell, which closes what wfe is started with. */
static void test_cli__works_with_closed_descriptors(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    static const struct {
        const char *redirect;
        int exit_code;
    } cases[] = {{"<&-", 0}, {"2>&-", 0}, {"<&- 2>&-", 0}, {">&-", 125}, {"<&- >&- 2>&-", 125}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char script[512];
        snprintf(script, sizeof script,
                 "WFE_IO_DIR=%s WFE_STATE_DIR=%s exec %s/wfe step -a %s -i busybox -- echo hi %s",
                 daemon->io_dir, daemon->dir, WFE_BUILD_DIR, daemon->address, cases[i].redirect);
        int status = system(script);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != cases[i].exit_code)
            fail_msg("with %s the status is %#x", cases[i].redirect, (unsigned)status);
    }
    private_containerd_assert_clean(daemon);
}

static void test_cli__does_not_wait_for_a_daemon_that_is_gone(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const args[] = {"step",
                                "-i",
                                "busybox",
                                "--grace",
                                "4s",
                                "--run",
                                "echo ready; while :; do sleep 0.1; done",
                                NULL};
    const char *const env[] = {address_env, io_env, state_env, NULL};
    wfe_command_options options = {.args = args, .env = env, .limit_ms = 30000};
    wfe_command *command = wfe_command_start(&options);
    wfe_command_wait_for(command, "ready");
    private_containerd_kill(daemon);
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_result result;
    wfe_command_wait(command, &result);
    assert_int_equal(result.exit_code, 130);
    assert_non_null(strstr(result.err, "wfe gc"));
    wfe_command_result_done(&result);
    private_containerd_start(daemon);
    result = run("gc", NULL);
    assert_result(&result, 0, NULL);
    wfe_command_result_done(&result);
    private_containerd_assert_clean(daemon);
}

static void test_cli__every_command_has_help(void **state)
{
    private_containerd_of(state);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", wfe_commands[i]->name);
        char *second = strchr(name, ' ');
        if (second)
            *second++ = '\0';
        wfe_command_result result =
            second ? run(name, second, "--help", NULL) : run(name, "--help", NULL);
        assert_result(&result, 0, NULL);
        assert_non_null(strstr(result.out, "Usage: wfe "));
        assert_non_null(strstr(result.out, "Examples:"));
        wfe_command_result_done(&result);
        if (!second)
            continue;
        result = run(name, "--help", NULL); /* of the group */
        assert_result(&result, 0, NULL);
        assert_non_null(strstr(result.out, wfe_commands[i]->summary));
        wfe_command_result_done(&result);
    }
}

static void test_cli__lists_images(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run("image", "ls", NULL);
    assert_result(&result, 0, NULL);
    assert_non_null(strstr(result.out, IMAGES_BUSYBOX));
    wfe_command_result_done(&result);
    result = run("image", "ls", "--json", NULL);
    json_t *json = json_loads(result.out, 0, NULL);
    assert_int_equal(json_array_size(json), 1);
    json_decref(json);
    wfe_command_result_done(&result);
}

static void test_cli__doctor_finds_a_healthy_machine(void **state)
{
    private_containerd_of(state);
    wfe_command_result result = run("doctor", NULL);
    assert_result(&result, 0, NULL);
    static const char *const checks[] = {"socket",  "version",   "namespace", "snapshotter",
                                         "runtime", "cgroups",   "seccomp",   "disk",
                                         "cni",     "io folder", "registry"};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        assert_non_null(strstr(result.out, checks[i]));
    wfe_command_result_done(&result);
    result = run("doctor", "--address", "/no/such.sock", "--offline", NULL);
    assert_null(strstr(result.out, "registry"));
    assert_int_equal(result.exit_code, 125);
    assert_non_null(strstr(result.out, "failure"));
    wfe_command_result_done(&result);
    result = run("doctor", "--snapshotter", "nosuch", NULL);
    assert_int_equal(result.exit_code, 125);
    assert_non_null(strstr(result.out, "nosuch"));
    wfe_command_result_done(&result);
}

static void answer_registry(scripted_request *request, void *user)
{
    (void)user;
    const char *path = scripted_request_path(request);
    scripted_answer_text(request, strstr(path, "/private/") ? 403 : 404, "", "{}");
}

static void test_cli__doctor_asks_registries(void **state)
{
    private_containerd_of(state);
    scripted_registry *registry = scripted_registry_start(NULL, answer_registry, NULL);
    assert_non_null(registry);
    char host[32], image[64], expected[80];
    snprintf(host, sizeof host, "127.0.0.1:%u", scripted_registry_port(registry));
    snprintf(image, sizeof image, "%s/private/tool:1", host);
    wfe_command_result result = run("doctor", "--registry", host, NULL);
    snprintf(expected, sizeof expected, "ok       registry     %s answers\n", host);
    assert_result(&result, 0, NULL);
    assert_non_null(strstr(result.out, expected));
    wfe_command_result_done(&result);
    result = run("doctor", "--registry", image, "--json", NULL);
    assert_result(&result, 0, NULL); /* what is there can be run */
    assert_non_null(strstr(result.out, "\"check\":\"registry\",\"level\":\"warning\""));
    assert_non_null(strstr(result.out, host));
    wfe_command_result_done(&result);
    scripted_registry_stop(registry);
    result = run("doctor", "--registry", host, NULL);
    assert_result(&result, 0, NULL);
    snprintf(expected, sizeof expected, "warning  registry     %s: no connection", host);
    assert_non_null(strstr(result.out, expected));
    wfe_command_result_done(&result);
    result = run("doctor", "--registry", "no-host", NULL);
    assert_int_equal(result.exit_code, 2);
    assert_non_null(strstr(result.err, "'no-host' is no name of a registry"));
    wfe_command_result_done(&result);
}

static void test_cli__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli__prints_what_the_step_prints),
        cmocka_unit_test(test_cli__exits_with_the_step_s_code),
        cmocka_unit_test(test_cli__prints_the_result_as_json),
        cmocka_unit_test(test_cli__keeps_the_entrypoint_when_the_words_are_its_arguments),
        cmocka_unit_test(test_cli__passes_its_standard_input_on),
        cmocka_unit_test(test_cli__shows_only_loopback_without_a_network),
        cmocka_unit_test(test_cli__says_when_there_is_no_daemon),
        cmocka_unit_test(test_cli__says_when_nobody_listens),
        cmocka_unit_test(test_cli__says_what_an_address_is_that_is_no_socket),
        cmocka_unit_test(test_cli__finds_the_command_that_was_meant),
        cmocka_unit_test(test_cli__helps),
        cmocka_unit_test(test_cli__says_when_the_daemon_never_answers),
        cmocka_unit_test(test_cli__names_an_unknown_image),
        cmocka_unit_test(test_cli__refuses_wrong_usage),
        cmocka_unit_test(test_cli__suggests_what_was_meant),
        cmocka_unit_test(test_cli__names_options_as_they_are_given),
        cmocka_unit_test(test_cli__names_a_missing_volume),
        cmocka_unit_test(test_cli__tells_a_missing_command_from_one_that_cannot_run),
        cmocka_unit_test(test_cli__exits_with_124_at_the_timeout),
        cmocka_unit_test(test_cli__stops_the_step_when_interrupted),
        cmocka_unit_test(test_cli__reports_errors_as_json_too),
        cmocka_unit_test(test_cli__works_with_closed_descriptors),
        cmocka_unit_test(test_cli__does_not_wait_for_a_daemon_that_is_gone),
        cmocka_unit_test(test_cli__every_command_has_help),
        cmocka_unit_test(test_cli__lists_images),
        cmocka_unit_test(test_cli__doctor_finds_a_healthy_machine),
        cmocka_unit_test(test_cli__doctor_asks_registries),
        cmocka_unit_test(test_cli__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
