/* SPDX-License-Identifier: Apache-2.0
 *
 * Whoever embeds libwfe has an installed tree and nothing of this repository: installs into a
 * temporary DESTDIR, compiles the examples against that with pkg-config, runs them against a
 * private containerd.
 */
#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "fixtures/images.h"
#include "fixtures/private_containerd.h"
#include "fixtures/wfe_assert.h"

#define PREFIX "/opt/wfe" /* not where the build was configured for */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZE "-fsanitize=address,undefined"
#else
#define SANITIZE ""
#endif

static char root[] = "/tmp/wfe-embed-XXXXXX";
static char *said; /* what the last command printed */

/* Runs a shell command line with what follows in its environment; gives its exit code, and what it
 * printed in said. */
static int shell(const char *command)
{
    wfe_buf text = WFE_BUF_INIT(1024 * 1024);
    char part[4096];
    size_t n;
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_ok(wfe_buf_append(&text, "", 0, NULL), NULL);
    while ((n = fread(part, 1, sizeof part, pipe)) > 0)
        assert_ok(wfe_buf_append(&text, part, n, NULL), NULL);
    int status = pclose(pipe);
    free(said);
    said = text.data ? text.data : strdup("");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void assert_shell(const char *command)
{
    int code = shell(command);
    if (code)
        fail_msg("exit code %d: %s\n%s", code, command, said);
}

static void assert_said(const char *text)
{
    if (strcmp(said, text) != 0)
        fail_msg("wanted '%s', got '%s'", text, said);
}

static int setup(void **state)
{
    int rc = private_containerd_group_setup(state);
    private_containerd *daemon = *state;
    if (rc || !mkdtemp(root))
        return -1;
    if (!daemon->skip_reason[0])
        images_need_busybox(daemon);
    setenv("ROOT", root, 1);
    setenv("ADDRESS", daemon->address, 1);
    setenv("LD_LIBRARY_PATH", "", 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    return shell("DESTDIR=$ROOT cmake --install '" WFE_BUILD_DIR "' --prefix '" PREFIX "' 2>&1");
}

static int teardown(void **state)
{
    int rc = wfe_fd_remove_tree(root, NULL);
    free(said);
    return private_containerd_group_teardown(state) || rc;
}

/* The flags pkg-config gives for the installed tree, as words of a shell command line. */
#define PKG_CONFIG                                                                                 \
    "PKG_CONFIG_SYSROOT_DIR=$ROOT PKG_CONFIG_PATH=\"$ROOT" PREFIX "/lib/pkgconfig\" pkg-config "
#define FLAGS(options) " $(" PKG_CONFIG options " wfe)"

/* Compiles examples/<source> to $ROOT/<program> and runs it against the group's daemon. */
static void compile(const char *compiler, const char *source, const char *program,
                    const char *flags)
{
    char line[1024];
    snprintf(line, sizeof line,
             "%s -Wall -Wextra -Werror " SANITIZE " -o $ROOT/%s '" WFE_SOURCE_DIR
             "/examples/%s' %s 2>&1",
             compiler, program, source, flags);
    assert_shell(line);
}

static void run(const char *program)
{
    char line[256];
    snprintf(line, sizeof line,
             "LD_LIBRARY_PATH=\"$ROOT" PREFIX "/lib\" $ROOT/%s $ADDRESS " IMAGES_BUSYBOX " 2>&1",
             program);
    assert_shell(line);
}

static void assert_greets(void)
{
    assert_contains(said, "exit code 0, greeting hello\nworking\n");
}

static void test_embed__install_puts_everything_in_place(void **state)
{
    (void)state;
    assert_shell("cd \"$ROOT" PREFIX "\" && find . -not -type d | LC_ALL=C sort");
    static const char *const files[] = {"./bin/wfe\n",
                                        "./include/wfe/wfe.h\n",
                                        "./include/wfe/step.h\n",
                                        "./lib/libwfe.a\n",
                                        "./lib/libwfe.so\n",
                                        "./lib/libwfe.so.0\n",
                                        "./lib/libwfe.so.0.",
                                        "./lib/pkgconfig/wfe.pc\n",
                                        "./share/man/man1/wfe.1\n",
                                        "./share/man/man1/wfe-step.1\n",
                                        "./share/bash-completion/completions/wfe\n",
                                        "./share/zsh/site-functions/_wfe\n",
                                        "./share/fish/vendor_completions.d/wfe.fish\n"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_contains(said, files[i]);
    assert_shell("\"$ROOT" PREFIX "/bin/wfe\" version");
    assert_memory_equal(said, "wfe ", 4);
    char version[64];
    snprintf(version, sizeof version, "%s", said + 4);
    assert_shell(PKG_CONFIG "--modversion wfe");
    assert_said(version);
}

static void test_embed__c_example_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    compile("gcc -std=c11 -pedantic", "embed.c", "c", FLAGS("--cflags --libs"));
    run("c");
    assert_greets();
    private_containerd_assert_clean(daemon);
}

static void test_embed__c_example_says_what_is_wrong(void **state)
{
    private_containerd_of(state);
    assert_int_equal(
        shell("LD_LIBRARY_PATH=\"$ROOT" PREFIX "/lib\" $ROOT/c $ADDRESS no/such:1 2>&1"), 1);
    assert_contains(said, "no/such:1");
}

#ifndef __SANITIZE_ADDRESS__
static void test_embed__c_example_runs_linked_statically(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    compile("gcc -std=c11 -pedantic -static", "embed.c", "static",
            FLAGS("--static --cflags --libs"));
    run("static");
    assert_greets();
    private_containerd_assert_clean(daemon);
}
#endif

static void test_embed__cpp_example_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    compile("g++ -std=c++17 -pedantic", "embed.cpp", "cpp", FLAGS("--cflags --libs"));
    run("cpp");
    assert_greets();
    private_containerd_assert_clean(daemon);
}

static void test_embed__python_example_runs(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
#ifdef __SANITIZE_ADDRESS__
    /* The interpreter itself is not instrumented, and keeps some memory to its end. */
    const char *preload = "LD_PRELOAD=\"$(gcc -print-file-name=libasan.so) "
                          "$(gcc -print-file-name=libubsan.so)\" ASAN_OPTIONS=detect_leaks=0 ";
#else
    const char *preload = "";
#endif
    char line[512];
    snprintf(line, sizeof line,
             "LD_LIBRARY_PATH=\"$ROOT" PREFIX "/lib\" %s /usr/bin/python3 '" WFE_SOURCE_DIR
             "/examples/embed.py' $ADDRESS " IMAGES_BUSYBOX " 2>&1",
             preload);
    assert_shell(line);
    assert_greets();
    private_containerd_assert_clean(daemon);
}

static void test_embed__event_loop_example_cancels_from_a_callback(void **state)
{
    private_containerd *daemon = private_containerd_of(state);
    compile("gcc -std=c11 -pedantic", "event_loop.c", "loop", FLAGS("--cflags --libs"));
    run("loop");
    assert_contains(said, "second: cancelled\n");
    assert_contains(said, "first: exit code 3\n");
    private_containerd_assert_clean(daemon);
}

/* ---- what the README shows ---- */

static char *read_text(const char *path)
{
    wfe_buf text = WFE_BUF_INIT(1024 * 1024);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_read_file(path, 256 * 1024, &text, &err), &err);
    return text.data;
}

