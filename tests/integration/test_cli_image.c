/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of `wfe image` as a user runs them: files, pipes, exit codes, and what they say
 * when something is wrong.
 */
#include "fixtures/wfe_assert.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/wfe_command.h"

#define MAX_ARGS 32

static char address_env[160], state_env[96], folder[64];

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (!rc && !daemon->skip_reason[0]) {
        snprintf(address_env, sizeof address_env, "CONTAINERD_ADDRESS=%s", daemon->address);
        snprintf(state_env, sizeof state_env, "WFE_STATE_DIR=%s/state-of-wfe", daemon->dir);
        snprintf(folder, sizeof folder, "%s/files", daemon->dir);
        rc = mkdir(folder, 0700);
        images_need_busybox(daemon);
    }
    return rc;
}

static wfe_command_options options_of(const char **args, va_list list)
{
    static const char *env[3];
    size_t n = 1;
    while (n < MAX_ARGS - 1 && (args[n] = va_arg(list, const char *)))
        n++;
    env[0] = address_env;
    env[1] = state_env;
    return (wfe_command_options){.args = args, .env = env, .directory = folder};
}

/* Runs `wfe image args...` (a NULL ends them) in the folder. */
static wfe_command_result run_with(int stdin_fd, ...)
{
    const char *args[MAX_ARGS] = {"image"};
    va_list list;
    va_start(list, stdin_fd);
    wfe_command_options options = options_of(args, list);
    va_end(list);
    options.stdin_fd = stdin_fd;
    wfe_command_result result;
    wfe_command_run(&options, &result);
    return result;
}
#define run(...) run_with(0, __VA_ARGS__, NULL)

static void assert_says(wfe_command_result result, int exit_code, const char *out)
{
    if (result.exit_code != exit_code || !strstr(result.out, out))
        fail_msg("exit code %d (expected %d), stdout '%s' (expected '%s'), stderr '%s'",
                 result.exit_code, exit_code, result.out, out, result.err);
    wfe_command_result_done(&result);
}

/* One error line and perhaps a hint on stderr, nothing on stdout. */
static void assert_refused(wfe_command_result result, int exit_code, const char *text)
{
    size_t lines = 0;
    for (const char *p = result.err; *p; p++)
        lines += *p == '\n';
    if (result.exit_code != exit_code || result.out[0] || !strstr(result.err, text) || lines > 2 ||
        strncmp(result.err, "wfe: ", 5) != 0)
        fail_msg("exit code %d (expected %d), stdout '%s', stderr '%s' (expected '%s')",
                 result.exit_code, exit_code, result.out, result.err, text);
    wfe_command_result_done(&result);
}

