/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the man pages, wfe.1 and one for each command, and the completion scripts, from the tables
 * that the command itself parses and prints: write-manual FOLDER. It belongs to the build and is
 * not installed.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <wfe/client.h>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/environment.h"

#define NAME_SIZE 64

/* Text of a roff document: what would be a request, an escape or a hyphen is none. */
static void text(FILE *out, const char *s)
{
    bool line_begins = true;
    for (; *s; s++) {
        if (line_begins && (*s == '.' || *s == '\''))
            fputs("\\&", out);
        if (*s == '\\')
            fputs("\\e", out);
        else if (*s == '-')
            fputs("\\-", out);
        else
            fputc(*s, out);
        line_begins = *s == '\n';
    }
}

static void upper(FILE *out, const char *s)
{
    for (; *s; s++)
        fputc(toupper((unsigned char)*s), out);
}

/* "image ls" is described in wfe-image-ls(1). */
static void page_name(const wfe_command *command, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "wfe-%s", command->name);
    for (char *p = out; *p; p++)
        *p = *p == ' ' ? '-' : *p;
}

static void begin(FILE *out, const char *page, const char *summary)
{
    fputs(".TH ", out);
    upper(out, page);
    fprintf(out, " 1 \"\" \"wfe %s\" \"User Commands\"\n.SH NAME\n", wfe_version());
    text(out, page);
    fputs(" \\- ", out);
    text(out, summary);
    fputs("\n", out);
}

static void option_page(FILE *out, const wfe_option *option)
{
    fputs(".TP\n\\fB", out);
    if (option->letter)
        fprintf(out, "\\-%c\\fR, \\fB", option->letter);
    fputs("\\-\\-", out);
    text(out, option->name);
    fputs("\\fR", out);
    if (option->argument) {
        fputs(" \\fI", out);
        text(out, option->argument);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    text(out, option->help);
    fputs(".\n", out);
}

static void options_page(FILE *out, const wfe_command *command)
{
    static const wfe_option help = {.name = "help", .letter = 'h', .help = "show the help"};
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; i < command->n_options; i++)
        option_page(out, &command->options[i]);
    option_page(out, &help);
}

static void examples_page(FILE *out, const char *examples)
{
    fputs(".SH EXAMPLES\n.nf\n", out);
    text(out, examples);
    fputs(".fi\n", out);
}

static void environment_page(FILE *out)
{
    fputs(".SH ENVIRONMENT\n", out);
    for (size_t i = 0; i < wfe_n_variables; i++) {
        fputs(".TP\n\\fB", out);
        text(out, wfe_variables[i].name);
        fputs("\\fR\n", out);
        text(out, wfe_variables[i].meaning);
        fputs(".\n", out);
    }
}

static void command_page(FILE *out, const wfe_command *command)
{
    char page[NAME_SIZE];
    page_name(command, page);
    begin(out, page, command->summary);
    fputs(".SH SYNOPSIS\n\\fBwfe ", out);
    text(out, command->name);
    fputs("\\fR ", out);
    text(out, command->usage);
    fputs("\n", out);
    if (command->details) {
        fputs(".SH DESCRIPTION\n", out);
        text(out, command->details);
    }
    options_page(out, command);
    if (wfe_command_connects(command))
        environment_page(out);
    if (command->examples)
        examples_page(out, command->examples);
    fputs(".SH SEE ALSO\n\\fBwfe\\fR(1)\n", out);
}

static const struct {
    const char *code;
    const char *meaning;
} exit_codes[] = {
    {"0", "all went well"},
    {"1", "a run failed"},
    {"2", "wrong usage, an invalid argument or file"},
    {"124", "the timeout of the step or run passed"},
    {"125", "wfe, containerd or a registry failed"},
    {"126", "the step's command cannot be executed"},
    {"127", "the step's command is not in the image"},
    {"130", "interrupted"},
    {"137", "the step's command was killed; that it ran out of memory is said in words"},
};

static void exit_status_page(FILE *out)
{
    fputs(".SH EXIT STATUS\n\\fBwfe step\\fR exits with the exit code of its command. "
          "The others are:\n",
          out);
    for (size_t i = 0; i < sizeof exit_codes / sizeof *exit_codes; i++) {
        fprintf(out, ".TP\n\\fB%s\\fR\n", exit_codes[i].code);
        text(out, exit_codes[i].meaning);
        fputs(".\n", out);
    }
}

