/* SPDX-License-Identifier: Apache-2.0
 *
 * The value of a variable is for the step alone: it is in no log, of wfe or of containerd, in no
 * error, no event, no result, and in no process's command line.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/registry_server.h"
#include "fixtures/step_group.h"
#include "fixtures/step_run.h"
#include "fixtures/wfe_command.h"

static int setup(void **state)
{
    return step_group_setup(state);
}

#define SECRET "s3cr3t-value-of-a-test"

static void collect_log(int level, const char *text, void *user)
{
    (void)level;
    wfe_buf_append_str(user, text, NULL);
}

static void assert_lacks(const char *path, const void *bytes, size_t len, const char *secret)
{
    if (len && memmem(bytes, len, secret, strlen(secret)))
        fail_msg("%s shows the secret", path);
}

static void assert_no_command_line_has_it(void)
{
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    struct dirent *entry;
    while ((entry = readdir(proc))) {
        static char text[65536];
        char path[300];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = atoi(entry->d_name) > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text);
        if (fd >= 0)
            close(fd);
        assert_lacks(path, text, len > 0 ? (size_t)len : 0, SECRET);
    }
    closedir(proc);
}

static void look_at_processes(enum wfe_stream stream, const void *bytes, size_t n, void *user)
{
    (void)stream;
    (void)bytes;
    (void)n;
    (void)user;
    assert_no_command_line_has_it();
}

static void assert_file_lacks(const char *path, const char *secret)
{
    wfe_buf text = WFE_BUF_INIT(0);
    assert_int_equal(wfe_fd_read_file(path, (size_t)64 << 20, &text, NULL), 0);
    assert_lacks(path, text.data, text.len, secret);
    wfe_buf_done(&text);
}

static void test_step_secrets__are_in_no_log_error_result_or_command_line(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const env[] = {"TOKEN=" SECRET, NULL};
    const char *const broken[] = {SECRET, NULL};
    const char *const missing[] = {"no-such-command", NULL};
    wfe_buf log = WFE_BUF_INIT(0);
    wfe_client_options client_options = step_client_options(daemon);
    client_options.log = collect_log;
    client_options.log_user = &log;
    client_options.log_level = WFE_LOG_DEBUG;
    wfe_step_options options = step_script("echo ${#TOKEN}; sleep 1");
    options.env = env;
    options.on_output = look_at_processes;
    wfe_step_result *whole = step_run(step_client_of_group, &options);
    step_assert_stream(whole, WFE_STDOUT, "22\n");
    wfe_step_result_free(whole);
    wfe_client *client = step_client_with(&client_options);
    for (int i = 0; i < 4; i++) {
        wfe_step_options failing = step_script(i == 0 ? "exit 3" : NULL);
        failing.env = i == 1 ? broken : env;
        failing.command = i == 0 ? NULL : missing;
        failing.working_dir = i == 2 ? "/etc/passwd" : NULL;
        failing.no_init = i == 3;
        wfe_step_result *result = NULL;
        wfe_error error = WFE_ERROR_INIT;
        if (wfe_step_run(client, &failing, &result, &error) == 0) {
            char *json = wfe_step_result_json(result);
            assert_null(strstr(json, SECRET));
            free(json);
            wfe_step_result_free(result);
        } else {
            assert_null(strstr(error.message, SECRET));
            assert_null(strstr(error.hint, SECRET));
            assert_null(strstr(error.subject, SECRET));
        }
    }
    wfe_client_free(client);
    assert_true(!log.len || !strstr(log.data, SECRET));
    wfe_buf_done(&log);
    assert_file_lacks(daemon->log, SECRET);
}

/* ---- marked ones, that the command itself shows ---- */

#define MASKED_SCRIPT                                                                              \
    "echo $TOKEN; echo \"an error with $TOKEN\" >&2; printf %s \"$TOKEN\" | base64;"               \
    "echo \"##wfe[output out=<$TOKEN>]\"; echo \"file=<$TOKEN>\" >>$WFE_OUTPUT;"                   \
    "echo $TOKEN >>$WFE_OUTPUT; test ${#TOKEN} = 22"

static void collect_output(enum wfe_stream stream, const void *bytes, size_t n, void *user)
{
    (void)stream;
    wfe_buf_append(user, bytes, n, NULL);
}

