/* SPDX-License-Identifier: Apache-2.0
 *
 * Completion scripts made from the tables of options: one writer for each shell, and what they
 * share. The scripts hold everything but the names of images and runs, which `wfe image ls --quiet`
 * and `wfe runs --quiet` give.
 */
#ifndef WFE_CLI_COMPLETION_H
#define WFE_CLI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/options.h"

void wfe_completion_bash(FILE *out);
void wfe_completion_fish(FILE *out);
void wfe_completion_zsh(FILE *out);

/* What an argument may be, read from its text in the help ("none|host", "default|FILE", "IMAGE").
 */
typedef struct wfe_completion_choice {
    char values[128]; /* the literal words, separated by spaces */
    bool file;        /* a path of this machine */
    bool folder;
    bool image; /* one of containerd's */
    bool run;   /* a stored one */
} wfe_completion_choice;

void wfe_completion_choose(const char *argument, wfe_completion_choice *out);
/* A pipeline, for the text of a script, that prints the names of the images after the program's
 * name: in full and as docker shortens them. A daemon that hangs does not hang the shell. */
#define WFE_COMPLETION_IMAGES                                                                      \
    " image ls --quiet 2>/dev/null | sed -e p -e 's,^docker.io/library/,,' -e 's,^docker.io/,,'"

/* The same for the names of the newest runs. */
#define WFE_COMPLETION_RUNS " runs --quiet 2>/dev/null"
/* The same for the operands of a command: the last word of its usage, or the one before an optional
 * one. */
void wfe_completion_choose_operand(const wfe_command *command, wfe_completion_choice *out);

/* Does this command stand for its first word in a list of first words: "image" is there once. */
bool wfe_completion_begins_group(size_t index);
/* Length of a command's first word; the second one, NULL when there is none, to *ret_second. */
size_t wfe_completion_words(const wfe_command *command, const char **ret_second);

#endif
