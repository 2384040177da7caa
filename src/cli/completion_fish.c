/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/commands.h"
#include "cli/completion.h"

/* __wfe_is step: the words before the cursor begin with this command. */
static const char head[] = "# fish completion for wfe, made by `wfe completion fish`\n"
                           "function __wfe_is\n"
                           "    set -l words (commandline -opc)\n"
                           "    set -l last (math (count $argv) + 1)\n"
                           "    test (count $words) -ge $last\n"
                           "    and test \"$words[2..$last]\" = \"$argv\"\n"
                           "end\n"
                           "function __wfe_has_words\n"
                           "    test (count (commandline -opc)) -eq $argv[1]\n"
                           "end\n"
                           "function __wfe_images\n"
                           "    timeout 2 wfe" WFE_COMPLETION_IMAGES "\n"
                           "end\n"
                           "function __wfe_runs\n"
                           "    timeout 2 wfe" WFE_COMPLETION_RUNS "\n"
                           "end\n"
                           "complete -c wfe -f\n";

static void write_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void write_words(FILE *out, size_t i)
{
    const wfe_command *command = wfe_commands[i];
    const char *second;
    size_t len = wfe_completion_words(command, &second);
    if (wfe_completion_begins_group(i)) {
        fprintf(out, "complete -c wfe -n '__wfe_has_words 1' -a %.*s -d ", (int)len, command->name);
        write_text(out, second ? "more commands" : command->summary);
        fputc('\n', out);
    }
    if (!second)
        return;
    fprintf(out, "complete -c wfe -n '__wfe_has_words 2; and __wfe_is %.*s' -a %s -d ", (int)len,
            command->name, second);
    write_text(out, command->summary);
    fputc('\n', out);
}

static void write_choice(FILE *out, const wfe_completion_choice *choice)
{
    if (choice->values[0])
        fprintf(out, " -a '%s'", choice->values);
    else if (choice->folder)
        fputs(" -a '(__fish_complete_directories)'", out);
    else if (choice->image)
        fputs(" -a '(__wfe_images)'", out);
    else if (choice->run)
        fputs(" -a '(__wfe_runs)'", out);
}

static void write_option(FILE *out, const wfe_command *command, const wfe_option *option)
{
    wfe_completion_choice choice;
    fprintf(out, "complete -c wfe -n '__wfe_is %s' -l %s", command->name, option->name);
    if (option->letter)
        fprintf(out, " -s %c", option->letter);
    fputs(" -d ", out);
    write_text(out, option->help);
    if (option->type != WFE_OPTION_FLAG) {
        wfe_completion_choose(option->argument, &choice);
        fputs(choice.file ? " -r -F" : " -x", out);
        write_choice(out, &choice);
    }
    fputc('\n', out);
}

void wfe_completion_fish(FILE *out)
{
    wfe_completion_choice choice;
    fputs(head, out);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        const wfe_command *command = wfe_commands[i];
        write_words(out, i);
        for (size_t k = 0; k < command->n_options; k++)
            write_option(out, command, &command->options[k]);
        fprintf(out, "complete -c wfe -n '__wfe_is %s' -l help -s h -d 'show the help'\n",
                command->name);
        wfe_completion_choose_operand(command, &choice);
        if (!choice.file && !choice.values[0] && !choice.image && !choice.run)
            continue;
        fprintf(out, "complete -c wfe -n '__wfe_is %s'%s", command->name, choice.file ? " -F" : "");
        write_choice(out, &choice);
        fputc('\n', out);
    }
}
