/* SPDX-License-Identifier: Apache-2.0
 *
 * The command: finds the named command, parses its options, runs it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/report.h"

static const wfe_command *const commands[] = {
#define COMMAND_ROW(name) &wfe_cmd_##name,
    WFE_COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void print_overview(FILE *out)
{
    fprintf(out, "Usage: wfe COMMAND [OPTION...]\n\n"
                 "Runs the steps of workflows as containers, straight over containerd's API.\n\n"
                 "Commands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-16s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\nSee wfe COMMAND --help for the options of a command.\n");
}

/* The command named by the first words, and how many words that took. */
static const wfe_command *find_command(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const char *name = commands[i]->name;
        const char *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
            continue;
        if (space && (argc < 2 || strcmp(argv[1], space + 1) != 0))
            continue;
        *ret_words = space ? 2 : 1;
        return commands[i];
    }
    return NULL;
}

/* "image" alone, or with a word that is none of its commands: list those there are. */
static bool print_group(const char *word)
{
    bool any = false;
    size_t len = strlen(word);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const char *name = commands[i]->name;
        if (strncmp(name, word, len) != 0 || name[len] != ' ')
            continue;
        if (!any)
            fprintf(stderr, "wfe: '%s' needs one of these commands:\n", word);
        fprintf(stderr, "  wfe %-16s %s\n", name, commands[i]->summary);
        any = true;
    }
    return any;
}

static int unknown_command(const char *word)
{
    if (print_group(word))
        return WFE_EXIT_USAGE;
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i]->name;
    const char *near = wfe_nearest(word, names, N_COMMANDS);
    fprintf(stderr, "wfe: there is no command '%s'\n", word);
    if (near)
        fprintf(stderr, "     did you mean wfe %s? See wfe --help\n", near);
    else
        fprintf(stderr, "     see wfe --help\n");
    return WFE_EXIT_USAGE;
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

int main(int argc, char **argv)
{
    /* A reader that went away is an error of write(2), reported like any other. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_overview(stderr);
        return WFE_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_overview(stdout);
        return wfe_report_flush(WFE_EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0)
        return run_command(&wfe_cmd_version, 0, argv + 2);
    int words = 0;
    const wfe_command *command = find_command(argc - 1, argv + 1, &words);
    if (!command)
        return unknown_command(argv[1]);
    return run_command(command, argc - 1 - words, argv + 1 + words);
}
