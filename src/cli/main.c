/* SPDX-License-Identifier: Apache-2.0
 *
 * The command: finds the named command, parses its options, runs it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/environment.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/report.h"

#define COMMANDS_MAX 64
#define NAME_SIZE 32

static void print_overview(FILE *out)
{
    fprintf(out, "Usage: wfe COMMAND [OPTION...]\n\n"
                 "Runs the steps of workflows as containers, straight over containerd's API.\n\n"
                 "Commands:\n");
    for (size_t i = 0; i < wfe_n_commands; i++)
        fprintf(out, "  %-16s %s\n", wfe_commands[i]->name, wfe_commands[i]->summary);
    fprintf(out, "\nEnvironment:\n");
    for (size_t i = 0; i < wfe_n_variables; i++)
        fprintf(out, "  %-22s %s\n", wfe_variables[i].name, wfe_variables[i].meaning);
    fprintf(out, "\nSee wfe COMMAND --help, or wfe help COMMAND, for the options of a command.\n");
}

/* The command named by the first words, and how many words that took. */
static const wfe_command *find_command(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < wfe_n_commands; i++) {
        const char *name = wfe_commands[i]->name;
        const char *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
            continue;
        if (space && (argc < 2 || strcmp(argv[1], space + 1) != 0))
            continue;
        *ret_words = space ? 2 : 1;
        return wfe_commands[i];
    }
    return NULL;
}

/* "image" alone, or with a word that is none of its commands: list those there are. */
static bool print_group(const char *word, const char *title, FILE *out)
{
    bool any = false;
    size_t len = strlen(word);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        const char *name = wfe_commands[i]->name;
        if (strncmp(name, word, len) != 0 || name[len] != ' ')
            continue;
        if (!any)
            fprintf(out, title, word);
        fprintf(out, "  wfe %-16s %s\n", name, wfe_commands[i]->summary);
        any = true;
    }
    return any;
}

/* The command of the group of the first word whose second word was meant; NULL. */
static const char *nearest_in_group(const char *word, const char *second)
{
    const char *words[COMMANDS_MAX] = {NULL}, *names[COMMANDS_MAX];
    size_t n = 0, len = strlen(word);
    for (size_t i = 0; i < wfe_n_commands && n < COMMANDS_MAX; i++) {
        const char *name = wfe_commands[i]->name;
        if (strncmp(name, word, len) != 0 || name[len] != ' ')
            continue;
        names[n] = name;
        words[n++] = name + len + 1;
    }
    const char *near = wfe_nearest(second, words, n);
    for (size_t i = 0; near && i < n; i++) {
        if (words[i] == near)
            return names[i];
    }
    return NULL;
}

/* The command, or the first word of several, that was meant; NULL. text has room for it. */
static const char *nearest_command(const char *word, const char *second, char text[NAME_SIZE])
{
    char first[COMMANDS_MAX][NAME_SIZE];
    const char *words[COMMANDS_MAX];
    size_t n = 0;
    for (; n < wfe_n_commands && n < COMMANDS_MAX; n++) {
        snprintf(first[n], NAME_SIZE, "%.*s", (int)strcspn(wfe_commands[n]->name, " "),
                 wfe_commands[n]->name);
        words[n] = first[n];
    }
    const char *near = wfe_nearest(word, words, n);
    if (!near)
        return NULL;
    snprintf(text, NAME_SIZE, "%s", near);
    const char *both = second ? nearest_in_group(text, second) : NULL;
    return both ? both : text;
}

/* second: the word after it, NULL when there is none. */
static int unknown_command(const char *word, const char *second)
{
    char text[NAME_SIZE];
    const char *near = second ? nearest_in_group(word, second) : NULL;
    if (near)
        fprintf(stderr, "wfe: there is no command '%s %s'\n", word, second);
    else if (print_group(word, "wfe: '%s' needs one of these commands:\n", stderr))
        return WFE_EXIT_USAGE;
    else
        fprintf(stderr, "wfe: there is no command '%s'\n", word);
    if (!near)
        near = nearest_command(word, second, text);
    if (near)
        fprintf(stderr, "     did you mean wfe %s? See wfe --help\n", near);
    else
        fprintf(stderr, "     see wfe --help\n");
    return WFE_EXIT_USAGE;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* wfe help [COMMAND] */
static int show_help(int argc, char **argv)
{
    int words = 0;
    const wfe_command *command = argc > 0 ? find_command(argc, argv, &words) : NULL;
    if (command)
        wfe_options_help(command, stdout);
    else if (argc == 0)
        print_overview(stdout);
    else if (argc > 1 || !print_group(argv[0], "Commands of wfe %s:\n", stdout))
        return unknown_command(argv[0], argc > 1 ? argv[1] : NULL);
    return wfe_report_flush(WFE_EXIT_OK);
}

static int run_command(const wfe_command *command, int argc, char **argv)
{
    wfe_error error = WFE_ERROR_INIT;
    bool help = false;
    int operands = 0;
    int code;
    void *options = calloc(1, command->struct_size ? command->struct_size : 1);
    if (!options) {
        wfe_error_nomem(&error);
        return wfe_report_error(&error);
    }
    if (wfe_options_parse(command, argc, argv, options, &operands, &help, &error)) {
        code = wfe_report_error(&error);
    } else if (help) {
        wfe_options_help(command, stdout);
        code = wfe_report_flush(WFE_EXIT_OK);
    } else {
        code = command->run(command, options, operands, argv);
    }
    wfe_options_free(command, options);
    free(options);
    return code;
}

/* A command started with its standard descriptors closed must not find its own files there. They
 * stay unusable: reading or writing them is an error, reported where it happens. */
static void open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    /* A reader that went away is an error of write(2), reported like any other. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_overview(stderr);
        return WFE_EXIT_USAGE;
    }
    if (strcmp(argv[1], "help") == 0)
        return show_help(argc - 2, argv + 2);
    if (is_help(argv[1]))
        return show_help(0, NULL);
    if (strcmp(argv[1], "--version") == 0)
        return run_command(&wfe_cmd_version, 0, argv + 2);
    int words = 0;
    const wfe_command *command = find_command(argc - 1, argv + 1, &words);
    if (!command && argc == 3 && is_help(argv[2])) /* wfe image --help */
        return show_help(1, argv + 1);
    if (!command)
        return unknown_command(argv[1], argc > 2 ? argv[2] : NULL);
    return run_command(command, argc - 1 - words, argv + 1 + words);
}