static void test_step_secrets__that_are_marked_are_masked_in_all_a_step_gives(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const secrets[] = {"TOKEN=" SECRET, NULL}, *const env[] = {"TOKEN=other", NULL};
    wfe_buf heard = WFE_BUF_INIT(0);
    FILE *file = tmpfile();
    char written[256] = "";
    wfe_step_options options = step_script(MASKED_SCRIPT);
    options.env = env;
    options.secret_env = secrets;
    options.on_output = collect_output;
    options.on_output_user = &heard;
    options.stdout_fd = fileno(file);
    wfe_step_result *result = step_run(step_client_of_group, &options);
    assert_int_equal(wfe_step_result_exit_code(result), 0);
    step_assert_stream(result, WFE_STDOUT, "***\n***\n##wfe[output out=<***>]\n");
    step_assert_stream(result, WFE_STDERR, "an error with ***\n");
    assert_string_equal(wfe_step_result_output(result, "out"), "<***>");
    assert_string_equal(wfe_step_result_output(result, "file"), "<***>");
    assert_int_equal(wfe_step_result_n_warnings(result), 1);
    char *json = wfe_step_result_json(result);
    assert_null(strstr(json, SECRET));
    free(json);
    wfe_step_result_free(result);
    assert_lacks("the listener", heard.data, heard.len, SECRET);
    wfe_buf_done(&heard);
    assert_true(pread(fileno(file), written, sizeof written - 1, 0) > 0);
    assert_string_equal(written, "***\n***\n##wfe[output out=<***>]\n");
    fclose(file);
    assert_file_lacks(daemon->log, SECRET);
}

static void test_step_secrets__that_are_marked_are_in_no_error(void **state)
{
    private_containerd_of(state);
    const char *const secrets[] = {"TOKEN=" SECRET, NULL}, *const command[] = {SECRET, NULL};
    wfe_step_options options = step_script(NULL);
    options.command = command;
    options.secret_env = secrets;
    for (int i = 0; i < 3; i++) {
        options.no_init = i == 1;
        options.working_dir = i == 2 ? "/" SECRET "/.." : NULL;
        wfe_step_result *result = NULL;
        wfe_error error = WFE_ERROR_INIT;
        assert_int_not_equal(wfe_step_run(step_client_of_group, &options, &result, &error), 0);
        step_assert_has(error.message, "***");
        assert_null(strstr(error.message, SECRET));
        assert_null(strstr(error.subject, SECRET));
    }
}

/* ---- events ---- */

