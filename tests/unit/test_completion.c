/* SPDX-License-Identifier: Apache-2.0
 *
 * The completion scripts and man pages of this build: every command and option is in them, the
 * shells that are installed accept them, and bash completes what it should.
 */
#include "cli/completion.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/commands.h"
#include "fixtures/wfe_assert.h"

static char folder[] = "/tmp/wfe-completion-XXXXXX";

static const struct {
    const char *name;
    void (*write)(FILE *out);
} shells[] = {
    {"bash", wfe_completion_bash},
    {"zsh", wfe_completion_zsh},
    {"fish", wfe_completion_fish},
};

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder))
        return -1;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        FILE *out = fopen(shells[i].name, "w");
        if (!out)
            return -1;
        shells[i].write(out);
        if (fclose(out))
            return -1;
    }
    /* A wfe that knows two images and two runs. */
    return system("mkdir files files/folder && touch files/archive.tar 'files/two words' && "
                  "printf '#!/bin/sh\\n"
                  "test \"$*\" = \"runs --quiet\" && echo build-2 && echo build-1\\n"
                  "test \"$*\" = \"image ls --quiet\" && echo "
                  "docker.io/library/busybox:1 && echo localhost:5000/app:2\\n' >wfe && "
                  "chmod +x wfe");
}

static int teardown(void **state)
{
    (void)state;
    return wfe_fd_remove_tree(folder, NULL);
}

static char *read_text(const char *path)
{
    wfe_buf text = WFE_BUF_INIT(1024 * 1024);
    wfe_error err = WFE_ERROR_INIT;
    assert_ok(wfe_fd_read_file(path, 512 * 1024, &text, &err), &err);
    assert_non_null(text.data);
    return text.data;
}

static void test_completion__reads_what_arguments_may_be(void **state)
{
    (void)state;
    wfe_completion_choice choice;
    wfe_completion_choose("none|host", &choice);
    assert_string_equal(choice.values, "none host");
    assert_false(choice.file || choice.folder);
    wfe_completion_choose("default|FILE", &choice);
    assert_string_equal(choice.values, "default");
    assert_true(choice.file);
    wfe_completion_choose("DIR", &choice);
    assert_true(choice.folder && !choice.file && !choice.values[0]);
    static const char *const plain[] = {
        "KEY=VALUE", "SRC:DST[:ro]", "[OPTION...]", "DIR[:OPTIONS]", "NAME", "", "-", "[--json]"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        wfe_completion_choose(plain[i], &choice);
        assert_true(!choice.values[0] && !choice.file && !choice.folder && !choice.image &&
                    !choice.run);
    }
    static const char *const runs[] = {"RUN", "RUN..."};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        wfe_completion_choose(runs[i], &choice);
        assert_true(choice.run && !choice.image && !choice.file);
    }
    static const char *const images[] = {"IMAGE", "IMAGE...", "[IMAGE...]"};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        wfe_completion_choose(images[i], &choice);
        assert_true(choice.image && !choice.values[0] && !choice.file && !choice.folder);
    }
    wfe_completion_choose(NULL, &choice);
    assert_string_equal(choice.values, "");
}

static void test_completion__has_every_command_and_option(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof shells / sizeof *shells; s++) {
        char *text = read_text(shells[s].name);
        for (size_t i = 0; i < wfe_n_commands; i++) {
            const char *second;
            wfe_completion_words(wfe_commands[i], &second);
            assert_contains(text, second ? second : wfe_commands[i]->name);
            for (size_t k = 0; k < wfe_commands[i]->n_options; k++) {
                char word[64];
                snprintf(word, sizeof word, "%s%s", strcmp(shells[s].name, "fish") ? "--" : "-l ",
                         wfe_commands[i]->options[k].name);
                assert_contains(text, word);
            }
        }
        free(text);
    }
}

static void test_completion__is_accepted_by_the_shells(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s -n %s", shells[i].name, shells[i].name);
        if (system(line) != 0)
            fail_msg("%s does not accept its script", shells[i].name);
    }
}

/* What bash offers behind this line, one word a line; '|' stands for the cursor's word to be
 * completed when that is empty. */
static const char *complete_in_bash(const char *line)
{
    static char said[8192];
    char command[1024];
    snprintf(command, sizeof command,
             "cd files && PATH=..:$PATH bash -c 'source ../bash; COMP_WORDS=(\"$@\"); "
             "COMP_CWORD=$(($# - 1)); "
             "_wfe && printf \"%%s\\n\" \"${COMPREPLY[@]}\"' - %s",
             line);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    if (pclose(pipe) != 0)
        fail_msg("failed: %s", command);
    return said;
}

static void assert_completes(const char *line, const char *wanted)
{
    const char *said = complete_in_bash(line);
    if (strcmp(said, wanted) != 0)
        fail_msg("%s gave '%s', wanted '%s'", line, said, wanted);
}

static void test_completion__completes_commands_in_bash(void **state)
{
    (void)state;
    assert_completes("wfe st", "step\n");
    assert_completes("wfe im", "image\n");
    assert_completes("wfe image ''", "ls\ninspect\nimport\nexport\nrm\n");
    assert_completes("wfe daemon st", "start\nstop\nstatus\n");
    assert_completes("wfe completion z", "zsh\n");
    assert_completes("wfe --v", "--version\n");
    assert_contains(complete_in_bash("wfe ''"), "doctor\n");
}

