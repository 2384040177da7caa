/* SPDX-License-Identifier: Apache-2.0
 *
 * getopt_long is not used: its messages name neither what is allowed nor what was meant.
 */
#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytesize.h"
#include "base/duration.h"
#include "base/nearest.h"
#include "cli/environment.h"

#define HELP_COLUMN 32
#define OPTIONS_MAX 64

static const wfe_option *find_long(const wfe_command *command, const char *name, size_t len)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const wfe_option *option = &command->options[i];
        if (strlen(option->name) == len && strncmp(option->name, name, len) == 0)
            return option;
    }
    return NULL;
}

static const wfe_option *find_short(const wfe_command *command, char letter)
{
    for (size_t i = 0; i < command->n_options; i++) {
        if (letter && command->options[i].letter == letter)
            return &command->options[i];
    }
    return NULL;
}

static int unknown_option(const wfe_command *command, const char *word, wfe_error *err)
{
    const char *names[OPTIONS_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < command->n_options && n < OPTIONS_MAX; i++)
        names[n++] = command->options[i].name;
    names[n++] = "help";
    wfe_error_set(err, WFE_E_INVALID, "unknown option '%s'", word);
    const char *near = NULL;
    if (strncmp(word, "--", 2) == 0)
        near = wfe_nearest(word + 2, names, n);
    if (near)
        wfe_error_hint(err, "did you mean --%s? See wfe %s --help", near, command->name);
    else
        wfe_error_hint(err, "see wfe %s --help", command->name);
    return WFE_E_INVALID;
}

static int append(wfe_option_list *list, const char *value, wfe_error *err)
{
    const char **items = realloc(list->items, (list->len + 2) * sizeof *items);
    if (!items)
        return wfe_error_nomem(err);
    items[list->len++] = value;
    items[list->len] = NULL;
    list->items = items;
    return 0;
}

static int parse_number(const char *text, const char *what, uint64_t *out, wfe_error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value < 1 || value > UINT32_MAX)
        return wfe_error_set(err, WFE_E_INVALID,
                             "%s is '%s', must be a whole number from 1 to 4294967295", what, text);
    *out = value;
    return 0;
}

static int store(const wfe_option *option, const char *value, void *target, wfe_error *err)
{
    void *member = (char *)target + option->offset;
    char what[64];
    snprintf(what, sizeof what, "--%s", option->name);
    switch (option->type) {
    case WFE_OPTION_FLAG:
        *(bool *)member = true;
        return 0;
    case WFE_OPTION_TEXT:
        *(const char **)member = value;
        return 0;
    case WFE_OPTION_LIST:
        return append(member, value, err);
    case WFE_OPTION_DURATION:
        return wfe_duration_parse(value, what, 1, WFE_DURATION_MAX_MS, member, err);
    case WFE_OPTION_BYTES:
        return wfe_bytesize_parse(value, what, 1, (uint64_t)1 << 50, member, err);
    case WFE_OPTION_NUMBER:
        return parse_number(value, what, member, err);
    }
    return wfe_error_set(err, WFE_E_INTERNAL, "option %s has no type", what);
}

/* Takes the option's value from `inline_value` or the next word, and stores it. */
static int take(const wfe_option *option, const char *inline_value, int argc, char **argv, int *i,
                void *target, wfe_error *err)
{
    if (option->type == WFE_OPTION_FLAG) {
        if (inline_value)
            return wfe_error_set(err, WFE_E_INVALID, "--%s takes no argument, got '%s'",
                                 option->name, inline_value);
        return store(option, NULL, target, err);
    }
    const char *value = inline_value;
    if (!value && *i + 1 < argc)
        value = argv[++*i];
    if (!value)
        return wfe_error_set(err, WFE_E_INVALID, "--%s needs an argument: --%s %s", option->name,
                             option->name, option->argument);
    return store(option, value, target, err);
}

static int parse_long(const wfe_command *command, int argc, char **argv, int *i, void *target,
                      bool *help, wfe_error *err)
{
    const char *word = argv[*i];
    const char *name = word + 2;
    const char *eq = strchr(name, '=');
    size_t len = eq ? (size_t)(eq - name) : strlen(name);
    if (len == 4 && strncmp(name, "help", 4) == 0) {
        *help = true;
        return 0;
    }
    const wfe_option *option = find_long(command, name, len);
    if (!option)
        return unknown_option(command, word, err);
    return take(option, eq ? eq + 1 : NULL, argc, argv, i, target, err);
}

