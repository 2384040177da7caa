/* SPDX-License-Identifier: Apache-2.0
 *
 * One table describes a command: its options, its help, its examples. Parsing, `--help`, the man
 * pages and the completions come from it, so that they cannot disagree.
 */
#ifndef WFE_CLI_OPTIONS_H
#define WFE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* What an option's argument is, and the type of the member it is stored in. */
enum wfe_option_type {
    WFE_OPTION_FLAG,     /* none; bool */
    WFE_OPTION_TEXT,     /* const char *, borrowed from argv */
    WFE_OPTION_LIST,     /* may be repeated; wfe_option_list */
    WFE_OPTION_DURATION, /* uint64_t, milliseconds, at least 1 */
    WFE_OPTION_BYTES,    /* uint64_t, at least 1 */
    WFE_OPTION_NUMBER,   /* uint64_t, 1 to 4,294,967,295 */
};

/* NULL-terminated; the texts are borrowed from argv, the array is freed by wfe_options_free. */
typedef struct wfe_option_list {
    const char **items;
    size_t len;
} wfe_option_list;

typedef struct wfe_option {
    const char *name; /* long name, without dashes */
    char letter;      /* short name, or 0 */
    enum wfe_option_type type;
    /* Its argument in the help, NULL for a flag: what may be given, separated by '|'. Words in
     * small letters are meant literally, FILE and DIR are paths of this machine. */
    const char *argument;
    const char *help; /* one sentence, no full stop */
    size_t offset;    /* of the member in the command's struct */
} wfe_option;

typedef struct wfe_command wfe_command;
struct wfe_command {
    const char *name; /* "step", "image ls" */
    /* What follows the name: "[OPTION...] FILE". Its last word tells what operands are, in the form
     * of an option's argument. */
    const char *usage;
    const char *summary;  /* one line */
    const char *details;  /* paragraphs for the help, may be NULL */
    const char *examples; /* lines, may be NULL */
    const wfe_option *options;
    size_t n_options;
    size_t struct_size;             /* of the struct the options are stored in */
    int min_operands, max_operands; /* max -1: any number */
    /* The first operand begins a command line of its own: what follows is no option of ours. */
    bool stops_at_operand;
    /* options points to the filled struct; gives the exit code. */
    int (*run)(const wfe_command *command, void *options, int argc, char **argv);
};

/* Parses argv (the words after the command's name) into target, an all-zero struct. What is left,
 * the operands, is moved to the front of argv; their number goes to *ret_operands. A "--" ends the
 * options, and so does the first operand of a command that stops there. *ret_help is set when
 * --help was given. INVALID, NOMEM. */
int wfe_options_parse(const wfe_command *command, int argc, char **argv, void *target,
                      int *ret_operands, bool *ret_help, wfe_error *err);
/* Frees the lists in target. */
void wfe_options_free(const wfe_command *command, void *target);
/* The help of a command: usage, options, examples. */
void wfe_options_help(const wfe_command *command, FILE *out);

#endif
