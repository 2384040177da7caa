/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that a command makes: it appears whole or not at all. What is written goes to a temporary
 * file beside it; an interrupt removes that one. What exists and is no regular file (a pipe,
 * /dev/null) is written as it is.
 */
#ifndef WFE_CLI_REPLACE_FILE_H
#define WFE_CLI_REPLACE_FILE_H

#include <limits.h>

#include "base/error.h"

typedef struct wfe_replace_file {
    int fd;                   /* to write to; -1: closed */
    char target[PATH_MAX];    /* symbolic links followed */
    char temporary[PATH_MAX]; /* "" when target itself is written */
} wfe_replace_file;

/* One at a time in a process. SIGINT, SIGTERM and SIGHUP end the process from now on, with 130,
 * after removing the temporary file. */
int wfe_replace_file_open(const char *path, wfe_replace_file *out, wfe_error *err);
/* Puts the file in its place. */
int wfe_replace_file_commit(wfe_replace_file *file, wfe_error *err);
/* Removes what was not committed; harmless afterwards. */
void wfe_replace_file_done(wfe_replace_file *file);

#endif