static void shell(const char *script)
{
    char text[2048];
    snprintf(text, sizeof text, "set -eu; cd %s; %s", folder, script);
    if (system(text) != 0)
        fail_msg("the script failed: %s", script);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static size_t count_files(void)
{
    DIR *dir = opendir(folder);
    size_t n = 0;
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static void test_cli_image__exports_and_imports_files_and_pipes(void **state)
{
    private_containerd_of(state);
    assert_says(run("export", "busybox", "-o", "a.tar"), 0,
                "exported docker.io/library/busybox:latest sha256:");
    assert_says(run("export", "busybox", "-o", "b.tar", "--json"), 0, "\"name\":\"docker.io/");
    shell("cmp a.tar b.tar; test $(stat -c %a a.tar) = 644; test $(ls -A | wc -l) = 2");
    wfe_command_result result = run("export", "busybox", "--output=-");
    int fd = open(in_folder("a.tar"), O_RDONLY | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(result.exit_code, 0);
    assert_int_equal(result.out_len, st.st_size);
    char *bytes = malloc(result.out_len);
    assert_int_equal(read(fd, bytes, result.out_len), st.st_size);
    assert_memory_equal(bytes, result.out, result.out_len);
    free(bytes);
    wfe_command_result_done(&result);
    assert_says(run("rm", "busybox"), 0, "removed docker.io/library/busybox:latest sha256:");
    assert_says(run("ls", "-q"), 0, "");
    lseek(fd, 0, SEEK_SET);
    assert_says(run_with(fd, "import", "-", NULL), 0, "imported docker.io/library/busybox:latest");
    close(fd);
    shell("zstd -q a.tar -o a.tar.zst; gzip -k b.tar");
    assert_says(run("import", "a.tar.zst", "--name", "again"), 0, "docker.io/library/again:latest");
    assert_says(run("import", "b.tar.gz", "--json"), 0, "\"unpacked\":true");
    assert_says(run("ls", "-q"), 0, "docker.io/library/again:latest\n" IMAGES_BUSYBOX "\n");
    assert_says(run("rm", "again", "--json"), 0, "\"in_use\":false");
    shell("rm -f *.tar*");
}

static void test_cli_image__says_what_is_wrong_with_a_file(void **state)
{
    private_containerd_of(state);
    shell("echo '{' >index.json; tar -cf broken.tar index.json; rm index.json; mkdir layout;"
          "echo garbage >garbage; tar -cf other.tar garbage; gzip <garbage >garbage.gz");
    assert_refused(run("import", "garbage"), 2, "garbage is no tar archive");
    assert_refused(run("import", "garbage.gz"), 2, "garbage.gz is no tar archive");
    assert_refused(run("import", "broken.tar"), 2, "index.json of broken.tar");
    assert_refused(run("import", "other.tar"), 2, "other.tar holds no image");
    assert_refused(run("import", "layout"), 2, "layout is a folder");
    assert_refused(run("import", "-"), 2, "standard input is no tar archive");
    assert_refused(run("import", "nosuch"), 125, "cannot open nosuch");
    assert_refused(run("import"), 2, "FILE");
    shell("rm -r broken.tar garbage garbage.gz other.tar layout");
}

static void test_cli_image__says_what_is_wrong_with_an_export(void **state)
{
    private_containerd_of(state);
    assert_refused(run("export", "busybox"), 2, "needs --output FILE");
    assert_refused(run("export", "-o", "a.tar"), 2, "IMAGE");
    assert_says(run("export", "busybox", "-o", "-", "--json"), 2, "both write the standard output");
    assert_refused(run("export", "busybox", "-o", "."), 2, "is a folder");
    assert_refused(run("export", "busybox", "-o", "no/such/a.tar"), 125, "no/such/a.tar");
    assert_refused(run("export", "busybox", "-o", "a.tar", "--platform", "a/b/c/d"), 2, "a/b/c/d");
    assert_refused(run("export", "busybox", "-o", "a.tar", "--platform", "plan9/mips"), 125,
                   "only for: linux/");
    assert_refused(run("export", "busybox", "-o", "/dev/full"), 125, "No space left on device");
    shell("echo before >a.tar");
    assert_refused(run("export", "bussybox", "-o", "a.tar"), 125, "did you mean busybox?");
    shell("test \"$(cat a.tar)\" = before; rm a.tar");
    assert_int_equal(count_files(), 0);
}

static void test_cli_image__an_interrupted_export_leaves_the_file_as_it_was(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    const char *const args[] = {"image", "export", "busybox", "-o", "a.tar", NULL};
    const char *const env[] = {address_env, state_env, NULL};
    const wfe_command_options options = {.args = args, .env = env, .directory = folder};
    wfe_command_result result;
    shell("echo before >a.tar");
    private_containerd_freeze(daemon);
    wfe_command *command = wfe_command_start(&options);
    for (int waited_ms = 0; count_files() < 2; waited_ms += 20) {
        assert_true(waited_ms < 20000);
        poll(NULL, 0, 20);
    }
    kill(wfe_command_pid(command), SIGINT);
    wfe_command_wait(command, &result);
    private_containerd_thaw(daemon);
    assert_int_equal(result.exit_code, 130);
    wfe_command_result_done(&result);
    assert_int_equal(count_files(), 1);
    shell("test \"$(cat a.tar)\" = before; rm a.tar");
}

static void test_cli_image__follows_a_link_to_the_file_it_replaces(void **state)
{
    private_containerd_of(state);
    shell("mkdir real; echo before >real/a.tar; ln -s real/a.tar a.tar");
    assert_says(run("export", "busybox", "-o", "a.tar"), 0, "exported");
    shell("test -L a.tar; tar -tf real/a.tar >/dev/null; test $(ls -A real | wc -l) = 1;"
          "rm -r real a.tar");
}

static void test_cli_image__lists_and_inspects(void **state)
{
    private_containerd_of(state);
    assert_says(run("ls"), 0, "NAME ");
    assert_says(run("ls", "busybox"), 0, "linux/");
    assert_says(run("ls", "nosuch", "--json"), 0, "[]\n");
    assert_says(run("ls", "--filter", "name~=busybox", "-q"), 0, IMAGES_BUSYBOX "\n");
    assert_says(run("ls", "--filter", "name~=nosuch", "-q"), 0, "");
    assert_refused(run("ls", "--filter", "name=="), 2, "filter");
    wfe_command_result result = run("ls", "--json");
    json_t *list = json_loads(result.out, 0, NULL);
    const json_t *image = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(image, "name")), IMAGES_BUSYBOX);
    assert_true(json_integer_value(json_object_get(image, "size")) > 1000000);
    assert_int_equal(json_array_size(json_object_get(image, "platforms")), 1);
    json_decref(list);
    wfe_command_result_done(&result);
    assert_says(run("inspect", "busybox"), 0, "{\n  \"name\": \"" IMAGES_BUSYBOX "\"");
    assert_says(run("inspect", "--json", "busybox"), 0, "{\"name\":\"" IMAGES_BUSYBOX "\"");
    assert_refused(run("inspect", "nosuch"), 125, "image 'nosuch' not found");
    assert_says(run("inspect", "nosuch", "--json"), 125, "\"kind\":\"not found\"");
}

static void test_cli_image__removes_with_care(void **state)
{
    private_containerd_of(state);
    assert_refused(run("rm"), 2, "IMAGE or --all-unused");
    assert_refused(run("rm", "busybox", "nosuch"), 125, "nosuch");
    assert_says(run("ls", "-q"), 0, IMAGES_BUSYBOX "\n");
    assert_says(run("rm", "--all-unused"), 0, "removed " IMAGES_BUSYBOX);
    assert_says(run("rm", "--all-unused"), 0, "");
}

static void test_cli_image__leaves_nothing_behind(void **state)
{
    private_containerd_assert_clean(private_containerd_of(state));
    assert_int_equal(count_files(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_image__exports_and_imports_files_and_pipes),
        cmocka_unit_test(test_cli_image__says_what_is_wrong_with_a_file),
        cmocka_unit_test(test_cli_image__says_what_is_wrong_with_an_export),
        cmocka_unit_test(test_cli_image__an_interrupted_export_leaves_the_file_as_it_was),
        cmocka_unit_test(test_cli_image__follows_a_link_to_the_file_it_replaces),
        cmocka_unit_test(test_cli_image__lists_and_inspects),
        cmocka_unit_test(test_cli_image__removes_with_care),
        cmocka_unit_test(test_cli_image__leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, setup, private_containerd_group_teardown);
}