static void test_embed__readme_shows_the_example(void **state)
{
    (void)state;
    char *readme = read_text(WFE_SOURCE_DIR "/README.md");
    char *example = read_text(WFE_SOURCE_DIR "/examples/embed.c");
    const char *code = strchr(example, '\n') + 1; /* below the licence */
    size_t lines = 0;
    for (const char *p = example; *p; p++)
        lines += *p == '\n';
    assert_true(lines <= 25);
    if (!strstr(readme, code))
        fail_msg("README.md does not hold examples/embed.c as it is");
    free(readme);
    free(example);
}

#ifndef __SANITIZE_ADDRESS__
#define FIELD(package, field) "dpkg-deb -f $ROOT/deb/packages/" package "_*.deb " field

/* `make deb` does the same, in a build configured for /usr. */
static void test_embed__debian_packages_can_be_unpacked_and_used(void **state)
{
    (void)state;
    assert_shell("cpack --config '" WFE_BUILD_DIR "/CPackConfig.cmake' -G DEB -B $ROOT/deb -D "
                 "CPACK_OUTPUT_FILE_PREFIX=$ROOT/deb/packages 2>&1");
    assert_shell("cd $ROOT/deb/packages && ls | sed 's/_.*//'");
    assert_said("libwfe-dev\nlibwfe0\nwfe\n");
    assert_shell("for deb in $ROOT/deb/packages/*.deb; do dpkg-deb -x $deb $ROOT/debian; done");
    assert_shell("find $ROOT/debian -perm /022 -not -type l");
    assert_said("");
    assert_shell("$(find $ROOT/debian -name wfe -path '*/bin/*') version");
    assert_memory_equal(said, "wfe ", 4);
    assert_shell(FIELD("wfe", "Depends"));
    assert_contains(said, "libssl3"); /* loaded at its first use: nothing links it */
    assert_contains(said, "libc6 (>= ");
    assert_shell(FIELD("libwfe-dev", "Depends"));
    assert_contains(said, "libwfe0 (= ");
    assert_shell("export PKG_CONFIG_SYSROOT_DIR=$ROOT/debian; export PKG_CONFIG_PATH=$(dirname "
                 "$(find $ROOT/debian -name wfe.pc)); cc -o $ROOT/from-deb '" WFE_SOURCE_DIR
                 "/examples/embed.c' $(pkg-config --cflags --libs wfe) 2>&1");
    assert_shell("LD_LIBRARY_PATH=$(dirname $(find $ROOT/debian -name libwfe.so.0)) "
                 "$ROOT/from-deb $ADDRESS " IMAGES_BUSYBOX " 2>&1");
    assert_greets();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embed__install_puts_everything_in_place),
        cmocka_unit_test(test_embed__c_example_runs),
        cmocka_unit_test(test_embed__c_example_says_what_is_wrong),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_embed__c_example_runs_linked_statically),
#endif
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_embed__debian_packages_can_be_unpacked_and_used),
#endif
        cmocka_unit_test(test_embed__cpp_example_runs),
        cmocka_unit_test(test_embed__python_example_runs),
        cmocka_unit_test(test_embed__event_loop_example_cancels_from_a_callback),
        cmocka_unit_test(test_embed__readme_shows_the_example),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