static void test_completion__completes_options_in_bash(void **state)
{
    (void)state;
    assert_completes("wfe step --netw", "--network\n");
    assert_completes("wfe step -i busybox --read", "--read-only\n");
    assert_completes("wfe image ls --js", "--json\n");
    assert_completes("wfe daemon stop --f", "--force\n");
    assert_completes("wfe image ls --netw", "\n");
}

static void test_completion__completes_arguments_in_bash(void **state)
{
    (void)state;
    assert_completes("wfe step --network ''", "none\nhost\n");
    assert_completes("wfe step --network h", "host\n");
    assert_completes("wfe step --network =", "none\nhost\n");
    assert_completes("wfe step --network = n", "none\n");
    assert_completes("wfe step --seccomp un", "unconfined\n");
    assert_completes("wfe step --seccomp ar", "archive.tar\n");
    assert_completes("wfe step --env -", "\n");
    assert_completes("wfe daemon start --binaries ''", "folder\n");
    assert_completes("wfe image import a", "archive.tar\n");
    assert_completes("wfe image import tw", "two words\n");
    assert_completes("wfe step -i x -- a", "archive.tar\n");
    assert_completes("wfe step -i x -- --netw", "\n");
}

static void test_completion__completes_images_in_bash(void **state)
{
    (void)state;
    assert_completes("wfe image rm ''", "docker.io/library/busybox:1\nbusybox:1\n"
                                        "localhost:5000/app:2\nlocalhost:5000/app:2\n");
    assert_completes("wfe image rm bu", "busybox:1\n");
    assert_completes("wfe image inspect busybox : ''", "1\n");
    assert_completes("wfe image ls localhost : 5000/a", "5000/app:2\n5000/app:2\n");
    assert_completes("wfe image export -o x busybox:1 docker.io/l",
                     "docker.io/library/busybox:1\n");
    assert_completes("wfe image export -o arch", "archive.tar\n");
    assert_completes("wfe step --image b", "busybox:1\n");
    assert_completes("wfe step --image = busybox :", ":1\n");
    assert_completes("wfe step -i busybox : 1", "1\n");
    assert_completes("wfe image rm nosuch", "\n");
    assert_completes("wfe show bu", "build-2\nbuild-1\n");
    assert_completes("wfe logs ''", "build-2\nbuild-1\n");
    assert_completes("wfe rm build-1 build-2", "build-2\n");
}

static void test_completion__completes_in_fish(void **state)
{
    (void)state;
    assert_int_equal(
        system("HOME=$PWD fish -c '"
               "source fish; complete -C \"wfe step --network \"; complete -C \"wfe image l\"; "
               "complete -C \"wfe completion z\"' | cut -f1 >said && "
               "cat said >&2 && test \"$(echo $(sort said))\" = \"host ls none zsh\""),
        0);
}

/* ---- man pages ---- */

static char *read_page(const wfe_command *command)
{
    char path[512];
    snprintf(path, sizeof path, WFE_BUILD_DIR "/manual/man1/wfe-%s.1", command->name);
    for (char *p = strrchr(path, '/'); *p; p++)
        *p = *p == ' ' ? '-' : *p;
    return read_text(path);
}

/* As it is written in roff. */
static void escape(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *name && n + 3 < size; name++) {
        if (*name == '-')
            out[n++] = '\\';
        out[n++] = *name;
    }
    out[n] = '\0';
}

static void test_completion__man_pages_have_every_option(void **state)
{
    (void)state;
    char *overview = read_text(WFE_BUILD_DIR "/manual/man1/wfe.1");
    for (size_t i = 0; i < wfe_n_commands; i++) {
        char *page = read_page(wfe_commands[i]);
        assert_contains(page, wfe_commands[i]->summary);
        assert_contains(overview, wfe_commands[i]->summary);
        for (size_t k = 0; k < wfe_commands[i]->n_options; k++) {
            char name[64], wanted[80];
            escape(wfe_commands[i]->options[k].name, name, sizeof name);
            snprintf(wanted, sizeof wanted, "\\-\\-%s\\fR", name);
            assert_contains(page, wanted);
        }
        free(page);
    }
    free(overview);
}

static void test_completion__groups_have_a_man_page(void **state)
{
    (void)state;
    char *image = read_text(WFE_BUILD_DIR "/manual/man1/wfe-image.1");
    char *daemon = read_text(WFE_BUILD_DIR "/manual/man1/wfe-daemon.1");
    assert_contains(image, "wfe\\-image\\-ls\\fR(1)");
    assert_null(strstr(image, "daemon"));
    assert_contains(daemon, "wfe\\-daemon\\-start\\fR(1)");
    free(image);
    free(daemon);
}

static void test_completion__man_pages_are_clean(void **state)
{
    (void)state;
    /* groff says on stderr what it does not understand. */
    assert_int_equal(
        system("for page in '" WFE_BUILD_DIR
               "'/manual/man1/*.1; do groff -man -ww -Tutf8 -z $page 2>&1; done >said; "
               "cat said >&2; test ! -s said"),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_completion__reads_what_arguments_may_be),
        cmocka_unit_test(test_completion__has_every_command_and_option),
        cmocka_unit_test(test_completion__is_accepted_by_the_shells),
        cmocka_unit_test(test_completion__completes_commands_in_bash),
        cmocka_unit_test(test_completion__completes_options_in_bash),
        cmocka_unit_test(test_completion__completes_arguments_in_bash),
        cmocka_unit_test(test_completion__completes_images_in_bash),
        cmocka_unit_test(test_completion__completes_in_fish),
        cmocka_unit_test(test_completion__man_pages_have_every_option),
        cmocka_unit_test(test_completion__groups_have_a_man_page),
        cmocka_unit_test(test_completion__man_pages_are_clean),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