/* A word of short options: -it, -eK=V, -e K=V. */
static int parse_short(const wfe_command *command, int argc, char **argv, int *i, void *target,
                       bool *help, wfe_error *err)
{
    const char *word = argv[*i];
    for (const char *p = word + 1; *p; p++) {
        const wfe_option *option = find_short(command, *p);
        if (!option && *p == 'h') {
            *help = true;
            return 0;
        }
        if (!option)
            return unknown_option(command, word, err);
        if (option->type != WFE_OPTION_FLAG)
            return take(option, p[1] ? p + 1 : NULL, argc, argv, i, target, err);
        int rc = store(option, NULL, target, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int check_operands(const wfe_command *command, int n, wfe_error *err)
{
    if (n >= command->min_operands && (command->max_operands < 0 || n <= command->max_operands))
        return 0;
    wfe_error_set(err, WFE_E_INVALID, "wfe %s: %s", command->name,
                  n < command->min_operands ? "an operand is missing" : "too many operands");
    wfe_error_hint(err, "usage: wfe %s %s", command->name, command->usage);
    return WFE_E_INVALID;
}

int wfe_options_parse(const wfe_command *command, int argc, char **argv, void *target,
                      int *ret_operands, bool *ret_help, wfe_error *err)
{
    int operands = 0;
    bool help = false;
    for (int i = 0; i < argc && !help; i++) {
        int rc = 0;
        bool is_end = strcmp(argv[i], "--") == 0;
        bool is_option = !is_end && argv[i][0] == '-' && argv[i][1];
        if (is_end || (!is_option && command->stops_at_operand)) {
            for (i += is_end; i < argc; i++)
                argv[operands++] = argv[i];
        } else if (strncmp(argv[i], "--", 2) == 0) {
            rc = parse_long(command, argc, argv, &i, target, &help, err);
        } else if (argv[i][0] == '-' && argv[i][1]) {
            rc = parse_short(command, argc, argv, &i, target, &help, err);
        } else {
            argv[operands++] = argv[i];
        }
        if (rc)
            return rc;
    }
    *ret_help = help;
    *ret_operands = operands;
    return help ? 0 : check_operands(command, operands, err);
}

void wfe_options_free(const wfe_command *command, void *target)
{
    for (size_t i = 0; i < command->n_options; i++) {
        if (command->options[i].type == WFE_OPTION_LIST) {
            wfe_option_list *list = (void *)((char *)target + command->options[i].offset);
            free((void *)list->items);
        }
    }
}

static void help_option(const wfe_option *option, FILE *out)
{
    char left[64];
    int len = option->letter
                  ? snprintf(left, sizeof left, "  -%c, --%s", option->letter, option->name)
                  : snprintf(left, sizeof left, "      --%s", option->name);
    if (option->argument && len > 0)
        snprintf(left + len, sizeof left - (size_t)len, " %s", option->argument);
    if (strlen(left) >= HELP_COLUMN)
        fprintf(out, "%s\n%*s%s\n", left, HELP_COLUMN, "", option->help);
    else
        fprintf(out, "%-*s%s\n", HELP_COLUMN, left, option->help);
}

void wfe_options_help(const wfe_command *command, FILE *out)
{
    fprintf(out, "Usage: wfe %s %s\n\n%s\n", command->name, command->usage, command->summary);
    if (command->details)
        fprintf(out, "\n%s", command->details);
    fprintf(out, "\nOptions:\n");
    for (size_t i = 0; i < command->n_options; i++)
        help_option(&command->options[i], out);
    fprintf(out, "%-*s%s\n", HELP_COLUMN, "  -h, --help", "show this text");
    if (command->examples)
        fprintf(out, "\nExamples:\n%s", command->examples);
    if (wfe_command_connects(command)) {
        fprintf(out, "\nEnvironment, see wfe --help:\n");
        for (size_t i = 0; i < wfe_n_variables; i++)
            fprintf(out, "  %s\n", wfe_variables[i].name);
    }
}
