/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static bool is_literal(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!islower((unsigned char)word[i]) && word[i] != '-')
            return false;
    }
    return len > 1;
}

/* The name, also as an operand that may be left out or repeated: "[IMAGE...]". */
static bool is_name(const char *word, size_t len, const char *name)
{
    if (len > 2 && word[0] == '[' && word[len - 1] == ']') {
        word++;
        len -= 2;
    }
    if (len > 3 && strncmp(word + len - 3, "...", 3) == 0)
        len -= 3;
    return len == strlen(name) && strncmp(word, name, len) == 0;
}

void wfe_completion_choose(const char *argument, wfe_completion_choice *out)
{
    *out = (wfe_completion_choice){0};
    for (const char *word = argument; word && *word;) {
        size_t len = strcspn(word, "|"), used = strlen(out->values);
        if (is_literal(word, len) && used + len + 2 <= sizeof out->values)
            snprintf(out->values + used, sizeof out->values - used, "%s%.*s", used ? " " : "",
                     (int)len, word);
        out->file |= len == 4 && strncmp(word, "FILE", 4) == 0;
        out->folder |= len == 3 && strncmp(word, "DIR", 3) == 0;
        out->image |= is_name(word, len, "IMAGE");
        out->run |= is_name(word, len, "RUN");
        word += len + (word[len] == '|');
    }
}

void wfe_completion_choose_operand(const wfe_command *command, wfe_completion_choice *out)
{
    char usage[256];
    snprintf(usage, sizeof usage, "%s", command->usage);
    char *last = strrchr(usage, ' ');
    *out = (wfe_completion_choice){0};
    /* "FILE [WORKFLOW]": the first one is what there is to complete. */
    if (command->max_operands == 2 && last && last[1] == '[') {
        *last = '\0';
        last = strrchr(usage, ' ');
    }
    if (command->max_operands)
        wfe_completion_choose(last ? last + 1 : usage, out);
}

size_t wfe_completion_words(const wfe_command *command, const char **ret_second)
{
    const char *space = strchr(command->name, ' ');
    *ret_second = space ? space + 1 : NULL;
    return space ? (size_t)(space - command->name) : strlen(command->name);
}

bool wfe_completion_begins_group(size_t index)
{
    const char *second;
    size_t len = wfe_completion_words(wfe_commands[index], &second);
    for (size_t i = 0; i < index; i++) {
        size_t other = wfe_completion_words(wfe_commands[i], &second);
        if (other == len && strncmp(wfe_commands[i]->name, wfe_commands[index]->name, len) == 0)
            return false;
    }
    return true;
}
