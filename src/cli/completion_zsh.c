/* SPDX-License-Identifier: Apache-2.0
 *
 * A function for each command, called by the one that finds which command it is.
 */
#include <string.h>

#include "cli/commands.h"
#include "cli/completion.h"

/* Inside '...' of an _arguments spec, where brackets and colons have a meaning. */
static void write_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", out);
        else if (*text == '[' || *text == ']' || *text == ':' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void write_action(FILE *out, const wfe_completion_choice *choice)
{
    if (choice->values[0] && choice->file)
        fprintf(out, "_alternative \"words\\:word\\:(%s)\" \"files\\:file\\:_files\"",
                choice->values);
    else if (choice->values[0])
        fprintf(out, "(%s)", choice->values);
    else if (choice->file)
        fputs("_files", out);
    else if (choice->folder)
        fputs("_files -/", out);
    else if (choice->image)
        fputs("_wfe__images", out);
    else if (choice->run)
        fputs("_wfe__runs", out);
    else
        fputc(' ', out);
}

static void write_option(FILE *out, const wfe_option *option)
{
    wfe_completion_choice choice;
    const char *mark = option->type == WFE_OPTION_LIST ? "*" : "";
    fputs("        ", out);
    if (option->letter && !*mark)
        fprintf(out, "'(-%c --%s)'", option->letter, option->name);
    if (*mark)
        fputs("'*'", out);
    /* "+" and "=": the argument may also be in the same word. */
    bool flag = option->type == WFE_OPTION_FLAG;
    if (option->letter)
        fprintf(out, "{-%c%s,--%s%s}", option->letter, flag ? "" : "+", option->name,
                flag ? "" : "=");
    else
        fprintf(out, "--%s%s", option->name, flag ? "" : "=");
    fputs("'[", out);
    write_text(out, option->help);
    fputc(']', out);
    if (!flag) {
        wfe_completion_choose(option->argument, &choice);
        fputc(':', out);
        write_text(out, option->argument);
        fputc(':', out);
        write_action(out, &choice);
    }
    fputs("' \\\n", out);
}

/* "image ls" as part of a function's name. */
static void write_name(FILE *out, const wfe_command *command)
{
    fputs("_wfe_", out);
    for (const char *p = command->name; *p; p++)
        fputc(*p == ' ' ? '_' : *p, out);
}

static void write_command(FILE *out, const wfe_command *command)
{
    wfe_completion_choice choice;
    write_name(out, command);
    fputs("() {\n    _arguments -s \\\n", out);
    for (size_t i = 0; i < command->n_options; i++)
        write_option(out, &command->options[i]);
    fputs("        '(- *)'{-h,--help}'[show the help]'", out);
    wfe_completion_choose_operand(command, &choice);
    if (command->max_operands) {
        fprintf(out, " \\\n        '%s:operand:", command->max_operands < 0 ? "*" : "");
        if (command->max_operands < 0 && !choice.values[0] && !choice.image && !choice.run)
            choice.file = true;
        write_action(out, &choice);
        fputc('\'', out);
    }
    fputs("\n}\n", out);
}

/* The words that can follow `prefix` ("" or "image "), with what they do. */
static void write_words(FILE *out, const char *prefix)
{
    const char *second;
    size_t prefix_len = strlen(prefix);
    fputs("        local -a words_here=(", out);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        const wfe_command *command = wfe_commands[i];
        size_t len = wfe_completion_words(command, &second);
        if (prefix_len && strncmp(command->name, prefix, prefix_len) != 0)
            continue;
        if (!prefix_len && !wfe_completion_begins_group(i))
            continue;
        if (prefix_len)
            fprintf(out, "'%s:", second);
        else
            fprintf(out, "'%.*s:", (int)len, command->name);
        write_text(out, second && !prefix_len ? "more commands" : command->summary);
        fputs("' ", out);
    }
    fputs(")\n        _describe command words_here\n", out);
}

static void write_group(FILE *out, size_t begin)
{
    char prefix[32];
    const char *second;
    size_t len = wfe_completion_words(wfe_commands[begin], &second);
    snprintf(prefix, sizeof prefix, "%.*s ", (int)len, wfe_commands[begin]->name);
    fprintf(out,
            "    %.*s)\n        if ((CURRENT > 2)); then\n            shift words\n"
            "            ((CURRENT--))\n            case $words[1] in\n",
            (int)len, wfe_commands[begin]->name);
    for (size_t i = begin; i < wfe_n_commands; i++) {
        if (strncmp(wfe_commands[i]->name, prefix, len + 1) != 0)
            continue;
        wfe_completion_words(wfe_commands[i], &second);
        fprintf(out, "            %s) ", second);
        write_name(out, wfe_commands[i]);
        fputs(" ;;\n", out);
    }
    fputs("            esac\n            return\n        fi\n", out);
    write_words(out, prefix);
    fputs("        ;;\n", out);
}

void wfe_completion_zsh(FILE *out)
{
    const char *second;
    fputs("#compdef wfe\n# zsh completion for wfe, made by `wfe completion zsh`\n"
          "_wfe__images() {\n"
          "    local -a names=(${(f)\"$(timeout 2 wfe" WFE_COMPLETION_IMAGES ")\"})\n"
          "    compadd -a names\n}\n"
          "_wfe__runs() {\n"
          "    local -a names=(${(f)\"$(timeout 2 wfe" WFE_COMPLETION_RUNS ")\"})\n"
          "    compadd -a names\n}\n",
          out);
    for (size_t i = 0; i < wfe_n_commands; i++)
        write_command(out, wfe_commands[i]);
    fputs("_wfe() {\n    if ((CURRENT == 2)); then\n", out);
    write_words(out, "");
    fputs("        return\n    fi\n    shift words\n    ((CURRENT--))\n    case $words[1] in\n",
          out);
    for (size_t i = 0; i < wfe_n_commands; i++) {
        wfe_completion_words(wfe_commands[i], &second);
        if (second && wfe_completion_begins_group(i)) {
            write_group(out, i);
        } else if (!second) {
            fprintf(out, "    %s) ", wfe_commands[i]->name);
            write_name(out, wfe_commands[i]);
            fputs(" ;;\n", out);
        }
    }
    fputs("    esac\n}\nif [[ $funcstack[1] == _wfe ]]; then\n    _wfe \"$@\"\nelse\n"
          "    compdef _wfe wfe\nfi\n",
          out);
}
