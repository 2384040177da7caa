/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing of the bash-completion package is used. bash splits words at '=' and ':'
 * (COMP_WORDBREAKS), so that --network=no and busybox:1 come as three; it replaces the last of them
 * only.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/completion.h"

static const char head[] =
    "# bash completion for wfe, made by `wfe completion bash`\n"
    "_wfe() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command='' options='' values='' paths='' argument='' ended='' i\n"
    "    local at=$COMP_CWORD word=$cur\n"
    "    while ((at > 1)) && [[ ${COMP_WORDS[at]} == : || ${COMP_WORDS[at-1]} == : ]]; do\n"
    "        word=${COMP_WORDS[--at]}$word\n"
    "    done\n"
    "    prev=${COMP_WORDS[at-1]}\n"
    "    if [[ $cur == '=' ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == '=' ]]; then\n"
    "        prev=${COMP_WORDS[at-2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        [[ ${COMP_WORDS[i]} == -- ]] && ended=1\n"
    "    done\n";

static const char tail[] =
    "    esac\n"
    "    if [[ $ended ]]; then\n"
    "        values='' paths=file\n"
    "    elif [[ ! $argument && $cur == -* ]]; then\n"
    "        values=$options paths=''\n"
    "    fi\n"
    "    mapfile -t COMPREPLY < <(\n"
    "        compgen -W \"$values\" -- \"$cur\"\n"
    "        [[ $paths == file ]] && compgen -f -- \"$cur\"\n"
    "        [[ $paths == folder ]] && compgen -d -- \"$cur\"\n"
    "    )\n"
    "    if [[ $paths == image ]]; then\n"
    "        values=$(timeout 2 \"${COMP_WORDS[0]}\"" WFE_COMPLETION_IMAGES ")\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$word\")\n"
    "        COMPREPLY=(\"${COMPREPLY[@]#\"${word%\"$cur\"}\"}\")\n"
    "    elif [[ $paths == run ]]; then\n"
    "        values=$(timeout 2 \"${COMP_WORDS[0]}\"" WFE_COMPLETION_RUNS ")\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\")\n"
    "    elif [[ $paths ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "    fi\n"
    "    return 0\n"
    "}\n"
    "complete -F _wfe wfe\n";

/* The words before the cursor that name the command: one, or two for those of a group. */
static void write_command_finder(FILE *out)
{
    const char *second;
    bool first = true;
    fprintf(out, "    for ((i = 1; i < COMP_CWORD && i < 3; i++)); do\n"
                 "        [[ ${COMP_WORDS[i]} == -* ]] && break\n"
                 "        command=${command:+$command }${COMP_WORDS[i]}\n"
                 "        case $command in\n        ");
    for (size_t i = 0; i < wfe_n_commands; i++) {
        size_t len = wfe_completion_words(wfe_commands[i], &second);
        if (!second || !wfe_completion_begins_group(i))
            continue;
        fprintf(out, "%s%.*s", first ? "" : " | ", (int)len, wfe_commands[i]->name);
        first = false;
    }
    fprintf(out, ") ;;\n        *) break ;;\n        esac\n    done\n    case $command in\n");
}

static void write_first_words(FILE *out)
{
    const char *second;
    fprintf(out, "    '')\n        options='--help --version'\n        values='");
    for (size_t i = 0; i < wfe_n_commands; i++) {
        size_t len = wfe_completion_words(wfe_commands[i], &second);
        if (wfe_completion_begins_group(i))
            fprintf(out, "%.*s ", (int)len, wfe_commands[i]->name);
    }
    fprintf(out, "help' ;;\n");
}

static void write_group(FILE *out, size_t begin)
{
    const char *second;
    size_t len = wfe_completion_words(wfe_commands[begin], &second);
    fprintf(out, "    %.*s) values='", (int)len, wfe_commands[begin]->name);
    for (size_t i = begin; i < wfe_n_commands; i++) {
        size_t other = wfe_completion_words(wfe_commands[i], &second);
        if (second && other == len &&
            strncmp(wfe_commands[i]->name, wfe_commands[begin]->name, len) == 0)
            fprintf(out, "%s%s", i == begin ? "" : " ", second);
    }
    fprintf(out, "' ;;\n");
}

static void write_choice(FILE *out, const wfe_completion_choice *choice)
{
    fprintf(out, "values='%s' paths=%s ;;\n", choice->values,
            choice->file     ? "file"
            : choice->folder ? "folder"
            : choice->image  ? "image"
            : choice->run    ? "run"
                             : "''");
}

static void write_command(FILE *out, const wfe_command *command)
{
    wfe_completion_choice choice;
    fprintf(out, "    '%s')\n        options='", command->name);
    for (size_t i = 0; i < command->n_options; i++)
        fprintf(out, "--%s ", command->options[i].name);
    fprintf(out, "--help'\n        case $prev in\n");
    for (size_t i = 0; i < command->n_options; i++) {
        const wfe_option *option = &command->options[i];
        if (option->type == WFE_OPTION_FLAG)
            continue;
        fprintf(out, "        --%s", option->name);
        if (option->letter)
            fprintf(out, " | -%c", option->letter);
        wfe_completion_choose(option->argument, &choice);
        fprintf(out, ") argument=1 ");
        write_choice(out, &choice);
    }
    wfe_completion_choose_operand(command, &choice);
    fprintf(out, "        *) ");
    write_choice(out, &choice);
    fprintf(out, "        esac ;;\n");
}

void wfe_completion_bash(FILE *out)
{
    const char *second;
    fputs(head, out);
    write_command_finder(out);
    write_first_words(out);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        wfe_completion_words(wfe_commands[i], &second);
        if (second && wfe_completion_begins_group(i))
            write_group(out, i);
        write_command(out, wfe_commands[i]);
    }
    fputs(tail, out);
}