static void overview_page(FILE *out)
{
    char page[NAME_SIZE];
    begin(out, "wfe", "run the steps of workflows as containers");
    fputs(".SH SYNOPSIS\n\\fBwfe\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n"
          ".SH DESCRIPTION\nRuns commands in containers by talking to containerd itself.\n"
          ".SH COMMANDS\n",
          out);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        page_name(wfe_commands[i], page);
        fputs(".TP\n\\fB", out);
        text(out, page);
        fputs("\\fR(1)\n", out);
        text(out, wfe_commands[i]->summary);
        fputs(".\n", out);
    }
    exit_status_page(out);
    environment_page(out);
}

/* "image" of "image ls"; empty for a command of one word. */
static void group_of(const wfe_command *command, char out[NAME_SIZE])
{
    const char *space = strchr(command->name, ' ');
    snprintf(out, NAME_SIZE, "%.*s", space ? (int)(space - command->name) : 0, command->name);
}

static void group_page(FILE *out, const char *group)
{
    char page[NAME_SIZE], other[NAME_SIZE];
    snprintf(page, sizeof page, "wfe-%s", group);
    begin(out, page, "a group of commands");
    fputs(".SH SYNOPSIS\n\\fBwfe ", out);
    text(out, group);
    fputs("\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS\n", out);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        group_of(wfe_commands[i], other);
        if (strcmp(group, other) != 0)
            continue;
        page_name(wfe_commands[i], page);
        fputs(".TP\n\\fB", out);
        text(out, page);
        fputs("\\fR(1)\n", out);
        text(out, wfe_commands[i]->summary);
        fputs(".\n", out);
    }
    fputs(".SH SEE ALSO\n\\fBwfe\\fR(1)\n", out);
}

static FILE *open_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    if (!out)
        fprintf(stderr, "write-manual: cannot write %s: %s\n", path, strerror(errno));
    return out;
}

static int close_file(FILE *out)
{
    int failed = ferror(out);
    if (!fclose(out) && !failed)
        return 0;
    fprintf(stderr, "write-manual: cannot write: %s\n", strerror(errno));
    return 1;
}

/* The page of a command, or the overview for NULL. */
static int write_page(const char *folder, const wfe_command *command)
{
    char page[NAME_SIZE] = "wfe", name[NAME_SIZE + 8];
    if (command)
        page_name(command, page);
    snprintf(name, sizeof name, "man1/%s.1", page);
    FILE *out = open_file(folder, name);
    if (!out)
        return 1;
    if (command)
        command_page(out, command);
    else
        overview_page(out);
    return close_file(out);
}

/* The page of the group whose first command this is; nothing for another one. */
static int write_group_page(const char *folder, size_t index)
{
    char group[NAME_SIZE], before[NAME_SIZE] = "", name[NAME_SIZE + 16];
    group_of(wfe_commands[index], group);
    if (index)
        group_of(wfe_commands[index - 1], before);
    if (!group[0] || strcmp(group, before) == 0)
        return 0;
    snprintf(name, sizeof name, "man1/wfe-%s.1", group);
    FILE *out = open_file(folder, name);
    if (!out)
        return 1;
    group_page(out, group);
    return close_file(out);
}

static int write_completion(const char *folder, const char *name, void (*write)(FILE *out))
{
    FILE *out = open_file(folder, name);
    if (!out)
        return 1;
    write(out);
    return close_file(out);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: write-manual FOLDER\n");
        return 2;
    }
    int rc = write_page(argv[1], NULL);
    for (size_t i = 0; !rc && i < wfe_n_commands; i++) {
        rc = write_page(argv[1], wfe_commands[i]);
        if (!rc)
            rc = write_group_page(argv[1], i);
    }
    if (!rc)
        rc = write_completion(argv[1], "wfe", wfe_completion_bash);
    if (!rc)
        rc = write_completion(argv[1], "_wfe", wfe_completion_zsh);
    if (!rc)
        rc = write_completion(argv[1], "wfe.fish", wfe_completion_fish);
    return rc;
}