/* `ctr events` into a file, until it is killed. */
static pid_t record_events(const private_containerd *daemon, const char *path)
{
    char ctr[PATH_MAX];
    snprintf(ctr, sizeof ctr, "%s%sctr", daemon->binaries_dir ? daemon->binaries_dir : "",
             daemon->binaries_dir ? "/" : "");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
            execlp(ctr, ctr, "--address", daemon->address, "events", (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Runs the step, several times if need be, until an event of it has been recorded. */
static void run_until_recorded(const wfe_step_options *options, const char *path)
{
    for (int i = 0; i < 100; i++) {
        wfe_buf text = WFE_BUF_INIT((size_t)1 << 20);
        wfe_step_result_free(step_run(step_client_of_group, options));
        assert_int_equal(wfe_fd_read_file(path, (size_t)1 << 20, &text, NULL), 0);
        bool recorded = text.len && strstr(text.data, "/containers/create") &&
                        strstr(text.data, "/tasks/delete");
        wfe_buf_done(&text);
        if (recorded)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    }
    fail_msg("ctr events did not see the step");
}

static void test_step_secrets__are_in_no_event(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const env[] = {"TOKEN=" SECRET, NULL};
    char path[PATH_MAX];
    wfe_step_options options = step_script("test ${#TOKEN} = 22");
    options.env = env;
    snprintf(path, sizeof path, "%s/events", daemon->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    pid_t pid = record_events(daemon, path);
    run_until_recorded(&options, path);
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_file_lacks(path, SECRET);
}

/* ---- the command ---- */

/* `wfe step -V ARGS...` with the secret in wfe's own environment as TOKEN. */
static wfe_command *start_wfe(const private_containerd *daemon, const char *const *args)
{
    static char address[160], io_dir[96], state_dir[96];
    static const char *argv[32];
    const char *const env[] = {address, io_dir, state_dir, "TOKEN=" SECRET, NULL};
    size_t n = 0;
    snprintf(address, sizeof address, "CONTAINERD_ADDRESS=%s", daemon->address);
    snprintf(io_dir, sizeof io_dir, "WFE_IO_DIR=%s", daemon->io_dir);
    snprintf(state_dir, sizeof state_dir, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
    argv[n++] = "step";
    argv[n++] = "-V";
    while (n < 31 && *args)
        argv[n++] = *args++;
    argv[n] = NULL;
    const wfe_command_options options = {.args = argv, .env = env};
    return wfe_command_start(&options);
}

static void expect(wfe_command *command, int exit_code)
{
    wfe_command_result result;
    wfe_command_wait(command, &result);
    if (result.exit_code != exit_code)
        fail_msg("exit code %d (expected %d), stderr '%s'", result.exit_code, exit_code,
                 result.err);
    assert_lacks("stdout", result.out, result.out_len, SECRET);
    assert_lacks("stderr", result.err, result.err_len, SECRET);
    wfe_command_result_done(&result);
}

static void test_step_secrets__come_from_wfe_s_own_environment(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const good[] = {
        "-e",      "TOKEN", "-i",
        "busybox", "--run", "echo ready ${#TOKEN}; trap 'exit 5' TERM; sleep 60 & wait",
        NULL};
    wfe_command *command = start_wfe(daemon, good);
    wfe_command_wait_for(command, "ready 22");
    assert_no_command_line_has_it();
    kill(wfe_command_pid(command), SIGTERM);
    expect(command, 130);
    const char *const json[] = {"--json", "-e", "TOKEN", "-i", "busybox", "--", "no-such", NULL};
    expect(start_wfe(daemon, json), 127);
    const char *const failing[] = {"-e", "TOKEN", "-i", "busybox", "--run", "exit 3", NULL};
    expect(start_wfe(daemon, failing), 3);
    const char *const marked[] = {"--secret", "TOKEN",       "-i", "busybox",
                                  "--run",    MASKED_SCRIPT, NULL};
    expect(start_wfe(daemon, marked), 0);
    const char *const marked_json[] = {"--json",  "--secret", "TOKEN",       "-i",
                                       "busybox", "--run",    MASKED_SCRIPT, NULL};
    expect(start_wfe(daemon, marked_json), 0);
    const char *const unset[] = {"-e", "TOKEN_NOT_SET", "-i", "busybox", "--", "true", NULL};
    expect(start_wfe(daemon, unset), 2);
    assert_file_lacks(daemon->log, SECRET);
}

/* ---- the password of a registry ---- */

/* That of the fault slow-login, and what is sent for it: "me:" and the password in base64. */
#define PASSWORD "registry-horse-staple"
#define BASIC "bWU6cmVnaXN0cnktaG9yc2Utc3RhcGxl"

/* Looks at all processes, again and again, while a pull is under way: as a thread, which must not
 * fail itself. */
typedef struct watch {
    atomic_bool over;
    const char *known;   /* is in wfe's command line, and in its environment */
    unsigned n_known[2]; /* how often it was seen there: it looks at the right files */
    char found[64];      /* a file with the password */
} watch;

static void look_at_file(watch *w, const char *pid, int which)
{
    static const char *const names[] = {"cmdline", "environ"};
    static char text[1 << 20];
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/%s", pid, names[which]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return;
    if (memmem(text, (size_t)len, PASSWORD, strlen(PASSWORD)) ||
        memmem(text, (size_t)len, BASIC, strlen(BASIC)))
        snprintf(w->found, sizeof w->found, "%s", path);
    w->n_known[which] += memmem(text, (size_t)len, w->known, strlen(w->known)) != NULL;
}

static void *watch_processes(void *user)
{
    watch *w = user;
    while (!atomic_load(&w->over)) {
        DIR *proc = opendir("/proc");
        for (struct dirent *entry; proc && (entry = readdir(proc));) {
            for (int which = 0; which < 2 && atoi(entry->d_name) > 0; which++)
                look_at_file(w, entry->d_name, which);
        }
        if (proc)
            closedir(proc);
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
    }
    return NULL;
}

/* `wfe ARGS...` while all processes are looked at; neither they nor what it prints has it. */
static wfe_command_result run_watched(const private_containerd *daemon, const char *folder,
                                      const char *const *args, watch *w)
{
    char address[160], io_dir[96], state_dir[96];
    const char *const env[] = {address, io_dir, state_dir, NULL};
    const wfe_command_options options = {.args = args, .env = env, .directory = folder};
    wfe_command_result result;
    pthread_t thread;
    w->known = folder;
    atomic_store(&w->over, false);
    snprintf(address, sizeof address, "CONTAINERD_ADDRESS=%s", daemon->address);
    snprintf(io_dir, sizeof io_dir, "WFE_IO_DIR=%s", daemon->io_dir);
    snprintf(state_dir, sizeof state_dir, "WFE_STATE_DIR=%s/state", folder);
    assert_int_equal(pthread_create(&thread, NULL, watch_processes, w), 0);
    wfe_command_run(&options, &result);
    atomic_store(&w->over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (w->found[0])
        fail_msg("%s had the password", w->found);
    assert_lacks("stdout", result.out, result.out_len, PASSWORD);
    assert_lacks("stderr", result.err, result.err_len, PASSWORD);
    assert_lacks("stdout", result.out, result.out_len, BASIC);
    assert_lacks("stderr", result.err, result.err_len, BASIC);
    return result;
}

/* No file below the folder holds it, in either form. */
static void assert_folder_lacks(const char *folder)
{
    char command[256];
    snprintf(command, sizeof command, "grep -rqa -e %s -e %s %s", PASSWORD, BASIC, folder);
    int status = system(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
        fail_msg("'%s' ended with 0x%x", command, (unsigned)status);
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(wfe_fd_write_file(path, text, strlen(text), 0600, NULL), 0);
}

/* A run that pulls with the password, an input, and shows it in its step: it is among the data of
 * the result, and may be a declared output. */
static void expect_auth(const private_containerd *daemon, const faulty_registry *front,
                        const char *password, bool declared, int exit_code, const char *out,
                        watch *w)
{
    char folder[64], path[96], inputs[96], text[1024];
    snprintf(folder, sizeof folder, "%s/auth", daemon->dir);
    snprintf(path, sizeof path, "%s/w.yaml", folder);
    snprintf(inputs, sizeof inputs, "%s/inputs.yaml", folder);
    assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
    /* With a dot it is no variable, which would be in the environment of the step. */
    snprintf(text, sizeof text,
             "workflow:\n  id: auth\n  version: 1\n  inputs: {registry.password: string}\n%s"
             "  steps:\n    - name: s\n      type: containerd\n%s      config:\n"
             "        image: '%s/test/large'\n        pull: always\n"
             "        stdin: ((registry.password))\n        registry_auth:\n"
             "          '%s': {username: me, password: ((registry.password))}\n"
             "        run: 'echo \"with $(cat)\"'\n",
             declared ? "  outputs: {registry.password: string}\n" : "",
             declared ? "      outputs: [{name: registry.password, type: string?}]\n" : "",
             front->host, front->host);
    write_text(path, text);
    snprintf(text, sizeof text, "registry.password: %s\n", password);
    write_text(inputs, text);
    const char *const args[] = {"run", path, "--json", "--input-file", inputs, NULL};
    wfe_command_result result = run_watched(daemon, folder, args, w);
    if (result.exit_code != exit_code || !strstr(result.out, out))
        fail_msg("exit code %d (expected %d), '%s' (expected '%s' in it)", result.exit_code,
                 exit_code, result.out, out);
    wfe_command_result_done(&result);
    snprintf(path, sizeof path, "%s/state", folder);
    assert_folder_lacks(path);
}

static void test_step_secrets__of_registry_auth_are_in_no_process_and_no_record(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    registry_server *registry = registry_server_new();
    if (!registry) {
        print_message("skipped: there is no docker-registry\n");
        skip();
    }
    faulty_registry front;
    watch w = {0};
    registry_server_need(registry, "large");
    faulty_registry_start(registry, "slow-login", &front);
    expect_auth(daemon, &front, PASSWORD "-of-old", false, 125,
                "tried with a user name and password", &w);
    expect_auth(daemon, &front, PASSWORD, false, 0, "\"line\":\"with ***\"", &w);
    assert_true(w.n_known[0] > 0 && w.n_known[1] > 0);
    expect_auth(daemon, &front, PASSWORD, true, 0, "\"outputs\":{\"registry.password\":\"***\"}",
                &w);
    faulty_registry_stop(&front);
    registry_server_free(registry);
    assert_folder_lacks(daemon->io_dir);
    assert_file_lacks(daemon->log, PASSWORD);
    assert_file_lacks(daemon->log, BASIC);
}

static void test_step_secrets__leave_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_secrets__are_in_no_log_error_result_or_command_line),
        cmocka_unit_test(test_step_secrets__that_are_marked_are_masked_in_all_a_step_gives),
        cmocka_unit_test(test_step_secrets__that_are_marked_are_in_no_error),
        cmocka_unit_test(test_step_secrets__are_in_no_event),
        cmocka_unit_test(test_step_secrets__come_from_wfe_s_own_environment),
        cmocka_unit_test(test_step_secrets__of_registry_auth_are_in_no_process_and_no_record),
        cmocka_unit_test(test_step_secrets__leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, step_group_teardown);
}
